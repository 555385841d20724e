package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// contender is an engine and its name.
type contender struct {
	name string
	Searcher
}

// contenders returns the engines that must find the same, the one that the others
// are held to first: "scalar", which looks at every byte. "ac" is left out, as
// it knows no spelling but the listed one; so is what this processor cannot run.
func contenders(t testing.TB, s *Set) (cs []contender) {
	t.Helper()
	for _, name := range Engines() {
		if name == "ac" {
			continue
		}
		e, err := s.Engine(name)
		if err != nil {
			t.Logf("not here: %v", err)
			continue
		}
		cs = append(cs, contender{name, e})
	}
	slices.SortStableFunc(cs, func(a, b contender) int {
		switch {
		case a.name == b.name:
			return 0
		case a.name == "scalar":
			return -1
		case b.name == "scalar":
			return 1
		}
		return 0
	})
	return cs
}

// agree compares the answers of all engines, and returns that of the first.
func agree(t testing.TB, cs []contender, data []byte) []Match {
	t.Helper()
	want := searched(t, cs[0], data)
	for _, c := range cs[1:] {
		if got := searched(t, c, data); !slices.Equal(got, want) {
			t.Errorf("%d bytes: %s and %s differ:\n%s", len(data), c.name, cs[0].name, difference(c, got, want, data))
		}
	}
	for _, c := range cs {
		if err := c.Err(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	return want
}

// searched is Append; a panic is an error of the test that tells where.
func searched(t testing.TB, c contender, data []byte) (ms []Match) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: %v in %d bytes that end in %q", c.name, r, len(data), data[max(0, len(data)-60):])
		}
	}()
	return c.Append(nil, data)
}

// sameMatches reports an error where the engines for s do not find the same in text.
func sameMatches(t testing.TB, s *Set, text []byte) {
	t.Helper()
	agree(t, contenders(t, s), text)
}

// difference shows the first match that is in one of two answers alone, and the
// text around it.
func difference(s Searcher, got, want []Match, data []byte) string {
	in := func(m Match, ms []Match) bool { return slices.Contains(ms, m) }
	for _, side := range []struct {
		name     string
		ms, rest []Match
	}{{"missed", want, got}, {"too many", got, want}} {
		for _, m := range side.ms {
			if !in(m, side.rest) {
				from, to := max(0, m.Start-80), min(len(data), m.End+80)
				return fmt.Sprintf("%s: %v %v in %q (from byte %d)", side.name, m, s.Observable(m.ID), data[from:to], from)
			}
		}
	}
	return fmt.Sprintf("the order: %v, want %v", got, want)
}

// placed checks that where text lies changes nothing: at which address, what
// stands in memory beside it, and which lines are searched together.
func placed(t testing.TB, cs []contender, text []byte, at int) {
	t.Helper()
	want := agree(t, cs, text)
	at %= 64
	for _, beside := range [][]string{{"evil.com", "\x00"}, {"1.2.3.4", "\xff"}}[at%2] {
		room := bytes.Repeat([]byte(beside), (at+len(text)+200)/len(beside)+1)
		data := room[at : at+len(text)]
		copy(data, text)
		for _, c := range cs {
			if got := searched(t, c, data); !slices.Equal(got, want) {
				t.Errorf("%s: %q at %d with %q beside it: %s", c.name, text[:min(len(text), 200)], at, beside, difference(c, got, want, text))
			}
		}
	}
	for _, c := range cs {
		if got := byLines(c, text, at); !slices.Equal(got, want) {
			t.Errorf("%s: %q cut at line ends: %s", c.name, text[:min(len(text), 200)], difference(c, got, want, text))
		}
	}
}

// byLines searches text cut at line ends, in pieces of about size bytes.
func byLines(s Searcher, text []byte, size int) (ms []Match) {
	for from := 0; from < len(text); {
		end := min(from+size, len(text)-1)
		end = from + lineLength(text[from:], end-from)
		n := len(ms)
		ms = s.Append(ms, text[from:end])
		for i := range ms[n:] {
			ms[n+i].Start += from
			ms[n+i].End += from
		}
		from = end
	}
	return ms
}

// lineLength returns the length of text up to the first line end at or behind at.
func lineLength(text []byte, at int) int {
	if k := bytes.IndexByte(text[at:], '\n'); k >= 0 {
		return at + k + 1
	}
	return len(text)
}

// FuzzEngines compares the engines over any bytes and over texts of the grammar,
// with lists of which some types are missing.
func FuzzEngines(f *testing.F) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 50 {
		f.Add(randomSeed(r, 60), masks(r), uint8(r.Uint32()))
	}
	f.Add([]byte("1.2.3.4 a.evil.com http://evil.com/x?y=1\n"), uint64(0), uint8(3))
	c := newChoices(f)
	values := plainValues(c.all)
	f.Fuzz(func(t *testing.T, seed []byte, mask uint64, at uint8) {
		if len(seed) > 4096 {
			return
		}
		cs := contenders(t, c.get(t, mask).set)
		placed(t, cs, seed, int(at))
		seed = seed[:min(len(seed), 100)]
		placed(t, cs, (&maker{seed: seed}).part(values, 400), int(at))
		long, _ := (&maker{seed: seed}).long(values)
		placed(t, cs, long, int(at))
	})
}

// TestEngines is FuzzEngines for texts by chance, and for lists that hold a
// top-level domain and whole address spaces too.
func TestEngines(t *testing.T) {
	rounds := 800
	if testing.Short() || race {
		rounds = 100
	}
	r := rand.New(rand.NewPCG(13, 14))
	usual, broad := newChoices(t), newChoices(t, grammarBroad...)
	values := plainValues(broad.all)
	for i := range rounds {
		c := []*choices{usual, broad}[i%2]
		cs := contenders(t, c.get(t, masks(r)).set)
		seed := randomSeed(r, 80)
		placed(t, cs, (&maker{seed: seed}).part(values, 400), r.IntN(64))
		long, _ := (&maker{seed: seed}).long(values)
		placed(t, cs, long, r.IntN(64))
		if t.Failed() {
			return
		}
	}
}

// TestEnginesAtEdges puts each value at every place around the edges of blocks
// of 64 bytes and of 16 KiB, behind rows that belong to the token and that do not.
func TestEnginesAtEdges(t *testing.T) {
	c := newChoices(t)
	cs := contenders(t, c.get(t, 0).set)
	texts := append(plainValues(c.all), grammarSpellings...)
	for _, row := range []string{" ", "x", "a.", "1", "."} {
		var all, far []byte
		for i, text := range texts {
			for at := range 64 {
				pad := 64 + (at-len(all)%64+64)%64
				all = append(all, strings.Repeat(row, pad/len(row)+1)[:pad]...)
				all = append(append(all, text...), " \n"[at&1])
			}
			for _, tail := range []string{"\n", "..\n", "...x", "-.", ":", "]"} {
				far = append(far[:0], strings.Repeat(row, 16<<10/len(row)+1)[:16<<10-i%(len(text)+5)]...)
				agree(t, cs, append(append(far, text...), tail...))
			}
		}
		agree(t, cs, all)
	}
}

// TestEnginesExhaustive compares the engines over all texts of a few tokens, one a
// line, and each at the edges of blocks.
func TestEnginesExhaustive(t *testing.T) {
	for _, e := range exhaustive {
		tokens, budget := strings.Split(e.tokens, "~"), 100_000
		if testing.Short() || race {
			budget = 2000
		}
		depth := depthOf(len(tokens), budget)
		everyText(t, contenders(t, compile(t, list(t, e.values...))), tokens, depth)
	}
}

// TestEnginesBytes compares the engines over all short texts of the bytes that
// mean something.
func TestEnginesBytes(t *testing.T) {
	c := newChoices(t)
	os := append(c.all, list(t, "domain a.a", "domain h.x", "ipv6 1::1", "ipv6 a::", "text a", "url a.a/", "email a@a.a", "domain xn--e1afmkfd.a")...)
	cs := contenders(t, compile(t, os))
	tokens := strings.Split("a~.~1~:~-~@~/~%~[~\\~h~x~。~\n~ ", "~")
	depth := 5
	if testing.Short() || race {
		depth = 3
	}
	everyText(t, cs, tokens, depth)
}

// everyText compares the engines over all texts of up to depth tokens: once a
// line each, which puts them anywhere, and once so that each lies over the edge
// of a block of 64 bytes.
func everyText(t *testing.T, cs []contender, tokens []string, depth int) {
	const full = 1 << 20
	var all, edge, one []byte
	flush := func() {
		agree(t, cs, all)
		agree(t, cs, edge)
		all, edge = all[:0], edge[:0]
	}
	var walk func(left int)
	walk = func(left int) {
		all = append(append(all, one...), '\n')
		for pad := 64 - (len(edge)+len(one)/2)%64; pad > 0; pad-- {
			edge = append(edge, ' ')
		}
		edge = append(append(edge, one...), " \n"[len(edge)>>6&1])
		if len(edge) > full {
			flush()
		}
		if left == 0 || t.Failed() {
			return
		}
		n := len(one)
		for _, tok := range tokens {
			one = append(one[:n], tok...)
			walk(left - 1)
		}
		one = one[:n]
	}
	walk(depth)
	flush()
}

// TestEnginesOnLogs compares the engines over real and generated logs, with real
// and generated lists.
func TestEnginesOnLogs(t *testing.T) {
	small := compile(t, generated(20000))
	sameMatches(t, small, append(logText(1<<20), planted(small, 2000)...))
	dir := testdir.Shared(t, "data")
	logs, err := filepath.Glob(filepath.Join(dir, "logs", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal("no logs: ", err)
	}
	s := compile(t, realList(t, dir, 40))
	cs := contenders(t, s)
	agree(t, cs, planted(s, 3000))
	for _, name := range logs {
		text := []byte(strings.Join(lines(t, name), "\n"))
		agree(t, cs, text)
		for _, k := range []int{1, 7, 31, 63} {
			agree(t, cs, text[min(k, len(text)):])
		}
	}
}

// planted writes every value but the first n of a set into a line of a log.
func planted(s *Set, n int) (data []byte) {
	forms := []string{"%s\n", "Nov 21 02:21:56 host x[1]: from %s port 22\n", "{\"v\":\"%s\"}\n", "GET %s HTTP/1.1\n", "x=%s,", "%s "}
	for id := range min(n, s.Len()) {
		data = fmt.Appendf(data, forms[id%len(forms)], s.Observable(uint32(id)).Value)
	}
	return data
}

// realList returns what one of every step real lists holds.
func realList(t *testing.T, dir string, step int) (os []ioc.Observable) {
	names, err := filepath.Glob(filepath.Join(dir, "indicators", "maltrail", "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatal("no lists: ", err)
	}
	seen := map[ioc.Observable]bool{}
	for i := 0; i < len(names); i += step {
		for _, line := range lines(t, names[i]) {
			line, _, _ = strings.Cut(line, "#")
			if o, err := canon.Observable("", strings.TrimSpace(line)); err == nil && !seen[o] {
				seen[o] = true
				os = append(os, o)
			}
		}
	}
	return os
}
