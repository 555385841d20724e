package httpx

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeProxy is an HTTP proxy that leads everything to one address.
type fakeProxy struct {
	to      string // host:port
	login   string // user:password that it wants; "" none
	refusal int    // status with which it refuses all; 0: it does not
	hosts   chan string
}

func (p *fakeProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.hosts <- r.Host
	got := strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic ")
	switch {
	case p.refusal != 0:
		http.Error(w, got+canary, p.refusal)
	case got != base64.StdEncoding.EncodeToString([]byte(p.login)):
		http.Error(w, got, http.StatusProxyAuthRequired)
	case r.Method == http.MethodConnect:
		p.tunnel(w)
	default:
		fmt.Fprint(w, "by the proxy")
	}
}

func (p *fakeProxy) tunnel(w http.ResponseWriter) {
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, "", http.StatusBadGateway)
		return
	}
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		out.Close()
		return
	}
	io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	join(in, out)
}

// join copies both ways until either side ends.
func join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	cp := func(to, from net.Conn) { io.Copy(to, from); to.Close(); done <- struct{}{} }
	go cp(a, b)
	cp(b, a)
	<-done
}

// socksProxy is a SOCKS5 proxy (RFC 1928, 1929) that leads everything to one address.
func socksProxy(t *testing.T, to, login string, hosts chan<- string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSocks(c, to, login, hosts)
		}
	}()
	return l.Addr().String()
}

func serveSocks(c net.Conn, to, login string, hosts chan<- string) {
	defer c.Close()
	in := bufio.NewReader(c)
	text := func() string { // a length and so many bytes
		n, _ := in.ReadByte()
		b := make([]byte, n)
		io.ReadFull(in, b)
		return string(b)
	}
	in.ReadByte() // version 5
	text()        // methods
	c.Write([]byte{5, 2})
	in.ReadByte() // version 1 of the login
	if text()+":"+text() != login {
		c.Write([]byte{1, 1})
		return
	}
	c.Write([]byte{1, 0})
	head := make([]byte, 4)
	io.ReadFull(in, head)
	if head[3] != 3 { // a name, not an address: the proxy resolves
		return
	}
	hosts <- text()
	in.Discard(2)
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	out, err := net.Dial("tcp", to)
	if err == nil {
		join(c, out)
	}
}

// Names go to the proxy unresolved, its login with them, and the rules for the
// server's certificate hold for the server alone.
func TestProxy(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(nil)
	own, ownKey := pemOf(t, ca.issue(nil))
	var shown atomic.Int32
	target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert},
		func(_ http.ResponseWriter, r *http.Request) { shown.Store(int32(len(r.TLS.PeerCertificates))) })
	hosts := make(chan string, 10)
	p := &fakeProxy{to: target.Listener.Addr().String(), login: "u:" + canary, hosts: hosts}
	plain := httptest.NewServer(p)
	defer plain.Close()
	secure := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.issue(nil)}, ClientAuth: tls.RequestClientCert}, func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			t.Error("the proxy was shown the client's certificate")
		}
		p.ServeHTTP(w, r)
	})
	nobody := &nameServer{t: t, answers: [][]string{{"198.51.100.1"}}}
	f := func(scheme, host, login string, wantOK bool) {
		t.Helper()
		o := Options{Proxy: Secret(scheme + "://" + login + "@" + host), CAFile: ca.file(), Public: true, Fingerprint: fingerprint(cert),
			ClientCert: own, ClientKey: ownKey, resolver: nobody.resolver()}
		shown.Store(0)
		err := get(t, client(t, o), request(t, "https://feed.example/x", "X-Key", canary))
		if (err == nil) != wantOK || wantOK && shown.Load() != 1 {
			t.Errorf("%s: %v, %d certificates came", scheme, err, shown.Load())
		}
		if err == nil {
			if h := <-hosts; !strings.HasPrefix(h, "feed.example") {
				t.Errorf("%s: the proxy was asked for %s", scheme, h)
			}
		}
	}
	f("http", plain.Listener.Addr().String(), "u:"+canary, true)
	f("https", secure.Listener.Addr().String(), "u:"+canary, true)
	f("socks5", socksProxy(t, p.to, "u:"+canary, hosts), "u:"+canary, true)
	f("socks5h", socksProxy(t, p.to, "u:"+canary, hosts), "u:"+canary, true)
	f("http", plain.Listener.Addr().String(), "u:other-"+canary, false)
	f("socks5", socksProxy(t, p.to, "u:"+canary, hosts), "u:other-"+canary, false)
	f("http", "127.0.0.1:1", "u:"+canary, false)
	if nobody.asked.Load() != 0 {
		t.Error("a name was resolved here although there is a proxy")
	}
}

// A proxy that says nothing does not keep us for ever.
func TestSilentProxy(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // nobody accepts: the system takes the connection, and that is all
	o := Options{Proxy: Secret("socks5://u:" + canary + "@" + l.Addr().String()), Header: 30 * time.Millisecond}
	for _, url := range []string{"https://feed.example/", "http://feed.example/"} {
		if err := get(t, client(t, o), request(t, url)); err == nil {
			t.Error(err)
		}
	}
}

// What a proxy refuses is told by its number, and none of its words.
func TestProxyRefuses(t *testing.T) {
	p := &fakeProxy{hosts: make(chan string, 100)}
	s := httptest.NewServer(p)
	defer s.Close()
	f := func(url string, status, wantTries int, want string) {
		t.Helper()
		p.refusal = status
		o := Options{Proxy: Secret(strings.Replace(s.URL, "http://", "http://user-"+canary+":"+canary+"@", 1))}
		c, n := client(t, o), 1
		r := request(t, url)
		r = r.WithContext(OnRetry(r.Context(), func(Attempt) { n++ }))
		err := Policy{Attempts: 3, First: time.Microsecond}.Do(c, r, discard)
		if err == nil || !strings.Contains(err.Error(), want) || n != wantTries || strings.Contains(err.Error(), canary) {
			t.Errorf("%s with %d: %v in %d tries, want %q", url, status, err, n, want)
		}
	}
	f("https://feed.example/", 407, 1, "407 Proxy Authentication Required (its user name and password stand in its URL")
	f("https://feed.example/", 403, 1, "the proxy did not let us through: 403")
	f("https://feed.example/", 502, 3, "502 Bad Gateway")
	f("http://feed.example/", 407, 1, "407 Proxy Authentication Required")
	f("http://feed.example/", 503, 3, "503 Service Unavailable")
}

func TestProxySettings(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "by the proxy") })
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	own := serve(t, fine)
	if err := get(t, client(t, Options{Proxy: Secret(s.URL)}), request(t, "http://feed.example/")); err != nil {
		t.Errorf("the setting does not come before the environment: %v", err)
	}
	if err := get(t, client(t, Options{Proxy: NoProxy}), request(t, own.URL)); err != nil {
		t.Error(err)
	}
	g := client(t, Options{Proxy: NoProxy}).Transport.(*guard)
	if p, err := g.proxy(request(t, "http://feed.example/").URL); p != nil || err != nil {
		t.Errorf("%q goes by %v, %v", NoProxy, p, err)
	}
	// To this machine by a proxy elsewhere is not to this machine.
	err := get(t, client(t, Options{Proxy: "http://192.0.2.1:3128", Dial: time.Millisecond}), request(t, "http://127.0.0.1:9/", "X-Key", canary))
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "to the proxy 192.0.2.1:3128") {
		t.Error(err)
	}
}
