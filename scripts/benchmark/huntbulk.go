package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/iochunt/iochunt/internal/es"
)

// bulkIndexer is the program with Elastic's own bulk client. Only internal/es
// imports that client's module, so its source is no package of ours: it is built
// aside, against the version in go.mod.
//
//go:embed huntpeer.go.txt
var bulkIndexer []byte

// bulkDocs is how many events are indexed a round.
const bulkDocs = 200_000

// bulkIndexing indexes the same documents with both clients, each in a process
// of its own, in turns, into an index that is made anew each time.
func (b *huntBench) bulkIndexing(ctx context.Context) error {
	docs := min(bulkDocs, b.events)
	file, err := b.eventFile(docs)
	if err != nil {
		return err
	}
	peer, err := b.buildIndexer(ctx)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	const index, workers = "bench-bulk", "2"
	sides := []*bulkSide{
		{name: "esutil.BulkIndexer", argv: []string{peer, b.url, index, file, workers}},
		{name: "iochunt", argv: []string{exe, "huntbulk", "-url", b.url, "-flavor", b.flavor, "-index", index, "-file", file, "-workers", workers}},
	}
	for i := range b.rounds {
		turn := slices.Clone(sides)
		if i%2 == 1 {
			slices.Reverse(turn)
		}
		for _, s := range turn {
			if err := b.bulkOnce(ctx, s, index, int64(docs)); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, s := range sides {
		fmt.Fprintf(b.out, "  %-34s %-20s %22s s  %.0f documents/s, %.2f times, CPU of the client %.2f s, %d MB peak, %d of %d there\n", short(docs)+" events indexed", s.name, s.times,
			float64(docs)/s.times.median().Seconds(), sides[0].times.median().Seconds()/s.times.median().Seconds(), s.cpu.Seconds(), s.rss/1e6, s.there, docs)
		fmt.Fprintf(b.tsv, "bulk %s\t%s\t%s\t\t%d\t%d\n", short(docs), s.name, seconds(s.times.median()), s.there, docs)
	}
	return b.drop(ctx, index)
}

type bulkSide struct {
	name  string
	argv  []string
	times span
	cpu   time.Duration
	rss   int64
	there int64
}

// bulkOnce is one round: the process tells how long the indexing took, its start
// aside; what is there is counted after a refresh.
func (b *huntBench) bulkOnce(ctx context.Context, s *bulkSide, index string, docs int64) error {
	settings := es.M{"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
	if err := errors.Join(b.drop(ctx, index), b.send(ctx, http.MethodPut, "/"+index, es.M{"settings": settings, "mappings": eventMapping()}, nil)); err != nil {
		return err
	}
	m, err := must(ctx, command{argv: s.argv})
	if err != nil {
		return err
	}
	var took float64
	if _, err := fmt.Sscan(m.out, &took); err != nil {
		return fmt.Errorf("it printed %q", m.out)
	}
	s.times = append(s.times, time.Duration(took*float64(time.Second)))
	s.cpu, s.rss = least(s.cpu, m.cpu), max(s.rss, m.rss)
	if err := b.send(ctx, http.MethodPost, "/"+index+"/_refresh", nil, nil); err != nil {
		return err
	}
	if s.there, err = b.count(ctx, index); err == nil && s.there != docs {
		b.wrong = errors.Join(b.wrong, fmt.Errorf("bulk, %s: %d of %d documents are there", s.name, s.there, docs))
	}
	return err
}

// eventFile has the first events of the usual shape, one a line.
func (b *huntBench) eventFile(docs int) (string, error) {
	path := b.path("data", "hunt", fmt.Sprintf("events%d-%d-%d.ndjson", eventsMade, b.events, docs))
	if sizeOf(path) > 0 {
		return path, nil
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for d := range usualShape(b.events).eventsOf(0, docs) {
		fmt.Fprintln(w, d.body)
	}
	return path, errors.Join(w.Flush(), f.Close(), os.Rename(path+".part", path))
}

// buildIndexer builds Elastic's side.
func (b *huntBench) buildIndexer(ctx context.Context) (string, error) {
	program, source := b.path("peers", "bin", "bulkindexer"), b.path("peers", "bulkindexer", "main.go")
	if old, err := os.ReadFile(source); err == nil && bytes.Equal(old, bulkIndexer) && sizeOf(program) > 0 {
		return program, nil
	}
	if err := os.WriteFile(source, bulkIndexer, 0o600); err != nil {
		return "", err
	}
	text, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", source, err, lastLine(string(text)))
	}
	return filepath.Abs(program)
}

// runHuntBulk is the process with our bulk writer; it prints seconds and documents.
func runHuntBulk(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("huntbulk", flag.ContinueOnError)
	server, flavor := f.String("url", "", "the server"), f.String("flavor", es.Elasticsearch, "what it is")
	index, file := f.String("index", "", "where to"), f.String("file", "", "what: lines of JSON")
	workers := f.Int("workers", 2, "requests at a time")
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := es.New(es.Options{Addresses: []string{*server}, Flavor: *flavor})
	if err != nil {
		return err
	}
	in, err := os.Open(*file)
	if err != nil {
		return err
	}
	defer in.Close()
	began := time.Now()
	w := c.NewBulk(ctx, es.BulkOptions{Index: *index, Workers: *workers})
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for n := 0; err == nil && lines.Scan(); n++ {
		err = w.Add(es.Item{Op: es.Create, ID: eventID(n), Body: bytes.Clone(lines.Bytes())})
	}
	stats, closed := w.Close()
	fmt.Println(strconv.FormatFloat(time.Since(began).Seconds(), 'f', 3, 64), stats.Indexed)
	return errors.Join(err, lines.Err(), closed)
}
