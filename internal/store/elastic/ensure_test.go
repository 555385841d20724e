package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/mappings"
)

// recorder stands before a server and writes down what changes it.
type recorder struct {
	mu     sync.Mutex
	sent   []string
	refuse func(r *http.Request) bool
}

func (p *recorder) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

// changes reports whether a request is one that changes a cluster.
func changes(method, path string) bool {
	return method != http.MethodGet && !strings.HasSuffix(path, "/_simulate") && !strings.HasSuffix(path, "/_search") && !strings.HasSuffix(path, "_pit")
}

// through returns a client whose requests go over the recorder.
func (p *recorder) through(t *testing.T, n estest.Node) *es.Client {
	t.Helper()
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	rp := httputil.NewSingleHostReverseProxy(u)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if changes(r.Method, r.URL.Path) {
			p.mu.Lock()
			p.sent = append(p.sent, r.Method+" "+r.URL.RequestURI()+" "+string(body))
			p.mu.Unlock()
		}
		if p.refuse != nil && p.refuse(r) {
			http.Error(w, `{"error":"no handler found","status":400}`, http.StatusBadRequest)
			return
		}
		rp.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return estest.Node{URL: srv.URL, Flavor: n.Flavor}.Client(t)
}

// place returns a prefix of the test's own.
func place(t *testing.T, n estest.Node) string { return n.Prefix(t) }

// refit returns bodies of which one was changed.
func refit(name string, change func(props mappings.Tree)) func(string) []byte {
	return func(n string) []byte {
		var b indexBody
		if err := json.Unmarshal(mappings.Index(n), &b); err != nil {
			panic(err)
		}
		if n == name {
			b.Mappings["_meta"].(mappings.Tree)["iochunt_version"] = 2
			change(b.Mappings["properties"].(mappings.Tree))
		}
		return raw(b)
	}
}

func lines(steps []Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Method+" "+s.Path+" "+string(s.Body))
	}
	return out
}

func no(Step) bool { return false }

func TestEnsureTwiceAndDry(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		prefix, rec := place(t, n), &recorder{}
		c := rec.through(t, n)
		dry, err := Ensure(t.Context(), c, prefix, no)
		if err != nil || len(dry.Steps) != 6 {
			t.Fatalf("%d steps, %v", len(dry.Steps), err)
		}
		if sent := rec.take(); len(sent) > 0 {
			t.Fatalf("a dry run changed the cluster: %q", sent)
		}
		if got, err := Inspect(t.Context(), c, prefix); err != nil || got[0].Index != "" {
			t.Fatalf("after a dry run there is %+v, %v", got, err)
		}
		done, err := Ensure(t.Context(), c, prefix, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines(dry.Steps), rec.take()); d != "" {
			t.Errorf("what was announced is not what was sent: %s", d)
		}
		if d := cmp.Diff(dry, done); d != "" {
			t.Error(d)
		}
		again, err := Ensure(t.Context(), c, prefix, nil)
		if err != nil || len(again.Steps) > 0 || len(rec.take()) > 0 {
			t.Errorf("second run: %q, %v", lines(again.Steps), err)
		}
		checkInspect(t, c, prefix, "-v1")
	})
}

// checkInspect holds Inspect to indices that are up to date.
func checkInspect(t *testing.T, c *es.Client, prefix, suffix string) {
	t.Helper()
	states, err := Inspect(t.Context(), c, prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range states {
		if st.Index != st.Alias+suffix || !st.Difference.Same() || st.Version != st.Wanted || len(st.Blocks)+len(st.Others) > 0 {
			t.Errorf("%+v", st)
		}
	}
}

// fill writes n documents of ioc_state and one by hand with a field of its own.
func fill(t *testing.T, c *es.Client, prefix string, n int) {
	t.Helper()
	hand := raw(es.M{"properties": es.M{"site": es.M{"type": "keyword"}}})
	if err := c.Do(t.Context(), es.Request{Method: "PUT", Path: "/" + prefix + "ioc_state/_mapping", Body: hand}, nil); err != nil {
		t.Fatal(err)
	}
	b := c.NewBulk(t.Context(), es.BulkOptions{Index: prefix + "ioc_state", Refresh: "true"})
	for i := range n {
		if err := b.Add(es.Item{ID: fmt.Sprint(i), Body: fmt.Appendf(nil, `{"kind":"feed","name":"f%d","number":%d,"site":"s","body":{"n":[%d]}}`, i, i, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// sources returns the documents of an index by id.
func sources(t *testing.T, c *es.Client, index string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for r, err := range c.Pages(t.Context(), index, "", es.M{"size": 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Hits.Hits {
			out[h.ID] = string(h.Source)
		}
	}
	return out
}

func TestEnsureMovesToANewIndex(t *testing.T) {
	newer := refit("ioc_state", func(p mappings.Tree) {
		p["number"] = mappings.Tree{"type": "keyword"}
		p["more"] = mappings.Tree{"type": "date"}
	})
	for _, way := range []string{"_reindex", "carried"} {
		estest.Each(t, func(t *testing.T, n estest.Node) {
			prefix, rec := place(t, n), &recorder{}
			if way == "carried" {
				rec.refuse = func(r *http.Request) bool { return r.URL.Path == "/_reindex" }
			}
			c := rec.through(t, n)
			if _, err := Ensure(t.Context(), c, prefix, nil); err != nil {
				t.Fatal(err)
			}
			fill(t, c, prefix, 2500)
			before := sources(t, c, prefix+"ioc_state")
			rec.take()

			e := &ensurer{c: c, prefix: prefix, plan: no, body: newer}
			dry, err := e.ensure(t.Context())
			if err != nil || len(rec.take()) > 0 {
				t.Fatal(err)
			}
			e = &ensurer{c: c, prefix: prefix, body: newer}
			done, err := e.ensure(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sent := slices.DeleteFunc(rec.take(), func(s string) bool { return strings.Contains(s, "/_bulk") || strings.Contains(s, "point_in_time") })
			if d := cmp.Diff(lines(dry.Steps), sent); d != "" {
				t.Errorf("what was announced is not what was sent: %s", d)
			}
			if len(before) != 2500 || !cmp.Equal(before, sources(t, c, prefix+"ioc_state")) {
				t.Errorf("%d documents before, other ones after", len(before))
			}
			if !cmp.Equal(before, sources(t, c, prefix+"ioc_state-v1")) {
				t.Error("the old index is not what it was")
			}
			if len(done.Notes) != 1 || !strings.Contains(done.Notes[0], "DELETE /"+prefix+"ioc_state-v1") {
				t.Errorf("notes %q", done.Notes)
			}
			checkMoved(t, c, prefix, newer)
		})
	}
}

// checkMoved holds the index that documents were copied to to what it must be.
func checkMoved(t *testing.T, c *es.Client, prefix string, body func(string) []byte) {
	t.Helper()
	var b indexBody
	if err := json.Unmarshal(body("ioc_state"), &b); err != nil {
		t.Fatal(err)
	}
	st, err := inspect(t.Context(), c, prefix, "ioc_state", b.Mappings)
	if err != nil {
		t.Fatal(err)
	}
	if st.Index != prefix+"ioc_state-v2" || !st.Difference.Same() || !slices.Equal(st.Others, []string{prefix + "ioc_state-v1"}) {
		t.Errorf("%+v", st)
	}
	if _, kept := st.mapping["properties"].(mappings.Tree)["site"]; !kept {
		t.Error("the field that somebody added is gone")
	}
	again, err := (&ensurer{c: c, prefix: prefix, body: body}).ensure(t.Context())
	if err != nil || len(again.Steps) > 0 {
		t.Errorf("second run: %q, %v", lines(again.Steps), err)
	}
	write := es.Request{Method: "PUT", Path: "/" + prefix + "ioc_state/_doc/x", Body: []byte(`{"kind":"x"}`)}
	if err := c.Do(t.Context(), write, nil); err != nil {
		t.Errorf("a write after the move: %v", err)
	}
	write.Path = "/" + prefix + "ioc_state-v1/_doc/x"
	if err := c.Do(t.Context(), write, nil); !es.IsStatus(err, http.StatusForbidden) {
		t.Errorf("a write to the old index: %v", err)
	}
}

func TestEnsureAddsFieldsInPlace(t *testing.T) {
	newer := refit("ioc_state", func(p mappings.Tree) {
		p["more"] = mappings.Tree{"properties": mappings.Tree{"at": mappings.Tree{"type": "date"}}}
		p["name"] = mappings.Tree{"type": "keyword", "ignore_above": 2000}
	})
	estest.Each(t, func(t *testing.T, n estest.Node) {
		prefix, c := place(t, n), n.Client(t)
		if _, err := Ensure(t.Context(), c, prefix, nil); err != nil {
			t.Fatal(err)
		}
		fill(t, c, prefix, 10)
		got, err := (&ensurer{c: c, prefix: prefix, body: newer}).ensure(t.Context())
		if err != nil || len(got.Steps) != 2 || got.Steps[1].Path != "/"+prefix+"ioc_state-v1/_mapping" {
			t.Fatalf("%q, %v", lines(got.Steps), err)
		}
		if again, err := (&ensurer{c: c, prefix: prefix, body: newer}).ensure(t.Context()); err != nil || len(again.Steps) > 0 {
			t.Errorf("second run: %q, %v", lines(again.Steps), err)
		}
		if len(sources(t, c, prefix+"ioc_state")) != 10 {
			t.Error("documents are gone")
		}
		if got, err := Ensure(t.Context(), c, prefix, nil); !errors.Is(err, ErrNewer) || len(got.Steps) > 0 {
			t.Errorf("an older program: %q, %v", lines(got.Steps), err)
		}
	})
}

func TestEnsureAtTheSameTime(t *testing.T) {
	newer := refit("ioc_state", func(p mappings.Tree) { p["number"] = mappings.Tree{"type": "keyword"} })
	estest.Each(t, func(t *testing.T, n estest.Node) {
		prefix, c := place(t, n), n.Client(t)
		all := func(body func(string) []byte) {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, err := (&ensurer{c: c, prefix: prefix, body: body}).ensure(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all(mappings.Index)
		checkInspect(t, c, prefix, "-v1")
		fill(t, c, prefix, 1200)
		before := sources(t, c, prefix+"ioc_state")
		all(newer)
		if !cmp.Equal(before, sources(t, c, prefix+"ioc_state")) {
			t.Error("documents differ after the move")
		}
		if again, err := (&ensurer{c: c, prefix: prefix, body: newer}).ensure(t.Context()); err != nil || len(again.Steps) > 0 {
			t.Errorf("afterwards: %q, %v", lines(again.Steps), err)
		}
	})
}

func TestEnsureRefusesWhatAPersonMustMend(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		make       func(p string) []es.Request
	}{
		{"an index of the alias' name", "where an alias should be", func(p string) []es.Request {
			return []es.Request{{Method: "PUT", Path: "/" + p + "ioc_index"}}
		}},
		{"an alias of two", "take it off all but one", func(p string) []es.Request {
			body := raw(es.M{"aliases": es.M{p + "ioc_index": es.M{}}})
			return []es.Request{{Method: "PUT", Path: "/" + p + "ioc_index-v1", Body: body}, {Method: "PUT", Path: "/" + p + "ioc_index-v2", Body: body}}
		}},
		{"no alias", "the alias is missing", func(p string) []es.Request {
			return []es.Request{{Method: "PUT", Path: "/" + p + "ioc_index-v1"}}
		}},
	} {
		estest.Each(t, func(t *testing.T, n estest.Node) {
			prefix, c := place(t, n), n.Client(t)
			for _, r := range tc.make(prefix) {
				if err := c.Do(t.Context(), r, nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Ensure(t.Context(), c, prefix, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v", tc.name, err)
			}
		})
	}
}

// TestEnsureStandIns makes the indices as for a server that knows none of the
// optional types, and then finds them well.
func TestEnsureStandIns(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		prefix, rec := place(t, n), &recorder{}
		rec.refuse = func(r *http.Request) bool {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			return strings.HasSuffix(r.URL.Path, "/_simulate") && !bytes.Contains(body, []byte(`"keyword"`))
		}
		got, err := Ensure(t.Context(), rec.through(t, n), prefix, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := mappings.StandIn{Field: prefix + "ioc_hits: url.full", Wanted: "wildcard", Got: "keyword"}
		if !slices.Contains(got.StandIns, want) || len(got.StandIns) < 4 {
			t.Errorf("%v", got.StandIns)
		}
		states, err := Inspect(t.Context(), n.Client(t), prefix)
		if err != nil || len(states[1].Difference.StandIns) != len(got.StandIns) {
			t.Errorf("the index says %v, %v", states[1].Difference.StandIns, err)
		}
		again, err := Ensure(t.Context(), n.Client(t), prefix, nil) // a server that knows them after all
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range again.Steps {
			if !strings.HasPrefix(s.Path, "/_index_template/") {
				t.Errorf("an index was changed: %s %s", s.Method, s.Path)
			}
		}
	})
}
