package match

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// TestRealList: every value of real lists is found where it stands alone, as
// the feed writes it and in canonical form.
func TestRealList(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million values take some seconds")
	}
	files, err := filepath.Glob(filepath.Join(testdir.Shared(t, "data/indicators/maltrail"), "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[ioc.Observable]string{}
	var os []ioc.Observable
	for _, name := range files {
		for _, line := range lines(t, name) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if o, err := canon.Observable("", line); err == nil && seen[o] == "" {
				seen[o] = line
				os = append(os, o)
			}
		}
	}
	s := compile(t, os)
	t.Logf("%d observables, %v", s.Len(), s.Counts())
	missed := 0
	var ms []Match
	for id, o := range os {
		before := "x "
		if o.Type == ioc.URLPath {
			before = "GET "
		}
		for _, text := range []string{o.Value, seen[o]} {
			if strings.ContainsAny(text, "\\¬") { // expressions, and a sign that names are not written with
				continue
			}
			ms = s.Append(ms[:0], []byte(before+text+" x"))
			found := false
			for _, m := range ms {
				found = found || m.ID == uint32(id)
			}
			if !found && missed < 20 {
				missed++
				t.Errorf("%v written %q is not found", o, text)
			}
		}
	}
}

func lines(t *testing.T, name string) (ls []string) {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Buffer(nil, 1<<20); sc.Scan(); {
		ls = append(ls, sc.Text())
	}
	if err := sc.Err(); err != nil {
		t.Fatal(name, err)
	}
	return ls
}
