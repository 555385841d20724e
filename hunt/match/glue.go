package match

import (
	"unicode"
	"unicode/utf8"
)

// A letter beyond ASCII may be the rest of a word ("ñevil.example" is another
// name than evil.example) or the text around one, written against it without a
// blank. Which of the two the script tells: Latin, Greek and Cyrillic part words
// with blanks. It is asked of a token that is listed, so that text costs nothing.

// spaced reports whether r is a letter of a script with blanks between words, or
// an accent that belongs to the letter before it.
func spaced(r rune) bool {
	return r >= 0x300 && r < 0x370 || r >= utf8.RuneSelf && unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

// letterBefore reports whether such a letter ends at t[:i], letterAfter whether
// one begins at t[i:]. Malformed bytes are none.
func letterBefore(t []byte, i int) bool {
	if !is(t, i-1, high) {
		return false
	}
	r, _ := utf8.DecodeLastRune(t[:i])
	return spaced(r)
}

func letterAfter(t []byte, i int) bool {
	if !is(t, i, high) {
		return false
	}
	r, _ := utf8.DecodeRune(t[i:])
	return spaced(r)
}

// wordBefore reports whether a letter of a script with blanks, a digit or '_'
// ends at t[:i], wordAfter whether one begins at t[i:].
func wordBefore(t []byte, i int) bool { return inWord(t, i-1) || letterBefore(t, i) }
func wordAfter(t []byte, i int) bool  { return inWord(t, i) || letterAfter(t, i) }

// glued reports whether a letter beyond ASCII beside t[start:end] makes another
// word of it. Beside a bracket it does not.
func glued(t []byte, start, end int) bool {
	return gluedName(t, start, end, true)
}

// token appends a match of the token text[start:end] for each observable of a
// group, unless it is a part of a word.
func (c *scanner) token(ids group, start, end int, rule Rule) {
	if ids.n > 0 && !glued(c.text, start, end) {
		c.hits(ids, levelText, start, end, rule)
	}
}
