package taxii1

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	maxWaits  = 30               // how often a poll waits
	maxWaited = 30 * time.Minute // how long it does in all
	firstWait = 10 * time.Second // where the server does not say how long; doubled each time
)

// patient asks m and waits where the server asks for it: RETRY wants the same
// question later, PENDING the question for part 1 of a result that is being
// made (Services §4.3.1, §4.4.6).
func (p *poll) patient(ctx context.Context, m *writer) (*answer, error) {
	for {
		a, err := p.ask(ctx, m)
		var s *StatusError
		if err == nil || !errors.As(err, &s) {
			return a, err
		}
		switch s.Type {
		case Retry:
		case Pending:
			if id := s.first(DetailResultID); id != "" {
				p.result, p.asked = id, max(p.asked, 1)
			}
			if p.result == "" {
				return nil, fmt.Errorf("%w; it gives no %s to ask for the result", err, DetailResultID)
			}
			m = p.q.fulfillment(p.c.d, p.result, p.asked)
		default:
			return nil, err
		}
		if err := p.waitFor(ctx, s); err != nil {
			return nil, err
		}
	}
}

// waitFor waits as long as s wants, within what a poll may take.
func (p *poll) waitFor(ctx context.Context, s *StatusError) error {
	d := s.wait()
	if d == 0 {
		d = min(firstWait<<min(p.waits, 10), maxWaited/4)
	}
	p.waits++
	p.waited += d
	if p.waits > maxWaits || p.waited > maxWaited {
		return fmt.Errorf("%w; that makes %v and %d waits in all, which is over what a poll waits (%v, %d times): poll again later",
			s, p.waited, p.waits, maxWaited, maxWaits)
	}
	return p.c.wait(ctx, d)
}
