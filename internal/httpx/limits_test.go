package httpx

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// question is a POST that can be sent again.
func question(t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A question asked by POST is repeated whole, body and all, when it is said to
// be one and its body can be had again.
func TestRepeatable(t *testing.T) {
	f := func(name string, p Policy, change func(*http.Request), want int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			var bodies []string
			n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(b))
				return status(503, "")(r)
			}}}
			r := question(t, "https://feed.example/", "what is new?")
			change(r)
			if err := p.Do(&http.Client{Transport: n}, r, discard); err == nil || len(bodies) != want {
				t.Errorf("%s: asked %d times, %v", name, len(bodies), err)
			}
			for _, b := range bodies {
				if b != "what is new?" {
					t.Errorf("%s: asked %q", name, b)
				}
			}
		})
	}
	same := func(*http.Request) {}
	f("not said to be", Policy{}, same, 1)
	f("a question", Policy{Repeatable: true}, same, 5)
	f("at most once", Policy{Repeatable: true, Once: true}, same, 1)
	f("a body that is gone", Policy{Repeatable: true}, func(r *http.Request) { r.GetBody = nil }, 1)
}

// Accept hands an answer to read although its status is an error; what read
// says of it is tried again by the same statuses as ever.
func TestAccept(t *testing.T) {
	bad := errors.New("it says no")
	f := func(code, wantTries int, wantWait time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(code, "why", "Retry-After", "40")}}
			p := Policy{Attempts: 2, Accept: func(r *http.Response) bool { return r.Header.Get("Retry-After") != "" }}
			var got string
			err := p.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), func(r *http.Response) error {
				b, _ := io.ReadAll(r.Body)
				got = string(b)
				return bad
			})
			if !errors.Is(err, bad) || got != "why" || len(n.at) != wantTries || n.at[wantTries-1] != wantWait {
				t.Errorf("%d: %v, read %q, asked at %v", code, err, got, n.at)
			}
		})
	}
	f(400, 1, 0)
	f(401, 1, 0)
	f(503, 2, 40*time.Second)
}

// An error of read is told as it is, also when it is of the kind that net/http
// makes when no answer came.
func TestReadError(t *testing.T) {
	n := &fakeNet{answers: []func(*http.Request) (*http.Response, error){status(200, "x")}}
	bad := &url.Error{Op: "parse", URL: "named in the answer", Err: errors.New("no host")}
	err := Policy{}.Do(&http.Client{Transport: n}, request(t, "https://feed.example/"), func(*http.Response) error { return bad })
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "named in the answer") || len(n.at) != 1 {
		t.Error(len(n.at), err)
	}
}

// drip sends a byte again and again until nobody listens.
func drip(w http.ResponseWriter, start, more string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, start)
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if _, err := io.WriteString(c, more); err != nil {
			return
		}
	}
}

// Servers that take their time, for a question asked by GET and by POST.
func TestSlowServers(t *testing.T) {
	f := func(name string, o Options, p Policy, want string, answer http.HandlerFunc) {
		t.Helper()
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			answer(w, r)
		})
		p.Repeatable, p.First = true, time.Microsecond
		p.Attempts = 2
		for _, r := range []*http.Request{request(t, s.URL), question(t, s.URL, "?")} {
			n := 1
			r = r.WithContext(OnRetry(r.Context(), func(Attempt) { n++ }))
			err := p.Do(client(t, o), r, discard)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want %q", r.Method, name, err, want)
			}
			if wantTries := map[bool]int{true: 1, false: 2}[errors.Is(err, ErrTooBig)]; n != wantTries {
				t.Errorf("%s, %s: %d tries", r.Method, name, n)
			}
		}
	}
	short := 30 * time.Millisecond
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
	f("no header", Options{Header: short}, Policy{}, "awaiting response headers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f("a header without end", Options{Header: short}, Policy{}, "awaiting response headers", func(w http.ResponseWriter, _ *http.Request) {
		drip(w, "HTTP/1.1 200 OK\r\nX-Slow: ", "x")
	})
	f("a header that is too big", Options{}, Policy{}, "header", func(w http.ResponseWriter, _ *http.Request) {
		drip(w, "HTTP/1.1 200 OK\r\n", "X-Big: "+strings.Repeat("x", 100_000)+"\r\n")
	})
	f("a body that stops", Options{Idle: short}, Policy{}, "no byte came for 30ms", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	f("a body that drips", Options{Idle: time.Minute}, Policy{Timeout: short}, "no complete answer within 30ms", func(w http.ResponseWriter, _ *http.Request) {
		drip(w, ok, "x")
	})
	f("a refusal that drips", Options{Idle: time.Minute}, Policy{Timeout: short}, "503", func(w http.ResponseWriter, _ *http.Request) {
		drip(w, strings.Replace(ok, "200 OK", "503 no", 1), "x")
	})
	f("a gzip bomb", Options{MaxBody: 1 << 20}, Policy{}, "too big", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 64 {
			z.Write(make([]byte, 1<<20))
		}
		z.Close()
	})
}

func TestSecret(t *testing.T) {
	type holder struct {
		Name string
		Key  Secret
	}
	h := holder{"n", canary}
	var text strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "key", h.Key, "all", h)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "key", h.Key, "all", h)
	j, err := json.Marshal(map[string]any{"key": h.Key, "all": h})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{text.String(), string(j), fmt.Sprint(h, h.Key, []Secret{h.Key}), fmt.Sprintf("%v %+v %#v %s %q %x %d", h, h, h, h.Key, h.Key, h.Key, h.Key),
		fmt.Sprintf("%+v", Options{Proxy: canary, ClientKey: canary, KeyPassword: canary}), h.Key.String()} {
		if strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) || !strings.Contains(s, stars) {
			t.Errorf("%s", s)
		}
	}
}

func TestMask(t *testing.T) {
	m := NewMask("pass word/1", "pass word/1 and more", `quo"ted`, "short")
	f := func(in, want string) {
		t.Helper()
		if got := m.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	f("a pass word/1, and", "a ***, and")
	f("pass word/1 and more", "***")
	f("?x=pass+word%2F1&y", "?x=***&y")
	f("/pass%20word%2F1", "/***")
	f(fmt.Sprintf("%q", `quo"ted`), `"***"`)
	m = NewMask(`a"b/&c<d`)
	f(`{"said":"a\"b/\u0026c\u003cd"}`, `{"said":"***"}`)
	f("<p>a&#34;b/&amp;c&lt;d", "<p>***")
	f("<p>a&quot;b/&amp;c&lt;d", "<p>***")
	m = NewMask("pass word/1", "short")
	f("short", "short")
	f("", "")
	err := m.Error(fmt.Errorf("%w: pass word/1", io.ErrUnexpectedEOF))
	var b *BodyError
	if err.Error() != "unexpected EOF: ***" || !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &b) {
		t.Error(err)
	}
	if err = m.Error(&BodyError{errors.New("pass word/1")}); !errors.As(err, &b) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "word") {
		t.Errorf("%#v", err)
	}
	if m.Error(nil) != nil || m.Error(io.EOF) != io.EOF {
		t.Error("an error without secrets was changed")
	}
}

// What a refusal says, in the forms of the services asked, and never a part of
// a secret that was cut by a limit.
func TestDetail(t *testing.T) {
	var text string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, text)
	})
	f := func(body, want string) {
		t.Helper()
		text = body
		var e *StatusError
		if err := get(t, client(t, Options{}), request(t, s.URL, "X-Key", canary)); !errors.As(err, &e) || e.Detail != want {
			t.Errorf("%.60q: got %q, want %q", body, e.Detail, want)
		}
		if strings.Contains(e.Detail, canary[:8]) {
			t.Errorf("a part of the secret stands in %q", e.Detail)
		}
	}
	f(`{"detail":"gone"}`, "gone")
	f(`{"title":"Get Collection Error","description":"no x","http_status":"404"}`, "Get Collection Error: no x")
	f(`{"message":"Not found"}`, "Not found")
	f(`{"error":""}`, `{"error":""}`)
	f(`["x"]`, `["x"]`)
	f(strings.Repeat("x", 290)+canary, strings.Repeat("x", 290)+"***")
	f("x"+strings.Repeat(" ", maxDetail-11)+canary, "x")
	f(`{"detail":"`+canary+`\u0007"}`, "***")
}
