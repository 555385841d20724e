package elastic

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/es/estest"
)

// short leases, so that a test does not wait; a busy server answers within one.
const testLease = 2 * time.Second

// ends waits for a context to end, and returns why it did.
func ends(t *testing.T, ctx context.Context) error {
	t.Helper()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Minute):
		t.Fatal("the context does not end")
		return nil
	}
}

// TestLock: two clients, one turn.
func TestLock(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		a := newStore(t, n, n.Client(t))
		b, err := Open(t.Context(), n.Client(t), a.o)
		if err != nil {
			t.Fatal(err)
		}
		release, err := a.Lock(t.Context(), "collect otx")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := b.Lock(t.Context(), "collect another"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := b.Lock(ctx, "collect otx"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "holds it") {
			t.Errorf("while another holds it: %v", err)
		}
		got := make(chan error, 1)
		go func() {
			second, err := b.Lock(t.Context(), "collect otx")
			if err == nil {
				second()
			}
			got <- err
		}()
		release()
		release() // harmless
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// TestLeaseRunsOut: who dies loses the lease when it has run out; who lives keeps
// it for longer than that. The clocks of the two are a day apart.
func TestLeaseRunsOut(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		a := newStore(t, n, n.Client(t))
		a.now = func() time.Time { return time.Now().Add(24 * time.Hour) }
		b, err := Open(t.Context(), n.Client(t), a.o)
		if err != nil {
			t.Fatal(err)
		}
		alive, err := a.lease(t.Context(), "x", testLease)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*testLease)
		defer cancel()
		if _, err := b.lease(ctx, "x", testLease); err == nil {
			t.Fatal("the lease of one who lives was taken")
		}
		if err := alive.ctx.Err(); err != nil {
			t.Fatalf("one who lives has lost it after %v: %v", time.Since(began), context.Cause(alive.ctx))
		}
		// A process that is killed renews nothing.
		dead, err := a.lease(t.Context(), "y", testLease)
		if err != nil {
			t.Fatal(err)
		}
		dead.cancel(errors.New("killed"))
		<-dead.done
		died := time.Now()
		taken, err := b.lease(t.Context(), "y", testLease)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(died); d < testLease/2 {
			t.Errorf("taken over after %v, within the lease", d)
		}
		dead.release() // somebody else's by now
		if ours, err := taken.ours(t.Context()); err != nil || !ours {
			t.Errorf("the dead one's release took it away: %v", err)
		}
		taken.release()
		alive.release()
	})
}

// TestLeaseLost: whose lease another has taken is told so.
func TestLeaseLost(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		l, err := s.lease(t.Context(), "x", testLease)
		if err != nil {
			t.Fatal(err)
		}
		var h holder
		if _, _, err := s.getState(t.Context(), l.id, &h); err != nil {
			t.Fatal(err)
		}
		h.Owner = "another"
		for err = errConflict; errors.Is(err, errConflict); { // a renewal may come in between
			var at version
			if at, _, err = s.getState(t.Context(), l.id, &holder{}); err == nil {
				_, err = s.putState(t.Context(), l.id, l.doc, h, at)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := ends(t, l.ctx); !errors.Is(err, errLeaseLost) {
			t.Errorf("it ended with %v", err)
		}
		l.release()
		if _, found, err := s.getState(t.Context(), l.id, &h); err != nil || !found || h.Owner != "another" {
			t.Errorf("the other's lease: %v, %+v, %v", found, h, err)
		}
	})
}

// TestLeaseEnds: work under a lease ends with the context that asked for it.
func TestLeaseEnds(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		ctx, cancel := context.WithCancel(t.Context())
		l, err := s.lease(ctx, "x", testLease)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := ends(t, l.ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		l.release()
		if release, err := s.Lock(t.Context(), "x"); err != nil {
			t.Error(err)
		} else {
			release()
		}
	})
}
