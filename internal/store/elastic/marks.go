package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A hit is of the last act of marking that covered it. So that a mark outlives
// its hit, what it says of the observable is stored with it. The hit's document
// has the verdict too (ioc.mark), for those who look at ioc_hits alone.

const markKind = "mark"

// markBody is the body of a mark. The number of its document is that of the act.
type markBody struct {
	Hit string `json:"hit"`
	ioc.Observable
	Act     int64     `json:"act"`
	Verdict string    `json:"verdict"`
	Why     string    `json:"why,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Time    time.Time `json:"time,omitzero"` // of the event, or when the hit was found
}

func (m *markBody) mark() *ioc.Mark {
	return &ioc.Mark{Verdict: m.Verdict, Why: m.Why, By: m.By, At: m.At}
}

func markID(hit string) string { return markKind + ":" + hashID(hit) }

// anyMarks reports whether any hit is marked.
func (s *Store) anyMarks(ctx context.Context) (bool, error) {
	return s.anyState(ctx, ofKind(markKind))
}

// allMarks yields all marks.
func (s *Store) allMarks(ctx context.Context) iter.Seq2[markBody, error] {
	return func(yield func(markBody, error) bool) {
		for d, err := range s.few(ctx, ofKind(markKind)) {
			var m markBody
			if err == nil {
				err = decodeState(d, &m)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// marksOf returns the marks of those of some hits that have one.
func (s *Store) marksOf(ctx context.Context, hits []string) (map[string]markBody, error) {
	any, err := s.anyMarks(ctx)
	if err != nil || !any {
		return nil, err
	}
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = markID(h)
	}
	marks := map[string]markBody{}
	return marks, s.getStates(ctx, ids, func(_ string, _ version, d *stateDoc) error {
		var m markBody
		err := decodeState(d, &m)
		marks[m.Hit] = m
		return err
	})
}

// MarkHits marks the hits that a filter selects, as Hits does, in one act, and
// lets judge derive the verdicts of their observables anew. A hit that was marked
// before is of the new act only. A mark whose verdict is "" takes marks back, also
// those of hits that are deleted, where the filter asks for nothing that is gone
// with them.
//
// It returns how many hits were marked, or lost their mark, and their
// observables, each once. After an error the marks may be stored, and the next
// pass judges everything.
func (s *Store) MarkHits(ctx context.Context, f store.HitFilter, m ioc.Mark, judge ioc.Judge) (hits int, touched []ioc.Observable, err error) {
	if m.Verdict != ioc.TruePositive && m.Verdict != ioc.FalsePositive && m.Verdict != "" {
		return 0, nil, fmt.Errorf("a mark has the verdict %q: it can be %q, %q or empty", m.Verdict, ioc.TruePositive, ioc.FalsePositive)
	}
	err = s.writing(ctx, func(ctx context.Context, t *tx) error {
		all, err := s.selectHits(ctx, f, m.Verdict == "")
		if err != nil || len(all) == 0 {
			return err
		}
		hits, touched = len(all), observablesOf(all)
		return s.judgedAfter(ctx, t, touched, judge, func() error { return s.putMarks(ctx, all, &m) })
	})
	if err != nil {
		return 0, nil, err
	}
	return hits, touched, nil
}

// observablesOf returns the observables of marks, each once.
func observablesOf(all []markBody) []ioc.Observable {
	of := make([]ioc.Observable, len(all))
	for i := range all {
		of[i] = all[i].Observable
	}
	return distinct(of)
}

// selectHits returns the hits that a filter selects, newest first, as marks that
// say nothing yet: to take marks back, those that have one.
func (s *Store) selectHits(ctx context.Context, f store.HitFilter, back bool) (all []markBody, err error) {
	limit := f.Limit
	f.Limit = 0
	for h, err := range s.Hits(ctx, f) {
		if err != nil {
			return nil, err
		}
		if back && h.Mark == nil {
			continue
		}
		at := h.Time
		if at.IsZero() {
			at = h.Occurred
		}
		all = append(all, markBody{Hit: h.ID, Observable: h.Observable, Time: cutTime(at)})
		if len(all) == limit {
			return all, nil
		}
	}
	if !back || f.Feed != "" || f.Path != "" || f.Report != "" || f.Mark == store.Unmarked {
		return all, nil
	}
	left, err := s.leftMarks(ctx, &f)
	if err != nil {
		return nil, err
	}
	if n := limit - len(all); limit > 0 && len(left) > n {
		left = left[:n]
	}
	return append(all, left...), nil
}

// leftMarks returns the marks of deleted hits that a filter selects, newest first.
func (s *Store) leftMarks(ctx context.Context, f *store.HitFilter) (left []markBody, err error) {
	found := map[string]markBody{}
	for m, err := range s.allMarks(ctx) {
		if err != nil {
			return nil, err
		}
		if markWanted(f, &m) {
			found[hitDocID(m.Hit)] = m
		}
	}
	err = s.mget(ctx, s.hits(), keysOf(found), []string{"none"}, func(h *es.Hit) error {
		delete(found, h.ID)
		return nil
	})
	for _, m := range found {
		left = append(left, m)
	}
	slices.SortFunc(left, func(a, b markBody) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Hit, a.Hit)) })
	return left, err
}

func markWanted(f *store.HitFilter, m *markBody) bool {
	return within(m.Time, f.From, f.To) && (f.Type == "" || f.Type == m.Type) && (f.Value == "" || f.Value == m.Value) &&
		(f.Mark == "" || f.Mark == m.Verdict) && idWanted(f.IDs, m.Hit)
}

// putMarks moves hits to a new act, or to none.
func (s *Store) putMarks(ctx context.Context, all []markBody, m *ioc.Mark) error {
	act, err := s.lastNumber(ctx, markKind)
	if err != nil {
		return err
	}
	items := make([]es.Item, len(all))
	for i, k := range all {
		k.Act, k.Verdict, k.Why, k.By, k.At = act+1, m.Verdict, m.Why, m.By, cutTime(m.At)
		if items[i], err = markItem(&k); err != nil {
			return err
		}
	}
	if err := s.putStates(ctx, items); err != nil {
		return err
	}
	return s.showMarks(ctx, all, m.Verdict)
}

// markItem is the write of a mark, or its end.
func markItem(k *markBody) (es.Item, error) {
	it := es.Item{Op: es.Delete, ID: markID(k.Hit)}
	if k.Verdict == "" {
		return it, nil
	}
	d := stateDoc{Kind: markKind, Name: keyOf(k.Observable), At: k.Time, Number: k.Act}
	var err error
	if d.Body, err = pack(k); err == nil {
		it.Op = es.Index
		it.Body, err = json.Marshal(d)
	}
	return it, err
}

// showMarks writes the verdict into the documents of the hits that are there.
func (s *Store) showMarks(ctx context.Context, all []markBody, verdict string) error {
	body := []byte(`{"doc":{"ioc":{"mark":null}}}`)
	if verdict != "" {
		body = []byte(`{"doc":{"ioc":{"mark":"` + verdict + `"}}}`)
	}
	b := s.c.NewBulk(ctx, es.BulkOptions{Index: s.hits(), Refresh: "true", Dead: func(o es.Outcome) error {
		if o.Status == http.StatusNotFound { // the hit is deleted
			return nil
		}
		return fmt.Errorf("the mark of the hit %s: %s: %s", o.ID, o.Type, o.Reason)
	}})
	var err error
	for i := 0; i < len(all) && err == nil; i++ {
		err = b.Add(es.Item{Op: es.Update, ID: hitDocID(all[i].Hit), Body: body})
	}
	if _, e := b.Close(); err == nil {
		err = e
	}
	return err
}
