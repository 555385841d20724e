package collect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/memory"
)

const (
	taxiiUser     = "c4n4ry-user"
	taxiiPassword = "c4n4ry-password"
)

// day is the first day of what the fakes hold, and today is when they are polled.
var (
	day   = time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	today = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
)

// stix1 is a STIX 1 package that names domains.
func stix1(id string, modified time.Time, domains ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" xmlns:indicator="http://stix.mitre.org/Indicator-2"
 xmlns:cybox="http://cybox.mitre.org/cybox-2" xmlns:DomainNameObj="http://cybox.mitre.org/objects#DomainNameObject-1"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ex="http://feed.example" id="ex:%s" version="1.1.1" timestamp="%s">
<stix:STIX_Header><stix:Title>Title of %[1]s</stix:Title></stix:STIX_Header><stix:Indicators>`, id, modified.Format(time.RFC3339))
	for _, d := range domains {
		fmt.Fprintf(&b, `<stix:Indicator id="ex:indicator-%s-%s" xsi:type="indicator:IndicatorType"><indicator:Observable><cybox:Object>`+
			`<cybox:Properties xsi:type="DomainNameObj:DomainNameObjectType"><DomainNameObj:Value>%[2]s</DomainNameObj:Value></cybox:Properties>`+
			`</cybox:Object></indicator:Observable></stix:Indicator>`, id, d)
	}
	b.WriteString(`</stix:Indicators></stix:STIX_Package>`)
	return b.String()
}

// blocks are n content blocks, one a six hours, with so many domains each.
func blocks(n, domains int) []taxiitest.Block1 {
	var out []taxiitest.Block1
	for i := range n {
		var names []string
		for d := range domains {
			names = append(names, fmt.Sprintf("d%d.b%d.example", d, i))
		}
		at := day.Add(time.Duration(i) * 6 * time.Hour)
		out = append(out, taxiitest.Block1{Label: at, Content: stix1(fmt.Sprintf("p%d", i), at, names...)})
	}
	return out
}

// fake1 is a TAXII 1 server with one filled and one empty collection.
func fake1(bs []taxiitest.Block1) *taxiitest.TAXII1 {
	return &taxiitest.TAXII1{User: taxiiUser, Password: taxiiPassword, PageSize: 5, Collections: []taxiitest.Collection1{
		{Name: "user_AlienVault", Description: "Data feed for user: AlienVault", Blocks: bs},
		{Name: "user_demo", Description: "Data feed for user: demo"},
	}}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func taxii1Options(base string) taxiiOptions {
	return taxiiOptions{"url": base + taxiitest.Poll1, "collection": "user_AlienVault", "username": taxiiUser, "password": taxiiPassword}
}

func newTAXII(t *testing.T, s taxiiOptions, known collect.Known) collect.Collector {
	t.Helper()
	c, err := collect.New("taxii", collect.Options{Feed: "av", Decode: s.decode, Known: known, Now: func() time.Time { return today }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// poll runs a feed into a store.
func poll(t *testing.T, c collect.Collector, s collect.Store) collect.Result {
	t.Helper()
	r, err := collect.Run(t.Context(), "av", c, s, collect.RunOptions{Now: func() time.Time { return today }})
	if err != nil {
		t.Fatalf("%v (%+v)", err, r)
	}
	return r
}

// stored lists what a store holds: report, type, value.
func stored(t *testing.T, s *memory.Store) []string {
	t.Helper()
	var out []string
	for o, err := range s.Observables(t.Context(), ioc.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		is, err := s.Lookup(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range is {
			for _, r := range i.Reports {
				out = append(out, r.ID+" "+string(o.Type)+" "+o.Value)
			}
		}
	}
	slices.Sort(out)
	return out
}

// front stands before a server and does to requests what the test wants.
type front struct {
	http.Handler
	mu sync.Mutex
	do func(w http.ResponseWriter, r *http.Request, body string) bool // true: it was answered
}

func (f *front) set(do func(w http.ResponseWriter, r *http.Request, body string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	f.mu.Lock()
	do := f.do
	f.mu.Unlock()
	if do == nil || !do(w, r, string(b)) {
		f.Handler.ServeHTTP(w, r)
	}
}

var windowOf = map[string]*regexp.Regexp{
	"begin": regexp.MustCompile(`Exclusive_Begin_Timestamp>([^<]*)<`), "end": regexp.MustCompile(`Inclusive_End_Timestamp>([^<]*)<`),
}

// inWindow reports whether a poll's window holds a label.
func inWindow(body string, label time.Time) bool {
	at := func(which string, or time.Time) time.Time {
		if m := windowOf[which].FindStringSubmatch(body); m != nil {
			t, _ := time.Parse(time.RFC3339Nano, m[1])
			return t
		}
		return or
	}
	return strings.Contains(body, "Poll_Request") && label.After(at("begin", time.Time{})) && !label.After(at("end", label))
}

// poison makes every poll whose window holds that label fail.
func poison(label time.Time, status int) func(w http.ResponseWriter, r *http.Request, body string) bool {
	return func(w http.ResponseWriter, r *http.Request, body string) bool {
		if !inWindow(body, label) {
			return false
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		fmt.Fprint(w, "<html>gateway</html>")
		return true
	}
}

func TestTAXII1KeepsTheContract(t *testing.T) {
	t.Parallel()
	bs := blocks(40, 60)
	healthy := serve(t, fake1(bs))
	broken := func(fault func(*taxiitest.TAXII1)) func(*testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			s := fake1(bs)
			fault(s)
			return newTAXII(t, taxii1Options(serve(t, s)), nil)
		}
	}
	collecttest.Run(t, collecttest.Subject{
		New:    func(t *testing.T) collect.Collector { return newTAXII(t, taxii1Options(healthy), nil) },
		Canary: "c4n4ry",
		Faults: map[string]func(t *testing.T) collect.Collector{
			"a label that nobody can poll": func(t *testing.T) collect.Collector {
				return newTAXII(t, taxii1Options(serve(t, &front{Handler: fake1(bs), do: poison(bs[17].Label, http.StatusGatewayTimeout)})), nil)
			},
			"the login is revoked": broken(func(s *taxiitest.TAXII1) { s.Faults.Parts = map[int]taxiitest.Status1{3: {Type: "UNAUTHORIZED"}} }),
			"more is counted":      broken(func(s *taxiitest.TAXII1) { s.Count, s.Faults.CountOff = true, 1 }),
			"the same part again":  broken(func(s *taxiitest.TAXII1) { s.Faults.SamePart = true }),
			"a login page":         broken(func(s *taxiitest.TAXII1) { s.Faults.Page = http.StatusOK }),
			"FAILURE":              broken(func(s *taxiitest.TAXII1) { s.Faults.Status = &taxiitest.Status1{Type: "FAILURE"} }),
		},
	})
}

// What a package becomes, what the run counts, and that a second run changes nothing.
func TestTAXII1IntoAStore(t *testing.T) {
	t.Parallel()
	f := fake1(blocks(12, 3))
	base := serve(t, f)
	s := memory.New()
	r := poll(t, newTAXII(t, taxii1Options(base), s), s)
	want := map[string]int{"content block": 12, "observable": 36}
	if d := cmp.Diff(want, r.Read); d != "" || r.Reports != 12 || r.Changes.New != 36 || r.Outcome() != collect.OK || len(r.Notes) > 0 {
		t.Errorf("%s %+v", d, r)
	}
	got := stored(t, s)
	if len(got) != 36 || !slices.Contains(got, "{http://feed.example}p3 domain d1.b3.example") {
		t.Errorf("%q", got)
	}
	// The second poll begins before the newest label: the last block comes again, and is known.
	armed, _ := s.Armed(t.Context())
	r = poll(t, newTAXII(t, taxii1Options(base), s), s)
	if r.Read["content block"] != 1 || r.Changes.Unchanged != 3 || r.Changes.New+r.Changes.Changed+r.Changes.Withdrawn > 0 || r.Before != r.After {
		t.Errorf("the second run: %+v", r)
	}
	if again, _ := s.Armed(t.Context()); again != armed {
		t.Error("the second run armed what had not changed")
	}
	// What is new is read from the mark on.
	f.Change(func(f *taxiitest.TAXII1) {
		c := &f.Collections[0]
		c.Blocks = append(c.Blocks, taxiitest.Block1{Label: today, Content: stix1("new", today, "new.example")})
	})
	if r = poll(t, newTAXII(t, taxii1Options(base), s), s); r.Changes.New != 1 || r.Read["content block"] != 2 {
		t.Errorf("the third run: %+v", r)
	}
}

func TestTAXII1EmptyCollectionIsFine(t *testing.T) {
	t.Parallel()
	s := memory.New()
	o := taxii1Options(serve(t, fake1(nil))).with("collection", "user_demo")
	r := poll(t, newTAXII(t, o, s), s)
	if r.Outcome() != collect.OK || r.Fetched != 0 || r.After == "" || len(r.Notes) > 0 {
		t.Errorf("%+v", r)
	}
}

// begins lists the begins of the polls that a server was asked.
func begins(f *taxiitest.TAXII1) []string {
	var out []string
	for _, q := range f.Asked() {
		if q.Message == "Poll_Request" {
			out = append(out, q.Begin)
		}
	}
	return out
}

// The first poll reaches back as far as configured, a later one as far as the
// mark less the overlap.
func TestTAXII1LookbackAndOverlap(t *testing.T) {
	t.Parallel()
	f := func(first, second string, kv ...any) {
		t.Helper()
		server := fake1(blocks(4, 1)) // the last is labelled 2024-02-01T18:00
		base := serve(t, server)
		s := memory.New()
		for range 2 {
			poll(t, newTAXII(t, taxii1Options(base).with(kv...), s), s)
		}
		if got := begins(server); !slices.Equal(got, []string{first, second}) {
			t.Errorf("%v: begins %q, want %q, %q", kv, got, first, second)
		}
	}
	f("2023-12-02T00:00:00+00:00", "2024-02-01T17:00:00+00:00")
	f("", "2024-02-01T17:00:00+00:00", "lookback", time.Duration(0))
	f("2024-02-01T00:00:00+00:00", "2024-02-01T18:00:00+00:00", "lookback", 29*24*time.Hour, "overlap", time.Duration(0))
	f("2023-12-02T00:00:00+00:00", "2024-01-22T18:00:00+00:00", "overlap", 10*24*time.Hour)
}

// A label from the future does not make the next runs blind.
func TestTAXII1LabelFromTheFuture(t *testing.T) {
	t.Parallel()
	bs := blocks(2, 1)
	bs = append(bs, taxiitest.Block1{Label: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), Content: stix1("future", today, "future.example")})
	server := fake1(bs)
	base := serve(t, server)
	s := memory.New()
	for range 2 {
		if r := poll(t, newTAXII(t, taxii1Options(base), s), s); r.Read["observable"] == 0 {
			t.Errorf("%+v", r)
		}
	}
	if second := begins(server)[1]; second > time.Now().UTC().Format(time.RFC3339) {
		t.Errorf("the second poll begins at %s", second)
	}
}

// A DATA_SET has no times: it is read whole, and what it no longer has is gone.
func TestTAXII1DataSet(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(6, 2))
	server.Collections[0].Set = true
	base := serve(t, server)
	s := memory.New()
	run := func() collect.Result { return poll(t, newTAXII(t, taxii1Options(base), s), s) }
	if r := run(); r.Changes.New != 12 {
		t.Fatalf("%+v", r)
	}
	if b := begins(server); !slices.Equal(b, []string{""}) {
		t.Errorf("begins %q", b)
	}
	if r := run(); r.Changes.Unchanged != 12 || r.Gone != 0 {
		t.Errorf("%+v", r)
	}
	set := func(bs []taxiitest.Block1) { server.Change(func(f *taxiitest.TAXII1) { f.Collections[0].Blocks = bs }) }
	bs := blocks(6, 2)
	set(bs[:4])
	if r := run(); r.Gone != 2 || r.Changes.Withdrawn != 4 || len(stored(t, s)) != 8 {
		t.Errorf("%+v", r)
	}
	bad := slices.Clone(bs[:3])
	bad[1].Content = "<a>"
	set(bad)
	if r := run(); r.Gone != 0 || len(stored(t, s)) != 8 || r.Read["quarantined content block"] != 1 {
		t.Errorf("a block that cannot be read may be one that is stored: %+v", r)
	}
	set(nil)
	if r := run(); r.Gone != 0 || len(stored(t, s)) != 8 {
		t.Errorf("a set that shows nothing withdraws nothing: %+v", r)
	}
}

// Of two versions of a report the newer one counts, in whatever order they
// come, and a poll that meets both again changes nothing.
func TestTAXII1TwoVersionsOfAReport(t *testing.T) {
	t.Parallel()
	f := func(reverse bool) {
		t.Helper()
		older, newer := day, day.Add(30*time.Minute)
		server := fake1([]taxiitest.Block1{
			{Label: older, Content: stix1("p", older, "old.example", "both.example")},
			{Label: newer, Content: stix1("p", newer, "both.example", "new.example")},
			{Label: newer.Add(time.Minute), Content: stix1("q", newer, "q.example")},
		})
		server.Faults.Reverse = reverse
		base := serve(t, server)
		s := memory.New()
		poll(t, newTAXII(t, taxii1Options(base), s), s)
		want := []string{"{http://feed.example}p domain both.example", "{http://feed.example}p domain new.example", "{http://feed.example}q domain q.example"}
		if d := cmp.Diff(want, stored(t, s)); d != "" {
			t.Errorf("reverse %v:\n%s", reverse, d)
		}
		armed, _ := s.Armed(t.Context())
		r := poll(t, newTAXII(t, taxii1Options(base), s), s)
		if again, _ := s.Armed(t.Context()); r.Changes.New+r.Changes.Withdrawn > 0 || again != armed || r.Read["content block"] != 3 {
			t.Errorf("reverse %v: the second run: %+v", reverse, r)
		}
	}
	f(false)
	f(true)
}

// Killed after any batch, the next run leads to the same end.
func TestTAXII1KilledAndRunAgain(t *testing.T) {
	t.Parallel()
	bs := blocks(15, 230)
	base := serve(t, fake1(bs))
	whole := memory.New()
	poll(t, newTAXII(t, taxii1Options(base), whole), whole)
	want := stored(t, whole)
	for n := range 4 {
		s := memory.New()
		killed := errors.New("killed")
		ctx, kill := context.WithCancelCause(t.Context())
		left := n
		_, err := collect.Run(ctx, "av", newTAXII(t, taxii1Options(base), s), s, collect.RunOptions{OnBatch: func(collect.Result) {
			if left--; left < 0 {
				kill(killed)
			}
		}})
		if n < 2 && !errors.Is(err, killed) {
			t.Errorf("killed after %d batches: %v", n+1, err)
		}
		poll(t, newTAXII(t, taxii1Options(base), s), s)
		if d := cmp.Diff(want, stored(t, s)); d != "" {
			t.Errorf("killed after %d batches:\n%.500s", n+1, d)
		}
	}
}

func TestTAXII1NewCollections(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(2, 1))
	hidden := &front{Handler: server}
	base := serve(t, hidden)
	s := memory.New()
	f := func(want ...string) {
		t.Helper()
		if r := poll(t, newTAXII(t, taxii1Options(base), s), s); !slices.Equal(r.Notes, want) {
			t.Errorf("notes %q, want %q", r.Notes, want)
		}
	}
	f()
	f()
	server.Change(func(f *taxiitest.TAXII1) {
		f.Collections = append(f.Collections, taxiitest.Collection1{Name: "user_x", Description: "Data feed for user: x"})
	})
	f("the account has a new collection: user_x (Data feed for user: x)")
	f()
	server.Change(func(f *taxiitest.TAXII1) { f.Collections = slices.Delete(f.Collections, 1, 2) })
	f("the account no longer has the collection user_demo")
	hidden.set(func(w http.ResponseWriter, r *http.Request, _ string) bool { // the list alone forgets it
		if r.URL.Path != taxiitest.Collections1 {
			return false
		}
		other := fake1(nil)
		other.Collections = []taxiitest.Collection1{{Name: "user_x"}}
		other.ServeHTTP(w, r)
		return true
	})
	f("the account no longer has the collection user_AlienVault, which this feed reads")
	hidden.set(nil)
	f("the account has a new collection: user_AlienVault (Data feed for user: AlienVault)")
	// A list that cannot be read is noted, and nothing is taken for vanished.
	o := taxii1Options(base).with("collections", "/nothing/here")
	r := poll(t, newTAXII(t, o, s), s)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "new ones are not noticed") || r.Outcome() != collect.OK {
		t.Errorf("%q", r.Notes)
	}
	f()
}
