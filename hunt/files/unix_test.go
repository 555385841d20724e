//go:build unix

package files

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mkfifo(t *testing.T, path string) string {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFoundPipeDoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	mkfifo(t, filepath.Join(dir, "pipe"))
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	write(t, dir, "z.log", "x\n")
	for _, opts := range []Options{{}, {FollowLinks: true}} {
		if diff := cmp.Diff([]string{"skip pipe", "skip socket", "z.log"}, walked(t, opts, dir, dir)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFileThatBecomesAPipe(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.log", "x\n")
	for log, err := range Walk(Options{}, nil, dir) {
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		mkfifo(t, path)
		if _, err := content(t, log); !errors.Is(err, errSwapped) {
			t.Errorf("%v; want %v", err, errSwapped)
		}
	}
}

func TestNamedPipeIsWaitedFor(t *testing.T) {
	path := mkfifo(t, filepath.Join(t.TempDir(), "pipe"))
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, _ = w.WriteString("a line\nand one more")
			_ = w.Close()
		}
	}()
	if got, err := content(t, one(t, Options{}, path)); got != "a line\nand one more" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCancelEndsAWaitingPipe(t *testing.T) {
	path := mkfifo(t, filepath.Join(t.TempDir(), "pipe"))
	f := func(prepare func(cancel func())) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		prepare(cancel)
		var got error
		for _, err := range one(t, Options{}, path).Chunks(ctx) {
			got = err
		}
		if got == nil {
			t.Error("no error")
		}
	}
	f(func(cancel func()) { cancel() })    // no one opens the other end
	f(func(cancel func()) { go cancel() }) // perhaps while waiting
	f(func(cancel func()) {                // opened, but nothing is written
		go func() {
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				defer w.Close()
			}
			cancel()
			<-t.Context().Done()
		}()
	})
}

func TestProcFiles(t *testing.T) {
	fi, err := os.Stat("/proc/self/status")
	if err != nil {
		t.Skip("/proc is not here")
	}
	if fi.Size() != 0 {
		t.Fatal("a file of /proc with a size")
	}
	if got, err := content(t, one(t, Options{}, "/proc/self/status")); err != nil || !strings.Contains(got, "Pid:") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestEndlessFile reads a pipe as if it were a file of /proc that waits.
func TestEndlessFile(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString("news\n"); err != nil {
		t.Fatal(err)
	}
	e := &endless{File: r, idle: time.Millisecond}
	buf := make([]byte, 10)
	if n, err := e.Read(buf); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := e.Read(buf); err == nil || !strings.Contains(err.Error(), "no end") {
		t.Error(err)
	}
}

func TestUnreadable(t *testing.T) {
	dir, err := os.MkdirTemp("", "files") // t.TempDir is not open to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "closed/inside.log", "x\n")
	for path, mode := range map[string]os.FileMode{
		filepath.Join(dir, "closed"):        0,
		write(t, dir, "secret.log", "x\n"):  0,
		write(t, dir, "another.log", "x\n"): 0o644,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(path, 0o755)
	}
	self, err := os.ReadFile("/proc/self/exe") // where the test lies, others may not look
	if err != nil {
		t.Skip("cannot copy the test program: ", err)
	}
	exe := filepath.Join(dir, "../"+filepath.Base(dir)+".test")
	if err := os.WriteFile(exe, self, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(exe)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asNobody+"="+dir)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if want := "another.log\nerror closed\nerror secret.log\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// TestSwappedDirectory reads a tree while someone swaps one of its directories
// for a link to what must not be read.
func TestSwappedDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, "a.log", "secret\n")
	write(t, outside, "sub/a.log", "secret\n")
	write(t, dir, "app/a.log", "open\n")
	write(t, dir, "app/sub/a.log", "open\n")
	app, aside := filepath.Join(dir, "app"), filepath.Join(dir, ".aside")
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	swapped := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			_ = os.Rename(app, aside)
			_ = os.Symlink(outside, app)
			_ = os.Remove(app)
			_ = os.Rename(aside, app)
		}
		swapped <- n
	}()
	reads := 0
	for ctx.Err() == nil {
		for log, err := range Walk(Options{}, nil, dir) {
			if err != nil {
				continue // gone or a link just then
			}
			for c, err := range log.Chunks(t.Context()) {
				if err == nil && strings.Contains(string(c.Data), "secret") {
					t.Fatalf("%s: read from outside", log.Name())
				}
				reads++
			}
		}
	}
	if n := <-swapped; reads == 0 || n == 0 {
		t.Errorf("%d reads, %d swaps: nothing was tried", reads, n)
	}
}
