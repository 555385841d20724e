package elastic

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// A hit is stored as an ECS alert, for Kibana and whoever reads indices, and as
// itself (ioc.hit), for us: everything but ioc.hit and event.original is derived,
// may be cut to what a field can take, and is only searched and counted.

// Limits of what is derived. What goes beyond is in ioc.hit.
const (
	maxEnrichments = 1000    // each is a document of its own in the index, whose limit for one hit is 10,000
	maxNames       = 1000    // of a list that is for people
	maxFlat        = 8000    // bytes of one text; a field takes 32,766
	packedFrom     = 1 << 20 // bytes of ioc.hit from which it is compressed
	maxRecord      = 32 << 20
	keptRecord     = 64 << 10 // of a record that is longer than maxRecord, around the match
)

// storedHit is ioc.hit: the hit, so that it reads back as it was. Texts are safe.
// What is looked up when a hit is read (ioc.Hit) is not in it.
type storedHit struct {
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Value           string          `json:"value"`
	Matched         string          `json:"matched,omitempty"`
	Rule            string          `json:"rule,omitempty"`
	Where           ioc.Where       `json:"where"`
	Time            instant         `json:"time,omitzero"`
	TimeSource      string          `json:"time_source,omitempty"`
	BeforeFirstSeen bool            `json:"before_first_seen,omitempty"`
	Occurred        instant         `json:"occurred,omitzero"`
	Format          string          `json:"format,omitempty"`
	Clipped         bool            `json:"record_clipped,omitempty"`
	RecordB64       []byte          `json:"record_b64,omitempty"` // of a record that is no text; else it is event.original
	Start           int             `json:"start"`
	End             int             `json:"end"`
	Direction       string          `json:"direction,omitempty"`
	Outcome         string          `json:"outcome,omitempty"`
	Indicators      json.RawMessage `json:"indicators,omitempty"` // pack of []ioc.Indicator
}

// hitDoc is a document of ioc_hits as it is read.
type hitDoc struct {
	id          string
	seqNo, term int64
	Event       struct {
		Original string `json:"original"`
		Ingested string `json:"ingested"`
	} `json:"event"`
	IOC struct {
		Hit  json.RawMessage `json:"hit"`
		Mark string          `json:"mark"`
	} `json:"ioc"`
}

// hitSource is what of a document hitDoc needs.
var hitSource = []string{"event.original", "event.ingested", "ioc.hit", "ioc.mark"}

// hitDocument makes the document of a hit, stored first at a time.
func (s *Store) hitDocument(h *ioc.Hit, ingested, mark string) ([]byte, error) {
	stored, original, err := storeHit(h)
	if err != nil {
		return nil, err
	}
	d := eventFields(h)
	put := func(path string, v any) { setPath(d, path, v) }
	if !h.Time.IsZero() {
		put("@timestamp", dateOf(h.Time))
	}
	for path, v := range map[string]any{
		"ecs.version": "8.17.0", "event.kind": "alert", "event.category": []string{"threat"}, "event.type": []string{"indicator"},
		"event.action": "ioc-match", "event.id": flat(h.ID), "event.ingested": ingested, "rule.name": flat(h.Rule),
		"threat.enrichments": s.enrichments(h), "type": flat(string(h.Type)), "value": flat(h.Value),
		"matched": matchedFields(h), "ioc": iocFields(h, stored, mark),
	} {
		put(path, v)
	}
	if original != "" {
		put("event.original", original)
	}
	if h.Score.Value > 0 || h.Severity.Value > 0 {
		put("event.risk_score", h.Score.Value)
		put("event.severity", h.Severity.Value)
	}
	return json.Marshal(d)
}

// leastDocument is the document of a hit with only what it is found by. It is for
// a hit of which the cluster refuses the rest.
func (s *Store) leastDocument(h *ioc.Hit, ingested string) ([]byte, error) {
	stored, original, err := storeHit(h)
	if err != nil {
		return nil, err
	}
	d := es.M{"event": es.M{"kind": "alert", "id": flat(h.ID), "ingested": ingested, "original": original}, "ioc": es.M{
		"hit": stored, "key": keyOf(h.Observable), "type": flat(string(h.Type)), "feeds": feedsOf(h), "reports": reportsOf(h)}}
	if !h.Time.IsZero() {
		d["@timestamp"] = dateOf(h.Time)
	}
	return json.Marshal(d)
}

// storeHit makes ioc.hit, and event.original: the record, where it is text.
func storeHit(h *ioc.Hit) (stored any, original string, err error) {
	x := storedHit{ID: safe(h.ID), Type: safe(string(h.Type)), Value: safe(h.Value), Matched: safe(h.Matched), Rule: safe(h.Rule), Where: safeWhere(h.Where, safe),
		Time: instant(h.Time), TimeSource: safe(h.TimeSource), BeforeFirstSeen: h.BeforeFirstSeen, Occurred: instant(h.Occurred), Format: safe(h.Format),
		Direction: safe(h.Direction), Outcome: safe(h.Outcome), Clipped: h.Clipped, Start: h.Start, End: h.End}
	record := h.Record
	if len(record) > maxRecord {
		record = clip(h, &x)
	}
	if utf8.Valid(record) {
		original = string(record)
	} else {
		x.RecordB64 = record
	}
	if len(h.Indicators) > 0 {
		if x.Indicators, err = pack(h.Indicators); err != nil {
			return nil, "", fmt.Errorf("hit %s: its indicators: %w", h.ID, err)
		}
	}
	if len(x.Indicators)+len(x.RecordB64) < packedFrom {
		return x, original, nil
	}
	stored, err = compress(x)
	return stored, original, err
}

// clip cuts a record that no request could hold to the surroundings of the match.
func clip(h *ioc.Hit, x *storedHit) []byte {
	from := min(max(0, h.Start-keptRecord/2), len(h.Record))
	to := min(len(h.Record), max(h.End, from)+keptRecord/2)
	if to-from > maxRecord {
		to = from + maxRecord
	}
	x.Clipped, x.Start, x.End = true, h.Start-from, min(h.End, to)-from
	return h.Record[from:to]
}

// compress makes {"gz": "…"} of what is big.
func compress(v any) (any, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return nil, err
	}
	err := z.Close()
	return es.M{"gz": b.Bytes()}, err
}

// maxUnpacked bounds what a compressed ioc.hit may become.
const maxUnpacked = 2 << 30

// expand is the inverse of compress.
func expand(raw json.RawMessage) (json.RawMessage, error) {
	if !bytes.HasPrefix(raw, []byte(`{"gz":`)) {
		return raw, nil
	}
	var x struct{ GZ []byte }
	if err := json.Unmarshal(raw, &x); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(x.GZ))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxUnpacked))
}

// hit reads the hit of a document.
func (d *hitDoc) hit() (h ioc.Hit, err error) {
	raw, err := expand(d.IOC.Hit)
	var x storedHit
	if err == nil {
		err = json.Unmarshal(raw, &x)
	}
	if err == nil && len(x.Indicators) > 0 {
		err = unpack(x.Indicators, &h.Indicators)
	}
	if err != nil {
		return h, fmt.Errorf("the hit %s of ioc_hits is not what was written: %w", d.id, err)
	}
	h.ID, h.Observable = plain(x.ID), ioc.Observable{Type: ioc.Type(plain(x.Type)), Value: plain(x.Value)}
	h.Matched, h.Rule, h.Where = plain(x.Matched), plain(x.Rule), safeWhere(x.Where, plain)
	h.Time, h.TimeSource, h.Occurred = time.Time(x.Time), plain(x.TimeSource), time.Time(x.Occurred)
	h.BeforeFirstSeen, h.Format, h.Clipped, h.Start, h.End = x.BeforeFirstSeen, plain(x.Format), x.Clipped, x.Start, x.End
	h.Direction, h.Outcome = plain(x.Direction), plain(x.Outcome)
	if h.Record = x.RecordB64; len(h.Record) == 0 && d.Event.Original != "" {
		h.Record = []byte(d.Event.Original)
	}
	return h, nil
}

// readHitDoc reads a document of an answer; its source has at least hitSource.
func readHitDoc(h *es.Hit) (*hitDoc, error) {
	d := &hitDoc{id: h.ID, seqNo: h.SeqNo, term: h.PrimaryTerm}
	if err := json.Unmarshal(h.Source, d); err != nil {
		return nil, fmt.Errorf("the document %s of ioc_hits is not one of iochunt's: %w", h.ID, err)
	}
	return d, nil
}

// safeWhere applies safe, or plain, to the texts of a place.
func safeWhere(w ioc.Where, f func(string) string) ioc.Where {
	w.Host, w.Path, w.Index, w.DocID, w.Field = f(w.Host), f(w.Path), f(w.Index), f(w.DocID), f(w.Field)
	return w
}

// flat cuts a text to what a keyword field takes.
func flat(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= maxFlat {
		return s
	}
	n := maxFlat
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// setPath sets a value below a dotted name.
func setPath(d es.M, path string, v any) {
	head, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		d[head] = v
		return
	}
	below, ok := d[head].(es.M)
	if !ok {
		below = es.M{}
		d[head] = below
	}
	setPath(below, rest, v)
}
