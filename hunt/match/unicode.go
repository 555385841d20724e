package match

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
)

// longestUnicode bounds a name in Unicode: four bytes for each of 253.
const longestUnicode = 4 * 253

// unicode looks for names in Unicode in the word around t[i], whose byte there
// is the first of a letter beyond ASCII. Names are looked up in punycode. What of
// them is in labels of ASCII is found by itself, by name or wideDots: text in
// Chinese may stand against it.
func (c *scanner) unicode(i int) {
	t := c.text
	start, end := i, i
	for start > c.wordsTo && class[t[start-1]]&run != 0 {
		start--
	}
	for n, _ := nameRune(t, end); n > 0; n, _ = nameRune(t, end) {
		end += n
	}
	c.wordsTo = max(end, i+1)
	c.cut(t[:end], start, false)
}

// wideDot holds the bytes that the dots beyond ASCII begin with.
var wideDot = [256]bool{0xe3: true, 0xef: true}

// wideDots looks for names of letters of ASCII around the dot beyond ASCII at
// t[i:].
func (c *scanner) wideDots(i int) {
	t := c.text
	if _, isDot := nameRune(t, i); !isDot {
		return
	}
	start, end := i, i
	for start > c.dotsTo && class[t[start-1]]&run != 0 {
		start--
	}
	for n, isDot := nameRune(t, end); n == 1 || isDot; n, isDot = nameRune(t, end) {
		end += n
	}
	c.dotsTo = end
	c.cut(t[:end], start, true)
}

// cut cuts t[start:] into names, and these into labels. All of it is nameRunes;
// ascii says that the labels are in ASCII.
func (c *scanner) cut(t []byte, start int, ascii bool) {
	end := len(t)
	c.labels = c.labels[:0]
	for k := start; k < end; {
		from := k
		n, isDot := nameRune(t, k)
		for ; n > 0 && !isDot; n, isDot = nameRune(t, k) {
			k += n
		}
		if k > from {
			c.labels = append(c.labels, from, k)
		}
		after, double := nameRune(t, k+n)
		if k == from || n == 0 || after == 0 || double {
			c.unicodeName(ascii)
			c.labels = c.labels[:0]
		}
		k += n
	}
}

// nameRune returns the width of the letter, digit, '-', '_' or dot at t[i], 0 for
// anything else, and whether it is a dot: the dots of UTS 46 §4 are.
func nameRune(t []byte, i int) (width int, isDot bool) {
	if i >= len(t) {
		return 0, false
	}
	if t[i] < utf8.RuneSelf {
		if class[t[i]]&run == 0 {
			return 0, false
		}
		return 1, t[i] == '.'
	}
	r, w := runeAt(t, i)
	switch {
	case r == '\u3002' || r == '\uff0e' || r == '\uff61':
		return w, true
	case r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)):
		return w, false
	}
	return 0, false
}

// runeAt is utf8.DecodeRune, quicker for the letters of most scripts.
func runeAt(t []byte, i int) (r rune, width int) {
	switch b := t[i]; {
	case b >= 0xc2 && b < 0xe0 && i+1 < len(t) && t[i+1]&0xc0 == 0x80:
		return rune(b&0x1f)<<6 | rune(t[i+1]&0x3f), 2
	case b > 0xe0 && b < 0xed && i+2 < len(t) && t[i+1]&0xc0 == 0x80 && t[i+2]&0xc0 == 0x80:
		return rune(b&0x0f)<<12 | rune(t[i+1]&0x3f)<<6 | rune(t[i+2]&0x3f), 3
	}
	return utf8.DecodeRune(t[i:])
}

// unicodeName looks up the name whose labels begin and end at c.labels, and its
// parents; but no parent without a label in Unicode or, where all labels are in
// ASCII, a dot in Unicode, unless it is of one label, which is found nowhere else.
// Each label is converted once, and none but the last two where
// nothing is listed below them.
func (c *scanner) unicodeName(ascii bool) {
	n := len(c.labels) / 2
	if n < 2 || !c.mayBeTLD(c.text[c.labels[2*n-2]:c.labels[2*n-1]]) {
		return
	}
	s, t := c.set, c.text
	start, end := c.labels[0], c.labels[2*n-1]
	var buf [longestName + 1]byte
	at, inUnicode := len(buf), false
	for k := n - 1; k >= 0; k-- {
		text := t[c.labels[2*k]:c.labels[2*k+1]]
		inUnicode = inUnicode || !isASCII(text) || ascii && k < n-1 && c.labels[2*k+2]-c.labels[2*k+1] > 1
		l, ok := punycode(text)
		if !ok || len(l)+1 > at {
			return
		}
		if k < n-1 {
			at--
			buf[at] = '.'
		}
		at -= len(l)
		copy(buf[at:], l)
		name := buf[at:]
		if k == n-2 && !s.maybe(hashBack(name, gateName)) && !s.has(hasMail) {
			return
		}
		if top := k == n-1; top && !s.has(hasTops) || !top && !inUnicode {
			continue
		}
		rule := Subdomain | IDN
		if k == 0 {
			rule = Exact | IDN
			c.unicodeHost(name, start, end)
		}
		if ids := s.lookup(keyName, hashBack(name, keyName), name); ids.n > 0 && !gluedName(c.text, start, end, k == 0) {
			c.hits(ids, levelText, start, end, rule)
		}
	}
}

// mayBeTLD reports whether the last label of a name may be that of a listed one, as
// far as can be told without converting it.
func (c *scanner) mayBeTLD(label []byte) bool {
	for i := 0; i < len(label); {
		r, w := utf8.DecodeRune(label[i:])
		if !c.unicodeTLDs && neverASCII(r) {
			return false
		}
		if i += w; r >= utf8.RuneSelf {
			return true
		}
	}
	var last [8]byte
	n := min(len(label), len(last))
	copy(last[len(last)-n:], label[len(label)-n:])
	bit := tldBit(last[:], n)
	return c.tlds[bit/8]>>(bit%8)&1 != 0
}

// neverASCII reports whether r is a letter of a script none of whose letters stands
// for one of ASCII (UTS 46 §4), as those of full width and the like do: Latin with
// accents (of the first block), Greek to Georgian, kana, ideographs, Hangul.
func neverASCII(r rune) bool {
	return r >= 0xc0 && r < 0x100 || r >= 0x370 && r < 0x1100 || r >= 0x3041 && r < 0x3100 || r >= 0x3400 && r < 0xa000 || r >= 0xac00 && r < 0xd7a4
}

// gluedName is glued for a name t[start:end]. What stands before it matters if
// the whole name is what is listed: in "ña.evil.example" evil.example is found.
func gluedName(t []byte, start, end int, whole bool) bool {
	return whole && is(t, start, run) && letterBefore(t, start) || is(t, end-1, run) && letterAfter(t, end)
}

// longestName is the greatest length of a name (RFC 1035 §2.3.4).
const longestName = 253

// punycode returns the canonical form of one label.
func punycode(text []byte) (string, bool) {
	if isASCII(text) {
		return strings.ToLower(string(text)), true
	}
	if len(text) > longestUnicode {
		return "", false
	}
	name, err := canon.Domain(string(text) + ".x")
	return strings.TrimSuffix(name, ".x"), err == nil
}

// unicodeHost looks for the URL or the mailbox that t[start:end] is the host of.
func (c *scanner) unicodeHost(name []byte, start, end int) {
	s, t := c.set, c.text
	if s.has(hasURLs) && s.maybe(hashBack(name, gateHost)) {
		c.key = append(c.key[:0], name...)
		c.locate(start, hostEnd(t, end), IDN)
	}
	if s.has(hasMail) && at(t, start-1) == '@' {
		c.key = append(c.key[:0], name...)
		c.mail(start, end, IDN)
	}
}

func isASCII(t []byte) bool {
	for _, b := range t {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
