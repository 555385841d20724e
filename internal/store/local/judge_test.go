package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// between is a context that is asked, outside of transactions, whether it is
// done: it lets something happen between two chunks of a pass.
type between struct {
	context.Context
	happen func()
}

func (b between) Done() <-chan struct{} {
	b.happen()
	return b.Context.Done()
}

// TestArmedBetween: what comes back behind the place where a pass is has not
// been judged by it.
func TestArmedBetween(t *testing.T) {
	s := open(t, t.TempDir())
	o := ioc.Observable{Type: ioc.Domain, Value: "early.example"}
	put := func(b ioc.Batch) {
		t.Helper()
		if _, err := s.PutBatch(t.Context(), "a", b); err != nil {
			t.Fatal(err)
		}
	}
	put(ioc.Batch{Members: []ioc.Member{{Report: "q", Observable: o}}})
	put(ioc.Batch{Gone: []string{"q"}})
	var many ioc.Batch
	for i := range 2*chunk + 10 {
		many.Members = append(many.Members, ioc.Member{Report: "r", Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprint(i, ".example")}})
	}
	put(many)
	var judged, back atomic.Bool // the driver asks the context from a goroutine of its own
	judge := func(ioc.Observable, ioc.Facts) ioc.Arming {
		judged.Store(true)
		return ioc.Arming{Disarmed: true}
	}
	ctx := between{t.Context(), func() {
		if judged.Load() && back.CompareAndSwap(false, true) {
			put(ioc.Batch{Members: []ioc.Member{{Report: "q", Observable: o}}})
		}
	}}
	if done, err := s.Judge(ctx, "A", judge); err != nil || !back.Load() || done.Observables != len(many.Members) {
		t.Fatalf("%+v, %v, back: %v", done, err, back.Load())
	}
	if rules, pending, err := s.ArmingState(t.Context()); rules != "A" || !pending || err != nil {
		t.Errorf("rules %q, pending %v, %v", rules, pending, err)
	}
	if done, err := s.Judge(t.Context(), "A", judge); err != nil || done.Observables != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestJudgeReadOnly: who may not write can tell that nothing is to be judged.
func TestJudgeReadOnly(t *testing.T) {
	dir := write(t, sample(t))
	s, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if done, err := s.Judge(t.Context(), "rules", disarmIPs); err != nil || done.Observables != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := s.Judge(t.Context(), "others", disarmIPs); err == nil || !strings.Contains(err.Error(), "for reading only") {
		t.Errorf("by other rules: %v", err)
	}
}

// TestVerdictsShared: equal verdicts are stored once and decoded once, and are
// deleted when no observable has them.
func TestVerdictsShared(t *testing.T) {
	s := open(t, t.TempDir())
	b := killBatch(1)
	if _, err := s.PutBatch(t.Context(), "a", b); err != nil {
		t.Fatal(err)
	}
	judge := func(rules, why string, want int) {
		t.Helper()
		_, err := s.Judge(t.Context(), rules, func(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{Disarmed: true, Why: why} })
		n := 0
		err = errors.Join(err, s.read(t.Context(), func(q *snapshot) error { return one(q, "SELECT count(*) FROM verdict", nil, &n) }))
		if n != want || err != nil {
			t.Errorf("%d verdicts, %v, want %d", n, err, want)
		}
	}
	arming := func(k int) *ioc.Arming {
		t.Helper()
		is, err := s.Lookup(t.Context(), b.Members[k].Observable)
		if err != nil {
			t.Fatal(err)
		}
		return is[0].Arming
	}
	judge("A", "a", 1)
	if a := arming(0); a.Why != "a" || a != arming(1) {
		t.Errorf("%+v is not shared", a)
	}
	judge("B", "b", 1)
	if a := arming(0); a.Why != "b" {
		t.Errorf("%+v", a)
	}
}
