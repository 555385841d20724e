package local

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// drop is what an observable lost in a batch.
type drop struct {
	n       int64 // memberships
	expires int64 // the latest expiry among them
}

// anyGeneration is no generation that a member can be of.
const anyGeneration = -1

// withdrawals ends the memberships that complete lists no longer have, and
// those of reports that are gone.
func (p *put) withdrawals(gone []string) error {
	for _, r := range p.reports {
		if r.step != store.Withdraw {
			continue
		}
		if err := p.withdraw(r, r.Generation); err != nil {
			return err
		}
	}
	for _, id := range gone {
		if err := p.gone(id); err != nil {
			return err
		}
	}
	return nil
}

// gone withdraws a whole report, if the feed has it.
func (p *put) gone(id string) error {
	r := &report{}
	err := r.load(p.t, p.feed.id, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && r.removed != null {
		return nil
	}
	if err != nil {
		return err
	}
	p.reports[id] = r
	r.Forget()
	r.removed = p.now
	if err := p.t.exec("DELETE FROM refused WHERE feed = ? AND report = ?", p.feed.id, id); err != nil {
		return err
	}
	if err := dropWarninglist(p.t, r.id); err != nil {
		return err
	}
	return p.withdraw(r, anyGeneration)
}

// withdraw ends the memberships of a report that are not of a generation: the
// rows stay as tombstones, without what the claim said.
func (p *put) withdraw(r *report, keep int64) error {
	if r.fresh {
		return nil
	}
	for {
		n, last, err := p.dropSome(r, keep)
		if err != nil || n == 0 {
			return err
		}
		if err := p.t.exec(`UPDATE member SET removed = ?, claim = 0, created = NULL, expires = NULL, original = ''
 WHERE report = ? AND observable <= ? AND removed IS NULL AND gen <> ?`, p.now, r.id, last, keep); err != nil {
			return err
		}
		if len(p.dropped) < 8*chunk {
			continue
		}
		if err := p.flushDropped(); err != nil {
			return err
		}
	}
}

// dropSome takes notice of the next chunk of rows to withdraw, and returns
// their number and the last observable.
func (p *put) dropSome(r *report, keep int64) (n int, last int64, err error) {
	if err := p.t.alive(); err != nil {
		return 0, 0, err
	}
	err = each(p.t, `SELECT observable, gen, claim, created, expires, original FROM member
 WHERE report = ? AND removed IS NULL AND gen <> ? ORDER BY observable LIMIT ?`, []any{r.id, keep, chunk}, func(row scanner) error {
		w := memberRow{removed: null}
		if err := row(&last, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original); err != nil {
			return err
		}
		n++
		p.drop(r, last, w)
		return nil
	})
	return n, last, err
}

func (p *put) drop(r *report, obs int64, w memberRow) {
	p.changes.Withdrawn++
	r.live--
	tomb := memberRow{gen: w.gen, created: null, expires: null, removed: p.now}
	r.members += tomb.chk(r.id, obs) - w.chk(r.id, obs)
	p.claims.use(w.claim, -1)
	d := p.dropped[obs]
	if d == nil {
		p.dropped[obs] = &drop{1, w.expires}
		return
	}
	d.n++
	d.expires = later(d.expires, w.expires)
}

// flushDropped brings the observables up to date that lost memberships.
func (p *put) flushDropped() error {
	all := slices.Sorted(maps.Keys(p.dropped))
	for part := range slices.Chunk(all, chunk) {
		os, err := p.loadDropped(part)
		if err != nil {
			return err
		}
		for _, o := range os {
			p.lose(o)
		}
		if err := p.writeObservables(os); err != nil {
			return err
		}
	}
	clear(p.dropped)
	return nil
}

func (p *put) lose(o *observable) {
	d := p.dropped[o.id]
	o.live -= d.n
	if o.live == 0 {
		o.expires = null
	} else {
		o.stale = d.expires == o.was.expires
	}
}

func (p *put) loadDropped(keys []int64) ([]*observable, error) {
	var os []*observable
	err := each(p.t, "SELECT "+observableColumns+" FROM observable o WHERE o.id IN (SELECT value FROM json_each(?))", []any{ids(keys)}, func(row scanner) error {
		o := &observable{}
		if err := o.scan(row); err != nil {
			return err
		}
		o.Type = p.types.names[o.code]
		os = append(os, o)
		return nil
	})
	return os, err
}

// Forget removes a feed wholly: its memberships are withdrawn, which leaves
// tombstones for whoever syncs from the store, and its cursor, revisions and
// refusals are deleted. Its hits and run records stay.
func (s *Store) Forget(ctx context.Context, feed string) (ioc.Changes, error) {
	var c ioc.Changes
	err := s.write(ctx, func(t *tx) error {
		p, err := s.forget(t, feed)
		if err == nil && p != nil {
			c = p.changes
		}
		return err
	})
	return c, err
}

func (s *Store) forget(t *tx, feed string) (*put, error) {
	f, err := findFeed(t, feed)
	if f == nil || err != nil || f.removed != null {
		return nil, err
	}
	p, err := s.newPut(t, feed)
	if err != nil {
		return nil, err
	}
	names, err := column1[string](t, "SELECT name FROM report WHERE feed = ? AND removed IS NULL", f.id)
	if err != nil {
		return nil, err
	}
	if err := p.withdrawals(names); err != nil {
		return nil, err
	}
	p.feed.cursor, p.feed.removed = "", p.now
	if err := t.exec("DELETE FROM refused WHERE feed = ?", f.id); err != nil {
		return nil, err
	}
	return p, p.finish()
}

// column1 reads a query with one column whole.
func column1[T any](q querier, query string, args ...any) ([]T, error) {
	var all []T
	err := each(q, query, args, func(row scanner) error {
		var v T
		err := row(&v)
		all = append(all, v)
		return err
	})
	return all, err
}

// ResetCursor forgets how far a feed has been read, and which revisions of its
// reports are stored: the next collection reads and compares everything. What
// is stored stays until then, but for refusals that belong to no report.
func (s *Store) ResetCursor(ctx context.Context, feed string) error {
	return s.write(ctx, func(t *tx) error {
		f, err := findFeed(t, feed)
		if f == nil || err != nil {
			return err
		}
		f.cursor = ""
		if err := f.save(t); err != nil {
			return err
		}
		if err := t.exec("DELETE FROM refused WHERE feed = ? AND report = ''", f.id); err != nil {
			return err
		}
		return forgetRevisions(t, f.id)
	})
}

func forgetRevisions(t *tx, feed int64) error {
	names, err := column1[string](t, "SELECT name FROM report WHERE feed = ?", feed)
	for _, name := range names {
		r := &report{}
		if err = r.load(t, feed, name); err != nil {
			return err
		}
		r.Forget()
		if err = r.save(t); err != nil {
			return err
		}
	}
	return err
}
