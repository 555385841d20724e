package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

// errConflict is returned where somebody else has changed a document of
// ioc_state since it was read.
var errConflict = errors.New("somebody else has changed it meanwhile")

// version says which state of a document was read; the zero version is that of
// one that is not there.
type version struct{ seq, term int64 }

// stateDoc is a document of ioc_state. Body is not indexed.
type stateDoc struct {
	Kind   string          `json:"kind"`
	Name   string          `json:"name,omitempty"`
	Feed   string          `json:"feed,omitempty"`
	Report string          `json:"report,omitempty"`
	At     time.Time       `json:"at,omitzero"`
	Number int64           `json:"number,omitempty"` // what the kind has to find by
	Body   json.RawMessage `json:"body,omitempty"`
}

// getState reads a document of ioc_state, as it is now and not as of the last
// refresh, and decodes its body into into.
func (s *Store) getState(ctx context.Context, id string, into any) (version, bool, error) {
	var x struct {
		Found  bool     `json:"found"`
		SeqNo  int64    `json:"_seq_no"`
		Term   int64    `json:"_primary_term"`
		Source stateDoc `json:"_source"`
	}
	err := s.c.Do(ctx, es.Request{Method: "GET", Path: "/" + es.Escape(s.state()) + "/_doc/" + url.PathEscape(id)}, &x)
	if e, ok := errors.AsType[*es.Error](err); ok && e.Status == http.StatusNotFound && e.Type == "" {
		return version{}, false, nil // the document is not there; where the index is not, the error has a type
	}
	if err != nil || !x.Found {
		return version{}, false, err
	}
	return version{x.SeqNo, x.Term}, true, unpack(x.Source.Body, into)
}

// putState writes a document of ioc_state with body as its body, if it is still
// as it was read, else the error is errConflict.
func (s *Store) putState(ctx context.Context, id string, d stateDoc, body any, was version) (version, error) {
	raw, err := pack(body)
	if err != nil {
		return version{}, err
	}
	d.Body = raw
	doc, err := json.Marshal(d)
	if err != nil {
		return version{}, err
	}
	q := url.Values{}
	if was.term == 0 {
		q.Set("op_type", "create")
	} else {
		q.Set("if_seq_no", itoa(was.seq))
		q.Set("if_primary_term", itoa(was.term))
	}
	var x struct {
		SeqNo int64 `json:"_seq_no"`
		Term  int64 `json:"_primary_term"`
	}
	err = s.c.Do(ctx, es.Request{Method: "PUT", Path: "/" + es.Escape(s.state()) + "/_doc/" + url.PathEscape(id), Query: q, Body: doc}, &x)
	if es.IsStatus(err, http.StatusConflict) {
		err = errConflict
	}
	return version{x.SeqNo, x.Term}, err
}
