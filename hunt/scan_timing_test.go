package hunt

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// rare is a matcher that costs nothing: a match every so many bytes.
type rare int

func (rare) Len() int                         { return 1 }
func (rare) Observable(uint32) ioc.Observable { return ioc.Observable{Type: ioc.Domain, Value: "x"} }
func (n rare) Append(dst []match.Match, data []byte) []match.Match {
	for i := 0; n > 0 && i+8 < len(data); i += int(n) {
		dst = append(dst, match.Match{Start: i, End: i + 8})
	}
	return dst
}

// same yields one chunk over and over.
type same struct {
	data []byte
	n    int
}

func (s same) Name() string { return "same" }
func (s same) Chunks(context.Context) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for i := range s.n {
			if !yield(Chunk{Data: s.data, Offset: int64(i * len(s.data))}, nil) {
				return
			}
		}
	}
}

// BenchmarkScan is the cost of everything but reading and matching, with a hit
// every so many bytes.
func BenchmarkScan(b *testing.B) {
	line := "Nov 21 02:04:11 host sshd[4711]: Failed password for root from 192.0.2.17 port 4711 ssh2\n"
	data := bytes.Repeat([]byte(line), (1<<20)/len(line))
	for _, every := range []rare{0, 1 << 20, 1 << 16, 1 << 12} {
		b.Run(fmt.Sprintf("every=%d", every), func(b *testing.B) {
			const chunks = 64
			b.SetBytes(int64(len(data)) * chunks)
			b.ReportAllocs()
			for b.Loop() {
				all := func(yield func(Log, error) bool) { yield(same{data, chunks}, nil) }
				if _, err := Scan(b.Context(), all, every, feed{}, nothing{}, opts(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type nothing struct{}

func (nothing) Emit(context.Context, []ioc.Hit) error { return nil }
func (nothing) Close() error                          { return nil }
