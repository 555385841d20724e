package stix

import (
	"fmt"
	"strings"
)

// Pattern is a STIX pattern (STIX 2.1 §9 "STIX Patterning"; that of STIX 2.0 is
// a subset). A pattern has two floors: on the upper one observations stand in
// brackets and are joined by OR, AND and FOLLOWEDBY or bound by qualifiers; on
// the lower one, within the brackets, comparisons are joined by OR and AND:
//
//	([file:name = 'a'] FOLLOWEDBY [url:value = 'b' OR url:value = 'c']) WITHIN 60 SECONDS
//
// For the question that this package has to answer, which value alone makes the
// pattern true, both floors are one tree of ors and of things that are not or.
type Pattern struct {
	root *patNode
}

// patKind says what a node of a pattern's tree is. The order is that of
// precedence, the loosest first.
type patKind uint8

const (
	patFollowed patKind = iota // observations, one after the other
	patOr                      // observations
	patAnd                     // observations
	patBound                   // an observation with qualifiers
	patSeen                    // an observation: [ … ]
	patEither                  // comparisons joined by OR
	patBoth                    // comparisons joined by AND
	patTest                    // a comparison
)

var patWord = [...]string{patFollowed: "FOLLOWEDBY", patOr: "OR", patAnd: "AND", patEither: "OR", patBoth: "AND"}

// patNode is a node. A chain of one operator is one node with many kids, so the
// tree is only as deep as parentheses make it.
type patNode struct {
	kind  patKind
	kids  []*patNode
	quals []string // patBound: as they are printed
	test  *patComparison
}

// patComparison is path operator literal. EXISTS has no literal, IN any number.
type patComparison struct {
	path string // as it is printed: type:step.'step'[*]
	op   string // in capitals; "==" and "<>" are "=" and "!="
	not  bool
	lits []patLiteral
}

// patLiteral is a constant. Its kind is the letter that begins it: ' for a
// string, t b h for the prefixed ones, 0 for numbers and truth values, whose
// text is as written; that of the others is what stands between the quotes, of
// a string without its escapes.
type patLiteral struct {
	kind byte
	text string
}

// PatternError says where a text stops being a pattern, and what would have
// been one.
type PatternError struct {
	Offset int // bytes from the beginning of the pattern
	Want   string
	Got    string // what stands there, clipped; "" at the end
}

func (e *PatternError) Error() string {
	got := "the end"
	if e.Got != "" {
		got = fmt.Sprintf("%q", e.Got)
	}
	return fmt.Sprintf("pattern: at byte %d: expected %s, found %s", e.Offset, e.Want, got)
}

// String returns the pattern in one line, with the parentheses that it needs.
// Parsing that gives an equal pattern.
func (p *Pattern) String() string {
	var b strings.Builder
	p.root.print(&b)
	return b.String()
}

func (n *patNode) print(b *strings.Builder) {
	switch n.kind {
	case patTest:
		n.test.print(b)
	case patSeen:
		b.WriteByte('[')
		n.kids[0].print(b)
		b.WriteByte(']')
	default:
		for i, k := range n.kids {
			if i > 0 {
				b.WriteString(" " + patWord[n.kind] + " ")
			}
			k.printWithin(b, n.kind)
		}
		for _, q := range n.quals {
			b.WriteString(" " + q)
		}
	}
}

// printWithin prints an operand, in parentheses unless it binds more tightly
// than what it stands in.
func (n *patNode) printWithin(b *strings.Builder, outer patKind) {
	if n.kind > outer {
		n.print(b)
		return
	}
	b.WriteByte('(')
	n.print(b)
	b.WriteByte(')')
}

func (c *patComparison) print(b *strings.Builder) {
	if c.op == "EXISTS" {
		if c.not {
			b.WriteString("NOT ")
		}
		b.WriteString("EXISTS " + c.path)
		return
	}
	b.WriteString(c.path)
	if c.not {
		b.WriteString(" NOT")
	}
	b.WriteString(" " + c.op + " ")
	if c.op != "IN" {
		c.lits[0].print(b)
		return
	}
	b.WriteByte('(')
	for i := range c.lits {
		if i > 0 {
			b.WriteString(", ")
		}
		c.lits[i].print(b)
	}
	b.WriteByte(')')
}

func (l patLiteral) print(b *strings.Builder) {
	switch l.kind {
	case 0:
		b.WriteString(l.text)
	case '\'':
		b.WriteString(patQuote(l.text))
	default:
		b.WriteByte(l.kind)
		b.WriteString("'" + l.text + "'")
	}
}

// patQuote writes a string literal.
func patQuote(s string) string {
	if strings.ContainsAny(s, `'\`) {
		s = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `'`, `\'`)
	}
	return "'" + s + "'"
}
