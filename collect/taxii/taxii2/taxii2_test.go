package taxii2_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

const (
	user   = "0123456789abcdef-canary-user"
	secret = "canary-password-42"
)

// fast is a policy for tests: waits are short.
var fast = httpx.Policy{First: time.Millisecond, MaxWait: 5 * time.Millisecond, Timeout: 20 * time.Second}

// connect serves h on loopback and returns a client of it and its root.
func connect(tb testing.TB, h http.Handler, version string, change ...func(*taxii.Options)) (*taxii2.Client, *url.URL) {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	base, err := url.Parse(s.URL + taxiitest.Root2)
	if err != nil {
		tb.Fatal(err)
	}
	hc, err := httpx.New(httpx.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(hc.CloseIdleConnections)
	o := taxii.Options{Base: base, HTTP: hc, Policy: fast}
	for _, f := range change {
		f(&o)
	}
	conn, err := taxii.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return taxii2.New(conn, version), base
}

func login(o *taxii.Options) { o.Login = taxii.Login{Username: user, Password: secret} }

var day = time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)

// indicator is an object of a fake's collection.
func indicator(n int, added time.Time) taxiitest.Object2 {
	return taxiitest.Object2{Added: added, JSON: fmt.Sprintf(`{"type": "indicator", "spec_version": "2.1", "id": "indicator--%08d-0000-4000-8000-000000000000", "created": "2024-05-01T10:20:30.123Z", "modified": "2024-05-01T10:20:30.123Z", "pattern": "[domain-name:value = 'host%d.example']", "pattern_type": "stix"}`, n, n)}
}

// filled is a server with n objects, a second apart, in the collection "c".
func filled(n int) *taxiitest.TAXII2 {
	var objects []taxiitest.Object2
	for i := range n {
		objects = append(objects, indicator(i, day.Add(time.Duration(i)*time.Second)))
	}
	return &taxiitest.TAXII2{Digits: 6, Collections: []taxiitest.Collection2{{ID: "c", Title: "filled", Objects: objects}}}
}

// got gathers what a run hands out.
type got struct {
	ids     map[string]int
	objects []string
	bad     []taxii2.BadObject
	pages   []taxii2.Page
}

func (g *got) page(p *taxii2.Page) error {
	if g.ids == nil {
		g.ids = map[string]int{}
	}
	for _, raw := range p.Objects {
		var o struct{ ID string }
		if err := json.Unmarshal(raw, &o); err != nil {
			return err
		}
		g.ids[o.ID]++
		g.objects = append(g.objects, string(raw))
	}
	g.bad = append(g.bad, p.Bad...)
	g.pages = append(g.pages, *p)
	return nil
}

// whole fails unless all n objects of filled(n) came once.
func (g *got) whole(tb testing.TB, n int) {
	tb.Helper()
	if len(g.ids) != n || len(g.objects) != n {
		tb.Errorf("%d different objects and %d in all, want %d", len(g.ids), len(g.objects), n)
	}
}
