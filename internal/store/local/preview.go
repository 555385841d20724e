package local

import (
	"context"
	"errors"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// errPreview takes a transaction back that was made to be looked at.
var errPreview = errors.New("only looked at")

// PreviewMark returns what MarkHits would change: the facts of each observable
// before and after, and the number of hits. It marks in a transaction that is
// taken back, so that it is right by construction.
func (s *Store) PreviewMark(ctx context.Context, f store.HitFilter, m ioc.Mark) (effects []store.MarkEffect, hits int, err error) {
	err = s.write(ctx, func(t *tx) error {
		all, err := selectHits(t, f, m.Verdict == "")
		if err != nil || len(all) == 0 {
			return err
		}
		if effects, err = markEffects(t, all, &m); err != nil {
			return err
		}
		hits = len(all)
		return errPreview
	})
	if err != nil && !errors.Is(err, errPreview) {
		return nil, 0, err
	}
	return effects, hits, nil
}

// markEffects marks, and compares the facts before with those after.
func markEffects(t *tx, all []marked, m *ioc.Mark) ([]store.MarkEffect, error) {
	some := observablesOf(all)
	before, err := factsOf(t, some)
	if err != nil {
		return nil, err
	}
	if err := t.mark(all, m); err != nil {
		return nil, err
	}
	after, err := factsOf(t, some)
	if err != nil {
		return nil, err
	}
	count := map[ioc.Observable]int{}
	for i := range all {
		count[all[i].Observable]++
	}
	effects := make([]store.MarkEffect, len(some))
	for i, o := range some {
		effects[i] = store.MarkEffect{Observable: o, Hits: count[o], Before: before[o], After: after[o]}
	}
	return effects, nil
}

func factsOf(t *tx, some []ioc.Observable) (map[ioc.Observable]ioc.Facts, error) {
	os := make([]*observable, len(some))
	for i, o := range some {
		os[i] = &observable{Observable: o, hash: observableHash(o)}
	}
	return loadFacts(t, os)
}

// HitCount returns how many hits of an observable are stored.
func (s *Store) HitCount(ctx context.Context, o ioc.Observable) (n int, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		return one(q, "SELECT count(*) FROM hit WHERE value = ? AND type = ?", []any{o.Value, string(o.Type)}, &n)
	})
	return n, err
}
