package es

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// encoded is the body of one request. Its memory is used again when net/http is
// surely done with it, which may still read after it has returned.
type encoded struct {
	b    []byte
	open atomic.Int32 // readers
	read atomic.Int64 // bytes, by the last reader
}

var bodies sync.Pool

// encode writes the lines of a part.
func encode(p *part) *encoded {
	e, _ := bodies.Get().(*encoded)
	if e == nil {
		e = &encoded{b: make([]byte, 0, p.bytes+p.bytes/8)}
	}
	e.b = e.b[:0]
	e.read.Store(0)
	for i := range p.items {
		e.b = p.items[i].appendTo(e.b)
	}
	return e
}

func (e *encoded) release() {
	if e.open.Load() == 0 {
		bodies.Put(e)
	}
}

// left is how much of the body was not read.
func (e *encoded) left() int { return len(e.b) - int(e.read.Load()) }

func (e *encoded) reader() io.ReadCloser {
	e.open.Add(1)
	e.read.Store(0)
	return &bodyReader{e: e, rest: e.b}
}

type bodyReader struct {
	e    *encoded
	rest []byte
	shut sync.Once
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	r.e.read.Add(int64(n))
	return n, nil
}

// Close implements io.Closer.
func (r *bodyReader) Close() error {
	r.shut.Do(func() { r.e.open.Add(-1) })
	return nil
}

// appendTo writes the one or two lines of an item.
func (it *Item) appendTo(b []byte) []byte {
	b = append(append(append(b, `{"`...), it.Op.String()...), `":{"_id":`...)
	b = appendText(b, it.ID)
	if it.Index != "" {
		b = appendText(append(b, `,"_index":`...), it.Index)
	}
	if it.IfTerm > 0 {
		b = strconv.AppendInt(append(b, `,"if_seq_no":`...), it.IfSeqNo, 10)
		b = strconv.AppendInt(append(b, `,"if_primary_term":`...), it.IfTerm, 10)
	}
	b = append(b, "}}\n"...)
	if it.Op == Delete {
		return b
	}
	at := len(b)
	b = append(b, it.Body...)
	for i := bytes.IndexByte(b[at:], '\n'); i >= 0; i = bytes.IndexByte(b[at:], '\n') {
		b[at+i] = ' ' // in JSON it is a space, here the end of a line
		at += i
	}
	return append(b, '\n')
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			q, _ := json.Marshal(s)
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// sizer is how big the next batch is to be.
type sizer struct {
	mu       *sync.Mutex
	max, cur int
	hold     int // good answers before it grows again
}

func newSizer(most int) sizer { return sizer{mu: new(sync.Mutex), max: most, cur: most} }

const (
	minBytes   = 64 << 10
	holdBig    = 64 // a limit of the server stays; to look for it costs a request in so many
	holdBusy   = 8
	growFactor = 16
)

func (s *sizer) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur
}

// tooBig is told of a request that was too big for the server.
func (s *sizer) tooBig(bytes int) { s.shrink(bytes/2, holdBig) }

// tooMuch is told of an answer that came late, or that there is too much to do.
func (s *sizer) tooMuch() { s.shrink(s.now()/2, holdBusy) }

func (s *sizer) shrink(to, hold int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cur = min(s.cur, max(to, min(minBytes, s.max)))
	s.hold = max(s.hold, hold)
}

// answered is told of every answer about items.
func (s *sizer) answered(took time.Duration, busy bool) {
	if busy || took > slowReply {
		s.tooMuch()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold--; s.hold < 0 {
		s.hold = 0
		s.cur = min(s.cur+s.max/growFactor, s.max)
	}
}
