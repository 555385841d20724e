package taxii1

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

func TestDiscover(t *testing.T) {
	both := []string{"urn:taxii.mitre.org:message:xml:1.0", "urn:taxii.mitre.org:message:xml:1.1"}
	for version, management := range map[string]string{"1.0": "FEED_MANAGEMENT", "1.1": "COLLECTION_MANAGEMENT"} {
		c := connect(t, feed(), version, taxii.Login{})
		got, err := c.Discover(t.Context(), c.at(t, taxiitest.Discovery1))
		if err != nil || len(got) != 4 || got[1].Type != management {
			t.Fatalf("%s: %+v, %v", version, got, err)
		}
		want := Service{Type: "POLL", Version: "urn:taxii.mitre.org:services:1.1", Protocol: "urn:taxii.mitre.org:protocol:http:1.0",
			Address: "http://localhost/taxii/poll", Messages: both, Available: true, Message: "test poll"}
		if d := cmp.Diff(want, got[2]); d != "" {
			t.Error(d)
		}
	}
}

func TestChoose(t *testing.T) {
	c := connect(t, feed(), "1.1", taxii.Login{})
	services := []Service{
		{Type: "POLL", Address: "/a", Available: true},
		{Type: "Poll", Address: "http://localhost/b", Available: true},
		{Type: "POLL", Address: "http://localhost/a", Available: true},
		{Type: "POLL", Address: "/gone"},
		{Type: "POLL", Address: "https://other.example/", Available: true},
		{Type: "FEED_MANAGEMENT", Address: "/f", Available: true},
		{Type: "COLLECTION_MANAGEMENT", Address: "/c", Available: true},
	}
	f := func(want string, refused bool, types ...string) {
		t.Helper()
		var got []string
		all, err := c.Choose(services, types...)
		for _, u := range all {
			got = append(got, u.Path)
		}
		if strings.Join(got, " ") != want || errors.Is(err, taxii.ErrHost) != refused || (err != nil) != refused {
			t.Errorf("%v: %v, %v", types, all, err)
		}
	}
	f("/a /b", true, "POLL")
	f("/f /c", false, "COLLECTION_MANAGEMENT", "FEED_MANAGEMENT")
	f("", false, "INBOX")
}

// TestDiscoverOtherHost: an address on another host is shown, and not asked.
func TestDiscoverOtherHost(t *testing.T) {
	s := feed()
	s.Base = "https://other.example"
	c := connect(t, s, "1.1", taxii.Login{Username: "key"})
	got, err := c.Discover(t.Context(), c.at(t, taxiitest.Discovery1))
	if err != nil || got[2].Address != "https://other.example/taxii/poll" {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = c.conn.Resolve(got[2].Address)
	wantErr(t, err, taxii.ErrHost, "other.example", "localhost")
}

func TestCollections(t *testing.T) {
	s := &taxiitest.TAXII1{Collections: []taxiitest.Collection1{
		{Name: "user_a", Description: "Data feed for user: a", Blocks: make([]taxiitest.Block1, 4)},
		{Name: "set", Set: true, Offline: true, Bindings: []string{"urn:x", "urn:y"}},
	}}
	end := func(path string) Endpoint {
		return Endpoint{Protocol: "urn:taxii.mitre.org:protocol:http:1.0", Address: "http://localhost" + path,
			Messages: []string{"urn:taxii.mitre.org:message:xml:1.0", "urn:taxii.mitre.org:message:xml:1.1"}}
	}
	polls, inboxes := []Endpoint{end(taxiitest.Poll1)}, []Endpoint{end(taxiitest.Inbox1)}
	f := func(version string, want ...Collection) {
		t.Helper()
		c := connect(t, s, version, taxii.Login{})
		got, err := c.Collections(t.Context(), c.at(t, taxiitest.Collections1))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	f("1.1",
		Collection{Name: "user_a", Type: "DATA_FEED", Description: "Data feed for user: a", Available: true, Volume: 4, Poll: polls, Inbox: inboxes},
		Collection{Name: "set", Type: "DATA_SET", Bindings: []Binding{{ID: "urn:x"}, {ID: "urn:y"}}, Poll: polls, Inbox: inboxes})
	f("1.0",
		Collection{Name: "user_a", Type: "DATA_FEED", Description: "Data feed for user: a", Available: true, Volume: -1, Bindings: []Binding{{ID: "urn:stix.mitre.org:xml:1.1.1"}}, Poll: polls},
		Collection{Name: "set", Type: "DATA_FEED", Volume: -1, Bindings: []Binding{{ID: "urn:x"}, {ID: "urn:y"}}, Poll: polls})
	s.Change(func(s *taxiitest.TAXII1) { s.Collections = nil })
	f("1.1")
}

// TestOfferFull: everything that the schema has, in an answer that the fake
// does not make.
func TestOfferFull(t *testing.T) {
	s := feed()
	s.Faults.Rewrite = func(b []byte) []byte {
		text := string(b)
		i, j := strings.Index(text, "<taxii_11:Collection "), strings.LastIndex(text, "</taxii_11:Collection>")
		return []byte(text[:i] + `<taxii_11:Extended_Headers><taxii_11:Extended_Header name="x"><a/></taxii_11:Extended_Header></taxii_11:Extended_Headers>
		<taxii_11:Collection collection_name="n" available="0">
		<taxii_11:Description> two
		lines </taxii_11:Description><taxii_11:Collection_Volume>many</taxii_11:Collection_Volume>
		<taxii_11:Content_Binding binding_id="urn:x"><taxii_11:Subtype subtype_id="s1"/><taxii_11:Subtype subtype_id="s2"/></taxii_11:Content_Binding>
		<taxii_11:Push_Method><taxii_11:Protocol_Binding>p</taxii_11:Protocol_Binding><taxii_11:Message_Binding>m</taxii_11:Message_Binding></taxii_11:Push_Method>
		<taxii_11:Subscription_Service><taxii_11:Address>/relative</taxii_11:Address></taxii_11:Subscription_Service>
		<taxii_11:Receiving_Inbox_Service><taxii_11:Address>/i</taxii_11:Address><taxii_11:Content_Binding binding_id="urn:i"/></taxii_11:Receiving_Inbox_Service>
		<taxii_11:Unknown/>` + text[j:])
	}
	c := connect(t, s, "1.1", taxii.Login{})
	got, err := c.Collections(t.Context(), c.at(t, taxiitest.Collections1))
	if err != nil {
		t.Fatal(err)
	}
	want := []Collection{{Name: "n", Type: "DATA_FEED", Description: "two\n\t\tlines", Volume: -1,
		Bindings:  []Binding{{ID: "urn:x", Subtypes: []string{"s1", "s2"}}},
		Push:      []Endpoint{{Protocol: "p", Messages: []string{"m"}}},
		Subscribe: []Endpoint{{Address: "/relative"}},
		Inbox:     []Endpoint{{Address: "/i", Bindings: []Binding{{ID: "urn:i"}}}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := got[0].Bindings[0].String(); s != "urn:x > s1, s2" {
		t.Error(s)
	}
}

// TestOfferBroken: a list that cannot be read whole is none at all.
func TestOfferBroken(t *testing.T) {
	s := feed()
	s.Faults.Rewrite = func(b []byte) []byte { return b[:len(b)-30] }
	c := connect(t, s, "1.1", taxii.Login{})
	got, err := c.Collections(t.Context(), c.at(t, taxiitest.Collections1))
	if err == nil || got != nil || len(s.Asked()) != 2 {
		t.Errorf("%+v, %v with %d questions", got, err, len(s.Asked()))
	}
	s.Change(func(s *taxiitest.TAXII1) {
		s.Faults.Rewrite = func([]byte) []byte {
			return []byte(`<t:Discovery_Response xmlns:t="` + space11 + `">` + strings.Repeat("<t:Service_Instance/>", maxOffers+1) + "</t:Discovery_Response>")
		}
	})
	_, err = c.Discover(t.Context(), c.at(t, taxiitest.Discovery1))
	wantErr(t, err, nil, "more than 100000 entries")
}

// TestOldPoll: TAXII 1.0 in all that it has.
func TestOldPoll(t *testing.T) {
	s := feed("<a/>", "<b/>", "<c/>")
	s.PageSize = 1 // 1.0 has no parts
	c := connect(t, s, "1.0", taxii.Login{})
	blocks, res, err := polled(t, c, Query{Begin: day(1), Bindings: []string{"urn:stix.mitre.org:xml:1.1.1"}})
	if err != nil || contentsOf(blocks) != "<b/>|<c/>" || blocks[0].Binding != "urn:stix.mitre.org:xml:1.1.1" || !blocks[1].Label.Equal(day(3)) {
		t.Errorf("%+v, %v", blocks, err)
	}
	if !res.Begin.Equal(day(1)) || res.End.IsZero() || res.Count != -1 {
		t.Errorf("%+v", res)
	}
	h := s.Asked()[0].Header
	if h.Get("X-Taxii-Content-Type") != "urn:taxii.mitre.org:message:xml:1.0" || h.Get("X-Taxii-Services") != "urn:taxii.mitre.org:services:1.0" {
		t.Errorf("%v", h)
	}
	_, _, err = polled(t, c, Query{Collection: "nobody"})
	var st *StatusError
	if !errors.As(err, &st) || st.Type != NotFound || st.Detail[""][0] != "ITEM: nobody" {
		t.Errorf("%v, %+v", err, st)
	}
	wantErr(t, err, nil, "NOT_FOUND (ITEM: nobody): Requested")
}

// TestPush: what was pushed is what a poll brings.
func TestPush(t *testing.T) {
	f := func(version, content, want string) {
		t.Helper()
		s := feed()
		c := connect(t, s, version, taxii.Login{})
		m := InboxMessage{Binding: "urn:b", Message: "m", Content: []byte(content)}
		if version == "1.1" {
			m.Collections, m.Subtype = []string{"c"}, "urn:s"
		}
		if err := c.Push(t.Context(), c.at(t, taxiitest.Inbox1), m); err != nil {
			t.Errorf("%q: %v", content, err)
			return
		}
		blocks, res, err := polled(t, c, Query{})
		if err != nil || len(blocks) != 1 || strings.TrimSpace(blocks[0].Content) != want || blocks[0].Binding != "urn:b" {
			t.Errorf("%q: %+v, %+v, %v, want %q", content, blocks, res, err, want)
		}
	}
	for _, v := range []string{"1.0", "1.1"} {
		f(v, "<a><b/>&amp;</a>", "<a><b/>&amp;</a>")
		f(v, "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<a>ü</a>\n", "<a>ü</a>")
		f(v, "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>", "<a>ü</a>")
		f(v, "\xff\xfe<\x00a\x00/\x00>\x00", "<a/>")
		f(v, "<a><b></a>", "<a><b></a>")
		f(v, "<!DOCTYPE a><a/>", "<!DOCTYPE a><a/>")
		f(v, `{"type": "bundle & <co>"}`, `{"type": "bundle & <co>"}`)
	}
}

func TestPushRefused(t *testing.T) {
	f := func(version string, m InboxMessage, words ...string) {
		t.Helper()
		s := feed()
		c := connect(t, s, version, taxii.Login{})
		wantErr(t, c.Push(t.Context(), c.at(t, taxiitest.Inbox1), m), nil, words...)
		if len(s.Asked()) != 0 {
			t.Error("it was sent")
		}
	}
	f("1.1", InboxMessage{Content: []byte("<a/>")}, "binding")
	f("1.1", InboxMessage{Binding: "b", Content: []byte(" \n")}, "no content")
	f("1.1", InboxMessage{Binding: "b", Content: []byte("<a>\x01</a>")}, "1 characters that XML cannot carry")
	f("1.1", InboxMessage{Binding: "b", Content: []byte("no \xff\x00 text")}, "2 characters")
	f("1.0", InboxMessage{Binding: "b", Collections: []string{"c"}, Content: []byte("<a/>")}, "1.0 has no collections")
	f("1.0", InboxMessage{Binding: "b", Subtype: "c", Content: []byte("<a/>")}, "1.0 has no subtypes")
	f("1.7", InboxMessage{Binding: "b", Content: []byte("<a/>")}, "1.7")

	s := feed()
	c := connect(t, s, "1.1", taxii.Login{})
	err := c.Push(t.Context(), c.at(t, taxiitest.Inbox1), InboxMessage{Binding: "b", Collections: []string{"x"}, Content: []byte("<a/>")})
	wantErr(t, err, nil, "NOT_FOUND", "ITEM x")
	// It is sent once: nobody knows what became of it.
	s.Change(func(s *taxiitest.TAXII1) { s.Faults.HTTP = 1 })
	err = c.Push(t.Context(), c.at(t, taxiitest.Inbox1), InboxMessage{Binding: "b", Content: []byte("<a/>")})
	if err == nil || len(s.Asked()) != 2 {
		t.Errorf("%v after %d questions", err, len(s.Asked()))
	}
	s.Change(func(s *taxiitest.TAXII1) { s.Faults.Rewrite = func(b []byte) []byte { return b[:len(b)-5] } })
	err = c.Push(t.Context(), c.at(t, taxiitest.Inbox1), InboxMessage{Binding: "b", Content: []byte("<a/>")})
	wantErr(t, err, nil, "cut")
	if len(s.Asked()) != 3 {
		t.Errorf("%d questions", len(s.Asked()))
	}
}
