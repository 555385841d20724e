package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/iochunt/iochunt/hunt"
)

// read yields the chunks of src, and last the error that makes it incomplete,
// if there is one. It returns the notes.
func read(ctx context.Context, src io.Reader, live bool, opts Options, yield func(hunt.Chunk, error) bool) []string {
	t, err := open(src, live, opts)
	defer t.close()
	if err != nil {
		yield(hunt.Chunk{}, err)
		return t.notes
	}
	size, overlap := opts.sizes()
	c := &cutter{src: t.r, live: live, overlap: overlap, off: t.start, line: 1}
	if size == bufferSize {
		buf := buffers.Get().(*[]byte)
		defer buffers.Put(buf)
		c.buf = *buf
	} else {
		c.buf = make([]byte, size)
	}
	more, err := c.chunks(ctx, yield)
	if err == nil {
		err = t.flaw
	}
	if more && err != nil {
		yield(hunt.Chunk{}, err)
	}
	return t.notes
}

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// cutter cuts a stream at line ends. The places depend on the content alone,
// not on how much a Read returns, but that a live stream is not waited for.
type cutter struct {
	src     io.Reader
	live    bool
	overlap int
	buf     []byte
	have    int   // bytes in buf
	lead    int   // of them, already decided
	off     int64 // of buf[0]
	line    int64 // that buf[0] is in
}

// chunks yields until the end, an error or the consumer's no (more is false).
func (c *cutter) chunks(ctx context.Context, yield func(hunt.Chunk, error) bool) (more bool, err error) {
	for err == nil {
		err = c.fill(ctx)
		cut, tail := c.cut(err)
		if cut > c.lead {
			if !yield(hunt.Chunk{Data: c.buf[:cut:cut], Offset: c.off, Line: c.line, Lead: c.lead, Tail: tail}, nil) {
				return false, nil
			}
		}
		c.keep(cut, tail)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return true, err
}

// fill reads until buf is full; of a live stream, until a line is complete.
func (c *cutter) fill(ctx context.Context) error {
	for idle := 0; c.have < len(c.buf); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.src.Read(c.buf[c.have:])
		fresh := c.buf[c.have : c.have+n]
		c.have += n
		if err != nil {
			return err
		}
		if c.live && bytes.IndexByte(fresh, '\n') >= 0 {
			return nil
		}
		if idle++; n > 0 {
			idle = 0
		} else if idle == 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// cut returns where the chunk ends, and its tail.
func (c *cutter) cut(err error) (end, tail int) {
	undecided := c.buf[c.lead:c.have]
	switch {
	case errors.Is(err, io.EOF):
		return c.have, 0
	case err != nil:
		// Cut short at a random byte: 192.0.2.1 may have been 192.0.2.17.
		// What follows the last blank, quote or bracket is not known.
		return c.lead + bytes.LastIndexAny(undecided, " \t\r\n\"<>{}|") + 1, 0
	}
	if i := bytes.LastIndexByte(undecided, '\n'); i >= 0 {
		return c.lead + i + 1, 0
	}
	if c.have == len(c.buf) {
		return c.have, c.overlap / 2
	}
	return c.lead, 0
}

// keep moves what the next chunk begins with to the front.
func (c *cutter) keep(cut, tail int) {
	if cut == c.lead {
		return
	}
	c.line += int64(bytes.Count(c.buf[c.lead:cut-tail], []byte{'\n'}))
	from := cut
	c.lead = 0
	if tail > 0 {
		from, c.lead = cut-c.overlap, c.overlap-tail
	}
	c.off += int64(from)
	c.have = copy(c.buf, c.buf[from:c.have])
}
