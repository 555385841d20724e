package logfmt

import "bytes"

// cursor reads a line from left to right. Its methods read something and say
// so, or read nothing.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) rest() []byte { return c.b[c.i:] }
func (c *cursor) done() bool   { return c.i >= len(c.b) }

// peek returns the next byte, 0 at the end.
func (c *cursor) peek() byte {
	if c.done() {
		return 0
	}
	return c.b[c.i]
}

func (c *cursor) lit(ch byte) bool {
	if c.peek() != ch || c.done() {
		return false
	}
	c.i++
	return true
}

func (c *cursor) text(s string) bool {
	if len(c.b)-c.i < len(s) || string(c.b[c.i:c.i+len(s)]) != s {
		return false
	}
	c.i += len(s)
	return true
}

// any reads one byte of set and returns it, or 0.
func (c *cursor) any(set string) byte {
	for j := 0; j < len(set) && !c.done(); j++ {
		if c.b[c.i] == set[j] {
			c.i++
			return set[j]
		}
	}
	return 0
}

// blanks reads blanks and tabs, at least one.
func (c *cursor) blanks() bool {
	from := c.i
	for c.peek() == ' ' || c.peek() == '\t' {
		c.i++
	}
	return c.i > from
}

// num reads a decimal number of lo to hi digits, of which no more follow.
func (c *cursor) num(lo, hi int) (n int, ok bool) {
	i := c.i
	for i < len(c.b) && i-c.i < hi && isDigit(c.b[i]) {
		n = n*10 + int(c.b[i]-'0')
		i++
	}
	if i-c.i < lo || i < len(c.b) && isDigit(c.b[i]) {
		return 0, false
	}
	c.i = i
	return n, true
}

// word reads to the next blank or tab and returns the span, which may be empty.
func (c *cursor) word() (start, end int) {
	start = c.i
	for !c.done() && c.b[c.i] != ' ' && c.b[c.i] != '\t' {
		c.i++
	}
	return start, c.i
}

// to reads to the byte ch and past it; the span excludes it.
func (c *cursor) to(ch byte) (start, end int, ok bool) {
	n := bytes.IndexByte(c.rest(), ch)
	if n < 0 {
		return 0, 0, false
	}
	start = c.i
	c.i += n + 1
	return start, start + n, true
}

// quoted reads a string in double quotes, in which a backslash hides what
// follows it; the span excludes the quotes.
func (c *cursor) quoted() (start, end int, ok bool) {
	if c.peek() != '"' {
		return 0, 0, false
	}
	for i := c.i + 1; i < len(c.b); i++ {
		switch c.b[i] {
		case '\\':
			i++
		case '"':
			start, c.i = c.i+1, i+1
			return start, i, true
		}
	}
	return 0, 0, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}
