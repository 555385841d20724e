package httpx

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// A server that takes a question on a connection used before and hangs up: by
// itself net/http would ask again. What may be asked once is not.
func TestOnce(t *testing.T) {
	var asked atomic.Int32
	var wire atomic.Value
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer := func(conn net.Conn) {
		defer conn.Close()
		in := bufio.NewReader(conn)
		for n := 0; n < 2; n++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if r.URL.Path == "/counted" {
				asked.Add(1)
				wire.Store([]any{r.ContentLength, len(r.TransferEncoding), r.Header.Get("Content-Length")})
			}
			if n == 0 {
				conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	t.Cleanup(func() { l.Close() })
	f := func(p Policy, wantAsked int32, wantOK bool) {
		t.Helper()
		asked.Store(0)
		c := client(t, Options{})
		if err := once.Do(c, request(t, "http://"+l.Addr().String()+"/first"), discard); err != nil {
			t.Fatal(err)
		}
		err := p.Do(c, request(t, "http://"+l.Addr().String()+"/counted"), discard)
		if asked.Load() != wantAsked || (err == nil) != wantOK {
			t.Errorf("%+v: asked %d times, %v", p, asked.Load(), err)
		}
		if w := wire.Load().([]any); w[0] != int64(0) || w[1] != 0 || w[2] != "" {
			t.Errorf("a GET carried a body: %v", w)
		}
	}
	f(Policy{Attempts: 1}, 2, true) // what net/http does
	f(Policy{Once: true}, 1, false)
	f(Policy{Once: true, Attempts: 5}, 1, false)
}
