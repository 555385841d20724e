package elastic

import (
	"errors"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// TestWriterThatWakesUp: what a writer stores that had been taken for dead bears a
// number that others have counted. When its batch comes again it is hunted.
func TestWriterThatWakesUp(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		ctx, s := t.Context(), newStore(t, n, n.Client(t))
		batch := func(v string) ioc.Batch {
			return ioc.Batch{Reports: []ioc.ReportList{list("r", "1", true, true)}, Next: "1",
				Members: []ioc.Member{{Report: "r", Observable: ioc.Observable{Type: ioc.Domain, Value: v}}}}
		}
		if _, err := s.PutBatch(ctx, "a", batch("first.example")); err != nil {
			t.Fatal(err)
		}
		late := batch("late.example")
		late.Reports[0].ID, late.Members[0].Report = "q", "q"
		z := &tx{s: s}
		var err error
		if z.n, z.at, err = s.counters(ctx); err != nil {
			t.Fatal(err)
		}
		p, err := s.newPut(ctx, z, "a")
		if err != nil {
			t.Fatal(err)
		}
		p.lists, _ = store.Lists(late)
		if err := p.plan(ctx); err != nil { // it takes its number, and sleeps
			t.Fatal(err)
		}
		if _, err := s.PutBatch(ctx, "b", batch("other.example")); err != nil {
			t.Fatal(err)
		}
		seen, err := s.State(ctx)
		if err != nil || seen.Seq <= z.n.Taken {
			t.Fatalf("%+v, %v; the sleeper has %d", seen, err, z.n.Taken)
		}
		if err := p.members(ctx, late.Members); err != nil {
			t.Fatal(err)
		}
		if err := p.finish(ctx); !errors.Is(err, errConflict) {
			t.Fatalf("who has lost the lock has finished: %v", err)
		}
		if _, err := s.PutBatch(ctx, "a", late); err != nil {
			t.Fatal(err)
		}
		for o, err := range s.Observables(ctx, ioc.Filter{ArmedSince: seen.Seq}) {
			if err != nil || o.Value != "late.example" {
				t.Fatalf("%v, %v", o, err)
			}
			for c, err := range s.Delta(ctx, seen.Seq) {
				if err == nil && c.Hunted && c.Observable == o {
					return
				}
			}
		}
		t.Error("who had seen all up to then never learns of late.example")
	})
}

// TestCountersLost: where the counters are gone, numbers go on behind those that
// the documents bear.
func TestCountersLost(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		ctx, s := t.Context(), newStore(t, n, n.Client(t))
		put := func(feed, v string) {
			t.Helper()
			b := ioc.Batch{Reports: []ioc.ReportList{list(v, "1", true, true)}, Next: "1",
				Members: []ioc.Member{{Report: v, Observable: ioc.Observable{Type: ioc.Domain, Value: v}}}}
			if _, err := s.PutBatch(ctx, feed, b); err != nil {
				t.Fatal(err)
			}
		}
		put("a", "one.example")
		put("b", "one.example")
		before, err := s.State(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.c.Do(ctx, es.Request{Method: "DELETE", Path: "/" + s.state() + "/_doc/" + countersID}, nil); err != nil {
			t.Fatal(err)
		}
		put("a", "two.example")
		if now, err := s.State(ctx); err != nil || now.Seq <= before.Seq {
			t.Errorf("%+v after %+v, %v", now, before, err)
		}
		k := 0
		for _, err := range s.Observables(ctx, ioc.Filter{}) {
			if k++; err != nil {
				t.Fatal(err)
			}
		}
		if k != 2 {
			t.Errorf("%d observables, of two feeds that both say one.example", k)
		}
		found := false
		for c, err := range s.Delta(ctx, before.Seq) {
			found = found || err == nil && c.Value == "two.example"
		}
		if !found {
			t.Error("who had seen all up to then never learns of two.example")
		}
	})
}
