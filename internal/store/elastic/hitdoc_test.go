package elastic

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/mappings"
)

// leaves adds the names of all values below v.
func leaves(v any, name string, into map[string]bool) {
	switch v := v.(type) {
	case es.M:
		for k, below := range v {
			leaves(below, strings.TrimPrefix(name+"."+k, "."), into)
		}
	case []any:
		for _, below := range v {
			leaves(below, name, into)
		}
	default:
		into[name] = true
	}
}

// hitNames returns the names of all fields that documents of hits have, of every
// type and with everything that an event may say.
func hitNames(t *testing.T) map[string]bool {
	t.Helper()
	s := &Store{now: time.Now}
	r := rand.New(rand.NewPCG(5, 6))
	event := es.M{}
	for _, name := range eventFieldNames {
		event[name] = "1"
	}
	record, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, row := range ioc.Types() {
		h := randomHit(r, "x")
		h.Observable = ioc.Observable{Type: row.Type, Value: "192.0.2.1"}
		h.Where = ioc.Where{Index: "i", DocID: "d", Host: "h", Path: "p", Field: "f"}
		h.Time, h.Matched, h.Record, h.Direction, h.Outcome, h.Score.Value = time.Now(), "m", record, ioc.Inbound, ioc.Allowed, 1
		for i := range h.Indicators {
			in := &h.Indicators[i]
			in.Observable, in.Provider, in.TLP, in.Confidence = h.Observable, "p", "red", 50
		}
		raw, err := s.hitDocument(&h, "2026-01-01T00:00:00Z", ioc.TruePositive)
		if err != nil {
			t.Fatal(err)
		}
		var d es.M
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		delete(d["ioc"].(es.M), "hit")
		leaves(d, "", names)
	}
	return names
}

// TestHitNamesMapped: every field of a hit is in the mapping of its index, so
// that it can be searched.
func TestHitNamesMapped(t *testing.T) {
	var m struct{ Mappings es.M }
	if err := json.Unmarshal(mappings.Index(mappings.IOCHits), &m); err != nil {
		t.Fatal(err)
	}
	for name := range hitNames(t) {
		at, ok := m.Mappings, true
		for part := range strings.SplitSeq(name, ".") {
			if at, ok = at["properties"].(es.M); ok {
				at, ok = at[part].(es.M)
			}
			if !ok {
				break
			}
		}
		if !ok && name != "ioc.claims" { // it is for people
			t.Errorf("%s is not in the mapping", name)
		}
	}
}

// TestHitNamesECS: what is not ours is called as ECS has it.
func TestHitNamesECS(t *testing.T) {
	list, err := os.ReadFile(filepath.FromSlash("../../../../shared/survey/ecs-fields-v8.17.tsv"))
	if err != nil {
		t.Skip("the list of ECS fields is not there")
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(line, "\t")
		known[name] = true
	}
	ours := func(name string) bool {
		head, _, _ := strings.Cut(name, ".")
		return slices.Contains([]string{"ioc", "matched", "type", "value"}, head) || // flat twins
			name == "threat.enrichments.feed.name" || // Kibana's
			name == "log.offset" // Filebeat's
	}
	for _, name := range slices.Sorted(maps.Keys(hitNames(t))) {
		if !known[name] && !ours(name) {
			t.Errorf("%s is not a field of ECS 8.17", name)
		}
	}
}
