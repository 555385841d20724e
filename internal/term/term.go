// Package term makes foreign text safe to show and decides on colour.
//
// Log lines, file names and what feeds write are chosen by the people we look
// for. A terminal obeys what it is sent: an escape sequence in a log line can
// rewrite what was printed above it, set the clipboard (OSC 52) or make a link
// that shows one address and opens another (OSC 8); a bidi override shows
// "gpj.exe" as "exe.jpg". So whatever is not ours passes through Escape before
// it reaches a terminal, and everything that a terminal might obey, or that a
// reader cannot see, is shown as \x1b or \u202e.
//
// Escaping is for eyes, not for machines: a line that really holds the four
// letters \x1b looks the same. Output for programs is byte-exact or JSON.
package term

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// Hidden reports whether r must not be shown as it is: control characters (C0,
// DEL, C1), line and paragraph separators, and the invisible format characters,
// among them bidi controls, zero-width ones, tags and the byte order mark.
func Hidden(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || isFiller(r)
}

// isFiller reports whether r is a letter or mark by its category and nothing by its
// looks, good for making two names that look alike.
func isFiller(r rune) bool {
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0:
		return true
	}
	return false
}

// Escape appends s to dst so that it can be shown: what Hidden names becomes
// \n, \r, \x1b, \u202e or \U000e0001, a byte that is not UTF-8 becomes \xff,
// and a tab becomes one blank.
func Escape(dst, s []byte) []byte { return escape(dst, s) }

// EscapeString returns s so that it can be shown, as Escape has it.
func EscapeString(s string) string {
	if clean(s) {
		return s
	}
	return string(escape(nil, s))
}

func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

func escape[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = escapeASCII(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		switch {
		case r == utf8.RuneError && size == 1:
			dst = escapeByte(dst, s[i])
		case Hidden(r):
			dst = escapeRune(dst, r)
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

func escapeASCII(dst []byte, c byte) []byte {
	switch {
	case c >= 0x20 && c != 0x7f:
		return append(dst, c)
	case c == '\t':
		return append(dst, ' ')
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	}
	return escapeByte(dst, c)
}

func escapeByte(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

func escapeRune(dst []byte, r rune) []byte {
	digits := 4
	dst = append(dst, '\\', 'u')
	if r > 0xffff {
		dst[len(dst)-1], digits = 'U', 8
	}
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}
