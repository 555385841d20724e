package es

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// MaxEnum is the largest page of TermsEnum: what one terms query takes, too.
const MaxEnum = 65535

const (
	enumTimeout = "60s"
	minEnum     = 1000
)

// TermsEnum returns all values that an indexed field has anywhere in index, in
// the order of the server, in pages of at most page values (0: MaxEnum, the
// cheapest). Elasticsearch alone has it. A page that the server could not fill in
// its time is asked for again in smaller ones; where that does not help either,
// the last pair is an error that wraps ErrPartial.
//
// The values are those of the index: normalised, in one of the spellings of an
// ip, and without what ignore_above left out. For a text field, an unknown field
// and the root of a flattened one the server gives an empty list and calls it
// complete, so whoever asks must know the field's type (FieldCaps). Values of
// deleted documents are among them until their segment is merged.
func (c *Client) TermsEnum(ctx context.Context, index, field string, page int) iter.Seq2[[]string, error] {
	if page <= 0 || page > MaxEnum {
		page = MaxEnum
	}
	return func(yield func([]string, error) bool) {
		var after *string
		for {
			terms, size, err := c.enumPage(ctx, index, field, page, after)
			if err == nil && after != nil && len(terms) > 0 && terms[len(terms)-1] == *after {
				err = fmt.Errorf("elasticsearch: _terms_enum of %s: %w: the server gives the same page again", field, ErrPartial)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if len(terms) > 0 && !yield(terms, nil) || len(terms) < size {
				return
			}
			page, after = size, &terms[len(terms)-1]
		}
	}
}

// enumPage returns the values after one, at most page of them, and how many it
// asked for in the end: fewer than that are the last.
func (c *Client) enumPage(ctx context.Context, index, field string, page int, after *string) (terms []string, size int, err error) {
	for size = page; ; size = max(size/8, min(minEnum, page)) {
		terms, err = c.enumOnce(ctx, index, field, size, after)
		if err == nil || size <= minEnum || !IsPartial(err) {
			return terms, size, err
		}
	}
}

func (c *Client) enumOnce(ctx context.Context, index, field string, size int, after *string) ([]string, error) {
	body := M{"field": field, "size": size, "timeout": enumTimeout}
	if after != nil {
		body["search_after"] = *after
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var x struct {
		Shards   shards `json:"_shards"`
		Terms    []string
		Complete bool
	}
	path := "/" + Escape(index) + "/_terms_enum"
	if err := c.Do(ctx, Request{Method: "POST", Path: path, Body: raw}, &x); err != nil {
		return nil, err
	}
	switch {
	case x.Shards.Failed > 0:
		return nil, fmt.Errorf("elasticsearch: POST %s: %w: %d of %d shards failed: %s", path, ErrPartial, x.Shards.Failed, x.Shards.Total, firstFailure(x.Shards.Failures))
	case !x.Complete:
		return nil, fmt.Errorf("elasticsearch: POST %s: %w: the values of %s could not be listed within %s", path, ErrPartial, field, enumTimeout)
	}
	return x.Terms, nil
}
