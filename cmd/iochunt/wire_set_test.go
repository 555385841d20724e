package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/local"
)

// setBench is a store and the set that is kept of it.
type setBench struct {
	testing.TB
	a     *app
	said  bytes.Buffer
	store *local.Store
	rev   int
}

func newSetBench(t testing.TB) *setBench {
	b := &setBench{TB: t}
	b.a = &app{process: process{out: io.Discard, err: &b.said, now: time.Now}, cfg: &config.Config{}}
	b.a.cfg.Store.Path = t.TempDir()
	b.open()
	return b
}

func (b *setBench) open() {
	b.Helper()
	s, err := b.a.openLocal()
	if err != nil {
		b.Fatal(err)
	}
	b.store = s
	b.Cleanup(func() { s.Close() })
}

// put gives a report its members.
func (b *setBench) put(report string, values ...string) {
	b.Helper()
	b.rev++
	batch := ioc.Batch{Reports: []ioc.ReportList{{Start: true, Last: true, Revision: fmt.Sprint(b.rev), Report: ioc.Report{ID: report}}}}
	for _, v := range values {
		batch.Members = append(batch.Members, ioc.Member{Report: report, Observable: ioc.Observable{Type: ioc.Domain, Value: v}})
	}
	if _, err := b.store.PutBatch(b.Context(), "feed", batch); err != nil {
		b.Fatal(err)
	}
}

// holds refreshes the set and says what it has to hold, in the order of ids.
func (b *setBench) holds(want ...string) {
	b.Helper()
	if err := b.a.judge(b.Context(), b.store); err != nil {
		b.Fatal(err)
	}
	set, err := b.a.openSet(b.Context(), b.store)
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	text := ""
	for id := range uint32(set.Len()) {
		text += set.Observable(id).Value + " "
	}
	wanted := ""
	for _, w := range want {
		wanted += w + " "
	}
	gen, err := b.store.Generation(b.Context())
	if err != nil || text != wanted || set.Generation() != gen || set.Err() != nil || set.Verify() != nil {
		b.Errorf("the set of generation %d holds %q, want %q of %d; %v", set.Generation(), text, wanted, gen, err)
	}
}

// TestSetFollowsStore: whatever is done to the store, the set holds what it has.
func TestSetFollowsStore(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example", "b.example")
	b.holds("a.example", "b.example")
	b.put("s", "c.example", "a.example")
	b.holds("a.example", "b.example", "c.example")
	b.put("r", "b.example", "d.example") // a is still in s
	b.holds("a.example", "b.example", "c.example", "d.example")
	b.put("s") // a and c are withdrawn: a small set is compiled anew
	b.holds("b.example", "d.example")
	b.put("s", "a.example", "e.example") // a is back
	b.holds("b.example", "d.example", "a.example", "e.example")
	b.put("r", "b.example", "f.example") // one comes and one goes
	b.holds("a.example", "b.example", "e.example", "f.example")
	if b.said.Len() > 0 {
		t.Error(b.said.String())
	}
}

// TestSetExtended: what comes is put behind what was there, so that an id means
// the same as before.
func TestSetExtended(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example")
	b.put("s", "b.example")
	b.holds("a.example", "b.example")
	b.put("r")
	b.holds("b.example")
	b.put("r", "a.example") // the store has it first, the extended set last
	b.holds("b.example", "a.example")
}

// TestSetLacks: a set that would lack something is not extended.
func TestSetLacks(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example")
	b.holds("a.example")
	b.put("s", "b.example")
	mark, err := b.store.SetMark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	armed, err := b.store.Armed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.NoteSet(t.Context(), mark, armed); err != nil { // as if it held b
		t.Fatal(err)
	}
	b.holds("a.example", "b.example")
}

// TestSetOfOlderStore: a store brought back from a backup is not the one that
// the set was compiled from, though its generation may be older or newer.
func TestSetOfOlderStore(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example")
	b.holds("a.example")
	copied := filepath.Join(t.TempDir(), "copy")
	if err := b.store.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	b.put("s", "b.example")
	b.holds("a.example", "b.example")
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied, filepath.Join(b.a.cfg.Store.Path, local.FileName)); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.put("t", "c.example") // as many changes as the other store had
	b.holds("a.example", "c.example")
	b.put("u", "d.example")
	b.put("v", "e.example")
	b.holds("a.example", "c.example", "d.example", "e.example")
}

// TestSetDamaged: a set file in which something was changed is made anew by the
// next refresh, though its generation is right.
func TestSetDamaged(t *testing.T) {
	b := newSetBench(t)
	b.put("r", "a.example")
	b.holds("a.example")
	data, err := os.ReadFile(b.a.setPath())
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("a.example"))
	data[at] ^= 1
	if err := os.WriteFile(b.a.setPath(), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.a.refreshSet(t.Context()); err != nil || !bytes.Contains(b.said.Bytes(), []byte(match.ErrDamaged.Error())) {
		t.Error(err, b.said.String())
	}
	b.holds("a.example")
}
