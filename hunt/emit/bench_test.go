package emit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// chunkLog is a log of the same chunk over and over.
type chunkLog struct {
	data []byte
	n    int
}

func (l chunkLog) Name() string               { return "/var/log/big.log" }
func (l chunkLog) ModTime() (time.Time, bool) { return time.Unix(1795000000, 0), true }
func (l chunkLog) Chunks(context.Context) iter.Seq2[hunt.Chunk, error] {
	return func(yield func(hunt.Chunk, error) bool) {
		for i := range l.n {
			if !yield(hunt.Chunk{Data: l.data, Offset: int64(i * len(l.data))}, nil) {
				return
			}
		}
	}
}

// known is a matcher that knows what stands in the chunk.
type known struct {
	*match.Set
	matches []match.Match
}

func (k known) Append(dst []match.Match, _ []byte) []match.Match { return append(dst, k.matches...) }

type oneFeed struct{ hunt.Indicators }

func (oneFeed) Lookup(_ context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	day := time.Unix(1794000000, 0).UTC()
	return []ioc.Indicator{{
		Observable: o, Feed: "otx", Provider: "analyst", Tags: []string{"botnet", "c2"}, TLP: "green", Confidence: 80, FirstSeen: day, LastSeen: day, ModifiedAt: day,
		Reports: []ioc.Mention{{Report: ioc.Report{ID: "65f0c0ffee", Name: "Dropper of the week", Author: "analyst", URL: "https://otx.example/pulse/65f0c0ffee"}, Claim: ioc.Claim{Role: "c2", Created: day}}},
	}}, nil
}

// BenchmarkHit measures all that one hit costs behind the match: its record cut
// out and taken apart, its claims, its id, and its line of output.
func BenchmarkHit(b *testing.B) {
	const indicators = 500
	lines := map[string]string{
		"access": `%s - - [21/Nov/2026:02:04:%02d +0000] "GET /a/b.html?x=%d HTTP/1.1" 200 5120 "https://www.example.org/" "Mozilla/5.0 (X11; Linux x86_64)"`,
		"syslog": `Nov 20 02:04:%02[2]d gate sshd[%[3]d]: Failed password for invalid user admin from %[1]s port 4711 ssh2`,
		"json":   `{"@timestamp":"2026-11-20T02:04:%02[2]d.123Z","ecs":{"version":"8.17.0"},"event":{"kind":"event","category":["network"],"action":"lookup"},"source":{"ip":"10.1.2.3","port":%[3]d},"destination":{"ip":"%[1]s","port":443},"host":{"name":"gate"},"message":"flow ended"}`,
		"squid":  `1795000%03[2]d.123    %[3]d 10.1.2.3 TCP_MISS/200 5120 GET http://%[1]s/index.html - HIER_DIRECT/%[1]s text/html`,
		"zeek":   "1795000%03[2]d.123456\tCabc%[3]d\t10.1.2.3\t4711\t%[1]s\t443\ttcp\tssl\t1.234567\t512\t1024\tSF\tT\tF\t0\tShADadFf\t12\t1200\t10\t2000\t-",
	}
	var all []ioc.Observable
	for i := range indicators {
		all = append(all, ioc.Observable{Type: ioc.IP, Value: fmt.Sprintf("203.0.%d.%d", i/200, i%200+1)})
	}
	set, err := match.Compile(slices.Values(all))
	if err != nil {
		b.Fatal(err)
	}
	for name, line := range lines {
		b.Run(name, func(b *testing.B) { benchHits(b, set, all, line) })
	}
}

func benchHits(b *testing.B, set *match.Set, all []ioc.Observable, line string) {
	var text bytes.Buffer
	n := 0
	for ; text.Len() < 256<<10; n++ {
		fmt.Fprintf(&text, line+"\n", all[n*7%len(all)].Value, n%60, n)
	}
	m := known{set, set.Append(nil, text.Bytes())}
	sink, err := New("json", Options{Out: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len() / n))
	b.ReportAllocs()
	b.ResetTimer()
	logs := func(yield func(hunt.Log, error) bool) { yield(chunkLog{text.Bytes(), b.N/n + 1}, nil) }
	sum, err := hunt.Scan(b.Context(), logs, m, oneFeed{}, sink, hunt.ScanOptions{Workers: 1, Host: "here"})
	if err != nil || sum.Records < n {
		b.Fatal(err, sum)
	}
}
