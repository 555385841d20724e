package logfmt

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/testdir"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ref is the last change of the sample logs.
var ref = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// golden compares got with the file and, with -update, writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got; go test -update writes it):\n%s", path, d)
	}
}

// samples returns the lines of testdata by the name of the format that they
// are of, "none" for lines of none.
func samples(t testing.TB) map[string][][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.log")
	if err != nil || len(paths) == 0 {
		t.Fatal("no samples", err)
	}
	m := make(map[string][][]byte)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		m[strings.TrimSuffix(filepath.Base(p), ".log")] = bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	}
	return m
}

func describe(format string, line []byte, r *Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  format=%s time=%s host=%q id=%q\n", line, format, r.Time.Format(time.RFC3339Nano), r.Host, r.ID)
	if way := r.Direction(0, 0); way != "" || r.Outcome != "" {
		fmt.Fprintf(&b, "  event: %s\n", strings.TrimSpace(way+" "+r.Outcome))
	}
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "  %s=[%s]\n", f.Name, line[f.Start:f.End])
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, lines := range samples(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := Record{Ref: ref}
			for _, l := range lines {
				out.WriteString(describe(Detect(l, &r), l, &r))
			}
			golden(t, filepath.Join("testdata", name+".golden"), out.Bytes())
		})
	}
}

// TestNoFormatSteals holds every sample against every format: its own claims
// it, the others, but for the fallback, refuse it.
func TestNoFormatSteals(t *testing.T) {
	all := samples(t)
	for _, f := range formats {
		if len(all[f.name]) == 0 {
			t.Errorf("format %s has no testdata/%s.log", f.name, f.name)
		}
		for owner, lines := range all {
			for _, l := range lines {
				got := f.parse(l, &Record{Ref: ref})
				if want := f.name == owner; got != want && (f.name != fallback || want || owner == "none") {
					t.Errorf("%s says %v of a line of %s: %s", f.name, got, owner, l)
				}
			}
		}
	}
}

func TestTimes(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	f := func(line string, ref time.Time, want string) {
		t.Helper()
		r := Record{Ref: ref}
		Detect([]byte(line), &r)
		got := ""
		if !r.Time.IsZero() {
			got = r.Time.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s with ref %s: got %s, want %s", line, ref, got, want)
		}
	}
	// without a year
	f("Nov 21 02:04:11 h a: m", ref, "2026-11-21T02:04:11Z")
	f("Nov 22 12:00:00 h a: m", ref, "2026-11-22T12:00:00Z")
	f("Nov 22 12:00:01 h a: m", ref, "2025-11-22T12:00:01Z")
	f("Jan  1 00:00:01 h a: m", time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC), "2027-01-01T00:00:01Z")
	f("Dec 31 23:59:59 h a: m", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "2025-12-31T23:59:59Z")
	f("Feb 29 12:00:00 h a: m", ref, "2024-02-29T12:00:00Z")
	f("Feb 29 12:00:00 h a: m", time.Date(2103, 6, 1, 0, 0, 0, 0, time.UTC), "2096-02-29T12:00:00Z")
	f("Nov 31 12:00:00 h a: m", ref, "")
	f("Nov 21 02:04:11 h a: m", time.Time{}, "")
	// without a zone
	f("2026-11-21 02:04:11 m", ref.In(cet), "2026-11-21T01:04:11Z")
	f("2026-11-21 02:04:11 m", time.Time{}, "2026-11-21T02:04:11Z")
	f("2026-11-21 02:04:11Z m", ref.In(cet), "2026-11-21T02:04:11Z")
	f("Nov 22 12:30:00 h a: m", ref.In(cet), "2026-11-22T11:30:00Z")
	// with one
	f("2026-11-21T02:04:11+05:30 m", ref, "2026-11-20T20:34:11Z")
	f("2026-11-21T02:04:11-08 m", ref, "2026-11-21T10:04:11Z")
	f("2026-11-21 02:04:11 -2931 m", ref, "2026-11-21T02:04:11Z")
	f("2026-11-21 02:04:11.1234567890123 m", ref, "2026-11-21T02:04:11.123456789Z")
	f("2026-11-21 12:04:11 AM m", ref, "2026-11-21T00:04:11Z")
	f("2016-12-31T23:59:60Z m", ref, "2017-01-01T00:00:00Z")
	f("1795226651000000000 ns", ref, "2026-11-21T02:04:11Z")
	f("4102444800 the year 2100", ref, "")
}

func TestCRLFIsNoContent(t *testing.T) {
	r := Record{Ref: ref}
	line := []byte("Nov 21 02:04:11 web1 app: evil.example\r\n")
	if f := Detect(line, &r); f != "syslog" {
		t.Fatal(f)
	}
	if last := r.Fields[len(r.Fields)-1]; string(line[last.Start:last.End]) != "evil.example" {
		t.Errorf("message %q", line[last.Start:last.End])
	}
}

func TestFieldAt(t *testing.T) {
	r := Record{Fields: []Field{{"message", 0, 50}, {"source.ip", 10, 20}, {"user.name", 30, 40}}}
	f := func(start, end int, want string) {
		t.Helper()
		if got := r.FieldAt(start, end); got != want {
			t.Errorf("FieldAt(%d, %d) = %q, want %q", start, end, got, want)
		}
	}
	f(10, 20, "source.ip")
	f(12, 15, "source.ip")
	f(8, 12, "message")
	f(45, 60, "")
}

// TestHostileJSON is about lines that grow when they are read.
func TestHostileJSON(t *testing.T) {
	f := func(name, line string) {
		t.Helper()
		r := Record{Ref: ref}
		format := Detect([]byte(line), &r)
		var names int
		for _, fl := range r.Fields {
			names += len(fl.Name)
		}
		if format != "json" || len(r.Fields) > maxFields || names > maxFields*maxName {
			t.Errorf("%s: %q, %d fields, %d bytes of names", name, format, len(r.Fields), names)
		}
	}
	f("deep", strings.Repeat(`{"a":`, 1_000_000))
	f("deep arrays", `{"a":`+strings.Repeat(`[`, 1_000_000))
	f("long names", `{"`+strings.Repeat("k", 100_000)+`":{"b":"`+strings.Repeat(`","b":"`, 100_000))
	f("many values", `{"a":[`+strings.Repeat(`"x",`, 1_000_000)+`"x"]}`)
}

// TestRealLogs reads logs of nine systems as their owners published them.
func TestRealLogs(t *testing.T) {
	dir := testdir.Shared(t, "data", "logs")
	paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no logs in %s: %v", dir, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
		timed, formats := 0, map[string]int{}
		for _, l := range lines {
			r := Record{Ref: ref}
			formats[Detect(l, &r)]++
			if !r.Time.IsZero() {
				timed++
			}
		}
		share := 100 * float64(timed) / float64(len(lines))
		t.Logf("%-22s %5d lines, %6.2f %% with a time, %v", filepath.Base(p), len(lines), share, formats)
		if share < 95 {
			t.Errorf("%s: only %.2f %% of the lines have a time", p, share)
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, lines := range samples(f) {
		for _, l := range lines {
			f.Add(l)
		}
	}
	for _, words := range blocking {
		f.Add([]byte("Nov 21 02:04:11 web1 sshd[1]: " + words))
		f.Add([]byte(words))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		r := Record{Ref: ref}
		for _, p := range formats {
			if r := (Record{Ref: ref}); !p.parse(line, &r) && !r.touched() && r.event != (event{}) {
				t.Fatalf("%s refuses the line and leaves %+v", p.name, r.event)
			}
		}
		format := Detect(line, &r)
		if !bytes.Equal(before, line) {
			t.Fatal("the line was written to")
		}
		if format == "" && (len(r.Fields) > 0 || !r.Time.IsZero()) {
			t.Fatalf("no format, yet %+v", r)
		}
		if !r.Time.IsZero() && (r.Time.Year() < minYear-1 || r.Time.Year() > maxYear+1 || r.Time.Location() != time.UTC) {
			t.Fatalf("time %v", r.Time)
		}
		if format == "" && r.Outcome != "" || r.Outcome != "" && r.Outcome != allowed && r.Outcome != blocked {
			t.Fatalf("outcome %q of format %q", r.Outcome, format)
		}
		for _, fl := range r.Fields {
			switch r.Direction(fl.Start, fl.End) {
			case "", inbound, outbound, internal:
			default:
				t.Fatalf("direction %q", r.Direction(fl.Start, fl.End))
			}
			if fl.Start < 0 || fl.Start >= fl.End || fl.End > len(line) || fl.Name == "" {
				t.Fatalf("field %+v of a line of %d bytes", fl, len(line))
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	for name, lines := range samples(b) {
		b.Run(name, func(b *testing.B) {
			r := Record{Ref: ref}
			size := 0
			for _, l := range lines {
				size += len(l)
			}
			b.SetBytes(int64(size) / int64(len(lines)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				Detect(lines[i%len(lines)], &r)
			}
		})
	}
}
