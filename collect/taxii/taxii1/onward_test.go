package taxii1

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// labelled is a server whose blocks have the given labels, in microseconds
// behind noon; the contents are their numbers.
func labelled(limit int, labels ...int) *taxiitest.TAXII1 {
	s := feed()
	s.OldLimit = limit
	for i, l := range labels {
		s.Collections[0].Blocks = append(s.Collections[0].Blocks, taxiitest.Block1{
			Label: day(1).Add(time.Duration(l) * time.Microsecond), Content: fmt.Sprintf("<b%d/>", i)})
	}
	return s
}

// TestOnward: a server of TAXII 1.0 that sends so many blocks at a time and does
// not say that there are more.
func TestOnward(t *testing.T) {
	f := func(limit int, labels []int, q Query, want, questions int, note string, kind error) {
		t.Helper()
		s := labelled(limit, labels...)
		blocks, res, err := polled(t, connect(t, s, "1.0", taxii.Login{}), q)
		if !errors.Is(err, kind) || err != nil && kind == nil {
			t.Errorf("%v by %d: %v, want %v", labels, limit, err, kind)
		}
		if len(blocks) != want || res.Blocks != want || len(s.Asked()) != questions || res.Parts != questions {
			t.Errorf("%v by %d: %d blocks with %d questions, want %d with %d: %s", labels, limit, len(blocks), len(s.Asked()), want, questions, contentsOf(blocks))
		}
		if text := strings.Join(res.Notes, " "); !strings.Contains(text, note) || note == "" && text != "" {
			t.Errorf("%v by %d: notes %q, want %q", labels, limit, text, note)
		}
		if !slices.IsSortedFunc(blocks, func(a, b seen) int { return a.Label.Compare(b.Label) }) {
			t.Errorf("%v by %d: %s", labels, limit, contentsOf(blocks))
		}
	}
	at := func(us int) time.Time { return day(1).Add(time.Duration(us) * time.Microsecond) }
	// A server that has no limit gets one question more, or two for blocks of one label.
	f(0, nil, Query{}, 0, 1, "", nil)
	f(0, []int{1, 2, 3}, Query{}, 3, 2, "", nil)
	f(0, []int{1, 2, 2}, Query{}, 3, 2, "", nil)
	f(0, []int{1}, Query{}, 1, 3, "", nil)
	f(0, []int{1, 1}, Query{}, 2, 3, "all 2 blocks have the label 2024-05-01T12:00:00.000001+00:00", nil)
	f(0, []int{1, 2, 3, 4}, Query{Begin: at(1), End: at(3)}, 2, 2, "", nil)
	f(0, []int{1, 2, 3}, Query{Begin: at(2), End: at(3)}, 1, 2, "", nil) // behind the end nothing is asked for
	f(0, []int{1, 2, 3}, Query{Begin: at(3)}, 0, 1, "", nil)
	// One that has.
	f(2, []int{1, 2, 3, 4, 5}, Query{}, 5, 5, "", nil)
	f(2, []int{1, 2, 3, 4, 5}, Query{Begin: at(1), End: at(4)}, 3, 3, "", nil)
	f(3, []int{1, 2, 2, 2, 3, 4, 5, 6}, Query{}, 8, 6, "", ErrIncomplete) // three of label 2 could be four
	f(3, []int{1, 1, 2, 2, 3, 3}, Query{}, 6, 4, "", nil)
	f(2, []int{1, 1, 1, 2, 3}, Query{}, 4, 4, "", ErrIncomplete) // the third is not to be had
	f(2, []int{1, 1, 1}, Query{}, 2, 3, "there may be more", nil)
	f(1, []int{1, 2, 3}, Query{}, 3, 7, "", nil)
	f(5, []int{1, 2, 3, 4, 5}, Query{}, 5, 2, "", nil)
	f(5, []int{1, 2, 3, 4, 5, 6}, Query{}, 6, 3, "", nil)
}

// TestOnwardProperty: as long as no label has as many blocks as the server
// sends, all come, each once; and whenever not all come, the poll says so.
func TestOnwardProperty(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		labels := make([]int, rnd.IntN(40))
		of := map[int]int{}
		for i := range labels {
			labels[i] = 1 + rnd.IntN(30)
			of[labels[i]]++
		}
		slices.Sort(labels)
		limit, fullest := 2+rnd.IntN(5), 0
		for _, n := range of {
			fullest = max(fullest, n)
		}
		s := labelled(limit, labels...)
		s.Faults.Reverse = seed%2 == 1
		blocks, res, err := polled(t, connect(t, s, "1.0", taxii.Login{}), Query{})
		got := map[string]bool{}
		for _, b := range blocks {
			if got[b.Content] {
				t.Errorf("seed %d: %s came twice", seed, b.Content)
			}
			got[b.Content] = true
		}
		switch all := len(got) == len(labels); {
		case fullest < limit && (err != nil || !all):
			t.Errorf("seed %d: %v by %d: %d blocks, %v", seed, labels, limit, len(got), err)
		case !all && !errors.Is(err, ErrIncomplete) && len(res.Notes) == 0:
			t.Errorf("seed %d: %v by %d: only %d blocks, and nobody is told", seed, labels, limit, len(got))
		case err != nil && !errors.Is(err, ErrIncomplete):
			t.Error(err)
		}
	}
}

// TestOnwardOddServers: none keeps us for ever, and nothing comes twice.
func TestOnwardOddServers(t *testing.T) {
	f := func(change func(*taxiitest.TAXII1), want, questions int, kind error, words ...string) {
		t.Helper()
		s := labelled(2, 1, 2, 3, 4, 5)
		change(s)
		blocks, res, err := polled(t, connect(t, s, "1.0", taxii.Login{}), Query{})
		switch notes := strings.Join(res.Notes, " "); {
		case kind != nil:
			wantErr(t, err, kind, words...)
		case err != nil || (notes == "") != (len(words) == 0) || slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(notes, w) }):
			t.Errorf("%v, notes %q, want %q", err, notes, words)
		}
		if len(blocks) != want || len(s.Asked()) != questions {
			t.Errorf("%d blocks with %d questions, want %d with %d: %s", len(blocks), len(s.Asked()), want, questions, contentsOf(blocks))
		}
	}
	f(func(s *taxiitest.TAXII1) { s.Faults.Reverse = true }, 5, 6, nil) // the newest first: two, then back
	f(func(s *taxiitest.TAXII1) { s.Faults.Reverse, s.OldLimit = true, 0 }, 5, 3, nil)
	f(func(s *taxiitest.TAXII1) { s.Collections[0].Set = true }, 2, 1, ErrIncomplete, "no time label", "1.1")
	f(func(s *taxiitest.TAXII1) { s.Faults.NoWindow = true }, 2, 3, nil, "the same 2 blocks whatever", "there may be more")
	f(func(s *taxiitest.TAXII1) { s.Faults.NoWindow, s.OldLimit = true, 0 }, 5, 3, nil, "the same 5 blocks whatever")
	f(func(s *taxiitest.TAXII1) { // a block twice in one answer is two blocks
		s.Collections[0].Blocks = append(s.Collections[0].Blocks, s.Collections[0].Blocks[4])
		s.OldLimit = 0
	}, 6, 2, nil)
	f(func(s *taxiitest.TAXII1) { // the second question fails
		n := 0
		s.Faults.Rewrite = func(b []byte) []byte {
			if n++; n == 2 {
				s.Faults.Status = &taxiitest.Status1{Type: Failure, Message: "database"}
			}
			return b
		}
	}, 3, 3, ErrIncomplete, "2 of its parts came", "FAILURE", "database")
	n := 0
	f(func(s *taxiitest.TAXII1) { // one that makes up blocks for ever
		s.Faults.Rewrite = func(b []byte) []byte {
			if n++; n < maxAnswers+10 {
				s.Collections[0].Blocks = []taxiitest.Block1{{Label: day(2).Add(time.Duration(n) * time.Second), Content: fmt.Sprintf("<n%d/>", n)}}
			}
			return b
		}
	}, maxAnswers+1, maxAnswers, ErrIncomplete, "10000 answers came", "shorter time")
}

// TestOnwardNotIn11: 1.1 has parts, and is not asked on.
func TestOnwardNotIn11(t *testing.T) {
	s := labelled(2, 1, 2, 3)
	blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 3 || len(s.Asked()) != 1 {
		t.Errorf("%d blocks with %d questions, %v", len(blocks), len(s.Asked()), err)
	}
}
