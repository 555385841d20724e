package indices

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var pickFields = []string{"a", "a.b", "a.b.c", "b", "c.a", "c.a.b", "a.a.a", "ü.b", "c"}

// TestPick: the picker finds what a document that was decoded has, whichever way
// its fields are nested, listed and spelt.
func TestPick(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	found := 0
	for range 20000 {
		doc := anyObject(rnd, 4)
		source, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(2) == 0 {
			var b bytes.Buffer
			if err := json.Indent(&b, source, " ", "\t"); err != nil {
				t.Fatal(err)
			}
			source = b.Bytes()
		}
		source = bytes.ReplaceAll(source, []byte(`"b`), []byte(`"\u0062`))
		flat := make([]bool, len(pickFields))
		for i := range flat {
			flat[i] = rnd.IntN(3) == 0
		}
		got := make([][]string, len(pickFields))
		p := newPicker(pickFields, flat, func(field int, v string) { got[field] = append(got[field], v) })
		if !p.pick(source) {
			t.Fatalf("seed %d: %s is not read", seed, source)
		}
		tree, err := decode(source)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range pickFields {
			want := appendValues(nil, tree, f, flat[i])
			slices.Sort(want)
			slices.Sort(got[i])
			if d := cmp.Diff(want, got[i]); d != "" {
				t.Fatalf("seed %d: %s (flat %v) of %s (-want +got):\n%s", seed, f, flat[i], source, d)
			}
			found += len(want)
		}
	}
	if found < 10000 {
		t.Errorf("seed %d: %d values: the test tests nothing", seed, found)
	}
}

func anyObject(rnd *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range rnd.IntN(4) {
		m[[]string{"a", "b", "c", "a.b", "b.c", "a.b.c", "c.a", "ü", "ü.b", "x", "a.x"}[rnd.IntN(11)]] = anyValue(rnd, depth-1)
	}
	return m
}

func anyValue(rnd *rand.Rand, depth int) any {
	n := rnd.IntN(9)
	switch {
	case n < 3 && depth > 0:
		return anyObject(rnd, depth)
	case n < 5 && depth > 0:
		var list []any
		for range rnd.IntN(4) {
			list = append(list, anyValue(rnd, depth-1))
		}
		return list
	}
	return []any{"v", "", `"\/` + "\n", "naïve", 1.5, 12345678901, -0.25, true, false, nil}[rnd.IntN(10)]
}

// TestPickBroken: what is no JSON gives an error or something, and never a panic.
func TestPickBroken(t *testing.T) {
	whole := `{"a":{"b":["x\"y",1,{"c":null}]},"b":"z"}`
	p := newPicker(pickFields, make([]bool, len(pickFields)), func(int, string) {})
	for i := range whole {
		if p.pick([]byte(whole[:i])) {
			t.Errorf("%q is read", whole[:i])
		}
		for _, c := range `{}[]",:\` {
			p.pick([]byte(fmt.Sprint(whole[:i], string(c), whole[i:])))
		}
	}
}

func TestFieldValues(t *testing.T) {
	for raw, want := range map[string][]string{
		`["a","b"]`: {"a", "b"}, `[""]`: {""}, `[]`: nil, `["a\"b"]`: {`a"b`}, `["ü"]`: {"ü"}, `[1,"a",true,null]`: {"1", "a", "true"}, ` ["a"] `: {"a"}, `["a", "b"]`: {"a", "b"}, `"a"`: {"a"}, `["a",["b"]]`: {"a", "b"},
		`["a"`: nil, `["a",]`: nil, `["a""b"]`: nil, `["]`: nil, ``: nil,
	} {
		if d := cmp.Diff(append([]string{"0"}, want...), fieldValues([]string{"0"}, []byte(raw))); d != "" {
			t.Errorf("%s (-want +got):\n%s", raw, d)
		}
	}
}
