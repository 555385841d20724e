package taxiitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// The proxy that cuts is itself held to its word: so many bytes and no more,
// and HTTP notices a cut wherever the framing lets it.
func TestCut(t *testing.T) {
	const text = "<a>0123456789</a>"
	f := func(framing Framing, head func(body string, n int) bool) {
		t.Helper()
		c := &Cut{Framing: framing, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.URL.Path)
			io.WriteString(w, text)
		})}
		s := httptest.NewServer(c)
		defer s.Close()
		noticed, cut := 0, 0
		c.EveryByte(t, 1, 1, 1, func(_ int, whole bool) {
			for i, want := range []bool{true, whole, true} { // the first and the third reply come whole
				body, err := get(t, s.URL+"/x")
				if want && (err != nil || body != text) {
					t.Errorf("reply %d: %q, %v", i, body, err)
				}
				if !want {
					cut++
					if err != nil {
						noticed++
					} else if !head(body, len(text)) {
						t.Errorf("reply %d: %q and no error", i, body)
					}
				}
			}
		})
		if cut < 100 || noticed < 80 {
			t.Errorf("%d cuts, %d noticed", cut, noticed)
		}
	}
	never := func(string, int) bool { return false }
	f(Length, never)
	f(Chunked, never)
	f(Close, func(body string, n int) bool { return len(body) < n })
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// One that is never asked is a test that proves nothing, and says so.
func TestCutMatch(t *testing.T) {
	asked := 0
	c := &Cut{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }),
		Match: func(r *http.Request) bool { return r.URL.Path == "/page" }}
	s := httptest.NewServer(c)
	defer s.Close()
	c.At(0, 0, -1)
	if _, err := get(t, s.URL+"/other"); err != nil {
		t.Error(err)
	}
	for range 3 {
		if _, err := get(t, s.URL+"/page"); err == nil {
			t.Error("a reply that was to be cut came whole")
		}
	}
	c.At(0, 1, 0)
	if _, err := get(t, s.URL+"/page"); err != nil || asked != 5 {
		t.Error(asked, err)
	}
}
