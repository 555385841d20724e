package hunt

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

var _ Matcher = (*match.Set)(nil)

// words is a Matcher for plain words, as domains.
type words []string

func (w words) Len() int { return len(w) }
func (w words) Observable(id uint32) ioc.Observable {
	return ioc.Observable{Type: ioc.Domain, Value: w[id]}
}

func (w words) Append(dst []match.Match, data []byte) []match.Match {
	for id, word := range w {
		for i := 0; ; i++ {
			k := bytes.Index(data[i:], []byte(word))
			if k < 0 {
				break
			}
			i += k
			dst = append(dst, match.Match{ID: uint32(id), Start: i, End: i + len(word)})
		}
	}
	slices.SortFunc(dst, func(a, b match.Match) int { return a.Start - b.Start })
	return dst
}

// feed says the same of everything, but for what it has an answer of its own.
type feed map[string][]ioc.Indicator

func (feed) Observables(context.Context, ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return func(func(ioc.Observable, error) bool) {}
}

func (f feed) Lookup(_ context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	if said, ok := f[o.Value]; ok {
		return said, nil
	}
	return []ioc.Indicator{{Observable: o, Feed: "test"}}, nil
}

// list is a Log in chunks. An error stands at its end.
type list struct {
	name   string
	chunks []Chunk
	err    error
	mtime  time.Time
	notes  []string
	before func(i int) // called before chunk i is yielded
}

func (l *list) Name() string               { return l.name }
func (l *list) ModTime() (time.Time, bool) { return l.mtime, !l.mtime.IsZero() }
func (l *list) Notes() []string            { return l.notes }
func (l *list) Chunks(ctx context.Context) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for i, c := range l.chunks {
			if l.before != nil {
				l.before(i)
			}
			if ctx.Err() != nil {
				yield(Chunk{}, ctx.Err())
				return
			}
			data := bytes.Clone(c.Data) // valid until the next iteration, and no longer
			c.Data = data
			if !yield(c, nil) {
				return
			}
			for i := range data {
				data[i] = '#'
			}
		}
		if l.err != nil {
			yield(Chunk{}, l.err)
		}
	}
}

// text is a log of whole records, a chunk each.
func text(name string, chunks ...string) *list {
	l := &list{name: name}
	off := int64(0)
	for _, c := range chunks {
		l.chunks = append(l.chunks, Chunk{Data: []byte(c), Offset: off})
		off += int64(len(c))
	}
	return l
}

func logs(ls ...*list) iter.Seq2[Log, error] {
	return func(yield func(Log, error) bool) {
		for _, l := range ls {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// sink keeps hits, and fails if it is called twice at a time.
type sink struct {
	hits []ioc.Hit
	err  error
	busy atomic.Bool
	on   func()
}

func (s *sink) Close() error { return nil }
func (s *sink) Emit(_ context.Context, hits []ioc.Hit) error {
	if s.busy.Swap(true) {
		panic("two calls at a time")
	}
	defer s.busy.Store(false)
	if s.on != nil {
		s.on()
	}
	for _, h := range hits {
		h.Record = bytes.Clone(h.Record)
		s.hits = append(s.hits, h)
	}
	return s.err
}

func (s *sink) places() (got []string) {
	for _, h := range s.hits {
		got = append(got, fmt.Sprintf("%s:%d:%d %s", h.Where.Path, h.Where.Line, h.Where.Offset, h.Value))
	}
	return got
}
