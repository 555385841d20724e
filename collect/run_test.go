package collect_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// store keeps batches as they come; fail is returned for the batch of that
// number, counted from 1.
type store struct {
	*collecttest.Model
	batches []ioc.Batch
	fail    map[int]error
}

func newStore() *store { return &store{Model: collecttest.NewModel()} }

func (s *store) Cursor(context.Context, string) (ioc.Cursor, error) { return s.Model.Cursor, nil }

func (s *store) PutBatch(_ context.Context, _ string, b ioc.Batch) (ioc.Changes, error) {
	if err := s.fail[len(s.batches)+1]; err != nil {
		return ioc.Changes{}, err
	}
	s.batches = append(s.batches, b)
	before := len(s.Members())
	s.Put(b)
	return ioc.Changes{New: len(b.Members), Observables: max(0, len(s.Members())-before), Refused: len(b.Refused)}, nil
}

// step is what a scripted collector yields: a batch, or an error.
type step struct {
	ioc.Batch
	err error
}

type script []step

func (s script) Collect(context.Context, ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	return func(yield func(ioc.Batch, error) bool) {
		for _, st := range s {
			if !yield(st.Batch, st.err) {
				return
			}
		}
	}
}

func member(report, typ, value string, c ioc.Claim) ioc.Member {
	return ioc.Member{Observable: ioc.Observable{Type: ioc.Type(typ), Value: value}, Claim: c, Report: report}
}

func whole(id string) []ioc.ReportList {
	return []ioc.ReportList{{Report: ioc.Report{ID: id}, Start: true, Last: true}}
}

var clock = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at() time.Time { return clock }

// lower is an enrich chain of the simplest sort.
func lower(m *ioc.Member) string {
	if strings.Contains(m.Value, " ") {
		return "white space inside"
	}
	m.Value = strings.ToLower(m.Value)
	return ""
}

func TestRun(t *testing.T) {
	past, future := clock.AddDate(0, -1, 0), clock.AddDate(0, 1, 0)
	s := newStore()
	var seen []int
	r, err := collect.Run(t.Context(), "f", script{
		{Batch: ioc.Batch{
			Reports: whole("a"),
			Members: []ioc.Member{
				member("a", "domain", "EVIL.com", ioc.Claim{Title: "first", Expires: past, Created: clock}),
				member("a", "domain", "not one", ioc.Claim{Declared: "hostname"}),
				member("a", "domain", "evil.com", ioc.Claim{Title: "second", Role: "c2", Confidence: 5, Expires: future, Created: past}),
				member("a", "yara", "rule", ioc.Claim{Expires: clock}),
			},
			Refused: []ioc.Refusal{{Report: "a", Value: "x", Reason: "odd", Place: "line 7"}},
			Gone:    []string{"z"}, Next: "1",
		}},
		{err: fmt.Errorf("%w: page 2", collect.ErrSkipped)},
		{Batch: ioc.Batch{Reports: whole("b"), Members: []ioc.Member{member("b", "domain", "evil.com", ioc.Claim{})}, Next: "2"}},
	}, s, collect.RunOptions{Prepare: lower, Now: at, OnBatch: func(r collect.Result) { seen = append(seen, r.Fetched) }})
	if err != nil {
		t.Fatal(err)
	}
	want := collect.Result{
		Feed: "f", Reports: 2, Gone: 1, Fetched: 6, Changes: ioc.Changes{New: 3, Observables: 5, Refused: 2},
		Duplicates: 1, Expired: 1, NotHuntable: 1,
		Refused: map[string]int{"odd": 1, "white space inside": 1},
		RefusedExamples: map[string][]ioc.Refusal{
			"odd":                {{Report: "a", Value: "x", Reason: "odd", Place: "line 7"}},
			"white space inside": {{Report: "a", Type: "hostname", Value: "not one", Reason: "white space inside"}},
		},
		Skipped: []string{"a part of the feed could not be read: page 2"}, After: "2", Started: clock,
	}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if r.Outcome() != collect.Partial || r.RefusedTotal() != 2 {
		t.Errorf("outcome %s, %d refused", r.Outcome(), r.RefusedTotal())
	}
	merged := member("a", "domain", "evil.com", ioc.Claim{Title: "first", Role: "c2", Confidence: 5, Expires: future, Created: past})
	if d := cmp.Diff(merged, s.batches[0].Members[0]); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{5, 6}, seen); d != "" {
		t.Errorf("progress: %s", d)
	}
}

func TestRunFails(t *testing.T) {
	broken, full := errors.New("the line is down"), errors.New("the disk is full")
	good := step{Batch: ioc.Batch{Reports: whole("a"), Members: []ioc.Member{member("a", "ip", "192.0.2.1", ioc.Claim{})}, Next: "1"}}
	f := func(c script, fail map[int]error, want error, after ioc.Cursor) {
		t.Helper()
		s := newStore()
		s.fail = fail
		r, err := collect.Run(t.Context(), "f", c, s, collect.RunOptions{Now: at})
		if !errors.Is(err, want) || r.Outcome() != collect.Failed || !strings.Contains(r.Error, want.Error()) {
			t.Errorf("%v, outcome %s (%s); want %v", err, r.Outcome(), r.Error, want)
		}
		if r.After != after || s.Model.Cursor != after || r.Changes.New != len(s.batches) {
			t.Errorf("cursor %q, stored %q, new %d", r.After, s.Model.Cursor, r.Changes.New)
		}
	}
	f(script{good, {err: broken}, good}, nil, broken, "1")
	f(script{{err: broken}}, nil, broken, "")
	f(script{good, good}, map[int]error{2: full}, full, "1")
	f(script{good}, map[int]error{1: full}, full, "")
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	s := newStore()
	good := step{Batch: ioc.Batch{Next: "1"}}
	r, err := collect.Run(ctx, "f", script{good, good}, s, collect.RunOptions{OnBatch: func(collect.Result) { cancel(why) }})
	if !errors.Is(err, why) || len(s.batches) != 1 || r.Outcome() != collect.Failed {
		t.Errorf("%v, %d batches, %s", err, len(s.batches), r.Outcome())
	}
	if _, err := collect.Run(ctx, "f", script{}, s, collect.RunOptions{}); !errors.Is(err, why) {
		t.Errorf("a collector that ends quietly: %v", err)
	}
}

func TestRunDry(t *testing.T) {
	s := newStore()
	r, err := collect.Run(t.Context(), "f", script{{Batch: ioc.Batch{
		Reports: whole("a"), Members: []ioc.Member{member("a", "ip", "192.0.2.1", ioc.Claim{})}, Next: "1",
	}}}, s, collect.RunOptions{DryRun: true})
	if err != nil || len(s.batches) != 0 || r.After != "" || r.Fetched != 1 || r.Outcome() != collect.OK {
		t.Errorf("%v, %d batches stored, %+v", err, len(s.batches), r)
	}
}

// fromCursor notes where it was told to begin.
type fromCursor struct{ from *ioc.Cursor }

func (c fromCursor) Collect(_ context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	*c.from = from
	return func(func(ioc.Batch, error) bool) {}
}

func TestRunFull(t *testing.T) {
	s := newStore()
	s.Model.Cursor = "7"
	f := func(full bool, want ioc.Cursor) {
		t.Helper()
		var from ioc.Cursor
		r, err := collect.Run(t.Context(), "f", fromCursor{&from}, s, collect.RunOptions{Full: full})
		if err != nil || from != want || r.Before != "7" {
			t.Errorf("full %v: from %q, before %q, %v", full, from, r.Before, err)
		}
	}
	f(false, "7")
	f(true, "")
}

func TestRunBoundsReasons(t *testing.T) {
	var b ioc.Batch
	for i := range 1000 {
		b.Refused = append(b.Refused, ioc.Refusal{Value: "x", Reason: fmt.Sprint("reason ", i)})
	}
	r, err := collect.Run(t.Context(), "f", script{{Batch: b}}, newStore(), collect.RunOptions{})
	if err != nil || len(r.Refused) != 201 || r.Refused[collect.OtherReasons] != 800 || r.RefusedTotal() != 1000 {
		t.Errorf("%v: %d reasons, %d others", err, len(r.Refused), r.Refused[collect.OtherReasons])
	}
}
