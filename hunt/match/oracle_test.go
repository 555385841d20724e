package match

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
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

// report takes a match of x.b[i:j].
type report func(x text, i, j int, kind Rule)

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
				oraclePhrase(o, x, hit)
			}
		case ioc.Locator:
			if o.Type == ioc.URL {
				oracleURL(o.Value, under, hit)
			}
		default:
			everyToken(full.b, func(i, j int) {
				if kind, ok := is1a(o, full.b, i, j); ok {
					hit(full, i, j, kind)
				}
			})
			if o.Type == ioc.Domain || o.Type == ioc.Email {
				oracleUnicode(o, full, hit)
			}
		}
	}
	return append(fs, oraclePaths(os, under)...)
}

// everyToken gives every piece of s without a blank or control character:
// none of the values that are tokens has one.
func everyToken(s string, f func(i, j int)) {
	for i := range len(s) {
		for j := i + 1; j <= len(s) && s[j-1] > ' ' && s[j-1] != 0x7f; j++ {
			f(i, j)
		}
	}
}

// is1a judges s[i:j] by the row of the table that o's type has.
func is1a(o ioc.Observable, s string, i, j int) (Rule, bool) {
	if n := j - i; n < len("::") || n > 45 && o.Type.Form() != ioc.Name && o.Type != ioc.IPPort && o.Type != ioc.CertHash && n != len(o.Value) {
		return 0, false
	}
	if letterRight(s, i, j) || letterLeft(s, i) && o.Type != ioc.Domain {
		return 0, false
	}
	switch o.Type {
	case ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort:
		return isAddress(o, s, i, j)
	case ioc.Domain:
		return isName1a(o.Value, s, i, j)
	case ioc.Email:
		k := strings.LastIndexByte(s[i:j], '@')
		return Exact, len(s[i:j]) == len(o.Value) && asciiLower(s[i:j]) == o.Value && nameAt(s, i+k+1, j) && mailBegins(s, i)
	case ioc.CVE:
		return Exact, strings.EqualFold(s[i:j], o.Value) && !beside(s, i, j, alnumByte)
	case ioc.MAC:
		return Exact, isMAC(o.Value, s, i, j)
	case ioc.CertHash:
		if isPairs(o.Value, s, i, j) {
			return Exact, true
		}
	}
	return Exact, len(s[i:j]) == len(o.Value) && asciiLower(s[i:j]) == o.Value && !beside(s, i, j, alnumByte)
}

// mailBegins reports whether a mailbox may begin at s[i].
func mailBegins(s string, i int) bool {
	return i == 0 || !labelByte(s[i-1]) && s[i-1] != '.' && s[i-1] != '+'
}

// isName1a reports whether s[i:j] is the name v or one below it.
func isName1a(v, s string, i, j int) (Rule, bool) {
	if first := s[i]; first != '(' && !labelByte(first) || first != '(' && (labelBefore(s, i) || labelAfter(s, j)) {
		return 0, false
	}
	n := strings.ToLower(s[i:j])
	counted := countedName(s, i, j)
	if n = cmp.Or(counted, n); counted == "" && !nameAt(s, i, j) {
		return 0, false
	}
	if strings.HasSuffix(n, "."+v) {
		return Subdomain, true
	}
	return Exact, n == v && !letterLeft(s, i)
}

func beside(s string, i, j int, class func(byte) bool) bool {
	return i > 0 && class(s[i-1]) || j < len(s) && class(s[j])
}

func alnumByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
func labelByte(b byte) bool { return alnumByte(b) || b == '-' || b == '_' }
func wordByte(b byte) bool  { return alnumByte(b) || b == '_' }
func hexChar(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

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
