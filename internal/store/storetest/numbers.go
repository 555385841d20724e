package storetest

import (
	"context"
	"iter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// moved: an observable that moves from one report to another in one batch was
// never away: it is neither armed nor is the set another one.
func (s *suite) moved() {
	s.put(whole("r", "1", one), ioc.Changes{New: 1, Observables: 1})
	seq, gen := s.only(one).ArmedSeq, s.generationNow()
	s.put(join(whole("r", "2"), whole("q", "1", one)), ioc.Changes{New: 1, Withdrawn: 1})
	b := whole("p", "1", one)
	b.Gone = []string{"q"}
	s.put(b, ioc.Changes{New: 1, Withdrawn: 1})
	if i := s.only(one); i.ArmedSeq != seq {
		s.Errorf("armed by moving: %d, was %d", i.ArmedSeq, seq)
	}
	if g := s.generationNow(); g != gen {
		s.Errorf("generation %d, was %d", g, gen)
	}
}

// armed: what is new or back has to meet old events; what is only said again
// has not.
func (s *suite) armed() {
	last := uint64(0)
	step := func(b ioc.Batch, want ...ioc.Observable) {
		s.Helper()
		if _, err := s.store.PutBatch(s.Context(), "a", b); err != nil {
			s.Fatal(err)
		}
		if last > 0 { // 0 is no restriction
			s.hasOf(ioc.Filter{ArmedSince: last}, want...)
		}
		for _, o := range want {
			if seq := s.only(o).ArmedSeq; seq <= last {
				s.Errorf("%v: armed %d, not after %d", o, seq, last)
			}
		}
		for _, o := range collect(s, s.store.Observables(s.Context(), ioc.Filter{})) {
			last = max(last, s.only(o).ArmedSeq)
		}
	}
	step(whole("r", "1", one, two), one, two)
	step(whole("r", "2", one, two))
	step(whole("q", "1", one))
	step(whole("r", "3", one))
	step(whole("r", "4", one, two, three), two, three)
	step(ioc.Batch{Gone: []string{"r", "q"}})
	step(whole("q", "2", three), three)
	step(whole("q", "3", three, ioc.Observable{Type: ioc.URL, Value: "http://evil.example/"}), ioc.Observable{Type: ioc.URL, Value: "http://evil.example/"})
}

func (s *suite) armedByValidity() {
	last := uint64(0)
	step := func(report, revision string, expires time.Time, wantArmed bool, wantUntil time.Time) {
		s.Helper()
		b := whole(report, revision, one)
		b.Members[0].Expires = expires
		if _, err := s.store.PutBatch(s.Context(), "a", b); err != nil {
			s.Fatal(err)
		}
		s.sound()
		i := s.only(one)
		if armed := i.ArmedSeq > last; armed != wantArmed || !i.ValidUntil.Equal(wantUntil) {
			s.Errorf("%s %s: armed %v, valid until %v; want %v, %v", report, revision, armed, i.ValidUntil, wantArmed, wantUntil)
		}
		last = i.ArmedSeq
	}
	never := time.Time{}
	step("r", "1", at(5), true, at(5))
	step("r", "2", at(5), false, at(5))
	step("r", "3", at(4), false, at(4))
	step("r", "4", at(6), true, at(6))
	step("q", "1", at(5), false, at(6))
	step("q", "2", at(7), true, at(7))
	step("r", "5", never, true, never)
	step("q", "3", at(9), false, never)
	step("r", "6", at(1), false, at(9))
	step("r", "7", time.Unix(0, 0).UTC(), false, at(9))
	step("q", "4", time.Unix(0, 0).UTC(), false, time.Unix(0, 0).UTC())
}

func (s *suite) generation() {
	last := s.generationNow()
	step := func(b ioc.Batch, grows bool) {
		s.Helper()
		if _, err := s.store.PutBatch(s.Context(), "a", b); err != nil {
			s.Fatal(err)
		}
		now := s.generationNow()
		if grew := now > last; grew != grows || now < last {
			s.Errorf("generation %d after %d, want it to grow: %v", now, last, grows)
		}
		last = now
	}
	step(whole("r", "1", one), true)
	step(whole("r", "1", one), false)
	step(whole("r", "2", one), false)
	step(ioc.Batch{Next: "c", Refused: []ioc.Refusal{{Value: "x"}}}, false)
	step(whole("q", "1", one), false)
	step(whole("yara", "1", ioc.Observable{Type: ioc.YARA, Value: "rule"}), false)
	step(whole("unknown", "1", ioc.Observable{Type: "strange", Value: "x"}), false)
	step(whole("r", "3", one, two), true)
	step(whole("r", "4", one), true)
	step(ioc.Batch{Gone: []string{"yara", "r"}}, false)
	step(ioc.Batch{Gone: []string{"q"}}, true)
	step(whole("q", "1", one), true)
}

func (s *suite) cursor() {
	b := whole("r", "1", one)
	b.Next = "1"
	s.put(b, ioc.Changes{New: 1, Observables: 1})
	s.cursorIs("a", "1")
	s.put(whole("r", "2", one), ioc.Changes{Unchanged: 1})
	s.cursorIs("a", "1")
	s.putTo("b", ioc.Batch{Next: "other"}, ioc.Changes{})
	s.cursorIs("a", "1")
	s.cursorIs("b", "other")
	s.put(ioc.Batch{Next: "2"}, ioc.Changes{})
	s.cursorIs("a", "2")
}

// refused: refusals are kept, and replaced when their report is read again.
func (s *suite) refused() {
	st := can[interface {
		Refused(ctx context.Context, feed string) iter.Seq2[ioc.Refusal, error]
	}](s)
	is := func(want ...string) {
		s.Helper()
		got := map[string]bool{}
		for _, r := range collect(s, st.Refused(s.Context(), "a")) {
			got[r.Report+" "+r.Type+" "+r.Value+" "+r.Reason] = true
		}
		wanted := map[string]bool{}
		for _, w := range want {
			wanted[w] = true
		}
		if d := cmp.Diff(wanted, got); d != "" {
			s.Errorf("(-want +got):\n%s", d)
		}
	}
	with := func(b ioc.Batch, rs ...ioc.Refusal) ioc.Batch {
		b.Refused = rs
		return b
	}
	x := ioc.Refusal{Report: "r", Type: "IPv4", Value: "999.1.1.1", Reason: "no address"}
	y := ioc.Refusal{Report: "r", Value: "\xff\x00", Reason: "no text"}
	z := ioc.Refusal{Value: "z", Reason: "no report"}
	is()
	s.put(with(whole("r", "1"), x, y, z, x), ioc.Changes{Refused: 4})
	is("r IPv4 999.1.1.1 no address", "r  \xff\x00 no text", "  z no report")
	s.put(with(whole("r", "1"), x), ioc.Changes{Refused: 1})
	is("r IPv4 999.1.1.1 no address", "r  \xff\x00 no text", "  z no report")
	s.put(with(part("r", "2", true, false), x), ioc.Changes{Refused: 1})
	s.put(with(part("r", "2", false, true), y), ioc.Changes{Refused: 1})
	is("r IPv4 999.1.1.1 no address", "r  \xff\x00 no text", "  z no report")
	s.put(whole("r", "3"), ioc.Changes{})
	is("  z no report")
	s.put(with(whole("r", "4"), y), ioc.Changes{Refused: 1})
	s.put(ioc.Batch{Gone: []string{"r"}}, ioc.Changes{})
	is("  z no report")
}

// unknownTypes are kept under their own name.
func (s *suite) unknownTypes() {
	x := ioc.Observable{Type: "favicon-mmh3", Value: "116323821"}
	y := ioc.Observable{Type: "Favicon-mmh3", Value: "116323821"}
	s.put(whole("r", "1", x, y, one), ioc.Changes{New: 3, Observables: 3})
	s.has(x, y, one)
	s.reports(x, "a/r")
	s.hasOf(ioc.Filter{Types: []ioc.Type{"favicon-mmh3", ioc.URL}}, x)
	s.hasOf(ioc.Filter{Types: []ioc.Type{"unheard of"}})
}

// hostileText: what a feed sends comes back byte by byte.
func (s *suite) hostileText() {
	for i, v := range []string{"", "\x00", "a\x00b", "\xff\xfe", "'; DROP TABLE member; --", "[1]", "\u202eevil", string(make([]byte, 100_000))} {
		o := ioc.Observable{Type: ioc.FilePath, Value: v}
		b := whole("r"+v, string(rune('a'+i)), o)
		b.Members[0].Original, b.Members[0].Title = v, v
		s.put(b, ioc.Changes{New: 1, Observables: 1})
		if got := s.only(o).Reports[0]; got.ID != "r"+v || got.Original != v || got.Title != v {
			s.Errorf("%.20q: got %.80q", v, got)
		}
	}
}

type resetter interface {
	ResetCursor(ctx context.Context, feed string) error
}

// reset: everything is compared again, and what is there stays meanwhile.
func (s *suite) reset() {
	st := can[resetter](s)
	b := whole("r", "1", one, two)
	b.Next = "1"
	s.put(b, ioc.Changes{New: 2, Observables: 2})
	if err := st.ResetCursor(s.Context(), "a"); err != nil {
		s.Fatal(err)
	}
	s.cursorIs("a", "")
	s.has(one, two)
	s.put(whole("r", "1", one), ioc.Changes{Unchanged: 1, Withdrawn: 1})
	s.has(one)
	if err := st.ResetCursor(s.Context(), "never seen"); err != nil {
		s.Error(err)
	}
}

type forgetter interface {
	Forget(ctx context.Context, feed string) (ioc.Changes, error)
}

// forget: a feed is gone wholly, others are not touched.
func (s *suite) forget() {
	st := can[forgetter](s)
	b := join(whole("r", "1", one, two), whole("q", "1", two))
	b.Next, b.Refused = "1", []ioc.Refusal{{Value: "x"}}
	s.put(b, ioc.Changes{New: 3, Observables: 2, Refused: 1})
	s.putTo("b", whole("r", "1", one), ioc.Changes{New: 1})
	gen := s.generationNow()
	step := func(want ioc.Changes) {
		s.Helper()
		got, err := st.Forget(s.Context(), "a")
		if err != nil || got != want {
			s.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		s.sound()
	}
	step(ioc.Changes{Withdrawn: 3})
	step(ioc.Changes{})
	s.has(one)
	s.reports(one, "b/r")
	s.cursorIs("a", "")
	if s.generationNow() <= gen {
		s.Error("the generation did not grow")
	}
	if got := collect(s, s.store.KnownReports(s.Context(), "a")); len(got) > 0 {
		s.Errorf("known reports: %v", got)
	}
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2})
	s.has(one, two)
}

func (s *suite) count() {
	st := can[interface {
		Count(ctx context.Context, now time.Time) (store.Counts, error)
	}](s)
	b := whole("r", "1", one, two, three, ioc.Observable{Type: ioc.YARA, Value: "y"})
	b.Members[0].Expires, b.Members[1].Expires = at(5), at(6)
	s.put(b, ioc.Changes{New: 4, Observables: 4})
	is := func(want store.Counts) {
		s.Helper()
		got, err := st.Count(s.Context(), at(5))
		if err != nil {
			s.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			s.Errorf("(-want +got):\n%s", d)
		}
	}
	byType := map[ioc.Type]int{ioc.IP: 2, ioc.Domain: 1, ioc.YARA: 1}
	is(store.Counts{Total: 4, ByType: byType, ByFeed: map[string]int{"a": 4}, Expired: 1, NotHuntable: 1})
	s.putTo("b", join(whole("r", "1", one), whole("q", "1", one, three)), ioc.Changes{New: 3})
	is(store.Counts{Total: 4, ByType: byType, ByFeed: map[string]int{"a": 4, "b": 2}, NotHuntable: 1})
	s.put(ioc.Batch{Gone: []string{"r"}}, ioc.Changes{Withdrawn: 4})
	is(store.Counts{Total: 2, ByType: map[ioc.Type]int{ioc.IP: 1, ioc.Domain: 1}, ByFeed: map[string]int{"b": 2}})
}
