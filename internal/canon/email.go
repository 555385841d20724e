package canon

import (
	"strings"
	"unicode/utf8"
)

// Email returns an address in lower case, with its domain as Domain writes it.
// The part before the @ could mean something else in capitals (RFC 5321
// §2.4), but no mail provider lets it. A display name ("Bob <b@example.com>"),
// "mailto:" with its parameters and the brackets of an address literal's
// spelling are understood; a quoted local part is refused.
func Email(s string) (string, error) {
	return email(Refang(trim(s)))
}

func email(s string) (string, error) {
	s = mailbox(s)
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > maxEmail {
		return "", errEmail
	}
	local, host := s[:at], s[at+1:]
	if !isLocal(local) {
		return "", errEmail
	}
	h, err := mailHost(host)
	if err != nil {
		return "", err
	}
	return strings.ToLower(local) + "@" + h, nil
}

// maxEmail is the longest path of RFC 5321 §4.5.3.1.3 without its brackets,
// generously: a name in Unicode is longer than its punycode can be.
const maxEmail = 64 + 1 + maxUnicode

// mailbox takes the address out of what stands around it.
func mailbox(s string) string {
	if n := len(s); n > 2 && s[n-1] == '>' {
		if i := strings.LastIndexByte(s, '<'); i >= 0 {
			s = trim(s[i+1 : n-1])
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?")
	}
	return s
}

// isLocal reports whether s can stand before the @: a dot-string of RFC 5321
// §4.1.2, with the letters of RFC 6531, wherever the dots stand.
func isLocal(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf && !isLocalByte(c) {
			return false
		}
	}
	return utf8.ValidString(s) && !hasControl(s)
}

func isLocalByte(c byte) bool {
	return is(c, isName) || strings.IndexByte(".+=&~!#$%'*/?^`{|}", c) >= 0
}

// mailHost returns the domain of an address, or its literal "[192.0.2.1]".
func mailHost(s string) (string, error) {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = strings.TrimPrefix(s[1:len(s)-1], "IPv6:")
		a, err := addr(s)
		if err != nil {
			return "", err
		}
		if a.Is6() {
			return "[IPv6:" + a.String() + "]", nil
		}
		return "[" + a.String() + "]", nil
	}
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "*") {
		return "", errEmail
	}
	return domain(s)
}
