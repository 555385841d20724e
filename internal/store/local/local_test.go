package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const killMembers = 60

// killBatch is batch n: a report of its own, and one that every batch replaces.
func killBatch(n int) ioc.Batch {
	b := ioc.Batch{Next: ioc.Cursor(strconv.Itoa(n))}
	for _, id := range []string{fmt.Sprint("r", n), "rolling"} {
		b.Reports = append(b.Reports, ioc.ReportList{Report: ioc.Report{ID: id}, Revision: strconv.Itoa(n), Start: true, Last: true})
		for k := range killMembers {
			b.Members = append(b.Members, ioc.Member{Report: id, Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("%s-%d-%d.example", id, n, k)}})
		}
	}
	return b
}

func hit(id string, minute int) ioc.Hit {
	o := ioc.Observable{Type: ioc.Domain, Value: "evil.example"}
	return ioc.Hit{ID: id, Observable: o, Indicators: []ioc.Indicator{{Observable: o, Feed: "otx", Provider: "p", Reports: []ioc.Mention{{Report: ioc.Report{ID: "r"}}}}},
		Matched: "a.Evil.example\xff", Rule: "subdomain", Where: ioc.Where{Host: "h", Path: "/var/log/x\xfe", Line: 3, Offset: 9},
		Time: time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC), TimeSource: ioc.TimeRecord, BeforeFirstSeen: true,
		Occurred: time.Date(2026, 1, 3, 0, minute, 0, 0, time.UTC), Format: "syslog", Record: []byte("a \x00 record"), Start: 2, End: 5}
}

func hitIDs(t *testing.T, s *Store, f store.HitFilter) (ids string) {
	t.Helper()
	for h, err := range s.Hits(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		ids += h.ID + " "
	}
	return ids
}

func TestHits(t *testing.T) {
	s := open(t, t.TempDir())
	put := func(want int, hits ...ioc.Hit) {
		t.Helper()
		n, err := s.PutHits(t.Context(), hits)
		if err != nil || n != want {
			t.Fatalf("added %d, %v, want %d", n, err, want)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other := hit("b2", 3)
	other.Observable = ioc.Observable{Type: ioc.IP, Value: "192.0.2.1"}
	other.Where, other.Indicators = ioc.Where{Index: "logs", DocID: "d", Field: "f"}, nil
	put(3, hit("a1", 1), hit("a2", 2), other, hit("a1", 1))
	put(0, hit("a1", 1))
	for h, err := range s.Hits(t.Context(), store.HitFilter{IDs: []string{"a2"}}) {
		if d := cmp.Diff(hit("a2", 2), h); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	}
	f := func(filter store.HitFilter, want string) {
		t.Helper()
		if got := hitIDs(t, s, filter); got != want {
			t.Errorf("%+v: got %q, want %q", filter, got, want)
		}
	}
	f(store.HitFilter{}, "b2 a2 a1 ")
	f(store.HitFilter{Limit: 2}, "b2 a2 ")
	f(store.HitFilter{IDs: []string{"a"}}, "a2 a1 ")
	f(store.HitFilter{From: hit("", 2).Time}, "b2 a2 ")
	f(store.HitFilter{To: hit("", 2).Time}, "a1 ")
	f(store.HitFilter{Type: ioc.IP}, "b2 ")
	f(store.HitFilter{Value: "evil.example"}, "a2 a1 ")
	f(store.HitFilter{Feed: "otx"}, "a2 a1 ")
	f(store.HitFilter{Feed: "ot"}, "")
	f(store.HitFilter{Path: "/var/log/x\xfe"}, "a2 a1 ")
	if n, err := s.DeleteHits(t.Context(), hit("", 2).Time); n != 1 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	f(store.HitFilter{}, "b2 a2 ")
	if n, err := s.DeleteHits(t.Context(), hit("", 9).Time); n != 2 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A hit that is found again says what feeds say now, but not that it is new.
func TestHitAgain(t *testing.T) {
	s := open(t, t.TempDir())
	put := func(occurred int, feeds ...string) ioc.Hit {
		t.Helper()
		h := hit("a", 1)
		h.Occurred = hit("", occurred).Occurred
		h.Indicators = nil
		for _, f := range feeds {
			name, provider, _ := strings.Cut(f, " ")
			h.Indicators = append(h.Indicators, ioc.Indicator{Observable: h.Observable, Feed: name, Provider: provider})
		}
		if _, err := s.PutHits(t.Context(), []ioc.Hit{h}); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for h := range s.Hits(t.Context(), store.HitFilter{}) {
			return h
		}
		return ioc.Hit{}
	}
	f := func(got ioc.Hit, want ...string) {
		t.Helper()
		var feeds []string
		for _, i := range got.Indicators {
			feeds = append(feeds, i.Feed+" "+i.Provider)
		}
		if d := cmp.Diff(want, feeds); d != "" || !got.Occurred.Equal(hit("", 1).Occurred) {
			t.Errorf("first found %v (-want +got):\n%s", got.Occurred, d)
		}
	}
	f(put(1, "otx x", "misp y"), "otx x", "misp y")
	f(put(2, "otx z"), "otx z", "misp y")
	f(put(3, "taxii a", "otx z"), "taxii a", "otx z", "misp y")
	f(put(4), "taxii a", "otx z", "misp y")
}

func TestRunsAndFeeds(t *testing.T) {
	s := open(t, t.TempDir())
	run := func(feed, outcome string, hour int) store.Run {
		return store.Run{Verb: "collect", Feed: feed, Started: time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC),
			Ended: time.Date(2026, 1, 1, hour, 5, 0, 0, time.UTC), Outcome: outcome, Message: "m", Counters: map[string]int64{"new": int64(hour)}}
	}
	all := []store.Run{run("a", store.OK, 1), run("b", store.Failed, 2), run("a", store.Partial, 3)}
	for _, r := range all {
		if err := s.PutRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	f := func(filter store.RunFilter, want ...store.Run) {
		t.Helper()
		var got []store.Run
		for r, err := range s.Runs(t.Context(), filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v (-want +got):\n%s", filter, d)
		}
	}
	f(store.RunFilter{}, all[2], all[1], all[0])
	f(store.RunFilter{Feed: "a", Limit: 1}, all[2])
	f(store.RunFilter{Outcome: store.Failed}, all[1])
	f(store.RunFilter{Verb: "hunt"})
	f(store.RunFilter{From: all[1].Started, To: all[2].Started}, all[1])

	b := killBatch(1)
	b.Refused = []ioc.Refusal{{Value: "x"}}
	if _, err := s.PutBatch(t.Context(), "a", b); err != nil {
		t.Fatal(err)
	}
	c := killBatch(1)
	c.Members = append(c.Members[:10], c.Members[0])
	if _, err := s.PutBatch(t.Context(), "c", c); err != nil {
		t.Fatal(err)
	}
	got, err := s.Feeds(t.Context())
	want := []store.FeedState{{Name: "a", Cursor: "1", Reports: 2, Memberships: 2 * killMembers, Observables: 2 * killMembers, Refused: 1, LastRun: &all[2]},
		{Name: "c", Cursor: "1", Reports: 2, Memberships: 10, Observables: 10}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	release, err := a.Lock(t.Context(), "collect otx")
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.Lock(t.Context(), "collect ../other")
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = b.Lock(ctx, "collect otx")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("the second lock: %v", err)
	}
	done := make(chan error)
	go func() {
		r, err := b.Lock(t.Context(), "collect otx")
		if err == nil {
			r()
		}
		done <- err
	}()
	release()
	if err := <-done; err != nil {
		t.Errorf("after the release: %v", err)
	}
}

func TestBackup(t *testing.T) {
	s := open(t, t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	for n := range 2 { // the second replaces the first
		if _, err := s.PutBatch(t.Context(), "kill", killBatch(n+1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	want, err := dump(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := sound(t, dir, want); err != nil {
		t.Error(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "none", "x")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("no such directory: %v", err)
	}
}

func TestPrune(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := Open(t.TempDir(), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	step := func(n int) {
		t.Helper()
		now = now.AddDate(0, 1, 0)
		if _, err := s.PutBatch(t.Context(), "kill", killBatch(n)); err != nil {
			t.Fatal(err)
		}
	}
	step(1)
	step(2) // withdraws the first rolling list
	step(3)
	if err := s.PutRun(t.Context(), store.Run{Verb: "collect", Ended: now.AddDate(0, -2, 0)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Prune(t.Context(), now)
	if want := (Pruned{Tombstones: killMembers, Observables: killMembers, Runs: 1}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	step(4)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	// A name that means something in a URI.
	dir := filepath.Join(t.TempDir(), "a b%20?x=#y", "store")
	s := open(t, dir)
	if _, err := s.PutBatch(t.Context(), "kill", killBatch(1)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, s.Path(): 0o600, s.Path() + "-wal": 0o600, s.Path() + "-shm": 0o600} {
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, fi, err, want)
		}
	}
	if n, err := s.Size(); err != nil || n < 10_000 {
		t.Errorf("size %d, %v", n, err)
	}
	again := open(t, dir) // another process would do the same
	if c, err := again.Cursor(t.Context(), "kill"); c != "1" || err != nil {
		t.Errorf("cursor %q, %v", c, err)
	}
	if _, err := again.PutBatch(t.Context(), "kill", killBatch(2)); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file for a directory: %v", err)
	}
}

// TestLearnedType: a type that the program learns to hunt makes what was
// compiled before stale.
func TestLearnedType(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	before, err := s.Generation(t.Context())
	if err == nil {
		err = s.write(t.Context(), func(t *tx) error { return t.setMeta(metaHuntable, 1) })
	}
	if err != nil {
		t.Fatal(err)
	}
	after, err := open(t, dir).Generation(t.Context())
	if err != nil || after <= before {
		t.Errorf("generation %d after %d, %v", after, before, err)
	}
}
