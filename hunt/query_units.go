package hunt

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// units hunts some units of a work, o.Workers at a time, and returns what became of them.
// The error is one that ends the run.
func (q *query) units(ctx context.Context, run int64, all []Unit, which []int) (map[int]Unit, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next int
		done = make(map[int]Unit, len(which))
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(which) || ctx.Err() != nil {
			return 0, false
		}
		next++
		return which[next-1], true
	}
	for range min(q.o.Workers, len(which)) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				u, err := q.unit(ctx, run, all[i])
				if err != nil {
					stop(err)
					return
				}
				mu.Lock()
				done[i] = u
				if q.o.Progress != nil {
					q.o.Progress(len(done), len(which))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return done, context.Cause(ctx)
}

// unit hunts one unit. The error is one that ends the run.
func (q *query) unit(ctx context.Context, run int64, u Unit) (Unit, error) {
	s, err := q.arms.since(u.Since)
	if err != nil {
		return u, err
	}
	began := time.Now()
	d := &documents{query: q, arms: s, run: run}
	var r SweepReport
	if s.set.Len() > 0 {
		r, err = q.src.Sweep(ctx, u, s.set, func(docs []Document) error {
			d.err = d.take(ctx, docs)
			return d.err
		})
	}
	switch {
	case d.err != nil:
		return u, d.err
	case ctx.Err() != nil:
		return u, context.Cause(ctx)
	}
	if err := (sound{s.set}).damage(); err != nil {
		return u, err
	}
	q.settle(&u, d, r, err, time.Since(began))
	return u, nil
}

// settle says what became of a unit.
func (q *query) settle(u *Unit, d *documents, r SweepReport, err error, took time.Duration) {
	switch {
	case errors.Is(err, ErrStale):
		u.State, u.Why = UnitIsStale, err.Error()
	case err != nil:
		u.State, u.Why = UnitIsFailed, err.Error()
	case len(r.Incomplete) > 0:
		u.State, u.Why = UnitIsFailed, r.Incomplete[0].Path+": "+r.Incomplete[0].Reason
	default:
		u.State, u.Why = UnitIsDone, ""
	}
	u.Done = &UnitDone{
		Run: d.run, At: q.o.Now(), Events: u.Events, Documents: int64(d.records), Hits: int64(d.hits), TookMS: took.Milliseconds(),
	}
	for _, p := range r.Plans {
		u.Done.Plans = append(u.Done.Plans, p.Plan)
		if p.Plan == PlanStream {
			u.Done.Streamed = append(u.Done.Streamed, p.Field)
		}
	}
	u.Done.Plans, u.Done.Streamed = union(u.Done.Plans, nil), union(u.Done.Streamed, nil)
	q.report(u, d, r, took)
}

// report adds a unit to the summary.
func (q *query) report(u *Unit, d *documents, r SweepReport, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &q.sum
	x := q.done(u)
	if u.State == UnitIsDone {
		s.Units++
		if u.From != "" {
			s.TakenOver++
		}
	} else if u.State == UnitIsFailed {
		s.Failed++
		for _, t := range r.Incomplete {
			if t.Path != u.Index { // a field of it
				t.Path = u.Index + "/" + t.Path
			}
			if !slices.Contains(s.Incomplete, t) {
				s.Incomplete = append(s.Incomplete, t)
			}
		}
	}
	switch {
	case u.State != UnitIsDone: // they are hunted again
	case u.Since == 0:
		x.New += r.Events
	default:
		x.Old += r.Events
	}
	s.Events += r.Events
	x.Documents += d.records
	x.Hits += d.hits
	x.Took += took
	for _, p := range r.Plans {
		p.Index = u.Index
		x.Plans = append(x.Plans, p)
	}
}

// flush returns when the sink has kept all hits.
func (q *query) flush(ctx context.Context) error {
	if f, ok := q.to.(Acked); ok {
		return f.Flush(ctx)
	}
	return nil
}
