package es

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Pages runs a search to its end over a point in time, in pages of body's size
// (10,000 where it has none), and gives each document exactly once. body is not
// changed; it may have a slice, and must not have a sort of its own: the order is
// the cheapest that tells all documents apart. preference is as in Query. Pages
// without hits are left out, so aggregations have no place here. The point in
// time is closed in the end.
//
// On Elasticsearch the order is _shard_doc. OpenSearch has nothing like it: there
// every shard number is a point in time of its own, ordered by _seq_no, which
// within one shard of one index no two documents share.
func (c *Client) Pages(ctx context.Context, index, preference string, body M) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		if c.o.Flavor == Elasticsearch {
			c.pages(ctx, index, preference, "_shard_doc", body, yield)
			return
		}
		if strings.Contains(index, ":") {
			c.counted(ctx, index, preference, body, yield)
			return
		}
		prefs, err := c.shardByShard(ctx, index, preference)
		if err != nil {
			yield(nil, err)
		}
		for _, p := range prefs {
			if !c.pages(ctx, index, p, []string{"_index", "_seq_no"}, body, yield) {
				return
			}
		}
	}
}

// pages is Pages in one order; it reports whether to go on.
func (c *Client) pages(ctx context.Context, index, preference string, order any, body M, yield func(*Result, error) bool) bool {
	pit, err := c.openPIT(ctx, index, preference)
	if err != nil {
		return yield(nil, err) && false
	}
	defer func() { c.closePIT(context.WithoutCancel(ctx), pit) }()
	b := M{"size": 10000, "track_total_hits": false, "sort": order}
	maps.Copy(b, body)
	for {
		b["pit"] = M{"id": pit, "keep_alive": pitKeep}
		r, err := c.Search(ctx, "", b, nil)
		if err != nil {
			return yield(nil, err) && false
		}
		if r.PIT != "" {
			pit = r.PIT
		}
		n := len(r.Hits.Hits)
		if n > 0 && !yield(r, nil) {
			return false
		}
		if size, ok := b["size"].(int); n == 0 || ok && n < size {
			return true
		}
		b["search_after"] = r.Hits.Hits[n-1].Sort
	}
}

// shardByShard returns the preferences that ask for one shard number at a time.
func (c *Client) shardByShard(ctx context.Context, index, preference string) ([]string, error) {
	if strings.HasPrefix(preference, "_shards:") && !strings.ContainsAny(preference, ",|") {
		return []string{preference}, nil
	}
	if preference != "" {
		return nil, fmt.Errorf("elasticsearch: pages over %s: OpenSearch can page with the preference _shards:n or none, not %q", index, preference)
	}
	places := map[string]*Place{}
	if err := c.settings(ctx, index, places); err != nil {
		return nil, err
	}
	most := 1 // where there is no index, the search is to say so
	for _, p := range places {
		most = max(most, p.Shards)
	}
	var out []string
	for n := range most {
		out = append(out, fmt.Sprint("_shards:", n))
	}
	return out, nil
}

// counted pages over another cluster of OpenSearch, whose shards nobody tells. A
// document could only get lost where one id stands in two shards under one
// number; so the documents are counted, and one that is missing is an error.
func (c *Client) counted(ctx context.Context, index, preference string, body M, yield func(*Result, error) bool) {
	b := maps.Clone(body)
	if b == nil {
		b = M{}
	}
	b["track_total_hits"] = true
	want, got, stopped := int64(-1), int64(0), false
	each := func(r *Result, err error) bool {
		if err == nil {
			want, got = r.Hits.Total.Value, got+int64(len(r.Hits.Hits))
		}
		stopped = stopped || !yield(r, err) || err != nil
		return !stopped
	}
	c.pages(ctx, index, preference, []string{"_index", "_seq_no", "_id"}, b, each)
	if !stopped && want >= 0 && got != want {
		yield(nil, fmt.Errorf("elasticsearch: pages over %s: %w: %d documents of %d", index, ErrPartial, got, want))
	}
}

const pitKeep = "10m"

// openPIT opens a point in time: the state of an index to page over.
func (c *Client) openPIT(ctx context.Context, index, preference string) (string, error) {
	q := url.Values{"keep_alive": {pitKeep}}
	if preference != "" {
		q.Set("preference", preference)
	}
	path := "/_pit"
	if c.o.Flavor == OpenSearch {
		path = "/_search/point_in_time"
	}
	var x struct {
		ID    string `json:"id"`
		PITID string `json:"pit_id"`
	}
	if err := c.Do(ctx, Request{Method: http.MethodPost, Path: "/" + Escape(index) + path, Query: q}, &x); err != nil {
		return "", err
	}
	return x.ID + x.PITID, nil
}

// closePIT releases a point in time; one that cannot be ends by itself.
func (c *Client) closePIT(ctx context.Context, id string) {
	path, body := "/_pit", M{"id": id}
	if c.o.Flavor == OpenSearch {
		path, body = "/_search/point_in_time", M{"pit_id": []string{id}}
	}
	raw, _ := json.Marshal(body)
	_ = c.Do(ctx, Request{Method: http.MethodDelete, Path: path, Body: raw, Ask: true}, nil)
}
