package collect_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// entry is one member of an archive.
type entry struct {
	name, body string
	link       string // it is a symbolic link to that
}

func tarred(t testing.TB, members ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.body)), ModTime: clock, Typeflag: tar.TypeReg}
		switch {
		case m.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, m.link
		case strings.HasSuffix(m.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func archive(t testing.TB, members ...entry) string {
	t.Helper()
	return gz(t, tarred(t, members...))
}

// packedLists runs a feed over an archive in a file and returns the ids of its
// lists.
func packedLists(t testing.TB, content string, more settings) ([]string, collect.Result, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "x.tgz", content, clock)
	set := settings{"path": dir + "/x.tgz"}
	for k, v := range more {
		set[k] = v
	}
	st := newListStore()
	r, err := st.run(t, set, collect.RunOptions{})
	var ids []string
	for id := range st.lists {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, r, err
}

func TestWarninglistArchive(t *testing.T) {
	list := func(name string) entry { return entry{name: name, body: warninglist(name, "x")} }
	f := func(what string, members []entry, skipped string, want ...string) {
		t.Helper()
		for form, content := range map[string]string{"tar": tarred(t, members...), "tar.gz": archive(t, members...)} {
			got, r, err := packedLists(t, content, nil)
			if err != nil || (skipped == "") != (len(r.Skipped) == 0) || !strings.Contains(strings.Join(r.Skipped, "\n"), skipped) {
				t.Errorf("%s, %s: %v, %q; want %q", what, form, err, r.Skipped, skipped)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %s (-want +got):\n%s", what, form, d)
			}
		}
	}
	f("of a repository", []entry{{name: "r-main/"}, list("r-main/lists/a/list.json"), list("r-main/own.JSON"), {name: "r-main/schema.json", body: schema},
		{name: "r-main/.ci/x.json", body: "{"}, {name: "r-main/tool.py", body: "import json"}, {name: "r-main/latest", link: "lists"}},
		"", "lists/a/list.json", "own.JSON")
	f("without a top folder", []entry{list("./a/list.json"), list("./b/list.json")}, "", "a/list.json", "b/list.json")
	f("of one list", []entry{list("list.json")}, "", "list.json")
	f("names that JSON or ids cannot hold", []entry{list("t/a#b.json"), list("t/c\xff.json")}, "", "a%23b.json", "c\uFFFD.json")
	f("out of it", []entry{list("t/a.json"), list("../../etc/b.json")}, `../../etc/b.json: its name leads out of the archive`, "a.json")
	f("absolute", []entry{list("t/a.json"), list("/etc/b.json")}, `/etc/b.json: its name leads out of the archive`, "a.json")
	f("of another system", []entry{list("t/a.json"), list(`t/..\..\b.json`)}, `b.json: its name leads out of the archive`, "a.json")
	f("back and forth", []entry{list("t/u/../a.json"), list("t/b.json")}, "", "a.json", "b.json")
	f("a link", []entry{list("t/a.json"), {name: "t/lists/b/list.json", link: "/etc/passwd"}}, "lists/b/list.json: it is no plain file; links in an archive are not followed", "a.json")
	f("a long name", []entry{list("t/a.json"), list("t/" + strings.Repeat("long/", 300) + "list.json")}, "its name is longer than 1024 bytes", "a.json")
	f("twice the same", []entry{list("t/a.json"), list("t/a.json")}, `it holds "t/a.json" twice`)
	f("twice the same, in other words", []entry{list("t/a.json"), list("t/./a.json")}, `it holds "t/a.json" twice`)
	f("two of one id", []entry{list("t/a#b.json"), list("t/a%23b.json")}, "two things in it have the id")
	f("one called as the archive", []entry{list("t/x.tgz/y.json"), list("t/b.json")}, "", "b.json", "x.tgz/y.json")
	f("a broken list", []entry{list("t/a.json"), {name: "t/b.json", body: `{"list":[`}, {name: "t/c/list.json", body: schema}, list("t/d.json")}, "b.json: byte", "a.json", "d.json")
	f("an archive within", []entry{list("t/a.json"), {name: "t/b.json", body: archive(t, list("list.json"))}}, "invalid character", "a.json")
	_, _, err := packedLists(t, archive(t, entry{name: "t/a.txt", body: "x"}), nil)
	if err == nil || !strings.Contains(err.Error(), "there is no warninglist") {
		t.Errorf("no list in it: %v", err)
	}
}

// What unpacks to more than is allowed stores nothing and takes no memory.
func TestWarninglistArchiveBomb(t *testing.T) {
	list := entry{name: "t/a.json", body: warninglist("A", "x")}
	zeros := strings.Repeat("\x00", 20<<20)
	sparse := sparseTar(t, 1<<40)
	f := func(what, content string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, r, err := packedLists(t, content, settings{"max_mib": 8})
		runtime.ReadMemStats(&after)
		if err != nil || len(got) > 0 || len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0], "more than 8 MiB; raise max_mib") {
			t.Errorf("%s: %v, %v, %q", what, err, got, r.Skipped)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%s: it took %d MB", what, used>>20)
		}
	}
	f("a list", archive(t, list, entry{name: "t/b.json", body: zeros}))
	f("something else", archive(t, list, entry{name: "t/b.bin", body: zeros}))
	f("behind the end", gz(t, tarred(t, list)+zeros))
	f("holes", gz(t, sparse))
}

// sparseTar makes an archive of one file that is a hole of so many bytes, as
// GNU tar describes one in PAX records (format 1.0).
func sparseTar(t testing.TB, size int64) string {
	t.Helper()
	block := func(typ byte, name string, body string) string {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000644\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00", len(body)))
		copy(h[136:], "00000000000\x00")
		h[156] = typ
		copy(h[257:], "ustar\x0000")
		copy(h[148:], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		return string(h) + body + strings.Repeat("\x00", (512-len(body)%512)%512)
	}
	record := func(k, v string) string {
		n := len(k) + len(v) + 3
		for n != len(fmt.Sprint(n))+len(k)+len(v)+3 {
			n = len(fmt.Sprint(n)) + len(k) + len(v) + 3
		}
		return fmt.Sprintf("%d %s=%s\n", n, k, v)
	}
	pax := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "t/hole.json") + record("GNU.sparse.realsize", fmt.Sprint(size))
	holes := fmt.Sprintf("1\n%d\n0\n", size)
	out := block('x', "t/pax", pax) + block('0', "t/hole.json", holes+strings.Repeat("\x00", 512-len(holes))) + strings.Repeat("\x00", 1024)
	h, err := tar.NewReader(strings.NewReader(out)).Next()
	if err != nil || h.Size != size {
		t.Fatalf("the archive is not what it is meant to be: %v, %v", h, err)
	}
	return out
}

// An archive that is cut anywhere changes nothing.
func TestWarninglistArchiveCut(t *testing.T) {
	old := []entry{{name: "t/a.json", body: warninglist("A", "old")}, {name: "t/b.json", body: warninglist("B", "old")}, {name: "t/c.json", body: warninglist("C", "old")}}
	plain := tarred(t, entry{name: "t/a.json", body: warninglist("A", "new")}, entry{name: "t/b.json", body: warninglist("B", "new")}, entry{name: "t/d.json", body: warninglist("D", "new")})
	dir := t.TempDir()
	first := newListStore()
	write(t, dir, "x.tgz", archive(t, old...), clock)
	if _, err := first.run(t, settings{"path": dir + "/x.tgz"}, collect.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	f := func(what, content string) {
		t.Helper()
		st := newListStore()
		for _, b := range first.batches {
			if _, err := st.PutBatch(t.Context(), "known", b); err != nil {
				t.Fatal(err)
			}
		}
		write(t, dir, "x.tgz", content, clock)
		r, err := st.run(t, settings{"path": dir + "/x.tgz"}, collect.RunOptions{Full: len(content)%2 == 0})
		if err != nil || r.Outcome() != collect.Partial {
			t.Errorf("%s: %v, %s", what, err, r.Outcome())
		}
		if d := cmp.Diff(first.have(), st.have()); d != "" {
			t.Fatalf("%s:\n%s", what, d)
		}
	}
	packed := gz(t, plain)
	for n := range packed {
		f(fmt.Sprintf("the first %d bytes of %d", n, len(packed)), packed[:n])
	}
	for n := 1; n <= len(plain)-1024; n += 73 {
		f(fmt.Sprintf("the first %d bytes of %d, packed", n, len(plain)), gz(t, plain[:n]))
	}
	f("without the end", gz(t, plain[:len(plain)-1024]))
}

// An archive that is written to while it is read counts as not read, and what
// was stored by then does not stand in the way of the next run.
func TestWarninglistArchiveChangesUnderway(t *testing.T) {
	big := func(n string) entry { return entry{name: "t/" + n + ".json", body: warninglist(n, many(15_000)...)} }
	other := entry{name: "t/other", body: strings.Repeat("-", 20_000) + "UNLIKE"}
	before := tarred(t, big("a"), big("b"), big("c"), other)
	f := func(what, old, new string) {
		t.Helper()
		dir := t.TempDir()
		write(t, dir, "x.tar", before, clock)
		at := strings.LastIndex(before, old)
		m := collecttest.NewModel()
		var skipped []error
		for b, err := range newLists(t, settings{"path": dir + "/x.tar"}, nil).Collect(t.Context(), "") {
			if err != nil {
				skipped = append(skipped, err)
				continue
			}
			if m.Cursor == "" {
				overwrite(t, dir+"/x.tar", new, at)
			}
			m.Put(b)
		}
		if len(skipped) != 1 || !strings.Contains(skipped[0].Error(), "changed while it was read") {
			t.Errorf("%s: %v", what, skipped)
		}
		write(t, dir, "x.tar", tarred(t, big("a"), big("d")), clock)
		for b, err := range newLists(t, settings{"path": dir + "/x.tar"}, nil).Collect(t.Context(), m.Cursor) {
			if err != nil {
				t.Fatal(err)
			}
			m.Put(b)
		}
		if d := cmp.Diff([]string{"a.json:", "d.json:"}, m.Members()); d != "" {
			t.Error(what, d)
		}
	}
	f("an entry of a list", "10.0.58.151", "99.0.58.151")
	f("something else", "UNLIKE", "unlike")
}

// overwrite changes a file where it lies.
func overwrite(t testing.TB, name, text string, at int) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), int64(at)); err != nil {
		t.Fatal(err)
	}
}

// The public lists come in whole, from a folder and from an archive of it.
func TestWarninglistPublic(t *testing.T) {
	dir := testdir.Shared(t, "data", "warninglists")
	files, err := filepath.Glob(dir + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	want, entries := make(map[string][]string), 0
	var members []entry
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct{ List []string }
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		id := filepath.Base(file)
		want[id] = d.List
		entries += len(d.List)
		members = append(members, entry{name: "lists-main/" + id, body: string(b)})
	}
	if len(want) != 13 {
		t.Errorf("%d files", len(want))
	}
	packed := t.TempDir()
	write(t, packed, "lists.tar.gz", archive(t, members...), clock)
	for _, path := range []string{dir, packed + "/lists.tar.gz"} {
		st := newListStore()
		r, err := st.run(t, settings{"path": path}, collect.RunOptions{})
		if err != nil || r.Outcome() != collect.OK || r.RefusedTotal() > 0 || r.Reports != len(want) {
			t.Errorf("%v, %+v", err, r)
		}
		if d := cmp.Diff(map[string]int{"list": len(want), "list entry": entries}, r.Read); d != "" {
			t.Error(d)
		}
		got := make(map[string][]string)
		for id, l := range st.lists {
			got[id] = l.Entries
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%.2000s", d)
		}
		says, err := newLists(t, settings{"path": path}, st.Model).(collect.Checker).Check(t.Context())
		if err != nil || says != fmt.Sprintf("lists: %d, entries: %d", len(want), entries) {
			t.Errorf("%q, %v", says, err)
		}
		t.Logf("%s: %s, %d batches, %v", filepath.Base(path), says, len(st.batches), r.Took)
	}
}

func TestWarninglistCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", warninglist("A", "x", "y"), clock)
	write(t, dir, "b.json", warninglist("B", "x", ""), clock)
	write(t, dir, "schema.json", schema, clock)
	f := func(set settings, want, wrong string) {
		t.Helper()
		got, err := newLists(t, set, nil).(collect.Checker).Check(t.Context())
		if got != want || (wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v: %q, %v; want %q, %q", set, got, err, want, wrong)
		}
	}
	f(settings{"path": dir}, "lists: 2, entries: 3", "")
	f(settings{"path": dir, "only": []string{"B"}}, "lists: 1, entries: 1", "")
	write(t, dir, "c.json", "{", clock)
	f(settings{"path": dir}, "lists: 2, entries: 3", "c.json: byte 2: it ends in the middle")
	write(t, dir, "d.json", "{", clock)
	f(settings{"path": dir}, "lists: 2, entries: 3", "and 1 more could not be read")
	f(settings{"path": dir + "/none"}, "lists: 0, entries: 0", "no such file")
}

func TestWarninglistSettings(t *testing.T) {
	f := func(s settings, want string) {
		t.Helper()
		_, err := collect.New("warninglist", collect.Options{Feed: "known", Decode: s.decode})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v; want %q", s, err, want)
		}
	}
	f(settings{"path": "x"}, "")
	f(settings{"url": "https://lists.example/x.tar.gz", "only": []string{"*"}, "except": []string{"**/a"}, "max_mib": 1}, "")
	f(settings{"url": "http://127.0.0.1:1/x"}, "")
	f(settings{"url": "http://lists.example/x", "allow_http": true}, "")
	f(settings{"url": "http://lists.example/x"}, "allow_http")
	f(settings{}, "either path or url")
	f(settings{"path": "x", "url": "https://lists.example/x"}, "either path or url")
	f(settings{"path": "x", "only": []string{"[a"}}, `only: "[a" is not a glob`)
	f(settings{"path": "x", "except": []string{""}}, `except: "" is not a glob`)
	f(settings{"path": "x", "max_mib": 0}, "max_mib")
	f(settings{"path": "x", "format": "list"}, "format")
}

// Refused entries carry the list and the place.
func TestWarninglistRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", warninglist("A", "x", " ", "y\x07"), clock)
	st := newListStore()
	r, err := st.run(t, settings{"path": dir}, collect.RunOptions{})
	if err != nil || r.RefusedTotal() != 2 || r.Fetched != 2 || r.Outcome() != collect.OK {
		t.Errorf("%v, %+v", err, r)
	}
	want := []ioc.Refusal{
		{Report: "a.json", Type: "string", Reason: "entry of a warninglist: it is empty", Place: "entry 2"},
		{Report: "a.json", Type: "string", Value: "y\x07", Reason: "entry of a warninglist: it has control characters", Place: "entry 3"},
	}
	if d := cmp.Diff(want, st.refused); d != "" {
		t.Error(d)
	}
}

// FuzzWarninglistArchive: whatever comes as an archive, a run that says that it
// was whole has no more lists than a plain reader of tar finds files.
func FuzzWarninglistArchive(f *testing.F) {
	list := func(name string) entry { return entry{name: name, body: warninglist(name, "x")} }
	f.Add([]byte(tarred(f, list("t/a.json"), list("t/b/list.json"), entry{name: "t/schema.json", body: schema})))
	f.Add([]byte(tarred(f, list("a.json"), entry{name: "b.json", link: "a.json"}, list("../c.json"))))
	f.Add([]byte(archive(f, list("t/a.json"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, r, err := packedLists(t, string(b), settings{"max_mib": 1})
		if err != nil || r.Outcome() != collect.OK || len(b) < 512 || string(b[257:262]) != "ustar" {
			return
		}
		bodies := 0
		for tr := tar.NewReader(bytes.NewReader(b)); ; {
			h, err := tr.Next()
			if err != nil {
				break
			}
			if strings.HasSuffix(strings.ToLower(h.Name), ".json") {
				bodies++
			}
		}
		if len(got) > bodies {
			t.Errorf("%d lists of %d files", len(got), bodies)
		}
	})
}
