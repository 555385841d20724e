package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// benchstatVersion of golang.org/x/perf/cmd/benchstat.
const benchstatVersion = "v0.0.0-20260908200009-22c9c6c9d4da"

// benchStages runs the Go benchmarks of the matcher and compares them with those
// that were saved.
func benchStages(ctx context.Context, args []string) error {
	b := &base{}
	f := flag.NewFlagSet("stages", flag.ContinueOnError)
	b.flags(f)
	pattern := f.String("bench", ".", "which benchmarks")
	pkg := f.String("pkg", "./hunt/match", "of which package")
	count := f.Int("count", 6, "how often each")
	save := f.Bool("save", false, "save the results as the base of later ones")
	if err := parse(f, args); err != nil {
		return err
	}
	saved, now := b.path("stages", "base.txt"), b.path("stages", "now.txt")
	if *save {
		now = saved
	}
	if err := goBench(ctx, now, *pkg, *pattern, *count); err != nil {
		return err
	}
	files := []string{now}
	if _, err := os.Stat(saved); err == nil && !*save {
		files = []string{saved, now}
	} else if !*save {
		note("no base: save one with -save before the change")
	}
	return b.benchstat(ctx, files)
}

// goBench shows the benchmarks as they run, and writes what they say to a file,
// which is there only if all of them ended well.
func goBench(ctx context.Context, to, pkg, pattern string, count int) error {
	out, err := os.Create(to + ".part")
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, "go", "test", pkg, "-run", "^$", "-bench", pattern, "-benchmem", "-count", fmt.Sprint(count), "-timeout", "0")
	cmd.Stdout, cmd.Stderr = io.MultiWriter(out, os.Stderr), os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return errors.Join(out.Close(), os.Rename(to+".part", to))
}

// benchstat is built once, from its module.
func (b *base) benchstat(ctx context.Context, files []string) error {
	bin, err := filepath.Abs(b.path("bin", "benchstat-"+benchstatVersion, "benchstat"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(bin); err != nil {
		c := command{
			env:  []string{"GOBIN=" + filepath.Dir(bin), "GOFLAGS="},
			argv: []string{"go", "install", "golang.org/x/perf/cmd/benchstat@" + benchstatVersion},
		}
		if _, err := must(ctx, c); err != nil {
			return fmt.Errorf("build benchstat: %w", err)
		}
	}
	m, err := must(ctx, command{argv: append([]string{bin}, files...)})
	fmt.Print(m.out)
	return err
}
