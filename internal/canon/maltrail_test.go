package canon

import (
	"bufio"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// listLines returns the values of a folder of lists, without their comments.
func listLines(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no lists in %s: %v", dir, err)
	}
	var lines []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			v, _, _ := strings.Cut(strings.ReplaceAll(s.Text(), "\t", " "), " #")
			if v = strings.TrimSpace(v); v != "" && v[0] != '#' {
				lines = append(lines, v)
			}
		}
		f.Close()
	}
	return lines
}

// Real lists are told apart without a declared type, and hardly a line is
// refused. The refused ones are regular expressions, ports that do not exist
// and paths with blanks.
func TestSniffRealLists(t *testing.T) {
	lines := listLines(t, testdir.Shared(t, "data", "indicators", "maltrail"))
	types, refused := map[ioc.Type]int{}, map[string][]string{}
	n, begin := 0, time.Now()
	for _, v := range lines {
		o, err := Observable("", v)
		if err != nil {
			refused[err.Error()] = append(refused[err.Error()], v)
			n++
			continue
		}
		types[o.Type]++
		if again, err := Observable(o.Type, o.Value); err != nil || again != o {
			t.Fatalf("%q is %v, and that %v, %v", v, o, again, err)
		}
	}
	t.Logf("%d lines twice in %v: %v", len(lines), time.Since(begin), types)
	reasons := make([]string, 0, len(refused))
	for r := range refused {
		reasons = append(reasons, r)
	}
	sort.Strings(reasons)
	for _, r := range reasons {
		t.Logf("refused, %s: %d, such as %q", r, len(refused[r]), refused[r][:min(3, len(refused[r]))])
	}
	if n*1000 > len(lines) {
		t.Errorf("%d of %d lines are refused", n, len(lines))
	}
}

// Reports as people write them are read without a crash, and something is found
// in each.
func TestExtractRealReports(t *testing.T) {
	dir := testdir.Shared(t, "data", "indicators", "unit42")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range files {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		types := map[ioc.Type]int{}
		for _, x := range Extract(string(text)) {
			types[x.Type]++
		}
		t.Logf("%s: %v", e.Name(), types)
		if len(types) == 0 {
			t.Errorf("%s: nothing found", e.Name())
		}
	}
}
