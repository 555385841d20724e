package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// What changes while it is being read is in the store afterwards, or is by the
// next run; nothing slips through when the pages shift.
func TestOTXChangesWhileReading(t *testing.T) {
	t.Parallel()
	f := func(name string, change func(s *fake, n int)) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			for at := range 9 {
				s := startFake(t, otxtest.Account{Pulses: 80, IndicatorsPerPulse: 2, OtherPulses: 20})
				n := 0
				s.OnRequest(func(r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/subscribed") {
						if n++; n == at+2 || n == at+4 {
							change(s, n)
						}
					}
				})
				if skipped, err := s.collect(); err != nil || len(skipped) > 0 {
					t.Fatalf("%v %q", err, skipped)
				}
				s.complete()
			}
		})
	}
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	// The oldest pulses stand at the end of the list, the newest at its front.
	f("an old one changes", func(s *fake, n int) { must(s.Touch(n)) })
	f("a new one changes", func(s *fake, n int) { must(s.Touch(79 - n)) })
	f("one is added", func(s *fake, n int) {
		s.Add(otxtest.Pulse{Indicators: []otxtest.Indicator{{Type: "IPv4", Value: fmt.Sprintf("192.0.2.%d", n)}}})
	})
	f("one in front is deleted", func(s *fake, n int) { must(s.Delete(s.ID(79 - n))) })
	f("many in front are deleted", func(s *fake, n int) {
		for i := range 15 {
			must(s.Delete(s.ID(79 - 15*(n%4) - i)))
		}
	})
	f("one at the end is deleted", func(s *fake, n int) { must(s.Delete(s.ID(n))) })
	f("all but a few are deleted", func(s *fake, n int) {
		for i := range 80 {
			if i%17 != 0 {
				_ = s.Delete(s.ID(i)) // the second time they are gone
			}
		}
	})
	f("one deleted, one added, the count the same", func(s *fake, n int) {
		must(s.Delete(s.ID(79 - n)))
		s.Add(otxtest.Pulse{Indicators: []otxtest.Indicator{{Type: "IPv4", Value: fmt.Sprintf("192.0.2.%d", n)}}})
	})
	f("a user goes", func(s *fake, n int) { s.Unsubscribe(author(s, n)) })
	f("a user goes and comes back", func(s *fake, n int) {
		s.Unsubscribe(author(s, 3))
		s.Subscribe(author(s, 3))
	})
	f("a user goes, then comes back", func(s *fake, n int) {
		if n%2 == 0 {
			s.Unsubscribe(author(s, 3))
		} else {
			s.Subscribe(author(s, 3))
		}
	})
}

func author(s *fake, n int) string {
	i := 0
	for p := range s.Pulses() {
		if i++; i > n {
			return p.Author
		}
	}
	return "nobody"
}

// Between two runs.
func TestOTXChangesBetweenRuns(t *testing.T) {
	t.Parallel()
	f := func(name string, change ...func(s *fake)) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := startFake(t, otxtest.Account{Pulses: 60, IndicatorsPerPulse: 4, OtherPulses: 30})
			s.complete()
			for _, c := range change {
				c(s)
				s.complete()
			}
			n := len(s.Requests())
			s.complete()
			if n = len(s.Requests()) - n; n > 4 {
				t.Errorf("a run without news took %d requests", n)
			}
		})
	}
	other := 65 // a pulse of an author not subscribed to
	f("a deletion", func(s *fake) { _ = s.Delete(s.ID(5)) })
	f("a change", func(s *fake) { _ = s.Touch(5) })
	f("indicators go", func(s *fake) {
		_ = s.Modify(s.ID(5), func(p *otxtest.Pulse) { p.Indicators = p.Indicators[:1] })
	})
	f("an indicator becomes inactive", func(s *fake) {
		_ = s.Modify(s.ID(5), func(p *otxtest.Pulse) { p.Indicators[0].Inactive = true })
	})
	f("a user goes and comes back",
		func(s *fake) { s.Unsubscribe(author(s, 20)) },
		func(s *fake) { s.Unsubscribe("AlienVault") },
		func(s *fake) { s.Subscribe("AlienVault") })
	f("goes and comes at once", func(s *fake) { s.Unsubscribe(author(s, 3)); s.Subscribe(author(s, 3)) })
	f("comes and goes at once", func(s *fake) { s.Subscribe(otherAuthor(s)); s.Unsubscribe(otherAuthor(s)) })
	f("an old user comes", func(s *fake) { s.Subscribe(otherAuthor(s)) }, func(s *fake) { s.Unsubscribe(otherAuthor(s)) })
	f("an old pulse comes", func(s *fake) { s.Subscribe(s.ID(other)) }, func(s *fake) { s.Unsubscribe(s.ID(other)) })
	f("a pulse goes and comes", func(s *fake) { s.Unsubscribe(s.ID(7)) }, func(s *fake) { s.Subscribe(s.ID(7)) })
	f("a pulse stays when its author goes",
		func(s *fake) { s.Subscribe(s.ID(7)) },
		func(s *fake) { s.Unsubscribe(author(s, 52)) })
	f("all users go", func(s *fake) {
		seen := map[string]bool{}
		for p := range s.Pulses() {
			seen[p.Author] = true
		}
		for a := range seen {
			s.Unsubscribe(a)
		}
	})
	f("nobody that we know comes", func(s *fake) { s.Subscribe("4711") })
	f("nobody that we know goes", func(s *fake) { s.Unsubscribe("4711") })
}

// otherAuthor is one of those that are not subscribed to.
func otherAuthor(s *fake) string {
	p, err := s.feed().client.Pulse(s.t.Context(), s.ID(65))
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Author
}

// events lets the account's events be these, newest first.
func (s *fake) events(objects ...string) {
	s.Replay("/pulses/events", []byte(`{"results":[`+strings.Join(objects, ",")+`],"next":null}`))
}

func event(id int, action, kind, what string) string {
	return fmt.Sprintf(`{"id":%d,"action":%q,"object_type":%q,"object_id":%q,"created":"2024-02-01T00:00:%02d"}`, id, action, kind, what, id)
}

// A group tells neither its users nor its pulses: the list is read anew, and
// what it lacks is gone.
func TestOTXGroups(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 60, IndicatorsPerPulse: 2, OtherPulses: 30})
	s.complete()
	s.Unsubscribe(author(s, 3))
	s.Subscribe(otherAuthor(s))
	s.events(event(2, "unsubscribe", "group", "g"), event(1, "subscribe", "group", "h"), event(3, "rename", "group", "i"))
	s.complete()
	n := len(s.Requests())
	s.complete()
	if n = len(s.Requests()) - n; n > 4 {
		t.Errorf("a run without news took %d requests", n)
	}
}

func TestOTXOddEvents(t *testing.T) {
	t.Parallel()
	f := func(name string, wantSkipped, wantGone int, change func(*fake), events ...string) {
		t.Helper()
		s := startFake(t, otxtest.Account{Pulses: 5, IndicatorsPerPulse: 2, OtherPulses: 30})
		s.complete()
		change(s)
		s.events(events...)
		skipped, gone := 0, 0
		for b, err := range s.feed().Collect(t.Context(), s.store.cursor) {
			if gone += len(b.Gone); errors.Is(err, ErrSkipped) {
				skipped++
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if skipped != wantSkipped || gone != wantGone {
			t.Errorf("%s: %d skipped, %d gone", name, skipped, gone)
		}
	}
	nothing := func(*fake) {}
	id := otxtest.New(otxtest.Account{Pulses: 5, OtherPulses: 30}).ID(20)
	fault := func(e otxtest.Effect) func(*fake) {
		return func(s *fake) { s.Fault(otxtest.Fault{Path: "/pulses/" + id, Do: e}) }
	}
	f("not readable", 2, 0, nothing, `7`, `{"id":1}`, event(1, "subscribe", "comet", "x"))
	f("without an id", 0, 1, nothing, `{"action":"delete","object_type":"pulse","object_id":"p"}`, `{"action":"delete","object_type":"pulse","object_id":"p"}`)
	f("a pulse that is no longer there", 0, 1, nothing, event(1, "subscribe", "pulse", "000000000000000000000000"))
	f("a pulse that comes", 0, 0, nothing, event(1, "subscribe", "pulse", id))
	f("a pulse that this account may not read", 1, 0, fault(otxtest.Forbid()), event(1, "subscribe", "pulse", id))
	f("a pulse that cannot be served", 1, 0, fault(otxtest.Gateway(http.StatusBadGateway)), event(1, "subscribe", "pulse", id))
	f("a pulse that cannot be understood", 1, 0, fault(otxtest.Malformed(id)), event(1, "subscribe", "pulse", id))
	f("a hostile id", 0, 1, nothing, event(1, "subscribe", "pulse", "../../users/me/x?y"))
}

// The consumer may stop at any batch, and the context may end at any request.
func TestOTXStops(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 40, IndicatorsPerPulse: 3, MoreIndicatorsEvery: 7})
	for stop := range 12 {
		n := 0
		for range s.feed().Collect(t.Context(), "") {
			if n++; n > stop {
				break
			}
		}
	}
	for end := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		s := startFake(t, otxtest.Account{Pulses: 40, IndicatorsPerPulse: 3, MoreIndicatorsEvery: 7})
		s.OnRequest(func(*http.Request) {
			if n++; n > end {
				cancel()
			}
		})
		var last error
		for b, err := range s.feed().Collect(ctx, "") {
			if last = err; errors.Is(err, ErrSkipped) || b.Next != ioc.Cursor("") && ctx.Err() != nil && n > end+1 {
				t.Errorf("after %d requests: %v", end, err)
			}
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("after %d requests it ended with %v", end, last)
		}
		cancel()
	}
}
