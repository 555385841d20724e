package hunt

import (
	"bytes"
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/hunt/logfmt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// match makes a hit of m, unless its observable was met in the same record, or
// every claim about it had ended by the time of the event, or it is not armed and
// only armed ones were asked for.
func (r *reading) match(ctx context.Context, c Chunk, m match.Match) error {
	l := &r.line
	if m.Start >= l.end {
		l.seek(c, m)
	}
	if l.seen.met(m.ID) {
		return nil
	}
	f, err := r.found(ctx, m.ID)
	if err != nil {
		return err
	}
	r.parse(c.Data)
	when, source := r.when()
	valid := validAt(f.claims, when)
	if len(valid) == 0 {
		r.part.Expired++
		return nil
	}
	if !r.o.Disarmed && !armed(valid) {
		r.part.Disarmed++
		return nil
	}
	h := r.cutOut(c, m, f)
	h.Observable, h.Indicators = f.Observable, valid
	h.Time, h.TimeSource, h.Occurred = when, source, r.clock()
	h.Arming = armingOf(valid)
	h.BeforeFirstSeen = olderThanAll(valid, when)
	h.ID = ioc.FileHitID(r.o.Host, h.Record, h.Where.Offset-int64(h.Start), f.Observable)
	return r.take(ctx, h)
}

// found returns what is claimed of an observable.
func (r *reading) found(ctx context.Context, id uint32) (*found, error) {
	at := &r.known[id%knownClaims]
	if f := *at; f != nil && f.id == id {
		return f, nil
	}
	f, err := r.claims.of(ctx, id)
	if err == nil {
		*at = f
	}
	return f, err
}

// clock returns the time, which is asked for once a chunk.
func (r *reading) clock() time.Time {
	if r.now.IsZero() {
		r.now = r.o.Now()
	}
	return r.now
}

// rule returns the words of a rule; there are few, and millions of hits.
func (r *reading) rule(rule match.Rule) string {
	s, ok := r.rules[rule]
	if !ok {
		if r.rules == nil {
			r.rules = make(map[match.Rule]string)
		}
		s = rule.String()
		r.rules[rule] = s
	}
	return s
}

// spelled returns text as a string, which is value if they are equal.
func spelled(text []byte, value string) string {
	if string(text) == value {
		return value
	}
	return string(text)
}

// seen is a set of observables, nearly always of one or two. Those of a line of
// a gigabyte may be all that there are.
type seen struct {
	few  []uint32
	many map[uint32]struct{}
}

// aFew is how many are looked through one by one.
const aFew = 16

// met reports whether id was met before, and adds it.
func (s *seen) met(id uint32) bool {
	if slices.Contains(s.few, id) {
		return true
	}
	if len(s.few) < aFew {
		s.few = append(s.few, id)
		return false
	}
	if _, ok := s.many[id]; ok {
		return true
	}
	if s.many == nil {
		s.many = make(map[uint32]struct{})
	}
	s.many[id] = struct{}{}
	return false
}

func (s *seen) clear() {
	s.few, s.many = s.few[:0], nil
}

// take counts the hit and hands over what has come together.
func (r *reading) take(ctx context.Context, h ioc.Hit) error {
	r.part.Hits++
	if !r.line.hit {
		r.line.hit = true
		r.part.Records++
	}
	if r.o.MaxRecords > 0 && !r.line.counts && (r.o.Counts == nil || r.o.Counts(h)) {
		r.line.counts = true
		r.counted++
	}
	r.hits = append(r.hits, h)
	if len(r.hits) < emitBatch {
		return nil
	}
	return r.flush(ctx)
}

func (r *reading) flush(ctx context.Context) error {
	if len(r.hits) == 0 {
		return nil
	}
	err := r.turns.put(ctx, &r.job, r.hits)
	clear(r.hits)
	r.hits = r.hits[:0]
	return err
}

// fresh forgets the record before.
func (l *line) fresh() {
	l.seen.clear()
	l.hit, l.counts, l.parsed, l.head = false, false, false, l.head[:0]
}

// seek moves to the record in which m lies. If it began in an earlier chunk,
// what is known of it stays.
func (l *line) seek(c Chunk, m match.Match) {
	from := max(l.end, 0)
	l.start = from + bytes.LastIndexByte(c.Data[from:m.Start], '\n') + 1
	l.end = len(c.Data)
	if i := bytes.IndexByte(c.Data[m.End:], '\n'); i >= 0 {
		l.end = m.End + i
	}
	begun := l.start == 0 && c.Lead > 0
	l.part = begun || l.end == len(c.Data) && c.Tail > 0
	if l.end > m.End && c.Data[l.end-1] == '\r' {
		l.end--
	}
	l.number += int64(bytes.Count(c.Data[l.counted:l.start], []byte{'\n'}))
	l.counted = l.start
	if !begun {
		l.fresh()
	}
}

// parse asks for the format of the record, once. Of one that the chunk does not
// hold, the beginning has to do: most formats have the time there.
func (r *reading) parse(data []byte) {
	l := &r.line
	if l.parsed {
		return
	}
	l.parsed = true
	text := data[l.start:l.end]
	if l.part {
		text = text[:min(maxHead, len(text))]
		if len(l.head) > 0 {
			text = l.head
		}
	}
	l.rec.Ref, _ = r.written()
	l.format = logfmt.Detect(text, &l.rec)
}

// written returns when the log was last written: now, if that is not known.
func (r *reading) written() (t time.Time, source string) {
	if d, ok := r.log.(Dated); ok {
		if t, ok := d.ModTime(); ok {
			return t, ioc.TimeMTime
		}
	}
	return r.clock(), ioc.TimeNow
}

// when returns the time of the record.
func (r *reading) when() (t time.Time, source string) {
	if t := r.line.rec.Time; !t.IsZero() {
		return t, ioc.TimeRecord
	}
	return r.written()
}

// cutOut returns the hit with all that the log says of it.
func (r *reading) cutOut(c Chunk, m match.Match, f *found) ioc.Hit {
	l := &r.line
	start, end := l.start, max(l.end, m.End)
	clipped := l.part || end-start > maxRecord
	if clipped {
		start, end = window(c.Data, start, end, m)
	}
	h := ioc.Hit{
		Matched: spelled(c.Data[m.Start:m.End], f.Value),
		Rule:    r.rule(m.Rule),
		Where: ioc.Where{
			Host: r.o.Host, Path: r.log.Name(),
			Line: l.number, Offset: c.Offset + int64(m.Start),
		},
		Format: l.format,
		Record: c.Data[start:end:end], Clipped: clipped,
		Start: m.Start - start, End: m.End - start,
	}
	if h.Where.Host == "" {
		h.Where.Host = l.rec.Host
	}
	if !l.part { // of a part, the other part may say the opposite
		h.Outcome = l.rec.Outcome
		h.Where.Field = l.rec.FieldAt(m.Start-l.start, m.End-l.start)
		h.Direction = l.rec.Direction(m.Start-l.start, m.End-l.start)
	}
	return h
}

// window returns the surroundings of m in data[start:end], cut between letters.
func window(data []byte, start, end int, m match.Match) (int, int) {
	if from := m.Start - around; from > start {
		for start = from; start < from+utf8.UTFMax-1 && !utf8.RuneStart(data[start]); {
			start++
		}
	}
	if to := m.End + around; to < end {
		for end = to; end > to-utf8.UTFMax+1 && !utf8.RuneStart(data[end]); {
			end--
		}
	}
	return start, end
}
