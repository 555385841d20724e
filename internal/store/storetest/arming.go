package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Judged is what arming needs of a store.
type Judged interface {
	Judge(ctx context.Context, rules string, judge ioc.Judge) (store.Judged, error)
	ArmingState(ctx context.Context) (rules string, pending bool, err error)
	Decide(ctx context.Context, ds []ioc.Decision, judge ioc.Judge) error
	Decisions(ctx context.Context) iter.Seq2[ioc.Decision, error]
	Facts(ctx context.Context, o ioc.Observable) (ioc.Facts, error)
	Arming(ctx context.Context, o ioc.Observable) (ioc.Arming, error)
}

// listJudge disarms what is among some values, unless somebody decided, or
// disarms what people marked as false twice.
func listJudge(values ...string) ioc.Judge {
	return func(o ioc.Observable, f ioc.Facts) ioc.Arming {
		a := ioc.Arming{Marks: f.Marks}
		for _, v := range values {
			if v == o.Value {
				a.Disarmed, a.By = true, ioc.ByList
				a.Lists = append(a.Lists, ioc.ListMatch{List: "list", Entry: v, Match: ioc.MatchExact})
			}
		}
		if f.Marks.False >= 2 {
			a.Disarmed, a.By = true, ioc.ByFeedback
		}
		for _, d := range f.Decisions {
			a.Disarmed, a.By, a.Why = d.Verdict == ioc.Disarm, ioc.ByPerson, d.Why
		}
		return a
	}
}

func (s *suite) judge(st Judged, rules string, j ioc.Judge, want store.Judged) {
	s.Helper()
	got, err := st.Judge(s.Context(), rules, j)
	if err != nil || got != want {
		s.Errorf("judged by %s: %+v, %v, want %+v", rules, got, err, want)
	}
	s.sound()
}

func (s *suite) state(st Judged, rules string, pending bool) {
	s.Helper()
	r, p, err := st.ArmingState(s.Context())
	if err != nil || r != rules || p != pending {
		s.Errorf("rules %q, pending %v, %v, want %q, %v", r, p, err, rules, pending)
	}
}

// grows expects f to make the generation grow, or not.
func (s *suite) grows(want bool, f func()) {
	s.Helper()
	was := s.generationNow()
	f()
	if now := s.generationNow(); (now > was) != want || now < was {
		s.Errorf("generation %d after %d, want it to grow: %v", now, was, want)
	}
}

// disarmed: what may not raise hits is kept and shown, but not hunted.
func (s *suite) disarmed() {
	st := can[Judged](s)
	s.state(st, "", false)
	if _, err := st.Judge(s.Context(), "", listJudge()); err == nil {
		s.Error("rules without a name")
	}
	yara := ioc.Observable{Type: ioc.YARA, Value: "rule"}
	s.put(whole("r", "1", one, two, yara), ioc.Changes{New: 3, Observables: 3})
	s.state(st, "", true)
	before := s.only(one).ArmedSeq
	s.grows(true, func() {
		s.judge(st, "A", listJudge(one.Value), store.Judged{Observables: 3, Disarmed: 1, NowDisarmed: 1})
	})
	s.state(st, "A", false)
	s.has(two, yara)
	s.hasOf(ioc.Filter{Disarmed: true}, one, two, yara)
	want := listJudge(one.Value)(one, ioc.Facts{})
	is := func(o ioc.Observable, want *ioc.Arming) {
		s.Helper()
		listed := collect(s, s.store.List(s.Context(), store.ListFilter{Value: o.Value}))[0]
		a, err := st.Arming(s.Context(), o)
		stored := &a
		if a.IsZero() {
			stored = nil
		}
		for how, got := range map[string]*ioc.Arming{"Lookup": s.only(o).Arming, "List": listed.Arming, "Arming": stored} {
			if d := cmp.Diff(want, got); d != "" || err != nil {
				s.Errorf("%s, %v: %v (-want +got):\n%s", how, o, err, d)
			}
		}
	}
	is(one, &want)
	is(two, nil)
	if seq := s.only(one).ArmedSeq; seq != before {
		s.Errorf("disarming moved armed from %d to %d", before, seq)
	}
	s.grows(false, func() { s.judge(st, "A", listJudge(one.Value), store.Judged{}) })
	s.grows(false, func() {
		s.judge(st, "B", listJudge(one.Value, "rule"), store.Judged{Observables: 3, Disarmed: 2, NowDisarmed: 1})
	})
	s.grows(true, func() { s.judge(st, "C", listJudge("rule"), store.Judged{Observables: 3, Disarmed: 1, NowArmed: 1}) })
	if seq := s.only(one).ArmedSeq; seq <= before {
		s.Errorf("armed %d, was %d: it would not meet old events", seq, before)
	}
	s.state(st, "C", false)
	s.has(one, two)
	is(one, nil)
}

// disarmedGone: a disarmed observable comes and goes without a change to what
// is hunted, and a pass sees what comes back.
func (s *suite) disarmedGone() {
	st := can[Judged](s)
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.judge(st, "A", listJudge(one.Value), store.Judged{Observables: 2, Disarmed: 1, NowDisarmed: 1})
	s.grows(false, func() { s.put(whole("r", "2", two), ioc.Changes{Unchanged: 1, Withdrawn: 1}) })
	if a, err := st.Arming(s.Context(), one); err != nil || !a.Disarmed {
		s.Errorf("of what is withdrawn: %+v, %v", a, err)
	}
	s.grows(false, func() { s.judge(st, "B", listJudge(), store.Judged{Observables: 1}) })
	if a, err := st.Arming(s.Context(), one); err != nil || a.Disarmed {
		s.Errorf("of what is withdrawn, by other rules: %+v, %v", a, err)
	}
	s.judge(st, "C", listJudge(one.Value), store.Judged{Observables: 1})
	s.grows(false, func() { s.put(whole("r", "3", two, one), ioc.Changes{New: 1, Unchanged: 1}) })
	s.state(st, "C", true)
	s.grows(false, func() { s.judge(st, "C", listJudge(one.Value), store.Judged{Observables: 1, Disarmed: 1}) })
	s.has(two)
	s.put(whole("r", "4", two), ioc.Changes{Unchanged: 1, Withdrawn: 1})
	s.judge(st, "D", listJudge(), store.Judged{Observables: 1})
	s.grows(true, func() { s.put(whole("r", "5", two, one), ioc.Changes{New: 1, Unchanged: 1}) })
	s.judge(st, "D", listJudge(), store.Judged{Observables: 1})
	s.has(one, two)
}

// brokenPass: a pass that ends half-way is made anew, and until then no rules
// are in force.
func (s *suite) brokenPass() {
	st := can[Judged](s)
	const n = 30_000
	b := whole("r", "1")
	for i := range n {
		b.Members = append(b.Members, member("r", ip(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))))
	}
	s.put(b, ioc.Changes{New: n, Observables: n})
	even := func(o ioc.Observable, _ ioc.Facts) ioc.Arming {
		return ioc.Arming{Disarmed: o.Value[len(o.Value)-1]%2 == 0}
	}
	none := listJudge()
	s.judge(st, "none", none, store.Judged{Observables: n})
	broken := func(end func(cancel func())) {
		s.Helper()
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		defer func() {
			_ = recover() // of the judge that fails
			s.state(st, "", false)
			s.sound()
		}()
		k := 0
		_, err := st.Judge(ctx, "even", func(o ioc.Observable, f ioc.Facts) ioc.Arming {
			if k++; k == n*2/3 {
				end(cancel)
			}
			return even(o, f)
		})
		if !errors.Is(err, context.Canceled) {
			s.Errorf("ended with %v", err)
		}
	}
	broken(func(cancel func()) { cancel() })
	half := len(collect(s, s.store.Observables(s.Context(), ioc.Filter{})))
	if half == n || half == n/2 {
		s.Errorf("%d of %d armed: it was not in the middle", half, n)
	}
	s.judge(st, "none", none, store.Judged{Observables: n, NowArmed: n - half})
	broken(func(func()) { panic("a judge that fails") })
	s.judge(st, "even", even, store.Judged{Observables: n, Disarmed: n / 2, NowDisarmed: half - n/2})
	s.state(st, "even", false)
}

// armedMeanwhile: what comes back while a pass runs, behind the place where the
// pass is, is not overlooked.
func (s *suite) armedMeanwhile() {
	st := can[Judged](s)
	s.put(whole("q", "1", two), ioc.Changes{New: 1, Observables: 1})
	s.put(ioc.Batch{Gone: []string{"q"}}, ioc.Changes{Withdrawn: 1})
	b := whole("r", "1")
	for i := range 20_000 {
		b.Members = append(b.Members, member("r", ip(fmt.Sprintf("10.0.%d.%d", i>>8, i&255))))
	}
	s.put(b, ioc.Changes{New: 20_000, Observables: 20_000})
	started, stored := make(chan struct{}), make(chan error)
	go func() {
		<-started
		_, err := s.store.PutBatch(s.Context(), "b", whole("q", "1", two))
		stored <- err
	}()
	j, k := listJudge(two.Value), 0
	_, err := st.Judge(s.Context(), "A", func(o ioc.Observable, f ioc.Facts) ioc.Arming {
		if k++; k == 1 {
			close(started)
		}
		return j(o, f)
	})
	if err := errors.Join(err, <-stored); err != nil {
		s.Fatal(err)
	}
	if _, err := st.Judge(s.Context(), "A", j); err != nil {
		s.Fatal(err)
	}
	s.state(st, "A", false)
	if a := s.only(two).Arming; a == nil || !a.Disarmed {
		s.Errorf("%+v: not judged", a)
	}
	s.sound()
}

func decision(o ioc.Observable, source, verdict, why string) ioc.Decision {
	return ioc.Decision{Observable: o, Source: source, Verdict: verdict, Why: why, By: "me", At: at(1)}
}

// decisions precede claims and outlive them, one of each source.
func (s *suite) decisions() {
	st := can[Judged](s)
	j := listJudge(two.Value)
	decide := func(ds ...ioc.Decision) {
		s.Helper()
		if err := st.Decide(s.Context(), ds, j); err != nil {
			s.Error(err)
		}
		s.sound()
	}
	is := func(want ...ioc.Decision) {
		s.Helper()
		if d := cmp.Diff(want, collect(s, st.Decisions(s.Context()))); d != "" {
			s.Errorf("(-want +got):\n%s", d)
		}
	}
	off := decision(one, ioc.SourcePerson, ioc.Disarm, "harmless \xff\x00")
	on := decision(two, "otx", ioc.Arm, "")
	is()
	decide(off, on, off)
	is(on, off)
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.judge(st, "A", j, store.Judged{Observables: 2, Disarmed: 1, NowDisarmed: 1})
	s.has(two)
	f, err := st.Facts(s.Context(), one)
	if d := cmp.Diff(ioc.Facts{Decisions: []ioc.Decision{off}}, f); d != "" || err != nil {
		s.Errorf("%v (-want +got):\n%s", err, d)
	}
	seq := s.only(one).ArmedSeq
	s.grows(true, func() { decide(decision(one, ioc.SourcePerson, ioc.Arm, "sure")) })
	s.has(one, two)
	if i := s.only(one); i.ArmedSeq <= seq || i.Arming.Why != "sure" {
		s.Errorf("armed %d, was %d, %+v", i.ArmedSeq, seq, i.Arming)
	}
	s.state(st, "A", false)
	s.grows(true, func() { decide(decision(two, "otx", "", ""), decision(one, "other", "", "")) })
	s.has(one)
	s.put(ioc.Batch{Gone: []string{"r"}}, ioc.Changes{Withdrawn: 2})
	is(decision(one, ioc.SourcePerson, ioc.Arm, "sure"))
	for _, bad := range []ioc.Decision{decision(one, "", ioc.Arm, ""), decision(one, "x", "perhaps", "")} {
		if err := st.Decide(s.Context(), []ioc.Decision{decision(two, "x", ioc.Arm, ""), bad}, j); err == nil {
			s.Errorf("%+v was taken", bad)
		}
	}
	is(decision(one, ioc.SourcePerson, ioc.Arm, "sure"))
}

// countArming: counts, and what is alive.
func (s *suite) countArming() {
	st := can[interface {
		Judged
		Count(ctx context.Context, now time.Time) (store.Counts, error)
		Alive(ctx context.Context, now time.Time) (bool, error)
	}](s)
	s.put(whole("r", "1", one, two, three, four), ioc.Changes{New: 4, Observables: 4})
	match := func(list string, lowers bool) ioc.ListMatch { return ioc.ListMatch{List: list, Lowers: lowers} }
	verdicts := map[ioc.Observable]ioc.Arming{
		one:   {Disarmed: true, By: ioc.ByList, Lists: []ioc.ListMatch{match("x", false), match("y", false), match("z", true), match("x", false)}},
		two:   {Disarmed: true, By: ioc.ByOwn, Lists: []ioc.ListMatch{match("x", false)}},
		three: {Lists: []ioc.ListMatch{match("z", true)}},
	}
	s.judge(st, "A", func(o ioc.Observable, _ ioc.Facts) ioc.Arming { return verdicts[o] }, store.Judged{Observables: 4, Disarmed: 2, NowDisarmed: 2})
	c, err := st.Count(s.Context(), at(1))
	if d := cmp.Diff(map[string]int{"x": 1, "y": 1, ioc.ByOwn: 1}, c.ByRule); d != "" || c.Total != 4 || c.Disarmed != 2 || c.Lowered != 1 || err != nil {
		s.Errorf("%+v, %v (-want +got):\n%s", c, err, d)
	}
	alive := func(want bool) {
		s.Helper()
		if got, err := st.Alive(s.Context(), at(1)); got != want || err != nil {
			s.Errorf("alive %v, %v", got, err)
		}
	}
	alive(true)
	s.judge(st, "B", func(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{Disarmed: true} }, store.Judged{Observables: 4, Disarmed: 4, NowDisarmed: 2})
	alive(false)
	s.put(whole("q", "1", ioc.Observable{Type: ioc.YARA, Value: "rule x { condition: true }"}), ioc.Changes{New: 1, Observables: 1})
	s.judge(st, "B", func(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{} }, store.Judged{Observables: 1})
	alive(false) // what cannot stand in a log finds nothing there
}
