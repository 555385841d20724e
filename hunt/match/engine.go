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
	{"avx512", withKernel("avx512")},
	{"avx2", withKernel("avx2")},
	{"portable", withKernel("portable")},
	{"scalar", func(s *Set) (Searcher, error) { return variant{s, nil}, nil }},
	{"ac", func(s *Set) (Searcher, error) { return newLiterals(s) }},
}

// withKernel makes searchers whose sweep works with the kernel of that name.
func withKernel(name string) func(*Set) (Searcher, error) {
	return func(s *Set) (Searcher, error) {
		for _, k := range kernels() {
			if k.name == name {
				return variant{s, &k}, nil
			}
		}
		return nil, fmt.Errorf("engine %s: %w", name, ErrNoKernel)
	}
}

// ErrNoKernel is returned by Engine for one that this processor cannot run.
var ErrNoKernel = errors.New("this processor cannot run it; auto takes the fastest that it can")

// variant is a set that is searched in another way than the fastest: with another
// kernel, or with none. The latter looks at every token with the judge's eyes. It
// is what the sweep is held to.
type variant struct {
	*Set
	how *kernel
}

// Append is that of Set.
func (v variant) Append(dst []Match, data []byte) []Match {
	if v.n == 0 || len(data) == 0 {
		return dst
	}
	return v.guard(dst, data, v.scan)
}

func (v variant) scan(dst []Match, data []byte) []Match { return v.scanWith(dst, data, v.how) }

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
