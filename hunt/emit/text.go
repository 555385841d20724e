package emit

import (
	"context"
	"strconv"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/term"
)

func init() {
	register(Kind{"text", "lines as grep writes them; on a terminal with the claims below", newText})
}

// text writes "path:line:record" for each record with hits, whatever their
// number. Of a record that is too long for a hit to carry, each hit has a line
// with its surroundings between ellipses. On a terminal, and with Explain, what the feeds say of each hit
// stands below, indented.
type text struct {
	o     Options
	out   output
	last  lastSpot
	faint bool // what is being explained is below the thresholds
}

func newText(o Options) (hunt.Sink, error) {
	return &text{o: o, out: output{w: o.Out}}, noSettings(o)
}

func (s *text) Emit(_ context.Context, hits []ioc.Hit) error {
	for at, group := range groups(hits, textSpot) {
		moved := s.last.moved(at)
		switch {
		case s.o.OnlyMatching:
			s.matches(group)
		default:
			if moved {
				s.record(group)
			}
			s.explainAll(group)
		}
		s.out.spill()
	}
	return s.out.flush()
}

func (s *text) Close() error { return s.out.flush() }

// record writes one record with its matches marked.
func (s *text) record(group []ioc.Hit) {
	h := &group[0]
	s.prefix(h, recordOffset(h))
	marks, rec := marksOf(group), h.Record
	if s.o.Terminal && len(rec) > 0 && rec[len(rec)-1] == '\r' {
		rec = rec[:len(rec)-1] // the rest of a line end, which \r would only clutter
	}
	windows := []span{{0, len(rec)}}
	if s.o.Terminal {
		windows = clip(rec, marks, s.o.Width)
	}
	s.more(h)
	s.windows(rec, windows, marks)
	s.more(h)
	s.out.b = append(s.out.b, '\n')
}

// matches writes each match on a line of its own.
func (s *text) matches(group []ioc.Hit) {
	for i := range group {
		h := &group[i]
		if i == 0 || h.Start != group[i-1].Start || h.End != group[i-1].End {
			s.prefix(h, h.Where.Offset)
			s.out.coloured(s.o, term.Red, h.Matched)
			s.out.b = append(s.out.b, '\n')
		}
		if s.o.Explain {
			s.explain(h)
		}
	}
}

func (s *text) explainAll(group []ioc.Hit) {
	if !s.o.Terminal && !s.o.Explain {
		return
	}
	for i := range group {
		s.explain(&group[i])
	}
}

// prefix writes what grep puts before a line.
func (s *text) prefix(h *ioc.Hit, offset int64) {
	if s.o.WithName {
		s.out.name(s.o, place(h))
		s.out.afterName(s.o, ':')
	}
	if s.o.LineNumber && h.Where.Line > 0 {
		s.number(h.Where.Line)
	}
	if s.o.ByteOffset && h.Where.DocID == "" {
		s.number(offset)
	}
}

func (s *text) number(n int64) {
	s.out.coloured(s.o, term.Line, strconv.FormatInt(n, 10))
	s.out.coloured(s.o, term.Sep, ":")
}

// windows writes the parts of rec that are shown, and between them how much is
// not.
func (s *text) windows(rec []byte, windows, marks []span) {
	at := 0
	for _, w := range windows {
		s.gap(w.start - at)
		for _, m := range marks {
			if m.end <= at || m.start >= w.end {
				continue
			}
			from, to := max(m.start, w.start), min(m.end, w.end)
			s.plain(rec[max(at, w.start):max(from, at, w.start)])
			s.out.coloured(s.o, term.Red, string(rec[from:to]))
			at = to
		}
		s.plain(rec[max(at, w.start):w.end])
		at = w.end
	}
	s.gap(len(rec) - at)
}

// more marks both ends of a text that is not the whole record: a hit does not
// know how much is missing.
func (s *text) more(h *ioc.Hit) {
	if h.Clipped {
		s.out.coloured(s.o, term.Faint, "…")
	}
}

func (s *text) gap(n int) {
	if n > 0 {
		s.out.coloured(s.o, term.Faint, "…["+strconv.Itoa(n)+" bytes]…")
	}
}

func (s *text) plain(b []byte) { s.out.foreign(s.o, b) }

// name writes the name of a log.
func (o *output) name(opt Options, log string) { o.coloured(opt, term.Path, log) }

// afterName writes a NUL if one was asked for, else sep.
func (o *output) afterName(opt Options, sep byte) {
	switch {
	case opt.Null:
		o.b = append(o.b, 0)
	case sep == ':':
		o.coloured(opt, term.Sep, ":")
	default:
		o.b = append(o.b, sep)
	}
}

// foreign appends bytes that are not ours.
func (o *output) foreign(opt Options, b []byte) {
	if opt.Terminal || opt.Safe {
		o.b = term.Escape(o.b, b)
		return
	}
	o.b = append(o.b, b...)
}

// coloured appends text that is not ours in a colour that is.
func (o *output) coloured(opt Options, sgr, s string) {
	if !opt.Colour || s == "" {
		o.foreign(opt, []byte(s))
		return
	}
	o.b = append(o.b, sgr...)
	o.foreign(opt, []byte(s))
	o.b = append(o.b, term.Reset...)
}
