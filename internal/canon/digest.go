package canon

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// digestLen lists the numbers of hex digits that a type can have. pehash is a
// SHA-1 by its definition, but feeds fill it with other sums too, as they do
// certificate fingerprints.
var digestLen = map[ioc.Type][]int{
	ioc.MD5:      {32},
	ioc.SHA1:     {40},
	ioc.SHA256:   {64},
	ioc.SHA512:   {128},
	ioc.ImpHash:  {32},
	ioc.PEHash:   {40, 32, 64},
	ioc.JA3:      {32},
	ioc.JARM:     {62},
	ioc.CertHash: {40, 64, 32},
}

// Digest returns the hex digits of a digest of type t in lower case. Those of
// a certificate may be parted by colons, hyphens or blanks, byte by byte.
func Digest(t ioc.Type, s string) (string, error) {
	s = trim(s)
	if t == ioc.CertHash {
		s = joined(s)
	}
	if s == "" {
		return "", errEmpty
	}
	if !all(s, isHex) {
		return "", errHex
	}
	for _, n := range digestLen[t] {
		if len(s) == n {
			return lower(s), nil
		}
	}
	return "", errDigits
}

// joined removes what parts the bytes of a fingerprint. A value that is too
// long to be one is left alone.
func joined(s string) string {
	if len(s) > 64*2 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, s)
}

// digestOf tells the type of a file's digest from its number of hex digits.
func digestOf(n int) (ioc.Type, bool) {
	switch n {
	case 32:
		return ioc.MD5, true
	case 40:
		return ioc.SHA1, true
	case 64:
		return ioc.SHA256, true
	case 128:
		return ioc.SHA512, true
	case 62:
		return ioc.JARM, true
	}
	return "", false
}

// pairs reports how many pairs of hex digits s is made of, all parted by the
// same sep; 0 where it is made otherwise.
func pairs(s string, sep byte) int {
	if len(s)%3 != 2 {
		return 0
	}
	for i := range len(s) {
		if i%3 == 2 && s[i] != sep || i%3 != 2 && !is(s[i], isHex) {
			return 0
		}
	}
	return len(s)/3 + 1
}

// CVE returns the id in capitals. Its number has four digits or more (CVE
// syntax of 2014).
func CVE(s string) (string, error) {
	s = dashes.Replace(trim(s))
	if n := cveLen(s); n == 0 || n != len(s) {
		return "", errCVE
	}
	return strings.ToUpper(s), nil
}

// dashes are what word processors make of a hyphen.
var dashes = strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2212", "-")

// cveLen returns the length of the CVE id that s begins with, or 0.
func cveLen(s string) int {
	if len(s) < 13 || !strings.EqualFold(s[:4], "cve-") || !all(s[4:8], isDigit) || s[8] != '-' {
		return 0
	}
	n := 9
	for n < len(s) && is(s[n], isDigit) {
		n++
	}
	if n-9 < 4 || n-9 > 19 {
		return 0
	}
	return n
}

// MAC returns a 48-bit address as six pairs of lower-case hex digits parted by
// colons (STIX 2.1 §6.8). Pairs parted by hyphens, Cisco's groups of four and
// twelve bare digits are read as well.
func MAC(s string) (string, error) {
	s = trim(s)
	if pairs(s, ':') == 6 {
		return lower(s), nil
	}
	if pairs(s, '-') == 6 || len(s) == 14 && s[4] == '.' && s[9] == '.' {
		s = strings.Map(func(r rune) rune {
			if r == '-' || r == '.' {
				return -1
			}
			return r
		}, s)
	}
	if len(s) != 12 || !all(s, isHex) {
		return "", errMAC
	}
	s = lower(s)
	return strings.Join([]string{s[:2], s[2:4], s[4:6], s[6:8], s[8:10], s[10:]}, ":"), nil
}

// Bitcoin returns an address of Bitcoin or of one of its kin. Base58 keeps its
// case; bech32, which has none, is written in lower case (BIP 173). The check
// sum is not looked at: the declared type also covers other coins.
func Bitcoin(s string) (string, error) {
	s = trim(s)
	if len(s) > 8 && strings.EqualFold(s[:8], "bitcoin:") {
		s, _, _ = strings.Cut(s[8:], "?")
	}
	if len(s) < 14 || len(s) > 128 || !all(s, isAlnum) {
		return "", errBitcoin
	}
	if strings.EqualFold(s[:3], "bc1") {
		return lower(s), nil
	}
	return s, nil
}
