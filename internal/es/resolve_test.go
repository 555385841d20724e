package es_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
)

// TestResolveOtherClusters runs over what Elasticsearch 8.19 answers for a
// cluster that is there and one that does not answer: nothing of the latter is in _resolve/index.
func TestResolveOtherClusters(t *testing.T) {
	answers := map[string]string{
		"/_resolve/index/*:logs-*,*:-logs-old*": `{"indices":[{"name":"one:logs-a","aliases":["al"],"attributes":["open"]},{"name":"one:logs-shut","attributes":["closed"]}],
			"aliases":[{"name":"one:al","indices":["logs-a","logs-old1"]}],"data_streams":[{"name":"one:logs-ds","backing_indices":[".ds-logs-ds-000001"]}]}`,
		"/_resolve/cluster/*:logs-*": `{"one":{"connected":true,"skip_unavailable":true,"matching_indices":true},"dead":{"connected":false,"skip_unavailable":true}}`,
		"/_resolve/index/one:nope":   `{"indices":[],"aliases":[],"data_streams":[]}`,
		"/_resolve/cluster/one:nope": `{"one":{"connected":true,"skip_unavailable":true,"error":"no such index [nope]"}}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		a, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			a = `{"error":{"type":"no_such_remote_cluster_exception","reason":"no such remote cluster: [two]"},"status":404}`
		}
		_, _ = io.WriteString(w, a)
	}))
	t.Cleanup(s.Close)
	c, err := es.New(es.Options{Addresses: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Resolve(t.Context(), []string{"*:logs-*", "one:nope", "two:x", "*:-logs-old*"})
	if err != nil {
		t.Fatal(err)
	}
	want := es.Resolution{
		Places: []es.Place{
			{Name: "one:.ds-logs-ds-000001", Cluster: "one", DataStream: "logs-ds"},
			{Name: "one:logs-a", Cluster: "one", Aliases: []string{"al"}},
			{Name: "one:logs-shut", Cluster: "one", Closed: true},
		},
		Missing: []es.Miss{
			{Pattern: "*:logs-*", Cluster: "dead", Reason: "the cluster dead does not answer"},
			{Pattern: "one:nope", Reason: "no index of that name"},
			{Pattern: "two:x", Reason: "no such remote cluster: [two]"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExpressions(t *testing.T) {
	var got []string
	for p, e := range es.Expressions([]string{"a*", "b", "-ab*", "far:a*", "-far:x", "far:-ab*", "_all", "-c*", "<d-{now{yyyy|+01:00}}>", "e::failures"}) {
		got = append(got, es.Cluster(p)+" "+e)
	}
	want := []string{" a*,-ab*,-c*", " b", "far far:a*,-far:x,far:-ab*", " _all,-c*", " <d-{now{yyyy|+01:00}}>", " e::failures"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
