package memory

import (
	"context"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// put is one batch on its way into the store. The context is asked before it
// begins: a batch is stored whole or not at all, and takes milliseconds.
type put struct {
	*Store
	feed    *feed
	steps   map[string]*step
	before  map[uint32]state // of observables that the batch touches
	stale   map[uint32]bool  // observables whose expiry has to be found anew
	changes ioc.Changes
}

// step is what the batch does to a report.
type step struct {
	*report
	todo   store.Step
	listed bool
}

// PutBatch stores a batch and its cursor.
func (s *Store) PutBatch(ctx context.Context, name string, b ioc.Batch) (ioc.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return ioc.Changes{}, err
	}
	p := s.newPut(name)
	lists, gone := store.Lists(b)
	for _, l := range lists {
		p.list(l)
	}
	p.refuse(b.Refused)
	for ms := b.Members; len(ms) > 0; {
		n := min(blockSize, len(ms))
		p.chunk(ms[:n])
		ms = ms[n:]
	}
	p.withdrawals(gone)
	if b.Next != "" {
		p.feed.cursor = b.Next
	}
	return p.finish(), nil
}

func (s *Store) newPut(name string) *put {
	f := s.feeds[name]
	if f == nil {
		f = &feed{name: name, reports: map[string]*report{}, refused: map[string]map[ioc.Refusal]bool{}}
		s.feeds[name] = f
	}
	return &put{Store: s, feed: f, steps: map[string]*step{}, before: map[uint32]state{}, stale: map[uint32]bool{}}
}

func (p *put) list(l store.List) {
	r := p.feed.reports[l.ID]
	if r == nil {
		r = &report{Report: l.Report, feed: p.feed, id: uint32(len(p.reports)), first: none}
		p.reports = append(p.reports, r)
		p.feed.reports[l.ID] = r
	}
	st := &step{report: r, todo: store.Add, listed: l.Announced}
	p.steps[l.ID] = st
	if l.Announced {
		st.todo = r.Part(l)
	}
	if st.todo == store.Skip {
		return
	}
	r.gone = false
	if l.Announced {
		r.Report = l.Report
	}
	if l.Start {
		delete(p.feed.refused, l.ID)
	}
}

func (p *put) refuse(rs []ioc.Refusal) {
	p.changes.Refused = len(rs)
	for _, r := range rs {
		if st := p.steps[r.Report]; st != nil && st.todo == store.Skip {
			continue
		}
		if p.feed.refused[r.Report] == nil {
			p.feed.refused[r.Report] = map[ioc.Refusal]bool{}
		}
		p.feed.refused[r.Report][r] = true
	}
}

type memberKey struct {
	report, obs uint32
}

// chunk stores some members; those that a report lists twice are joined first.
func (p *put) chunk(ms []ioc.Member) {
	at := make(map[memberKey]int, len(ms))
	type row struct {
		st    *step
		obs   uint32
		claim ioc.Claim
	}
	rows := make([]row, 0, len(ms))
	for i := range ms {
		st := p.steps[ms[i].Report]
		if st.todo == store.Skip {
			p.changes.Unchanged++
			continue
		}
		id := p.intern(ms[i].Observable)
		key := memberKey{st.id, id}
		if k, twice := at[key]; twice {
			p.changes.Unchanged++
			rows[k].claim = store.Merge(rows[k].claim, ms[i].Claim)
			continue
		}
		at[key] = len(rows)
		rows = append(rows, row{st, id, ms[i].Claim})
	}
	for _, r := range rows {
		p.member(r.st, r.obs, r.claim)
	}
}

// intern returns the number of an observable, a new one for one never seen.
func (p *put) intern(o ioc.Observable) uint32 {
	code, ok := p.codes[o.Type]
	if !ok {
		code = uint16(len(p.types))
		p.codes[o.Type] = code
		p.types = append(p.types, o.Type)
		p.index = append(p.index, map[string]uint32{})
	}
	id, ok := p.index[code][o.Value]
	if !ok {
		v := strings.Clone(o.Value) // not a part of a whole file
		id = p.obs.add(observable{value: v, code: code, first: none})
		p.index[code][v] = id
		p.changes.Observables++
	}
	if _, ok := p.before[id]; !ok {
		p.before[id] = p.obs.at(id).state
	}
	return id
}

func (p *put) member(st *step, obs uint32, c ioc.Claim) {
	o := p.obs.at(obs)
	id := p.membership(o, st.id)
	if id == none {
		id = p.members.add(membership{obs: obs, report: st.id, nextOfObs: o.first, nextOfReport: st.first, removed: true})
		o.first, st.first = id, id
	}
	m := p.members.at(id)
	was := p.claim(m, id)
	if !m.removed && st.listed && m.generation == int32(st.Generation) {
		c = store.Merge(was, c)
	}
	m.generation = int32(st.Generation)
	p.compare(o, m, expiry(was.Expires), p.say(m, id, c))
}

// membership finds the membership of an observable in a report.
func (s *Store) membership(o *observable, report uint32) uint32 {
	for i := o.first; i != none; i = s.members.at(i).nextOfObs {
		if s.members.at(i).report == report {
			return i
		}
	}
	return none
}

// said is what a claim's change comes to.
type said struct {
	changed bool
	expires int64
}

// say stores what a membership says.
func (p *put) say(m *membership, id uint32, c ioc.Claim) said {
	original := c.Original
	c.Original = ""
	c.Created, c.Expires = cut(c.Created), cut(c.Expires)
	n, ok := p.claimOf[c]
	if !ok {
		n = uint32(len(p.claims))
		p.claims = append(p.claims, c)
		p.claimOf[c] = n
	}
	changed := n != m.claim || original != p.originals[id]
	m.claim = n
	if original != "" {
		p.originals[id] = strings.Clone(original)
	} else {
		delete(p.originals, id)
	}
	return said{changed, expiry(c.Expires)}
}

// cut makes equal times identical, to the microsecond.
func cut(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func expiry(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMicro()
}

func (p *put) compare(o *observable, m *membership, was int64, now said) {
	switch {
	case m.removed:
		p.changes.New++
		m.removed = false
		if o.live == 0 {
			o.expires = now.expires
		}
		o.live++
	case now.changed:
		p.changes.Changed++
		if was != now.expires {
			p.stale[m.obs] = true
		}
	default:
		p.changes.Unchanged++
	}
	o.expires = max(o.expires, now.expires)
}

// withdrawals ends the memberships that complete lists no longer have, and
// those of reports that are gone.
func (p *put) withdrawals(gone []string) {
	for _, st := range p.steps {
		if st.todo == store.Withdraw {
			p.withdraw(st.report, int32(st.Generation))
		}
	}
	for _, id := range gone {
		if r := p.feed.reports[id]; r != nil && !r.gone {
			r.Forget()
			r.gone = true
			delete(p.feed.refused, id)
			p.withdraw(r, -1)
		}
	}
}

// withdraw ends the memberships that are not of a generation.
func (p *put) withdraw(r *report, keep int32) {
	for i := r.first; i != none; {
		m := p.members.at(i)
		if !m.removed && m.generation != keep {
			p.drop(m, i)
		}
		i = m.nextOfReport
	}
}

func (p *put) drop(m *membership, id uint32) {
	o := p.obs.at(m.obs)
	if _, ok := p.before[m.obs]; !ok {
		p.before[m.obs] = o.state
	}
	p.changes.Withdrawn++
	m.removed, m.claim = true, 0
	delete(p.originals, id)
	o.live--
	p.stale[m.obs] = true
}

// finish arms what has to meet old events again.
func (p *put) finish() ioc.Changes {
	for id := range p.stale {
		p.recount(p.obs.at(id))
	}
	arming, hunted := false, false
	for id, was := range p.before {
		o := p.obs.at(id)
		if o.live > 0 && (was.live == 0 || o.expires > was.expires) {
			o.armed = p.armed + 1
			arming = true
		}
		hunted = hunted || (o.live > 0) != (was.live > 0) && p.types[o.code].Huntable()
	}
	if arming {
		p.armed++
	}
	if hunted {
		p.generation++
	}
	return p.changes
}

func (p *put) recount(o *observable) {
	first := true
	for m := range p.memberships(o) {
		e := expiry(p.claims[m.claim].Expires)
		if first || e > o.expires {
			o.expires, first = e, false
		}
	}
}

// Forget removes a feed wholly.
func (s *Store) Forget(ctx context.Context, name string) (ioc.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil || s.feeds[name] == nil {
		return ioc.Changes{}, err
	}
	p := s.newPut(name)
	gone := make([]string, 0, len(p.feed.reports))
	for id := range p.feed.reports {
		gone = append(gone, id)
	}
	p.withdrawals(gone)
	p.feed.cursor = ""
	clear(p.feed.refused)
	return p.finish(), nil
}

// ResetCursor makes the next collection read and compare everything.
func (s *Store) ResetCursor(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[name]
	if err := ctx.Err(); err != nil || f == nil {
		return err
	}
	f.cursor = ""
	delete(f.refused, "")
	for _, r := range f.reports {
		r.Forget()
	}
	return nil
}
