package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// indicator is the n-th of the list, always the same: two names, an address and
// a hash in turn.
func indicator(n int) string {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	switch n % 4 {
	case 0:
		return fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), 1+r.IntN(254))
	case 1:
		return fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
	default:
		return fmt.Sprintf("c%x.bad%x.example", r.Uint32(), r.Uint32()&0xffff)
	}
}

// writeList writes the first n indicators.
func writeList(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintln(w, indicator(i))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// writeLog writes about mib MiB of web server log; one line in 100,000 holds one
// of the first 1,000 indicators. It returns how many do.
func writeLog(path string, mib int) (planted int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for n, line := 0, 0; n < mib<<20; line++ {
		host := fmt.Sprintf("www%d.site%d.example.org", r.IntN(10), r.IntN(100_000))
		if line%100_000 == 99_999 {
			host = indicator(r.IntN(1000))
			planted++
		}
		k, _ := fmt.Fprintf(w, "10.%d.%d.%d - - [21/Nov/2026:02:%02d:%02d +0000] \"GET /p/%x?id=%d HTTP/1.1\" 200 %d \"https://%s/\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
			r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(60), r.IntN(60), r.Uint64(), r.IntN(1e6), r.IntN(1e5), host)
		n += k
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return planted, f.Close()
}

// benchScan scans the same log with lists of growing length, the set compiled
// beforehand by the import; grep reads the smaller lists beside it.
func benchScan(o options, dir string) error {
	log := filepath.Join(dir, "access.log")
	planted, err := writeLog(log, o.mib)
	if err != nil {
		return err
	}
	fmt.Printf("scan: %d MiB of log, %d planted hits, one thread\n", o.mib, planted)
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		if err := scanWith(o, dir, log, n); err != nil {
			return err
		}
	}
	return nil
}

func scanWith(o options, dir, log string, n int) error {
	list := filepath.Join(dir, fmt.Sprintf("list-%d.txt", n))
	if err := writeList(list, n); err != nil {
		return err
	}
	env := []string{"IOCHUNT_DATA_DIR=" + filepath.Join(dir, fmt.Sprintf("store-%d", n)), "IOCHUNT_CONFIG=", "HOME=" + dir, "GOMAXPROCS=1"}
	imp, err := child(env, o.bin, "indicators", "import", "-q", list)
	if err != nil {
		return err
	}
	fmt.Printf("  %9d indicators  import      %s\n", n, imp)
	ours, err := child(env, o.bin, "scan", "-q", "--threads", "1", log)
	if err != nil {
		return err
	}
	counted, err := child(env, o.bin, "scan", "-h", "-c", "--threads", "1", log)
	if err != nil {
		return err
	}
	mb := float64(o.mib) * 1.048576
	fmt.Printf("  %9s             iochunt scan %s  %6.0f MB/s CPU  %s records\n", "", ours, mb/ours.cpu.Seconds(), strings.TrimSpace(counted.out))
	return grepWith(list, log, mb, n, ours)
}

// grepWith runs GNU grep -F over the same, where the list is short enough.
func grepWith(list, log string, mb float64, n int, ours measured) error {
	if n > 100_000 {
		fmt.Printf("  %9s             grep -F      not run\n", "")
		return nil
	}
	grep, err := exec.LookPath("grep")
	if err != nil {
		return err
	}
	m, err := child([]string{"LC_ALL=C"}, grep, "-F", "-c", "-f", list, log)
	if err != nil {
		return err
	}
	fmt.Printf("  %9s             grep -F      %s  %6.0f MB/s CPU  %s records (false ones too)  ours is %.1f x\n", "", m,
		mb/m.cpu.Seconds(), strings.TrimSpace(m.out), m.cpu.Seconds()/ours.cpu.Seconds())
	return nil
}
