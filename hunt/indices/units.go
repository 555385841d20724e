package indices

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
)

// fieldGroups is in how many parts the fields of a big index are hunted.
const fieldGroups = 4

// groups deals the fields of an index out. Those that are read from the
// documents themselves stay together: one reading serves them all.
func groups(ix *Index) [][]string {
	out := make([][]string, fieldGroups+1)
	n := 0
	for i := range ix.Fields {
		f := &ix.Fields[i]
		at := fieldGroups
		if !f.Text && f.Search != "" && !f.facts.source {
			at = n % fieldGroups
			n++
		}
		out[at] = append(out[at], f.Name)
	}
	kept := out[:0]
	for _, g := range out {
		if len(g) > 0 {
			kept = append(kept, g)
		}
	}
	return kept
}

// Sweep implements hunt.Source.
func (w *Watch) Sweep(ctx context.Context, u hunt.Unit, set hunt.Matcher, found func([]hunt.Document) error) (hunt.SweepReport, error) {
	ix, err := w.index(ctx, &u)
	if err != nil {
		return hunt.SweepReport{}, err
	}
	win, err := w.window(&u)
	if err != nil {
		return hunt.SweepReport{}, err
	}
	s, ok := set.(Set)
	if !ok {
		return hunt.SweepReport{}, fmt.Errorf("a set of the type %T cannot be hunted in indices", set)
	}
	r, err := w.e.Sweep(ctx, w.src, ix, win, s, u.Fields, func(fs []Found) error { return found(documents(fs)) })
	if err == nil && len(r.Incomplete) > 0 && w.gone(ctx, &ix) {
		err = fmt.Errorf("%w: %s was deleted while it was searched", hunt.ErrStale, ix.Name)
	}
	return reportOf(&ix, r), err
}

// index returns the index of a unit, which another hunter may have seen first.
func (w *Watch) index(ctx context.Context, u *hunt.Unit) (Index, error) {
	for range 2 {
		w.mu.Lock()
		ix, ok := w.known[u.Index]
		w.mu.Unlock()
		if ok && idOf(&ix) == u.ID && ix.FieldsKey == u.Key {
			return ix, nil
		}
		if _, _, err := w.indices(ctx); err != nil {
			return Index{}, err
		}
	}
	return Index{}, fmt.Errorf("%w: %s", hunt.ErrStale, u.Index)
}

// gone reports whether an index is not there any more.
func (w *Watch) gone(ctx context.Context, ix *Index) bool {
	if ix.Remote {
		return false
	}
	var x map[string]struct {
		Settings struct{ Index struct{ UUID string } }
	}
	err := w.e.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/" + es.Escape(ix.Name) + "/_settings/index.uuid", Ask: true}, &x)
	if es.IsStatus(err, http.StatusNotFound) {
		return true
	}
	return err == nil && x[ix.Name].Settings.Index.UUID != ix.UUID
}

// window returns the part of an index that a unit is about.
func (w *Watch) window(u *hunt.Unit) (Window, error) {
	win := Window{Events: u.Events, Whole: u.Whole}
	slices := make(map[string][]es.M)
	for _, p := range u.Pieces {
		if p.Stamp != "" {
			kind, q, err := w.lane(p.Lane)
			if err != nil {
				return win, err
			}
			slices[kind] = append(slices[kind], q)
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(p.Lane, shardPrefix))
		if err != nil {
			return win, fmt.Errorf("%w: a lane named %q is not of this version of iochunt", hunt.ErrStale, p.Lane)
		}
		win.Shards = append(win.Shards, ShardRange{n, p.Over, p.UpTo})
	}
	win.Query = w.anyOf(slices)
	return win, nil
}

// anyOf returns the query for the documents of some slices, by their kind.
func (w *Watch) anyOf(slices map[string][]es.M) es.M {
	var any []es.M
	for _, kind := range []string{laneAll, laneBetween, laneRest, byIngest, byTime} {
		if qs := slices[kind]; len(qs) == 1 {
			any = append(any, es.M{"bool": es.M{"filter": []es.M{w.slice(kind), qs[0]}}})
		} else if len(qs) > 1 {
			any = append(any, es.M{"bool": es.M{"filter": w.slice(kind), "should": qs, "minimum_should_match": 1}})
		}
	}
	switch len(any) {
	case 0:
		return nil
	case 1:
		return any[0]
	}
	return es.M{"bool": es.M{"should": any, "minimum_should_match": 1}}
}

func documents(fs []Found) []hunt.Document {
	out := make([]hunt.Document, len(fs))
	for i := range fs {
		f := &fs[i]
		d := hunt.Document{Index: f.Index, ID: f.ID, Source: f.Source, Matches: make([]hunt.FieldMatch, len(f.Matches))}
		if f.TimeFound {
			d.Time = f.Time
		}
		for j, m := range f.Matches {
			d.Matches[j] = hunt.FieldMatch(m)
		}
		out[i] = d
	}
	return out
}

func reportOf(ix *Index, r Report) hunt.SweepReport {
	out := hunt.SweepReport{Events: r.Events, Incomplete: r.Incomplete}
	for _, p := range r.Plans {
		out.Plans = append(out.Plans, hunt.PlanUse{
			Index: ix.Name, Field: p.Field, Plan: p.Plan, Why: p.Why, Estimated: p.Estimated, Took: p.Took,
			Distinct: p.Distinct, Values: p.Values, Requests: p.Requests, Candidates: p.Candidates, Streamed: p.Streamed,
		})
	}
	return out
}

var _ hunt.Source = (*Watch)(nil)
