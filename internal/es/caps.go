package es

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// Caps says what can be done with the fields of some indices.
type Caps struct {
	Indices []string                  // the concrete ones that answered, those of other clusters as cluster:name
	Fields  map[string]map[string]Cap // field, then mapping type ("keyword", "ip", "object"…): more than one where indices differ
	Silent  []string                  // those that did not answer; then there is an error, too
}

// Cap is a field in the indices where it has one type.
type Cap struct {
	Searchable   bool // in all of them
	Aggregatable bool // in all of them
	Metadata     bool // _id and the like

	Indices         []string // where it has this type; nil: wherever the field is
	NonSearchable   []string // of these, where it cannot be searched; nil: all or none, as Searchable says
	NonAggregatable []string // as well
}

// UnmarshalJSON implements json.Unmarshaler: the names of the API.
func (c *Cap) UnmarshalJSON(raw []byte) error {
	var x struct {
		Searchable      bool
		Aggregatable    bool
		Metadata        bool `json:"metadata_field"`
		Indices         []string
		NonSearchable   []string `json:"non_searchable_indices"`
		NonAggregatable []string `json:"non_aggregatable_indices"`
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return err
	}
	*c = Cap{x.Searchable, x.Aggregatable, x.Metadata, x.Indices, x.NonSearchable, x.NonAggregatable}
	return nil
}

// FieldCaps asks which of fields (names and patterns; none: all) index has, and
// as what. Runtime fields are among them, with the type that they compute; the
// answer does not tell them from indexed ones (the mapping does). An index or a
// cluster that did not answer is an error that wraps ErrPartial; what the others
// said is returned with it.
func (c *Client) FieldCaps(ctx context.Context, index string, fields []string) (Caps, error) {
	if len(fields) == 0 {
		fields = []string{"*"}
	}
	raw, err := json.Marshal(M{"fields": fields})
	if c.o.Flavor == OpenSearch {
		raw = nil // takes them in the query alone
	}
	if err != nil {
		return Caps{}, err
	}
	q := url.Values{"ignore_unavailable": {"false"}, "allow_no_indices": {"true"}}
	if raw == nil {
		q.Set("fields", joinNames(fields))
	}
	var x struct {
		Indices  []string
		Fields   map[string]map[string]Cap
		Failed   int `json:"failed_indices"`
		Failures []struct {
			Indices []string
			Failure json.RawMessage
		}
	}
	path := "/" + Escape(index) + "/_field_caps"
	if err := c.Do(ctx, Request{Method: "POST", Path: path, Query: q, Body: raw}, &x); err != nil {
		return Caps{}, err
	}
	if x.Failed > 0 || len(x.Failures) > 0 {
		why, silent := "no reason given", []string(nil)
		for _, f := range x.Failures {
			silent = append(silent, f.Indices...)
		}
		if len(x.Failures) > 0 {
			kind, reason := cause(inner(x.Failures[0].Failure))
			why = kind + ": " + reason
		}
		return Caps{x.Indices, x.Fields, silent}, fmt.Errorf("elasticsearch: POST %s: %w: %d indices did not answer: %s", path, ErrPartial, max(x.Failed, len(x.Failures)), why)
	}
	return Caps{Indices: x.Indices, Fields: x.Fields}, nil
}

// inner takes the error out of {"error": …}.
func inner(raw json.RawMessage) json.RawMessage {
	var x struct{ Error json.RawMessage }
	if json.Unmarshal(raw, &x) == nil && len(x.Error) > 0 {
		return x.Error
	}
	return raw
}
