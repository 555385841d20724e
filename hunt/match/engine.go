package match

import (
	"errors"
	"fmt"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Searcher is a way to search for what a Set holds. All of them find the same,
// but for "ac"; they differ in speed.
type Searcher interface {
	Append(dst []Match, data []byte) []Match
	Observable(id uint32) ioc.Observable
	Len() int
	Err() error // what stopped a search, see Set.Err
}

// engines makes the searchers by name, in the order in which they are told.
var engines = []struct {
	name string
	make func(s *Set) (Searcher, error)
}{
	{"auto", func(s *Set) (Searcher, error) { return s, nil }},
	{"avx2", func(s *Set) (Searcher, error) {
		if kernelName != "avx2" {
			return nil, errors.New("engine avx2: this processor has no AVX2; auto takes the portable one")
		}
		return s, nil
	}},
	{"portable", func(s *Set) (Searcher, error) { return variant{s, classifyPortable}, nil }},
	{"scalar", func(s *Set) (Searcher, error) { return variant{s, nil}, nil }},
	{"ac", func(s *Set) (Searcher, error) { return newLiterals(s) }},
}

// variant is a set that is searched in another way than the fastest: with another
// kernel, or with none. The latter looks at every token with the judge's eyes. It
// is what the sweep is held to.
type variant struct {
	*Set
	kernel func([]bitmap, []byte)
}

// Append is that of Set.
func (v variant) Append(dst []Match, data []byte) []Match {
	if v.n == 0 || len(data) == 0 {
		return dst
	}
	return v.guard(dst, data, v.scan)
}

func (v variant) scan(dst []Match, data []byte) []Match { return v.scanWith(dst, data, v.kernel) }

// Engines names the engines that Engine knows.
func Engines() (names []string) {
	for _, e := range engines {
		names = append(names, e.name)
	}
	return names
}

// Engine returns a searcher for s by its name, "auto" for the fastest that
// the processor has.
func (s *Set) Engine(name string) (Searcher, error) {
	for _, e := range engines {
		if e.name == name {
			return e.make(s)
		}
	}
	return nil, fmt.Errorf("no engine %q; there are %s", name, strings.Join(Engines(), ", "))
}
