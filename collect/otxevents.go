package collect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/otx"
)

// otxStored is what the store has of the feed.
type otxStored struct {
	modified map[string]time.Time // by id
	byAuthor map[string][]string  // ids by author, lower case
}

// storedReports asks the store, once.
func (r *otxRun) storedReports() (*otxStored, error) {
	if r.stored != nil || r.known == nil {
		if r.stored == nil {
			r.stored = &otxStored{}
		}
		return r.stored, nil
	}
	s := &otxStored{modified: make(map[string]time.Time), byAuthor: make(map[string][]string)}
	for rep, err := range r.known.KnownReports(r.ctx, r.feed) {
		if err != nil {
			return nil, fmt.Errorf("which pulses are stored: %w", err)
		}
		s.modified[rep.ID] = rep.Modified
		author := strings.ToLower(rep.Author)
		s.byAuthor[author] = append(s.byAuthor[author], rep.ID)
	}
	r.stored = s
	return s, nil
}

// news reads the events that this run has not yet dealt with, and deals with
// them; false means that there was none. Only the last event of an object
// counts: who unsubscribed and subscribed again is subscribed.
func (r *otxRun) news() (bool, error) {
	events, err := r.readEvents()
	if err != nil {
		if r.ctx.Err() == nil && (otxLessMayHelp(err) || otxNotFound(err) || errors.Is(err, otx.ErrLoop)) {
			return false, r.skip(fmt.Errorf("the account's events (deleted pulses, ended subscriptions): %w", err))
		}
		return false, err
	}
	last := make(map[string]otx.Event)
	for _, e := range events {
		last[e.ObjectType+" "+strings.ToLower(e.ObjectID)] = e
	}
	// What goes is dealt with before what comes, so that a pulse that was
	// subscribed to for itself survives the end of the subscription to its author.
	for _, comes := range []bool{false, true} {
		for _, e := range events {
			if key := e.ObjectType + " " + strings.ToLower(e.ObjectID); last[key] == e && (e.Action == "subscribe") == comes {
				if err := r.apply(e); err != nil {
					return true, err
				}
			}
		}
		if err := r.flush(); err != nil {
			return true, err
		}
	}
	return len(events) > 0, nil
}

// eventsPage is how many events a page is asked to have.
const eventsPage = 100

// readEvents returns the events not yet dealt with, oldest first.
func (r *otxRun) readEvents() ([]otx.Event, error) {
	since := r.cur.From
	if !r.cur.Events.IsZero() {
		since = r.cur.Events.Add(-otxOverlap)
	}
	var fresh []otx.Event
	newestFirst, idle := false, 0
	for page := 1; ; page++ {
		p, err := r.client.Events(r.ctx, since, page, eventsPage)
		if page > 1 && otxNotFound(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if n := len(p.Results); n > 1 && p.Results[0].Created.After(p.Results[n-1].Created) {
			newestFirst = true
		}
		if err := r.unreadableEvents(p.Bad); err != nil {
			return nil, err
		}
		before := len(r.marks)
		for _, e := range p.Results {
			key := eventKey(e)
			if r.marks[key] = e.Created; !r.dealt[key] {
				r.dealt[key] = true
				fresh = append(fresh, e)
			}
		}
		if idle++; len(r.marks) > before {
			idle = 0
		}
		if !p.More && (idle > 0 || p.Size < eventsPage) || idle > maxIdle { // a full page may have a next one all the same
			break
		}
	}
	if newestFirst {
		slices.Reverse(fresh)
	}
	slices.SortStableFunc(fresh, func(a, b otx.Event) int { return a.Created.Compare(b.Created) })
	return fresh, nil
}

func (r *otxRun) unreadableEvents(bad []otx.Bad) error {
	for i := range bad {
		if r.told["event "+bad[i].Error()] {
			continue
		}
		r.told["event "+bad[i].Error()] = true
		if err := r.skip(fmt.Errorf("an event of the account: %w", &bad[i])); err != nil {
			return err
		}
	}
	return nil
}

// eventKey tells events apart; old ones may have no id.
func eventKey(e otx.Event) string {
	if e.ID != "" {
		return e.ID
	}
	return e.Action + " " + e.ObjectType + " " + e.ObjectID + " " + e.Created.Format(time.RFC3339Nano)
}

// apply deals with one event. The first run reads everything from the
// look-back on anyway, so that a subscription tells it nothing.
func (r *otxRun) apply(e otx.Event) error {
	comes := e.Action == "subscribe"
	if !comes && e.Action != "unsubscribe" && e.Action != "delete" || comes && r.first {
		return nil
	}
	switch {
	case e.ObjectType == "pulse" && comes:
		return r.subscribedPulse(e.ObjectID)
	case e.ObjectType == "pulse":
		return r.lostPulse(e.ObjectID)
	case e.ObjectType == "user" && comes:
		return r.subscribedUser(e.ObjectID)
	case e.ObjectType == "user":
		return r.leftUser(e.ObjectID)
	case e.ObjectType == "group":
		r.whole, r.drop = true, r.drop || !comes
	}
	return nil
}

// lostPulse withdraws a pulse; the first run withdraws only what is stored.
func (r *otxRun) lostPulse(id string) error {
	if r.first {
		s, err := r.storedReports()
		if _, stored := s.get(id); err != nil || !stored {
			r.gone[id] = true
			return err
		}
	}
	r.leave(id)
	return nil
}

func (s *otxStored) get(id string) (time.Time, bool) {
	if s == nil {
		return time.Time{}, false
	}
	t, ok := s.modified[id]
	return t, ok
}

// subscribedPulse reads a pulse that the account has just subscribed to,
// however old it is.
func (r *otxRun) subscribedPulse(id string) error {
	p, err := r.client.Pulse(r.ctx, id)
	switch {
	case otxNotFound(err): // deleted since
		r.leave(id)
		return nil
	case err != nil:
		var bad *otx.Bad
		if errors.As(err, &bad) {
			return r.skip(fmt.Errorf("pulse %w", bad))
		}
		return r.pulseFailed(id, err)
	}
	r.returns(p.ID)
	_, err = r.take(otx.Page[otx.Pulse]{Results: []otx.Pulse{p}}, nil)
	return err
}

// returns takes back that a pulse is gone.
func (r *otxRun) returns(id string) {
	if r.gone[id] {
		delete(r.gone, id)
		delete(r.have, id)
	}
}

// subscribedUser reads the pulses of a user that the account has just
// subscribed to, from the first run's look-back on. A user of whom the list
// has nothing may be named otherwise there; then all of the list is read.
func (r *otxRun) subscribedUser(name string) error {
	delete(r.left, strings.ToLower(name))
	found := 0
	w := r.walk("the pulses of "+name, r.client.Subscribed, otx.Query{Since: r.cur.From, Author: name})
	w.visit = func(p otx.Page[otx.Pulse]) error {
		found += p.Size
		for i := range p.Results {
			r.returns(p.Results[i].ID)
		}
		_, err := r.take(p, nil)
		return err
	}
	err := r.walked(w.run(r.ctx))
	r.whole = r.whole || found == 0
	return err
}

// leftUser withdraws the stored pulses of a user, but for those that the
// account still gets by another subscription.
func (r *otxRun) leftUser(name string) error {
	s, err := r.storedReports()
	if err != nil || len(s.modified) == 0 {
		return err
	}
	stored := s.byAuthor[strings.ToLower(name)]
	if len(stored) == 0 { // named otherwise, or nothing of theirs was read
		r.whole, r.drop = true, true
		return nil
	}
	r.left[strings.ToLower(name)] = true
	still := make(map[string]bool)
	w := r.walk("the pulses of "+name, r.client.Subscribed, otx.Query{Author: name})
	w.visit = func(p otx.Page[otx.Pulse]) error {
		for i := range p.Results {
			still[p.Results[i].ID] = true
		}
		return nil
	}
	missed := r.missed
	if err := r.walked(w.run(r.ctx)); err != nil || r.missed && !missed {
		return err
	}
	for _, id := range stored {
		if !still[id] {
			r.leave(id)
		}
	}
	return nil
}
