package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/internal/ioc"
)

// otxRun is one collection. Its order matters:
//
//  1. events: what was deleted or unsubscribed goes; what was newly subscribed
//     is read from the look-back on, because its pulses may be older than the
//     floor;
//  2. the list, from the floor on, and its front again until nothing in it has
//     changed meanwhile;
//  3. events again, for what happened meanwhile;
//  4. what the list did not give, from the public feed, as far as it goes;
//  5. only when nothing was missed: the cursor.
type otxRun struct {
	*otxFeed
	ctx   context.Context
	yield func(ioc.Batch, error) bool

	cur    otxCursor
	first  bool
	since  time.Time            // the list is read from here
	have   map[string]time.Time // pulses met in this run, and when they were modified
	gone   map[string]bool      // pulses deleted or unsubscribed
	left   map[string]bool      // users unsubscribed, lower case
	told   map[string]bool      // unreadable pulses that were reported
	dealt  map[string]bool      // keys of events dealt with
	marks  map[string]time.Time // keys of all events met, and when they happened
	whole  bool                 // the list must be read from the look-back on
	drop   bool                 // what is stored and not in the list is gone
	newest time.Time            // latest modification in the list
	clock  time.Time            // the server's, at the beginning of the list
	lost   bool                 // something could not be read: the cursor stays
	missed bool                 // among it pulses, which the public feed may have
	batch  ioc.Batch            // not yet handed over
	stored *otxStored           // loaded when needed
}

var (
	errStopped = errors.New("stopped")     // the consumer wants no more
	errEnough  = errors.New("read enough") // the rest of a list is not needed
)

// Bounds of a run.
const (
	otxOverlap = 10 * time.Minute // re-read before the floor: the service may show a change later than it dates it
	otxRounds  = 10               // looks at the front of the list, and at the events
	otxMembers = 10_000           // members after which a batch is handed over
)

func newOTXRun(ctx context.Context, f *otxFeed, from ioc.Cursor, yield func(ioc.Batch, error) bool) (*otxRun, error) {
	r := &otxRun{otxFeed: f, ctx: ctx, yield: yield, have: make(map[string]time.Time), gone: make(map[string]bool),
		left: make(map[string]bool), told: make(map[string]bool), dealt: make(map[string]bool), marks: make(map[string]time.Time)}
	var err error
	if r.cur, r.first, err = f.parse(from); err != nil {
		return nil, err
	}
	if r.first && f.lookback > 0 {
		r.cur.From = f.now().UTC().Add(-f.lookback).Truncate(time.Second)
	}
	r.since = r.cur.Floor.Add(-otxOverlap)
	if r.first {
		r.since, r.drop = r.cur.From, true
	}
	for _, key := range r.cur.Done {
		r.dealt[key] = true
	}
	return r, nil
}

func (r *otxRun) run() error {
	for n := range otxRounds {
		more, err := r.news()
		if err != nil {
			return err
		}
		if n > 0 && !more {
			break
		}
		if r.whole {
			r.since = r.cur.From
		}
		if n == 0 || r.whole {
			r.whole = false
			if err := r.list(); err != nil {
				return err
			}
		}
	}
	switch {
	case r.missed:
		return r.publicFeed()
	case r.lost:
		return nil
	}
	if err := r.reconcile(); err != nil {
		return err
	}
	return r.finish()
}

// walk returns a walk over one of the service's lists of pulses; the caller
// sets visit.
func (r *otxRun) walk(name string, fetch func(context.Context, otx.Query) (otx.Page[otx.Pulse], error), q otx.Query) *otxWalk {
	return &otxWalk{name: name, fetch: fetch, query: q, size: r.limit, lost: func(what string, err error) error {
		r.missed = true
		return r.skip(fmt.Errorf("%s: %w", what, err))
	}}
}

// walked sorts out how a walk ended: a list that cannot be read is reported
// and the run goes on; other errors end it.
func (r *otxRun) walked(err error) error {
	switch {
	case err == nil, errors.Is(err, errEnough):
		return nil
	case errors.Is(err, errDown), errors.Is(err, otx.ErrLoop):
		r.missed = true
		return r.skip(err)
	}
	return err
}

// list reads the subscribed pulses, and their front again until it is as it
// was: a pulse that changed while its page was not yet read stands there now.
func (r *otxRun) list() error {
	q := otx.Query{Since: r.since}
	pages := 0
	w := r.walk("the subscribed pulses", r.client.Subscribed, q)
	w.visit = func(p otx.Page[otx.Pulse]) error {
		pages++
		r.observe(p)
		_, err := r.take(p, nil)
		return err
	}
	if err := r.walked(w.run(r.ctx)); err != nil || pages == 1 || r.missed {
		return err
	}
	for range otxRounds {
		fresh := 0
		look := r.walk("the subscribed pulses", r.client.Subscribed, q)
		look.visit = func(p otx.Page[otx.Pulse]) error {
			r.observe(p)
			n, err := r.take(p, nil)
			if fresh += n; n == 0 && err == nil {
				err = errEnough
			}
			return err
		}
		if err := r.walked(look.run(r.ctx)); err != nil || fresh == 0 || r.missed {
			return err
		}
	}
	return r.skip(fmt.Errorf("%s: they changed at each of %d looks", w.name, otxRounds))
}

// observe keeps the latest modification of the list. One dated later than the
// server's own clock does not count: it would make the next runs blind.
func (r *otxRun) observe(p otx.Page[otx.Pulse]) {
	if r.clock.IsZero() {
		if r.clock = p.Date; r.clock.IsZero() {
			r.clock = r.now().UTC()
		}
	}
	for i := range p.Results {
		if m := p.Results[i].Modified; m.After(r.newest) && !m.After(r.clock) {
			r.newest = m
		}
	}
}

// take hands over the pulses of a page that this run has not met, or met in an
// older state, and that are wanted (nil: all). It returns how many were fresh.
func (r *otxRun) take(p otx.Page[otx.Pulse], wanted func(*otx.Pulse) bool) (fresh int, err error) {
	for i := range p.Results {
		pulse := &p.Results[i]
		if wanted != nil && !wanted(pulse) {
			continue
		}
		if old, met := r.have[pulse.ID]; met {
			if !pulse.Modified.After(old) {
				continue
			}
			if err := r.flush(); err != nil { // no batch announces a report twice
				return fresh, err
			}
		}
		r.have[pulse.ID] = pulse.Modified
		fresh++
		if r.gone[pulse.ID] {
			continue
		}
		if err := r.hand(pulse); err != nil {
			return fresh, err
		}
	}
	if wanted == nil {
		for i := range p.Bad {
			if err := r.unreadable(&p.Bad[i]); err != nil {
				return fresh, err
			}
		}
	}
	return fresh, r.flush()
}

// unreadable deals with a pulse of the list that could not be read, once: it
// asks for that pulse alone, which the service writes anew, and reports it when
// that does not help.
func (r *otxRun) unreadable(b *otx.Bad) error {
	if r.told[b.Error()] {
		return nil
	}
	r.told[b.Error()] = true
	if b.ID != "" {
		if p, err := r.client.Pulse(r.ctx, b.ID); err == nil && p.ID == b.ID {
			_, err := r.take(otx.Page[otx.Pulse]{Results: []otx.Pulse{p}}, nil)
			return err
		}
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
	}
	return r.skip(fmt.Errorf("pulse %w", b))
}

// hand puts a pulse and its members into the batch.
func (r *otxRun) hand(p *otx.Pulse) error {
	rep := otxReport(p)
	if !p.Whole {
		return r.pages(rep)
	}
	rep.Start, rep.Last = true, true
	return r.add(rep, p.Indicators, p.Bad)
}

// add puts members into the batch, and hands it over whenever it is full.
// Inactive indicators are left out: the service keeps them for those who edit.
func (r *otxRun) add(rep ioc.ReportList, ins []otx.Indicator, bad []otx.Bad) error {
	for i := range bad {
		r.batch.Refused = append(r.batch.Refused, otxRefusal(rep.ID, bad[i]))
	}
	last := rep.Last
	for {
		n := min(otxMembers-len(r.batch.Members), len(ins))
		rep.Last = last && n == len(ins)
		r.announce(rep)
		for i := range ins[:n] {
			if ins[i].Active {
				r.batch.Members = append(r.batch.Members, otxMember(rep.ID, &ins[i]))
			}
		}
		if len(r.batch.Members) >= otxMembers {
			if err := r.flush(); err != nil {
				return err
			}
		}
		if ins, rep.Start = ins[n:], false; len(ins) == 0 {
			return nil
		}
	}
}

// announce lists a report in the batch, once however many of its pages are in it.
func (r *otxRun) announce(rep ioc.ReportList) {
	if n := len(r.batch.Reports); !rep.Start && n > 0 && r.batch.Reports[n-1].ID == rep.ID {
		r.batch.Reports[n-1].Last = rep.Last
		return
	}
	r.batch.Reports = append(r.batch.Reports, rep)
}

// pages reads the members of a pulse whose list did not come whole with it.
// When it fails on the way, the report's Last is never sent, so that no member
// is withdrawn.
func (r *otxRun) pages(rep ioc.ReportList) error {
	rep.Start = true
	pos, limit, empty, read, doubted := 0, 1000, 0, 0, false
	for {
		p, err := r.client.PulseIndicators(r.ctx, rep.ID, pos/limit+1, limit)
		if doubted && otxNotFound(err) { // the page before was the last
			p, err = otx.Page[otx.Indicator]{}, nil
		}
		if err != nil && otxLessMayHelp(err) && limit > 10 && r.ctx.Err() == nil {
			limit = divisor(pos, limit/2)
			continue
		}
		if empty++; p.Size > 0 {
			empty = 0
		}
		if err == nil && empty > maxIdle {
			err = otx.ErrLoop
		}
		if err != nil {
			return r.pulseFailed(rep.ID, err)
		}
		read += p.Size
		doubted = !p.More && p.Size > 0 && (p.Size >= limit || p.Count > read) // as otxWalk.isEnd
		rep.Last = !p.More && !doubted
		if err := r.add(rep, p.Results, p.Bad); err != nil || rep.Last {
			return err
		}
		rep.Start = false
		if pos == 0 && p.Size > 0 {
			limit = min(limit, p.Size) // the server gives fewer a page than we asked for
		}
		pos += limit
	}
}

// divisor returns the largest number up to n that divides pos.
func divisor(pos, n int) int {
	for pos%n != 0 {
		n--
	}
	return n
}

// pulseFailed reports a pulse that could not be read. A refusal may concern
// that pulse alone, so another question tells whether the key still works.
func (r *otxRun) pulseFailed(id string, err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if errors.Is(err, otx.ErrAuth) {
		if _, bad := r.client.Me(r.ctx); bad != nil {
			return err
		}
	} else if !otxLessMayHelp(err) && !otxNotFound(err) && !errors.Is(err, otx.ErrLoop) {
		return err
	}
	return r.skip(fmt.Errorf("pulse %s: %w", id, err))
}

// publicFeed looks for what the list did not give among the public pulses,
// taking those whose author or id is already stored. The run stays partial:
// what is not public is still missing.
func (r *otxRun) publicFeed() error {
	s, err := r.storedReports()
	if err != nil || len(s.modified) == 0 {
		return err
	}
	w := r.walk("the public pulses", r.client.Activity, otx.Query{Since: r.since})
	w.visit = func(p otx.Page[otx.Pulse]) error {
		_, err := r.take(p, func(pulse *otx.Pulse) bool {
			author := strings.ToLower(pulse.Author)
			_, known := s.modified[pulse.ID]
			return !r.left[author] && !pulse.Modified.Before(r.since) && (known || len(s.byAuthor[author]) > 0)
		})
		older := func(p otx.Pulse) bool { return !p.Modified.Before(r.since) }
		if err == nil && len(p.Results) > 0 && !slices.ContainsFunc(p.Results, older) {
			err = errEnough
		}
		return err
	}
	return r.walked(w.run(r.ctx))
}

// reconcile withdraws what the list, read whole from the look-back on, no
// longer has. An empty list withdraws nothing: that a service shows nothing is
// more often its fault than a wish to drop everything.
func (r *otxRun) reconcile() error {
	if !r.drop || len(r.have) == 0 {
		return nil
	}
	s, err := r.storedReports()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.modified)) {
		if _, met := r.have[id]; !met && !s.modified[id].Before(r.cur.From) {
			r.leave(id)
		}
	}
	return r.flush()
}

// leave puts a report among those that are gone, once.
func (r *otxRun) leave(id string) {
	if !r.gone[id] {
		r.gone[id] = true
		r.batch.Gone = append(r.batch.Gone, id)
	}
}

// finish moves the cursor.
func (r *otxRun) finish() error {
	c := r.cur
	if c.Floor.IsZero() {
		c.Floor = c.From
	}
	if r.newest.After(c.Floor) {
		c.Floor = r.newest
	}
	for _, at := range r.marks {
		if at.After(c.Events) && !at.After(r.clock) {
			c.Events = at
		}
	}
	c.Done = nil
	for key, at := range r.marks {
		if !at.Before(c.Events.Add(-otxOverlap)) {
			c.Done = append(c.Done, key)
		}
	}
	slices.Sort(c.Done)
	r.batch.Next = c.text()
	return r.flush()
}

// flush hands over the batch, if there is anything in it.
func (r *otxRun) flush() error {
	b := r.batch
	if len(b.Reports)+len(b.Members)+len(b.Gone)+len(b.Refused) == 0 && b.Next == "" {
		return nil
	}
	r.batch = ioc.Batch{}
	if !r.yield(b, nil) {
		return errStopped
	}
	return nil
}

// skip reports what could not be read; the run goes on and is partial.
func (r *otxRun) skip(err error) error {
	r.lost = true
	if err := r.flush(); err != nil {
		return err
	}
	if !r.yield(ioc.Batch{}, fmt.Errorf("%w: %w", ErrSkipped, err)) {
		return errStopped
	}
	return nil
}
