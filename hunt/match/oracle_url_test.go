package match

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
)

// oracleURL finds the URL v: a piece that begins at a scheme or, if v has none,
// at a host, ends where a URL may end, and has v as its canonical form. Of
// those that begin at one place the longest counts. Scheme and host are read
// with their percent escapes decoded; what is behind them as it is written,
// unless the "://" was escaped: then it is decoded as often as that was.
func oracleURL(v string, under text, hit report) {
	flat := text{b: under.b}
	for i := range len(under.b) {
		flat.from, flat.to = append(flat.from, i), append(flat.to, i+1)
	}
	full := rewrite(flat, oraclePercent)
	for i := range len(full.b) {
		best := 0
		for _, h := range hostsAt(full.b, i) {
			y, opener := composed(under, full, i, h)
			for _, j := range urlEnds(y.b, h.end, h.colon > 0, opener) {
				piece := y.b[i:j]
				if next, _ := utf8.DecodeRuneInString(y.b[j:]); !spacedLetter(next) && urlIs(v, piece) {
					best = max(best, y.to[j-1])
				}
			}
		}
		if best > 0 {
			k := full.from[i]
			hit(text{from: []int{under.from[k]}, to: []int{under.to[best-1]}}, 0, 1, Locator)
		}
	}
}

// host is where the host of a URL ends, and where the "://" before it begins, 0 if
// there is none.
type host struct{ end, colon int }

// composed returns the text up to the end of the host h, decoded, with what is behind it,
// and what stands before the URL that begins at full.b[i].
func composed(under, full text, i int, h host) (y text, opener byte) {
	y = text{full.b[:h.end], slices.Clone(full.from[:h.end]), slices.Clone(full.to[:h.end])}
	end := full.to[h.end-1]
	var rest text
	for k := range len(under.b) - end {
		rest.add(under.b[end+k:end+k+1], end+k, end+k+1)
	}
	if h.colon > 0 {
		levels := (full.to[h.colon] - full.from[h.colon] - 1) / 2
		if k := strings.IndexAny(rest.b, "&# \"<>"); k >= 0 && levels > 0 {
			rest = text{rest.b[:k], rest.from[:k], rest.to[:k]}
		}
		for range levels {
			rest = rewrite(rest, oracleDecode)
		}
	}
	if k := full.from[i]; k > 0 {
		opener = under.b[k-1]
	}
	return text{y.b + rest.b, append(y.from, rest.from...), append(y.to, rest.to...)}, opener
}

var (
	schemeAtRE  = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z+]+://`)
	userEndRE   = regexp.MustCompile(`://(?:[^/?#<>\\"\x00-\x20\x7f]{0,256}@)?$`)
	userAtRE    = regexp.MustCompile(`^[^/?#<>\\"\x00-\x20\x7f]{0,256}@`)
	colonPortRE = regexp.MustCompile(`^:0{0,4}[1-9][0-9]{0,4}`)
	bracketRE   = regexp.MustCompile(`^\[([0-9A-Fa-f:.]+)(?:%[0-9A-Za-z_.-]*)?\]`)
	runRE       = regexp.MustCompile(`^[0-9A-Za-z_.-]+`)
)

// schemeOf returns where the scheme begins that ends s, and whether one does: in a
// word of up to 32 letters, digits and '+', two of them from the first letter on.
func schemeOf(s string) (begin int, ok bool) {
	word := s[len(strings.TrimRightFunc(s, func(r rune) bool { return r == '+' || r < utf8.RuneSelf && alnumByte(byte(r)) })):]
	scheme := strings.TrimLeft(word, "0123456789+")
	return len(s) - len(scheme), len(scheme) >= 2 && len(word) <= 32
}

// behindScheme reports whether s ends in a scheme and "://", and in a user's name.
func behindScheme(s string) bool {
	m := userEndRE.FindStringIndex(s)
	if m == nil {
		return false
	}
	_, ok := schemeOf(s[:m[0]])
	return ok
}

// hostsAt returns the hosts of the URLs that may begin at s[i]: behind a scheme,
// and a user's name, or at s[i] itself.
func hostsAt(s string, i int) (hs []host) {
	if s[i] <= ' ' || labelByte(s[i]) && letterLeft(s, i) {
		return nil
	}
	m := schemeAtRE.FindString(s[i:])
	first := i + len(m)
	if begin, ok := schemeOf(s[:max(i, first-len("://"))]); m == "" || !ok || begin != i {
		if behindScheme(s[:i]) || i > 0 && labelByte(s[i-1]) {
			return nil
		}
		return hostEnds(s, i, 0)
	}
	last := first + len(userAtRE.FindString(s[first:]))
	for k := first; k <= last; k++ {
		if k == first || s[k-1] == '@' {
			hs = append(hs, hostEnds(s, k, first-len("://"))...)
		}
	}
	return hs
}

// hostEnds returns the hosts that begin at s[i]: in brackets, in ASCII, in Unicode.
func hostEnds(s string, i, colon int) (hs []host) {
	if i == len(s) {
		return nil
	}
	var ends []int
	if m := bracketRE.FindStringSubmatch(s[i:]); m != nil {
		if _, ok := addressAt(s, i+1, i+1+len(m[1])); ok {
			ends = append(ends, i+len(m[0]))
		}
	}
	for e := i + 2; e <= len(s) && (s[e-1] >= '0' && s[e-1] <= '9' || s[e-1] == '.'); e++ {
		if a, ok := addressAt(s, i, e); ok && a.Is4() && !(i > 0 && bracketRE.MatchString(s[i-1:]) && strings.IndexByte("]%", s[e]) >= 0) {
			ends = append(ends, e)
		}
	}
	run := runRE.FindString(s[i:])
	run, _, _ = strings.Cut(strings.TrimRight(run, "."), "..")
	if _, isAddr := parseAddr(run); run != "" && s[i] != '.' && !isAddr {
		if !labelBefore(s, i) && !letterLeft(s, i) && (colon > 0 || strings.Contains(run, ".")) {
			ends = append(ends, i+len(run))
		}
	}
	for _, n := range unicodeNames(s, i) {
		if _, err := netip.ParseAddr(asciiDots.Replace(s[i:n.end])); err != nil && !letterLeft(s, i) { // addresses are in ASCII
			ends = append(ends, n.end)
		}
	}
	for _, e := range ends {
		if labelAfter(s, e) {
			continue
		}
		if e+1 < len(s) && s[e] == '.' && strings.IndexByte("/:?", s[e+1]) >= 0 {
			e++
		}
		hs = append(hs, host{e, colon})
	}
	return hs
}

// urlIs reports whether v is the canonical form of piece, or one without scheme
// that names the same.
func urlIs(v, piece string) bool {
	if m := schemeAtRE.FindString(piece); canon.Refang(m) != m { // "7hxxp://": not undone behind a digit, so a scheme as any other
		piece = "none" + piece[len(m)-len("://"):]
	}
	if canon.Refang(piece) != piece || strings.ContainsAny(piece, "\"<>\\ \t#") {
		return false
	}
	got, err := canon.URL(piece)
	if err != nil {
		got, err = canon.URL(piece + "/")
	}
	if err != nil { // as "192.0.2.1./x", which is not taken for a URL where nothing says so
		if got, err = canon.URL("none://" + piece); err != nil {
			return false
		}
		got = strings.TrimPrefix(got, "none://")
	}
	if got == v {
		return true
	}
	plain, withPort := canon.Schemeless(got)
	return v == plain || withPort != "" && v == withPort
}

// urlEnds returns where a URL may end whose host ends at s[i].
func urlEnds(s string, i int, schemed bool, opener byte) []int {
	if m := colonPortRE.FindString(s[i:]); m != "" && !(i+len(m) < len(s) && wordByte(s[i+len(m)])) {
		i += len(m)
	} else if strings.HasPrefix(s[i:], ":/") {
		i++
	}
	switch {
	case i < len(s) && s[i] == '@', schemed && userAtRE.MatchString(s[i:]):
		return nil // a user's name
	case i == len(s) || s[i] != '/' && s[i] != '?':
		return []int{i}
	}
	return valueEnds(s, i, opener)
}

// hardEnd returns where a URL ends for certain that goes on at s[i].
func hardEnd(s string, i int) int {
	for i < len(s) && s[i] > ' ' && s[i] != 0x7f && strings.IndexByte(`"<>\#`, s[i]) < 0 {
		i++
	}
	return i
}

// valueEnds returns where a URL or a path may end that goes on at s[i] and
// stands behind opener.
func valueEnds(s string, i int, opener byte) (may []int) {
	end := hardEnd(s, i)
	ends := []int{end}
	for k := i; k < end; k++ {
		if s[k] >= 0x80 || strings.IndexByte("`{}|^", s[k]) >= 0 {
			ends = append(ends, k)
			break
		}
	}
	if c := map[byte]byte{'(': ')', '[': ']', '{': '}', '\'': '\'', ',': ',', ';': ';', '|': '|', '`': '`', '*': '*'}[opener]; c != 0 {
		if k := strings.IndexByte(s[i:end], c); k >= 0 {
			ends = append(ends, i+k)
		}
	}
	for _, e := range ends {
		may = append(may, e)
		for j := e - 1; j >= i && strings.IndexByte(".,;:!?)]}'*", s[j]) >= 0 && !(e == end && end < len(s) && s[end] == '#'); j-- {
			may = append(may, j)
		}
	}
	return may
}
