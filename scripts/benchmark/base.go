package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

// base is what all benchmarks share.
type base struct {
	bin, dir string
	seed     uint64
	rounds   int
	limit    time.Duration
}

func (b *base) flags(f *flag.FlagSet) {
	f.StringVar(&b.bin, "bin", "bin/iochunt", "the program")
	f.StringVar(&b.dir, "dir", filepath.Join(".cache", "bench"), "folder of all that is made")
	f.Uint64Var(&b.seed, "seed", 1, "seed of lists and logs")
	f.IntVar(&b.rounds, "rounds", 3, "rounds; the least of each counts")
	f.DurationVar(&b.limit, "limit", 5*time.Minute, "a program that takes longer is stopped, and the table says so")
}

// parse reads flags; what is left over is an error.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("what is %q? Flags go behind the name of the benchmark", f.Arg(0))
	}
	return nil
}

// path is below the folder; folders above it are made.
func (b *base) path(elem ...string) string {
	p := filepath.Join(append([]string{b.dir}, elem...)...)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		note("%v", err) // whoever writes to p fails with it too
	}
	return p
}

// logs names a folder of logs: of a size in MiB, with so many planted lines in
// a million.
type logs struct {
	mib         int64
	hits, traps int
}

// usual are the logs of the table: 1 line in 10,000 holds a hit, 1 a trap.
func usual(mib int64) logs { return logs{mib, 100, 100} }

// names of the logs that the published figures are about.
var logNames = map[logs]string{
	usual(128):          "small",
	usual(1024):         "big",
	{128, 0, 0}:         "none",
	{128, 10000, 1000}:  "hot100",
	{128, 100000, 1000}: "hot10",
}

func (l logs) name() string {
	if n, ok := logNames[l]; ok {
		return n
	}
	return fmt.Sprintf("logs-%d-%d-%d", l.mib, l.hits, l.traps)
}

// have returns the logs' folder, made if it is not there, and its files.
func (b *base) have(ctx context.Context, l logs) (dir string, files []string, err error) {
	dir = b.path("data", b.seeded(l.name()), ".")
	for _, n := range corpus.Names() {
		files = append(files, filepath.Join(dir, n))
	}
	if _, err := os.Stat(filepath.Join(dir, corpus.TruthName)); err == nil {
		return dir, files, nil
	}
	note("making %d MiB of logs in %s", l.mib, dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	_, err = self(ctx, "corpus", "-make", "logs", "-dir", dir, "-seed", strconv.FormatUint(b.seed, 10), "-bytes", strconv.FormatInt(l.mib<<20, 10),
		"-hits", strconv.Itoa(l.hits), "-traps", strconv.Itoa(l.traps))
	return dir, files, err
}

// seeded keeps what another seed makes apart.
func (b *base) seeded(name string) string {
	if b.seed == 1 {
		return name
	}
	return name + "-seed" + strconv.FormatUint(b.seed, 10)
}

// list returns the path of the list of n, made if it is not there.
func (b *base) list(ctx context.Context, n int) (string, error) {
	dir := b.path("data", b.seeded("ioc"), ".")
	path := corpus.ListPath(dir, n)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	note("making a list of %d", n)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	_, err := self(ctx, "corpus", "-make", "lists", "-dir", dir, "-seed", strconv.FormatUint(b.seed, 10), "-n", strconv.Itoa(n))
	return path, err
}

// mixed returns the path of the list of n with 1 % of free text added.
func (b *base) mixed(ctx context.Context, n int) (string, error) {
	from, err := b.list(ctx, n)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(from, ".txt") + "-mixed.txt"
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	_, err = self(ctx, "corpus", "-make", "mixed", "-from", from, "-to", path, "-seed", strconv.FormatUint(b.seed, 10), "-n", strconv.Itoa(n/100))
	return path, err
}

// empty returns the path of a file of no bytes.
func (b *base) empty() (string, error) {
	path := b.path("data", "empty", "empty.log")
	return path, os.WriteFile(path, nil, 0o600)
}

// sizeOf sums up files.
func sizeOf(files ...string) (n int64) {
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			n += st.Size()
		}
	}
	return n
}

// sizes is a flag: 1k,10k,1M.
type sizes []int

func (s *sizes) String() string {
	var out []string
	for _, n := range *s {
		out = append(out, short(n))
	}
	return strings.Join(out, ",")
}

func (s *sizes) Set(text string) error {
	*s = nil
	for _, t := range strings.Split(text, ",") {
		digits := strings.TrimRight(t, "kM")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number such as 1000, 10k or 1M", t)
		}
		switch t[len(digits):] {
		case "":
		case "k":
			n *= 1000
		case "M":
			n *= 1000000
		default:
			return fmt.Errorf("%q is no number such as 1000, 10k or 1M", t)
		}
		*s = append(*s, n)
	}
	return nil
}

func short(n int) string {
	switch {
	case n >= 1000000 && n%1000000 == 0:
		return strconv.Itoa(n/1000000) + "M"
	case n >= 1000 && n%1000 == 0:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
