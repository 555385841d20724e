package es_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// fill writes n documents, with ids of 16 hex digits, into a new index.
func fill(t *testing.T, c *es.Client, index string, shards, n int) []string {
	t.Helper()
	newIndex(t, c, index, shards)
	ids, docs := benchDocuments(n)
	w := c.NewBulk(t.Context(), es.BulkOptions{Index: index, Refresh: "true"})
	for i := range ids {
		if err := w.Add(es.Item{Op: es.Create, ID: ids[i], Body: docs[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := w.Close(); err != nil || st.Indexed != n {
		t.Fatal(st, err)
	}
	return ids
}

func pageIDs(t *testing.T, c *es.Client, index, preference string, body es.M) (ids []string) {
	t.Helper()
	for r, err := range c.Pages(t.Context(), index, preference, body) {
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Hits.Hits {
			ids = append(ids, h.Index+"/"+h.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestPagesGiveEachDocumentOnce pages over several shards and indices, whole and
// in slices.
func TestPagesGiveEachDocumentOnce(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c, p := n.Client(t), n.Prefix(t)
		var want []string
		for index, docs := range map[string]int{p + "a": 20_000, p + "b": 5_000} {
			for _, id := range fill(t, c, index, 3, docs) {
				want = append(want, index+"/"+id)
			}
		}
		slices.Sort(want)
		body := es.M{"size": 1000, "_source": false}
		if got := pageIDs(t, c, p+"*", "", body); !slices.Equal(got, want) {
			t.Errorf("%d documents, want %d", len(got), len(want))
		}
		for _, slices2 := range []int{2, 5} {
			var got []string
			for i := range slices2 {
				got = append(got, pageIDs(t, c, p+"*", "", es.M{"size": 1000, "_source": false, "slice": es.M{"id": i, "max": slices2}})...)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%d slices: %d documents, want %d", slices2, len(got), len(want))
			}
		}
		var got []string
		for s := range 3 {
			got = append(got, pageIDs(t, c, p+"*", fmt.Sprint("_shards:", s), body)...)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("shard by shard: %d documents, want %d", len(got), len(want))
		}
		if len(body) != 2 {
			t.Errorf("the body was changed: %v", body)
		}
	})
}

func TestBulkOnAServer(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c, index := n.Client(t), n.Prefix(t)+"x"
		newIndex(t, c, index, 2)
		write := func(o es.BulkOptions, items ...es.Item) (es.BulkStats, map[string]string) {
			t.Helper()
			said := map[string]string{}
			keep := func(o es.Outcome) { said[o.ID] += fmt.Sprint(o.Status, " ", o.Result, o.Type) }
			o.Index, o.Refresh, o.Done, o.Conflict = index, "true", keep, keep
			o.Dead = func(o es.Outcome) error { keep(o); return nil }
			w := c.NewBulk(t.Context(), o)
			for _, it := range items {
				if err := w.Add(it); err != nil {
					t.Fatal(err)
				}
			}
			st, err := w.Close()
			if err != nil {
				t.Fatal(err)
			}
			return st, said
		}
		_, said := write(es.BulkOptions{}, es.Item{ID: "a", Body: []byte(`{"seq":1}`)}, es.Item{Op: es.Create, ID: "b", Body: []byte(`{}`)},
			es.Item{ID: "bad", Body: []byte(`{"seq":"no number"}`)}, es.Item{Op: es.Delete, ID: "none"}, es.Item{ID: "nojson", Body: []byte(`{"seq"`)})
		kind := "document_parsing_exception"
		if n.Flavor == es.OpenSearch {
			kind = "mapper_parsing_exception"
		}
		want := map[string]string{"a": "201 created", "b": "201 created", "bad": "400 " + kind, "none": "404 not_found", "nojson": said["nojson"]}
		if d := cmp.Diff(want, said); d != "" || !strings.HasPrefix(said["nojson"], "400 ") {
			t.Error(d)
		}
		var seq, term int64
		b := c.NewBulk(t.Context(), es.BulkOptions{Index: index, Versions: true, Done: func(o es.Outcome) { seq, term = o.SeqNo, o.Term }})
		if err := b.Add(es.Item{ID: "a", Body: []byte(`{"seq":2}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Close(); err != nil || term < 1 || seq < 1 {
			t.Fatal(seq, term, err)
		}
		st, said := write(es.BulkOptions{}, es.Item{ID: "a", Body: []byte(`{"seq":3}`), IfSeqNo: seq, IfTerm: term}, es.Item{Op: es.Create, ID: "b", Body: []byte(`{}`)})
		if want := map[string]string{"a": "200 updated", "b": "409 version_conflict_engine_exception"}; !cmp.Equal(want, said) || st.Existed != 1 {
			t.Error(said, st)
		}
		st, said = write(es.BulkOptions{}, es.Item{ID: "a", Body: []byte(`{"seq":4}`), IfSeqNo: seq, IfTerm: term},
			es.Item{Op: es.Update, ID: "b", Body: []byte(`{"doc":{"seq":9}}`)}, es.Item{Op: es.Update, ID: "gone", Body: []byte(`{"doc":{}}`)})
		if want := map[string]string{"a": "409 version_conflict_engine_exception", "b": "200 updated", "gone": "404 document_missing_exception"}; !cmp.Equal(want, said) || st.Conflicts != 1 || st.Dead != 1 {
			t.Error(said, st)
		}
		st, said = write(es.BulkOptions{}, es.Item{Op: es.Update, ID: "b", Body: []byte(`{"doc":{"seq":9}}`)}, es.Item{Op: es.Update, ID: "broken", Body: []byte(`{"doc":`)}, es.Item{Op: es.Delete, ID: "a"})
		if want := map[string]string{"b": "200 noop", "broken": said["broken"], "a": "200 deleted"}; !cmp.Equal(want, said) || st.Dead != 1 {
			t.Error(said, st)
		}
		w := c.NewBulk(t.Context(), es.BulkOptions{Index: index + "-none", RequireAlias: true})
		if err := w.Add(es.Item{ID: "a", Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); !es.IsStatus(err, http.StatusNotFound) {
			t.Error(err)
		}
	})
}

func TestStatsAndResolve(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c, p := n.Client(t), n.Prefix(t)
		fill(t, c, p+"a", 3, 100)
		newIndex(t, c, p+"closed", 1)
		do(t, c, http.MethodPost, "/"+p+"closed/_close", "")
		do(t, c, http.MethodPost, "/_aliases", fmt.Sprintf(`{"actions":[{"add":{"index":%q,"alias":%q}},{"add":{"index":%q,"alias":%q}}]}`, p+"a", p+"al", p+"closed", p+"al"))
		stats, err := c.Stats(t.Context(), p+"*")
		if err != nil || len(stats) != 1 {
			t.Fatal(stats, err)
		}
		s, docs, ops := stats[p+"a"], int64(0), int64(0)
		for i, sh := range s.Shards {
			if sh.Shard != i || sh.MaxSeqNo != sh.LocalCheckpoint || sh.GlobalCheckpoint > sh.LocalCheckpoint {
				t.Errorf("%+v", sh)
			}
			docs, ops = docs+sh.Docs, ops+sh.MaxSeqNo+1
		}
		if s.Docs != 100 || docs != 100 || ops != 100 || len(s.Shards) != 3 || len(s.UUID) != 22 {
			t.Errorf("%+v", s)
		}
		al := []string{p + "al"}
		a := es.Place{Name: p + "a", UUID: s.UUID, Aliases: al, Shards: 3}
		shut := es.Place{Name: p + "closed", Aliases: al, Shards: 1, Closed: true}
		for _, tc := range []struct {
			patterns []string
			places   []es.Place
			missing  []string
		}{
			{[]string{p + "*"}, []es.Place{a, shut}, nil},
			{[]string{p + "al"}, []es.Place{a, shut}, nil},
			{[]string{p + "a", p + "nope", p + "nope*"}, []es.Place{{Name: p + "a", UUID: s.UUID, Shards: 3, Aliases: al}}, []string{p + "nope", p + "nope*"}},
			{[]string{p + "*", "-" + p + "cl*"}, []es.Place{a}, nil},
			{[]string{"nocluster:" + p + "*"}, nil, []string{"nocluster:" + p + "*"}},
		} {
			r, err := c.Resolve(t.Context(), tc.patterns)
			if err != nil {
				t.Fatal(err)
			}
			var missing []string
			for _, m := range r.Missing {
				missing = append(missing, m.Pattern)
			}
			for i := range r.Places {
				if r.Places[i].Closed && len(r.Places[i].UUID) == 22 {
					r.Places[i].UUID = ""
				}
			}
			if d := cmp.Diff(tc.places, r.Places); d != "" || !slices.Equal(missing, tc.missing) {
				t.Errorf("%v: missing %v\n%s", tc.patterns, r.Missing, d)
			}
		}
	})
}

func do(t *testing.T, c *es.Client, method, path, body string) {
	t.Helper()
	if err := c.Do(t.Context(), es.Request{Method: method, Path: path, Body: []byte(body)}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestDataStream(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c, p := n.Client(t), n.Prefix(t)
		do(t, c, http.MethodPut, "/_index_template/"+p+"t", fmt.Sprintf(`{"index_patterns":[%q],"priority":900,"data_stream":{},"template":{"settings":{"number_of_replicas":0,"number_of_shards":2}}}`, p+"ds*"))
		t.Cleanup(func() {
			ctx := context.WithoutCancel(t.Context())
			_ = c.Do(ctx, es.Request{Method: http.MethodDelete, Path: "/_data_stream/" + p + "ds"}, nil)
			_ = c.Do(ctx, es.Request{Method: http.MethodDelete, Path: "/_index_template/" + p + "t"}, nil)
		})
		// A write makes the stream: the Elasticsearch of the tests lacks the requests for streams.
		do(t, c, http.MethodPut, "/"+p+"ds/_create/1", `{"@timestamp":"2026-11-20T10:00:00Z"}`)
		do(t, c, http.MethodPost, "/"+p+"ds/_rollover", "")
		for _, pattern := range []string{p + "ds", p + "*"} {
			r, err := c.Resolve(t.Context(), []string{pattern})
			if err != nil || len(r.Places) != 2 || len(r.Missing) != 0 {
				t.Fatal(r, err)
			}
			for _, pl := range r.Places {
				if pl.DataStream != p+"ds" || pl.UUID == "" || pl.Shards != 2 || pl.Closed {
					t.Errorf("%+v", pl)
				}
			}
		}
	})
}

func TestTermsEnum(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		if n.Flavor == es.OpenSearch {
			t.Skip("opensearch has no _terms_enum")
		}
		c, index := n.Client(t), n.Prefix(t)+"x"
		newIndex(t, c, index, 3)
		w := c.NewBulk(t.Context(), es.BulkOptions{Index: index, Refresh: "true"})
		want := map[string]bool{}
		ips := map[string]bool{}
		for i := range 500 {
			v := fmt.Sprintf("%c%d \"é", 'a'+i%26, i%300)
			if i == 7 {
				v = ""
			}
			ip := fmt.Sprintf("10.%d.0.%d", i%7, i%250)
			if i%3 == 0 {
				ip = fmt.Sprintf("2001:db8::%x", i+1)
			}
			want[v], ips[ip] = true, true
			if err := w.Add(es.Item{ID: fmt.Sprint(i), Body: fmt.Appendf(nil, `{"value":%q,"ip":%q}`, v, ip)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]map[string]bool{"value": want, "ip": ips} {
			for _, page := range []int{1, 2, 7, 100, 0} {
				got := map[string]bool{}
				for terms, err := range c.TermsEnum(t.Context(), index, field, page, 3) {
					if err != nil {
						t.Fatal(field, page, err)
					}
					for _, v := range terms {
						if got[v] {
							t.Errorf("%s in pages of %d: %q twice", field, page, v)
						}
						got[v] = true
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s in pages of %d: %s", field, page, d)
				}
			}
		}
	})
}

func TestFieldCaps(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c, p := n.Client(t), n.Prefix(t)
		newIndex(t, c, p+"a", 1)
		do(t, c, http.MethodPut, "/"+p+"b", `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"value":{"type":"text"},"ip":{"type":"ip","index":false}}}}`)
		caps, err := c.FieldCaps(t.Context(), p+"*", []string{"value", "ip", "nope"})
		if err != nil {
			t.Fatal(err)
		}
		v := caps.Fields["value"]
		if len(caps.Indices) != 2 || len(caps.Fields) != 2 || !slices.Equal(v["keyword"].Indices, []string{p + "a"}) || !slices.Equal(v["text"].Indices, []string{p + "b"}) || v["text"].Aggregatable || !v["keyword"].Searchable {
			t.Errorf("%+v", caps)
		}
		if ip := caps.Fields["ip"]["ip"]; len(ip.Indices) != 0 || !ip.Aggregatable {
			t.Errorf("%+v", ip)
		}
		if all, err := c.FieldCaps(t.Context(), p+"*", nil); err != nil || len(all.Fields) < 5 || !all.Fields["_id"]["_id"].Searchable {
			t.Error(err, len(all.Fields))
		}
		if _, err := c.FieldCaps(t.Context(), p+"nope", nil); !es.IsStatus(err, http.StatusNotFound) {
			t.Error(err)
		}
	})
}
