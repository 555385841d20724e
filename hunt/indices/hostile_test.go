package indices

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// TestHostileDocuments: however a document is made, what stands in it is found,
// and it is in nobody's way.
func TestHostileDocuments(t *testing.T) {
	const evil = `"dns":{"question":{"name":"evil-0.example"}}`
	docs := map[string]string{
		"a/b?c=d#e":                    `{` + evil + `}`,
		"ü \x01\u202e%2F..":            `{` + evil + `}`,
		strings.Repeat("é", 256):       `{` + evil + `}`, // 512 bytes
		"escapes":                      `{"message":"\u001b]0;x\u0007 evil[.]evil-0.example \u009b31m \u202e"}`,
		"surrogates":                   `{"message":"\ud800 evil-0.example \udfff"}`,
		"zeroes":                       `{"message":"\u0000evil-0.example\u0000"}`,
		"10,000 fields":                `{` + evil + manyFields(10_000) + `}`,
		"long":                         `{"message":"` + strings.Repeat("lorem ipsum ", 5<<20/12) + ` evil-0.example"}`,
		"deep":                         `{"x":` + strings.Repeat(`{"x":[`, 400) + `1` + strings.Repeat(`]}`, 400) + `,` + evil + `}`,
		"dotted":                       `{"dns.question":{"name":["x",null,7,["evil-0.example"]]}}`,
		"numbers":                      `{"dns":{"question":{"name":[1e400,-0,true,12345678901234567890]}},"message":1}`,
		"empty":                        `{}`,
		"a name that is not its place": `{"x":{` + evil + `}}`,
	}
	clean := []string{"numbers", "empty", "a name that is not its place"}
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		x := l.prefix + "logs-x"
		createIndex(t, n, x, strings.Replace(fmt.Sprintf(watchMapping, 2), `"mappings":{`, `"mappings":{"dynamic":false,`, 1))
		var want []string
		for id, doc := range docs {
			l.send("PUT /"+x+"/_doc/"+strings.ReplaceAll(url.PathEscape(id), "?", "%3F"), doc)
			if !slices.Contains(clean, id) {
				want = append(want, id+" evil-0.example")
			}
		}
		slices.Sort(want)
		for _, force := range []string{"", PlanScan, PlanDistinct} {
			b := &bin{}
			sum, err := hunt.Query(t.Context(), New(l.hunter, Options{Force: force}).Watch(l.src), l.arsenal(), b, hunt.QueryOptions{Name: "logs"})
			var got []string
			for _, h := range b.list() {
				got = append(got, strings.TrimPrefix(h, x+"/"))
			}
			if d := cmp.Diff(want, got); d != "" || err != nil || len(sum.Incomplete) > 0 {
				t.Errorf("force %q: %v %v (-want +got):\n%.1500s", force, err, sum.Incomplete, d)
			}
		}
	})
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":"v%d.example"`, i, i)
	}
	return b.String()
}

// TestDocumentLevelSecurity: under it _terms_enum gives an empty list and calls it
// complete; all the user may see is found all the same, and it is said.
func TestDocumentLevelSecurity(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		if n.Flavor != es.Elasticsearch {
			t.Skip("it has no _terms_enum")
		}
		l := newEvilLab(t, n)
		x := l.index("x", 2)
		for i := range 30 {
			l.put(x, fmt.Sprint("good", i), dns(recent, recent, fmt.Sprintf("good-%d.example", i)))
		}
		l.put(x, "1", dns(recent, recent, "www.evil-0.example"))
		to, err := url.Parse(n.URL)
		if err != nil {
			t.Fatal(err)
		}
		p := httputil.NewSingleHostReverseProxy(to)
		for _, shards := range []int{0, 1} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/_terms_enum") {
					w.Header().Set("X-Elastic-Product", "Elasticsearch")
					fmt.Fprintf(w, `{"_shards":{"total":%d,"successful":%d,"failed":0},"terms":[],"complete":true}`, shards, shards)
					return
				}
				p.ServeHTTP(w, r)
			}))
			defer s.Close()
			l.src.Name = fmt.Sprint("logs", shards)
			l.ledger = &hunt.MemoryLedger{}
			if l.hunter, err = es.New(es.Options{Addresses: []string{s.URL}}); err != nil {
				t.Fatal(err)
			}
			sum := l.finds("under security", "1 evil-0.example")
			if len(sum.Notes) != 1 || !strings.Contains(sum.Notes[0].Reason, "document level security") {
				t.Errorf("%v", sum.Notes)
			}
		}
	})
}

// liar answers one kind of request with what it is told, and all others as a
// server with one index and one document does.
type liar struct{ kind, says string }

var truths = map[string]string{
	"_cat":        `[{"index":"x","uuid":"u","status":"open","pri":"1","docs.count":"3000"}]`,
	"_field_caps": `{"indices":["x"],"fields":{"_id":{"_id":{"type":"_id","searchable":true}}}}`,
	"_mapping":    `{"x":{"mappings":{"properties":{"@timestamp":{"type":"date"},"host":{"properties":{"ip":{"type":"ip"}}},"name":{"type":"keyword"},"message":{"type":"text"}}}}}`,
	"_settings":   `{"x":{"settings":{"index":{"uuid":"u","number_of_shards":"1"}}}}`,
	"_stats":      `{"_shards":{"total":1,"successful":1,"failed":0},"indices":{"x":{"uuid":"u","primaries":{"docs":{"count":1}},"shards":{"0":[{"routing":{"primary":true},"docs":{"count":1},"seq_no":{"max_seq_no":0,"local_checkpoint":0,"global_checkpoint":0}}]}}}}`,
	"_refresh":    `{"_shards":{"total":1,"successful":1,"failed":0}}`,
	"_terms_enum": `{"_shards":{"total":1,"successful":1,"failed":0},"terms":["evil.example"],"complete":true}`,
	"_pit":        `{"id":"p"}`,
	"_search":     `{"pit_id":"p","timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":{"value":1,"relation":"eq"},"hits":[{"_index":"x","_id":"1","_seq_no":0,"sort":[0],"_source":{"name":"evil.example"}}]}}`,
	"_msearch":    `{"responses":[{"status":200,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":{"value":1,"relation":"eq"},"hits":[{"_index":"x","_id":"1","_seq_no":0,"_source":{"name":"evil.example"}}]},"aggregations":{"n":{"value":1},"v":{"buckets":[{"key":"evil.example"}]}}}]}`,
}

// answer is the body for a path.
func (l liar) answer(path string) string {
	kind := ""
	for part := range strings.SplitSeq(path, "/") {
		if truths[part] != "" {
			kind = part
		}
	}
	if kind == l.kind {
		return l.says
	}
	return truths[kind]
}

// FuzzLyingServer: whatever a server answers, the hunter ends, without a panic, and
// says that something is wrong unless the answer can be believed.
func FuzzLyingServer(f *testing.F) {
	kinds := []string{"_cat", "_field_caps", "_mapping", "_settings", "_stats", "_refresh", "_terms_enum", "_pit", "_search", "_msearch"}
	for i, k := range kinds {
		f.Add(uint8(i), truths[k])
		f.Add(uint8(i), truths[k][:len(truths[k])/2])
		f.Add(uint8(i), `{}`)
		f.Add(uint8(i), `[]`)
		f.Add(uint8(i), `null`)
		f.Add(uint8(i), strings.NewReplacer(`"1"`, `1`, `:1`, `:"1"`, `"x"`, `["x"]`).Replace(truths[k]))
		f.Add(uint8(i), strings.ReplaceAll(truths[k], "0", "-9223372036854775808"))
	}
	var now liar
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, now.answer(r.URL.Path))
	}))
	f.Cleanup(s.Close)
	c, err := es.New(es.Options{Addresses: []string{s.URL}, Attempts: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, says string) {
		now = liar{kinds[int(kind)%len(kinds)], says}
		if strings.Count(says, `"_id"`)+strings.Count(says, "sort") > 2 && now.kind == "_search" {
			t.Skip("pages without an end are another matter")
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		n := 0
		src := Source{Name: "logs", Indices: []string{"x"}, Fields: simpleFields}
		set := compile(t, []ioc.Observable{domain("evil.example")})
		w := New(c, Options{}).Watch(src)
		look, err := w.Look(ctx)
		if err != nil {
			return
		}
		for _, x := range look.Indices {
			for _, lane := range x.Lanes {
				u := hunt.Unit{Index: x.Name, ID: x.ID, Key: x.Key, Events: lane.Events, Pieces: []hunt.Piece{{Lane: lane.Name, Over: -1, UpTo: lane.UpTo, Stamp: lane.Stamp}}}
				_, _ = w.Sweep(ctx, u, set, func(ds []hunt.Document) error {
					for _, d := range ds {
						for _, m := range d.Matches {
							if m.Start < 0 || m.End > len(m.Value) || m.Start > m.End {
								t.Errorf("a match from %d to %d in %q", m.Start, m.End, m.Value)
							}
						}
						if !json.Valid(d.Source) {
							t.Errorf("a source that is no JSON: %q", d.Source)
						}
					}
					if n += len(ds); n > 1000 {
						stop()
					}
					return nil
				})
			}
		}
	})
}

// FuzzFieldValues holds the quick way to read the fields of an answer to the slow
// one.
func FuzzFieldValues(f *testing.F) {
	for _, s := range []string{`["a","b"]`, `["a\"b"]`, `[1,"x",true,null]`, `[""]`, `[]`, `["a",]`, `["a" ,"b"]`, `"a"`, `[{"a":"b"}]`, `["a"`, `["ü"]`, `["a"]x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := fieldValues(nil, raw)
		var texts []string
		if json.Unmarshal(raw, &texts) == nil && !strings.Contains(string(raw), "null") {
			if !slices.Equal(got, texts) {
				t.Errorf("%s: %q, want %q", raw, got, texts)
			}
		} else if len(got) > 0 {
			d := json.NewDecoder(bytes.NewReader(raw))
			if d.UseNumber(); d.Decode(new(any)) != nil { // as a number, 1E700 is one of JSON, and none of ours
				t.Errorf("%q of what is no JSON: %q", got, raw)
			}
		}
	})
}
