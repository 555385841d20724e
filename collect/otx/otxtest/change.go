package otxtest

import (
	"fmt"
	"iter"
	"time"
)

// ID returns the id of generated pulse i. Pulse 0 is the oldest; from
// Account.Pulses on they are those of authors not subscribed to, and behind
// these it is an id that no pulse has.
func (s *Server) ID(i int) string { return s.st.gen.id(i) }

// Modify changes a pulse as its author would. Unless fn sets Modified, the
// pulse becomes the newest of the account, and its revision grows. The id
// cannot be changed. The only error is that there is no such pulse.
func (s *Server) Modify(id string, fn func(*Pulse)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.st.byID[id]
	if e == nil {
		return fmt.Errorf("otxtest: no pulse %q", id)
	}
	p := s.st.gen.full(e)
	before := p.Modified
	p.Revision++
	fn(p)
	if p.Modified.Equal(before) {
		p.Modified = s.st.tick()
	}
	p.ID, p.Modified = id, p.Modified.UTC().Truncate(time.Microsecond)
	s.st.complete(p)
	s.st.put(&entry{id: id, n: e.n, pulse: p, author: p.Author, modified: p.Modified, private: p.Private, follow: e.follow})
	return nil
}

// Touch makes generated pulse i the newest without changing what is in it.
func (s *Server) Touch(i int) error { return s.Modify(s.ID(i), func(*Pulse) {}) }

// Add publishes a pulse and returns its id. What is zero is filled in: an id,
// AlienVault as author, the present of the account's clock, ids and dates of
// the indicators. Its author has to be subscribed to for it to be in the feed.
func (s *Server) Add(p Pulse) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Modified.IsZero() {
		p.Modified = s.st.tick()
	}
	return s.st.add(clonePulse(&p))
}

// Delete deletes a pulse; only an event tells.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.remove(id)
}

func (st *state) remove(id string) error {
	e := st.byID[id]
	if e == nil {
		return fmt.Errorf("otxtest: no pulse %q", id)
	}
	delete(st.byID, id)
	kept := make([]*entry, 0, len(st.order))
	for _, o := range st.order {
		if o != e {
			kept = append(kept, o)
		}
	}
	st.order = kept
	st.note("delete", "pulse", id)
	return nil
}

// Subscribe adds a user's pulses, or one pulse where who is a pulse's id, to
// the owner's feed.
func (s *Server) Subscribe(who string) { s.follow(who, true) }

// Unsubscribe takes them out. A pulse subscribed to by itself stays when its
// author goes.
func (s *Server) Unsubscribe(who string) { s.follow(who, false) }

func (s *Server) follow(who string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.follow(who, on)
}

func (st *state) follow(who string, on bool) {
	action, kind := "unsubscribe", "user"
	if on {
		action = "subscribe"
	}
	if e := st.byID[who]; e != nil {
		c := *e
		kind, c.follow = "pulse", -1
		if on {
			c.follow = 1
		}
		st.put(&c)
	} else {
		st.users[who] = on
	}
	st.note(action, kind, who)
}

// Fact is one membership that a complete reader must have: this pulse names
// this value, as the service writes both.
type Fact struct {
	Pulse, Type, Value string
	Expiration         time.Time // zero: never
}

// Truth yields what a complete reader must have now: the active indicators of
// all pulses in the owner's feed, those cut from embedded lists included, the
// newest pulse first. Expired ones are among them: they are data too.
func (s *Server) Truth() iter.Seq[Fact] {
	feed := s.feed()
	g := s.st.gen
	return func(yield func(Fact) bool) {
		for _, e := range feed {
			for ind := range g.each(e, 0, -1, false) {
				if !yield(Fact{e.id, ind.Type, ind.Value, ind.Expiration}) {
					return
				}
			}
		}
	}
}

// Pulses yields the pulses of the owner's feed as they are now, newest first,
// with all their indicators, inactive ones too.
func (s *Server) Pulses() iter.Seq[Pulse] {
	feed := s.feed()
	g := s.st.gen
	return func(yield func(Pulse) bool) {
		for _, e := range feed {
			if !yield(*g.full(e)) {
				return
			}
		}
	}
}

func (s *Server) feed() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.list(s.st.subscribed)
}
