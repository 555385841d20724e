package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

func TestSizes(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var s sizes
		if err := s.Set(in); err != nil {
			if want != "" {
				t.Errorf("%q: %v", in, err)
			}
			return
		}
		if got := s.String(); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	f("1000", "1k")
	f("1k,10k,1M,5000000", "1k,10k,1M,5M")
	f("1500,12", "1500,12")
	f("", "")
	f("0", "")
	f("-1k", "")
	f("1kk", "")
	f("ten", "")
}

func TestParsePhases(t *testing.T) {
	start, scanned, err := parsePhases("some warning\nsetup 0.5 0.75 scan 1.25 2\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []took{{750 * time.Millisecond, 500 * time.Millisecond}, {2 * time.Second, 1250 * time.Millisecond}}
	if diff := cmp.Diff(want, []took{start, scanned}, cmp.AllowUnexported(took{})); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "setup 1 2 scan 3", "killed"} {
		if _, _, err := parsePhases(bad); err == nil {
			t.Errorf("%q is no phases", bad)
		}
	}
}

// TestReadOffsets turns offsets into lines, each once, in blocks as in one piece.
func TestReadOffsets(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 300<<10)
	text := "one\ntwo\n" + long + "\nfour\n"
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := "/far/a.log:4:two\na.log:0\na.log:6\na.log:300000:x\na.log:307209:four\n"
	got, err := readOffsets(strings.NewReader(in), dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []corpus.Reported
	for n := 1; n <= 4; n++ {
		want = append(want, corpus.Reported{Place: corpus.Place{File: "a.log", Line: n}})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"nothing\n", "a.log:x:y\n", "a.log:99999999\n", "b.log:0\n"} {
		if _, err := readOffsets(strings.NewReader(bad), dir); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestReadHits(t *testing.T) {
	got, err := readHits(strings.NewReader(`{"kind":"hit","path":"/far/a.log","line":7,"value":"evil.example"}
{"kind":"summary","hits":1}
`), "")
	want := []corpus.Reported{{Place: corpus.Place{File: "a.log", Line: 7}, Value: "evil.example"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := readHits(strings.NewReader(`{"kind":"hit"`), ""); err == nil {
		t.Error("half a hit was taken")
	}
}

// TestCells prints what was measured, and why a row was not.
func TestCells(t *testing.T) {
	trial := func(name string) *trial { return &trial{tool: &tool{name: name}, base: &base{rounds: 3}, n: 1000} }
	r := &row{
		trial: trial("fast"), in: input{bytes: 100e6}, partial: true, once: true, rss: 5e6,
		start: took{cpu: 2 * time.Millisecond}, whole: took{cpu: 102 * time.Millisecond}, scanned: took{cpu: 100 * time.Millisecond, wall: 200 * time.Millisecond},
		score: corpus.Score{Found: 7, Missed: 1, Traps: 2, Stray: 3, Wrong: 1},
	}
	r.in.logs.mib = 32
	f := func(r *row, want string) {
		t.Helper()
		if got := strings.Join(r.cells(500, 2000), "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if len(r.cells(0, 0)) != len(columns)-1 {
			t.Errorf("%d cells for %d columns", len(r.cells(0, 0)), len(columns)-1)
		}
	}
	f(r, "fast|-|0.002|5|1000|500|980|7|1|5|2.00|0.50|on 32 MiB, 1 round, 1 by another indicator")
	f(&row{trial: trial("absent"), err: cannot("no such package")}, "absent||||||||||||not run: no such package")
	f(&row{trial: trial("slow"), err: errLimit}, "slow||||||||||||not measured: over the limit")
	r.failed(errLimit, 1)
	f(r, "fast|-|0.002|5|1000|500|980|7|1|5|2.00|0.50|on 32 MiB, then over the limit, 1 by another indicator")
}

func TestHasEngine(t *testing.T) {
	help := "  -e, --value string   look for auto\n      --engine string   how to search: auto, avx2, portable (default \"auto\")\n"
	for name, want := range map[string]bool{"avx2": true, "portable": true, "auto": true, "ac": false, "string": true} {
		if hasEngine(help, name) != want {
			t.Errorf("engine %s: want %v", name, want)
		}
	}
	if hasEngine("no such flag", "auto") {
		t.Error("an engine where there is no flag")
	}
}

// TestChild measures a child, tells its code, and stops it at its limit.
func TestChild(t *testing.T) {
	sh := func(script string, limit time.Duration) (measured, error) {
		return must(t.Context(), command{argv: []string{"sh", "-c", script}, limit: limit}, 1)
	}
	if m, err := sh("echo out; echo why >&2; exit 1", 0); err != nil || m.out != "out\n" || m.code != 1 || m.wall <= 0 || m.rss <= 0 {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := sh("echo why >&2; exit 2", 0); err == nil || err.Error() != "exit 2: why" {
		t.Errorf("exit 2: error %v", err)
	}
	if _, err := sh("kill -9 $$", 0); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("killed: error %v", err)
	}
	if _, err := sh("exec sleep 60", 20*time.Millisecond); !errors.Is(err, errLimit) {
		t.Errorf("limit: error %v", err)
	}
	if _, err := must(t.Context(), command{argv: []string{filepath.Join(t.TempDir(), "absent")}}); err == nil {
		t.Error("what is not there was run")
	}
}

// TestGates lists a name below the ends of all names of a text, and no name itself.
func TestGates(t *testing.T) {
	dir := t.TempDir()
	list, log, to := filepath.Join(dir, "list"), filepath.Join(dir, "log"), filepath.Join(dir, "to")
	for path, text := range map[string]string{list: "evil.example\n", log: "GET https://www.a.example/b.min.js 10.1.2.3\nx@b.test a.. .c\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := runGates(context.Background(), []string{"-from", list, "-to", to, log}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	want := "evil.example\ndomain:never-seen-here.a.example\ndomain:never-seen-here.b.test\ndomain:never-seen-here.min.js\n"
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestWriteHostile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	f := func(pattern string, size, line int, want string) {
		t.Helper()
		if err := writeHostile(path, pattern, size, line); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	f("ab", 7, 0, "abababa")
	f("ab", 9, 4, "aba\naba\na")
}
