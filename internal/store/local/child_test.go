//go:build unix

package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// The test binary runs itself as a child, to be killed or starved.
const childEnv = "IOCHUNT_TEST_CHILD"

func TestMain(m *testing.M) {
	roles := map[string]func(dir string) error{"put": putForever, "full": putUntilFull, "readonly": openReadOnly, "judge": judgeForever}
	role, dir, _ := strings.Cut(os.Getenv(childEnv), "=")
	if f := roles[role]; f != nil {
		if err := f(dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), exe)
	c.Env = append(os.Environ(), childEnv+"="+role+"="+dir)
	c.Stderr = os.Stderr
	return c
}

// putForever goes on from the cursor, and says so after each commit.
func putForever(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	at, err := s.Cursor(ctx, "kill")
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(at))
	for {
		n++
		if _, err := s.PutBatch(ctx, "kill", killBatch(n)); err != nil {
			return errors.Join(err, s.Close())
		}
		fmt.Println(n)
		if _, err := s.Judge(ctx, fmt.Sprint("rules ", n/5), killJudge(n/5)); err != nil {
			return errors.Join(err, s.Close())
		}
	}
}

// killJudge is what rules of that number disarm.
func killJudge(rules int) ioc.Judge {
	return func(o ioc.Observable, _ ioc.Facts) ioc.Arming {
		if len(o.Value)%5 != rules%5 {
			return ioc.Arming{}
		}
		return ioc.Arming{Disarmed: true, By: ioc.ByList, Lists: []ioc.ListMatch{{List: "lengths", Entry: o.Value}}}
	}
}

// putUntilFull may not make any file larger than 2 MB.
func putUntilFull(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 2 << 20, Max: 2 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return putForever(dir)
}

// openReadOnly becomes somebody who may not write, and says how opening goes.
func openReadOnly(dir string) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	if s, err := Open(dir, Options{}); err == nil {
		return errors.Join(errors.New("opened for writing"), s.Close())
	} else if !strings.Contains(err.Error(), filepath.Join(dir, FileName)) {
		return fmt.Errorf("the message does not name the file: %w", err)
	}
	s, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.PutBatch(context.Background(), "x", ioc.Batch{}); err == nil {
		return errors.New("written to")
	}
	at, err := s.Cursor(context.Background(), "kill")
	fmt.Println("cursor", at)
	return err
}

// acks reads the numbers that a child prints, and passes on what else it says.
func acks(t *testing.T, c *exec.Cmd, started func()) (last int, said string) {
	t.Helper()
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	started()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			last = n
		} else {
			said += lines.Text()
		}
	}
	_ = c.Wait() // it was killed, or its text says what is wrong
	return last, said
}
