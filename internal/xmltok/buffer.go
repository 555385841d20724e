package xmltok

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The reasons for which an input is given up that is not merely malformed.
var (
	ErrLimit    = errors.New("over a limit of the XML reader")
	ErrDoctype  = errors.New("a DOCTYPE is not read; the feed must send plain XML")
	ErrCharset  = errors.New("charset is not known (UTF-8, UTF-16, ISO-8859-1, windows-1252 and US-ASCII are)")
	errNotStart = errors.New("xmltok: Skip and Content begin at a Start")
)

// SyntaxError is a place where the input is not well-formed.
type SyntaxError struct {
	Line   int64 // from 1
	Offset int64 // in the measure of Reader.Offset
	Msg    string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("XML, line %d, offset %d: %s", e.Line, e.Offset, e.Msg)
}

// Indices that are called i are relative to tok, so that they stay true when
// more moves the buffer's content.

// syntax returns the error that stands i bytes behind tok. Within a token that
// is too long already, that is what is said: so it does not depend on how much
// the underlying reader gave at once.
func (r *Reader) syntax(i int, format string, a ...any) error {
	if i > r.lim.Token {
		return r.tooLong()
	}
	line, offset := r.place(i)
	return &SyntaxError{Line: line, Offset: offset, Msg: fmt.Sprintf(format, a...)}
}

// limit returns an error that wraps ErrLimit.
func (r *Reader) limit(i int, format string, a ...any) error {
	line, offset := r.place(i)
	return fmt.Errorf("XML, line %d, offset %d: %w: %s", line, offset, ErrLimit, fmt.Sprintf(format, a...))
}

// tooLong is the error of a token that does not end.
func (r *Reader) tooLong() error {
	return r.limit(0, "a tag or a piece of text is over %d bytes", r.lim.Token)
}

// ended turns what more returned inside of what into the error of Next.
func (r *Reader) ended(err error, what string) error {
	if err != io.EOF { //nolint:errorlint // the io.Reader contract: io.EOF itself
		return err
	}
	line, offset := r.place(len(r.buf) - r.tok)
	return fmt.Errorf("XML, line %d, offset %d: the input ends inside %s: %w", line, offset, what, io.ErrUnexpectedEOF)
}

// end is what the end of the input means between two tokens.
func (r *Reader) end(err error) error {
	switch {
	case err != io.EOF: //nolint:errorlint // the io.Reader contract: io.EOF itself
		return err
	case len(r.stack) > 0:
		return r.ended(err, fmt.Sprintf("the element %.60q", r.stack[len(r.stack)-1].q.raw))
	case !r.rooted:
		return r.ended(err, "what comes before the root element")
	}
	return io.EOF
}

// place returns line and offset i bytes behind tok.
func (r *Reader) place(i int) (line, offset int64) {
	at := min(r.tok+i, len(r.buf))
	if at < r.counted {
		return r.lines + 1 - int64(bytes.Count(r.buf[at:r.counted], newline)), r.base + int64(at)
	}
	r.count(at)
	return r.lines + 1, r.base + int64(at)
}

var newline = []byte("\n")

// count counts the lines up to buf[to]. They are counted when somebody asks or
// the bytes are let go, in one sweep that is far cheaper than doing it by the way.
func (r *Reader) count(to int) {
	if to > r.counted {
		r.lines += int64(bytes.Count(r.buf[r.counted:to], newline))
		r.counted = to
	}
}

// Line returns the line on which the current token ends, from 1.
func (r *Reader) Line() int64 {
	line, _ := r.place(r.pos - r.tok)
	return line
}

// more reads at least one more byte, keeping all from tok on. It returns
// io.EOF at the end of the input.
func (r *Reader) more() error {
	if r.srcErr != nil {
		return r.srcErr
	}
	if len(r.buf) == cap(r.buf) {
		if err := r.room(); err != nil {
			return err
		}
	}
	for range 100 { // as bufio has it: a reader may return nothing now and then, not for ever
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		r.srcErr = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	r.srcErr = io.ErrNoProgress
	return r.srcErr
}

// room makes room behind buf: what is before tok is let go, and a token that
// fills half of the buffer gets a bigger one. Only a tag can be too long here:
// pieces of text are far shorter than the buffer.
func (r *Reader) room() error {
	keep, most := len(r.buf)-r.tok, max(r.lim.Token, bufSize)
	if keep > most {
		return r.tooLong()
	}
	r.count(r.tok)
	to := r.buf
	if keep > cap(r.buf)/2 {
		to = make([]byte, 0, max(cap(r.buf), min(2*cap(r.buf), most+bufSize)))
	}
	to = to[:keep]
	copy(to, r.buf[r.tok:])
	r.buf = to
	r.base += int64(r.tok)
	r.counted -= r.tok
	r.pos -= r.tok
	r.tok = 0
	return nil
}

// at returns the byte i bytes behind tok.
func (r *Reader) at(i int) (byte, error) {
	for r.tok+i >= len(r.buf) {
		if err := r.more(); err != nil {
			return 0, r.ended(err, "a tag or a reference")
		}
	}
	return r.buf[r.tok+i], nil
}

// is reports whether lit stands i bytes behind tok. It reads no further than
// the first byte that differs, and returns io.EOF when the input ends before.
func (r *Reader) is(i int, lit string) (bool, error) {
	for k := range len(lit) {
		for r.tok+i+k >= len(r.buf) {
			if err := r.more(); err != nil {
				return false, err
			}
		}
		if r.buf[r.tok+i+k] != lit[k] {
			return false, nil
		}
	}
	return true, nil
}

// has is is, where an input that ends early is merely not lit. What stopped it
// comes again with the next read.
func (r *Reader) has(i int, lit string) bool {
	ok, err := r.is(i, lit)
	return ok && err == nil
}

// skipBOM skips a byte order mark at the start.
func (r *Reader) skipBOM() {
	if r.has(0, "\ufeff") {
		r.pos = r.tok + len("\ufeff")
	}
}
