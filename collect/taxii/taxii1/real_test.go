package taxii1

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

// TestOpenTAXII talks to a real server, in parts of one block, with Basic and
// with a token: what it offers, what it holds, and what it then holds more.
func TestOpenTAXII(t *testing.T) {
	s := taxiitest.Start(t, "--page-size", "1").TAXII1
	h, err := httpx.New(httpx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := func(login taxii.Login) {
		t.Helper()
		c, err := realClient(s.URL, h, "1.1", login)
		if err != nil {
			t.Fatal(err)
		}
		services, err := c.Discover(t.Context(), c.at(t, s.URL))
		if err != nil || len(services) < 4 {
			t.Fatalf("%+v, %v", services, err)
		}
		list, err := c.Collections(t.Context(), c.at(t, s.Collections))
		if err != nil || len(list) < 4 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, col := range list {
			if !col.Available {
				_, _, err := realPoll(t, c, s.Poll, Query{Collection: col.Name})
				wantErr(t, err, nil, "FAILURE")
				continue
			}
			blocks, res, err := realPoll(t, c, s.Poll, Query{Collection: col.Name})
			if err != nil || int64(len(blocks)) != col.Volume || res.Blocks != len(blocks) {
				t.Errorf("%s: %d blocks of %d, %+v, %v", col.Name, len(blocks), col.Volume, res, err)
			}
		}
		before, _, err := realPoll(t, c, s.Poll, Query{Collection: "user_demo"})
		if err != nil {
			t.Fatal(err)
		}
		m := InboxMessage{Collections: []string{"user_demo"}, Binding: "urn:stix.mitre.org:xml:1.1.1", Content: []byte(`<p xmlns="urn:x">ü</p>`)}
		if err := c.Push(t.Context(), c.at(t, s.Inbox), m); err != nil {
			t.Fatal(err)
		}
		after, _, err := realPoll(t, c, s.Poll, Query{Collection: "user_demo"})
		if err != nil || len(after) != len(before)+1 || after[len(after)-1] != `<p xmlns="urn:x">ü</p>` {
			t.Errorf("%q, %v", after, err)
		}
		_, _, err = realPoll(t, c, s.Poll, Query{Collection: "nobody"})
		wantErr(t, err, nil, "NOT_FOUND")
	}
	f(taxii.Login{Username: httpx.Secret(s.User), Password: httpx.Secret(s.Password)})
	f(taxii.Login{Username: httpx.Secret(s.User), Password: httpx.Secret(s.Password), JWT: s.JWT})

	c, err := realClient(s.URL, h, "1.1", taxii.Login{Username: httpx.Secret(s.User), Password: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = realPoll(t, c, s.Poll, Query{Collection: "user_demo"})
	wantErr(t, err, taxii.ErrAuth, "UNAUTHORIZED")
}

// TestOpenTAXIIOld: in TAXII 1.0 the server sends two blocks at a time and does
// not say that there are more; all that it sends in the parts of 1.1 come.
func TestOpenTAXIIOld(t *testing.T) {
	s := taxiitest.Start(t, "--page-size", "2").TAXII1
	h, err := httpx.New(httpx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	poll := func(version, collection string) ([]string, Result) {
		c, err := realClient(s.URL, h, version, taxii.Login{Username: httpx.Secret(s.User), Password: httpx.Secret(s.Password)})
		if err != nil {
			t.Fatal(err)
		}
		blocks, res, err := realPoll(t, c, s.Poll, Query{Collection: collection})
		if err != nil {
			t.Errorf("%s in %s: %v", collection, version, err)
		}
		return blocks, res
	}
	for _, collection := range []string{"user_AlienVault", "user_demo", "user_111only", "user_broken"} {
		want, _ := poll("1.1", collection)
		got, res := poll("1.0", collection)
		if !slices.Equal(got, want) || collection == "user_AlienVault" && (len(got) < 3 || res.Parts < 3) {
			t.Errorf("%s: %d blocks in %d answers, and %d in 1.1", collection, len(got), res.Parts, len(want))
		}
	}
}

func realClient(base string, h *http.Client, version string, login taxii.Login) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	conn, err := taxii.New(taxii.Options{Base: u, Login: login, HTTP: h})
	return New(conn, version), err
}

func realPoll(t *testing.T, c *Client, address string, q Query) (out []string, res Result, err error) {
	t.Helper()
	res, err = c.Poll(t.Context(), c.at(t, address), q, func(b *Block) error {
		text, err := io.ReadAll(b.Content())
		out = append(out, string(text))
		return err
	})
	return out, res, err
}
