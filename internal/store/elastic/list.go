package elastic

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// listPage is how many indicators are read at a time.
const listPage = 1000

func compare(a, b string) int { return cmp.Compare(a, b) }

// List yields indicators that are not withdrawn, one for each feed, in an order
// that no writer changes. Memory is bounded whatever the length of the list.
func (s *Store) List(ctx context.Context, f store.ListFilter) iter.Seq2[ioc.Indicator, error] {
	return func(yield func(ioc.Indicator, error) bool) {
		c, n := newClaims(s), 0
		for is, err := range s.candidates(ctx, c, &f) {
			if err != nil {
				yield(ioc.Indicator{}, err)
				return
			}
			for i := range is {
				if !f.Match(&is[i]) {
					continue
				}
				skip, done := f.Page(n)
				n++
				if done || !skip && !yield(is[i], nil) {
					return
				}
			}
			if f.Limit > 0 && n >= f.Offset+f.Limit {
				return
			}
		}
	}
}

// candidates yields the indicators that may be wanted, some at a time.
func (s *Store) candidates(ctx context.Context, c *claims, f *store.ListFilter) iter.Seq2[[]ioc.Indicator, error] {
	return func(yield func([]ioc.Indicator, error) bool) {
		query, err := s.listQuery(ctx, f)
		if err != nil {
			yield(nil, err)
			return
		}
		body := es.M{"query": query, "size": listPage, "_source": ours, "sort": []es.M{{"ioc.key": "asc"}, {"ioc.feed": "asc"}}}
		for r, err := range s.c.Pages(ctx, s.index(), "", body) {
			var ds []*document
			if err == nil {
				ds, err = readDocuments(r)
			}
			var is []ioc.Indicator
			if err == nil {
				is, err = c.indicators(ctx, ds)
			}
			if !yield(is, err) || err != nil {
				return
			}
		}
	}
}

// listQuery finds all that a filter may want, and not much more: the filter has
// the last word.
func (s *Store) listQuery(ctx context.Context, f *store.ListFilter) (es.M, error) {
	qs := []es.M{term("ioc.live", true)}
	if len(f.Types) > 0 {
		qs = append(qs, terms("ioc.type", f.Types))
	}
	if len(f.Feeds) > 0 {
		qs = append(qs, terms("ioc.feed", f.Feeds))
	}
	if f.Report != "" {
		qs = append(qs, term("ioc.reports", short(f.Report)))
	}
	if f.Tag != "" && isASCII(f.Tag) {
		qs = append(qs, tagQuery(f.Tag))
	}
	if f.Value != "" {
		keys, err := s.keysOf(ctx, f.Value)
		if err != nil {
			return nil, err
		}
		qs = append(qs, es.M{"terms": es.M{"ioc.key": keys}})
	}
	return all(qs...), nil
}

// keysOf returns the keys of a value, of whatever type.
func (s *Store) keysOf(ctx context.Context, value string) ([]string, error) {
	types, err := s.types(ctx)
	keys := make([]string, 0, len(types))
	for _, t := range types {
		keys = append(keys, keyOf(ioc.Observable{Type: t, Value: value}))
	}
	return keys, err
}

// tagQuery finds tags that contain part, of any case, and those that a cluster
// cannot search because they are long or no text.
func tagQuery(part string) es.M {
	esc := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(part)
	return es.M{"bool": es.M{"minimum_should_match": 1, "should": []es.M{
		{"wildcard": es.M{"tags": es.M{"value": "*" + esc + "*", "case_insensitive": true}}},
		{"prefix": es.M{"tags": byteMark}},
		term("_ignored", "tags"),
	}}}
}

// isASCII is true of what a cluster compares in any case as Go does.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
