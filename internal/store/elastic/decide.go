package elastic

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A decision's body is the ioc.Decision. The number of its document says in which
// order decisions were made.
const decisionKind = "decision"

// Decide stores decisions, of observables that are not stored too, and lets
// judge derive the verdicts of those observables anew. A decision takes the place
// of the one that the same source made before; one whose verdict is "" only takes
// it back. After an error decisions may be stored, and the next pass judges
// everything.
func (s *Store) Decide(ctx context.Context, ds []ioc.Decision, judge ioc.Judge) error {
	touched, err := store.Decided(ds)
	if err != nil {
		return err
	}
	if len(ds) == 0 {
		return ctx.Err()
	}
	return s.writing(ctx, func(ctx context.Context, t *tx) error {
		return s.judgedAfter(ctx, t, distinct(touched), judge, func() error { return s.putDecisions(ctx, ds) })
	})
}

// distinct returns observables each once.
func distinct(all []ioc.Observable) (once []ioc.Observable) {
	seen := make(map[ioc.Observable]bool, len(all))
	for _, o := range all {
		if !seen[o] {
			seen[o] = true
			once = append(once, o)
		}
	}
	return once
}

func decisionID(d *ioc.Decision) string {
	return decisionKind + ":" + hashID(string(d.Type), d.Value, d.Source)
}

// putDecisions stores decisions; of several of one source about one observable
// the last.
func (s *Store) putDecisions(ctx context.Context, ds []ioc.Decision) error {
	number, err := s.lastNumber(ctx, decisionKind)
	if err != nil {
		return err
	}
	last := make(map[string]int, len(ds))
	for i := range ds {
		last[decisionID(&ds[i])] = i
	}
	var items []es.Item
	for i := range ds {
		if last[decisionID(&ds[i])] != i {
			continue
		}
		it, err := decisionItem(ds[i], number+1+int64(i))
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	return s.putStates(ctx, items)
}

// decisionItem is the write of a decision, or its end.
func decisionItem(d ioc.Decision, number int64) (es.Item, error) {
	it := es.Item{Op: es.Delete, ID: decisionID(&d)}
	if d.Verdict == "" {
		return it, nil
	}
	d.At = cutTime(d.At)
	doc := stateDoc{Kind: decisionKind, Name: keyOf(d.Observable), At: d.At, Number: number}
	var err error
	if doc.Body, err = pack(d); err == nil {
		it.Op = es.Index
		it.Body, err = json.Marshal(doc)
	}
	return it, err
}

// Decisions yields all decisions in force, in the order in which they were
// made.
func (s *Store) Decisions(ctx context.Context) iter.Seq2[ioc.Decision, error] {
	return func(yield func(ioc.Decision, error) bool) {
		for doc, err := range s.states(ctx, []es.M{term("kind", decisionKind)}, es.M{"number": "asc"}) {
			var d ioc.Decision
			if err == nil {
				err = decodeState(&doc, &d)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}
