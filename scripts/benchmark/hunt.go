package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// huntBench measures the hunt in indices on a real server, beside Elastic's own
// rule and client.
type huntBench struct {
	base
	url, rows, flavor, plan string
	events, hard            int
	lists                   sizes
	rule                    int // rounds of the rule where it takes long
	keep                    bool

	client *es.Client
	have1M map[int][]ioc.Observable // lists by length
	out    io.Writer
	tsv    io.Writer
	wrong  error // what was missed, or false
}

// huntRows are told in this order; each fails only by what it finds.
func (b *huntBench) huntRows() []struct {
	name, what string
	run        func(context.Context) error
} {
	return []struct {
		name, what string
		run        func(context.Context) error
	}{
		// Memory of the program is measured first: a child's cannot be told below our own peak.
		{"import", "indicators into the index", b.imports},
		{"sync", "1,000 changes of them into a scanning host's set file", b.syncs},
		{"bulk", "indexing beside esutil.BulkIndexer", b.bulkIndexing},
		{"sweep", "each list against all events: the rule and iochunt", b.sweeps},
		{"newest", "the newest 10,000 events against the longest list", b.newest},
		{"retro", "1,000 new indicators against all events", b.retro},
		{"run", "whole hunts, with the ledger in the cluster", b.runs},
		{"text", "free text as well", b.text},
		{"harder", "values as logs really write them, in every type of field", b.harder},
		{"growth", "more events, more values, more shards", b.growth},
	}
}

const (
	newestEvents = 10_000
	slowRule     = 500_000 // indicators from which on the rule takes long
)

// benchHunt is the part "hunt".
func benchHunt(ctx context.Context, args []string) (err error) {
	b := &huntBench{lists: sizes{10_000, 100_000, 1_000_000}, have1M: map[int][]ioc.Observable{}}
	events := sizes{1_000_000}
	f := flag.NewFlagSet("hunt", flag.ContinueOnError)
	b.flags(f)
	f.StringVar(&b.url, "url", "", "a server that is there; none: scripts/elasticsearch starts one with a heap of 4 GB")
	f.StringVar(&b.flavor, "flavor", es.Elasticsearch, "what is at the url: elasticsearch, or opensearch (where only \"harder\" makes sense: it has no such rule)")
	f.StringVar(&b.rows, "rows", "import,sync,bulk,sweep,newest,retro,run,text,harder", "what to measure; growth takes long and is named by hand, or all")
	f.Var(&events, "events", "events of the index")
	f.StringVar(&b.plan, "plan", "", "take this plan in place of the engine's choice, in sweep, newest, retro and growth: terms, distinct, scan")
	f.IntVar(&b.hard, "hard-docs", 100_000, "documents of the harder set")
	f.Var(&b.lists, "n", "lengths of the lists")
	f.IntVar(&b.rule, "rule-rounds", 2, "rounds of the rule against a list of half a million and more")
	f.BoolVar(&b.keep, "keep", false, "leave the server running")
	if err := parse(f, args); err != nil {
		return err
	}
	if b.events = events[0]; b.events < 2*plantedPairs || b.events%plantedPairs != 0 || slices.Min(b.lists) < 10_000 {
		return errors.New("events have to be a multiple of 2,000, and lists not shorter than 10,000: less does not hold what is planted")
	}
	stop, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	text, tsv, err := b.results("hunt")
	if err != nil {
		return err
	}
	defer text.Close()
	defer tsv.Close()
	b.out, b.tsv = io.MultiWriter(os.Stdout, text), tsv
	return b.measure(ctx)
}

func (b *huntBench) measure(ctx context.Context) error {
	if err := b.head(ctx); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range b.huntRows() {
		known[r.name] = true
		if b.rows != "all" && !slices.Contains(strings.Split(b.rows, ","), r.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(b.out, "\n%s: %s\n", r.name, r.what)
		if err := r.run(ctx); err != nil {
			return errors.Join(b.wrong, fmt.Errorf("%s: %w", r.name, err))
		}
		fmt.Fprintf(b.out, "  (%.0f s)\n", time.Since(began).Seconds())
	}
	for _, name := range strings.Split(b.rows, ",") {
		if !known[name] && name != "all" {
			return fmt.Errorf("no row %q", name)
		}
	}
	return b.wrong
}

// head says what is compared.
func (b *huntBench) head(ctx context.Context) error {
	info, err := b.client.Info(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, `%s %s, %d processors shared by server and client, seed %d, %s
Seconds are wall time at the client: median of the rounds, in brackets the least and the most. The server's caches are cleared
before each run, its request cache is off, and the two sides take turns. The rule reads the indicators from the cluster in each
run, for it keeps none; iochunt has them in a set file beside it, which syncs keep up to date: opening the file is in its time, and so are
fetching each document that hits and matching it again. The rule's time is without what it does besides (see huntrule.go).
Pairs are of an event and an indicator; found are those planted, and what is not planted is false.
`, b.flavor, info.Number, runtime.NumCPU(), b.seed, time.Now().UTC().Format(time.DateTime))
	_, err = fmt.Fprintln(b.tsv, strings.Join([]string{"row", "side", "median s", "all s", "pairs", "of", "events found", "false pairs", "false events", "missed", "note"}, "\t"))
	return err
}

// start finds the server, or starts one; stop ends the one that was started.
func (b *huntBench) start(ctx context.Context) (stop func() error, err error) {
	stop = func() error { return nil }
	if b.url == "" {
		if b.url, err = b.script(ctx, "start"); err != nil {
			return stop, err
		}
		stop = func() error {
			if b.keep {
				note("the server stays at %s", b.url)
				return nil
			}
			_, err := b.script(context.WithoutCancel(ctx), "stop")
			return err
		}
	}
	b.client, err = es.New(es.Options{Addresses: []string{b.url}, Flavor: b.flavor})
	return stop, err
}

// script runs scripts/elasticsearch for a server of our own, whose data stays
// from one run to the next, and returns the address that it prints.
func (b *huntBench) script(ctx context.Context, verb string) (string, error) {
	run, err := filepath.Abs(b.path("elasticsearch", "."))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "scripts/elasticsearch", verb)
	cmd.Env = append(os.Environ(), "HEAP=4g", "PORT=19300", "RUN="+run)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/elasticsearch %s: %w", verb, err)
	}
	for _, word := range strings.Fields(string(text)) {
		if u, ok := strings.CutPrefix(word, "URL="); ok {
			return u, nil
		}
	}
	if verb == "start" {
		return "", fmt.Errorf("scripts/elasticsearch start names no URL: %q", text)
	}
	return "", nil
}

// list returns the list of n.
func (b *huntBench) list(n int) []ioc.Observable {
	if b.have1M[n] == nil {
		b.have1M[n] = indicatorList(n)
	}
	return b.have1M[n]
}

// side is one of those who are compared.
type side struct {
	name   string
	rounds int
	run    func(context.Context) (*outcome, error)
	judge  func(*outcome) huntScore
	whole  bool // what it misses is an error
	times  span
	score  huntScore
	note   string
}

// compare lets the sides take turns, and prints a line for each. The ratio is of
// the first side's time to the other's.
func (b *huntBench) compare(ctx context.Context, row string, sides ...*side) error {
	rounds := 0
	for _, s := range sides {
		rounds = max(rounds, s.rounds)
	}
	for i := range rounds {
		turn := slices.Clone(sides)
		if i%2 == 1 {
			slices.Reverse(turn)
		}
		for _, s := range turn {
			if i >= s.rounds {
				continue
			}
			if err := b.once(ctx, s); err != nil {
				return fmt.Errorf("%s, %s: %w", row, s.name, err)
			}
		}
	}
	for _, s := range sides {
		b.print(row, s, sides[0])
	}
	return nil
}

// once is one round of one side. A score once wrong stays.
func (b *huntBench) once(ctx context.Context, s *side) error {
	if err := b.send(ctx, http.MethodPost, "/_cache/clear", nil, nil); err != nil {
		return err
	}
	runtime.GC()
	began := time.Now()
	found, err := s.run(ctx)
	if err != nil {
		return err
	}
	s.times = append(s.times, time.Since(began))
	if len(s.times) == 1 || s.score.complete() == nil {
		s.score = s.judge(found)
	}
	s.note = found.note
	return nil
}

func (b *huntBench) print(row string, s, first *side) {
	times := ""
	if s != first && len(first.times) > 0 {
		times = fmt.Sprintf("%5.1f times", first.times.median().Seconds()/s.times.median().Seconds())
	}
	c := s.score
	fmt.Fprintf(b.out, "  %-34s %-8s %22s s %11s  found %d of %d pairs, %d events, %d false  %s\n", row, s.name, s.times, times, c.pairs, c.want, c.events, max(c.falsePairs, c.falseEvents), s.note)
	if c.pairs < c.want {
		fmt.Fprintf(b.out, "    missed by %s: %s; events without an alert: %s\n", s.name, byKind(c.missed), byKind(c.lost))
	}
	var all []string
	for _, t := range s.times {
		all = append(all, seconds(t))
	}
	fmt.Fprintln(b.tsv, strings.Join([]string{row, s.name, seconds(s.times.median()), strings.Join(all, " "), strconv.Itoa(c.pairs), strconv.Itoa(c.want), strconv.Itoa(c.events),
		strconv.Itoa(c.falsePairs), strconv.Itoa(c.falseEvents), byKind(c.missed), s.note}, "\t"))
	if s.whole {
		if err := c.complete(); err != nil {
			b.wrong = errors.Join(b.wrong, fmt.Errorf("%s, %s: %w", row, s.name, err))
		}
	}
}
