package stix

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// patDepth is how many parentheses may stand inside each other.
const patDepth = 64

// ParsePattern reads a pattern. It takes what STIX 2.1 §9.3 and STIX 2.0 part 5
// describe and, as feeds write them, operators of any case, a path's step with a
// hyphen or double quotes around it, and comments. The work is linear in the
// length of s. The error is a *PatternError.
func ParsePattern(s string) (*Pattern, error) {
	p := &patParser{s: s}
	root, err := p.followed()
	if p.space(); err == nil && p.i < len(p.s) {
		err = p.want("an operator, a qualifier or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Pattern{root}, nil
}

// patParser is a recursive descent over s, one method a rule of the grammar. It
// never goes back, so what it has read is right once it is read.
type patParser struct {
	s     string
	i     int // next byte
	depth int // open parentheses
}

// want is the error at the place that is reached.
func (p *patParser) want(what string) error {
	p.space()
	got := p.s[p.i:]
	if len(got) > 20 {
		got = strings.ToValidUTF8(got[:20], "") + "…"
	}
	return &PatternError{Offset: p.i, Want: what, Got: got}
}

// space passes white space and comments.
func (p *patParser) space() {
	for p.i < len(p.s) {
		rest := p.s[p.i:]
		switch c := rest[0]; {
		case c == ' ' || '\t' <= c && c <= '\r':
			p.i++
		case strings.HasPrefix(rest, "//"):
			if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
				p.i += n
			} else {
				p.i = len(p.s)
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return
			}
			p.i += n + 4
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(rest)
			if !unicode.IsSpace(r) {
				return
			}
			p.i += n
		default:
			return
		}
	}
}

// peek returns the next byte that is no space, 0 at the end.
func (p *patParser) peek() byte {
	p.space()
	if p.i == len(p.s) {
		return 0
	}
	return p.s[p.i]
}

// take passes c if it comes next. A NUL in a pattern is never taken for its end.
func (p *patParser) take(c byte) bool {
	if p.peek() != c || p.i == len(p.s) {
		return false
	}
	p.i++
	return true
}

// word returns the letters, digits, hyphens and underscores that come next,
// without taking them.
func (p *patParser) word() string {
	p.space()
	n := p.i
	for n < len(p.s) && patIsWord(p.s[n]) {
		n++
	}
	return p.s[p.i:n]
}

func patIsWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// keyword takes a word of the grammar, in any case.
func (p *patParser) keyword(k string) bool {
	if w := p.word(); len(w) != len(k) || !strings.EqualFold(w, k) {
		return false
	}
	p.i += len(k)
	return true
}

// chain reads operands that one operator joins. A single one is itself.
func (p *patParser) chain(kind patKind, operand func() (*patNode, error)) (*patNode, error) {
	first, err := operand()
	if err != nil || !p.keyword(patWord[kind]) {
		return first, err
	}
	n := &patNode{kind: kind, kids: []*patNode{first}}
	for {
		k, err := operand()
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, k)
		if !p.keyword(patWord[kind]) {
			return n, nil
		}
	}
}

// nested reads what stands in the parentheses of which the first has been taken.
func (p *patParser) nested(inner func() (*patNode, error)) (*patNode, error) {
	if p.depth == patDepth {
		return nil, p.want("at most 64 open parentheses")
	}
	p.depth++
	n, err := inner()
	p.depth--
	if err == nil && !p.take(')') {
		err = p.want("an operator or )")
	}
	return n, err
}

func (p *patParser) followed() (*patNode, error) { return p.chain(patFollowed, p.anyOf) }
func (p *patParser) anyOf() (*patNode, error)    { return p.chain(patOr, p.allOf) }
func (p *patParser) allOf() (*patNode, error)    { return p.chain(patAnd, p.bound) }

// bound reads an observation and its qualifiers.
func (p *patParser) bound() (*patNode, error) {
	n, err := p.observation()
	if err != nil {
		return nil, err
	}
	var quals []string
	for {
		q, err := p.qualifier()
		if err != nil {
			return nil, err
		}
		if q == "" {
			break
		}
		quals = append(quals, q)
	}
	if quals != nil {
		n = &patNode{kind: patBound, kids: []*patNode{n}, quals: quals}
	}
	return n, nil
}

func (p *patParser) observation() (*patNode, error) {
	switch {
	case p.take('('):
		return p.nested(p.followed)
	case !p.take('['):
		return nil, p.want("[ or (")
	}
	n, err := p.either()
	if err == nil && !p.take(']') {
		err = p.want("AND, OR or ]")
	}
	return &patNode{kind: patSeen, kids: []*patNode{n}}, err
}

// qualifier reads a qualifier and returns it as it is printed, "" if there is none.
func (p *patParser) qualifier() (string, error) {
	switch {
	case p.keyword("WITHIN"):
		n, err := p.number("a positive number of seconds", true)
		if err == nil && !p.keyword("SECONDS") {
			err = p.want("SECONDS")
		}
		return "WITHIN " + n + " SECONDS", err
	case p.keyword("REPEATS"):
		n, err := p.number("a positive whole number", false)
		if err == nil && !p.keyword("TIMES") {
			err = p.want("TIMES")
		}
		return "REPEATS " + n + " TIMES", err
	case p.keyword("START"):
		from, err := p.moment()
		if err == nil && !p.keyword("STOP") {
			err = p.want("STOP")
		}
		if err != nil {
			return "", err
		}
		to, err := p.moment()
		return "START " + from + " STOP " + to, err
	}
	return "", nil
}

// number reads the number of a qualifier.
func (p *patParser) number(what string, fraction bool) (string, error) {
	p.space()
	at := p.i
	if l, ok := p.numeral(); ok && l.text[0] != '-' && (fraction || !strings.Contains(l.text, ".")) {
		return l.text, nil
	}
	p.i = at
	return "", p.want(what)
}

// moment reads a time, which in STIX 2.0 is a plain string, and returns it as
// it is printed.
func (p *patParser) moment() (string, error) {
	p.space()
	at := p.i
	l, err := p.literal()
	if err != nil {
		return "", err
	}
	if l.kind == '\'' && patIsTime(l.text) {
		l.kind = 't'
	}
	if l.kind != 't' {
		p.i = at
		return "", p.want("a time such as t'2026-01-31T00:00:00Z'")
	}
	return "t'" + l.text + "'", nil
}

// patIsTime reports whether s is a timestamp of STIX; the second 60 is one that
// leaps.
func patIsTime(s string) bool {
	_, err := time.Parse(time.RFC3339, strings.Replace(s, ":60", ":59", 1))
	return err == nil && strings.HasSuffix(s, "Z")
}

func (p *patParser) either() (*patNode, error) { return p.chain(patEither, p.both) }
func (p *patParser) both() (*patNode, error)   { return p.chain(patBoth, p.comparison) }

func (p *patParser) comparison() (*patNode, error) {
	if p.take('(') {
		return p.nested(p.either)
	}
	c := &patComparison{}
	n := &patNode{kind: patTest, test: c}
	var err error
	c.not = p.begins("NOT")
	if p.begins("EXISTS") {
		c.op = "EXISTS"
		c.path, err = p.path()
		return n, err
	}
	if c.not {
		return nil, p.want("EXISTS, as NOT stands behind the path elsewhere")
	}
	if c.path, err = p.path(); err != nil {
		return nil, err
	}
	c.not = p.keyword("NOT")
	if c.op, err = p.operator(); err != nil {
		return nil, err
	}
	c.lits, err = p.operands(c.op)
	return n, err
}

// begins takes a word of the grammar where an object path could stand, whose
// type may be called like that.
func (p *patParser) begins(k string) bool {
	w := p.word()
	return !strings.HasPrefix(p.s[p.i+len(w):], ":") && p.keyword(k)
}

// patSigns are the operators that are signs, the longer ones first.
var patSigns = []struct{ sign, op string }{
	{"==", "="}, {"=", "="}, {"!=", "!="}, {"<>", "!="}, {"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"},
}

var patOperators = []string{"IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"}

func (p *patParser) operator() (string, error) {
	p.space()
	for _, s := range patSigns {
		if strings.HasPrefix(p.s[p.i:], s.sign) {
			p.i += len(s.sign)
			return s.op, nil
		}
	}
	for _, k := range patOperators {
		if p.keyword(k) {
			return k, nil
		}
	}
	return "", p.want("a comparison operator")
}

// operands reads what the grammar lets stand behind an operator.
func (p *patParser) operands(op string) ([]patLiteral, error) {
	if op == "IN" {
		return p.set()
	}
	p.space()
	at := p.i
	l, err := p.literal()
	if err != nil {
		return nil, err
	}
	truth := l.text == "true" || l.text == "false"
	switch op {
	case "=", "!=":
	case "<", ">", "<=", ">=":
		if l.kind == 0 && truth {
			p.i = at
			return nil, p.want("a value that has an order")
		}
	default:
		if l.kind != '\'' {
			p.i = at
			return nil, p.want("a string")
		}
	}
	return []patLiteral{l}, nil
}

func (p *patParser) set() ([]patLiteral, error) {
	if !p.take('(') {
		return nil, p.want("( and a list")
	}
	if p.take(')') {
		return nil, nil
	}
	var out []patLiteral
	for {
		l, err := p.literal()
		if err != nil {
			return nil, err
		}
		out = append(out, l)
		if p.take(')') {
			return out, nil
		}
		if !p.take(',') {
			return nil, p.want(", or )")
		}
	}
}
