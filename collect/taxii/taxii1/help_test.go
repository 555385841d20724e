package taxii1

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

// direct asks a handler without a network, so that tests can turn the clock.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// connect returns a client of h, without a network.
func connect(t testing.TB, h http.Handler, version string, login taxii.Login) *Client {
	t.Helper()
	return client(t, "http://localhost", &http.Client{Transport: direct{h}}, version, login)
}

// dial returns a client of h behind a real connection.
func dial(t testing.TB, h http.Handler, version string, login taxii.Login) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := httpx.New(httpx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client(t, s.URL, c, version, login)
}

func client(t testing.TB, base string, c *http.Client, version string, login taxii.Login) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := taxii.New(taxii.Options{Base: u, Login: login, HTTP: c, Policy: httpx.Policy{Attempts: 2, First: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	return New(conn, version)
}

// at resolves a path on the client's server.
func (c *Client) at(t testing.TB, path string) *url.URL {
	t.Helper()
	u, err := c.conn.Resolve(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// seen is a block as a test looks at it.
type seen struct {
	Part, Index int
	Binding     string
	Label       time.Time
	Content     string
	Bad         string
	Scrubbed    int
}

// polled polls everything and returns the blocks.
func polled(t testing.TB, c *Client, q Query) ([]seen, Result, error) {
	t.Helper()
	var out []seen
	if q.Collection == "" {
		q.Collection = "c"
	}
	res, err := c.Poll(t.Context(), c.at(t, taxiitest.Poll1), q, func(b *Block) error {
		s := seen{Part: b.Part, Index: b.Index, Binding: b.Binding, Label: b.Label, Scrubbed: b.Scrubbed}
		text, err := io.ReadAll(b.Content())
		if err != nil && b.Bad == nil {
			t.Errorf("content of a good block: %v", err)
		}
		if s.Content = string(text); b.Bad != nil {
			s.Bad = b.Bad.Error()
		}
		out = append(out, s)
		return nil
	})
	return out, res, err
}

// noon of a day of May 2024.
func day(n int) time.Time { return time.Date(2024, 5, n, 12, 0, 0, 0, time.UTC) }

// feed is a server with one collection of blocks, whose labels are the noons of
// May 2024.
func feed(contents ...string) *taxiitest.TAXII1 {
	c := taxiitest.Collection1{Name: "c", Description: "Data feed"}
	for i, text := range contents {
		c.Blocks = append(c.Blocks, taxiitest.Block1{Label: day(i + 1), Content: text})
	}
	return &taxiitest.TAXII1{Collections: []taxiitest.Collection1{c}}
}

// contentsOf are the contents of blocks.
func contentsOf(blocks []seen) string {
	var out []string
	for _, b := range blocks {
		out = append(out, b.Content)
	}
	return strings.Join(out, "|")
}

// wantErr holds an error to its kind and to words in it.
func wantErr(t testing.TB, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %v, want one that is %v", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}
