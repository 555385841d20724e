//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// judgeForever judges by one rules after the other, and says so after each pass.
func judgeForever(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if _, err := s.Judge(context.Background(), fmt.Sprint("rules ", n), killJudge(n)); err != nil {
			return errors.Join(err, s.Close())
		}
		fmt.Println(n)
	}
}

// TestKillJudging kills a pass of several chunks at random moments. Whatever was
// off at one time and is on at a later one has got a number since that arms it,
// and the generation tells that the set changed.
func TestKillJudging(t *testing.T) {
	if testing.Short() {
		t.Skip("a killed process shows the race detector nothing, and its passes take long under it")
	}
	rounds := number(t, "IOCHUNT_KILLS", 60) / 10
	dir := t.TempDir()
	s := open(t, dir)
	var b ioc.Batch
	for i := range 3*chunk + 100 {
		b.Members = append(b.Members, ioc.Member{Report: "r", Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("%0*d.example", 1+i%9, i)}})
	}
	if _, err := s.PutBatch(t.Context(), "kill", b); err != nil {
		t.Fatal(err)
	}
	was := armingOfAll(t, s)
	for range rounds {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c := child(t, "judge", dir)
		_, said := acks(t, c, func() {
			time.AfterFunc(time.Duration(rand.IntN(600_000))*time.Microsecond, func() { _ = c.Process.Kill() })
		})
		if said != "" {
			t.Fatal(said)
		}
		s = open(t, dir)
		now := armingOfAll(t, s)
		now.after(t, was)
		if _, err := s.Judge(t.Context(), "last", killJudge(2)); err != nil {
			t.Fatal(err)
		}
		was = armingOfAll(t, s)
		was.after(t, now)
		for _, m := range b.Members {
			if was.on[m.Observable] == killJudge(2)(m.Observable, ioc.Facts{}).Disarmed {
				t.Fatalf("%v: armed %v", m.Observable, was.on[m.Observable])
			}
		}
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// armings is which observables are on at a moment.
type armings struct {
	on map[ioc.Observable]bool

	armed, gen uint64
	s          *Store
}

func armingOfAll(t *testing.T, s *Store) *armings {
	t.Helper()
	a := &armings{on: map[ioc.Observable]bool{}, s: s}
	var err, other error
	a.armed, err = s.Armed(t.Context())
	a.gen, other = s.Generation(t.Context())
	if err := errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
	for o, err := range s.Observables(t.Context(), ioc.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		a.on[o] = true
	}
	return a
}

// after compares with what was before.
func (a *armings) after(t *testing.T, was *armings) {
	t.Helper()
	anew := map[ioc.Observable]bool{}
	for o, err := range a.s.Observables(t.Context(), ioc.Filter{ArmedSince: was.armed}) {
		if err != nil {
			t.Fatal(err)
		}
		anew[o] = true
	}
	changed := len(a.on) != len(was.on)
	for o := range a.on {
		if !was.on[o] {
			changed = true
			if !anew[o] {
				t.Fatalf("%v is armed anew, and does not meet old events", o)
			}
		}
	}
	if changed && a.gen == was.gen {
		t.Fatal("the set changed, and the generation did not")
	}
}
