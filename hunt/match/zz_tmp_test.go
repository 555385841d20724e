package match

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

func TestZZ(t *testing.T) {
	for _, n := range []string{"1000", "100000", "1000000", "5000000"} {
		f, _ := os.Open("/tmp/mb/ioc/ioc-" + n + ".tsv")
		sc := bufio.NewScanner(f)
		var list []ioc.Observable
		for sc.Scan() {
			typ, v, _ := strings.Cut(sc.Text(), "\t")
			switch typ {
			case "hostname":
				typ = "domain"
			case "ipv4":
				typ = "ip"
			}
			o, err := canon.Observable(ioc.Type(typ), v)
			if err != nil {
				t.Log(typ, v, err)
				continue
			}
			list = append(list, o)
		}
		c0 := cpu()
		s := compile(t, list)
		t1 := cpu() - c0
		path := filepath.Join(t.TempDir(), "x")
		w0 := time.Now()
		if err := s.Save(path, 1); err != nil {
			t.Fatal(err)
		}
		sv := time.Since(w0)
		fi, _ := os.Stat(path)
		w0 = time.Now()
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		op := time.Since(w0)
		out, _ := os.Create("/tmp/mb/hits-" + n)
		total, spent := 0, 0.0
		logs, _ := filepath.Glob("/tmp/mb/logs/*.*")
		for _, l := range logs {
			if strings.HasSuffix(l, ".tsv") {
				continue
			}
			data, _ := os.ReadFile(l)
			c0 = cpu()
			var ms []Match
			var all []Match
			var base []int
			for off := 0; off < len(data); {
				end := min(off+512<<10, len(data))
				if k := bytes.IndexByte(data[end:], '\n'); k >= 0 {
					end += k + 1
				} else {
					end = len(data)
				}
				ms = s.Append(ms[:0], data[off:end])
				for _, m := range ms {
					all = append(all, m)
					base = append(base, off)
				}
				off = end
			}
			d := cpu() - c0
			spent += d
			total += len(data)
			fmt.Printf("  %s %s %.0f MB/s %d hits\n", n, filepath.Base(l), float64(len(data))/1e6/d, len(all))
			for i, m := range all {
				fmt.Fprintf(out, "%s:%d:%s %s\n", filepath.Base(l), 1+bytes.Count(data[:base[i]+m.Start], []byte("\n")), data[base[i]+m.Start:base[i]+m.End], m.Rule)
			}
		}
		fmt.Printf("%s: compile %.2fs save %v size %d MB open %v scan %.0f MB/s\n", n, t1, sv, fi.Size()>>20, op, float64(total)/1e6/spent)
	}
}
