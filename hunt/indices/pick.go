package indices

import (
	"encoding/json"
	"strings"
)

// picker takes the values of some fields out of the texts of documents, as
// appendValues takes those of one field out of a document that was decoded: of
// 10,000 documents there is no time to make maps. Where a name stands twice in an
// object it takes both, where a decoder takes the last: for candidates that is
// well.
type picker struct {
	root *branch
	b    []byte // the document
	i    int
	take func(field int, value string)
}

// branch is what is wanted below some path.
type branch struct {
	next  map[string]*branch // by the name of a member, which may have dots
	leaf  []int              // fields that end here
	below []int              // of those, fields of which all leaves further down are values
}

// rest is a field, and what is left of its path.
type rest struct {
	field int
	path  string
}

// newPicker makes a picker for fields; flat says of which all leaves below the
// path are values.
func newPicker(fields []string, flat []bool, take func(field int, value string)) *picker {
	all := make([]rest, len(fields))
	for i, f := range fields {
		all[i] = rest{i, f}
	}
	return &picker{root: newBranch(all, flat), take: take}
}

func newBranch(rests []rest, flat []bool) *branch {
	b := &branch{next: make(map[string]*branch)}
	below := make(map[string][]rest)
	for _, r := range rests {
		if r.path == "" {
			b.leaf = append(b.leaf, r.field)
			if flat[r.field] {
				b.below = append(b.below, r.field)
			}
			continue
		}
		for at := 0; at <= len(r.path); at++ {
			if at == len(r.path) || r.path[at] == '.' {
				name := r.path[:at]
				below[name] = append(below[name], rest{r.field, strings.TrimPrefix(r.path[at:], ".")})
			}
		}
	}
	for name, rests := range below {
		b.next[name] = newBranch(rests, flat)
	}
	return b
}

// pick calls take with each value in source, a JSON object. ok is false where it
// is none.
func (p *picker) pick(source []byte) (ok bool) {
	p.b, p.i = source, 0
	return p.value(p.root, nil)
}

// peek returns the next byte that is no space, 0 at the end.
func (p *picker) peek() byte {
	for ; p.i < len(p.b); p.i++ {
		if c := p.b[p.i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// value walks over a value of which at says what is wanted (nil: nothing) besides
// all leaves for the fields flat.
func (p *picker) value(at *branch, flat []int) bool {
	switch p.peek() {
	case '{':
		return p.object(at, flat)
	case '[':
		p.i++
		return p.list(']', func() bool { return p.value(at, flat) })
	case '"':
		raw, plain, ok := p.text()
		if ok && (at != nil && len(at.leaf) > 0 || len(flat) > 0) {
			p.give(at, flat, unquoted(raw, plain))
		}
		return ok
	}
	from := p.i
	for p.i < len(p.b) && !behind[p.b[p.i]] {
		p.i++
	}
	if word := p.b[from:p.i]; string(word) != "null" && (at != nil && len(at.leaf) > 0 || len(flat) > 0) {
		p.give(at, flat, string(word))
	}
	return p.i > from
}

// behind are the bytes that end a number or a word.
var behind = [256]bool{',': true, ']': true, '}': true, '[': true, '{': true, ':': true, '"': true, ' ': true, '\n': true, '\r': true, '\t': true}

func (p *picker) give(at *branch, flat []int, v string) {
	if at != nil {
		for _, f := range at.leaf {
			p.take(f, v)
		}
	}
	for _, f := range flat {
		p.take(f, v)
	}
}

func (p *picker) object(at *branch, flat []int) bool {
	p.i++
	if at != nil && len(at.below) > 0 {
		flat = append(flat[:len(flat):len(flat)], at.below...)
	}
	return p.list('}', func() bool {
		if p.peek() != '"' {
			return false
		}
		raw, plain, ok := p.text()
		if !ok || p.peek() != ':' {
			return false
		}
		p.i++
		var next *branch
		switch {
		case at == nil:
		case plain:
			next = at.next[string(raw)]
		default:
			next = at.next[unquoted(raw, false)]
		}
		return p.value(next, flat)
	})
}

// list walks over what stands between commas, up to the byte end.
func (p *picker) list(end byte, each func() bool) bool {
	if p.peek() == end {
		p.i++
		return true
	}
	for each() {
		switch c := p.peek(); c {
		case end:
			p.i++
			return true
		case ',':
			p.i++
		default:
			return false
		}
	}
	return false
}

// text takes a string without its quotes; it is plain where no byte of it stands
// for another.
func (p *picker) text() (raw []byte, plain, ok bool) {
	from := p.i + 1
	plain = true
	for i := from; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '"':
			p.i = i + 1
			return p.b[from:i], plain, true
		case c == '\\':
			plain = false
			i++
		case c >= 0x80:
			plain = false
		}
	}
	return nil, false, false
}

func unquoted(raw []byte, plain bool) string {
	if plain {
		return string(raw)
	}
	var s string
	quoted := append(append([]byte{'"'}, raw...), '"')
	if json.Unmarshal(quoted, &s) != nil {
		return string(raw) // cannot be: it stands in an answer that was read as JSON
	}
	return s
}
