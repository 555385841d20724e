package hunt

import (
	"slices"
	"time"
)

// Coverage says which events of a source have met which indicators. It is the
// only thing that a run relies on when it decides what need not be hunted, so
// whatever is not in it is hunted.
//
// Two watermarks make a run the sum of what is new: an event has a place in its
// lane (the sequence number in its shard), an indicator has a place among all
// (the armed counter). For each stretch of a lane the coverage holds the armed
// counter up to which its events have met every indicator. New events lie
// outside all stretches and meet all indicators; old events meet those armed
// since. So each pair meets once.
type Coverage struct {
	Source  string          `json:"source"`
	Name    string          `json:"name"`    // of the page: of the source, for one store of indicators
	Run     int64           `json:"run"`     // number of the last work that is in it
	Changed time.Time       `json:"changed"` // last
	Indices []IndexCoverage `json:"indices"`
}

// IndexCoverage is the coverage of one index.
type IndexCoverage struct {
	Index string    `json:"index"`
	ID    string    `json:"id"`  // an index that was made anew under its name has another
	Key   string    `json:"key"` // of the fields and rules; with another key all is hunted again
	Lanes []Lane    `json:"lanes"`
	Last  *UnitDone `json:"last,omitempty"` // what the last run did
	Left  []Trouble `json:"left,omitempty"` // fields that cannot be hunted, and why
}

// Lane is a numbered row of events: a shard by sequence numbers. Where those
// cannot be had, a lane is a slice of the index that can only be hunted as a
// whole (Over -1, UpTo 0), and Stamp tells whether it is still the same.
type Lane struct {
	Name    string    `json:"name"`
	Spans   []Span    `json:"spans"`
	Stamp   string    `json:"stamp,omitempty"`
	Seen    time.Time `json:"seen,omitzero"`     // when the stamp was seen first
	Settled bool      `json:"settled,omitempty"` // it was hunted again when all copies had to have what the stamp counts
	History string    `json:"history,omitempty"` // that the numbers are of: a shard brought back from a snapshot gives them again
}

// Span says that all events with Over < number <= UpTo have met all indicators
// armed up to Armed.
type Span struct {
	Over  int64  `json:"over"`
	UpTo  int64  `json:"up_to"`
	Armed uint64 `json:"armed"`
}

// Piece is a stretch of a lane that is to be hunted.
type Piece struct {
	Lane   string    `json:"lane"`
	Over   int64     `json:"over"`
	UpTo   int64     `json:"up_to"`
	Stamp  string    `json:"stamp,omitempty"`
	Seen   time.Time `json:"seen,omitzero"`
	Settle bool      `json:"settle,omitempty"` // done, the lane is settled
	Events int64     `json:"-"`

	History string `json:"history,omitempty"`
}

// UpTo returns up to which number, and up to which armed counter, the lane is
// covered without a gap from its beginning.
func (l *Lane) UpTo() (number int64, armed uint64) {
	number = -1
	for i, s := range l.Spans {
		if s.Over > number {
			break
		}
		if i == 0 || s.Armed < armed {
			armed = s.Armed
		}
		number = s.UpTo
	}
	return number, armed
}

// raise notes that the events of p have met what is armed up to armed.
func (l *Lane) raise(p Piece, armed uint64) {
	if l.Stamp != p.Stamp || l.History != p.History {
		*l = Lane{Name: l.Name, Stamp: p.Stamp, Seen: p.Seen, History: p.History}
	}
	l.Settled = l.Settled || p.Settle
	var out []Span
	at := p.Over // what lies before is told by out
	for _, s := range l.Spans {
		out = appendSpan(out, Span{s.Over, min(s.UpTo, p.Over), s.Armed})
		if in := (Span{max(s.Over, p.Over), min(s.UpTo, p.UpTo), max(s.Armed, armed)}); in.Over < in.UpTo {
			out = appendSpan(out, Span{at, in.Over, armed})
			out = appendSpan(out, in)
			at = in.UpTo
		}
		if s.UpTo > p.UpTo {
			out = appendSpan(out, Span{at, p.UpTo, armed})
			at = max(at, p.UpTo)
		}
		out = appendSpan(out, Span{max(s.Over, p.UpTo), s.UpTo, s.Armed})
	}
	l.Spans = appendSpan(out, Span{at, p.UpTo, armed})
}

// appendSpan adds s unless it is empty, and joins it with the one it goes on.
func appendSpan(spans []Span, s Span) []Span {
	if s.Over >= s.UpTo {
		return spans
	}
	if n := len(spans); n > 0 && spans[n-1].UpTo == s.Over && spans[n-1].Armed == s.Armed {
		spans[n-1].UpTo = s.UpTo
		return spans
	}
	return append(spans, s)
}

// levels calls f for each stretch of (-1, upTo]: not covered at all, or up to
// an armed counter.
func (l *Lane) levels(upTo int64, f func(over, upTo int64, covered bool, armed uint64)) {
	at := int64(-1)
	for _, s := range l.Spans {
		if s.Over >= upTo {
			break
		}
		if at < s.Over {
			f(at, s.Over, false, 0)
		}
		end := min(s.UpTo, upTo)
		f(s.Over, end, true, s.Armed)
		at = end
	}
	if at < upTo {
		f(at, upTo, false, 0)
	}
}

// index returns the coverage of an index, nil if it has none.
func (c *Coverage) index(name, id, key string) *IndexCoverage {
	for i := range c.Indices {
		if x := &c.Indices[i]; x.Index == name && x.ID == id && x.Key == key {
			return x
		}
	}
	return nil
}

func (x *IndexCoverage) lane(name string) *Lane {
	for i := range x.Lanes {
		if x.Lanes[i].Name == name {
			return &x.Lanes[i]
		}
	}
	return nil
}

// apply takes over what was done in w.
func (c *Coverage) apply(w *Work, now time.Time) {
	c.Run, c.Changed = w.Number, now
	if w.Complete {
		c.Indices = slices.DeleteFunc(c.Indices, func(x IndexCoverage) bool { return !slices.Contains(w.Indices, x.ID) })
	}
	open := w.openGroups()
	for i := range w.Units {
		if u := &w.Units[i]; u.State == UnitIsDone && !open[u.Group] {
			c.cover(u, w.Armed)
		}
	}
}

// cover takes over one unit. An index with another id or key begins anew.
func (c *Coverage) cover(u *Unit, armed uint64) {
	x := c.index(u.Index, u.ID, u.Key)
	if x == nil {
		c.Indices = slices.DeleteFunc(c.Indices, func(x IndexCoverage) bool { return x.Index == u.Index })
		c.Indices = append(c.Indices, IndexCoverage{Index: u.Index, ID: u.ID, Key: u.Key})
		x = &c.Indices[len(c.Indices)-1]
	}
	for _, p := range u.Pieces {
		l := x.lane(p.Lane)
		if l == nil {
			x.Lanes = append(x.Lanes, Lane{Name: p.Lane, Stamp: p.Stamp, Seen: p.Seen, History: p.History})
			l = &x.Lanes[len(x.Lanes)-1]
		}
		l.raise(p, armed)
	}
	if u.Done != nil {
		x.note(u)
	}
	x.Left = u.Left
}

// note keeps what the last run did: units of one run are added up.
func (x *IndexCoverage) note(u *Unit) {
	if x.Last == nil || x.Last.Run != u.Done.Run {
		x.Last = u.Done
		return
	}
	x.Last.add(*u.Done)
}
