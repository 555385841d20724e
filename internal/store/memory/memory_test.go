package memory

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return New() })
}

// BenchmarkLoad loads a list of a million names, as scan -f does.
func BenchmarkLoad(b *testing.B) {
	const n, batch = 1_000_000, 5000
	b.ReportAllocs()
	for b.Loop() {
		s := New()
		for at := 0; at < n; at += batch {
			l := ioc.ReportList{Report: ioc.Report{ID: "list"}, Start: at == 0, Last: at+batch == n}
			ms := make([]ioc.Member, batch)
			for i := range ms {
				ms[i] = ioc.Member{Report: "list", Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("host-%d.evil.example", at+i)}}
			}
			if _, err := s.PutBatch(b.Context(), "list", ioc.Batch{Reports: []ioc.ReportList{l}, Members: ms}); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB")
		count := 0
		for range s.Observables(b.Context(), ioc.Filter{}) {
			count++
		}
		if count != n {
			b.Fatal(count)
		}
	}
}
