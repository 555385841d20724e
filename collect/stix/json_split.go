package stix

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The bounds of a document. What is over one of the first two costs the object,
// not the document.
const (
	jMaxObject = 8 << 20  // bytes of one object
	jMaxDepth  = 64       // of brackets within an object, and of bundles within bundles
	jMaxFrame  = 64 << 10 // bytes of what stands around a list of objects
	jWindow    = 64 << 10
)

// jSplitter takes a JSON document apart into its objects as it comes in. It
// knows no more of JSON than strings and brackets: an object that is not JSON
// otherwise is for whoever reads it, and the next one is not lost.
type jSplitter struct {
	r      io.Reader
	err    error // of r
	buf    []byte
	pos    int
	off    int64  // of buf[0] in the document
	keep   []byte // what stands around the object that is being cut out, and from base on the object
	base   int
	over   bool // it is longer than jMaxObject
	depth  int  // of brackets in it, at most
	nested int  // lists of objects that are open

	object func(raw []byte, bad string) error // valid during the call; bad says why it cannot be read
	bundle func(raw []byte) error             // what stands around a list of objects, with null in its place; after those
}

// errJEnd is the error for a document that was cut off.
var errJEnd = fmt.Errorf("JSON: the document ends before it is complete: %w", io.ErrUnexpectedEOF)

// fill gets more of the document into an empty window.
func (s *jSplitter) fill() error {
	s.off += int64(s.pos)
	s.buf, s.pos = s.buf[:0], 0
	for tries := 0; len(s.buf) == 0; tries++ {
		if s.err == nil && tries == 100 {
			s.err = io.ErrNoProgress
		}
		if s.err != nil {
			return s.err
		}
		var n int
		n, s.err = s.r.Read(s.buf[:cap(s.buf)])
		s.buf = s.buf[:n]
	}
	return nil
}

// peek returns the next byte that is no space. io.EOF is the end of the document.
func (s *jSplitter) peek() (byte, error) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			if c := s.buf[s.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// within is peek where the document must not end.
func (s *jSplitter) within() (byte, error) {
	c, err := s.peek()
	if errors.Is(err, io.EOF) {
		err = errJEnd
	}
	return c, err
}

// take passes the next byte that is no space and keeps it, if it is c.
func (s *jSplitter) take(c byte) (bool, error) {
	got, err := s.within()
	if err != nil || got != c {
		return false, err
	}
	s.pos++
	s.add(c)
	return true, nil
}

// expect is take where nothing else may come.
func (s *jSplitter) expect(c byte, want string) error {
	ok, err := s.take(c)
	if err == nil && !ok {
		err = s.syntax(want)
	}
	return err
}

func (s *jSplitter) syntax(want string) error {
	return fmt.Errorf("JSON: at byte %d: %q where %s was expected", s.off+int64(s.pos), s.buf[s.pos], want)
}

// add keeps bytes of the object that is being cut out.
func (s *jSplitter) add(b ...byte) {
	if s.over = s.over || len(s.keep)-s.base+len(b) > jMaxObject; !s.over {
		s.keep = append(s.keep, b...)
	}
}

// document reads all there is.
func (s *jSplitter) document() error {
	s.buf = make([]byte, 0, jWindow)
	if err := s.mark(); err != nil {
		return err
	}
	c, err := s.peek()
	switch {
	case errors.Is(err, io.EOF):
		return errJEnd
	case err != nil:
		return err
	case c == '{':
		err = s.member()
	case c == '[':
		err = s.list()
	default:
		err = s.syntax("a STIX bundle, an object or a list of them")
	}
	if err != nil {
		return err
	}
	switch _, err = s.peek(); {
	case err == nil:
		return fmt.Errorf("JSON: at byte %d: more follows behind the end of the document", s.off+int64(s.pos))
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// mark passes the byte order mark of UTF-8.
func (s *jSplitter) mark() error {
	for _, c := range []byte("\xEF\xBB\xBF") {
		if s.pos == len(s.buf) {
			if err := s.fill(); errors.Is(err, io.EOF) {
				return errJEnd
			} else if err != nil {
				return err
			}
		}
		if s.buf[s.pos] != c {
			return nil
		}
		s.pos++
	}
	return nil
}

// list reads a list of objects, at whose bracket the document stands.
func (s *jSplitter) list() error {
	s.pos++
	s.nested++
	defer func() { s.nested-- }()
	mark := len(s.keep)
	for first := true; ; first = false {
		s.keep = s.keep[:mark]
		c, err := s.within()
		switch {
		case err != nil:
			return err
		case c == ']':
			s.pos++
			return nil
		case first:
		case c != ',':
			return s.syntax(", or ]")
		default:
			s.pos++
		}
		if err := s.member(); err != nil {
			return err
		}
	}
}

// member reads an element of a list, or the one value of a document.
func (s *jSplitter) member() error {
	s.base, s.over, s.depth = len(s.keep), false, 0
	c, err := s.within()
	if err != nil {
		return err
	}
	if c == '{' {
		return s.members()
	}
	if err := s.value(); err != nil {
		return err
	}
	return s.object(s.keep[s.base:], jNoObject)
}

// members reads an object, at whose bracket the document stands. If one of its
// properties is a list of objects it is a bundle or the like, and its elements
// are what is wanted.
func (s *jSplitter) members() error {
	s.pos++
	s.add('{')
	bundle := false
	for first := true; ; first = false {
		end, err := s.take('}')
		if err != nil {
			return err
		}
		if end {
			break
		}
		if !first {
			if err := s.expect(',', ", or }"); err != nil {
				return err
			}
		}
		isList, err := s.property()
		if err != nil {
			return err
		}
		bundle = bundle || isList
	}
	if bundle {
		if s.over {
			return nil
		}
		return s.bundle(s.keep[s.base:])
	}
	return s.object(s.keep[s.base:], s.bad())
}

// bad says why the object that was cut out cannot be read.
func (s *jSplitter) bad() string {
	switch {
	case s.over:
		return jTooBig
	case s.depth >= jMaxDepth:
		return jTooDeep
	}
	return ""
}

// property reads a key and its value; list says that it was a list of objects.
func (s *jSplitter) property() (list bool, err error) {
	c, err := s.within()
	if err != nil {
		return false, err
	}
	if c != '"' {
		return false, s.syntax("a key in double quotes")
	}
	isObjects, err := s.key()
	if err != nil {
		return false, err
	}
	if err := s.expect(':', ":"); err != nil {
		return false, err
	}
	if c, err = s.within(); err != nil {
		return false, err
	}
	if !isObjects || c != '[' || s.nested == jMaxDepth {
		return false, s.value()
	}
	return true, s.framed()
}

// key reads a key and reports whether it is that of a list of objects.
func (s *jSplitter) key() (isObjects bool, err error) {
	mark, over := len(s.keep), s.over
	s.over = false
	err = s.value()
	isObjects = !s.over && string(s.keep[mark:]) == `"objects"`
	if over {
		s.keep, s.over = s.keep[:mark], true
	}
	return isObjects, err
}

// framed reads a list of objects within what is being cut out, which is taken
// up again behind it.
func (s *jSplitter) framed() error {
	s.add([]byte("null")...)
	if len(s.keep)-s.base > jMaxFrame {
		s.keep, s.over = s.keep[:s.base], true
	}
	mark, base, over, depth := len(s.keep), s.base, s.over, s.depth
	err := s.list()
	s.keep, s.base, s.over, s.depth = s.keep[:mark], base, over, depth
	return err
}

// value keeps the value that comes next.
func (s *jSplitter) value() error {
	c, err := s.within()
	if err != nil {
		return err
	}
	switch c {
	case '{', '[':
		return s.brackets()
	case '"':
		s.pos++
		s.add('"')
		return s.text()
	}
	n := 0
	for {
		for s.pos < len(s.buf) {
			c := s.buf[s.pos]
			if strings.IndexByte(",:]}[{\" \t\r\n", c) >= 0 {
				if n == 0 {
					return s.syntax("a value")
				}
				return nil
			}
			s.add(c)
			s.pos++
			n++
		}
		if err := s.fill(); errors.Is(err, io.EOF) {
			return errJEnd
		} else if err != nil {
			return err
		}
	}
}

// text keeps the rest of a string, whose first quote has been taken.
func (s *jSplitter) text() error {
	escaped := false
	for {
		for i := s.pos; i < len(s.buf); i++ {
			switch c := s.buf[i]; {
			case escaped:
				escaped = false
			case c == '\\':
				escaped = true
			case c == '"':
				s.add(s.buf[s.pos : i+1]...)
				s.pos = i + 1
				return nil
			}
		}
		s.add(s.buf[s.pos:]...)
		s.pos = len(s.buf)
		if err := s.fill(); errors.Is(err, io.EOF) {
			return errJEnd
		} else if err != nil {
			return err
		}
	}
}

// brackets keeps an object or a list within an object. Brackets of the wrong
// kind end the document, since nobody could say where the object ends; those
// beyond the depth are only counted.
func (s *jSplitter) brackets() error {
	var open uint64 // a bit for each bracket: 1 is {
	depth := 0
	for {
		c, err := s.next()
		if err != nil {
			return err
		}
		switch c {
		case '"':
			if err := s.text(); err != nil {
				return err
			}
		case '{', '[':
			if depth++; depth < jMaxDepth {
				open <<= 1
				if c == '{' {
					open |= 1
				}
			}
			s.depth = max(s.depth, depth)
		case '}', ']':
			if depth < jMaxDepth {
				if (open&1 == 1) != (c == '}') {
					s.pos--
					return s.syntax("the other kind of bracket")
				}
				open >>= 1
			}
			if depth--; depth == 0 {
				return nil
			}
		}
	}
}

// next keeps bytes up to the next quote or bracket, which it returns.
func (s *jSplitter) next() (byte, error) {
	for {
		for i := s.pos; i < len(s.buf); i++ {
			if c := s.buf[i]; c == '"' || c|0x20 == '{' || c|0x20 == '}' { // [ and ] are { and } without a bit
				s.add(s.buf[s.pos : i+1]...)
				s.pos = i + 1
				return c, nil
			}
		}
		s.add(s.buf[s.pos:]...)
		s.pos = len(s.buf)
		if err := s.fill(); errors.Is(err, io.EOF) {
			return 0, errJEnd
		} else if err != nil {
			return 0, err
		}
	}
}
