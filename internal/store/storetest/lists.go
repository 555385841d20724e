package storetest

import (
	"context"
	"iter"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Listed is what warninglists need of a store.
type Listed interface {
	Warninglists(ctx context.Context) iter.Seq2[ioc.Warninglist, error]
	ListStates(ctx context.Context) ([]store.ListState, error)
	Feeds(ctx context.Context) ([]store.FeedState, error)
}

func warninglist(id, name string, entries ...string) ioc.Warninglist {
	return ioc.Warninglist{ID: id, Name: name, Description: "d", Version: "1", Kind: "string", Attributes: []string{"domain"}, Entries: entries}
}

// listed is a store whose warninglists are of the feed a.
type listed struct {
	*suite
	Listed
}

// is expects exactly these lists, by id, and that they are counted.
func (l *listed) is(want ...ioc.Warninglist) {
	l.Helper()
	lists, entries := 0, 0
	for i := range want {
		want[i].Feed = "a"
		lists, entries = lists+1, entries+len(want[i].Entries)
	}
	if d := cmp.Diff(want, collect(l.suite, l.Warninglists(l.Context()))); d != "" {
		l.Errorf("(-want +got):\n%s", d)
	}
	feeds, err := l.Feeds(l.Context())
	if err != nil || len(feeds) != 1 || feeds[0].Lists != lists || feeds[0].Entries != entries {
		l.Errorf("%+v, %v", feeds, err)
	}
}

// sums returns the sum of each list.
func (l *listed) sums() map[string]uint64 {
	l.Helper()
	all, err := l.ListStates(l.Context())
	if err != nil {
		l.Error(err)
	}
	sums := map[string]uint64{}
	for _, got := range all {
		sums[got.ID] = got.Sum
		want := store.ListState{Feed: "a", Description: "d", Version: "1", Kind: "string", Attributes: []string{"domain"}}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(want, "ID", "Name", "Entries", "Sum", "Since")); d != "" || got.Since.IsZero() {
			l.Errorf("since %v (-want +got):\n%s", got.Since, d)
		}
	}
	return sums
}

func with(b ioc.Batch, ls ...ioc.Warninglist) ioc.Batch {
	b.Lists = ls
	return b
}

// warninglists come with a report read whole, stay with its revision and go
// with it.
func (s *suite) warninglists() {
	l := &listed{s, can[Listed](s)}
	x, y := warninglist("r", "x", "evil.example", "", "\xff\x00"), warninglist("q", "y")
	y.Entries = []string{}
	s.put(with(join(whole("r", "1"), whole("q", "1")), x, y), ioc.Changes{})
	l.is(y, x)
	first := l.sums()
	s.put(with(whole("r", "1"), warninglist("r", "not read")), ioc.Changes{})
	s.put(whole("r", "1"), ioc.Changes{})
	l.is(y, x)
	x.Entries = append(x.Entries, "more.example")
	s.put(with(whole("r", "2"), x), ioc.Changes{})
	l.is(y, x)
	if second := l.sums(); second["r"] == first["r"] || second["q"] != first["q"] {
		s.Errorf("sums %v after %v", second, first)
	}
	for _, bad := range []ioc.Batch{with(ioc.Batch{}, x), with(part("r", "3", true, false), x), with(part("r", "3", false, true), x),
		with(whole("q", "3"), x), with(whole("r", "3"), x, x)} {
		if _, err := s.store.PutBatch(s.Context(), "a", bad); err == nil {
			s.Errorf("%+v was taken", bad.Reports)
		}
	}
	l.is(y, x)
	s.put(whole("r", "4"), ioc.Changes{})
	l.is(y)
	s.put(ioc.Batch{Gone: []string{"q"}}, ioc.Changes{})
	l.is()
	s.put(with(whole("q", "5"), y), ioc.Changes{})
	l.is(y)
	if _, err := can[forgetter](s).Forget(s.Context(), "a"); err != nil {
		s.Error(err)
	}
	if got := collect(s, l.Warninglists(s.Context())); len(got) > 0 {
		s.Errorf("of a feed that is forgotten: %v", got)
	}
	s.sound()
}

// withdraw: a feed no longer claims some observables; others still do.
func (s *suite) withdraw() {
	st := can[interface {
		Withdraw(ctx context.Context, feed string, os []ioc.Observable) (ioc.Changes, error)
	}](s)
	is := func(feed string, want ioc.Changes, os ...ioc.Observable) {
		s.Helper()
		got, err := st.Withdraw(s.Context(), feed, os)
		if got != want || err != nil {
			s.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		s.sound()
	}
	is("a", ioc.Changes{}, one)
	b := join(whole("r", "1", one, two, three), whole("q", "1", one))
	b.Members[0].Expires, b.Members[3].Expires = at(3), at(5)
	s.put(b, ioc.Changes{New: 4, Observables: 3})
	s.putTo("b", whole("r", "1", two), ioc.Changes{New: 1})
	s.grows(true, func() { is("a", ioc.Changes{Withdrawn: 3}, one, two, one, four) })
	s.has(two, three)
	s.reports(two, "b/r")
	s.grows(false, func() { is("a", ioc.Changes{}, one, two) })
	is("a", ioc.Changes{})
	s.put(whole("r", "1", one, two, three), ioc.Changes{Unchanged: 3})
	s.has(two, three)
	s.put(whole("r", "2", one, two, three), ioc.Changes{New: 2, Unchanged: 1})
	s.has(one, two, three)
}

// rearm: everything of some types has to meet old events again.
func (s *suite) rearm() {
	st := can[interface {
		Rearm(ctx context.Context, types []ioc.Type) error
		Armed(ctx context.Context) (uint64, error)
	}](s)
	s.put(whole("r", "1", one, two, three), ioc.Changes{New: 3, Observables: 3})
	s.put(whole("r", "2", one, three), ioc.Changes{Unchanged: 2, Withdrawn: 1})
	step := func(types []ioc.Type, want ...ioc.Observable) {
		s.Helper()
		last, err := st.Armed(s.Context())
		if err == nil {
			s.grows(false, func() { err = st.Rearm(s.Context(), types) })
		}
		if err != nil {
			s.Fatal(err)
		}
		s.sound()
		s.hasOf(ioc.Filter{ArmedSince: last}, want...)
		if now, err := st.Armed(s.Context()); err != nil || (now > last) != (len(want) > 0) {
			s.Errorf("armed %d after %d, %v", now, last, err)
		}
	}
	step([]ioc.Type{ioc.IP}, one)
	step([]ioc.Type{ioc.URL, "strange"})
	step([]ioc.Type{ioc.Domain, ioc.IP}, one, three)
	step(nil, one, three)
	if j, ok := s.store.(Judged); ok {
		s.judge(j, "A", listJudge(), store.Judged{Observables: 2})
		step(nil, one, three)
		s.state(j, "A", false)
	}
}

// notes are small texts.
func (s *suite) notes() {
	st := can[interface {
		Note(ctx context.Context, key string) (string, error)
		PutNote(ctx context.Context, key, value string) error
	}](s)
	is := func(key, want string) {
		s.Helper()
		if got, err := st.Note(s.Context(), key); got != want || err != nil {
			s.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	put := func(key, value string) {
		s.Helper()
		if err := st.PutNote(s.Context(), key, value); err != nil {
			s.Error(err)
		}
		s.sound()
	}
	is("k", "")
	put("k", "v")
	put("rules", "\xff\x00")
	is("k", "v")
	is("rules", "\xff\x00")
	if j, ok := s.store.(Judged); ok {
		s.state(j, "", false)
	}
	put("k", "")
	is("k", "")
}

// places of refusals are kept.
func (s *suite) places() {
	st := can[interface {
		Refused(ctx context.Context, feed string) iter.Seq2[ioc.Refusal, error]
	}](s)
	b := whole("r", "1")
	b.Refused = []ioc.Refusal{{Report: "r", Value: "x", Reason: "none", Place: "line 7"}}
	s.put(b, ioc.Changes{Refused: 1})
	if d := cmp.Diff(b.Refused, collect(s, st.Refused(s.Context(), "a"))); d != "" {
		s.Errorf("(-want +got):\n%s", d)
	}
}
