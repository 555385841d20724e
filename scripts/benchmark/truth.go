package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

// benchTruth scans the large logs with every list and says what was found, by
// class and type. A miss or a false hit makes it fail.
func benchTruth(ctx context.Context, args []string) error {
	b := &scanBench{}
	f := b.flags("truth", sizes{1000, 10_000, 100_000, 1_000_000})
	mib := f.Int64("mib", 1024, "size of the logs")
	if err := parse(f, args); err != nil {
		return err
	}
	in, err := b.input(ctx, *mib)
	if err != nil {
		return err
	}
	text, tsv, err := b.results("truth")
	if err != nil {
		return err
	}
	defer text.Close()
	defer tsv.Close()
	fmt.Fprintln(tsv, "N\tclass\ttype\treported\tlines")
	bad := 0
	for _, n := range b.n {
		s, err := b.truth(ctx, n, in)
		if err != nil {
			return err
		}
		printTruth(io.MultiWriter(os.Stdout, text), tsv, n, s)
		bad += s.Missed + s.False() + s.Wrong
	}
	if bad > 0 {
		return fmt.Errorf("%d lines were missed, falsely reported or reported under another indicator", bad)
	}
	return nil
}

func (b *scanBench) truth(ctx context.Context, n int, in input) (s corpus.Score, err error) {
	list, err := b.list(ctx, n)
	if err != nil {
		return s, err
	}
	t, err := b.store(ctx, "truth-"+short(n), list)
	if err != nil {
		return s, err
	}
	c := scanStore(t, in.files)
	c.out = b.path("out", "truth.json")
	if _, err := must(ctx, c, 1); err != nil {
		return s, err
	}
	found, err := os.Open(c.out)
	if err != nil {
		return s, err
	}
	defer found.Close()
	reports, err := readHits(found, in.dir)
	if err != nil {
		return s, err
	}
	return score(in.dir, reports)
}

func printTruth(out, tsv io.Writer, n int, s corpus.Score) {
	fmt.Fprintf(out, "\nN = %s: %s\n", short(n), s)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range s.Classes {
		fmt.Fprintf(w, "  %s\t%s\t%d of %d lines reported\n", c.Class, c.Type, c.Reported, c.Have)
		fmt.Fprintf(tsv, "%s\t%s\t%s\t%d\t%d\n", short(n), c.Class, c.Type, c.Reported, c.Have)
	}
	if err := w.Flush(); err != nil {
		note("%v", err)
	}
}
