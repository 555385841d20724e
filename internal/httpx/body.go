package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// ErrTooBig marks the error of a body that is longer than its cap. Asking for
// the same again does not help, asking for less may.
var ErrTooBig = errors.New("the answer is too big")

// BodyError is a failure in the middle of an answer's body: cut, stalled, or
// damaged in its compression.
type BodyError struct{ Err error }

// Error implements error.
func (e *BodyError) Error() string { return "the answer broke off: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// body ends a read that stays silent for too long, and names what went wrong.
type body struct {
	rc      io.ReadCloser
	idle    time.Duration
	timer   *time.Timer
	stalled atomic.Bool
	cancel  context.CancelCauseFunc
}

func newBody(rc io.ReadCloser, idle time.Duration, limit int64, cancel context.CancelCauseFunc) io.ReadCloser {
	b := &body{rc: rc, idle: idle, cancel: cancel}
	b.timer = time.AfterFunc(idle, func() {
		b.stalled.Store(true)
		cancel(nil)
	})
	b.timer.Stop()
	return capBody(b, limit)
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.rc.Read(p)
	b.timer.Stop()
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case b.stalled.Load():
		return n, &BodyError{fmt.Errorf("no byte came for %v", b.idle)}
	}
	return n, &BodyError{err}
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.timer.Stop()
	err := b.rc.Close()
	b.cancel(nil)
	return err
}

// capped lets limit bytes through and fails at the next one.
type capped struct {
	io.ReadCloser
	left, limit int64
}

func capBody(rc io.ReadCloser, limit int64) io.ReadCloser {
	return &capped{ReadCloser: rc, left: limit, limit: limit}
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		n += int(c.left)
		c.left = 0
		return n, fmt.Errorf("%w: it has more than %d bytes", ErrTooBig, c.limit)
	}
	return n, err
}
