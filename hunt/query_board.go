package hunt

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// board is a hunter's view of the work of its source.
//
// All changes go through change: it takes the work as it was last read, and if
// somebody else was faster, reads it anew and decides again. So a hunter alone
// writes thrice: it begins the work (its units taken), writes the coverage, and
// closes the work.
type board struct {
	q    *query
	turn chan struct{} // held while the work is looked at or changed; a channel, as pages are read and written meanwhile
	work Work
	mark string
	seen map[string]sign // of the other hunters

	pause time.Duration // the last one while there was nothing to do
}

// sign of life of a hunter, and when it was seen to change, by our clock.
type sign struct {
	beat int64
	at   time.Time
}

const (
	batchEvents = 2_000_000 // that a hunter takes at a time
	lastWord    = 3 * time.Second
	firstPoll   = 20 * time.Millisecond
)

func (b *board) release() { <-b.turn }

func (b *board) open() bool { return b.mark != "" && !b.work.Closed }

// read looks at the work as it is now.
func (b *board) read(ctx context.Context) error {
	b.turn <- struct{}{}
	defer b.release()
	return b.readLocked(ctx)
}

func (b *board) readLocked(ctx context.Context) (err error) {
	b.work = Work{}
	b.mark, err = readPage(ctx, b.q.o.Ledger, PageWork, b.q.page(), &b.work)
	now := b.q.o.Now()
	for name, beat := range b.work.Hunters {
		if s, ok := b.seen[name]; !ok || s.beat != beat {
			b.seen[name] = sign{beat, now}
		}
	}
	return err
}

// begin makes a new work of units and takes some of them. It reports whether
// nobody else was faster.
func (b *board) begin(ctx context.Context, units []Unit) (bool, error) {
	b.turn <- struct{}{}
	defer b.release()
	q := b.q
	w := Work{
		Number: q.cover.Run + 1, Source: q.o.Name, Armed: q.arms.armed, Begun: q.o.Now(),
		Indices: q.ids, Complete: q.whole, Units: units, Hunters: map[string]int64{q.o.Hunter: 1},
	}
	b.claim(&w)
	mark, err := writePage(ctx, q.o.Ledger, PageWork, q.page(), w, b.mark)
	if err != nil || mark == "" {
		return false, err
	}
	b.work, b.mark = w, mark
	return true, nil
}

// change changes the work, until nobody else was faster or there is nothing to
// change. It reports whether number is still open; if not, nothing was changed.
func (b *board) change(ctx context.Context, number int64, f func(w *Work) bool) (open bool, err error) {
	b.turn <- struct{}{}
	defer b.release()
	for {
		if !b.open() || b.work.Number != number {
			return false, nil
		}
		w := b.work
		w.Units, w.Hunters = slices.Clone(w.Units), maps.Clone(w.Hunters)
		if !f(&w) {
			return true, nil
		}
		mark, err := writePage(ctx, b.q.o.Ledger, PageWork, b.q.page(), w, b.mark)
		if err != nil {
			return true, err
		}
		if mark != "" {
			b.work, b.mark = w, mark
			return true, nil
		}
		if err := b.readLocked(ctx); err != nil {
			return true, err
		}
	}
}

// labour does units of the open work until it is closed, by us or another.
func (b *board) labour(ctx context.Context) error {
	number := b.work.Number
	for {
		mine, finished, open, err := b.mine(ctx, number)
		switch {
		case err != nil:
			return err
		case !open: // somebody else has closed it
			return b.q.readCoverage(ctx)
		case finished:
			return b.close(ctx, number)
		case len(mine) > 0:
			b.pause = 0
			err = b.do(ctx, number, mine)
		default:
			err = b.wait(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// mine returns the units that are ours to do, taking some if there are none. It
// does not write where begin, or the end of the last batch, has taken them.
func (b *board) mine(ctx context.Context, number int64) (units []int, finished, open bool, err error) {
	collect := func(w *Work) {
		units, finished = nil, w.finished()
		for i := range w.Units {
			if u := &w.Units[i]; u.State == UnitIsTaken && u.By == b.q.o.Hunter {
				units = append(units, i)
			}
		}
	}
	open, err = b.change(ctx, number, func(w *Work) bool {
		collect(w)
		if len(units) > 0 || finished {
			return false
		}
		taken := b.claim(w)
		collect(w)
		return taken
	})
	return units, finished, open, err
}

// claim takes free units, and those of the dead: the first, and as many more as
// make a good batch. With others about, at most half of what is free.
func (b *board) claim(w *Work) bool {
	free := 0
	for i := range w.Units {
		if b.free(&w.Units[i]) {
			free++
		}
	}
	if len(w.Hunters) > 1 {
		free = (free + 1) / 2
	}
	took, events := 0, int64(0)
	for i := range w.Units {
		u := &w.Units[i]
		if took == free || took > 0 && events+u.Events > batchEvents {
			break
		}
		if !b.free(u) {
			continue
		}
		if u.State == UnitIsTaken {
			u.From = u.By
		}
		u.State, u.By = UnitIsTaken, b.q.o.Hunter
		took, events = took+1, events+u.Events
	}
	if took > 0 {
		b.beat(w)
	}
	return took > 0
}

func (b *board) beat(w *Work) {
	if w.Hunters == nil {
		w.Hunters = make(map[string]int64)
	}
	w.Hunters[b.q.o.Hunter]++
}

// free reports whether we may take the unit.
func (b *board) free(u *Unit) bool {
	if u.State != UnitIsTaken || u.By == b.q.o.Hunter {
		return u.State == UnitIsFree
	}
	if b.q.o.Dead != nil && b.q.o.Dead(u.By) {
		return true
	}
	s, ok := b.seen[u.By]
	return ok && b.q.o.Now().Sub(s.at) > b.q.o.Lease
}

// wait waits a little and looks again: soon at first, as the others may be about
// to end, and then less and less often.
func (b *board) wait(ctx context.Context) error {
	b.pause = min(max(b.pause*3/2, firstPoll), b.q.o.Poll)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(b.pause):
	}
	return b.read(ctx)
}

// do hunts some units, and notes what came of them when their hits are kept.
// Meanwhile it shows that it lives.
func (b *board) do(ctx context.Context, number int64, units []int) error {
	all := b.work.Units
	stop := b.live(ctx, number)
	done, err := b.q.units(ctx, number, all, units)
	if err == nil {
		err = b.q.flush(ctx)
	}
	stop()
	if err != nil {
		return err
	}
	if len(done) == 0 {
		return nil
	}
	b.turn <- struct{}{}
	w := b.work
	last := b.open() && w.Number == number
	for i := range w.Units {
		if _, ok := done[i]; !ok && !w.Units[i].final() {
			last = false
		}
	}
	b.release()
	if last { // nobody else has anything to do: our notes go out when the work is closed
		b.note(done)
		return nil
	}
	_, err = b.change(ctx, number, func(w *Work) bool {
		put(w, done)
		b.claim(w)
		b.beat(w)
		return true
	})
	return err
}

// put notes results, but for those of units that are final: somebody who took us
// for dead has done them too.
func put(w *Work, done map[int]Unit) {
	for i, u := range done {
		if !w.Units[i].final() {
			w.Units[i] = u
		}
	}
}

// note notes results in our view of the work alone.
func (b *board) note(done map[int]Unit) {
	b.turn <- struct{}{}
	defer b.release()
	b.work.Units = slices.Clone(b.work.Units)
	put(&b.work, done)
}

// close puts the finished work into the coverage, and closes it. The other way
// round, a hunter killed in between would take its coverage along.
func (b *board) close(ctx context.Context, number int64) error {
	if err := b.q.commit(ctx, &b.work); err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(b.work.Units), func(u Unit) bool { return u.State == UnitIsDone })
	_, err := b.change(ctx, number, func(w *Work) bool {
		w.Units, w.Closed = left, true
		return true
	})
	if err == nil && b.work.Number != number {
		err = b.read(ctx)
	}
	return err
}

// live counts our number up while we are busy, until stop is called.
func (b *board) live(ctx context.Context, number int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(b.q.o.Lease / 3)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if ctx.Err() != nil {
					return
				}
				// a ledger that cannot be written to is noticed when the units are done
				_, _ = b.change(ctx, number, func(w *Work) bool { b.beat(w); return true })
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// leave gives back what we have taken, as the run ends early. If that fails, the
// lease will run out.
func (b *board) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	_, _ = b.change(ctx, b.work.Number, func(w *Work) bool {
		gave := false
		for i := range w.Units {
			if u := &w.Units[i]; u.State == UnitIsTaken && u.By == b.q.o.Hunter {
				u.State, u.By, gave = UnitIsFree, "", true
			}
		}
		delete(w.Hunters, b.q.o.Hunter)
		return gave
	})
}

// stale reports whether an index has changed under the work.
func (b *board) stale() bool {
	return slices.ContainsFunc(b.work.Units, func(u Unit) bool { return u.State == UnitIsStale })
}
