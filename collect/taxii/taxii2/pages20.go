package taxii2

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/iochunt/iochunt/internal/httpx"
)

// TAXII 2.0 counts its pages in items, which shift when an object is taken away or
// replaced while the pages are read. So each page begins with the item that
// the page before it ended with; if that is another one by now, the walk
// begins again.

// maxShifts is how often it does.
const maxShifts = 5

// run20 reads the pages of TAXII 2.0.
func (w *walk) run20(ctx context.Context) error {
	for {
		a, err := w.fetch(ctx)
		if err == nil {
			err = w.deliver(&a)
		}
		if err != nil {
			done, err := w.refused(ctx, err)
			if done || err != nil {
				return err
			}
			continue
		}
		if done, err := w.further(a); done || err != nil {
			return err
		}
	}
}

// refused reads the statuses that 2.0 has for ranges; other errors are as in 2.1.
func (w *walk) refused(ctx context.Context, err error) (done bool, _ error) {
	var s *httpx.StatusError
	asked := w.limit > 0 || w.ranged
	switch {
	case !errors.As(err, &s) || !asked:
	case s.Code == http.StatusBadRequest && !w.space:
		w.space = true
		return false, nil
	case s.Code == http.StatusRequestedRangeNotSatisfiable && w.overlap:
		return false, w.shifted()
	case s.Code == http.StatusRequestedRangeNotSatisfiable:
		return true, nil // it is empty, or ends where a page ended
	}
	return false, w.recovered(ctx, err)
}

// size is how many items to ask for.
func (w *walk) size() int {
	n := w.limit
	if n == 0 {
		n = max(w.largest, 100)
	}
	if w.overlap {
		n++
	}
	return n
}

// further finds the items behind a. It reports whether there are none.
func (w *walk) further(a answer) (done bool, err error) {
	s := a.span
	if !s.said {
		whole := a.status != http.StatusPartialContent && (w.ranged || w.limit == 0 || a.objects != w.limit)
		if whole || a.objects == 0 {
			return true, nil // the server sends all that it has
		}
		s = span{true, w.start, w.start + a.objects - 1, -1}
	}
	switch {
	case s.first > w.start:
		return false, fmt.Errorf("%w: items from %d on were asked for, and came from %d on", ErrGap, w.start, s.first)
	case w.overlap && a.objects > 0 && !a.firstKnown, s.total >= 0 && s.total < w.total:
		return false, w.shifted()
	case w.tired():
		return false, w.loop()
	}
	next := s.next(a.objects)
	if s.total >= 0 && next >= s.total || s.total < 0 && a.fresh == 0 {
		return true, nil
	}
	w.total = max(s.total, 0)
	w.grow()
	w.turn(next)
	return false, nil
}

// turn makes next the first new item of the next page.
func (w *walk) turn(next int) {
	w.ranged = true
	w.overlap = w.largest > 1 && next > w.reached && next > 0
	w.reached = max(next, w.reached)
	if w.start = w.reached; w.overlap {
		w.start--
	}
}

// shifted begins again after the items have moved.
func (w *walk) shifted() error {
	if w.shifts++; w.shifts > maxShifts {
		return fmt.Errorf("%w: the items of the collection move while they are read (%d times)", ErrGap, w.shifts)
	}
	w.restart()
	w.start, w.reached, w.total, w.overlap = 0, 0, 0, false
	w.after = w.q.AddedAfter
	return nil
}
