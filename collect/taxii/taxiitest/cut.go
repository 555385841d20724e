package taxiitest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Framing is how an HTTP reply says where its body ends, which decides what a
// client can notice when it breaks off.
type Framing uint8

const (
	Length  Framing = iota // Content-Length: HTTP itself notices every cut
	Chunked                // the same
	Close                  // the connection's end is the body's end: only the reader of the document can notice
)

// Cut stands before a handler and breaks its replies off: the connection ends
// after so many bytes, counted from the status line on. The inner handler
// answers each request afresh, since answers repeat the ids of their questions.
type Cut struct {
	Handler http.Handler
	Match   func(*http.Request) bool // which requests count; nil: all
	Framing Framing

	mu      sync.Mutex
	plan    plan
	seen    int // requests that counted since the plan was made
	longest int // bytes of the longest reply to be cut since then
}

// plan says which replies break off, and where.
type plan struct{ at, skip, times int }

// At makes the next replies break off after n bytes: the first skip replies come
// whole, then times of them are cut (-1: all), then they come whole again.
func (c *Cut) At(n, skip, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.seen, c.longest = plan{n, skip, times}, 0, 0
}

// ServeHTTP implements http.Handler.
func (c *Cut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // what is left unread would turn the end of the connection into a reset
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	at, wanted := c.take(r)
	if !wanted {
		c.Handler.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	c.Handler.ServeHTTP(rec, r)
	raw := c.raw(rec.Result())
	c.note(len(raw))
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(fmt.Sprintf("taxiitest: %v", err)) // HTTP/2 has no connection of its own
	}
	defer conn.Close()
	_, _ = conn.Write(raw[:min(at, len(raw))]) // the client may be gone already
}

// take counts a request and tells whether and where its reply is to be cut.
func (c *Cut) take(r *http.Request) (at int, wanted bool) {
	if c.Match != nil && !c.Match(r) {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.seen - c.plan.skip
	c.seen++
	return c.plan.at, i >= 0 && (c.plan.times < 0 || i < c.plan.times)
}

func (c *Cut) note(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, size)
}

// raw writes a reply as it goes over the wire.
func (c *Cut) raw(resp *http.Response) []byte {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(fmt.Sprintf("taxiitest: %v", err)) // a recorder's body is in memory
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength, resp.TransferEncoding = -1, nil
	switch c.Framing {
	case Length:
		resp.ContentLength = int64(len(body))
	case Chunked:
		resp.TransferEncoding = []string{"chunked"}
	case Close:
	}
	resp.Close = true
	resp.Header.Del("Content-Length")
	var b bytes.Buffer
	if err := resp.Write(&b); err != nil {
		panic(fmt.Sprintf("taxiitest: %v", err))
	}
	return b.Bytes()
}

// EveryByte runs f for each place at which a reply can break off: first with
// the reply whole (n counts for nothing then), then cut after n = 0, 1, 2 …
// bytes. skip and times are those of At. step leaves places out in long
// replies: the head and the last bytes are always tried one by one, what lies
// between every step bytes. It ends with the first n at which f fails the test.
func (c *Cut) EveryByte(tb testing.TB, skip, times, step int, f func(n int, whole bool)) {
	tb.Helper()
	c.At(math.MaxInt, skip, times)
	f(0, true)
	size := c.size()
	if size == 0 || tb.Failed() {
		tb.Fatalf("with the reply whole; %d bytes were sent of it", size)
	}
	const dense = 400 // a head, and the ends of the outermost elements
	for n := 0; n < size; n++ {
		if n > dense && n < size-dense && n%max(step, 1) != 0 {
			continue
		}
		c.At(n, skip, times)
		f(n, false)
		if c.size() <= n {
			tb.Errorf("no reply broke off: the last has %d bytes", c.size())
		}
		if tb.Failed() {
			tb.Fatalf("with the reply cut after %d of %d bytes", n, size)
		}
	}
}

// size is the length of the longest reply that was to be cut since At, whole.
func (c *Cut) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest
}
