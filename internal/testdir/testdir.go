// Package testdir tells tests where the folders are that they read.
//
// `go test` runs each test in the folder of its package, so that a path to
// anything outside of it would hold a chain of ".." that is wrong as soon as
// the package moves. Root finds the folder of the module instead.
//
// Some tests read public data that is not ours to publish: real logs, real
// lists of indicators, recorded exchanges with servers. It lies in a folder
// named shared beside the module, where there is one. Shared finds it, and a
// test that has not got it is skipped and says so: it must never pass unseen.
//
// Tests and the packages made for them alone import this one.
package testdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Root returns the absolute path of the folder that holds go.mod: the working
// directory or the nearest one above it. The test ends where there is none.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			t.Fatalf("no go.mod above the test: %v", err)
		}
		dir = filepath.Dir(dir)
	}
}

// Shared returns the path of a file or folder of the data beside the module:
// ../shared, seen from Root, and elem below it. An elem may hold slashes. The
// test is skipped where the path is missing.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	p := filepath.Join(Root(t), "..", "shared", filepath.FromSlash(filepath.Join(elem...)))
	if _, err := os.Stat(p); err != nil {
		t.Skip("../shared is not here: ", err)
	}
	return p
}
