package canon

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// names looks through text[p:end], which has no URL with a scheme, token by
// token. A token is a run of what names are made of: letters, digits, dots,
// hyphens and underscores.
func (x *extractor) names(p, end int) {
	for i := p; i < end; {
		if x.text[i] == ':' || is(x.text[i], isHex) {
			if n := x.ipv6(p, i, end); n > i {
				i = n
				continue
			}
		}
		e := tokenEnd(x.text, i, end)
		if e == i {
			i++
			continue
		}
		i = x.token(p, i, e, end)
	}
}

func isTokenByte(c byte) bool { return is(c, isName) || c == '.' || c >= utf8.RuneSelf }

func tokenEnd(s string, i, end int) int {
	for i < end && isTokenByte(s[i]) {
		i++
	}
	return i
}

// ipv6 looks for an IPv6 address at i, with what belongs to it, and returns its
// end; i if there is none.
func (x *extractor) ipv6(p, i, end int) int {
	if i > p && (isTokenByte(x.text[i-1]) || x.text[i-1] == ':') {
		return i
	}
	e := i
	for e < end && e-i < 46 && (is(x.text[e], isHex) || x.text[e] == ':' || x.text[e] == '.') {
		e++
	}
	for e > i && (x.text[e-1] == '.' || x.text[e-1] == ':' && !strings.HasSuffix(x.text[i:e], "::")) {
		e--
	}
	s := x.text[i:e]
	if strings.Count(s, ":") < 2 || e < end && isTokenByte(x.text[e]) && x.text[e] != '.' {
		return i
	}
	a, err := addr(s)
	if err != nil || !telling(s) || ownMachine(a) {
		return i
	}
	return x.emitIPv6(p, i, e, end)
}

// telling reports whether s, which can be read as an IPv6 address, was meant
// as one: C++ has a::b, hardware has eight pairs.
func telling(s string) bool {
	groups, digit := 0, false
	for g := range strings.SplitSeq(s, ":") {
		if g != "" {
			groups++
		}
		digit = digit || strings.ContainsAny(g, "0123456789")
	}
	return groups > 1 && digit && pairs(s, ':') == 0
}

// emitIPv6 reports the address text[i:e], or the network or the address with a
// port that it begins.
func (x *extractor) emitIPv6(p, i, e, end int) int {
	if i > p && x.text[i-1] == '[' && e < end && x.text[e] == ']' {
		if n := x.portEnd(e+1, end); n > 0 && x.emit(ioc.IPPort, i-1, n) {
			return n
		}
	} else if n := x.digitsEnd(e, '/', 3, end); n > 0 && x.emit(ioc.CIDR, i, n) {
		return n
	}
	t := ioc.IPv6
	if a, _ := addr(x.text[i:e]); a.Is4() {
		t = ioc.IP
	}
	if x.emit(t, i, e) {
		return e
	}
	return i
}

// digitsEnd returns the end of "<sep>digits" at i, or 0 where something else
// stands or the number runs on into a name.
func (x *extractor) digitsEnd(i int, sep byte, most, end int) int {
	if i >= end || x.text[i] != sep {
		return 0
	}
	e := i + 1
	for e < end && e-i <= most && is(x.text[e], isDigit) {
		e++
	}
	if e == i+1 || e < end && (is(x.text[e], isName) || x.text[e] >= utf8.RuneSelf || x.text[e] == ':') {
		return 0
	}
	if e+1 < end && x.text[e] == '.' && isTokenByte(x.text[e+1]) {
		return 0
	}
	return e
}

// portEnd returns the end of the port whose colon is at i, or 0.
func (x *extractor) portEnd(i, end int) int {
	e := x.digitsEnd(i, ':', 5, end)
	if e == 0 {
		return 0
	}
	if _, ok := port(x.text[i+1 : e]); !ok {
		return 0
	}
	return e
}

// token looks at the token text[i:e] of text[p:end] and returns from where to
// look on.
func (x *extractor) token(p, i, e, end int) int {
	if e < end && x.text[e] == '@' {
		return x.mail(p, i, e, end)
	}
	if i > p && x.text[i-1] == '@' {
		return e
	}
	a, b := x.trimToken(i, e)
	if n := x.host(p, a, b, end); n > 0 {
		return max(n, e)
	}
	if n := x.scripts(p, a, b, end); n > 0 {
		return max(n, e)
	}
	return e
}

// trimToken drops the dots, hyphens and underscores at the ends of text[a:b].
func (x *extractor) trimToken(a, b int) (int, int) {
	for a < b && !is(x.text[a], isAlnum) && x.text[a] < utf8.RuneSelf {
		a++
	}
	for b > a && !is(x.text[b-1], isAlnum) && x.text[b-1] < utf8.RuneSelf {
		b--
	}
	return a, b
}

// scripts looks through the token text[a:b] if it is no host as a whole: for
// hosts between the signs of a script that puts no blanks between words, and
// for what parts finds. It returns the end of the last host, or 0.
func (x *extractor) scripts(p, a, b, end int) (last int) {
	if all(x.text[a:b], 0xff) {
		x.parts(p, a, b, end)
		return 0
	}
	for i := a; i < b; {
		e := i
		for e < b && x.text[e] < utf8.RuneSelf {
			e++
		}
		if e > i {
			n := 0
			from, to := x.trimToken(i, e)
			if stop := x.apart(a, i, e, b, end); stop > 0 {
				n = x.host(i, from, to, stop)
			}
			if n == 0 {
				x.parts(i, from, to, e)
			}
			last = max(last, n)
		}
		for i = max(e, last); i < b && x.text[i] >= utf8.RuneSelf; {
			i++
		}
	}
	return last
}

// apart reports whether text[i:e], a part of the token text[a:b], stands between
// signs that are words of their own; it returns where what belongs to it must
// end, or 0.
func (x *extractor) apart(a, i, e, b, end int) int {
	if i > a {
		if r, _ := utf8.DecodeLastRuneInString(x.text[a:i]); !unicode.In(r, blankless...) {
			return 0
		}
	}
	if e == b {
		return end
	}
	if r, _ := utf8.DecodeRuneInString(x.text[e:b]); !unicode.In(r, blankless...) {
		return 0
	}
	return e
}

// blankless are the scripts that write words together.
var blankless = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Khmer, unicode.Lao, unicode.Myanmar}

// mail reports the address whose local part ends with the token text[i:e] and
// returns from where to look on: behind it, or behind the @.
func (x *extractor) mail(p, i, e, end int) int {
	start := i
	for start > max(p, x.done) && e-start < 64 && (isTokenByte(x.text[start-1]) || strings.IndexByte("+=&~#", x.text[start-1]) >= 0) {
		start--
	}
	for start < e && strings.IndexByte(".=&~#-", x.text[start]) >= 0 {
		start++
	}
	d := e + 1
	stop := tokenEnd(x.text, d, end)
	for stop > d && !is(x.text[stop-1], isAlnum) && x.text[stop-1] < utf8.RuneSelf {
		stop--
	}
	if stop-d > maxUnicode {
		return stop
	}
	name, err := domain(x.text[d:stop])
	if err != nil || !knownTLD(name) && !x.changed(start, stop) || !x.emit(ioc.Email, start, stop) {
		return e + 1
	}
	return stop
}

// host reports the address or the name text[a:b] with the port, the length or
// the path that follows it in text[:end]; it returns the end, or 0 if it is
// neither.
func (x *extractor) host(p, a, b, end int) int {
	s := x.text[a:b]
	if len(s) < 4 || len(s) > maxUnicode || strings.IndexByte(s, '.') < 0 {
		return 0
	}
	if x.inPath(p, a) && !x.changed(a, b) {
		return 0
	}
	t := ioc.Domain
	if ip, err := addr(s); err == nil {
		if ownMachine(ip) {
			return b
		}
		t = ioc.IP
		if n := x.digitsEnd(b, '/', 2, end); n > 0 && !x.pathFollows(n, end) && x.emit(ioc.CIDR, a, n) {
			return n
		}
	} else if !x.plausible(a, b, end) {
		return 0
	}
	return x.hostWith(t, a, b, end)
}

// hostWith reports the host text[a:b], whose type is t, with port and path.
func (x *extractor) hostWith(t ioc.Type, a, b, end int) int {
	stop := b
	if x.portFollows(b, end) {
		stop = b + 1
		for stop < end && is(x.text[stop], isDigit) {
			stop++
		}
	}
	if n := x.pathEnd(stop, end); n > 0 && x.emit(ioc.URL, a, n) {
		return n
	}
	if n := x.portEnd(b, end); n > 0 {
		with := ioc.URL
		if t == ioc.IP {
			with = ioc.IPPort
		}
		if x.emit(with, a, n) {
			return n
		}
	}
	if x.emit(t, a, b) {
		return b
	}
	return 0
}

// portFollows reports whether ":digits/" stands at i.
func (x *extractor) portFollows(i, end int) bool {
	n := x.portEnd(i, end)
	return n > 0 && x.pathFollows(n, end)
}

func (x *extractor) pathFollows(i, end int) bool { return i < end && x.text[i] == '/' }

// pathEnd returns the end of the path that begins at i, or 0 if there is none
// or nothing but a slash: people write "example.com/" for the host.
func (x *extractor) pathEnd(i, end int) int {
	if !x.pathFollows(i, end) {
		return 0
	}
	end = x.separator(i, end)
	if end-i > maxLen-maxHost {
		return 0
	}
	end = x.trimURL(i, end)
	if end <= i+1 {
		return 0
	}
	return end
}

// separator returns where the first comma or semicolon of text[i:end] is; end if
// there is none.
func (x *extractor) separator(i, end int) int {
	known := x.sep[0] <= i && i <= x.sep[1]
	if !known || x.sep[1] < end && !isSeparator(x.text[x.sep[1]]) {
		x.sep = [2]int{i, i}
		for x.sep[1] < end && !isSeparator(x.text[x.sep[1]]) {
			x.sep[1]++
		}
	}
	return min(x.sep[1], end)
}

func isSeparator(c byte) bool { return c == ',' || c == ';' }

// inPath reports whether text[a] goes on a path: a slash or backslash before it
// that itself follows something. Two of them before it begin a path (\\host\share).
func (x *extractor) inPath(p, a int) bool {
	before := func(n int) byte {
		if a-n < p {
			return ' '
		}
		return x.text[a-n]
	}
	c := before(1)
	if c != '/' && c != '\\' {
		return false
	}
	n := 2
	if before(2) == c {
		n = 3
	}
	return isTokenByte(before(n)) || strings.IndexByte(`/\:)]}%`, before(n)) >= 0
}

// plausible reports whether the token text[a:b] is meant as a domain, by the
// rules that Extract names.
func (x *extractor) plausible(a, b, end int) bool {
	s := x.text[a:b]
	name, err := domain(s)
	if err != nil || isFileName(name) {
		return false
	}
	tld := lastLabel(name)
	if x.changed(a, b) {
		return len(tld) > 1
	}
	if !knownTLD(name) || b < end && x.text[b] == '(' {
		return false
	}
	if eitherExt[tld] && strings.Count(name, ".") == 1 {
		return false
	}
	return !isSeam(s) && !notNames[name]
}

// notNames are words that end in a top-level domain.
var notNames = words(`asp.net ado.net vb.net system.net`)

// isSeam reports whether s is the end of a sentence and the beginning of the
// next, with the blank forgotten.
func isSeam(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	return is(last[0], isUpper) && (len(last) == 1 || is(last[1], isLower)) && !is(s[0], isUpper)
}

// parts looks for what stands between hyphens and underscores of text[a:b], or
// between its dots: digests, CVE ids, addresses in a range.
func (x *extractor) parts(p, a, b, end int) {
	for i := a; i < b; {
		if is(x.text[i], isAlpha) {
			if n := cveLen(x.text[i:b]); n > 0 && (i+n == b || !is(x.text[i+n], isAlnum)) {
				x.emit(ioc.CVE, i, i+n)
				i += n
				continue
			}
		}
		e := i
		for e < b && (is(x.text[e], isAlnum) || x.text[e] >= utf8.RuneSelf) {
			e++
		}
		if t, ok := digestOf(e - i); ok && t != ioc.JARM {
			x.emit(t, i, e)
		}
		i = e + 1
	}
	x.ranges(p, a, b, end)
}

// ranges looks for the two addresses of "192.0.2.1-192.0.2.9".
func (x *extractor) ranges(p, a, b, end int) {
	if a == b || b-a > 31 || !is(x.text[a], isDigit) {
		return
	}
	k := strings.IndexByte(x.text[a:b], '-')
	if k < 0 || !all(strings.ReplaceAll(x.text[a:a+k], ".", ""), isDigit) {
		return
	}
	x.host(p, a, a+k, a+k)
	x.host(p, a+k+1, b, end)
}

// ownMachine reports whether a means the machine that reads it, or all
// machines.
func ownMachine(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
