package elastic

import (
	"context"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

// Pruned says what Prune deleted.
type Pruned struct {
	Tombstones  int // of a feed's claims about an observable
	Observables int // of which nothing is left
	Runs        int
}

// Prune deletes what is only history: tombstones of what was withdrawn before a
// time, observables that have none but those, and run records that ended before
// it. Whoever syncs from the store less often than that has to read it whole.
func (s *Store) Prune(ctx context.Context, before time.Time) (p Pruned, err error) {
	err = s.writing(ctx, func(ctx context.Context, _ *tx) error {
		p = Pruned{}
		if err := s.pruneDocuments(ctx, before, &p); err != nil {
			return err
		}
		return s.pruneRuns(ctx, before, &p)
	})
	return p, err
}

func (s *Store) pruneDocuments(ctx context.Context, before time.Time, p *Pruned) error {
	if err := s.refresh(ctx, s.index()); err != nil {
		return err
	}
	keys := map[string]bool{}
	query := all(term("ioc.live", false), es.M{"range": es.M{"ioc.withdrawn_at": es.M{"lt": dateOf(before)}}})
	for r, err := range s.c.Pages(ctx, s.index(), "", es.M{"size": judgeChunk, "query": query, "_source": []string{"ioc.key"}}) {
		if err != nil {
			return err
		}
		ds, err := readDocuments(r)
		if err != nil {
			return err
		}
		items := make([]es.Item, len(ds))
		for i, d := range ds {
			items[i] = es.Item{Op: es.Delete, ID: d.id}
			keys[d.IOC.Key] = true
		}
		n, err := s.deleteAll(ctx, s.index(), items)
		p.Tombstones += n
		if err != nil {
			return err
		}
	}
	return s.countGone(ctx, keysOf(keys), p)
}

// countGone counts the observables of which nothing is left.
func (s *Store) countGone(ctx context.Context, keys []string, p *Pruned) error {
	for some := range slices.Chunk(keys, judgeChunk) {
		left, err := s.byKeys(ctx, some)
		if err != nil {
			return err
		}
		p.Observables += len(some) - len(left)
	}
	return nil
}

// pruneRuns deletes run records. When one ended stands in its body alone.
func (s *Store) pruneRuns(ctx context.Context, before time.Time, p *Pruned) error {
	var items []es.Item
	for d, err := range s.stored(ctx, ofKind("run", es.M{"range": es.M{"at": es.M{"lt": dateOf(before)}}})) {
		var r struct{ Ended time.Time }
		if err == nil {
			err = decodeState(&d.stateDoc, &r)
		}
		if err != nil {
			return err
		}
		if !r.Ended.IsZero() && r.Ended.Before(before) {
			items = append(items, es.Item{Op: es.Delete, ID: d.id})
		}
	}
	var err error
	p.Runs, err = s.deleteAll(ctx, s.state(), items)
	return err
}

// deleteAll deletes documents, and returns how many there were.
func (s *Store) deleteAll(ctx context.Context, index string, items []es.Item) (n int, err error) {
	b := s.c.NewBulk(ctx, es.BulkOptions{Index: index, Refresh: "true", Done: func(o es.Outcome) {
		if o.Status < 300 {
			n++
		}
	}})
	for i := 0; i < len(items) && err == nil; i++ {
		err = b.Add(items[i])
	}
	if _, e := b.Close(); err == nil {
		err = e
	}
	return n, err
}
