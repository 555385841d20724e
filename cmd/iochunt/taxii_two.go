package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/httpx"
)

// rootJSON is the "taxii_root" object of docs/output.md.
type rootJSON struct {
	Address     string   `json:"address"`
	Default     bool     `json:"default"`
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	Versions    []string `json:"versions,omitempty"`
	MaxContent  int64    `json:"max_content_length,omitempty"`
	Error       string   `json:"error,omitempty"` // why it could not be asked
}

// roots lists the API roots of a TAXII 2 server.
func (s *taxiiSession) roots(ctx context.Context) error {
	d, err := s.two().Discovery(ctx, s.base)
	if err != nil || s.quiet() {
		return err
	}
	if !s.json {
		fmt.Fprintf(s.out, "%s\n", escape(d.Title))
		field(s.out, "", "description", d.Description)
		field(s.out, "", "contact", d.Contact)
	}
	failed := 0
	for _, r := range d.Roots {
		j := rootJSON{Address: r.Text, Default: d.Default != nil && d.Default.Text == r.Text}
		if err := s.describeRoot(ctx, r, &j); err != nil {
			failed++
			j.Error = err.Error()
		}
		if err := s.showRoot(&j); err != nil {
			return err
		}
	}
	if err := s.counted("roots", len(d.Roots), "API root"); err != nil || failed == 0 {
		return err
	}
	return quietly(exitPartial)
}

func (s *taxiiSession) describeRoot(ctx context.Context, r taxii2.Address, j *rootJSON) error {
	if r.Err != nil {
		return r.Err
	}
	info, err := s.two().Root(ctx, r.URL)
	j.Title, j.Description, j.Versions, j.MaxContent = info.Title, info.Description, info.Versions, info.MaxContent
	return err
}

func (s *taxiiSession) showRoot(j *rootJSON) error {
	if s.json {
		return s.line("taxii_root", j)
	}
	word := "API root"
	if j.Default {
		word += " (the default)"
	}
	fmt.Fprintf(s.out, "%s %s\n", word, escape(j.Address))
	field(s.out, "", "title", j.Title)
	field(s.out, "", "description", j.Description)
	field(s.out, "", "versions", strings.Join(j.Versions, ", "))
	field(s.out, "", "error", j.Error)
	return nil
}

// apiRoots are the API roots behind the address: it may be one itself, or a
// discovery that names them.
func (s *taxiiSession) apiRoots(ctx context.Context) ([]*url.URL, error) {
	place, err := s.two().Locate(ctx, s.base)
	if err != nil {
		return nil, err
	}
	roots, refused := place.Roots()
	for _, r := range refused {
		s.note("iochunt: the API root %s is left out: %v", r.Text, r.Err)
	}
	if len(roots) == 0 {
		return nil, errors.New("the server names no API root that can be asked; give one with --path")
	}
	return roots, nil
}

// rooted is a collection with the API root that it is in.
type rooted struct {
	taxii2.Collection
	root *url.URL
}

// offered are the collections of the roots. A root that cannot be read does not
// hide those of the others: they come with the error.
func (s *taxiiSession) offered(ctx context.Context, roots []*url.URL) (out []rooted, failed error) {
	for _, r := range roots {
		list, err := s.two().Collections(ctx, r)
		failed = errors.Join(failed, err)
		for _, c := range list {
			out = append(out, rooted{c, r})
		}
	}
	return out, failed
}

// rootCollections lists the collections of all API roots.
func (s *taxiiSession) rootCollections(ctx context.Context) ([]collectionJSON, error) {
	roots, err := s.apiRoots(ctx)
	if err != nil {
		return nil, err
	}
	list, failed := s.offered(ctx, roots)
	var out []collectionJSON
	for _, c := range list {
		out = append(out, collectionJSON{
			Name: c.ID, Title: c.Title, Description: c.Description, Readable: c.CanRead, Writable: c.CanWrite,
			Content: c.MediaTypes, Poll: []string{httpx.SafeURL(c.root)},
		})
	}
	return out, failed
}

// pollAddress is the API root of a TAXII 2 collection, and its id.
func (s *taxiiSession) pollAddress(ctx context.Context, collection string) (root *url.URL, id string, err error) {
	roots, err := s.apiRoots(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(roots) == 1 {
		return roots[0], collection, nil
	}
	list, failed := s.offered(ctx, roots)
	for _, c := range list {
		if c.ID == collection || c.Alias == collection {
			return c.root, c.ID, nil
		}
	}
	if failed != nil {
		return nil, "", fmt.Errorf("no API root that could be read has a collection %q: %w", collection, failed)
	}
	return nil, "", fmt.Errorf("no API root has a collection %q (iochunt taxii collections lists them)", collection)
}

// pollObjects fetches a TAXII 2 collection.
func (s *taxiiSession) pollObjects(ctx context.Context, f *pollFlags, q taxii1.Query, out *blockWriter) error {
	if f.countOnly || f.subscription != "" || len(f.bindings) > 0 || !q.End.IsZero() {
		return usage("TAXII 2 has no --count-only, --subscription, --bindings or --end")
	}
	root, id, err := s.pollAddress(ctx, f.collection)
	if err != nil {
		return err
	}
	ask := taxii2.Query{MaxBytes: maxTAXIIAnswer}
	if !q.Begin.IsZero() {
		ask.AddedAfter = q.Begin.Format("2006-01-02T15:04:05.000000Z")
	}
	_, err = s.two().Objects(ctx, root, id, ask, func(p *taxii2.Page) error { return out.page(p) })
	if errors.Is(err, errPollLimit) {
		s.note("iochunt: stopped after %s, as --limit says; the collection may have more", plural(out.n, "object"))
		err = nil
	}
	return out.end(err, "object")
}

// page takes the objects of one answer.
func (w *blockWriter) page(p *taxii2.Page) error {
	last, _ := time.Parse(time.RFC3339Nano, p.Last)
	for _, o := range p.Objects {
		j := blockJSON{Collection: w.flags.collection, Index: w.n + 1, Binding: "application/stix+json", Label: last, Bytes: len(o)}
		if err := w.put(&j, o); err != nil {
			return err
		}
	}
	for _, b := range p.Bad {
		w.bad++
		w.session.note("iochunt: object %s cannot be read: %s", cmp.Or(b.ID, "without an id"), b.Reason)
	}
	return nil
}

// partialCode is the code of a poll that broke off after it had brought
// something.
func partialCode(err error) int {
	if isAuth(err) {
		return exitAuth
	}
	return exitPartial
}

// isAuth reports whether another login would mend err.
func isAuth(err error) bool {
	return errors.Is(err, collect.ErrAuth) || errors.Is(err, taxii.ErrAuth) || clusterRefuses(err)
}
