package taxii

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	f, err := NewTempFile(dir, "an answer")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := f.Stat(); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if left, _ := os.ReadDir(dir); runtime.GOOS != "windows" && len(left) > 0 {
		t.Errorf("a name leads to it: %v", left)
	}
	if _, err := f.WriteString("all of it"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
	if err != nil || string(text) != "all of it" {
		t.Errorf("%q, %v", text, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it is still there: %v", left)
	}
}

// A system that lets no open file be removed gets it removed at the end.
func TestTempFileNamed(t *testing.T) {
	dir := t.TempDir()
	plain, err := os.Create(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&TempFile{plain, true}).Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it is still there: %v", left)
	}
}

func TestFromDisk(t *testing.T) {
	_, err := NewTempFile(filepath.Join(t.TempDir(), "none"), "an answer")
	if !FromDisk(err) || !strings.Contains(err.Error(), "no temporary file for an answer: ") {
		t.Errorf("no folder: %v", err)
	}
	f, err := NewTempFile(t.TempDir(), "an answer")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := f.WriteString("x"); !FromDisk(fmt.Errorf("page 7: %w", err)) {
		t.Errorf("closed: %v", err)
	}
	if FromDisk(nil) || FromDisk(io.ErrUnexpectedEOF) || FromDisk(errors.New("disk")) {
		t.Error("what is not of the disk was taken for it")
	}
}
