package collect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// stixID is the n-th id of a type.
func stixID(typ string, n int) string {
	return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n)
}

// indicator2 is a STIX 2.1 indicator.
func indicator2(n int, modified time.Time, pattern, more string) string {
	at := modified.UTC().Format("2006-01-02T15:04:05.000Z")
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00.000Z","modified":%q,"valid_from":"2024-01-01T00:00:00.000Z",`+
		`"name":"indicator %d","pattern_type":"stix","pattern":%q%s}`, stixID("indicator", n), at, n, pattern, more)
}

func domain2(n int) string { return fmt.Sprintf("[domain-name:value = 'd%d.example']", n) }

// objects2 are n indicators, added one a minute.
func objects2(n int) []taxiitest.Object2 {
	var out []taxiitest.Object2
	for i := range n {
		at := day.Add(time.Duration(i) * time.Minute)
		out = append(out, taxiitest.Object2{Added: at, JSON: indicator2(i, at, domain2(i), "")})
	}
	return out
}

func fake2(version string, objects []taxiitest.Object2) *taxiitest.TAXII2 {
	return &taxiitest.TAXII2{Version: version, User: taxiiUser, Password: taxiiPassword, PageSize: 20, Digits: 6, Collections: []taxiitest.Collection2{
		{ID: "user_AlienVault", Title: "AlienVault", Alias: "av", Objects: objects},
		{ID: "user_demo", Title: "demo"},
		{ID: "closed", Title: "not for you", Unreadable: true},
	}}
}

func taxii2Options(base, version string) taxiiOptions {
	return taxiiOptions{"url": base + taxiitest.Root2, "version": version, "collection": "user_AlienVault", "username": taxiiUser, "password": taxiiPassword}
}

func TestTAXII2KeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.1", "2.0"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var objects []taxiitest.Object2
			for i := range 110 { // so many values that they take two batches
				at := day.Add(time.Duration(i) * time.Minute)
				var values []string
				for d := range 100 {
					values = append(values, fmt.Sprintf("[domain-name:value = 'd%d.i%d.example']", d, i))
				}
				objects = append(objects, taxiitest.Object2{Added: at, JSON: indicator2(i, at, strings.Join(values, " OR "), "")})
			}
			healthy := serve(t, fake2(version, objects))
			broken := func(fault func(*taxiitest.TAXII2)) func(*testing.T) collect.Collector {
				return func(t *testing.T) collect.Collector {
					s := fake2(version, objects)
					fault(s)
					return newTAXII(t, taxii2Options(serve(t, s), version), nil)
				}
			}
			collecttest.Run(t, collecttest.Subject{
				New:    func(t *testing.T) collect.Collector { return newTAXII(t, taxii2Options(healthy, version), nil) },
				Canary: "c4n4ry",
				Faults: map[string]func(t *testing.T) collect.Collector{
					"an object that makes pages fail": broken(func(s *taxiitest.TAXII2) { s.Faults.Poison = "d7.i50.example" }),
					"the login is revoked": broken(func(s *taxiitest.TAXII2) {
						n := 0
						s.Faults.Status = func(r taxiitest.Request2) int {
							if n++; strings.HasSuffix(r.Path, "/objects/") && n > 4 {
								return http.StatusUnauthorized
							}
							return 0
						}
					}),
					"a gateway's page":   broken(func(s *taxiitest.TAXII2) { s.Faults.Page = http.StatusOK }),
					"a wrong media type": broken(func(s *taxiitest.TAXII2) { s.Faults.ContentType = "text/html" }),
				},
			})
		})
	}
}

func TestTAXII2IntoAStore(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.1", "2.0"} {
		server := fake2(version, objects2(50))
		base := serve(t, server)
		s := memory.New()
		run := func() collect.Result { return poll(t, newTAXII(t, taxii2Options(base, version), s), s) }
		r := run()
		if d := cmp.Diff(map[string]int{"object": 50, "observable": 50}, r.Read); d != "" || r.Changes.New != 50 || r.Reports != 50 || len(r.Notes) > 0 {
			t.Fatalf("%s: %s %+v", version, d, r)
		}
		if !strings.Contains(string(r.After), `"after":"2024-02-01T00:49:00.000000Z"`) {
			t.Errorf("%s: the cursor is %s", version, r.After)
		}
		armed, _ := s.Armed(t.Context())
		r = run()
		if again, _ := s.Armed(t.Context()); r.Changes.New+r.Changes.Changed+r.Changes.Withdrawn > 0 || r.Changes.Unchanged == 0 || r.Before != r.After || again != armed {
			t.Errorf("%s: the second run: %+v", version, r)
		}
		q := server.Asked()[len(server.Asked())-1].Query
		if q.Get("added_after") != "2024-02-01T00:48:00.000000Z" {
			t.Errorf("%s: added_after is %s", version, q.Get("added_after"))
		}
		// A new version replaces, a revoked one is gone.
		server.Change(func(f *taxiitest.TAXII2) {
			f.Collections[0].Objects = append(f.Collections[0].Objects,
				taxiitest.Object2{Added: today, JSON: indicator2(3, today, "[domain-name:value = 'other.example']", "")},
				taxiitest.Object2{Added: today, JSON: indicator2(4, today, domain2(4), `,"revoked":true`)})
		})
		if r = run(); r.Changes.New != 1 || r.Changes.Withdrawn != 2 || r.Gone != 1 {
			t.Errorf("%s: %+v", version, r)
		}
		got := stored(t, s)
		if len(got) != 49 || !slices.Contains(got, stixID("indicator", 3)+" domain other.example") || slices.Contains(got, stixID("indicator", 4)+" domain d4.example") {
			t.Errorf("%s: %q", version, got)
		}
		if r = run(); r.Gone != 0 || r.Changes.New+r.Changes.Withdrawn > 0 {
			t.Errorf("%s: once more: %+v", version, r)
		}
	}
}

func TestTAXII2EmptyCollectionIsFine(t *testing.T) {
	t.Parallel()
	s := memory.New()
	o := taxii2Options(serve(t, fake2("2.1", nil)), "2.1").with("collection", "user_demo")
	for range 2 {
		if r := poll(t, newTAXII(t, o, s), s); r.Outcome() != collect.OK || r.Fetched != 0 || r.After == "" || len(r.Notes) > 0 {
			t.Errorf("%+v", r)
		}
	}
}

// What an indicator is of: names told before it, behind it, and by the version before.
func TestTAXII2Names(t *testing.T) {
	t.Parallel()
	malware := fmt.Sprintf(`{"type":"malware","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","name":"Emotet","is_family":true}`, stixID("malware", 1))
	indicates := fmt.Sprintf(`{"type":"relationship","spec_version":"2.1","id":%q,"created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","relationship_type":"indicates","source_ref":%q,"target_ref":%q}`,
		stixID("relationship", 1), stixID("indicator", 1), stixID("malware", 1))
	server := fake2("2.1", []taxiitest.Object2{{Added: day, JSON: indicates}, {Added: day, JSON: indicator2(1, day, domain2(1), "")}, {Added: day, JSON: malware},
		{Added: day.Add(time.Hour), JSON: indicator2(2, day, domain2(2), "")}}) // the next run asks for what is behind it
	base := serve(t, server)
	s := memory.New()
	families := func() []string {
		t.Helper()
		poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
		is, err := s.Lookup(t.Context(), ioc.Observable{Type: ioc.Domain, Value: "d1.example"})
		if err != nil || len(is) != 1 || len(is[0].Reports) != 1 {
			t.Fatal(is, err)
		}
		return is[0].Reports[0].Families
	}
	if got := families(); !slices.Equal(got, []string{"Emotet"}) {
		t.Errorf("families %q", got)
	}
	server.Change(func(f *taxiitest.TAXII2) {
		f.Collections[0].Objects = append(f.Collections[0].Objects, taxiitest.Object2{Added: today, JSON: indicator2(1, today, domain2(1), `,"confidence":80`)})
	})
	if got := families(); !slices.Equal(got, []string{"Emotet"}) {
		t.Errorf("a new version lost the names: %q", got)
	}
}

// Row 10: "next" that repeats, added_after that counts its own date, equal
// dates, and "more" with an empty page: no endless loop, no gap, no loss, in one
// run and in two.
func TestTAXII2Row10(t *testing.T) {
	t.Parallel()
	f := func(name string, fault func(*taxiitest.TAXII2), partial ...int) {
		t.Helper()
		for same := range 2 { // objects of equal dates: 1 or 25 at a time
			objects := objects2(60)
			for i := range objects {
				if same == 1 {
					objects[i].Added = day.Add(time.Duration(i/25) * time.Minute)
				}
				if name == "no dates" && i >= 33 { // then the server's clock tells what is new
					objects[i].Added = time.Now().Add(time.Duration(i) * time.Second)
				}
			}
			server := fake2("2.1", objects[:33])
			fault(server)
			base := serve(t, server)
			s := memory.New()
			for n, want := range []int{33, 60} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				r, err := collect.Run(ctx, "av", newTAXII(t, taxii2Options(base, "2.1").with("limit", 10), s), s, collect.RunOptions{})
				cancel()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if slices.Contains(partial, same) { // there is no way to the rest, or none to be sure; the run says so
					if r.Outcome() != collect.Partial {
						t.Errorf("%s: run %d: %+v", name, n+1, r)
					}
				} else if got := len(stored(t, s)); got != want || r.Outcome() != collect.OK {
					t.Errorf("%s: run %d: %d of %d are stored, and the run is %s: %q", name, n+1, got, want, r.Outcome(), r.Skipped)
				}
				server.Change(func(f *taxiitest.TAXII2) { f.Collections[0].Objects = objects })
			}
		}
	}
	f("as the standard says", func(*taxiitest.TAXII2) {})
	f("next repeats", func(s *taxiitest.TAXII2) { s.Next, s.Faults.NeedLimit = taxiitest.Cursor2, true })
	f("next repeats for ever", func(s *taxiitest.TAXII2) { s.Faults.NextAlways = true })
	f("more for ever", func(s *taxiitest.TAXII2) { s.Faults.MoreForever = true }, 0, 1)
	f("added_after is inclusive", func(s *taxiitest.TAXII2) { s.Inclusive = true })
	f("added_after is ignored", func(s *taxiitest.TAXII2) { s.Faults.IgnoreAddedAfter = true })
	f("more with an empty page", func(s *taxiitest.TAXII2) { s.Next, s.Faults.EmptyEvery = taxiitest.Cursor2, 3 })
	f("more without next", func(s *taxiitest.TAXII2) { s.Next = taxiitest.NoNext2 }, 1)
	f("dates cut to seconds", func(s *taxiitest.TAXII2) { s.Digits = 0 })
	f("no dates", func(s *taxiitest.TAXII2) { s.Dates = taxiitest.NoDates2 })
	f("dates of the whole", func(s *taxiitest.TAXII2) { s.Dates = taxiitest.GlobalDates2 })
	f("answers are lost", func(s *taxiitest.TAXII2) {
		n := 0
		s.Next = taxiitest.Cursor2
		s.Faults.Lose = func(r taxiitest.Request2) bool { n++; return strings.HasSuffix(r.Path, "/objects/") && n%5 == 0 }
	})
}

// A reply that is cut, at whatever byte, leads to no cursor that lies beyond
// what was stored.
func TestTAXII2CutReply(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of polls")
	}
	t.Parallel()
	f := func(framing taxiitest.Framing, skip, times int) {
		t.Helper()
		server := fake2("2.1", objects2(4))
		server.PageSize = 2
		cut := &taxiitest.Cut{Handler: server, Framing: framing, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/objects/") }}
		base := serve(t, cut)
		c := newTAXII(t, taxii2Options(base, "2.1"), nil)
		cut.EveryByte(t, skip, times, 1, func(n int, whole bool) {
			m := collecttest.NewModel()
			var err error
			for b, e := range c.Collect(t.Context(), "") {
				if e != nil {
					err = e
					continue
				}
				m.Put(b)
			}
			all := strings.Join(m.Members(), "\n")
			complete := strings.Count(all, ".example") == 4
			if whole && (err != nil || !complete) {
				t.Errorf("whole: %v, %q", err, all)
			}
			if !complete && err == nil {
				t.Errorf("cut after %d bytes: no error, and stored is %q", n, all)
			}
			if !complete && m.Cursor != "" {
				later := collecttest.NewModel()
				cut.At(0, 0, 0)
				for b, e := range c.Collect(t.Context(), m.Cursor) {
					if e != nil {
						t.Error(e)
					}
					later.Put(b)
				}
				cut.At(n, skip, times)
				if n := strings.Count(all+strings.Join(later.Members(), "\n"), ".example"); n < 4 {
					t.Errorf("cut after %d bytes: the cursor %s passes what was not stored", n, m.Cursor)
				}
			}
		})
	}
	f(taxiitest.Close, 0, 1)
	f(taxiitest.Close, 1, 1)
}

// One object that cannot be read is kept for people, and the page goes on.
func TestTAXII2BadObjects(t *testing.T) {
	t.Parallel()
	objects := objects2(6)
	objects[1].JSON = `"a text"`
	objects[2].JSON = `{"type":"indicator","id":"` + stixID("indicator", 2) + `","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	objects[3].JSON = `{"id":"no-type"}`
	s := memory.New()
	r := poll(t, newTAXII(t, taxii2Options(serve(t, fake2("2.1", objects)), "2.1"), s), s)
	if r.Outcome() != collect.OK || r.Changes.New != 3 || r.Read["object"] != 6 || r.Read["quarantined object"] != 3 || r.Refused["an object that cannot be read as STIX"] != 3 {
		t.Errorf("%+v", r)
	}
}

// Where the server fails over a part, the rest is stored and the run says what is missing.
func TestTAXII2Incomplete(t *testing.T) {
	t.Parallel()
	server := fake2("2.1", objects2(50))
	server.Faults.Poison = "d30.example"
	base := serve(t, server)
	s := memory.New()
	r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
	if r.Outcome() != collect.Partial || r.Changes.New < 20 || !strings.Contains(r.Skipped[0], "objects") {
		t.Fatalf("%+v", r)
	}
	server.Change(func(f *taxiitest.TAXII2) { f.Faults.Poison = "" })
	if r = poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s); r.Outcome() != collect.OK || len(stored(t, s)) != 50 {
		t.Errorf("%+v", r)
	}
}

// Dates that are out of order tell nothing of what is missing: the cursor stays.
func TestTAXII2IncompleteOutOfOrder(t *testing.T) {
	t.Parallel()
	f := func(fault func(*taxiitest.TAXII2)) {
		t.Helper()
		server := fake2("2.1", objects2(50))
		server.Faults.Poison = "d30.example"
		fault(server)
		base := serve(t, server)
		s := memory.New()
		if r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s); r.Outcome() != collect.Partial || r.Changes.New < 15 {
			t.Fatalf("%+v", r)
		}
		server.Change(func(f *taxiitest.TAXII2) { f.Faults.Poison = "" })
		if r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s); r.Outcome() != collect.OK || len(stored(t, s)) != 50 {
			t.Errorf("%d are stored: %+v", len(stored(t, s)), r)
		}
	}
	f(func(s *taxiitest.TAXII2) { s.Dates = taxiitest.GlobalDates2 })
	f(func(s *taxiitest.TAXII2) { slices.Reverse(s.Collections[0].Objects) })
}

// A date from the future does not make the next runs blind.
func TestTAXII2DateFromTheFuture(t *testing.T) {
	t.Parallel()
	objects := objects2(3)
	objects[2].Added = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	server := fake2("2.1", objects)
	base := serve(t, server)
	s := memory.New()
	for range 2 {
		poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s)
	}
	if after := server.Asked()[len(server.Asked())-1].Query.Get("added_after"); after == "" || after > time.Now().UTC().Format(time.RFC3339) {
		t.Errorf("the second run asks for what was added after %q", after)
	}
}

// A collection is found by whatever address and name a person has at hand.
func TestTAXII2Places(t *testing.T) {
	t.Parallel()
	base := serve(t, fake2("2.1", objects2(3)))
	f := func(url, collection string) {
		t.Helper()
		s := memory.New()
		if r := poll(t, newTAXII(t, taxii2Options(base, "2.1").with("url", base+url, "collection", collection), s), s); r.Changes.New != 3 {
			t.Errorf("%s, %s: %+v", url, collection, r)
		}
	}
	f("/taxii2/", "user_AlienVault")
	f("", "user_AlienVault")
	f("/root", "user_AlienVault")
	f("/root/", "av")
	f("/root/", "AlienVault")
	f("/root/collections/user_AlienVault/", "")
	f("/root/collections/user_AlienVault/objects/", "user_AlienVault")
}

func TestTAXII2Errors(t *testing.T) {
	t.Parallel()
	base := serve(t, fake2("2.1", objects2(2)))
	f := func(auth bool, want string, kv ...any) {
		t.Helper()
		_, err := collect.Run(t.Context(), "av", newTAXII(t, taxii2Options(base, "2.1").with(kv...), nil), memory.New(), collect.RunOptions{})
		if err == nil || errors.Is(err, collect.ErrAuth) != auth || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%v: %v, want %q", kv, err, want)
		}
	}
	f(false, "iochunt feeds check av", "collection", "")
	f(false, "the collections there are: closed (not for you), user_AlienVault (AlienVault), user_demo (demo)", "collection", "nope")
	f(true, "check username, password_file", "password", "wrong")
	f(true, "may not read the collection closed", "collection", "closed")
	f(false, "take one of them out", "url", base+"/root/collections/user_demo/")
}

func TestTAXII2NewCollections(t *testing.T) {
	t.Parallel()
	server := fake2("2.1", objects2(2))
	base := serve(t, server)
	s := memory.New()
	f := func(want ...string) {
		t.Helper()
		if r := poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s); !slices.Equal(r.Notes, want) {
			t.Errorf("notes %q, want %q", r.Notes, want)
		}
	}
	f()
	server.Change(func(f *taxiitest.TAXII2) {
		f.Collections = append(f.Collections[:1:1], taxiitest.Collection2{ID: "x", Title: "of x"})
	})
	f("the account has a new collection: x (of x)", "the account no longer has the collection closed", "the account no longer has the collection user_demo")
	f()
}

func TestTAXII2Check(t *testing.T) {
	t.Parallel()
	base := serve(t, fake2("2.1", objects2(2)))
	f := func(want, wantErr string, kv ...any) {
		t.Helper()
		got, err := newTAXII(t, taxii2Options(base, "2.1").with(kv...), nil).(collect.Checker).Check(t.Context())
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) || strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("%v: %v, want %q", kv, err, wantErr)
			}
			return
		}
		if want = strings.ReplaceAll(want, "BASE", base); err != nil || got != want {
			t.Errorf("%v: %v\n got %s\nwant %s", kv, err, got, want)
		}
	}
	list := "\n* user_AlienVault (AlienVault)\n  user_demo (demo)\n  closed (not for you) [not readable]"
	f("TAXII 2.1 at BASE: 3 collections"+list, "")
	f("TAXII 2.1 at BASE: 3 collections"+list, "", "collection", "", "url", base+"/root/collections/user_AlienVault/")
	f("TAXII 2.1 at BASE: 3 collections; WARNING: collection is not set; set it to one of these names"+strings.Replace(list, "* ", "  ", 1), "", "collection", "")
	f("", "is not among them", "collection", "nope")
	f("", "not readable", "collection", "closed")
	f("", "check username", "password", "wrong")
}
