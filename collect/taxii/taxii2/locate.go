package taxii2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// Place is what an address turned out to be. Exactly one of Discovery and Root
// is set; Collection is set beside Root when the address is one of a
// collection.
type Place struct {
	Discovery  *Discovery
	Root       *url.URL // of the API root, with a closing slash
	API        *APIRoot // what the API root says of itself; nil when it was not asked
	Collection string   // its id, not escaped
}

// Roots returns the addresses of the API roots there: of the place itself, or of
// all that the discovery names, the default one first, each once. refused are those
// that it names and that will not be asked; their Err says why.
func (p *Place) Roots() (roots []*url.URL, refused []Address) {
	if p.Root != nil {
		return []*url.URL{p.Root}, nil
	}
	named := p.Discovery.Roots
	if p.Discovery.Default != nil {
		named = slices.Concat([]Address{*p.Discovery.Default}, named)
	}
	known := map[string]bool{}
	for _, a := range named {
		key := a.Text
		if a.Err == nil {
			key = a.URL.String()
		}
		switch {
		case known[key]:
		case a.Err != nil:
			refused = append(refused, a)
		default:
			roots = append(roots, a.URL)
		}
		known[key] = true
	}
	return roots, refused
}

// Locate finds out what u is: people configure the discovery, an API root or
// whatever address of a collection they have at hand. The addresses of
// collections are known by their form and nothing is asked; others are asked
// for, with and without a closing slash. A bare host is looked at where servers
// have their discovery, at /taxii2/ (TAXII 2.1 §4.1) and /taxii/ (2.0 §4.1).
func (c *Client) Locate(ctx context.Context, u *url.URL) (Place, error) {
	if p, ok, err := collectionOf(u); ok || err != nil {
		return p, err
	}
	var first error
	for _, path := range candidates(u) {
		v, err := withPath(u, path)
		if err != nil {
			return Place{}, err
		}
		p, err := c.look(ctx, v)
		if err == nil || !missing(err) {
			return p, err
		}
		if first == nil {
			first = err
		}
	}
	return Place{}, fmt.Errorf("neither a discovery nor an API root: %w", first)
}

// missing reports whether there is nothing at an address, so that a neighbour
// may be it.
func missing(err error) bool {
	var s *httpx.StatusError
	if errors.As(err, &s) {
		return s.Code == http.StatusNotFound || s.Code == http.StatusMethodNotAllowed || s.Code == http.StatusGone
	}
	return errors.Is(err, taxii.ErrNotTAXII)
}

func candidates(u *url.URL) []string {
	p := u.EscapedPath()
	if p == "" || p == "/" {
		return []string{"/taxii2/", "/taxii/", "/"}
	}
	return []string{slashed(p), strings.TrimSuffix(p, "/")}
}

// look asks what is at u.
func (c *Client) look(ctx context.Context, u *url.URL) (Place, error) {
	var w struct {
		wireDiscovery
		Versions   texts  `json:"versions"`
		MaxContent number `json:"max_content_length"`
	}
	keys, err := c.get(ctx, u, &w)
	switch {
	case err != nil:
		return Place{}, err
	case isRoot(keys):
		root := wireRoot{w.Title, w.Description, w.Versions, w.MaxContent}.root()
		at, err := below(u)
		return Place{Root: at, API: &root}, err
	case isDiscovery(keys):
		d := c.discovery(u, w.wireDiscovery)
		return Place{Discovery: &d}, nil
	}
	return Place{}, notA(u, "discovery and no API root")
}

// collectionOf reads an address of the form {root}/collections/[{id}/[objects/ | manifest/ …]].
func collectionOf(u *url.URL) (p Place, ok bool, err error) {
	parts := strings.Split(strings.TrimSuffix(u.EscapedPath(), "/"), "/")
	at := -1
	for i, part := range parts {
		rest := len(parts) - i - 1
		if part == "collections" && (rest < 2 || parts[i+2] == "objects" || parts[i+2] == "manifest") {
			at = i
		}
	}
	if at < 0 {
		return Place{}, false, nil
	}
	if p.Root, err = withPath(u, slashed(strings.Join(parts[:at], "/"))); err != nil {
		return Place{}, false, err
	}
	if at+1 < len(parts) {
		p.Collection, err = url.PathUnescape(parts[at+1])
	}
	return p, err == nil, err
}
