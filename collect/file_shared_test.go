package collect_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// counter is a store that only counts: memberships as a store would, by files.
type counter struct {
	seen    map[ioc.Observable]bool
	read    map[string]int
	news    map[string]int
	refused map[string]map[string]int
	names   map[string]string
	peak    uint64
}

func newCounter() *counter {
	return &counter{seen: make(map[ioc.Observable]bool), read: make(map[string]int), news: make(map[string]int),
		refused: make(map[string]map[string]int), names: make(map[string]string)}
}

func (c *counter) Cursor(context.Context, string) (ioc.Cursor, error) { return "", nil }

func (c *counter) PutBatch(_ context.Context, _ string, b ioc.Batch) (ioc.Changes, error) {
	var ch ioc.Changes
	for _, r := range b.Reports {
		c.names[r.ID] = r.Name
	}
	for _, m := range b.Members {
		c.read[m.Report]++
		ch.New++
		if !c.seen[m.Observable] {
			c.seen[m.Observable] = true
			c.news[m.Report]++
			ch.Observables++
		}
	}
	for _, r := range b.Refused {
		c.read[r.Report]++
		if c.refused[r.Report] == nil {
			c.refused[r.Report] = make(map[string]int)
		}
		c.refused[r.Report][r.Reason]++
		ch.Refused++
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.peak = max(c.peak, m.HeapInuse+m.StackInuse)
	return ch, nil
}

// log prints, of each file, what was read, new to the store, and refused.
func (c *counter) log(t *testing.T) {
	ids := make([]string, 0, len(c.names))
	for id := range c.names {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var b strings.Builder
	fmt.Fprintf(&b, "%-50s %7s %7s  %s\n", "file", "read", "new", "refused")
	for _, id := range ids {
		var why []string
		for reason, n := range c.refused[id] {
			why = append(why, fmt.Sprintf("%d %s", n, reason))
		}
		slices.Sort(why)
		fmt.Fprintf(&b, "%-50.50s %7d %7d  %s\n", id, c.read[id], c.news[id], strings.Join(why, "; "))
	}
	t.Log("\n" + b.String())
}

// Every public file can be read, and what is refused has a reason.
func TestPublicFiles(t *testing.T) {
	f := func(path string, files, atLeast, refusedAtMost int) {
		t.Helper()
		c := newCounter()
		r, err := collect.Run(t.Context(), "x", newFile(t, settings{"path": testdir.Shared(t, path)}, nil), c, collect.RunOptions{Prepare: canonical})
		if err != nil || r.Outcome() != collect.OK || r.Reports != files {
			t.Errorf("%s: %v, %s, %d files: %v", path, err, r.Outcome(), r.Reports, r.Skipped)
		}
		if r.Changes.New < atLeast || r.RefusedTotal() > refusedAtMost {
			t.Errorf("%s: %d members, %d refused", path, r.Changes.New, r.RefusedTotal())
		}
		if n := r.Changes.New + r.Duplicates + r.RefusedTotal(); n != r.Fetched {
			t.Errorf("%s: %d fetched, but %d accounted for", path, r.Fetched, n)
		}
		c.log(t)
		t.Logf("%s: fetched %d, members %d, distinct %d, duplicates %d, refused %v, in %v, heap at most %d MB",
			path, r.Fetched, r.Changes.New, r.Changes.Observables, r.Duplicates, r.Refused, r.Took.Round(time.Millisecond), c.peak>>20)
		for reason, examples := range r.RefusedExamples {
			for _, e := range examples {
				t.Logf("  %s: %s %s: %.80q", reason, e.Report, e.Place, e.Value)
			}
		}
	}
	f("data/indicators/unit42", 12, 1850, 30)
	f("data/misp", 4, 575, 260)
	f("data/indicators/maltrail", 1142, 600_000, 100)
}

// Each line of maltrail's lists that is no comment is a value or a refusal.
func TestPublicListsAreComplete(t *testing.T) {
	dir := testdir.Shared(t, "data/indicators/maltrail")
	r, err := collect.Run(t.Context(), "x", newFile(t, settings{"path": dir}, nil), newCounter(), collect.RunOptions{Prepare: canonical})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
			if l := strings.TrimSpace(sc.Text()); l != "" && l[0] != '#' {
				lines++
			}
		}
	}
	t.Logf("%d lines, %d values", lines, r.Fetched)
	if r.Fetched != lines {
		t.Errorf("%d lines that are no comment, %d values", lines, r.Fetched)
	}
}
