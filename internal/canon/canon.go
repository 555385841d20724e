// Package canon knows what the values of each type look like. It puts a value
// into its one canonical form, so that == compares it; it undoes what people
// write to keep a value from being clicked; it finds values in prose. The
// matcher, the collectors and the queries share it, because an indicator only
// meets the log line that names it when both were written the same way first.
//
// Three questions, three ways in:
//
//   - Observable takes a value that a feed has set apart (a list line, a CSV
//     cell, a field of a pulse) and says what it is, or why it is nothing.
//     Sniff is the same without a declared type.
//   - Extract takes prose, in which most words are not indicators, and is
//     therefore stricter: a name must end in a real public suffix and must not
//     look like a file's.
//   - Domain, URL, Email, Addr and their like each know one type alone.
//
// What holds for all of them: no input makes them panic, the work is linear in
// its length, and doing it twice changes nothing: Observable(o.Type, o.Value)
// is o. A value is never guessed at and never cut: it is either taken whole or
// refused with a reason.
package canon

// Refused is the error for a value that cannot be an observable. Reason is one
// of a few fixed texts and does not repeat the value, so that refusals can be
// counted by reason.
type Refused struct{ Reason string }

// Error returns the reason.
func (r *Refused) Error() string { return r.Reason }

// The reasons there are.
var (
	errEmpty    = &Refused{"empty"}
	errTooLong  = &Refused{"too long"}
	errSpace    = &Refused{"white space inside"}
	errControl  = &Refused{"control characters inside"}
	errPattern  = &Refused{"a pattern, not a value"}
	errName     = &Refused{"not a domain name"}
	errBare     = &Refused{"a bare label"}
	errLabel    = &Refused{"a label over 63 characters"}
	errLongName = &Refused{"a name over 253 characters"}
	errAddr     = &Refused{"no such address"}
	errZeros    = &Refused{"octets with leading zeros"}
	errPort     = &Refused{"no such port"}
	errPrefix   = &Refused{"no such network"}
	errURL      = &Refused{"not a URL"}
	errHost     = &Refused{"a URL without a host"}
	errNoPath   = &Refused{"neither scheme nor path"}
	errPath     = &Refused{"not a URL path"}
	errRoot     = &Refused{"the root path"}
	errEmail    = &Refused{"not an e-mail address"}
	errHex      = &Refused{"not hexadecimal"}
	errDigits   = &Refused{"a wrong number of hex digits"}
	errCVE      = &Refused{"not a CVE id"}
	errMAC      = &Refused{"not a MAC address"}
	errBitcoin  = &Refused{"not a Bitcoin address"}
)

// maxLen is the greatest length in bytes of a value that is hunted. RFC 9110
// §4.1 asks for 8,000 of a URL; the longest file path of Linux is 4,096 and
// that of Windows 32,767.
const maxLen = 1 << 15

// Classes of bytes. A byte over 0x7f is in none of them.
const (
	isLower = 1 << iota
	isUpper
	isDigit
	isHex   // of either case
	isPunct // '-' or '_': what a label has beside letters and digits
	isSpace // ASCII white space
	isControl
	isUnreserved // RFC 3986 §2.3

	isAlpha = isLower | isUpper
	isAlnum = isAlpha | isDigit
	isName  = isAlnum | isPunct
)

var class = func() (t [256]uint8) {
	set := func(chars string, c uint8) {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	set("abcdefghijklmnopqrstuvwxyz", isLower|isUnreserved)
	set("ABCDEFGHIJKLMNOPQRSTUVWXYZ", isUpper|isUnreserved)
	set("0123456789", isDigit|isUnreserved)
	set("0123456789abcdefABCDEF", isHex)
	set("-_", isPunct)
	set("-._~", isUnreserved)
	set(" \t\n\v\f\r", isSpace)
	for c := range 0x20 {
		t[c] |= isControl
	}
	t[0x7f] |= isControl
	return t
}()

// is reports whether c is in one of the classes of mask.
func is(c byte, mask uint8) bool { return class[c]&mask != 0 }

// all reports whether every byte of s is in one of the classes of mask.
func all(s string, mask uint8) bool {
	for i := range len(s) {
		if class[s[i]]&mask == 0 {
			return false
		}
	}
	return true
}

// lower returns s with the ASCII letters in lower case; s itself when it has
// no capitals.
func lower(s string) string {
	for i := range len(s) {
		if is(s[i], isUpper) {
			return lowered(s)
		}
	}
	return s
}

func lowered(s string) string {
	b := []byte(s)
	for i, c := range b {
		if is(c, isUpper) {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
