package stix

import (
	"encoding/base64"
	"strings"
)

// path reads type:step.step['step'][*] and returns it as it is printed.
func (p *patParser) path() (string, error) {
	typ := p.word()
	if !patIsName(typ) {
		return "", p.want("an object path such as url:value")
	}
	p.i += len(typ)
	if !p.take(':') {
		return "", p.want(": behind the object's type")
	}
	var b strings.Builder
	b.WriteString(typ)
	b.WriteByte(':')
	if err := p.step(&b); err != nil {
		return "", err
	}
	for {
		var err error
		switch {
		case p.take('.'):
			b.WriteByte('.')
			err = p.step(&b)
		case p.take('['):
			err = p.place(&b)
		default:
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// patIsName reports whether s may begin a path: it is a word, and no number.
func patIsName(s string) bool {
	return s != "" && s[0] != '-' && (s[0] < '0' || s[0] > '9')
}

// step reads the name of a property. A quoted one is printed without quotes
// where it can be, so that the two spellings are one.
func (p *patParser) step(b *strings.Builder) error {
	name := p.word()
	if name != "" {
		if !patIsName(name) {
			return p.want("the name of a property")
		}
		p.i += len(name)
	} else {
		q := p.peek()
		if q != '\'' && q != '"' {
			return p.want("the name of a property")
		}
		var err error
		if name, err = p.quoted(q); err != nil {
			return err
		}
	}
	b.WriteString(patStep(name))
	return nil
}

// patStep returns the name of a property as it stands in a path.
func patStep(name string) string {
	if patIsName(name) && strings.Trim(name, patBare) == "" {
		return name
	}
	return patQuote(name)
}

// patBare are the signs of a step that needs no quotes.
const patBare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// place reads what stands in the brackets of a list's element.
func (p *patParser) place(b *strings.Builder) error {
	at := "*"
	if !p.take('*') {
		l, ok := p.numeral()
		if !ok || strings.Contains(l.text, ".") {
			return p.want("a place in the list, or *")
		}
		at = l.text
	}
	if !p.take(']') {
		return p.want("]")
	}
	b.WriteString("[" + at + "]")
	return nil
}

// literal reads a constant.
func (p *patParser) literal() (patLiteral, error) {
	switch c := p.peek(); c {
	case '\'':
		s, err := p.quoted('\'')
		return patLiteral{'\'', s}, err
	case 't', 'b', 'h':
		if strings.HasPrefix(p.s[p.i+1:], "'") {
			return p.prefixed(c)
		}
	}
	for _, k := range []string{"true", "false"} {
		if p.keyword(k) {
			return patLiteral{0, k}, nil
		}
	}
	if l, ok := p.numeral(); ok {
		return l, nil
	}
	return patLiteral{}, p.want("a constant, such as a string in single quotes")
}

// numeral takes a number: -1, +2, .5, 3.25; of a whole one no zero stands first.
func (p *patParser) numeral() (patLiteral, bool) {
	p.space()
	i := p.i
	if i < len(p.s) && (p.s[i] == '-' || p.s[i] == '+') {
		i++
	}
	first := i
	for i < len(p.s) && '0' <= p.s[i] && p.s[i] <= '9' {
		i++
	}
	whole := i - first
	if i+1 < len(p.s) && p.s[i] == '.' && '0' <= p.s[i+1] && p.s[i+1] <= '9' {
		for i++; i < len(p.s) && '0' <= p.s[i] && p.s[i] <= '9'; i++ {
		}
	} else if whole == 0 || whole > 1 && p.s[first] == '0' {
		return patLiteral{}, false
	}
	l := patLiteral{0, p.s[p.i:i]}
	p.i = i
	return l, true
}

// quoted reads a string and undoes its escapes, of which there are two: \' and
// \\. Any other is an error: whoever forgot to double a backslash may have done
// so in one place and not in another, and a value is not guessed at.
func (p *patParser) quoted(q byte) (string, error) {
	start := p.i + 1
	i := start
	stops := `\'`
	if q == '"' {
		stops = `\"`
	}
	var b strings.Builder
	for {
		n := strings.IndexAny(p.s[i:], stops)
		if n < 0 {
			p.i = len(p.s)
			return "", p.want("the end of the string")
		}
		i += n
		if p.s[i] == q {
			p.i = i + 1
			if b.Len() == 0 {
				return p.s[start:i], nil
			}
			b.WriteString(p.s[start:i])
			return b.String(), nil
		}
		if i+1 == len(p.s) || p.s[i+1] != q && p.s[i+1] != '\\' {
			p.i = i
			return "", p.want(`\\ or \' within a string`)
		}
		b.WriteString(p.s[start:i])
		b.WriteByte(p.s[i+1])
		i += 2
		start = i
	}
}

// prefixed reads t'…', b'…' or h'…'.
func (p *patParser) prefixed(kind byte) (patLiteral, error) {
	at := p.i
	p.i++
	s, err := p.quoted('\'')
	if err != nil {
		return patLiteral{}, err
	}
	ok := false
	switch kind {
	case 't':
		ok = patIsTime(s)
	case 'h':
		ok = len(s)%2 == 0 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
	case 'b':
		_, err := base64.StdEncoding.DecodeString(s)
		ok = err == nil && s != "" && !strings.ContainsAny(s, "\r\n")
	}
	if !ok {
		p.i = at
		return patLiteral{}, p.want(map[byte]string{'t': "a time such as t'2026-01-31T00:00:00Z'", 'h': "pairs of hex digits", 'b': "base64"}[kind])
	}
	return patLiteral{kind, s}, nil
}
