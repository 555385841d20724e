package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// send sends requests to a cluster, "METHOD /path body" each.
func send(t *testing.T, c *es.Client, requests ...string) {
	t.Helper()
	for _, r := range requests {
		p := strings.SplitN(r, " ", 3)
		path, query, _ := strings.Cut(p[1], "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var body []byte
		if len(p) > 2 {
			body = []byte(p[2])
		}
		if err := c.Do(t.Context(), es.Request{Method: p[0], Path: path, Query: q, Body: body}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// checkDoctor runs the doctor and holds its lines to what they have to say.
func checkDoctor(t *testing.T, file string, code int, want ...string) {
	t.Helper()
	out, said, got := clusterRun(t, file, "doctor", "--offline")
	if got != code {
		t.Errorf("exit %d, want %d", got, code)
	}
	for _, w := range want {
		level, text, _ := strings.Cut(w, " ")
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.HasPrefix(line, level) && strings.Contains(line, text)
		}
		if !found {
			t.Errorf("nothing says %q:\n%s%s", w, out, said)
		}
	}
}

func TestDoctorOfACluster(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		p, c := n.Prefix(t), n.Client(t)
		if out, said, code := clusterRun(t, clusterConfig(t, n.URL, n.Flavor, p, ""), "setup"); code != exitOK {
			t.Fatalf("%s%s", out, said)
		}
		send(t, c, "PUT /"+p+`logs-1 {"mappings":{"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"ingested":{"type":"date"}}}}}}`,
			"PUT /"+p+`timeless {"mappings":{"properties":{"@timestamp":{"type":"keyword"}}}}`)
		source := func(pattern string) string {
			return clusterConfig(t, n.URL, n.Flavor, p, `{name: web, kind: elasticsearch, indices: [`+pattern+`]}`)
		}
		checkDoctor(t, source(p+"logs-*"), exitOK, "ok ioc_index is "+p+"ioc_index-v1, mapping version 1", "ok "+p+"logs-*: 1 index", "ok sequence numbers")
		checkDoctor(t, source(p+"nothing*"), exitOK, "warn "+p+"nothing* matches no index")
		checkDoctor(t, source(p+"logs-*, "+p+"nothing*"), exitOK, "ok 1 index", "warn  "+p+"nothing* matches no index")
		checkDoctor(t, source(p+"logs-*, "+p+"timeless"), exitFailed, "fail no date @timestamp in "+p+"timeless")

		send(t, c, "PUT /"+p+`ioc_state/_doc/dead:1?refresh=true {"kind":"dead"}`, "PUT /"+p+`ioc_hits-v1/_settings {"index.blocks.read_only_allow_delete":true}`,
			"PUT /"+p+`ioc_index/_mapping {"_meta":{"iochunt_version":99}}`)
		checkDoctor(t, source(p+"logs-*"), exitFailed, "warn 1 document that the cluster refused", "fail takes no writes: index.blocks.read_only_allow_delete",
			"fail "+p+"ioc_index-v1 has mapping version 99")
	})
}

func TestDoctorOfTheWrongFlavor(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		other := map[string]string{es.Elasticsearch: es.OpenSearch, es.OpenSearch: es.Elasticsearch}[n.Flavor]
		out, _, code := clusterRun(t, clusterConfig(t, n.URL, other, "", ""), "doctor", "--offline")
		if code != exitFailed || !strings.Contains(out, "flavor") {
			t.Errorf("%d %s", code, out)
		}
	})
}

// TestDoctorWithoutPrivileges lets a cluster refuse what a hunt's exact watermarks
// take.
func TestDoctorWithoutPrivileges(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		p, c := n.Prefix(t), n.Client(t)
		send(t, c, "PUT /"+p+`logs-1 {"mappings":{"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"ingested":{"type":"date"}}}}}}`)
		u, err := url.Parse(n.URL)
		if err != nil {
			t.Fatal(err)
		}
		rp := httputil.NewSingleHostReverseProxy(u)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/_refresh") {
				http.Error(w, `{"error":{"type":"security_exception","reason":"not for you"},"status":403}`, http.StatusForbidden)
				return
			}
			rp.ServeHTTP(w, r)
		}))
		defer srv.Close()
		source := func(pattern string) string {
			return clusterConfig(t, srv.URL, n.Flavor, p, `{name: web, kind: elasticsearch, indices: [`+pattern+`]}`)
		}
		checkDoctor(t, source(p+"logs-1"), exitFailed, "warn new events are found by slices of event.ingested, or of @timestamp where that is missing", "fail "+p+"ioc_index is not there")
	})
}
