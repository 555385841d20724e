package hunt

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
)

// Source is a set of indices as a query sees it: package indices has the one
// that there is.
type Source interface {
	// Look returns the indices as they stand. What is in them up to the numbers
	// that it tells can be found by a Sweep that follows.
	Look(ctx context.Context) (Look, error)
	// Sweep finds the documents of a unit that hold observables of set. An error
	// wraps ErrStale where the index is not any more the one of the unit. What
	// found returns as an error ends the sweep.
	Sweep(ctx context.Context, u Unit, set Matcher, found func([]Document) error) (SweepReport, error)
}

// ErrStale says that an index has been deleted, made anew or given other fields.
var ErrStale = errors.New("the index is not any more what it was")

// ErrBehind says that another hunter is at work with newer indicators.
var ErrBehind = errors.New("another hunter works with newer indicators: bring the set up to date (iochunt indicators sync) and hunt again")

var errNoCounter = errors.New("the set of indicators does not say up to which change it goes, so what has met what cannot be noted")

// Look is what a source consists of at a moment.
type Look struct {
	Indices    []IndexState
	Incomplete []Trouble // what could not be looked at: no index may be taken for deleted
	Notes      []Trouble
}

// IndexState is one index at a moment.
type IndexState struct {
	Name, ID, Key string
	Docs          int64         // live ones
	Settle        time.Duration // after so long all copies of a shard have what one has; for lanes with a stamp
	Lanes         []LaneState
	Groups        [][]string // its fields in parts of about the same work, to be hunted by several
	Left          []Trouble  // fields that cannot be hunted
}

// LaneState is one lane at a moment.
type LaneState struct {
	Name    string
	UpTo    int64 // the highest number of which, and below which, all is there for good
	Stamp   string
	History string // of the numbers: in another one a number is that of another event
	Events  int64  // about
}

// Document is one with observables in it.
type Document struct {
	Index, ID string
	Source    []byte    // JSON
	Time      time.Time // of the event, zero where the document has none
	Matches   []FieldMatch
}

// FieldMatch is an observable in a field of a document.
type FieldMatch struct {
	ID         uint32 // of the set
	Field      string
	Value      string // of the field
	Start, End int    // of the match in Value
	Rule       match.Rule
}

// SweepReport says how a unit was hunted.
type SweepReport struct {
	Events     int64
	Plans      []PlanUse
	Incomplete []Trouble // what could not be looked at; the unit does not count as done
}

// PlanStream is the plan of a field that is read in full, as no other finds all
// that may stand there. The others have names of the source's own.
const PlanStream = "stream"

// PlanUse says how one field was searched and what it cost.
type PlanUse struct {
	Index      string        `json:"index,omitempty"`
	Field      string        `json:"field"`
	Plan       string        `json:"plan"`
	Why        string        `json:"why,omitempty"`
	Estimated  time.Duration `json:"estimated"`
	Took       time.Duration `json:"took"`
	Distinct   int64         `json:"distinct,omitempty"` // values fetched
	Values     int64         `json:"values,omitempty"`   // values sent
	Requests   int64         `json:"requests,omitempty"`
	Candidates int64         `json:"candidates,omitempty"`
	Streamed   int64         `json:"streamed,omitempty"` // documents read in full
}

// Arsenal is what a query hunts for.
type Arsenal struct {
	Full  Matcher                             // all that is armed up to Armed
	Armed uint64                              // the armed counter of the store when Full was made
	Since func(since uint64) (Matcher, error) // those of Full that were armed after since, perhaps more of them; nil: old events meet all of Full
	From  Indicators                          // looked up in
	Store string                              // which store: the counters of two have nothing to do with each other
}

// QueryOptions says how a source is hunted. Name is needed.
type QueryOptions struct {
	Name     string                   // of the source
	Ledger   Ledger                   // nil: all is hunted, and nothing noted
	Hunter   string                   // who this is: no other has the same. "" makes one up
	Lease    time.Duration            // who has not been heard of for so long is dead; 30 s
	Poll     time.Duration            // how often to look what the others do, at least; a tenth of the lease
	Dead     func(hunter string) bool // knows of hunters that are dead; nil: none
	Workers  int                      // units at a time; 2
	Disarmed bool                     // hits of observables that are not armed, too
	Progress func(done, units int)    // told after each unit, by one goroutine at a time; may be nil
	Now      func() time.Time         // nil: time.Now
}

// Acked is the optional power of a sink that keeps hits for later: Flush returns
// when all that was emitted is kept for good. Only then a unit is done.
type Acked interface {
	Flush(ctx context.Context) error
}

// QuerySummary is what a query covered. Only if Incomplete is empty, and Query
// returned no error, does Hits == 0 mean that there is nothing in the source
// that had not been found before.
type QuerySummary struct {
	Source     string
	Events     int64       // looked at by this hunter
	Records    int         // documents with hits
	Hits       int         // handed to the sink
	Expired    int         // matches whose every claim had ended by the time of the event, or was withdrawn
	Disarmed   int         // matches that are no hits because their observable is not armed
	Timeless   int         // documents with hits that do not say when they happened
	Indicators int         // distinct observables of the full set
	Units      int         // done by this hunter
	TakenOver  int         // of those, from hunters that are gone
	Failed     int         // could not be done; Incomplete says why
	Indices    []IndexDone // that this hunter has hunted, or tried to
	Incomplete []Trouble   // by index
	Notes      []Trouble   // odd, but nothing is missing
	Coverage   *Coverage   // reached; nil without a ledger
	Took       time.Duration
}

// IndexDone is what a hunter did about an index.
type IndexDone struct {
	Index           string
	New, Old        int64  // events that met all indicators, and events that met the new ones
	Again           string // why all was hunted although it had been before; "" it was not
	Documents, Hits int
	Plans           []PlanUse
	Took            time.Duration
}

// Query hunts a source: new events for all indicators, and old events for those
// that are new, each pair once. What was covered before is read from the ledger,
// and what is covered afterwards is written there. Several hunters of one source
// share the work.
//
// An index that fails is noted in the summary and hunted by the next query; the
// rest goes on. An error is returned when the hunt as a whole could not be done:
// ErrNoIndicators, ErrBehind, what the ledger, to or a.From returned, or ctx's
// error. Units that were begun are then free for others.
func Query(ctx context.Context, src Source, a Arsenal, to Sink, o QueryOptions) (QuerySummary, error) {
	began := time.Now()
	if a.Full.Len() == 0 {
		return QuerySummary{Source: o.Name}, ErrNoIndicators
	}
	if o.Ledger != nil && a.Armed == 0 { // old events would count as having met what is new
		return QuerySummary{Source: o.Name}, errNoCounter
	}
	q := &query{src: src, to: to, o: o.complete(), own: o.Ledger != nil}
	q.sum = QuerySummary{Source: o.Name, Indicators: a.Full.Len()}
	q.arms.init(a)
	err := q.run(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("interrupted, not all was searched: %w", err)
	}
	return q.total(began), err
}

func (o QueryOptions) complete() QueryOptions {
	if o.Ledger == nil {
		o.Ledger = &MemoryLedger{}
	}
	if o.Hunter == "" {
		host, _ := os.Hostname()
		o.Hunter = fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Lease = cmp.Or(o.Lease, 30*time.Second)
	o.Poll = cmp.Or(o.Poll, o.Lease/10)
	o.Workers = cmp.Or(o.Workers, 2)
	return o
}
