package match

import (
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
}

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
