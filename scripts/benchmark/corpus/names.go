package corpus

import (
	"strconv"
	"strings"
)

// side divides all names and addresses in two: those of indicators have it, those
// of the background do not.
func side(s string) bool { return (fnv(s)>>17)&1 == 0 }

// syllables returns n of them, to be read as a word.
func syllables(r *rng, n int) string {
	b := make([]byte, 0, 3*n)
	for range n {
		b = append(b, conson[r.n(len(conson))], vowels[r.n(5)])
		if r.pct(25) {
			b = append(b, conson[r.n(len(conson))])
		}
	}
	return string(b)
}

// badLabel is the first label of a bad name: made by an algorithm, after a
// brand, readable, of two words, or short.
func badLabel(r *rng) string {
	switch k := r.n(100); {
	case k < 25:
		return r.text(lower, 8+r.n(12))
	case k < 50:
		return brandLabel(r)
	case k < 80:
		return syllables(r, 3+r.n(3))
	case k < 97:
		return r.pick(words) + r.pick(words) + strconv.Itoa(r.n(100))
	default:
		return r.text(lower, 1) + r.text(alnum, 3+r.n(2))
	}
}

func brandLabel(r *rng) string {
	sep := "-"
	if r.pct(30) {
		sep = ""
	}
	s := r.pick(words) + sep + r.pick(brands)
	if r.pct(50) {
		s += sep + r.pick(words)
	}
	if r.pct(30) {
		s += strconv.Itoa(r.n(1000))
	}
	return s
}

// badUnder makes a name of the indicators' side below one of the suffixes.
func badUnder(r *rng, suffixes []string) string {
	for {
		d := badLabel(r) + "." + r.pick(suffixes)
		if side(d) {
			return d
		}
	}
}

func badDomain(r *rng) string { return badUnder(r, tldsBad) }

func badHostname(r *rng) string {
	if r.pct(20) {
		return badUnder(r, shared)
	}
	return subLabel(r) + "." + badDomain(r)
}

func subLabel(r *rng) string {
	switch k := r.n(10); {
	case k < 5:
		return r.pick(hostLabels)
	case k < 7:
		return r.text(alnum, 4+r.n(10))
	case k < 9:
		return r.pick(words)
	default:
		return r.pick(words) + "." + r.pick(hostLabels)
	}
}

// ip4 draws a public address of the given side.
func ip4(r *rng, bad bool) string {
	for {
		a := 1 + r.n(222)
		if a == 10 || a == 127 || a == 172 || a == 192 || a == 169 {
			continue
		}
		s := strconv.Itoa(a) + "." + strconv.Itoa(r.n(256)) + "." + strconv.Itoa(r.n(256)) + "." + strconv.Itoa(1+r.n(254))
		if side(s) == bad {
			return s
		}
	}
}

// ip6 draws an address of the given side, as RFC 5952 writes it.
func ip6(r *rng, bad bool) string {
	const first = "123456789abcdef"
	for {
		s := "2a0" + r.text("1234567", 1) + ":" + r.text(first, 1) + r.text(hexd, 3) + ":" + r.text(first, 1) + r.text(hexd, 1+r.n(3))
		s += "::" + r.text(first, 1) + r.text(hexd, r.n(4))
		if side(s) == bad {
			return s
		}
	}
}

// full6 writes out all zeros of an address that ip6 drew.
func full6(s string) string {
	groups := strings.Split(strings.Replace(s, "::", ":0:0:0:0:", 1), ":")
	for i, g := range groups {
		groups[i] = strings.Repeat("0", 4-len(g)) + g
	}
	return strings.Join(groups, ":")
}

// urlPath is the path, and perhaps the query, of a bad URL.
func urlPath(r *rng) string {
	var b strings.Builder
	for range 1 + r.n(3) {
		b.WriteByte('/')
		if r.pct(60) {
			b.WriteString(r.pick(words))
		} else {
			b.WriteString(r.text(alnum, 4+r.n(14)))
		}
	}
	b.WriteString([]string{".php", ".php", ".php", ".exe", ".exe", ".html", "/", "", "", ""}[r.n(10)])
	if r.pct(15) {
		b.WriteString("?id=" + r.text(alnum, 6+r.n(10)))
	}
	return b.String()
}
