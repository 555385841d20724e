package taxii

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(d, ends, took time.Duration, want error) {
			t.Helper()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer time.AfterFunc(ends, func() { cancel(want) }).Stop()
			begin := time.Now()
			if err := Wait(ctx, d); !errors.Is(err, want) || time.Since(begin) != took {
				t.Errorf("%v: %v after %v, want %v after %v", d, err, time.Since(begin), want, took)
			}
		}
		enough := errors.New("enough")
		f(time.Minute, time.Hour, time.Minute, nil)
		f(-time.Minute, time.Hour, 0, nil)
		f(time.Hour, time.Minute, time.Minute, enough)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(enough)
		for range 100 { // it does not hang on which of the two was first
			if err := Wait(ctx, 0); !errors.Is(err, enough) {
				t.Fatalf("the end came before: %v", err)
			}
		}
	})
}
