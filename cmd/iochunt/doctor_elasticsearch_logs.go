package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/es"
)

// logIndices checks one source of logs: whether its patterns match, whether its
// events have a time, and how new ones are told from old ones.
func (c *checkup) logIndices(ctx context.Context, client *es.Client, l config.LogSource) {
	what := "logs " + l.Name
	pattern := strings.Join(l.Indices, ",")
	caps, err := client.FieldCaps(ctx, pattern, []string{l.TimeField, l.IngestField})
	switch {
	case es.IsStatus(err, http.StatusForbidden):
		c.say("fail", what, err.Error(), "iochunt setup --print-roles has a role that may read them")
		return
	case err != nil:
		c.say("fail", what, err.Error(), "mend indices of this source in the config file")
		return
	case len(caps.Indices) == 0:
		c.say("warn", what, pattern+" matches no index", "mend indices of this source in the config file, or see that the shipper writes")
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
// numbers of shards, which are exact, or else by the time of ingest.
func (c *checkup) watermarks(ctx context.Context, client *es.Client, what string, l config.LogSource, caps es.Caps) {
	err := noSequence(ctx, client, l)
	none := without(caps, l.IngestField, "date", "date_nanos")
	const grant = "give the privileges monitor and maintenance (iochunt setup --print-roles)"
	switch {
	case err == nil:
		c.say("ok", what, "new events are found by sequence numbers", "")
	case len(none) > 0:
		c.say("fail", what, fmt.Sprintf("new events cannot be found by sequence numbers (%v), nor by %s, which is missing in %s", err, l.IngestField, some(none)),
			grant+", or name the field with the time of ingest: ingest_field of this source")
	default:
		c.say("warn", what, fmt.Sprintf("ingest-time watermarks are used (%s): %v", l.IngestField, err), grant)
	}
}

// noSequence is why the sequence numbers of a source cannot be gone by: they take
// the rights to see them and to refresh. A refresh is what every hunt begins with.
func noSequence(ctx context.Context, client *es.Client, l config.LogSource) error {
	if slices.ContainsFunc(l.Indices, func(p string) bool { return strings.Contains(p, ":") }) {
		return errors.New("those of another cluster are not told")
	}
	index := "/" + es.Escape(strings.Join(l.Indices, ","))
	for _, r := range []es.Request{
		{Method: "GET", Path: index + "/_stats/docs", Query: url.Values{"filter_path": {"_shards"}}, Ask: true},
		{Method: "POST", Path: index + "/_refresh", Ask: true},
	} {
		if err := client.Do(ctx, r, nil); err != nil {
			return err
		}
	}
	return nil
}
