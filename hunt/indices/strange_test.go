package indices

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// ask runs a query; ids are the sorted "id value" of its hits.
func (l *lab) ask() (ids []string, sum hunt.QuerySummary) {
	l.t.Helper()
	b := &bin{}
	sum, err := hunt.Query(l.t.Context(), New(l.hunter, Options{}).Watch(l.src), l.arsenal(), b, hunt.QueryOptions{Name: "logs", Ledger: l.ledger, Lease: time.Second})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range b.list() {
		_, id, _ := strings.Cut(h, "/")
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, sum
}

// finds asks, and wants all to have been hunted.
func (l *lab) finds(why string, want ...string) hunt.QuerySummary {
	l.t.Helper()
	got, sum := l.ask()
	if len(sum.Incomplete) > 0 || !slices.Equal(got, want) {
		l.t.Fatalf("%s: %v\n got %q\nwant %q", why, sum.Incomplete, got, want)
	}
	return sum
}

// lacks asks, and wants one place not to have been hunted.
func (l *lab) lacks(why, path, reason string, want ...string) {
	l.t.Helper()
	got, sum := l.ask()
	if len(sum.Incomplete) != 1 || !strings.HasSuffix(sum.Incomplete[0].Path, path) || !strings.Contains(sum.Incomplete[0].Reason, reason) || !slices.Equal(got, want) {
		l.t.Fatalf("%s: %v, want %q %q\n got %q\nwant %q", why, sum.Incomplete, path, reason, got, want)
	}
}

func (l *lab) send(path, body string) {
	l.t.Helper()
	path, query, _ := strings.Cut(path, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		l.t.Fatal(err)
	}
	method, path, _ := strings.Cut(path, " ")
	if err := l.c.Do(l.t.Context(), es.Request{Method: method, Path: path, Query: q, Body: []byte(body)}, nil); err != nil {
		l.t.Fatal(err)
	}
}

func newEvilLab(t *testing.T, n estest.Node) *lab {
	l := newLab(t, n)
	l.armed = []ioc.Observable{domain("evil-0.example"), domain("evil-1.example")}
	return l
}

// TestDataStreams: a stream is hunted through its rollovers.
func TestDataStreams(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		ds := l.prefix + "logs-ds"
		l.send("PUT /_index_template/"+l.prefix+"t", fmt.Sprintf(`{"index_patterns":[%q],"priority":900,"data_stream":{},"template":%s}`, ds, fmt.Sprintf(watchMapping, 1)))
		l.send("PUT /"+ds+"/_create/1", dns(recent, recent, "evil-0.example"))
		for i := range 20 { // so that what is new is not nearly all
			l.send("PUT /"+ds+fmt.Sprint("/_create/good", i), dns(recent, recent, "good.example"))
		}
		l.finds("a stream by a pattern", "1 evil-0.example")
		l.send("PUT /"+ds+"/_create/2", dns(old, recent, "evil-0.example"))
		l.send("POST /"+ds+"/_rollover", "")
		l.send("PUT /"+ds+"/_create/3", dns(recent, recent, "evil-1.example"))
		l.finds("before and behind a rollover", "2 evil-0.example", "3 evil-1.example")
		l.finds("nothing is new")
		l.src.Indices = []string{ds}
		l.finds("the same by its name")
	})
}

// TestAliases: a filter of an alias is for those who search by it; the indices
// behind it are hunted wholly. Hidden ones are, where they are named.
func TestAliases(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		a, b := l.index("a", 1), l.prefix+"hidden"
		createIndex(t, n, b, strings.Replace(fmt.Sprintf(watchMapping, 1), `"settings":{`, `"settings":{"index.hidden":true,`, 1))
		l.put(a, "1", dns(recent, recent, "evil-0.example"))
		l.put(a, "2", dns(recent, recent, "evil-1.example"))
		l.put(b, "3", dns(recent, recent, "evil-1.example"))
		l.send("POST /_aliases", fmt.Sprintf(`{"actions":[{"add":{"index":%q,"alias":"%salias","filter":{"term":{"dns.question.name":"evil-0.example"}}}}]}`, a, l.prefix))
		l.src.Indices = []string{l.prefix + "alias"}
		l.finds("by an alias with a filter", "1 evil-0.example", "2 evil-1.example")
		l.src.Indices = []string{l.prefix + "*"}
		l.src.Except = []string{l.prefix + "ioc_"}
		l.finds("a pattern does not mean hidden ones")
		l.src.Indices = []string{l.prefix + "*", "-" + l.prefix + "hid*", l.prefix + "hidden"}
		l.finds("one that is named", "3 evil-1.example")
	})
}

// TestPatterns: exclusions, names with dates, closed and missing indices.
func TestPatterns(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		a, b := l.index("a", 1), l.index("b", 1)
		l.put(a, "1", dns(recent, recent, "evil-0.example"))
		l.put(b, "2", dns(recent, recent, "evil-1.example"))
		l.src.Indices = []string{l.prefix + "logs-*", "-" + l.prefix + "logs-b*"}
		l.finds("without b", "1 evil-0.example")
		l.send("PUT /"+es.Escape("<"+l.prefix+"logs-{now/d}>")+"/_doc/3", dns(recent, recent, "evil-0.example"))
		l.src.Name = "dated"
		l.src.Indices = []string{"<" + l.prefix + "logs-{now/d{yyyy.MM.dd|+00:00}}>"}
		l.finds("by its date", "3 evil-0.example")
		l.src.Indices = []string{l.prefix + "logs-*"}
		l.send("POST /"+b+"/_close", "")
		l.lacks("closed", "logs-b", "closed", "1 evil-0.example")
		l.send("POST /"+b+"/_open?wait_for_active_shards=1", "")
		l.finds("open again", "2 evil-1.example")
		l.src.Indices = append(l.src.Indices, l.prefix+"nothing-*")
		l.lacks("a pattern for nothing", "nothing-*", "no index has a name like that")
	})
}

// TestRedIndex: a shard that is nowhere keeps nobody else from being hunted, and
// is hunted when it is back.
func TestRedIndex(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		a, b := l.index("a", 1), l.prefix+"logs-b"
		l.put(a, "1", dns(recent, recent, "evil-0.example"))
		for i := range 20 {
			l.put(a, fmt.Sprint("good", i), dns(recent, recent, "good.example"))
		}
		l.send("PUT /"+b+"?wait_for_active_shards=0", strings.Replace(fmt.Sprintf(watchMapping, 1), `"settings":{`, `"settings":{"index.routing.allocation.require._name":"nowhere",`, 1))
		l.lacks("a red index", "logs-b", "whole", "1 evil-0.example")
		l.put(a, "3", dns(recent, recent, "evil-0.example"))
		l.lacks("still red", "logs-b", "whole", "3 evil-0.example")
		l.send("PUT /"+b+"/_settings", `{"index.routing.allocation.require._name":null}`)
		l.put(b, "2", dns(recent, recent, "evil-1.example")) // waits for the shard
		l.finds("back", "2 evil-1.example")
	})
}

// TestSharedIDs: documents that were routed by hand may have one id, and even one
// sequence number.
func TestSharedIDs(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		x := l.index("x", 2)
		l.send("PUT /"+x+"/_doc/1?routing=0", dns(recent, recent, "evil-0.example"))
		l.send("PUT /"+x+"/_doc/1?routing=1", dns(recent, recent, "evil-1.example"))
		l.finds("both", "1 evil-0.example", "1 evil-1.example")
	})
}

// TestModes: indices that keep their documents in other ways than as they came.
func TestModes(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		for name, settings := range map[string]string{
			"logsdb":      `"index.mode":"logsdb"`,
			"time_series": `"index.mode":"time_series","index.routing_path":["host.name"],"index.time_series.start_time":"2000-01-01T00:00:00Z","index.time_series.end_time":"2100-01-01T00:00:00Z"`,
			"sorted":      `"index.sort.field":"@timestamp"`,
			"compressed":  `"index.codec":"best_compression"`,
		} {
			t.Run(name, func(t *testing.T) {
				l := newEvilLab(t, n)
				x := l.prefix + "logs-x"
				body := fmt.Sprintf(watchMapping, 1)
				body = strings.Replace(body, `"settings":{`, `"settings":{`+settings+`,`, 1)
				body = strings.Replace(body, `"destination":`, `"host":{"properties":{"name":{"type":"keyword"`+dimension(name)+`}}},"destination":`, 1)
				err := l.c.Do(t.Context(), es.Request{Method: "PUT", Path: "/" + x, Body: []byte(body)}, nil)
				if es.IsStatus(err, http.StatusBadRequest) && name != "sorted" {
					t.Skip(err)
				} else if err != nil {
					t.Fatal(err)
				}
				doc := func(at, name string) string {
					return strings.Replace(dns(at, at, name), "{", `{"host":{"name":"h"},"message":"no and [`+name+`]",`, 1)
				}
				l.send("POST /"+x+"/_doc", doc(recent, "evil-0.example"))
				l.send("POST /"+x+"/_doc", doc(old, "good.example"))
				values := func(why string, want ...string) {
					t.Helper()
					got, sum := l.ask()
					for i := range got {
						_, got[i], _ = strings.Cut(got[i], " ")
					}
					if len(sum.Incomplete) > 0 || !slices.Equal(got, want) {
						t.Errorf("%s: %q, want %q; %v", why, got, want, sum.Incomplete)
					}
				}
				values("all is new", "evil-0.example")
				l.send("POST /"+x+"/_doc", doc("2024-01-01T00:00:00Z", "evil-1.example"))
				values("a new one", "evil-1.example")
				l.armed = append(l.armed, domain("good.example"))
				values("a new indicator", "good.example")
				values("nothing is new")
			})
		}
	})
}

func dimension(mode string) string {
	if mode == "time_series" {
		return `,"time_series_dimension":true`
	}
	return ""
}

// TestNoSource: what the index itself holds is hunted, what it does not is said.
func TestNoSource(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		l := newEvilLab(t, n)
		x := l.prefix + "logs-x"
		createIndex(t, n, x, strings.Replace(fmt.Sprintf(watchMapping, 1), `"mappings":{`, `"mappings":{"_source":{"enabled":false},`, 1))
		l.put(x, "1", dns(recent, recent, "evil-0.example"))
		got, sum := l.ask()
		if !slices.Equal(got, []string{"1 evil-0.example"}) || len(sum.Incomplete) != 1 || !strings.Contains(sum.Incomplete[0].Reason, "message") {
			t.Errorf("%q %v", got, sum.Incomplete)
		}
		l.src.Fields = watchFields[:2]
		l.finds("without free text", "1 evil-0.example")
	})
}
