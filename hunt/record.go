package hunt

import (
	"bytes"
	"context"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/hunt/logfmt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

// match makes a hit of m, unless its observable was met in the same record, or
// every claim about it had ended by the time of the event.
func (r *reading) match(ctx context.Context, c Chunk, m match.Match) error {
	l := &r.line
	if m.Start >= l.end {
		l.seek(c, m)
	}
	if _, met := l.seen[m.ID]; met {
		return nil
	}
	l.seen[m.ID] = struct{}{}
	f, err := r.claims.of(ctx, m.ID)
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
	h := r.cutOut(c, m)
	h.Observable, h.Indicators = f.Observable, valid
	h.Time, h.TimeSource, h.Occurred = when, source, r.o.Now()
	h.BeforeFirstSeen = olderThanAll(valid, when)
	h.ID = ioc.FileHitID(r.o.Host, h.Record, h.Where.Offset-int64(h.Start), f.Observable)
	return r.take(ctx, h)
}

// take counts the hit and hands over what has come together.
func (r *reading) take(ctx context.Context, h ioc.Hit) error {
	r.part.Hits++
	if !r.line.hit {
		r.line.hit = true
		r.part.Records++
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
	if l.seen == nil {
		l.seen = make(map[uint32]struct{})
	}
	clear(l.seen)
	l.hit, l.parsed, l.head = false, false, l.head[:0]
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
	return r.o.Now(), ioc.TimeNow
}

// when returns the time of the record.
func (r *reading) when() (t time.Time, source string) {
	if t := r.line.rec.Time; !t.IsZero() {
		return t, ioc.TimeRecord
	}
	return r.written()
}

// cutOut returns the hit with all that the log says of it.
func (r *reading) cutOut(c Chunk, m match.Match) ioc.Hit {
	l := &r.line
	start, end := l.start, max(l.end, m.End)
	clipped := l.part || end-start > maxRecord
	if clipped {
		start, end = window(c.Data, start, end, m)
	}
	h := ioc.Hit{
		Matched: string(c.Data[m.Start:m.End]),
		Rule:    m.Rule.String(),
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
	if !l.part {
		h.Where.Field = l.rec.FieldAt(m.Start-l.start, m.End-l.start)
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
