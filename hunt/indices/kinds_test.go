package indices

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// fieldKinds are the ways in which an index may hold the field f. Each document
// has a value of f (or what the mapping makes one of), and may hit.
var fieldKinds = []struct {
	name, properties, rest string
	docs                   []map[string]any
	want                   string // the documents that hit
	only                   string // the one flavour that has it, "" both
}{
	{"keyword", `"f":{"type":"keyword"}`, "", values("evil.example", "a.evil.example", "notevil.example", "x"), "d0 d1", ""},
	{"keyword, too long", `"f":{"type":"keyword","ignore_above":13}`, "", values("evil.example", "xxxxxxxx.evil.example", "x"), "d0 d1", ""},
	{"keyword without index", `"f":{"type":"keyword","index":false}`, "", values("evil.example", "x"), "d0", ""},
	{"keyword without doc values", `"f":{"type":"keyword","doc_values":false}`, "", values("evil.example", "x"), "d0", ""},
	{"keyword with neither", `"f":{"type":"keyword","index":false,"doc_values":false}`, "", values("evil.example", "x"), "d0", ""},
	{"keyword, numbers", `"f":{"type":"keyword"}`, "", []map[string]any{{"f": 12}, {"f": true}, {"f": nil}, {"f": []any{nil, "evil.example"}}}, "d3", ""},
	{"keyword, null_value", `"f":{"type":"keyword","null_value":"evil.example"}`, "", []map[string]any{{"f": nil}, {"f": "x"}}, "d0", ""},
	{"copied", `"f":{"type":"keyword"},"g":{"type":"keyword","copy_to":"f"}`, "", []map[string]any{{"g": "evil.example"}, {"g": "x"}}, "d0", ""},
	{"constant_keyword", `"f":{"type":"constant_keyword","value":"evil.example"}`, "", []map[string]any{{}, {}}, "d0 d1", ""},
	{"wildcard", `"f":{"type":"wildcard"}`, "", values("http://evil.example/x", "x"), "d0", ""},
	{"wildcard, too long", `"f":{"type":"wildcard","ignore_above":13}`, "", values("evil.example", "xxxxxxxx.evil.example", "x"), "d0 d1", ""},
	{"version", `"f":{"type":"version"}`, "", values("1.2.3", "evil.example", "x"), "d1", ""},
	{"text", `"f":{"type":"text"}`, "", values("see evil.example, it", "evil[.]example", "notevil.example"), "d0 d1", ""},
	{"match_only_text", `"f":{"type":"match_only_text"}`, "", values("see evil.example, it", "x"), "d0", ""},
	{"text beside a keyword", `"f":{"type":"text","fields":{"raw":{"type":"keyword","ignore_above":20}}}`, "", values("evil.example", "see that evil.example there", "x"), "d0 d1", ""},
	{"text beside a normalised keyword", `"f":{"type":"text","fields":{"raw":{"type":"keyword","normalizer":"lowercase"}}}`, "", values("EVIL.example", "x"), "d0", ""},
	{"alias", `"g":{"type":"keyword"},"f":{"type":"alias","path":"g"}`, "", []map[string]any{{"g": "evil.example"}, {"g": "x"}}, "d0", ""},
	{"alias of text", `"g":{"type":"text"},"f":{"type":"alias","path":"g"}`, "", []map[string]any{{"g": "see evil.example"}, {"g": "x"}}, "d0", ""},
	{"runtime", `"g":{"type":"keyword"}`, `"runtime":{"f":{"type":"keyword","script":{"source":"emit(doc['g'].value + '.example')"}}},`, []map[string]any{{"g": "evil"}, {"g": "x"}}, "d0", es.Elasticsearch},
	{"flattened", `"f":{"type":"flattened"}`, "", []map[string]any{{"f": map[string]any{"a": "evil.example"}}, {"f": map[string]any{"a": map[string]any{"b": []string{"x", "evil.example"}}}}, {"f": map[string]any{"evil.example": "x"}}}, "d0 d1", ""},
	{"flat_object", `"f":{"type":"flat_object"}`, "", []map[string]any{{"f": map[string]any{"a": "evil.example"}}, {"f": map[string]any{"a": "x"}}}, "d0", ""},
	{"nested object", `"g":{"type":"nested"},"f":{"type":"keyword"}`, "", values("evil.example"), "d0", ""},
	{"dynamic false", ``, `"dynamic":false,`, values("evil.example", "x"), "d0", ""},
	{"object that is not read", `"g":{"type":"object","enabled":false},"f":{"type":"keyword"}`, "", values("evil.example", "x"), "d0", ""},
	{"another type", `"f":{"type":"long","ignore_malformed":true}`, "", values("evil.example", 7), "d0", ""},
	{"malformed ip", `"f":{"type":"ip","ignore_malformed":true}`, "", values("evil.example", "192.0.2.1", "192.0.2.3"), "d0 d1", ""},
}

func values(vs ...any) (out []map[string]any) {
	for _, v := range vs {
		out = append(out, map[string]any{"f": v})
	}
	return out
}

// TestKinds finds the same in a field of any kind, by any plan.
func TestKinds(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		p := n.Prefix(t)
		set := compile(t, []ioc.Observable{{Type: ioc.Domain, Value: "evil.example"}, {Type: ioc.IP, Value: "192.0.2.1"}})
		fields := []Field{{Name: "f", Types: []ioc.Type{ioc.Domain, ioc.IP}}}
		for i, k := range fieldKinds {
			t.Run(k.name, func(t *testing.T) {
				if k.only != "" && k.only != n.Flavor {
					t.Skip("only " + k.only + " has this")
				}
				index := fmt.Sprintf("%sk%d", p, i)
				body := `{"settings":{"number_of_replicas":0},"mappings":{` + k.rest + `"properties":{` + k.properties + `}}}`
				err := n.Client(t).Do(t.Context(), es.Request{Method: "PUT", Path: "/" + index, Body: []byte(body), Ask: true}, nil)
				if err != nil && (strings.Contains(err.Error(), "No handler for type") || strings.Contains(err.Error(), "does not exist")) {
					t.Skip("this server does not have the type: " + k.properties)
				}
				if err != nil {
					t.Fatal(err)
				}
				load(t, n, index, k.docs)
				src := Source{Indices: []string{index}}
				for _, force := range []string{"", PlanTerms, PlanDistinct, PlanScan} {
					e := New(n.Client(t), Options{Map: fields, Force: force})
					got, r := sweepAll(t, e, src, describeOne(t, e, src), Window{}, set, nil)
					var ids []string
					for _, g := range got {
						ids = appendNew(ids, strings.Fields(g)[0])
					}
					if d := cmp.Diff(strings.Fields(k.want), ids); d != "" {
						t.Errorf("force %q: (-want +got):\n%s\n%+v", force, d, r.Plans)
					}
				}
			})
		}
	})
}

// TestMapping holds what is concluded from a mapping.
func TestMapping(t *testing.T) {
	prop := func(kind string) property { return property{Type: kind} }
	m := flatten(mappingBody{property: property{Properties: map[string]property{
		"a":       {Properties: map[string]property{"b": prop("keyword"), "off": {Type: "object", Enabled: false}}},
		"loose":   {Dynamic: "false", Properties: map[string]property{"in": {Properties: map[string]property{"x": prop("keyword")}}}},
		"c.d":     prop("ip"),
		"attr":    {Type: "passthrough", Properties: map[string]property{"url": {Properties: map[string]property{"full": prop("keyword")}}}},
		"n":       {Type: "nested", Properties: map[string]property{"k": prop("keyword")}},
		"flat":    prop("flattened"),
		"flatcut": {Type: "flattened", IgnoreAbove: new(int)},
	}}})
	for name, want := range map[string]string{"a.b": "keyword", "c.d": "ip", "url.full": "keyword", "flat.x.y": "flattened", "n.k": "keyword", "a.c": ""} {
		if k, _, _ := m.lookup(name); k.Type != want {
			t.Errorf("lookup(%s) = %q, want %q", name, k.Type, want)
		}
	}
	for name, want := range map[string]bool{"a.c": false, "z": false, "a.off.x": true, "loose.y": true, "loose.in.y": true, "a.b.c": false} {
		if got := m.mayBeInSource(name); got != want {
			t.Errorf("mayBeInSource(%s) = %v", name, got)
		}
	}
	x, _ := m.resolve(Field{Name: "flatcut.x"}, es.Elasticsearch)
	if !x.facts.source {
		t.Error("a flattened field that cuts its values is not read from _source")
	}
	if x, _ := m.resolve(Field{Name: "n.k"}, es.Elasticsearch); x.facts.nested != "n" || !x.facts.enum {
		t.Errorf("n.k = %+v", x.facts)
	}
	if got := ancestry("a.b.c"); !slices.Equal(got, []string{"a.b.c", "a.b", "a"}) {
		t.Errorf("ancestry = %v", got)
	}
}
