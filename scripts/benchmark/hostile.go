package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// hostile texts, each made to be slow for some way to search. A line is 4 KiB
// unless it is one line.
var hostile = []struct {
	name    string
	pattern string
	mib     int
	line    int // bytes; 0: one line
}{
	{"dots only", ".", 64, 4096},
	{"hex digits only", "0123456789abcdef", 64, 4096},
	{"a run of 64 hex digits, a blank", strings.Repeat("0123456789abcdef", 4) + " ", 64, 4096},
	{"one token of 100 MB", "abcdefghijklmnopqrstuvwxyz0123456789", 96, 0},
	{"one name of 100 MB", "abcdefg.", 96, 0},
	{"a.a.a.a", "a.", 64, 4096},
	{"1.1.1.1.1", "1.", 64, 4096},
	{"1.1.1.1 1.1.1.1", "1.1.1.1 ", 64, 4096},
	{"a.co a.co", "a.co ", 64, 4096},
	{"colons only", ":", 64, 4096},
	{"1:1:1:1", "1:", 64, 4096},
	{"@ only", "@", 64, 4096},
	{"slashes only", "/", 64, 4096},
	{"http:// again and again", "http://", 64, 4096},
	{"a[.]a[.]a", "a[.]", 64, 4096},
	{"%41%41", "%41", 64, 4096},
	{"%25252525", "%2525", 64, 4096},
	{`\u0061\u0061`, `\u0061`, 64, 4096},
	{`backslashes only`, `\`, 64, 4096},
	{"zero bytes between", "a\x00.\x00c\x00o\x00 \x00", 64, 4096},
	{"bytes beyond ASCII", "\u00e9\u3002", 64, 4096},
	{"newlines only", "\n", 64, 4096},
}

// benchHostile prints the speed over text that is made to be slow.
func benchHostile(ctx context.Context, args []string) error {
	b := &scanBench{}
	f := b.flags("hostile", sizes{10_000})
	only := f.String("only", "", "only texts whose name has this in it")
	if err := parse(f, args); err != nil {
		return err
	}
	text, tsv, err := b.results("hostile")
	if err != nil {
		return err
	}
	defer text.Close()
	defer tsv.Close()
	out := io.MultiWriter(os.Stdout, text)
	fmt.Fprintf(out, "Text that is made to be slow: MB/s of CPU time of iochunt scan --json, one thread, start taken off, least of %d rounds\n", b.rounds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tsv, "N\ttext\tMB/s CPU")
	for _, n := range b.n {
		if err := b.hostile(ctx, n, *only, io.MultiWriter(w, tsv)); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (b *scanBench) hostile(ctx context.Context, n int, only string, out io.Writer) error {
	list, err := b.list(ctx, n)
	if err != nil {
		return err
	}
	t, err := b.store(ctx, "hostile-"+short(n), list)
	if err != nil {
		return err
	}
	for _, h := range hostile {
		if !strings.Contains(h.name, only) {
			continue
		}
		path := b.path("data", "hostile", strings.Map(plain, h.name))
		if err := writeHostile(path, h.pattern, h.mib<<20, h.line); err != nil {
			return err
		}
		b.speed(ctx, out, n, h.name, t, path)
	}
	if !strings.Contains(everyGate, only) {
		return nil
	}
	return b.allGates(ctx, n, list, out)
}

// speed prints one line; what fails is told in it.
func (b *scanBench) speed(ctx context.Context, out io.Writer, n int, name string, t *trial, files ...string) {
	note("%s, %s", name, short(n))
	took, err := b.scan(ctx, t, b.rounds, files, "--no-keep")
	if err != nil {
		fmt.Fprintf(out, "%s\t%s\tnot measured: %v\n", short(n), name, err)
		return
	}
	fmt.Fprintf(out, "%s\t%s\t%.0f\n", short(n), name, 1000/perByte(took.cpu, files))
}

// plain makes a file name.
func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// writeHostile repeats a pattern; lines are cut, not rounded.
func writeHostile(path, pattern string, size, line int) error {
	if st, err := os.Stat(path); err == nil && st.Size() == int64(size) {
		return nil
	}
	data := bytes.Repeat([]byte(pattern), size/len(pattern)+1)[:size]
	for i := line - 1; line > 0 && i < size; i += line {
		data[i] = '\n'
	}
	return os.WriteFile(path, data, 0o600)
}

const everyGate = "every name's last labels are listed"

// allGates scans the logs with a list that has a name below the last two labels
// of every name in them, and none of the names: whatever only looks at the ends
// of names is never done with one.
func (b *scanBench) allGates(ctx context.Context, n int, list string, out io.Writer) error {
	_, files, err := b.have(ctx, logs{128, 0, 0})
	if err != nil {
		return err
	}
	gates := b.path("data", "hostile", "gates-"+short(n)+".txt")
	m, err := self(ctx, append([]string{"gates", "-from", list, "-to", gates}, files...)...)
	if err != nil {
		return err
	}
	t, err := b.store(ctx, "hostile-gates-"+short(n), gates)
	if err != nil {
		return err
	}
	b.speed(ctx, out, n, everyGate+m.out, t, files...)
	return nil
}

// runGates writes such a list.
func runGates(_ context.Context, args []string) error {
	f := flag.NewFlagSet("gates", flag.ContinueOnError)
	from, to := f.String("from", "", "list to add to"), f.String("to", "", "list to write")
	if err := f.Parse(args); err != nil {
		return err
	}
	list, err := os.ReadFile(*from)
	if err != nil {
		return err
	}
	ends := map[string]bool{}
	for _, path := range f.Args() {
		if err := collectEnds(ends, path); err != nil {
			return err
		}
	}
	for _, end := range sortedKeys(ends) {
		list = fmt.Appendf(list, "domain:never-seen-here.%s\n", end)
	}
	fmt.Printf(" (%d of them)", len(ends))
	return os.WriteFile(filepath.Clean(*to), list, 0o600)
}

func sortedKeys(m map[string]bool) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// collectEnds adds the last two labels of every name in a file: letters in the
// last one.
func collectEnds(ends map[string]bool, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	for lines.Scan() {
		for _, token := range bytes.FieldsFunc(lines.Bytes(), notInName) {
			labels := bytes.Split(token, []byte("."))
			n := len(labels)
			if n > 1 && len(labels[n-2]) > 0 && len(labels[n-1]) > 1 && len(bytes.Trim(labels[n-1], "abcdefghijklmnopqrstuvwxyz")) == 0 {
				ends[string(bytes.Join(labels[n-2:], []byte(".")))] = true
			}
		}
	}
	return lines.Err()
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
}
