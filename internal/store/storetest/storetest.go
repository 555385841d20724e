// Package storetest is the suite that every store passes. It holds the rules
// that collectors, hunts and lists rely on, each with a test of its own, so
// that a store may be written against it:
//
//   - A batch and its cursor are stored together.
//   - A report's list, read whole, replaces the stored one; read in parts, it
//     does so with the last part; of parts that do not fit, all is kept.
//   - An indicator is the union of a feed's memberships that are not withdrawn.
//   - An observable is armed when it is new, is back, or is valid for longer.
//   - What is disarmed is kept, but not hunted; it is armed anew when it is
//     armed again.
//   - The generation grows with the set of armed huntable observables, and only
//     then.
//
// What a store can do beyond Store (refusals, Forget and so on) is tested
// where it has the method.
package storetest

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Collected is what collections need of a store.
type Collected interface {
	Cursor(ctx context.Context, feed string) (ioc.Cursor, error)
	PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error)
	KnownReports(ctx context.Context, feed string) iter.Seq2[ioc.Report, error]
}

// Hunted is what hunts need of a store.
type Hunted interface {
	Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error]
	Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error)
	Generation(ctx context.Context) (uint64, error)
}

// Store is what is tested.
type Store interface {
	Collected
	Hunted
	List(ctx context.Context, f store.ListFilter) iter.Seq2[ioc.Indicator, error]
}

// Run tests stores that open makes: each is empty, and cleaned up by the test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		f    func(*suite)
	}{
		{"empty", (*suite).empty}, {"lookup", (*suite).lookup}, {"claims", (*suite).claims}, {"union", (*suite).union},
		{"replace", (*suite).replace}, {"changed claims", (*suite).changedClaims}, {"revision", (*suite).revision},
		{"parts", (*suite).parts}, {"broken parts", (*suite).brokenParts}, {"crash in parts", (*suite).crashInParts},
		{"mixed parts", (*suite).mixedParts}, {"twice in a list", (*suite).twice}, {"twice over parts", (*suite).twiceOverParts},
		{"unannounced", (*suite).unannounced}, {"gone", (*suite).gone}, {"back", (*suite).back}, {"moved", (*suite).moved},
		{"armed", (*suite).armed}, {"armed by validity", (*suite).armedByValidity}, {"generation", (*suite).generation},
		{"cursor", (*suite).cursor}, {"refused", (*suite).refused}, {"unknown types", (*suite).unknownTypes},
		{"hostile text", (*suite).hostileText}, {"filter", (*suite).filter}, {"list", (*suite).list}, {"pages", (*suite).pages},
		{"stop early", (*suite).stopEarly}, {"read while writing", (*suite).readWhileWriting}, {"write while reading", (*suite).writeWhileReading},
		{"cancelled", (*suite).cancelled}, {"big list", (*suite).bigList}, {"reset", (*suite).reset}, {"forget", (*suite).forget}, {"count", (*suite).count},
		{"disarmed", (*suite).disarmed}, {"disarmed and gone", (*suite).disarmedGone}, {"broken pass", (*suite).brokenPass},
		{"armed meanwhile", (*suite).armedMeanwhile}, {"decisions", (*suite).decisions}, {"count arming", (*suite).countArming},
		{"marks", (*suite).marks}, {"many marks", (*suite).manyMarks}, {"warninglists", (*suite).warninglists}, {"withdraw", (*suite).withdraw},
		{"rearm", (*suite).rearm}, {"notes", (*suite).notes}, {"places", (*suite).places}, {"differential", (*suite).differential},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.f(&suite{T: t, store: open(t)}) })
	}
}

// suite is one test with its store.
type suite struct {
	*testing.T
	store Store
}

// at is a time so many hours into the suite's day.
func at(hours int) time.Time {
	return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
}

func ip(v string) ioc.Observable     { return ioc.Observable{Type: ioc.IP, Value: v} }
func domain(v string) ioc.Observable { return ioc.Observable{Type: ioc.Domain, Value: v} }

// member is a membership that says nothing else.
func member(report string, o ioc.Observable) ioc.Member {
	return ioc.Member{Report: report, Observable: o}
}

// whole is a batch with one report, read in one go.
func whole(report, revision string, os ...ioc.Observable) ioc.Batch {
	return part(report, revision, true, true, os...)
}

func part(report, revision string, start, last bool, os ...ioc.Observable) ioc.Batch {
	b := ioc.Batch{Reports: []ioc.ReportList{{Report: ioc.Report{ID: report, Name: "report " + report}, Revision: revision, Start: start, Last: last}}}
	for _, o := range os {
		b.Members = append(b.Members, member(report, o))
	}
	return b
}

func join(bs ...ioc.Batch) (all ioc.Batch) {
	for _, b := range bs {
		all.Reports = append(all.Reports, b.Reports...)
		all.Members = append(all.Members, b.Members...)
	}
	return all
}

// put stores a batch of the feed "a" and expects changes.
func (s *suite) put(b ioc.Batch, want ioc.Changes) {
	s.Helper()
	s.putTo("a", b, want)
}

func (s *suite) putTo(feed string, b ioc.Batch, want ioc.Changes) {
	s.Helper()
	got, err := s.store.PutBatch(s.Context(), feed, b)
	if err != nil {
		s.Fatal(err)
	}
	if got != want {
		s.Errorf("changes: got %+v, want %+v", got, want)
	}
	s.sound()
}

// checker is the optional power of a store to prove itself.
type checker interface {
	Check(ctx context.Context) error
}

func (s *suite) sound() {
	s.Helper()
	if c, ok := s.store.(checker); ok {
		if err := c.Check(s.Context()); err != nil {
			s.Error(err)
		}
	}
}

func collect[T any](s *suite, seq iter.Seq2[T, error]) (all []T) {
	s.Helper()
	for v, err := range seq {
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// has expects exactly these observables.
func (s *suite) has(want ...ioc.Observable) {
	s.Helper()
	s.hasOf(ioc.Filter{}, want...)
}

func (s *suite) hasOf(f ioc.Filter, want ...ioc.Observable) {
	s.Helper()
	got := collect(s, s.store.Observables(s.Context(), f))
	less := func(a, b ioc.Observable) bool { return string(a.Type)+" "+a.Value < string(b.Type)+" "+b.Value }
	if d := cmp.Diff(want, got, cmpopts.SortSlices(less), cmpopts.EquateEmpty()); d != "" {
		s.Errorf("observables of %+v (-want +got):\n%s", f, d)
	}
}

func (s *suite) find(o ioc.Observable) []ioc.Indicator {
	s.Helper()
	is, err := s.store.Lookup(s.Context(), o)
	if err != nil {
		s.Fatal(err)
	}
	return is
}

// only returns the indicator of an observable that one feed claims.
func (s *suite) only(o ioc.Observable) ioc.Indicator {
	s.Helper()
	is := s.find(o)
	if len(is) != 1 {
		s.Fatalf("%v: got %d indicators, want 1", o, len(is))
	}
	return is[0]
}

// reports expects an observable to be in exactly these reports.
func (s *suite) reports(o ioc.Observable, want ...string) {
	s.Helper()
	var got []string
	for _, i := range s.find(o) {
		for _, m := range i.Reports {
			got = append(got, i.Feed+"/"+m.ID)
		}
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		s.Errorf("reports of %v (-want +got):\n%s", o, d)
	}
}

func (s *suite) generationNow() uint64 {
	s.Helper()
	g, err := s.store.Generation(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return g
}

func (s *suite) cursorIs(feed string, want ioc.Cursor) {
	s.Helper()
	got, err := s.store.Cursor(s.Context(), feed)
	if err != nil || got != want {
		s.Errorf("cursor of %s: got %q, %v, want %q", feed, got, err, want)
	}
}

// can returns the store as something that it may or may not be able to do.
func can[T any](s *suite) T {
	s.Helper()
	v, ok := s.store.(T)
	if !ok {
		s.Skipf("%T does not have it", s.store)
	}
	return v
}
