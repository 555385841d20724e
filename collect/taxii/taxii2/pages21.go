package taxii2

import (
	"context"
	"fmt"
)

// run21 reads the pages of TAXII 2.1.
func (w *walk) run21(ctx context.Context) error {
	for {
		a, err := w.fetch(ctx)
		if err == nil {
			err = w.deliver(&a)
		}
		if err != nil {
			if err := w.recovered(ctx, err); err != nil {
				return err
			}
			continue
		}
		if done, err := w.ahead(a); done || err != nil {
			return err
		}
	}
}

// ahead finds the way to the page behind a. It reports whether there is none.
func (w *walk) ahead(a answer) (done bool, err error) {
	switch {
	case w.lost:
		w.lost = false
		w.restart()
		return false, nil
	case !a.more && (a.next == "" || a.objects == 0):
		return true, nil
	case !a.more && w.idle > 2*knownPage+w.patience:
		return true, nil // it never said that there was more
	case w.tired():
		return false, w.loop()
	case a.next == "":
		w.grow()
		return w.byDate(a)
	case w.resume() != "" && w.gap == "" && w.grow():
		w.restart() // since a "next" goes with the limit that it was made for
		return false, nil
	}
	w.next = a.next
	return false, nil
}

func (w *walk) loop() error {
	return fmt.Errorf("%w: it says that there is more, and the last pages brought nothing new (%d pages in all)", ErrLoop, w.res.Pages)
}

// byDate goes on by the date of the page's last object, since the server says
// that there is more and not where.
func (w *walk) byDate(a answer) (done bool, err error) {
	l, ok := parseStamp(a.last)
	switch {
	case w.mark.unordered:
		return false, fmt.Errorf("%w: the server has more and gives no \"next\", and the dates of its pages are in no order", ErrGap)
	case !ok && a.objects == 0:
		w.next = ""
		w.idle += maxIdle / 4 // perhaps it did not mean it; a few more requests tell
		return false, nil
	case !ok:
		return false, fmt.Errorf("%w: the server has more and gives neither a \"next\" nor a date to go on from", ErrGap)
	}
	to := l.before().String()
	if a.fresh == 0 && to == w.after {
		return w.plateau(a, l)
	}
	w.goTo(to)
	w.overlap = true
	return false, nil
}

func (w *walk) goTo(after string) {
	w.after, w.next = after, ""
	w.patience += knownPage
	w.mark.restart()
}

// maxLimit is the biggest page that is asked for.
const maxLimit = 1 << 16

// plateau is where the objects of one moment fill a page, so that the date does
// not lead on. A bigger page may; else the rest of that moment is out of
// reach, which is remembered while the walk goes on behind it.
func (w *walk) plateau(a answer, l stamp) (done bool, err error) {
	switch {
	case a.objects < w.largest:
		return true, nil // there was room for more on the page
	case w.limit <= a.objects && a.objects < maxLimit:
		w.limit = min(2*a.objects, maxLimit)
		return false, nil
	}
	if w.gap == "" {
		w.gapResume = w.resume()
		w.gap = fmt.Sprintf("at %s more objects were added than the server puts on one page (%d), and it gives no \"next\"", a.last, a.objects)
	}
	to := l.String()
	if to == w.after {
		to = l.after().String()
	}
	w.goTo(to)
	w.overlap = false
	return false, nil
}
