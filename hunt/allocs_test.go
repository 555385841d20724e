package hunt

import (
	"bytes"
	"context"
	"testing"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// place is a matcher that knows one match, and makes no garbage.
type place struct{ at int }

func (place) Len() int                         { return 1 }
func (place) Observable(uint32) ioc.Observable { return ioc.Observable{Type: ioc.Domain, Value: "bad"} }
func (p place) Append(dst []match.Match, _ []byte) []match.Match {
	if p.at < 0 {
		return dst
	}
	return append(dst, match.Match{Start: p.at, End: p.at + len("bad")})
}

// TestNoGarbage: neither a line nor a chunk allocates, and a hit little more
// than what it consists of.
func TestNoGarbage(t *testing.T) {
	data := bytes.Repeat([]byte("2026-11-20T10:00:00Z gate app: all is well or bad\n"), 1000)
	f := func(p place, most float64) {
		t.Helper()
		s := &scan{set: sound{p}, o: opts(1), claims: &claims{set: sound{p}, from: feed{}}, turns: newTurns(silent{})}
		r := &reading{scan: s}
		r.reset(piece{log: text("f"), first: true})
		if got := testing.AllocsPerRun(100, func() {
			if err := r.chunk(t.Context(), Chunk{Data: data}); err != nil {
				t.Fatal(err)
			}
		}); got > most {
			t.Errorf("%v allocations, at most %v are due", got, most)
		}
	}
	f(place{-1}, 0)
	f(place{bytes.Index(data, []byte("bad"))}, 4)
}

type silent struct{ Sink }

func (silent) Emit(context.Context, []ioc.Hit) error { return nil }
