package hunt

import (
	"context"
	"iter"

	"github.com/iochunt/iochunt/internal/ioc"
)

// piece is what a worker reads: a log, or one part of it, or the error that
// stands in a log's place.
type piece struct {
	log   Log
	err   error
	seq   int    // its place among all pieces
	whole *whole // nil for a log that is read in one go
	first bool   // of its log
}

// whole is a log that is read in parts.
//
// A part counts its lines from 1. What comes before it is known when its turn
// has come, and its hits get their numbers then. Behind a part that could not be
// read to its end the numbers are not known: they are 0.
type whole struct {
	next  int              // the part that follows the lines counted so far; belongs to whoever has the turn
	lines int64            // before that part
	told  map[Trouble]bool // what was said of the log; guarded by scan.mu
}

// number gives hits of the part seq the numbers that their lines have in the
// whole. It is the part's turn.
func (w *whole) number(seq int, hits []ioc.Hit) {
	if w == nil {
		return
	}
	for i := range hits {
		if line := &hits[i].Where.Line; w.next == seq {
			*line += w.lines
		} else {
			*line = 0
		}
	}
}

// pass counts the lines of a part whose turn is over.
func (j *job) pass() {
	if w := j.whole; w != nil && j.read && w.next == j.seq {
		w.next++
		w.lines += j.lines
	}
}

// pieces cuts logs that can be into parts, if there is more than one worker. A
// log is read in one go too if its reading may stop early (MaxRecords).
func (s *scan) pieces(ctx context.Context, logs iter.Seq2[Log, error]) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		seq := 0
		for log, err := range logs {
			parts := s.parts(ctx, log)
			if len(parts) == 0 {
				if !yield(piece{log: log, err: err, seq: seq, first: true}) {
					return
				}
				seq++
				continue
			}
			w := &whole{next: seq, told: make(map[Trouble]bool)}
			for i, part := range parts {
				if !yield(piece{log: part, seq: seq, whole: w, first: i == 0}) {
					if i < len(parts)-1 {
						s.unread(log, seq, w)
					}
					return
				}
				seq++
			}
		}
	}
}

func (s *scan) parts(ctx context.Context, log Log) []Log {
	if p, ok := log.(Parted); ok && s.o.Workers > 1 && s.o.MaxRecords == 0 {
		return p.Parts(ctx)
	}
	return nil
}

// unread notes that parts of a log were never begun, as the run ends.
func (s *scan) unread(log Log, seq int, w *whole) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seqs.incomplete = append(s.seqs.incomplete, w.news([]numbered{{seq, Trouble{log.Name(), interrupted}}})...)
}

// news returns those troubles that were not told of another part.
func (w *whole) news(list []numbered) []numbered {
	if w == nil {
		return list
	}
	var fresh []numbered
	for _, n := range list {
		if !w.told[n.Trouble] {
			w.told[n.Trouble] = true
			fresh = append(fresh, n)
		}
	}
	return fresh
}
