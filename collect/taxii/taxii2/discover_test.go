package taxii2_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

func at(root *url.URL, path string) *url.URL {
	u, err := root.Parse(path)
	if err != nil {
		panic(err)
	}
	return u
}

func TestRoots(t *testing.T) {
	address := func(path string) taxii2.Address {
		return taxii2.Address{Text: path, URL: at(&url.URL{Scheme: "https", Host: "taxii.example"}, path)}
	}
	f := func(p taxii2.Place, want, refused string) {
		t.Helper()
		var got, not []string
		roots, others := p.Roots()
		for _, u := range roots {
			got = append(got, u.Path)
		}
		for _, a := range others {
			not = append(not, a.Text)
		}
		if strings.Join(got, " ") != want || strings.Join(not, " ") != refused {
			t.Errorf("%v, refused %v; want %s, refused %s", got, not, want, refused)
		}
	}
	a, b, bad := address("/a/"), address("/b/"), taxii2.Address{Text: "https://other.example/", Err: taxii.ErrHost}
	f(taxii2.Place{Root: b.URL}, "/b/", "")
	f(taxii2.Place{Discovery: &taxii2.Discovery{Roots: []taxii2.Address{a, b}}}, "/a/ /b/", "")
	f(taxii2.Place{Discovery: &taxii2.Discovery{Roots: []taxii2.Address{a, bad, b, a}, Default: &b}}, "/b/ /a/", bad.Text)
	f(taxii2.Place{Discovery: &taxii2.Discovery{Roots: []taxii2.Address{bad}, Default: &bad}}, "", bad.Text)
	f(taxii2.Place{Discovery: &taxii2.Discovery{}}, "", "")
}

func TestDiscovery(t *testing.T) {
	for _, version := range []string{"2.1", "2.0"} {
		for _, base := range []string{"", "-"} {
			s := filled(1)
			s.Version, s.Base, s.MaxContent, s.User, s.Password = version, base, 1000, user, secret
			c, root := connect(t, s, version, login)
			d, err := c.Discovery(t.Context(), at(root, "/taxii2/"))
			if err != nil || d.Title != "TAXII test server" || d.Default == nil || d.Default.URL.String() != root.String() || len(d.Roots) != 2 || d.Roots[1].Err != nil {
				t.Fatalf("%+v, %v", d, err)
			}
			api, err := c.Root(t.Context(), at(root, "/root")) // a redirect to the closing slash would keep the login, too
			want := taxii2.APIRoot{Title: "root", Description: "fixtures", Versions: []string{taxiitest.Type21}, MaxContent: 1000}
			if version == "2.0" {
				want.Versions[0] = taxiitest.Type20
			}
			if diff := cmp.Diff(want, api); err != nil || diff != "" {
				t.Error(err, diff)
			}
		}
	}
}

func TestAddressesElsewhere(t *testing.T) {
	s := filled(1)
	s.Base = "https://elsewhere.example"
	c, root := connect(t, s, "2.1")
	d, err := c.Discovery(t.Context(), at(root, "/taxii2/"))
	if err != nil || d.Default.URL != nil || !errors.Is(d.Default.Err, taxii.ErrHost) || d.Default.Text != "https://elsewhere.example/root/" {
		t.Fatalf("%+v, %v", d, err)
	}
	if text := d.Default.Err.Error(); !strings.Contains(text, "elsewhere.example") || !strings.Contains(text, root.Host) {
		t.Error(text)
	}
}

// TestRedirect leads to the closing slash of the same host with the login.
func TestRedirect(t *testing.T) {
	s := filled(3)
	s.User, s.Password = user, secret
	c, root := connect(t, s, "2.1", login)
	p, err := c.Locate(t.Context(), at(root, "/taxii2")) // asked with the slash first
	if err != nil || p.Discovery == nil {
		t.Fatal(p, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/moved/", http.StripPrefix("/moved", s))
	mux.HandleFunc("/root/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/moved"+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/away/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example"+r.URL.RequestURI(), http.StatusFound)
	})
	c, root = connect(t, mux, "2.1", login)
	var g got
	q := quick
	q.Limit = 1
	if res, err := c.Objects(t.Context(), root, "c", q, g.page); err != nil || res.Objects != 3 {
		t.Errorf("%+v, %v", res, err)
	}
	_, err = c.Collections(t.Context(), at(root, "/away/"))
	if err == nil || !strings.Contains(err.Error(), "elsewhere.example") || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
}

func TestCollections(t *testing.T) {
	s := filled(1)
	s.Collections = append(s.Collections, taxiitest.Collection2{ID: "user_AlienVault", Title: "Data feed", Alias: "av", Unreadable: true, Writes: true})
	c, root := connect(t, s, "2.1")
	got, err := c.Collections(t.Context(), root)
	media := []string{"application/stix+json;version=2.1"}
	want := []taxii2.Collection{{ID: "c", Title: "filled", CanRead: true, MediaTypes: media},
		{ID: "user_AlienVault", Title: "Data feed", Alias: "av", CanWrite: true, MediaTypes: media}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	f := func(body string, want int, ok bool) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII2) { s.Faults.Rewrite = func([]byte) []byte { return []byte(body) } })
		got, err := c.Collections(t.Context(), root)
		if len(got) != want || (err == nil) != ok {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	f(`{}`, 0, true)
	f(`{"collections": []}`, 0, true)
	f(`{"collections": null}`, 0, true)
	f(`{"collections": [{"id": 7, "title": null, "can_read": "true", "media_types": "x"}]}`, 1, true)
	f(`{"collections": [{"title": "no id"}]}`, 0, false)
	f(`{"collections": ["x"]}`, 0, false)
	f(`{"collections": {"id": "x"}}`, 0, false)
	f(`{"title": "ProcessingError", "http_status": "500"}`, 0, false)
	f(`[]`, 0, false)
	f(`null`, 0, false)
	f(`{"collections": [{"id": "x"}`, 0, false)
}

// TestCollectionsInParts is TAXII 2.0's way of listing many.
func TestCollectionsInParts(t *testing.T) {
	c, root := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", taxiitest.Type20)
		span, id := "items 0-0/2", "a"
		if r.Header.Get("Range") != "" {
			span, id = "items 1-1/2", "b"
		}
		w.Header().Set("Content-Range", span)
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte(`{"collections": [{"id": "` + id + `"}]}`))
	}), "2.0")
	if got, err := c.Collections(t.Context(), root); err != nil || len(got) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLocate(t *testing.T) {
	s := filled(1)
	c, root := connect(t, s, "2.1")
	f := func(path, wantRoot, wantCollection string, discovery bool, requests int) {
		t.Helper()
		before := len(s.Asked())
		p, err := c.Locate(t.Context(), at(root, path))
		if err != nil || (p.Discovery != nil) != discovery || p.Collection != wantCollection {
			t.Errorf("%s: %+v, %v", path, p, err)
			return
		}
		if wantRoot != "" && p.Root.String() != at(root, wantRoot).String() {
			t.Errorf("%s: root %s", path, p.Root)
		}
		if n := len(s.Asked()) - before; n != requests {
			t.Errorf("%s: %d requests", path, n)
		}
	}
	f("/", "", "", true, 1)
	f("/taxii2", "", "", true, 1)
	f("/taxii2/", "", "", true, 1)
	f("/root", "/root/", "", false, 1)
	f("/root/", "/root/", "", false, 1)
	f("/root/collections", "/root/", "", false, 0)
	f("/root/collections/", "/root/", "", false, 0)
	f("/root/collections/c", "/root/", "c", false, 0)
	f("/root/collections/a%20b%2Fc/", "/root/", "a b/c", false, 0)
	f("/root/collections/c/objects/", "/root/", "c", false, 0)
	f("/root/collections/c/manifest?limit=1", "/root/?limit=1", "c", false, 0)
	f("/collections/root/collections/c/objects", "/collections/root/", "c", false, 0)
	f("/collections/c/", "/", "c", false, 0)
	for path, says := range map[string]string{"/nothing/": "neither a discovery nor an API root", "/root/status/x/": "Status"} {
		if p, err := c.Locate(t.Context(), at(root, path)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
	s.Change(func(s *taxiitest.TAXII2) { s.User = user })
	if _, err := c.Locate(t.Context(), at(root, "/root/")); !errors.Is(err, taxii.ErrAuth) {
		t.Error(err)
	}
	old := filled(1)
	old.Version = "2.0"
	c, root = connect(t, old, "2.0")
	if p, err := c.Locate(t.Context(), at(root, "/taxii/")); err != nil || p.Discovery == nil {
		t.Error(p, err)
	}
	if _, err := taxii2New(t, old, "2.1").Discovery(t.Context(), at(root, "/taxii2/")); err == nil {
		t.Error("another server answered")
	}
}

// taxii2New is a client of another version of the same fake.
func taxii2New(t *testing.T, h http.Handler, version string) *taxii2.Client {
	c, _ := connect(t, h, version)
	return c
}

// TestJWT logs in once and again when the token has expired.
func TestJWT(t *testing.T) {
	s := filled(30)
	s.User, s.Password, s.TokenUses = user, secret, 3
	c, root := connect(t, s, "2.1", login, func(o *taxii.Options) { o.Login.JWT = taxiitest.Auth2 })
	q := quick
	q.Limit = 5
	var g got
	if res, err := c.Objects(t.Context(), root, "c", q, g.page); err != nil || !res.Complete {
		t.Errorf("%+v, %v", res, err)
	}
	g.whole(t, 30)
}
