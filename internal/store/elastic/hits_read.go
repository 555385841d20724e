package elastic

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Hits yields stored hits, newest event first; those without a time come last.
// Of what is looked up, they have the Mark.
//
// What is stored while they are read is among them where it belongs further on;
// no hit comes twice.
func (s *Store) Hits(ctx context.Context, f store.HitFilter) iter.Seq2[ioc.Hit, error] {
	return func(yield func(ioc.Hit, error) bool) {
		r := &hitReader{s: s, f: &f, yield: yield}
		if err := r.all(ctx); err != nil && !r.done {
			yield(ioc.Hit{}, err)
		}
	}
}

// How many hits are asked for at a time: as many as give pages of about
// hitPageBytes, by the size of those before.
const (
	firstHitPage = 200
	maxHitPage   = 5000
	hitPageBytes = 8 << 20
)

// maxHeld is how many hits of one millisecond are put in order; of more, those
// behind come in the order of their ids.
const maxHeld = 10_000

// hitReader reads hits page by page.
type hitReader struct {
	s     *Store
	f     *store.HitFilter
	yield func(ioc.Hit, error) bool
	marks bool // there are any
	n     int  // yielded
	done  bool // nothing more is wanted
	held  []ioc.Hit
}

func (r *hitReader) all(ctx context.Context) error {
	if err := r.s.freshen(ctx, r.s.hits()); err != nil {
		return err
	}
	var err error
	if r.marks, err = r.s.anyMarks(ctx); err != nil {
		return err
	}
	if !r.marks && r.f.Mark != "" && r.f.Mark != store.Unmarked {
		return nil
	}
	query, err := r.s.hitQuery(ctx, r.f)
	if err != nil {
		return err
	}
	timed := es.M{"exists": es.M{"field": "@timestamp"}}
	newest := []es.M{{"@timestamp": "desc"}, {"event.ingested": "desc"}, {"event.id": "desc"}}
	if err := r.pages(ctx, es.M{"bool": es.M{"filter": append(query, timed)}}, newest); err != nil || r.done {
		return err
	}
	if !r.f.From.IsZero() || !r.f.To.IsZero() {
		return nil
	}
	return r.pages(ctx, es.M{"bool": es.M{"filter": query, "must_not": timed}}, newest[1:])
}

// pages reads all that a query finds.
func (r *hitReader) pages(ctx context.Context, query es.M, sort []es.M) error {
	body := es.M{"track_total_hits": false, "query": query, "sort": sort, "_source": hitSource}
	for size := firstHitPage; ; {
		body["size"] = size
		res, err := r.s.c.Search(ctx, r.s.hits(), body, nil)
		if err != nil {
			return err
		}
		hits := res.Hits.Hits
		if err := r.page(ctx, hits); err != nil || r.done {
			return err
		}
		if len(hits) < size {
			r.release()
			return nil
		}
		body["search_after"] = hits[len(hits)-1].Sort
		size = nextPage(hits)
	}
}

// nextPage is how many hits to ask for after some.
func nextPage(hits []es.Hit) int {
	bytes := 1
	for i := range hits {
		bytes += len(hits[i].Source)
	}
	return min(max(hitPageBytes/(bytes/len(hits)+1), 1), maxHitPage)
}

// page reads the hits of a page, and yields those that are wanted.
func (r *hitReader) page(ctx context.Context, found []es.Hit) error {
	hits := make([]ioc.Hit, len(found))
	ids := make([]string, len(found))
	for i := range found {
		d, err := readHitDoc(&found[i])
		if err != nil {
			return err
		}
		if hits[i], err = d.hit(); err != nil {
			return err
		}
		ids[i] = hits[i].ID
	}
	marks := map[string]markBody{}
	if r.marks {
		var err error
		if marks, err = r.s.marksOf(ctx, ids); err != nil {
			return err
		}
	}
	for i := range hits {
		if m, ok := marks[hits[i].ID]; ok {
			hits[i].Mark = m.mark()
		}
		if hitWanted(r.f, &hits[i]) {
			if r.hold(hits[i]); r.done {
				return nil
			}
		}
	}
	return nil
}

// hold keeps a hit until all of its millisecond are there: the index knows no
// less, and they are to come in order.
func (r *hitReader) hold(h ioc.Hit) {
	if n := len(r.held); n > 0 && (n >= maxHeld || !sameMilli(r.held[0].Time, h.Time)) {
		r.release()
	}
	r.held = append(r.held, h)
}

func sameMilli(a, b time.Time) bool { return a.UnixMilli() == b.UnixMilli() }

// release yields what is held.
func (r *hitReader) release() {
	slices.SortStableFunc(r.held, func(a, b ioc.Hit) int { return b.Time.Compare(a.Time) })
	for _, h := range r.held {
		if r.done {
			break
		}
		r.n++
		r.done = !r.yield(h, nil) || r.n == r.f.Limit
	}
	r.held = r.held[:0]
}

// hitQuery finds the hits that a filter wants, and perhaps more: hitWanted has the
// last word.
func (s *Store) hitQuery(ctx context.Context, f *store.HitFilter) ([]es.M, error) {
	q := append([]es.M{}, between("@timestamp", f.From, f.To)...)
	if f.Type != "" && f.Value != "" {
		q = append(q, term("ioc.key", keyOf(ioc.Observable{Type: f.Type, Value: f.Value})))
	} else if f.Value != "" {
		q = append(q, valueQuery(f.Value))
	} else if f.Type != "" {
		q = append(q, indexed("ioc.type", string(f.Type))...)
	}
	if f.Feed != "" {
		q = append(q, term("ioc.feeds", short(f.Feed)))
	}
	if f.Report != "" {
		q = append(q, term("ioc.reports", short(f.Report)))
	}
	q = append(q, indexed("log.file.path", f.Path)...)
	q = append(q, idQuery(f.IDs)...)
	return s.markQuery(ctx, f.Mark, q)
}

// indexed is a clause for a text that a keyword field has as it is; nothing for
// one that may not be in the index.
func indexed(field, text string) []es.M {
	if text == "" || short(text) != text {
		return nil
	}
	return []es.M{term(field, text)}
}

// valueQuery finds a value of any type.
func valueQuery(value string) es.M {
	keys := make([]string, 0, len(ioc.Types()))
	for _, r := range ioc.Types() {
		keys = append(keys, keyOf(ioc.Observable{Type: r.Type, Value: value}))
	}
	any := []es.M{{"terms": es.M{"ioc.key": keys}}}
	return es.M{"bool": es.M{"should": append(any, term("value", flat(value)))}}
}

// maxPrefixes is how many beginnings of ids the cluster is asked for: a query has
// a limit.
const maxPrefixes = 500

func idQuery(ids []string) []es.M {
	if len(ids) == 0 || len(ids) > maxPrefixes {
		return nil
	}
	var any []es.M
	for _, id := range ids {
		if short(id) != id {
			return nil
		}
		any = append(any, es.M{"prefix": es.M{"event.id": id}})
	}
	return []es.M{{"bool": es.M{"should": any}}}
}

// maxIDs is how many documents a query names.
const maxIDs = 10_000

// markQuery adds to a query which hits are marked, unless they are many: then all
// are read, and those that are wanted picked.
func (s *Store) markQuery(ctx context.Context, mark string, q []es.M) ([]es.M, error) {
	if mark == "" {
		return q, nil
	}
	var ids []string
	for m, err := range s.allMarks(ctx) {
		if err != nil {
			return nil, err
		}
		if m.Verdict == mark || mark == store.Unmarked {
			ids = append(ids, hitDocID(m.Hit))
		}
		if len(ids) > maxIDs {
			return q, nil
		}
	}
	named := es.M{"ids": es.M{"values": slices.Clip(append([]string{}, ids...))}}
	if mark == store.Unmarked {
		named = es.M{"bool": es.M{"must_not": named}}
	}
	return append(q, named), nil
}

// hitWanted reports whether a hit, with its mark, is what a filter wants.
func hitWanted(f *store.HitFilter, h *ioc.Hit) bool {
	verdict := store.Unmarked
	if h.Mark != nil {
		verdict = h.Mark.Verdict
	}
	return within(h.Time, f.From, f.To) && (f.Type == "" || f.Type == h.Type) && (f.Value == "" || f.Value == h.Value) &&
		(f.Path == "" || f.Path == h.Where.Path) && (f.Mark == "" || f.Mark == verdict) && idWanted(f.IDs, h.ID) &&
		(f.Feed == "" || slices.ContainsFunc(h.Indicators, func(i ioc.Indicator) bool { return i.Feed == f.Feed })) &&
		(f.Report == "" || slices.ContainsFunc(h.Indicators, func(i ioc.Indicator) bool { return inReport(&i, f.Report) }))
}

func idWanted(ids []string, id string) bool {
	return len(ids) == 0 || slices.ContainsFunc(ids, func(p string) bool { return strings.HasPrefix(id, p) })
}

func inReport(i *ioc.Indicator, report string) bool {
	return slices.ContainsFunc(i.Reports, func(m ioc.Mention) bool { return m.ID == report })
}
