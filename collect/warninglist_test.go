package collect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/internal/ioc"
)

func newLists(t testing.TB, s settings, known collect.Known) collect.Collector {
	t.Helper()
	c, err := collect.New("warninglist", collect.Options{Feed: "known", Decode: s.decode, Known: known})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listStore keeps lists as a store does: by their reports.
type listStore struct {
	*store
	lists   map[string]ioc.Warninglist
	refused []ioc.Refusal
}

func newListStore() *listStore {
	return &listStore{store: newStore(), lists: make(map[string]ioc.Warninglist)}
}

func (s *listStore) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	c, err := s.store.PutBatch(ctx, feed, b)
	if err != nil {
		return c, err
	}
	for i, l := range b.Lists {
		if r := b.Reports[i]; r.ID != l.ID || !r.Start || !r.Last || r.Name != l.Name || r.Revision == "" || l.Feed != feed {
			return c, fmt.Errorf("list %+v comes as report %+v", l, r)
		}
		s.lists[l.ID] = l
	}
	for _, id := range b.Gone {
		delete(s.lists, id)
	}
	s.refused = append(s.refused, b.Refused...)
	return c, nil
}

// have returns the stored lists as "id: name entries…".
func (s *listStore) have() []string {
	var out []string
	for id, l := range s.lists {
		out = append(out, fmt.Sprintf("%s: %s %s", id, l.Name, strings.Join(l.Entries, " ")))
	}
	slices.Sort(out)
	return out
}

func (s *listStore) run(t testing.TB, set settings, o collect.RunOptions) (collect.Result, error) {
	t.Helper()
	return collect.Run(t.Context(), "known", newLists(t, set, s.Model), s, o)
}

// warninglist makes a list as MISP has it.
func warninglist(name string, entries ...string) string {
	b, _ := json.Marshal(map[string]any{"name": name, "type": "string", "version": 1, "list": entries})
	return string(b)
}

// many makes n entries.
func many(n int) []string { return strings.Fields(numbers(n)) }

const schema = `{"title":"schema","properties":{"list":{"type":"array"}}}`

func TestWarninglistConforms(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"lists/a/list.json":   warninglist("A", "a.example", " ", "b.example"),
		"lists/big/list.json": warninglist("Big", many(25_000)...),
		"lists/z/list.json":   warninglist("Z", "z.example"),
		"schema.json":         schema, "README.md": "about it",
	}
	for name, content := range files {
		write(t, dir, name, content, clock)
	}
	broken := func(name, content string) func(t *testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			d := t.TempDir()
			for n, c := range files {
				write(t, d, n, c, clock)
			}
			write(t, d, name, content, clock.Add(time.Hour))
			return newLists(t, settings{"path": d}, nil)
		}
	}
	collecttest.Run(t, collecttest.Subject{
		New: func(t *testing.T) collect.Collector { return newLists(t, settings{"path": dir}, nil) },
		Faults: map[string]func(t *testing.T) collect.Collector{
			"a list that ends":      broken("lists/big/list.json", files["lists/big/list.json"][:9_000]),
			"a list of no type":     broken("lists/a/list.json", `{"name":"A","list":["a.example"]}`),
			"no list":               broken("lists/z/list.json", `{"message":"Not Found"}`),
			"no JSON":               broken("lists/z/list.json", "<html>"),
			"the folder is missing": func(t *testing.T) collect.Collector { return newLists(t, settings{"path": dir + "/none"}, nil) },
		},
	})
}

func TestWarninglistURLConforms(t *testing.T) {
	const secret = "canary-77ab"
	files := []entry{
		{name: "top/lists/a/list.json", body: warninglist("A", "a.example")}, {name: "top/lists/big/list.json", body: warninglist("Big", many(25_000)...)},
		{name: "top/lists/z/list.json", body: warninglist("Z", "z.example")}, {name: "top/schema.json", body: schema},
	}
	whole := archive(t, files...)
	files[2].body = files[2].body[:20]
	srv := listServer(t, map[string]string{"/l.tar.gz": whole, "/cut": whole[:len(whole)/2], "/tail": whole[:len(whole)-3], "/one": archive(t, files...), "/other": "evil.com\n"})
	at := func(path string) func(t *testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			u := strings.Replace(srv.URL, "//", "//user:"+secret+"@", 1) + path + "?token=" + secret
			return newLists(t, settings{"url": u}, nil)
		}
	}
	t.Setenv("TMPDIR", t.TempDir())
	collecttest.Run(t, collecttest.Subject{
		New: at("/l.tar.gz"), Canary: secret,
		Faults: map[string]func(t *testing.T) collect.Collector{
			"404": at("/none"), "forbidden": at("/forbidden"), "a page for people": at("/html"), "a plain list": at("/other"),
			"cut in the middle": at("/cut"), "cut at the end": at("/tail"), "one list is broken": at("/one"),
		},
	})
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "iochunt-*.list")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestWarninglistLifecycle(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/list.json", warninglist("A", "a.example"), clock)
	write(t, dir, "b.json", warninglist("B", "b.example"), clock)
	write(t, dir, "schema.json", schema, clock)
	set, st := settings{"path": dir}, newListStore()
	f := func(what string, batches, gone, lists int, skipped string, want ...string) {
		t.Helper()
		before := len(st.batches)
		r, err := st.run(t, set, collect.RunOptions{})
		if err != nil || (skipped == "") != (len(r.Skipped) == 0) || !strings.Contains(strings.Join(r.Skipped, "\n"), skipped) {
			t.Fatalf("%s: %v, %q; want %q", what, err, r.Skipped, skipped)
		}
		if n := len(st.batches) - before; n != batches || r.Gone != gone || r.Read["list"] != lists {
			t.Errorf("%s: %d batches, %d gone, %v; want %d, %d, %d lists", what, n, r.Gone, r.Read, batches, gone, lists)
		}
		if d := cmp.Diff(want, st.have()); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	hour := func(n int) time.Time { return clock.Add(time.Duration(n) * time.Hour) }
	f("first", 1, 0, 2, "", "a/list.json: A a.example", "b.json: B b.example")
	f("unchanged", 0, 0, 0, "", "a/list.json: A a.example", "b.json: B b.example")
	write(t, dir, "b.json", warninglist("B", "b.example"), hour(1))
	f("touched", 1, 0, 0, "", "a/list.json: A a.example", "b.json: B b.example")
	write(t, dir, "b.json", warninglist("B", "c.example"), hour(2))
	f("changed", 1, 0, 1, "", "a/list.json: A a.example", "b.json: B c.example")
	write(t, dir, "b.json", warninglist("B", "d.example")[:30], hour(3))
	f("broken", 0, 0, 0, "b.json: byte 30: it ends in the middle", "a/list.json: A a.example", "b.json: B c.example")
	f("still broken", 0, 0, 0, "b.json", "a/list.json: A a.example", "b.json: B c.example")
	write(t, dir, "b.json", schema, hour(4))
	f("a list no more", 0, 0, 0, `b.json: it is not a warninglist: it has no key "list"`, "a/list.json: A a.example", "b.json: B c.example")
	if err := os.Remove(filepath.Join(dir, "b.json")); err != nil {
		t.Fatal(err)
	}
	f("vanished", 1, 1, 0, "", "a/list.json: A a.example")
	write(t, dir, "schema.json", warninglist("S", "s.example"), hour(5))
	f("has become a list", 1, 0, 1, "", "a/list.json: A a.example", "schema.json: S s.example")
	set = settings{"path": dir, "except": []string{"schema"}}
	f("excluded", 1, 1, 1, "", "a/list.json: A a.example")
	f("still excluded", 0, 0, 0, "", "a/list.json: A a.example")
	set = settings{"path": dir}
	f("taken in again", 1, 0, 2, "", "a/list.json: A a.example", "schema.json: S s.example")
	set = settings{"path": dir + "/schema.json"}
	f("of one file", 1, 1, 0, "", "schema.json: S s.example")
}

// Where no list is left, nothing is withdrawn.
func TestWarninglistNothingLeft(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good/a.json", warninglist("A", "a.example"), clock)
	write(t, dir, "schemas/s.json", schema, clock)
	write(t, dir, "texts/README.md", "about it", clock)
	f := func(set settings, full bool, want string) {
		t.Helper()
		st := newListStore()
		if _, err := st.run(t, settings{"path": dir + "/good"}, collect.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		r, err := st.run(t, set, collect.RunOptions{Full: full})
		if err == nil || !strings.Contains(err.Error(), want) || r.Outcome() != collect.Failed {
			t.Errorf("%v: %v; want %q", set, err, want)
		}
		if len(st.have()) != 1 || len(st.batches) != 1 {
			t.Errorf("%v: %v", set, st.have())
		}
	}
	for _, full := range []bool{false, true} {
		f(settings{"path": dir + "/none"}, full, "no such file")
		f(settings{"path": dir + "/good/*.csv"}, full, "it leads to no file")
		f(settings{"path": dir + "/schemas"}, full, "there is no warninglist")
		f(settings{"path": dir + "/texts"}, full, "there is no warninglist")
		f(settings{"path": dir + "/good", "only": []string{"B*"}}, full, "only and except leave none of the 1 lists that are there (a.json); nothing is withdrawn")
		f(settings{"path": dir + "/good", "except": []string{"a"}}, full, "only and except leave none")
	}
}

// A run from the beginning withdraws what is gone and keeps what is broken.
func TestWarninglistFull(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"a", "b", "c", "d"} {
		write(t, dir, n+".json", warninglist(strings.ToUpper(n), n+".example"), clock)
	}
	st := newListStore()
	if _, err := st.run(t, settings{"path": dir}, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir + "/d.json"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.json", "{", clock)
	write(t, dir, "c.json", schema, clock)
	r, err := st.run(t, settings{"path": dir}, collect.RunOptions{Full: true})
	if err != nil || len(r.Skipped) != 2 || r.Outcome() != collect.Partial {
		t.Fatal(err, r.Skipped)
	}
	if d := cmp.Diff([]string{"a.json: A a.example", "b.json: B b.example", "c.json: C c.example"}, st.have()); d != "" {
		t.Error(d)
	}
}

func TestWarninglistPaths(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"a.json", "b.txt", "README.md", "lists/c/list.json", "lists/d/list.json", "lists/.git/e.json"} {
		write(t, dir, n, warninglist("List "+n, "x"), clock)
	}
	write(t, dir, "packed/f.json.gz", gz(t, warninglist("F", "x")), clock)
	write(t, dir, "packed/g.tgz", archive(t, entry{name: "top/g/list.json", body: warninglist("G", "x")}), clock)
	f := func(set settings, note string, want ...string) {
		t.Helper()
		set["path"] = dir + set["path"].(string)
		st := newListStore()
		r, err := st.run(t, set, collect.RunOptions{})
		if err != nil || len(r.Skipped) > 0 {
			t.Errorf("%v: %v, %v", set, err, r.Skipped)
		}
		var got []string
		for id := range st.lists {
			got = append(got, id)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", set, d)
		}
		if notes := strings.Join(r.Notes, "; "); notes != note {
			t.Errorf("%v: %q; want %q", set, notes, note)
		}
	}
	misfit := "left out as not called *.json (3): README.md, b.txt, packed/g.tgz"
	f(settings{"path": ""}, misfit, "a.json", "lists/c/list.json", "lists/d/list.json", "packed/f.json.gz")
	f(settings{"path": "/**"}, misfit, "a.json", "lists/c/list.json", "lists/d/list.json", "packed/f.json.gz")
	f(settings{"path": "/*.txt"}, "", "b.txt")
	f(settings{"path": "/b.txt"}, "", "b.txt")
	f(settings{"path": "/a.json"}, "", "a.json")
	f(settings{"path": "/packed/f.json.gz"}, "", "f.json.gz")
	f(settings{"path": "/packed/g.tgz"}, "", "g/list.json")
	f(settings{"path": "/lists/**/list.json"}, "", "c/list.json", "d/list.json")
	lists := func(key string, globs ...string) settings { return settings{"path": "/lists", key: globs} }
	f(lists("only", "C"), "left out by only and except (1): d/list.json", "c/list.json")
	f(lists("only", "c/*"), "left out by only and except (1): d/list.json", "c/list.json")
	f(lists("only", "list lists/C/*"), "left out by only and except (1): d/list.json", "c/list.json")
	f(lists("only", "*C/LIST.json"), "left out by only and except (1): d/list.json", "c/list.json")
	f(lists("except", "{c,x}"), "left out by only and except (1): c/list.json", "d/list.json")
	f(lists("except", "*/d/*"), "left out by only and except (1): d/list.json", "c/list.json")
	f(settings{"path": "/lists", "only": []string{"?"}, "except": []string{"d"}}, "left out by only and except (1): d/list.json", "c/list.json")
}

// A broken list can be left out.
func TestWarninglistExceptBroken(t *testing.T) {
	f := func(set settings) {
		t.Helper()
		st := newListStore()
		for range 2 {
			r, err := st.run(t, set, collect.RunOptions{})
			if err != nil || len(r.Skipped) > 0 || len(st.lists) != 1 || len(st.batches) != 1 {
				t.Errorf("%v: %v, %v, %v, %d batches", set, err, r.Skipped, st.have(), len(st.batches))
			}
		}
	}
	dir := t.TempDir()
	write(t, dir, "l/a/list.json", warninglist("A", "x"), clock)
	write(t, dir, "l/b/list.json", "{", clock)
	write(t, dir, "l.tgz", archive(t, entry{name: "a/list.json", body: warninglist("A", "x")}, entry{name: "b/list.json", body: "{"}), clock)
	f(settings{"path": dir + "/l", "except": []string{"b"}})
	f(settings{"path": dir + "/l.tgz", "except": []string{"b"}})
}

// server serves one text at a time, and counts who asked for all of it.
type server struct {
	*httptest.Server
	text  string
	whole int
}

func newServer(t *testing.T, text string) *server {
	s := &server{text: text}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"%x"`, len(s.text)*1000+strings.Count(s.text, "a"))
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		s.whole++
		w.Header().Set("ETag", tag)
		fmt.Fprint(w, s.text)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestWarninglistURL(t *testing.T) {
	srv := newServer(t, warninglist("A", "a.example"))
	t.Setenv("TMPDIR", t.TempDir())
	set, st := settings{"url": srv.URL + "/warn?x"}, newListStore()
	f := func(what, skipped string, whole, batches int, want ...string) {
		t.Helper()
		srv.whole = 0
		before := len(st.batches)
		r, err := st.run(t, set, collect.RunOptions{})
		if err != nil || !strings.Contains(strings.Join(r.Skipped, "\n"), skipped) || (skipped == "") != (len(r.Skipped) == 0) {
			t.Errorf("%s: %v, %q; want %q", what, err, r.Skipped, skipped)
		}
		if n := len(st.batches) - before; n != batches || srv.whole != whole {
			t.Errorf("%s: %d batches, asked for all %d times; want %d, %d", what, n, srv.whole, batches, whole)
		}
		got := st.have()
		for i := range got {
			got[i] = strings.Replace(got[i], srv.URL, "", 1)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	id := "/warn?2d711642"
	f("first", "", 1, 1, id+": A a.example")
	f("unchanged", "", 0, 0, id+": A a.example")
	srv.text = warninglist("A", "aa.example")
	f("changed", "", 1, 1, id+": A aa.example")
	srv.text = "<!doctype html>Log in"
	f("a page", "a page for people", 1, 0, id+": A aa.example")
	srv.text = archive(t, entry{name: "r-1/lists/a/list.json", body: warninglist("A", "x")}, entry{name: "r-1/lists/b/list.json", body: warninglist("B", "y")}, entry{name: "r-1/schema.json", body: schema})
	f("an archive", "", 1, 1, "lists/a/list.json: A x", "lists/b/list.json: B y")
	f("the same archive", "", 0, 0, "lists/a/list.json: A x", "lists/b/list.json: B y")
	good := srv.text
	srv.text = srv.text[:len(srv.text)-9]
	f("a cut archive", "archive: it has been cut", 1, 0, "lists/a/list.json: A x", "lists/b/list.json: B y")
	srv.text = good[:20]
	f("a few bytes of it", "gzip: unexpected EOF", 1, 0, "lists/a/list.json: A x", "lists/b/list.json: B y")
	srv.text = archive(t, entry{name: "r-2/lists/a/list.json", body: warninglist("A", "x2")}, entry{name: "r-2/lists/b/list.json", body: "{"})
	f("a broken list in it", "lists/b/list.json: byte 2: it ends in the middle", 1, 2, "lists/a/list.json: A x2", "lists/b/list.json: B y")
	f("still broken", "lists/b/list.json: byte 2: it ends in the middle", 1, 1, "lists/a/list.json: A x2", "lists/b/list.json: B y")
	srv.text = good
	f("the old archive again", "", 1, 1, "lists/a/list.json: A x", "lists/b/list.json: B y")
	srv.text = archive(t, entry{name: "r-3/lists/b/list.json", body: warninglist("B", "y")}, entry{name: "r-3/x", body: ""})
	f("less in it", "", 1, 1, "lists/b/list.json: B y")
	srv.text = warninglist("A", "a")
	f("a list again", "", 1, 1, id+": A a")
	_, err := collect.Run(t.Context(), "x", newLists(t, settings{"url": listServer(t, nil).URL + "/forbidden"}, nil), st, collect.RunOptions{})
	if !errors.Is(err, collect.ErrAuth) {
		t.Errorf("403: %v; want ErrAuth", err)
	}
}
