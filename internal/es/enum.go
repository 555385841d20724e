package es

import (
	"context"
	"encoding/json"
	"errors"
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
//
// Where document level security hides a part of the documents of a shard from the
// user, the server leaves that shard out and calls the list complete all the same.
// shards is how many there should be (0: at least one); fewer are an error that
// wraps ErrHidden.
func (c *Client) TermsEnum(ctx context.Context, index, field string, page, shards int) iter.Seq2[[]string, error] {
	if page <= 0 || page > MaxEnum {
		page = MaxEnum
	}
	return func(yield func([]string, error) bool) {
		var after *string
		for {
			terms, size, told, err := c.enumPage(ctx, index, field, page, after)
			if err == nil && after != nil && len(terms) > 0 && terms[len(terms)-1] == *after {
				err = fmt.Errorf("elasticsearch: _terms_enum of %s: %w: the server gives the same page again", field, ErrPartial)
			}
			if err == nil && told < max(shards, 1) {
				err = fmt.Errorf("elasticsearch: _terms_enum of %s: %w: %d of %d shards", field, ErrHidden, told, max(shards, 1))
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
// asked for in the end: fewer than that are the last. told is how many shards took part.
func (c *Client) enumPage(ctx context.Context, index, field string, page int, after *string) (terms []string, size, told int, err error) {
	for size = page; ; size = max(size/8, min(minEnum, page)) {
		terms, told, err = c.enumOnce(ctx, index, field, size, after)
		if err == nil || size <= minEnum || !IsPartial(err) {
			return terms, size, told, err
		}
	}
}

func (c *Client) enumOnce(ctx context.Context, index, field string, size int, after *string) (terms []string, told int, err error) {
	body := M{"field": field, "size": size, "timeout": enumTimeout}
	if after != nil {
		body["search_after"] = *after
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, 0, err
	}
	var x listing
	path := "/" + Escape(index) + "/_terms_enum"
	if err := c.Do(ctx, Request{Method: "POST", Path: path, Body: raw}, &x); err != nil {
		return nil, 0, err
	}
	switch {
	case x.Shards.Failed > 0:
		return nil, 0, fmt.Errorf("elasticsearch: POST %s: %w: %d of %d shards failed: %s", path, ErrPartial, x.Shards.Failed, x.Shards.Total, firstFailure(x.Shards.Failures))
	case !x.Complete:
		return nil, 0, fmt.Errorf("elasticsearch: POST %s: %w: the values of %s could not be listed within %s", path, ErrPartial, field, enumTimeout)
	}
	return x.Terms, x.Shards.Total, nil
}

// ErrHidden marks the error of a list of values that lacks those of documents
// which the user may see: document level security is in the way of listing. The
// other ways to ask for documents give all that the user may see.
var ErrHidden = errors.New("document level security hides documents from the user, and values cannot be listed")

// OpenShards returns of how many shards of index all documents may be seen by the
// user: document level security hides some of the others. Elasticsearch alone
// tells.
func (c *Client) OpenShards(ctx context.Context, index string) (int, error) {
	_, told, err := c.enumOnce(ctx, index, "_no_such_field", 1, nil)
	return told, err
}
