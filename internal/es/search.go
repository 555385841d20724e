package es

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// M is a JSON object under construction.
type M = map[string]any

// Hit is one document of an answer.
type Hit struct {
	Index       string                     `json:"_index"`
	ID          string                     `json:"_id"`
	SeqNo       int64                      `json:"_seq_no"`       // with seq_no_primary_term
	PrimaryTerm int64                      `json:"_primary_term"` // same
	Source      json.RawMessage            `json:"_source"`
	Fields      map[string]json.RawMessage `json:"fields"`   // arrays
	Ignored     []string                   `json:"_ignored"` // fields whose values were not indexed
	Sort        []json.RawMessage          `json:"sort"`
}

// Result is the answer to one search.
type Result struct {
	Took     int                                                        `json:"took"` // ms
	TimedOut bool                                                       `json:"timed_out"`
	Shards   shards                                                     `json:"_shards"`
	Clusters *struct{ Total, Successful, Skipped, Partial, Failed int } `json:"_clusters"`
	PIT      string                                                     `json:"pit_id"`
	Hits     struct {
		Total struct {
			Value    int64
			Relation string
		}
		Hits []Hit
	} `json:"hits"`
	Aggs   map[string]json.RawMessage `json:"aggregations"`
	Error  json.RawMessage            `json:"error"`
	Status int                        `json:"status"`
}

// shards says how many of the shards asked did answer.
type shards struct {
	Total, Successful, Skipped, Failed int
	Failures                           []json.RawMessage
}

// ErrPartial marks the error of an answer that lacks what a shard or a cluster
// should have said.
var ErrPartial = errors.New("the answer is not whole")

// IsPartial reports whether err is about an answer that is not whole.
func IsPartial(err error) bool { return errors.Is(err, ErrPartial) }

// whole returns an error unless all shards of all clusters answered in time.
func (r *Result) whole(path string) error {
	switch {
	case len(r.Error) > 0:
		kind, reason := cause(r.Error)
		return &Error{Method: "POST", Path: path, Status: r.Status, Type: kind, Reason: reason, Body: r.Error}
	case r.TimedOut:
		return fmt.Errorf("elasticsearch: POST %s: %w: it ran into its time limit", path, ErrPartial)
	case r.Shards.Failed > 0:
		return fmt.Errorf("elasticsearch: POST %s: %w: %d of %d shards failed: %s", path, ErrPartial, r.Shards.Failed, r.Shards.Total, firstFailure(r.Shards.Failures))
	case r.Clusters != nil && r.Clusters.Skipped+r.Clusters.Partial+r.Clusters.Failed > 0:
		return fmt.Errorf("elasticsearch: POST %s: %w: %d of %d clusters did not answer in full", path, ErrPartial, r.Clusters.Skipped+r.Clusters.Partial+r.Clusters.Failed, r.Clusters.Total)
	}
	return nil
}

func firstFailure(fs []json.RawMessage) string {
	if len(fs) == 0 {
		return "no reason given"
	}
	var f struct{ Reason json.RawMessage }
	_ = json.Unmarshal(fs[0], &f)
	kind, reason := cause(f.Reason)
	return strings.TrimSpace(kind + ": " + reason)
}

// Search runs one search over index, a pattern as the cluster knows them; "" is
// for a body with a point in time. The answer is whole, or an error.
func (c *Client) Search(ctx context.Context, index string, body any, q url.Values) (*Result, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	path := "/_search"
	if index != "" {
		path = "/" + Escape(index) + path
	}
	r := &Result{}
	if err := c.Do(ctx, Request{Method: "POST", Path: path, Query: q, Body: raw}, r); err != nil {
		return nil, err
	}
	return r, r.whole(path)
}

// Query is one search of several.
type Query struct {
	Index      string
	Preference string // "_shards:0"
	Body       any
}

// MSearch runs several searches in one request, conc at a time on the cluster.
// All answers are whole, or the first that is not is the error.
func (c *Client) MSearch(ctx context.Context, qs []Query, conc int) ([]*Result, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, q := range qs {
		head := M{"index": q.Index}
		if q.Preference != "" {
			head["preference"] = q.Preference
		}
		if err := errors.Join(enc.Encode(head), enc.Encode(q.Body)); err != nil {
			return nil, err
		}
	}
	var x results
	err := c.Do(ctx, Request{Method: "POST", Path: "/_msearch", Query: url.Values{"max_concurrent_searches": {fmt.Sprint(max(conc, 1))}}, Body: b.Bytes(), NDJSON: true}, &x)
	if err != nil {
		return nil, err
	}
	if len(x.Responses) != len(qs) {
		return nil, fmt.Errorf("elasticsearch: POST /_msearch: %w: %d answers to %d searches", ErrPartial, len(x.Responses), len(qs))
	}
	for _, r := range x.Responses {
		if err := r.whole("/_msearch"); err != nil {
			return nil, err
		}
	}
	return x.Responses, nil
}

// joinNames makes a list of names for a query.
func joinNames(names []string) string { return strings.Join(names, ",") }

// Escape escapes the name of an index, a pattern or a list of them for a path.
func Escape(name string) string {
	return strings.NewReplacer("%2C", ",", "%2A", "*", "%3A", ":").Replace(url.PathEscape(name))
}
