package files

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

var planted = []ioc.Observable{{Type: ioc.Domain, Value: "bad.example"}, {Type: ioc.IP, Value: "192.0.2.7"}}

// claimed says of everything that it is bad.
type claimed struct{ hunt.Indicators }

func (claimed) Lookup(_ context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	return []ioc.Indicator{{Observable: o, Feed: "test"}}, nil
}

// gathered keeps all hits.
type gathered struct{ hits []ioc.Hit }

func (g *gathered) Close() error { return nil }
func (g *gathered) Emit(_ context.Context, hits []ioc.Hit) error {
	for _, h := range hits {
		h.Record = bytes.Clone(h.Record)
		g.hits = append(g.hits, h)
	}
	return nil
}

func plantedSet(t testing.TB) *match.Set {
	t.Helper()
	set, err := match.Compile(slices.Values(planted))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// scanned is what a scan of one file says.
func scanned(t *testing.T, set *match.Set, name string, opts Options, o hunt.ScanOptions) ([]ioc.Hit, hunt.Summary) {
	t.Helper()
	var out gathered
	o.Now = func() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }
	sum, err := hunt.Scan(t.Context(), Walk(opts, nil, name), set, claimed{}, &out, o)
	if err != nil {
		t.Fatal(err)
	}
	sum.Took = 0
	return out.hits, sum
}

func written(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "big.log")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name, when, when); err != nil {
		t.Fatal(err)
	}
	return name
}

// sameInParts holds what several workers say of a file in parts against what
// one says of it as a whole.
func sameInParts(t *testing.T, content string, partSize int64, opts Options, workers int) {
	t.Helper()
	set, name := plantedSet(t), written(t, content)
	want, wantSum := scanned(t, set, name, opts, hunt.ScanOptions{Workers: 1})
	opts.partSize = partSize
	got, sum := scanned(t, set, name, opts, hunt.ScanOptions{Workers: workers})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parts of %d bytes: %s", partSize, diff)
	}
	if diff := cmp.Diff(wantSum, sum); diff != "" {
		t.Errorf("parts of %d bytes: %s", partSize, diff)
	}
}

func TestPartsAreTheWhole(t *testing.T) {
	f := func(content string) {
		t.Helper()
		for _, opts := range []Options{{}, {buffer: 64, overlap: 32}} {
			for _, size := range []int64{1, 2, 3, 7, 30, 64, 100, 1000} {
				for _, workers := range []int{2, 5} {
					sameInParts(t, content, size, opts, workers)
				}
			}
		}
	}
	line := "Nov 20 02:04:11 gate sshd[1]: from 192.0.2.7 to bad.example\n"
	f("")
	f("\n\n\n")
	f("bad.example")
	f(strings.Repeat(line, 20))
	f(strings.Repeat(line, 9) + "no end: 192.0.2.7")
	f(strings.ReplaceAll(strings.Repeat(line+"\n", 9), "\n", "\r\n"))
	f("\xEF\xBB\xBF" + strings.Repeat(line, 5))
	f(line + strings.Repeat("x ", 300) + "bad.example" + strings.Repeat(" y", 300) + " 192.0.2.7\n" + line)
	f(strings.Repeat("-", 500) + "\nbad.example\n\xFF\xFE 192.0.2.7\n\x1F\x8B\x08 bad.example\n" + line)
	f(strings.Repeat("bad.example ", 100)) // one line, no end
}

func FuzzParts(f *testing.F) {
	f.Add("bad.example\r\n192.0.2.7 x\n\nbad.example", uint8(3), uint8(0))
	f.Add("a\n"+strings.Repeat("bad.example ", 20)+"\nb", uint8(40), uint8(64))
	f.Fuzz(func(t *testing.T, content string, size, buffer uint8) {
		opts := Options{}
		if buffer >= 48 {
			opts.buffer, opts.overlap = int(buffer), 32
		}
		sameInParts(t, content, int64(size)+1, opts, 3)
	})
}

// TestWhatHasNoParts: what is not text as it stands is read in one go, and so
// is a file that the reading of may end early.
func TestWhatHasNoParts(t *testing.T) {
	f := func(content string, opts Options, parts bool) {
		t.Helper()
		name := written(t, content)
		opts.partSize = 8
		for log := range Walk(opts, nil, name) {
			cut := log.(hunt.Parted).Parts(t.Context())
			if len(cut) > 0 != parts {
				t.Errorf("%.10q: %d parts", content, len(cut))
			}
			for _, p := range cut {
				if _, err := restOf(t, p); err != nil {
					t.Error(err)
				}
			}
			if len(cut) == 0 {
				_, _ = restOf(t, log) // closes it
			}
		}
	}
	text := strings.Repeat("some text\n", 9)
	f(text, Options{}, true)
	f("short\n", Options{}, false)
	f("\x1F\x8B\x08"+text, Options{}, false)
	f("\x1F\x8B\x08"+text, Options{NoDecompress: true}, true)
	f("PK\x03\x04"+text, Options{}, false)
	f("\xFF\xFEt\x00"+text, Options{}, false)
	f("\xFE\xFF\x00t"+text, Options{NoDecompress: true}, false)
}

// restOf reads a log to its end.
func restOf(t *testing.T, log hunt.Log) (string, error) {
	var all strings.Builder
	for c, err := range log.Chunks(t.Context()) {
		if err != nil {
			return all.String(), err
		}
		all.Write(c.Data[c.Lead : len(c.Data)-c.Tail])
	}
	return all.String(), nil
}

// TestPartsOfAFileThatChanges: what is appended is read, what was cut off is
// said once.
func TestPartsOfAFileThatChanges(t *testing.T) {
	line := "from 192.0.2.7\n"
	cutTo := func(n int) (string, []error) {
		t.Helper()
		name := written(t, strings.Repeat(line, 20))
		var all string
		var errs []error
		for log := range Walk(Options{partSize: 50}, nil, name) {
			parts := log.(hunt.Parted).Parts(t.Context())
			if n > 20 {
				file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprint(file, strings.Repeat(line, n-20))
				file.Close()
			} else if err := os.Truncate(name, int64(n*len(line))); err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				got, err := restOf(t, p)
				all += got
				if err != nil {
					errs = append(errs, err)
				}
			}
		}
		return all, errs
	}
	f := func(n int, failing int) {
		t.Helper()
		got, errs := cutTo(n)
		if got != strings.Repeat(line, n) || len(errs) != failing {
			t.Errorf("%d lines: %d bytes, %v", n, len(got), errs)
		}
		for _, err := range errs {
			if err != errShrunk {
				t.Error(err)
			}
		}
	}
	f(20, 0)
	f(25, 0)
	f(12, 3) // of the six parts of 300 bytes, those behind 180
	f(0, 6)
}

// TestReadingMakesNoGarbage: reading ten times as much allocates no more.
func TestReadingMakesNoGarbage(t *testing.T) {
	cost := func(lines int) float64 {
		name := written(t, strings.Repeat("Nov 20 02:04:11 gate app: nothing of note\n", lines))
		return testing.AllocsPerRun(10, func() {
			for log := range Walk(Options{}, nil, name) {
				for _, err := range log.Chunks(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
	if few, many := cost(10_000), cost(100_000); many > few+2 {
		t.Errorf("%v allocations for ten times what takes %v", many, few)
	}
}
