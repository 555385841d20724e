package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// decided says what a person decided about an observable.
func (b *setBench) decided(o ioc.Observable, want string) {
	b.Helper()
	f, err := b.store.Facts(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	got := ""
	for _, d := range f.Decisions {
		got += d.Verdict
	}
	if got != want {
		b.Errorf("%s: decided %q, want %q", o.Value, got, want)
	}
}

func none(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{} }

// TestManualKeepsDecisions: what was added by hand is armed by the first pass,
// but not where its adder decided otherwise; a pass that died is no first one.
func TestManualKeepsDecisions(t *testing.T) {
	b := newSetBench(t)
	b.a.env = func(string) string { return "" }
	off, on := ioc.Observable{Type: ioc.Domain, Value: "off.example"}, ioc.Observable{Type: ioc.Domain, Value: "on.example"}
	if err := putValues(t.Context(), b.store, feedManual, []string{off.Value, on.Value}); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Decide(t.Context(), []ioc.Decision{b.a.decision(off, ioc.Disarm, "noise")}, none); err != nil {
		t.Fatal(err)
	}
	b.holds("on.example")
	b.decided(off, ioc.Disarm)
	b.decided(on, ioc.Arm)
	if err := b.store.Decide(t.Context(), []ioc.Decision{b.a.decision(on, "", "")}, none); err != nil {
		t.Fatal(err)
	}
	b.interrupt()
	b.holds("on.example")
	b.decided(off, ioc.Disarm)
	b.decided(on, "")
}

// interrupt ends a pass by other rules in the middle.
func (b *setBench) interrupt() {
	b.Helper()
	many := make([]string, 9000) // more than a chunk
	for i := range many {
		many[i] = "x" + strings.Repeat("y", i%50) + string(rune('a'+i%26)) + time.Duration(i).String() + ".example"
	}
	b.put("many", many...)
	ctx, stop := context.WithCancel(b.Context())
	n := 0
	_, err := b.store.Judge(ctx, "others", func(ioc.Observable, ioc.Facts) ioc.Arming {
		if n++; n > 8500 {
			stop()
		}
		return ioc.Arming{}
	})
	if rules, _, other := b.store.ArmingState(b.Context()); !errors.Is(err, context.Canceled) || rules != "" || other != nil {
		b.Fatal(err, rules, other)
	}
	b.put("many")
}

// TestByRules: what a person decides while other lists come in is judged by those.
func TestByRules(t *testing.T) {
	b := newSetBench(t)
	b.a.env = func(string) string { return "" }
	b.put("r", "a.example")
	old, err := b.a.judgedRules(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	b.a.cfg.Arming.Allow = []string{"a.example"}
	if err := b.a.judge(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	o := ioc.Observable{Type: ioc.Domain, Value: "a.example"}
	err = b.a.byRules(t.Context(), b.store, old, func(r *enrich.Rules) error {
		return b.store.Decide(t.Context(), []ioc.Decision{b.a.decision(o, "", "")}, r.Judge)
	})
	ar, other := b.store.Arming(t.Context(), o)
	if err != nil || other != nil || !ar.Disarmed {
		t.Errorf("%+v, %v, %v", ar, err, other)
	}
}

// TestJudgedAlive: what is alive in a store that cannot be written is told by
// the rules in force, not by those that it was judged by.
func TestJudgedAlive(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example")
	alive := func(by ioc.Judge, allow []string, want bool) {
		t.Helper()
		if _, err := b.store.Judge(t.Context(), t.Name()+strings.Join(allow, ""), by); err != nil {
			t.Fatal(err)
		}
		rules, err := enrich.NewRules(enrich.RuleOptions{Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := anyValid(t.Context(), judged{b.store, rules}, time.Now()); got != want || err != nil {
			t.Errorf("alive: %v, %v, want %v", got, err, want)
		}
	}
	alive(none, []string{"a.example"}, false)
	alive(func(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{Disarmed: true} }, nil, true)
}

// TestAliveHuntable: a rule that no log can hold does not make a set alive.
func TestAliveHuntable(t *testing.T) {
	b := newSetBench(t)
	b.put("r")
	batch := ioc.Batch{Members: []ioc.Member{{Report: "r", Observable: ioc.Observable{Type: ioc.YARA, Value: "rule x {}"}}}}
	if _, err := b.store.PutBatch(t.Context(), "feed", batch); err != nil {
		t.Fatal(err)
	}
	if got, err := anyValid(t.Context(), aged{Indicators: b.store}, time.Now()); got || err != nil {
		t.Errorf("alive: %v, %v", got, err)
	}
}

// TestRecallUnknown: marks count for a value that no feed names.
func TestRecallUnknown(t *testing.T) {
	b := newSetBench(t)
	s := enrich.DefaultScoring()
	b.a.scoring = &s
	o := ioc.Observable{Type: ioc.Domain, Value: "a.example"}
	h := ioc.Hit{ID: "1", Observable: o, Time: time.Now(), Indicators: []ioc.Indicator{{Observable: o, Feed: adHoc}}}
	if _, err := b.store.PutHits(t.Context(), []ioc.Hit{h}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.store.MarkHits(t.Context(), store.HitFilter{}, ioc.Mark{Verdict: ioc.FalsePositive}, none); err != nil {
		t.Fatal(err)
	}
	if err := b.a.newRecaller(b.store).recall(t.Context(), &h); err != nil || h.Score.Value != 35 {
		t.Errorf("score %d, %v", h.Score.Value, err)
	}
}

// TestMarkManyIDs: one act of marking counts once, however many ids it names; an
// id that is none stops it.
func TestMarkManyIDs(t *testing.T) {
	b := newSetBench(t)
	s := enrich.DefaultScoring()
	b.a.scoring, b.a.env = &s, func(string) string { return "" }
	b.a.cfg.Arming.FalsePositives = 3
	b.put("r", "a.example")
	b.holds("a.example")
	o := ioc.Observable{Type: ioc.Domain, Value: "a.example"}
	var hits []ioc.Hit
	for _, id := range []string{"1a", "2a", "3a", "3b"} {
		hits = append(hits, ioc.Hit{ID: id, Observable: o, Time: time.Now(), Indicators: []ioc.Indicator{{Observable: o, Feed: "feed"}}})
	}
	if _, err := b.store.PutHits(t.Context(), hits); err != nil {
		t.Fatal(err)
	}
	mark := func(want int, says string, ids ...string) {
		t.Helper()
		err := b.a.mark(t.Context(), markFlags{}, "FP", ids)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
		if f, err := b.store.Facts(t.Context(), o); err != nil || f.Marks.False != want {
			t.Errorf("%+v, %v, want %d", f, err, want)
		}
	}
	mark(0, "more than one hit", "3")
	mark(0, "no such hit: 9", "1a", "9")
	mark(0, "no such hit", "9")
	mark(1, "", "1a", "2a", "3a")
	b.holds("a.example")
	mark(2, "", "3b", "3b")
}
