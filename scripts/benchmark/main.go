// Command benchmark measures the whole program from outside: it runs the
// iochunt binary as a child and prints wall time, CPU time and peak memory
// beside the counts that say whether the work was done.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	bin                   string
	pulses, perPulse, mib int
	keep                  bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/iochunt", "the program")
	flag.IntVar(&o.pulses, "pulses", 10_000, "pulses of the fake account")
	flag.IntVar(&o.perPulse, "per-pulse", 100, "indicators a pulse")
	flag.IntVar(&o.mib, "mib", 128, "size of the generated logs")
	flag.BoolVar(&o.keep, "keep", false, "keep the working folder")
	flag.Parse()
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(o options, parts []string) error {
	dir, err := os.MkdirTemp("", "iochunt-bench-")
	if err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(dir)
	} else {
		fmt.Println("kept:", dir)
	}
	all := map[string]func(options, string) error{"collect": benchCollect, "scan": benchScan}
	if len(parts) == 0 {
		parts = []string{"collect", "scan"}
	}
	for _, p := range parts {
		f, ok := all[p]
		if !ok {
			return fmt.Errorf("no benchmark %q; there are collect and scan", p)
		}
		if err := f(o, dir); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// measured is what one child took.
type measured struct {
	wall, cpu time.Duration
	rss       int64 // peak, bytes
	code      int
	out       string
}

// child runs one command and measures it. A non-zero exit is no error here:
// scan's 1 means "no hits".
func child(env []string, name string, args ...string) (measured, error) {
	cmd := exec.Command(name, args...) //nolint:noctx // bounded by its input
	cmd.Env = append(os.Environ(), env...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	began := time.Now()
	err := cmd.Run()
	m := measured{wall: time.Since(began), out: out.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return m, err
	}
	m.code = cmd.ProcessState.ExitCode()
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.rss = u.Maxrss * 1024 // Linux counts in KiB
	}
	return m, nil
}

func (m measured) String() string {
	return fmt.Sprintf("%8.2f s wall  %8.2f s CPU  %6d MB peak  exit %d", m.wall.Seconds(), m.cpu.Seconds(), m.rss/1e6, m.code)
}

// sizeOf sums the files of a folder.
func sizeOf(dir string) int64 {
	var n int64
	files, _ := filepath.Glob(filepath.Join(dir, "*")) // the pattern is constant
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			n += st.Size()
		}
	}
	return n
}
