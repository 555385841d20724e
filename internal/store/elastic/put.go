package elastic

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// put is one batch on its way into the store.
type put struct {
	s       *Store
	t       *tx
	feed    string
	state   feedState
	at      version // of state
	now     time.Time
	steps   map[string]*step // by report
	lists   []store.List
	gone    []string
	cleared []string                // reports whose refusals are void
	other   map[string]*reportState // reports that the batch does not speak of
	virgin  bool                    // there was no document when the batch began
	all     bool                    // everything that documents mention is withdrawn
	changes ioc.Changes
	dead    []ioc.Refusal // what the cluster would not take
}

// step is what the batch does to a report.
type step struct {
	reportState
	at     version
	todo   store.Step
	listed bool // the batch announces it: its members are of one reading
	gone   bool // everything of it is withdrawn
}

// drops reports whether the batch withdraws a membership of a generation.
func (st *step) drops(generation int64) bool {
	return st.gone || st.todo == store.Withdraw && generation != st.Generation
}

// PutBatch stores a batch and its cursor; the package says in which order. One
// that failed, or was killed, can be sent again, or another in its place. See
// store.Reading for what becomes of reports that come in parts, and store.Lists
// for reports that stand in a batch twice.
func (s *Store) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	return s.change(ctx, feed, func(ctx context.Context, p *put) error { return p.batch(ctx, b) })
}

// change makes a change to what a feed has. Where another writer, one that has
// lost its lock, got in between, it is made again.
func (s *Store) change(ctx context.Context, feed string, f func(ctx context.Context, p *put) error) (c ioc.Changes, err error) {
	for range maxRounds {
		err = s.writing(ctx, func(ctx context.Context, t *tx) error {
			p, err := s.newPut(ctx, t, feed)
			if err == nil {
				err = f(ctx, p)
			}
			if err == nil {
				c = p.changes
			}
			return err
		})
		if !errors.Is(err, errConflict) {
			break
		}
	}
	return c, err
}

func (s *Store) newPut(ctx context.Context, t *tx, feed string) (*put, error) {
	p := &put{s: s, t: t, feed: feed, now: s.now().UTC(), steps: map[string]*step{}, other: map[string]*reportState{}, virgin: !t.broken && !t.n.documents()}
	var err error
	p.state, p.at, err = s.feedState(ctx, feed)
	return p, err
}

func (p *put) batch(ctx context.Context, b ioc.Batch) error {
	p.lists, p.gone = store.Lists(b)
	if err := checkWarninglists(b.Lists, p.lists); err != nil {
		return err
	}
	if err := p.plan(ctx); err != nil {
		return err
	}
	p.count(b)
	if err := p.members(ctx, b.Members); err != nil {
		return err
	}
	if err := p.withdrawals(ctx); err != nil {
		return err
	}
	if err := p.warninglists(ctx, b.Lists); err != nil {
		return err
	}
	if err := p.refusals(ctx, b.Refused); err != nil {
		return err
	}
	if b.Next != "" {
		p.state.Cursor = []byte(b.Next)
	}
	p.state.Removed = time.Time{}
	return p.finish(ctx)
}

// finish stores what the reports and the feed have come to: behind all
// documents, and the cursor behind everything.
func (p *put) finish(ctx context.Context) error {
	if err := p.saveReports(ctx); err != nil {
		return err
	}
	if err := p.t.know(ctx, p.feed, false); err != nil {
		return err
	}
	if err := p.t.commit(ctx); err != nil {
		return err
	}
	return p.saveFeed(ctx)
}

// count counts what is not looked at.
func (p *put) count(b ioc.Batch) {
	p.changes.Refused += len(b.Refused)
	for i := range b.Members {
		if p.steps[b.Members[i].Report].todo == store.Skip {
			p.changes.Unchanged++
		}
	}
}

// chunk is how many observables are read and written together.
const chunk = 5000

// group is what a batch says of one observable.
type group struct {
	ioc.Observable
	key     string
	members []*ioc.Member // in the order of the batch
	again   bool          // it has been counted
}

// members stores the members, each observable once: so nothing has to be read
// that this batch has written, and no chunk has to wait for a refresh.
func (p *put) members(ctx context.Context, ms []ioc.Member) error {
	order := make([]*ioc.Member, 0, len(ms))
	for i := range ms {
		if p.steps[ms[i].Report].todo != store.Skip {
			order = append(order, &ms[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *ioc.Member) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return p.rounds(ctx, func(w *writer) error {
		for len(order) > 0 {
			gs := make([]*group, 0, min(chunk, len(order)))
			for len(order) > 0 && len(gs) < chunk {
				n := 1
				for n < len(order) && order[n].Observable == order[0].Observable {
					n++
				}
				gs = append(gs, &group{Observable: order[0].Observable, key: keyOf(order[0].Observable), members: order[:n]})
				order = order[n:]
			}
			if err := p.chunk(ctx, w, gs); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxRounds is how often a document is read again that somebody else changes
// whenever it is about to be written. Only a writer that has lost its lock does
// so, and that one ends.
const maxRounds = 8

// rounds lets first write, and does again what others have written meanwhile.
func (p *put) rounds(ctx context.Context, first func(*writer) error) error {
	todo := first
	for range maxRounds {
		w := p.s.newWriter(ctx, p.t)
		gs, err := p.round(w, todo)
		if err != nil || len(gs) == 0 {
			return err
		}
		if err := p.s.refresh(ctx, p.s.index()); err != nil {
			return err
		}
		p.virgin = false
		todo = func(w *writer) error { return p.chunk(ctx, w, gs) }
	}
	return errConflict
}

// round returns what has to be done again.
func (p *put) round(w *writer, todo func(*writer) error) (again []*group, err error) {
	err = todo(w)
	if err2 := w.close(); err == nil {
		err = err2
	}
	for _, d := range w.dead {
		p.bury(d)
	}
	for _, d := range w.conflicts {
		g := d.group
		if g == nil {
			g = &group{Observable: d.observable(), key: d.IOC.Key}
		}
		g.again = true
		again = append(again, g)
	}
	return again, err
}

// chunk stores what the batch says of some observables.
func (p *put) chunk(ctx context.Context, w *writer, gs []*group) error {
	byKey, err := p.read(ctx, gs)
	if err != nil {
		return err
	}
	changed := make([]*document, 0, len(gs))
	for _, g := range gs {
		c, err := p.merge(ctx, g, byKey[g.key])
		if err != nil {
			return err
		}
		if c != nil {
			changed = append(changed, c)
		}
	}
	return p.write(ctx, w, changed)
}

// read reads what the index has of some observables.
func (p *put) read(ctx context.Context, gs []*group) (map[string][]*document, error) {
	if p.virgin {
		return nil, nil
	}
	keys := make([]string, len(gs))
	for i, g := range gs {
		keys[i] = g.key
	}
	return p.s.byKeys(ctx, keys)
}

// write fills in the fields for others, and hands the documents over.
func (p *put) write(ctx context.Context, w *writer, ds []*document) error {
	if len(ds) == 0 {
		return nil
	}
	if err := p.loadOthers(ctx, ds); err != nil {
		return err
	}
	if err := p.t.know(ctx, p.feed, true); err != nil {
		return err
	}
	for _, d := range ds {
		if err := d.derive(p.now, p.report); err != nil {
			return err
		}
		if err := w.add(d); err != nil {
			return err
		}
	}
	return nil
}
