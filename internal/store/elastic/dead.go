package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

// A dead letter is a document that the cluster refused for good: it does not fit
// the mapping, or is too big. It is kept in ioc_state with the reason, so that
// nothing is lost in silence, and can be sent again when the reason is mended.

const deadKind = "dead"

// DeadLetter is such a document.
type DeadLetter struct {
	ID     string // of the letter
	Kind   string // what it is: "hit", "indicator"
	Index  string // where it was to go
	DocID  string
	Status int    // HTTP
	Type   string // of the refusal
	Reason string
	At     time.Time
	Body   []byte // the document; nil where even that could not be kept
}

// deadBody is the body of a dead letter.
type deadBody struct {
	Index  string `json:"index"`
	DocID  string `json:"doc_id"`
	Op     es.Op  `json:"op"`
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"`
	Reason string `json:"reason,omitempty"`
	Body   []byte `json:"document,omitempty"`
}

// maxDead is the longest document that is kept whole: an answer has to hold it.
const maxDead = 8 << 20

// PutDead keeps what the cluster refused. kind says what it is. The same document
// is kept once.
func (s *Store) PutDead(ctx context.Context, kind string, o es.Outcome) error {
	b := deadBody{Index: o.Index, DocID: o.ID, Op: o.Op, Status: o.Status, Type: o.Type, Reason: flat(o.Reason), Body: o.Body}
	if b.Index == "" && kind == deadHit {
		b.Index = s.hits()
	}
	if len(b.Body) > maxDead {
		b.Body = nil
	}
	d := stateDoc{Kind: deadKind, Name: kind, At: s.now().UTC()}
	it, err := stateItem(deadKind+":"+hashID(kind, b.Index, o.ID), d, b)
	if err != nil {
		return err
	}
	return s.putStates(ctx, []es.Item{it})
}

// deadHit is the kind of a hit.
const deadHit = "hit"

// Dead yields the dead letters.
func (s *Store) Dead(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		if err := s.freshen(ctx, s.state()); err != nil {
			yield(DeadLetter{}, err)
			return
		}
		for d, err := range s.stored(ctx, ofKind(deadKind)) {
			var b deadBody
			if err == nil {
				err = decodeState(&d.stateDoc, &b)
			}
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			if !yield(DeadLetter{d.id, d.Name, b.Index, b.DocID, b.Status, b.Type, b.Reason, d.At, b.Body}, nil) {
				return
			}
		}
	}
}

// DeadCount returns how many dead letters there are.
func (s *Store) DeadCount(ctx context.Context) (int, error) {
	return s.count(ctx, s.state(), ofKind(deadKind))
}

// Retried says what became of dead letters that were sent again.
type Retried struct {
	Stored int // now in their index
	Dead   int // refused again: they stay
}

// Retry sends dead letters again, each as what it was: a document that is there
// by now is left alone. Those of which the document could not be kept stay.
func (s *Store) Retry(ctx context.Context) (r Retried, err error) {
	if err := s.writable(); err != nil {
		return r, err
	}
	var gone []es.Item
	b := s.c.NewBulk(ctx, es.BulkOptions{Index: s.hits(), Refresh: "true",
		Done: func(o es.Outcome) { gone = append(gone, es.Item{Op: es.Delete, ID: o.Tag.(string)}) },
		Dead: func(es.Outcome) error { r.Dead++; return nil },
	})
	for d, e := range s.Dead(ctx) {
		if err = e; err != nil {
			break
		}
		if !json.Valid(d.Body) {
			r.Dead++
			continue
		}
		if err = b.Add(es.Item{Op: es.Create, Index: d.Index, ID: d.DocID, Body: d.Body, Tag: d.ID}); err != nil {
			break
		}
	}
	if _, e := b.Close(); err == nil {
		err = e
	}
	if err != nil {
		return r, fmt.Errorf("sending dead letters again: %w", err)
	}
	r.Stored = len(gone)
	return r, s.putStates(ctx, gone)
}
