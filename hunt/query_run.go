package hunt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// query is one run of Query.
//
// Its goal is fixed when it begins: all events that were there then are to meet
// all its indicators. It goes on (joining the work of others, waiting for it,
// making its own) until the coverage says so, but for what has failed.
type query struct {
	src  Source
	to   Sink
	o    QueryOptions
	own  bool // there is a ledger that outlives the run
	arms arms

	goal   []IndexState
	ids    []string        // of all indices of the source
	whole  bool            // none is missing in ids
	failed map[string]bool // ids of indices that are given up in this run
	looks  int

	cover     Coverage
	coverMark string

	board board

	out sync.Mutex // for to
	mu  sync.Mutex // for sum
	sum QuerySummary
}

// tries is how often a source is looked at anew because its indices change.
const tries = 5

func (q *query) run(ctx context.Context) error {
	q.failed = make(map[string]bool)
	q.board = board{q: q, seen: make(map[string]sign), turn: make(chan struct{}, 1)}
	if err := q.look(ctx); err != nil {
		return err
	}
	if err := q.readCoverage(ctx); err != nil {
		return err
	}
	for {
		units := plan(&q.cover, q.goal, q.arms.armed, q.o.Now())
		if len(units) == 0 {
			return nil
		}
		if err := q.board.read(ctx); err != nil {
			return err
		}
		if err := q.step(ctx, units); err != nil {
			return err
		}
	}
}

// step brings the goal nearer: by one work, or by learning what others did.
func (q *query) step(ctx context.Context, units []Unit) error {
	b := &q.board
	if b.open() {
		if b.work.Armed > q.arms.armed {
			return fmt.Errorf("%w (armed %d, here %d)", ErrBehind, b.work.Armed, q.arms.armed)
		}
		return q.take(ctx)
	}
	if b.mark != "" && b.work.Number > q.cover.Run { // the coverage was read before that work was closed
		old := q.cover.Run
		if err := q.readCoverage(ctx); err != nil || q.cover.Run > old {
			return err
		}
		q.cover.Run = b.work.Number // the coverage was lost
	}
	q.reasons(units)
	if ok, err := b.begin(ctx, units); err != nil || !ok {
		return err
	}
	return q.take(ctx)
}

// take works at the open work until it is closed.
func (q *query) take(ctx context.Context) error {
	if err := q.board.labour(ctx); err != nil {
		q.board.leave(ctx)
		return err
	}
	q.giveUp(UnitIsFailed, "")
	if !q.board.stale() {
		return nil
	}
	if q.looks < tries {
		return q.look(ctx)
	}
	q.giveUp(UnitIsStale, "it keeps changing: ")
	return nil
}

// giveUp strikes the indices of units in that state off the goal, and says why.
func (q *query) giveUp(state, prefix string) {
	for _, u := range q.board.work.Units {
		if u.State != state || !slices.ContainsFunc(q.goal, func(x IndexState) bool { return x.ID == u.ID }) {
			continue
		}
		q.failed[u.ID] = true
		if said := func(t Trouble) bool { return t.Path == u.Index || strings.HasPrefix(t.Path, u.Index+"/") }; !slices.ContainsFunc(q.sum.Incomplete, said) {
			q.trouble(Trouble{u.Index, prefix + u.Why})
		}
	}
	q.goal = slices.DeleteFunc(q.goal, func(x IndexState) bool { return q.failed[x.ID] })
}

// look sets the goal.
func (q *query) look(ctx context.Context) error {
	q.looks++
	l, err := q.src.Look(ctx)
	if err != nil {
		return fmt.Errorf("look at the indices of %s: %w", q.o.Name, err)
	}
	q.goal, q.ids, q.whole = l.Indices, nil, len(l.Incomplete) == 0
	for _, x := range l.Indices {
		q.ids = append(q.ids, x.ID)
	}
	q.goal = slices.DeleteFunc(slices.Clone(l.Indices), func(x IndexState) bool { return q.failed[x.ID] })
	if q.looks == 1 {
		q.sum.Incomplete = append(q.sum.Incomplete, l.Incomplete...)
		q.sum.Notes = append(q.sum.Notes, l.Notes...)
	}
	for _, x := range l.Indices {
		for _, f := range x.Left {
			q.trouble(Trouble{x.Name + "/" + f.Path, f.Reason})
		}
	}
	return nil
}

// page is the name of the pages of the source.
func (q *query) page() string {
	if q.arms.store == "" {
		return q.o.Name
	}
	return q.o.Name + "@" + q.arms.store
}

func (q *query) readCoverage(ctx context.Context) (err error) {
	q.cover = Coverage{Source: q.o.Name, Name: q.page()}
	q.coverMark, err = readPage(ctx, q.o.Ledger, PageCoverage, q.page(), &q.cover)
	return err
}

// commit puts the work that is finished into the coverage. Somebody else may
// have done so already: each work is in it once, as its number says.
func (q *query) commit(ctx context.Context, w *Work) error {
	for q.cover.Run < w.Number {
		c := q.cover.clone()
		c.apply(w, q.o.Now())
		mark, err := writePage(ctx, q.o.Ledger, PageCoverage, q.page(), c, q.coverMark)
		if err != nil {
			return err
		}
		if mark != "" {
			q.cover, q.coverMark = c, mark
			return nil
		}
		if err := q.readCoverage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// clone copies what apply changes.
func (c *Coverage) clone() Coverage {
	d := *c
	d.Indices = slices.Clone(c.Indices)
	for i := range d.Indices {
		x := &d.Indices[i]
		x.Lanes = slices.Clone(x.Lanes)
		if x.Last != nil {
			last := *x.Last
			x.Last = &last
		}
	}
	return d
}

// reasons says of which indices all is hunted although it was hunted before.
func (q *query) reasons(units []Unit) {
	for i := range units {
		u := &units[i]
		for _, x := range q.cover.Indices {
			switch {
			case x.Index != u.Index || u.Since > 0:
			case x.ID != u.ID:
				q.done(u).Again = "the index was made anew"
			case x.Key != u.Key:
				q.done(u).Again = "its fields, or the rules by which they are read, have changed"
			}
		}
	}
}

func (q *query) trouble(t Trouble) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.Contains(q.sum.Incomplete, t) {
		q.sum.Incomplete = append(q.sum.Incomplete, t)
	}
}

// done returns where the summary says what became of the unit's index. The lock
// is held, or there is only one goroutine.
func (q *query) done(u *Unit) *IndexDone {
	for i := range q.sum.Indices {
		if q.sum.Indices[i].Index == u.Index {
			return &q.sum.Indices[i]
		}
	}
	q.sum.Indices = append(q.sum.Indices, IndexDone{Index: u.Index})
	return &q.sum.Indices[len(q.sum.Indices)-1]
}

func (q *query) total(began time.Time) QuerySummary {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.own {
		q.sum.Coverage = &q.cover
	}
	q.sum.Took = time.Since(began)
	return q.sum
}

// arms gives out the sets, with the claims that were looked up.
type arms struct {
	Arsenal
	armed uint64
	store string
	mu    sync.Mutex
	sets  map[uint64]*weapons
}

type weapons struct {
	set    Matcher
	claims *claims
}

func (a *arms) init(x Arsenal) {
	a.Arsenal, a.armed, a.store = x, x.Armed, x.Store
	a.sets = map[uint64]*weapons{0: a.with(x.Full)}
}

func (a *arms) with(set Matcher) *weapons {
	return &weapons{set, &claims{set: sound{set}, from: a.From}}
}

// since returns the set of what was armed after that.
func (a *arms) since(since uint64) (*weapons, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Since == nil {
		since = 0
	}
	if s := a.sets[since]; s != nil {
		return s, nil
	}
	set, err := a.Since(since)
	if err != nil {
		return nil, fmt.Errorf("the indicators armed since %d: %w", since, err)
	}
	if len(a.sets) > 8 { // each may be big
		maps.DeleteFunc(a.sets, func(k uint64, _ *weapons) bool { return k != 0 })
	}
	a.sets[since] = a.with(set)
	return a.sets[since], nil
}
