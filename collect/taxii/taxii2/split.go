package taxii2

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A splitter takes a JSON text apart without ever holding more of a value than
// it is told to. encoding/json's own decoder holds each value whole, so that
// one object of a gigabyte would cost a gigabyte, and ends at the first value
// that nests too deep, so that one bad object would cost the page.
//
// It looks at brackets and strings only. Who uses a value checks it.
type splitter struct {
	r   *bufio.Reader
	raw []byte // what was kept of the last value; valid until the next
	cut bool   // there was more of it than was to be kept
	max int    // how deep it nests
}

func newSplitter(r io.Reader) *splitter {
	return &splitter{r: bufio.NewReaderSize(r, 64<<10)}
}

// errEnds says that a text ends where it may not.
var errEnds = errors.New("it ends in the middle")

func ends(err error) error {
	if errors.Is(err, io.EOF) {
		return errEnds
	}
	return err
}

// first returns the next byte that is no white space, and leaves it there.
func (s *splitter) first() (byte, error) {
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return 0, ends(err)
		}
		if b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			return b, s.r.UnreadByte()
		}
	}
}

// mark reads over c, which must come next.
func (s *splitter) mark(c byte) error {
	b, err := s.first()
	if err != nil {
		return err
	}
	if b != c {
		return fmt.Errorf("where %q should be stands %q", c, b)
	}
	_, err = s.r.ReadByte()
	return err
}

// end makes sure that nothing but white space is left. It is what tells a
// whole answer from one that was cut where it looked whole.
func (s *splitter) end() error {
	b, err := s.first()
	switch {
	case errors.Is(err, errEnds):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("behind its end stands %q", b)
}

// list calls one at each member of an object or a list, whose brackets are
// open and close, after the white space before it.
func (s *splitter) list(open, closing byte, one func() error) error {
	if err := s.mark(open); err != nil {
		return err
	}
	b, err := s.first()
	if err != nil {
		return err
	}
	if b == closing {
		return s.mark(closing)
	}
	for {
		if err := one(); err != nil {
			return err
		}
		b, err := s.first()
		if err != nil {
			return err
		}
		if b != ',' {
			return s.mark(closing)
		}
		if err := s.mark(','); err != nil {
			return err
		}
	}
}

// value reads one value and keeps up to keep bytes of it.
func (s *splitter) value(keep int) error {
	s.raw, s.cut, s.max = s.raw[:0], false, 0
	if _, err := s.first(); err != nil {
		return err
	}
	var w within
	for {
		chunk, err := s.chunk()
		if err != nil {
			return err
		}
		n, done := w.scan(chunk)
		s.keep(chunk[:n], keep)
		if _, err := s.r.Discard(n); err != nil {
			return err
		}
		if done {
			s.max = w.deepest
			return w.problem()
		}
	}
}

func (s *splitter) keep(b []byte, most int) {
	if room := most - len(s.raw); len(b) > room {
		b, s.cut = b[:room], true
	}
	s.raw = append(s.raw, b...)
}

// chunk returns the bytes at hand, at least one.
func (s *splitter) chunk() ([]byte, error) {
	if _, err := s.r.Peek(1); err != nil {
		return nil, ends(err)
	}
	return s.r.Peek(s.r.Buffered())
}

// within is where in a value a scan is.
type within struct {
	depth, deepest int
	begun          bool
	text, escaped  bool
}

// scan goes on through b. It returns how many bytes of it belong to the value,
// and whether the value ends there.
func (w *within) scan(b []byte) (int, bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if w.text {
			switch {
			case w.escaped:
				w.escaped = false
			case c == '\\':
				w.escaped = true
			case c == '"':
				if w.text = false; w.depth == 0 {
					return i + 1, true
				}
			}
			continue
		}
		if n, done := w.outside(c); done {
			return i + n, true
		}
	}
	return len(b), false
}

// outside takes a byte that is not in a text. At the value's end it tells
// whether the byte belongs to it (1) or not (0).
func (w *within) outside(c byte) (int, bool) {
	switch c {
	case '"':
		w.text = true
	case '{', '[':
		w.depth++
		w.deepest = max(w.deepest, w.depth)
	case '}', ']':
		if w.depth == 0 {
			return 0, true
		}
		if w.depth--; w.depth == 0 {
			return 1, true
		}
	case ',', ':', ' ', '\n', '\t', '\r':
		if w.depth == 0 {
			return 0, true
		}
	}
	w.begun = true
	return 0, false
}

func (w *within) problem() error {
	if !w.begun {
		return errors.New("a value is missing")
	}
	return nil
}
