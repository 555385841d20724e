// Package estest gives tests real servers. They are started by
// scripts/elasticsearch, or for one command by scripts/with-servers, and found by
// the environment:
//
//	IOCHUNT_ES_URL          an Elasticsearch of any version, without security
//	IOCHUNT_OPENSEARCH_URL  an OpenSearch
//	IOCHUNT_ES_SECURE_URL   an Elasticsearch with security and TLS;
//	                        _SECURE_USER, _SECURE_PASSWORD, _SECURE_CA: who may, and whom to trust
//
// A test that finds none is skipped, and says what to do.
//
//	estest.Each(t, func(t *testing.T, n estest.Node) {
//		index := n.Prefix(t) + "events"
//		n.BulkLoad(t, index, docs) // and all of it can be found
//		...
//	})
//
// Tests share the servers, also with those of other packages at the same time:
// all that a test makes has names that begin with its Prefix, and it does not
// touch settings of the cluster.
package estest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
)

// Node is a running server, and what is needed to be let in.
type Node struct {
	URL, Flavor string // Flavor as in es.Options

	// Of a node with security, else empty.
	Username, Password string
	CAFile             string // PEM, the authority of its certificate
}

// Each runs f as a subtest for every flavour of server, and skips it where that
// is not there.
func Each(t *testing.T, f func(t *testing.T, n Node)) {
	t.Helper()
	for _, n := range []struct{ env, flavor string }{{"IOCHUNT_ES_URL", es.Elasticsearch}, {"IOCHUNT_OPENSEARCH_URL", es.OpenSearch}} {
		t.Run(n.flavor, func(t *testing.T) { f(t, Node{URL: need(t, n.env), Flavor: n.flavor}) })
	}
}

// Secure returns the node with security and TLS, as its superuser. Without one
// the test is skipped.
func Secure(t testing.TB) Node {
	t.Helper()
	return Node{
		URL: need(t, "IOCHUNT_ES_SECURE_URL"), Flavor: es.Elasticsearch,
		Username: need(t, "IOCHUNT_ES_SECURE_USER"), Password: need(t, "IOCHUNT_ES_SECURE_PASSWORD"),
		CAFile: need(t, "IOCHUNT_ES_SECURE_CA"),
	}
}

func need(t testing.TB, env string) string {
	t.Helper()
	v := os.Getenv(env)
	if v == "" {
		t.Skipf("no %s: run the tests with scripts/with-servers es8 opensearch secure -- go test ./...", env)
	}
	return v
}

// Options returns what es.New needs for the node, for tests that change a part of it.
func (n Node) Options() es.Options {
	o := es.Options{Addresses: []string{n.URL}, Flavor: n.Flavor, Username: n.Username}
	o.HTTP.CAFile = n.CAFile
	set(&o.Password, n.Password)
	return o
}

// set spares this package the import of the type of a secret.
func set[S ~string](to *S, s string) { *to = S(s) }

// Client returns a client of the node.
func (n Node) Client(t testing.TB) *es.Client {
	t.Helper()
	c, err := es.New(n.Options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Major returns the first number of the server's version: 8 of Elasticsearch 8.19.8.
func (n Node) Major(t testing.TB) int {
	t.Helper()
	info, err := n.Client(t).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(info.Number, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("%s says that its version is %q", n.URL, info.Number)
	}
	return major
}

// Refresh makes all that was written into the indices found by searches. index
// may be a pattern.
func (n Node) Refresh(t testing.TB, index string) {
	t.Helper()
	if err := n.Client(t).Do(t.Context(), es.Request{Method: http.MethodPost, Path: "/" + es.Escape(index) + "/_refresh"}, nil); err != nil {
		t.Fatal(err)
	}
}

// Prefix returns a prefix for names that is the test's own. Indices, data
// streams, templates and pipelines whose names begin with it are deleted in the
// end.
func (n Node) Prefix(t testing.TB) string {
	t.Helper()
	p := "t" + strings.ToLower(rand.Text()[:10]) + "-"
	c := n.Client(t)
	t.Cleanup(func() { deleteAll(t, c, p) })
	return p
}

func deleteAll(t testing.TB, c *es.Client, prefix string) {
	ctx := context.WithoutCancel(t.Context())
	remove := func(path string) {
		err := c.Do(ctx, es.Request{Method: http.MethodDelete, Path: path, Ask: true}, nil)
		// The Elasticsearch of the tests lacks the requests for data streams, and
		// answers 400 to them. What it leaves there goes with its data.
		if err != nil && !es.IsStatus(err, http.StatusNotFound) && !es.IsStatus(err, http.StatusBadRequest) && !es.IsStatus(err, http.StatusMethodNotAllowed) {
			t.Error(err)
		}
	}
	remove("/_data_stream/" + prefix + "*")
	for _, name := range indices(ctx, t, c, prefix) {
		remove("/" + es.Escape(name))
	}
	for _, kind := range []string{"_index_template", "_component_template", "_ingest/pipeline"} {
		remove("/" + kind + "/" + prefix + "*")
	}
}

func indices(ctx context.Context, t testing.TB, c *es.Client, prefix string) []string {
	var list []struct{ Index string }
	q := url.Values{"format": {"json"}, "h": {"index"}, "expand_wildcards": {"all"}}
	if err := c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/_cat/indices/" + prefix + "*", Query: q}, &list); err != nil {
		t.Error(err)
	}
	var names []string
	for _, i := range list {
		names = append(names, i.Index)
	}
	return names
}
