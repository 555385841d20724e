package taxii2_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// chance makes a server out of a seed: its objects, its way of paging and its
// faults.
func chance(seed uint64) (*taxiitest.TAXII2, taxii2.Query, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(ns ...int) int { return ns[r.IntN(len(ns))] }
	step := []time.Duration{time.Microsecond, time.Millisecond, 300 * time.Millisecond, time.Second, time.Hour}[r.IntN(5)]
	same := pick(0, 2, 5, 9) // of ten objects, how many share the date before
	n := pick(0, 1, 5, 30, 120)
	at := day
	var objects []taxiitest.Object2
	for i := range n {
		if r.IntN(10) >= same {
			at = at.Add(step * time.Duration(1+r.IntN(3)))
		}
		o := indicator(i*2/3, at) // every third is a further version
		o.JSON = strings.Replace(o.JSON, "30.123Z\", \"pattern\"", fmt.Sprintf("30.%03dZ\", \"pattern\"", i%1000), 1)
		objects = append(objects, o)
	}
	s := &taxiitest.TAXII2{
		Collections: []taxiitest.Collection2{{ID: "c", Objects: objects}},
		PageSize:    pick(0, 1, 2, 7, 50), Next: taxiitest.Paging2(r.IntN(2)), Inclusive: r.IntN(2) == 0,
		Digits: pick(0, 3, 6), Dates: taxiitest.DateStyle2(r.IntN(5)),
		Faults: taxiitest.Faults2{NeedLimit: true, NoMore: r.IntN(5) == 0, NextAlways: r.IntN(5) == 0},
	}
	if s.Next == taxiitest.Cursor2 && !s.Faults.NoMore {
		s.Faults.EmptyEvery = pick(0, 0, 3)
	}
	if s.Faults.NextAlways && s.Next == taxiitest.Cursor2 {
		s.Faults.NextAlways = false // a cursor at its end is gone
	}
	q := taxii2.Query{Limit: pick(0, 1, 3, 10, 1000), Pause: time.Microsecond, Match: map[string][]string{"version": {"all"}}}
	if n > 0 && r.IntN(2) == 0 {
		q.AddedAfter = objects[r.IntN(n)].Added.Format("2006-01-02T15:04:05.000000Z")
	}
	return s, q, r
}

// wanted are the objects that a query must bring.
func wanted(t *testing.T, s *taxiitest.TAXII2, q taxii2.Query) map[string]bool {
	var after time.Time
	if q.AddedAfter != "" {
		var err error
		if after, err = time.Parse(time.RFC3339, q.AddedAfter); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]bool{}
	for _, o := range s.Collections[0].Objects {
		if o.Added.After(after) {
			out[o.JSON] = true
		}
	}
	return out
}

// missing counts the wanted objects that did not come.
func missing(want map[string]bool, g *got) (n int) {
	have := map[string]bool{}
	for _, o := range g.objects {
		have[o] = true
	}
	for o := range want {
		if !have[o] {
			n++
		}
	}
	return n
}

// TestNothingIsMissed holds the client to its promise over servers of every
// kind that lose answers: what was added comes, each object once, or the run
// says that it is not complete, and then Resume brings the rest.
func TestNothingIsMissed(t *testing.T) {
	runs := 150
	if testing.Short() {
		runs = 40
	}
	complete, restarts := 0, 0
	for seed := range uint64(runs) {
		for _, version := range []string{"2.1", "2.0"} {
			s, q, r := chance(seed)
			s.Version = version
			losing := r.IntN(3)
			left := 25
			if s.Dates != taxiitest.PageDates2 && s.Dates != taxiitest.SomeDates2 {
				left = 4 // each of them sends the client back to the beginning
			}
			s.Faults.Lose = func(taxiitest.Request2) bool {
				if left == 0 || r.IntN(100) >= losing*6 {
					return false
				}
				left--
				return true
			}
			want := wanted(t, s, q)
			c, root := connect(t, s, version)
			var g got
			res, err := c.Objects(t.Context(), root, "c", q, g.page)
			restarts += res.Restarts
			if err == nil && res.Complete {
				complete++
			}
			for i := 0; err != nil && i < 25; i++ { // a run that fails is resumed
				if res.Complete || res.Reason == "" {
					t.Fatalf("seed %d, %s: failed and complete: %+v", seed, version, res)
				}
				if res.Resume != "" {
					q.AddedAfter = res.Resume
				}
				res, err = c.Objects(t.Context(), root, "c", q, g.page)
			}
			if err != nil || missing(want, &g) > 0 {
				t.Fatalf("seed %d, %s: %d of %d missing, %+v, %v", seed, version, missing(want, &g), len(want), res, err)
			}
		}
	}
	if complete < runs*2*9/10 || restarts == 0 {
		t.Errorf("%d of %d runs were complete at once, %d restarts", complete, 2*runs, restarts)
	}
	t.Log(complete, "of", 2*runs, "complete at once;", restarts, "restarts")
}
