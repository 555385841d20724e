package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// document is one to be indexed.
type document struct{ id, body string }

// eventFields are the fields of events that both sides look at, and what for.
// threat is the field of an indicator that the rule compares each with.
var eventFields = []struct {
	name, threat string
	kind         string // mapping type
	types        []ioc.Type
}{
	{"source.ip", "threat.indicator.ip", "ip", []ioc.Type{ioc.IP, ioc.CIDR}},
	{"destination.ip", "threat.indicator.ip", "ip", []ioc.Type{ioc.IP, ioc.CIDR}},
	{"dns.resolved_ip", "threat.indicator.ip", "ip", []ioc.Type{ioc.IP, ioc.CIDR}},
	{"dns.question.name", "threat.indicator.url.domain", "keyword", []ioc.Type{ioc.Domain}},
	{"url.domain", "threat.indicator.url.domain", "keyword", []ioc.Type{ioc.Domain}},
	{"url.full", "threat.indicator.url.full", "keyword", []ioc.Type{ioc.URL}},
	{"file.hash.sha256", "threat.indicator.file.hash.sha256", "keyword", []ioc.Type{ioc.SHA256}},
	{"process.hash.sha256", "threat.indicator.file.hash.sha256", "keyword", []ioc.Type{ioc.SHA256}},
	{"file.hash.md5", "threat.indicator.file.hash.md5", "keyword", []ioc.Type{ioc.MD5}},
	{"file.hash.sha1", "threat.indicator.file.hash.sha1", "keyword", []ioc.Type{ioc.SHA1}},
	{"email.from.address", "threat.indicator.email.address", "keyword", []ioc.Type{ioc.Email}},
}

// threatField is the field of an indicator that holds a value of a type, "" if
// the rule has none for it.
func threatField(t ioc.Type) string {
	for _, f := range eventFields {
		if f.types[0] == t {
			return f.threat
		}
	}
	return ""
}

// properties makes a mapping of full field names.
func properties(kinds map[string]string) es.M {
	root := es.M{}
	for name, kind := range kinds {
		at, steps := root, strings.Split(name, ".")
		for _, step := range steps[:len(steps)-1] {
			below, ok := at[step].(es.M)
			if !ok {
				below = es.M{"properties": es.M{}}
				at[step] = below
			}
			at, _ = below["properties"].(es.M)
		}
		at[steps[len(steps)-1]] = es.M{"type": kind}
	}
	return es.M{"dynamic": "strict", "properties": root}
}

func eventMapping() es.M {
	kinds := map[string]string{"@timestamp": "date", "event.ingested": "date", "event.category": "keyword", "event.dataset": "keyword",
		"host.name": "keyword", "destination.port": "integer", "message": "text"}
	for _, f := range eventFields {
		kinds[f.name] = f.kind
	}
	return properties(kinds)
}

func threatMapping() es.M {
	kinds := map[string]string{"@timestamp": "date", "type": "keyword", "value": "keyword", "threat.feed.name": "keyword", "threat.indicator.type": "keyword",
		"threat.indicator.confidence": "keyword", "threat.indicator.first_seen": "date"}
	for _, f := range eventFields {
		kinds[f.threat] = f.kind
	}
	return properties(kinds)
}

// threatDocument is an indicator as Elastic's integrations index it.
func threatDocument(i int, o ioc.Observable) document {
	indicator := es.M{"type": o.ECSType(), "confidence": "High", "first_seen": fmt.Sprintf("2026-01-0%dT00:00:00Z", 1+i%9)}
	if f := threatField(o.Type); f != "" {
		at, steps := indicator, strings.Split(strings.TrimPrefix(f, "threat.indicator."), ".")
		for _, step := range steps[:len(steps)-1] {
			below := es.M{}
			at[step] = below
			at = below
		}
		at[steps[len(steps)-1]] = o.Value
	}
	raw, err := json.Marshal(es.M{"@timestamp": "2026-01-09T00:00:00Z", "type": o.Type, "value": o.Value,
		"threat": es.M{"feed": es.M{"name": fmt.Sprintf("feed-%d", i%12)}, "indicator": indicator}})
	if err != nil {
		panic(err) // text and maps of text
	}
	return document{fmt.Sprintf("i%07d", i), string(raw)}
}

// events returns the documents of a shape from number first to before last; all
// before first are made too.
func (s shape) eventsOf(first, last int) iter.Seq[document] {
	return func(yield func(document) bool) {
		m := newMaker(s)
		for i := range last {
			if text := m.make(i); i >= first && !yield(document{eventID(i), text}) {
				return
			}
		}
	}
}

// haveEvents makes the index of a shape if it is not there. The newest events
// are indexed behind all others, as they would come in.
func (b *huntBench) haveEvents(ctx context.Context, s shape) error {
	settings := es.M{"number_of_shards": s.shards, "number_of_replicas": 0, "refresh_interval": "5s"}
	return b.have(ctx, s.name(), s.events, es.M{"settings": settings, "mappings": eventMapping()}, func() error {
		newest := s.events - min(newestEvents, s.events/2)
		if err := b.load(ctx, s.name(), s.eventsOf(0, newest)); err != nil {
			return err
		}
		return b.load(ctx, s.name(), s.eventsOf(newest, s.events))
	})
}

// haveThreats makes the index of the first part of a list of n, as the rule
// reads it.
func (b *huntBench) haveThreats(ctx context.Context, n, part int) (string, error) {
	name := fmt.Sprintf("bench-threats%d-%d-%d", eventsMade, n, part)
	settings := es.M{"number_of_shards": 1, "number_of_replicas": 0}
	return name, b.have(ctx, name, part, es.M{"settings": settings, "mappings": threatMapping()}, func() error {
		return b.load(ctx, name, func(yield func(document) bool) {
			for i, o := range b.list(n)[:part] {
				if !yield(threatDocument(i, o)) {
					return
				}
			}
		})
	})
}

// have makes an index and fills it, unless it is there and holds so many
// documents.
func (b *huntBench) have(ctx context.Context, name string, docs int, index es.M, fill func() error) error {
	if n, err := b.count(ctx, name); err == nil && n == int64(docs) {
		return nil
	}
	note("indexing %d documents into %s", docs, name)
	if err := errors.Join(b.drop(ctx, name), b.send(ctx, http.MethodPut, "/"+name, index, nil), fill()); err != nil {
		return err
	}
	for _, what := range []string{"_refresh", "_flush"} {
		if err := b.send(ctx, http.MethodPost, "/"+name+"/"+what, nil, nil); err != nil {
			return err
		}
	}
	n, err := b.count(ctx, name)
	if err == nil && n != int64(docs) {
		err = fmt.Errorf("%s holds %d documents, not %d", name, n, docs)
	}
	return err
}

func (b *huntBench) count(ctx context.Context, name string) (int64, error) {
	var x struct{ Count int64 }
	return x.Count, b.send(ctx, http.MethodGet, "/"+name+"/_count", nil, &x)
}

// drop deletes an index of ours, if it is there.
func (b *huntBench) drop(ctx context.Context, name string) error {
	err := b.client.Do(ctx, es.Request{Method: http.MethodDelete, Path: "/" + name, Ask: true}, nil)
	if es.IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// send sends a request with a body of JSON; nil is none.
func (b *huntBench) send(ctx context.Context, method, path string, body, into any) error {
	r := es.Request{Method: method, Path: path}
	if body != nil {
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return b.client.Do(ctx, r, into)
}

// load indexes documents, in requests of 4,000, two at a time.
func (b *huntBench) load(ctx context.Context, index string, docs iter.Seq[document]) error {
	var (
		work  = make(chan []byte)
		mu    sync.Mutex
		first error
		busy  sync.WaitGroup
	)
	for range 2 {
		busy.Go(func() {
			for body := range work {
				if err := b.bulk(ctx, index, body); err != nil {
					mu.Lock()
					first = errors.Join(first, err)
					mu.Unlock()
				}
			}
		})
	}
	var buf bytes.Buffer
	n := 0
	for d := range docs {
		fmt.Fprintf(&buf, "{\"create\":{\"_id\":%q}}\n%s\n", d.id, d.body)
		if n++; n%4000 == 0 {
			work <- bytes.Clone(buf.Bytes())
			buf.Reset()
		}
		if ctx.Err() != nil {
			break
		}
	}
	if buf.Len() > 0 {
		work <- buf.Bytes()
	}
	close(work)
	busy.Wait()
	return errors.Join(first, ctx.Err())
}

func (b *huntBench) bulk(ctx context.Context, index string, body []byte) error {
	var x struct {
		Errors bool
		Items  []struct {
			Create struct{ Error json.RawMessage }
		}
	}
	q := url.Values{"filter_path": {"errors,items.*.error"}}
	err := b.client.Do(ctx, es.Request{Method: http.MethodPost, Path: "/" + index + "/_bulk", Query: q, Body: body, NDJSON: true}, &x)
	if err == nil && x.Errors {
		err = fmt.Errorf("%s refuses documents: %s", index, x.Items[0].Create.Error)
	}
	return err
}
