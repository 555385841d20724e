package elastic

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// TestLoad loads a list of as many indicators as IOCHUNT_LOAD says into an empty
// store, in batches as collectors send them, and tells how fast that was and the
// most memory that the program had.
func TestLoad(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("IOCHUNT_LOAD"))
	if err != nil {
		t.Skip("IOCHUNT_LOAD does not say how many indicators are to be loaded")
	}
	const batch, most = 10_000, 300
	estest.Each(t, func(t *testing.T, node estest.Node) {
		s := newStore(t, node, node.Client(t))
		for _, revision := range []string{"1", "2"} {
			began := time.Now()
			for at := 0; at < n; at += batch {
				if _, err := s.PutBatch(t.Context(), "list", loadBatch(at, batch, n, revision)); err != nil {
					t.Fatal(err)
				}
			}
			took := time.Since(began)
			t.Logf("revision %s: %d indicators in %v, %.0f/s; peak memory %.0f MB", revision, n, took, float64(n)/took.Seconds(), peakMB())
		}
		began, count := time.Now(), 0
		for _, err := range s.Observables(t.Context(), ioc.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		t.Logf("read %d observables in %v", count, time.Since(began))
		if mb := peakMB(); count != n || mb > most {
			t.Errorf("%d observables, %.0f MB, want %d, and less than %d MB", count, mb, n, most)
		}
	})
}

func loadBatch(at, batch, n int, revision string) ioc.Batch {
	l := ioc.ReportList{Report: ioc.Report{ID: "list", Name: "list", Author: "me", Tags: []string{"c2"}}, Revision: revision, Start: at == 0, Last: at+batch >= n}
	ms := make([]ioc.Member, min(batch, n-at))
	for i := range ms {
		ms[i] = ioc.Member{Report: "list", Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("host-%d.evil.example", at+i)}}
	}
	return ioc.Batch{Reports: []ioc.ReportList{l}, Members: ms, Next: ioc.Cursor(strconv.Itoa(at))}
}

// peakMB is the most memory that the process ever had, where the system tells.
func peakMB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			return kb / 1000
		}
	}
	return 0
}
