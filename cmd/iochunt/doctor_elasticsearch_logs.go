package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/es"
)

// noIndexMend is what helps where a pattern matches nothing.
const noIndexMend = "correct indices of this source in the config file, open the index, or see that the shipper writes"

// logIndices checks one source of logs: whether its patterns match, whether its
// events have a time, and how new ones are told from old ones.
func (c *checkup) logIndices(ctx context.Context, client *es.Client, l config.LogSource) {
	what := "logs " + l.Name
	if _, err := newIndexSource(l); err != nil {
		c.say("fail", what, err.Error(), "correct fields of this source in the config file")
	}
	pattern := strings.Join(l.Indices, ",")
	caps, err := client.FieldCaps(ctx, pattern, []string{l.TimeField, l.IngestField})
	switch {
	case es.IsStatus(err, http.StatusForbidden):
		c.say("fail", what, err.Error(), "iochunt setup --print-roles has a role that may read them")
		return
	case err != nil:
		c.say("fail", what, err.Error(), "correct indices of this source in the config file")
		return
	case len(caps.Indices) == 0:
		c.say("warn", what, pattern+" matches no index that is open", noIndexMend)
		return
	}
	c.say("ok", what, fmt.Sprintf("%s: %s", pattern, plural(len(caps.Indices), "index", "indices")), "")
	for _, p := range l.Indices {
		c.emptyPattern(ctx, client, what, p, len(l.Indices))
	}
	c.times(what, l, caps)
	c.watermarks(ctx, client, what, l, caps)
}

// emptyPattern warns of one pattern among several that matches nothing.
func (c *checkup) emptyPattern(ctx context.Context, client *es.Client, what, pattern string, of int) {
	if of < 2 || strings.HasPrefix(pattern, "-") {
		return
	}
	if caps, err := client.FieldCaps(ctx, pattern, []string{"_id"}); err == nil && len(caps.Indices) == 0 {
		c.say("warn", what, pattern+" matches no index", "")
	}
}

// times warns of indices whose events have no time.
func (c *checkup) times(what string, l config.LogSource, caps es.Caps) {
	if none := without(caps, l.TimeField, "date", "date_nanos"); len(none) > 0 {
		c.say("fail", what, fmt.Sprintf("no date %s in %s", l.TimeField, some(none)), "name the field with the event's time: time_field of this source")
	}
}

// without returns the indices in which a field has none of the types.
func without(caps es.Caps, field string, types ...string) []string {
	with := map[string]bool{}
	for typ, c := range caps.Fields[field] {
		if !slices.Contains(types, typ) {
			continue
		}
		if c.Indices == nil {
			return nil // in all of them
		}
		for _, i := range c.Indices {
			with[i] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(caps.Indices), func(i string) bool { return with[i] })
}

// some names a few of many.
func some(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// watermarks says how a hunt will know what it has not seen: by the sequence
// numbers of shards, which are exact, or else by slices of time, which are hunted
// again as a whole when one of their documents is new.
func (c *checkup) watermarks(ctx context.Context, client *es.Client, what string, l config.LogSource, caps es.Caps) {
	own, far := []string{}, []string{}
	for _, name := range caps.Indices {
		if es.Cluster(name) == "" {
			own = append(own, name)
		} else {
			far = append(far, name)
		}
	}
	slicesOf := "new events are found by slices of " + l.IngestField + ", or of " + l.TimeField + " where that is missing"
	if len(far) > 0 {
		c.say("ok", what, slicesOf+", in "+some(far)+": another cluster does not tell sequence numbers", "")
	}
	if len(own) == 0 {
		return
	}
	if err := eachOf(ctx, client, own, "GET", "_stats/docs", "POST", "_refresh"); err != nil {
		c.say("warn", what, fmt.Sprintf("%s: %v", slicesOf, err), "give the privileges monitor and maintenance (iochunt setup --print-roles)")
	} else {
		c.say("ok", what, "new events are found by sequence numbers", "")
	}
	if err := eachOf(ctx, client, own, "GET", "_alias"); err != nil {
		c.say("warn", what, fmt.Sprintf("every event is read in full, as fields cannot be seen: %v", err), "give the privilege view_index_metadata (iochunt setup --print-roles)")
	}
	c.hidden(ctx, client, what, own)
}

// eachOf asks for indices by their names, with pairs of method and API: from what
// a pattern means, the cluster leaves out in silence what the user may not do.
func eachOf(ctx context.Context, client *es.Client, names []string, requests ...string) error {
	for some := range slices.Chunk(names, namesInAPath) {
		for r := range slices.Chunk(requests, 2) {
			q := es.Request{Method: r[0], Path: "/" + es.Escape(strings.Join(some, ",")) + "/" + r[1], Ask: true}
			if r[0] == "GET" {
				q.Query = url.Values{"filter_path": {"_shards"}}
			}
			if err := client.Do(ctx, q, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// namesInAPath is how many names, of at most 255 bytes, a request's first line holds
// in any case.
const namesInAPath = 14

// hidden warns where the user does not see all documents.
func (c *checkup) hidden(ctx context.Context, client *es.Client, what string, names []string) {
	if client.Flavor() != es.Elasticsearch {
		return
	}
	for some := range slices.Chunk(names, namesInAPath) {
		pattern := strings.Join(some, ",")
		r, err := client.Search(ctx, pattern, es.M{"size": 0, "track_total_hits": false}, nil)
		if err != nil {
			c.say("warn", what, err.Error(), "")
			return
		}
		if n, err := client.OpenShards(ctx, pattern); err == nil && n < r.Shards.Total {
			c.say("warn", what, "document level security hides a part of the documents: they are not hunted", "hunt with a role that has no query on these indices")
			return
		}
	}
}
