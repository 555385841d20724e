package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walked returns what Walk made of the paths, one line each: the name of a log,
// "skip NAME", or "error NAME". root is cut off.
func walked(t *testing.T, opts Options, root string, paths ...string) []string {
	t.Helper()
	var got []string
	short := func(s string) string { return strings.TrimPrefix(strings.TrimPrefix(s, root), "/") }
	skip := func(path, reason string) {
		if reason == "" {
			t.Errorf("%s skipped without a reason", path)
		}
		got = append(got, "skip "+short(path))
	}
	for log, err := range Walk(opts, skip, paths...) {
		if err == nil {
			got = append(got, short(log.Name()))
			if _, err := content(t, log); err != nil {
				got = append(got, "error "+short(log.Name()))
			}
			continue
		}
		got = append(got, "error "+short(pathIn(err)))
	}
	return got
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func TestWalkOrder(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b.log", "a/z.log", "a/b/c.log", "a.log", "c", ".hidden"} {
		write(t, dir, n, "x\n")
	}
	f := func(opts Options, paths []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, walked(t, opts, dir, paths...)); diff != "" {
			t.Error(diff)
		}
	}
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	f(Options{}, in(""), ".hidden", "a/b/c.log", "a/z.log", "a.log", "b.log", "c")
	f(Options{}, in("c", "a"), "c", "a/b/c.log", "a/z.log")
	f(Options{NoRecurse: true}, in("c", "a"), "c", "skip a")
	f(Options{}, in("a", "a/z.log", "c", "c"), "a/b/c.log", "a/z.log", "skip a/z.log", "c", "skip c")
	f(Options{}, in("a", "a"), "a/b/c.log", "a/z.log", "skip a")
	f(Options{}, in("nothing", "c"), "error nothing", "c")

	f(Options{Include: []string{"*.log"}}, in(""), "a/b/c.log", "a/z.log", "a.log", "b.log")
	f(Options{Include: []string{"*.log"}, Exclude: []string{"[ab].*"}}, in("", "c"), "a/b/c.log", "a/z.log")
	f(Options{Include: []string{"b/*.log"}}, in(""), "a/b/c.log")
	f(Options{Include: []string{"a/**"}}, in(""), "a/b/c.log", "a/z.log")
	f(Options{Exclude: []string{"*.log"}}, in("b.log", "c"), "c")
	f(Options{ExcludeDir: []string{"b"}}, in(""), ".hidden", "a/z.log", "a.log", "b.log", "c")
	f(Options{ExcludeDir: []string{"a/"}}, in("a", "c"), "c")
	f(Options{Exclude: []string{"[a"}}, in("c"), "error ")
}

func TestNamesOfTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "sub/a.log", "x\n")
	for _, p := range []string{".", "sub", "./sub"} {
		if got := walked(t, Options{ExcludeDir: []string{"?"}}, "", p); !cmp.Equal(got, []string{"sub/a.log"}) {
			t.Errorf("%s: %q", p, got)
		}
	}
}

func TestLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, dir, "a/one.log", "x\n")
	write(t, outside, "two.log", "x\n")
	link(t, "..", filepath.Join(dir, "a", "loop"))
	link(t, outside, filepath.Join(dir, "out"))
	link(t, "a/one.log", filepath.Join(dir, "file"))
	link(t, "nowhere", filepath.Join(dir, "broken"))
	f := func(opts Options, path string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, walked(t, opts, dir, filepath.Join(dir, path))); diff != "" {
			t.Error(diff)
		}
	}
	f(Options{}, "", "skip a/loop", "a/one.log", "skip broken", "skip file", "skip out")
	f(Options{FollowLinks: true}, "", "skip a/loop", "a/one.log", "error broken", "skip file", "out/two.log")
	f(Options{}, "out", "out/two.log") // named
	f(Options{}, "file", "file")
	f(Options{}, "broken", "error broken")
}

func TestHardLinksAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.Link(write(t, dir, "a.log", "x\n"), filepath.Join(dir, "b.log")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.log", "skip b.log"}, walked(t, Options{}, dir, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFileChangesBeforeItIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"gone", "linked", "rotated"} {
		write(t, dir, n, "old\n")
	}
	secret := write(t, t.TempDir(), "secret", "secret\n")
	var got []string
	for log, err := range Walk(Options{}, nil, dir) {
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(log.Name())
		if err := os.Remove(log.Name()); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "linked":
			link(t, secret, log.Name())
		case "rotated":
			write(t, dir, name, "new\n")
		}
		text, err := content(t, log)
		if err != nil {
			text = "error " + filepath.Base(pathIn(err)) + "\n"
		}
		got = append(got, text)
		if _, err := content(t, log); err == nil {
			t.Error("read twice")
		}
	}
	if diff := cmp.Diff([]string{"error gone\n", "error linked\n", "new\n"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWalkStops(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "")
	write(t, dir, "b/c", "")
	for range Walk(Options{}, nil, dir, dir) {
		break
	}
}
