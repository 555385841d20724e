package indices

import (
	"context"
	"fmt"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

const (
	scanPage   = 10000 // documents a request, if only doc values are read
	sourcePage = 2000  // if their texts are
	idPage     = 1000  // documents fetched by their ids
)

// scanJobs reads the fields of all documents of the window, each document once.
func (s *sweep) scanJobs(ts []*target) (out []job) {
	filter := common(ts)
	names, uses := "", []*use{}
	for i, t := range ts {
		if i > 0 {
			names += ", "
		}
		names += t.Name
		uses = append(uses, t.use)
	}
	parts := s.halves()
	for i := range parts {
		p := &parts[i]
		out = append(out, job{uses, "fields " + names + " of every document", func(ctx context.Context) error { return s.scan(ctx, ts, p, filter, min(len(parts), workers)) }})
	}
	return out
}

// minHalf is how many documents are worth a request of their own.
const minHalf = 1000

// halves returns the parts of the window, two at least where it is not small:
// while a page of one is fetched, one of the other is searched here.
func (s *sweep) halves() []part {
	if len(s.parts) > 1 || len(s.w.Shards) != 1 || s.report.Events < 2*minHalf {
		return s.parts
	}
	r := s.w.Shards[0]
	half := ShardRange{Shard: r.Shard, Over: r.Over, UpTo: r.Over + (r.UpTo-r.Over)/2}
	both := Window{Shards: []ShardRange{half, {Shard: r.Shard, Over: half.UpTo, UpTo: r.UpTo}}, Query: s.w.Query}
	return both.parts()
}

// scan reads the documents of a part of the window, beside others: so many at a
// time.
func (s *sweep) scan(ctx context.Context, ts []*target, p *part, filter es.M, beside int) error {
	r := newReader(s, ts)
	began, n := time.Now(), int64(0)
	for page, err := range s.c.Pages(ctx, s.ix.Name, p.preference, r.body(p.query(filter))) {
		if err != nil {
			return err
		}
		n += int64(len(page.Hits.Hits))
		for _, t := range ts {
			t.use.add(func(x *PlanUse) { x.Requests, x.Streamed = x.Requests+1, x.Streamed+int64(len(page.Hits.Hits)) })
		}
		ids, err := r.read(page.Hits.Hits)
		if err != nil {
			return err
		}
		if err := s.byID(ctx, ts[0].use, ids); err != nil {
			return err
		}
	}
	if n >= 2500 && (r.whole || !r.source) {
		s.learn(ctx, ts[0], func(_, cluster *Cost) {
			cluster.Scan = blend(cluster.Scan, time.Since(began).Seconds()/float64(n)/float64(beside))
		})
	}
	return nil
}

// byID judges documents by their ids.
func (s *sweep) byID(ctx context.Context, u *use, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), idPage)
		r, err := s.c.Search(ctx, s.ix.Name, s.byIDBody(ids[:n]), nil)
		if err != nil {
			return err
		}
		u.add(func(x *PlanUse) { x.Requests++ })
		if err := s.judgeAll(u, r.Hits.Hits); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// byIDBody returns a search for ids. Documents that are routed by hand may share an id
// over shards, so that more may come than were named.
func (s *sweep) byIDBody(ids []string) es.M {
	b := s.fetchBody(es.M{"ids": es.M{"values": ids}})
	b["size"] = 10000
	return b
}

// reader reads fields out of pages.
//
// A document as it was sent costs the server a quarter of what three of its
// fields cost, and it is no work to find values in it here. So documents are
// fetched whole where they are small, and of large ones what is wanted.
type reader struct {
	s       *sweep
	m       *matcher
	targets []*target
	whole   bool     // all of _source is read
	source  bool     // _source is read
	stored  []int    // targets that are read from it: their numbers
	picker  *picker  // of those
	columns []column // by target
	at      int      // the document being read
}

// column is the values of a target in a page.
type column struct {
	values []string
	owner  []int // of values[i]: the number of its document in the page
}

// smallDoc is the size on disk, with all its indices, up to which a document is
// fetched whole; wholePage the bytes of such a page.
const (
	smallDoc  = 1500
	wholePage = 8 << 20
)

func newReader(s *sweep, ts []*target) *reader {
	r := &reader{s: s, m: newMatcher(s.set), targets: ts, columns: make([]column, len(ts))}
	small := int64(smallDoc)
	if s.smallDoc > 0 {
		small = s.smallDoc
	}
	r.whole = !s.ix.sourceLess && s.ix.docBytes > 0 && s.ix.docBytes <= small
	var names []string
	var flat []bool
	for i, t := range ts {
		if r.bySource(t) {
			r.stored, names, flat = append(r.stored, i), append(names, t.Name), append(flat, t.facts.flat)
		}
	}
	r.source = len(r.stored) > 0
	r.whole = r.whole && r.source
	r.picker = newPicker(names, flat, func(field int, v string) { r.add(r.stored[field], v) })
	return r
}

// byDocValues reports whether the doc values of a field are all its values, but
// for those that _ignored tells of.
func byDocValues(t *target) bool {
	return t.facts.docValues && !t.facts.source && t.facts.nested == ""
}

// bySource reports whether the values of t are taken from _source; if not, they
// are from its doc values.
func (r *reader) bySource(t *target) bool {
	return !byDocValues(t) || r.whole && !t.facts.derived
}

func (r *reader) body(q es.M) es.M {
	var docs, fields, source []string
	for _, t := range r.targets {
		if !r.bySource(t) {
			docs = appendNew(docs, t.Search)
			continue
		}
		source = appendNew(source, t.Name)
		if t.facts.derived {
			fields = appendNew(fields, t.Name)
		}
	}
	b := es.M{"query": q, "size": scanPage, "_source": false}
	switch {
	case r.whole:
		b["_source"], b["size"] = true, int(max(min(wholePage/3/r.s.ix.docBytes, scanPage), 1))
	case r.source:
		b["_source"], b["size"] = source, sourcePage
	}
	if len(docs) > 0 {
		b["docvalue_fields"] = docs
	}
	if len(fields) > 0 {
		b["fields"] = fields
	}
	return b
}

// read returns the ids of the documents of a page in which something wanted
// stands, or may.
func (r *reader) read(hits []es.Hit) (ids []string, err error) {
	for i := range r.columns {
		r.columns[i] = column{r.columns[i].values[:0], r.columns[i].owner[:0]}
	}
	for i := range hits {
		if err := r.take(&hits[i], i); err != nil {
			return nil, err
		}
	}
	found := make([]bool, len(hits))
	for i, t := range r.targets {
		r.match(t, &r.columns[i], found)
	}
	for i, ok := range found {
		if ok {
			ids = append(ids, hits[i].ID)
		}
	}
	return ids, r.s.damage()
}

// take puts the values of a document into the columns.
func (r *reader) take(h *es.Hit, i int) error {
	r.at = i
	if r.source && len(h.Source) > 0 && !r.picker.pick(h.Source) {
		return fmt.Errorf("document %s of %s: its _source is not JSON", h.ID, h.Index)
	}
	for k, t := range r.targets {
		raw, ok := h.Fields[t.Name]
		if !r.bySource(t) {
			raw, ok = h.Fields[t.Search]
		}
		if ok {
			for _, v := range fieldValues(nil, raw) {
				r.add(k, v)
			}
		}
		if t.facts.constant != "" {
			r.add(k, t.facts.constant)
		}
	}
	return nil
}

func (r *reader) add(target int, v string) {
	c := &r.columns[target]
	c.values, c.owner = append(c.values, v), append(c.owner, r.at)
}

func (r *reader) match(t *target, c *column, found []bool) {
	mark := func(i int) { found[c.owner[i]] = true }
	r.m.many(c.values, t.Prefix, t.types, mark)
	if t.ports && r.s.ports != nil {
		newMatcher(r.s.ports).many(c.values, "", anyType, mark)
	}
}
