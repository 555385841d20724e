package hunt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iochunt/iochunt/hunt/logfmt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

const (
	// A record up to maxRecord goes whole into its hits. Of a longer one each
	// hit gets what stands within around bytes of the match: a line of a
	// gigabyte can hold a million hits.
	maxRecord = 64 << 10
	around    = 2 << 10

	maxHead   = 4 << 10 // of a long line, kept to tell its time
	emitBatch = 256
)

// reading is one worker's reading of one log after the other.
type reading struct {
	*scan
	log Log
	job
	part    Summary
	counted int // records that count for MaxRecords
	seqs    troubles
	matches []match.Match
	hits    []ioc.Hit
	line    line
	last    byte      // of the log so far
	now     time.Time // when the chunk was searched
	known   [knownClaims]*found
	rules   map[match.Rule]string
}

// knownClaims is how many observables a worker knows the claims of without
// asking: one for each remainder of their ids.
const knownClaims = 4096

// line is the record that the current match lies in. Offsets are in the chunk's
// data; a line that is longer than a chunk begins before it, or ends after it.
type line struct {
	start, end int // without the line end
	number     int64
	counted    int    // the line ends before here are in number
	part       bool   // the chunk holds only a part of it
	seen       seen   // observables met in it
	hit        bool   // one of them was a hit
	counts     bool   // one of them was a hit that counts for MaxRecords
	head       []byte // of a line that began in an earlier chunk
	parsed     bool
	format     string
	rec        logfmt.Record
}

func (r *reading) reset(p piece) {
	r.log, r.job = p.log, job{seq: p.seq, whole: p.whole}
	r.part, r.seqs, r.counted = Summary{}, troubles{}, 0
	if p.first && p.err == nil {
		r.part.Files = 1
	}
	r.last = '\n'
	r.hits = r.hits[:0]
	r.line.fresh()
}

func (r *reading) trouble(list *[]numbered, path, reason string) {
	*list = append(*list, numbered{r.seq, Trouble{path, reason}})
}

// read searches the log to its end. The error is one that ends the run.
func (r *reading) read(ctx context.Context) error {
	defer r.closing()
	for c, err := range r.log.Chunks(ctx) {
		if err != nil {
			r.trouble(&r.seqs.incomplete, r.log.Name(), reason(ctx, err))
			break
		}
		if err := r.chunk(ctx, c); err != nil {
			if errors.Is(err, errHalted) || ctx.Err() != nil {
				r.trouble(&r.seqs.incomplete, r.log.Name(), interrupted)
			}
			return err
		}
		if r.full() {
			r.trouble(&r.seqs.skipped, r.log.Name(), fmt.Sprintf("not read on after %d records with hits (-m)", r.counted))
			break
		}
	}
	return nil
}

func (r *reading) full() bool {
	return r.o.MaxRecords > 0 && r.counted >= r.o.MaxRecords
}

// closing counts the last line if it has no end, and takes the log's notes.
func (r *reading) closing() {
	if r.last != '\n' {
		r.part.Lines++
	}
	if n, ok := r.log.(Noted); ok {
		for _, note := range n.Notes() {
			r.trouble(&r.seqs.notes, r.log.Name(), note)
		}
	}
}

// chunk searches c and hands its hits over.
func (r *reading) chunk(ctx context.Context, c Chunk) error {
	decided := c.Data[c.Lead : len(c.Data)-c.Tail]
	if len(decided) == 0 {
		return nil
	}
	r.matches = r.set.Append(r.matches[:0], c.Data)
	if err := r.set.damage(); err != nil {
		return err
	}
	r.begin()
	r.now = time.Time{}
	for _, m := range r.matches {
		if m.Start < c.Lead || m.Start >= len(c.Data)-c.Tail {
			continue
		}
		if r.full() && m.Start >= r.line.end {
			break // the last record that counts is behind us, with all its hits
		}
		if err := r.match(ctx, c, m); err != nil {
			return err
		}
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.part.Bytes += int64(len(decided))
	r.countLines(c)
	r.last = decided[len(decided)-1]
	if r.o.OnProgress != nil {
		r.o.OnProgress(len(decided))
	}
	r.keepHead(c)
	return nil
}

// begin sets the line to before the first of a chunk, or to one that goes on in
// it. No line ends in Lead, so the chunk begins behind the lines counted so far.
func (r *reading) begin() {
	r.line.start, r.line.end = -1, -1
	r.line.number, r.line.counted = r.part.Lines+1, 0
}

// countLines counts the line ends of c behind those that the line of the last
// hit has counted.
func (r *reading) countLines(c Chunk) {
	rest := c.Data[r.line.counted : len(c.Data)-c.Tail]
	r.part.Lines = r.line.number - 1 + int64(bytes.Count(rest, []byte{'\n'}))
}

// keepHead keeps the beginning of a line that goes on in the next chunk.
func (r *reading) keepHead(c Chunk) {
	if c.Tail == 0 {
		return
	}
	start := bytes.LastIndexByte(c.Data, '\n') + 1
	if start == 0 && c.Lead > 0 {
		return // kept already
	}
	if start != r.line.start {
		r.line.fresh() // no match in it so far
	}
	r.line.head = append(r.line.head[:0], c.Data[start:min(start+maxHead, len(c.Data))]...)
}
