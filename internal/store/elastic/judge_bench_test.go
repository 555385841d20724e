package elastic

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/mappings"
)

// benchNode is the Elasticsearch of the environment.
func benchNode(b *testing.B) estest.Node {
	u := os.Getenv("IOCHUNT_ES_URL")
	if u == "" {
		b.Skip("no elasticsearch: set IOCHUNT_ES_URL")
	}
	return estest.Node{URL: u, Flavor: es.Elasticsearch}
}

// benchStore opens an empty store, and leaves nothing of it.
func benchStore(b *testing.B, n estest.Node) *Store {
	prefix, c := n.Prefix(b), n.Client(b)
	b.Cleanup(func() {
		for _, name := range mappings.Names() {
			_ = c.Do(context.Background(), es.Request{Method: "DELETE", Path: "/_index_template/" + prefix + name, Ask: true}, nil)
		}
	})
	return openAt(b, n, c, prefix)
}

// BenchmarkPutHits is what keeping a hit costs: ns/op is of one hit.
func BenchmarkPutHits(b *testing.B) {
	n := benchNode(b)
	s := benchStore(b, n)
	const batch = 1024
	hits := make([]ioc.Hit, batch)
	f := func(again bool) func(b *testing.B) {
		next := 0
		return func(b *testing.B) {
			for done := 0; done < b.N; done += batch {
				for i := range hits {
					hits[i] = plainHit(next + i)
				}
				if !again {
					next += batch
				}
				if _, err := s.PutHits(b.Context(), hits); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("new", f(false))
	b.Run("again", f(true))
}

// BenchmarkJudge is what a pass costs: ns/op is of one observable.
func BenchmarkJudge(b *testing.B) {
	n := benchNode(b)
	s := benchStore(b, n)
	const many = 100_000
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("h%d.evil.example", i)
	}
	putBatch(b, s, "a", wholeReport("r", names...))
	judgeBy(b, s, "0", disarming())
	rules, off := 0, false
	pass := func(b *testing.B, judge ioc.Judge) {
		for done := 0; done < b.N; done += many {
			rules++
			judgeBy(b, s, fmt.Sprint("rules ", rules), judge)
		}
	}
	b.Run("same", func(b *testing.B) { pass(b, disarming()) })
	b.Run("hundredth", func(b *testing.B) {
		off = !off
		pass(b, func(o ioc.Observable, _ ioc.Facts) ioc.Arming {
			return ioc.Arming{Disarmed: off && strings.HasSuffix(o.Value, "00.evil.example")}
		})
	})
	b.Run("all", func(b *testing.B) {
		off = !off
		pass(b, func(ioc.Observable, ioc.Facts) ioc.Arming { return ioc.Arming{Disarmed: off} })
	})
}
