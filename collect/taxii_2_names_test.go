package collect_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// named2 is a STIX 2.1 object that has a name.
func named2(typ string, n int, name string) string {
	return fmt.Sprintf(`{"type":%q,"spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","name":%q}`, typ, stixID(typ, n), name)
}

func relation2(n int, kind, from, to string) string {
	return fmt.Sprintf(`{"type":"relationship","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","relationship_type":%q,"source_ref":%q,"target_ref":%q}`,
		stixID("relationship", n), kind, from, to)
}

// taxiiStore is what a run needs of a store.
type taxiiStore interface {
	collect.Store
	collect.Known
	Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error)
}

// stores are one of each kind.
func stores(t *testing.T) map[string]taxiiStore {
	t.Helper()
	l, err := local.Open(t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return map[string]taxiiStore{"memory": memory.New(), "local": l}
}

// TestTAXII2NamesOfOtherRuns: malware, actor, relationship and indicator come in
// any order, each in a run of its own; the indicator has its names in the end,
// in every store, and nothing else of it changes.
func TestTAXII2NamesOfOtherRuns(t *testing.T) {
	t.Parallel()
	indicator, malware, actor := stixID("indicator", 1), stixID("malware", 1), stixID("threat-actor", 1)
	two := "[domain-name:value = 'd1.example'] OR [domain-name:value = 'more.example']"
	indicate, attribute := relation2(1, "indicates", indicator, malware), relation2(2, "indicates", indicator, actor)
	report := fmt.Sprintf(`{"type":"report","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","name":"A report","published":"2024-01-01T00:00:00Z","labels":["x"],"object_refs":[%q]}`,
		stixID("report", 1), indicator)
	i, m, a := indicator2(1, day, two, ""), named2("malware", 1, "Emotet"), named2("threat-actor", 1, "Mealybug")
	f := func(runs ...[]string) {
		t.Helper()
		for kind, s := range stores(t) {
			server := fake2("2.1", nil)
			base := serve(t, server)
			for n, objects := range runs {
				server.Change(func(f *taxiitest.TAXII2) {
					for _, o := range objects {
						f.Collections[0].Objects = append(f.Collections[0].Objects, taxiitest.Object2{Added: day.Add(time.Duration(n) * time.Hour), JSON: o})
					}
				})
				if r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s); len(r.Notes) > 0 || r.Changes.Withdrawn > 0 {
					t.Errorf("%s: run %d: %+v", kind, n+1, r)
				}
			}
			for _, value := range []string{"d1.example", "more.example"} {
				is, err := s.Lookup(t.Context(), ioc.Observable{Type: ioc.Domain, Value: value})
				if err != nil || len(is) != 1 || len(is[0].Reports) != 1 {
					t.Fatal(kind, is, err)
				}
				got := is[0].Reports[0].Report
				want := ioc.Report{ID: indicator, Name: "A report", Families: []string{"Emotet"}, Adversary: "Mealybug", Tags: []string{"x"}, Created: got.Created, Modified: day}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: %s", kind, d)
				}
			}
			before := len(server.Asked())
			r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
			if r.Changes.New+r.Changes.Changed+r.Changes.Withdrawn > 0 || len(server.Asked()) > before+4 {
				t.Errorf("%s: once more: %+v, %d questions", kind, r, len(server.Asked())-before)
			}
		}
	}
	f([]string{i, m, a, indicate, attribute, report})
	f([]string{m, a}, []string{i, indicate, attribute, report})
	f([]string{m, a}, []string{i, report}, []string{indicate, attribute})
	f([]string{i, m, a, report}, []string{indicate, attribute})
	f([]string{i, report}, []string{m, a}, []string{indicate, attribute})
	f([]string{i, report}, []string{m, indicate}, []string{a}, []string{attribute})
	f([]string{i, m, indicate, report}, []string{a, attribute})
}

// TestTAXII2NamesCannotBeAsked: a server that does not answer questions for ids
// costs names, a note and few questions; all else is stored.
func TestTAXII2NamesCannotBeAsked(t *testing.T) {
	t.Parallel()
	f := func(note string, answer func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
		t.Helper()
		objects := objects2(60)
		server := fake2("2.1", append([]taxiitest.Object2{{Added: day.Add(-time.Hour), JSON: named2("malware", 1, "Emotet")}}, objects[:50]...))
		asked := 0
		base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("match[id]") {
				asked++
				answer(w, r, server)
				return
			}
			server.ServeHTTP(w, r)
		}))
		s := memory.New()
		poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
		server.Change(func(f *taxiitest.TAXII2) {
			more := append(objects[50:], taxiitest.Object2{Added: today, JSON: relation2(1, "indicates", stixID("indicator", 3), stixID("malware", 1))})
			f.Collections[0].Objects = append(f.Collections[0].Objects, more...)
		})
		r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
		if r.Outcome() != collect.OK || r.Changes.New != 10 || r.Changes.Withdrawn > 0 || len(stored(t, s)) != 60 {
			t.Errorf("%s: %+v", note, r)
		}
		if text := strings.Join(r.Notes, " "); !strings.Contains(text, "cannot be asked for by their ids") || !strings.Contains(text, note) || asked < 1 || asked > 20 {
			t.Errorf("%s: %d questions, notes %q", note, asked, r.Notes)
		}
	}
	f("sends others", func(w http.ResponseWriter, r *http.Request, next http.Handler) { // it does not know match
		q := r.URL.Query()
		q.Del("match[id]")
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
	})
	f("400", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadRequest) })
	f("503", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})
}

// TestTAXII2AsksForFewNames: what is asked for by id is bounded, and told.
func TestTAXII2AsksForFewNames(t *testing.T) {
	t.Parallel()
	objects := objects2(1)
	for i := range 2100 {
		objects = append(objects, taxiitest.Object2{Added: day, JSON: relation2(i, "indicates", stixID("indicator", 0), stixID("malware", i))})
	}
	server := fake2("2.1", objects)
	server.PageSize = 1000
	s := memory.New()
	r := poll(t, newTAXII(t, taxii2Options(serve(t, server), "2.1"), s), s)
	if r.Outcome() != collect.OK || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "100 more objects") }) {
		t.Errorf("%+v", r)
	}
	asked := 0
	for _, q := range server.Asked() {
		if ids := q.Query.Get("match[id]"); ids != "" {
			asked += len(strings.Split(ids, ","))
		}
	}
	if asked != 2000 {
		t.Errorf("%d ids were asked for", asked)
	}
}
