package canon

import (
	"strings"
	"unicode/utf8"
)

// FilePath returns a path or a file name without the quotes around it. The
// backslashes of a Windows path that came doubled, out of some program text,
// are made single. Case is kept for people; whether it counts is the matcher's
// to know.
func FilePath(s string) (string, error) {
	s, err := phrase(s)
	if err != nil {
		return "", err
	}
	for len(s) > 2 && s[0] == '"' && strings.IndexByte(s[1:], '"') == len(s)-2 {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	if len(s) > 4 && is(s[0], isAlpha) && s[1:4] == `:\\` {
		s = singleBackslashes(s)
	}
	if s == "" {
		return "", errEmpty
	}
	return s, nil
}

func singleBackslashes(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '\\' || s[i-1] != '\\' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// phrase returns a text that is hunted as it stands. One with a line break or
// another control character could never be met in a line of a log, so it is
// refused instead of being kept to no purpose.
func phrase(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", errEmpty
	}
	if len(s) > maxLen {
		return "", errTooLong
	}
	if hasControl(s) {
		return "", errControl
	}
	return s, nil
}

// hasControl reports whether s has a control character of ASCII other than a
// tab, or one of Unicode (C1).
func hasControl(s string) bool {
	for i := range len(s) {
		c := s[i]
		if is(c, isControl) && c != '\t' {
			return true
		}
		if c == 0xc2 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] < 0xa0 {
			return true
		}
	}
	return false
}

// trim removes what stands around a value in lists and tables: white space,
// byte order marks, zero-width spaces, and quotes or angle brackets in pairs.
func trim(s string) string {
	for {
		s = strings.TrimFunc(s, isBlank)
		n := len(s)
		if n < 2 || !isPair(s[0], s[n-1]) {
			return s
		}
		s = s[1 : n-1]
	}
}

func isBlank(r rune) bool {
	if r < utf8.RuneSelf {
		return is(byte(r), isSpace)
	}
	return r == '\ufeff' || r == '\u200b' || r == '\u00a0' || r == '\u3000'
}

func isPair(a, b byte) bool {
	switch a {
	case '"', '\'', '`':
		return a == b
	case '<':
		return b == '>'
	}
	return false
}
