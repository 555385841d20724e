package match

import (
	"bytes"
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// The oracle answers what Append answers, from the rules alone: it takes every
// piece of every line, looks at what stands on both sides, puts the piece into
// canonical form and compares. It shares no code with the search and needs
// cubic time.

// found is what the two are compared by.
type found struct {
	id         uint32
	start, end int
	kind       Rule
}

// text is a line as it is or undone: its bytes, and what each stands for.
type text struct {
	b        string
	from, to []int
}

func (x *text) add(b string, from, to int) {
	for i := range len(b) {
		x.b += b[i : i+1]
		x.from, x.to = append(x.from, from), append(x.to, to)
	}
}

func rawText(line []byte, off int) (x text) {
	for i, b := range line {
		x.add(string([]byte{b}), off+i, off+i+1)
	}
	return x
}

// rewrite applies the first of rules that holds at each place.
func rewrite(x text, rules []undoing) (y text) {
	for i := 0; i < len(x.b); {
		w, out := 0, ""
		for _, r := range rules {
			if m := r.re.FindStringSubmatch(x.b[i:]); m != nil && (r.ok == nil || r.ok(x.b, i, i+len(m[0]))) && (!r.first || afterNoWord(x.b[:i], y.b)) {
				w, out = len(m[0]), r.out(m)
				if r.cut > 0 {
					w = r.cut
				}
				break
			}
		}
		if w == 0 {
			y.add(x.b[i:i+1], x.from[i], x.to[i])
			i++
			continue
		}
		y.add(out, x.from[i], x.to[i+w-1])
		i += w
	}
	return y
}

type undoing struct {
	re    *regexp.Regexp
	out   func(m []string) string
	ok    func(s string, i, end int) bool
	first bool // no letter or digit stands before, in what was undone so far
	cut   int  // bytes that are taken, where the expression looks further
}

func to(s string) func([]string) string { return func([]string) string { return s } }

func re(s string) *regexp.Regexp { return regexp.MustCompile("^(?s:" + s + ")") }

func between(class string) func(s string, i, end int) bool {
	r := regexp.MustCompile("^" + class + "$")
	return func(s string, i, end int) bool {
		return i > 0 && end < len(s) && r.MatchString(s[i-1:i]) && r.MatchString(s[end:end+1])
	}
}

var oracleUndo = []undoing{
	{re: re(`(?:\x1b|\\u001[bB]|\\U001[bB]|\\[xX]1[bB]|\\033|\\[eE]|#033)\[[0-?]{0,64}[@-~]`), out: to("")},
	{re: re(`[hH](?:[xX]{2}|\*\*|__|[tT][xX]|[xX][tT]|##)[pP][sS]?[:\[(%\\]`), out: to("http"), cut: 4, first: true},
	{re: re(`[mM][eE][oO][wW][sS]?[:\[(%\\]`), out: to("http"), cut: 4, first: true},
	{re: re(`\[(?:\.|(?i:dot))\]|\((?:\.|(?i:dot))\)|\{(?:\.|(?i:dot))\}|<(?:\.|(?i:dot))>`), out: to(".")},
	{re: re(`\[(?:@|(?i:at))\]|\((?:@|(?i:at))\)|\{(?:@|(?i:at))\}|<(?i:at)>`), out: to("@")},
	{re: re(`[\[({](:|://)[\])}]`), out: func(m []string) string { return m[1] }, ok: pairedBrackets},
	{re: re(`\[(:/|//|/)\]`), out: func(m []string) string { return m[1] }},
	{re: re(`\[`), out: to(""), ok: func(s string, i, end int) bool {
		return i+2 < len(s) && s[i+1] == '.' && i > 0 && alnumByte(s[i-1]) && alnumByte(s[i+2])
	}},
	{re: re(`\]`), out: to(""), ok: func(s string, i, end int) bool {
		return i > 1 && s[i-1] == '.' && alnumByte(s[i-2]) && end < len(s) && alnumByte(s[end])
	}},
	{re: re(`&(?i:amp);`), out: to("&")},
	{re: re(`&(?i:quot);`), out: to(`"`)},
	{re: re(`&(?i:lt);`), out: to("<")},
	{re: re(`&(?i:gt);`), out: to(">")},
	{re: re(`&(?i:#39|apos);`), out: to("'")},
	{re: re(`&(?i:#x2f|#47);`), out: to("/")},
	{re: re(`\\([\\/"'])`), out: func(m []string) string { return m[1] }},
	{re: re(`\\[nrt]`), out: to(" ")},
	{re: re(`\\\.`), out: to("."), ok: between("[0-9A-Za-z]")},
	{re: re(`\\x([0-9a-fA-F]{2})`), out: hexByte},
	{re: re(`\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})`), out: func(m []string) string {
		hi, _ := strconv.ParseUint(m[1], 16, 32)
		lo, _ := strconv.ParseUint(m[2], 16, 32)
		return string(rune((hi-0xd800)<<10 | (lo - 0xdc00) + 0x10000))
	}},
	{re: re(`\\u([0-9a-fA-F]{4})`), out: func(m []string) string {
		v, _ := strconv.ParseUint(m[1], 16, 32)
		if v < ' ' || v == 0x7f {
			return " "
		}
		return string(rune(v))
	}},
	{re: re(`#0[0-3][0-7]`), out: to(" ")},
}

var oraclePercent = []undoing{{re: re(`%(?:25){0,8}([0-9a-fA-F]{2})`), out: hexByte, ok: func(s string, i, end int) bool {
	v, _ := strconv.ParseUint(s[end-2:end], 16, 8)
	return v >= ' ' && v != 0x7f || v == 9 || v == 10 || v == 13
}}}

func hexByte(m []string) string {
	v, _ := strconv.ParseUint(m[1], 16, 8)
	if v < ' ' || v == 0x7f {
		return " "
	}
	return string([]byte{byte(v)})
}

var escapeEndRE = regexp.MustCompile(`%[0-9a-fA-F]{2}$`)

func afterNoWord(raw, undone string) bool {
	return undone == "" || !alnumByte(undone[len(undone)-1]) || escapeEndRE.MatchString(raw)
}

func pairedBrackets(s string, i, end int) bool {
	return map[byte]byte{'[': ']', '(': ')', '{': '}'}[s[i]] == s[end-1]
}

func alnumByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
func labelByte(b byte) bool { return alnumByte(b) || b == '-' || b == '_' }
func hexChar(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

// oracle finds os in data.
func oracle(os []ioc.Observable, data []byte) []found {
	var fs []found
	off := 0
	for _, line := range bytes.SplitAfter(data, []byte("\n")) {
		body := bytes.TrimSuffix(line, []byte("\n"))
		fs = append(fs, oracleLine(os, rawText(body, off))...)
		fs = append(fs, oracleWide(os, body, off)...)
		off += len(line)
	}
	return thin(longestURLs(os, fs))
}

// longestURLs leaves of the URLs that begin at one place the longest.
func longestURLs(os []ioc.Observable, fs []found) []found {
	longest := map[int]int{}
	for _, f := range fs {
		if os[f.id].Type == ioc.URL {
			longest[f.start] = max(longest[f.start], f.end)
		}
	}
	return slices.DeleteFunc(fs, func(f found) bool { return os[f.id].Type == ioc.URL && f.end < longest[f.start] })
}

// oracleWide reads the runs of UTF-16 in a line.
func oracleWide(os []ioc.Observable, line []byte, off int) (fs []found) {
	for _, m := range wideRE.FindAllIndex(latin(line), -1) {
		var x text
		for i := m[0]; i < m[1]; i += 2 {
			x.add(string(line[i:i+1]), off+i, off+i+2)
		}
		fs = append(fs, oracleLine(os, x)...)
	}
	return fs
}

// latin replaces bytes that are not ASCII, so that a regular expression sees
// one character for each byte.
var wideRE = regexp.MustCompile(`(?:[ -~\t]\x00){3,}`)

func latin(b []byte) []byte {
	c := bytes.Clone(b)
	for i := range c {
		if c[i] >= utf8.RuneSelf {
			c[i] = 1
		}
	}
	return c
}

func oracleLine(os []ioc.Observable, raw text) (fs []found) {
	under := rewrite(raw, oracleUndo)
	full := rewrite(under, oraclePercent)
	for id, o := range os {
		hit := func(x text, i, j int, kind Rule) {
			fs = append(fs, found{uint32(id), x.from[i], x.to[j-1], kind})
		}
		switch o.Type.Form() {
		case ioc.Phrase, ioc.Exact:
			for _, x := range []text{raw, under, full} {
				everyPiece(x.b, len(o.Value), len(o.Value), func(i, j int) {
					if isPhrase(o, x.b, i, j) {
						hit(x, i, j, Text)
					}
				})
			}
		case ioc.Locator:
			if o.Type == ioc.URL && full.b == under.b {
				oracleURL(o.Value, under, hit)
			}
		default:
			everyPiece(full.b, 1, len(full.b), func(i, j int) {
				if kind, ok := is1a(o, full.b, i, j); ok {
					hit(full, i, j, kind)
				}
			})
		}
	}
	return fs
}

func everyPiece(s string, least, most int, f func(i, j int)) {
	for i := range len(s) {
		for j := i + least; j <= min(len(s), i+most); j++ {
			f(i, j)
		}
	}
}

// is1a judges s[i:j] by the row of the table that o's type has.
func is1a(o ioc.Observable, s string, i, j int) (Rule, bool) {
	if letterRight(s, i, j) || letterLeft(s, i) && o.Type != ioc.Domain {
		return 0, false
	}
	switch o.Type {
	case ioc.IP, ioc.IPv6, ioc.CIDR:
		a, ok := addressAt(s, i, j)
		if !ok {
			return 0, false
		}
		if o.Type == ioc.CIDR {
			return Network, netip.MustParsePrefix(o.Value).Contains(a)
		}
		return Exact, a.String() == o.Value
	case ioc.IPPort:
		return Port, portAt(o.Value, s, i, j)
	case ioc.Domain:
		n := strings.ToLower(s[i:j])
		counted := countedName(s, i, j)
		if n = cmp.Or(counted, n); counted == "" && !nameAt(s, i, j) {
			return 0, false
		}
		if strings.HasSuffix(n, "."+o.Value) {
			return Subdomain, true
		}
		return Exact, n == o.Value && !letterLeft(s, i)
	case ioc.Email:
		k := strings.LastIndexByte(s[i:j], '@')
		return Exact, len(s[i:j]) == len(o.Value) && strings.ToLower(s[i:j]) == o.Value && nameAt(s, i+k+1, j) && (i == 0 || !labelByte(s[i-1]) && s[i-1] != '.' && s[i-1] != '+')
	case ioc.CVE:
		return Exact, strings.EqualFold(s[i:j], o.Value) && !beside(s, i, j, alnumByte)
	}
	return Exact, len(s[i:j]) == len(o.Value) && strings.ToLower(s[i:j]) == o.Value && !beside(s, i, j, alnumByte)
}

func beside(s string, i, j int, class func(byte) bool) bool {
	return i > 0 && class(s[i-1]) || j < len(s) && class(s[j])
}

func wordByte(b byte) bool { return alnumByte(b) || b == '_' }

var nameRE = regexp.MustCompile(`^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)+$`)

// nameAt reports whether s[i:j] is a whole name: no label goes on on either side.
func nameAt(s string, i, j int) bool {
	return !labelBefore(s, i) && !labelAfter(s, j) && nameRE.MatchString(s[i:j])
}

func labelBefore(s string, i int) bool {
	return i > 0 && (labelByte(s[i-1]) || s[i-1] == '.' && i > 1 && labelByte(s[i-2]))
}

func labelAfter(s string, j int) bool {
	return j < len(s) && (labelByte(s[j]) || s[j] == '.' && j+1 < len(s) && labelByte(s[j+1]))
}

// parseAddr is netip.ParseAddr without zones, and with a quick way out.
func parseAddr(s string) (netip.Addr, bool) {
	if len(s) > 45 || strings.Trim(s, "0123456789abcdefABCDEF:.") != "" {
		return netip.Addr{}, false
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

// longer6 reports whether the IPv6 address s[i:j] goes on in dotted decimal.
func longer6(s string, i, j int) bool {
	for e := j + 1; e <= len(s); e++ {
		if _, ok := parseAddr(s[i:e]); ok && strings.Contains(s[i:e], ".") && rightOf6(s, i, e) {
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
	if p, _ := strconv.Atoi(m[1]); p > 65535 || e < len(s) && (wordByte(s[e]) || s[e] == '.' && e+1 < len(s) && labelByte(s[e+1])) {
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
		if a, ok := parseAddr(s[k:j]); ok && a.Is6() && leftOf6(s, k) {
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
	dotted := strings.Contains(s[i:j], ".")
	if dotted {
		return rightOf(s, j) && !(j < len(s) && s[j] == '.' && j+1 < len(s) && labelByte(s[j+1]))
	}
	if dumped(s, i, j) >= 0 {
		return true
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
	if s[j-1] < '0' || s[j-1] > '9' || j-i < 4 {
		return false
	}
	want := netip.MustParseAddrPort(v)
	for k := i + 1; k < j; k++ { // tcpdump
		if a, ok := addressAt(s, i, k); ok && dumped(s, i, k) == j && (i == 0 || s[i-1] != '[') {
			if p, _ := strconv.Atoi(s[k+1 : j]); a == want.Addr() && p == int(want.Port()) {
				return true
			}
		}
	}
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
	p, _ := strconv.Atoi(m[4])
	return ok && a == want.Addr() && p == int(want.Port())
}

// thin leaves one of several matches of an observable that overlap, and sorts.
func thin(fs []found) []found {
	slices.SortFunc(fs, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	var kept []found
	for _, f := range fs {
		if n := len(kept); n > 0 && kept[n-1].id == f.id && f.start < kept[n-1].end {
			continue
		}
		kept = append(kept, f)
	}
	slices.SortFunc(kept, func(a, b found) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id)) })
	return kept
}
