package warninglist

import (
	"iter"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// each yields lists as a store does.
func each(ls ...ioc.Warninglist) iter.Seq2[ioc.Warninglist, error] {
	return func(yield func(ioc.Warninglist, error) bool) {
		for _, l := range ls {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// mustCompile compiles lists of which nothing may be refused.
func mustCompile(t testing.TB, ls ...ioc.Warninglist) *Matcher {
	t.Helper()
	m, refused, err := Compile(each(ls...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
	return m
}
