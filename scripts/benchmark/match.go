package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

// matchBench is one run of the table.
type matchBench struct {
	base
	mib, part   int64
	lens        sizes
	only        string
	engines     string
	fresh       bool
	patience    time.Duration
	programs    programs
	emptyFile   string
	table       *table
	whole, less input
}

// input is logs to be scanned.
type input struct {
	logs  logs
	dir   string
	files []string
	bytes int64
}

func (b *matchBench) flags(args []string) error {
	f := flag.NewFlagSet("match", flag.ContinueOnError)
	b.base.flags(f)
	b.lens = sizes{1000, 10_000, 100_000, 1_000_000}
	f.Var(&b.lens, "n", "lengths of lists")
	f.Int64Var(&b.mib, "mib", 128, "size of the logs")
	f.Int64Var(&b.part, "part", 32, "size of the logs for programs that are slow with a long list")
	f.StringVar(&b.only, "only", "", "only rows whose name has one of these in it (a,b,c)")
	f.StringVar(&b.engines, "engines", "portable", "engines of our own to show beside the one chosen at start (a,b,c)")
	f.BoolVar(&b.fresh, "fresh", false, "compile Hyperscan's databases anew (8 minutes and 11 GB at 5M)")
	f.DurationVar(&b.patience, "patience", time.Minute, "a program that takes longer for one round is run once, and the table says so")
	return parse(f, args)
}

// benchMatch prints the table, a block for each list.
func benchMatch(ctx context.Context, args []string) error {
	b := &matchBench{}
	if err := b.flags(args); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.table.close()
	b.table.head(&b.base, b.whole)
	for _, n := range b.lens {
		rows, err := b.block(ctx, n)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fmt.Errorf("-only %s: no row has such a name", b.only)
		}
		b.table.block(n, rows)
	}
	return nil
}

func (b *matchBench) prepare(ctx context.Context) (err error) {
	b.programs = programs{base: &b.base, peers: map[string]peerOf{}}
	if b.emptyFile, err = b.empty(); err != nil {
		return err
	}
	if b.whole, err = b.input(ctx, b.mib); err != nil {
		return err
	}
	if b.less, err = b.input(ctx, min(b.part, b.mib)); err != nil {
		return err
	}
	b.table, err = newTable(&b.base)
	return err
}

func (b *base) input(ctx context.Context, mib int64) (in input, err error) {
	in.logs = usual(mib)
	in.dir, in.files, err = b.have(ctx, in.logs)
	in.bytes = sizeOf(in.files...)
	return in, err
}

// row is what one tool did with one list.
type row struct {
	*trial
	in      input
	version string
	built   measured
	start   took // of a scan of nothing, or of the phase before the scan
	whole   took // of the whole program
	scanned took
	rss     int64
	score   corpus.Score
	partial bool  // not all of the logs were read
	once    bool  // it is too slow for more than one round
	err     error // why it is not there, or was stopped
	later   error // why it was stopped after the first round
}

// wants says whether the row is asked for.
func (b *matchBench) wants(name string) bool {
	if b.only == "" {
		return true
	}
	for _, o := range strings.Split(b.only, ",") {
		if strings.Contains(strings.ToLower(name), strings.ToLower(o)) {
			return true
		}
	}
	return false
}

func comma(r rune) bool { return r == ',' }

// block runs all tools with one list, in turns.
func (b *matchBench) block(ctx context.Context, n int) ([]*row, error) {
	var rows []*row
	for _, t := range tools(strings.FieldsFunc(b.engines, comma)) {
		if !b.wants(t.name) {
			continue
		}
		r, err := b.row(ctx, t, n)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	for round := range b.rounds {
		for _, r := range rows {
			if r.err == nil && (round == 0 || !r.once) {
				r.failed(b.round(ctx, r, round), round)
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
		}
	}
	return rows, nil
}

// failed keeps an error. What the first round has measured stands.
func (r *row) failed(err error, round int) {
	if err == nil {
		return
	}
	if round == 0 {
		r.err = err
		return
	}
	r.once, r.later = true, err
}

// row finds the program and builds what it opens. Only what spoils the whole run
// is an error.
func (b *matchBench) row(ctx context.Context, t *tool, n int) (*row, error) {
	r := &row{trial: &trial{tool: t, base: &b.base, n: n}, in: b.whole}
	if t.part > 0 && n >= t.part && b.part < b.mib {
		r.in, r.partial = b.less, true
	}
	var err error
	r.list, err = b.list(ctx, n)
	if t.mixed {
		r.list, err = b.mixed(ctx, n)
	}
	if err != nil {
		return nil, err
	}
	if t.upTo > 0 && n > t.upTo {
		r.err = cannot("%s", t.beyond)
		return r, nil
	}
	p, err := b.programs.find(ctx, t)
	if errors.Is(err, errCannot) {
		r.err = err
		return r, nil
	}
	r.path, r.version = p.Path, p.Version
	if err == nil && t.build != nil {
		r.err = b.build(ctx, r)
	}
	return r, err
}

// build builds once a run: our two threads open the store that one imported.
// Databases of peers are kept from run to run, with what they took.
func (b *matchBench) build(ctx context.Context, r *row) error {
	if b.kept(r) {
		return nil
	}
	c, err := r.tool.build(r.trial)
	if err != nil {
		return err
	}
	c.limit = 3 * b.limit // it is made once
	note("%s: building for %s", r.name, short(r.n))
	if r.built, err = must(ctx, c); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return b.keep(r)
}

// round measures one scan, and before it one of nothing.
func (b *matchBench) round(ctx context.Context, r *row, round int) error {
	began := time.Now()
	note("%s: round %d, %s", r.name, round+1, short(r.n))
	c := r.scan(r.trial, r.in.files)
	c.limit, c.out = b.limit, b.path("out", "found.txt")
	if err := b.started(ctx, r); err != nil {
		return err
	}
	m, err := must(ctx, c, 1)
	if err != nil {
		return err
	}
	if err := r.take(m); err != nil {
		return err
	}
	if round > 0 {
		return nil
	}
	r.once = time.Since(began) > b.patience
	return r.judge(c.out)
}

// started measures the start of a program that does not tell of it.
func (b *matchBench) started(ctx context.Context, r *row) error {
	if r.phases {
		return nil
	}
	c := r.scan(r.trial, []string{b.emptyFile})
	c.limit = b.limit
	m, err := must(ctx, c, 1)
	if err == nil {
		r.start.least(m.took)
	}
	return err
}

// take keeps the least of what was measured, and the most of memory.
func (r *row) take(m measured) error {
	r.rss = max(r.rss, m.rss)
	r.whole.least(m.took)
	if !r.phases {
		r.scanned = r.whole.minus(r.start)
		return nil
	}
	start, scanned, err := parsePhases(m.stderr)
	r.start.least(start)
	r.scanned.least(scanned)
	return err
}

// parsePhases reads "setup CPU WALL scan CPU WALL", seconds.
func parsePhases(stderr string) (start, scanned took, err error) {
	var s [4]float64
	if _, err := fmt.Sscanf(lastLine(stderr), "setup %f %f scan %f %f", &s[0], &s[1], &s[2], &s[3]); err != nil {
		return start, scanned, fmt.Errorf("the program did not say its times: %q", lastLine(stderr))
	}
	d := func(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
	return took{cpu: d(s[0]), wall: d(s[1])}, took{cpu: d(s[2]), wall: d(s[3])}, nil
}

// judge compares what was found with the truth.
func (r *row) judge(out string) error {
	f, err := os.Open(out)
	if err != nil {
		return err
	}
	defer f.Close()
	read := readOffsets
	if r.ours() && !r.phases {
		read = readHits
	}
	reports, err := read(f, r.in.dir)
	if err == nil {
		r.score, err = score(r.in.dir, reports)
	}
	return err
}

// kept looks for what an earlier row, or for peers an earlier run, has built.
func (b *matchBench) kept(r *row) bool {
	if !r.ours() && b.fresh {
		return false
	}
	data, err := os.ReadFile(r.made() + ".built")
	if err != nil {
		return false
	}
	var run int64
	_, err = fmt.Sscan(string(data), &run, &r.built.wall, &r.built.cpu, &r.built.rss)
	return err == nil && (!r.ours() || run == b.table.run)
}

func (b *matchBench) keep(r *row) error {
	text := fmt.Sprintln(b.table.run, int64(r.built.wall), int64(r.built.cpu), r.built.rss)
	return os.WriteFile(filepath.Clean(r.made()+".built"), []byte(text), 0o600)
}
