package filefmt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Feeds change the types of their fields: numbers come as strings, nothing as
// null or as an empty list. The types below take what they can and hold the
// zero value for the rest, so that one odd field does not cost its object.

// str is a text; a number or a truth value is its own spelling.
type str string

func (s *str) UnmarshalJSON(b []byte) error {
	var v string
	switch {
	case b[0] == '"':
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
	case b[0] != '{' && b[0] != '[' && !bytes.Equal(b, []byte("null")):
		v = string(b)
	}
	*s = str(v)
	return nil
}

// strs is a list of texts; a single text is a list of one, and of objects the
// member that names them is taken.
type strs []string

func (s *strs) UnmarshalJSON(b []byte) error {
	*s = nil
	if b[0] != '[' {
		var one str
		if err := json.Unmarshal(b, &one); err == nil && one != "" {
			*s = strs{string(one)}
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, e := range list {
		if v := nameOf(e); v != "" {
			*s = append(*s, v)
		}
	}
	return nil
}

// nameOf returns the text that e is, or the name that e as an object has.
func nameOf(e json.RawMessage) string {
	if e[0] != '{' {
		var v str
		if v.UnmarshalJSON(e) != nil {
			return ""
		}
		return string(v)
	}
	var o struct {
		ID          str `json:"id"`
		Name        str `json:"name"`
		DisplayName str `json:"display_name"`
	}
	if json.Unmarshal(e, &o) != nil {
		return ""
	}
	for _, v := range []str{o.Name, o.ID, o.DisplayName} {
		if v != "" {
			return string(v)
		}
	}
	return ""
}

// moment is a time in any of the usual spellings.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var s str
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	m.Time = parseTime(string(s))
	return nil
}

// flag is a truth value: true, 1, "1" and "true" are true.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	var s str
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	*f = s == "true" || s == "1" || s == "True"
	return nil
}

// percent is a number from 0 to 100.
type percent uint8

func (p *percent) UnmarshalJSON(b []byte) error {
	var s str
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	f, _ := strconv.ParseFloat(string(s), 64)
	*p = percent(max(0, min(f, 100)))
	return nil
}

// errBigValue is the error for a JSON value that does not fit into memory.
var errBigValue = fmt.Errorf("%w: a single JSON value has more than %d MiB", ErrTooBig, maxValue>>20)

const maxValue = 64 << 20

// document is a JSON document that is read piece by piece. No piece may be
// larger than maxValue, as encoding/json holds a whole one in memory.
type document struct {
	*json.Decoder
	guard *guard
}

func newDocument(r io.Reader) *document {
	g := &guard{r: r}
	return &document{json.NewDecoder(g), g}
}

// guard ends a stream of which too much is read for one value.
type guard struct {
	r    io.Reader
	read int
}

func (g *guard) Read(p []byte) (int, error) {
	if g.read > maxValue {
		return 0, errBigValue
	}
	n, err := g.r.Read(p)
	g.read += n
	return n, err
}

// value decodes the next value whole.
func (d *document) value(into any) error {
	d.guard.read = 0
	return d.Decode(into)
}

// skip leaves out the next value.
func (d *document) skip() error {
	var raw json.RawMessage
	return d.value(&raw)
}

// next says what begins next: '{', '[', or 0 for a scalar. The bracket is taken.
func (d *document) open() (byte, error) {
	d.guard.read = 0
	t, err := d.Token()
	if err != nil {
		return 0, err
	}
	if b, ok := t.(json.Delim); ok {
		return byte(b), nil
	}
	return 0, nil
}

// object calls f with each key of an object whose bracket has been taken; f
// has to take the value.
func (d *document) object(f func(key string) error) error {
	for d.More() {
		d.guard.read = 0
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if err := f(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// array calls f for each element of an array whose bracket has been taken.
func (d *document) array(f func() error) error {
	for d.More() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// each calls f with every element of the array that comes next; null is an
// empty one.
func (d *document) each(f func(json.RawMessage) error) error {
	var raw json.RawMessage
	b, err := d.open()
	if err != nil || b == 0 {
		return err
	}
	if b != '[' {
		return d.object(func(string) error { return d.skip() })
	}
	return d.array(func() error {
		if err := d.value(&raw); err != nil {
			return err
		}
		return f(raw)
	})
}

// end makes sure that nothing follows the document, and gives errors of the
// JSON decoder their place.
func (d *document) end(err error) error {
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("more follows behind the end of the document")
		}
	}
	var syntax *json.SyntaxError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("JSON: the document ends before it is complete")
	}
	if errors.As(err, &syntax) {
		return fmt.Errorf("JSON: at byte %d: %w", d.InputOffset(), err)
	}
	return err
}
