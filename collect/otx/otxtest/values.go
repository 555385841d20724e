package otxtest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// UnknownType is the indicator type of generated accounts that no client knows.
const UnknownType = "WindowsServiceName"

// share says how many of a hundred generated indicators are of a type: the mix
// of the service as far as that is known, with every rare type present.
var shares = []struct {
	name string
	n    int
}{
	{"IPv4", 16}, {"domain", 16}, {"hostname", 14}, {"URL", 12}, {"FileHash-SHA256", 10}, {"FileHash-MD5", 8},
	{"FileHash-SHA1", 6}, {"email", 2}, {"IPv6", 1}, {"CIDR", 1}, {"URI", 1}, {"FilePath", 1}, {"Mutex", 1}, {"CVE", 1}, {"YARA", 1},
	{"JA3", 1}, {"JARM", 1}, {"SSLCertFingerprint", 1}, {"FileHash-PEHASH", 1}, {"FileHash-IMPHASH", 1},
	{"BitcoinAddress", 1}, {"osquery", 1}, {"NIDS", 1}, {UnknownType, 1},
}

var wheel = func() (w [100]string) {
	i := 0
	for _, s := range shares {
		for range s.n {
			w[i*37%100] = s.name // 37 has no factor in common with 100: every slot is met once
			i++
		}
	}
	return w
}()

// makers give the value of number n for each type, and the content where the
// type has one. Every value shows n, or a bijection of it, so that no two of
// one account are alike.
var makers = map[string]func(seed, n uint64) (val, content string){
	"IPv4":               func(seed, n uint64) (string, string) { return ipv4(seed, n), "" },
	"IPv6":               func(seed, n uint64) (string, string) { return ipv6(seed, n), "" },
	"CIDR":               func(seed, n uint64) (string, string) { return cidr(seed, n), "" },
	"domain":             func(seed, n uint64) (string, string) { return domain(seed, n), "" },
	"hostname":           func(seed, n uint64) (string, string) { return hostname(seed, n), "" },
	"URL":                func(seed, n uint64) (string, string) { return locator(seed, n), "" },
	"URI":                func(_, n uint64) (string, string) { return "/wp-content/" + b36(n) + "/panel.php", "" },
	"email":              func(seed, n uint64) (string, string) { return mailbox(seed, n), "" },
	"FileHash-MD5":       digest(1, 32),
	"FileHash-SHA1":      digest(2, 40),
	"FileHash-SHA256":    digest(3, 64),
	"FileHash-PEHASH":    digest(4, 40),
	"FileHash-IMPHASH":   digest(5, 32),
	"JA3":                digest(6, 32),
	"JARM":               digest(7, 62),
	"SSLCertFingerprint": digest(8, 40),
	"FilePath":           func(seed, n uint64) (string, string) { return filePath(seed, n), "" },
	"Mutex":              func(seed, n uint64) (string, string) { return `Global\{` + hexOf(seed, n, 9, 16) + `}`, "" },
	"CVE": func(_, n uint64) (string, string) {
		return "CVE-" + strconv.FormatUint(1999+n%27, 10) + "-" + strconv.FormatUint(1000+n/27, 10), ""
	},
	"YARA":           yara,
	"osquery":        osquery,
	"NIDS":           nids,
	"BitcoinAddress": func(seed, n uint64) (string, string) { return bitcoin(seed, n), "" },
	UnknownType:      func(_, n uint64) (string, string) { return "svc_" + b36(n), "" },
}

// value returns type, value and content of indicator number n.
func value(seed, n uint64) (typ, val, content string) {
	typ = wheel[n%uint64(len(wheel))]
	val, content = makers[typ](seed, n)
	return typ, val, content
}

func b36(n uint64) string { return strconv.FormatUint(n, 36) }

// blocks are the first octets of networks that are public as a whole.
var blocks = func() (out []byte) {
	for b := 1; b < 224; b++ {
		switch b {
		case 10, 100, 127, 169, 172, 192, 198, 203:
		default:
			out = append(out, byte(b))
		}
	}
	return out
}()

// scatter is a bijection of 24 bits.
func scatter(seed, n uint64) uint32 { return uint32(n*0x9e3779b1+seed*0x85ebca77) & 0xffffff }

func ipv4(seed, n uint64) string {
	l := uint64(len(blocks))
	x := scatter(seed, n/l)
	return netip.AddrFrom4([4]byte{blocks[n%l], byte(x >> 16), byte(x >> 8), byte(x)}).String()
}

func cidr(_, n uint64) string {
	l := uint64(len(blocks))
	x := n / l
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{blocks[n%l], byte(x >> 8), byte(x), 0}), 24).String()
}

// ipv6 spells some addresses in capitals, as lists do.
func ipv6(seed, n uint64) string {
	b := [16]byte{0x2a, 0x0e, 0x5e, 0xed}
	binary.BigEndian.PutUint64(b[8:], n)
	b[5] = byte(mix(seed))
	s := netip.AddrFrom16(b).String()
	if n/100%3 == 0 {
		return strings.ToUpper(s)
	}
	return s
}

func domain(seed, n uint64) string {
	r := mix(seed ^ n)
	tld := ".example"
	if r&1 == 0 {
		tld = ".test"
	}
	return pick(adjectives, r>>1) + "-" + pick(nouns, r>>9) + "-" + b36(n) + tld
}

func hostname(seed, n uint64) string {
	return pick([]string{"www", "mail", "cdn.eu", "update", "ns1"}, mix(n)) + "." + domain(seed, n)
}

// locator gives URLs in the forms that lists have: with port and query, with a
// host in capitals, without a scheme.
func locator(seed, n uint64) string {
	r := mix(seed + n)
	host := domain(seed, n)
	switch r % 8 {
	case 0:
		return "http://" + ipv4(seed, n) + ":8080/bins/" + b36(n) + ".mips"
	case 1:
		return "HTTP://" + strings.ToUpper(host) + "/"
	case 2:
		return host + "/gate/" + b36(n) + ".php"
	case 3:
		return "https://" + host
	}
	return "https://" + host + "/" + pick(nouns, r>>8) + "/index.php?id=" + strconv.FormatUint(n, 10) + "&x=%7e"
}

func mailbox(seed, n uint64) string {
	s := pick(adjectives, n) + "." + b36(n) + "@" + domain(seed, n)
	if n/100%2 == 0 {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// digest returns a maker of strings of so many hex digits; some are upper-case.
func digest(salt uint64, digits int) func(seed, n uint64) (string, string) {
	return func(seed, n uint64) (string, string) {
		s := hexOf(seed, n, salt, digits)
		if n/100%8 == 0 {
			return strings.ToUpper(s), ""
		}
		return s, ""
	}
}

// hexOf returns pseudo-random hex digits whose first 16 are a bijection of n.
func hexOf(seed, n, salt uint64, digits int) string {
	var b [32]byte
	x := mix(seed*31+salt) ^ n
	for i := 0; i < len(b); i += 8 {
		x = mix(x)
		binary.BigEndian.PutUint64(b[i:], x)
	}
	var h [64]byte
	hex.Encode(h[:], b[:])
	return string(h[:digits])
}

func filePath(seed, n uint64) string {
	if n/100%2 == 0 {
		return `C:\Users\Public\` + pick(nouns, mix(seed^n)) + "_" + b36(n) + ".exe"
	}
	return "/var/tmp/." + pick(nouns, mix(seed^n)) + "/" + b36(n) + ".so"
}

// On the service the indicator of a YARA, osquery or NIDS entry is not the
// rule; the rule stands in content.
func yara(seed, n uint64) (string, string) {
	name := "rule_" + b36(n)
	return hexOf(seed, n, 10, 40), "rule " + name + " {\n\tstrings:\n\t\t$a = \"" + pick(nouns, n) + "\"\n\tcondition:\n\t\t$a\n}\n"
}

func osquery(seed, n uint64) (string, string) {
	return hexOf(seed, n, 11, 40), "SELECT * FROM processes WHERE name = '" + pick(nouns, n) + b36(n) + "';"
}

func nids(_, n uint64) (string, string) {
	sid := strconv.FormatUint(2_000_000+n, 10)
	return sid, `alert http any any -> any any (msg:"ET ` + sid + `"; content:"/gate.php"; sid:` + sid + `;)`
}

// bitcoin returns a pay-to-key-hash address with a correct check sum
// (Base58Check), as some readers verify it.
func bitcoin(seed, n uint64) string {
	var b [25]byte
	binary.BigEndian.PutUint64(b[1:], mix(seed^n))
	binary.BigEndian.PutUint64(b[13:], n)
	one := sha256.Sum256(b[:21])
	two := sha256.Sum256(one[:])
	copy(b[21:], two[:4])
	return base58(b[:])
}

func base58(b []byte) string {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var out []byte
	num := slices.Clone(b)
	for slices.ContainsFunc(num, func(x byte) bool { return x != 0 }) {
		rem := 0
		for i, d := range num {
			v := rem<<8 | int(d)
			num[i], rem = byte(v/58), v%58
		}
		out = append(out, digits[rem])
	}
	for i := 0; i < len(b) && b[i] == 0; i++ {
		out = append(out, '1')
	}
	slices.Reverse(out)
	return string(out)
}
