package otxtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func FuzzRequest(f *testing.F) {
	for _, s := range []string{"pulses/subscribed?limit=2&page=2", "pulses/events?since=2024-01-01T00:00:00+00:00", "indicators/url/http%3A%2F%2Fx/general", "search/pulses?q=%00", "users/%2F/subscribe", "pulses/%zz"} {
		f.Add(s)
	}
	a := Demo()
	a.Pulses, a.IndicatorsPerPulse = 5, 5
	s := New(a)
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.Parse("/api/v1/" + target)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: u, Host: "otx.example", Header: http.Header{"X-Otx-Api-Key": {s.Key}}})
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q: %d %q", target, w.Code, w.Body)
		}
	})
}

// FuzzText holds the string writer to encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", `a"b\c`, "\x00\x1f\x7f\u2028é𝄞\xff", hostile} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := appendText(nil, s)
		decode(t, b, &got)
		if want := string([]rune(s)); got != want { // every invalid byte becomes one U+FFFD
			t.Errorf("%q became %q, want %q", s, got, want)
		}
		if bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			t.Errorf("%q is not plain ASCII", b)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	s := New(Account{Pulses: 10_000, IndicatorsPerPulse: 100})
	r := httptest.NewRequest(http.MethodGet, "/api/v1/pulses/subscribed?limit=50&page=100", nil)
	r.Header.Set("X-OTX-API-KEY", s.Key)
	w := &discard{}
	s.ServeHTTP(w, r)
	b.SetBytes(w.n)
	b.ReportAllocs()
	for b.Loop() {
		s.ServeHTTP(w, r)
	}
}

type discard struct {
	h http.Header
	n int64
}

func (d *discard) Header() http.Header {
	if d.h == nil {
		d.h = http.Header{}
	}
	return d.h
}
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.n += int64(len(p)); return len(p), nil }
