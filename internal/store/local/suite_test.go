package local

import (
	"testing"

	"github.com/iochunt/iochunt/internal/store"
	"github.com/iochunt/iochunt/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, t.TempDir()) })
}

func TestAges(t *testing.T) {
	storetest.RunAges(t, func(t *testing.T, ages store.Ages) storetest.Store {
		s, err := Open(t.TempDir(), Options{Ages: ages})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}
