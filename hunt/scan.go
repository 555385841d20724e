package hunt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// ErrNoIndicators is returned by a scan that has nothing to look for: it could
// only say that all is well.
var ErrNoIndicators = errors.New("no indicators to hunt for: collect a feed, import a list or give one with -f or -e")

// Matcher finds observables in bytes; *match.Set is one. It is used by several
// goroutines at once. Append must leave dst's matches sorted by Start.
//
// A Matcher that may meet damage while it searches has a method Err() error
// beside these. If it returns an error, what Append returned is not all, and the
// run ends.
type Matcher interface {
	Append(dst []match.Match, data []byte) []match.Match
	Observable(id uint32) ioc.Observable
	Len() int
}

// ScanOptions says how a scan is done. The zero value is complete.
type ScanOptions struct {
	Workers    int                // logs read at a time; 0 means GOMAXPROCS
	Host       string             // where the logs lie; part of the id of each hit
	Disarmed   bool               // hits of observables that are not armed, too
	MaxRecords int                // stop reading a log after so many records with hits, 0 never; the summary says where
	Counts     func(ioc.Hit) bool // whether a hit counts for MaxRecords, asked by several goroutines; nil: all do
	OnProgress func(bytes int)    // told of each run of bytes searched, by several goroutines
	Now        func() time.Time   // nil means time.Now
}

// Trouble is a log, or a path that may have led to logs, and what is wrong.
type Trouble struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Summary is what a scan covered. Only if Incomplete is empty, and Scan
// returned no error, does Hits == 0 mean that nothing is there.
type Summary struct {
	Files      int           // logs begun
	Bytes      int64         // searched, after decompression
	Lines      int64         // searched, the last one of a log counted even if it has no end
	Hits       int           // handed to the sink
	Records    int           // with hits
	Expired    int           // matches whose every claim had ended by the time of the event, or was withdrawn
	Disarmed   int           // matches that are no hits because their observable is not armed
	Alerts     int           // hits at or above the thresholds; counted by whoever scores them
	Below      int           // hits that were left out for a severity below the one asked for; counted by whoever leaves them out
	Indicators int           // distinct observables hunted for
	Incomplete []Trouble     // not read, or not to the end, in the order of the logs
	Skipped    []Trouble     // left out by choice: by MaxRecords, and what the caller adds
	Notes      []Trouble     // odd, but nothing is missing
	Took       time.Duration // of wall clock
}

// Scan searches the logs for the observables of set and hands the hits to to,
// in the order of the logs and of their place there, whatever the number of
// workers. The claims come from from, which is asked by one goroutine at a time,
// about what was found only.
//
// A log that fails, and an error among logs, is noted in the summary and the
// rest goes on. An error is returned when the hunt as a whole could not be done:
// ErrNoIndicators, what from or to returned, or ctx's error. The summary then
// says what was covered; hits found until ctx ended are still handed over.
func Scan(ctx context.Context, logs iter.Seq2[Log, error], set Matcher, from Indicators, to Sink, o ScanOptions) (Summary, error) {
	began := time.Now()
	if set.Len() == 0 {
		return Summary{}, ErrNoIndicators
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	run, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &scan{
		set: sound{set}, o: o, stop: stop,
		claims: &claims{set: sound{set}, from: from},
		turns:  newTurns(to),
	}
	s.all(run, logs)
	if err := context.Cause(run); err != nil && ctx.Err() == nil {
		return s.total(began), err
	}
	if err := s.turns.drain(ctx); err != nil {
		return s.total(began), err
	}
	if err := ctx.Err(); err != nil {
		return s.total(began), fmt.Errorf("interrupted, not all was searched: %w", err)
	}
	return s.total(began), nil
}

// sound is a Matcher that says what stopped it.
type sound struct{ Matcher }

// damage returns what the matcher met while it searched.
func (s sound) damage() error {
	m, ok := s.Matcher.(interface{ Err() error })
	if !ok {
		return nil
	}
	if err := m.Err(); err != nil {
		return fmt.Errorf("search for the indicators: %w", err)
	}
	return nil
}

// scan is one run of Scan.
type scan struct {
	set    sound
	o      ScanOptions
	stop   context.CancelCauseFunc // ends the run, because of a fault that is not one log's
	claims *claims
	turns  *turns

	mu   sync.Mutex
	sum  Summary
	seqs troubles
}

// troubles are those of the summary, with the number of their log.
type troubles struct{ incomplete, skipped, notes []numbered }

type numbered struct {
	seq int
	Trouble
}

// all reads the logs with o.Workers goroutines. A worker takes its next piece
// itself, in the order of their numbers: so every piece with a lower number is
// in someone's hands or done, which is why waiting for one's turn always ends.
func (s *scan) all(ctx context.Context, logs iter.Seq2[Log, error]) {
	next, end := iter.Pull(s.pieces(ctx, logs))
	defer end()
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	take := func() (p piece, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return piece{}, false
		}
		return next()
	}
	defer context.AfterFunc(ctx, s.turns.halt)()
	for range s.o.Workers {
		wg.Go(func() {
			r := &reading{scan: s}
			for p, ok := take(); ok; p, ok = take() {
				r.one(ctx, p)
			}
		})
	}
	wg.Wait()
}

// one reads one piece, or notes why there is none, and passes the turn on.
func (r *reading) one(ctx context.Context, p piece) {
	r.reset(p)
	defer r.add()
	if p.err != nil {
		r.trouble(&r.seqs.incomplete, pathOf(p.err), reason(ctx, p.err))
	} else if err := r.read(ctx); err != nil {
		r.giveUp(err)
		return
	}
	r.job.read, r.job.lines = len(r.seqs.incomplete) == 0, r.part.Lines
	if err := r.turns.done(ctx, &r.job); err != nil {
		r.giveUp(err)
	}
}

// giveUp ends the run, unless it is ending already.
func (r *reading) giveUp(err error) {
	r.turns.leave(&r.job)
	if !errors.Is(err, errHalted) {
		r.stop(err)
	}
}

// interrupted is why a log is incomplete when the run ends early.
const interrupted = "interrupted before its end"

// pathOf returns what an error of a walk is about.
func pathOf(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Path
	}
	return ""
}

// reason returns why a log is incomplete.
func reason(ctx context.Context, err error) string {
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return interrupted
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Op + ": " + pe.Err.Error() // the path is said beside it
	}
	return err.Error()
}

// add puts what a reading counted into the sum.
func (r *reading) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Files += r.part.Files
	r.sum.Bytes += r.part.Bytes
	r.sum.Lines += r.part.Lines
	r.sum.Hits += r.part.Hits
	r.sum.Records += r.part.Records
	r.sum.Expired += r.part.Expired
	r.sum.Disarmed += r.part.Disarmed
	r.scan.seqs.incomplete = append(r.scan.seqs.incomplete, r.whole.news(r.seqs.incomplete)...)
	r.scan.seqs.skipped = append(r.scan.seqs.skipped, r.seqs.skipped...)
	r.scan.seqs.notes = append(r.scan.seqs.notes, r.seqs.notes...)
}

func (s *scan) total(began time.Time) Summary {
	sum := s.sum
	sum.Indicators = s.set.Len()
	sum.Incomplete = inOrder(s.seqs.incomplete)
	sum.Skipped = inOrder(s.seqs.skipped)
	sum.Notes = inOrder(s.seqs.notes)
	sum.Took = time.Since(began)
	return sum
}

func inOrder(list []numbered) []Trouble {
	slices.SortStableFunc(list, func(a, b numbered) int { return cmp.Compare(a.seq, b.seq) })
	var out []Trouble
	for _, n := range list {
		out = append(out, n.Trouble)
	}
	return out
}
