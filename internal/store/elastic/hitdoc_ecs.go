package elastic

import (
	"encoding/json"
	"slices"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// matchedFields is the flat twin of what the enrichments say of the match: Lens
// cannot count what is nested.
func matchedFields(h *ioc.Hit) es.M {
	m := es.M{"atomic": flat(h.Matched), "rule": flat(h.Rule), "type": "indicator_match_rule"}
	for k, v := range map[string]string{"field": h.Where.Field, "index": h.Where.Index, "id": h.Where.DocID} {
		if v != "" {
			m[k] = flat(v)
		}
	}
	if !h.Occurred.IsZero() {
		m["occurred"] = dateOf(h.Occurred)
	}
	return m
}

// iocFields is what is ours.
func iocFields(h *ioc.Hit, stored any, mark string) es.M {
	m := es.M{
		"key": keyOf(h.Observable), "type": flat(string(h.Type)), "value": flat(h.Value), "before_first_seen": h.BeforeFirstSeen,
		"feeds": feedsOf(h), "reports": reportsOf(h), "claims": len(h.Indicators), "hit": stored,
	}
	if mark != "" {
		m["mark"] = mark
	}
	if h.Score.Value > 0 || h.Severity.Value > 0 {
		m["score"], m["severity"], m["level"], m["alert"] = h.Score.Value, h.Severity.Value, h.Severity.Level(), h.Alert
	}
	var names, providers, tags []string
	for i := range h.Indicators {
		in := &h.Indicators[i]
		providers = add(providers, in.Provider)
		for _, t := range in.Tags {
			tags = add(tags, t)
		}
		for k := range in.Reports {
			names = add(names, in.Reports[k].Name)
		}
	}
	for k, v := range map[string][]string{"report_names": names, "providers": providers, "tags": tags} {
		if len(v) > 0 {
			m[k] = v
		}
	}
	return m
}

// add appends a text to a list for people, once.
func add(to []string, t string) []string {
	if t = flat(t); t == "" || len(to) >= maxNames || slices.Contains(to, t) {
		return to
	}
	return append(to, t)
}

// feedsOf and reportsOf are what a hit is searched by, so they are whole.
func feedsOf(h *ioc.Hit) []string {
	feeds := []string{}
	for i := range h.Indicators {
		if f := short(h.Indicators[i].Feed); !slices.Contains(feeds, f) {
			feeds = append(feeds, f)
		}
	}
	return feeds
}

func reportsOf(h *ioc.Hit) []string {
	ids := []string{}
	seen := map[string]bool{}
	for i := range h.Indicators {
		for k := range h.Indicators[i].Reports {
			if id := short(h.Indicators[i].Reports[k].ID); !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// enrichments is threat.enrichments: what each feed says, and what matched.
func (s *Store) enrichments(h *ioc.Hit) []json.RawMessage {
	all := make([]json.RawMessage, min(len(h.Indicators), maxEnrichments))
	for i := range all {
		in := &h.Indicators[i]
		b := appendThreat(nil, safe(in.Feed), shortValue(in.Value), in)
		b = append(b[:len(b)-1], `,"matched":{"type":"indicator_match_rule"`...)
		b = appendField(b, "atomic", flat(h.Matched))
		b = appendField(b, "field", flat(h.Where.Field))
		b = appendField(b, "id", docID(in.Feed, in.Observable))
		b = appendField(b, "index", s.index())
		b = appendDate(b, "occurred", h.Occurred)
		all[i] = append(b, "}}"...)
	}
	return all
}

// shortValue is a value as it stands in fields that are searched, "" where it is
// too long for them.
func shortValue(v string) string {
	if v = safe(v); len(v) > longValue {
		return ""
	}
	return v
}

// eventFieldNames are the fields of an event that its hit has too, so that a
// dashboard can tell who met the indicator. They are those of the mapping.
var eventFieldNames = []string{
	"source.address", "source.ip", "source.port", "source.domain", "source.mac",
	"destination.address", "destination.ip", "destination.port", "destination.domain", "destination.mac",
	"client.ip", "server.ip", "network.direction", "network.transport", "network.protocol",
	"host.name", "host.hostname", "host.id", "host.ip", "host.os.name", "observer.name", "agent.name",
	"user.name", "user.domain", "user.email", "url.full", "url.original", "url.path", "url.domain", "dns.question.name",
	"email.from.address", "email.to.address", "user_agent.original", "file.name", "file.path", "file.hash.md5", "file.hash.sha1", "file.hash.sha256",
	"process.name", "process.executable", "process.pid", "process.hash.md5", "process.hash.sha1", "process.hash.sha256",
	"event.dataset", "event.module", "event.provider", "event.code", "event.outcome",
}

// maxEvent is the longest document whose fields are read.
const maxEvent = 1 << 20

// eventFields begins the document of a hit with what is known of its event.
func eventFields(h *ioc.Hit) es.M {
	d := es.M{}
	if h.Where.Index != "" && len(h.Record) <= maxEvent {
		var event es.M
		if json.Unmarshal(h.Record, &event) == nil { // a document that is none has no fields
			for _, name := range eventFieldNames {
				if v := values(lookUp(event, name)); len(v) > 0 {
					setPath(d, name, v)
				}
			}
		}
	}
	for name, v := range map[string]string{
		"host.name": h.Where.Host, "log.file.path": h.Where.Path, "network.direction": h.Direction,
		"event.outcome": map[string]string{ioc.Allowed: "success", ioc.Blocked: "failure"}[h.Outcome],
	} {
		if v != "" {
			setPath(d, name, flat(v))
		}
	}
	if h.Where.Path != "" {
		setPath(d, "log.offset", h.Where.Offset)
	}
	return d
}

// lookUp finds a field of a document, whose names may be dotted at any place.
func lookUp(d es.M, path string) any {
	if v, ok := d[path]; ok {
		return v
	}
	for i := range path {
		if path[i] != '.' {
			continue
		}
		if below, ok := d[path[:i]].(es.M); ok {
			if v := lookUp(below, path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// maxValues is how many values of one field of an event are taken.
const maxValues = 100

// values returns what is a text or a number among the values of a field.
func values(v any) (some []any) {
	all, many := v.([]any)
	if !many {
		all = []any{v}
	}
	for _, v := range all[:min(len(all), maxValues)] {
		switch v := v.(type) {
		case string:
			some = append(some, flat(v))
		case float64:
			some = append(some, v)
		}
	}
	return some
}
