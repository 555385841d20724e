package collect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// settings are those of a feed, as the config has them.
type settings map[string]any

// decode fills a settings struct by its mapstructure tags, which here are the
// same words as the field names.
func (s settings) decode(into any) error {
	flat := make(map[string]any)
	for k, v := range s {
		flat[strings.ReplaceAll(k, "_", "")] = v
	}
	b, err := json.Marshal(flat)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func newFile(t testing.TB, s settings, known collect.Known) collect.Collector {
	t.Helper()
	c, err := collect.New("file", collect.Options{Feed: "local", Decode: s.decode, Known: known})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// write makes a file of the tree dir with the time that was given, so that a
// change is seen however fast the test is.
func write(t testing.TB, dir, name, content string, mtime time.Time) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(p, mtime, mtime); err != nil {
		t.Fatal(err)
	}
}

func gz(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// canonical stands in for the enrich steps.
func canonical(m *ioc.Member) string {
	o, err := canon.Observable(m.Type, m.Value)
	if err != nil {
		return err.Error()
	}
	m.Observable = o
	return ""
}

func run(t testing.TB, s settings, st *store, o collect.RunOptions) (collect.Result, error) {
	t.Helper()
	o.Prepare = canonical
	return collect.Run(t.Context(), "local", newFile(t, s, st.Model), st, o)
}

// numbers makes n addresses.
func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
	}
	return b.String()
}

func TestFileConforms(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txt", "evil.com # it\n1.2.3.4\nnonsense and more\n", clock)
	write(t, dir, "big.txt", numbers(45_000), clock)
	write(t, dir, "sub/b.csv.gz", gz(t, "domain,comment\nevil.net,x\n"), clock)
	write(t, dir, "sub/event.json", `{"Event":{"uuid":"u","info":"i","Attribute":[{"type":"domain","value":"evil.org","to_ids":true}]}}`, clock)
	broken := func(name, content string) func(t *testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			d := t.TempDir()
			if err := os.CopyFS(d, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			for _, f := range []string{"a.txt", "big.txt", "sub/b.csv.gz", "sub/event.json"} {
				if err := os.Chtimes(filepath.Join(d, f), clock, clock); err != nil {
					t.Fatal(err)
				}
			}
			write(t, d, name, content, clock.Add(time.Hour))
			return newFile(t, settings{"path": d}, nil)
		}
	}
	collecttest.Run(t, collecttest.Subject{
		New: func(t *testing.T) collect.Collector { return newFile(t, settings{"path": dir}, nil) },
		Faults: map[string]func(t *testing.T) collect.Collector{
			"a damaged gzip file":   broken("sub/b.csv.gz", gz(t, "domain,comment\nevil.net,x\nevil.test,y\n")[:30]),
			"a JSON that ends":      broken("sub/event.json", `{"Event":{"Attribute":[{"type":"domain","value":"wrong.org","to_ids":true}`),
			"a binary file":         broken("big.txt", "\x7fELF\x00\x00"),
			"a long damaged file":   broken("big.txt", gz(t, numbers(60_000))[:100_000]),
			"the folder is missing": func(t *testing.T) collect.Collector { return newFile(t, settings{"path": dir + "/none"}, nil) },
		},
	})
}

func TestFileURLConforms(t *testing.T) {
	const secret = "canary-5c1f"
	srv := listServer(t, map[string]string{"/list.txt": numbers(45_000), "/cut.txt": gz(t, numbers(45_000))[:50_000]})
	at := func(path string) func(t *testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			u := strings.Replace(srv.URL, "//", "//user:"+secret+"@", 1) + path + "?token=" + secret
			return newFile(t, settings{"url": u}, nil)
		}
	}
	collecttest.Run(t, collecttest.Subject{
		New: at("/list.txt"), Canary: secret,
		Faults: map[string]func(t *testing.T) collect.Collector{"404": at("/none"), "forbidden": at("/forbidden"), "a page for people": at("/html"), "a damaged gzip file": at("/cut.txt")},
	})
}

// listServer serves texts with an ETag, and the usual trouble.
func listServer(t *testing.T, texts map[string]string) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch text, ok := texts[r.URL.Path]; {
		case r.URL.Path == "/forbidden":
			http.Error(w, "no: "+r.URL.RawQuery, http.StatusForbidden)
		case r.URL.Path == "/html":
			io.WriteString(w, "\n<!DOCTYPE html><title>Log in</title>evil.com")
		case !ok:
			http.NotFound(w, r)
		default:
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(text)))
			w.Header().Set("Last-Modified", clock.Format(http.TimeFormat))
			http.ServeContent(w, r, "x.txt", clock, strings.NewReader(text))
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestFileLifecycle(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txt", "evil.com\n1.2.3.4\n", clock)
	write(t, dir, "b.txt", "evil.net\n", clock)
	set, st := settings{"path": dir + "/*.txt"}, newStore()
	f := func(what string, batches int, gone int, want ...string) {
		t.Helper()
		before := len(st.batches)
		r, err := run(t, set, st, collect.RunOptions{})
		if err != nil || r.Outcome() != collect.OK {
			t.Fatalf("%s: %v, %v", what, err, r.Skipped)
		}
		if n := len(st.batches) - before; n != batches || r.Gone != gone {
			t.Errorf("%s: %d batches, %d gone; want %d, %d", what, n, r.Gone, batches, gone)
		}
		if d := cmp.Diff(want, st.Members()); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	f("first", 1, 0, "a.txt:", "a.txt: domain evil.com", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
	f("unchanged", 0, 0, "a.txt:", "a.txt: domain evil.com", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
	write(t, dir, "a.txt", "evil.com\n1.2.3.4\n", clock.Add(time.Hour))
	f("touched", 1, 0, "a.txt:", "a.txt: domain evil.com", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
	write(t, dir, "a.txt", "evil.org\n1.2.3.4\n", clock.Add(2*time.Hour))
	f("changed", 1, 0, "a.txt:", "a.txt: domain evil.org", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
	if runtime.GOOS == "linux" || runtime.GOOS == "darwin" {
		write(t, dir, "a.txt", "evil.biz\n1.2.3.4\n", clock.Add(2*time.Hour))
		f("changed in place, size and time as before", 1, 0, "a.txt:", "a.txt: domain evil.biz", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
		write(t, dir, "a.txt", "evil.org\n1.2.3.4\n", clock.Add(2*time.Hour))
		f("and back", 1, 0, "a.txt:", "a.txt: domain evil.org", "a.txt: ip 1.2.3.4", "b.txt:", "b.txt: domain evil.net")
	}
	if err := os.Remove(filepath.Join(dir, "b.txt")); err != nil {
		t.Fatal(err)
	}
	f("vanished", 1, 1, "a.txt:", "a.txt: domain evil.org", "a.txt: ip 1.2.3.4")
	write(t, dir, "a.txt", "", clock.Add(3*time.Hour))
	f("emptied", 1, 0, "a.txt:")
	set = settings{"path": dir + "/*.txt", "type": "mutex"}
	write(t, dir, "a.txt", "evil.com\n", clock.Add(4*time.Hour))
	f("of a declared type", 1, 0, "a.txt:", "a.txt: mutex evil.com")
	set = settings{"path": dir + "/*.txt"}
	f("of other settings", 1, 0, "a.txt:", "a.txt: domain evil.com")
}

// A path that leads nowhere says nothing about the indicators.
func TestFileNowhere(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/b.txt", "evil.com\n", clock)
	f := func(path string) {
		t.Helper()
		st := newStore()
		if _, err := run(t, settings{"path": dir + "/a"}, st, collect.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		r, err := run(t, settings{"path": dir + path}, st, collect.RunOptions{})
		if !errors.Is(err, os.ErrNotExist) || r.Outcome() != collect.Failed || len(st.Members()) != 2 {
			t.Errorf("%s: %v, %s, %v", path, err, r.Outcome(), st.Members())
		}
	}
	f("/none")
	f("/none/*.txt")
	f("/a/*.csv")
	f("/**/*.csv")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	f("/empty")
}

func TestFilePaths(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"a.txt", "b.csv", "sub/c.txt", "sub/deep/d.txt", ".hidden.txt", "sub/.git/e.txt", "odd#name.txt", "[x].txt"} {
		write(t, dir, n, "evil.com\n", clock)
	}
	f := func(path string, want ...string) {
		t.Helper()
		var got []string
		for b, err := range newFile(t, settings{"path": dir + path}, nil).Collect(t.Context(), "") {
			if err != nil {
				t.Error(path, err)
			}
			for _, r := range b.Reports {
				got = append(got, r.ID)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
	}
	f("/a.txt", "a.txt")
	f("/[x].txt", "[x].txt")
	f("/*.txt", "[x].txt", "a.txt", "odd%23name.txt")
	f("/**/*.txt", "[x].txt", "a.txt", "odd%23name.txt", "sub/c.txt", "sub/deep/d.txt")
	f("/sub/**", "c.txt", "deep/d.txt")
	f("/sub", "c.txt", "deep/d.txt")
	f("/{a.txt,sub/*.txt}", "a.txt", "sub/c.txt")
	f("/.*.txt", ".hidden.txt")
}

func TestFileSkips(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txt", "evil.com\n", clock)
	write(t, dir, "b.gz", gz(t, "evil.net\n"), clock)
	st := newStore()
	if _, err := run(t, settings{"path": dir}, st, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.gz", gz(t, numbers(10))[:30], clock.Add(time.Hour))
	write(t, dir, "c.txt", "evil.org\n", clock)
	write(t, dir, "d.gz", gz(t, strings.Repeat("\n", 5<<20)), clock)
	r, err := run(t, settings{"path": dir, "max_mib": 1}, st, collect.RunOptions{})
	if err != nil || r.Outcome() != collect.Partial || len(r.Skipped) != 2 {
		t.Fatalf("%v, %s, %q", err, r.Outcome(), r.Skipped)
	}
	for i, want := range []string{"b.gz: gzip", "max_mib"} {
		if !strings.Contains(r.Skipped[i], want) {
			t.Errorf("%s does not say %q", r.Skipped[i], want)
		}
	}
	want := []string{"a.txt:", "a.txt: domain evil.com", "b.gz:", "b.gz: domain evil.net", "c.txt:", "c.txt: domain evil.org"}
	if d := cmp.Diff(want, st.Members()); d != "" {
		t.Error(d)
	}
	// A run from the beginning keeps what it cannot read, and withdraws what is gone.
	if err := os.Remove(filepath.Join(dir, "c.txt")); err != nil {
		t.Fatal(err)
	}
	if r, err = run(t, settings{"path": dir, "max_mib": 1}, st, collect.RunOptions{Full: true}); err != nil || r.Outcome() != collect.Partial {
		t.Fatal(err, r.Outcome())
	}
	if d := cmp.Diff(want[:4], st.Members()); d != "" {
		t.Error(d)
	}
}

// A long file of which a part was stored when the run ended takes everything
// along when it vanishes.
func TestFileVanishesHalfway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txt", "evil.com\n", clock)
	write(t, dir, "big.txt", numbers(50_000), clock)
	st := newStore()
	st.fail = map[int]error{2: errors.New("full")}
	if _, err := run(t, settings{"path": dir}, st, collect.RunOptions{}); err == nil || len(st.Members()) < 10_000 {
		t.Fatal(err, len(st.Members()))
	}
	if err := os.Remove(filepath.Join(dir, "big.txt")); err != nil {
		t.Fatal(err)
	}
	st.fail = nil
	if _, err := run(t, settings{"path": dir}, st, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a.txt:", "a.txt: domain evil.com"}, st.Members()); d != "" {
		t.Error(d)
	}
}

func TestFileReports(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "e.json", `[{"Event":{"uuid":"u1","info":"one","Orgc":{"name":"CERT"},"Attribute":[{"type":"domain","value":"evil.com","to_ids":true}]}},
		{"Event":{"uuid":"u2","info":"two","timestamp":"1658223000","Attribute":[{"type":"ip-dst","value":"1.2.3.4","to_ids":false,"uuid":"at"}]}}]`, clock)
	write(t, dir, "l.txt", "# Reference: https://blog.example/x\nEVIL[.]com # c2\nwhat is this\n", clock)
	st := newStore()
	if _, err := run(t, settings{"path": dir}, st, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	b := st.batches[0]
	for i := range b.Reports {
		if len(b.Reports[i].Revision) < 20 || !b.Reports[i].Start || !b.Reports[i].Last {
			t.Errorf("%+v", b.Reports[i])
		}
		b.Reports[i].Revision = ""
	}
	list := func(r ioc.Report) ioc.ReportList { return ioc.ReportList{Report: r, Start: true, Last: true} }
	want := []ioc.ReportList{
		list(ioc.Report{ID: "e.json#u1", Name: "one", Author: "CERT", Modified: clock}),
		list(ioc.Report{ID: "e.json#u2", Name: "two", Modified: time.Unix(1658223000, 0).UTC()}),
		list(ioc.Report{ID: "l.txt", Name: "l.txt", References: []string{"https://blog.example/x"}, Modified: clock}),
	}
	if d := cmp.Diff(want, b.Reports); d != "" {
		t.Error(d)
	}
	wantRefused := []ioc.Refusal{
		{Report: "e.json#u2", Type: "ip-dst", Value: "1.2.3.4", Reason: "not meant for detection (to_ids false)", Place: "attribute at"},
		{Report: "l.txt", Value: "what is this", Reason: "several words, and no indicator among them; for free text write text:...", Place: "line 3"},
	}
	if d := cmp.Diff(wantRefused, b.Refused); d != "" {
		t.Error(d)
	}
	write(t, dir, "e.json", `[{"Event":{"uuid":"u1","info":"one"}}]`, clock.Add(time.Hour))
	if _, err := run(t, settings{"path": dir}, st, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"e.json#u1:", "l.txt:", "l.txt: domain evil.com"}, st.Members()); d != "" {
		t.Errorf("after an event has left its file:\n%s", d)
	}
}

func TestFileURL(t *testing.T) {
	texts := map[string]string{"/l.txt": "evil.com\n1.2.3.4\n"}
	srv := listServer(t, texts)
	t.Setenv("TMPDIR", t.TempDir())
	set, st := settings{"url": srv.URL + "/l.txt"}, newStore()
	id := srv.URL + "/l.txt"
	f := func(batches int, want ...string) {
		t.Helper()
		before := len(st.batches)
		r, err := run(t, set, st, collect.RunOptions{})
		if err != nil || len(st.batches)-before != batches {
			t.Errorf("%v, %d batches, want %d: %v", err, len(st.batches)-before, batches, r.Skipped)
		}
		if d := cmp.Diff(want, st.Members()); d != "" {
			t.Error(d)
		}
	}
	f(1, id+":", id+": domain evil.com", id+": ip 1.2.3.4")
	if r := st.batches[0].Reports[0]; r.URL != id || r.Name != "l.txt" || !r.Modified.Equal(clock) {
		t.Errorf("%+v", r)
	}
	f(0, id+":", id+": domain evil.com", id+": ip 1.2.3.4")
	texts["/l.txt"] = "evil.net\n"
	f(1, id+":", id+": domain evil.net")
	_, err := collect.Run(t.Context(), "x", newFile(t, settings{"url": srv.URL + "/forbidden"}, nil), st, collect.RunOptions{})
	if !errors.Is(err, collect.ErrAuth) {
		t.Errorf("403: %v; want ErrAuth", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "iochunt-*.list")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestFileSettings(t *testing.T) {
	f := func(s settings, want string) {
		t.Helper()
		_, err := collect.New("file", collect.Options{Feed: "local", Decode: s.decode})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v; want %q", s, err, want)
		}
	}
	f(settings{"path": "x"}, "")
	f(settings{"path": "x", "format": "misp", "context": true}, "")
	f(settings{"path": "x", "type": "domain"}, "")
	f(settings{"url": "https://lists.example/x"}, "")
	f(settings{"url": "http://localhost:1/x"}, "")
	f(settings{"url": "http://lists.example/x", "allow_http": true}, "")
	f(settings{}, "either path or url")
	f(settings{"path": "x", "url": "https://lists.example/x"}, "either path or url")
	f(settings{"url": "http://lists.example/x"}, "allow_http")
	f(settings{"url": "ftp://lists.example/x"}, "ftp")
	f(settings{"url": "lists.example"}, "not a URL")
	f(settings{"path": "x", "format": "xls"}, "there are: auto, list")
	f(settings{"path": "x", "type": "nonsense"}, `no type "nonsense"`)
	f(settings{"path": "x", "columns": map[string]string{"a": "b"}}, `column "a"`)
	f(settings{"path": "x", "max_mib": -1}, "max_mib")
}

func TestFileCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.txt", "evil.com\n", clock)
	srv := listServer(t, map[string]string{"/l.txt": "evil.com\n"})
	f := func(s settings, want string) {
		t.Helper()
		got, err := newFile(t, s, nil).(collect.Checker).Check(context.Background())
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%v: %q; want %q", s, got, want)
		}
	}
	f(settings{"path": dir}, "1 files: a.txt")
	f(settings{"path": dir + "/none"}, "no such file")
	f(settings{"url": srv.URL + "/l.txt"}, "looks like list")
	f(settings{"url": srv.URL + "/html"}, "a page for people")
	f(settings{"url": srv.URL + "/forbidden"}, "not authorised")
}

// A file that is rewritten while it is read counts as not read.
func TestFileChangesUnderway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "big.txt", numbers(60_000), clock)
	m := collecttest.NewModel()
	var skipped []error
	for b, err := range newFile(t, settings{"path": dir}, nil).Collect(t.Context(), "") {
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		if m.Cursor == "" {
			write(t, dir, "big.txt", strings.Repeat("evil.com\n", 100_000), clock)
		}
		m.Put(b)
	}
	if len(skipped) != 1 || !errors.Is(skipped[0], collect.ErrSkipped) || !strings.Contains(skipped[0].Error(), "changed while it was read") {
		t.Fatalf("%v", skipped)
	}
	for b, err := range newFile(t, settings{"path": dir}, nil).Collect(t.Context(), m.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Members {
			canonical(&b.Members[i])
		}
		m.Put(b)
	}
	if d := cmp.Diff([]string{"big.txt:", "big.txt: domain evil.com"}, m.Members()); d != "" {
		t.Error(d)
	}
}
