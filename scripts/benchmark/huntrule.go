package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// rule is Elastic's indicator-match rule, as its public sources have it, over
// the same client as our side. It is kept honest by what is left out, all of it
// to the rule's advantage: alerts are not written, no limit on signals ends it
// (it would at 100), the last empty page of signals is not asked for, and there
// is no JavaScript.
//
// The smaller side, counted first, drives: it is read in pages of 9,000. Each
// page becomes one named terms query a field on the other side. Of what answers,
// the events are fetched in pages of 100, newest first, with all their fields,
// and the indicators of each page of events by a second search, 1,000 at a time
// until a page is empty. One search runs at a time.
type rule struct {
	b               *huntBench
	events, threats string // indices
	window          any    // filter of events, nil for none
	by              []ioc.Observable

	pit      string
	requests int
	found    *outcome
}

const (
	rulePage    = 9000 // of what drives
	signalsPage = 100
	enrichPage  = 1000
)

// ruleHit is a document of an answer.
type ruleHit struct {
	ID      string            `json:"_id"`
	Fields  map[string][]any  `json:"fields"`
	Source  json.RawMessage   `json:"_source"`
	Matched []string          `json:"matched_queries"`
	Sort    []json.RawMessage `json:"sort"`
}

// value returns the first value of a field: the rule looks at no other.
func (h ruleHit) value(field string) (any, bool) {
	if v := h.Fields[field]; len(v) > 0 {
		return v[0], true
	}
	return nil, false
}

func (r *rule) run(ctx context.Context) (*outcome, error) {
	r.found = newOutcome()
	events, err := r.count(ctx, r.events, r.where(r.anyEventField()))
	if err != nil {
		return nil, err
	}
	var pit struct{ ID string }
	if err := r.ask(ctx, http.MethodPost, "/"+r.threats+"/_pit?keep_alive=10m", nil, &pit); err != nil {
		return nil, err
	}
	r.pit = pit.ID
	threats, err := r.count(ctx, r.threats, filter(r.anyThreatField()))
	if err != nil {
		return nil, err
	}
	drives, walk := "indicators drive", r.byThreats
	if events < threats {
		drives, walk = "events drive", r.byEvents
	}
	if err := walk(ctx); err != nil {
		return nil, err
	}
	r.found.note = fmt.Sprintf("%s, %d requests", drives, r.requests)
	return r.found, r.ask(ctx, http.MethodDelete, "/_pit", es.M{"id": r.pit}, nil)
}

// byThreats pages over the indicators and asks for the events that hold them.
func (r *rule) byThreats(ctx context.Context) error {
	body := es.M{"size": rulePage, "_source": false, "fields": threatFields(), "sort": []string{"_shard_doc"}, "query": filter(r.anyThreatField())}
	return r.pages(ctx, "", body, 0, func(page []ruleHit) error {
		q, n := named(page, func(i int) (from, to string) { return eventFields[i].threat, eventFields[i].name })
		if n == 0 {
			return nil
		}
		return r.signals(ctx, q, true)
	})
}

// byEvents pages over the events and asks for the indicators that they hold.
func (r *rule) byEvents(ctx context.Context) error {
	body := es.M{"size": rulePage, "_source": false, "fields": eventFieldNames(), "sort": newestFirst(), "query": r.where(r.anyEventField())}
	return r.pages(ctx, r.events, body, 0, func(page []ruleHit) error {
		ids := map[string]bool{}
		if err := r.threatsOf(ctx, page, ids); err != nil || len(ids) == 0 {
			return err
		}
		var list []string
		for id := range ids {
			list = append(list, id)
		}
		return r.signals(ctx, es.M{"ids": es.M{"values": list}}, false)
	})
}

// signals fetches the events of a query; enrich says that it is not known yet
// which indicators they hold.
func (r *rule) signals(ctx context.Context, q any, enrich bool) error {
	fields := []es.M{{"field": "*", "include_unmapped": true}, {"field": "@timestamp", "format": "strict_date_optional_time"}}
	body := es.M{"size": signalsPage, "fields": fields, "sort": newestFirst(), "query": r.where(r.anyEventField(), q)}
	return r.pages(ctx, r.events, body, signalsPage, func(page []ruleHit) error {
		for _, h := range page {
			r.found.events[h.ID] = true
		}
		if !enrich {
			return nil
		}
		return r.threatsOf(ctx, page, map[string]bool{})
	})
}

// threatsOf finds the indicators of a page of events, and adds the pairs; ids
// gets the events that have one.
func (r *rule) threatsOf(ctx context.Context, page []ruleHit, ids map[string]bool) error {
	q, n := named(page, func(i int) (from, to string) { return eventFields[i].name, eventFields[i].threat })
	if n == 0 {
		return nil
	}
	holders := holdersOf(page)
	body := es.M{"size": enrichPage, "_source": []string{"threat.indicator.*", "threat.feed.*"}, "sort": []string{"_shard_doc"}, "query": filter(r.anyThreatField(), q)}
	return r.pages(ctx, "", body, 0, func(threats []ruleHit) error {
		for _, t := range threats {
			if err := r.pair(t, holders, ids); err != nil {
				return err
			}
		}
		return nil
	})
}

// pair adds the pairs of one indicator with the events that hold its value.
func (r *rule) pair(t ruleHit, holders []map[string][]string, ids map[string]bool) error {
	number, err := strconv.Atoi(t.ID[1:])
	if err != nil || number >= len(r.by) {
		return fmt.Errorf("%s has an indicator %q that is not of the list", r.threats, t.ID)
	}
	var source es.M
	if err := json.Unmarshal(t.Source, &source); err != nil {
		return err
	}
	for _, name := range t.Matched {
		i, err := strconv.Atoi(name)
		if err != nil {
			return err
		}
		for _, event := range holders[i][textAt(source, eventFields[i].threat)] {
			ids[event] = true
			r.found.pairs[pair{event, r.by[number]}] = true
		}
	}
	return nil
}

// holdersOf says for each field which of the events hold a value.
func holdersOf(page []ruleHit) []map[string][]string {
	all := make([]map[string][]string, len(eventFields))
	for i, f := range eventFields {
		all[i] = map[string][]string{}
		for _, h := range page {
			for _, v := range h.Fields[f.name] {
				if text, ok := v.(string); ok {
					all[i][text] = append(all[i][text], h.ID)
				}
			}
		}
	}
	return all
}

// named makes a terms query for each pair of fields, named by its number, of the
// values that a page has in the one for the other. n is how many values there are.
func named(page []ruleHit, fields func(i int) (from, to string)) (q any, n int) {
	var should []any
	for i := range eventFields {
		from, to := fields(i)
		var values []any
		for _, h := range page {
			if v, ok := h.value(from); ok {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			n += len(values)
			should = append(should, es.M{"terms": es.M{"_name": strconv.Itoa(i), to: values}})
		}
	}
	return either(should), n
}

// pages walks through a search until a page is empty, or shorter than enough
// where that is not 0. Without an index it is the point in time over the indicators.
func (r *rule) pages(ctx context.Context, index string, body es.M, enough int, take func([]ruleHit) error) error {
	path := "/_search?request_cache=false"
	if index != "" {
		path = "/" + index + path + "&ignore_unavailable=true"
	} else {
		body["pit"] = es.M{"id": r.pit, "keep_alive": "10m"}
		path = "/_search"
	}
	body["track_total_hits"] = false
	for {
		var x struct {
			TimedOut bool                 `json:"timed_out"`
			Shards   struct{ Failed int } `json:"_shards"`
			Hits     struct{ Hits []ruleHit }
		}
		if err := r.ask(ctx, http.MethodPost, path, body, &x); err != nil {
			return err
		}
		page := x.Hits.Hits
		switch {
		case x.TimedOut || x.Shards.Failed > 0:
			return fmt.Errorf("%s: the answer is not whole", path)
		case len(page) == 0:
			return nil
		}
		if err := take(page); err != nil || len(page) < enough {
			return err
		}
		body["search_after"] = page[len(page)-1].Sort
	}
}

func (r *rule) count(ctx context.Context, index string, query any) (int64, error) {
	var x struct{ Count int64 }
	return x.Count, r.ask(ctx, http.MethodPost, "/"+index+"/_count", es.M{"query": query}, &x)
}

func (r *rule) ask(ctx context.Context, method, path string, body, into any) error {
	r.requests++
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	req := es.Request{Method: method, Path: u.Path, Query: u.Query()}
	if body != nil {
		if req.Body, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return r.b.client.Do(ctx, req, into)
}

// where is the window and more filters.
func (r *rule) where(more ...any) any {
	if r.window != nil {
		more = append([]any{r.window}, more...)
	}
	return filter(more...)
}

func (r *rule) anyEventField() any { return anyOf(eventFieldNames()) }

func (r *rule) anyThreatField() any { return anyOf(threatFields()) }

func anyOf(fields []string) any {
	var should []any
	for _, f := range fields {
		should = append(should, es.M{"exists": es.M{"field": f}})
	}
	return either(should)
}

func either(should []any) any {
	return es.M{"bool": es.M{"should": should, "minimum_should_match": 1}}
}

func filter(queries ...any) any { return es.M{"bool": es.M{"filter": queries}} }

func newestFirst() []es.M {
	return []es.M{{"@timestamp": es.M{"order": "desc", "unmapped_type": "date"}}}
}

func eventFieldNames() (names []string) {
	for _, f := range eventFields {
		names = append(names, f.name)
	}
	return names
}

// threatFields are the fields of indicators, each once.
func threatFields() (names []string) {
	seen := map[string]bool{}
	for _, f := range eventFields {
		if !seen[f.threat] {
			seen[f.threat] = true
			names = append(names, f.threat)
		}
	}
	return names
}

// textAt returns the text at a path in a document, "" where there is none.
func textAt(doc es.M, path string) string {
	var v any = doc
	for _, step := range strings.Split(path, ".") {
		m, _ := v.(es.M)
		v = m[step]
	}
	text, _ := v.(string)
	return text
}
