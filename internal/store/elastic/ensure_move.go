package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/mappings"
)

// move makes a new index with the wanted mapping, copies the documents of the old
// one and lets the alias change over. The old index is closed for writing before
// the first document is copied, so that none is lost, and is kept as it is.
//
// Of several that do this at once each copies to an index of its own, and the
// alias goes to the one that comes first.
func (e *ensurer) move(ctx context.Context, st *IndexState, want indexBody) error {
	mappings.Merge(st.mapping, want.Mappings)
	next := st.next()
	err := e.do(ctx, Step{
		Why:    "a new index, for " + st.Index + " cannot be changed: " + strings.Join(st.Difference.Conflicts, "; "),
		Method: "PUT", Path: "/" + es.Escape(next), Body: raw(want),
	}, nil)
	if isType(err, "resource_already_exists_exception") {
		return errAgain
	}
	if err != nil {
		return err
	}
	if err := e.copyAll(ctx, st.Index, next); err != nil {
		return fmt.Errorf("%s is closed for writing and %s is not whole: run setup again, or go on as before with PUT /%s/_settings {\"index.blocks.write\": null}: %w", st.Index, next, st.Index, err)
	}
	if err := e.change(ctx, st, next); err != nil {
		return err
	}
	e.out.Notes = append(e.out.Notes, fmt.Sprintf("%s is kept as it was, closed for writing; the documents are in %s now. To delete it: DELETE /%s", st.Index, next, st.Index))
	return nil
}

// copyAll copies all documents of an index, and counts them.
func (e *ensurer) copyAll(ctx context.Context, from, to string) error {
	block := Step{Why: "no more writes to " + from, Method: "PUT", Path: "/" + es.Escape(from) + "/_block/write"}
	if err := e.do(ctx, block, nil); err != nil {
		return err
	}
	if err := e.do(ctx, Step{Why: "all of it can be searched", Method: "POST", Path: "/" + es.Escape(from) + "/_refresh"}, nil); err != nil {
		return err
	}
	copying := Step{
		Why: "the documents, to " + to, Method: "POST", Path: "/_reindex?wait_for_completion=false",
		Body: raw(es.M{"source": es.M{"index": from, "size": 1000}, "dest": es.M{"index": to, "op_type": "create"}, "conflicts": "proceed"}),
	}
	if err := e.reindex(ctx, copying, from, to); err != nil {
		return err
	}
	if err := e.do(ctx, Step{Why: "as many as there were have to be there", Method: "POST", Path: "/" + es.Escape(to) + "/_refresh"}, nil); err != nil || e.dry {
		return err
	}
	return e.sameCount(ctx, from, to)
}

// reindex lets the cluster copy the documents, or copies them itself where the
// cluster refuses.
func (e *ensurer) reindex(ctx context.Context, s Step, from, to string) error {
	var x struct{ Task string }
	err := e.do(ctx, s, &x)
	if _, refused := errors.AsType[*es.Error](err); refused {
		return e.carry(ctx, from, to)
	}
	if err != nil || x.Task == "" {
		return err
	}
	return e.await(ctx, x.Task)
}

// await waits for a task of the cluster to end.
func (e *ensurer) await(ctx context.Context, task string) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		var x struct {
			Completed bool
			Error     *struct{ Type, Reason string }
			Response  struct {
				Failures []struct{ Cause struct{ Type, Reason string } }
			}
		}
		err := e.c.Do(ctx, es.Request{Method: "GET", Path: "/_tasks/" + task, Ask: true}, &x)
		switch {
		case es.IsStatus(err, http.StatusNotFound):
			return nil // its node was restarted: the counting tells how far it came
		case err != nil:
			return err
		case x.Error != nil:
			return fmt.Errorf("_reindex: %s: %s", x.Error.Type, x.Error.Reason)
		case x.Completed && len(x.Response.Failures) > 0:
			f := x.Response.Failures[0].Cause
			return fmt.Errorf("_reindex: %d documents were refused, the first: %s: %s", len(x.Response.Failures), f.Type, f.Reason)
		case x.Completed:
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// carry copies the documents through this program.
func (e *ensurer) carry(ctx context.Context, from, to string) (err error) {
	b := e.c.NewBulk(ctx, es.BulkOptions{Index: to})
	defer func() {
		_, closed := b.Close()
		err = errors.Join(err, closed)
	}()
	for r, err := range e.c.Pages(ctx, from, "", es.M{"size": 1000}) {
		if err != nil {
			return err
		}
		for _, h := range r.Hits.Hits {
			if err := b.Add(es.Item{Op: es.Create, ID: h.ID, Body: h.Source}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameCount is an error if the two indices do not hold as many documents.
func (e *ensurer) sameCount(ctx context.Context, from, to string) error {
	a, err := e.count(ctx, from)
	if err != nil {
		return err
	}
	b, err := e.count(ctx, to)
	if err == nil && a != b {
		err = fmt.Errorf("%s holds %d documents and %s %d", from, a, to, b)
	}
	return err
}

func (e *ensurer) count(ctx context.Context, index string) (int64, error) {
	r, err := e.c.Search(ctx, index, es.M{"size": 0, "track_total_hits": true}, nil)
	if err != nil {
		return 0, err
	}
	return r.Hits.Total.Value, nil
}

// change lets the alias go over to the new index, if it is still where it was: if
// not, somebody else has made another new index, and this one stays behind.
func (e *ensurer) change(ctx context.Context, st *IndexState, next string) error {
	err := e.do(ctx, Step{
		Why: st.Alias + " goes over to " + next, Method: "POST", Path: "/_aliases",
		Body: raw(es.M{"actions": []es.M{
			{"remove": es.M{"index": st.Index, "alias": st.Alias, "must_exist": true}},
			{"add": es.M{"index": next, "alias": st.Alias, "is_write_index": true}},
		}}),
	}, nil)
	if es.IsStatus(err, http.StatusNotFound) {
		return errAgain
	}
	return err
}
