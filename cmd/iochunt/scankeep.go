package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// keeper keeps hits; the embedded store is one.
type keeper interface {
	PutHits(ctx context.Context, hits []ioc.Hit) (added int, err error)
}

// A transaction of the store costs as much as hundreds of hits, so hits are
// gathered for a moment before they are kept, and shown.
const (
	gatherTime  = 200 * time.Millisecond
	gatherHits  = 8 << 10
	gatherBytes = 4 << 20 // of records
	lastKeeping = 5 * time.Second
)

// gathering holds hits until there are enough of them, or until the first has
// waited for long enough: a pipe may not bring another one for hours.
type gathering struct {
	out func(context.Context, []ioc.Hit) error // keeps and shows hits

	mu     sync.Mutex
	hits   []ioc.Hit
	text   []byte // the records of hits, or of the last of them
	size   int    // of all records
	timer  *time.Timer
	failed error // of out; nothing follows it
}

// add takes hits, of which it copies what does not last: the records.
func (g *gathering) add(ctx context.Context, hits []ioc.Hit) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return g.failed
	}
	g.copy(hits)
	if len(g.hits) >= gatherHits || g.size >= gatherBytes {
		return g.empty(ctx)
	}
	if g.timer == nil {
		g.timer = time.AfterFunc(gatherTime, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			_ = g.empty(ctx) // who adds more, or ends, is told
		})
	}
	return nil
}

// copy appends hits. Those of one record share its copy.
func (g *gathering) copy(hits []ioc.Hit) {
	from := len(g.hits)
	g.hits = append(g.hits, hits...)
	for i := range hits {
		record, h := hits[i].Record, &g.hits[from+i]
		if i > 0 && sameBytes(record, hits[i-1].Record) {
			h.Record = g.hits[from+i-1].Record
			continue
		}
		if cap(g.text)-len(g.text) < len(record) {
			g.text = make([]byte, 0, max(256<<10, len(record))) // the one before belongs to its hits
		}
		at := len(g.text)
		g.text = append(g.text, record...)
		g.size += len(record)
		h.Record = g.text[at:len(g.text):len(g.text)]
	}
}

func sameBytes(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// empty hands over what was gathered. If ctx ends, it stays for finish.
func (g *gathering) empty(ctx context.Context) error {
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	if len(g.hits) == 0 || g.failed != nil {
		return g.failed
	}
	g.failed = g.out(ctx, g.hits)
	if interrupted := ctx.Err() != nil; interrupted && g.failed != nil {
		g.failed = nil
		return g.failed
	}
	clear(g.hits)
	g.hits, g.text, g.size = g.hits[:0], g.text[:0], 0
	return g.failed
}

// finish hands over what is left. If ctx is over, a moment is given to that.
func (g *gathering) finish(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), lastKeeping)
		defer stop()
	}
	err := g.empty(ctx)
	if err == nil && len(g.hits) > 0 {
		err = fmt.Errorf("%d hits are neither kept nor shown: %w", len(g.hits), ctx.Err())
	}
	return err
}

// placed returns the hits with the whole paths of their files: a stored hit is
// read in another folder than the one it was found from.
func placed(hits []ioc.Hit) []ioc.Hit {
	var last, whole string // the hits of a file come in a row
	moved := false
	for i := range hits {
		p := hits[i].Where.Path
		if p != last {
			last, whole = p, wholePath(p)
		}
		if whole == p {
			continue
		}
		if !moved {
			hits, moved = slices.Clone(hits), true
		}
		hits[i].Where.Path = whole
	}
	return hits
}

// wholePath returns the absolute path of a file; what is none, standard input
// say, keeps its name.
func wholePath(path string) string {
	if _, err := os.Lstat(path); err != nil {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
