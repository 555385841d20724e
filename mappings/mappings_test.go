package mappings

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mapping returns the mapping of an index.
func mapping(t *testing.T, name string) Tree {
	t.Helper()
	var b struct{ Mappings Tree }
	if err := json.Unmarshal(Index(name), &b); err != nil {
		t.Fatal(err)
	}
	return b.Mappings
}

// fields returns the definitions of all fields of a mapping.
func fields(m Tree) map[string]Tree {
	out := map[string]Tree{}
	walk(m, "", func(name string, f Tree) { out[name] = f })
	return out
}

func TestIndicesGuessNothing(t *testing.T) {
	if Index("nothing") != nil || len(Names()) != 3 {
		t.Error("names")
	}
	for _, n := range Names() {
		m := mapping(t, n)
		if !isFalse(m["dynamic"]) || m["_meta"].(Tree)["iochunt_version"] == nil {
			t.Errorf("%s: dynamic %v, _meta %v", n, m["dynamic"], m["_meta"])
		}
		for name, f := range fields(m) {
			if typeOf(f) == "keyword" && f["ignore_above"] == nil && !isFalse(f["index"]) {
				t.Errorf("%s: %s refuses documents with a long text", n, name)
			}
			if above, _ := f["ignore_above"].(float64); above > 32766/4 {
				t.Errorf("%s: %s: ignore_above %v is more than a term may have", n, name, above)
			}
		}
	}
}

// TestIndicesAreCheap holds what comes back as it was out of the index.
func TestIndicesAreCheap(t *testing.T) {
	for index, names := range map[string][]string{IOCIndex: {"ioc.mentions", "ioc.arming"}, IOCHits: {"ioc.hit"}, IOCState: {"body"}} {
		fs := fields(mapping(t, index))
		for _, n := range names {
			if !isFalse(fs[n]["enabled"]) {
				t.Errorf("%s: %s is indexed", index, n)
			}
		}
	}
}

// own are the names that ECS does not have.
var own = []string{"type", "value", "ioc", "matched", "kind", "name", "feed", "report", "at", "number", "body"}

// others are names that ECS does not have, or has as an object of any fields.
var others = []string{"log.offset", "labels", "threat.enrichments.feed.name"} // of Filebeat, of anybody, of Kibana

// families are the types that may stand for each other in a search.
var families = [][]string{{"keyword", "wildcard", "constant_keyword"}, {"long", "integer"}}

func TestIndicesAreECS(t *testing.T) {
	types := ecs(t)
	for _, index := range Names() {
		for name, f := range fields(mapping(t, index)) {
			first, _, _ := strings.Cut(name, ".")
			if slices.Contains(own, first) || slices.Contains(others, name) || f["properties"] != nil {
				continue
			}
			want := types[name]
			if want != typeOf(f) && !slices.ContainsFunc(families, func(s []string) bool { return slices.Contains(s, want) && slices.Contains(s, typeOf(f)) }) {
				t.Errorf("%s: %s is %q, in ECS %q", index, name, typeOf(f), want)
			}
		}
	}
}

func tree(t *testing.T, s string) (m Tree) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFit(t *testing.T) {
	const before = `{"properties":{"a":{"type":"wildcard","ignore_above":9},"o":{"properties":{"l":{"type":"flattened","ignore_above":8}}},
		"m":{"type":"keyword","fields":{"t":{"type":"match_only_text"}}},"c":{"type":"constant_keyword","value":"x"}}}`
	for _, tc := range []struct {
		knows []string
		want  string
		got   []StandIn
	}{
		{[]string{"wildcard", "flattened", "match_only_text", "constant_keyword"}, before, nil},
		{[]string{"flat_object", "match_only_text", "wildcard"},
			`{"properties":{"a":{"type":"wildcard","ignore_above":9},"o":{"properties":{"l":{"type":"flat_object"}}},
				"m":{"type":"keyword","fields":{"t":{"type":"match_only_text"}}},"c":{"type":"keyword"}}}`,
			[]StandIn{{"c", "constant_keyword", "keyword"}, {"o.l", "flattened", "flat_object"}}},
		{nil,
			`{"properties":{"a":{"type":"keyword","ignore_above":9},"o":{"properties":{"l":{"type":"object","enabled":false}}},
				"m":{"type":"keyword","fields":{"t":{"type":"text","norms":false}}},"c":{"type":"keyword"}}}`,
			[]StandIn{{"a", "wildcard", "keyword"}, {"c", "constant_keyword", "keyword"}, {"m.t", "match_only_text", "text"}, {"o.l", "flattened", "object"}}},
	} {
		m := tree(t, before)
		got := Fit(m, func(typ string) bool { return slices.Contains(tc.knows, typ) })
		if d := cmp.Diff(tc.got, got); d != "" {
			t.Errorf("%v: %s", tc.knows, d)
		}
		if d := cmp.Diff(tree(t, tc.want), m); d != "" {
			t.Errorf("%v: %s", tc.knows, d)
		}
		if d := Compare(m, tree(t, before)); !d.Same() || len(d.StandIns) != len(tc.got) {
			t.Errorf("%v: the stand-ins are no difference: %+v", tc.knows, d)
		}
	}
}

func TestCompare(t *testing.T) {
	const want = `{"dynamic":"false","_meta":{"iochunt_version":2},"properties":{"k":{"type":"keyword","ignore_above":9},"n":{"type":"nested","properties":{"d":{"type":"date"}}},
		"off":{"type":"object","enabled":false},"quiet":{"type":"keyword","doc_values":false}}}`
	for _, tc := range []struct {
		name string
		swap []string
		want Difference
	}{
		{"the same, as a server writes it", []string{`"false"`, `false`}, Difference{}},
		{"a field of somebody else's", []string{`"k":`, `"mine":{"type":"long"},"k":`}, Difference{}},
		{"an older version", []string{`:2}`, `:1}`}, Difference{Changed: []string{"_meta"}}},
		{"guessing", []string{`"dynamic":"false"`, `"dynamic":"true"`}, Difference{Changed: []string{"dynamic"}}},
		{"a missing field", []string{`{"d":{"type":"date"}}`, `{}`}, Difference{New: []string{"n.d"}}},
		{"a limit", []string{`"ignore_above":9`, `"ignore_above":8`}, Difference{Changed: []string{"k.ignore_above"}}},
		{"another type", []string{`"date"`, `"long"`}, Difference{Conflicts: []string{"n.d is long and has to be date"}}},
		{"no more nested", []string{`"type":"nested",`, ``}, Difference{Conflicts: []string{"n is object and has to be nested"}}},
		{"indexed after all", []string{`,"enabled":false`, ``}, Difference{Conflicts: []string{"off has enabled: true and has to have false"}}},
		{"counted after all", []string{`,"doc_values":false`, ``}, Difference{Conflicts: []string{"quiet has doc_values: true and has to have false"}}},
		{"not searched", []string{`"doc_values"`, `"index":false,"doc_values"`}, Difference{Conflicts: []string{"quiet has index: false and has to have true"}}},
	} {
		have := strings.NewReplacer(tc.swap...).Replace(want)
		if have == want {
			t.Fatalf("%s: nothing was swapped", tc.name)
		}
		if d := cmp.Diff(tc.want, Compare(tree(t, have), tree(t, want))); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func TestMergeAndAdopt(t *testing.T) {
	have := tree(t, `{"properties":{"mine":{"type":"long"},"k":{"type":"keyword","fields":{"x":{"type":"text"}}},"o":{"properties":{"y":{"type":"date"}}},"off":{"properties":{"z":{"type":"date"}}}}}`)
	want := tree(t, `{"properties":{"k":{"type":"keyword","ignore_above":5},"o":{"properties":{"a":{"type":"ip"}}},"off":{"type":"object","enabled":false}}}`)
	Merge(have, want)
	merged := tree(t, `{"properties":{"mine":{"type":"long"},"k":{"type":"keyword","ignore_above":5,"fields":{"x":{"type":"text"}}},
		"o":{"properties":{"a":{"type":"ip"},"y":{"type":"date"}}},"off":{"type":"object","enabled":false}}}`)
	if d := cmp.Diff(merged, want); d != "" {
		t.Error(d)
	}
	Adopt(tree(t, `{"properties":{"o":{"properties":{"a":{"type":"keyword"}}}}}`), want, "o.a")
	if got := fields(want)["o.a"]["type"]; got != "keyword" {
		t.Errorf("o.a is %v", got)
	}
}
