package filefmt

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine is the longest line that is read as one, except in NDJSON, where a
// line is a document.
const (
	maxLine = 64 << 10
	maxJSON = 16 << 20
)

const longLine = "the line is too long to be a value"

// lines cuts a stream into lines and counts them.
type lines struct {
	r       *bufio.Reader
	longest int
	buf     []byte // a line that was put together from pieces
	no      int64  // of the line that next returned
	cut     bool   // next returned the beginning of a line only; the rest follows
	done    bool
}

func newLines(r io.Reader, longest int) *lines {
	return &lines{r: bufio.NewReaderSize(r, maxLine), longest: longest}
}

// next returns the next line without its end, or a piece of a line that is
// longer than maxLine, with cut set for all pieces but the last. The bytes are
// good until the next call. io.EOF ends the lines.
func (l *lines) next() ([]byte, error) {
	if l.done {
		return nil, io.EOF
	}
	if !l.cut {
		l.no++
	}
	b, err := l.r.ReadSlice('\n')
	l.cut = errors.Is(err, bufio.ErrBufferFull)
	switch {
	case l.cut:
		return b, nil
	case errors.Is(err, io.EOF):
		l.done = true
		if len(b) == 0 {
			return nil, io.EOF
		}
	case err != nil:
		return nil, err
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// whole returns the next line, or its beginning with long set where it is
// longer than the longest; the rest of it has been left out then.
func (l *lines) whole() (line []byte, long bool, err error) {
	b, err := l.next()
	if err != nil || !l.cut {
		return b, false, err
	}
	l.buf = append(l.buf[:0], b...)
	for l.cut && err == nil {
		if b, err = l.next(); len(l.buf) < l.longest {
			l.buf = append(l.buf, b...)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return bytes.TrimRight(l.buf, "\r\n"), len(l.buf) >= l.longest, err
}

// eachLine calls f with every line of r, and refuses those that are too long.
func eachLine(r io.Reader, longest int, emit Emit, f func(line []byte, no int64) error) error {
	l := newLines(r, longest)
	for {
		line, long, err := l.whole()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && long {
			err = emit(refuse(string(line), longLine, l.no))
		} else if err == nil {
			err = f(line, l.no)
		}
		if err != nil {
			return err
		}
	}
}
