package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// What people and services said of observables is kept in ioc_state, a document
// for each decision and for each marked hit, whose name is the observable's key.
// Both precede claims and outlive them.

// evidence is what is kept of one observable.
type evidence struct {
	decisions []ioc.Decision
	marks     map[string]markBody // by hit
}

// facts is what the evidence comes to: an act of marking counts once, however
// many hits it covers.
func (e *evidence) facts() (f ioc.Facts) {
	if e == nil {
		return f
	}
	f.Decisions = slices.SortedFunc(slices.Values(e.decisions), func(a, b ioc.Decision) int { return cmp.Compare(a.Source, b.Source) })
	acts := map[int64]bool{}
	for _, m := range e.marks {
		count := &f.Marks.True
		if m.Verdict == ioc.FalsePositive {
			count = &f.Marks.False
		} else if m.Time.After(f.Marks.LastTrue) {
			f.Marks.LastTrue = m.Time
		}
		if !acts[m.Act] {
			acts[m.Act] = true
			*count++
		}
	}
	return f
}

// Facts returns what is decided about an observable, and what people said of
// its hits.
func (s *Store) Facts(ctx context.Context, o ioc.Observable) (ioc.Facts, error) {
	found, err := s.gather(ctx, []string{keyOf(o)})
	return found[keyOf(o)].facts(), err
}

// gather reads the evidence of some observables. Few have any, so that most often
// one question tells all.
func (s *Store) gather(ctx context.Context, keys []string) (map[string]*evidence, error) {
	kinds := terms("kind", []string{decisionKind, markKind})
	found := map[string]*evidence{}
	for some := range slices.Chunk(keys, maxIDs) {
		for d, err := range s.few(ctx, all(kinds, terms("name", some))) {
			if err == nil {
				err = takeEvidence(found, d)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// takeEvidence adds a document to the evidence that it belongs to.
func takeEvidence(all map[string]*evidence, d *stateDoc) error {
	e := all[d.Name]
	if e == nil {
		e = &evidence{marks: map[string]markBody{}}
		all[d.Name] = e
	}
	if d.Kind == decisionKind {
		var x ioc.Decision
		err := decodeState(d, &x)
		e.decisions = append(e.decisions, x)
		return err
	}
	var m markBody
	err := decodeState(d, &m)
	e.marks[m.Hit] = m
	return err
}

// few is stored for what is most often few documents: those that one answer
// holds come with one request.
func (s *Store) few(ctx context.Context, query es.M) iter.Seq2[*stateDoc, error] {
	return func(yield func(*stateDoc, error) bool) {
		r, err := s.c.Search(ctx, s.state(), es.M{"size": statePage, "track_total_hits": false, "query": query}, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		if len(r.Hits.Hits) < statePage {
			for _, h := range r.Hits.Hits {
				d := new(stateDoc)
				if err := json.Unmarshal(h.Source, d); !yield(d, err) || err != nil {
					return
				}
			}
			return
		}
		for d, err := range s.stored(ctx, query) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&d.stateDoc, nil) {
				return
			}
		}
	}
}

// anyState reports whether there is a document of ioc_state that a query finds.
func (s *Store) anyState(ctx context.Context, query es.M) (bool, error) {
	r, err := s.c.Search(ctx, s.state(), es.M{"size": 1, "_source": false, "track_total_hits": false, "query": query}, nil)
	return err == nil && len(r.Hits.Hits) > 0, err
}

// lastNumber is the highest Number among the documents of a kind.
func (s *Store) lastNumber(ctx context.Context, kind string) (int64, error) {
	for d, err := range s.states(ctx, []es.M{term("kind", kind)}, es.M{"number": "desc"}) {
		return d.Number, err
	}
	return 0, nil
}
