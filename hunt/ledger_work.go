package hunt

import (
	"cmp"
	"slices"
	"time"
)

// Work is what the hunters of a source are at: a run, cut into units. There is
// one at a time. A hunter that finds one open joins it.
//
// Hosts do not agree on the time, so no time of one is compared with that of
// another. A hunter that lives counts up its number in Hunters; whoever has seen
// it stand still for longer than the lease, by his own clock, takes it for dead
// and its units for free.
type Work struct {
	Number   int64            `json:"number"` // greater than that of the work before
	Source   string           `json:"source"`
	Armed    uint64           `json:"armed"` // what is done has met all indicators up to this
	Begun    time.Time        `json:"begun"` // for people
	Closed   bool             `json:"closed,omitempty"`
	Indices  []string         `json:"indices,omitempty"`  // ids of all indices of the source
	Complete bool             `json:"complete,omitempty"` // none is missing in Indices
	Hunters  map[string]int64 `json:"hunters,omitempty"`
	Units    []Unit           `json:"units,omitempty"`
}

// Unit is a part of a run that one hunter does: some stretches of an index, and
// the indicators that they have not met.
type Unit struct {
	Index  string    `json:"index"`
	ID     string    `json:"id"`
	Key    string    `json:"key"`
	Pieces []Piece   `json:"pieces"`
	Since  uint64    `json:"since"`            // indicators armed after this; 0 all
	Fields []string  `json:"fields,omitempty"` // only these; none: all
	Group  int       `json:"group"`            // units of the same stretches, by other fields: only together they cover it
	Events int64     `json:"events"`           // about
	Whole  bool      `json:"whole,omitempty"`  // of the index, or nearly
	State  string    `json:"state,omitempty"`
	By     string    `json:"by,omitempty"`
	From   string    `json:"from,omitempty"` // who had it before, and is gone
	Why    string    `json:"why,omitempty"`  // it failed
	Done   *UnitDone `json:"done,omitempty"`
	Left   []Trouble `json:"left,omitempty"`
}

// States of a unit. All but free and taken are final.
const (
	UnitIsFree   = ""
	UnitIsTaken  = "taken"
	UnitIsDone   = "done"   // and its hits are kept
	UnitIsFailed = "failed" // the stretch stays uncovered
	UnitIsStale  = "stale"  // the index is not any more what it was when the unit was made
)

// UnitDone says what came of a unit.
type UnitDone struct {
	Run       int64     `json:"run"`
	At        time.Time `json:"at"`
	Events    int64     `json:"events"`
	Documents int64     `json:"documents"` // with hits
	Hits      int64     `json:"hits"`
	TookMS    int64     `json:"took_ms"`
	Plans     []string  `json:"plans,omitempty"`    // that were used
	Streamed  []string  `json:"streamed,omitempty"` // fields that were read in full
}

func (d *UnitDone) add(e UnitDone) {
	d.Events = max(d.Events, e.Events)
	d.Documents += e.Documents
	d.Hits += e.Hits
	d.TookMS += e.TookMS
	d.Plans = union(d.Plans, e.Plans)
	d.Streamed = union(d.Streamed, e.Streamed)
}

// union returns the sorted union of two lists.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// unitEvents is how many events make an index big enough to be hunted by
// several units.
const unitEvents = 500_000

// plan returns the units that are missing until all events of the indices, as
// they stand, have met all that is armed up to armed.
func plan(c *Coverage, indices []IndexState, armed uint64, now time.Time) []Unit {
	var units []Unit
	for i := range indices {
		x := &indices[i]
		for since, pieces := range missing(c.index(x.Name, x.ID, x.Key), x, armed, now) {
			units = append(units, x.unit(since, pieces))
		}
	}
	// the newest events first: what comes of them is worth the most
	slices.SortStableFunc(units, func(a, b Unit) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(b.Index, a.Index), cmp.Compare(a.Events, b.Events))
	})
	return byFields(units, indices)
}

// missing returns what of an index has not met all indicators, by the armed
// counter that it has met.
func missing(c *IndexCoverage, x *IndexState, armed uint64, now time.Time) map[uint64][]Piece {
	out := make(map[uint64][]Piece)
	for _, s := range x.Lanes {
		l := &Lane{}
		if c != nil && c.lane(s.Name) != nil {
			l = c.lane(s.Name)
		}
		if l.History != s.History { // its numbers are those of other events
			l = &Lane{}
		}
		p := Piece{Lane: s.Name, Stamp: s.Stamp, History: s.History}
		if s.Stamp != "" {
			l, p = again(l, p, x.Settle, now)
		}
		l.levels(s.UpTo, func(over, upTo int64, covered bool, met uint64) {
			if covered && met >= armed {
				return
			}
			p.Over, p.UpTo = over, upTo
			p.Events = min(s.Events, upTo-over)
			if s.Stamp != "" {
				p.Events = s.Events
			}
			out[met] = append(out[met], p)
		})
	}
	return out
}

// again says what is known of a slice: nothing, if it is not any more what it
// was. And nothing once more when it has settled: the copy of a shard that was
// asked for the stamp may have had what the copy that was hunted had not yet.
func again(l *Lane, p Piece, settle time.Duration, now time.Time) (*Lane, Piece) {
	switch {
	case l.Stamp != p.Stamp:
		p.Seen = now
		return &Lane{}, p
	case !l.Settled && !now.Before(l.Seen.Add(settle)):
		p.Settle = true
		return &Lane{}, p
	}
	return l, p
}

// unit makes the unit for some stretches.
func (x *IndexState) unit(since uint64, pieces []Piece) Unit {
	u := Unit{Index: x.Name, ID: x.ID, Key: x.Key, Pieces: pieces, Since: since, Left: x.Left}
	for _, p := range pieces {
		u.Events += p.Events
	}
	u.Events = min(u.Events, x.Docs)
	u.Whole = u.Events*10 >= x.Docs*9
	return u
}

// byFields numbers the units, and cuts big ones by fields: to cut them by
// events would make each part go over the values of the whole index.
func byFields(units []Unit, indices []IndexState) []Unit {
	out := make([]Unit, 0, len(units))
	for i, u := range units {
		u.Group = i
		at := slices.IndexFunc(indices, func(x IndexState) bool { return x.Name == u.Index })
		groups := indices[at].Groups
		if u.Events < unitEvents || len(groups) < 2 {
			out = append(out, u)
			continue
		}
		for _, fields := range groups {
			u.Fields = fields
			out = append(out, u)
		}
	}
	return out
}

// final reports whether nobody will do anything about the unit.
func (u *Unit) final() bool { return u.State != UnitIsFree && u.State != UnitIsTaken }

// finished reports whether all units are final.
func (w *Work) finished() bool {
	return !slices.ContainsFunc(w.Units, func(u Unit) bool { return !u.final() })
}

// openGroups returns the groups that are not done in all parts.
func (w *Work) openGroups() map[int]bool {
	open := make(map[int]bool)
	for i := range w.Units {
		if u := &w.Units[i]; u.State != UnitIsDone {
			open[u.Group] = true
		}
	}
	return open
}
