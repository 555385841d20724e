package match

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// literally returns those matches of ms whose value stands as it is written in
// their line, or in what is under it.
func literally(s *Set, ms []Match, data []byte) (left []Match) {
	for _, m := range ms {
		from := bytes.LastIndexByte(data[:m.Start], '\n') + 1
		line := data[from : from+lineLength(data[from:], m.End-from)]
		v := foldText(strings.ReplaceAll(s.Observable(m.ID).Value, "\n", " "))
		if slices.ContainsFunc(underneath(line), func(t []byte) bool { return strings.Contains(foldText(string(t)), v) }) {
			left = append(left, m)
		}
	}
	return left
}

// underneath returns a line, what is under it, and its runs of UTF-16.
func underneath(line []byte) (ts [][]byte) {
	lines := [][]byte{bytes.TrimSuffix(line, []byte("\n"))}
	for _, run := range wideRE.FindAll(latin(line), -1) {
		lines = append(lines, bytes.ReplaceAll(run, []byte{0}, nil))
	}
	for _, t := range lines {
		ts = append(ts, t)
		var undone, percent view
		if undone.undo(t) {
			t = undone.text
			ts = append(ts, t)
		}
		if percent.unescape(t) {
			ts = append(ts, percent.text)
		}
	}
	return ts
}

// sameLiterals holds the fastest engine and "ac" to each other.
func sameLiterals(t *testing.T, l *Literals, data []byte) int {
	t.Helper()
	fast := l.Set.Append(nil, data)
	got, want := l.Append(nil, data), literally(l.Set, fast, data)
	if !slices.Equal(got, want) {
		t.Errorf("%d bytes: ac differs:\n%s", len(data), difference(l, got, want, data))
	}
	return len(got)
}

func literals(t testing.TB, s *Set) *Literals {
	t.Helper()
	l, err := newLiterals(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLiterals(t *testing.T) {
	l := literals(t, compile(t, append(list(t, fileValues...), list(t, "domain xn--e1afmkfd.a", "text a", "domain EVIL.com")...)))
	f := func(data, want string) {
		t.Helper()
		var got []string
		for _, m := range l.Append(nil, []byte(data)) {
			got = append(got, data[m.Start:m.End])
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: %q, want %q", data, s, want)
		}
		sameLiterals(t, l, []byte(data))
	}
	f("", "")
	f("nothing", "")
	f("notevil.com evil.comx", "")
	f("\nx evil.com\n\nwww.EVIL.COM.\n", "evil.com|evil.com|www.EVIL.COM|www.EVIL.COM")
	f("10.1.2.3", "")
	f("10.0.0.0/8 10.1.2.3", "10.0.0.0|10.1.2.3")
	f("0:0:0:0:0:0:0:1", "")
	f("::1", "::1")
	f("00-1b-44-11-3a-b7", "")
	f("00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7")
	f("hxxp://evil[.]com/x", "hxxp://evil[.]com/x|evil[.]com|evil[.]com")
	f("u=http%3A%2F%2Fevil.com%2Fx", "http%3A%2F%2Fevil.com%2Fx|evil.com|evil.com")
	f("x\x00e\x00v\x00i\x00l\x00 \x00b\x00o\x00t\x00\n", "")
	f(" e\x00v\x00i\x00l\x00 \x00b\x00o\x00t\x00\n", "e\x00v\x00i\x00l\x00 \x00b\x00o\x00t\x00")
	f("evil\tBOT a", "evil\tBOT|a")
	f("evil evil", "")
	f("evil Evil", "Evil")
}

// TestLiteralsGrammar compares over texts by chance.
func TestLiteralsGrammar(t *testing.T) {
	rounds := 1000
	if testing.Short() || race {
		rounds = 100
	}
	r := rand.New(rand.NewPCG(31, 32))
	c := newChoices(t)
	values, n := plainValues(c.all), 0
	for range rounds {
		l := literals(t, c.get(t, masks(r)).set)
		for range 3 {
			n += sameLiterals(t, l, (&maker{seed: randomSeed(r, 80)}).part(values, 400))
		}
		if t.Failed() {
			return
		}
	}
	if n < rounds {
		t.Errorf("%d matches alone", n)
	}
}

// TestLiteralsGenerated compares over log lines, in which some of the list stands.
func TestLiteralsGenerated(t *testing.T) {
	os := append(generated(20000), freeTexts(2000)...)
	l := literals(t, compile(t, os))
	data := logText(1 << 20)
	r := rand.New(rand.NewPCG(33, 34))
	for i := 0; i+200 < len(data); i += 1000 + r.IntN(2000) {
		copy(data[i:], " "+os[r.IntN(len(os))].Value+" ")
	}
	if n := sameLiterals(t, l, data); n < 300 {
		t.Errorf("%d matches alone", n)
	}
}

// TestLiteralsReal compares over real logs and lists, in which there is next to
// nothing to find, and over the lists themselves.
func TestLiteralsReal(t *testing.T) {
	if testing.Short() || race {
		t.Skip("real data takes some seconds")
	}
	dir := testdir.Shared(t, "data")
	var os []ioc.Observable
	var text []byte
	seen := map[ioc.Observable]bool{}
	lists, _ := filepath.Glob(filepath.Join(dir, "indicators", "maltrail", "a*.txt"))
	for _, name := range lists {
		for _, line := range lines(t, name) {
			line, _, _ = strings.Cut(line, "#")
			if o, err := canon.Observable("", strings.TrimSpace(line)); err == nil && !seen[o] {
				seen[o] = true
				os = append(os, o)
			}
			text = append(append(text, line...), '\n')
		}
	}
	l := literals(t, compile(t, os))
	logs, _ := filepath.Glob(filepath.Join(dir, "logs", "*"))
	for _, name := range logs {
		for _, line := range lines(t, name) {
			text = append(append(text, line...), '\n')
		}
	}
	t.Logf("%d observables, %d bytes, %d matches", len(os), len(text), sameLiterals(t, l, text))
}

// FuzzLiterals compares over any bytes and over texts of the grammar.
func FuzzLiterals(f *testing.F) {
	r := rand.New(rand.NewPCG(35, 36))
	for range 20 {
		f.Add(randomSeed(r, 60), masks(r))
	}
	c := newChoices(f)
	values := plainValues(c.all)
	f.Fuzz(func(t *testing.T, seed []byte, mask uint64) {
		if len(seed) > 4096 {
			return
		}
		l := literals(t, c.get(t, mask).set)
		sameLiterals(t, l, seed)
		sameLiterals(t, l, (&maker{seed: seed[:min(len(seed), 100)]}).part(values, 400))
	})
}

func BenchmarkLiterals(b *testing.B) {
	data := logText(4 << 20)
	for _, n := range []int{1000, 1000000} {
		s := compile(b, generated(n))
		b.Run("build", func(b *testing.B) {
			b.ReportAllocs()
			var l *Literals
			for b.Loop() {
				l = literals(b, s)
			}
			size := len(l.texts.arena) + 4*len(l.textOf)
			for _, p := range l.texts.ac.sections() {
				size += len(*p)
			}
			b.ReportMetric(float64(size)/float64(n), "B/value")
			b.ReportMetric(float64(len(l.texts.ac.labels))/float64(n), "states/value")
		})
		l := literals(b, s)
		b.Run("scan", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var ms []Match
			for b.Loop() {
				ms = l.Append(ms[:0], data)
			}
			b.ReportMetric(float64(len(ms)), "hits")
		})
	}
}
