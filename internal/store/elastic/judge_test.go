package elastic

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// wholeReport is a batch with one report that names domains.
func wholeReport(report string, names ...string) ioc.Batch {
	b := ioc.Batch{Reports: []ioc.ReportList{{Report: ioc.Report{ID: report}, Revision: "1", Start: true, Last: true}}}
	for _, n := range names {
		b.Members = append(b.Members, ioc.Member{Report: report, Observable: ioc.Observable{Type: ioc.Domain, Value: n}})
	}
	return b
}

func putBatch(t testing.TB, s *Store, feed string, b ioc.Batch) {
	t.Helper()
	if _, err := s.PutBatch(t.Context(), feed, b); err != nil {
		t.Fatal(err)
	}
}

func judgeBy(t testing.TB, s *Store, rules string, j ioc.Judge) store.Judged {
	t.Helper()
	got, err := s.Judge(t.Context(), rules, j)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// disarming disarms some names, and lets decisions have the last word.
func disarming(names ...string) ioc.Judge {
	return func(o ioc.Observable, f ioc.Facts) (a ioc.Arming) {
		for _, n := range names {
			if o.Value == n {
				a = ioc.Arming{Disarmed: true, By: ioc.ByOwn, Why: n}
			}
		}
		for _, d := range f.Decisions {
			a = ioc.Arming{Disarmed: d.Verdict == ioc.Disarm, By: ioc.ByPerson}
		}
		return a
	}
}

// TestVerdictOfAllFeeds: a verdict is in the documents of all feeds, those of
// withdrawn claims too, and a change to it is numbered for those who sync.
func TestVerdictOfAllFeeds(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		o := ioc.Observable{Type: ioc.Domain, Value: "evil.example"}
		for _, feed := range []string{"a", "b", "c"} {
			putBatch(t, s, feed, wholeReport("r", o.Value, "other.example"))
		}
		putBatch(t, s, "c", ioc.Batch{Gone: []string{"r"}})
		documents := func() (all map[string]indicator) {
			t.Helper()
			byKey, err := s.byKeys(t.Context(), []string{keyOf(o)})
			if err != nil {
				t.Fatal(err)
			}
			all = map[string]indicator{}
			for _, d := range byKey[keyOf(o)] {
				all[d.IOC.Feed] = d.IOC
			}
			return all
		}
		before := documents()
		if j := judgeBy(t, s, "1", disarming(o.Value)); j != (store.Judged{Observables: 2, Disarmed: 1, NowDisarmed: 1}) {
			t.Errorf("%+v", j)
		}
		off := documents()
		for feed, d := range off {
			if !d.Disarmed || d.Hunted || d.ArmingBy != ioc.ByOwn || d.Judged == "" || d.ArmedSeq != before[feed].ArmedSeq || (d.Seq > before[feed].Seq) != d.Live {
				t.Errorf("disarmed, %s: %+v", feed, d)
			}
		}
		if j := judgeBy(t, s, "2", disarming()); j != (store.Judged{Observables: 2, NowArmed: 1}) {
			t.Errorf("%+v", j)
		}
		for feed, d := range documents() {
			if d.Disarmed || d.Hunted != d.Live || d.ArmingBy != "" || d.Judged != "" || d.Arming != nil || d.Live && (d.ArmedSeq <= off[feed].Seq || d.Seq != d.ArmedSeq) {
				t.Errorf("armed again, %s: %+v", feed, d)
			}
		}
	})
}

// TestDecideBroken: who dies between a decision and its verdict leaves a note,
// and the next pass by the same rules derives it.
func TestDecideBroken(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		putBatch(t, s, "a", wholeReport("r", "evil.example", "other.example"))
		judgeBy(t, s, "1", disarming())
		o := ioc.Observable{Type: ioc.Domain, Value: "evil.example"}
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Decide(ctx, []ioc.Decision{{Observable: o, Source: ioc.SourcePerson, Verdict: ioc.Disarm, Why: "w", At: time.Unix(1e9, 0)}}, func(ioc.Observable, ioc.Facts) ioc.Arming {
			cancel()
			return ioc.Arming{Disarmed: true}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("it ended with %v", err)
		}
		if rules, pending, err := s.ArmingState(t.Context()); rules != "1" || !pending || err != nil {
			t.Errorf("%q, %v, %v", rules, pending, err)
		}
		if j := judgeBy(t, s, "1", disarming()); j != (store.Judged{Observables: 2, Disarmed: 1, NowDisarmed: 1}) {
			t.Errorf("%+v", j)
		}
		if rules, pending, err := s.ArmingState(t.Context()); rules != "1" || pending || err != nil {
			t.Errorf("%q, %v, %v", rules, pending, err)
		}
	})
}

// TestJudgeCuts: an observable of many feeds is judged once, wherever the pages of
// a pass are cut.
func TestJudgeCuts(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		var names []string
		for i := range judgeChunk {
			names = append(names, fmt.Sprintf("h%d.evil.example", i))
		}
		for _, feed := range []string{"a", "b", "c"} {
			putBatch(t, s, feed, wholeReport("r", names...))
		}
		seen := map[ioc.Observable]int{}
		got := judgeBy(t, s, "1", func(o ioc.Observable, _ ioc.Facts) ioc.Arming {
			seen[o]++
			return ioc.Arming{}
		})
		if got != (store.Judged{Observables: judgeChunk}) || len(seen) != judgeChunk {
			t.Errorf("%+v of %d", got, len(seen))
		}
		for o, n := range seen {
			if n != 1 {
				t.Errorf("%v was judged %d times", o, n)
			}
		}
	})
}

// TestPreviewMark: what a mark would do is what it does.
func TestPreviewMark(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		hits := make([]ioc.Hit, 300)
		for i := range hits {
			hits[i] = plainHit(i)
		}
		putHitsOf(t, s, len(hits), hits...)
		shown := func() (marks map[string]int) {
			t.Helper()
			marks = map[string]int{}
			for r, err := range s.c.Pages(t.Context(), s.hits(), "", es.M{"_source": []string{"ioc.mark"}}) {
				if err != nil {
					t.Fatal(err)
				}
				for i := range r.Hits.Hits {
					d, err := readHitDoc(&r.Hits.Hits[i])
					if err != nil {
						t.Fatal(err)
					}
					marks[d.IOC.Mark]++
				}
			}
			return marks
		}
		for _, step := range []struct {
			f       store.HitFilter
			verdict string
			shown   map[string]int
		}{
			{store.HitFilter{Report: "r1"}, ioc.TruePositive, map[string]int{"": 200, "TP": 100}},
			{store.HitFilter{Value: hits[1].Value}, ioc.FalsePositive, map[string]int{"": 198, "TP": 99, "FP": 3}},
			{store.HitFilter{Mark: ioc.TruePositive, Limit: 10}, "", map[string]int{"": 208, "TP": 89, "FP": 3}},
			{store.HitFilter{Mark: store.Unmarked}, ioc.FalsePositive, map[string]int{"TP": 89, "FP": 211}},
		} {
			m := ioc.Mark{Verdict: step.verdict, Why: "why \xff", By: "me", At: time.Unix(1e9, 0).UTC()}
			want, found, err := s.PreviewMark(t.Context(), step.f, m)
			if err != nil {
				t.Fatal(err)
			}
			n, touched, err := s.MarkHits(t.Context(), step.f, m, disarming())
			if n != found || len(touched) != len(want) || err != nil {
				t.Fatalf("%+v: %d hits of %d observables, %v; foreseen were %d of %d", step.f, n, len(touched), err, found, len(want))
			}
			for i, e := range want {
				got, err := s.Facts(t.Context(), touched[i])
				if d := cmp.Diff(e.After, got); d != "" || err != nil || e.Observable != touched[i] {
					t.Fatalf("%+v, %v, %v (-foreseen +is):\n%s", step.f, touched[i], err, d)
				}
			}
			if d := cmp.Diff(step.shown, shown()); d != "" {
				t.Errorf("%+v: ioc.mark (-want +got):\n%s", step.f, d)
			}
		}
	})
}

// TestBigWarninglist: a list of 300,000 entries is replaced whole.
func TestBigWarninglist(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		for round, many := range []int{300_000, 120_001} {
			w := ioc.Warninglist{ID: "r", Name: "big", Kind: "string", Entries: make([]string, many)}
			for i := range w.Entries {
				w.Entries[i] = fmt.Sprintf("%d.%d.example\xff", round, i)
			}
			b := wholeReport("r")
			b.Reports[0].Revision, b.Lists = fmt.Sprint(round), []ioc.Warninglist{w}
			putBatch(t, s, "a", b)
			w.Feed = "a"
			var got []ioc.Warninglist
			for l, err := range s.Warninglists(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, l)
			}
			if !cmp.Equal([]ioc.Warninglist{w}, got) {
				t.Errorf("%d entries: not what was stored", many)
			}
			if parts, err := s.count(t.Context(), s.state(), ofKind(entriesKind)); parts != (many+entryChunk-1)/entryChunk || err != nil {
				t.Errorf("%d parts, %v", parts, err)
			}
		}
	})
}

// TestPrune: what is only history goes.
func TestPrune(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		begin := time.Unix(1.7e9, 0).UTC()
		s.now = func() time.Time { return begin }
		putBatch(t, s, "a", wholeReport("r", "x.example", "y.example", "z.example"))
		putBatch(t, s, "b", wholeReport("r", "y.example"))
		putBatch(t, s, "a", ioc.Batch{Gone: []string{"r"}})
		for _, ended := range []time.Time{begin, begin.Add(2 * time.Hour), {}} {
			if err := s.PutRun(t.Context(), store.Run{Verb: "collect", Started: begin.Add(-time.Hour), Ended: ended, Outcome: store.OK}); err != nil {
				t.Fatal(err)
			}
		}
		s.now = func() time.Time { return begin.Add(time.Hour) }
		putBatch(t, s, "b", ioc.Batch{Gone: []string{"r"}})
		if err := s.freshen(t.Context(), s.state()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []Pruned{{Tombstones: 3, Observables: 2, Runs: 1}, {}} {
			if got, err := s.Prune(t.Context(), begin.Add(time.Minute)); got != want || err != nil {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		if got, err := s.Prune(t.Context(), begin.Add(24*time.Hour)); got != (Pruned{Tombstones: 1, Observables: 1, Runs: 1}) || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestRuns: newest first, by every filter.
func TestRuns(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		begin := time.Unix(1.7e9, 0).UTC()
		var all []store.Run
		for i := range 30 {
			r := store.Run{Verb: []string{"collect", "hunt"}[i%2], Feed: []string{"", "a", "b"}[i%3], Started: begin.Add(time.Duration(i) * time.Second), Ended: begin.Add(time.Hour),
				Outcome: []string{store.OK, store.Partial}[i/15], Message: "m\xff", Counters: map[string]int64{"n": int64(i)}}
			if err := s.PutRun(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			all = append([]store.Run{r}, all...)
		}
		for _, f := range []store.RunFilter{{}, {Verb: "hunt"}, {Feed: "b"}, {Outcome: store.Partial}, {Limit: 4, Outcome: store.OK}, {From: begin.Add(5*time.Second + 1)}, {To: begin.Add(5*time.Second + 1)}} {
			var want, got []store.Run
			for i := range all {
				if runWanted(&f, &all[i]) && (f.Limit == 0 || len(want) < f.Limit) {
					want = append(want, all[i])
				}
			}
			for r, err := range s.Runs(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%+v (-want +got):\n%s", f, d)
			}
		}
	})
}

// TestReadOnly: a store opened for reading only writes nothing, and reads.
func TestReadOnly(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		rw := newStore(t, n, n.Client(t))
		putHitsOf(t, rw, 1, plainHit(1))
		if len(readHits(t, rw, store.HitFilter{})) != 1 {
			t.Error("it is not there")
		}
		s, err := Open(t.Context(), n.Client(t), Options{Prefix: rw.o.Prefix, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(readHits(t, s, store.HitFilter{})) != 1 {
			t.Error("it is not read")
		}
		_, puts := s.PutHits(t.Context(), []ioc.Hit{plainHit(2)})
		_, deletes := s.DeleteHits(t.Context(), time.Now())
		_, retries := s.Retry(t.Context())
		_, prunes := s.Prune(t.Context(), time.Now())
		_, _, marks := s.MarkHits(t.Context(), store.HitFilter{}, ioc.Mark{Verdict: ioc.TruePositive}, disarming())
		putBatch(t, rw, "a", wholeReport("r", "x.example"))
		_, judges := s.Judge(t.Context(), "1", disarming())
		for what, err := range map[string]error{"PutHits": puts, "DeleteHits": deletes, "Retry": retries, "Prune": prunes, "MarkHits": marks, "Judge": judges} {
			if err == nil {
				t.Errorf("%s was done", what)
			}
		}
	})
}
