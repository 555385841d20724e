package elastic

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// standing is where an observable stands, by the documents of all feeds.
type standing struct {
	known   bool // it has documents
	live    bool
	hunted  bool
	expires time.Time // the latest of what is live; zero: never
	armed   uint64    // the highest of what is live
}

// take adds a document.
func (st *standing) take(d *document) {
	st.known = true
	if !d.IOC.Live {
		return
	}
	if st.expires = store.Later(st.expires, d.IOC.ValidUntil); !st.live {
		st.expires = d.IOC.ValidUntil
	}
	st.live = true
	st.hunted = st.hunted || d.IOC.Hunted
	st.armed = max(st.armed, d.IOC.ArmedSeq)
}

// own finds the feed's document among those of an observable, and returns it
// with where the others stand.
func (p *put) own(id string, ds []*document) (own *document, others standing) {
	for _, d := range ds {
		if d.id == id {
			own = d
		} else {
			others.take(d)
		}
	}
	return own, others
}

// merge brings a document up to date with what the batch says of its observable;
// it returns nil where that changes nothing.
func (p *put) merge(ctx context.Context, g *group, ds []*document) (*document, error) {
	d, others := p.own(docID(p.feed, g.Observable), ds)
	before := others
	switch {
	case d != nil:
		before.take(d)
	case len(g.members) == 0:
		return nil, nil
	default:
		d = newDocument(p.feed, g.Observable)
		d.inherit(ds)
	}
	d.group = g
	if !before.known && !g.again {
		p.changes.Observables++
	}
	changed, err := p.say(d, g)
	if err != nil {
		return nil, err
	}
	if dropped := p.drop(d, g); !changed && !dropped {
		return nil, nil
	}
	return d, p.settle(ctx, d, others, before)
}

// inherit takes what belongs to the observable from its other documents.
func (d *document) inherit(ds []*document) {
	if len(ds) == 0 {
		return
	}
	o, i := &ds[0].IOC, &d.IOC
	i.Disarmed, i.ArmingBy, i.Judged, i.Arming = o.Disarmed, o.ArmingBy, o.Judged, o.Arming
}

// settle derives the rest of a document from its mentions, and arms it where its
// observable had no live document, or is valid for longer than it was.
func (p *put) settle(ctx context.Context, d *document, others, before standing) error {
	number, err := p.t.begin(ctx)
	if err != nil {
		return err
	}
	wasLive := d.IOC.Live
	if err := d.settle(p.now); err != nil {
		return err
	}
	turned := d.hunts()
	after := others
	after.take(d)
	longer := before.live && after.live && !after.expires.Equal(before.expires) && store.Later(after.expires, before.expires).Equal(after.expires)
	switch {
	case after.live && !before.live || (longer || d.renewed) && d.IOC.Live:
		d.IOC.ArmedSeq, turned = number, true
	case d.IOC.Live && !wasLive:
		d.IOC.ArmedSeq = others.armed
	}
	if turned {
		d.IOC.Seq = number
	}
	p.t.hunted = p.t.hunted || before.hunted != after.hunted
	return nil
}

// said is what a report says of an observable, by all members of it in the batch.
type said struct {
	st    *step
	claim ioc.Claim
}

// say stores the claims of the batch in a document.
func (p *put) say(d *document, g *group) (changed bool, err error) {
	all := make([]said, 0, len(g.members))
	for _, m := range g.members {
		st := p.steps[m.Report]
		if k := slices.IndexFunc(all, func(s said) bool { return s.st == st }); k >= 0 {
			all[k].claim = store.Merge(all[k].claim, cut(m.Claim))
			p.tally(g, &p.changes.Unchanged)
			continue
		}
		all = append(all, said{st, cut(m.Claim)})
	}
	for _, s := range all {
		c, err := p.sayOne(d, g, s)
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}

// sayOne stores one claim.
func (p *put) sayOne(d *document, g *group, s said) (changed bool, err error) {
	id := safe(s.st.Report.ID)
	k := d.find(id)
	ages := s.claim.Expires.IsZero() && p.s.o.Ages.Of(p.feed)(g.Type)
	if k < 0 {
		d.renewed = d.renewed || ages
		p.tally(g, &p.changes.New)
		raw, err := packClaim(s.claim)
		d.IOC.Mentions = append(d.IOC.Mentions, mention{Report: id, Generation: s.st.Generation, Claim: raw})
		return true, err
	}
	m := &d.IOC.Mentions[k]
	if s.st.listed && m.Generation == s.st.Generation {
		was, err := m.claim()
		if err != nil {
			return false, err
		}
		s.claim = store.Merge(was, s.claim)
	}
	raw, err := packClaim(s.claim)
	if bytes.Equal(raw, m.Claim) {
		p.tally(g, &p.changes.Unchanged)
	} else {
		p.tally(g, &p.changes.Changed)
		changed = true
	}
	// A claim without a date has that of its report, which is here again.
	d.renewed = d.renewed || ages && (!bytes.Equal(raw, m.Claim) || s.claim.Created.IsZero())
	changed = changed || m.Generation != s.st.Generation
	m.Generation, m.Claim = s.st.Generation, raw
	return changed, err
}

// tally counts one, unless it was counted in an earlier round.
func (p *put) tally(g *group, n *int) {
	if !g.again {
		*n++
	}
}

// drop ends the memberships that complete lists no longer have, and those of
// reports that are gone.
func (p *put) drop(d *document, g *group) (dropped bool) {
	d.IOC.Mentions = slices.DeleteFunc(d.IOC.Mentions, func(m mention) bool {
		if st := p.steps[plain(m.Report)]; !p.all && (st == nil || !st.drops(m.Generation)) {
			return false
		}
		p.tally(g, &p.changes.Withdrawn)
		dropped = true
		return true
	})
	return dropped
}

// lastTime is the last moment that a cluster can store; nothing is lost by
// taking a later one for it.
var lastTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// cut makes equal claims identical: times in UTC, to the microsecond.
func cut(c ioc.Claim) ioc.Claim {
	c.Created, c.Expires = cutTime(c.Created), cutTime(c.Expires)
	return c
}

func cutTime(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return time.Time{}
	case t.After(lastTime):
		return lastTime
	case t.Year() < 0:
		return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}
