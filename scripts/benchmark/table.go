package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/iochunt/iochunt/scripts/benchmark/peers"
)

type peerOf = peers.Peer

// table prints rows as text and as TSV.
type table struct {
	run       int64 // names this run
	text, tsv io.WriteCloser
	out       io.Writer // text and standard output
}

func newTable(b *base) (*table, error) {
	text, tsv, err := b.results("match")
	if err != nil {
		return nil, err
	}
	t := &table{time.Now().UnixNano(), text, tsv, io.MultiWriter(os.Stdout, text)}
	_, err = fmt.Fprintln(tsv, strings.Join(columns, "\t"))
	return t, err
}

func (t *table) close() error { return errors.Join(t.text.Close(), t.tsv.Close()) }

func (t *table) head(b *base, in input) {
	fmt.Fprintf(t.out, `%d MB of logs, seed %d, least of %d rounds in turns, %s
MB/s are 10^6 bytes of log a second, one thread where nothing else is said. CPU and wall: the scan alone, its start taken
off; whole: CPU time of the whole program, which for a program without a database includes building. start: CPU seconds
before the first byte is read (ours: a scan of an empty file). build: CPU seconds of what is done once, list to database.
Memory is the peak of the scan, and after "+" that of the build; less than %d MB cannot be told.
Found, missed, false: lines, against what was planted. x rg, x Hs: the scan's CPU time against theirs.
`, in.bytes/1e6, b.seed, b.rounds, time.Now().UTC().Format(time.DateTime), floor()/1e6)
}

var columns = []string{"N", "tool", "build", "start", "MB", "MB/s CPU", "MB/s wall", "whole", "found", "missed", "false", "x rg", "x Hs", "remarks"}

// block prints the rows of one list.
func (t *table) block(n int, rows []*row) {
	fmt.Fprintf(t.out, "\nN = %s\n", short(n))
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, aligned(columns[1:]))
	for _, r := range rows {
		cells := r.cells(rate(rows, rowRipgrep), rate(rows, rowHyperscan))
		fmt.Fprintln(w, aligned(cells))
		fmt.Fprintln(t.tsv, short(n)+"\t"+strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		note("%v", err)
	}
	t.versions(rows)
}

// aligned puts the name of the tool to the left, and the remarks, of any length,
// behind all columns.
func aligned(cells []string) string {
	last := len(cells) - 1
	return fmt.Sprintf("%-24s\t", cells[0]) + strings.Join(cells[1:last], "\t") + "\t  " + cells[last]
}

func (t *table) versions(rows []*row) {
	seen := map[string]bool{"": true}
	for _, r := range rows {
		if !seen[r.version] {
			fmt.Fprintf(t.out, "  %s: %s\n", r.peer, r.version)
		}
		seen[r.version] = true
	}
}

// rate is the speed of a named row, 0 if it has none.
func rate(rows []*row, name string) float64 {
	for _, r := range rows {
		if r.name == name && r.err == nil {
			return r.speed(r.scanned.cpu)
		}
	}
	return 0
}

func (r *row) speed(d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(r.in.bytes) / 1e6 / d.Seconds()
}

func (r *row) cells(rg, hs float64) []string {
	if r.err != nil {
		why := r.err.Error()
		if !errors.Is(r.err, errCannot) {
			why = "not measured: " + why
		}
		return append([]string{r.name}, "", "", "", "", "", "", "", "", "", "", "", why)
	}
	speed := r.speed(r.scanned.cpu)
	return []string{
		r.name, r.buildTime(), seconds(r.start.cpu), r.memory(),
		fmt.Sprintf("%.0f", speed), fmt.Sprintf("%.0f", r.speed(r.scanned.wall)), fmt.Sprintf("%.0f", r.speed(r.whole.cpu)),
		fmt.Sprint(r.score.Found), fmt.Sprint(r.score.Missed), fmt.Sprint(r.score.False()),
		ratio(speed, rg), ratio(speed, hs), r.remarks(),
	}
}

func (r *row) buildTime() string {
	if r.tool.build == nil {
		return "-"
	}
	return seconds(r.built.cpu)
}

func (r *row) memory() string {
	if r.tool.build == nil {
		return fmt.Sprint(r.rss / 1e6)
	}
	return fmt.Sprintf("%d+%d", r.rss/1e6, r.built.rss/1e6)
}

// remarks tell where a row is not like the others.
func (r *row) remarks() string {
	var out []string
	if r.partial {
		out = append(out, fmt.Sprintf("on %d MiB", r.in.logs.mib))
	}
	if r.once && r.base.rounds > 1 && r.later == nil {
		out = append(out, "1 round")
	}
	if r.later != nil {
		out = append(out, fmt.Sprint("then ", r.later))
	}
	if r.score.Wrong > 0 {
		out = append(out, fmt.Sprintf("%d by another indicator", r.score.Wrong))
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
