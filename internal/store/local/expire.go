package local

import (
	"context"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Withdraw withdraws some observables from a feed: all memberships of them in
// its reports. They stay withdrawn until a report of another revision names
// them. It is no error if the feed does not have them.
func (s *Store) Withdraw(ctx context.Context, feed string, os []ioc.Observable) (c ioc.Changes, err error) {
	err = s.write(ctx, func(t *tx) error {
		f, err := findFeed(t, feed)
		if f == nil || err != nil || f.removed != null {
			return err
		}
		p, err := s.newPut(t, feed)
		if err != nil {
			return err
		}
		if err := p.withdrawSome(os); err != nil {
			return err
		}
		c = p.changes
		return nil
	})
	if err != nil {
		return ioc.Changes{}, err
	}
	return c, nil
}

func (p *put) withdrawSome(os []ioc.Observable) error {
	reports, err := p.liveReports()
	if err != nil {
		return err
	}
	for len(os) > 0 {
		n := min(chunk, len(os))
		found, err := findStored(p.t, p.types, os[:n])
		if err != nil {
			return err
		}
		if err := p.withdrawFound(reports, found); err != nil {
			return err
		}
		os = os[n:]
	}
	return p.finish()
}

// liveReports returns the feed's reports that have live memberships.
func (p *put) liveReports() (map[int64]*report, error) {
	byID := map[int64]*report{}
	return byID, each(p.t, "SELECT "+reportColumns+" FROM report WHERE feed = ? AND live > 0", []any{p.feed.id}, func(row scanner) error {
		r := &report{}
		err := r.scan(row)
		byID[r.id] = r
		return err
	})
}

// withdrawFound ends the memberships of stored observables in some reports.
func (p *put) withdrawFound(reports map[int64]*report, os []*observable) error {
	if err := p.t.alive(); err != nil {
		return err
	}
	keys := make([]int64, len(os))
	for i, o := range os {
		keys[i] = o.id
	}
	type key struct{ report, obs int64 }
	var gone []key
	err := each(p.t, `SELECT report, observable, gen, claim, created, expires, original FROM member INDEXED BY member_live
 WHERE removed IS NULL AND observable IN (SELECT value FROM json_each(?))`, []any{ids(keys)}, func(row scanner) error {
		var k key
		w := memberRow{removed: null}
		err := row(&k.report, &k.obs, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original)
		r := reports[k.report]
		if err != nil || r == nil {
			return err
		}
		p.reports[r.name] = r
		p.drop(r, k.obs, w)
		gone = append(gone, k)
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range gone {
		if err := p.t.exec(`UPDATE member SET removed = ?, claim = 0, created = NULL, expires = NULL, original = ''
 WHERE report = ? AND observable = ?`, p.now, k.report, k.obs); err != nil {
			return err
		}
	}
	return p.flushDropped()
}

// Rearm arms everything of some types anew that is not withdrawn, or of all
// types where none is named: it has to meet old events again.
func (s *Store) Rearm(ctx context.Context, names []ioc.Type) error {
	return s.write(ctx, func(t *tx) error {
		c, err := loadCounters(t)
		if err != nil {
			return err
		}
		ts, err := loadTypes(t)
		if err != nil {
			return err
		}
		w := where{}
		w.add("live > 0")
		if len(names) > 0 {
			w.add("type IN (SELECT value FROM json_each(?))", ids(ts.some(names)))
		}
		err = each(t, "SELECT "+observableColumns+" FROM observable o"+w.sql(), w.args, func(row scanner) error {
			var o observable
			err := o.scan(row)
			o.armed, c.arming = c.armed, true
			c.sum += o.chk(o.state) - o.chk(o.was)
			return err
		})
		if err != nil || !c.arming {
			return err
		}
		if err := t.exec("UPDATE observable SET armed = ?"+w.sql(), append([]any{c.armed}, w.args...)...); err != nil {
			return err
		}
		if err := c.keepJudged(t); err != nil {
			return err
		}
		return c.save(t)
	})
}
