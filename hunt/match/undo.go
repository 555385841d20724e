package match

import (
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text in which disguises have been undone, with the way back to the
// text it was made from. Its buffers are used again.
type view struct {
	text  []byte
	edits []edit // by place; empty when nothing was undone, or when no one needs the way back
	upto  int    // how much of the source is in text; 0 when nothing was undone
	bare  bool   // no one needs the way back
}

// edit says that view.text[to:to+toLen] stands for from[from:from+fromLen].
type edit struct {
	to, from       int
	rule           Rule
	toLen, fromLen uint8
}

func (e *edit) toEnd() int   { return e.to + int(e.toLen) }
func (e *edit) fromEnd() int { return e.from + int(e.fromLen) }

func (v *view) reset() { v.text, v.edits, v.upto, v.bare = v.text[:0], v.edits[:0], 0, false }

// size returns about how much memory v holds on to.
func (v *view) size() int { return cap(v.text) + 24*cap(v.edits) }

// before returns the last edit that begins at or before text[i].
func (v *view) before(i int) (edit, bool) {
	n := sort.Search(len(v.edits), func(k int) bool { return v.edits[k].to > i })
	if n == 0 {
		return edit{}, false
	}
	return v.edits[n-1], true
}

// start returns the place in the source that text[i] begins at.
func (v *view) start(i int) int {
	e, ok := v.before(i)
	switch {
	case !ok:
		return i
	case i < e.toEnd():
		return e.from
	}
	return e.fromEnd() + i - e.toEnd()
}

// end returns the place in the source that text[:i] ends at; i is above 0.
func (v *view) end(i int) int {
	if e, ok := v.before(i - 1); ok && i-1 < e.toEnd() {
		return e.fromEnd()
	}
	return v.start(i-1) + 1
}

// undone returns what was undone inside text[start:end].
func (v *view) undone(start, end int) (r Rule) {
	n := sort.Search(len(v.edits), func(k int) bool { return v.edits[k].toEnd() > start })
	for _, e := range v.edits[n:] {
		if e.to >= end {
			break
		}
		r |= e.rule
	}
	return r
}

// at returns the place in text of what is source[i].
func (v *view) at(i int) int {
	n := sort.Search(len(v.edits), func(k int) bool { return v.edits[k].from > i })
	if n == 0 {
		return i
	}
	e := v.edits[n-1]
	if i < e.fromEnd() {
		return e.to
	}
	return e.toEnd() + i - e.fromEnd()
}

// undo fills v with line, its disguises undone, and reports whether there were any.
func (v *view) undo(line []byte) bool {
	v.reset()
	for i := 0; i < len(line); i++ {
		if trigger[line[i]] {
			v.undoFrom(line, i)
		}
	}
	v.finish(line)
	return v.upto > 0
}

// undoFrom undoes what begins at line[i], if something does, and nothing before it
// goes on to there.
func (v *view) undoFrom(line []byte, i int) {
	done := v.upto
	if i < done || i >= len(line) {
		return
	}
	before := at(line, i-1)
	if n := len(v.text); i == done && n > 0 {
		before = v.text[n-1]
	}
	var out [utf8.UTFMax]byte
	n, w, rule := undoAt(&out, line, i, before)
	if w == 0 {
		return
	}
	v.text = append(v.text, line[done:i]...)
	if v.upto = i + w; !v.bare {
		v.edits = append(v.edits, edit{len(v.text), i, rule, uint8(n), uint8(w)})
	}
	v.text = append(v.text, out[:n]...)
}

// finish appends the rest of line, if something in it was undone.
func (v *view) finish(line []byte) {
	if v.upto > 0 {
		v.text = append(v.text, line[v.upto:]...)
	}
}

// trigger holds the bytes that a disguise can begin with.
var trigger = func() (t [256]bool) {
	for _, b := range "\\#\x1b[({<]&hHmM" {
		t[b] = true
	}
	return t
}()

// undoAt undoes the disguise at t[i]: out[:n] stands for t[i:i+w]. w is 0 where
// there is none. before is what stands before, itself undone. It looks at a fixed number of bytes.
func undoAt(out *[utf8.UTFMax]byte, t []byte, i int, before byte) (n, w int, rule Rule) {
	switch t[i] {
	case 'h', 'H', 'm', 'M':
		return undoScheme(out, t, i, before)
	case '[', '(', '{', '<':
		return undoBracket(out, t, i)
	case ']':
		if at(t, i-1) == '.' && is(t, i-2, alnum) && is(t, i+1, alnum) {
			return 0, 1, Refanged
		}
		return 0, 0, 0
	case '&':
		return undoEntity(out, t, i)
	}
	if w := colour(t, i); w > 0 {
		return 0, w, Coloured
	}
	switch t[i] {
	case '\\':
		return undoBackslash(out, t, i)
	case '#':
		return undoRsyslog(out, t, i)
	}
	return 0, 0, 0
}

// undoScheme undoes hxxp and its kin, where a scheme can stand.
func undoScheme(out *[4]byte, t []byte, i int, before byte) (n, w int, rule Rule) {
	if len(t)-i < 5 || class[before]&alnum != 0 && !escaped(t, i) || fold[t[i+3]] != 'p' && fold[t[i+3]] != 'w' {
		return 0, 0, 0
	}
	switch [2]byte{fold[t[i+1]], fold[t[i+2]]} {
	case [2]byte{'x', 'x'}, [2]byte{'*', '*'}, [2]byte{'_', '_'}, [2]byte{'t', 'x'}, [2]byte{'x', 't'}, [2]byte{'#', '#'}:
		if fold[t[i]] != 'h' || fold[t[i+3]] != 'p' {
			return 0, 0, 0
		}
	case [2]byte{'e', 'o'}:
		if fold[t[i]] != 'm' || fold[t[i+3]] != 'w' {
			return 0, 0, 0
		}
	default:
		return 0, 0, 0
	}
	end := i + 4
	if fold[t[end]] == 's' {
		end++
	}
	switch at(t, end) {
	case ':', '[', '(', '%', '\\':
		copy(out[:], "http")
		return 4, 4, Refanged
	}
	return 0, 0, 0
}

// escaped reports whether a percent escape ends before t[i].
func escaped(t []byte, i int) bool { return at(t, i-3) == '%' && is(t, i-2, hexa) && is(t, i-1, hexa) }

// brackets holds what stands in brackets for a sign, and in which, as package
// canon has it.
var brackets = []struct{ open, inside, means string }{
	{"[({<", ".", "."}, {"[({<", "dot", "."}, {"[({", "@", "@"}, {"[({<", "at", "@"},
	{"[({", ":", ":"}, {"[({", "://", "://"}, {"[", ":/", ":/"}, {"[", "//", "//"}, {"[", "/", "/"},
}

// undoBracket undoes [.] and its kin, and the half bracket of a[.b.
func undoBracket(out *[4]byte, t []byte, i int) (n, w int, rule Rule) {
	switch at(t, i+1) {
	case '.', 'd', 'D', '@', 'a', 'A', ':', '/':
	default:
		return 0, 0, 0
	}
	closer := [...]byte{'[': ']', '(': ')', '{': '}', '<': '>'}[t[i]]
	if t[i+1] == '.' && at(t, i+2) == closer { // by far the most frequent
		out[0] = '.'
		return 1, 3, Refanged
	}
	for _, b := range brackets {
		end := i + 1 + len(b.inside)
		if at(t, end) == closer && equalFold(t[i+1:end], b.inside) && strings.IndexByte(b.open, t[i]) >= 0 {
			return copy(out[:], b.means), end + 1 - i, Refanged
		}
	}
	if t[i] == '[' && t[i+1] == '.' && is(t, i-1, alnum) && is(t, i+2, alnum) {
		return 0, 1, Refanged
	}
	return 0, 0, 0
}

// equalFold reports whether t is small in ASCII letters of any case.
func equalFold(t []byte, small string) bool {
	if len(t) != len(small) {
		return false
	}
	for i := range t {
		if fold[t[i]] != small[i] {
			return false
		}
	}
	return true
}

// entities are the references that writers of HTML and XML cannot do without.
var entities = []struct {
	text  string
	means byte
}{{"&amp;", '&'}, {"&quot;", '"'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&#39;", '\''}, {"&apos;", '\''}, {"&#x2f;", '/'}, {"&#47;", '/'}}

func undoEntity(out *[4]byte, t []byte, i int) (n, w int, rule Rule) {
	for _, e := range entities {
		if len(t)-i >= len(e.text) && equalFold(t[i:i+len(e.text)], e.text) {
			out[0] = e.means
			return 1, len(e.text), Escaped
		}
	}
	return 0, 0, 0
}

// undoBackslash undoes the escapes of JSON (RFC 8259 §7) that loggers write,
// \xHH of nginx and Python, and a\.b.
func undoBackslash(out *[4]byte, t []byte, i int) (n, w int, rule Rule) {
	switch c := at(t, i+1); c {
	case '\\', '/', '"', '\'':
		out[0] = c
		return 1, 2, Escaped
	case 'n', 'r', 't':
		out[0] = ' '
		return 1, 2, Escaped
	case '.':
		if is(t, i-1, alnum) && is(t, i+2, alnum) {
			out[0] = c
			return 1, 2, Refanged
		}
	case 'x':
		if v, ok := hexNumber(t, i+2, 2); ok {
			out[0] = byte(plain(v))
			return 1, 4, Escaped
		}
	case 'u':
		return undoUnicode(out, t, i)
	}
	return 0, 0, 0
}

// undoUnicode undoes \uHHHH, and a surrogate pair of two.
func undoUnicode(out *[4]byte, t []byte, i int) (n, w int, rule Rule) {
	v, ok := hexNumber(t, i+2, 4)
	if !ok {
		return 0, 0, 0
	}
	if utf16.IsSurrogate(v) && at(t, i+6) == '\\' && at(t, i+7) == 'u' {
		if lo, ok := hexNumber(t, i+8, 4); ok {
			if r := utf16.DecodeRune(v, lo); r != utf8.RuneError {
				return utf8.EncodeRune(out[:], r), 12, Escaped
			}
		}
	}
	return utf8.EncodeRune(out[:], plain(v)), 6, Escaped
}

// plain makes a blank of a control character: it parts tokens, and a line is
// never to gain a line break.
func plain(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

func hexNumber(t []byte, i, digits int) (v rune, ok bool) {
	for k := range digits {
		if !is(t, i+k, hexa) {
			return 0, false
		}
		v = v<<4 | rune(unhex(t[i+k]))
	}
	return v, true
}

func unhex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

// undoRsyslog undoes #011: rsyslog writes a control character as three octal
// digits ($EscapeControlCharactersOnReceive).
func undoRsyslog(out *[4]byte, t []byte, i int) (n, w int, rule Rule) {
	if at(t, i+1) == '0' && at(t, i+2) >= '0' && at(t, i+2) <= '3' && at(t, i+3) >= '0' && at(t, i+3) <= '7' {
		out[0] = ' '
		return 1, 4, Escaped
	}
	return 0, 0, 0
}

// escapes are the spellings of the byte that a colour code begins with.
var escapes = []string{"\x1b", "\\u001b", "\\x1b", "\\033", "\\e", "#033"}

// maxParams bounds the parameters of a control sequence; real ones have 20 bytes.
const maxParams = 64

// colour returns the length of the control sequence (ECMA-48 §5.4) at t[i], or
// 0. It is taken out without a trace, as what a person sees has none either.
func colour(t []byte, i int) int {
	switch at(t, i+1) {
	case '[', 'u', 'U', 'x', 'X', '0', 'e', 'E':
	default:
		return 0
	}
	for _, e := range escapes {
		k := i + len(e)
		if at(t, k) != '[' || !equalFold(t[i:k], e) {
			continue
		}
		first := k + 1
		for k++; at(t, k) >= '0' && at(t, k) <= '?' && k-first < maxParams; k++ {
		}
		if c := at(t, k); c >= '@' && c <= '~' {
			return k + 1 - i
		}
	}
	return 0
}
