// Package store holds what all stores have in common: the filters and records
// of their methods, and the rules that must not differ between them. The
// stores themselves are the packages below it; storetest is the suite that
// each of them passes.
//
// What a store keeps is memberships: this report of this feed names this
// observable, and says so much about it. An indicator is never stored; it is
// the union of a feed's memberships of one observable (Union), made when it is
// asked for. So a report can change, be withdrawn and come back without
// anybody having to undo a merge.
//
// Three numbers tell readers what is new without a full comparison. A report's
// revision says that its list has not changed (Reading). The store's armed
// counter says which observables have to meet old events again (Armed). The
// generation says that the set of what is hunted has changed, so that a file
// compiled from it is stale.
//
// A verdict says of an observable whether it may raise hits. It is derived, so
// a store may forget it, and cannot be wrong about it for longer than until the
// next pass of judging; the decisions and marks that it is derived from are
// kept for good, whatever becomes of the claims and hits.
package store

import (
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// ListFilter says which indicators to list. An empty field does not restrict.
type ListFilter struct {
	Types  []ioc.Type
	Feeds  []string
	Report string // id of a report that names it
	Value  string // the whole value, in canonical form
	Tag    string // a part of one of its tags, of any case
	Limit  int    // at most so many; 0: all
	Offset int    // leave out so many first

	Want func(*ioc.Indicator) bool // nil: all
}

// Match reports whether i is wanted, Limit and Offset aside.
func (f *ListFilter) Match(i *ioc.Indicator) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, i.Type)) &&
		(len(f.Feeds) == 0 || slices.Contains(f.Feeds, i.Feed)) &&
		(f.Value == "" || f.Value == i.Value) &&
		(f.Tag == "" || HasTag(i.Tags, f.Tag)) &&
		(f.Report == "" || slices.ContainsFunc(i.Reports, func(m ioc.Mention) bool { return m.ID == f.Report })) &&
		(f.Want == nil || f.Want(i))
}

// Page applies Limit and Offset to a sequence of wanted indicators: it reports
// whether the n-th of them, counted from 0, is to be left out, and whether it
// lies behind the last.
func (f *ListFilter) Page(n int) (skip, done bool) {
	if n < f.Offset {
		return true, false
	}
	return false, f.Limit > 0 && n >= f.Offset+f.Limit
}

// HasTag reports whether one of the tags contains part, of any case.
func HasTag(tags []string, part string) bool {
	part = strings.ToLower(part)
	return slices.ContainsFunc(tags, func(t string) bool { return strings.Contains(strings.ToLower(t), part) })
}

// Counts says how many observables a store holds that are not withdrawn.
type Counts struct {
	Total       int
	ByType      map[ioc.Type]int
	ByFeed      map[string]int // an observable of two feeds counts in both
	Expired     int            // no claim is valid now
	NotHuntable int            // of a type that cannot stand in a log
	Disarmed    int            // may not raise hits
	Lowered     int            // armed, but on a list that lowers their score
	ByRule      map[string]int // the disarmed ones, by the rule, or by the name of each list that disarms them
}

// FeedState is what a store knows of one feed.
type FeedState struct {
	Name        string
	Cursor      ioc.Cursor
	Reports     int // not gone
	Memberships int // not withdrawn
	Observables int // distinct ones
	Refused     int // values that could not be indicators
	Lists       int // warninglists
	Entries     int // of those
	LastRun     *Run
}

// ListState is what a store knows of one warninglist, its entries aside.
type ListState struct {
	Feed, ID, Name, Description, Version, Kind string
	Attributes                                 []string
	Entries                                    int
	Sum                                        uint64    // of all that decides what it matches
	Since                                      time.Time // when it was stored in this form
}

// Judged says what a pass of judging changed.
type Judged struct {
	Observables int // judged that are not withdrawn
	Disarmed    int // of those, not armed now
	NowArmed    int // armed anew: they have to meet old events again
	NowDisarmed int
}

// How a run ended.
const (
	OK      = "ok"
	Partial = "partial" // it did a part, and says what is missing
	Failed  = "failed"
)

// Run is the record of one run of a verb. Counters are the verb's own.
type Run struct {
	Verb     string           `json:"verb"`
	Feed     string           `json:"feed,omitempty"`
	Started  time.Time        `json:"started"`
	Ended    time.Time        `json:"ended"`
	Outcome  string           `json:"outcome"` // OK, Partial or Failed
	Message  string           `json:"message,omitempty"`
	Counters map[string]int64 `json:"counters,omitempty"`
}

// RunFilter says which run records are wanted, newest first. An empty field
// does not restrict.
type RunFilter struct {
	Verb, Feed, Outcome string
	From, To            time.Time // of the start: not before From, before To
	Limit               int
}

// HitFilter says which hits are wanted, newest first. An empty field does not
// restrict.
type HitFilter struct {
	From, To time.Time // of the event: not before From, before To
	Type     ioc.Type
	Value    string   // the whole value
	Feed     string   // one of the hit's indicators is of it
	Path     string   // the whole path
	IDs      []string // how the id begins: one of these
	Report   string   // id of a report that one of the hit's indicators is of
	Mark     string   // ioc.TruePositive, ioc.FalsePositive, or Unmarked
	Limit    int
}

// Unmarked in a HitFilter's Mark wants hits of which nobody said anything.
const Unmarked = "none"

// MarkEffect is what a mark changes about one observable.
type MarkEffect struct {
	ioc.Observable
	Hits          int // that are marked
	Before, After ioc.Facts
}
