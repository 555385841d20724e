package taxii2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// Discovery is what a server says of itself (TAXII 2.1 §4.1).
type Discovery struct {
	Title, Description, Contact string
	Default                     *Address // nil when the server names none
	Roots                       []Address
}

// Address is an address that a server names.
type Address struct {
	Text string   // as the server wrote it
	URL  *url.URL // nil when Err is set
	Err  error    // why it will not be asked: taxii.ErrHost when it is on another host
}

// APIRoot is a group of collections (TAXII 2.1 §4.2).
type APIRoot struct {
	Title, Description string
	Versions           []string // media types in 2.1, "taxii-2.0" in 2.0
	MaxContent         int64    // most bytes of one push; 0 when not said
}

// Collection is a set of objects (TAXII 2.1 §5.1). Its ID should be a UUID, and
// is any text at some servers.
type Collection struct {
	ID, Title, Description, Alias string
	CanRead, CanWrite             bool
	MediaTypes                    []string
}

type wireDiscovery struct {
	Title       text  `json:"title"`
	Description text  `json:"description"`
	Contact     text  `json:"contact"`
	Default     text  `json:"default"`
	Roots       texts `json:"api_roots"`
}

type wireRoot struct {
	Title       text   `json:"title"`
	Description text   `json:"description"`
	Versions    texts  `json:"versions"`
	MaxContent  number `json:"max_content_length"`
}

func (w wireRoot) root() APIRoot {
	return APIRoot{string(w.Title), string(w.Description), w.Versions, max(0, int64(w.MaxContent))}
}

type wireCollection struct {
	ID          text  `json:"id"`
	Title       text  `json:"title"`
	Description text  `json:"description"`
	Alias       text  `json:"alias"`
	CanRead     flag  `json:"can_read"`
	CanWrite    flag  `json:"can_write"`
	MediaTypes  texts `json:"media_types"`
}

// Discovery asks what u offers.
func (c *Client) Discovery(ctx context.Context, u *url.URL) (Discovery, error) {
	var w wireDiscovery
	keys, err := c.get(ctx, u, &w)
	if err != nil {
		return Discovery{}, err
	}
	if !isDiscovery(keys) {
		return Discovery{}, notA(u, "discovery")
	}
	return c.discovery(u, w), nil
}

func isDiscovery(keys map[string]bool) bool {
	return keys["api_roots"] || keys["default"] || keys["title"] && !isRoot(keys) && !keys["id"] && !isError(keys)
}

func isRoot(keys map[string]bool) bool { return keys["versions"] || keys["max_content_length"] }

// isError recognises the error message of TAXII (2.1 §3.6.1), which a sloppy
// server may send with status 200.
func isError(keys map[string]bool) bool {
	return keys["http_status"] || keys["error_id"] || keys["error_code"]
}

func (c *Client) discovery(u *url.URL, w wireDiscovery) Discovery {
	d := Discovery{Title: string(w.Title), Description: string(w.Description), Contact: string(w.Contact)}
	for _, ref := range w.Roots {
		d.Roots = append(d.Roots, c.address(u, ref))
	}
	if w.Default != "" {
		a := c.address(u, string(w.Default))
		d.Default = &a
	}
	return d
}

// address reads an address in the answer of u, which it may be relative to.
func (c *Client) address(u *url.URL, ref string) Address {
	full, err := u.Parse(strings.TrimSpace(ref))
	if err != nil {
		return Address{Text: ref, Err: errors.New("an address that the server names cannot be read")}
	}
	to, err := c.conn.Resolve(full.String())
	if err != nil {
		return Address{Text: ref, Err: err}
	}
	return Address{Text: ref, URL: to}
}

// Root asks for the information of an API root.
func (c *Client) Root(ctx context.Context, u *url.URL) (APIRoot, error) {
	u, err := below(u)
	if err != nil {
		return APIRoot{}, err
	}
	var w wireRoot
	keys, err := c.get(ctx, u, &w)
	if err != nil {
		return APIRoot{}, err
	}
	if !isRoot(keys) && !keys["title"] || isError(keys) {
		return APIRoot{}, notA(u, "API root")
	}
	return w.root(), nil
}

// Collections lists the collections of an API root, those that the login may
// not read among them; none is no error.
func (c *Client) Collections(ctx context.Context, root *url.URL) ([]Collection, error) {
	u, err := below(root, "collections")
	if err != nil {
		return nil, err
	}
	var out []Collection
	known := map[string]bool{}
	for start := 0; ; {
		list, span, err := c.someCollections(ctx, u, start)
		if err != nil {
			return out, err
		}
		fresh := 0
		for _, col := range list {
			if !known[col.ID] {
				known[col.ID] = true
				out = append(out, col)
				fresh++
			}
		}
		if start = span.next(len(list)); fresh == 0 || !span.more(start) {
			return out, nil
		}
	}
}

// someCollections asks for the collections from the start-th on. TAXII 2.0
// servers may send them in parts (2.0 §5.1).
func (c *Client) someCollections(ctx context.Context, u *url.URL, start int) (list []Collection, span span, err error) {
	r := taxii.Request{URL: u, Header: http.Header{"Accept": {c.accept(false)}}, MaxBody: maxResource}
	if start > 0 {
		r.Header.Set("Range", rangeOf(start, 100, false))
	}
	err = c.conn.Do(ctx, r, func(resp *http.Response) (err error) {
		var w struct {
			Collections []json.RawMessage `json:"collections"`
		}
		keys, err := readObject(resp.Body, &w)
		if err == nil && len(keys) > 0 && !keys["collections"] {
			err = notA(u, "list of collections")
		}
		if err == nil {
			list, err = readCollections(w.Collections)
		}
		span = spanOf(resp)
		return err
	})
	return list, span, c.explain(err)
}

func readCollections(raws []json.RawMessage) ([]Collection, error) {
	var list []Collection
	for i, raw := range raws {
		w := wireCollection{CanRead: true}
		if _, err := decodeObject(raw, &w); err != nil || w.ID == "" {
			return nil, fmt.Errorf("entry %d of the list of collections is no collection with an id", i+1)
		}
		list = append(list, w.collection())
	}
	return list, nil
}

func (w wireCollection) collection() Collection {
	return Collection{ID: string(w.ID), Title: string(w.Title), Description: string(w.Description), Alias: string(w.Alias),
		CanRead: bool(w.CanRead), CanWrite: bool(w.CanWrite), MediaTypes: w.MediaTypes}
}

func notA(u *url.URL, what string) error {
	return fmt.Errorf("%w: %s answers with JSON that is no %s", taxii.ErrNotTAXII, httpx.SafeURL(u), what)
}

// decodeObject decodes text, which must be one JSON object, and returns the
// names of its members. What is no JSON may have been cut by a gateway, so
// asking again may help.
func decodeObject(text []byte, into any) (map[string]bool, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var members map[string]json.RawMessage
	switch err := json.Unmarshal(text, &members); {
	case err != nil && json.Valid(text), err == nil && members == nil:
		return nil, fmt.Errorf("%w: it is JSON, but not an object", taxii.ErrNotTAXII)
	case err != nil:
		return nil, httpx.Temporary(fmt.Errorf("%w: it is not JSON: %w", taxii.ErrNotTAXII, err))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, fmt.Errorf("%w: %w", taxii.ErrNotTAXII, err)
	}
	keys := map[string]bool{}
	for k := range members {
		keys[k] = true
	}
	return keys, nil
}
