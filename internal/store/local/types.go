package local

import (
	"slices"
	"sync"

	"github.com/iochunt/iochunt/internal/ioc"
)

// firstUnknown is the code of the first type that the vocabulary has no row
// for. Such a type keeps its code when a later program knows it.
const firstUnknown = 1000

// types gives types their codes in the file.
type types struct {
	codes map[ioc.Type]int64
	names map[int64]ioc.Type
	next  int64
}

func loadTypes(q querier) (*types, error) {
	ts := &types{codes: map[ioc.Type]int64{}, names: map[int64]ioc.Type{}, next: firstUnknown}
	for _, r := range ioc.Types() {
		ts.set(int64(r.Code), r.Type)
	}
	err := each(q, "SELECT code, name FROM type", nil, func(row scanner) error {
		var code int64
		var name ioc.Type
		if err := row(&code, &name); err != nil {
			return err
		}
		ts.set(code, name)
		ts.next = max(ts.next, code+1)
		return nil
	})
	return ts, err
}

func (ts *types) set(code int64, name ioc.Type) {
	ts.codes[name] = code
	ts.names[code] = name
}

// code returns the code of a type, a new one for a type never seen.
func (ts *types) code(t *tx, name ioc.Type) (int64, error) {
	if c, ok := ts.codes[name]; ok {
		return c, nil
	}
	c := ts.next
	ts.next++
	ts.set(c, name)
	return c, t.exec("INSERT INTO type(code, name) VALUES (?, ?)", c, string(name))
}

// some returns the codes of those of the types that the file has.
func (ts *types) some(names []ioc.Type) []int64 {
	var codes []int64
	for _, n := range names {
		if c, ok := ts.codes[n]; ok {
			codes = append(codes, c)
		}
	}
	return codes
}

// huntable returns the codes of the types that can stand in a log.
func (ts *types) huntable() []int64 {
	var codes []int64
	for code, name := range ts.names {
		if name.Huntable() {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// typeCache remembers codes, which never change, between look-ups.
type typeCache struct {
	mu    sync.Mutex
	known *types
}

// code returns the code of a type; the file is asked when it is not known yet.
func (c *typeCache) code(name ioc.Type, load func() (*types, error)) (int64, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil {
		if code, ok := c.known.codes[name]; ok {
			return code, true, nil
		}
	}
	ts, err := load()
	if err != nil {
		return 0, false, err
	}
	c.known = ts
	code, ok := ts.codes[name]
	return code, ok, nil
}
