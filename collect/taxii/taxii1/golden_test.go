package taxii1

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/testdir"
)

// golden is one exchange of a real client with a real server.
type golden struct {
	name     string
	request  *http.Request
	body     []byte
	response []byte
}

// goldens reads the transcripts of TAXII 1.
func goldens(t *testing.T) []golden {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdir.Shared(t, "protocols", "transcripts", "taxii1"), "*", "http", "*.request.http"))
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts: ", err)
	}
	var out []golden
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		g := golden{name: filepath.Base(filepath.Dir(filepath.Dir(f))) + "/" + filepath.Base(f)[:3]}
		if g.request, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(text))); err != nil {
			t.Fatal(f, err)
		}
		if g.body, err = io.ReadAll(g.request.Body); err != nil {
			t.Fatal(f, err)
		}
		if g.response, err = os.ReadFile(strings.Replace(f, "request", "response", 1)); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

// replay answers every question as the transcript did.
func (g golden) replay(w http.ResponseWriter, r *http.Request) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(g.response)), r)
	if err != nil {
		panic(err)
	}
	for name, v := range resp.Header {
		w.Header()[name] = v
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// TestGoldenAnswers reads every answer that was recorded as the answer to the
// question that we would ask, and holds what comes out to what the transcripts
// are known to hold.
func TestGoldenAnswers(t *testing.T) {
	type outcome struct {
		Blocks, Bad, Parts int
		Count              int
		Status             string
		Kind               error
	}
	want := map[string]outcome{
		"page2/003": {Blocks: 2, Parts: 1, Count: -1, Kind: ErrIncomplete}, // the replay has no part 2
		"page2/006": {Blocks: 1, Parts: 1, Count: -1},
		"page2/007": {Blocks: 1, Parts: 1, Count: -1},
		"page2/008": {Count: -1, Status: UnsupportedContent},
		"page2/009": {Parts: 1, Count: -1},
		"page2/010": {Count: -1, Status: NotFound},
		"page2/011": {Count: -1, Status: Failure},
		"page2/012": {Count: -1, Status: Unauthorized, Kind: taxii.ErrAuth},
		"page2/013": {Count: -1, Status: Unauthorized, Kind: taxii.ErrAuth},
		"page2/015": {Count: -1, Status: Failure},
		"page2/024": {Count: -1, Status: BadMessage},
		"page2/025": {Count: -1, Status: NotFound},
		"page2/028": {Count: -1, Status: BadMessage},
		"page2/036": {Count: -1, Kind: taxii.ErrNotTAXII},

		"page2-count/001":         {Blocks: 2, Parts: 1, Count: 4, Kind: ErrIncomplete},
		"page2-count/005":         {Parts: 1, Count: 0},
		"page100-anypassword/001": {Blocks: 4, Parts: 1, Count: -1},
		"page100-anypassword/002": {Count: -1, Status: Unauthorized, Kind: taxii.ErrAuth},
		"page100-anypassword/006": {Blocks: 1, Bad: 1, Parts: 1, Count: -1},
		"page100-anypassword/004": {Blocks: 1, Parts: 1, Count: -1},
		"page2/014":               {Parts: 1, Count: -1}, // a count that does not come, and more="true"
		"page2/023":               {Parts: 1, Count: -1},
		"page2-count/004":         {Parts: 1, Count: 4},
	}
	read := 0
	for _, g := range goldens(t) {
		message := rootOf(g.body)
		c := connect(t, http.HandlerFunc(g.replay), "1.1", taxii.Login{})
		u := c.at(t, g.request.URL.Path)
		switch {
		case strings.HasPrefix(message, "Poll_Request"), message == "<broken", g.name == "page2/036":
			w, ok := want[g.name]
			if !ok {
				continue // the same form as another
			}
			read++
			_, res, err := polled(t, c, Query{Collection: "user_AlienVault", CountOnly: strings.Contains(string(g.body), "COUNT_ONLY")})
			got := outcome{Blocks: res.Blocks, Bad: res.Bad, Parts: res.Parts, Count: res.Count}
			var st *StatusError
			if errors.As(err, &st) {
				got.Status = st.Type
			}
			if w.Kind != nil && errors.Is(err, w.Kind) {
				got.Kind = w.Kind
			}
			if got != w || (err != nil) != (w.Kind != nil || w.Status != "") {
				t.Errorf("%s: %+v, %v, want %+v", g.name, got, err, w)
			}
		case message == "Discovery_Request" && g.request.URL.Path == taxiitest.Discovery1 && strings.Contains(string(g.response), "Discovery_Response"):
			services, err := c.Discover(t.Context(), u)
			if err != nil || len(services) != 4 || services[2].Type != "POLL" || !strings.HasSuffix(services[2].Address, "/taxii/poll") || len(services[2].Messages) != 2 {
				t.Errorf("%s: %+v, %v", g.name, services, err)
			}
			read++
		case message == "Discovery_Request":
			_, err := c.Discover(t.Context(), u)
			if err == nil {
				t.Errorf("%s: a refusal is taken for an answer", g.name)
			}
			read++
		case message == "Collection_Information_Request":
			got, err := c.Collections(t.Context(), u)
			if err != nil || len(got) != 4 {
				t.Fatalf("%s: %+v, %v", g.name, got, err)
			}
			if got[0].Name != "user_AlienVault" || got[0].Volume != 4 || len(got[0].Poll) != 1 || len(got[0].Inbox) != 1 || got[2].Available || len(got[3].Bindings) != 1 {
				t.Errorf("%s: %+v", g.name, got)
			}
			read++
		case message == "Inbox_Message":
			if err := c.Push(t.Context(), u, InboxMessage{Binding: "b", Content: []byte("<a/>")}); err != nil {
				t.Errorf("%s: %v", g.name, err)
			}
			read++
		}
	}
	if read < 20 {
		t.Errorf("only %d of the exchanges were read", read)
	}
}

// rootOf is the local name of a document's root.
func rootOf(body []byte) string {
	var m struct{ XMLName xml.Name }
	if xml.Unmarshal(body, &m) != nil {
		return strings.TrimSpace(string(body))
	}
	return m.XMLName.Local
}

// TestGoldenRequests compares what we ask with what the reference client asked:
// headers and, but for ids and prefixes, messages.
func TestGoldenRequests(t *testing.T) {
	all := map[string]golden{}
	for _, g := range goldens(t) {
		all[g.name] = g
	}
	f := func(name string, ask func(c *Client) error) {
		t.Helper()
		g, ok := all[name]
		if !ok {
			t.Fatalf("there is no exchange %s", name)
		}
		var got *http.Request
		var body []byte
		c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Clone(t.Context())
			body, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusGone)
		}), "1.1", taxii.Login{})
		if err := ask(c); err == nil {
			t.Fatal("a 410 is no answer")
		}
		for _, h := range []string{"Content-Type", "Accept", "X-Taxii-Content-Type", "X-Taxii-Accept", "X-Taxii-Services", "X-Taxii-Protocol"} {
			if got.Header.Get(h) != g.request.Header.Get(h) {
				t.Errorf("%s: %s is %q, want %q", name, h, got.Header.Get(h), g.request.Header.Get(h))
			}
		}
		if d := cmp.Diff(tree(t, g.body), tree(t, body)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	pollOf := func(q Query) func(*Client) error {
		return func(c *Client) error {
			_, err := c.Poll(t.Context(), c.at(t, taxiitest.Poll1), q, nil)
			return err
		}
	}
	f("page2/001", func(c *Client) error { _, err := c.Discover(t.Context(), c.at(t, "/d")); return err })
	f("page2/002", func(c *Client) error { _, err := c.Collections(t.Context(), c.at(t, "/c")); return err })
	f("page2/003", pollOf(Query{Collection: "user_AlienVault"}))
	f("page2/006", pollOf(Query{Collection: "user_AlienVault", Begin: time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC), End: time.Date(2024, 5, 3, 12, 0, 0, 5e8, time.UTC)}))
	f("page2/007", pollOf(Query{Collection: "user_AlienVault", Bindings: []string{"urn:stix.mitre.org:xml:1.2"}}))
	f("page2/014", pollOf(Query{Collection: "user_AlienVault", CountOnly: true}))
	f("page2/025", pollOf(Query{Collection: "user_AlienVault", SubscriptionID: "nope"}))

	// Poll_Fulfillment: the second question of a poll.
	d, q := dialects["1.1"], Query{Collection: "user_AlienVault"}
	g := all["page2/004"]
	var id struct {
		Result string `xml:"result_id,attr"`
	}
	if err := xml.Unmarshal(g.body, &id); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, g.body), tree(t, q.fulfillment(d, id.Result, 2).done())); diff != "" {
		t.Error(diff)
	}
	// Inbox_Message: theirs has a time label, which an inbox sets itself.
	g = all["page100-anypassword/005"]
	m := InboxMessage{Collections: []string{"user_111only"}, Binding: "urn:stix.mitre.org:xml:1.1.1",
		Content: []byte(`<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" version="1.1.1"><stix:x>]]></stix:x>`)}
	w, err := m.request(d)
	if err != nil {
		t.Fatal(err)
	}
	theirs := tree(t, g.body)
	theirs.Children[1].Children = theirs.Children[1].Children[:2]
	theirs.Children[1].Text = ""
	if diff := cmp.Diff(theirs, tree(t, w.done())); diff != "" {
		t.Error(diff)
	}
}

// node is an element without what differs between clients.
type node struct {
	Name     xml.Name
	Attrs    map[string]string
	Text     string
	Children []*node
}

// tree reads a document with the standard library.
func tree(t *testing.T, doc []byte) *node {
	t.Helper()
	root := &node{}
	stack := []*node{root}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return root.Children[0]
		}
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{Name: tok.Name, Attrs: map[string]string{}}
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "message_id" {
					n.Attrs[a.Name.Local] = a.Value
				}
			}
			top.Children = append(top.Children, n)
			stack = append(stack, n)
		case xml.EndElement:
			top.Text = strings.TrimSpace(top.Text)
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.Text += string(tok)
		}
	}
}
