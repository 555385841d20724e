package taxii

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/canary"
	"github.com/iochunt/iochunt/internal/httpx"
)

// printed is v as every printer shows it.
func printed(v any) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %q", v, v, v, v, v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	if j, err := json.Marshal(v); err == nil {
		b.Write(j)
	}
	return b.String()
}

// logins are the ways to prove who asks, each with its canaries.
func logins() map[string]Login {
	user, password := httpx.Secret(canary.Secrets["user"]), httpx.Secret(canary.Secrets["password"])
	return map[string]Login{
		"key as user name": {Username: user},
		"basic":            {Username: user, Password: password},
		"jwt":              {Username: user, Password: password, JWT: "/auth"},
		"header":           {Header: http.Header{"X-Gate": {canary.Secrets["header"]}, "Accept-Language": {canary.Secrets["header"]}}},
		"bearer":           {Header: http.Header{"Authorization": {"Bearer " + canary.Secrets["token"]}}},
	}
}

func TestPrintedTypes(t *testing.T) {
	base := address(t, "https://"+canary.Secrets["proxy"]+"@taxii.example/?k="+url.QueryEscape(canary.Secrets["query"]))
	for name, l := range logins() {
		o := Options{Base: base, Login: l}
		plain := *base
		plain.User = nil
		c, err := New(Options{Base: &plain, Login: l, HTTP: &http.Client{}})
		if err != nil {
			t.Fatal(err)
		}
		c.token = httpx.Secret(canary.Secrets["token"])
		for _, v := range []any{l, &l, o, &o, c, *address(t, "https://h/"), Request{URL: base}, struct{ L Login }{l}, []Login{l}, map[string]any{"c": c}} {
			if got := canary.Leaked(printed(v)); got != nil {
				t.Errorf("%s: %T shows %v", name, v, got)
			}
		}
	}
}

// mirror sends back whatever came, in every place that ends up in an error.
type mirror struct{ fault string }

func (m mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	user, password, _ := r.BasicAuth()
	heard := fmt.Sprint(r.URL, " ", r.URL.Query(), " ", r.Header, " ", user, " ", password, " ", string(body))
	h := w.Header()
	if r.URL.Path == "/auth" && !strings.HasPrefix(m.fault, "auth ") {
		fmt.Fprintf(w, `{"token":%q}`, canary.Secrets["token"])
		return
	}
	switch strings.TrimPrefix(m.fault, "auth ") {
	case "400 text", "401 text", "403 text", "404 text", "500 text":
		w.WriteHeader(map[byte]int{'4': 400, '5': 500}[m.fault[len(m.fault)-8]])
		io.WriteString(w, heard)
	case "401 json":
		w.WriteHeader(401)
		json.NewEncoder(w).Encode(map[string]string{"title": heard, "description": user})
	case "long":
		w.WriteHeader(400)
		io.WriteString(w, strings.Repeat("x ", 100)+heard+heard+heard)
	case "html":
		h.Set("Content-Type", "text/html; "+oneLine(heard))
		io.WriteString(w, "<html>"+heard)
	case "type":
		h.Set("Content-Type", oneLine(heard))
		io.WriteString(w, heard)
	case "encoding":
		h.Set("Content-Encoding", oneLine(heard))
		io.WriteString(w, heard)
	case "redirect":
		h.Set("Location", "https://evil.example/?"+url.QueryEscape(heard))
		w.WriteHeader(302)
	case "redirect to a host so named":
		h.Set("Location", "https://"+strings.Trim(base64.RawURLEncoding.EncodeToString([]byte(user)), "=")+".example/")
		w.WriteHeader(307)
	case "redirect with a login":
		h.Set("Location", "http://"+url.QueryEscape(user)+":"+url.QueryEscape(password)+"@"+r.Host+"/")
		w.WriteHeader(307)
	case "redirect to nonsense":
		h.Set("Location", "http://[%zz"+url.QueryEscape(heard))
		w.WriteHeader(302)
	case "status line":
		hijack(w, "HTTP/1.1 "+oneLine(heard)+"\r\n\r\n")
	case "bad header":
		hijack(w, "HTTP/1.1 200 OK\r\n"+oneLine(heard)+"\r\n\r\n")
	case "bad chunk":
		hijack(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+oneLine(heard)+"\r\n")
	case "bad gzip":
		hijack(w, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"+heard)
	case "cut":
		hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+heard)
	case "nothing":
		hijack(w, "")
	case "stalled":
		io.WriteString(w, heard)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		io.WriteString(w, heard)
	}
}

func oneLine(s string) string { return strings.Map(func(r rune) rune { return max(r, ' ') }, s) }

func hijack(w http.ResponseWriter, text string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	io.WriteString(c, text)
	c.Close()
}

var faults = []string{"400 text", "401 text", "403 text", "404 text", "500 text", "401 json", "long", "html", "type", "encoding", "redirect",
	"redirect to a host so named", "redirect with a login", "redirect to nonsense", "status line", "bad header", "bad chunk", "bad gzip", "cut", "nothing", "stalled", "read error"}

// Row 32: whatever goes wrong, and whatever the server sends back, no error
// shows a secret: not the one that ends the question, nor those on the way to it.
func TestErrorsKeepSecrets(t *testing.T) {
	for name, l := range logins() {
		for _, fault := range faults {
			for _, where := range []string{"", "auth "} {
				if where != "" && (l.JWT == "" || fault == "read error") {
					continue
				}
				s := httptest.NewServer(mirror{where + fault})
				for _, err := range fail(t, s.URL, l, httpx.Options{Idle: 20 * time.Millisecond, Dial: 50 * time.Millisecond}) {
					if got := canary.Leaked(printed(err)); got != nil {
						t.Errorf("%s, %s%s: %v in %v", name, where, fault, got, err)
					}
				}
				s.Close()
			}
		}
	}
}

// fail asks a server that fails and returns every error that is seen.
func fail(t *testing.T, base string, l Login, o httpx.Options) []error {
	t.Helper()
	c, err := New(Options{Base: address(t, base+"/poll?k="+url.QueryEscape(canary.Secrets["query"])), Login: l, HTTP: client(t, o), Policy: quick})
	if err != nil {
		t.Fatal(err)
	}
	var seen []error
	ctx := httpx.OnRetry(t.Context(), func(a httpx.Attempt) { seen = append(seen, a.Err) })
	r := Request{URL: c.Base(), Body: []byte("?"), Repeatable: true, Media: []string{"application/xml", "text/plain"}}
	err = c.Do(ctx, r, func(resp *http.Response) error {
		b, err := io.ReadAll(resp.Body)
		if err == nil {
			err = fmt.Errorf("%w: the server says %s", ErrAuth, b)
		}
		return err
	})
	if err == nil {
		t.Errorf("%s: no error", base)
	}
	return append(seen, err)
}

// The same of servers that are not reached: by name, by port, by TLS, by proxy.
func TestUnreachedKeepSecrets(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijack(w, "HTTP/1.1 407 "+r.Header.Get("Proxy-Authorization")+canary.Secrets["proxy"]+"\r\n\r\n"+canary.Secrets["proxy"])
	}))
	defer proxy.Close()
	for name, l := range logins() {
		f := func(base string, o httpx.Options) {
			t.Helper()
			o.Dial, o.Header = 50*time.Millisecond, 50*time.Millisecond
			for _, err := range fail(t, base, l, o) {
				if got := canary.Leaked(printed(err)); got != nil {
					t.Errorf("%s, %s: %v in %v", name, base, got, err)
				}
			}
		}
		by := func(scheme, host string) httpx.Options {
			return httpx.Options{Proxy: httpx.Secret(scheme + "://user:" + canary.Secrets["proxy"] + "@" + host)}
		}
		f("http://127.0.0.1:1", httpx.Options{})
		f("https://taxii.invalid", httpx.Options{})
		f(secure.URL, httpx.Options{})
		f(strings.Replace(secure.URL, "https:", "http:", 1), httpx.Options{})
		f(secure.URL, httpx.Options{Fingerprint: strings.Repeat("00", 32)})
		f(secure.URL, by("http", "127.0.0.1:1"))
		f(secure.URL, by("socks5", "127.0.0.1:1"))
		f(secure.URL, by("socks5", proxy.Listener.Addr().String()))
		f(secure.URL, by("https", secure.Listener.Addr().String()))
		f(secure.URL, by("http", proxy.Listener.Addr().String()))
		f(strings.Replace(secure.URL, "https:", "http:", 1), by("http", proxy.Listener.Addr().String()))
	}
}

// Hide is for texts of the server that are told elsewhere than in an error.
func TestHide(t *testing.T) {
	for name, l := range logins() {
		c, err := New(Options{Base: address(t, "https://taxii.example/?k="+url.QueryEscape(canary.Secrets["query"])), Login: l, HTTP: &http.Client{}})
		if err != nil {
			t.Fatal(err)
		}
		c.token = httpx.Secret(canary.Secrets["token"])
		said := c.Base().String() + " " + canary.Secrets["token"] + " " + string(l.Username) + string(l.Password) + " " + l.Header.Get("X-Gate") + l.Header.Get("Authorization")
		if got := canary.Leaked(c.Hide(said)); got != nil {
			t.Errorf("%s: %v in %s", name, got, c.Hide(said))
		}
	}
}

// Rows 31 and 34, as far as they are a connection's: the rest is in httpx.
func TestConnLimits(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
		}
	})
	p := quick
	p.Timeout = 30 * time.Millisecond
	c, err := New(Options{Base: address(t, s.URL), HTTP: client(t, httpx.Options{}), Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	f := func(r Request, want string) {
		t.Helper()
		r.URL = c.Base()
		if err := c.Do(t.Context(), r, discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f(Request{}, "no complete answer within 30ms")
	f(Request{Body: []byte("?"), Repeatable: true}, "no complete answer within 30ms")
	f(Request{MaxBody: 3}, "too big")
	if c := connect(t, s.URL, Login{}); c.policy.Timeout != longestAnswer {
		t.Errorf("an answer may take %v", c.policy.Timeout)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := connect(t, s.URL, Login{}).Do(ctx, Request{URL: c.Base()}, discard); err == nil || ctx.Err() == nil {
		t.Error("asked although the context had ended")
	}
}
