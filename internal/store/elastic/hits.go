package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// PutHits stores hits, each id once, and returns how many were new.
//
// A hit that is stored already keeps all that was said of the event and when
// it was first found (Occurred). Its indicators are brought up to date: what a
// feed says now takes the place of what the same feed said, and what was said
// by a feed that is silent now stays, as it was the reason for the hit.
//
// A hit is stored for itself: after an error some may be stored, and to store
// them again changes nothing. What the cluster refuses for good is kept among the
// dead letters (Dead).
func (s *Store) PutHits(ctx context.Context, hits []ioc.Hit) (added int, err error) {
	if err := s.writable(); err != nil {
		return 0, err
	}
	p := &putHits{s: s, first: make(map[string]*ioc.Hit, len(hits)), ingested: s.now().UTC().Format(time.RFC3339Nano)}
	for i := range hits {
		if h := &hits[i]; p.first[h.ID] == nil {
			p.first[h.ID] = h
		} else {
			p.again = append(p.again, h)
		}
	}
	if err := p.create(ctx, hits); err != nil {
		return p.added, err
	}
	if err := p.poor(ctx); err != nil {
		return p.added, err
	}
	for _, some := range p.updates() {
		if err := s.mergeHits(ctx, some); err != nil {
			return p.added, err
		}
	}
	return p.added, nil
}

// putHits is one call of PutHits on its way.
type putHits struct {
	s        *Store
	ingested string
	first    map[string]*ioc.Hit // by id
	again    []*ioc.Hit          // those whose id came before
	there    []*ioc.Hit          // stored before
	refused  []es.Outcome
	added    int
}

// create stores those that are new.
func (p *putHits) create(ctx context.Context, hits []ioc.Hit) error {
	marks, err := p.s.marksOf(ctx, keysOf(p.first))
	if err != nil {
		return err
	}
	b := p.s.c.NewBulk(ctx, es.BulkOptions{
		Index: p.s.hits(), RequireAlias: true,
		Done: p.done,
		Dead: func(o es.Outcome) error { p.refused = append(p.refused, o); return nil },
	})
	for i := range hits {
		h := &hits[i]
		if p.first[h.ID] != h {
			continue
		}
		body, err := p.s.hitDocument(h, p.ingested, marks[h.ID].Verdict)
		if err == nil {
			err = b.Add(es.Item{Op: es.Create, ID: hitDocID(h.ID), Body: body, Tag: h})
		}
		if err != nil {
			_, _ = b.Close()
			return err
		}
	}
	_, err = b.Close()
	return err
}

// done counts what is new; a hit that is there already is refused.
func (p *putHits) done(o es.Outcome) {
	if o.Status == http.StatusConflict {
		p.there = append(p.there, o.Tag.(*ioc.Hit))
	} else {
		p.added++
	}
}

// hitDocID is the id of the document of a hit.
func hitDocID(id string) string {
	if short := short(id); short == id && id != "" {
		return id
	}
	return "hash:" + hashID(id)
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// poor stores of hits of which the cluster refused something only what they are
// found by; those that it refuses even then are dead letters.
func (p *putHits) poor(ctx context.Context) error {
	if len(p.refused) == 0 {
		return nil
	}
	why := map[string]es.Outcome{}
	var dead []es.Outcome
	b := p.s.c.NewBulk(ctx, es.BulkOptions{Index: p.s.hits(), RequireAlias: true,
		Done: p.done,
		Dead: func(o es.Outcome) error { dead = append(dead, why[o.ID]); return nil },
	})
	for _, o := range p.refused {
		why[o.ID] = o
		body, err := p.s.leastDocument(o.Tag.(*ioc.Hit), p.ingested)
		if err == nil {
			err = b.Add(es.Item{Op: es.Create, ID: o.ID, Body: body, Tag: o.Tag})
		}
		if err != nil {
			_, _ = b.Close()
			return err
		}
	}
	if _, err := b.Close(); err != nil {
		return err
	}
	for _, o := range dead {
		if err := p.s.PutDead(ctx, deadHit, o); err != nil {
			return err
		}
	}
	return nil
}

// mergePage is how many stored hits are read at a time to be merged.
const mergePage = 500

// updates are the hits to merge with what is stored, in parts in which each id
// stands once, those that came first first.
func (p *putHits) updates() (parts [][]*ioc.Hit) {
	parts = slices.Collect(slices.Chunk(p.there, mergePage))
	for left := p.again; len(left) > 0; {
		seen := map[string]bool{}
		var part, later []*ioc.Hit
		for _, h := range left {
			if seen[h.ID] || len(part) == mergePage {
				later = append(later, h)
			} else {
				part = append(part, h)
			}
			seen[h.ID] = true
		}
		parts, left = append(parts, part), later
	}
	return parts
}

// mergeHits brings the indicators of stored hits up to date. What somebody else
// changes meanwhile is read and merged again; of what the cluster refuses only
// what it is found by is written.
func (s *Store) mergeHits(ctx context.Context, hits []*ioc.Hit) error {
	poor := map[string]bool{}
	for round := 0; len(hits) > 0; round++ {
		if round > maxRounds {
			return errConflict
		}
		var again []*ioc.Hit
		b := s.c.NewBulk(ctx, es.BulkOptions{Index: s.hits(),
			Conflict: func(o es.Outcome) { again = append(again, o.Tag.(*ioc.Hit)) },
			Dead: func(o es.Outcome) error {
				h := o.Tag.(*ioc.Hit)
				if poor[h.ID] {
					return s.PutDead(ctx, deadHit, o)
				}
				poor[h.ID] = true
				again = append(again, h)
				return nil
			}})
		err := s.addMerged(ctx, b, hits, poor)
		if _, e := b.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		hits = again
	}
	return nil
}

// mergeBytes is how much of records is read at a time to be merged.
const mergeBytes = 16 << 20

// addMerged writes those whose indicators are not what is stored. Their records
// are read only then, and some at a time: they may be long.
func (s *Store) addMerged(ctx context.Context, b *es.Bulk, hits []*ioc.Hit, poor map[string]bool) error {
	var part []*ioc.Hit
	bytes := 0
	err := s.eachMerged(ctx, hits, es.M{"includes": hitSource, "excludes": []string{"event.original", "ioc.hit.record_b64"}}, func(_ *hitDoc, _ ioc.Hit, h *ioc.Hit) error {
		part = append(part, h)
		if bytes += len(h.Record); bytes < mergeBytes {
			return nil
		}
		full := part
		part, bytes = nil, 0
		return s.writeMerged(ctx, b, full, poor)
	})
	if err != nil {
		return err
	}
	return s.writeMerged(ctx, b, part, poor)
}

// writeMerged writes hits with the indicators that they come to.
func (s *Store) writeMerged(ctx context.Context, b *es.Bulk, hits []*ioc.Hit, poor map[string]bool) error {
	return s.eachMerged(ctx, hits, hitSource, func(d *hitDoc, merged ioc.Hit, h *ioc.Hit) error {
		body, err := s.hitDocument(&merged, d.Event.Ingested, d.IOC.Mark)
		if poor[h.ID] {
			body, err = s.leastDocument(&merged, d.Event.Ingested)
		}
		if err != nil {
			return err
		}
		return b.Add(es.Item{Op: es.Index, ID: d.id, Body: body, IfSeqNo: d.seqNo, IfTerm: d.term, Tag: h})
	})
}

// eachMerged reads what is stored of some hits, of different ids, and calls f for
// those whose indicators come to something else.
func (s *Store) eachMerged(ctx context.Context, hits []*ioc.Hit, source any, f func(d *hitDoc, merged ioc.Hit, h *ioc.Hit) error) error {
	byID := make(map[string]*ioc.Hit, len(hits))
	for _, h := range hits {
		byID[hitDocID(h.ID)] = h
	}
	return s.mget(ctx, s.hits(), keysOf(byID), source, func(found *es.Hit) error {
		d, err := readHitDoc(found)
		if err != nil {
			return err
		}
		old, err := d.hit()
		if err != nil {
			return err
		}
		h := byID[d.id]
		merged := store.MergeClaims(old.Indicators, h.Indicators)
		if same, err := sameIndicators(old.Indicators, merged); err != nil || same {
			return err
		}
		old.Indicators, old.Score, old.Severity, old.Alert = merged, h.Score, h.Severity, h.Alert
		return f(d, old, h)
	})
}

// sameIndicators compares what would be stored.
func sameIndicators(a, b []ioc.Indicator) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return string(x) == string(y), err
}

// mget calls f with those documents of an index that are there, as they are now
// and not as of the last refresh: with all of them, or what source leaves.
func (s *Store) mget(ctx context.Context, index string, ids []string, source any, f func(*es.Hit) error) error {
	for some := range slices.Chunk(ids, statePage) {
		docs := make([]es.M, len(some))
		for i, id := range some {
			if docs[i] = (es.M{"_id": id}); source != nil {
				docs[i]["_source"] = source
			}
		}
		body, err := json.Marshal(es.M{"docs": docs})
		if err != nil {
			return err
		}
		var x struct {
			Docs []struct {
				es.Hit
				Found bool
				Error json.RawMessage
			}
		}
		if err := s.c.Do(ctx, es.Request{Method: http.MethodPost, Path: "/" + es.Escape(index) + "/_mget", Body: body}, &x); err != nil {
			return err
		}
		if len(x.Docs) != len(some) {
			return fmt.Errorf("elasticsearch: POST %s/_mget: %w: %d documents of %d", index, es.ErrPartial, len(x.Docs), len(some))
		}
		for i := range x.Docs {
			d := &x.Docs[i]
			switch {
			case len(d.Error) > 0:
				return fmt.Errorf("elasticsearch: POST %s/_mget: %w: %s", index, es.ErrPartial, d.Error[:min(len(d.Error), 500)])
			case !d.Found:
			default:
				if err := f(&d.Hit); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// DeleteHits deletes hits whose event is older than before; those without a
// time are judged by when they were found. It returns their number. Their marks
// stay.
func (s *Store) DeleteHits(ctx context.Context, before time.Time) (n int, err error) {
	if err := s.writable(); err != nil {
		return 0, err
	}
	if err := s.refresh(ctx, s.hits()); err != nil {
		return 0, err
	}
	old := func(field string) es.M { return es.M{"range": es.M{field: es.M{"lt": dateOf(before)}}} }
	untimed := es.M{"bool": es.M{"must_not": es.M{"exists": es.M{"field": "@timestamp"}}, "filter": old("matched.occurred")}}
	query := es.M{"bool": es.M{"should": []es.M{old("@timestamp"), untimed}}}
	b := s.c.NewBulk(ctx, es.BulkOptions{Index: s.hits(), Refresh: "true", Done: func(o es.Outcome) {
		if o.Status < 300 {
			n++
		}
	}})
	for r, e := range s.c.Pages(ctx, s.hits(), "", es.M{"_source": false, "query": query}) {
		err = e
		for i := 0; err == nil && i < len(r.Hits.Hits); i++ {
			err = b.Add(es.Item{Op: es.Delete, ID: r.Hits.Hits[i].ID})
		}
		if err != nil {
			break
		}
	}
	_, e := b.Close()
	return n, cmp.Or(err, e)
}

// HitCount returns how many hits of an observable are stored.
func (s *Store) HitCount(ctx context.Context, o ioc.Observable) (n int, err error) {
	if err := s.freshen(ctx, s.hits()); err != nil {
		return 0, err
	}
	return s.count(ctx, s.hits(), term("ioc.key", keyOf(o)))
}

// count counts the documents that a query finds.
func (s *Store) count(ctx context.Context, index string, query es.M) (int, error) {
	r, err := s.c.Search(ctx, index, es.M{"size": 0, "track_total_hits": true, "query": query}, nil)
	if err != nil {
		return 0, err
	}
	return int(r.Hits.Total.Value), nil
}

// errReadOnly refuses to write.
var errReadOnly = errors.New("the store was opened for reading only")

func (s *Store) writable() error {
	if s.o.ReadOnly {
		return errReadOnly
	}
	return nil
}
