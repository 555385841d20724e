package elastic

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// ours is the part of a document that the store reads.
var ours = []string{"ioc"}

// byKeys reads all documents of some observables, of all feeds, withdrawn ones
// too, as of the last refresh.
func (s *Store) byKeys(ctx context.Context, keys []string) (map[string][]*document, error) {
	byKey := make(map[string][]*document, len(keys))
	return byKey, s.addKeys(ctx, keys, byKey)
}

// maxHits is how many documents one answer may have.
const maxHits = 10_000

func (s *Store) addKeys(ctx context.Context, keys []string, into map[string][]*document) error {
	if len(keys) == 0 {
		return ctx.Err()
	}
	size := maxHits
	if len(keys) == 1 {
		size = maxHits - 1 // there are not so many feeds
	}
	r, err := s.c.Search(ctx, s.index(), es.M{"query": es.M{"terms": es.M{"ioc.key": keys}}, "size": size, "track_total_hits": false,
		"sort": []string{"_doc"}, "seq_no_primary_term": true, "_source": ours}, nil)
	if err != nil {
		return err
	}
	if len(r.Hits.Hits) == maxHits { // there may be more
		half := len(keys) / 2
		if err := s.addKeys(ctx, keys[:half], into); err != nil {
			return err
		}
		return s.addKeys(ctx, keys[half:], into)
	}
	ds, err := readDocuments(r)
	for _, d := range ds {
		into[d.IOC.Key] = append(into[d.IOC.Key], d)
	}
	return err
}

// Cursor returns how far a feed has been read, "" for an unknown feed.
func (s *Store) Cursor(ctx context.Context, feed string) (ioc.Cursor, error) {
	f, _, err := s.feedState(ctx, feed)
	return ioc.Cursor(f.Cursor), err
}

// Generation returns a number that grows with every change to the set of
// observables that are huntable, armed and not withdrawn.
func (s *Store) Generation(ctx context.Context) (uint64, error) {
	n, _, err := s.counters(ctx)
	return n.Generation, err
}

// Armed returns the highest ArmedSeq that has been given. A hunt that reads it
// before it asks for observables can ask for those armed since the next time.
func (s *Store) Armed(ctx context.Context) (uint64, error) {
	n, _, err := s.counters(ctx)
	return n.Armed, err
}

// KnownReports yields the reports of a feed that are not gone, those that are
// only half read included.
func (s *Store) KnownReports(ctx context.Context, feed string) iter.Seq2[ioc.Report, error] {
	return func(yield func(ioc.Report, error) bool) {
		for d, err := range s.stored(ctx, except(ofKind(reportKind, term("feed", short(feed))), term("number", reportGone))) {
			var r reportState
			if err == nil {
				err = unpack(d.Body, &r)
			}
			if !yield(r.Report, err) || err != nil {
				return
			}
		}
	}
}

// Refused yields the stored refusals of a feed.
func (s *Store) Refused(ctx context.Context, feed string) iter.Seq2[ioc.Refusal, error] {
	return func(yield func(ioc.Refusal, error) bool) {
		for d, err := range s.stored(ctx, ofKind(refusedKind, term("feed", short(feed)))) {
			var r ioc.Refusal
			if err == nil {
				err = unpack(d.Body, &r)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// observableQuery is the query for the documents that a filter wants.
func observableQuery(f ioc.Filter) es.M {
	qs := []es.M{term("ioc.live", true)}
	if len(f.Types) > 0 {
		qs = append(qs, terms("ioc.type", f.Types))
	}
	if len(f.Feeds) > 0 {
		qs = append(qs, terms("ioc.feed", f.Feeds))
	}
	if f.ArmedSince > 0 {
		qs = append(qs, es.M{"range": es.M{"ioc.armed_seq": es.M{"gt": f.ArmedSince}}})
	}
	if f.Disarmed {
		return all(qs...)
	}
	return except(all(qs...), term("ioc.disarmed", true))
}

// pair is an observable with its key, as it stands in a document.
type pair struct {
	IOC struct{ Type, Value, Key string } `json:"ioc"`
}

func (p *pair) observable() ioc.Observable {
	return ioc.Observable{Type: ioc.Type(plain(p.IOC.Type)), Value: plain(p.IOC.Value)}
}

// Observables yields every observable once that is not withdrawn, in no order;
// expired ones and those that cannot be hunted too. Disarmed ones are left out
// unless the filter asks for them. An observable is armed since a number for the
// sake of one feed: where the filter names feeds, it is one of those.
func (s *Store) Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return func(yield func(ioc.Observable, error) bool) {
		once, err := s.once(ctx, f.Feeds)
		if err != nil {
			yield(ioc.Observable{}, err)
			return
		}
		body := es.M{"query": observableQuery(f), "_source": []string{"ioc.type", "ioc.value", "ioc.key"}}
		for h, err := range hits(s.c.Pages(ctx, s.index(), "", body)) {
			var p pair
			if err == nil {
				err = json.Unmarshal(h.Source, &p)
			}
			if err != nil {
				yield(ioc.Observable{}, err)
				return
			}
			if once.first(p.IOC.Key) && !yield(p.observable(), nil) {
				return
			}
		}
	}
}

// hits yields the documents of pages one by one.
func hits(pages iter.Seq2[*es.Result, error]) iter.Seq2[*es.Hit, error] {
	return func(yield func(*es.Hit, error) bool) {
		for r, err := range pages {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range r.Hits.Hits {
				if !yield(&r.Hits.Hits[i], nil) {
					return
				}
			}
		}
	}
}

// onceOnly tells whether an observable was there before. Where there is one feed
// only, none is there twice, and nothing is kept.
type onceOnly map[[16]byte]struct{}

func (s *Store) once(ctx context.Context, feeds []string) (onceOnly, error) {
	n, _, err := s.counters(ctx)
	several := 0
	for feed, has := range n.Feeds {
		if has && (len(feeds) == 0 || slices.Contains(feeds, plain(feed))) {
			several++
		}
	}
	if several > 1 {
		return onceOnly{}, err
	}
	return nil, err
}

func (o onceOnly) first(key string) bool {
	if o == nil {
		return true
	}
	k := keyBytes(key)
	_, was := o[k]
	o[k] = struct{}{}
	return !was
}

// Lookup returns what every feed says of an observable, expired claims included,
// by feed; nothing for one that is unknown or withdrawn.
func (s *Store) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	byKey, err := s.byKeys(ctx, []string{keyOf(o)})
	if err != nil {
		return nil, err
	}
	var ds []*document
	for _, d := range byKey[keyOf(o)] {
		if d.IOC.Live {
			ds = append(ds, d)
		}
	}
	slices.SortFunc(ds, func(a, b *document) int { return compare(a.IOC.Feed, b.IOC.Feed) })
	return newClaims(s).indicators(ctx, ds)
}

// claims joins documents with the reports that they mention. It keeps reports, as
// many documents share them.
type claims struct {
	s       *Store
	reports map[string]ioc.Report // by the id of the document
}

// keptReports bounds the memory of claims.
const keptReports = 4096

func newClaims(s *Store) *claims { return &claims{s, map[string]ioc.Report{}} }

// indicators returns the indicator of each document.
func (c *claims) indicators(ctx context.Context, ds []*document) ([]ioc.Indicator, error) {
	if err := c.load(ctx, ds); err != nil {
		return nil, err
	}
	var is []ioc.Indicator
	for _, d := range ds {
		i, err := c.indicator(d)
		if err != nil {
			return nil, err
		}
		is = append(is, i)
	}
	return is, nil
}

func (c *claims) load(ctx context.Context, ds []*document) error {
	if len(c.reports) >= keptReports {
		clear(c.reports)
	}
	var missing []string
	for _, d := range ds {
		for _, m := range d.IOC.Mentions {
			id := reportID(plain(d.IOC.Feed), plain(m.Report))
			if _, ok := c.reports[id]; !ok {
				c.reports[id] = ioc.Report{ID: plain(m.Report)}
				missing = append(missing, id)
			}
		}
	}
	return c.s.getStates(ctx, missing, func(id string, _ version, d *stateDoc) error {
		var r reportState
		err := unpack(d.Body, &r)
		c.reports[id] = r.Report
		return err
	})
}

func (c *claims) indicator(d *document) (ioc.Indicator, error) {
	feed := plain(d.IOC.Feed)
	ms := make([]ioc.Mention, len(d.IOC.Mentions))
	for k := range d.IOC.Mentions {
		m := &d.IOC.Mentions[k]
		claim, err := m.claim()
		if err != nil {
			return ioc.Indicator{}, err
		}
		ms[k] = ioc.Mention{Report: c.reports[reportID(feed, plain(m.Report))], Claim: claim}
	}
	i := store.Union(d.observable(), feed, ms, d.IOC.ArmedSeq)
	var err error
	i.Arming, err = d.arming()
	return i, err
}
