package estest

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/http"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
)

// loadBytes is how long one request of BulkLoad gets at the least: the size that
// servers of half a gigabyte take without pressing back.
const loadBytes = 2 << 20

// BulkLoad puts documents into an index or a data stream, refreshes it and
// returns how many they were. docs gives id and source of each; an empty id is
// the server's matter. A source is anything that encodes as a JSON object,
// json.RawMessage too. An id that is there already ends the test.
func (n Node) BulkLoad(t testing.TB, index string, docs iter.Seq2[string, any]) int {
	t.Helper()
	l := loader{TB: t, c: n.Client(t), path: "/" + es.Escape(index) + "/_bulk"}
	count := 0
	for id, source := range docs {
		l.add(id, source)
		count++
	}
	l.send()
	n.Refresh(t, index)
	return count
}

type loader struct {
	testing.TB
	c    *es.Client
	path string
	body bytes.Buffer
}

// add writes a document as a create, which data streams take too.
func (l *loader) add(id string, source any) {
	l.Helper()
	action := es.M{}
	if id != "" {
		action["_id"] = id
	}
	enc := json.NewEncoder(&l.body)
	for _, line := range []any{es.M{"create": action}, source} {
		if err := enc.Encode(line); err != nil {
			l.Fatalf("the document %q: %v", id, err)
		}
	}
	if l.body.Len() >= loadBytes {
		l.send()
	}
}

func (l *loader) send() {
	l.Helper()
	if l.body.Len() == 0 {
		return
	}
	var answer struct {
		Errors bool
		Items  []struct {
			Create struct {
				ID     string `json:"_id"`
				Error  json.RawMessage
				Status int
			}
		}
	}
	r := es.Request{Method: http.MethodPost, Path: l.path, Body: bytes.Clone(l.body.Bytes()), NDJSON: true, Once: true}
	if err := l.c.Do(l.Context(), r, &answer); err != nil {
		l.Fatal(err)
	}
	for _, i := range answer.Items {
		if answer.Errors && i.Create.Status >= 300 {
			l.Fatalf("the document %q: %d %s", i.Create.ID, i.Create.Status, i.Create.Error)
		}
	}
	l.body.Reset()
}
