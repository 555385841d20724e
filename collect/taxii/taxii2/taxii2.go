// Package taxii2 asks TAXII 2.1 and 2.0 servers for STIX objects.
//
// TAXII 2 is JSON over GET. A discovery names API roots, an API root has
// collections, a collection has objects, and the objects come in pages
// (TAXII 2.1 §4 and §5; 2.0 likewise, but for how it pages).
//
// All of that is quickly asked. What needs care is to miss nothing between two
// pages, because servers differ from the text of the standard:
//
//   - A page says "more" and gives a "next" for the page behind it. With some
//     servers (medallion) "next" is a cursor that lives on the server, repeats on
//     every page, and moves each time it is used: an answer that was lost on the way is lost
//     for good, and to ask again skips a page. So a request with "next" is sent
//     once. When its answer is lost, the walk starts again from the date of the
//     last whole page.
//   - Those dates (X-TAXII-Date-Added-First and -Last) may be missing, cut to
//     seconds, out of order, or those of the whole collection. They are believed only after two pages have
//     followed upon each other, are taken a step early, and what comes twice is
//     dropped.
//   - Whether a server moves on is judged by what its pages hold, never by the
//     text of "next". Pages that bring nothing new end in ErrLoop.
//   - A page counts when all of it has come. One object that cannot be read does
//     not cost the page: it is handed out as bad, with the reason.
//   - Where a server fails over a page, smaller ones are asked for, down to one
//     object. What cannot be had even so is an error; nothing is skipped.
//
// A Result that is not Complete always comes with an error.
package taxii2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// What can go wrong beside the errors of package taxii, for errors.Is. With any
// of them the pages handed out before are good.
var (
	// ErrLoop: page after page came without anything new in it.
	ErrLoop = errors.New("the server repeats itself")
	// ErrGap: the server has more and gives no way to it.
	ErrGap = errors.New("a part of the collection cannot be reached")
)

// The media types of the versions (TAXII 2.1 §1.6.8, 2.0 §1.6.8). Servers
// compare them as text, so the space in those of 2.0 belongs to them.
const (
	type21      = "application/taxii+json;version=2.1"
	type20      = "application/vnd.oasis.taxii+json; version=2.0"
	typeStix20  = "application/vnd.oasis.stix+json; version=2.0"
	maxResource = 16 << 20 // bytes of an answer other than objects
)

// Client asks one server in one version of the protocol. It is safe for
// concurrent use.
type Client struct {
	conn *taxii.Conn
	old  bool // TAXII 2.0
}

// New makes a client. The version is "2.0"; anything else means 2.1.
func New(c *taxii.Conn, version string) *Client {
	return &Client{conn: c, old: version == "2.0"}
}

// Version returns "2.1" or "2.0".
func (c *Client) Version() string {
	if c.old {
		return "2.0"
	}
	return "2.1"
}

// accept is the media type to ask for.
func (c *Client) accept(objects bool) string {
	switch {
	case c.old && objects:
		return typeStix20
	case c.old:
		return type20
	}
	return type21
}

// get asks for a resource that is one JSON object and decodes it. It returns
// the names of the object's members.
func (c *Client) get(ctx context.Context, u *url.URL, into any) (keys map[string]bool, err error) {
	r := taxii.Request{URL: u, Header: http.Header{"Accept": {c.accept(false)}}, MaxBody: maxResource}
	err = c.conn.Do(ctx, r, func(resp *http.Response) error {
		keys, err = readObject(resp.Body, into)
		return err
	})
	return keys, c.explain(err)
}

// explain adds what may help to an error of the connection.
func (c *Client) explain(err error) error {
	var s *httpx.StatusError
	if !errors.As(err, &s) || s.Code != http.StatusNotAcceptable {
		return err
	}
	other := "2.0"
	if c.old {
		other = "2.1"
	}
	return fmt.Errorf("%w (asked in TAXII %s; the server may speak %s)", err, c.Version(), other)
}

// readObject decodes an answer that must be one JSON object.
func readObject(r io.Reader, into any) (map[string]bool, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return decodeObject(text, into)
}

// below returns the address of a resource below an API root; the parts are
// escaped, and the address ends with a slash, as the standard has it.
func below(root *url.URL, parts ...string) (*url.URL, error) {
	p := slashed(root.EscapedPath())
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return nil, fmt.Errorf("%q cannot stand in the address of a collection", part)
		}
		p += url.PathEscape(part) + "/"
	}
	return withPath(root, p)
}

// withPath returns u with another path, which is escaped already.
func withPath(u *url.URL, escaped string) (*url.URL, error) {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, fmt.Errorf("%s is not an address", httpx.SafeURL(u))
	}
	v := *u
	v.Path, v.RawPath = plain, escaped
	return &v, nil
}

func slashed(p string) string { return strings.TrimSuffix(p, "/") + "/" }
