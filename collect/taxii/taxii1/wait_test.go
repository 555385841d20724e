package taxii1

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// TestWaits turns the clock: a server that asks to wait is waited for, not
// longer and not shorter, and not for ever.
func TestWaits(t *testing.T) {
	f := func(faults taxiitest.Faults1, took time.Duration, questions int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := feed("<a/>", "<b/>")
			s.PageSize, s.Faults = 1, faults
			start := time.Now()
			blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
			if err != nil || contentsOf(blocks) != "<a/>|<b/>" {
				t.Fatalf("%+v, %v", blocks, err)
			}
			if got := time.Since(start); got != took || len(s.Asked()) != questions {
				t.Errorf("%+v: took %v with %d questions, want %v with %d", faults, got, len(s.Asked()), took, questions)
			}
		})
	}
	f(taxiitest.Faults1{}, 0, 2)
	f(taxiitest.Faults1{Retry: 1, Wait: "60"}, time.Minute, 3)
	f(taxiitest.Faults1{Retry: 3, Wait: "1.5"}, 4500*time.Millisecond, 5)
	f(taxiitest.Faults1{Pending: 1, Wait: "60"}, time.Minute, 3)
	f(taxiitest.Faults1{Pending: 3}, 70*time.Second, 5) // 10, 20 and 40 s where nothing is said
	f(taxiitest.Faults1{Retry: 2, Pending: 2, Wait: "5"}, 20*time.Second, 6)
	f(taxiitest.Faults1{Retry: 1, Wait: "soon"}, 10*time.Second, 3)
	f(taxiitest.Faults1{Retry: 1, Wait: "-5"}, 10*time.Second, 3)
	f(taxiitest.Faults1{Retry: 1, Wait: "NaN"}, 10*time.Second, 3)
}

func TestWaitsEnd(t *testing.T) {
	f := func(faults taxiitest.Faults1, most time.Duration, words ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := feed("<a/>")
			s.Faults = faults
			start := time.Now()
			blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
			wantErr(t, err, nil, words...)
			var st *StatusError
			if !errors.As(err, &st) || len(blocks) != 0 || time.Since(start) > most {
				t.Errorf("%d blocks after %v, %v", len(blocks), time.Since(start), err)
			}
		})
	}
	f(taxiitest.Faults1{Retry: 1 << 30, Wait: "7200"}, 0, "RETRY", "2h0m0s", "poll again later")
	f(taxiitest.Faults1{Retry: 1 << 30, Wait: "600"}, 30*time.Minute, "RETRY", "40m0s")
	f(taxiitest.Faults1{Retry: 1 << 30, Wait: "1"}, time.Minute, "31 waits")
	f(taxiitest.Faults1{Retry: 1 << 30}, 30*time.Minute, "RETRY")
	f(taxiitest.Faults1{Retry: 1 << 30, Wait: "1e300"}, 0, "RETRY")
	f(taxiitest.Faults1{Pending: 1 << 30, Wait: "1"}, time.Minute, "PENDING")
	f(taxiitest.Faults1{Pending: 1, NoPendingID: true}, 0, "PENDING", "RESULT_ID")
}

// TestWaitEndsWithContext: who waits can be stopped.
func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := feed("<a/>")
		s.Faults = taxiitest.Faults1{Retry: 1 << 30, Wait: "100"}
		c := connect(t, s, "1.1", taxii.Login{})
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Poll(ctx, c.at(t, taxiitest.Poll1), Query{Collection: "c"}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 150*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestPendingPart: a part that is not ready yet is waited for as well.
func TestPendingPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := feed("<a/>", "<b/>")
		s.PageSize = 1
		s.Faults.Parts = map[int]taxiitest.Status1{2: {Type: Retry, Detail: [][2]string{{DetailEstimatedWait, "30"}}}}
		c := connect(t, s, "1.1", taxii.Login{})
		c.wait = func(ctx context.Context, d time.Duration) error {
			if d != 30*time.Second {
				t.Errorf("waits %v", d)
			}
			s.Change(func(s *taxiitest.TAXII1) { s.Faults.Parts = nil })
			return taxii.Wait(ctx, d)
		}
		blocks, res, err := polled(t, c, Query{})
		if err != nil || contentsOf(blocks) != "<a/>|<b/>" || res.Parts != 2 {
			t.Errorf("%+v, %v", blocks, err)
		}
	})
}
