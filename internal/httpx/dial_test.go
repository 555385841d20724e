package httpx

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer resolves every name, each look-up to the next of its answers.
type nameServer struct {
	t       *testing.T
	answers [][]string
	asked   atomic.Int32
}

func (n *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(ours)
		return theirs, nil
	}}
}

// serve speaks DNS as over TCP: messages with their length before them.
func (n *nameServer) serve(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		b = n.answer(b)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
			return
		}
	}
}

func (n *nameServer) answer(b []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		n.t.Error(err)
		return nil
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	if q.Type == dnsmessage.TypeA {
		i := int(n.asked.Add(1)) - 1
		for _, a := range n.answers[min(i, len(n.answers)-1)] {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
	}
	out, err := m.Pack()
	if err != nil {
		n.t.Error(err)
	}
	return out
}

// A name that stands for an address inside a network is refused after it was
// resolved, unless that was allowed; what a person wrote as an address is not.
func TestPrivateNames(t *testing.T) {
	var reached atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://else.example"+s(r.Host)+"/", http.StatusFound)
		}
	})
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	f := func(name string, o Options, url, want string, answers ...[]string) {
		t.Helper()
		reached.Store(0)
		o.resolver = (&nameServer{t: t, answers: answers}).resolver()
		o.Dial = 300 * time.Millisecond
		n := 1
		r := request(t, strings.ReplaceAll(url, ":PORT", port))
		r = r.WithContext(OnRetry(r.Context(), func(Attempt) { n++ }))
		err := Policy{Attempts: 2, First: time.Microsecond}.Do(client(t, o), r, discard)
		if want == "" && (err != nil || reached.Load() != 1) {
			t.Errorf("%s: %v, reached %d times", name, err, reached.Load())
		}
		if want != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) || n != 1) {
			t.Errorf("%s: %v in %d tries, want %q", name, err, n, want)
		}
	}
	here := []string{"127.0.0.1"}
	f("allowed, as it was", Options{}, "http://feed.example:PORT/", "", here)
	f("this machine", Options{Public: true}, "http://feed.example:PORT/", "feed.example stands for the private address 127.0.0.1; if that is right, set allow_private: true", here)
	f("metadata of a cloud", Options{Public: true}, "http://feed.example/", "169.254.169.254", []string{"169.254.169.254"})
	f("RFC 1918", Options{Public: true}, "http://feed.example/", "10.9.8.7", []string{"10.9.8.7"})
	f("shared space", Options{Public: true}, "http://feed.example/", "100.64.1.1", []string{"100.64.1.1"})
	f("an address as written", Options{Public: true}, "http://127.0.0.1:PORT/", "", here)
	f("localhost as written", Options{Public: true}, "http://localhost:PORT/", "", here)
	f("a redirect to another name", Options{}, "http://127.0.0.1:PORT/away", "a redirect to another host leads to the private address 127.0.0.1", here)
	f("a redirect to another name", Options{Public: true}, "http://127.0.0.1:PORT/away", "a redirect to another host", here)
}

// s is the port of a host, with its colon.
func s(host string) string { return host[strings.LastIndex(host, ":"):] }

// A name server that first gives a public address and then ours ("rebinding"):
// what counts is the address that is connected, each time.
func TestRebinding(t *testing.T) {
	srv := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server inside was reached") })
	n := &nameServer{t: t, answers: [][]string{{"198.51.100.7"}, {"127.0.0.1"}, {"198.51.100.7", "127.0.0.1"}}}
	c := client(t, Options{Public: true, resolver: n.resolver(), Dial: 20 * time.Millisecond})
	for i := range 3 {
		err := once.Do(c, request(t, "http://feed.example"+s(srv.URL)+"/"), discard)
		if err == nil || i == 0 && errors.Is(err, ErrRefused) || i == 1 && !errors.Is(err, ErrRefused) {
			t.Errorf("look-up %d: %v", i, err)
		}
	}
	if n.asked.Load() < 3 {
		t.Errorf("the name was looked up %d times", n.asked.Load())
	}
}
