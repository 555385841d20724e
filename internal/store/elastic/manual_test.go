package elastic

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// plainly is a prepare step: lower case, and nothing with a blank in it.
func plainly(m *ioc.Member) string {
	if m.Type == "" {
		m.Type = ioc.IP
	}
	if strings.Contains(m.Value, " ") {
		return "a blank in it"
	}
	m.Value, m.Declared = strings.ToLower(m.Value), ""
	return ""
}

// byHand is an index that people write to.
type byHand struct {
	*testing.T
	s *Store
}

func (h byHand) write(id, body string) {
	h.Helper()
	h.send(http.MethodPut, id, body)
}

func (h byHand) send(method, id, body string) {
	h.Helper()
	r := es.Request{Method: method, Path: "/" + es.Escape(h.s.index()) + "/_doc/" + url.PathEscape(id), Body: []byte(body)}
	if err := h.s.c.Do(h.Context(), r, nil); err != nil {
		h.Fatal(err)
	}
}

// adopt expects what Adopt changes, and what is there then.
func (h byHand) adopt(want ioc.Changes, values ...string) {
	h.Helper()
	c, _, err := h.s.Adopt(h.Context(), plainly)
	if err != nil || c != want {
		h.Errorf("got %+v, %v, want %+v", c, err, want)
	}
	var got []string
	for i, err := range h.s.List(h.Context(), store.ListFilter{Feeds: []string{ManualFeed}}) {
		if err != nil {
			h.Fatal(err)
		}
		got = append(got, fmt.Sprint(i.Type, " ", i.Value))
	}
	slices.Sort(got)
	if d := cmp.Diff(values, got); d != "" {
		h.Errorf("(-want +got):\n%s", d)
	}
}

func TestAdopt(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		h := byHand{t, s}
		h.adopt(ioc.Changes{})
		if _, err := s.PutBatch(t.Context(), "otx", ioc.Batch{Members: []ioc.Member{{Report: "r", Observable: ioc.Observable{Type: ioc.IP, Value: "192.0.2.9"}}}}); err != nil {
			t.Fatal(err)
		}
		h.adopt(ioc.Changes{})
		h.write("1", `{"type":"domain","value":"EVIL.example"}`)
		h.write("2", `{"type":"FileHash-MD5","indicator":"D41D8CD98F00B204E9800998ECF8427E"}`)
		h.write("3", `{"threat":{"indicator":{"type":"url","url.full":"http://a.example/x","url":{"domain":"a.example"}}}}`)
		h.adopt(ioc.Changes{New: 3, Observables: 3}, "domain evil.example", "md5 d41d8cd98f00b204e9800998ecf8427e", "url http://a.example/x")
		h.adopt(ioc.Changes{}, "domain evil.example", "md5 d41d8cd98f00b204e9800998ecf8427e", "url http://a.example/x")
		h.write("4", `{"type":"ip","value":"192.0.2.1"}`)
		h.adopt(ioc.Changes{New: 1, Observables: 1}, "domain evil.example", "ip 192.0.2.1", "md5 d41d8cd98f00b204e9800998ecf8427e", "url http://a.example/x")
		h.write("1", `{"type":"domain","value":"other.example"}`)
		h.write("5", `{"type":["ip"],"value":"not one"}`)
		h.write("6", `{"note":1}`)
		h.adopt(ioc.Changes{New: 1, Unchanged: 3, Withdrawn: 1, Observables: 1, Refused: 2},
			"domain other.example", "ip 192.0.2.1", "md5 d41d8cd98f00b204e9800998ecf8427e", "url http://a.example/x")
		refusedAt(t, s, "document 5 a blank in it", "document 6 no type and value, type and indicator, or threat.indicator in it")
		h.send(http.MethodDelete, "2", "")
		h.send(http.MethodDelete, "5", "")
		h.adopt(ioc.Changes{Unchanged: 3, Withdrawn: 1, Refused: 1}, "domain other.example", "ip 192.0.2.1", "url http://a.example/x")
		for _, id := range []string{"1", "3", "4"} {
			h.send(http.MethodDelete, id, "")
		}
		h.send(http.MethodDelete, "6", "")
		h.adopt(ioc.Changes{Withdrawn: 3})
		refusedAt(t, s)
	})
}

func refusedAt(t *testing.T, s *Store, want ...string) {
	t.Helper()
	var got []string
	for r, err := range s.Refused(t.Context(), ManualFeed) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Place+" "+r.Reason)
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("refused (-want +got):\n%s", d)
	}
}
