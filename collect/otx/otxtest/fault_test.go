package otxtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// started returns a listening server of 20 pulses.
func started(t *testing.T, a Account) *Server {
	t.Helper()
	s := New(a)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// fetch asks over the wire. Redirects are not followed.
func fetch(ctx context.Context, t *testing.T, s *Server, path string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-OTX-API-KEY", s.Key)
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

var small = Account{Pulses: 20, IndicatorsPerPulse: 10}

func TestReplies(t *testing.T) {
	s := started(t, small)
	f := func(e Effect, code int, header, value, text string) {
		t.Helper()
		s.ClearFaults()
		s.Fault(Fault{Path: "/pulses/subscribed", Do: e})
		res, body, err := fetch(t.Context(), t, s, "/pulses/subscribed?limit=5")
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != code || res.Header.Get(header) != value || !bytes.Contains(body, []byte(text)) {
			t.Errorf("%d %v %s, want %d %s: %s, %s", res.StatusCode, res.Header, body, code, header, value, text)
		}
		if res, _, err := fetch(t.Context(), t, s, "/users/me"); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("another path suffers too: %v", err)
		}
	}
	f(Gateway(502), 502, "Content-Type", "text/html", "<h1>502 Bad Gateway</h1>")
	f(Gateway(504), 504, "Content-Type", "text/html", "<h1>504 Gateway Timeout</h1>")
	f(Refuse(429, DetailThrottled, ""), 429, "Retry-After", "", "Over throttling limit (100/hour)")
	f(Refuse(429, DetailThrottled, "7"), 429, "Retry-After", "7", "Over throttling")
	f(Refuse(429, DetailAnonymous, ""), 429, "Retry-After", "", "Please authenticate")
	f(Forbid(), 403, "Content-Type", "application/json", "Invalid API Key")
	f(BadRequest("modified_since", "no date"), 400, "Content-Type", "application/json", `{"modified_since":["no date"]}`)
	f(Redirect("http://other.example/"), 302, "Location", "http://other.example/api/v1/pulses/subscribed?limit=5", "")
}

// Of the conditions of a fault all must hold, and it counts what it meets.
func TestMatching(t *testing.T) {
	s := New(small)
	newest := s.ID(19)
	f := func(fault Fault, path string, codes ...int) {
		t.Helper()
		s.ClearFaults()
		fault.Do = Gateway(504)
		s.Fault(fault)
		for i, want := range codes {
			if code, _ := get(t, s, path); code != want {
				t.Errorf("%+v: request %d of %s: %d, want %d", fault, i+1, path, code, want)
			}
		}
	}
	f(Fault{}, "/users/me", 504, 504, 504)
	f(Fault{Times: 2}, "/users/me", 504, 504, 200)
	f(Fault{Skip: 1, Times: 1}, "/users/me", 200, 504, 200)
	f(Fault{Page: 2}, "/pulses/subscribed", 200)
	f(Fault{Page: 2}, "/pulses/subscribed?page=2", 504)
	f(Fault{Path: "/pulses/*/indicators"}, "/pulses/"+newest+"/indicators", 504)
	f(Fault{Path: "/pulses/*/indicators"}, "/pulses/"+newest, 200)
	f(Fault{Path: "/pulses/subscribed"}, "/pulses/subscribed/?limit=2", 504)
	f(Fault{Match: func(r *http.Request) bool { return r.URL.Query().Get("limit") == "50" }}, "/pulses/subscribed?limit=50", 504)
	// The poisoned pulse is the newest but one.
	poison := Fault{Path: "/pulses/subscribed", Pulse: s.ID(18)}
	f(poison, "/pulses/subscribed?limit=20", 504)
	f(poison, "/pulses/subscribed?limit=1&page=1", 200)
	f(poison, "/pulses/subscribed?limit=1&page=2", 504)
	f(poison, "/pulses/subscribed?limit=1&page=3", 200)
	f(poison, "/pulses/activity?limit=20", 200)
}

func TestBodiesThatEndTooSoon(t *testing.T) {
	s := started(t, small)
	f := func(e Effect, wantErr bool) {
		t.Helper()
		s.ClearFaults()
		s.Fault(Fault{Do: e})
		_, body, err := fetch(t.Context(), t, s, "/pulses/subscribed?limit=20")
		if (err != nil) != wantErr || len(body) != 1000 || json.Valid(body) {
			t.Errorf("%d bytes, error %v; want 1000, error: %v", len(body), err, wantErr)
		}
	}
	f(Abort(1000), true)
	f(Cut(1000), false)
}

// A client that waits for more than the server sends can give up, and the
// server can close. The bytes that were sent arrive before that.
func TestHanging(t *testing.T) {
	f := func(e Effect, sent int, end func(*Server, context.CancelFunc)) {
		t.Helper()
		s := started(t, small)
		s.Fault(Fault{Do: e})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.OnRequest(func(*http.Request) {
			if sent == 0 {
				end(s, cancel)
			}
		})
		body, err := partOf(ctx, t, s, sent, func() { end(s, cancel) })
		if err == nil || len(body) != sent {
			t.Errorf("%d bytes, error %v; want %d and an error", len(body), err, sent)
		}
	}
	giveUp := func(_ *Server, cancel context.CancelFunc) { cancel() }
	shut := func(s *Server, _ context.CancelFunc) { s.Close() }
	f(Hang(), 0, giveUp)
	f(Hang(), 0, shut)
	f(Stall(500), 500, giveUp)
	f(Stall(500), 500, shut)
	f(Latency(time.Hour), 0, giveUp)
	f(Latency(time.Hour), 0, shut)
}

// partOf reads n bytes of an answer, calls then, and reads the rest.
func partOf(ctx context.Context, t *testing.T, s *Server, n int, then func()) ([]byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/api/v1/pulses/subscribed?limit=20", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-OTX-API-KEY", s.Key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	part := make([]byte, n)
	if _, err := io.ReadFull(res.Body, part); err != nil {
		t.Fatal(err)
	}
	then()
	rest, err := io.ReadAll(res.Body)
	return append(part, rest...), err
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(small)
		s.Fault(Fault{Do: Latency(30 * time.Second)})
		begin := time.Now()
		if code, _ := get(t, s, "/users/me"); code != 200 || time.Since(begin) != 30*time.Second {
			t.Errorf("%d after %v", code, time.Since(begin))
		}
	})
}

func TestNext(t *testing.T) {
	s := New(small)
	f := func(e Effect, path, want string) {
		t.Helper()
		s.ClearFaults()
		s.Fault(Fault{Do: e})
		_, body := get(t, s, path)
		var p page
		decode(t, body, &p)
		got := "null"
		if p.Next != nil {
			got = *p.Next
		}
		if got != want {
			t.Errorf("%s: next is %s, want %s", path, got, want)
		}
	}
	const list = "/pulses/subscribed?limit=5"
	const here = "http://example.com/api/v1/pulses/subscribed"
	f(Count(0), list, here+"?limit=5&page=2")
	f(Count(0), "/pulses/subscribed?limit=5&page=4", "null")
	f(NextHost("https://other.example"), list, "https://other.example/api/v1/pulses/subscribed?limit=5&page=2")
	f(NextRepeats(), "/pulses/subscribed?limit=5&page=3", here+"?limit=5&page=3")
	f(NextMissing(), list, "null")
	f(NextPlus(), list+"&modified_since=2023-01-01T00:00:00Z", here+"?limit=5&page=2&modified_since=2023-01-01T00%3A00%3A00+00%3A00")
	f(NextPlus(), list, here+"?limit=5&page=2")
	s = New(Account{Pulses: 20, PublicURL: "https://otx.example/"})
	f(Count(0), list, "https://otx.example/api/v1/pulses/subscribed?limit=5&page=2")
}

func TestShapes(t *testing.T) {
	a := small
	a.Extra = []Pulse{{Name: "n", Revision: 2, Adversary: "A", Tags: []string{"t"}, Modified: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), Indicators: []Indicator{{ID: 7, Type: "IPv4", Value: "192.0.2.1", Title: "x"}}}}
	s := New(a)
	f := func(e Effect, texts ...string) {
		t.Helper()
		s.ClearFaults()
		s.Fault(Fault{Do: e})
		_, body := get(t, s, "/pulses/subscribed?limit=1")
		if !json.Valid(body) {
			t.Errorf("no JSON: %s", body)
		}
		for _, text := range texts {
			no, absent := strings.CutPrefix(text, "!")
			if bytes.Contains(body, []byte(no)) == absent {
				t.Errorf("want %s in %s", text, body)
			}
		}
	}
	f(Shaped(0), `"modified":"2025-01-02T03:04:05"`, `"id":7`, `"revision":2,`, `"is_active":1`, `"expiration":null`, `"tags":["t"]`)
	f(Shaped(NullFields), `"tags":null`, `"adversary":null`, `"title":null`, `"author_name":null`)
	f(Shaped(ObjectsForTexts), `"tags":[{"id":"t","display_name":"t","target":null}]`, `"adversary":{"id":"A"`)
	f(Shaped(StringIDs|FloatRevision), `"id":"7"`, `"revision":2.0,`)
	f(Shaped(UnderscoreIDs|BoolFlags), `"_id":"7"`, `"is_active":true`)
	f(Shaped(ZoneDates|LongDates), `"modified":"2025-01-02T03:04:05.000000Z"`, `"created":"2025-01-02T03:04:05.000000Z"`)
	f(Shaped(ShortDates), `"modified":"2025-01-02T03:04:05"`)
	f(Shaped(MissingFields), `!"tags"`, `!"title"`, `!"author_name"`)
	f(Shaped(ControlTexts), `\u001b]0;owned\u0007`, `\u0000`, `\u202e`)
	f(LongDescription(5<<20), strings.Repeat("long text. ", 400_000))
	f(Count(5), `"count":26`)
	f(Malformed(""), `"indicators":"none"`)
	f(Malformed(s.ID(3)), `!"indicators":"none"`)
}

func TestGzip(t *testing.T) {
	s := New(Account{Pulses: 20, IndicatorsPerPulse: 10, Gzip: true})
	ask := func() []byte {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/pulses/subscribed", nil)
		r.Header.Set("X-OTX-API-KEY", s.Key)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.Bytes()
	}
	unpacked := func(b []byte) int {
		t.Helper()
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(z)
		if err != nil || !json.Valid(all) {
			t.Errorf("%v in %.200s", err, all)
		}
		return len(all)
	}
	unpacked(ask())
	s.Fault(Fault{Do: GzipBomb(20 << 20)})
	bomb := ask()
	if n := unpacked(bomb); n != 20<<20 || len(bomb) > n/500 {
		t.Errorf("%d bytes unpack to %d", len(bomb), n)
	}
}

func TestTLS(t *testing.T) {
	s := New(small)
	if err := s.StartTLS(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatal("no certificate")
	}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer c.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/v1/pulses/activity?limit=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var p page
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Next == nil || !strings.HasPrefix(*p.Next, s.URL()) {
		t.Errorf("%v, %+v", err, p)
	}
}

// An account of a million indicators costs the memory of its pulses.
func TestMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a million indicators: left out with -short")
	}
	s := New(Account{Pulses: 10_000, IndicatorsPerPulse: 100, MoreIndicatorsEvery: 100})
	n, last := 0, ""
	for f := range s.Truth() {
		n++
		last = f.Value
	}
	if n != 1_000_000 || last == "" {
		t.Errorf("%d facts", n)
	}
	code, body := get(t, s, "/pulses/subscribed?limit=50&page=200")
	if code != 200 || !bytes.Contains(body, []byte(s.ID(0))) || !bytes.Contains(body, []byte(`"count":`+strconv.Itoa(10_000))) {
		t.Errorf("last page: %d %.200s", code, body)
	}
}
