package elastic

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/store"
)

// PutRun stores a run record. The verb is its document's name, and the number
// tells which of two that began at once was stored last.
func (s *Store) PutRun(ctx context.Context, r store.Run) error {
	d := stateDoc{Kind: "run", Name: r.Verb, Feed: r.Feed, At: r.Started.UTC(), Number: s.now().UnixNano()}
	r.Started, r.Ended = r.Started.UTC(), r.Ended.UTC()
	_, err := s.putState(ctx, "run:"+rand.Text(), d, r, version{})
	if errors.Is(err, errConflict) { // the id is random: it is this very record, whose answer was lost
		err = nil
	}
	return err
}

// Runs yields run records, newest first.
func (s *Store) Runs(ctx context.Context, f store.RunFilter) iter.Seq2[store.Run, error] {
	return func(yield func(store.Run, error) bool) {
		n := 0
		for d, err := range s.states(ctx, runQuery(&f), es.M{"at": "desc"}, es.M{"number": "desc"}) {
			var r store.Run
			if err == nil {
				err = decodeState(&d, &r)
			}
			if err != nil {
				yield(store.Run{}, err)
				return
			}
			if !runWanted(&f, &r) {
				continue
			}
			if n++; !yield(r, nil) || n == f.Limit {
				return
			}
		}
	}
}

// runQuery finds the run records that a filter wants, and perhaps more: dates
// are indexed to the millisecond, and the outcome is not.
func runQuery(f *store.RunFilter) []es.M {
	q := []es.M{term("kind", "run")}
	if f.Verb != "" {
		q = append(q, term("name", f.Verb))
	}
	if f.Feed != "" {
		q = append(q, term("feed", f.Feed))
	}
	return append(q, between("at", f.From, f.To)...)
}

func runWanted(f *store.RunFilter, r *store.Run) bool {
	return (f.Outcome == "" || f.Outcome == r.Outcome) && (f.Verb == "" || f.Verb == r.Verb) && (f.Feed == "" || f.Feed == r.Feed) &&
		within(r.Started, f.From, f.To)
}

// decodeState decodes the body of a document of ioc_state.
func decodeState(d *stateDoc, into any) error {
	if err := unpack(d.Body, into); err != nil {
		return fmt.Errorf("ioc_state: a document of the kind %s is not what was written: %w", d.Kind, err)
	}
	return nil
}

// statePage is how many documents of ioc_state are read at a time.
const statePage = 1000

// states yields the documents of ioc_state that all clauses hold for, by sort: a
// field and "asc" or "desc" each, which together have to be different for each
// document. It reads what is stored when it gets there.
func (s *Store) states(ctx context.Context, filter []es.M, sort ...es.M) iter.Seq2[stateDoc, error] {
	return func(yield func(stateDoc, error) bool) {
		if err := s.freshen(ctx, s.state()); err != nil {
			yield(stateDoc{}, err)
			return
		}
		body := es.M{"size": statePage, "track_total_hits": false, "query": es.M{"bool": es.M{"filter": filter}}, "sort": sort}
		for n := statePage; n == statePage; {
			r, err := s.c.Search(ctx, s.state(), body, nil)
			if err != nil {
				yield(stateDoc{}, err)
				return
			}
			n = len(r.Hits.Hits)
			for _, h := range r.Hits.Hits {
				var d stateDoc
				if err := json.Unmarshal(h.Source, &d); !yield(d, err) || err != nil {
					return
				}
				body["search_after"] = h.Sort
			}
		}
	}
}

// freshen makes all that was written to an index findable. A store that only
// reads may not ask for it: it sees what is a second old.
func (s *Store) freshen(ctx context.Context, index string) error {
	if s.o.ReadOnly {
		return nil
	}
	return s.refresh(ctx, index)
}
