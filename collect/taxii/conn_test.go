package taxii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/httpx"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func address(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var quick = httpx.Policy{Attempts: 2, First: time.Microsecond}

func client(t *testing.T, o httpx.Options) *http.Client {
	t.Helper()
	h, err := httpx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.CloseIdleConnections)
	return h
}

func connect(t *testing.T, base string, l Login) *Conn {
	t.Helper()
	c, err := New(Options{Base: address(t, base), Login: l, HTTP: client(t, httpx.Options{}), Policy: quick})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func discard(r *http.Response) error {
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

// get asks for ref, a path.
func get(t *testing.T, c *Conn, ref string) error {
	t.Helper()
	u, err := c.Resolve(ref)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), Request{URL: u}, discard)
}

func TestLogin(t *testing.T) {
	var got *http.Request
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
	f := func(l Login, wantUser, wantPassword string, wantBasic bool, header, want string) {
		t.Helper()
		if err := get(t, connect(t, s.URL, l), "/x"); err != nil {
			t.Fatal(err)
		}
		user, password, basic := got.BasicAuth()
		if user != wantUser || password != wantPassword || basic != wantBasic || got.Header.Get(header) != want {
			t.Errorf("%q %q %v, %v", user, password, basic, got.Header)
		}
	}
	f(Login{}, "", "", false, "Authorization", "")
	f(Login{Username: "api-key"}, "api-key", "", true, "Authorization", "Basic YXBpLWtleTo=") // as OTX wants it
	f(Login{Username: "u", Password: "pä:ss"}, "u", "pä:ss", true, "", "")
	f(Login{Header: http.Header{"x-gate": {"open"}}}, "", "", false, "X-Gate", "open")
	f(Login{Header: http.Header{"Authorization": {"Bearer abc"}}}, "", "", false, "Authorization", "Bearer abc")
	f(Login{Username: "u", Header: http.Header{"Accept": {"text/xml"}}}, "u", "", true, "Accept", "text/xml")
}

func TestCutHeader(t *testing.T) {
	f := func(line, name, value string, ok bool) {
		t.Helper()
		if n, v, is := CutHeader(line); is != ok || ok && (n != name || v != value) {
			t.Errorf("%q: %q, %q, %v", line, n, v, is)
		}
	}
	f("X-Key: a:b c\n", "X-Key", "a:b c", true)
	f(" x-key :", "x-key", "", true)
	f("X-Key", "", "", false)
	f(" : x", "", "", false)
	f("", "", "", false)
}

func TestNewRefuses(t *testing.T) {
	const canary = "c4n4ry-0123456789"
	f := func(base string, l Login, want string) {
		t.Helper()
		o := Options{Login: l, HTTP: &http.Client{}}
		if base != "" {
			o.Base = address(t, base)
		}
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %q", base, err, want)
		}
	}
	const h = "https://taxii.example/poll"
	f("", Login{}, "must look like https://")
	f("/poll", Login{}, "must look like")
	f("ftp://taxii.example/", Login{}, "must look like")
	f("https://:443/", Login{}, "must look like")
	f("https://u:"+canary+"@taxii.example/p?k="+canary, Login{}, "https://taxii.example/p must not hold a user name")
	f("http://taxii.example/", Login{Username: canary}, "write https://taxii.example")
	f("http://taxii.example/", Login{Header: http.Header{"X-Taxii-Key": {canary}}}, "write https://taxii.example")
	f("http://taxii.example/", Login{Header: http.Header{"Accept": {canary}}}, "write https://taxii.example")
	f(h, Login{Password: canary}, "without a user name")
	f(h, Login{JWT: "/auth"}, "needs a user name")
	f(h, Login{Username: "u", JWT: "https://else.example/auth?" + canary}, "https://else.example")
	f(h, Login{Username: "u:" + canary}, "colon")
	f(h, Login{Username: canary + "\n"}, "control character")
	f(h, Login{Username: "u", Password: canary + "\r"}, "control character")
	f(h, Login{Header: http.Header{"X Y": {canary}}}, "no name for a header")
	f(h, Login{Header: http.Header{"X-Y": {canary + "\r\nEvil: 1"}}}, "X-Y holds a character")
	f(h, Login{Header: http.Header{"host": {canary}}}, "Host cannot be set")
	f(h, Login{Header: http.Header{"Accept-Encoding": {"br"}}}, "Accept-Encoding cannot be set")
	f(h, Login{Username: "u", Header: http.Header{"authorization": {canary}}}, "which one")
	if _, err := New(Options{Base: address(t, h)}); err == nil {
		t.Error("no HTTP client and no error")
	}
	if _, err := New(Options{Base: address(t, h), Login: Login{Username: "u:v", JWT: "/auth"}, HTTP: &http.Client{}}); err != nil {
		t.Errorf("JSON can say a colon: %v", err)
	}
}

// Nothing that a server names leads away from the origin that was configured.
func TestResolve(t *testing.T) {
	f := func(base, ref, want string) {
		t.Helper()
		u, err := connect(t, base, Login{}).Resolve(ref)
		switch {
		case strings.HasPrefix(strings.ToLower(want), "https://taxii.example") || strings.HasPrefix(want, "http://"):
			if err != nil || u.String() != want {
				t.Errorf("%s: %v, %v; want %s", ref, u, err, want)
			}
		default:
			if !errors.Is(err, ErrHost) || u != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), httpx.Origin(address(t, base))) {
				t.Errorf("%s: %v, %v; want %q", ref, u, err, want)
			}
		}
	}
	const b = "https://taxii.example/taxii/discovery?k=1"
	f(b, "/taxii/poll", "https://taxii.example/taxii/poll")
	f(b, "poll", "https://taxii.example/taxii/poll")
	f(b, " \n https://taxii.example/taxii/poll \n", "https://taxii.example/taxii/poll")
	f(b, "HTTPS://TAXII.example:443/a%2Fb?c=d#e", "https://TAXII.example:443/a%2Fb?c=d")
	f(b, "https://evil.example/taxii/poll?secret", "leads to https://evil.example;")
	f(b, "//evil.example/", "leads to https://evil.example;")
	f(b, "https://taxii.example.evil.example/", "evil.example")
	f(b, "https://taxii.example@evil.example/", "leads to https://evil.example;")
	f(b, "https://u:p@taxii.example/", "a login of its own")
	f(b, "http://taxii.example/taxii/poll", "leads to http://taxii.example;")
	f(b, "https://taxii.example:8443/", "leads to https://taxii.example:8443;")
	f(b, "javascript:alert(1)", "no address of a host")
	f(b, "file:///etc/passwd", "no address of a host")
	f("http://127.0.0.1:9000/d", "http://127.0.0.1:9000/p", "http://127.0.0.1:9000/p")
	f("http://127.0.0.1:9000/d", "http://127.0.0.1:9001/p", "leads to http://127.0.0.1:9001;")
	f("http://127.0.0.1:9000/d", "http://localhost:9000/p", "leads to http://localhost:9000;")
	for _, bad := range []string{"http://[", "%zz", "https://taxii.example/\x00", "\x7f"} {
		if u, err := connect(t, b, Login{}).Resolve(bad); err == nil {
			t.Errorf("%q was read as %v", bad, u)
		}
	}
	c := connect(t, b, Login{})
	for _, u := range []*url.URL{nil, {}, address(t, "https://evil.example/"), address(t, "https://u:p@taxii.example/")} {
		if err := c.Do(t.Context(), Request{URL: u}, discard); err == nil {
			t.Errorf("%v was asked", u)
		}
	}
	if c.Base().Path = "changed"; c.Base().String() != b {
		t.Error("Base is not a copy")
	}
}

// Row 30: a redirect to another host, port or to plain http is not followed, and
// the error names both without the query; one on the same host keeps the login.
func TestRedirects(t *testing.T) {
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("another host was asked: %v", r.Header) })
	var to string
	var status int
	var last *http.Request
	h := func(w http.ResponseWriter, r *http.Request) {
		last = r
		if r.URL.Path != "/end/" {
			http.Redirect(w, r, to, status)
		}
	}
	s := serve(t, h)
	secure := httptest.NewTLSServer(http.HandlerFunc(h))
	defer secure.Close()
	for _, l := range []Login{{}, {Username: "user-c4n4ry"}, {Header: http.Header{"X-Gate": {"user-c4n4ry"}}}} {
		f := func(srv *httptest.Server, method string, code int, target, want string) {
			t.Helper()
			to, status = target, code
			hc := client(t, httpx.Options{Insecure: srv == secure})
			c, err := New(Options{Base: address(t, srv.URL), Login: l, HTTP: hc, Policy: quick})
			if err != nil {
				t.Fatal(err)
			}
			r := Request{Method: method, URL: address(t, srv.URL+"/start?q=c4n4ry"), Repeatable: true}
			if method == http.MethodPost {
				r.Body = []byte("?")
			}
			err = c.Do(t.Context(), r, discard)
			user, _, _ := last.BasicAuth()
			switch {
			case want == "" && (err != nil || last.URL.Path != "/end/" || last.Method != method || user != string(l.Username)):
				t.Errorf("%s %d to %s: %v, ends at %s %s as %q", method, code, target, err, last.Method, last.URL.Path, user)
			case want != "" && (!errors.Is(err, httpx.ErrRefused) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry")):
				t.Errorf("%s %d to %s: %v, want %q", method, code, target, err, want)
			}
		}
		both := srvOrigin(s) + " is configured, and this leads to " + srvOrigin(other)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			f(s, method, 308, "/end/", "")
			f(s, method, 307, s.URL+"/end/", "")
			f(s, method, 308, other.URL+"/end/?q=c4n4ry", both)
			f(s, method, 302, other.URL+"/end/?q=c4n4ry", both)
			f(s, method, 302, "http://localhost"+address(t, s.URL).Host[9:]+"/end/", "leads to http://localhost")
			f(s, method, 302, "https://evil.example/?c4n4ry", "leads to https://evil.example;")
			f(s, method, 308, "/start", "more than 10 redirects")
			f(secure, method, 308, "/end/", "")
			f(secure, method, 308, strings.Replace(secure.URL, "https", "http", 1)+"/end/", "leads to http://127.0.0.1")
		}
		f(s, http.MethodGet, 302, "/end/", "")
		for _, code := range []int{301, 302, 303} {
			f(s, http.MethodPost, code, "/end/?c4n4ry", "the server moved this service; configure "+s.URL+"/end/")
		}
	}
}

func srvOrigin(s *httptest.Server) string { return s.URL }

// What a status or a kind of answer means.
func TestAnswers(t *testing.T) {
	var code int
	var header http.Header
	var text string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, vs := range header {
			w.Header()[name] = vs
		}
		w.WriteHeader(code)
		io.WriteString(w, text)
	})
	c := connect(t, s.URL, Login{})
	f := func(r Request, c1 int, kind, marker, body string, want error, words string) {
		t.Helper()
		code, text, header = c1, body, http.Header{"Content-Type": nil}
		if kind != "" {
			header.Set("Content-Type", kind)
		}
		if marker != "" {
			header.Set("X-TAXII-Content-Type", marker)
		}
		r.URL = address(t, s.URL+"/taxi/poll")
		read := ""
		err := c.Do(t.Context(), r, func(resp *http.Response) error {
			b, err := io.ReadAll(resp.Body)
			read = string(b)
			return err
		})
		switch {
		case words == "" && (err != nil || read != body):
			t.Errorf("%d %s: %v, read %q", c1, kind, err, read)
		case words != "" && (err == nil || !strings.Contains(err.Error(), words) || want != nil && !errors.Is(err, want)):
			t.Errorf("%d %s: %v, want %v, %q", c1, kind, err, want, words)
		case words != "" && want == nil && (errors.Is(err, ErrAuth) || errors.Is(err, ErrNotTAXII) || errors.Is(err, ErrHost)):
			t.Errorf("%d %s: %v is marked as what it is not", c1, kind, err)
		}
	}
	plain, xml := Request{}, Request{Media: []string{"application/xml", "text/xml"}, Marker: "X-TAXII-Content-Type"}
	const page = "<!DOCTYPE html><title>Log in</title>"
	f(plain, 200, "application/json", "", "{}", nil, "")
	f(plain, 200, "", "", "{}", nil, "")
	f(plain, 200, "", "", "", nil, "")
	f(plain, 206, "application/vnd.oasis.stix+json; version=2.0", "", "{}", nil, "")
	f(plain, 200, "text/html; charset=utf-8", "", page, ErrNotTAXII, s.URL+"/taxi/poll: this is no TAXII answer: a page for people")
	f(plain, 200, "TEXT/HTML;;", "", page, ErrNotTAXII, "a page for people")
	f(plain, 200, "", "", "\ufeff\n "+page, ErrNotTAXII, "a page for people")
	f(plain, 200, "text/plain", "", "<html>", ErrNotTAXII, "a page for people")
	f(plain, 200, "text/plain", "", "<htm", nil, "")
	f(plain, 401, "text/html", "", page, ErrAuth, "401 Unauthorized")
	f(plain, 403, "application/json", "", `{"title":"Forbidden","description":"not yours"}`, ErrAuth, "403 Forbidden: Forbidden: not yours")
	f(plain, 404, "text/html", "", page, ErrNotTAXII, "/taxi/poll: 404 Not Found")
	f(plain, 404, "application/json", "", `{"title":"no such collection"}`, nil, "404 Not Found: no such collection")
	f(plain, 406, "application/json", "", `{}`, nil, "406 Not Acceptable")
	f(plain, 429, "text/html", "", page, nil, "429")
	f(plain, 502, "text/html", "", page, nil, "502 Bad Gateway (an HTML page of a gateway)")
	f(xml, 200, "application/xml; charset=utf-8", "urn:x", "<a/>", nil, "")
	f(xml, 200, "text/xml", "urn:x", "<a/>", nil, "")
	f(xml, 200, "", "urn:x", "<a/>", nil, "")
	f(xml, 200, "application/xml", "", "<a/>", ErrNotTAXII, "lacks the header X-TAXII-Content-Type (its type is \"application/xml\")")
	f(xml, 200, "application/json", "urn:x", "{}", ErrNotTAXII, "its type is \"application/json\", not application/xml or text/xml")
	f(xml, 500, "application/xml", "urn:x", "<Status_Message/>", nil, "")
	f(xml, 404, "text/html", "", page, ErrNotTAXII, "404")
	f(xml, 500, "text/html", "urn:x", page, ErrNotTAXII, "a page for people")
	header = nil
	s2 := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		io.WriteString(w, "x")
	})
	if err := get(t, connect(t, s2.URL, Login{}), "/"); err == nil || !strings.Contains(err.Error(), `compressed as "br"`) {
		t.Error(err)
	}
}

// What read says with a status of refusal is about the login.
func TestRefusalRead(t *testing.T) {
	asked := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("X-Mark", "1")
		w.WriteHeader(http.StatusUnauthorized)
	})
	c := connect(t, s.URL, Login{})
	mine := errors.New("UNAUTHORIZED")
	err := c.Do(t.Context(), Request{URL: c.Base(), Marker: "X-Mark"}, func(*http.Response) error { return mine })
	if !errors.Is(err, ErrAuth) || !errors.Is(err, mine) || asked != 1 {
		t.Error(asked, err)
	}
}

// Questions are repeated when their answer is lost, as often as was said.
func TestAttempts(t *testing.T) {
	asked := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		b, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost && string(b) != "question" {
			t.Errorf("asked %q", b)
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	c := connect(t, s.URL, Login{})
	f := func(r Request, want int) {
		t.Helper()
		asked = 0
		r.URL = c.Base()
		if err := c.Do(t.Context(), r, discard); err == nil || asked != want {
			t.Errorf("asked %d times, want %d: %v", asked, want, err)
		}
	}
	f(Request{}, 2)
	f(Request{Attempts: 4}, 4)
	f(Request{Attempts: 1}, 1)
	f(Request{Body: []byte("question")}, 1)
	f(Request{Body: []byte("question"), Repeatable: true}, 2)
	f(Request{Body: []byte("question"), Repeatable: true, Attempts: 1}, 1)
}

// tokens is a server with a token service; a token is good for so many requests.
type tokens struct {
	mu             sync.Mutex
	good, logins   int
	refuse         int  // HTTP status of a refusal
	never          bool // refuses all tokens
	enter, proceed chan struct{}
}

func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/auth" {
		s.login(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good == 0 || s.never || r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", s.logins) {
		w.WriteHeader(s.refuse)
		io.WriteString(w, "UNAUTHORIZED")
		return
	}
	s.good--
}

func (s *tokens) login(w http.ResponseWriter, r *http.Request) {
	if s.enter != nil {
		s.enter <- struct{}{}
		<-s.proceed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var who map[string]string
	if err := json.NewDecoder(r.Body).Decode(&who); err != nil || who["username"] != "u" || who["password"] != "p" || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.logins++
	s.good = 3
	fmt.Fprintf(w, `{"token": "token-%d"}`, s.logins)
}

// readRefusal reads an answer whose refusal comes with HTTP 200.
func readRefusal(r *http.Response) error {
	b, err := io.ReadAll(r.Body)
	if string(b) == "UNAUTHORIZED" {
		return fmt.Errorf("%w: so says a Status_Message", ErrAuth)
	}
	return err
}

func TestJWT(t *testing.T) {
	for _, refuse := range []int{200, 401, 403} {
		s := &tokens{refuse: refuse}
		c := connect(t, serve(t, s.ServeHTTP).URL, Login{Username: "u", Password: "p", JWT: "/auth"})
		ask := func() error { return c.Do(t.Context(), Request{URL: c.Base()}, readRefusal) }
		for i := range 8 { // a token serves three requests
			if err := ask(); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		}
		if s.logins != 3 {
			t.Errorf("%d logins for 8 requests, want 3", s.logins)
		}
		s.never = true
		if err := ask(); !errors.Is(err, ErrAuth) || s.logins != 4 {
			t.Errorf("a fresh token was refused: %v after %d logins", err, s.logins)
		}
	}
	s := &tokens{refuse: 401, never: true}
	c := connect(t, serve(t, s.ServeHTTP).URL, Login{Username: "u", Password: "p", JWT: "/auth"})
	if err := get(t, c, "/"); !errors.Is(err, ErrAuth) || s.logins != 1 {
		t.Errorf("the very first token was refused: %v after %d logins", err, s.logins)
	}
	c = connect(t, c.Base().String(), Login{Username: "u", Password: "wrong", JWT: "/auth"})
	if err := get(t, c, "/"); !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "JWT login: ") || !strings.Contains(err.Error(), "/auth") {
		t.Error(err)
	}
}

// Many at once log in once, and one who need not wait does not.
func TestJWTAtOnce(t *testing.T) {
	s := &tokens{refuse: 401, enter: make(chan struct{}), proceed: make(chan struct{})}
	c := connect(t, serve(t, s.ServeHTTP).URL, Login{Username: "u", Password: "p", JWT: "/auth"})
	var failed atomic.Int32
	var all sync.WaitGroup
	ask := func() {
		if err := c.Do(t.Context(), Request{URL: c.Base()}, discard); err != nil {
			failed.Add(1)
		}
	}
	for range 3 {
		all.Go(ask)
	}
	<-s.enter
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Do(ctx, Request{URL: c.Base()}, discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := c.Hide("a text"); got != "a text" { // does not wait for the login
		t.Error(got)
	}
	close(s.proceed)
	all.Wait()
	if failed.Load() != 0 || s.logins != 1 {
		t.Errorf("%d failed, %d logins", failed.Load(), s.logins)
	}
}

func TestReadToken(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := readToken(strings.NewReader(in))
		if string(got) != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrNotTAXII) {
			t.Errorf("%q: %q, %v", in, string(got), err)
		}
	}
	f(`{"token": "a.b.c"}`, "a.b.c")
	f(`{"access_token": "a.b.c", "token_type": "bearer"}`, "a.b.c")
	f(`{}`, "")
	f(`{"token": 1}`, "")
	f(`{"token": "a b"}`, "")
	f(`{"token": "a\r\nX: y"}`, "")
	f(`["token"]`, "")
	f(`token`, "")
	f(``, "")
}

func FuzzReadToken(f *testing.F) {
	f.Add(`{"token": "a.b.c"}`)
	f.Add(`{"access_token": "x", "token": ""}`)
	f.Fuzz(func(t *testing.T, s string) {
		token, err := readToken(strings.NewReader(s))
		if (err == nil) == (token == "") || strings.ContainsAny(string(token), "\r\n \x00") {
			t.Errorf("%q, %v", string(token), err)
		}
	})
}
