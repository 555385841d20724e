package testdir

import (
	"os"
	"path/filepath"
	"testing"
)

// folders makes a module in a folder of its own, with data beside it, and goes
// to a package of it.
func folders(t *testing.T) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "module")
	pkg := filepath.Join(root, "a", "b")
	for _, dir := range []string{pkg, filepath.Join(root, "..", "shared", "data")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{filepath.Join(root, "go.mod"), filepath.Join(root, "..", "shared", "data", "x.txt")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(pkg)
	return root
}

func TestFound(t *testing.T) {
	root := folders(t)
	f := func(got, want string) {
		t.Helper()
		a, errA := os.Stat(got)
		b, errB := os.Stat(want)
		if errA != nil || errB != nil || !os.SameFile(a, b) || !filepath.IsAbs(got) {
			t.Errorf("%s, want %s (%v, %v)", got, want, errA, errB)
		}
	}
	beside := filepath.Join(root, "..", "shared")
	f(Root(t), root)
	f(Shared(t), beside)
	f(Shared(t, "data"), filepath.Join(beside, "data"))
	f(Shared(t, "data", "x.txt"), filepath.Join(beside, "data", "x.txt"))
	f(Shared(t, "data/x.txt"), filepath.Join(beside, "data", "x.txt"))
}

// A test that has not got its data is skipped, never passed or failed.
func TestMissingSkips(t *testing.T) {
	folders(t)
	var skipped, after bool
	t.Run("inner", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Shared(t, "data", "y.txt")
		after = true
	})
	if !skipped || after {
		t.Errorf("skipped %v, ran on %v", skipped, after)
	}
}
