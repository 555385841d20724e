package elastic

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"

	"github.com/iochunt/iochunt/internal/es"
)

// writeLock is the lock that every change to ioc_index is made under.
const writeLock = "write"

// numbers is the body of the counters.
type numbers struct {
	Armed      uint64 `json:"armed"`      // the highest number that anything was armed with, and is to be seen
	Generation uint64 `json:"generation"` // of the set of what is hunted
	Taken      uint64 `json:"taken"`      // the highest number that was ever taken
	Open       bool   `json:"open"`       // the transaction that has taken it is not complete

	Left  []uint64        `json:"left,omitempty"`  // the last numbers of transactions that were never completed by who took them
	Feeds map[string]bool `json:"feeds,omitempty"` // safe names of all feeds there ever were; true: it has documents
}

// documents reports whether the index may have documents of any feed.
func (n *numbers) documents() bool {
	for _, has := range n.Feeds {
		if has {
			return true
		}
	}
	return false
}

const (
	countersKind = "counters"
	countersID   = "counters:all"
)

// counters returns the counters as they are now.
func (s *Store) counters(ctx context.Context) (n numbers, at version, err error) {
	at, _, err = s.getState(ctx, countersID, &n)
	return n, at, err
}

// tx is a change to ioc_index on its way. A cluster has no transactions: what is
// written is seen at once, document by document. But the number that it was
// written with is known only when all of it has been written, and who died
// before is found out by whoever comes next: the counters say that a number was
// taken, and that it is not complete. Then the next change counts for both.
type tx struct {
	s      *Store
	n      numbers
	at     version
	begun  bool // a number was taken
	broken bool // the change before this one is not complete
	hunted bool // the set of what is hunted is another one
}

// writing runs f under the write lock; f works under the context that it is
// given, which ends when the lock is lost. What f has changed is to be seen by
// searches, and counted, when writing returns without an error.
func (s *Store) writing(ctx context.Context, f func(ctx context.Context, t *tx) error) error {
	if s.o.ReadOnly {
		return errReadOnly
	}
	l, err := s.lease(ctx, writeLock, leaseTime)
	if err != nil {
		return err
	}
	defer l.release()
	t := &tx{s: s}
	if t.n, t.at, err = s.counters(l.ctx); err != nil {
		return err
	}
	if t.at.term == 0 { // there are none yet, or they were lost
		if t.n, err = s.recount(l.ctx); err != nil {
			return err
		}
	}
	if t.broken = t.n.Open; t.broken {
		t.n.leave(t.n.Taken)
		if err := s.refresh(l.ctx, s.index()); err != nil { // f reads by searching
			return err
		}
	}
	if err := f(l.ctx, t); err != nil {
		return err
	}
	return t.commit(l.ctx)
}

// begin takes the number that this change arms with. It comes before the first
// document is written; a second call changes nothing.
func (t *tx) begin(ctx context.Context) (number uint64, err error) {
	if t.begun {
		return t.n.Taken, nil
	}
	n := t.n
	n.Taken, n.Open = max(n.Taken, n.Armed)+1, true
	if t.at, err = t.s.putCounters(ctx, n, t.at); err != nil {
		return 0, err
	}
	t.n, t.begun = n, true
	return n.Taken, nil
}

// know makes a feed known, and with documents, before the first of those is
// written.
func (t *tx) know(ctx context.Context, feed string, documents bool) error {
	feed = safe(feed)
	if has, known := t.n.Feeds[feed]; known && (has || !documents) {
		return nil
	}
	n := t.n
	n.Feeds = maps.Clone(n.Feeds)
	if n.Feeds == nil {
		n.Feeds = map[string]bool{}
	}
	n.Feeds[feed] = documents
	var err error
	if t.at, err = t.s.putCounters(ctx, n, t.at); err == nil {
		t.n = n
	}
	return err
}

// commit makes what was written visible, then counts it.
func (t *tx) commit(ctx context.Context) error {
	if len(t.n.Left) > 0 {
		if err := t.mend(ctx); err != nil {
			return err
		}
	}
	if !t.begun && !t.broken {
		return nil
	}
	if err := t.s.refresh(ctx, t.s.index()); err != nil {
		return err
	}
	t.n.Armed, t.n.Open = t.n.Taken, false
	if t.hunted || t.broken {
		t.n.Generation++
	}
	var err error
	t.at, err = t.s.putCounters(ctx, t.n, t.at)
	t.begun, t.broken, t.hunted = false, false, false
	return err
}

func (s *Store) putCounters(ctx context.Context, n numbers, was version) (version, error) {
	at, err := s.putState(ctx, countersID, stateDoc{Kind: countersKind, At: s.now().UTC()}, n, was)
	if !errors.Is(err, errConflict) {
		return at, err
	}
	// A lost answer may be the reason: nobody else has taken the same number.
	if now, at, err := s.counters(ctx); err == nil && reflect.DeepEqual(now, n) {
		return at, nil
	}
	return at, err
}

// refresh makes what was written to an index visible to searches.
func (s *Store) refresh(ctx context.Context, index string) error {
	return s.c.Do(ctx, es.Request{Method: http.MethodPost, Path: "/" + es.Escape(index) + "/_refresh"}, nil)
}
