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
	c, done := newCutter(opts)
	defer done()
	c.src, c.live, c.off = t.r, live, t.start
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

// newCutter returns a cutter with a buffer, and what gives that back.
func newCutter(opts Options) (c *cutter, done func()) {
	if opts.buffer > 0 {
		return &cutter{buf: make([]byte, opts.buffer), step: opts.buffer, overlap: opts.overlap}, func() {}
	}
	buf := buffers.Get().(*[]byte)
	return &cutter{buf: *buf, step: readSize, overlap: overlapSize}, func() { buffers.Put(buf) }
}

// cutter cuts a stream at line ends. The places depend on the content alone,
// not on how much a Read returns, but that a live stream is not waited for.
type cutter struct {
	src     io.Reader
	live    bool
	overlap int
	step    int // bytes to read before a line end is looked for
	buf     []byte
	have    int   // bytes in buf
	lead    int   // of them, already decided
	off     int64 // of buf[0]
}

// chunks yields until the end, an error or the consumer's no (more is false).
func (c *cutter) chunks(ctx context.Context, yield func(hunt.Chunk, error) bool) (more bool, err error) {
	for err == nil {
		err = c.fill(ctx)
		cut, tail := c.cut(err)
		if cut > c.lead {
			if !yield(hunt.Chunk{Data: c.buf[:cut:cut], Offset: c.off, Lead: c.lead, Tail: tail}, nil) {
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

// fill reads a step more, if buf has room for it; of a live stream, until a line
// is complete.
func (c *cutter) fill(ctx context.Context) error {
	end := min(c.have+c.step, len(c.buf))
	for idle := 0; c.have < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.src.Read(c.buf[c.have:end])
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
	from := cut
	c.lead = 0
	if tail > 0 {
		from, c.lead = cut-c.overlap, c.overlap-tail
	}
	c.off += int64(from)
	c.have = copy(c.buf, c.buf[from:c.have])
}
