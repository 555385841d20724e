package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

const noteKind = "note"

func noteID(key string) string { return noteKind + ":" + hashID(key) }

// Note returns a text that PutNote kept, "" where there is none.
func (s *Store) Note(ctx context.Context, key string) (value string, err error) {
	_, _, err = s.getState(ctx, noteID(key), &value)
	return value, err
}

// PutNote keeps a small text under a key, for the program's own use. An empty
// one stands for none.
func (s *Store) PutNote(ctx context.Context, key, value string) error {
	if s.o.ReadOnly {
		return errReadOnly
	}
	for range maxRounds {
		var was string
		at, _, err := s.getState(ctx, noteID(key), &was)
		if err != nil || was == value {
			return err
		}
		_, err = s.putState(ctx, noteID(key), stateDoc{Kind: noteKind, Name: short(key), At: s.now().UTC()}, value, at)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
	return errConflict
}

// SetState is what has to be known of a store to tell whether a set that was made
// of it is still good, and what it lacks.
type SetState struct {
	Epoch      string // identity of the store: a store that was made anew has another
	Seq        uint64 // everything that was written up to it is to be seen: see Delta
	Generation uint64 // see Store.Generation
}

// State returns the state. A set that was made of what was read after it lacks
// nothing of it.
func (s *Store) State(ctx context.Context) (st SetState, err error) {
	if st.Epoch, err = s.epoch(ctx); err != nil {
		return st, err
	}
	n, _, err := s.counters(ctx)
	if err != nil {
		return st, err
	}
	st.Seq, st.Generation = n.Armed, n.Generation
	return st, nil
}

// epoch is made of the ids that the cluster gave to itself and to the index
// behind the alias.
func (s *Store) epoch(ctx context.Context) (string, error) {
	info, err := s.c.Info(ctx)
	if err != nil {
		return "", err
	}
	var x map[string]struct {
		Settings struct{ Index struct{ UUID string } }
	}
	if err := s.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/" + es.Escape(s.index()) + "/_settings/index.uuid"}, &x); err != nil {
		return "", err
	}
	ids := make([]string, 0, len(x))
	for _, i := range x {
		ids = append(ids, i.Settings.Index.UUID)
	}
	slices.Sort(ids)
	return info.ClusterUUID + "/" + strings.Join(ids, ","), nil
}

// total counts the documents of the index that a query finds.
func (s *Store) total(ctx context.Context, query es.M) (int64, error) {
	r, err := s.c.Search(ctx, s.index(), es.M{"size": 0, "track_total_hits": true, "query": query}, nil)
	if err != nil {
		return 0, err
	}
	return r.Hits.Total.Value, nil
}

// Change is an observable that may have come into the set of what is hunted, or
// left it, or has to meet old events again.
type Change struct {
	ioc.Observable
	Hunted bool // it is in the set now, for whatever feed's sake
}

// Delta yields the changes since a number that State has returned, in no order;
// an observable may come more than once, and may not have changed after all. Who
// has taken all of them lacks nothing up to the Seq of a State that was read
// before.
func (s *Store) Delta(ctx context.Context, since uint64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		body := es.M{"query": es.M{"range": es.M{"ioc.seq": es.M{"gt": since}}}, "_source": []string{"ioc.type", "ioc.value", "ioc.key", "ioc.hunted"}}
		for r, err := range s.c.Pages(ctx, s.index(), "", body) {
			var cs []Change
			if err == nil {
				cs, err = s.changes(ctx, r)
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			for _, c := range cs {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// changes reads one page. What a document does not hunt, that of another feed may.
func (s *Store) changes(ctx context.Context, r *es.Result) ([]Change, error) {
	ds, err := readDocuments(r)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, d := range ds {
		if !d.IOC.Hunted {
			keys = append(keys, d.IOC.Key)
		}
	}
	hunted := map[string]bool{}
	for part := range slices.Chunk(keys, chunk) {
		query := all(es.M{"terms": es.M{"ioc.key": part}}, term("ioc.hunted", true))
		for h, err := range hits(s.c.Pages(ctx, s.index(), "", es.M{"query": query, "_source": []string{"ioc.key"}})) {
			var p pair
			if err == nil {
				err = json.Unmarshal(h.Source, &p)
			}
			if err != nil {
				return nil, err
			}
			hunted[p.IOC.Key] = true
		}
	}
	cs := make([]Change, len(ds))
	for i, d := range ds {
		cs[i] = Change{d.observable(), d.IOC.Hunted || hunted[d.IOC.Key]}
	}
	return cs, nil
}
