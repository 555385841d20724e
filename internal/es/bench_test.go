package es_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// benchDocs is how many documents each side writes in one round.
const benchDocs = 200_000

// BenchmarkBulk writes the same documents with our writer and with that of
// go-elasticsearch in turn, two workers and 5 MB each, into a new index each time.
// Run it with -benchtime 5x: the metrics are the medians of the rounds.
func BenchmarkBulk(b *testing.B) {
	node := estest.Node{URL: os.Getenv("IOCHUNT_ES_URL"), Flavor: es.Elasticsearch}
	if node.URL == "" {
		b.Skip("no elasticsearch: start one with scripts/elasticsearch and set IOCHUNT_ES_URL")
	}
	ids, docs := benchDocuments(benchDocs)
	prefix := node.Prefix(b)
	c := node.Client(b)
	var ours, theirs []float64
	n := 0
	round := func(write func(index string)) float64 {
		n++
		index := fmt.Sprintf("%s%d", prefix, n)
		newIndex(b, c, index, 1)
		start := time.Now()
		write(index)
		took := time.Since(start)
		if got := countAll(b, c, index); got != benchDocs {
			b.Fatalf("%s has %d documents, want %d", index, got, benchDocs)
		}
		deleteIndex(b, c, index)
		return benchDocs / took.Seconds()
	}
	we := func(index string) { writeOurs(b, c, index, ids, docs) }
	they := func(index string) { writeTheirs(b, node.URL, index, ids, docs) }
	for b.Loop() {
		if n%4 == 0 {
			ours, theirs = append(ours, round(we)), append(theirs, round(they))
		} else {
			theirs, ours = append(theirs, round(they)), append(ours, round(we))
		}
	}
	b.ReportMetric(median(ours), "docs/s")
	b.ReportMetric(median(theirs), "esutil-docs/s")
	b.ReportMetric(median(ours)/median(theirs), "ratio")
	b.Logf("ours %.0f", ours)
	b.Logf("esutil %.0f", theirs)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func benchDocuments(n int) (ids []string, docs [][]byte) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15))
		docs = append(docs, fmt.Appendf(nil, `{"@timestamp":"2026-01-02T03:04:05.%06dZ","type":"domain","value":"host-%d.evil%d.example","seq":%d,"live":true,"tags":["a","b"]}`, i%1000000, i, i%1000, i))
	}
	return ids, docs
}

func writeOurs(tb testing.TB, c *es.Client, index string, ids []string, docs [][]byte) {
	w := c.NewBulk(tb.Context(), es.BulkOptions{Index: index, Done: func(es.Outcome) {}})
	for i := range ids {
		if err := w.Add(es.Item{ID: ids[i], Body: docs[i]}); err != nil {
			tb.Fatal(err)
		}
	}
	st, err := w.Close()
	if err != nil || st.Indexed != len(ids) {
		tb.Fatal(st, err)
	}
}

func writeTheirs(tb testing.TB, url, index string, ids []string, docs [][]byte) {
	c, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{url}})
	if err != nil {
		tb.Fatal(err)
	}
	w, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: c, Index: index, NumWorkers: 2})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range ids {
		it := esutil.BulkIndexerItem{Action: "index", DocumentID: ids[i], Body: bytes.NewReader(docs[i]),
			OnSuccess: func(context.Context, esutil.BulkIndexerItem, esutil.BulkIndexerResponseItem) {}}
		if err := w.Add(tb.Context(), it); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if st := w.Stats(); st.NumFlushed != uint64(len(ids)) {
		tb.Fatalf("%+v", st)
	}
}

func newIndex(tb testing.TB, c *es.Client, index string, shards int) {
	body := fmt.Appendf(nil, `{"settings":{"number_of_shards":%d,"number_of_replicas":0,"refresh_interval":"-1"},"mappings":{"dynamic":false,"properties":{
		"@timestamp":{"type":"date"},"type":{"type":"keyword"},"value":{"type":"keyword"},"ip":{"type":"ip"},"seq":{"type":"long"},"live":{"type":"boolean"},"tags":{"type":"keyword"}}}}`, shards)
	if err := c.Do(tb.Context(), es.Request{Method: http.MethodPut, Path: "/" + index, Body: body}, nil); err != nil {
		tb.Fatal(err)
	}
}

func deleteIndex(tb testing.TB, c *es.Client, index string) {
	if err := c.Do(tb.Context(), es.Request{Method: http.MethodDelete, Path: "/" + index}, nil); err != nil {
		tb.Fatal(err)
	}
}

func countAll(tb testing.TB, c *es.Client, index string) int {
	tb.Helper()
	if err := c.Refresh(tb.Context(), index); err != nil {
		tb.Fatal(err)
	}
	var x struct{ Count int }
	if err := c.Do(tb.Context(), es.Request{Method: http.MethodGet, Path: "/" + index + "/_count"}, &x); err != nil {
		tb.Fatal(err)
	}
	return x.Count
}
