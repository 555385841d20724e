package canon

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// lenient maps a Unicode name as browsers do (UTS 46, non-transitional) but
// checks nothing that real names break: underscores, hyphens at the ends of a
// label, mixed directions. What remains forbidden is told by name.
var lenient = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.ValidateLabels(false),
	idna.CheckHyphens(false),
	idna.CheckJoiners(false),
	idna.VerifyDNSLength(false),
)

// Domain returns the canonical form of a host name: lower case, in punycode,
// without a final dot. A leading "*." or "." is dropped, since a domain stands
// for its subdomains anyway. Labels are of letters, digits, '-' and '_' (DNS
// itself allows more, RFC 2181 §11, but nothing that resolves uses it) and of
// at most 63 bytes, a name of at most 253 (RFC 1035 §2.3.4). There are at least
// two labels and the last is not a number, for then it would be an address.
// Whether the top-level domain exists is not asked: lists have .onion and .bit.
func Domain(s string) (string, error) {
	return domain(Refang(trim(s)))
}

// domain is Domain for a value that is trimmed and refanged.
func domain(s string) (string, error) {
	name, err := hostName(dropWildcard(s))
	if err != nil {
		return "", err
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", errBare
	}
	if all(name[i+1:], isDigit) {
		return "", errName
	}
	return name, nil
}

// dropWildcard drops the "*." or "." that a name begins with.
func dropWildcard(s string) string {
	for s != "" && (s[0] == '.' || s[0] == '*' && len(s) > 1 && s[1] == '.') {
		s = s[1:]
	}
	return s
}

// hostName returns the canonical form of any host name, a single label and a
// number included, as a URL may have it.
func hostName(s string) (string, error) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return unicodeName(s)
		}
	}
	return asciiName(s)
}

// maxUnicode bounds what is given to idna: four bytes for each byte that the
// name can have at most.
const maxUnicode = 4 * 253

func unicodeName(s string) (string, error) {
	if len(s) > maxUnicode {
		return "", errLongName
	}
	if !utf8.ValidString(s) {
		return "", errName
	}
	a, err := lenient.ToASCII(s)
	if err != nil {
		return "", errName
	}
	return asciiName(a)
}

func asciiName(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	if err := checkName(s); err != nil {
		return "", err
	}
	return lower(s), nil
}

// checkName holds the labels of s to the rules that Domain names.
func checkName(s string) error {
	if s == "" {
		return errName
	}
	if len(s) > 253 {
		return errLongName
	}
	start := 0
	for i := range len(s) {
		switch c := s[i]; {
		case is(c, isName):
		case c != '.':
			return nameReason(s)
		case i == start:
			return errName
		case i-start > 63:
			return errLabel
		default:
			start = i + 1
		}
	}
	if start == len(s) {
		return errName
	}
	if len(s)-start > 63 {
		return errLabel
	}
	return nil
}

// nameReason tells a regular expression or a wildcard, of which lists have
// many, from plain rubbish.
func nameReason(s string) error {
	if strings.ContainsAny(s, `*?[](){}^$|\+`) {
		return errPattern
	}
	return errName
}

// PublicSuffix reports whether a name in canonical form is one under which
// everybody can register, such as "co.uk": one of the ICANN part of the Public
// Suffix List (publicsuffix.org), or a top-level domain that is there. Suffixes
// of the list's private part, such as a provider of dynamic names, are none: a
// feed may well mean all of one. Nor is a name of two labels or more that is on
// the list only because all its siblings are ("x.jm", of "*.jm").
func PublicSuffix(name string) bool {
	if name == "" || len(name) > 40 || strings.Count(name, ".") > 3 {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(name)
	dot := strings.IndexByte(name, '.')
	if dot < 0 {
		_, below := publicsuffix.PublicSuffix("x." + name) // "jm" is there as "*.jm" alone
		return icann || below
	}
	if !icann || suffix != name {
		return false
	}
	sibling := "no--such--name" + name[dot:]
	suffix, _ = publicsuffix.PublicSuffix(sibling)
	return suffix != sibling
}
