package estest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
)

// numbered gives n documents whose ids are their numbers, each of about size bytes.
func numbered(n, size int) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i := range n {
			if !yield(fmt.Sprint(i), es.M{"n": i, "fill": strings.Repeat("x", size)}) {
				return
			}
		}
	}
}

func count(t *testing.T, c *es.Client, index string) (n int) {
	t.Helper()
	var x struct{ Count int }
	if err := c.Do(t.Context(), es.Request{Method: http.MethodGet, Path: "/" + index + "/_count"}, &x); err != nil {
		t.Fatal(err)
	}
	return x.Count
}

func TestBulkLoad(t *testing.T) {
	Each(t, func(t *testing.T, n Node) {
		index := n.Prefix(t) + "events"
		const docs = 3000 // of 2 kB: several requests
		if got := n.BulkLoad(t, index, numbered(docs, 2000)); got != docs {
			t.Errorf("BulkLoad says %d documents, want %d", got, docs)
		}
		if got := count(t, n.Client(t), index); got != docs {
			t.Errorf("%d documents are found, want %d", got, docs)
		}
	})
}

func TestBulkLoadWithoutIDs(t *testing.T) {
	Each(t, func(t *testing.T, n Node) {
		index := n.Prefix(t) + "events"
		n.BulkLoad(t, index, func(yield func(string, any) bool) {
			_ = yield("", json.RawMessage(`{"a": 1}`)) && yield("", es.M{"a": 2})
		})
		if got := count(t, n.Client(t), index); got != 2 {
			t.Errorf("%d documents are found, want 2", got)
		}
	})
}

// What a test has made is gone when it has ended, and nothing else is.
func TestPrefixCleansUp(t *testing.T) {
	Each(t, func(t *testing.T, n Node) {
		c := n.Client(t)
		keep := n.Prefix(t) + "keep"
		n.BulkLoad(t, keep, numbered(1, 1))
		var p string
		t.Run("inner", func(t *testing.T) {
			p = n.Prefix(t)
			n.BulkLoad(t, p+"a", numbered(1, 1))
			n.BulkLoad(t, p+"b", numbered(1, 1))
			put(t, c, "/_index_template/"+p+"tmpl", `{"index_patterns":["`+p+`none-*"],"template":{}}`)
		})
		if left := indices(t.Context(), t, c, p); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
		if err := c.Do(t.Context(), es.Request{Method: http.MethodGet, Path: "/_index_template/" + p + "tmpl", Ask: true}, nil); !es.IsStatus(err, http.StatusNotFound) {
			t.Errorf("the template is still there: %v", err)
		}
		if got := count(t, c, keep); got != 1 {
			t.Errorf("the other index has %d documents, want 1", got)
		}
	})
}

func put(t *testing.T, c *es.Client, path, body string) {
	t.Helper()
	if err := c.Do(t.Context(), es.Request{Method: http.MethodPut, Path: path, Body: []byte(body)}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestMajor(t *testing.T) {
	Each(t, func(t *testing.T, n Node) {
		want := map[string][]int{es.Elasticsearch: {8, 9}, es.OpenSearch: {2, 3}}[n.Flavor]
		if got := n.Major(t); got != want[0] && got != want[1] {
			t.Errorf("Major() = %d, want one of %v", got, want)
		}
	})
}

// The secure node lets in who has the password, and nobody else; and only those
// who know its authority speak with it at all.
func TestSecure(t *testing.T) {
	n := Secure(t)
	if _, err := n.Client(t).Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	wrong := n
	wrong.Password = "wrong"
	if _, err := info(t, wrong.Options()); !es.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("with a wrong password: %v, want 401", err)
	}
	strange := n.Options()
	strange.HTTP.CAFile = ""
	strange.Attempts = 1
	if _, err := info(t, strange); err == nil || errors.As(err, new(*es.Error)) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without its authority: %v, want an error of TLS", err)
	}
}

func info(t *testing.T, o es.Options) (es.Info, error) {
	t.Helper()
	c, err := es.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c.Info(t.Context())
}
