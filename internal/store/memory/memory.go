// Package memory is a store that lives and dies with the process: for a scan
// with a list of its own, which needs no data directory. It follows the same
// rules as the embedded store (package storetest) and is made for a million
// observables of few reports: numbers in place of pointers, claims that many
// share kept once.
//
// A sequence does not keep writers out. It sees no observable that came after
// its start, but it does see withdrawals.
package memory

import (
	"context"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Store holds everything in memory; New makes one. Its methods may be called
// from many goroutines.
type Store struct {
	mu         sync.RWMutex
	feeds      map[string]*feed
	reports    []*report
	types      []ioc.Type
	codes      map[ioc.Type]uint16
	index      []map[string]uint32 // by type code: value to observable
	obs        arena[observable]
	members    arena[membership]
	claims     []ioc.Claim // without Original; number 0 is empty
	claimOf    map[ioc.Claim]uint32
	originals  map[uint32]string // of a membership, where there is one
	armed      uint64
	generation uint64
}

type feed struct {
	name    string
	cursor  ioc.Cursor
	reports map[string]*report
	refused map[string]map[ioc.Refusal]bool // by report
}

type report struct {
	store.Reading
	ioc.Report
	feed  *feed
	id    uint32
	first uint32 // membership, none: none
	gone  bool
}

type observable struct {
	value string
	state
	first uint32 // membership
	code  uint16
}

type state struct {
	expires int64 // the latest of the live memberships, in microseconds; never: never
	armed   uint64
	live    uint32
}

type membership struct {
	obs, report, claim uint32
	nextOfObs          uint32
	nextOfReport       uint32
	generation         int32
	removed            bool
}

const (
	none  = math.MaxUint32 // the end of a chain
	never = math.MaxInt64
)

// New returns an empty store.
func New() *Store {
	return &Store{feeds: map[string]*feed{}, codes: map[ioc.Type]uint16{}, claims: make([]ioc.Claim, 1),
		claimOf: map[ioc.Claim]uint32{{}: 0}, originals: map[uint32]string{}}
}

// arena is a list that grows without being copied.
type arena[T any] struct {
	blocks [][]T
	n      uint32
}

const blockSize = 1 << 13

func (a *arena[T]) at(i uint32) *T { return &a.blocks[i/blockSize][i%blockSize] }

func (a *arena[T]) add(v T) uint32 {
	if a.n%blockSize == 0 {
		a.blocks = append(a.blocks, make([]T, blockSize))
	}
	*a.at(a.n) = v
	a.n++
	return a.n - 1
}

// Close does nothing: a store in memory has nothing to give back.
func (s *Store) Close() error { return nil }

// Cursor returns how far a feed has been read.
func (s *Store) Cursor(ctx context.Context, name string) (ioc.Cursor, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if f := s.feeds[name]; f != nil {
		return f.cursor, ctx.Err()
	}
	return "", ctx.Err()
}

// Generation grows with every change to the set of observables that are
// huntable and not withdrawn.
func (s *Store) Generation(ctx context.Context) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.generation, ctx.Err()
}

// Armed returns the highest ArmedSeq that has been given.
func (s *Store) Armed(ctx context.Context) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.armed, ctx.Err()
}

// KnownReports yields the reports of a feed that are not gone.
func (s *Store) KnownReports(ctx context.Context, name string) iter.Seq2[ioc.Report, error] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []ioc.Report
	if f := s.feeds[name]; f != nil {
		for _, r := range f.reports {
			if !r.gone {
				all = append(all, r.Report)
			}
		}
	}
	return values(ctx, all)
}

// Refused yields the refusals of a feed.
func (s *Store) Refused(ctx context.Context, name string) iter.Seq2[ioc.Refusal, error] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []ioc.Refusal
	if f := s.feeds[name]; f != nil {
		for _, of := range f.refused {
			for r := range of {
				all = append(all, r)
			}
		}
	}
	return values(ctx, all)
}

func values[T any](ctx context.Context, all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if ctx.Err() != nil || !yield(v, nil) {
				break
			}
		}
		var zero T
		if err := ctx.Err(); err != nil {
			yield(zero, err)
		}
	}
}

// Observables yields every observable once that is not withdrawn, in the order
// in which they were first stored.
func (s *Store) Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return walk(ctx, s, func(id uint32, dst []ioc.Observable) []ioc.Observable {
		if o := s.obs.at(id); s.wanted(o, f) {
			dst = append(dst, s.observable(o))
		}
		return dst
	})
}

func (s *Store) observable(o *observable) ioc.Observable {
	return ioc.Observable{Type: s.types[o.code], Value: o.value}
}

func (s *Store) wanted(o *observable, f ioc.Filter) bool {
	switch {
	case o.live == 0 || o.armed <= f.ArmedSince && f.ArmedSince > 0:
		return false
	case len(f.Types) > 0 && !slices.Contains(f.Types, s.types[o.code]):
		return false
	case len(f.Feeds) == 0:
		return true
	}
	for m := range s.memberships(o) {
		if slices.Contains(f.Feeds, s.reports[m.report].feed.name) {
			return true
		}
	}
	return false
}

// memberships yields the live memberships of an observable, the newest first.
func (s *Store) memberships(o *observable) iter.Seq2[*membership, uint32] {
	return func(yield func(*membership, uint32) bool) {
		for i := o.first; i != none; {
			m := s.members.at(i)
			if !m.removed && !yield(m, i) {
				return
			}
			i = m.nextOfObs
		}
	}
}

// walk yields what f appends for each observable, and holds the lock for some
// of them at a time only.
func walk[T any](ctx context.Context, s *Store, f func(id uint32, dst []T) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s.mu.RLock()
		end := s.obs.n
		s.mu.RUnlock()
		var part []T
		for id := uint32(0); id < end; {
			if err := ctx.Err(); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			part = part[:0]
			s.mu.RLock()
			for stop := min(id+256, end); id < stop; id++ {
				part = f(id, part)
			}
			s.mu.RUnlock()
			for _, v := range part {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// Lookup returns what every feed says of an observable.
func (s *Store) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, ok := s.find(o)
	if !ok {
		return nil, ctx.Err()
	}
	return s.indicators(s.obs.at(id)), ctx.Err()
}

func (s *Store) find(o ioc.Observable) (uint32, bool) {
	code, ok := s.codes[o.Type]
	if !ok {
		return 0, false
	}
	id, ok := s.index[code][o.Value]
	return id, ok
}

// indicators makes one indicator for each feed, in the order in which the
// feeds first had the observable.
func (s *Store) indicators(o *observable) (all []ioc.Indicator) {
	byFeed := map[*feed][]ioc.Mention{}
	var feeds []*feed
	for m, i := range s.memberships(o) {
		r := s.reports[m.report]
		if byFeed[r.feed] == nil {
			feeds = append(feeds, r.feed)
		}
		byFeed[r.feed] = append(byFeed[r.feed], ioc.Mention{Report: r.Report, Claim: s.claim(m, i)})
	}
	slices.Reverse(feeds)
	for _, f := range feeds {
		all = append(all, store.Union(s.observable(o), f.name, byFeed[f], o.armed))
	}
	return all
}

func (s *Store) claim(m *membership, id uint32) ioc.Claim {
	c := s.claims[m.claim]
	c.Original = s.originals[id]
	return c
}

// List yields indicators that are not withdrawn, by observable in the order in
// which those were first stored.
func (s *Store) List(ctx context.Context, f store.ListFilter) iter.Seq2[ioc.Indicator, error] {
	all := walk(ctx, s, func(id uint32, dst []ioc.Indicator) []ioc.Indicator {
		o := s.obs.at(id)
		if f.Value != "" && o.value != f.Value || o.live == 0 {
			return dst
		}
		return append(dst, s.indicators(o)...)
	})
	return func(yield func(ioc.Indicator, error) bool) {
		n := 0
		for i, err := range all {
			if err == nil && !f.Match(&i) {
				continue
			}
			skip, done := f.Page(n)
			n++
			if err == nil && skip {
				continue
			}
			if err == nil && done || !yield(i, err) {
				return
			}
		}
	}
}

// Count counts what is stored and not withdrawn.
func (s *Store) Count(ctx context.Context, now time.Time) (store.Counts, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := store.Counts{ByType: map[ioc.Type]int{}, ByFeed: map[string]int{}}
	for id := range s.obs.n {
		o := s.obs.at(id)
		if o.live == 0 {
			continue
		}
		t := s.types[o.code]
		c.Total++
		c.ByType[t]++
		if o.expires <= now.UnixMicro() {
			c.Expired++
		}
		if !t.Huntable() {
			c.NotHuntable++
		}
		s.countFeeds(o, c.ByFeed)
	}
	return c, ctx.Err()
}

func (s *Store) countFeeds(o *observable, byFeed map[string]int) {
	var seen []string
	for m := range s.memberships(o) {
		if name := s.reports[m.report].feed.name; !slices.Contains(seen, name) {
			seen = append(seen, name)
			byFeed[name]++
		}
	}
}
