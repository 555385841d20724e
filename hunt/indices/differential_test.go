package indices

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// testDocs is how many documents the plans are compared on.
const testDocs = 600

var testFields = []Field{
	{Name: "source.ip", Types: []ioc.Type{ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort}, Port: "source.port"},
	{Name: "addr", Types: []ioc.Type{ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort}, Port: "source.port"},
	{Name: "dns.name", Types: []ioc.Type{ioc.Domain}},
	{Name: "url.full", Types: []ioc.Type{ioc.URL, ioc.Domain}, Unless: "url.domain"},
	{Name: "url.domain", Types: []ioc.Type{ioc.Domain}},
	{Name: "url.path", Types: []ioc.Type{ioc.URLPath}, Prefix: "path="},
	{Name: "link", Types: []ioc.Type{ioc.URL}},
	{Name: "hash", Types: []ioc.Type{ioc.SHA256, ioc.MD5, ioc.CertHash}},
	{Name: "cut", Types: []ioc.Type{ioc.SHA256, ioc.URL, ioc.Email}},
	{Name: "mail", Types: []ioc.Type{ioc.Email}},
	{Name: "msg", Types: []ioc.Type{ioc.Domain, ioc.URL, ioc.SHA256, ioc.Email, ioc.IP}, Text: true},
	{Name: "both", Types: []ioc.Type{ioc.Domain, ioc.URL}},
	{Name: "raw.value", Types: []ioc.Type{ioc.Domain, ioc.URL, ioc.MD5}},
	{Name: "raw.stored", Types: []ioc.Type{ioc.Domain}},
	{Name: "rt", Types: []ioc.Type{ioc.Domain}},
	{Name: "al", Types: []ioc.Type{ioc.Domain}},
	{Name: "fl.x", Types: []ioc.Type{ioc.Domain, ioc.URL}},
	{Name: "n.k", Types: []ioc.Type{ioc.Domain, ioc.MD5}},
	{Name: "small", Types: []ioc.Type{ioc.URL}},
	{Name: "never.there", Types: []ioc.Type{ioc.Domain}},
}

func testMapping(n estest.Node) string {
	flat, runtime := "flattened", `"runtime":{"rt":{"type":"keyword","script":{"source":"for (v in doc['dns.name']) emit(v)"}}},`
	if n.Flavor == es.OpenSearch {
		flat, runtime = "flat_object", ""
	}
	return `{"settings":{"number_of_shards":2,"number_of_replicas":0,"analysis":{"normalizer":{"low":{"type":"custom","filter":["lowercase"]}}}},"mappings":{` + runtime + `"properties":{
"@timestamp":{"type":"date"},"source":{"properties":{"ip":{"type":"ip"},"port":{"type":"long"}}},"addr":{"type":"keyword"},
"dns":{"properties":{"name":{"type":"keyword"}}},"url":{"properties":{"full":{"type":"keyword"},"domain":{"type":"keyword"},"path":{"type":"keyword"}}},
"link":{"type":"keyword"},"hash":{"type":"keyword"},"cut":{"type":"keyword","ignore_above":70},"mail":{"type":"keyword"},"msg":{"type":"text"},
"both":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":60}}},"raw":{"type":"object","dynamic":false,"properties":{"stored":{"type":"keyword","index":false,"doc_values":false}}},
"al":{"type":"alias","path":"dns.name"},"fl":{"type":"` + flat + `"},"n":{"type":"nested","properties":{"k":{"type":"keyword"}}},"small":{"type":"keyword","normalizer":"low"}}}}`
}

// event is a document by its values.
type event map[string][]string

func (l *listing) event(flavor string) event {
	e := event{}
	put := func(field string, f func() string) {
		if l.rnd.IntN(4) == 0 {
			for range 1 + l.rnd.IntN(3)*l.rnd.IntN(2) {
				e[field] = append(e[field], f())
			}
		}
	}
	of := func(types ...ioc.Type) func() string { return func() string { return l.value(types...) } }
	put("source.ip", l.address)
	put("source.port", func() string { return fmt.Sprint(1 + l.rnd.IntN(3)) })
	put("addr", func() string { return [...]string{"", "", "h "}[l.rnd.IntN(3)] + l.address() })
	for _, f := range testFields {
		switch f.Name {
		case "source.ip", "addr", "rt", "al", "never.there":
		default:
			put(f.Name, of(f.Types...))
		}
	}
	if flavor == es.Elasticsearch {
		e["rt"] = e["dns.name"]
	}
	e["al"] = e["dns.name"]
	return e
}

// source returns the document of an event: nested or with dots in its keys.
func (e event) source(rnd *rand.Rand) map[string]any {
	doc := map[string]any{"@timestamp": fmt.Sprintf("2026-01-01T00:00:%02d.123Z", rnd.IntN(60)), "noise": map[string]any{"source": map[string]any{"ip": "192.0.2.1"}}}
	for f, vs := range e {
		if f == "rt" || f == "al" || len(vs) == 0 {
			continue
		}
		var v any = vs
		if len(vs) == 1 && rnd.IntN(2) == 0 {
			v = vs[0]
		}
		top, rest, ok := strings.Cut(f, ".")
		switch {
		case f == "n.k":
			var list []any
			for _, x := range vs {
				list = append(list, map[string]any{"k": x})
			}
			doc["n"] = list
		case !ok:
			doc[f] = v
		case top != "fl" && rnd.IntN(4) == 0:
			doc[f] = v
		default:
			if doc[top] == nil {
				doc[top] = map[string]any{}
			}
			doc[top].(map[string]any)[rest] = v
		}
	}
	return doc
}

// expected is the reference, told apart from the code: each value of each field
// by itself.
func expected(id string, e event, set *match.Set) (out []string) {
	seen := map[uint32]bool{}
	look := func(f Field, text string, skip int, types []ioc.Type) {
		for _, m := range set.Append(nil, []byte(text)) {
			if o := set.Observable(m.ID); slices.Contains(types, o.Type) && !seen[m.ID] && m.Start >= skip {
				seen[m.ID] = true
				out = append(out, line(id, o, f.Name))
			}
		}
	}
	for _, f := range testFields {
		types := f.Types
		if f.Unless != "" && len(e[f.Unless]) > 0 {
			types = []ioc.Type{ioc.URL}
		}
		for _, v := range e[f.Name] {
			look(f, f.Prefix+v, len(f.Prefix), types)
		}
		for _, v := range e[f.Name] {
			for _, p := range e[f.Port] {
				text := v + ":" + p
				if a, err := netip.ParseAddr(v); err == nil && a.Is6() {
					text = "[" + v + "]:" + p
				}
				look(f, text, 0, []ioc.Type{ioc.IPPort})
			}
		}
	}
	return out
}

// TestPlansAgree holds all plans to the reference: the same hits, whatever way
// their documents were found.
func TestPlansAgree(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		for _, schemeless := range []bool{false, true} {
			seed := rand.Uint64()
			t.Run(fmt.Sprintf("schemeless=%v,seed=%d", schemeless, seed), func(t *testing.T) { plansAgree(t, n, schemeless, seed) })
		}
	})
}

func plansAgree(t *testing.T, n estest.Node, schemeless bool, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	l := newListing(rnd, 30, schemeless)
	set := compile(t, l.all)
	index := n.Prefix(t) + "diff"
	createIndex(t, n, index, testMapping(n))
	var docs []map[string]any
	want := []string{}
	for i := range testDocs {
		e := l.event(n.Flavor)
		docs = append(docs, e.source(rnd))
		want = append(want, expected(fmt.Sprintf("d%d", i), e, set)...)
	}
	load(t, n, index, docs)
	slices.Sort(want)
	src := Source{Name: "test", Indices: []string{index}}
	for _, force := range []string{"", PlanTerms, PlanTerms + "/many", PlanTerms + "/more", PlanDistinct, PlanScan, PlanScan + "/whole", PlanScan + "/fields"} {
		t.Run("force="+force, func(t *testing.T) {
			force, way, _ := strings.Cut(force, "/")
			e := New(n.Client(t), Options{Map: testFields, Force: force})
			e.fewOdd = map[string]int{"many": 1, "more": 130}[way]
			e.smallDoc = map[string]int64{"whole": 1 << 20, "fields": 1}[way]
			ix := describeOne(t, e, src)
			got, r := sweepAll(t, e, src, ix, Window{}, set, nil)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("differs from the reference (-want +got):\n%s\nplans %+v", d, r.Plans)
			}
			used(t, n, force, r)
			if way == "" {
				halves(t, e, src, ix, set, want)
			}
		})
	}
}

// used checks that a forced plan was taken, where it can be.
func used(t *testing.T, n estest.Node, force string, r Report) {
	t.Helper()
	if r.Events != testDocs {
		t.Errorf("Report.Events = %d", r.Events)
	}
	count := 0
	for _, u := range r.Plans {
		if u.Plan == force {
			count++
		}
	}
	if least := map[string]int{PlanTerms: 4, PlanDistinct: 7, PlanScan: 7}[force]; count < least {
		t.Errorf("plan %q was taken for %d fields of %d, want %d at least: %+v", force, count, len(r.Plans), least, r.Plans)
	}
}

// before is the events before a second.
func before(second int) es.M {
	return es.M{"range": es.M{"@timestamp": es.M{"lt": fmt.Sprintf("2026-01-01T00:00:%02dZ", second)}}}
}

// halves checks that windows by sequence number and by time together are the
// whole.
func halves(t *testing.T, e *Engine, src Source, ix Index, set *match.Set, want []string) {
	t.Helper()
	var both []string
	for _, w := range []Window{
		{Shards: []ShardRange{{Shard: 0, Over: -1, UpTo: 150}, {Shard: 1, Over: -1, UpTo: 100}}},
		{Shards: []ShardRange{{Shard: 0, Over: 150, UpTo: 1 << 40}, {Shard: 1, Over: 100, UpTo: 1 << 40}}, Query: before(30)},
		{Shards: []ShardRange{{Shard: 0, Over: 150, UpTo: 1 << 40}, {Shard: 1, Over: 100, UpTo: 1 << 40}}, Query: es.M{"bool": es.M{"must_not": before(30)}}},
	} {
		got, _ := sweepAll(t, e, src, ix, w, set, nil)
		both = append(both, got...)
	}
	slices.Sort(both)
	if d := cmp.Diff(want, both); d != "" {
		t.Errorf("three windows differ from the whole (-want +got):\n%s", d)
	}
}
