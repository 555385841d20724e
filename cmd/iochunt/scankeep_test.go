package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestGathering: hits come out together and in order, soon, once, and as they
// were although their records have been written over.
func TestGathering(t *testing.T) {
	var got []string
	var fails error
	g := gathering{out: func(ctx context.Context, hits []ioc.Hit) error {
		if err := errors.Join(ctx.Err(), fails); err != nil {
			return err
		}
		for _, h := range hits {
			got = append(got, string(h.Record))
		}
		return nil
	}}
	add := func(ctx context.Context, records ...string) error {
		buf := []byte(strings.Join(records, ""))
		var hits []ioc.Hit
		at := 0
		for _, r := range records {
			h := ioc.Hit{Record: buf[at : at+len(r)]}
			at += len(r)
			hits = append(hits, h, h)
		}
		defer clear(buf)
		return g.add(ctx, hits)
	}
	want := func(want string) {
		t.Helper()
		g.mu.Lock()
		defer g.mu.Unlock()
		if s := strings.Join(got, " "); s != want {
			t.Errorf("got %.100q, want %.100q", s, want)
		}
		got = nil
	}
	wait := func() {
		<-time.After(2 * gatherTime)
		synctest.Wait()
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		if err := errors.Join(add(ctx, "a", "b"), add(ctx, "c")); err != nil {
			t.Fatal(err)
		}
		want("")
		wait()
		want("a a b b c c")
		big := strings.Repeat("x", gatherBytes)
		if err := add(ctx, big); err != nil {
			t.Fatal(err)
		}
		want(big + " " + big)
		if err := add(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		stop()
		wait()
		want("") // the run has ended
		if err := g.finish(ctx); err != nil {
			t.Fatal(err)
		}
		want("d d")
		g.mu.Lock()
		fails = errors.New("no room")
		g.mu.Unlock()
		if err := add(t.Context(), "e"); err != nil {
			t.Fatal(err)
		}
		wait()
		if err := add(t.Context(), "f"); !errors.Is(err, fails) {
			t.Errorf("after a failure: %v", err)
		}
		if err := g.finish(t.Context()); !errors.Is(err, fails) {
			t.Errorf("at the end: %v", err)
		}
		want("")
	})
}
