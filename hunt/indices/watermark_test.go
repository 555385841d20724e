package indices

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
)

var watchFields = []Field{
	{Name: "dns.question.name", Types: []ioc.Type{ioc.Domain}},
	{Name: "destination.ip", Types: []ioc.Type{ioc.IP}},
	{Name: "message", Types: []ioc.Type{ioc.Domain, ioc.IP}, Text: true},
}

const watchMapping = `{"settings":{"number_of_shards":%d,"number_of_replicas":0},"mappings":{"properties":{"@timestamp":{"type":"date"},
	"event":{"properties":{"ingested":{"type":"date"}}},"destination":{"properties":{"ip":{"type":"ip"}}},
	"dns":{"properties":{"question":{"properties":{"name":{"type":"keyword"}}}}},"message":{"type":"text"}}}}`

// said claims everything.
type said struct{}

func (said) Observables(context.Context, ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return func(func(ioc.Observable, error) bool) {}
}
func (said) Lookup(_ context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	return []ioc.Indicator{{Observable: o, Feed: "test"}}, nil
}

// bin is a sink that keeps "index/id value" of each hit.
type bin struct {
	mu   sync.Mutex
	hits map[string]int
	ids  map[string]bool
}

func (b *bin) Close() error { return nil }
func (b *bin) Emit(_ context.Context, hits []ioc.Hit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hits == nil {
		b.hits, b.ids = map[string]int{}, map[string]bool{}
	}
	for _, h := range hits {
		b.hits[h.Where.Index+"/"+h.Where.DocID+" "+h.Value]++
		b.ids[h.ID] = true
	}
	return nil
}

func (b *bin) list() []string {
	out := []string{}
	for h := range b.hits {
		out = append(out, h)
	}
	slices.Sort(out)
	return out
}

// lab is a source on a server, a ledger beside it, and indicators that grow.
type lab struct {
	t      *testing.T
	n      estest.Node
	c      *es.Client
	prefix string
	src    Source
	ledger hunt.Ledger
	armed  []ioc.Observable
	hunter *es.Client // as which the hunter asks
}

func newLab(t *testing.T, n estest.Node) *lab {
	l := &lab{t: t, n: n, c: n.Client(t), prefix: n.Prefix(t)}
	l.hunter = l.c
	l.src = Source{Name: "logs", Indices: []string{l.prefix + "logs-*"}, Fields: watchFields}
	l.ledger = openLedger(t, l.c, l.prefix)
	return l
}

func openLedger(t testing.TB, c *es.Client, prefix string) *elastic.Store {
	t.Helper()
	if _, err := elastic.Ensure(t.Context(), c, prefix, nil); err != nil {
		t.Fatal(err)
	}
	s, err := elastic.Open(t.Context(), c, elastic.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (l *lab) index(name string, shards int) string {
	l.t.Helper()
	name = l.prefix + "logs-" + name
	createIndex(l.t, l.n, name, fmt.Sprintf(watchMapping, shards))
	return name
}

// put indexes a document without making it findable.
func (l *lab) put(index, id, doc string) {
	l.t.Helper()
	if err := l.c.Do(l.t.Context(), es.Request{Method: "PUT", Path: "/" + index + "/_doc/" + id, Body: []byte(doc)}, nil); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) do(method, path, body string) {
	l.t.Helper()
	if err := l.c.Do(l.t.Context(), es.Request{Method: method, Path: path, Body: []byte(body)}, nil); err != nil {
		l.t.Fatal(err)
	}
}

func domain(v string) ioc.Observable { return ioc.Observable{Type: ioc.Domain, Value: v} }

func (l *lab) arsenal() hunt.Arsenal { return arsenalOf(l.t, slices.Clone(l.armed)) }

// arsenalOf is what there is to hunt for when all have been armed, one by one.
func arsenalOf(t testing.TB, all []ioc.Observable) hunt.Arsenal {
	return hunt.Arsenal{
		Full: compile(t, all), Armed: uint64(len(all)), From: said{},
		Since: func(n uint64) (hunt.Matcher, error) { return compile(t, all[n:]), nil },
	}
}

// hunt runs a query and holds its hits to want, "index/id value" with the prefix
// left out.
func (l *lab) hunt(why string, want ...string) hunt.QuerySummary {
	l.t.Helper()
	b := &bin{}
	sum, err := hunt.Query(l.t.Context(), New(l.hunter, Options{}).Watch(l.src), l.arsenal(), b, hunt.QueryOptions{Name: "logs", Ledger: l.ledger, Lease: time.Second})
	if err != nil || len(sum.Incomplete) > 0 {
		l.t.Fatalf("%s: %v %v", why, err, sum.Incomplete)
	}
	got := b.list()
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], l.prefix+"logs-")
	}
	if slices.Sort(want); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		l.t.Fatalf("%s:\n got %q\nwant %q", why, got, want)
	}
	return sum
}

const (
	eventOf = `{"@timestamp":"%s","event":{"ingested":"%s"},"dns":{"question":{"name":"%s"}}}`
	recent  = "2026-11-20T10:00:00Z"
	old     = "2019-01-01T00:00:00Z"
)

func dns(at, ingested, name string) string { return fmt.Sprintf(eventOf, at, ingested, name) }

// TestWatermarks: what is new in an index, in whatever way, is hunted by the next
// run, once, and nothing else is.
func TestWatermarks(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newLab(t, n)
		l.armed = []ioc.Observable{domain("evil-0.example"), domain("evil-1.example")}
		a := l.index("a", 2)
		for i := range 20 {
			l.put(a, fmt.Sprint("good", i), dns(recent, recent, fmt.Sprintf("good-%d.example", i)))
		}
		l.put(a, "1", dns(recent, recent, "evil-0.example"))
		l.put(a, "2", dns(recent, recent, "www.evil-1.example"))
		l.hunt("all is new", "a/1 evil-0.example", "a/2 evil-1.example")
		l.hunt("nothing is new")

		l.put(a, "3", dns(old, old, "evil-0.example"))
		l.hunt("a late event", "a/3 evil-0.example")
		l.put(a, "4", `{"dns":{"question":{"name":"evil-0.example"}}}`)
		l.hunt("an event without a time", "a/4 evil-0.example")
		l.put(a, "good1", dns(recent, recent, "evil-1.example"))
		l.hunt("an event that was indexed again", "a/good1 evil-1.example")
		l.do("POST", "/"+a+"/_update/good2", `{"doc":{"message":"asked evil-1.example"}}`)
		l.hunt("an event that was changed", "a/good2 evil-1.example")
		l.do("DELETE", "/"+a+"/_doc/1", "")
		l.hunt("an event that was deleted")

		l.armed = append(l.armed, domain("good-3.example"))
		l.put(a, "5", dns(recent, recent, "evil-0.example"))
		sum := l.hunt("a new indicator for old events, and a new event", "a/5 evil-0.example", "a/good3 good-3.example")
		if len(sum.Indices) != 1 || sum.Indices[0].New != 1 || sum.Indices[0].Old < 20 {
			t.Errorf("%+v", sum.Indices)
		}
		l.hunt("nothing is new")

		b := l.index("b", 1)
		l.put(b, "1", dns(recent, recent, "evil-0.example"))
		l.hunt("a new index", "b/1 evil-0.example")
		l.do("DELETE", "/"+b, "")
		sum = l.hunt("an index that is gone")
		l.index("b", 1)
		l.put(b, "1", dns(recent, recent, "evil-1.example"))
		sum = l.hunt("an index that was made anew", "b/1 evil-1.example")
		if len(sum.Coverage.Indices) != 2 {
			t.Errorf("covered: %+v", sum.Coverage.Indices)
		}
		l.src.Fields = append(slices.Clone(watchFields), Field{Name: "event.ingested", Types: []ioc.Type{ioc.Domain}, Text: true})
		sum = l.hunt("other fields", "a/2 evil-1.example", "a/3 evil-0.example", "a/4 evil-0.example", "a/5 evil-0.example",
			"a/good1 evil-1.example", "a/good2 evil-1.example", "a/good3 good-3.example", "b/1 evil-1.example")
		if len(sum.Indices) != 2 || sum.Indices[0].Again == "" {
			t.Errorf("it is not said why all was hunted: %+v", sum.Indices)
		}
		l.hunt("nothing is new")
		for c, err := range hunt.Coverages(t.Context(), l.ledger.(hunt.Pages)) {
			if err != nil || c.Source != "logs" || len(c.Indices) != 2 || c.Indices[0].Last == nil || len(c.Indices[0].Last.Plans) == 0 {
				t.Errorf("coverage %+v %v", c, err)
			}
		}
	})
}

// TestParallelHunters: hunters side by side find each hit, together, and all see
// the run to its end.
func TestParallelHunters(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newLab(t, n)
		l.armed = []ioc.Observable{domain("evil-0.example")}
		var want []string
		for i := range 6 {
			x := l.index(fmt.Sprint(i), 1)
			l.put(x, fmt.Sprint(i), dns(recent, recent, "evil-0.example"))
			want = append(want, fmt.Sprintf("%s/%d evil-0.example", x, i))
		}
		b := &bin{}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				sum, err := hunt.Query(t.Context(), New(l.c, Options{}).Watch(l.src), l.arsenal(), b, hunt.QueryOptions{Name: "logs", Ledger: l.ledger, Poll: 20 * time.Millisecond})
				if err != nil || len(sum.Incomplete) > 0 || len(sum.Coverage.Indices) != 6 {
					t.Errorf("%v %v", err, sum)
				}
			})
		}
		wg.Wait()
		if got := b.list(); !slices.Equal(got, want) || len(b.ids) != 6 {
			t.Errorf("got %q", got)
		}
		l.hunt("nothing is new")
	})
}

// TestTakenOver: the units of a hunter that has vanished are done by the next.
func TestTakenOver(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newLab(t, n)
		l.armed = []ioc.Observable{domain("evil-0.example")}
		x := l.index("x", 1)
		l.put(x, "1", dns(recent, recent, "evil-0.example"))
		vanish := &vanishing{Ledger: l.ledger}
		_, err := hunt.Query(t.Context(), New(l.c, Options{}).Watch(l.src), l.arsenal(), vanish, hunt.QueryOptions{Name: "logs", Ledger: vanish})
		if !errors.Is(err, errVanished) {
			t.Fatal(err)
		}
		sum := l.hunt("what the other had taken", "x/1 evil-0.example")
		if sum.TakenOver != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

var errVanished = errors.New("vanished")

// vanishing is a hunter's sink that fails, and its ledger, which he cannot reach
// from then on.
type vanishing struct {
	hunt.Ledger
	bin
	gone bool
}

func (v *vanishing) Emit(context.Context, []ioc.Hit) error {
	v.gone = true
	return errVanished
}

func (v *vanishing) WritePage(ctx context.Context, kind, name string, body []byte, was string) (string, error) {
	if v.gone {
		return "", errVanished
	}
	return v.Ledger.WritePage(ctx, kind, name, body, was)
}

// TestBetween: a query of a time range, which leaves no trace.
func TestBetween(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newLab(t, n)
		l.armed = []ioc.Observable{domain("evil-0.example")}
		x := l.index("x", 1)
		l.put(x, "1", dns(recent, recent, "evil-0.example"))
		l.put(x, "2", dns(old, recent, "evil-0.example"))
		l.put(x, "3", `{"dns":{"question":{"name":"evil-0.example"}}}`)
		l.do("POST", "/"+x+"/_refresh", "")
		b := &bin{}
		from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		w := New(l.c, Options{}).Watch(l.src).Between(from, from.AddDate(0, 0, 1))
		sum, err := hunt.Query(t.Context(), w, l.arsenal(), b, hunt.QueryOptions{Name: "logs"})
		if err != nil || len(b.hits) != 1 || b.hits[x+"/1 evil-0.example"] != 1 || sum.Coverage != nil {
			t.Errorf("%v %v %+v", err, b.hits, sum)
		}
		if len(sum.Notes) != 1 || !strings.Contains(sum.Notes[0].Reason, "1 documents have no @timestamp") {
			t.Errorf("%v", sum.Notes)
		}
	})
}

// forbidding stands before a server and refuses paths.
func forbidding(t *testing.T, n estest.Node, parts ...string) *es.Client {
	t.Helper()
	to, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(to)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, part := range parts {
			if strings.Contains(r.URL.Path, part) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Elastic-Product", "Elasticsearch")
				w.WriteHeader(http.StatusForbidden)
				_ = json.NewEncoder(w).Encode(es.M{"error": es.M{"type": "security_exception", "reason": "unauthorized"}, "status": 403})
				return
			}
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	c, err := es.New(es.Options{Addresses: []string{s.URL}, Flavor: n.Flavor})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSlices: without the right to ask for sequence numbers or to refresh, what
// is new is still found.
func TestSlices(t *testing.T) {
	for _, refused := range []string{"/_stats", "/_refresh"} {
		t.Run(strings.TrimPrefix(refused, "/"), func(t *testing.T) {
			estest.Each(t, func(t *testing.T, n estest.Node) { testSlices(t, n, refused) })
		})
	}
}

func testSlices(t *testing.T, n estest.Node, refused string) {
	l := newLab(t, n)
	l.hunter = forbidding(t, n, refused)
	l.src.Settle = time.Hour
	l.armed = []ioc.Observable{domain("evil-0.example"), domain("evil-1.example")}
	x := l.index("x", 2)
	fresh := func() { l.do("POST", "/"+x+"/_refresh", "") }
	for i := range 30 {
		l.put(x, fmt.Sprint("good", i), dns(recent, fmt.Sprintf("2026-11-20T%02d:00:00Z", i%24), fmt.Sprintf("good-%d.example", i)))
	}
	l.put(x, "1", dns(recent, recent, "evil-0.example"))
	fresh()
	sum := l.hunt("all is new", "x/1 evil-0.example")
	if len(sum.Notes) != 1 || !strings.Contains(sum.Notes[0].Reason, "by ingest time") {
		t.Errorf("%v", sum.Notes)
	}
	l.hunt("nothing is new")
	l.put(x, "2", dns(old, "2026-11-20T12:00:00Z", "evil-0.example"))
	fresh()
	if sum := l.hunt("a slice that grew", "x/2 evil-0.example"); sum.Events > 4 {
		t.Errorf("%d events of a slice of 3", sum.Events)
	}
	l.put(x, "3", dns(old, "2026-11-20T10:00:00Z", "evil-1.example"))
	fresh()
	l.hunt("a slice is hunted as a whole", "x/1 evil-0.example", "x/3 evil-1.example")
	l.put(x, "4", `{"dns":{"question":{"name":"evil-0.example"}}}`)
	fresh()
	l.hunt("an event without a time", "x/4 evil-0.example")
	l.put(x, "5", `{"@timestamp":"`+recent+`","dns":{"question":{"name":"evil-0.example"}}}`)
	fresh()
	l.hunt("an event without an ingest time", "x/5 evil-0.example")
	l.put(x, "good3", dns(recent, "2026-11-20T03:00:00Z", "evil-1.example"))
	fresh()
	l.hunt("an event that was indexed again, so that no count changed", "x/good3 evil-1.example")
	l.hunt("nothing is new")
	l.armed = append(l.armed, domain("good-7.example"))
	l.hunt("a new indicator", "x/good7 good-7.example")
	l.src.Settle = time.Nanosecond
	l.hunt("each slice once more", "x/1 evil-0.example", "x/2 evil-0.example", "x/3 evil-1.example", "x/4 evil-0.example", "x/5 evil-0.example",
		"x/good3 evil-1.example", "x/good7 good-7.example")
	l.hunt("all has settled")
	l.put(x, "6", dns(old, old, "evil-0.example"))
	fresh()
	l.hunt("one event of another year makes no slice longer", "x/6 evil-0.example")
	for i := range steps[0].most {
		at := time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC).Format(time.RFC3339)
		l.put(x, fmt.Sprint("long", i), dns(at, at, "good.example"))
	}
	fresh()
	l.hunt("an index that got longer is cut by longer steps", "x/1 evil-0.example", "x/2 evil-0.example", "x/3 evil-1.example",
		"x/5 evil-0.example", "x/6 evil-0.example", "x/good3 evil-1.example", "x/good7 good-7.example")
	l.hunt("nothing is new")
}

// TestSlicesOfNoDate: where the times are no dates, the index is one slice.
func TestSlicesOfNoDate(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newLab(t, n)
		l.hunter = forbidding(t, n, "/_stats")
		l.armed = []ioc.Observable{domain("evil-0.example")}
		x := l.index("x", 1)
		l.src.TimeField = "dns.question.name"
		l.put(x, "1", dns(recent, recent, "evil-0.example"))
		l.do("POST", "/"+x+"/_refresh", "")
		l.hunt("all is new", "x/1 evil-0.example")
		l.hunt("nothing is new")
		var b bytes.Buffer
		b.WriteString(dns(old, old, "evil-0.example"))
		l.put(x, "2", b.String())
		l.do("POST", "/"+x+"/_refresh", "")
		l.hunt("it grew", "x/1 evil-0.example", "x/2 evil-0.example")
	})
}
