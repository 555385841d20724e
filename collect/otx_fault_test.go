package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
)

// model is a store by the letter of the contract, in maps.
type model struct {
	reports map[string]ioc.Report
	members map[string]map[string]ioc.Member // by report, then by type and value
	open    map[string]map[string]bool       // members of a report whose Last has not come
	cursor  ioc.Cursor
	refused []ioc.Refusal
	batches int
	biggest int
}

func newModel() *model {
	return &model{reports: map[string]ioc.Report{}, members: map[string]map[string]ioc.Member{}, open: map[string]map[string]bool{}}
}

func (m *model) KnownReports(context.Context, string) iter.Seq2[ioc.Report, error] {
	return func(yield func(ioc.Report, error) bool) {
		for _, r := range m.reports {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *model) put(b ioc.Batch) {
	m.batches++
	m.biggest = max(m.biggest, len(b.Members))
	for _, id := range b.Gone {
		delete(m.reports, id)
		delete(m.members, id)
	}
	for _, r := range b.Reports {
		m.reports[r.ID] = r.Report
		if r.Start {
			m.open[r.ID] = map[string]bool{}
		}
		if m.members[r.ID] == nil {
			m.members[r.ID] = map[string]ioc.Member{}
		}
	}
	for _, x := range b.Members {
		key := x.Declared + " " + x.Value
		m.members[x.Report][key] = x
		m.open[x.Report][key] = true
	}
	for _, r := range b.Reports {
		if r.Last {
			for key := range m.members[r.ID] {
				if !m.open[r.ID][key] {
					delete(m.members[r.ID], key)
				}
			}
		}
	}
	m.refused = append(m.refused, b.Refused...)
	if b.Next != "" {
		m.cursor = b.Next
	}
}

// facts lists what is stored, as truth lists what should be.
func (m *model) facts() []string {
	var out []string
	for id, ms := range m.members {
		for key := range ms {
			out = append(out, id+" "+key)
		}
	}
	slices.Sort(out)
	return out
}

func truth(s *otxtest.Server) []string {
	var out []string
	for f := range s.Truth() {
		out = append(out, f.Pulse+" "+f.Type+" "+f.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type fake struct {
	*otxtest.Server
	t     *testing.T
	store *model
	limit int
	wait  time.Duration // for the server
}

func startFake(t *testing.T, a otxtest.Account) *fake {
	t.Helper()
	s := otxtest.New(a)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &fake{Server: s, t: t, store: newModel(), limit: 10, wait: 20 * time.Second}
}

func (f *fake) feed() *otxFeed {
	f.t.Helper()
	h, err := httpx.New(httpx.Options{Idle: f.wait, Header: f.wait})
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := newOTXFeed(Options{Feed: "otx", HTTP: h, Known: f.store},
		otxSettings{URL: f.URL(), Key: f.Key, Limit: f.limit}, httpx.Policy{Attempts: 5, First: time.Microsecond, Timeout: 2 * f.wait})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// collect runs once and returns what was skipped and why the run ended.
func (f *fake) collect() (skipped []string, end error) {
	f.t.Helper()
	for b, err := range f.feed().Collect(f.t.Context(), f.store.cursor) {
		switch {
		case err == nil:
			f.store.put(b)
		case errors.Is(err, ErrSkipped):
			skipped = append(skipped, err.Error())
		default:
			end = err
		}
	}
	for _, s := range append(skipped, fmt.Sprint(end)) {
		if strings.Contains(s, f.Key) || strings.Contains(s, "modified_since") {
			f.t.Errorf("a secret or a query stands in: %s", s)
		}
	}
	return skipped, end
}

// complete runs once and demands that nothing was missed.
func (f *fake) complete() {
	f.t.Helper()
	skipped, err := f.collect()
	if err != nil || len(skipped) > 0 {
		f.t.Fatalf("the run was not complete: %v %v", skipped, err)
	}
	if f.store.cursor == "" {
		f.t.Fatal("a complete run leaves no cursor")
	}
	if d := cmp.Diff(truth(f.Server), f.store.facts()); d != "" {
		f.t.Fatalf("stored differs from the account (-account +stored):\n%s", d)
	}
}

func (f *fake) requests(path string) int {
	n := 0
	for _, r := range f.Requests() {
		if strings.Contains(r.URI, path) {
			n++
		}
	}
	return n
}

func TestOTXWholeAccount(t *testing.T) {
	t.Parallel()
	f := func(name string, a otxtest.Account, limit int) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := startFake(t, a)
			s.limit = limit
			s.complete()
			first := len(s.Requests())
			s.complete()
			if n := len(s.Requests()) - first; n > 13 { // the newest pulses are read again
				t.Errorf("a run without news took %d requests", n)
			}
		})
	}
	f("empty", otxtest.Account{}, 50)
	f("one page", otxtest.Account{Pulses: 7, IndicatorsPerPulse: 30}, 50)
	f("exactly two pages", otxtest.Account{Pulses: 20, IndicatorsPerPulse: 3}, 10)
	f("many pages", otxtest.Account{Pulses: 333, IndicatorsPerPulse: 2}, 10)
	f("single pulses", otxtest.Account{Pulses: 9, IndicatorsPerPulse: 2}, 1)
	f("pairs", otxtest.Account{Pulses: 19, IndicatorsPerPulse: 2}, 2)
	f("threes", otxtest.Account{Pulses: 19, IndicatorsPerPulse: 2}, 3)
	f("the server gives less than asked", otxtest.Account{Pulses: 100, IndicatorsPerPulse: 2, MaxLimit: 7}, 50)
	f("an empty page in the middle", otxtest.Account{Pulses: 60, IndicatorsPerPulse: 2, EmptyPage: 3}, 10)
	f("cut lists", otxtest.Account{Pulses: 12, IndicatorsPerPulse: 2500, MoreIndicatorsEvery: 3, InactiveEvery: 2}, 10)
	f("cut lists, few a page", otxtest.Account{Pulses: 4, IndicatorsPerPulse: 300, MoreIndicatorsEvery: 1, MaxLimit: 70}, 10)
	f("gzip", otxtest.Account{Pulses: 30, IndicatorsPerPulse: 50, Gzip: true}, 10)
}

func TestOTXBatchesAreBounded(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 5, IndicatorsPerPulse: 25_000})
	s.complete()
	if s.store.biggest > otxMembers || s.store.batches < 13 {
		t.Errorf("%d batches of up to %d members", s.store.batches, s.store.biggest)
	}
}

func TestOTXTransientFaults(t *testing.T) {
	t.Parallel()
	f := func(name string, fault otxtest.Fault) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startFake(t, otxtest.Account{Pulses: 60, IndicatorsPerPulse: 20, MoreIndicatorsEvery: 20})
			if strings.HasSuffix(name, "stalled") || strings.HasSuffix(name, "hangs") {
				s.wait = 500 * time.Millisecond
			}
			s.Fault(fault)
			s.complete()
		})
	}
	for _, path := range []string{"/pulses/subscribed", "/pulses/events", "/pulses/*/indicators"} {
		twice := func(e otxtest.Effect) otxtest.Fault { return otxtest.Fault{Path: path, Times: 2, Do: e} }
		f(path+" 502", twice(otxtest.Gateway(http.StatusBadGateway)))
		f(path+" 503", twice(otxtest.Gateway(http.StatusServiceUnavailable)))
		f(path+" 504", twice(otxtest.Gateway(http.StatusGatewayTimeout)))
		f(path+" HTML with 200", twice(otxtest.Reply(http.StatusOK, "text/html", "<html><body>maintenance</body></html>")))
		f(path+" an empty answer", twice(otxtest.Reply(http.StatusOK, "application/json", "")))
		f(path+" an answer of another kind", twice(otxtest.Reply(http.StatusOK, "application/json", `{"detail":"try later"}`)))
		f(path+" throttled", twice(otxtest.Refuse(http.StatusTooManyRequests, otxtest.DetailThrottled, "0")))
		f(path+" cut", twice(otxtest.Cut(20)))
		f(path+" aborted", twice(otxtest.Abort(20)))
		f(path+" stalled", twice(otxtest.Stall(20)))
		f(path+" hangs", twice(otxtest.Hang()))
	}
	f("next names another host", otxtest.Fault{Do: otxtest.NextHost("https://evil.example")})
	f("next is missing on the first page", otxtest.Fault{Path: "/pulses/subscribed", Page: 1, Do: otxtest.NextMissing()})
	f("next is missing on the second page", otxtest.Fault{Path: "/pulses/subscribed", Page: 2, Do: otxtest.NextMissing()})
	f("next is always missing", otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.NextMissing()})
	f("next is missing in the events", otxtest.Fault{Path: "/pulses/events", Do: otxtest.NextMissing()})
	f("a plus in next", otxtest.Fault{Do: otxtest.NextPlus()})
	f("count too small", otxtest.Fault{Do: otxtest.Count(-1000)})
	f("count too big", otxtest.Fault{Do: otxtest.Count(1000)})
	f("latency", otxtest.Fault{Times: 2, Do: otxtest.Latency(20 * time.Millisecond)})
	f("long descriptions", otxtest.Fault{Do: otxtest.LongDescription(100_000)})
}

// TestOTXListsThatEndTooSoon: a pulse's own list of several pages, whose "next"
// is missing on the first of them, is read to its end all the same.
func TestOTXListsThatEndTooSoon(t *testing.T) {
	t.Parallel()
	for _, page := range []int{1, 2, 0} { // 0: on every page
		s := startFake(t, otxtest.Account{Pulses: 3, IndicatorsPerPulse: 2500, MoreIndicatorsEvery: 1})
		s.Fault(otxtest.Fault{Path: "/pulses/*/indicators", Page: page, Do: otxtest.NextMissing()})
		s.complete()
	}
}

func TestOTXShapes(t *testing.T) {
	t.Parallel()
	a := otxtest.Account{Pulses: 40, IndicatorsPerPulse: 12, MoreIndicatorsEvery: 10, InactiveEvery: 3}
	for bit := otxtest.Shape(1); bit != 0; bit <<= 1 {
		t.Run(fmt.Sprint(bit), func(t *testing.T) {
			s := startFake(t, a)
			s.Fault(otxtest.Fault{Do: otxtest.Shaped(bit)})
			s.complete()
		})
	}
	s := startFake(t, a)
	s.Fault(otxtest.Fault{Do: otxtest.Shaped(^otxtest.Shape(0))})
	s.complete()
}

// One pulse that the service cannot serve costs that pulse alone, is reported
// once, and leaves the cursor; the next run makes good.
func TestOTXPoisonedPulse(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1, 9, 10, 24, 57, 58, 59} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s := startFake(t, otxtest.Account{Pulses: 60, IndicatorsPerPulse: 5})
			id := s.ID(at)
			s.Fault(otxtest.Fault{Pulse: id, Path: "/pulses/subscribed", Do: otxtest.Gateway(http.StatusGatewayTimeout)})
			skipped, err := s.collect()
			if err != nil || len(skipped) != 1 || !strings.Contains(skipped[0], fmt.Sprintf("pulse %d ", 60-at)) && at != 59 {
				t.Fatalf("%v %q", err, skipped)
			}
			want := slices.DeleteFunc(truth(s.Server), func(f string) bool { return strings.HasPrefix(f, id) })
			if _, back := s.store.members[id]; back {
				want = truth(s.Server) // the public feed had it
			}
			if d := cmp.Diff(want, s.store.facts()); d != "" {
				t.Fatal(d)
			}
			if s.store.cursor != "" {
				t.Errorf("the cursor moved: %s", s.store.cursor)
			}
			s.ClearFaults()
			s.complete()
		})
	}
}

func TestOTXTwoPoisonedPulses(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 100, IndicatorsPerPulse: 5})
	for _, i := range []int{70, 75} {
		s.Fault(otxtest.Fault{Pulse: s.ID(i), Path: "/pulses/subscribed", Do: otxtest.Abort(100)})
	}
	skipped, err := s.collect()
	if err != nil || len(skipped) != 2 {
		t.Fatalf("%v %q", err, skipped)
	}
	s.ClearFaults()
	s.complete()
}

// When the list is down, what is public and by known authors comes all the
// same; what is not ours and public does not.
func TestOTXListDown(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 60, IndicatorsPerPulse: 5, OtherPulses: 30})
	s.complete()
	cursor := s.store.cursor
	for i := range 25 {
		if err := s.Modify(s.ID(i), func(p *otxtest.Pulse) { p.Name = "changed" }); err != nil {
			t.Fatal(err)
		}
	}
	s.Fault(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.Gateway(http.StatusGatewayTimeout)})
	skipped, err := s.collect()
	if err != nil || len(skipped) == 0 {
		t.Fatalf("%v %q", err, skipped)
	}
	if d := cmp.Diff(truth(s.Server), s.store.facts()); d != "" {
		t.Fatal(d)
	}
	if s.store.cursor != cursor {
		t.Error("the cursor moved")
	}
	if n := s.requests("/pulses/subscribed"); n > 60 {
		t.Errorf("%d requests to a list that is down", n)
	}
	s.ClearFaults()
	s.complete()
}

func TestOTXEverythingDown(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 10, IndicatorsPerPulse: 1})
	s.complete()
	s.Fault(otxtest.Fault{Do: otxtest.Gateway(http.StatusGatewayTimeout)})
	if skipped, err := s.collect(); err != nil || len(skipped) < 2 || len(s.store.reports) != 10 {
		t.Fatalf("%v %q", err, skipped)
	}
	s.Close()
	if skipped, err := s.collect(); err == nil || len(skipped) > 0 {
		t.Fatalf("a server that is not there: %v %q", err, skipped)
	}
}

func TestOTXLists(t *testing.T) {
	t.Parallel()
	// A list that cannot be read to its end withdraws nothing.
	s := startFake(t, otxtest.Account{Pulses: 6, IndicatorsPerPulse: 3000, MoreIndicatorsEvery: 6})
	s.complete()
	id := s.ID(0)
	for i := range 6 {
		if err := s.Touch(i); err != nil {
			t.Fatal(err)
		}
	}
	before := s.store.facts()
	s.Fault(otxtest.Fault{Path: "/pulses/*/indicators", Skip: 1, Do: otxtest.Gateway(http.StatusBadGateway)})
	skipped, err := s.collect()
	if err != nil || len(skipped) != 1 {
		t.Fatalf("%v %q (pulse %s)", err, skipped, id)
	}
	if d := cmp.Diff(before, s.store.facts()); d != "" {
		t.Fatal(d)
	}
	s.ClearFaults()
	s.complete()
}

func TestOTXNotAuthorised(t *testing.T) {
	t.Parallel()
	f := func(name string, e otxtest.Effect) {
		t.Helper()
		s := startFake(t, otxtest.Account{Pulses: 3})
		s.Fault(otxtest.Fault{Do: e})
		if _, err := s.collect(); !errors.Is(err, ErrAuth) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(s.Requests()); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
		if _, err := s.feed().Check(t.Context()); !errors.Is(err, ErrAuth) {
			t.Errorf("%s: check: %v", name, err)
		}
	}
	f("403", otxtest.Forbid())
	f("401", otxtest.Refuse(http.StatusUnauthorized, "no", ""))
	f("429 that means no key", otxtest.Refuse(http.StatusTooManyRequests, otxtest.DetailAnonymous, ""))
	s := startFake(t, otxtest.Account{Pulses: 3})
	if got, err := s.feed().Check(t.Context()); err != nil || got != "user demo" {
		t.Error(got, err)
	}
	s.Fault(otxtest.Fault{Do: otxtest.Refuse(http.StatusTooManyRequests, otxtest.DetailThrottled, "")})
	if _, err := s.collect(); err == nil || errors.Is(err, ErrAuth) || s.store.cursor != "" {
		t.Errorf("429 that means too fast: %v", err)
	}
}

func TestOTXEndless(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 30, IndicatorsPerPulse: 1})
	s.Fault(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.NextRepeats()})
	skipped, err := s.collect()
	if err != nil || len(skipped) == 0 || s.store.cursor != "" {
		t.Fatalf("%v %q", err, skipped)
	}
}

// A pulse that cannot be read in the list is read by itself; when that fails
// too it is reported, and all others are stored.
func TestOTXMalformed(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 30, IndicatorsPerPulse: 4})
	bad := s.ID(13)
	s.Fault(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.Malformed(bad)})
	s.complete()
	s = startFake(t, otxtest.Account{Pulses: 30, IndicatorsPerPulse: 4})
	s.Fault(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.Malformed(bad)},
		otxtest.Fault{Path: "/pulses/" + bad, Do: otxtest.Gateway(http.StatusBadGateway)})
	skipped, err := s.collect()
	if err != nil || len(skipped) != 1 || !strings.Contains(skipped[0], bad) || s.store.cursor != "" {
		t.Fatalf("%v %q", err, skipped)
	}
	want := slices.DeleteFunc(truth(s.Server), func(f string) bool { return strings.HasPrefix(f, bad) })
	if d := cmp.Diff(want, s.store.facts()); d != "" {
		t.Fatal(d)
	}
}

func TestOTXGzipBomb(t *testing.T) {
	t.Parallel()
	s := startFake(t, otxtest.Account{Pulses: 3})
	s.limit = 1
	s.Fault(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.GzipBomb(70 << 20)})
	skipped, err := s.collect()
	if err != nil || len(skipped) == 0 || !strings.Contains(skipped[0], "too big") {
		t.Fatalf("%v %q", err, skipped)
	}
}
