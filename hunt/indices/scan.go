package indices

import (
	"context"
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
	for i := range s.parts {
		p := &s.parts[i]
		out = append(out, job{uses, "fields " + names + " of every document", func(ctx context.Context) error { return s.scan(ctx, ts, p, filter) }})
	}
	return out
}

// scan reads the documents of a part of the window.
func (s *sweep) scan(ctx context.Context, ts []*target, p *part, filter es.M) error {
	if err := s.checkSource(ts); err != nil {
		return err
	}
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
	if n >= 5000 && !r.source {
		s.learn(ctx, ts[0], func(_, cluster *Cost) { cluster.Scan = blend(cluster.Scan, time.Since(began).Seconds()/float64(n)) })
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
type reader struct {
	s       *sweep
	m       *matcher
	targets []*target
	source  bool // _source is read, too
	values  []string
	owner   []int // of values[i]: the number of its document in the page
}

func newReader(s *sweep, ts []*target) *reader {
	r := &reader{s: s, m: newMatcher(s.set), targets: ts}
	for _, t := range ts {
		r.source = r.source || !byDocValues(t)
	}
	return r
}

// byDocValues reports whether the doc values of a field are all its values, but
// for those that _ignored tells of.
func byDocValues(t *target) bool {
	return t.facts.docValues && !t.facts.source && t.facts.nested == ""
}

func (r *reader) body(q es.M) es.M {
	var docs, fields, source []string
	for _, t := range r.targets {
		if byDocValues(t) {
			docs = appendNew(docs, t.Search)
			continue
		}
		source = appendNew(source, t.Name)
		if t.facts.derived {
			fields = appendNew(fields, t.Name)
		}
	}
	b := es.M{"query": q, "size": scanPage, "_source": false}
	if r.source {
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
	trees := make([]document, len(hits))
	for i := range hits {
		trees[i].hit = &hits[i]
		if !r.source {
			continue
		}
		if trees[i].tree, err = decode(hits[i].Source); err != nil {
			return nil, err
		}
	}
	found := make([]bool, len(hits))
	for _, t := range r.targets {
		r.values, r.owner = r.values[:0], r.owner[:0]
		for i := range trees {
			r.take(t, &trees[i], i)
		}
		r.match(t, found)
	}
	for i, ok := range found {
		if ok {
			ids = append(ids, hits[i].ID)
		}
	}
	return ids, r.s.damage()
}

func (r *reader) take(t *target, d *document, i int) {
	if byDocValues(t) {
		r.values = fieldValues(r.values, d.hit.Fields[t.Search])
	} else {
		r.values = append(r.values, d.values(t.Name, t.facts.flat)...)
	}
	if t.facts.constant != "" {
		r.values = append(r.values, t.facts.constant)
	}
	for len(r.owner) < len(r.values) {
		r.owner = append(r.owner, i)
	}
}

func (r *reader) match(t *target, found []bool) {
	mark := func(i int) { found[r.owner[i]] = true }
	r.m.many(r.values, t.Prefix, t.types, mark)
	if t.ports && r.s.ports != nil {
		newMatcher(r.s.ports).many(r.values, "", anyType, mark)
	}
}
