package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Marked is what feedback needs of a store.
type Marked interface {
	Judged
	PutHits(ctx context.Context, hits []ioc.Hit) (int, error)
	Hits(ctx context.Context, f store.HitFilter) iter.Seq2[ioc.Hit, error]
	DeleteHits(ctx context.Context, before time.Time) (int, error)
	MarkHits(ctx context.Context, f store.HitFilter, m ioc.Mark, judge ioc.Judge) (int, []ioc.Observable, error)
}

// hitOf is a hit so many hours into the day, claimed by a report of feed a.
func hitOf(id string, o ioc.Observable, hour int, report string) ioc.Hit {
	return ioc.Hit{ID: id, Observable: o, Time: at(hour), Occurred: at(20), Direction: ioc.Outbound, Outcome: ioc.Allowed,
		Indicators: []ioc.Indicator{{Observable: o, Feed: "a", Reports: []ioc.Mention{{Report: ioc.Report{ID: report}}}}}}
}

func mark(verdict string, hour int) ioc.Mark {
	return ioc.Mark{Verdict: verdict, Why: "why", By: "me", At: at(hour)}
}

// marker is a store whose hits are marked.
type marker struct {
	*suite
	Marked
	judge ioc.Judge
}

func (m *marker) mark(f store.HitFilter, k ioc.Mark, hits int, want ...ioc.Observable) {
	m.Helper()
	n, touched, err := m.MarkHits(m.Context(), f, k, m.judge)
	if d := cmp.Diff(want, touched); d != "" || n != hits || err != nil {
		m.Errorf("%d marked, %v (-want +got):\n%s", n, err, d)
	}
	m.sound()
}

func (m *marker) marks(o ioc.Observable, want ioc.Marks) {
	m.Helper()
	f, err := m.Facts(m.Context(), o)
	if d := cmp.Diff(want, f.Marks); d != "" || err != nil {
		m.Errorf("%v: %v (-want +got):\n%s", o, err, d)
	}
}

// ids are those of hits, each with its mark.
func (m *marker) ids(f store.HitFilter, want ...string) {
	m.Helper()
	var got []string
	for _, h := range collect(m.suite, m.Hits(m.Context(), f)) {
		id := h.ID
		if h.Mark != nil {
			id += " " + h.Mark.Verdict
		}
		got = append(got, id)
	}
	if d := cmp.Diff(want, got); d != "" {
		m.Errorf("%+v (-want +got):\n%s", f, d)
	}
}

// marks: an act counts once for an observable, whatever it covers; a hit is of
// the last act only; a mark outlives its hit.
func (s *suite) marks() {
	m := &marker{s, can[Marked](s), listJudge()}
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.judge(m, "A", m.judge, store.Judged{Observables: 2})
	hits := []ioc.Hit{hitOf("a1", one, 1, "r"), hitOf("a2", one, 2, "r"), hitOf("b1", two, 3, "r\xff"), hitOf("c1", three, 4, "q")}
	if _, err := m.PutHits(s.Context(), hits); err != nil {
		s.Fatal(err)
	}
	m.ids(store.HitFilter{}, "c1", "b1", "a2", "a1")
	m.ids(store.HitFilter{Report: "r"}, "a2", "a1")
	m.ids(store.HitFilter{Report: "r\xff"}, "b1")
	m.ids(store.HitFilter{Report: "a"})
	m.mark(store.HitFilter{Value: "none"}, mark(ioc.TruePositive, 5), 0)
	m.mark(store.HitFilter{Value: one.Value}, mark(ioc.TruePositive, 5), 2, one)
	m.marks(one, ioc.Marks{True: 1, LastTrue: at(2)})
	m.mark(store.HitFilter{IDs: []string{"a1"}}, mark(ioc.FalsePositive, 6), 1, one)
	m.marks(one, ioc.Marks{True: 1, False: 1, LastTrue: at(2)})
	m.ids(store.HitFilter{}, "c1", "b1", "a2 TP", "a1 FP")
	m.ids(store.HitFilter{Mark: ioc.FalsePositive}, "a1 FP")
	m.ids(store.HitFilter{Mark: store.Unmarked, From: at(2)}, "c1", "b1")
	s.grows(true, func() { m.mark(store.HitFilter{IDs: []string{"a2"}}, mark(ioc.FalsePositive, 7), 1, one) })
	m.marks(one, ioc.Marks{False: 2})
	s.has(two)
	got := collect(s, m.Hits(s.Context(), store.HitFilter{IDs: []string{"a2"}}))
	want := hits[1]
	k := mark(ioc.FalsePositive, 7)
	want.Mark = &k
	if d := cmp.Diff([]ioc.Hit{want}, got); d != "" {
		s.Errorf("(-want +got):\n%s", d)
	}
	m.mark(store.HitFilter{Report: "r"}, mark(ioc.FalsePositive, 8), 2, one)
	m.marks(one, ioc.Marks{False: 1})
	s.has(one, two)
	m.mark(store.HitFilter{Feed: "a", Limit: 2}, mark(ioc.TruePositive, 9), 2, three, two)
	m.marks(three, ioc.Marks{True: 1, LastTrue: at(4)})
	if _, _, err := m.MarkHits(s.Context(), store.HitFilter{}, mark("perhaps", 1), m.judge); err == nil {
		s.Error("a verdict that is none")
	}
	m.outlive()
}

// outlive goes on with marks whose hits are deleted.
func (m *marker) outlive() {
	if n, err := m.DeleteHits(m.Context(), at(3)); n != 2 || err != nil {
		m.Fatal(n, err)
	}
	m.sound()
	m.marks(one, ioc.Marks{False: 1})
	m.mark(store.HitFilter{Path: "/x"}, mark("", 0), 0)
	m.mark(store.HitFilter{Mark: ioc.FalsePositive}, mark("", 0), 2, one)
	m.marks(one, ioc.Marks{})
	m.mark(store.HitFilter{Value: two.Value}, mark("", 0), 1, two)
	m.mark(store.HitFilter{Value: two.Value}, mark("", 0), 0)
	m.ids(store.HitFilter{}, "c1 TP", "b1")
}

// manyMarks: more hits than are judged at a time.
func (s *suite) manyMarks() {
	m := &marker{s, can[Marked](s), listJudge()}
	b := whole("r", "1")
	var hits []ioc.Hit
	for i := range 9000 {
		o := ip(fmt.Sprintf("10.0.%d.%d", i>>8, i&255))
		b.Members = append(b.Members, member("r", o))
		hits = append(hits, hitOf(fmt.Sprint(i), o, 1, "r"))
	}
	s.put(b, ioc.Changes{New: 9000, Observables: 9000})
	if _, err := m.PutHits(s.Context(), hits); err != nil {
		s.Fatal(err)
	}
	for range 2 {
		n, touched, err := m.MarkHits(s.Context(), store.HitFilter{}, mark(ioc.TruePositive, 2), m.judge)
		if n != 9000 || len(touched) != 9000 || err != nil {
			s.Fatal(n, len(touched), err)
		}
	}
	s.sound()
	for _, o := range []ioc.Observable{hits[0].Observable, hits[8999].Observable} {
		if a := s.only(o).Arming; a == nil || a.Marks.True != 1 || !slices.Equal(a.Lists, nil) {
			s.Errorf("%v: %+v", o, a)
		}
	}
}
