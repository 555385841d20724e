// Package emit holds the sinks: what becomes of a hit. A sink is one file here,
// registered in its init, and writes what it gets in the order in which it gets
// it, at the latest when Emit returns.
//
// Everything in a hit is hostile: the record, the name of the file that it
// stands in, and what feeds say of it. There are three kinds of reader, and
// each is served exactly:
//
//   - a person at a terminal (Options.Terminal): every byte that is not ours
//     passes through term.Escape, long records are clipped around their
//     matches, and what is left out is counted;
//   - a pipe: bytes as they are, one line a record, as grep writes them;
//   - a program: JSON, whose contract is docs/output.md, or CSV in which no
//     cell is a formula.
package emit

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"syscall"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Options is what a sink may be told. Each sink takes what concerns it.
type Options struct {
	Out io.Writer // is not closed

	Terminal bool // Out is a terminal: hits in full, escaped
	Safe     bool // escape even though Out is no terminal
	Colour   bool
	Width    int // columns of the terminal, 0 where that is not known

	WithName     bool // the log's name before each record, -H
	LineNumber   bool // -n
	ByteOffset   bool // of the record, or of the match under OnlyMatching, -b
	OnlyMatching bool // -o
	Null         bool // a NUL behind the log's name, -Z
	Explain      bool // every report of every claim
	Raw          bool // CSV cells as they are, formulas too

	// ExplainHit gives the lines that stand below a hit with Explain: of what
	// its score is made. They may hold anything; nil: there are none.
	ExplainHit func(*ioc.Hit) []string

	Decode func(into any) error // the sink's own settings; unknown keys are errors
}

// Kind is a sort of sink.
type Kind struct {
	Name string
	Doc  string // one line for people
	New  func(Options) (hunt.Sink, error)
}

var kinds []Kind // sorted by name

// register is called from the init function of the file that holds the sink.
func register(k Kind) {
	i, dup := slices.BinarySearchFunc(kinds, k.Name, func(k Kind, n string) int { return strings.Compare(k.Name, n) })
	if dup {
		panic("emit: two sinks named " + k.Name)
	}
	kinds = slices.Insert(kinds, i, k)
}

// Kinds returns the sinks that there are, sorted by name.
func Kinds() []Kind { return slices.Clone(kinds) }

// Names returns the names of the sinks, sorted.
func Names() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}

// New makes the sink of that name.
func New(name string, o Options) (hunt.Sink, error) {
	for _, k := range kinds {
		if k.Name == name {
			return k.New(o)
		}
	}
	return nil, fmt.Errorf("no sink named %q; there are: %s", name, strings.Join(Names(), ", "))
}

// Visitor is the optional power of a sink to hear of every log that was
// searched to its end, whether it had hits or not: "count" prints zeros.
type Visitor interface {
	Visit(log string)
}

// IsBrokenPipe reports whether a sink's error only means that the reader has
// gone ("iochunt scan | head"), which is the reader's right.
func IsBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// noSettings refuses settings for a sink that has none.
func noSettings(o Options) error {
	if o.Out == nil {
		return errors.New("emit: no output given")
	}
	if o.Decode == nil {
		return nil
	}
	return o.Decode(&struct{}{})
}

// output collects what is to be written and writes it in big pieces. The first
// error stays: nothing is written behind a gap.
type output struct {
	w   io.Writer
	b   []byte
	err error
}

const (
	flushAt = 64 << 10 // bytes collected before they are written
	keepCap = 1 << 20  // a bigger buffer is given back
)

// spill writes when enough has been collected.
func (o *output) spill() {
	if len(o.b) >= flushAt {
		_ = o.flush() // the error stays
	}
}

func (o *output) flush() error {
	if o.err == nil && len(o.b) > 0 {
		if _, err := o.w.Write(o.b); err != nil {
			o.err = fmt.Errorf("write the hits: %w", err)
		}
	}
	o.b = o.b[:0]
	if cap(o.b) > keepCap {
		o.b = nil
	}
	return o.err
}

// logName returns what a hit's log is called.
func logName(h *ioc.Hit) string {
	if h.Where.Index != "" {
		return h.Where.Index
	}
	return h.Where.Path
}

// place returns what stands before a record: the file, or index and document.
func place(h *ioc.Hit) string {
	if h.Where.DocID != "" {
		return h.Where.Index + "/" + h.Where.DocID
	}
	return logName(h)
}

// recordOffset returns where the record starts in its log.
func recordOffset(h *ioc.Hit) int64 { return h.Where.Offset - int64(h.Start) }

// spot names a place in a log; spots are compared with ==.
type spot struct {
	host, path, index, docID string
	line, offset             int64
	size                     int
}

// recordSpot returns the record that h lies in.
func recordSpot(h *ioc.Hit) spot {
	s := spot{host: h.Where.Host, path: h.Where.Path, index: h.Where.Index, docID: h.Where.DocID, line: h.Where.Line}
	if s.docID == "" && s.line == 0 {
		s.offset = recordOffset(h)
	}
	return s
}

// textSpot returns the text that h carries: the record, or of a clipped one the
// surroundings, which are each hit's own.
func textSpot(h *ioc.Hit) spot {
	s := recordSpot(h)
	if h.Clipped {
		s.offset, s.size = recordOffset(h), len(h.Record)
	}
	return s
}

// lastSpot remembers a spot over calls of Emit, as a record may come in two.
type lastSpot struct {
	at  spot
	set bool
}

// moved reports whether at is another spot than the one before, and remembers
// it.
func (l *lastSpot) moved(at spot) bool {
	if l.set && l.at == at {
		return false
	}
	l.at, l.set = at, true
	return true
}

// groups cuts hits, which are in order, into runs of those at one spot.
func groups(hits []ioc.Hit, of func(*ioc.Hit) spot) iter.Seq2[spot, []ioc.Hit] {
	return func(yield func(spot, []ioc.Hit) bool) {
		for len(hits) > 0 {
			at, n := of(&hits[0]), 1
			for n < len(hits) && of(&hits[n]) == at {
				n++
			}
			if !yield(at, hits[:n]) {
				return
			}
			hits = hits[n:]
		}
	}
}
