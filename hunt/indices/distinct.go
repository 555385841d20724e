package indices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

// list finds the candidates of targets, which are all of one field, by the
// distinct values of the field.
func (s *sweep) list(ctx context.Context, ts []*target) error {
	t := ts[0]
	m := newMatcher(s.set)
	matched := make([][]string, len(ts))
	began, n := time.Now(), int64(0)
	for page, err := range s.distinctValues(ctx, t, common(ts)) {
		if err != nil {
			return err
		}
		n += int64(len(page))
		for k, t := range ts {
			matched[k] = append(matched[k], s.matching(m, t, page)...)
		}
		if err := s.damage(); err != nil {
			return err
		}
	}
	s.listed(ctx, t, n, time.Since(began))
	for k, t := range ts {
		if err := s.holding(ctx, t, matched[k]); err != nil {
			return err
		}
	}
	return nil
}

// common returns the filter of targets: the values of a field are listed once for
// all of them, so where one is about every document the list is, too.
func common(ts []*target) es.M {
	if len(ts) == 1 {
		return ts[0].filter
	}
	return nil
}

// listed notes what listing the values has cost.
func (s *sweep) listed(ctx context.Context, t *target, n int64, took time.Duration) {
	t.use.add(func(x *PlanUse) { x.Distinct += n })
	s.learn(ctx, t, func(field, cluster *Cost) {
		field.Distinct, field.Docs = n, max(s.ix.Docs, 1)
		each := took.Seconds() / float64(workers) / float64(max(n, 1)) // another is listed beside it
		switch {
		case n < 10000:
		case t.facts.enum:
			cluster.Enum = blend(cluster.Enum, each)
		default:
			cluster.Agg = blend(cluster.Agg, each)
		}
	})
}

// matching returns the values in which something wanted stands, or may.
func (s *sweep) matching(m *matcher, t *target, values []string) (out []string) {
	last := -1
	take := func(i int) {
		if i != last {
			out = append(out, values[i])
		}
		last = i
	}
	m.many(values, t.Prefix, t.types, take)
	if t.ports && s.ports != nil {
		last = -1
		newMatcher(s.ports).many(values, "", anyType, take)
	}
	return out
}

var anyType = typeSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// holding judges the documents that hold one of values.
func (s *sweep) holding(ctx context.Context, t *target, values []string) error {
	for _, c := range cut(nil, t, values, s.maxTerms()) {
		t.use.add(func(x *PlanUse) { x.Values += int64(c.n) })
		q := es.M{"terms": es.M{t.Search: json.RawMessage(c.list)}}
		if t.facts.nested != "" {
			q = es.M{"nested": es.M{"path": t.facts.nested, "query": q}}
		}
		if t.filter != nil {
			q = es.M{"bool": es.M{"filter": []es.M{q, t.filter}}}
		}
		if err := s.candidates(ctx, t.use, q); err != nil {
			return err
		}
	}
	return nil
}

// distinctValues yields the values that a field has in the documents that meet
// filter, or more, in pages.
func (s *sweep) distinctValues(ctx context.Context, t *target, filter es.M) iter.Seq2[[]string, error] {
	if t.SearchKind == "constant_keyword" {
		return func(yield func([]string, error) bool) {
			if t.facts.constant != "" {
				yield([]string{t.facts.constant}, nil)
			}
		}
	}
	if !t.facts.enum {
		return s.counted(ctx, t, filter)
	}
	return func(yield func([]string, error) bool) {
		for page, err := range s.c.TermsEnum(ctx, s.ix.Name, t.Search, 0, s.ix.Shards) {
			t.use.add(func(x *PlanUse) { x.Requests++ })
			if errors.Is(err, es.ErrHidden) && t.Aggregatable && t.facts.nested == "" {
				s.counted(ctx, t, filter)(yield) // what the user may see can be counted all the same
				return
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// counted yields the values that a field has in the documents that meet filter,
// by aggregations.
func (s *sweep) counted(ctx context.Context, t *target, filter es.M) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for i := range s.parts {
			if !s.aggregated(ctx, t, s.parts[i].with(filter), yield) {
				return
			}
		}
	}
}

const (
	maxBuckets    = 65535 // search.max_buckets is 65,536
	fullPartition = 50000 // values in a partition, so that a guess that is a little low still fits
	maxPartitions = 1 << 14
)

// aggregated yields the values of a field in a part of the window, partition by
// partition. It reports whether to go on.
func (s *sweep) aggregated(ctx context.Context, t *target, p *part, yield func([]string, error) bool) bool {
	n, err := s.partitions(ctx, t, p)
	for i := 0; i < n && err == nil; {
		var page []string
		page, err = s.partition(ctx, t, p, i, n)
		if errors.Is(err, errTooMany) && n < maxPartitions {
			n, i, err = 2*n, 0, nil // values that were seen before do no harm
			continue
		}
		if i++; err == nil && !yield(page, nil) {
			return false
		}
	}
	return err == nil || yield(nil, err)
}

// partitions guesses how many partitions are needed.
func (s *sweep) partitions(ctx context.Context, t *target, p *part) (int, error) {
	rs, err := s.c.MSearch(ctx, []es.Query{{Index: s.ix.Name, Preference: p.preference, Body: es.M{
		"size": 0, "track_total_hits": false, "query": p.query(), "aggs": es.M{"n": es.M{"cardinality": es.M{"field": t.Search}}}}}}, 1)
	if err != nil {
		return 0, err
	}
	t.use.add(func(x *PlanUse) { x.Requests++ })
	var x struct{ Value int }
	err = json.Unmarshal(rs[0].Aggs["n"], &x)
	return x.Value/fullPartition + 1, err
}

// errTooMany says that a partition holds more values than fit in an answer.
var errTooMany = errors.New("more distinct values than one answer can hold")

// partition returns the values of partition i of n: all of them, or errTooMany.
func (s *sweep) partition(ctx context.Context, t *target, p *part, i, n int) ([]string, error) {
	terms := es.M{"field": t.Search, "size": maxBuckets, "order": es.M{"_key": "asc"}}
	if n > 1 {
		terms["include"] = es.M{"partition": i, "num_partitions": n}
	}
	rs, err := s.c.MSearch(ctx, []es.Query{{Index: s.ix.Name, Preference: p.preference, Body: es.M{
		"size": 0, "track_total_hits": false, "query": p.query(), "aggs": es.M{"v": es.M{"terms": terms}}}}}, 1)
	if err != nil {
		if tooMany(err) {
			return nil, errTooMany
		}
		return nil, err
	}
	t.use.add(func(x *PlanUse) { x.Requests++ })
	var x struct {
		Error   int64 `json:"doc_count_error_upper_bound"`
		Other   int64 `json:"sum_other_doc_count"`
		Buckets []struct{ Key json.RawMessage }
	}
	if err := json.Unmarshal(rs[0].Aggs["v"], &x); err != nil {
		return nil, fmt.Errorf("the distinct values of %s: %w", t.Search, err)
	}
	if x.Other != 0 || x.Error != 0 {
		return nil, errTooMany
	}
	out := make([]string, 0, len(x.Buckets))
	for _, b := range x.Buckets {
		out = fieldValues(out, append(append([]byte{'['}, b.Key...), ']'))
	}
	return out, nil
}
