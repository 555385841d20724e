package taxii

import (
	"context"
	"time"
)

// Wait waits for d, or less when ctx ends; then it returns the cause.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
	return context.Cause(ctx)
}
