// Package collect reads threat feeds. A feed is configured by name and kind;
// each kind is one file here (otx.go, file.go), with its protocol client in a
// folder of its own. A collector only reads: what is kept, changed or refused
// is decided by the steps and the store that Run is given.
package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Collector reads one feed from a cursor on.
//
// The consumer stores a batch together with its cursor before it asks for the
// next one, so asking is the acknowledgement. A page that cannot be read whole
// is an error, never a smaller batch. An error that wraps ErrSkipped says that
// a part of the feed could not be read and that the rest follows; any other
// error ends the sequence. A sequence that skipped something does not move the
// cursor past it. Collect returns soon after ctx is done, takes times from the
// feed and not from the clock, and keeps secrets out of its errors.
type Collector interface {
	Collect(ctx context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error]
}

// ErrSkipped marks an error after which the collector goes on: the run is
// partial.
var ErrSkipped = errors.New("a part of the feed could not be read")

// ErrAuth marks an error that a better credential would mend (exit code 4).
var ErrAuth = errors.New("not authorised")

// Checker is the optional power to prove that a feed can be reached and
// logged in to, without reading it. It returns what a person wants to know
// ("user demo, 12 subscriptions").
type Checker interface {
	Check(ctx context.Context) (string, error)
}

// Known tells a collector which reports of its feed are stored.
type Known interface {
	KnownReports(ctx context.Context, feed string) iter.Seq2[ioc.Report, error]
}

// Store is where batches go. PutBatch stores a batch and its cursor in one
// step, all or nothing.
type Store interface {
	Cursor(ctx context.Context, feed string) (ioc.Cursor, error)
	PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error)
}

// Options is what a kind needs to make a Collector.
type Options struct {
	Feed   string               // the feed's configured name
	Decode func(into any) error // the feed's own settings; unknown keys are errors
	HTTP   *http.Client         // for everything outbound
	Known  Known                // nil: nothing is stored
	Now    func() time.Time     // the clock, for look-backs only

	Version string // ours, for feeds that need an HTTP client of their own: its User-Agent
}

// Kind is a sort of feed.
type Kind struct {
	Name string // as in the config's "kind"
	Doc  string // one line for people
	New  func(Options) (Collector, error)
}

var kinds []Kind // sorted by name

// register is called from the init function of the file that holds the kind.
func register(k Kind) {
	i, dup := slices.BinarySearchFunc(kinds, k.Name, func(k Kind, n string) int { return strings.Compare(k.Name, n) })
	if dup {
		panic("collect: two kinds named " + k.Name)
	}
	kinds = slices.Insert(kinds, i, k)
}

// Kinds returns the kinds of feed there are, sorted by name.
func Kinds() []Kind { return slices.Clone(kinds) }

// New makes the collector of a feed of the given kind.
func New(kind string, o Options) (Collector, error) {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if k.Name == kind {
			return k.New(o)
		}
		names = append(names, k.Name)
	}
	return nil, fmt.Errorf("feed %s: no kind %q; there are: %s", o.Feed, kind, strings.Join(names, ", "))
}
