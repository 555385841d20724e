package xmltok

import (
	"bytes"
	"unicode/utf8"
)

// Classes of bytes, as bits: the scanner's loops look up one byte at a time.
const (
	nameFirst uint8 = 1 << iota // may begin a name
	nameNext                    // may stand in a name
	space                       // white space of XML
	inText                      // stops the scan of text
	inCDATA                     // stops the scan of CDATA
	inValue                     // stops the scan of an attribute's value
	forbidden                   // a control character that XML does not allow
	inRef                       // may stand in an entity or character reference
)

// class holds them. Names are as XML 1.0 has them in ASCII; beyond, any
// character will do.
var class = func() (t [256]uint8) {
	set := func(from, to byte, bits uint8) {
		for c := int(from); c <= int(to); c++ {
			t[c] |= bits
		}
	}
	set(0, 0x1f, inValue|inText|inCDATA|forbidden)
	set(0x80, 0xff, inValue|inText|inCDATA|nameFirst|nameNext)
	for _, c := range []byte("\t\n") {
		t[c] = space | inValue
	}
	t['\r'] = space | inValue | inText | inCDATA
	t[' '] = space
	set('a', 'z', nameFirst|nameNext|inRef)
	set('A', 'Z', nameFirst|nameNext|inRef)
	set('0', '9', nameNext|inRef)
	set('_', '_', nameFirst|nameNext)
	set(':', ':', nameFirst|nameNext)
	set('-', '.', nameNext)
	set('#', '#', inRef)
	set('<', '<', inText|inValue)
	set('&', '&', inText|inValue)
	set(']', ']', inText|inCDATA)
	set('"', '"', inValue)
	set('\'', '\'', inValue)
	return t
}()

// allowed reports whether XML 1.0 (2.2) knows the character.
func allowed(c rune) bool {
	switch {
	case c < 0x20:
		return c == '\t' || c == '\n' || c == '\r'
	case c < 0xd800:
		return true
	}
	return c >= 0xe000 && c <= 0xfffd || c >= 0x10000 && c <= utf8.MaxRune
}

// trimmed returns b without white space around it.
func trimmed(b []byte) string { return string(bytes.TrimSpace(b)) }

// charAt decodes the character i bytes behind tok, which is not ASCII. One that
// XML does not know, or a byte that is no UTF-8, is counted and not ok.
func (r *Reader) charAt(i int) (size int, ok bool, err error) {
	for !utf8.FullRune(r.buf[r.tok+i:]) {
		if err := r.more(); err != nil {
			if r.srcErr == nil {
				return 0, false, err // a limit
			}
			break // what there is will not become a character
		}
	}
	c, size := utf8.DecodeRune(r.buf[r.tok+i:])
	ok = allowed(c) && (c != utf8.RuneError || size > 1)
	if !ok {
		r.scrubbed++
	}
	return size, ok, nil
}
