package elastic

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// storedList is a warninglist without its entries, and the feed that brought it.
type storedList struct {
	listState
	feed string // as a document names it
}

// lists returns the stored lists, by feed and id. The names of feeds are those of
// the configuration, so they stand for themselves.
func (s *Store) lists(ctx context.Context) (all []storedList, err error) {
	for d, err := range s.few(ctx, ofKind(listKind)) {
		l := storedList{}
		if err == nil {
			l.feed = d.Feed
			err = decodeState(d, &l.listState)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b storedList) int { return cmp.Or(cmp.Compare(a.feed, b.feed), cmp.Compare(a.Report, b.Report)) })
	return all, nil
}

// Warninglists yields the stored lists, by feed and id.
func (s *Store) Warninglists(ctx context.Context) iter.Seq2[ioc.Warninglist, error] {
	return func(yield func(ioc.Warninglist, error) bool) {
		all, err := s.lists(ctx)
		if err != nil {
			yield(ioc.Warninglist{}, err)
			return
		}
		for _, l := range all {
			w, found, err := s.warninglist(ctx, l)
			if err == nil && !found {
				continue
			}
			if !yield(w, err) || err != nil {
				return
			}
		}
	}
}

// maxListRounds is how often a list is read again that is replaced meanwhile.
const maxListRounds = 5

// warninglist reads the entries of a list. Where some are missing it has been
// replaced since it was read, or dropped: then it is read again.
func (s *Store) warninglist(ctx context.Context, l storedList) (w ioc.Warninglist, found bool, err error) {
	for range maxListRounds {
		w = ioc.Warninglist{Feed: l.feed, ID: l.Report, Name: l.Name, Description: l.Description, Version: l.Version, Kind: l.Kind, Attributes: l.Attributes}
		if w.Entries, err = s.entries(ctx, &l); err != nil || len(w.Entries) == l.Count {
			return w, true, err
		}
		at, there, err := s.getState(ctx, listID(l.feed, l.Report), &l.listState)
		if err != nil || !there {
			return w, at.term > 0, err
		}
	}
	return w, true, fmt.Errorf("ioc_state: the warninglist %q of the feed %s has %d entries, not %d: collect the feed again (iochunt collect --full)", l.Name, l.feed, len(w.Entries), l.Count)
}

// entries reads the entries that a list names.
func (s *Store) entries(ctx context.Context, l *storedList) ([]string, error) {
	ids := make([]string, l.Chunks)
	for n := range ids {
		ids[n] = entriesID(l.feed, l.Report, l.Sum, n)
	}
	packed := make(map[string][]byte, len(ids))
	err := s.getStates(ctx, ids, func(id string, _ version, d *stateDoc) error {
		var b []byte
		err := decodeState(d, &b)
		packed[id] = b
		return err
	})
	all := make([]string, 0, l.Count)
	for _, id := range ids {
		if b := packed[id]; err == nil && b != nil {
			all, err = unpackEntries(all, b)
		}
	}
	return all, err
}

// ListStates returns what is known of the stored lists, by feed and id. The Sum
// covers a list's name, kind, attributes and entries.
func (s *Store) ListStates(ctx context.Context) ([]store.ListState, error) {
	all, err := s.lists(ctx)
	states := make([]store.ListState, 0, len(all))
	for _, l := range all {
		states = append(states, store.ListState{Feed: l.feed, ID: l.Report, Name: l.Name, Description: l.Description, Version: l.Version, Kind: l.Kind,
			Attributes: l.Attributes, Entries: l.Count, Sum: l.Sum, Since: l.Since})
	}
	return states, err
}
