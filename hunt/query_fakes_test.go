package hunt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// numbered observables: the one with number n is armed n-th, from 1 on.
type armory []int

func (a armory) Len() int { return len(a) }
func (a armory) Observable(id uint32) ioc.Observable {
	return ioc.Observable{Type: ioc.Domain, Value: fmt.Sprint("i", a[id])}
}
func (armory) Append(dst []match.Match, _ []byte) []match.Match { return dst }

func upTo(n int) (a armory) {
	for i := range n {
		a = append(a, i+1)
	}
	return a
}

func (a armory) since(s uint64) (Matcher, error) {
	var out armory
	for _, n := range a {
		if n > int(s) {
			out = append(out, n)
		}
	}
	return out, nil
}

func arsenal(n int) Arsenal {
	a := upTo(n)
	return Arsenal{Full: a, Armed: uint64(n), Since: a.since, From: feed{}}
}

// shelves is a Source in memory. Every event hits every observable.
type shelves struct {
	mu      sync.Mutex
	state   []IndexState
	fails   map[string]error // by index
	partial map[string][]Trouble
	before  func(op string) error
	sweeps  []Unit
	looked  int
	onLook  func(n int)
}

func (s *shelves) Look(context.Context) (Look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked++
	if s.onLook != nil {
		s.onLook(s.looked)
	}
	return Look{Indices: append([]IndexState(nil), s.state...)}, nil
}

func shelf(name string, lanes ...int64) IndexState {
	x := IndexState{Name: name, ID: name + "-id", Key: "k"}
	for i, n := range lanes {
		x.Lanes = append(x.Lanes, LaneState{Name: fmt.Sprint(i), UpTo: n, Events: n + 1})
		x.Docs += n + 1
	}
	return x
}

func (s *shelves) Sweep(ctx context.Context, u Unit, set Matcher, found func([]Document) error) (SweepReport, error) {
	if s.before != nil {
		if err := s.before(fmt.Sprintf("sweep %s %v since %d", u.Index, u.Pieces, u.Since)); err != nil {
			return SweepReport{}, err
		}
	}
	s.mu.Lock()
	s.sweeps = append(s.sweeps, u)
	err, partial := s.fails[u.Index], s.partial[u.Index]
	s.mu.Unlock()
	if err != nil {
		return SweepReport{}, err
	}
	r := SweepReport{Incomplete: partial, Plans: []PlanUse{{Field: "f", Plan: "fake"}}}
	for _, p := range u.Pieces {
		for n := p.Over + 1; n <= p.UpTo; n++ {
			d := Document{Index: u.Index, ID: eventID(u.Index, p.Lane, n), Source: []byte(`{"f":"x"}`), Time: noonQuery}
			for id := range set.Len() {
				d.Matches = append(d.Matches, FieldMatch{ID: uint32(id), Field: "f", Value: "x"})
			}
			r.Events++
			if err := found([]Document{d}); err != nil {
				return r, err
			}
		}
	}
	return r, ctx.Err()
}

var noonQuery = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func eventID(index, lane string, n int64) string { return fmt.Sprintf("%s/%s/%d", index, lane, n) }

// vault is a sink that loses what was not flushed.
type vault struct {
	mu      sync.Mutex
	pending []string
	kept    map[string]bool // "event observable"
	again   int             // kept before
	ids     map[string]bool
	before  func(op string) error
	err     error
}

func newVault() *vault { return &vault{kept: map[string]bool{}, ids: map[string]bool{}} }

func (v *vault) Close() error { return nil }
func (v *vault) Emit(_ context.Context, hits []ioc.Hit) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range hits {
		v.pending = append(v.pending, h.Where.DocID+" "+h.Value)
		v.ids[h.ID] = true
	}
	return v.err
}

func (v *vault) Flush(context.Context) error {
	if v.before != nil {
		if err := v.before("flush"); err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.pending {
		if v.kept[p] {
			v.again++
		}
		v.kept[p] = true
	}
	v.pending = nil
	return nil
}

// lacks returns a pair that was not met although all were to.
func (v *vault) lacks(state []IndexState, armed int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range state {
		for _, l := range x.Lanes {
			for n := range l.UpTo + 1 {
				for i := 1; i <= armed; i++ {
					if pair := fmt.Sprintf("%s i%d", eventID(x.Name, l.Name, n), i); !v.kept[pair] {
						return errors.New("not met: " + pair)
					}
				}
			}
		}
	}
	return nil
}

// claimed returns an error if c says of a pair that it was met which was not.
func (v *vault) claimed(c *Coverage) error {
	for _, x := range c.Indices {
		for _, l := range x.Lanes {
			for _, s := range l.Spans {
				for n := s.Over + 1; n <= s.UpTo; n++ {
					if err := v.lacksOne(x.Index, l.Name, n, int(s.Armed)); err != nil {
						return fmt.Errorf("the coverage is wrong: %w", err)
					}
				}
			}
		}
	}
	return nil
}

func (v *vault) lacksOne(index, lane string, n int64, armed int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := 1; i <= armed; i++ {
		if pair := fmt.Sprintf("%s i%d", eventID(index, lane, n), i); !v.kept[pair] {
			return errors.New("not met: " + pair)
		}
	}
	return nil
}

func (v *vault) size() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.kept)
}
