package indices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

const simpleMapping = `{"settings":{"number_of_replicas":0},"mappings":{"dynamic":"strict","properties":{"@timestamp":{"type":"date"},"host":{"properties":{"ip":{"type":"ip"}}},"name":{"type":"keyword"},"message":{"type":"text"}}}}`

var simpleFields = []Field{
	{Name: "host.ip", Types: []ioc.Type{ioc.IP, ioc.CIDR}},
	{Name: "name", Types: []ioc.Type{ioc.Domain}},
	{Name: "message", Types: []ioc.Type{ioc.Domain}, Text: true},
}

var simpleList = []ioc.Observable{{Type: ioc.IP, Value: "192.0.2.1"}, {Type: ioc.Domain, Value: "evil.example"}, {Type: ioc.Domain, Value: "ab.cd"}, {Type: ioc.Domain, Value: "co.test"}}

// TestEveryHitComes: nothing is cut where more documents hit than one answer
// holds, and each comes once, with all that stands in it.
func TestEveryHitComes(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		index := n.Prefix(t) + "many"
		createIndex(t, n, index, simpleMapping)
		docs := make([]map[string]any, 10500)
		for i := range docs {
			docs[i] = map[string]any{"@timestamp": "2026-01-01T00:00:00.123456789Z", "host": map[string]any{"ip": "192.0.2.1"}}
			if i == 10400 {
				docs[i]["name"] = "www.EVIL.example"
			}
		}
		load(t, n, index, docs)
		src := Source{Indices: []string{index}}
		set := compile(t, simpleList)
		for _, w := range []Window{{}, {Shards: []ShardRange{{Shard: 0, Over: -1, UpTo: 10499}}}} {
			for _, force := range []string{PlanTerms, PlanDistinct, PlanScan} {
				e := New(n.Client(t), Options{Map: simpleFields, Force: force})
				got, r := sweepAll(t, e, src, describeOne(t, e, src), w, set, nil)
				if len(got) != 10501 || r.Events != 10500 {
					t.Errorf("force %s, window %v: %d matches in %d events, want 10,501 in 10,500", force, w.Shards, len(got), r.Events)
				}
			}
		}
	})
}

// TestFoundIsWhole holds what is handed out to the document.
func TestFoundIsWhole(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		index := n.Prefix(t) + "one"
		createIndex(t, n, index, simpleMapping)
		load(t, n, index, []map[string]any{{"name": "no.test"}, {"@timestamp": "2026-01-01T01:00:00+01:00", "name": []string{"x", "a.evil.example"}, "host": map[string]any{"ip": []string{"192.0.2.9", "192.0.2.1"}}}, {"name": "evil.example"}})
		e := New(n.Client(t), Options{Map: simpleFields})
		src := Source{Indices: []string{index}}
		var got []Found
		set := compile(t, simpleList)
		if _, err := e.Sweep(t.Context(), src, describeOne(t, e, src), Window{}, set, []string{"name"}, func(fs []Found) error {
			got = append(got, fs...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b Found) int { return strings.Compare(a.ID, b.ID) })
		if len(got) != 2 {
			t.Fatalf("%d documents, want 2", len(got))
		}
		f := got[0]
		if f.Index != index || f.ID != "d1" || !f.TimeFound || !f.Time.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || f.SeqNo != 1 {
			t.Errorf("document = %s %s %v %v %d", f.Index, f.ID, f.Time, f.TimeFound, f.SeqNo)
		}
		if got := string(f.Source); !strings.Contains(got, `"name":["x","a.evil.example"]`) {
			t.Errorf("source = %s", got)
		}
		want := []FieldMatch{{ID: 0, Field: "host.ip", Value: "192.0.2.1", End: 9}, {ID: 1, Field: "name", Value: "a.evil.example", End: 14, Rule: 1}}
		if d := cmp.Diff(want, f.Matches); d != "" {
			t.Errorf("matches (-want +got):\n%s", d)
		}
		if got[1].TimeFound {
			t.Error("a document without a time has one")
		}
	})
}

func TestSweepEnds(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		index := n.Prefix(t) + "ends"
		createIndex(t, n, index, simpleMapping)
		load(t, n, index, []map[string]any{{"name": "evil.example"}})
		e := New(n.Client(t), Options{Map: simpleFields})
		src := Source{Indices: []string{index}}
		ix, set := describeOne(t, e, src), compile(t, simpleList)
		full := errors.New("the disk is full")
		if _, err := e.Sweep(t.Context(), src, ix, Window{}, set, nil, func([]Found) error { return full }); !errors.Is(err, full) {
			t.Errorf("an error of the taker = %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Sweep(ctx, src, ix, Window{}, set, nil, func([]Found) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled sweep = %v", err)
		}
		if r, err := e.Sweep(t.Context(), src, ix, Window{Shards: []ShardRange{{Shard: 0, Over: 5, UpTo: 5}}}, set, nil, nil); err != nil || r.Events != 0 {
			t.Errorf("an empty window = %+v, %v", r, err)
		}
		if err := n.Client(t).Do(t.Context(), es.Request{Method: "POST", Path: "/" + index + "/_close"}, nil); err != nil {
			t.Fatal(err)
		}
		r, err := e.Sweep(t.Context(), src, ix, Window{}, set, nil, func([]Found) error { return nil })
		if err != nil || len(r.Incomplete) == 0 {
			t.Errorf("a closed index = %+v, %v: it must be incomplete", r, err)
		}
	})
}

func TestIndicesTroubles(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		p := n.Prefix(t)
		createIndex(t, n, p+"a", simpleMapping)
		createIndex(t, n, p+"b", simpleMapping)
		createIndex(t, n, p+"shut", simpleMapping)
		if err := n.Client(t).Do(t.Context(), es.Request{Method: "POST", Path: "/" + p + "shut/_close"}, nil); err != nil {
			t.Fatal(err)
		}
		e := New(n.Client(t), Options{Map: simpleFields})
		own := []Field{{Name: "name"}, {Name: "message", Types: []ioc.Type{ioc.URL}, Text: true}}
		found, troubles, err := e.Indices(t.Context(), Source{Indices: []string{p + "*", p + "a", p + "none", "nothing-" + p + "*"}, Fields: own})
		if err != nil {
			t.Fatal(err)
		}
		var names, paths []string
		for _, ix := range found {
			names = append(names, ix.Name)
			if len(ix.Fields) != 2 || ix.UUID == "" || ix.Shards != 1 {
				t.Errorf("index = %+v", ix)
			}
		}
		for _, x := range troubles {
			paths = append(paths, x.Path)
		}
		if d := cmp.Diff([]string{p + "a", p + "b"}, names); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{p + "shut", p + "none", "nothing-" + p + "*"}, paths); d != "" {
			t.Errorf("troubles: %s", d)
		}
		all, _, _ := e.Indices(t.Context(), Source{Indices: []string{p + "a"}})
		if all[0].FieldsKey == found[0].FieldsKey {
			t.Error("other fields have the same FieldsKey")
		}
	})
}

// TestTokens: asked for words, the sweep finds what is written as it is listed,
// and says that it is less than all.
func TestTokens(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		index := n.Prefix(t) + "text"
		createIndex(t, n, index, simpleMapping)
		load(t, n, index, []map[string]any{{"message": "query evil.example now"}, {"message": "to ab.cd"}, {"message": "see evil[.]example"}, {"message": "notevil.example"}})
		e := New(n.Client(t), Options{Map: simpleFields})
		set := compile(t, simpleList)
		for _, c := range []struct {
			text string
			want []string
		}{
			{TextTokens, []string{`d0 domain "evil.example" message`, `d1 domain "ab.cd" message`}},
			{TextStream, []string{`d0 domain "evil.example" message`, `d1 domain "ab.cd" message`, `d2 domain "evil.example" message`}},
		} {
			src := Source{Indices: []string{index}, Text: c.text}
			got, r := sweepAll(t, e, src, describeOne(t, e, src), Window{}, set, nil)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("text %s (-want +got):\n%s", c.text, d)
			}
			marked := slices.ContainsFunc(r.Plans, func(u PlanUse) bool { return strings.Contains(u.Why, "as they are written only") })
			if marked != (c.text == TextTokens) {
				t.Errorf("text %s: plans %+v", c.text, r.Plans)
			}
		}
	})
}

// memory is Costs for tests.
type memory struct {
	sync.Mutex
	m map[string]Cost
}

func (c *memory) Load(_ context.Context, key string) (Cost, bool) {
	c.Lock()
	defer c.Unlock()
	x, ok := c.m[key]
	return x, ok
}

func (c *memory) Save(_ context.Context, key string, x Cost) {
	c.Lock()
	defer c.Unlock()
	c.m[key] = x
}

// TestChoice holds the choice of plans to the counts.
func TestChoice(t *testing.T) {
	many := make([]ioc.Observable, 0, 60000)
	for i := range cap(many) {
		many = append(many, ioc.Observable{Type: ioc.SHA256, Value: fmt.Sprintf("%064x", i)})
	}
	field := IndexField{Field: Field{Name: "hash", Types: []ioc.Type{ioc.SHA256}}, Kind: "keyword", Indexed: true, Aggregatable: true, Search: "hash", SearchKind: "keyword", facts: facts{enum: true, docValues: true}}
	text := IndexField{Field: Field{Name: "message", Types: []ioc.Type{ioc.SHA256}}, Kind: "text", facts: facts{source: true}}
	for _, c := range []struct {
		name             string
		values           int
		distinct, events int64
		fields           []IndexField
		want             string
	}{
		{"few indicators", 1000, 1e6, 1e6, []IndexField{field}, "terms"},
		{"many indicators, few values", 60000, 10000, 1e6, []IndexField{field}, "distinct"},
		{"many values, few indicators of them", 60000, 1e6, 1e6, []IndexField{field}, "terms"},
		{"small window", 60000, 100000, 1000, []IndexField{field}, "scan"},
		{"free text", 1000, 0, 1e6, []IndexField{text}, "stream"},
		{"free text is read anyway", 60000, 1e8, 1e6, []IndexField{text, field}, "stream scan"},
		{"not counted, and no need to", 1000, 0, 1e6, []IndexField{field}, "terms"},
		{"few of a long list can be sent", 50, 5000, 1e6, []IndexField{field}, "distinct"},
		{"few of a list can be sent", 50, 50000, 1e6, []IndexField{field}, "terms"},
	} {
		c1 := &memory{m: map[string]Cost{}}
		if c.distinct > 0 {
			c1.m["u/hash"] = Cost{Distinct: c.distinct, Docs: 1e6}
		}
		list := slices.Clone(many[:c.values])
		if strings.Contains(c.name, "can be sent") {
			for i := range 60000 {
				list = append(list, ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("n%d.example", i)})
			}
		}
		e := New(nil, Options{Costs: c1})
		s := e.newSweep(Source{}, Index{UUID: "u", Docs: 1e6, Fields: c.fields}, Window{}, compile(t, list), nil)
		s.report.Events = c.events
		s.aim(t.Context(), nil)
		s.choose(t.Context())
		var got []string
		for _, u := range s.uses {
			got = append(got, u.Plan)
			if u.Why == "" {
				t.Errorf("%s: no reason for %s", c.name, u.Plan)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: plans %v, want %s", c.name, got, c.want)
		}
	}
}
