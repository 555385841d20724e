package local

import (
	"context"
	"database/sql"
	"errors"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// chunk is how many members are worked on at a time: it bounds the memory that
// a batch takes beside itself.
const chunk = 8192

// put is one batch on its way into the store, in one transaction. First all
// members are added, then the withdrawals are done, so that an observable that
// moves from one report to another is never without a live membership.
type put struct {
	t       *tx
	now     int64
	feed    *feedRow
	ages    func(ioc.Type) bool // claims of the type that do not say when they end do end
	types   *types
	reports map[string]*report
	changes ioc.Changes

	counters
	lists   map[string]*ioc.Warninglist // of this batch, by report
	lastObs int64                       // the highest number of an observable
	claims  claimTable                  // texts of claims
	dropped map[int64]*drop             // observables that lost memberships
}

// PutBatch stores a batch and its cursor: all of it or nothing. See
// store.Reading for what becomes of reports that come in parts, and
// store.Lists for reports that stand in a batch twice.
func (s *Store) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	var c ioc.Changes
	err := s.write(ctx, func(t *tx) error {
		p, err := s.newPut(t, feed)
		if err == nil {
			err = p.batch(b)
		}
		c = p.changes
		return err
	})
	if err != nil {
		return ioc.Changes{}, err
	}
	return c, nil
}

func (s *Store) newPut(t *tx, feed string) (*put, error) {
	p := &put{t: t, now: stamp(s.now()), reports: map[string]*report{}, dropped: map[int64]*drop{}, ages: s.ages.Of(feed)}
	var err error
	if p.feed, err = loadFeed(t, feed); err != nil {
		return p, err
	}
	if p.types, err = loadTypes(t); err != nil {
		return p, err
	}
	if p.counters, err = loadCounters(t); err != nil {
		return p, err
	}
	if err := one(t, "SELECT coalesce(max(id), 0) FROM observable", nil, &p.lastObs); err != nil {
		return p, err
	}
	p.claims, err = newClaimTable(t)
	return p, err
}

func (p *put) batch(b ioc.Batch) error {
	lists, gone := store.Lists(b)
	if err := p.warninglists(b.Lists, lists); err != nil {
		return err
	}
	for _, l := range lists {
		if err := p.list(l); err != nil {
			return err
		}
	}
	if err := p.refuse(b.Refused); err != nil {
		return err
	}
	for ms := b.Members; len(ms) > 0; {
		n := min(chunk, len(ms))
		if err := p.members(ms[:n]); err != nil {
			return err
		}
		ms = ms[n:]
	}
	if err := p.withdrawals(gone); err != nil {
		return err
	}
	if b.Next != "" {
		p.feed.cursor = b.Next
	}
	return p.finish()
}

// finish writes what was counted up in memory.
func (p *put) finish() error {
	if err := p.flushDropped(); err != nil {
		return err
	}
	if err := p.claims.flush(p.t); err != nil {
		return err
	}
	for _, r := range p.reports {
		if err := r.save(p.t); err != nil {
			return err
		}
	}
	if err := p.feed.save(p.t); err != nil {
		return err
	}
	return p.counters.save(p.t)
}

// counters are what a transaction changes in the numbers of the whole store.
type counters struct {
	armed  int64 // the counter that this transaction arms with
	arming bool  // something was armed
	hunted bool  // the set of armed huntable observables changed
	sum    int64 // what the sum over all observables grows by
}

func loadCounters(t *tx) (counters, error) {
	armed, err := meta(t, metaArmed)
	return counters{armed: armed + 1}, err
}

func (c *counters) save(t *tx) error {
	if c.arming {
		if err := t.setMeta(metaArmed, c.armed); err != nil {
			return err
		}
	}
	if c.hunted {
		if err := t.grow(metaGeneration); err != nil {
			return err
		}
	}
	if c.sum == 0 {
		return nil
	}
	v, err := meta(t, metaSum)
	if err != nil {
		return err
	}
	return t.setMeta(metaSum, v+c.sum)
}

// feedRow is a row of feed.
type feedRow struct {
	id      int64
	name    string
	cursor  ioc.Cursor
	removed int64
	stored  int64 // the row's checksum as stored; 0 for a new row
}

func (f *feedRow) chk() int64 {
	return sum(1).num(f.id, f.removed).str(f.name, string(f.cursor)).row()
}

// findFeed returns the row of a feed, nil where there is none.
func findFeed(q querier, name string) (*feedRow, error) {
	f := &feedRow{name: name}
	err := one(q, "SELECT id, cursor, removed, chk FROM feed WHERE name = ?", []any{name}, &f.id, &f.cursor, (*nullable)(&f.removed), &f.stored)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return f, err
}

// loadFeed returns the row of a feed that is about to be written to; a feed
// that was forgotten is back with that.
func loadFeed(t *tx, name string) (*feedRow, error) {
	f, err := findFeed(t, name)
	if err != nil || f != nil {
		if f != nil {
			f.removed = null
		}
		return f, err
	}
	f = &feedRow{name: name, removed: null}
	if err := one(t, "SELECT coalesce(max(id), 0) + 1 FROM feed", nil, &f.id); err != nil {
		return nil, err
	}
	// Reports refer to the row, so it has to be there first.
	return f, f.save(t)
}

// save writes the row if it differs from what is stored.
func (f *feedRow) save(t *tx) error {
	chk := f.chk()
	if chk == f.stored {
		return nil
	}
	f.stored = chk
	return t.exec(`INSERT INTO feed(id, name, cursor, removed, chk) VALUES (?, ?, ?, ?, ?)
 ON CONFLICT(id) DO UPDATE SET cursor = excluded.cursor, removed = excluded.removed, chk = excluded.chk`,
		f.id, f.name, string(f.cursor), column(f.removed), chk)
}
