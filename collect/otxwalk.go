package collect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/internal/httpx"
)

// otxWalk reads a list of pulses, sorted newest modified first, from its front
// to its end, while others change it.
//
// The list can only be asked for by page numbers, that is by offsets. A pulse
// that changes moves to the front and pushes the others down: some come twice,
// which does no harm. A pulse that is deleted pulls the others up: one slips
// from the next page to the one already read, and would never be seen. The
// server's count does not tell reliably. So each page is cut to begin with at
// least the last pulse of the page before. When its first pulse is one that
// was not seen, something slipped, and the walk steps back until it stands on
// known ground. Pages of equal size cannot overlap; the walk varies the size
// by a few pulses so that a page number and a size give the offset it wants.
//
// A page that cannot be read is halved down to single pulses, so that one
// pulse that the server chokes on costs that pulse and not the list.
type otxWalk struct {
	name  string // for people
	fetch func(context.Context, otx.Query) (otx.Page[otx.Pulse], error)
	query otx.Query
	visit func(otx.Page[otx.Pulse]) error // takes a page; its error ends the walk
	lost  func(string, error) error       // takes what could not be read and why; its error ends the walk

	size  int             // pulses a page, at most
	seen  map[string]bool // ids that were read without a gap from the front on
	last  string          // id of the last pulse read
	count int             // what the server said last, -1: nothing
	pos   int             // pulses before it have been read, or given up
	low   int             // pulses before it cannot be read: no page may begin there
	limit int             // pulses the next page may have: size, or less around a failure
	until int             // end of the stretch that failed; limit is less than size before it
	tries int             // for the next page; 0: the client's policy
	sized bool            // the server's own ceiling is known
	fixed int             // size of all further pages after an empty one, which tells that sizes and offsets do not go together
	short bool            // the last page had fewer pulses than it covers
	backs int             // steps back so far
	bad   int             // single pulses that failed one after the other
	ended bool            // the last page read said that the list ends, and was not believed
	idle  int             // pages in a row without a pulse that was not seen
	dead  int             // stretches in which everything failed, one after the other
}

// errDown says that a list cannot be read at all at the moment.
var errDown = errors.New("it cannot be read at the moment")

// Limits of the walk's patience.
const (
	maxBad   = 3   // failed single pulses in a row that end a stretch
	maxIdle  = 100 // pages without anything new after which the list has no end
	maxBacks = 200 // steps back after which the list moves too fast
)

// run walks from pos to the end of the list.
func (w *otxWalk) run(ctx context.Context) error {
	w.limit, w.count = w.size, -1
	if w.seen == nil {
		w.seen = make(map[string]bool)
	}
	for {
		start, limit := w.window()
		p, err := w.page(ctx, start, limit)
		switch {
		case err == nil:
			if done, err := w.took(p, start, limit); done || err != nil {
				return err
			}
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.ended && otxNotFound(err): // it was the last page
			return nil
		case start > 0 && otxNotFound(err): // the list became shorter than that
			if err := w.back(start); err != nil {
				return err
			}
		case !otxLessMayHelp(err):
			return err
		default:
			if err := w.failed(start, limit, err); err != nil {
				return err
			}
		}
	}
}

func (w *otxWalk) page(ctx context.Context, start, limit int) (otx.Page[otx.Pulse], error) {
	q := w.query
	q.Page, q.Limit, q.Attempts = start/limit+1, limit, w.tries
	return w.fetch(ctx, q)
}

// window returns the next page to read: start is a multiple of limit, and less
// than pos wherever that can be. Of the pages that overlap it takes the one
// that leads on furthest.
func (w *otxWalk) window() (start, limit int) {
	if w.pos == 0 {
		return 0, w.limit
	}
	if w.fixed > 0 && w.limit >= w.fixed && w.pos%w.fixed == 0 {
		return w.pos, w.fixed
	}
	furthest := w.pos
	for l := w.limit; l > 1 && l >= w.limit/2; l-- {
		s := w.pos - 1 - (w.pos-1)%l
		if s >= w.low && s+l > furthest {
			start, limit, furthest = s, l, s+l
		}
	}
	if furthest > w.pos {
		return start, limit
	}
	for limit = w.limit; w.pos%limit != 0; {
		limit--
	}
	return w.pos, limit
}

// took deals with a page that was read; true means that it was the last one.
func (w *otxWalk) took(p otx.Page[otx.Pulse], start, limit int) (bool, error) {
	slipped := w.slipped(p, start)
	w.bad, w.dead = 0, 0
	if err := w.visit(p); err != nil {
		return true, err
	}
	if slipped {
		return false, w.back(start)
	}
	w.idle++
	for i := range p.Results {
		if !w.seen[p.Results[i].ID] {
			w.seen[p.Results[i].ID], w.idle = true, 0
		}
		w.last = p.Results[i].ID
	}
	if w.idle > maxIdle {
		return true, fmt.Errorf("%s: %w: %d pages in a row held nothing new", w.name, otx.ErrLoop, maxIdle)
	}
	if !p.More && w.isEnd(p, limit) {
		return true, nil
	}
	w.ended = !p.More
	w.advance(p, start, limit)
	return false, nil
}

// isEnd doubts a page that says it is the last. "next" has been seen to be
// missing in the middle of a list, and whoever believes it loses the rest for
// good. A page that is full, or a count of more than was seen, asks for one more
// page; what holds nothing new is the end.
func (w *otxWalk) isEnd(p otx.Page[otx.Pulse], limit int) bool {
	return w.idle > 0 || p.Size < limit && p.Count <= len(w.seen)
}

// slipped reports whether pulses may have moved from behind start to before it
// since the page before was read.
func (w *otxWalk) slipped(p otx.Page[otx.Pulse], start int) bool {
	shrunk := p.Count >= 0 && p.Count < w.count
	w.count = p.Count
	switch {
	case start == 0 || start <= w.low:
		return false
	case start >= w.pos: // no overlap: the server's count is all there is
		return shrunk
	case len(p.Results) == 0:
		return !p.More
	}
	return !w.short && !w.seen[p.Results[0].ID]
}

// back returns to before start, to re-read what may have slipped.
func (w *otxWalk) back(start int) error {
	if w.backs++; w.backs > maxBacks {
		return fmt.Errorf("%s: %w: it changes faster than it can be read", w.name, errDown)
	}
	step := max(w.limit/2, 1)
	if w.fixed > 0 {
		step = w.fixed
	}
	w.pos = max(w.low, min(start, w.pos)-step)
	w.short = false
	return nil
}

// advance moves pos behind a page. The first page that is not full shows how
// many pulses the server gives at most; from then on no page asks for more, as
// the server would count its pages by another size than we do. Later pages
// that are not full lack pulses that the server does not show; behind an empty
// one only the plain next page can be trusted to be the next.
func (w *otxWalk) advance(p otx.Page[otx.Pulse], start, limit int) {
	if !w.sized && p.Size > 0 && p.Size < limit {
		w.sized, w.size, w.limit = true, p.Size, min(w.limit, p.Size)
		if start == 0 {
			w.pos = p.Size
		}
		return
	}
	w.sized = w.sized || limit == w.size && p.Size > 0
	if w.short = p.Size < limit; p.Size == 0 {
		w.fixed = limit
	}
	w.pos = max(w.pos, start+limit)
	if w.pos >= w.until {
		w.limit, w.tries = w.size, 0
	} else {
		w.limit = min(w.limit*2, w.size)
	}
}

// failed makes the next page smaller, or gives up the single pulse at pos. An
// error means that the list cannot be read.
func (w *otxWalk) failed(start, limit int, cause error) error {
	if limit > 1 {
		if w.dead > 0 && w.pos >= w.until {
			return fmt.Errorf("%s: %w: %w", w.name, errDown, cause)
		}
		w.until = max(w.until, start+limit)
		w.limit, w.tries = max(limit/2, 1), 1
		return nil
	}
	if err := w.lost(w.place(w.pos+1), cause); err != nil {
		return err
	}
	w.pos++
	w.low, w.tries = w.pos, 2
	if w.bad++; w.bad < maxBad {
		return nil
	}
	w.bad = 0
	w.dead++
	if w.dead > 1 {
		return fmt.Errorf("%s: %w: %w", w.name, errDown, cause)
	}
	if w.pos < w.until {
		if err := w.lost(w.place(w.until), cause); err != nil {
			return err
		}
		w.pos, w.low = w.until, w.until
	}
	w.limit, w.tries = w.size, 0
	return nil
}

// place names the pulses from pos to end.
func (w *otxWalk) place(end int) string {
	s := fmt.Sprintf("%s: pulse %d", w.name, w.pos+1)
	if end > w.pos+1 {
		s = fmt.Sprintf("%s: pulses %d to %d", w.name, w.pos+1, end)
	}
	if w.last != "" {
		s += " (after " + w.last + ")"
	}
	return s
}

// otxLessMayHelp reports whether a smaller page may work where this error
// came: the service gives up on what is too much for it (5xx, often as a
// gateway's HTML), an answer takes too long, is too big, breaks off or is not
// readable. It does not help against being too fast (429), a wrong question
// (4xx), a server that is not there or a list that runs in a circle.
func otxLessMayHelp(err error) bool {
	var status *httpx.StatusError
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &status):
		return status.Code >= http.StatusInternalServerError
	case errors.Is(err, otx.ErrLoop), errors.Is(err, httpx.ErrRefused), errors.As(err, &dns), errors.As(err, &cert):
		return false
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return false
	}
	return true
}
