package elastic

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	"github.com/iochunt/iochunt/internal/es"
)

// term is the query for documents in which a field has a value.
func term(field string, value any) es.M { return es.M{"term": es.M{field: value}} }

// terms is the query for documents in which a field has one of some values.
func terms[T ~string](field string, values []T) es.M {
	safely := make([]string, len(values))
	for i, v := range values {
		safely[i] = safe(string(v))
	}
	return es.M{"terms": es.M{field: safely}}
}

// all is the query for what meets all of some queries, none of which counts for a
// score.
func all(qs ...es.M) es.M { return es.M{"bool": es.M{"filter": qs}} }

// except is the query for what meets q and none of some others.
func except(q es.M, not ...es.M) es.M {
	return es.M{"bool": es.M{"filter": []es.M{q}, "must_not": not}}
}

// ofKind is the query for documents of ioc_state.
func ofKind(kind string, qs ...es.M) es.M { return all(append([]es.M{term("kind", kind)}, qs...)...) }

// getStates reads some documents of ioc_state, as they are now and not as of the
// last refresh, and calls f for each that is there.
func (s *Store) getStates(ctx context.Context, ids []string, f func(id string, at version, d *stateDoc) error) error {
	for len(ids) > 0 {
		n := min(len(ids), 1000)
		if err := s.getSome(ctx, ids[:n], f); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (s *Store) getSome(ctx context.Context, ids []string, f func(id string, at version, d *stateDoc) error) error {
	body, err := json.Marshal(es.M{"ids": ids})
	if err != nil {
		return err
	}
	var x struct {
		Docs []struct {
			ID     string          `json:"_id"`
			SeqNo  int64           `json:"_seq_no"`
			Term   int64           `json:"_primary_term"`
			Found  bool            `json:"found"`
			Source *stateDoc       `json:"_source"`
			Error  json.RawMessage `json:"error"`
		} `json:"docs"`
	}
	req := es.Request{Method: http.MethodPost, Path: "/" + es.Escape(s.state()) + "/_mget", Body: body}
	if err := s.c.Do(ctx, req, &x); err != nil {
		return err
	}
	for _, d := range x.Docs {
		switch {
		case len(d.Error) > 0:
			return &es.Error{Method: req.Method, Path: req.Path, Status: http.StatusInternalServerError, Reason: string(d.Error)}
		case d.Found && d.Source != nil:
			if err := f(d.ID, version{d.SeqNo, d.Term}, d.Source); err != nil {
				return err
			}
		}
	}
	return nil
}

// storedState is a document of ioc_state as a search found it.
type storedState struct {
	id string
	at version
	stateDoc
}

// stored yields documents of ioc_state, as of the last refresh, in no order.
func (s *Store) stored(ctx context.Context, query es.M) iter.Seq2[*storedState, error] {
	return func(yield func(*storedState, error) bool) {
		for r, err := range s.c.Pages(ctx, s.state(), "", es.M{"query": query, "size": 1000, "seq_no_primary_term": true}) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range r.Hits.Hits {
				h := &r.Hits.Hits[i]
				d := &storedState{id: h.ID, at: version{h.SeqNo, h.PrimaryTerm}}
				if err := json.Unmarshal(h.Source, &d.stateDoc); err != nil {
					yield(nil, err)
					return
				}
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}
