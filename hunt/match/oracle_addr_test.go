package match

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// isAddress reports whether s[i:j] is the address o, in it, or it with its port.
func isAddress(o ioc.Observable, s string, i, j int) (Rule, bool) {
	if o.Type == ioc.IPPort {
		return Port, portAt(o.Value, s, i, j)
	}
	a, ok := addressAt(s, i, j)
	switch {
	case !ok:
		return 0, false
	case o.Type == ioc.CIDR:
		return Network, netip.MustParsePrefix(o.Value).Contains(a)
	}
	return Exact, a.String() == o.Value
}

// parseAddr is netip.ParseAddr without zones, and with a quick way out.
func parseAddr(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 45 || s[0] != ':' && !hexChar(s[0]) {
		return netip.Addr{}, false
	}
	for i := range len(s) {
		if !hexChar(s[i]) && s[i] != ':' && s[i] != '.' {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// addressAt reads s[i:j] as a whole address.
func addressAt(s string, i, j int) (netip.Addr, bool) {
	a, ok := parseAddr(s[i:j])
	if !ok {
		return a, false
	}
	if a.Is4() {
		return a, leftOf4(s, i) && (rightOf(s, j) || dumped(s, i, j) >= 0) && !inside6(s, i, j)
	}
	return a.Unmap(), leftOf6(s, i) && rightOf6(s, i, j) && !longer6(s, i, j)
}

// longer6 reports whether the IPv6 address s[i:j] goes on: in dotted decimal, or
// to tcpdump's port.
func longer6(s string, i, j int) bool {
	for e := j + 1; e <= len(s); e++ {
		if _, ok := parseAddr(s[i:e]); ok && rightOf6(s, i, e) {
			return true
		}
	}
	return false
}

// leftOf4: no letter, digit or '_', and no single dot.
func leftOf4(s string, i int) bool {
	if i == 0 {
		return true
	}
	if s[i-1] == '.' {
		return i > 1 && s[i-2] == '.'
	}
	return !wordByte(s[i-1])
}

// rightOf: no letter, digit or '_', and no dot with more behind it.
func rightOf(s string, j int) bool {
	if j < len(s) && s[j] == '.' {
		return j+1 == len(s) || !wordByte(s[j+1])
	}
	return j == len(s) || !wordByte(s[j])
}

var dotPortRE = regexp.MustCompile(`^\.(0|[1-9][0-9]{0,4})`)

// dumped returns the end of the port of an address s[i:j] in tcpdump's form, or -1.
func dumped(s string, i, j int) int {
	m := dotPortRE.FindStringSubmatch(s[j:])
	if m == nil {
		return -1
	}
	e := j + len(m[0])
	if p, _ := strconv.Atoi(m[1]); p > 65535 || e < len(s) && wordByte(s[e]) {
		return -1
	}
	if labelAfter(s, e) {
		return -1
	}
	if strings.HasPrefix(s[e:], " > ") || strings.HasPrefix(s[e:], ": ") || strings.HasSuffix(s[:i], "> ") {
		return e
	}
	return -1
}

// inside6 reports whether the IPv4 address s[i:j] is the end of an IPv6 one.
func inside6(s string, i, j int) bool {
	for k := range i {
		if a, ok := parseAddr(s[k:j]); ok && a.Is6() && leftOf6(s, k) && rightOf6(s, k, j) {
			return true
		}
	}
	return false
}

// leftOf6: nothing of the run of hex digits and colons stands before s[i], but
// for a word and its colon. A word has a letter that is no hex digit, or is
// part of a name, or empty.
func leftOf6(s string, i int) bool {
	if i == 0 {
		return true
	}
	if s[i-1] != ':' {
		return !gluedBefore(s, i) && !hexChar(s[i-1])
	}
	v := i - 1
	for v > 0 && hexChar(s[v-1]) {
		v--
	}
	if v > 0 && s[v-1] == ':' {
		return false
	}
	return v == i-1 && !gluedBefore(s, v) || gluedBefore(s, v)
}

func gluedBefore(s string, i int) bool {
	if r, _ := utf8.DecodeLastRuneInString(s[:i]); spacedLetter(r) {
		return true
	}
	return i > 0 && (wordByte(s[i-1]) && !hexChar(s[i-1]) || s[i-1] == '.' && i > 1 && labelByte(s[i-2]))
}

// rightOf6 is leftOf6 for the other side; tcpdump's port may follow.
func rightOf6(s string, i, j int) bool {
	if dumped(s, i, j) >= 0 {
		return true
	}
	if dotted := strings.Contains(s[i:j], "."); dotted {
		return rightOf(s, j) && !(j < len(s) && s[j] == '.' && j+1 < len(s) && labelByte(s[j+1]))
	}
	if j == len(s) {
		return true
	}
	if s[j] != ':' {
		return !gluedAfter(s, j) && !hexChar(s[j])
	}
	w := j + 1
	for w < len(s) && hexChar(s[w]) {
		w++
	}
	if w < len(s) && s[w] == ':' {
		return false
	}
	return w == j+1 || gluedAfter(s, w)
}

func gluedAfter(s string, j int) bool {
	if r, _ := utf8.DecodeRuneInString(s[j:]); spacedLetter(r) {
		return true
	}
	return j < len(s) && (wordByte(s[j]) && !hexChar(s[j]) || s[j] == '.' && j+1 < len(s) && labelByte(s[j+1]))
}

var portRE = regexp.MustCompile(`^(\[?)(.*?)(?:%[0-9A-Za-z_.-]*)?(\]?):([0-9]{1,5})$`)

// portAt reports whether s[i:j] is the address with the port that v has.
func portAt(v, s string, i, j int) bool {
	d := j
	for d > i && s[d-1] >= '0' && s[d-1] <= '9' {
		d--
	}
	want := netip.MustParseAddrPort(v)
	if p, err := strconv.Atoi(s[d:j]); d == i || err != nil || p != int(want.Port()) {
		return false
	}
	switch s[d-1] {
	case '.': // tcpdump
		a, ok := addressAt(s, i, d-1)
		return ok && a == want.Addr() && dumped(s, i, d-1) == j
	case ':':
		return colonPortAt(want, s, i, j)
	}
	return false
}

func colonPortAt(want netip.AddrPort, s string, i, j int) bool {
	m := portRE.FindStringSubmatch(s[i:j])
	if m == nil || (m[1] == "") != (m[3] == "") || j < len(s) && (wordByte(s[j]) || s[j] == '.' && j+1 < len(s) && labelByte(s[j+1])) {
		return false
	}
	k := i + len(m[1])
	a, ok := addressAt(s, k, k+len(m[2]))
	if m[1] == "" && (i > 0 && s[i-1] == '[' && s[k+len(m[2])] == ']' || strings.Contains(m[2], ":") && !strings.Contains(m[2], ".")) {
		return false
	}
	if m[1] == "" && len(m[0]) != len(m[2])+1+len(m[4]) {
		return false
	}
	return ok && a == want.Addr()
}

var (
	macRE   = regexp.MustCompile(`^(?i)(?:[0-9a-f]{12}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:[.][0-9a-f]{4}){2}|[0-9a-f]{4}(?:-[0-9a-f]{4}){2}|[0-9a-f]{6}-[0-9a-f]{6})$`)
	shortRE = regexp.MustCompile(`^(?i)[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$`)
	pairsRE = regexp.MustCompile(`^(?i)[0-9a-f]{2}(?::[0-9a-f]{2})+$`)
)

// isMAC reports whether s[i:j] is a spelling of the MAC address v: in groups, of
// which none stands beside it with the same sign between, or in pairs with
// colons, that may lack a leading zero.
func isMAC(v, s string, i, j int) bool {
	piece := s[i:j]
	if len(piece) < 11 || len(piece) > 17 {
		return false
	}
	if shortRE.MatchString(piece) {
		var pairs []string
		for _, p := range strings.Split(strings.ToLower(piece), ":") {
			pairs = append(pairs, strings.Repeat("0", 2-len(p))+p)
		}
		return strings.Join(pairs, ":") == v && pairsAlone(s, i, j)
	}
	if !macRE.MatchString(piece) || beside(s, i, j, alnumByte) {
		return false
	}
	if k := strings.IndexAny(piece, ".-"); k >= 0 {
		sep := piece[k]
		if i > 1 && s[i-1] == sep && alnumByte(s[i-2]) || j+1 < len(s) && s[j] == sep && alnumByte(s[j+1]) {
			return false
		}
	}
	digits := strings.NewReplacer("-", "", ".", "").Replace(strings.ToLower(piece))
	return digits == strings.ReplaceAll(v, ":", "")
}

// isPairs reports whether s[i:j] is the fingerprint v in pairs with colons.
func isPairs(v, s string, i, j int) bool {
	return j-i == len(v)/2*3-1 && pairsRE.MatchString(s[i:j]) && strings.ReplaceAll(strings.ToLower(s[i:j]), ":", "") == v && pairsAlone(s, i, j)
}

// pairsAlone reports whether the pairs s[i:j] are all of a row of hex digits and
// colons, but for a word and its colon, and one more colon, on each side.
func pairsAlone(s string, i, j int) bool {
	v := i
	for v > 0 && (hexChar(s[v-1]) || s[v-1] == ':') {
		v--
	}
	before := s[v:i]
	if gluedBefore(s, v) {
		k := strings.IndexByte(before, ':')
		if k < 0 {
			return false
		}
		before = before[k+1:]
	}
	if before != "" && before != ":" {
		return false
	}
	u := j
	for u < len(s) && (hexChar(s[u]) || s[u] == ':') {
		u++
	}
	rest := s[j:u]
	if gluedAfter(s, u) {
		k := strings.LastIndexByte(rest, ':')
		if k < 0 {
			return false
		}
		rest = rest[:k]
	}
	return rest == "" || rest == ":"
}
