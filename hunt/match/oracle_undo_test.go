package match

import (
	"regexp"
	"strconv"
)

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

// oracleDecode decodes a URL that is a value in another one, once.
var oracleDecode = []undoing{{re: re(`%([0-9a-fA-F]{2})`), out: func(m []string) string {
	v, _ := strconv.ParseUint(m[1], 16, 8)
	return string([]byte{byte(v)})
}}}

var escapeEndRE = regexp.MustCompile(`%[0-9a-fA-F]{2}$`)

func afterNoWord(raw, undone string) bool {
	return undone == "" || !alnumByte(undone[len(undone)-1]) || escapeEndRE.MatchString(raw)
}

func pairedBrackets(s string, i, end int) bool {
	return map[byte]byte{'[': ']', '(': ')', '{': '}'}[s[i]] == s[end-1]
}
