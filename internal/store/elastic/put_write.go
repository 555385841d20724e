package elastic

import (
	"context"
	"net/http"
	"net/url"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// writer writes documents of ioc_index, each only if it is still as it was read.
// What others have changed meanwhile, and what the cluster refuses, is there when
// it is closed.
type writer struct {
	ctx       context.Context //nolint:containedctx // that of the change which it writes for
	s         *Store
	t         *tx
	bulk      *es.Bulk
	conflicts []*document
	dead      []es.Outcome
}

// newWriter makes a writer for a change that has begun when the first document
// comes.
func (s *Store) newWriter(ctx context.Context, t *tx) *writer { return &writer{ctx: ctx, s: s, t: t} }

func (w *writer) add(d *document) error {
	it, err := d.item()
	if err != nil {
		return err
	}
	if w.bulk == nil {
		w.bulk = w.s.c.NewBulk(w.ctx, es.BulkOptions{Index: w.s.index(), Done: w.done, Conflict: w.conflict, Dead: w.refused})
	}
	return w.bulk.Add(it)
}

// done notices a document that was to be new and was there.
func (w *writer) done(o es.Outcome) {
	if o.Status == http.StatusConflict {
		w.conflict(o)
	}
}

func (w *writer) conflict(o es.Outcome) {
	if d, ok := o.Tag.(*document); ok {
		w.conflicts = append(w.conflicts, d)
	}
}

func (w *writer) refused(o es.Outcome) error {
	o.Body = nil
	w.dead = append(w.dead, o)
	return nil
}

// close waits for everything.
func (w *writer) close() error {
	if w.bulk == nil {
		return nil
	}
	_, err := w.bulk.Close()
	return err
}

// deadError is the error of a change of which nothing may be left out.
func deadError(o es.Outcome) error {
	return &es.Error{Method: http.MethodPost, Path: "/_bulk", Status: o.Status, Type: o.Type, Reason: o.Reason}
}

// bury keeps what the cluster would not take, with the reason.
func (p *put) bury(o es.Outcome) {
	d, ok := o.Tag.(*document)
	if !ok {
		return
	}
	for _, m := range d.IOC.Mentions {
		p.dead = append(p.dead, ioc.Refusal{Report: plain(m.Report), Type: d.IOC.Type, Value: plain(d.IOC.Value), Reason: "refused by the cluster: " + o.Type, Place: o.Reason})
	}
	p.changes.Refused++
}

// putStates writes documents of ioc_state that nobody else writes, and waits
// until searches see them.
func (s *Store) putStates(ctx context.Context, items []es.Item) error {
	if len(items) == 0 {
		return nil
	}
	b := s.c.NewBulk(ctx, es.BulkOptions{Index: s.state(), Refresh: "true"})
	var err error
	for i := 0; i < len(items) && err == nil; i++ {
		err = b.Add(items[i])
	}
	if _, err2 := b.Close(); err == nil {
		err = err2
	}
	return err
}

// deleteStates deletes documents of ioc_state by a query.
func (s *Store) deleteStates(ctx context.Context, query es.M) error {
	body, err := pack(es.M{"query": query})
	if err != nil {
		return err
	}
	q := url.Values{"refresh": {"true"}, "conflicts": {"proceed"}}
	var x struct {
		Failures []struct {
			Cause struct{ Type, Reason string }
		}
		VersionConflicts int  `json:"version_conflicts"`
		TimedOut         bool `json:"timed_out"`
	}
	req := es.Request{Method: http.MethodPost, Path: "/" + es.Escape(s.state()) + "/_delete_by_query", Query: q, Body: body}
	if err := s.c.Do(ctx, req, &x); err != nil {
		return err
	}
	if len(x.Failures) > 0 || x.TimedOut || x.VersionConflicts > 0 {
		return &es.Error{Method: req.Method, Path: req.Path, Status: http.StatusConflict, Reason: "not everything was deleted; try again"}
	}
	return nil
}
