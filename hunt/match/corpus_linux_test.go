package match

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// BenchmarkCorpus searches the generated logs of `scripts/bench` for its lists,
// with each engine and format by itself. IOCHUNT_BENCH_DATA names their folder.
func BenchmarkCorpus(b *testing.B) {
	dir := os.Getenv("IOCHUNT_BENCH_DATA")
	if dir == "" {
		b.Skip("IOCHUNT_BENCH_DATA does not name the folder of the generated logs (scripts/bench match makes them)")
	}
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Compile(listed(b, filepath.Join(dir, "ioc", fmt.Sprintf("ioc-%d.tsv", n))))
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range []string{"auto", "portable", "scalar"} {
				x, err := s.Engine(e)
				if err != nil {
					b.Fatal(err)
				}
				b.Run(e, func(b *testing.B) { benchFiles(b, x, dir) })
			}
		})
	}
}

// benchFiles searches the files in chunks, as a scan does.
func benchFiles(b *testing.B, x Searcher, dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, cmp.Or(os.Getenv("IOCHUNT_BENCH_LOGS"), "small"), "*.[lj]*"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		data = data[:bytes.LastIndexByte(data[:min(len(data), 8<<20)], '\n')+1]
		b.Run(filepath.Base(name), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var ms []Match
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began, n := threadTime(b), 0
			for b.Loop() {
				n += len(data)
				for rest := data; len(rest) > 0; {
					cut := len(rest)
					if cut > 256<<10 {
						cut = bytes.LastIndexByte(rest[:256<<10], '\n') + 1
					}
					ms = x.Append(ms[:0], rest[:cut])
					rest = rest[cut:]
				}
			}
			b.ReportMetric(float64(n)/(threadTime(b)-began).Seconds()/1e6, "cpuMB/s")
		})
	}
}

// threadTime returns the processor's time that the thread has had, which tells more
// than the clock where other work runs beside it.
func threadTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// listed reads a list of types and values.
func listed(b *testing.B, path string) iter.Seq[ioc.Observable] {
	return func(yield func(ioc.Observable) bool) {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			typ, value, _ := strings.Cut(sc.Text(), "\t")
			switch typ { // as the generator calls them
			case "hostname":
				typ = string(ioc.Domain)
			case "ipv4":
				typ = string(ioc.IP)
			}
			if o, err := canon.Observable(ioc.Type(typ), value); err == nil && !yield(o) {
				return
			}
		}
	}
}
