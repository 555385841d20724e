package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
)

// stixBench compares the reading of STIX 1 with python-stix's.
type stixBench struct {
	base
	size, sample byteSize
	out          io.Writer
}

// stixRow is one line of the table.
type stixRow struct {
	what  string
	bytes int64
	took  measured
	note  string
}

func (r stixRow) speed() float64 { return float64(r.bytes) / 1e6 / r.took.cpu.Seconds() }

// benchSTIX reads a big STIX 1.2 package with the reader alone and with the
// whole program, and a small one of the same maker with python-stix, from a file
// and from a TAXII server; what is found has to be the same. Speeds are of CPU
// time; that of a server is not in them.
func benchSTIX(ctx context.Context, args []string) error {
	b := &stixBench{size: 500e6, sample: 20e6}
	f := flag.NewFlagSet("stix", flag.ContinueOnError)
	b.flags(f)
	f.Var(&b.size, "size", "bytes of the big package")
	f.Var(&b.sample, "sample", "bytes of the package that python-stix reads")
	if err := parse(f, args); err != nil {
		return err
	}
	text, tsv, err := b.results("stix")
	if err != nil {
		return err
	}
	defer text.Close()
	defer tsv.Close()
	b.out = io.MultiWriter(os.Stdout, text)
	rows, err := b.measure(ctx)
	b.print(rows, tsv) // also what was measured before something went wrong
	return err
}

func (b *stixBench) measure(ctx context.Context) ([]stixRow, error) {
	big, err := b.makePackage(ctx, int64(b.size))
	if err != nil {
		return nil, err
	}
	small, err := b.makePackage(ctx, int64(b.sample))
	if err != nil {
		return nil, err
	}
	rows, err := b.ours(ctx, big, small)
	if err != nil {
		return rows, err
	}
	peers, err := b.peers(ctx, small)
	return append(rows, peers...), err
}

// made is a package, and how many values of each type stand alone in it.
type made struct {
	path  string
	bytes int64
	alone map[string]int
}

func (m made) count() (n int) {
	for _, c := range m.alone {
		n += c
	}
	return n
}

// makePackage makes a package in a process of its own, if it is not there.
func (b *stixBench) makePackage(ctx context.Context, size int64) (made, error) {
	m := made{path: b.path("data", b.seeded(fmt.Sprintf("stix-%d-made%d", size, stixMade)), "stix1", "package.xml")}
	counts := filepath.Join(filepath.Dir(filepath.Dir(m.path)), "alone.json")
	text, err := os.ReadFile(counts)
	if err != nil {
		note("making a package of %d MB", size/1e6)
		child, err := self(ctx, "stixmake", "-to", m.path, "-size", strconv.FormatInt(size, 10), "-seed", strconv.FormatUint(b.seed, 10))
		if err != nil {
			return m, err
		}
		if text = []byte(child.out); os.WriteFile(counts, text, 0o600) != nil {
			return m, fmt.Errorf("cannot write %s", counts)
		}
	}
	m.bytes = sizeOf(m.path)
	return m, json.Unmarshal(text, &m.alone)
}

// runSTIXMake is the process that makes a package; it prints the counts.
func runSTIXMake(_ context.Context, args []string) error {
	f := flag.NewFlagSet("stixmake", flag.ContinueOnError)
	to := f.String("to", "", "file to write")
	size := f.Int64("size", 1e6, "bytes")
	seed := f.Uint64("seed", 1, "seed")
	if err := parse(f, args); err != nil {
		return err
	}
	alone, err := makeSTIX(*to, *size, *seed)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(alone)
}

// best runs a command some rounds; the least times and the greatest memory count.
func (b *stixBench) best(run func() (measured, error)) (best measured, err error) {
	for range b.rounds {
		m, err := run()
		if err != nil {
			return m, err
		}
		best.least(m.took)
		best.rss, best.out = max(best.rss, m.rss), m.out
	}
	return best, nil
}

// ours are the rows of the reader alone and of the whole program.
func (b *stixBench) ours(ctx context.Context, big, small made) ([]stixRow, error) {
	var rows []stixRow
	for _, m := range []made{big, small} {
		read, err := b.best(func() (measured, error) { return oneCore(ctx, "stixread", m.path) })
		if err != nil {
			return rows, err
		}
		if err := sameCounts(m.alone, read.out); err != nil {
			return rows, fmt.Errorf("the reader, %s: %w", m.path, err)
		}
		rows = append(rows, stixRow{"stix.ReadXML", m.bytes, read, fmt.Sprintf("%d observables", m.count())})
		imported, err := b.imported(ctx, m)
		if err != nil {
			return rows, fmt.Errorf("indicators import, %s: %w", m.path, err)
		}
		rows = append(rows, stixRow{"indicators import", m.bytes, imported, "stored, set compiled"})
	}
	return rows, nil
}

// oneCore is self with one processor.
func oneCore(ctx context.Context, args ...string) (measured, error) {
	exe, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	return must(ctx, command{env: []string{"GOMAXPROCS=1"}, argv: append([]string{exe}, args...)})
}

// imported is the whole program: read, checked, stored, compiled.
func (b *stixBench) imported(ctx context.Context, m made) (measured, error) {
	dir := b.path("stores", "stix")
	abs, err := filepath.Abs(dir)
	if err != nil {
		return measured{}, err
	}
	c := command{env: []string{"IOCHUNT_DATA_DIR=" + abs, "IOCHUNT_CONFIG=", "HOME=" + abs, "GOMAXPROCS=1"}}
	best, err := b.best(func() (measured, error) {
		if err := os.RemoveAll(abs); err != nil {
			return measured{}, err
		}
		c.argv = []string{b.bin, "indicators", "import", "-q", m.path}
		return must(ctx, c)
	})
	if err != nil {
		return best, err
	}
	return best, b.stored(ctx, c, m)
}

// stored checks that a store, c's, holds what stands alone in a package.
func (b *stixBench) stored(ctx context.Context, c command, m made) error {
	c.argv = []string{b.bin, "indicators", "list", "--json"}
	c.out = b.path("out", "stix.ndjson")
	if _, err := must(ctx, c); err != nil {
		return err
	}
	counts, err := countTypes(c.out)
	if err != nil {
		return err
	}
	return sameCounts(m.alone, counts)
}

// countTypes counts a listing's indicators by type, as JSON.
func countTypes(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	counts := make(map[string]int)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o struct{ Kind, Type string }
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return "", err
		}
		if o.Kind == "indicator" {
			counts[o.Type]++
		}
	}
	out, err := json.Marshal(counts)
	return string(out), errors.Join(lines.Err(), err)
}

// sameCounts compares what was made with what a reader printed as JSON.
func sameCounts(want map[string]int, printed string) error {
	var got map[string]int
	if err := json.Unmarshal([]byte(printed), &got); err != nil {
		return fmt.Errorf("%w: %q", err, lastLine(printed))
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("found %v, made were %v", got, want)
	}
	return nil
}

const (
	rowPythonSTIX = "python-stix"
	rowCabby      = "cabby and python-stix"
)

var stixColumns = []string{"what", "MB", "CPU s", "wall s", "MB/s", "peak MB", "times python-stix", "times with cabby", "remarks"}

func (b *stixBench) print(rows []stixRow, tsv io.Writer) {
	fmt.Fprintf(b.out, "STIX 1.2 in OTX's shape. MB/s are 10^6 bytes a second of CPU time, least of %d rounds, python-stix of one;\n"+
		"less than %d MB of memory cannot be told. Ratios are of these speeds.\n\n", b.rounds, floor()/1e6)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, aligned(stixColumns))
	fmt.Fprintln(tsv, strings.Join(stixColumns, "\t"))
	for _, r := range rows {
		cells := []string{r.what, strconv.FormatInt(r.bytes/1e6, 10), seconds(r.took.cpu), seconds(r.took.wall), fmt.Sprintf("%.2f", r.speed()),
			strconv.FormatInt(r.took.rss/1e6, 10), ratio(r.speed(), speedOf(rows, rowPythonSTIX)), ratio(r.speed(), speedOf(rows, rowCabby)), r.note}
		fmt.Fprintln(w, aligned(cells))
		fmt.Fprintln(tsv, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		note("%v", err)
	}
}

// speedOf is the speed of a named row, 0 if it was not measured.
func speedOf(rows []stixRow, name string) float64 {
	for _, r := range rows {
		if r.what == name {
			return r.speed()
		}
	}
	return 0
}

// byteSize is a flag: 8000000, 500MB.
type byteSize int64

func (s *byteSize) String() string { return fmt.Sprintf("%dMB", int64(*s)/1e6) }

func (s *byteSize) Set(text string) error {
	digits, unit := strings.TrimSuffix(text, "MB"), int64(1)
	if digits != text {
		unit = 1e6
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > 1<<40 {
		return fmt.Errorf("%q is no size such as 8000000 or 500MB", text)
	}
	*s = byteSize(n * unit)
	return nil
}
