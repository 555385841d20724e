package taxiitest

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestServersHoldWhatIsExpected reads both real servers with other people's
// clients and libraries: they must find what EXPECTED.tsv says, so that a table
// of ours is never the only witness.
func TestServersHoldWhatIsExpected(t *testing.T) {
	s := Start(t)
	for _, version := range []string{"1.1", "2.1"} {
		for collection, want := range Expected(t, version) {
			t.Run(version+" "+collection, func(t *testing.T) {
				got := s.Observables(t, version, collection)
				if diff := gocmp.Diff(indicators(want), indicators(got)); diff != "" {
					t.Error(diff)
				}
			})
		}
		if got := s.Observables(t, version, "user_demo"); len(got) > 0 {
			t.Errorf("%s user_demo is not empty: %v", version, got)
		}
	}
}

// indicators are those that stand alone or together; what must not be taken is
// not all told by readers who pass over it.
func indicators(said []Said) []Said {
	said = slices.DeleteFunc(slices.Clone(said), func(s Said) bool { return s.Kind == "none" })
	slices.SortFunc(said, func(a, b Said) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Kind, b.Kind))
	})
	return said
}

// TestServersEndWithTheTest starts two pairs at once: neither outlives its
// test.
func TestServersEndWithTheTest(t *testing.T) {
	var first, second Servers
	t.Run("the servers of a test", func(t *testing.T) {
		first = Start(t)
		second = Start(t, "--any-password", "--count", "--page-size", "1")
		for _, url := range []string{first.TAXII1.URL, first.TAXII2.URL, second.TAXII1.URL, second.TAXII2.URL} {
			if err := ask(t, url); err != nil {
				t.Error(err)
			}
		}
	})
	if first.Cabby == "" {
		t.Skip("no servers")
	}
	for _, url := range []string{first.TAXII1.URL, first.TAXII2.URL, second.TAXII1.URL, second.TAXII2.URL} {
		if err := ask(t, url); err == nil {
			t.Errorf("%s answers after its test", url)
		}
	}
}

// ask asks for anything; what is answered does not matter.
func ask(t *testing.T, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := new(http.Transport).RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return err
}
