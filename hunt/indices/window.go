package indices

import (
	"context"
	"fmt"
	"hash/maphash"

	"github.com/iochunt/iochunt/internal/es"
)

// part is a piece of a window that one search can be about: a filter cannot say
// of which shard a sequence number is, but a preference can.
type part struct {
	preference string
	filter     []es.M
}

// parts cuts a window. One without any part is empty.
func (w *Window) parts() (out []part) {
	var extra []es.M
	if w.Query != nil {
		extra = []es.M{w.Query}
	}
	if w.Shards == nil || w.Whole {
		return []part{{filter: extra}}
	}
	for _, s := range w.Shards {
		if s.UpTo <= s.Over {
			continue
		}
		r := es.M{"range": es.M{"_seq_no": es.M{"gt": s.Over, "lte": s.UpTo}}}
		out = append(out, part{fmt.Sprintf("_shards:%d", s.Shard), append([]es.M{r}, extra...)})
	}
	return out
}

// query returns the search for what is in the part and meets all of qs.
func (p *part) query(qs ...es.M) es.M {
	all := make([]es.M, 0, len(p.filter)+len(qs))
	for _, q := range qs {
		if q != nil {
			all = append(all, q)
		}
	}
	all = append(all, p.filter...)
	switch len(all) {
	case 0:
		return es.M{"match_all": es.M{}}
	case 1:
		return es.M{"bool": es.M{"filter": all[0]}}
	}
	return es.M{"bool": es.M{"filter": all}}
}

// with returns the documents of the part that meet q, too.
func (p *part) with(q es.M) *part {
	if q == nil {
		return p
	}
	return &part{p.preference, append([]es.M{q}, p.filter...)}
}

// seen remembers the documents that were handed out, by two hashes: millions of
// hits are a few dozen megabytes. Documents that were routed by hand may share
// their id, and each shard numbers by itself, so what they say counts too.
type seen struct {
	a, b maphash.Seed
	ids  map[[2]uint64]struct{}
}

func newSeen() *seen {
	return &seen{a: maphash.MakeSeed(), b: maphash.MakeSeed(), ids: make(map[[2]uint64]struct{})}
}

// key of the version of a document.
func (s *seen) key(h *es.Hit) [2]uint64 {
	n := uint64(h.SeqNo)
	return [2]uint64{maphash.String(s.a, h.ID) + maphash.Bytes(s.a, h.Source) + n, maphash.String(s.b, h.ID) ^ maphash.Bytes(s.b, h.Source) ^ n}
}

// firstPage is how many whole documents the first answer to a search brings: most
// searches find fewer, and several are in one request. fetchPage is that of those
// that follow.
const (
	firstPage = 500
	fetchPage = 1000
)

// fetchBody returns a search that brings what the judge needs.
func (s *sweep) fetchBody(q es.M) es.M {
	b := es.M{"query": q, "size": firstPage, "_source": true, "seq_no_primary_term": true, "track_total_hits": false, "sort": []string{"_doc"}}
	if len(s.derived) > 0 {
		b["fields"] = s.derived
	}
	if len(s.docValues) > 0 {
		b["docvalue_fields"] = s.docValues
	}
	return b
}

// candidates judges all documents of the window that meet q, however many there
// are.
func (s *sweep) candidates(ctx context.Context, u *use, q es.M) error {
	for i := range s.parts {
		if err := s.candidatesIn(ctx, u, &s.parts[i], q); err != nil {
			return err
		}
	}
	return nil
}

func (s *sweep) candidatesIn(ctx context.Context, u *use, p *part, q es.M) error {
	body := s.fetchBody(p.query(q))
	rs, err := s.c.MSearch(ctx, []es.Query{{Index: s.ix.Name, Preference: p.preference, Body: body}}, 1)
	if err != nil {
		return err
	}
	u.add(func(x *PlanUse) { x.Requests++ })
	return s.page(ctx, u, p, body, rs[0])
}

// page judges the first page of an answer, and where it is full all of the
// search again, over a point in time.
func (s *sweep) page(ctx context.Context, u *use, p *part, body es.M, r *es.Result) error {
	if len(r.Hits.Hits) < firstPage {
		return s.judgeAll(u, r.Hits.Hits)
	}
	again := es.M{}
	for k, v := range body {
		if k != "sort" {
			again[k] = v
		}
	}
	again["size"] = fetchPage
	for r, err := range s.c.Pages(ctx, s.ix.Name, p.preference, again) {
		if err != nil {
			return err
		}
		u.add(func(x *PlanUse) { x.Requests++ })
		if err := s.judgeAll(u, r.Hits.Hits); err != nil {
			return err
		}
	}
	return nil
}

// judgeAll judges documents and hands out those that hit.
func (s *sweep) judgeAll(u *use, hits []es.Hit) error {
	u.add(func(x *PlanUse) { x.Candidates += int64(len(hits)) })
	s.verify.Lock()
	defer s.verify.Unlock()
	var out []Found
	for i := range hits {
		h := &hits[i]
		key := s.handed.key(h)
		if _, ok := s.handed.ids[key]; ok {
			continue
		}
		f, ok, err := s.judge.look(h)
		if err != nil {
			return err
		}
		if ok {
			s.handed.ids[key] = struct{}{}
			out = append(out, f)
		}
	}
	if err := s.damage(); err != nil || len(out) == 0 {
		return err
	}
	if err := s.found(out); err != nil {
		return handErr{err}
	}
	return nil
}

// handErr is the error of who takes the documents: it ends the sweep.
type handErr struct{ error }

// Unwrap gives the taker's own error.
func (e handErr) Unwrap() error { return e.error }
