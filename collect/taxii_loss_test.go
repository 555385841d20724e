package collect_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// The ways in which a feed could come to hold less than its server, with nobody
// told.

// Publishers label blocks with times of their own: a poll that finds nothing
// must not move the mark over what is still on its way.
func TestTAXII1NothingNewMovesNothing(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(2, 1))
	base := serve(t, server)
	s := memory.New()
	run := func() collect.Result { return poll(t, newTAXII(t, taxii1Options(base), s), s) }
	set := func(bs ...taxiitest.Block1) {
		server.Change(func(f *taxiitest.TAXII1) { f.Collections[0].Blocks = bs })
	}
	mark := run().After
	set()
	if r := run(); r.After != mark || r.Read["content block"] != 0 {
		t.Errorf("an empty answer moved the cursor from %s to %s", mark, r.After)
	}
	late := day.Add(6*time.Hour - 30*time.Minute) // before the newest label, within the overlap
	set(taxiitest.Block1{Label: late, Content: stix1("late", late, "late.example")})
	if r := run(); r.Changes.New != 1 {
		t.Errorf("a block that came late: %+v", r)
	}
}

// A collection that has been empty so far is asked from the look-back on.
func TestTAXIIFirstPollsOfAnEmptyCollection(t *testing.T) {
	t.Parallel()
	one, two := fake1(nil), fake2("2.1", nil)
	first, second := serve(t, one), serve(t, two)
	f := func(o taxiiOptions, fill func()) {
		t.Helper()
		s := memory.New()
		poll(t, newTAXII(t, o, s), s)
		fill()
		if r := poll(t, newTAXII(t, o, s), s); r.Changes.New != 1 {
			t.Errorf("%+v", r)
		}
	}
	f(taxii1Options(first), func() { one.Change(func(f *taxiitest.TAXII1) { f.Collections[0].Blocks = blocks(1, 1) }) })
	f(taxii2Options(second, "2.1"), func() { two.Change(func(f *taxiitest.TAXII2) { f.Collections[0].Objects = objects2(1) }) })
}

// A server whose clock was ahead for once does not leave a cursor in the future.
func TestTAXIIServerClockAhead(t *testing.T) {
	t.Parallel()
	future := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	ahead := func(h http.Handler) string {
		f := &front{Handler: h}
		f.set(func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			w.Header().Set("Date", future.Format(http.TimeFormat))
			return false
		})
		return serve(t, f)
	}
	f := func(o taxiiOptions) {
		t.Helper()
		s := memory.New()
		if r := poll(t, newTAXII(t, o, s), s); r.Changes.New != 2 || strings.Contains(string(r.After), "2099") {
			t.Errorf("new %d, the cursor is %s", r.Changes.New, r.After)
		}
	}
	bs, objects := blocks(2, 1), objects2(2)
	bs[1].Label, objects[1].Added = future, future
	f(taxii1Options(ahead(fake1(bs))))
	f(taxii2Options(ahead(fake2("2.1", objects)), "2.1"))
}

// Two contents of one report and one time: nobody can tell which counts, so
// both do, and a poll that meets them again changes nothing.
func TestTAXII1TwoContentsOfOneTime(t *testing.T) {
	t.Parallel()
	f := func(reverse bool) {
		t.Helper()
		server := fake1([]taxiitest.Block1{
			{Label: day, Content: stix1("p", day, "a.example")},
			{Label: day, Content: stix1("p", day, "b.example")},
			{Label: day.Add(time.Minute), Content: stix1("q", day, "q.example")},
		})
		server.Faults.Reverse = reverse
		base := serve(t, server)
		s := memory.New()
		run := func() collect.Result { return poll(t, newTAXII(t, taxii1Options(base), s), s) }
		run()
		armed, _ := s.Armed(t.Context())
		r := run()
		var values []string
		for _, v := range stored(t, s) {
			values = append(values, v[strings.LastIndexByte(v, ' ')+1:])
		}
		slices.Sort(values)
		if d := cmp.Diff([]string{"a.example", "b.example", "q.example"}, values); d != "" {
			t.Errorf("reverse %v: %s", reverse, d)
		}
		if again, _ := s.Armed(t.Context()); r.Changes.Unchanged != 3 || again != armed {
			t.Errorf("reverse %v: the second run: %+v", reverse, r)
		}
		server.Change(func(f *taxiitest.TAXII1) { // what the third poll meets may come the other way round
			f.Faults.Reverse = !reverse
		})
		run()
		if got := strings.Join(stored(t, s), "\n"); !strings.Contains(got, "a.example") || !strings.Contains(got, "b.example") {
			t.Errorf("reverse %v: in the other order: %s", reverse, got)
		}
	}
	f(false)
	f(true)
}

// Packages that have one name and no time are told apart by their labels alone,
// and it is said.
func TestTAXII1NoTimeOfItsOwn(t *testing.T) {
	t.Parallel()
	untimed := func(domain string) string {
		return strings.Replace(stix1("p", day, domain), ` timestamp="`+day.Format(time.RFC3339)+`"`, "", 1)
	}
	base := serve(t, fake1([]taxiitest.Block1{{Label: day, Content: untimed("a.example")}, {Label: day.Add(time.Hour), Content: untimed("b.example")}}))
	s := memory.New()
	r := poll(t, newTAXII(t, taxii1Options(base), s), s)
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "no time of their own") }) || r.Read["older content block"] != 1 {
		t.Errorf("%+v", r)
	}
	if d := cmp.Diff([]string{"{http://feed.example}p domain b.example"}, stored(t, s)); d != "" {
		t.Error(d)
	}
}

// A server that keeps all versions may add an old one late.
func TestTAXII2OldVersionComesLate(t *testing.T) {
	t.Parallel()
	server := fake2("2.1", []taxiitest.Object2{{Added: day, JSON: indicator2(1, today, domain2(1), "")}})
	base := serve(t, server)
	s := memory.New()
	run := func() collect.Result { return poll(t, newTAXII(t, taxii2Options(base, "2.1"), s), s) }
	add := func(modified time.Time, pattern string) {
		server.Change(func(f *taxiitest.TAXII2) {
			c := &f.Collections[0]
			c.Objects = append(c.Objects, taxiitest.Object2{Added: day.Add(time.Duration(len(c.Objects)) * time.Hour), JSON: indicator2(1, modified, pattern, "")})
		})
	}
	run()
	add(day, "[domain-name:value = 'old.example']")
	if r := run(); r.Changes.New+r.Changes.Withdrawn > 0 || r.Read["older object"] != 1 {
		t.Errorf("%+v", r)
	}
	add(today.Add(time.Second), "[domain-name:value = 'new.example']")
	run()
	if d := cmp.Diff([]string{stixID("indicator", 1) + " domain new.example"}, stored(t, s)); d != "" {
		t.Error(d)
	}
}

// What is no object of a known kind is read or refused, never passed over.
func TestTAXII2OddObjects(t *testing.T) {
	t.Parallel()
	server := fake2("2.1", []taxiitest.Object2{
		{Added: day, JSON: `{"type":"bundle","id":"` + stixID("bundle", 1) + `","objects":[` + indicator2(1, day, domain2(1), "") + `]}`},
		{Added: day, JSON: fmt.Sprintf(`{"type":"Indicator","id":%q,"pattern":%q}`, stixID("indicator", 2), domain2(2))},
		{Added: day, JSON: fmt.Sprintf(`{"type":"x-rule","id":%q,"pattern":%q}`, stixID("x-rule", 3), domain2(3))},
		{Added: day, JSON: indicator2(4, day, domain2(4), "")},
	})
	s := memory.New()
	r := poll(t, newTAXII(t, taxii2Options(serve(t, server), "2.1"), s), s)
	if r.Changes.New != 3 || r.RefusedTotal() != 1 || r.Fetched != 4 {
		t.Errorf("%+v", r)
	}
}
