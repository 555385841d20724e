// Package hunt looks for indicators in logs and hands what it finds to sinks.
// The order is always the same: match first (package match, over raw bytes),
// take the line apart later (package logfmt, only where something hit), look
// the claims up last, and judge their validity at the event's own time.
package hunt

import (
	"context"
	"iter"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Chunk is a run of records. Data is valid until the next iteration.
//
// Records are whole while Lead and Tail are 0, as they nearly always are. A
// record that is longer than the reader's buffer comes in several chunks that
// overlap, so that each place in it is seen with what stands before and after
// it: the first Lead bytes of Data were in the chunk before, and the last Tail
// bytes, in which the last record has not ended, are decided in the next one. A
// match counts in the one chunk where it begins neither in Lead nor in Tail.
type Chunk struct {
	Data   []byte
	Offset int64 // of Data[0] in the log's decompressed content
	Lead   int
	Tail   int
}

// Log is one thing to read from start to end: a file, standard input, a slice
// of an index. A Log is read by one goroutine; Logs are read in parallel. An
// error ends the sequence: what was yielded before it counts, and the log is
// incomplete.
type Log interface {
	Name() string
	Chunks(ctx context.Context) iter.Seq2[Chunk, error]
}

// Parted is the optional power of a log to be read by several goroutines: a big
// file is several logs. Parts returns them in order. Together they hold each
// record of the log once and whole; their names are the log's, and their offsets
// count from its beginning. A log that has to be read in one go returns none, and
// only then Chunks is called.
type Parted interface {
	Parts(ctx context.Context) []Log
}

// Dated is the optional knowledge of when a log was last written; it serves as
// the time of records that have none and gives year-less dates their year.
// ok is false where it is not known (standard input).
type Dated interface {
	ModTime() (t time.Time, ok bool)
}

// Noted is the optional knowledge of what a person should hear about a log
// although nothing of it is missing. It is asked for after the log was read.
type Noted interface {
	Notes() []string
}

// Sink takes hits. Emit must not keep hits or anything they point to, but the
// indicators, which hits of the same observable share and no one changes. It is
// called by one goroutine at a time, with the hits of one log in order.
type Sink interface {
	Emit(ctx context.Context, hits []ioc.Hit) error
	Close() error
}

// Indicators is where a hunt gets what it hunts for. Observables yields each
// value once however many feeds claim it; Lookup, called only for what was
// found, returns the claims, expired ones included.
type Indicators interface {
	Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error]
	Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error)
}
