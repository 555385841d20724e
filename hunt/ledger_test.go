package hunt

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestLaneIsASet: a lane is what a plain table of numbers says, and its spans
// are sorted, disjoint and joined.
func TestLaneIsASet(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var l Lane
		table := map[int64]uint64{} // number to armed + 1
		for range r.IntN(12) {
			over := int64(r.IntN(12)) - 1
			p := Piece{Over: over, UpTo: over + 1 + int64(r.IntN(6))}
			armed := uint64(r.IntN(4))
			l.raise(p, armed)
			for n := p.Over + 1; n <= p.UpTo; n++ {
				table[n] = max(table[n], armed+1)
			}
		}
		upTo := int64(r.IntN(20)) - 1
		at := int64(-1)
		l.levels(upTo, func(over, end int64, covered bool, armed uint64) {
			if over != at || end <= over {
				t.Fatalf("seed %d: (%d, %d] after %d in %v", seed, over, end, at, l.Spans)
			}
			for n := over + 1; n <= end; n++ {
				if want := table[n]; covered != (want > 0) || covered && armed != want-1 {
					t.Fatalf("seed %d: %d is %v %d, want %d-1 in %v", seed, n, covered, armed, want, l.Spans)
				}
			}
			at = end
		})
		if at != upTo {
			t.Fatalf("seed %d: told up to %d of %d in %v", seed, at, upTo, l.Spans)
		}
		for i := 1; i < len(l.Spans); i++ {
			a, b := l.Spans[i-1], l.Spans[i]
			if a.UpTo > b.Over || a.UpTo == b.Over && a.Armed == b.Armed {
				t.Fatalf("seed %d: %v", seed, l.Spans)
			}
		}
	}
}

// TestPlan: each pair once.
func TestPlan(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	index := func(docs int64, lanes ...LaneState) []IndexState {
		return []IndexState{{Name: "a", ID: "1", Key: "k", Docs: docs, Lanes: lanes, Settle: time.Minute}}
	}
	covered := func(lanes ...Lane) Coverage {
		return Coverage{Indices: []IndexCoverage{{Index: "a", ID: "1", Key: "k", Lanes: lanes}}}
	}
	f := func(name string, c Coverage, is []IndexState, armed uint64, want ...string) {
		t.Helper()
		var got []string
		for _, u := range plan(&c, is, armed, now) {
			s := fmt.Sprintf("since %d whole %v:", u.Since, u.Whole)
			for _, p := range u.Pieces {
				s += fmt.Sprintf(" %s(%d,%d]%s%v", p.Lane, p.Over, p.UpTo, p.Stamp, p.Settle)
			}
			got = append(got, s)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	seq := func(n int64) LaneState { return LaneState{Name: "0", UpTo: n, Events: n + 1} }
	met := func(s ...Span) Lane { return Lane{Name: "0", Spans: s} }
	f("first time", Coverage{}, index(10, seq(9)), 5, "since 0 whole true: 0(-1,9]false")
	f("first time, nothing armed yet", Coverage{}, index(10, seq(9)), 0, "since 0 whole true: 0(-1,9]false")
	f("nothing new", covered(met(Span{-1, 9, 5})), index(10, seq(9)), 5)
	f("new events", covered(met(Span{-1, 9, 5})), index(100, seq(11)), 5, "since 0 whole false: 0(9,11]false")
	f("new indicators", covered(met(Span{-1, 9, 5})), index(10, seq(9)), 7, "since 5 whole true: 0(-1,9]false")
	f("both", covered(met(Span{-1, 9, 5})), index(12, seq(11)), 7, "since 0 whole false: 0(9,11]false", "since 5 whole false: 0(-1,9]false")
	f("a gap", covered(met(Span{-1, 3, 5}, Span{6, 9, 5})), index(10, seq(9)), 5, "since 0 whole false: 0(3,6]false")
	f("newer indicators were here", covered(met(Span{-1, 9, 5})), index(12, seq(11)), 3, "since 0 whole false: 0(9,11]false")
	f("empty", Coverage{}, index(0, seq(-1)), 5)
	other := covered(met(Span{-1, 9, 5}))
	other.Indices[0].ID = "2"
	f("made anew", other, index(10, seq(9)), 5, "since 0 whole true: 0(-1,9]false")
	other = covered(met(Span{-1, 9, 5}))
	other.Indices[0].Key = "l"
	f("other fields", other, index(10, seq(9)), 5, "since 0 whole true: 0(-1,9]false")

	slice := func(stamp string) LaneState { return LaneState{Name: "h", Stamp: stamp, Events: 3} }
	was := func(stamp string, age time.Duration, settled bool, armed uint64) Lane {
		return Lane{Name: "h", Stamp: stamp, Seen: now.Add(-age), Settled: settled, Spans: []Span{{-1, 0, armed}}}
	}
	f("a slice that grew", covered(was("1", time.Hour, true, 5)), index(3, slice("2")), 5, "since 0 whole true: h(-1,0]2false")
	f("a slice as it was", covered(was("1", time.Hour, true, 5)), index(3, slice("1")), 5)
	f("a slice that may not have settled", covered(was("1", time.Second, false, 5)), index(3, slice("1")), 5)
	f("a slice that has to be looked at again", covered(was("1", time.Minute, false, 5)), index(3, slice("1")), 5, "since 0 whole true: h(-1,0]1true")
	f("new indicators for a slice", covered(was("1", time.Hour, true, 5)), index(3, slice("1")), 6, "since 5 whole true: h(-1,0]1false")
}

// TestSettle: a slice is hunted twice, and then is settled.
func TestSettle(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	is := []IndexState{{Name: "a", ID: "1", Settle: time.Minute, Docs: 3, Lanes: []LaneState{{Name: "h", Stamp: "3", Events: 3}}}}
	var c Coverage
	run := func(want int) {
		t.Helper()
		units := plan(&c, is, 1, now)
		if len(units) != want {
			t.Fatalf("%d units, want %d: %+v", len(units), want, units)
		}
		w := &Work{Number: c.Run + 1, Armed: 1, Units: units}
		for i := range w.Units {
			w.Units[i].State = UnitIsDone
		}
		c.apply(w, now)
	}
	run(1)
	run(0)
	now = now.Add(time.Minute)
	run(1)
	run(0)
	now = now.Add(time.Hour)
	run(0)
}

// TestHistory: a shard that came back from a snapshot, and gives its numbers to
// other events, is hunted as one that was never seen, and keeps nothing of what it
// was before.
func TestHistory(t *testing.T) {
	now := time.Now()
	c := Coverage{}
	look := func(upTo int64, history string) []IndexState {
		return []IndexState{{Name: "a", ID: "1", Key: "k", Docs: 100, Lanes: []LaneState{{Name: "shard 0", UpTo: upTo, History: history, Events: 100}}}}
	}
	hunt := func(x []IndexState) {
		t.Helper()
		for _, u := range plan(&c, x, 1, now) {
			c.cover(&u, 1)
		}
		if left := plan(&c, x, 1, now); len(left) > 0 {
			t.Fatalf("hunted, and yet left: %+v", left)
		}
	}
	hunt(look(9, "old"))
	us := plan(&c, look(5, "new"), 1, now)
	if len(us) != 1 || us[0].Pieces[0].Over != -1 || us[0].Pieces[0].UpTo != 5 {
		t.Fatalf("of another history: %+v", us)
	}
	hunt(look(5, "new"))
	if us = plan(&c, look(9, "new"), 1, now); len(us) != 1 || us[0].Pieces[0].Over != 5 {
		t.Fatalf("numbers 6 to 9 are those of other events now: %+v", us)
	}
}

// TestFieldGroups: units by fields cover only together.
func TestFieldGroups(t *testing.T) {
	is := []IndexState{{Name: "a", ID: "1", Docs: unitEvents, Groups: [][]string{{"x"}, {"y"}}, Lanes: []LaneState{{Name: "0", UpTo: unitEvents - 1, Events: unitEvents}}}}
	var c Coverage
	w := &Work{Number: 1, Armed: 1, Units: plan(&c, is, 1, time.Time{})}
	if len(w.Units) != 2 || w.Units[0].Group != w.Units[1].Group {
		t.Fatalf("%+v", w.Units)
	}
	w.Units[0].State, w.Units[1].State = UnitIsDone, UnitIsFailed
	c.apply(w, time.Time{})
	if len(c.Indices) != 0 {
		t.Errorf("half is taken for all: %+v", c)
	}
	w.Units[1].State = UnitIsDone
	c.apply(w, time.Time{})
	if left := plan(&c, is, 1, time.Time{}); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// TestVanished: an index that is gone is dropped, unless it may only not have
// been seen.
func TestVanished(t *testing.T) {
	f := func(complete bool, want int) {
		t.Helper()
		c := Coverage{Indices: []IndexCoverage{{Index: "gone", ID: "1"}, {Index: "there", ID: "2"}}}
		c.apply(&Work{Number: 1, Indices: []string{"2"}, Complete: complete}, time.Time{})
		if len(c.Indices) != want {
			t.Errorf("complete %v: %+v", complete, c.Indices)
		}
	}
	f(true, 1)
	f(false, 2)
}

// TestMemoryLedger: who has not seen a page does not replace it.
func TestMemoryLedger(t *testing.T) {
	var l MemoryLedger
	write := func(body, was string, ok bool) string {
		t.Helper()
		mark, err := l.WritePage(t.Context(), "k", "n", []byte(body), was)
		if err != nil || (mark != "") != ok {
			t.Fatalf("%q %v, want %v", mark, err, ok)
		}
		return mark
	}
	write("1", "7", false)
	one := write("1", "", true)
	write("2", "", false)
	two := write("2", one, true)
	write("3", one, false)
	body, mark, err := l.ReadPage(t.Context(), "k", "n")
	if string(body) != "2" || mark != two || err != nil {
		t.Errorf("%s %s %v", body, mark, err)
	}
	n := 0
	for range l.Pages(t.Context(), "k") {
		n++
	}
	for range l.Pages(t.Context(), "other") {
		n++
	}
	if n != 1 {
		t.Errorf("%d pages", n)
	}
}
