package httpx

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const canary = "c4n4ry-5ecret-0123456789"

func client(t *testing.T, o Options) *http.Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func request(t *testing.T, url string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func discard(resp *http.Response) error {
	_, err := io.Copy(io.Discard, resp.Body)
	return err
}

var once = Policy{Attempts: 1}

// get makes one attempt and checks that the error keeps every secret.
func get(t *testing.T, c *http.Client, r *http.Request) error {
	t.Helper()
	err := once.Do(c, r, discard)
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Errorf("the secret stands in the error: %v", err)
	}
	return err
}

func TestUserAgentAndHeaders(t *testing.T) {
	var got http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	if err := get(t, client(t, Options{Version: "1.2"}), request(t, s.URL, "X-Otx-Api-Key", canary)); err != nil {
		t.Fatal(err)
	}
	if got.Get("User-Agent") != "iochunt/1.2" || got.Get("X-Otx-Api-Key") != canary {
		t.Error(got)
	}
}

// A redirect never takes a secret to another host.
func TestRedirects(t *testing.T) {
	leaked := false
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		leaked = leaked || strings.Contains(fmt.Sprint(r.Header, r.URL), canary)
	})
	port := strings.TrimPrefix(other.URL, "http://127.0.0.1")
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	f := func(target, want string, header ...string) {
		t.Helper()
		to = target
		err := get(t, client(t, Options{}), request(t, s.URL+"/start?key="+canary, header...))
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want)) {
			t.Errorf("to %s with %v: got %v, want %q", target, header, err, want)
		}
	}
	f("/end", "", "X-Otx-Api-Key", canary)
	f(s.URL+"/end", "", "X-Otx-Api-Key", canary)
	f(other.URL+"/end?q="+canary, "from "+s.URL+" to "+other.URL+" would take the header X-Otx-Api-Key", "X-Otx-Api-Key", canary)
	f(other.URL, "another host", "Authorization", "Basic "+canary)
	f(other.URL, "another host", "Cookie", canary)
	f("http://localhost"+port, "another host", "X-Anything", canary)
	f("https://otx.example/", "another host", "X-Otx-Api-Key", canary)
	f(other.URL, "", "Accept", "*/*") // the same machine, nothing to lose
	f("http://localhost"+port, "private address", "Accept", "*/*")
	f("/start", "more than 10 redirects")
	if leaked {
		t.Error("the secret reached the other host")
	}
	user := strings.Replace(s.URL, "http://", "http://u:"+canary+"@", 1)
	to = other.URL
	if err := get(t, client(t, Options{}), request(t, user)); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestRedirectLeavesTLS(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("followed to plain http") })
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	defer s.Close()
	err := get(t, client(t, Options{CAFile: caFile(t, s)}), request(t, s.URL))
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "leaves https") {
		t.Error(err)
	}
}

func TestPlainSecret(t *testing.T) {
	c := client(t, Options{Dial: time.Millisecond})
	err := get(t, c, request(t, "http://192.0.2.1/?k="+canary, "X-Otx-Api-Key", canary))
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "plain text to 192.0.2.1") {
		t.Error(err)
	}
	f := func(host string, want bool) {
		t.Helper()
		if Loopback(host) != want {
			t.Errorf("Loopback(%q) is %v", host, !want)
		}
	}
	f("localhost", true)
	f("LocalHost.", true)
	f("a.localhost", true)
	f("127.9.9.9", true)
	f("::1", true)
	f("::ffff:127.0.0.1", true)
	f("127.0.0.1.evil.example", false)
	f("localhost.evil.example", false)
	f("0.0.0.0", false)
	f("10.0.0.1", false)
	f("", false)
}

func TestPublicOnly(t *testing.T) {
	f := func(addr string, want bool) {
		t.Helper()
		check := only(func(netip.Addr) error { return ErrRefused })
		if err := check("tcp", netip.AddrPortFrom(netip.MustParseAddr(addr), 80).String(), nil); (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
	}
	f("198.51.100.1", true)
	f("2606:4700::1", true)
	f("::ffff:198.51.100.1", true)
	f("64:ff9b::c633:6401", true)
	for _, a := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
		"224.0.0.1", "0.1.2.3", "192.0.0.8", "198.19.0.1", "240.0.0.1", "255.255.255.255", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "fec0::1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::"} {
		f(a, false)
	}
}

func caFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCAFile(t *testing.T) {
	for _, file := range []string{"/no/such/file", os.DevNull} {
		if _, err := New(Options{CAFile: file}); err == nil {
			t.Errorf("%s holds no certificate", file)
		}
	}
}

func TestProxyFromEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:"+canary+"@%zz")
	err := get(t, client(t, Options{}), request(t, "https://feed.example/"))
	if err == nil {
		t.Error("no error for a proxy that is no URL")
	}
	used := false
	s := serve(t, func(http.ResponseWriter, *http.Request) { used = true })
	t.Setenv("HTTP_PROXY", s.URL)
	if err := get(t, client(t, Options{}), request(t, "http://feed.example/")); err != nil || !used {
		t.Error(used, err)
	}
}

// fakeNet answers with the given functions, one a request.
type fakeNet struct {
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Duration // of each request, from the first on
	began   time.Time
}

func (f *fakeNet) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(f.at) == 0 {
		f.began = time.Now()
	}
	f.at = append(f.at, time.Since(f.began))
	return f.answers[min(len(f.at), len(f.answers))-1](r)
}

func status(code int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func TestRetry(t *testing.T) {
	fails := func(err error) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	ok := status(http.StatusOK, "fine")
	f := func(name string, wantTries int, wantOK bool, answers ...func(*http.Request) (*http.Response, error)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			n := &fakeNet{answers: answers}
			var seen []Attempt
			r := request(t, "https://feed.example/x?key="+canary, "X-Key", canary)
			r = r.WithContext(OnRetry(r.Context(), func(a Attempt) { seen = append(seen, a) }))
			err := Policy{}.Do(&http.Client{Transport: n}, r, discard)
			if len(n.at) != wantTries || (err == nil) != wantOK {
				t.Errorf("%s: %d tries, want %d; %v", name, len(n.at), wantTries, err)
			}
			for _, a := range seen {
				if strings.Contains(a.Err.Error(), canary) {
					t.Errorf("%s: the secret stands in %v", name, a.Err)
				}
			}
			if len(seen) != wantTries-1 {
				t.Errorf("%s: %d reports", name, len(seen))
			}
		})
	}
	f("fine", 1, true, ok)
	for _, code := range []int{429, 500, 502, 503, 504} {
		f(fmt.Sprint(code), 3, true, status(code, ""), status(code, ""), ok)
		f(fmt.Sprint(code, " for ever"), 5, false, status(code, ""))
	}
	for _, code := range []int{300, 400, 401, 403, 404, 405, 410, 413, 501, 505} {
		f(fmt.Sprint(code), 1, false, status(code, ""), ok)
	}
	f("not modified", 1, true, status(304, ""))
	f("connection refused", 2, true, fails(errors.New("connect: connection refused for "+canary)), ok)
	f("connection reset", 2, true, fails(io.ErrUnexpectedEOF), ok)
	f("refused by us", 1, false, fails(fmt.Errorf("%w: no", ErrRefused)), ok)
	f("unknown certificate", 1, false, fails(&tls.CertificateVerificationError{Err: errors.New("x")}), ok)
}

func TestRetryWaits(t *testing.T) {
	f := func(name string, p Policy, lo, hi []time.Duration, answers ...func(*http.Request) (*http.Response, error)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			n := &fakeNet{answers: answers}
			_ = p.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), discard)
			for i := range lo {
				if d := n.at[i+1] - n.at[i]; d < lo[i] || d > hi[i] {
					t.Errorf("%s: wait %d took %v, want %v to %v", name, i, d, lo[i], hi[i])
				}
			}
		})
	}
	s := time.Second
	f("doubling, with jitter", Policy{}, []time.Duration{s / 2, s, 2 * s, 4 * s}, []time.Duration{3 * s / 2, 3 * s, 6 * s, 12 * s}, status(503, ""))
	f("Retry-After in seconds", Policy{Attempts: 2}, []time.Duration{30 * s}, []time.Duration{30 * s}, status(503, "", "Retry-After", "30"))
	f("Retry-After capped", Policy{Attempts: 2}, []time.Duration{120 * s}, []time.Duration{120 * s}, status(429, "", "Retry-After", "99999999"))
	f("Retry-After as a date", Policy{Attempts: 2}, []time.Duration{40 * s}, []time.Duration{40 * s}, status(503, "",
		"Date", "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2015 07:28:40 GMT"))
	f("Retry-After in the past", Policy{Attempts: 2}, []time.Duration{s / 2}, []time.Duration{3 * s / 2}, status(503, "",
		"Date", "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2015 07:20:00 GMT"))
	f("Retry-After that is nothing", Policy{Attempts: 2}, []time.Duration{s / 2}, []time.Duration{3 * s / 2}, status(503, "", "Retry-After", "soon"))
}

func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(503, "", "Retry-After", "100")}}
		start := time.Now()
		err := Policy{}.Do(&http.Client{Transport: n}, request(t, "https://feed.example/").WithContext(ctx), discard)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 4*time.Second {
			t.Error(err, time.Since(start))
		}
	})
}

func TestOnlyGetIsRetried(t *testing.T) {
	n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(503, "")}}
	r := request(t, "https://feed.example/")
	r.Method = http.MethodPost
	var e *StatusError
	if err := (Policy{}).Do(&http.Client{Transport: n}, r, discard); !errors.As(err, &e) || len(n.at) != 1 {
		t.Error(len(n.at), err)
	}
}

func TestFinalAndTemporary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(429, `{"detail":"log in"}`)}}
		p := Policy{Final: func(e *StatusError) bool { return e.Detail == "log in" }}
		if err := p.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), discard); err == nil || len(n.at) != 1 {
			t.Error(len(n.at), err)
		}
		n = &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(200, "x")}}
		bad := errors.New("not JSON")
		err := Policy{}.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), func(*http.Response) error { return Temporary(bad) })
		if !errors.Is(err, bad) || len(n.at) != 5 {
			t.Error(len(n.at), err)
		}
		n.at = nil
		err = Policy{}.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), func(*http.Response) error { return bad })
		if !errors.Is(err, bad) || len(n.at) != 1 {
			t.Error(len(n.at), err)
		}
	})
}

func TestBodies(t *testing.T) {
	var write func(w http.ResponseWriter, r *http.Request)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { write(w, r) })
	f := func(name string, o Options, p Policy, want string, h func(w http.ResponseWriter, r *http.Request)) {
		t.Helper()
		write = h
		p.Attempts = 1
		err := p.Do(client(t, o), request(t, s.URL), discard)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	body := func(n int) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", n)) }
	}
	f("as long as allowed", Options{MaxBody: 1000}, Policy{}, "", body(1000))
	f("a byte too long", Options{MaxBody: 1000}, Policy{}, "too big", body(1001))
	f("a byte too long for the policy", Options{}, Policy{MaxBody: 1000}, "too big", body(1001))
	f("a gzip bomb", Options{MaxBody: 1 << 20}, Policy{}, "too big", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 64 {
			z.Write(make([]byte, 1<<20))
		}
		z.Close()
	})
	f("cut", Options{}, Policy{}, "broke off", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "x")
	})
	stall := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	f("stalled", Options{Idle: 20 * time.Millisecond}, Policy{}, "no byte came for 20ms", stall)
	f("too slow in all", Options{}, Policy{Timeout: 20 * time.Millisecond}, "no complete answer within 20ms", stall)
	f("no header", Options{Header: 20 * time.Millisecond}, Policy{}, "timeout awaiting response headers",
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// No error shows a secret, whatever the server sends back.
func TestErrorsKeepSecrets(t *testing.T) {
	var code int
	var kind, text string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		if code == http.StatusFound {
			w.Header().Set("Location", text)
		}
		w.WriteHeader(code)
		io.WriteString(w, text)
	})
	f := func(c int, k, body, want string) {
		t.Helper()
		code, kind, text = c, k, body
		err := get(t, client(t, Options{}), request(t, s.URL+"/p?key="+canary, "X-Otx-Api-Key", canary, "Authorization", "Basic dTpjNG40cnktNWVjcmV0LTAxMjM0NTY3ODk="))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), s.URL+"/p:") {
			t.Errorf("%d %s: %v, want %q", c, body, err, want)
		}
		if strings.ContainsAny(err.Error(), "\x1b\n\x00") {
			t.Errorf("control characters in %q", err)
		}
	}
	f(403, "application/json", `{"detail":"no such key: `+canary+`"}`, "403 Forbidden: no such key: ***")
	f(400, "application/json", `{"modified_since":["\u001b[31mbad"]}`, "400 Bad Request: ")
	f(400, "text/plain", "\x1b[31m"+strings.Repeat("long ", 1000), "…")
	f(504, "text/html", "<html>"+canary, "504 Gateway Timeout (an HTML page of a gateway)")
	f(502, "", "<html>", "an HTML page")
	f(418, "", "", "418 I'm a teapot")
	f(302, "", "http://%zz/"+canary, "failed to parse Location header")
	f(302, "", "https://"+canary+".example/", "would take the header")
	u, _ := url.Parse("https://user:" + canary + "@host/p%2Fq?x=" + canary + "#" + canary)
	if got := SafeURL(u); got != "https://host/p%2Fq" {
		t.Error(got)
	}
}
