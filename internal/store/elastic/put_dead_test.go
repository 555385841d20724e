package elastic

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// TestPutBatchRefused: what the cluster will not take is kept as a refusal, with
// the reason, and the rest of the batch is stored.
func TestPutBatchRefused(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, unfit(t, n))
		b := ioc.Batch{Reports: []ioc.ReportList{list("r", "1", true, true)}, Next: "1"}
		for _, v := range []string{"good.example", "evil.example"} {
			b.Members = append(b.Members, ioc.Member{Report: "r", Observable: ioc.Observable{Type: ioc.Domain, Value: v}})
		}
		c, err := s.PutBatch(t.Context(), "a", b)
		if err != nil || c.Refused != 1 {
			t.Fatalf("%+v, %v", c, err)
		}
		var there []string
		for o, err := range s.Observables(t.Context(), ioc.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			there = append(there, o.Value)
		}
		if !slices.Equal(there, []string{"good.example"}) {
			t.Errorf("stored: %q", there)
		}
		k := 0
		for r, err := range s.Refused(t.Context(), "a") {
			if k++; err != nil || r.Report != "r" || r.Value != "evil.example" || !strings.HasPrefix(r.Reason, "refused by the cluster: ") || r.Place == "" {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if c, err := s.Cursor(t.Context(), "a"); k != 1 || c != "1" || err != nil {
			t.Errorf("%d refusals, cursor %q, %v", k, c, err)
		}
	})
}

// unfit returns a client over a proxy that makes what is evil unfit for the
// mapping, which has an object there.
func unfit(t *testing.T, n estest.Node) *es.Client {
	t.Helper()
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	upstream := httputil.NewSingleHostReverseProxy(u)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		threat := `{"feed":{"name":"a"},"indicator":{"type":"domain-name","name":"evil.example"`
		body = bytes.ReplaceAll(body, []byte(`"threat":`+threat), []byte(`"threat":"no object","x":`+threat))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		upstream.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return estest.Node{URL: srv.URL, Flavor: n.Flavor}.Client(t)
}
