package filefmt

import (
	"errors"
	"io"
	"strings"
)

// A quoted field may go over several lines, up to these bounds: without them
// one quote that is never closed would take the rest of the file for a field.
const (
	maxRecordLines = 100
	maxRecord      = 64 << 10
)

// records reads the records of a CSV file as RFC 4180 describes them, and as
// people write them: a quote inside a field that does not begin with one is an
// ordinary character.
type records struct {
	l       *lines
	emit    Emit
	waiting []string // lines that were read ahead
	first   int64    // number of the first of them
	no      int64    // of the line at which the last record began
}

func newRecords(r io.Reader, emit Emit) *records {
	return &records{l: newLines(r, maxLine), emit: emit, first: 1}
}

// fill reads lines until n are waiting. It refuses those that are too long
// and leaves an empty line in their place.
func (r *records) fill(n int) error {
	for len(r.waiting) < n {
		line, long, err := r.l.whole()
		if err != nil {
			return err
		}
		if long {
			if err := r.emit(refuse(string(line), longLine, r.l.no)); err != nil {
				return err
			}
			line = nil
		}
		r.waiting = append(r.waiting, string(line))
	}
	return nil
}

// peek returns the next line.
func (r *records) peek() (string, error) {
	if err := r.fill(1); err != nil {
		return "", err
	}
	return r.waiting[0], nil
}

// drop removes the next line.
func (r *records) drop() { r.take(1) }

func (r *records) take(n int) {
	r.no = r.first
	r.first += int64(n)
	r.waiting = append(r.waiting[:0], r.waiting[n:]...)
}

// next returns the fields of the next record that is not empty.
func (r *records) next(comma byte) ([]string, error) {
	for {
		line, err := r.peek()
		if err != nil {
			return nil, err
		}
		fields, open := splitRow(line, comma)
		n := 1
		for text := line; open && n < maxRecordLines && len(text) < maxRecord; n++ {
			if err := r.fill(n + 1); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			text += "\n" + r.waiting[n]
			fields, open = splitRow(text, comma)
		}
		if open {
			fields, n = nil, 1
			if err := r.emit(refuse(line, "a quote that is opened and never closed", r.first)); err != nil {
				return nil, err
			}
		}
		r.take(n)
		if fields != nil && strings.Trim(line, " \t\r,;|") != "" {
			return fields, nil
		}
	}
}

// splitRow cuts a record into its fields; open says that its last one is
// quoted and goes on.
func splitRow(s string, comma byte) (fields []string, open bool) {
	for {
		var f string
		f, s, open = cutField(s, comma)
		fields = append(fields, f)
		if open || s == "" {
			return fields, open
		}
		s = s[1:] // the separator
	}
}

// cutField cuts the first field off s; rest begins with the separator.
func cutField(s string, comma byte) (field, rest string, open bool) {
	q := strings.TrimLeft(s, " ")
	if q == "" || q[0] != '"' {
		if i := strings.IndexByte(s, comma); i >= 0 {
			return s[:i], s[i:], false
		}
		return s, "", false
	}
	var b strings.Builder
	for q = q[1:]; ; {
		i := strings.IndexByte(q, '"')
		if i < 0 {
			return b.String(), "", true
		}
		b.WriteString(q[:i])
		if q = q[i+1:]; q == "" || q[0] != '"' {
			break
		}
		b.WriteByte('"')
		q = q[1:]
	}
	i := strings.IndexByte(q, comma)
	if i < 0 {
		i = len(q)
	}
	b.WriteString(q[:i])
	return b.String(), q[i:], false
}
