package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// scanBench is what the benchmarks of our own program share: one list, one store.
type scanBench struct {
	base
	n      sizes
	engine string
	empty  string
}

func (b *scanBench) flags(name string, n sizes) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	b.base.flags(f)
	b.n = n
	f.Var(&b.n, "n", "lengths of lists")
	f.StringVar(&b.engine, "engine", "", "engine of the scan")
	return f
}

// store imports a list and returns the trial that scans with it.
func (b *scanBench) store(ctx context.Context, name, list string) (*trial, error) {
	t := &trial{tool: &tool{name: name, engine: b.engine}, base: &b.base, list: list, path: b.bin}
	t.stored = b.path("stores", name)
	c, err := importList(t)
	if err != nil {
		return nil, err
	}
	if b.empty, err = b.base.empty(); err != nil {
		return nil, err
	}
	note("importing %s", list)
	_, err = must(ctx, c)
	return t, err
}

// scan measures one scan of files beyond the start of the program; extra flags
// may be given.
func (b *scanBench) scan(ctx context.Context, t *trial, rounds int, files []string, extra ...string) (scanned took, err error) {
	var whole, start took
	for range rounds {
		for _, x := range []struct {
			files []string
			to    *took
		}{{[]string{b.empty}, &start}, {files, &whole}} {
			c := scanStore(t, x.files)
			c.argv = append(c.argv, extra...)
			c.limit, c.out = b.limit, b.path("out", "found.txt")
			m, err := must(ctx, c, 1)
			if err != nil {
				return took{}, err
			}
			x.to.least(m.took)
		}
	}
	return whole.minus(start), nil
}

// matcher measures the matcher alone over the set of a store.
func (b *scanBench) matcher(ctx context.Context, t *trial, files []string) (scanned took, err error) {
	args := []string{"searcher", "-set", filepath.Join(t.made(), "iochunt.set"), "-rounds", fmt.Sprint(b.rounds)}
	if b.engine != "" {
		args = append(args, "-engine", b.engine)
	}
	m, err := self(ctx, append(args, files...)...)
	if err != nil {
		return took{}, err
	}
	_, scanned, err = parsePhases(m.stderr)
	return scanned, err
}

// benchHits compares logs with few and many hits with logs that have none.
func benchHits(ctx context.Context, args []string) error {
	b := &scanBench{}
	if err := parse(b.flags("hits", sizes{100_000}), args); err != nil {
		return err
	}
	text, tsv, err := b.results("hits")
	if err != nil {
		return err
	}
	defer text.Close()
	defer tsv.Close()
	out := io.MultiWriter(os.Stdout, text)
	fmt.Fprintf(out, `What hits cost: MB/s of CPU time, one thread, start taken off, least of %d rounds,
and how much more time they take than logs without hits. Hits are kept in the store once, so keeping them is measured in one round.
`, b.rounds)
	fmt.Fprintln(tsv, "N\tlines with hits\t"+heading())
	for _, n := range b.n {
		if err := b.hits(ctx, n, out, tsv); err != nil {
			return err
		}
	}
	return nil
}

// ways are how hits may be handled.
var ways = []struct {
	name string
	run  func(*scanBench, context.Context, *trial, []string) (took, error)
}{
	{"matcher alone", (*scanBench).matcher},
	{"--json, not kept", func(b *scanBench, ctx context.Context, t *trial, files []string) (took, error) {
		return b.scan(ctx, t, b.rounds, files, "--no-keep")
	}},
	{"--json, kept", func(b *scanBench, ctx context.Context, t *trial, files []string) (took, error) {
		return b.scan(ctx, t, 1, files)
	}},
}

var densities = []struct {
	name string
	logs logs
}{{"none", logs{128, 0, 0}}, {"1 in 10,000", usual(128)}, {"1 in 100", logs{128, 10000, 1000}}, {"1 in 10", logs{128, 100000, 1000}}}

func heading() string {
	var cells []string
	for _, way := range ways {
		cells = append(cells, way.name, "cost")
	}
	return strings.Join(cells, "\t")
}

func (b *scanBench) hits(ctx context.Context, n int, out, tsv io.Writer) error {
	list, err := b.list(ctx, n)
	if err != nil {
		return err
	}
	t, err := b.store(ctx, "hits-"+short(n), list)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nN = %s\n", short(n))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "lines with hits\t"+heading()+"\t")
	none := make([]float64, len(ways))
	for _, d := range densities {
		_, files, err := b.have(ctx, d.logs)
		if err != nil {
			return err
		}
		line := d.name
		for i, way := range ways {
			note("%s, %s hits, %s", way.name, d.name, short(n))
			took, err := way.run(b, ctx, t, files)
			if err != nil {
				return fmt.Errorf("%s, hits in %s: %w", way.name, d.name, err)
			}
			each := perByte(took.cpu, files)
			if d.logs.hits == 0 {
				none[i] = each
			}
			line += fmt.Sprintf("\t%.0f\t%+.0f %%", 1000/each, 100*(each/none[i]-1))
		}
		fmt.Fprintln(w, line+"\t")
		fmt.Fprintln(tsv, short(n)+"\t"+line)
	}
	return w.Flush()
}

// perByte is nanoseconds a byte.
func perByte(d time.Duration, files []string) float64 {
	return max(float64(d), 1) / float64(sizeOf(files...))
}
