package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
)

// runSearcher is the matcher alone: it opens a set file and searches files in
// blocks of 1 MiB that end at a line's end. On standard error it tells its times
// as the programs round libraries do; the scan is the least of its rounds.
func runSearcher(_ context.Context, args []string) error {
	f := flag.NewFlagSet("searcher", flag.ContinueOnError)
	set := f.String("set", "", "set file")
	engine := f.String("engine", "auto", "engine")
	rounds := f.Int("rounds", 3, "rounds")
	show := f.Bool("print", false, "print FILE:OFFSET of each match")
	if err := f.Parse(args); err != nil {
		return err
	}
	began := now()
	s, err := match.Open(*set)
	if err != nil {
		return err
	}
	defer s.Close()
	searcher, err := s.Engine(*engine)
	if err != nil {
		return err
	}
	opened := now().minus(began)
	var best took
	found := &finder{searcher: searcher, buf: make([]byte, 1<<20), out: bufio.NewWriter(os.Stdout), print: *show}
	for range *rounds {
		began = now()
		if err := found.files(f.Args()); err != nil {
			return err
		}
		best.least(now().minus(began))
		found.print = false // once is enough
	}
	fmt.Fprintf(os.Stderr, "setup %f %f scan %f %f\n", opened.cpu.Seconds(), opened.wall.Seconds(), best.cpu.Seconds(), best.wall.Seconds())
	return nil
}

// now is the time since this program began to be, more or less, and the CPU time
// that it has used.
func now() took {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return took{}
	}
	return took{wall: time.Since(loaded), cpu: time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

var loaded = time.Now()

// finder searches files.
type finder struct {
	searcher match.Searcher
	buf      []byte
	matches  []match.Match
	out      *bufio.Writer
	print    bool // FILE:OFFSET of each match
}

func (f *finder) files(paths []string) error {
	for _, path := range paths {
		if err := f.file(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return errors.Join(f.searcher.Err(), f.out.Flush())
}

// file searches whole lines; what is left of the last one goes before the next
// block.
func (f *finder) file(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	for have, base := 0, 0; ; {
		if have == len(f.buf) {
			f.buf = append(f.buf, make([]byte, len(f.buf))...) // a line longer than a block
		}
		n, err := in.Read(f.buf[have:])
		have += n
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		cut := bytes.LastIndexByte(f.buf[:have], '\n') + 1
		if end {
			cut = have
		}
		f.block(path, base, f.buf[:cut])
		if end {
			return nil
		}
		base += cut
		have = copy(f.buf, f.buf[cut:have])
	}
}

func (f *finder) block(path string, base int, data []byte) {
	f.matches = f.searcher.Append(f.matches[:0], data)
	if !f.print {
		return
	}
	for _, m := range f.matches {
		fmt.Fprintf(f.out, "%s:%d\n", path, base+m.Start)
	}
}
