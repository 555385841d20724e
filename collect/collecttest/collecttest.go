// Package collecttest holds collectors to their contract. A kind's own test
// calls Run with a source that it controls:
//
//	collecttest.Run(t, collecttest.Subject{
//		New:    func(t *testing.T) collect.Collector { return newOTX(t, healthy.URL) },
//		Canary: "the-api-key",
//		Faults: map[string]func(t *testing.T) collect.Collector{
//			"page 3 answers 502": func(t *testing.T) collect.Collector { return newOTX(t, faulty.URL) },
//		},
//	})
//
// New makes a collector over a source that does not change and that takes at
// least two batches to read, so that there is something to stop between. Each
// of Faults makes one over the same source, of which a part cannot be read:
// whatever of it is stored, a healthy run from its cursor on must lead to what
// a healthy run from the beginning leads to.
//
// The suite keeps what a store would keep (Model), so it needs none.
package collecttest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Soon is how fast a collector has to end once its context is done.
const Soon = 5 * time.Second

// Subject is a collector over a source that does not change.
type Subject struct {
	New    func(t *testing.T) collect.Collector
	Faults map[string]func(t *testing.T) collect.Collector // by what is wrong with the source
	Canary string                                          // a secret that the collector was given; "" none
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	t.Helper()
	t.Run("batches are well formed", s.wellFormed)
	t.Run("the same source gives the same batches", s.deterministic)
	t.Run("nothing is new after the last cursor", s.nothingNew)
	t.Run("stopped anywhere, it goes on to the same end", s.resumable)
	t.Run("a cursor of another kind is an error", s.foreignCursor)
	t.Run("it ends soon after its context", s.cancelled)
	for _, name := range slices.Sorted(maps.Keys(s.Faults)) {
		t.Run("fault: "+name, func(t *testing.T) { s.fault(t, s.Faults[name]) })
	}
}

// all reads everything from a cursor on, and fails the test on an error.
func (s Subject) all(t *testing.T, from ioc.Cursor) []ioc.Batch {
	t.Helper()
	var out []ioc.Batch
	for b, err := range s.New(t).Collect(t.Context(), from) {
		if err != nil {
			t.Fatalf("from cursor %.60q: %v", from, err)
		}
		out = append(out, b)
	}
	return out
}

func (s Subject) wellFormed(t *testing.T) {
	batches := s.all(t, "")
	if len(batches) < 2 {
		t.Fatalf("%d batches; the source has to take at least two", len(batches))
	}
	f := form{open: make(map[string]bool), ended: make(map[string]bool)}
	for i, b := range batches {
		if err := f.check(b); err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	for id := range f.open {
		t.Errorf("report %s never ends", id)
	}
	if batches[len(batches)-1].Next == "" {
		t.Error("the last batch has no cursor")
	}
}

// form follows the reports through the batches of one sequence.
type form struct{ open, ended map[string]bool }

func (f *form) check(b ioc.Batch) error {
	here := make(map[string]bool, len(b.Reports))
	for _, r := range b.Reports {
		switch {
		case r.ID == "":
			return errors.New("a report without an id")
		case here[r.ID]:
			return fmt.Errorf("report %s is announced twice", r.ID)
		case r.Start == f.open[r.ID]:
			return fmt.Errorf("report %s: Start is %v, but the report is open: %v", r.ID, r.Start, f.open[r.ID])
		}
		here[r.ID], f.open[r.ID] = true, true
		if r.Last {
			delete(f.open, r.ID)
		}
	}
	for _, m := range b.Members {
		if !here[m.Report] {
			return fmt.Errorf("member %s %q is of report %q, which the batch does not announce", m.Type, m.Value, m.Report)
		}
	}
	for _, id := range b.Gone {
		if here[id] {
			return fmt.Errorf("report %s is both announced and gone", id)
		}
	}
	for _, r := range b.Refused {
		if r.Reason == "" {
			return fmt.Errorf("%q is refused without a reason", r.Value)
		}
	}
	return nil
}

func (s Subject) deterministic(t *testing.T) {
	if d := cmp.Diff(s.all(t, ""), s.all(t, "")); d != "" {
		t.Errorf("two runs differ (-first +second):\n%s", d)
	}
}

func (s Subject) nothingNew(t *testing.T) {
	m := NewModel()
	for _, b := range s.all(t, "") {
		m.Put(b)
	}
	before := m.Members()
	for _, b := range s.all(t, m.Cursor) {
		m.Put(b)
		if len(b.Gone) > 0 {
			t.Errorf("nothing has changed, and these are gone: %v", b.Gone)
		}
	}
	if d := cmp.Diff(before, m.Members()); d != "" {
		t.Errorf("asking again changed what is stored:\n%s", d)
	}
}

func (s Subject) resumable(t *testing.T) {
	batches := s.all(t, "")
	want := NewModel()
	for _, b := range batches {
		want.Put(b)
	}
	for stop := range len(batches) {
		m := NewModel()
		for b, err := range s.New(t).Collect(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			m.Put(b)
			if stop--; stop < 0 {
				break
			}
		}
		for _, b := range s.all(t, m.Cursor) {
			m.Put(b)
		}
		if d := cmp.Diff(want.Members(), m.Members()); d != "" {
			t.Fatalf("stopped after %d batches (-whole +resumed):\n%s", stop+1, d)
		}
	}
}

func (s Subject) foreignCursor(t *testing.T) {
	for b, err := range s.New(t).Collect(t.Context(), "\x00no cursor of ours") {
		if err == nil && b.Next == "" {
			continue
		}
		if err == nil || errors.Is(err, collect.ErrSkipped) {
			t.Fatalf("err = %v; want one that ends the run", err)
		}
		s.secret(t, err)
		return
	}
	t.Fatal("no error")
}

func (s Subject) cancelled(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	within(t, func() {
		for b, err := range s.New(t).Collect(done, "") {
			if err == nil && b.Next != "" {
				t.Error("a batch with a cursor after the context was done")
			}
		}
	})
	running, cancel := context.WithCancel(t.Context())
	within(t, func() {
		for _, err := range s.New(t).Collect(running, "") {
			cancel()
			if err != nil && errors.Is(err, collect.ErrSkipped) {
				t.Errorf("the end of the context is told as a skipped part: %v", err)
			}
		}
	})
	cancel()
}

// within fails the test if f takes too long.
func within(t *testing.T, f func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	select {
	case <-ended:
	case <-time.After(Soon):
		t.Errorf("it has not ended %v after its context was done", Soon)
		<-ended
	}
}

// fault stores what a run over a broken source yields, and then lets a healthy
// one go on.
func (s Subject) fault(t *testing.T, broken func(*testing.T) collect.Collector) {
	want := NewModel()
	for _, b := range s.all(t, "") {
		want.Put(b)
	}
	m := NewModel()
	failed := false
	for b, err := range broken(t).Collect(t.Context(), "") {
		if err != nil {
			failed = true
			s.secret(t, err)
			continue
		}
		m.Put(b)
	}
	if !failed {
		t.Error("no error: a part of the feed is missing and nobody is told")
	}
	for _, b := range s.all(t, m.Cursor) {
		m.Put(b)
	}
	if d := cmp.Diff(want.Members(), m.Members()); d != "" {
		t.Errorf("after the fault, a healthy run does not lead to the same (-want +got):\n%s", d)
	}
}

func (s Subject) secret(t *testing.T, err error) {
	t.Helper()
	if s.Canary != "" && strings.Contains(err.Error(), s.Canary) {
		t.Errorf("the secret stands in an error: %v", err)
	}
}

// Model is a store reduced to what the contract of ioc.Batch says.
type Model struct {
	Cursor  ioc.Cursor
	members map[string]map[string]bool // by report
	sent    map[string]map[string]bool // since Start
}

// NewModel returns an empty model.
func NewModel() *Model {
	return &Model{members: make(map[string]map[string]bool), sent: make(map[string]map[string]bool)}
}

// Put stores a batch.
func (m *Model) Put(b ioc.Batch) {
	for _, r := range b.Reports {
		if r.Start {
			m.sent[r.ID] = make(map[string]bool)
		}
		if m.members[r.ID] == nil {
			m.members[r.ID] = make(map[string]bool)
		}
	}
	for _, v := range b.Members {
		k := string(v.Type) + " " + v.Value
		for _, set := range []map[string]map[string]bool{m.members, m.sent} {
			if set[v.Report] == nil {
				set[v.Report] = make(map[string]bool)
			}
			set[v.Report][k] = true
		}
	}
	for _, r := range b.Reports {
		if r.Last {
			m.members[r.ID] = m.sent[r.ID]
			delete(m.sent, r.ID)
		}
	}
	for _, id := range b.Gone {
		delete(m.members, id)
	}
	if b.Next != "" {
		m.Cursor = b.Next
	}
}

// Members returns the stored members as "report: type value", sorted. A report
// without members is one line without a value.
func (m *Model) Members() []string {
	var out []string
	for r, set := range m.members {
		out = append(out, r+":")
		for k := range set {
			out = append(out, r+": "+k)
		}
	}
	slices.Sort(out)
	return out
}

// KnownReports implements collect.Known.
func (m *Model) KnownReports(context.Context, string) iter.Seq2[ioc.Report, error] {
	return func(yield func(ioc.Report, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.members)) {
			if !yield(ioc.Report{ID: id}, nil) {
				return
			}
		}
	}
}
