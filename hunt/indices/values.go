package indices

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// decode reads a document; numbers stay as they are written.
func decode(source []byte) (any, error) {
	if len(source) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// appendValues appends the values of the field path in node, as texts: {"a":{"b":1}},
// {"a.b":1}, and lists of either. With flat, all leaves below the path are its values.
func appendValues(dst []string, node any, path string, flat bool) []string {
	switch n := node.(type) {
	case []any:
		for _, x := range n {
			dst = appendValues(dst, x, path, flat)
		}
	case map[string]any:
		if path == "" {
			return appendLeaves(dst, n, flat)
		}
		for at := 0; at <= len(path); at++ {
			if at < len(path) && path[at] != '.' {
				continue
			}
			if x, ok := n[path[:at]]; ok {
				dst = appendValues(dst, x, strings.TrimPrefix(path[at:], "."), flat)
			}
		}
	default:
		if path == "" {
			dst = appendText(dst, n)
		}
	}
	return dst
}

func appendLeaves(dst []string, n map[string]any, flat bool) []string {
	if !flat {
		return dst
	}
	keys := make([]string, 0, len(n))
	for k := range n {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		dst = appendValues(dst, n[k], "", flat)
	}
	return dst
}

func appendText(dst []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(dst, v)
	case json.Number:
		return append(dst, v.String())
	case bool:
		if v {
			return append(dst, "true")
		}
		return append(dst, "false")
	}
	return dst
}

// fieldValues reads the values of a field as the fields and docvalue_fields
// options of a search give them.
func fieldValues(dst []string, raw json.RawMessage) []string {
	if fast, ok := plainTexts(dst, raw); ok {
		return fast
	}
	v, err := decode(raw)
	if err != nil {
		return dst
	}
	return appendValues(dst, v, "", true)
}

// plainTexts is fieldValues for ["a","b"] without escapes, as nearly all are; ok
// is false for any other list, and dst then as it was.
func plainTexts(dst []string, raw []byte) (out []string, ok bool) {
	n := len(raw)
	if n < 4 || raw[0] != '[' || raw[n-1] != ']' {
		return dst, false
	}
	out = dst
	for rest := raw[1 : n-1]; ; {
		if len(rest) < 2 || rest[0] != '"' {
			return dst, false
		}
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if c := rest[end]; c == '\\' || c < ' ' || c >= 0x80 {
				return dst, false
			}
			end++
		}
		if end == len(rest) {
			return dst, false
		}
		out = append(out, string(rest[1:end]))
		if rest = rest[end+1:]; len(rest) == 0 {
			return out, true
		}
		if rest[0] != ',' {
			return dst, false
		}
		rest = rest[1:]
	}
}

// typeSet is a set of types, by their codes.
type typeSet [4]uint64

func setOf(types []ioc.Type) (s typeSet) {
	for _, t := range types {
		c := t.Row().Code
		s[c/64] |= 1 << (c % 64)
	}
	return s
}

func (s *typeSet) has(t ioc.Type) bool {
	c := t.Row().Code
	return c > 0 && s[c/64]>>(c%64)&1 != 0
}

// matcher searches values. It is used by one goroutine.
type matcher struct {
	set     Set
	buf     []byte
	starts  []int
	matches []match.Match
	types   map[uint32]ioc.Type
}

func newMatcher(s Set) *matcher { return &matcher{set: s, types: make(map[uint32]ioc.Type)} }

func (m *matcher) typeOf(id uint32) ioc.Type {
	t, ok := m.types[id]
	if !ok {
		t = m.set.Observable(id).Type
		if len(m.types) > 1<<16 {
			clear(m.types)
		}
		m.types[id] = t
	}
	return t
}

// one returns the matches of prefix+value, of all types. It is valid until the
// next call.
func (m *matcher) one(prefix, value string) []match.Match {
	m.buf = append(append(m.buf[:0], prefix...), value...)
	m.matches = m.set.Append(m.matches[:0], m.buf)
	return m.matches
}

// joined is how much text is searched in one go: a value has a few dozen bytes,
// and to begin a search costs as much as a hundred.
const joined = 1 << 20

// room empties what values are joined in, and makes it large enough for as many as
// are searched in one go.
func (m *matcher) room(values []string, each int) {
	n, size := 0, 0
	for n < len(values) && size < joined {
		size += each + len(values[n]) + 1
		n++
	}
	m.buf, m.starts = slices.Grow(m.buf[:0], size), slices.Grow(m.starts[:0], n)
}

// many calls hit with the number of each value in which an observable of one of
// types stands. No match crosses a line end, so values joined by it give the
// matches that each gives alone.
func (m *matcher) many(values []string, prefix string, types typeSet, hit func(i int)) {
	for from := 0; from < len(values); {
		m.room(values[from:], len(prefix))
		to := from
		for ; to < len(values) && (to == from || len(m.buf) < joined); to++ {
			m.starts = append(m.starts, len(m.buf))
			m.buf = append(m.buf, prefix...)
			m.buf = append(m.buf, values[to]...)
			m.buf = append(m.buf, '\n')
		}
		m.matches = m.set.Append(m.matches[:0], m.buf)
		last := -1
		for _, x := range m.matches {
			i, exact := slices.BinarySearch(m.starts, x.Start)
			if !exact {
				i--
			}
			if i != last && types.has(m.typeOf(x.ID)) {
				last = i
				hit(from + i)
			}
		}
		from = to
	}
}
