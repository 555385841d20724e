package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// TestHuntListsAreCanonical: what is compiled without a feed has to look as if
// it came through one.
func TestHuntListsAreCanonical(t *testing.T) {
	all := hardList(10_000)
	for _, o := range all {
		got, err := canon.Observable(o.Type, o.Value)
		if err != nil || got != o {
			t.Errorf("%s %q is %v, %v in canonical form", o.Type, o.Value, got, err)
		}
	}
	seen := map[ioc.Observable]bool{}
	for _, o := range all {
		if seen[o] {
			t.Errorf("%v is listed twice", o)
		}
		seen[o] = true
	}
}

func hasAll() map[string]bool {
	has := map[string]bool{}
	for _, kind := range optional {
		has[kind] = true
	}
	return has
}

// TestHardKinds holds the planted truth to the matcher, value by value: each
// kind's hit is found in the field where it is said to be, and its near miss is
// not found.
func TestHardKinds(t *testing.T) {
	h := newHardSet(1, hasAll())
	set, err := match.Compile(slices.Values(hardList(10_000)))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range h.kinds {
		for j := range hardPool {
			n := k.value(j)
			if got := matchDoc(t, set, k.hit(n)); !slices.Equal(got, []ioc.Observable{k.listed(n)}) {
				t.Errorf("%s: %v hits %v, not %v", k.name, k.hit(n), got, k.listed(n))
			}
			if got := matchDoc(t, set, k.miss(n)); len(got) > 0 {
				t.Errorf("%s: the near miss %v hits %v", k.name, k.miss(n), got)
			}
		}
	}
}

// matchDoc looks at each field of a document by itself: no server, no plan.
func matchDoc(t *testing.T, set *match.Set, doc es.M) (found []ioc.Observable) {
	t.Helper()
	raw, err := json.Marshal(nest(doc))
	if err != nil {
		t.Fatal(err)
	}
	var whole es.M
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	at := map[string]string{"alias.host": "real.host", "made.host": "base.host"}
	for _, f := range hardFields() {
		path := f.Name
		if at[path] != "" {
			path = at[path]
		}
		for _, v := range valuesAt(whole, strings.Split(path, ".")) {
			if f.Name == "made.host" {
				v += ".example"
			}
			if f.Port != "" {
				for _, port := range valuesAt(whole, strings.Split(f.Port, ".")) {
					v += ":" + port
				}
			}
			for _, m := range set.Append(nil, []byte(f.Prefix+v)) {
				if o := set.Observable(m.ID); slices.Contains(f.Types, o.Type) && !slices.Contains(found, o) {
					found = append(found, o)
				}
			}
		}
	}
	return found
}

func valuesAt(v any, path []string) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			out = append(out, valuesAt(x, path)...)
		}
	case es.M:
		if len(path) > 0 {
			out = valuesAt(v[path[0]], path[1:])
		}
	case string, float64:
		if len(path) == 0 {
			out = []string{fmt.Sprint(v)}
		}
	}
	return out
}

// TestHuntEvents: the events of a shape are the same each time, and hold what
// the truth says, and no other value that is listed.
func TestHuntEvents(t *testing.T) {
	s := shape{events: 20_000, pools: 50, uniform: 50, shards: 1}
	set, err := match.Compile(slices.Values(indicatorList(10_000)))
	if err != nil {
		t.Fatal(err)
	}
	truth := s.truth(0)
	s.mentions(truth)
	if want := plantedPairs + s.events/1000; len(truth) != want {
		t.Fatalf("%d planted, want %d", len(truth), want)
	}
	first, again := newMaker(s), newMaker(s)
	for i := range s.events {
		text := first.make(i)
		if text != again.make(i) {
			t.Fatalf("event %d is another one the second time", i)
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("event %d is not JSON: %s", i, text)
		}
		var want []ioc.Observable
		if p, ok := truth[eventID(i)]; ok {
			want = append(want, p.listed)
		}
		var got []ioc.Observable
		for _, m := range set.Append(nil, []byte(text)) {
			if o := set.Observable(m.ID); !slices.Contains(got, o) {
				got = append(got, o)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("event %d hits %v, want %v: %s", i, got, want, text)
		}
	}
}

// TestHuntScore: what is missed, false or without its indicator counts.
func TestHuntScore(t *testing.T) {
	a, b := ioc.Observable{Type: ioc.IP, Value: "192.0.2.1"}, ioc.Observable{Type: ioc.IP, Value: "192.0.2.2"}
	truth := map[string]planted{"1": {kind: "k", listed: a}, "2": {kind: "k", listed: b}}
	all := func(ioc.Observable) bool { return true }
	o := newOutcome()
	o.add("1", a)
	if s := o.judge(truth, all); s.complete() == nil || s.pairs != 1 || s.missed["k"] != 1 {
		t.Errorf("%+v", s)
	}
	o.events["2"] = true
	if s := o.judge(truth, all); s.complete() == nil || s.events != 2 || len(s.lost) != 0 {
		t.Errorf("an event without its indicator: %+v", s)
	}
	o.add("2", b)
	if s := o.judge(truth, all); s.complete() != nil {
		t.Errorf("%+v", s)
	}
	o.add("2", a)
	if s := o.judge(truth, all); s.complete() == nil || s.falsePairs != 1 {
		t.Errorf("a false pair: %+v", s)
	}
}

func TestSpan(t *testing.T) {
	s := span{3 * time.Second, time.Second, 2 * time.Second}
	if s.median() != 2*time.Second || s.String() != "2.00 [1.00-3.00]" {
		t.Error(s.median(), s)
	}
}
