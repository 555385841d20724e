package taxii2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// recovered prepares the walk to go on after err. It returns the error to end
// with when nothing more can be tried.
func (w *walk) recovered(ctx context.Context, err error) error {
	var theirs *callerError
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.As(err, &theirs) || taxii.FromDisk(err) || !w.worthAnother(err) {
		return err
	}
	w.failures++
	heavy := tooMuch(err)
	if w.exhausted(heavy) {
		return w.giveUp(err)
	}
	if heavy && (w.next == "" || w.failures > 1) {
		w.lessen(err)
	}
	if w.next != "" {
		w.restart()
	}
	return taxii.Wait(ctx, w.pause(err))
}

// attempts is how often in a row a page may be lost before the run ends. Pages
// that are too much for the server become smaller each time instead.
const attempts = 8

// exhausted reports whether smaller pages and repeats have been tried, the
// smallest page a few times.
func (w *walk) exhausted(heavy bool) bool {
	if heavy && w.limit == 1 {
		w.single++
	}
	return w.failures > attempts && (!heavy || w.single > attempts/2) || w.failures > 5*attempts
}

// tooMuch reports whether a smaller page may come where this one did not. When
// the connection just ended, or was never made, the size was not the reason.
func tooMuch(err error) bool {
	var s *httpx.StatusError
	var net interface{ Timeout() bool }
	if errors.As(err, &s) {
		return s.Code >= 500 || s.Code == http.StatusRequestEntityTooLarge || s.Code == http.StatusRequestTimeout
	}
	return errors.Is(err, httpx.ErrTooBig) || errors.Is(err, errDamaged) || errors.As(err, new(*httpx.BodyError)) ||
		errors.As(err, &net) && net.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func (w *walk) giveUp(err error) error {
	where := "from its beginning"
	if s := firstText(w.after, w.resume()); s != "" {
		where = "added after " + s
	}
	if w.limit > 0 {
		where += fmt.Sprintf(", not even in pages of %d", w.limit)
	}
	return fmt.Errorf("the objects %s cannot be had: %w", where, err)
}

func firstText(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// unlimited is the size that a page without a limit is taken to have.
const unlimited = 1024

// lessen asks for less at once.
func (w *walk) lessen(err error) {
	if w.good = 0; w.grown {
		w.grown = false
		w.bar *= 2
	}
	if w.limit == 0 {
		w.limit = unlimited
	}
	by := 2
	if errors.Is(err, httpx.ErrTooBig) {
		by = 8
	}
	w.limit = max(w.limit/by, 1)
}

// grow asks for more again, some while after less had to be asked for: what
// failed may have been the server for a moment, and not the size. Where the
// size was it, the while becomes longer. It reports whether it did; the next
// question is then one by date.
func (w *walk) grow() bool {
	want := w.q.Limit
	if want <= 0 {
		want = unlimited
	}
	if w.limit == 0 || w.limit >= want || w.good < w.bar {
		return false
	}
	w.good, w.grown = 0, true
	w.limit = min(4*w.limit, want)
	return true
}

// restart begins the walk again where the last whole pages ended.
func (w *walk) restart() {
	w.res.Restarts++
	w.patience += knownPage * (w.walked + 1)
	w.next, w.walked = "", 0
	w.after = w.q.AddedAfter
	if s := w.mark.resume(); s != "" {
		w.after, w.overlap = s, true
	}
	w.mark.restart()
}

// pause is how long to wait after the failure err.
func (w *walk) pause(err error) time.Duration {
	var s *httpx.StatusError
	if errors.As(err, &s) && s.RetryAfter > 0 {
		return min(s.RetryAfter, 2*time.Minute)
	}
	if errors.Is(err, httpx.ErrTooBig) {
		return 0
	}
	first := w.q.Pause
	if first <= 0 {
		first = time.Second
	}
	return min(first<<min(w.failures-1, 5), 10*time.Second)
}

// worthAnother reports whether err can be mended by asking again from the last
// date, or for less.
func (w *walk) worthAnother(err error) bool {
	var s *httpx.StatusError
	var lost *httpx.Error
	switch {
	case errors.Is(err, taxii.ErrAuth), errors.Is(err, taxii.ErrHost), errors.Is(err, taxii.ErrNotTAXII), errors.Is(err, httpx.ErrRefused):
		return false
	case errors.As(err, &s) && s.Code < 500 && w.next == "":
		return s.Code == http.StatusRequestEntityTooLarge || s.Code == http.StatusRequestTimeout
	case errors.As(err, &s):
		return true // with a "next" it may be that the server has forgotten it
	case errors.Is(err, httpx.ErrTooBig), errors.As(err, new(*httpx.BodyError)), errors.Is(err, errDamaged):
		return true
	}
	return errors.As(err, &lost) && (w.next != "" || w.failures > 0) // without a "next" the connection has tried often enough
}
