package hunt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/iochunt/iochunt/hunt/logfmt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// TimeIngest says of a Hit that the document does not say when the event
// happened, only when it was written down or came in.
const TimeIngest = "ingest"

// formats of documents.
const (
	formatECS  = "ecs" // the document says which version of ECS it has
	formatJSON = "json"
)

// documents makes hits of what one unit finds.
type documents struct {
	*query
	arms          *weapons
	run           int64 // number of the work
	err           error // of the sink or of the claims: it ends the run
	records, hits int
}

// take makes hits of documents and hands them over.
func (d *documents) take(ctx context.Context, docs []Document) error {
	var hits []ioc.Hit
	var part QuerySummary
	for i := range docs {
		was := len(hits)
		var err error
		if hits, err = d.hitsOf(ctx, &docs[i], hits, &part); err != nil {
			return err
		}
		if len(hits) > was {
			part.Records++
			if docs[i].Time.IsZero() {
				part.Timeless++
			}
		}
	}
	part.Hits = len(hits)
	if err := d.emit(ctx, hits); err != nil {
		return err
	}
	d.records += part.Records
	d.hits += part.Hits
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sum.add(part)
	return nil
}

func (s *QuerySummary) add(p QuerySummary) {
	s.Records += p.Records
	s.Hits += p.Hits
	s.Expired += p.Expired
	s.Disarmed += p.Disarmed
	s.Timeless += p.Timeless
}

func (d *documents) emit(ctx context.Context, hits []ioc.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	d.out.Lock()
	defer d.out.Unlock()
	if err := d.to.Emit(ctx, hits); err != nil {
		return fmt.Errorf("write hits: %w", err)
	}
	return nil
}

// hitsOf appends the hits of one document, one for each observable.
func (d *documents) hitsOf(ctx context.Context, doc *Document, hits []ioc.Hit, sum *QuerySummary) ([]ioc.Hit, error) {
	var met seen
	e := event{now: d.o.Now()}
	for _, m := range doc.Matches {
		if met.met(m.ID) {
			continue
		}
		f, err := d.arms.claims.of(ctx, m.ID)
		if err != nil {
			return hits, err
		}
		e.read(doc)
		valid := validAt(f.claims, e.time)
		switch {
		case len(valid) == 0:
			sum.Expired++
		case !d.o.Disarmed && !armed(valid):
			sum.Disarmed++
		default:
			h := e.hit(doc, m)
			h.Observable, h.Indicators, h.Arming = f.Observable, valid, armingOf(valid)
			h.BeforeFirstSeen = olderThanAll(valid, e.time)
			h.ID = ioc.DocHitID(d.o.Name, idIn(doc), doc.Time, f.Observable)
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// idIn tells a document from all others of its source. Its own id does, together
// with its time, and stays the same in another index. Without a time the index
// has to: documents are called 1, 2, 3 in many.
func idIn(doc *Document) string {
	if doc.Time.IsZero() {
		return doc.Index + "/" + doc.ID
	}
	return doc.ID
}

// event is what a document says beside its values. It is read once something in
// it matched an observable.
type event struct {
	now    time.Time
	known  bool
	record []byte
	rec    logfmt.Record
	format string
	time   time.Time
	source string
}

func (e *event) read(doc *Document) {
	if e.known {
		return
	}
	e.known = true
	e.record = compact(doc.Source)
	e.format = formatJSON
	logfmt.Detect(e.record, &e.rec)
	for _, f := range e.rec.Fields {
		if f.Name == "ecs.version" {
			e.format = formatECS
		}
	}
	switch {
	case !doc.Time.IsZero():
		e.time, e.source = doc.Time, ioc.TimeRecord
	case !e.rec.Time.IsZero():
		e.time, e.source = e.rec.Time, TimeIngest
	default:
		e.time, e.source = e.now, ioc.TimeNow
	}
}

// compact returns JSON on one line, or the text as it is if it is none.
func compact(source []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(source))
	if json.Compact(&b, source) != nil {
		return source
	}
	return b.Bytes()
}

// hit returns the hit with all that the document says of it.
func (e *event) hit(doc *Document, m FieldMatch) ioc.Hit {
	h := ioc.Hit{
		Matched: matched(m), Rule: m.Rule.String(),
		Where: ioc.Where{Host: e.rec.Host, Index: doc.Index, DocID: doc.ID, Field: m.Field},
		Time:  e.time, TimeSource: e.source, Occurred: e.now,
		Format: e.format, Record: e.record, Outcome: e.rec.Outcome,
	}
	var ok bool
	if h.Start, h.End, ok = e.find(m.Field, h.Matched); ok {
		h.Direction = e.rec.Direction(h.Start, h.End)
	}
	if len(h.Record) > maxRecord {
		clip(&h)
	}
	return h
}

func matched(m FieldMatch) string {
	if m.Start < 0 || m.End > len(m.Value) || m.Start >= m.End {
		return m.Value
	}
	return strings.Clone(m.Value[m.Start:m.End])
}

// find returns where text stands in the record: within the field, if it is
// there, else anywhere.
func (e *event) find(field, text string) (start, end int, ok bool) {
	if text == "" {
		return 0, 0, false
	}
	for at := 0; ; {
		i := bytes.Index(e.record[at:], []byte(text))
		if i < 0 {
			return start, end, ok
		}
		at += i
		if e.rec.FieldAt(at, at+len(text)) == field {
			return at, at + len(text), true
		}
		if !ok {
			start, end, ok = at, at+len(text), true
		}
		at += len(text)
	}
}

// clip leaves of a long record what stands around the match.
func clip(h *ioc.Hit) {
	from, to := window(h.Record, 0, len(h.Record), match.Match{Start: h.Start, End: h.End})
	h.Record, h.Clipped = h.Record[from:to:to], true
	h.Start, h.End = h.Start-from, h.End-from
}
