package local

import (
	"slices"
	"strings"
	"testing"
)

// FuzzEntries: entries come back as they were, and bytes that are none are an
// error.
func FuzzEntries(f *testing.F) {
	f.Add("a.example\nb.example", int64(2))
	f.Add("", int64(1))
	f.Add("\xff\x00\n\n"+strings.Repeat("x", 300), int64(-1))
	f.Fuzz(func(t *testing.T, text string, count int64) {
		want := strings.Split(text, "\n")
		packed, err := packEntries(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpackEntries(packed, int64(len(want))); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if _, err := unpackEntries(packed, count); (err == nil) != (count == int64(len(want))) {
			t.Errorf("%d entries taken for %d: %v", len(want), count, err)
		}
		if got, err := unpackEntries([]byte(text), count); err == nil && int64(len(got)) != count {
			t.Errorf("%q for %d entries", got, count)
		}
	})
}
