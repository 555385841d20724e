package taxii2

import "slices"

// outlet gathers the objects of an answer into pages.
type outlet struct {
	w    *walk
	a    *answer
	page *Page
	size int
	sum  []byte // the digests of the answer's objects
}

func (o *outlet) object(s *splitter) error {
	raw, bad, err := s.object()
	if err != nil {
		return err
	}
	d := digestOf(raw)
	fresh := o.w.seen.add(d)
	if o.a.firstKnown = o.a.firstKnown || len(o.sum) == 0 && !fresh; !fresh {
		o.sum = appendDigest(o.sum, d)
		o.a.dups++
		o.w.res.Duplicates++
		return nil
	}
	o.sum = appendDigest(o.sum, d)
	o.a.fresh++
	if bad != nil {
		o.w.res.Bad++
		o.page.Bad = append(o.page.Bad, *bad)
		o.size += len(bad.Raw)
	} else {
		o.w.res.Objects++
		o.page.Objects = append(o.page.Objects, slices.Clone(raw))
		o.size += len(raw)
	}
	if o.size < pageBytes {
		return nil
	}
	return o.flush(false)
}

// flush hands the page over. An answer without anything new is not worth a
// call, unless it moves the point from which to go on.
func (o *outlet) flush(last bool) error {
	p := o.page
	o.page, o.size = o.w.page(o.a), 0
	if len(p.Objects)+len(p.Bad) > 0 || last && p.Resume != "" {
		if err := o.w.give(p); err != nil {
			return &callerError{err}
		}
	}
	if last {
		o.progress()
	}
	return nil
}

// progress judges whether the answer brought the walk forward.
func (o *outlet) progress() {
	w, a := o.w, o.a
	unknown := w.pages.add(digestOf(o.sum))
	newNext := a.next != "" && w.nexts.add(digestOf([]byte(a.next)))
	switch {
	case a.fresh > 0 && unknown:
		w.idle, w.failures, w.single = 0, 0, 0
		w.good++
	case a.objects == 0 && newNext:
		w.idle++ // a server that filters after it cut the pages sends many empty ones
	default:
		w.idle += knownPage
	}
}

// How much of nothing new is borne: 64 known pages, 1,024 empty ones.
const (
	knownPage = 16
	maxIdle   = 64 * knownPage
)

func (w *walk) tired() bool { return w.idle > maxIdle+w.patience }

// callerError is an error of the function that the caller gave.
type callerError struct{ error }

// Unwrap returns the caller's error.
func (e *callerError) Unwrap() error { return e.error }
