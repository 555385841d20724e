package misplist

import (
	"bytes"
	"fmt"
	"io"
)

// Bounds on what the JSON decoder is given, since it keeps a whole literal, the
// white space before it, and a word for each open bracket.
const (
	maxLiteral = 1 << 20 // bytes, quoted and with its escapes
	maxDepth   = 64
)

// guard hands on a document and ends it where it goes beyond what a list can
// be. It follows strings and brackets only; the decoder judges the rest.
type guard struct {
	r     io.Reader
	err   error // why it ended
	begun bool
	total int64
	run   int // bytes since the last bracket, comma or colon, or in this string
	depth int
	str   bool // in a string
	esc   bool // behind a backslash
}

// Read implements io.Reader. A byte order mark at the very beginning becomes
// white space (RFC 8259 §8.1 lets a parser pass over one).
func (g *guard) Read(b []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.read(b)
	if bad := g.follow(b[:n]); bad != nil {
		err = bad
	}
	g.err = err
	return n, err
}

// mark is U+FEFF in UTF-8.
var mark = []byte("\xef\xbb\xbf")

func (g *guard) read(b []byte) (int, error) {
	if g.begun || len(b) < len(mark) {
		return g.r.Read(b)
	}
	g.begun = true
	n, err := io.ReadAtLeast(g.r, b, len(mark))
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if bytes.HasPrefix(b[:n], mark) {
		copy(b, "   ")
	}
	return n, err
}

func (g *guard) follow(b []byte) error {
	if g.total += int64(len(b)); g.total > MaxBytes {
		return fmt.Errorf("it is longer than %d MiB", MaxBytes>>20)
	}
	for _, c := range b {
		if g.str {
			g.inString(c)
		} else {
			g.between(c)
		}
		if g.run++; g.run > maxLiteral {
			return fmt.Errorf("a string, a number or white space in it is longer than %d bytes", maxLiteral)
		}
		if g.depth > maxDepth {
			return fmt.Errorf("it is nested deeper than %d", maxDepth)
		}
	}
	return nil
}

func (g *guard) inString(c byte) {
	switch {
	case g.esc:
		g.esc = false
	case c == '\\':
		g.esc = true
	case c == '"':
		g.str, g.run = false, 0
	}
}

func (g *guard) between(c byte) {
	switch c {
	case '"':
		g.str, g.run = true, 0
	case '{', '[':
		g.depth++
		g.run = 0
	case '}', ']':
		g.depth--
		g.run = 0
	case ',', ':':
		g.run = 0
	}
}
