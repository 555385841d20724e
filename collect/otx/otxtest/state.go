package otxtest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// entry is what is known of a pulse without making it. Entries are never
// changed but replaced, so that an answer under way sees one state.
type entry struct {
	id       string
	n        int    // number of a generated pulse
	pulse    *Pulse // nil: to be generated
	author   string
	modified time.Time
	private  bool
	follow   int8 // 1 subscribed to this pulse, -1 unsubscribed from it, 0 as its author is
}

// event is an entry of /pulses/events.
type event struct {
	id                 int
	action, kind, what string
	created            time.Time
}

// state is the account as it is now. The server's mutex guards it.
type state struct {
	gen    generator
	byID   map[string]*entry
	order  []*entry // newest modified first, when sorted is set
	sorted bool
	users  map[string]bool // authors that the owner is subscribed to
	events []event         // oldest first
	clock  time.Time       // of the last change; every change moves it on by a second
	nextID int64           // of an indicator that names none
}

func newState(a Account) *state {
	g := generator{a}
	st := &state{gen: g, byID: make(map[string]*entry, g.total()), users: map[string]bool{a.User: true}, clock: a.Start, nextID: 1 << 40}
	for _, name := range authors {
		st.users[name] = true
	}
	for i := range g.total() {
		st.put(&entry{id: g.id(i), n: i, author: g.author(i), modified: g.modified(i), private: g.private(i)})
	}
	for i := range a.Extra {
		p := clonePulse(&a.Extra[i])
		if p.Modified.IsZero() {
			p.Modified = a.Start.Add(time.Duration(i) * a.Step)
		}
		st.users[or(p.Author, authors[0])] = true
		st.add(p)
	}
	return st
}

// put adds e, or replaces the entry of the same id.
func (st *state) put(e *entry) {
	if old := st.byID[e.id]; old != nil {
		st.order[slices.Index(st.order, old)] = e
	} else {
		st.order = append(st.order, e)
	}
	st.byID[e.id] = e
	st.sorted = false
	if e.modified.After(st.clock) {
		st.clock = e.modified
	}
}

// tick returns the time of a change made now: later than all that was.
func (st *state) tick() time.Time {
	st.clock = st.clock.Add(time.Second)
	return st.clock
}

// add completes p and stores it.
func (st *state) add(p *Pulse) string {
	p.Modified = or(p.Modified, st.clock.Add(time.Second)).UTC().Truncate(time.Microsecond)
	p.Created = or(p.Created, p.Modified)
	p.Author = or(p.Author, authors[0])
	p.Revision = or(p.Revision, 1)
	p.TLP = or(p.TLP, "white")
	if p.ID == "" {
		p.ID = fmt.Sprintf("%08x%016x", uint32(p.Created.Unix()), mix(uint64(len(st.order))))
	}
	st.complete(p)
	st.put(&entry{id: p.ID, pulse: p, author: p.Author, modified: p.Modified, private: p.Private})
	return p.ID
}

func (st *state) complete(p *Pulse) {
	for i := range p.Indicators {
		ind := &p.Indicators[i]
		ind.Created = or(ind.Created, p.Created.Truncate(time.Second))
		if ind.ID == 0 {
			ind.ID = st.nextID
			st.nextID++
		}
	}
}

func (st *state) note(action, kind, what string) {
	st.events = append(st.events, event{id: len(st.events) + 1, action: action, kind: kind, what: what, created: st.tick()})
}

// subscribed reports whether e is in the owner's feed: by its author or by
// itself.
func (st *state) subscribed(e *entry) bool {
	return e.follow > 0 || e.follow == 0 && st.users[e.author]
}

// list returns the pulses that keep says, newest modified first; of those
// modified at the same time the greater id comes first.
func (st *state) list(keep func(*entry) bool) []*entry {
	if !st.sorted {
		slices.SortFunc(st.order, func(a, b *entry) int {
			return cmp.Or(b.modified.Compare(a.modified), strings.Compare(b.id, a.id))
		})
		st.sorted = true
	}
	var out []*entry
	for _, e := range st.order {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}

// headOf returns the pulse of e; a generated one has no Indicators, they are to
// be had from each.
func (g generator) headOf(e *entry) *Pulse {
	if e.pulse != nil {
		return e.pulse
	}
	p := g.head(e.n)
	return &p
}

// counts returns how many indicators e has and how many of them are active.
func (g generator) counts(e *entry) (all, active int) {
	if e.pulse == nil {
		return g.size(e.n)
	}
	for i := range e.pulse.Indicators {
		if !e.pulse.Indicators[i].Inactive {
			active++
		}
	}
	return len(e.pulse.Indicators), active
}

// each yields indicators from to to of e (to < 0: all from there on), of the
// active ones, or of all with the inactive ones at the end.
func (g generator) each(e *entry, from, to int, inactive bool) iter.Seq[Indicator] {
	all, active := g.counts(e)
	end := active
	if inactive {
		end = all
	}
	if to >= 0 {
		end = min(end, to)
	}
	if e.pulse != nil {
		sorted := slices.SortedStableFunc(slices.Values(e.pulse.Indicators), func(a, b Indicator) int { return boolInt(a.Inactive) - boolInt(b.Inactive) })
		return slices.Values(sorted[min(from, end):end])
	}
	return func(yield func(Indicator) bool) {
		for j := from; j < end; j++ {
			if !yield(g.indicator(e.n, j)) {
				return
			}
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// full returns a copy of the pulse of e with everything in it.
func (g generator) full(e *entry) *Pulse {
	if e.pulse != nil {
		return clonePulse(e.pulse)
	}
	p := g.head(e.n)
	p.Indicators = slices.Collect(g.each(e, 0, -1, true))
	return &p
}

func clonePulse(p *Pulse) *Pulse {
	c := *p
	for _, s := range []*[]string{&c.Tags, &c.References, &c.Countries, &c.Industries, &c.AttackIDs, &c.Families} {
		*s = slices.Clone(*s)
	}
	c.Indicators = slices.Clone(c.Indicators)
	return &c
}
