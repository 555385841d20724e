package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// killer stands before a server. It lets a program die with one of its requests:
// before that gets there, or before its answer is back. Nothing that comes later
// gets there, but for the lock, which would run out.
type killer struct {
	mu       sync.Mutex
	armed    bool
	left     int  // requests until then
	deliver  bool // the last request gets there
	die      context.CancelFunc
	upstream http.Handler
}

// aim makes the n-th request from now on the last.
func (k *killer) aim(n int, deliver bool, die context.CancelFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed, k.left, k.deliver, k.die = true, n, deliver, die
}

// rest lets everything pass, and reports whether the program lived.
func (k *killer) rest() (lived bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed = false
	return k.left > 0
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	passes := !k.armed || isLock(r)
	if !passes {
		k.left--
		passes = k.left > 0
	}
	last := !passes && k.left == 0
	k.mu.Unlock()
	switch {
	case passes:
		k.upstream.ServeHTTP(w, r)
		return
	case last && k.deliver:
		k.upstream.ServeHTTP(httptest.NewRecorder(), r)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	k.die()
	w.WriteHeader(http.StatusServiceUnavailable)
}

func isLock(r *http.Request) bool { return strings.Contains(r.URL.Path, "/_doc/lock:") }

// killable is a store whose requests go over a killer.
func killable(t *testing.T, n estest.Node) (*Store, *killer) {
	t.Helper()
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{upstream: httputil.NewSingleHostReverseProxy(u)}
	srv := httptest.NewServer(k)
	t.Cleanup(srv.Close)
	return newStore(t, n, estest.Node{URL: srv.URL, Flavor: n.Flavor}.Client(t)), k
}

// story is what a feed has, and the batch that is killed. Its values are those of
// no other feed, but for one.
type story struct{ feed string }

func (st story) member(report, name string) ioc.Member {
	return ioc.Member{Report: report, Observable: ioc.Observable{Type: ioc.Domain, Value: name + "." + st.feed + ".example"}}
}

func list(id, revision string, start, last bool) ioc.ReportList {
	return ioc.ReportList{Report: ioc.Report{ID: id, Name: "report " + id, Tags: []string{"tag " + revision}}, Revision: revision, Start: start, Last: last}
}

func (st story) first() ioc.Batch {
	b := ioc.Batch{Reports: []ioc.ReportList{list("r", "1", true, true), list("q", "1", true, true), list("p", "1", true, false)}, Next: "1"}
	b.Members = []ioc.Member{st.member("r", "one"), st.member("r", "two"), st.member("r", "three"), st.member("q", "two"), st.member("q", "four"), st.member("p", "five")}
	b.Refused = []ioc.Refusal{{Report: "r", Value: "old"}, {Report: "q", Value: "gone"}}
	b.Lists = []ioc.Warninglist{{ID: "q", Name: "list", Kind: "string", Entries: []string{"x"}}}
	return b
}

func (st story) second() ioc.Batch {
	b := ioc.Batch{Reports: []ioc.ReportList{list("r", "2", true, true), list("p", "1", false, true), list("n", "1", true, true)}, Gone: []string{"q"}, Next: "2"}
	b.Members = []ioc.Member{st.member("r", "two"), st.member("r", "six"), st.member("p", "five"), st.member("p", "one"), st.member("n", "seven"),
		{Report: "n", Observable: ioc.Observable{Type: ioc.IP, Value: "192.0.2.1"}}}
	b.Members[0].Title = "changed"
	b.Refused = []ioc.Refusal{{Report: "r", Value: "new"}}
	b.Lists = []ioc.Warninglist{{ID: "n", Name: "list", Kind: "string", Entries: []string{"y", "z"}}}
	return b
}

// state is all that is stored of the feed, but for the numbers and times of
// writing it.
func (st story) state(t *testing.T, s *Store) []string {
	t.Helper()
	c, err := s.Cursor(t.Context(), st.feed)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"cursor " + string(c)}
	if err := s.refresh(t.Context(), s.state()); err != nil { // the feed is not for searches
		t.Fatal(err)
	}
	for ds, err := range s.documents(t.Context(), term("ioc.feed", st.feed), true) {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			all = append(all, st.keep(t, "document", d))
		}
	}
	for d, err := range s.stored(t.Context(), term("feed", st.feed)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, st.keep(t, d.Kind, d.stateDoc))
	}
	slices.Sort(all)
	return all
}

// fleeting is what differs between two runs that come to the same.
var fleeting = regexp.MustCompile(`"(@timestamp|ingested|at|since|withdrawn_at|Generation|gen|seq|armed_seq|key)":("[^"]*"|[0-9]+),?|:[0-9]+"`)

func (st story) keep(t *testing.T, kind string, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return kind + " " + strings.ReplaceAll(fleeting.ReplaceAllString(string(raw), ""), st.feed, "FEED")
}

// put stores a batch that is to succeed.
func (st story) put(t *testing.T, s *Store, b ioc.Batch) {
	t.Helper()
	if _, err := s.PutBatch(t.Context(), st.feed, b); err != nil {
		t.Fatal(err)
	}
}

// TestPutBatchKilled: a batch that is killed with any of its requests, and
// repeated, comes to the same as one that was not; and readers that go by the
// numbers lack nothing.
func TestPutBatchKilled(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s, k := killable(t, n)
		ref := story{"undisturbed"}
		ref.put(t, s, ref.first())
		ref.put(t, s, ref.second())
		want := ref.state(t, s)
		if len(want) < 12 {
			t.Fatalf("the state is %q", want)
		}
		for _, deliver := range []bool{false, true} {
			for at, lived := 1, false; !lived; at++ {
				st := story{fmt.Sprintf("killed-%d-%v", at, deliver)}
				lived = st.killed(t, s, k, at, deliver)
				if d := cmp.Diff(want, st.state(t, s)); d != "" {
					t.Fatalf("killed with request %d, delivered %v (-want +got):\n%s", at, deliver, d)
				}
			}
		}
	})
}

// killed stores the story, killed in the second batch, then repeated.
func (st story) killed(t *testing.T, s *Store, k *killer, at int, deliver bool) (lived bool) {
	t.Helper()
	st.put(t, s, st.first())
	before, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.aim(at, deliver, cancel)
	_, err = s.PutBatch(ctx, st.feed, st.second())
	if lived = k.rest(); lived != (err == nil) {
		t.Fatalf("request %d: lived %v, %v", at, lived, err)
	}
	st.put(t, s, st.second())
	st.numbers(t, s, before)
	return lived
}

// numbers: what has changed since before is found by its number, and the
// generation is another one.
func (st story) numbers(t *testing.T, s *Store, before SetState) {
	t.Helper()
	now, err := s.State(t.Context())
	if err != nil || now.Generation <= before.Generation || now.Seq <= before.Seq {
		t.Errorf("%+v after %+v, %v", now, before, err)
	}
	got := map[string]bool{}
	for c, err := range s.Delta(t.Context(), before.Seq) {
		if err != nil {
			t.Fatal(err)
		}
		got[strings.TrimSuffix(c.Value, "."+st.feed+".example")] = c.Hunted
	}
	for name, hunted := range map[string]bool{"six": true, "seven": true, "three": false, "four": false} {
		if h, there := got[name]; !there || h != hunted {
			t.Errorf("%s: the changes are %v", name, got)
		}
	}
	if n, _, err := s.counters(t.Context()); err != nil || n.Open || n.Armed != n.Taken {
		t.Errorf("counters %+v, %v", n, err)
	}
}
