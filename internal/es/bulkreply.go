package es

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// errCut is an answer that ends in the middle.
var errCut = errors.New("the answer to the bulk request is cut")

// errReply is an answer that says nothing about which item is in.
var errReply = errors.New("the answer to the bulk request is not the one expected")

// readReply fills the outcomes from the answer to a bulk request, {"errors":…,
// "items":[{"index":{"status":201}},…]}, and returns how many of them are proven.
// They are in the order of the request, so the first ones of an answer that is cut
// count. One with another number of items proves nothing, as nobody knows which
// are missing, and nor does one whose operations are not those of the request.
func readReply(body []byte, outs []Outcome) (int, error) {
	s := scanner{b: body}
	n, seen := 0, false
	err := s.object(func(key []byte) (err error) {
		if string(key) != `"items"` || seen {
			return s.value()
		}
		seen = true
		n, err = s.items(outs)
		return err
	})
	switch {
	case errors.Is(err, errCut) && n <= len(outs):
		return n, err
	case err != nil:
		return 0, err
	case n != len(outs):
		return 0, fmt.Errorf("%w: %d items for %d", errReply, n, len(outs))
	}
	return n, nil
}

// scanner walks over JSON without making anything of it. What is passed over is
// not checked but for its ends: only what is read counts.
type scanner struct {
	b []byte
	i int
}

// peek returns the next byte that is no space, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ' ', '\n', '\r', '\t':
			continue
		}
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	switch s.peek() {
	case c:
		s.i++
		return nil
	case 0:
		return errCut
	}
	return fmt.Errorf("%w: %q at byte %d", errReply, s.b[s.i], s.i)
}

// object calls f with each key, quotes and all; f passes over its value.
func (s *scanner) object(f func(key []byte) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		at := s.i
		if s.peek() == '"' {
			at = s.i
		}
		if err := s.text(); err != nil {
			return err
		}
		key := s.b[at:s.i]
		if err := errors.Join(s.expect(':')); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
		if s.peek() == '}' {
			s.i++
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// text passes over a string.
func (s *scanner) text() error {
	if err := s.expect('"'); err != nil {
		return err
	}
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			return nil
		}
	}
	return errCut
}

// value passes over a value of any kind.
func (s *scanner) value() error {
	depth := 0
	for {
		switch c := s.peek(); c {
		case 0:
			return errCut
		case '"':
			if err := s.text(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			s.i++
		case '}', ']':
			depth--
			s.i++
		case ',', ':':
			if depth == 0 {
				return fmt.Errorf("%w: %q at byte %d", errReply, c, s.i)
			}
			s.i++
		default:
			if err := s.word(); err != nil {
				return err
			}
		}
		if depth <= 0 {
			return nil
		}
	}
}

// word passes over a number, true, false or null. At the end of the answer
// nobody knows whether it is whole.
func (s *scanner) word() error {
	n := bytes.IndexAny(s.b[s.i:], ",]} \n\r\t:\"")
	if n < 0 {
		return errCut
	}
	s.i += n
	return nil
}

// items reads the list into outs and returns how many items it has; of those
// beyond outs nothing is kept.
func (s *scanner) items(outs []Outcome) (n int, err error) {
	if err := s.expect('['); err != nil {
		return 0, err
	}
	if s.peek() == ']' {
		s.i++
		return 0, nil
	}
	for {
		var spare Outcome
		o := &spare
		if n < len(outs) {
			o = &outs[n]
		}
		if err := s.item(o); err != nil {
			return n, err
		}
		n++
		if s.peek() == ']' {
			s.i++
			return n, nil
		}
		if err := s.expect(','); err != nil {
			return n, err
		}
	}
}

var heads = [...]string{`{"index":{"status":`, `{"create":{"status":`, `{"update":{"status":`, `{"delete":{"status":`}

// item reads one item. Nearly all are {"index":{"status":201}}.
func (s *scanner) item(o *Outcome) error {
	head := heads[o.Op]
	if rest := s.b[s.i:]; len(rest) >= len(head)+5 && string(rest[:len(head)]) == head && string(rest[len(head)+3:len(head)+5]) == "}}" {
		if v, ok := status(rest[len(head) : len(head)+3]); ok {
			o.Status, o.Result = v, result(o.Op, v)
			s.i += len(head) + 5
			return nil
		}
	}
	at := s.i
	if s.peek() != '{' && s.i < len(s.b) {
		return fmt.Errorf("%w: an item is no object", errReply)
	}
	if err := s.value(); err != nil {
		return err
	}
	return o.decode(s.b[at:s.i])
}

func status(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n >= 100
}

// result is what the status says where the answer was not asked for more.
func result(o Op, status int) string {
	switch {
	case status == 201:
		return "created"
	case status == 200 && o == Delete:
		return "deleted"
	case status == 200:
		return "updated"
	case status == 404 && o == Delete:
		return "not_found"
	}
	return ""
}

func (o *Outcome) decode(raw []byte) error {
	var x map[string]struct {
		Status int
		Result string
		SeqNo  int64           `json:"_seq_no"`
		Term   int64           `json:"_primary_term"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("%w: %w", errReply, err)
	}
	r, ok := x[o.Op.String()]
	if !ok || len(x) != 1 {
		return fmt.Errorf("%w: an item is about another operation", errReply)
	}
	o.Status, o.Result, o.SeqNo, o.Term = r.Status, r.Result, r.SeqNo, r.Term
	if o.Result == "" {
		o.Result = result(o.Op, o.Status)
	}
	o.Type, o.Reason = itemCause(r.Error)
	return nil
}

// itemCause reads an item's error, and what is below it: of a value that does
// not parse the cause says which.
func itemCause(raw json.RawMessage) (kind, reason string) {
	if len(raw) == 0 {
		return "", ""
	}
	var x struct {
		CausedBy struct{ Type, Reason string } `json:"caused_by"`
	}
	kind, reason = cause(raw)
	if json.Unmarshal(raw, &x) == nil && x.CausedBy.Reason != "" {
		reason += ": " + x.CausedBy.Reason
	}
	return kind, reason
}
