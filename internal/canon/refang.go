package canon

import (
	"sort"
	"strings"
)

// Refang undoes what people do to an indicator so that nobody clicks on it:
//
//	hxxp hXXps h**p h__p htxp hxtp fxp meow://        the scheme
//	[.] (.) {.} <.> [dot] (dot) {dot} <dot> a[.b a.]b a\.b   a dot
//	[:] (:) {:} [://] [:/] [//] [/]                    colon and slashes
//	[at] (at) {at} <at> [@] (@) {@}                    an at sign
//
// in any case, nested too, and with blanks around a bracketed word ("bob [at]
// example [dot] com"). Everything else stays as it is. Doing it twice changes
// nothing, and the work is linear: each byte that is written completes at most
// a fixed number of patterns of at most seven bytes.
func Refang(s string) string {
	if !defanged(s) {
		return s
	}
	return string(refang(s).out)
}

// defanged reports whether s may hold something for refang to undo; a cheap
// look, for most values hold nothing.
func defanged(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case '[', ']', ')', '}', '\\':
			return true
		case '>':
			if i > 1 && (s[i-1] == '.' || s[i-1]|0x20 == 't') {
				return true
			}
		case ':':
			if i > 2 && (schemeAt(s, i) != 0 || hasSuffixFold(s[:i], "meow")) {
				return true
			}
		}
	}
	return false
}

// fang is a text in the course of being refanged. out is built byte by byte;
// after each, the patterns that may end there are looked for and rewritten, so
// that out never holds a whole pattern. That makes the result a fixed point.
type fang struct {
	in    string
	next  int // in[next:] is still to be read
	out   []byte
	edits []edit // ordered; one for each byte of out that stands for other bytes of in
}

// edit says that out[at] stands for in[start:end]. A byte of out without one
// stands for the byte of in that follows what the byte before it stands for.
type edit struct{ at, start, end int }

func refang(s string) *fang {
	f := &fang{in: s, out: make([]byte, 0, len(s))}
	for f.next < len(s) {
		c := s[f.next]
		f.next++
		f.out = append(f.out, c)
		f.settle(c)
	}
	return f
}

// span returns what out[i] stands for in the input.
func (f *fang) span(i int) (start, end int) {
	n := sort.Search(len(f.edits), func(k int) bool { return f.edits[k].at > i })
	if n == 0 {
		return i, i + 1
	}
	e := f.edits[n-1]
	if e.at == i {
		return e.start, e.end
	}
	start = e.end + i - e.at - 1
	return start, start + 1
}

// settle rewrites the pattern that ends with the last byte of out, c.
func (f *fang) settle(c byte) {
	switch {
	case c == ']' || c == ')' || c == '}' || c == '>':
		f.bracket(c)
	case c == ':':
		f.scheme()
	case c == '/':
		if n := len(f.out) - 7; n >= 0 && hasSuffixFold(string(f.out[n:]), "meow://") && f.boundary(n) {
			copy(f.out[n:], "http")
		}
	case is(c, isAlnum):
		f.halves()
	}
}

// boundary reports whether no word runs on before out[i].
func (f *fang) boundary(i int) bool { return i == 0 || !is(f.out[i-1], isAlnum) }

var bracketed = []struct {
	text, means string
	open        string // the brackets it may stand in
}{
	{".", ".", "[({<"}, {"dot", ".", "[({<"},
	{"@", "@", "[({"}, {"at", "@", "[({<"},
	{":", ":", "[({"}, {"://", "://", "[({"}, {":/", ":/", "["}, {"//", "//", "["}, {"/", "/", "["},
}

// bracket rewrites a bracketed sign or word that ends with closer.
func (f *fang) bracket(closer byte) {
	n := len(f.out)
	for _, b := range bracketed {
		i := n - len(b.text) - 2
		if i < 0 || closerOf(f.out[i]) != closer || strings.IndexByte(b.open, f.out[i]) < 0 {
			continue
		}
		if !strings.EqualFold(string(f.out[i+1:n-1]), b.text) {
			continue
		}
		if i > 0 && f.out[i-1] == ' ' && f.next < len(f.in) && f.in[f.next] == ' ' && is(b.text[0], isAlpha) {
			i--
			f.next++
			f.rewrite(i, f.next, b.means)
			return
		}
		_, end := f.span(n - 1)
		f.rewrite(i, end, b.means)
		return
	}
}

func closerOf(c byte) byte {
	switch c {
	case '[':
		return ']'
	case '(':
		return ')'
	case '{':
		return '}'
	case '<':
		return '>'
	}
	return 0
}

// rewrite puts text in the place of out[i:], which stands for what goes on to
// end in the input, and settles each byte of it.
func (f *fang) rewrite(i, end int, text string) {
	start, _ := f.span(i)
	f.cut(i)
	for k := range len(text) {
		f.edits = append(f.edits, edit{len(f.out), start, end})
		f.out = append(f.out, text[k])
		f.settle(text[k])
	}
}

// cut forgets out[i:].
func (f *fang) cut(i int) {
	f.out = f.out[:i]
	for n := len(f.edits); n > 0 && f.edits[n-1].at >= i; n-- {
		f.edits = f.edits[:n-1]
	}
}

// halves rewrites the dot before the last byte where it has a backslash or
// half a bracket: a\.b a[.b a.]b.
func (f *fang) halves() {
	i := len(f.out) - 4
	if i < 0 || !is(f.out[i], isAlnum) {
		return
	}
	switch string(f.out[i+1 : i+3]) {
	case `\.`, `[.`, `.]`:
	default:
		return
	}
	last := f.out[i+3]
	start, end := f.span(i + 3)
	_, dot := f.span(i + 2)
	f.rewrite(i+1, dot, ".")
	if start != dot || end != start+1 {
		f.edits = append(f.edits, edit{len(f.out), start, end})
	}
	f.out = append(f.out, last)
}

// scheme rewrites the spelling of http or ftp that ends before the last byte.
func (f *fang) scheme() {
	n := schemeAt(string(f.out[max(0, len(f.out)-7):]), min(6, len(f.out)-1))
	if n == 0 {
		return
	}
	i := len(f.out) - 1 - n
	if f.out[i]|0x20 == 'f' {
		f.out[i], f.out[i+1] = 'f', 't'
		return
	}
	copy(f.out[i:], "http")
}

// schemeAt returns the length of the defanged scheme that ends before s[i], or
// 0 if there is none.
func schemeAt(s string, i int) int {
	n := 4
	if i > 0 && s[i-1]|0x20 == 's' {
		n++
	}
	if i >= n && isHTTP(s[i-n:i]) && (i == n || !is(s[i-n-1], isAlnum)) {
		return n
	}
	if n--; i >= n && hasPrefixFold(s[i-n:i], "fxp") && (i == n || !is(s[i-n-1], isAlnum)) {
		return n
	}
	return 0
}

// isHTTP reports whether s begins with a spelling of http that is not http.
func isHTTP(s string) bool {
	if s[0]|0x20 != 'h' || s[3]|0x20 != 'p' {
		return false
	}
	switch lower(s[1:3]) {
	case "xx", "**", "__", "tx", "xt", "##":
		return true
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
