package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command is a program to be measured.
type command struct {
	env, argv []string
	out       string        // the file for standard output; "": it is kept in measured.out
	limit     time.Duration // 0: none
}

// took is time that something took.
type took struct{ wall, cpu time.Duration }

// measured is what one child took.
type measured struct {
	took
	rss    int64 // peak, bytes; never less than this program's own peak, which Linux hands down
	code   int
	out    string
	stderr string
}

// errLimit says that a child was stopped.
var errLimit = errors.New("over the limit")

// child runs one command and measures it. A non-zero exit is no error here:
// 1 means "nothing found" for every program that searches. That a signal ended
// it is one.
func child(ctx context.Context, c command) (measured, error) {
	if c.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("%w of %v", errLimit, c.limit))
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if c.out != "" {
		f, err := os.Create(c.out)
		if err != nil {
			return measured{}, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	began := time.Now()
	err := cmd.Run()
	m := measured{took: took{wall: time.Since(began)}, out: out.String(), stderr: stderr.String()}
	if ctx.Err() != nil {
		return m, context.Cause(ctx)
	}
	return m, m.fill(cmd.ProcessState, err)
}

func (m *measured) fill(state *os.ProcessState, err error) error {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	m.code = state.ExitCode()
	m.cpu = state.UserTime() + state.SystemTime()
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		m.rss = u.Maxrss * 1024 // Linux counts in KiB
	}
	if m.code < 0 {
		return fmt.Errorf("%w: %s", err, lastLine(m.stderr))
	}
	return nil
}

// must is child for what has to end well; codes are the good ones beside 0.
func must(ctx context.Context, c command, codes ...int) (measured, error) {
	m, err := child(ctx, c)
	if err != nil || m.code == 0 {
		return m, err
	}
	for _, ok := range codes {
		if m.code == ok {
			return m, nil
		}
	}
	return m, fmt.Errorf("exit %d: %s", m.code, lastLine(m.stderr))
}

func (m measured) String() string {
	return fmt.Sprintf("%8.2f s wall  %8.2f s CPU  %6d MB peak  exit %d", m.wall.Seconds(), m.cpu.Seconds(), m.rss/1e6, m.code)
}

// lastLine is the last line that says something.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// floor is the peak memory of this program itself, below which no child's can
// be read.
func floor() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss * 1024
}

// self runs this program again for what would fill its own memory.
func self(ctx context.Context, args ...string) (measured, error) {
	exe, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	return must(ctx, command{argv: append([]string{exe}, args...)})
}

func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// least is the smaller of two durations, where the first may not be set.
func least(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

// least keeps the smaller of each.
func (t *took) least(u took) { t.wall, t.cpu = least(t.wall, u.wall), least(t.cpu, u.cpu) }

func (t took) minus(u took) took { return took{t.wall - u.wall, t.cpu - u.cpu} }

// results opens a pair of files below .cache/bench/results for a table.
func (b *base) results(name string) (text, tsv io.WriteCloser, err error) {
	path := b.path("results", name+time.Now().Format("-20060102-150405"))
	if text, err = os.Create(path + ".txt"); err != nil {
		return nil, nil, err
	}
	if tsv, err = os.Create(path + ".tsv"); err != nil {
		return nil, nil, errors.Join(err, text.Close())
	}
	return text, tsv, nil
}
