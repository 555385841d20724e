package elastic

import (
	"context"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/store"
	"github.com/iochunt/iochunt/internal/store/storetest"
)

// TestStore runs the suite that every store passes, on every server there is.
func TestStore(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		storetest.Run(t, func(t *testing.T) storetest.Store { return newStore(t, n, n.Client(t)) })
	})
}

func TestAges(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		storetest.RunAges(t, func(t *testing.T, ages store.Ages) storetest.Store {
			s := newStore(t, n, n.Client(t))
			s.o.Ages = ages
			return s
		})
	})
}

// newStore opens an empty store that is the test's own.
func newStore(t *testing.T, n estest.Node, c *es.Client) *Store {
	t.Helper()
	return openAt(t, n, c, place(t, n))
}

func openAt(t testing.TB, n estest.Node, c *es.Client, prefix string) *Store {
	t.Helper()
	ctx := context.Background()
	if _, err := Ensure(ctx, n.Client(t), prefix, nil); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, c, Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
