package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
)

// The ledger of the hunters of indices: pages by kind and name, each a document
// of ioc_state. What stands on them is the business of package hunt; here a page
// is replaced only by who has seen what is on it.

func pageID(kind, name string) string { return kind + ":" + hashID(name) }

// ReadPage returns a page as it is now. Its mark changes whenever the page does;
// that of a page that is not there is "".
func (s *Store) ReadPage(ctx context.Context, kind, name string) (body []byte, mark string, err error) {
	var raw json.RawMessage
	at, ok, err := s.getState(ctx, pageID(kind, name), &raw)
	if err != nil || !ok {
		return nil, "", err
	}
	return raw, markOf(at), nil
}

// WritePage replaces a page if its mark is still was, and returns the new one;
// "" without an error means that somebody else was faster.
func (s *Store) WritePage(ctx context.Context, kind, name string, body []byte, was string) (mark string, err error) {
	var old version
	if was != "" {
		if old, err = parseMark(was); err != nil {
			return "", err
		}
	}
	d := stateDoc{Kind: kind, Name: short(name), At: s.now().UTC()}
	at, err := s.putState(ctx, pageID(kind, name), d, json.RawMessage(body), old)
	if errors.Is(err, errConflict) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return markOf(at), nil
}

// Pages yields the pages of a kind, in the order of their names.
func (s *Store) Pages(ctx context.Context, kind string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for d, err := range s.states(ctx, []es.M{term("kind", kind)}, es.M{"name": "asc"}) {
			if !yield(d.Body, err) || err != nil {
				return
			}
		}
	}
}

func markOf(v version) string { return itoa(v.seq) + "/" + itoa(v.term) }

func parseMark(mark string) (v version, err error) {
	if _, err := fmt.Sscanf(strings.Replace(mark, "/", " ", 1), "%d %d", &v.seq, &v.term); err != nil || v.term < 1 {
		return version{}, fmt.Errorf("%q is no mark of a page", mark)
	}
	return v, nil
}
