package hunt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

const (
	maxHeld   = 16 << 20 // bytes of hits that wait for the turn of their logs
	maxParked = 1 << 14  // logs that are done and wait for it
	hitSize   = 512      // what a Hit without its record takes, about
	lastWords = 5 * time.Second
)

// errHalted is returned to a worker when the run is being ended.
var errHalted = errors.New("halted")

// turns lets the hits of many logs out in the order of the logs. The log whose
// turn it is hands them to the sink at once; another keeps them, and waits when
// all together have kept too many. Whoever finishes a log in its turn also hands
// over what the finished logs behind it have kept.
//
// The sink is called without the lock: only the one whose turn it is calls it.
type turns struct {
	to     Sink
	mu     sync.Mutex
	moved  sync.Cond
	next   int          // number of the log whose turn it is
	parked map[int]*job // logs that were read, or given up, before their turn
	held   int
	halted bool
}

// job is the place of one log in the order, with the hits that it keeps.
type job struct {
	seq   int
	whole *whole // that the log is a part of, if it is one
	read  bool   // to its end
	lines int64  // in it, if it was read
	kept  []ioc.Hit
	size  int
}

func newTurns(to Sink) *turns {
	t := &turns{to: to, parked: make(map[int]*job)}
	t.moved.L = &t.mu
	return t
}

// put hands hits over, or keeps a copy of them until it is j's turn.
func (t *turns) put(ctx context.Context, j *job, hits []ioc.Hit) error {
	t.mu.Lock()
	if t.next != j.seq || t.halted {
		t.keep(j, hits)
		for t.held > maxHeld && t.next != j.seq && !t.halted {
			t.moved.Wait()
		}
		hits = nil
	}
	mine, halted := t.next == j.seq, t.halted
	t.mu.Unlock()
	switch {
	case halted:
		return errHalted
	case !mine:
		return nil
	}
	if err := t.flush(ctx, j); err != nil {
		return err
	}
	return t.emit(ctx, j, hits)
}

// keep copies what hits point to that will not last: the records. Hits of one
// record share the copy. The lock is held.
func (t *turns) keep(j *job, hits []ioc.Hit) {
	var from, copied []byte
	for _, h := range hits {
		size := hitSize
		if len(h.Record) > 0 && (len(from) != len(h.Record) || &from[0] != &h.Record[0]) {
			from, copied = h.Record, slices.Clone(h.Record)
			size += len(copied)
		}
		h.Record = copied[:len(h.Record)]
		j.kept = append(j.kept, h)
		j.size += size
		t.held += size
	}
}

// flush hands over what j has kept. It is j's turn.
func (t *turns) flush(ctx context.Context, j *job) error {
	kept := j.kept
	t.mu.Lock()
	t.held -= j.size
	j.kept, j.size = nil, 0
	t.moved.Broadcast()
	t.mu.Unlock()
	return t.emit(ctx, j, kept)
}

// emit calls the sink. If that fails because the run is ending, the hits are
// kept for drain; those that got through come twice, with the same ids.
func (t *turns) emit(ctx context.Context, j *job, hits []ioc.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	j.whole.number(j.seq, hits)
	err := t.to.Emit(ctx, hits)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		t.park(&job{seq: j.seq}, hits) // they have their numbers
		return errHalted
	}
	return fmt.Errorf("write hits: %w", err)
}

// park keeps hits of a log that no one reads any more.
func (t *turns) park(j *job, hits []ioc.Hit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := &job{seq: j.seq, whole: j.whole}
	t.parked[j.seq] = own
	t.keep(own, hits)
}

// done says that j's log was read. Before its turn the hits are left to whoever
// has it; in its turn they go out, with those of the logs behind that are done.
func (t *turns) done(ctx context.Context, j *job) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != j.seq && !t.halted {
		own := *j
		t.parked[j.seq] = &own
		j.kept, j.size = nil, 0
		for len(t.parked) > maxParked && t.next <= own.seq && !t.halted {
			t.moved.Wait()
		}
		return nil
	}
	if t.halted {
		return errHalted
	}
	for ; j != nil; j = t.follower() {
		t.mu.Unlock()
		err := t.flush(ctx, j)
		j.pass()
		t.mu.Lock()
		if err != nil {
			return err
		}
		t.next++
		t.moved.Broadcast()
	}
	return nil
}

// follower returns the log whose turn has come, if it is done. When the run is
// being ended, it stays for drain. The lock is held.
func (t *turns) follower() *job {
	if t.halted {
		return nil
	}
	j := t.parked[t.next]
	delete(t.parked, t.next)
	return j
}

// leave keeps the hits of a log that was given up because the run ends.
func (t *turns) leave(j *job) {
	if len(j.kept) > 0 {
		t.park(j, j.kept)
	}
}

// halt wakes all that wait, for good.
func (t *turns) halt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.halted = true
	t.moved.Broadcast()
}

// drain hands over, after the last worker has gone, what an interrupted run had
// found by then. The sink gets a moment of its own, as ctx is over.
func (t *turns) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	for _, seq := range slices.Sorted(maps.Keys(t.parked)) {
		j := t.parked[seq]
		if len(j.kept) > 0 {
			j.whole.number(seq, j.kept)
			if err := t.to.Emit(ctx, j.kept); err != nil {
				return fmt.Errorf("write hits: %w", err)
			}
		}
		j.pass()
	}
	return nil
}
