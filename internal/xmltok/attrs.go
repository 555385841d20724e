package xmltok

import "bytes"

// Attrs returns how many attributes the current Start has; namespace
// declarations are none.
func (r *Reader) Attrs() int {
	if r.kind != Start {
		return 0
	}
	return len(r.attrs)
}

// AttrAt returns the i-th attribute, counted from 0 in the order of the tag. It
// makes no string of the value, which is valid until the next call of a method
// that returns one, or of Next.
func (r *Reader) AttrAt(i int) (Name, []byte) {
	a := r.attrs[i]
	raw := r.buf[r.tok+a.v0 : r.tok+a.v1]
	if a.plain {
		return a.name, raw
	}
	r.undone = appendValue(r.undone[:0], raw)
	return a.name, r.undone
}

// ResolveBytes is Resolve for a value as AttrAt returns it; local is a part of s.
func (r *Reader) ResolveBytes(s []byte) (space string, local []byte, ok bool) {
	s = bytes.Trim(s, " \t\r\n")
	pre, local, found := bytes.Cut(s, colon)
	if !found {
		pre, local = nil, s
	}
	p := r.names.prefixes[string(pre)]
	if len(local) == 0 || bytes.IndexByte(local, ':') >= 0 || found && (len(pre) == 0 || p == nil || !p.bound) {
		return "", nil, false
	}
	return p.space, local, true
}

var colon = []byte(":")
