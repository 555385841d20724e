package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// RunOptions changes what Run does.
type RunOptions struct {
	// Prepare puts a member into the form in which it is stored, or refuses it
	// with a reason; nil does nothing. It is where cmd puts the enrich steps.
	Prepare func(*ioc.Member) (reason string)
	Full    bool             // read the feed from its beginning, whatever the cursor says
	DryRun  bool             // read and count, store nothing
	OnBatch func(Result)     // called after each batch with the counts so far
	Now     func() time.Time // nil: the system's clock
}

// Outcome is how a run ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"      // all of the feed was read
	Partial Outcome = "partial" // what could be read was stored, the rest is in Skipped
	Failed  Outcome = "failed"  // the run ended early; what was stored until then stays
)

// Result is the record of one run of one feed. Fetched is the sum of
// Changes.New, Changes.Changed, Changes.Unchanged, Duplicates and all of
// Refused, but in a dry run, which changes nothing.
type Result struct {
	Feed            string                   `json:"feed"`
	Reports         int                      `json:"reports"` // read to their end
	Gone            int                      `json:"gone"`    // reports that the feed no longer has
	Fetched         int                      `json:"fetched"` // values that the feed sent
	Changes         ioc.Changes              `json:"changes"`
	Duplicates      int                      `json:"duplicates"`   // of a value already named by the same report in the same batch
	Expired         int                      `json:"expired"`      // of the stored, by now
	NotHuntable     int                      `json:"not_huntable"` // of the stored
	Refused         map[string]int           `json:"refused"`      // by reason
	RefusedExamples map[string][]ioc.Refusal `json:"refused_examples,omitempty"`
	Read            map[string]int           `json:"read,omitempty"`    // by what the protocol calls one: "content block": 4
	Notes           []string                 `json:"notes,omitempty"`   // what a person should be told
	Skipped         []string                 `json:"skipped,omitempty"` // why the run is partial
	Error           string                   `json:"error,omitempty"`   // why it failed
	Before          ioc.Cursor               `json:"before"`
	After           ioc.Cursor               `json:"after"`
	Started         time.Time                `json:"started"`
	Took            time.Duration            `json:"took"`
}

// Bounds of what a Result keeps of refusals. Reasons are few by contract;
// OtherReasons counts what a collector says beyond reason.
const (
	maxExamples  = 3
	maxReasons   = 200
	OtherReasons = "other reasons"
)

// Outcome returns how the run ended.
func (r *Result) Outcome() Outcome {
	switch {
	case r.Error != "":
		return Failed
	case len(r.Skipped) > 0:
		return Partial
	}
	return OK
}

// RefusedTotal returns how many values were refused.
func (r *Result) RefusedTotal() int {
	n := 0
	for _, c := range r.Refused {
		n += c
	}
	return n
}

// Run reads one feed once: from its cursor on it takes batch after batch from
// c, prepares the members, merges those that name the same observable in the
// same report, and stores each batch together with its cursor before it asks
// for the next.
//
// An error that wraps ErrSkipped is noted and the run goes on. Any other one of
// the collector or the store ends the run and is returned, and so is the end
// of ctx; the Result is good in every case and counts what was stored.
func Run(ctx context.Context, feed string, c Collector, s Store, o RunOptions) (Result, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{feed: feed, store: s, options: o}
	r.result = Result{Feed: feed, Refused: make(map[string]int), RefusedExamples: make(map[string][]ioc.Refusal), Started: o.Now()}
	err := r.all(ctx, c)
	if err != nil {
		err = fmt.Errorf("feed %s: %w", feed, err)
		r.result.Error = err.Error()
	}
	return r.snapshot(), err
}

type run struct {
	feed    string
	store   Store
	options RunOptions
	result  Result
}

// snapshot is the result so far, which the caller may keep.
func (r *run) snapshot() Result {
	s := r.result
	s.Took = r.options.Now().Sub(s.Started)
	s.Read = maps.Clone(s.Read)
	s.Refused = maps.Clone(s.Refused)
	s.RefusedExamples = maps.Clone(s.RefusedExamples)
	return s
}

func (r *run) all(ctx context.Context, c Collector) error {
	from, err := r.store.Cursor(ctx, r.feed)
	if err != nil {
		return fmt.Errorf("reading the cursor: %w", err)
	}
	r.result.Before, r.result.After = from, from
	if r.options.Full {
		from = ""
	}
	for b, err := range c.Collect(ctx, from) {
		switch {
		case err == nil:
			err = r.batch(ctx, b)
		case errors.Is(err, ErrSkipped) && ctx.Err() == nil:
			r.result.Skipped = append(r.result.Skipped, err.Error())
			continue
		}
		if err != nil {
			return err
		}
	}
	// A collector may end quietly when ctx does; the run is not whole then.
	return context.Cause(ctx)
}

// batch prepares and stores one batch. The batch is ours: Collect asks for it
// to be stored before it goes on.
func (r *run) batch(ctx context.Context, b ioc.Batch) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	t := tally{now: r.options.Now(), fetched: len(b.Members) + len(b.Refused)}
	r.prepare(&b, &t)
	if !r.options.DryRun {
		changes, err := r.store.PutBatch(ctx, r.feed, b)
		if err != nil {
			return fmt.Errorf("storing a batch: %w", err)
		}
		r.result.Changes.Add(changes)
		if b.Next != "" {
			r.result.After = b.Next
		}
	}
	r.count(&b, &t)
	if r.options.OnBatch != nil {
		r.options.OnBatch(r.snapshot())
	}
	return nil
}

// tally is what one batch adds to the result once it is stored.
type tally struct {
	now                                       time.Time
	fetched, duplicates, expired, notHuntable int
}

// memberKey is the identity of a membership within a feed.
type memberKey struct {
	report string
	ioc.Observable
}

// prepare runs the members through Prepare and merges equal ones, in place and
// in order.
func (r *run) prepare(b *ioc.Batch, t *tally) {
	at := make(map[memberKey]int, len(b.Members))
	kept := b.Members[:0]
	for _, m := range b.Members {
		said := m
		if r.options.Prepare != nil {
			if reason := r.options.Prepare(&m); reason != "" {
				b.Refused = append(b.Refused, refusal(&said, reason))
				continue
			}
		}
		k := memberKey{m.Report, m.Observable}
		if i, dup := at[k]; dup {
			merge(&kept[i].Claim, &m.Claim)
			t.duplicates++
			continue
		}
		at[k] = len(kept)
		kept = append(kept, m)
	}
	clear(b.Members[len(kept):])
	b.Members = kept
	for i := range kept {
		if e := kept[i].Expires; !e.IsZero() && !t.now.Before(e) {
			t.expired++
		}
		if !kept[i].Type.Huntable() {
			t.notHuntable++
		}
	}
}

// refusal says what the feed sent, not what Prepare had made of it by then.
func refusal(m *ioc.Member, reason string) ioc.Refusal {
	typ := m.Declared
	if typ == "" {
		typ = string(m.Type)
	}
	return ioc.Refusal{Report: m.Report, Type: typ, Value: m.Value, Reason: reason}
}

// merge adds to c what a second claim of the same report on the same
// observable says more: texts that c lacks, the earlier beginning, the later
// end, the greater confidence.
func merge(c, more *ioc.Claim) {
	for _, t := range []struct{ to, from *string }{
		{&c.Declared, &more.Declared}, {&c.Original, &more.Original}, {&c.Role, &more.Role},
		{&c.Title, &more.Title}, {&c.Description, &more.Description}, {&c.Content, &more.Content},
	} {
		if *t.to == "" {
			*t.to = *t.from
		}
	}
	c.Confidence = max(c.Confidence, more.Confidence)
	if c.Created.IsZero() || !more.Created.IsZero() && more.Created.Before(c.Created) {
		c.Created = more.Created
	}
	if more.Expires.IsZero() || !c.Expires.IsZero() && more.Expires.After(c.Expires) {
		c.Expires = more.Expires
	}
}

// count adds a batch that has been stored to the result.
func (r *run) count(b *ioc.Batch, t *tally) {
	s := &r.result
	s.Fetched += t.fetched
	s.Duplicates += t.duplicates
	s.Expired += t.expired
	s.NotHuntable += t.notHuntable
	s.Gone += len(b.Gone)
	s.Notes = append(s.Notes, b.Notes...)
	for what, n := range b.Read {
		if s.Read == nil {
			s.Read = make(map[string]int)
		}
		s.Read[what] += n
	}
	for _, rep := range b.Reports {
		if rep.Last {
			s.Reports++
		}
	}
	for _, f := range b.Refused {
		reason := f.Reason
		if _, known := s.Refused[reason]; !known && len(s.Refused) >= maxReasons {
			reason = OtherReasons
		}
		s.Refused[reason]++
		if len(s.RefusedExamples[reason]) < maxExamples {
			s.RefusedExamples[reason] = append(s.RefusedExamples[reason], f)
		}
	}
}
