package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

// part is a part of a list, "start", "last", "both" or neither.
func part(which, revision string) List {
	return List{Announced: true, ReportList: ioc.ReportList{Revision: revision,
		Start: which == "start" || which == "both", Last: which == "last" || which == "both"}}
}

func TestReading(t *testing.T) {
	type want struct {
		step     Step
		complete string
	}
	f := func(parts []List, wants ...want) {
		t.Helper()
		var r Reading
		var got []want
		for _, p := range parts {
			step := r.Part(p)
			got = append(got, want{step, r.Complete})
		}
		if d := cmp.Diff(wants, got, cmp.AllowUnexported(want{})); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	mixed := part("both", "2")
	mixed.Mixed = true
	f([]List{part("both", "1"), part("both", "1"), part("both", "2")}, want{Withdraw, "1"}, want{Skip, "1"}, want{Withdraw, "2"})
	f([]List{part("both", ""), part("both", "")}, want{Withdraw, ""}, want{Withdraw, ""})
	f([]List{part("start", "1"), part("", "1"), part("last", "1"), part("last", "1")}, want{Add, ""}, want{Add, ""}, want{Withdraw, "1"}, want{Skip, "1"})
	f([]List{part("both", "1"), part("start", "2"), part("both", "1")}, want{Withdraw, "1"}, want{Add, ""}, want{Withdraw, "1"})
	f([]List{part("both", "1"), part("last", "2"), part("both", "2")}, want{Withdraw, "1"}, want{Add, ""}, want{Withdraw, "2"})
	f([]List{part("start", "1"), part("last", "2"), part("both", "2")}, want{Add, ""}, want{Add, ""}, want{Withdraw, "2"})
	f([]List{part("both", "2"), mixed, part("both", "2")}, want{Withdraw, "2"}, want{Add, ""}, want{Withdraw, "2"})
}

func TestReadingForget(t *testing.T) {
	var r Reading
	r.Part(part("both", "1"))
	before := r.Generation
	r.Forget()
	if step := r.Part(part("both", "1")); step != Withdraw || r.Generation <= before {
		t.Errorf("step %d, generation %d after %d", step, r.Generation, before)
	}
}

func TestLists(t *testing.T) {
	report := func(id, revision string, modified int64, start, last bool) ioc.ReportList {
		return ioc.ReportList{Report: ioc.Report{ID: id, Modified: time.Unix(modified, 0)}, Revision: revision, Start: start, Last: last}
	}
	lists, gone := Lists(ioc.Batch{
		Reports: []ioc.ReportList{report("a", "1", 1, true, false), report("b", "1", 1, true, true), report("a", "1", 1, false, true), report("b", "2", 2, false, false)},
		Members: []ioc.Member{{Report: "c"}, {Report: "a"}, {Report: "c"}},
		Gone:    []string{"a", "d", "d"},
	})
	want := []List{
		{ReportList: report("a", "1", 1, true, true), Announced: true},
		{ReportList: report("b", "2", 2, true, true), Announced: true, Mixed: true},
		{ReportList: ioc.ReportList{Report: ioc.Report{ID: "c"}}},
	}
	if d := cmp.Diff(want, lists); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"d"}, gone); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLater(t *testing.T) {
	never, one, two := time.Time{}, time.Unix(1, 0), time.Unix(2, 0)
	f := func(a, b, want time.Time) {
		t.Helper()
		if got := Later(a, b); !got.Equal(want) {
			t.Errorf("Later(%v, %v) = %v, want %v", a, b, got, want)
		}
	}
	f(one, two, two)
	f(two, one, two)
	f(never, one, never)
	f(one, never, never)
	f(never, never, never)
}

func TestPage(t *testing.T) {
	f := func(limit, offset int, want string) {
		t.Helper()
		filter, got := ListFilter{Limit: limit, Offset: offset}, ""
		for n := range 5 {
			skip, done := filter.Page(n)
			if done {
				break
			}
			if !skip {
				got += string(rune('0' + n))
			}
		}
		if got != want {
			t.Errorf("limit %d, offset %d: %q, want %q", limit, offset, got, want)
		}
	}
	f(0, 0, "01234")
	f(2, 0, "01")
	f(2, 2, "23")
	f(0, 4, "4")
	f(3, 9, "")
}
