package es

import (
	"encoding/json"
	"strings"
)

// A page of a hunt is megabytes of small values, of which encoding/json makes
// more work than the search is for the server. So the lists of such answers
// (documents, values) are read here, and the rest of them by encoding/json. What
// the reader below does not know to be JSON, or does not expect, is left to
// encoding/json as a whole: it alone says what is wrong.

// quick is an answer that can be read faster than by encoding/json. What read
// has made of it counts only where it reports true.
type quick interface{ read(body []byte) bool }

// maxDepth is how deep values may be nested for the reader.
const maxDepth = 200

// reader takes JSON apart. It is strict: what it passes over is JSON.
type reader struct {
	b     []byte
	i     int
	names map[string]string // names of fields come again and again
}

// next passes over spaces and returns the byte behind, 0 at the end.
func (r *reader) next() byte {
	for ; r.i < len(r.b); r.i++ {
		if c := r.b[r.i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

func (r *reader) is(c byte) bool {
	if r.next() != c {
		return false
	}
	r.i++
	return true
}

// end reports whether nothing follows.
func (r *reader) end() bool { return r.next() == 0 && r.i == len(r.b) }

// object calls f with each name; f takes the value. A name with escapes or of
// other letters than ASCII is not plain, and stands as it is written.
func (r *reader) object(f func(name []byte, plain bool) bool) bool {
	if !r.is('{') {
		return false
	}
	if r.is('}') {
		return true
	}
	for {
		raw, plain, ok := r.quoted()
		if !ok || !r.is(':') || !f(raw[1:len(raw)-1], plain) {
			return false
		}
		if !r.is(',') {
			return r.is('}')
		}
	}
}

// array calls f for each element; f takes it.
func (r *reader) array(f func() bool) bool {
	if !r.is('[') {
		return false
	}
	if r.is(']') {
		return true
	}
	for {
		if !f() {
			return false
		}
		if !r.is(',') {
			return r.is(']')
		}
	}
}

// often returns a text that stands in the answer again and again.
func (r *reader) often(raw []byte) string {
	if s, ok := r.names[string(raw)]; ok {
		return s
	}
	if r.names == nil {
		r.names = make(map[string]string)
	}
	s := string(raw)
	if len(r.names) < 1000 {
		r.names[s] = s
	}
	return s
}

// name takes a string that stands in the answer often.
func (r *reader) name() (string, bool) {
	raw, plain, ok := r.quoted()
	if !ok || !plain {
		return "", false
	}
	return r.often(raw[1 : len(raw)-1]), true
}

// text takes a string.
func (r *reader) text() (s string, ok bool) {
	raw, plain, ok := r.quoted()
	switch {
	case !ok:
		return "", false
	case plain:
		return string(raw[1 : len(raw)-1]), true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// quoted takes a string with its quotes. It is plain where what stands between
// them is ASCII and means itself.
func (r *reader) quoted() (raw []byte, plain, ok bool) {
	if !r.is('"') {
		return nil, false, false
	}
	from, i := r.i-1, r.i
	plain = true
	for {
		for i < len(r.b) && selves[r.b[i]] {
			i++
		}
		if i == len(r.b) || r.b[i] < ' ' {
			return nil, false, false
		}
		if r.i = i; r.b[i] == '"' {
			r.i++
			return r.b[from:r.i:r.i], plain, true
		}
		plain = false
		if r.b[i] == '\\' && !r.escape() {
			return nil, false, false
		}
		i = r.i + 1
	}
}

// selves are the bytes that stand for themselves in a string, and need no look.
var selves = func() (t [256]bool) {
	for c := ' '; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// escape passes over what follows a backslash, but for its last byte.
func (r *reader) escape() bool {
	if r.i++; r.i >= len(r.b) {
		return false
	}
	if r.b[r.i] != 'u' {
		return strings.IndexByte(`"\/bfnrt`, r.b[r.i]) >= 0
	}
	for range 4 {
		if r.i++; r.i >= len(r.b) || !isHex(r.b[r.i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// raw takes a value of any kind as it stands. It shares the memory of the answer.
func (r *reader) raw() (json.RawMessage, bool) {
	r.next()
	from := r.i
	if !r.skip(0) {
		return nil, false
	}
	return json.RawMessage(r.b[from:r.i:r.i]), true
}

func (r *reader) skip(depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch c := r.next(); c {
	case '"':
		_, _, ok := r.quoted()
		return ok
	case '{':
		return r.object(func([]byte, bool) bool { return r.skip(depth + 1) })
	case '[':
		return r.array(func() bool { return r.skip(depth + 1) })
	}
	return r.word()
}

// word passes over a number, true, false or null.
func (r *reader) word() bool {
	from := r.i
	for r.i < len(r.b) && !ends[r.b[r.i]] {
		r.i++
	}
	w := r.b[from:r.i]
	switch string(w) {
	case "true", "false", "null":
		return true
	}
	if digits(w) {
		return true
	}
	return len(w) < 400 && json.Valid(w)
}

// ends are the bytes that may follow a word.
var ends = [256]bool{',': true, ']': true, '}': true, ' ': true, '\n': true, '\r': true, '\t': true}

// digits reports whether w is a number as most are: 0, or digits without a zero
// before them.
func digits(w []byte) bool {
	if len(w) == 0 || len(w) > 18 || w[0] == '0' && len(w) > 1 {
		return false
	}
	for _, c := range w {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// integer takes a whole number.
func (r *reader) integer() (n int64, ok bool) {
	r.next()
	from := r.i
	if !r.word() {
		return 0, false
	}
	w := r.b[from:r.i]
	if !digits(w) {
		return n, string(w) != "null" && json.Unmarshal(w, &n) == nil
	}
	for _, c := range w {
		n = n*10 + int64(c-'0')
	}
	return n, true
}
