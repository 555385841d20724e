package elastic

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// maxBuckets is how many types, or feeds, there may be to count.
const maxBuckets = 10_000

// bucket is one value of a field, and how many documents have it.
type bucket struct {
	Key     any `json:"key"`
	Count   int `json:"doc_count"`
	Expired struct {
		Count int `json:"doc_count"`
	}
	Mentions struct{ Value float64 }
	Sum      struct{ Value float64 }
	Kinds    struct{ Buckets []bucket }
}

func (b *bucket) name() string {
	k, _ := b.Key.(string)
	return plain(k)
}

// buckets counts the documents that a query finds by the values of a field.
func (s *Store) buckets(ctx context.Context, index string, query es.M, field string, sub es.M) ([]bucket, error) {
	agg := es.M{"terms": es.M{"field": field, "size": maxBuckets}}
	if sub != nil {
		agg["aggs"] = sub
	}
	r, err := s.c.Search(ctx, index, es.M{"size": 0, "query": query, "aggs": es.M{"by": agg}}, nil)
	if err != nil {
		return nil, err
	}
	var x struct{ Buckets []bucket }
	return x.Buckets, json.Unmarshal(r.Aggs["by"], &x)
}

// types returns the types of which there is a document.
func (s *Store) types(ctx context.Context) ([]ioc.Type, error) {
	bs, err := s.buckets(ctx, s.index(), es.M{"exists": es.M{"field": "ioc.key"}}, "ioc.type", nil)
	types := make([]ioc.Type, len(bs))
	for i := range bs {
		types[i] = ioc.Type(bs[i].name())
	}
	return types, err
}

// Count counts what is stored and not withdrawn. Where several feeds have
// indicators it reads the key of every one.
func (s *Store) Count(ctx context.Context, now time.Time) (store.Counts, error) {
	c := store.Counts{ByType: map[ioc.Type]int{}, ByFeed: map[string]int{}}
	feeds, err := s.buckets(ctx, s.index(), term("ioc.live", true), "ioc.feed", nil)
	if err != nil {
		return c, err
	}
	for _, b := range feeds {
		c.ByFeed[b.name()] = b.Count
	}
	if len(feeds) > 1 {
		err = s.countKeys(ctx, now, &c)
	} else {
		err = s.countTypes(ctx, now, &c)
	}
	if err != nil {
		return c, err
	}
	for t, n := range c.ByType {
		c.Total += n
		if !t.Huntable() {
			c.NotHuntable += n
		}
	}
	return c, s.countVerdicts(ctx, &c)
}

// countTypes counts where every document is of another observable.
func (s *Store) countTypes(ctx context.Context, now time.Time, c *store.Counts) error {
	expired := es.M{"expired": es.M{"filter": es.M{"range": es.M{"ioc.valid_until": es.M{"lte": dateOf(now)}}}}}
	types, err := s.buckets(ctx, s.index(), term("ioc.live", true), "ioc.type", expired)
	for _, b := range types {
		c.ByType[ioc.Type(b.name())] = b.Count
		c.Expired += b.Expired.Count
	}
	return err
}

// countKeys counts each observable once. One is expired if all its documents are.
func (s *Store) countKeys(ctx context.Context, now time.Time, c *store.Counts) error {
	expired := map[[16]byte]bool{}
	body := es.M{"query": term("ioc.live", true), "_source": []string{"ioc.type", "ioc.key", "ioc.valid_until"}}
	for h, err := range hits(s.c.Pages(ctx, s.index(), "", body)) {
		var d document
		if err == nil {
			err = json.Unmarshal(h.Source, &d)
		}
		if err != nil {
			return err
		}
		k := keyBytes(d.IOC.Key)
		is := !d.IOC.ValidUntil.IsZero() && !d.IOC.ValidUntil.After(now)
		was, there := expired[k]
		if !there {
			c.ByType[ioc.Type(plain(d.IOC.Type))]++
		}
		expired[k] = is && (was || !there)
	}
	for _, is := range expired {
		if is {
			c.Expired++
		}
	}
	return nil
}

// countVerdicts counts what is disarmed, by the rule or the lists, and what lists
// lower. Few observables have a verdict.
func (s *Store) countVerdicts(ctx context.Context, c *store.Counts) error {
	seen := map[[16]byte]bool{}
	query := all(term("ioc.live", true), es.M{"exists": es.M{"field": "ioc.judged"}})
	for ds, err := range s.documents(ctx, query, []string{"ioc.key", "ioc.arming"}) {
		if err != nil {
			return err
		}
		for _, d := range ds {
			k := keyBytes(d.IOC.Key)
			a, err := d.arming()
			if err != nil {
				return err
			}
			if a != nil && !seen[k] {
				countVerdict(a, c)
			}
			seen[k] = true
		}
	}
	return nil
}

func countVerdict(a *ioc.Arming, c *store.Counts) {
	if !a.Disarmed {
		if slices.ContainsFunc(a.Lists, func(l ioc.ListMatch) bool { return l.Lowers }) {
			c.Lowered++
		}
		return
	}
	c.Disarmed++
	if c.ByRule == nil {
		c.ByRule = map[string]int{}
	}
	names := map[string]bool{a.By: true}
	if a.By == ioc.ByList {
		names = map[string]bool{}
		for _, l := range a.Lists {
			if !l.Lowers {
				names[l.List] = true
			}
		}
	}
	for n := range names {
		c.ByRule[n]++
	}
}

// Alive reports whether any claim of an observable that is huntable and armed is
// valid now.
func (s *Store) Alive(ctx context.Context, now time.Time) (bool, error) {
	r, err := s.c.Search(ctx, s.index(), es.M{"size": 0, "terminate_after": 1, "track_total_hits": true,
		"query": except(term("ioc.hunted", true), es.M{"range": es.M{"ioc.valid_until": es.M{"lte": dateOf(now)}}})}, nil)
	if err != nil {
		return false, err
	}
	return r.Hits.Total.Value > 0, nil
}

// Feeds returns what is known of every feed that has ever been stored and is not
// forgotten, by name.
func (s *Store) Feeds(ctx context.Context) ([]store.FeedState, error) {
	byID, ids, err := s.feedIDs(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*store.FeedState{}
	err = s.getStates(ctx, ids, func(id string, _ version, d *stateDoc) error {
		var f feedState
		if err := unpack(d.Body, &f); err != nil || !f.Removed.IsZero() {
			return err
		}
		byName[byID[id]] = &store.FeedState{Name: byID[id], Cursor: ioc.Cursor(f.Cursor)}
		return nil
	})
	if err == nil {
		err = s.countFeeds(ctx, byName)
	}
	var all []store.FeedState
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		f := byName[name]
		if err == nil {
			f.LastRun, err = s.lastRun(ctx, name)
		}
		all = append(all, *f)
	}
	return all, err
}

func (s *Store) feedIDs(ctx context.Context) (byID map[string]string, ids []string, err error) {
	n, _, err := s.counters(ctx)
	byID = map[string]string{}
	for name := range n.Feeds {
		id := feedID(plain(name))
		byID[id] = plain(name)
		ids = append(ids, id)
	}
	return byID, ids, err
}

// lastRun returns the newest run of a feed, nil for none.
func (s *Store) lastRun(ctx context.Context, feed string) (*store.Run, error) {
	for r, err := range s.Runs(ctx, store.RunFilter{Feed: feed, Limit: 1}) {
		return &r, err
	}
	return nil, nil
}

// countFeeds fills in the numbers of feeds.
func (s *Store) countFeeds(ctx context.Context, byName map[string]*store.FeedState) error {
	docs, err := s.buckets(ctx, s.index(), term("ioc.live", true), "ioc.feed", es.M{"mentions": es.M{"value_count": es.M{"field": "ioc.reports"}}})
	if err != nil {
		return err
	}
	for _, b := range docs {
		if f := byName[b.name()]; f != nil {
			f.Observables, f.Memberships = b.Count, int(b.Mentions.Value)
		}
	}
	kinds := es.M{"kinds": es.M{"terms": es.M{"field": "kind", "size": maxBuckets}, "aggs": es.M{"sum": es.M{"sum": es.M{"field": "number"}}}}}
	query := es.M{"terms": es.M{"kind": []string{reportKind, refusedKind, listKind}}}
	states, err := s.buckets(ctx, s.state(), query, "feed", kinds)
	byShort := map[string]*store.FeedState{}
	for name, f := range byName {
		byShort[short(name)] = f
	}
	for _, b := range states {
		if f := byShort[b.name()]; f != nil {
			for i := range b.Kinds.Buckets {
				countKind(f, &b.Kinds.Buckets[i])
			}
		}
	}
	return err
}

// countKind takes the number of a feed's documents of one kind. The Number of a
// report is 1 if it is gone, that of a list how many entries it has.
func countKind(f *store.FeedState, b *bucket) {
	switch b.name() {
	case reportKind:
		f.Reports = b.Count - int(b.Sum.Value)
	case refusedKind:
		f.Refused = b.Count
	case listKind:
		f.Lists, f.Entries = b.Count, int(b.Sum.Value)
	}
}
