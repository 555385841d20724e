package local

import (
	"context"
	"time"
)

// Pruned says what Prune deleted.
type Pruned struct {
	Tombstones  int // memberships
	Observables int // with no membership left
	Runs        int
}

// Prune deletes what is only history: tombstones of memberships withdrawn
// before a time, observables that have none but those, and run records that
// ended before it. Whoever syncs from the store less often than that has to
// read it whole.
func (s *Store) Prune(ctx context.Context, before time.Time) (p Pruned, err error) {
	err = s.write(ctx, func(t *tx) error {
		p = Pruned{}
		if err := s.pruneMembers(t, stamp(before), &p); err != nil {
			return err
		}
		if err := pruneObservables(t, &p); err != nil {
			return err
		}
		p.Runs, err = t.affect("DELETE FROM run WHERE ended < ?", stamp(before))
		return err
	})
	return p, err
}

func (s *Store) pruneMembers(t *tx, before int64, p *Pruned) error {
	reports, err := column1[int64](t, "SELECT id FROM report")
	if err != nil {
		return err
	}
	for _, id := range reports {
		if err := t.alive(); err != nil {
			return err
		}
		if err := pruneReport(t, id, before, p); err != nil {
			return err
		}
	}
	return nil
}

func pruneReport(t *tx, id, before int64, p *Pruned) error {
	gone := int64(0)
	n := 0
	err := each(t, "SELECT observable, gen, claim, created, expires, original, removed FROM member WHERE report = ? AND removed < ?", []any{id, before}, func(row scanner) error {
		var obs int64
		var w memberRow
		err := row(&obs, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original, (*nullable)(&w.removed))
		gone += w.chk(id, obs)
		n++
		return err
	})
	if err != nil || n == 0 {
		return err
	}
	p.Tombstones += n
	if err := t.exec("DELETE FROM member WHERE report = ? AND removed < ?", id, before); err != nil {
		return err
	}
	r := &report{}
	err = each(t, "SELECT "+reportColumns+" FROM report WHERE id = ?", []any{id}, func(row scanner) error { return r.scan(row) })
	if err != nil {
		return err
	}
	r.members -= gone
	return r.save(t)
}

// pruneObservables deletes observables without any membership. Tombstones are
// in no index, so they are found in one pass over all memberships.
func pruneObservables(t *tx, p *Pruned) error {
	if p.Tombstones == 0 {
		return nil
	}
	const orphans = "live = 0 AND id NOT IN (SELECT observable FROM member WHERE removed IS NOT NULL)"
	var gone int64
	verdicts := map[int64]bool{}
	err := each(t, "SELECT "+observableColumns+" FROM observable o WHERE "+orphans, nil, func(row scanner) error {
		o := &observable{}
		err := o.scan(row)
		gone += o.chk(o.state)
		verdicts[o.verdict] = true
		return err
	})
	if err != nil {
		return err
	}
	if p.Observables, err = t.affect("DELETE FROM observable WHERE " + orphans); err != nil {
		return err
	}
	if err := sweepVerdicts(t, verdicts); err != nil {
		return err
	}
	v, err := meta(t, metaSum)
	if err != nil {
		return err
	}
	return t.setMeta(metaSum, v-gone)
}
