package elastic

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/iochunt/iochunt/internal/es"
)

// A writer that was stopped for longer than its lease (a host that sleeps, a
// request that hangs) may find out only when one more of its writes has got
// through. That bears a number which others have counted by then: who has seen
// all up to it would never ask for it. So the counters remember the numbers that
// were left open, and each change looks for what bears one of them and gives it
// its own.

// maxLeft is how many numbers are remembered: more writers than that do not wake
// up again.
const maxLeft = 64

// leave remembers a number.
func (n *numbers) leave(number uint64) {
	if slices.Contains(n.Left, number) {
		return
	}
	n.Left = append(slices.Clone(n.Left), number)
	n.Left = n.Left[max(len(n.Left)-maxLeft, 0):]
}

// recount makes the counters of what is in the index: numbers that begin anew
// beside it would be those that set files and coverage have counted long ago.
func (s *Store) recount(ctx context.Context) (n numbers, err error) {
	if err := s.refresh(ctx, s.index()); err != nil {
		return n, err
	}
	r, err := s.c.Search(ctx, s.index(), es.M{"size": 0, "track_total_hits": false, "aggs": es.M{
		"seq": es.M{"max": es.M{"field": "ioc.seq"}}, "armed": es.M{"max": es.M{"field": "ioc.armed_seq"}},
		"feeds": es.M{"terms": es.M{"field": "ioc.feed", "size": maxHits}},
	}}, nil)
	if err != nil {
		return n, err
	}
	for _, name := range []string{"seq", "armed"} {
		var x struct{ Value float64 } // null where there is none
		if err := json.Unmarshal(r.Aggs[name], &x); err != nil {
			return n, err
		}
		n.Armed = max(n.Armed, uint64(x.Value))
	}
	n.Taken, n.Generation = n.Armed, n.Armed
	var feeds struct{ Buckets []struct{ Key string } }
	if err := json.Unmarshal(r.Aggs["feeds"], &feeds); err != nil {
		return n, err
	}
	for _, b := range feeds.Buckets {
		if n.Feeds == nil {
			n.Feeds = map[string]bool{}
		}
		n.Feeds[b.Key] = true
	}
	return n, nil
}

// mend gives what bears a number that was left the number of this change. It comes
// to nothing but for one search, nearly always.
func (t *tx) mend(ctx context.Context) error {
	query := es.M{"bool": es.M{"should": []es.M{{"terms": es.M{"ioc.seq": t.n.Left}}, {"terms": es.M{"ioc.armed_seq": t.n.Left}}}, "minimum_should_match": 1}}
	body := es.M{"query": query, "size": mendPage, "track_total_hits": false, "sort": []string{"_doc"}, "seq_no_primary_term": true}
	for more := true; more; {
		if err := t.s.refresh(ctx, t.s.index()); err != nil {
			return err
		}
		r, err := t.s.c.Search(ctx, t.s.index(), body, nil)
		if err != nil || len(r.Hits.Hits) == 0 {
			return err
		}
		ds, err := readDocuments(r)
		if err == nil {
			err = t.renumber(ctx, ds)
		}
		if err != nil {
			return err
		}
		more = len(ds) == mendPage
	}
	return nil
}

// mendPage is how many documents are mended at a time.
const mendPage = 1000

func (t *tx) renumber(ctx context.Context, ds []*document) error {
	number, err := t.begin(ctx)
	if err != nil {
		return err
	}
	w := t.s.newWriter(ctx, t)
	for i := 0; err == nil && i < len(ds); i++ {
		if slices.Contains(t.n.Left, ds[i].IOC.ArmedSeq) {
			ds[i].IOC.ArmedSeq = number
		}
		ds[i].IOC.Seq, t.hunted = number, true
		err = w.add(ds[i])
	}
	if e := w.close(); err == nil {
		err = e
	}
	switch {
	case err != nil:
		return err
	case len(w.dead) > 0:
		return deadError(w.dead[0])
	case len(w.conflicts) > 0: // who was left writes still
		return errConflict
	}
	return nil
}
