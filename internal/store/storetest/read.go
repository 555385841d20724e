package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

func (s *suite) filter() {
	s.put(whole("r", "1", one, three), ioc.Changes{New: 2, Observables: 2})
	seq := s.only(one).ArmedSeq
	s.putTo("b", whole("r", "1", two, three), ioc.Changes{New: 2, Observables: 1})
	s.hasOf(ioc.Filter{Types: []ioc.Type{ioc.IP}}, one, two)
	s.hasOf(ioc.Filter{Feeds: []string{"a"}}, one, three)
	s.hasOf(ioc.Filter{Feeds: []string{"b", "a"}}, one, two, three)
	s.hasOf(ioc.Filter{Feeds: []string{"c"}})
	s.hasOf(ioc.Filter{Feeds: []string{"b"}, Types: []ioc.Type{ioc.Domain, ioc.URL}}, three)
	s.hasOf(ioc.Filter{ArmedSince: seq}, two)
	s.hasOf(ioc.Filter{ArmedSince: seq, Feeds: []string{"a"}})
	s.put(whole("r", "2", one), ioc.Changes{Unchanged: 1, Withdrawn: 1})
	s.hasOf(ioc.Filter{Feeds: []string{"a"}}, one)
}

// keys lists what a filter wants, as "feed value".
func (s *suite) keys(f store.ListFilter) (keys []string) {
	s.Helper()
	for _, i := range collect(s, s.store.List(s.Context(), f)) {
		keys = append(keys, i.Feed+" "+i.Value)
	}
	return keys
}

func (s *suite) list() {
	tagged := whole("q", "1", three, four)
	tagged.Reports[0].Tags = []string{"Ransomware", "x"}
	s.put(join(whole("r", "1", one, three), tagged), ioc.Changes{New: 4, Observables: 3})
	s.putTo("b", whole("r", "1", three, two), ioc.Changes{New: 2, Observables: 1})
	is := func(f store.ListFilter, want ...string) {
		s.Helper()
		got := s.keys(f)
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			s.Errorf("%+v (-want +got):\n%s", f, d)
		}
	}
	is(store.ListFilter{}, "a "+one.Value, "a "+three.Value, "a "+four.Value, "b "+three.Value, "b "+two.Value)
	is(store.ListFilter{Types: []ioc.Type{ioc.IP}}, "a "+one.Value, "b "+two.Value)
	is(store.ListFilter{Types: []ioc.Type{"none"}})
	is(store.ListFilter{Feeds: []string{"b"}}, "b "+three.Value, "b "+two.Value)
	is(store.ListFilter{Value: three.Value}, "a "+three.Value, "b "+three.Value)
	is(store.ListFilter{Value: three.Value, Types: []ioc.Type{ioc.IP}})
	is(store.ListFilter{Value: three.Value, Feeds: []string{"b"}}, "b "+three.Value)
	is(store.ListFilter{Report: "r"}, "a "+one.Value, "a "+three.Value, "b "+three.Value, "b "+two.Value)
	is(store.ListFilter{Report: "q"}, "a "+three.Value, "a "+four.Value)
	is(store.ListFilter{Report: "r", Feeds: []string{"a"}}, "a "+one.Value, "a "+three.Value)
	is(store.ListFilter{Tag: "SOMW"}, "a "+three.Value, "a "+four.Value)
	is(store.ListFilter{Tag: "nothing"})
	s.put(ioc.Batch{Gone: []string{"q"}}, ioc.Changes{Withdrawn: 2})
	is(store.ListFilter{Tag: "ransom"})
	is(store.ListFilter{}, "a "+one.Value, "a "+three.Value, "b "+three.Value, "b "+two.Value)
	if got := collect(s, s.store.List(s.Context(), store.ListFilter{Value: one.Value})); cmp.Diff(s.find(one), got) != "" {
		s.Errorf("List and Lookup differ: %v, %v", got, s.find(one))
	}
}

// pages: limit and offset cut one and the same order.
func (s *suite) pages() {
	b := whole("r", "1")
	for i := range 700 {
		b.Members = append(b.Members, member("r", ip(fmt.Sprintf("10.1.%d.%d", i>>8, i&255))))
	}
	s.put(b, ioc.Changes{New: 700, Observables: 700})
	all := s.keys(store.ListFilter{})
	if len(all) != 700 {
		s.Fatalf("%d indicators", len(all))
	}
	is := func(offset, limit int, want []string) {
		s.Helper()
		if d := cmp.Diff(want, s.keys(store.ListFilter{Offset: offset, Limit: limit}), cmpopts.EquateEmpty()); d != "" {
			s.Errorf("%d, %d (-want +got):\n%s", offset, limit, d)
		}
	}
	is(0, 1, all[:1])
	is(0, 700, all)
	is(255, 3, all[255:258])
	is(600, 200, all[600:])
	is(650, 0, all[650:])
	is(700, 10, nil)
}

func (s *suite) stopEarly() {
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	for range s.store.Observables(s.Context(), ioc.Filter{}) {
		break
	}
	for range s.store.List(s.Context(), store.ListFilter{}) {
		break
	}
	for range s.store.KnownReports(s.Context(), "a") {
		break
	}
	s.put(whole("r", "2", one), ioc.Changes{Unchanged: 1, Withdrawn: 1})
}

// batchOf is report n, with ten members of its own.
func batchOf(n int) ioc.Batch {
	b := whole(fmt.Sprint("r", n), "1")
	for k := range 10 {
		b.Members = append(b.Members, member(b.Reports[0].ID, ip(fmt.Sprintf("10.%d.%d.%d", n>>8, n&255, k))))
	}
	b.Next = ioc.Cursor(fmt.Sprint(n))
	return b
}

// transactional is what a store says of itself that has no transactions: its
// readers may see a part of a batch that is being written. Other stores need not
// say that they have them.
type transactional interface {
	Transactional() bool
}

// readWhileWriting: readers see whole batches or nothing of them, or of a store
// without transactions whole observables.
func (s *suite) readWhileWriting() {
	const batches = 40
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for reading := true; reading; {
				select {
				case <-done:
					reading = false
				default:
				}
				s.readOnce()
			}
		})
	}
	for n := range batches {
		if _, err := s.store.PutBatch(s.Context(), "a", batchOf(n)); err != nil {
			s.Error(err)
		}
	}
	close(done)
	wg.Wait()
	if n := len(collect(s, s.store.Observables(s.Context(), ioc.Filter{}))); n != 10*batches {
		s.Errorf("%d observables, want %d", n, 10*batches)
	}
}

func (s *suite) readOnce() {
	n := 0
	for o, err := range s.store.Observables(s.Context(), ioc.Filter{}) {
		if err != nil {
			s.Error(err)
			return
		}
		if n++; n == 1 {
			if is, err := s.store.Lookup(s.Context(), o); err != nil || len(is) != 1 {
				s.Errorf("%v: %v, %v", o, is, err)
			}
		}
	}
	if t, says := s.store.(transactional); n%10 != 0 && (!says || t.Transactional()) {
		s.Errorf("half a batch is seen: %d observables", n)
	}
	if _, err := s.store.Cursor(s.Context(), "a"); err != nil {
		s.Error(err)
	}
}

// writeWhileReading: who is in the middle of a sequence may use the store.
func (s *suite) writeWhileReading() {
	s.put(whole("r", "1", one, two, three), ioc.Changes{New: 3, Observables: 3})
	n := 0
	for o, err := range s.store.Observables(s.Context(), ioc.Filter{}) {
		if err != nil {
			s.Fatal(err)
		}
		s.reports(o, "a/r")
		if _, err := s.store.PutBatch(s.Context(), "b", batchOf(n)); err != nil {
			s.Fatal(err)
		}
		if n++; n > 100 {
			s.Fatal("the sequence has no end")
		}
	}
	if n < 3 {
		s.Errorf("%d of 3", n)
	}
}

// cancelled: nothing of a batch is stored, and reading ends with the reason.
func (s *suite) cancelled() {
	s.put(whole("r", "1", one), ioc.Changes{New: 1, Observables: 1})
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if _, err := s.store.PutBatch(ctx, "a", whole("r", "2", two)); !errors.Is(err, context.Canceled) {
		s.Errorf("PutBatch: %v", err)
	}
	var last error
	for _, err := range s.store.Observables(ctx, ioc.Filter{}) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		s.Errorf("Observables: %v", last)
	}
	s.has(one)
}
