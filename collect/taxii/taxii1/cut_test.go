package taxii1

import (
	"errors"
	"testing"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// TestCutAtEveryByte: wherever an answer breaks off, what is handed out is the
// whole of it (when a repeat brought it), or nothing and an error.
func TestCutAtEveryByte(t *testing.T) {
	f := func(framing taxiitest.Framing, second string, times int) {
		t.Helper()
		s := feed("<a>some text</a>", second, "<last/>")
		s.Count = true
		cut := &taxiitest.Cut{Handler: s, Framing: framing}
		c := dial(t, cut, "1.1", taxii.Login{})
		all, _, err := polled(t, c, Query{})
		if err != nil || len(all) != 3 {
			t.Fatalf("%d blocks, %v", len(all), err)
		}
		cut.EveryByte(t, 0, times, cutStep(), func(_ int, whole bool) {
			blocks, res, err := polled(t, c, Query{})
			switch lost := !whole && times < 0; {
			case lost && (err == nil || len(blocks) != 0 || errors.Is(err, ErrIncomplete)):
				t.Errorf("%q: %d blocks, %v", second, len(blocks), err)
			case !lost && (err != nil || contentsOf(blocks) != contentsOf(all) || res.Count != 3):
				t.Errorf("%q: %+v, %v", second, blocks, err)
			}
		})
	}
	f(taxiitest.Close, "<b><c></b>", -1) // all tries are cut
	if testing.Short() {
		return
	}
	f(taxiitest.Close, "<b>text</b>", -1)
	f(taxiitest.Close, "<!-- never closed", -1)
	f(taxiitest.Close, "<b x=\"\x01&#x2;\"/>", 1) // the second try comes whole
	f(taxiitest.Length, "<b><c></b>", -1)
}

// TestCutPart: the part that broke off is told, and so is what came before.
func TestCutPart(t *testing.T) {
	s := feed("<a/>", "<b/>", "<c/>")
	s.PageSize = 1
	cut := &taxiitest.Cut{Handler: s, Framing: taxiitest.Close}
	c := dial(t, cut, "1.1", taxii.Login{})
	cut.EveryByte(t, 1, -1, cutStep(), func(n int, whole bool) {
		blocks, res, err := polled(t, c, Query{})
		if whole {
			if err != nil || len(blocks) != 3 {
				t.Errorf("%d blocks, %v", len(blocks), err)
			}
			return
		}
		// Part 2 is the shorter reply: its last cuts are cuts of part 3 alone.
		want := map[int]string{1: "<a/>", 2: "<a/>|<b/>"}[res.Parts]
		if !errors.Is(err, ErrIncomplete) || contentsOf(blocks) != want {
			t.Errorf("%+v, %+v, %v", blocks, res, err)
		}
	})
}

// cutStep is how far apart the middle of a reply is cut: at every byte, but in
// the short tests.
func cutStep() int {
	if testing.Short() {
		return 41
	}
	return 1
}
