package elastic

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/iochunt/iochunt/internal/alive"
	"github.com/iochunt/iochunt/internal/es"
)

// A lock is a lease: a document of ioc_state that its holder writes again every
// third of its time. Who waits sees the document change, and takes it when it
// has not changed for longer than the lease: no two clocks are ever compared, so
// that hosts may disagree about the time by any amount.
//
// A lease is a promise with an end. A holder that could not renew it in time has
// to stop, for another may have it: the lease's context ends. What must not be
// written twice even then is written under if_seq_no (the counters are).

// leaseTime is how long a lease holds that is not renewed.
const leaseTime = 20 * time.Second

// How often a lease that another holds is looked at.
const (
	firstPoll = 20 * time.Millisecond
	longPoll  = 500 * time.Millisecond
)

// errLeaseLost is the cause with which the context of a lease ends that could
// not be renewed in time, or that another has taken.
var errLeaseLost = errors.New("the lease was lost: it could not be renewed in time, and another may have it")

// holder is the body of a lock: who has it, for people, and how long it is good
// for behind its last change.
type holder struct {
	Owner   string    `json:"owner"` // random
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Process string    `json:"process"` // as alive.Self gives it
	Seconds float64   `json:"seconds"`
	Until   time.Time `json:"until"` // by the holder's clock; nobody goes by it
}

func (h *holder) String() string { return fmt.Sprintf("process %d on %s", h.PID, h.Host) }

// lease is a turn that was taken. ctx ends when the turn does.
type lease struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelCauseFunc
	id     string
	doc    stateDoc
	holder holder
	time   time.Duration
	was    version
	done   chan struct{} // closed when the renewing has ended
}

// Lock takes the turn for something of that name ("collect otx") among all
// processes, on all hosts, that use the store, and waits for it until the context
// ends; the error then names who has it. Whoever dies without a release loses the
// lock when the lease has run out.
func (s *Store) Lock(ctx context.Context, name string) (release func(), err error) {
	if err := s.writable(); err != nil {
		return nil, fmt.Errorf("lock for %s: %w", name, err)
	}
	l, err := s.lease(ctx, name, leaseTime)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}

// lease takes the turn for a name. Its holder does its work under the lease's
// context, and releases it.
func (s *Store) lease(ctx context.Context, name string, long time.Duration) (*lease, error) {
	l := &lease{s: s, id: "lock:" + hashID(name), doc: stateDoc{Kind: "lock", Name: name}, time: long, done: make(chan struct{})}
	host, err := os.Hostname()
	if err != nil {
		host = "a host without a name"
	}
	l.holder = holder{Owner: crand.Text(), Host: host, PID: os.Getpid(), Process: alive.Self(), Seconds: long.Seconds()}
	taken, err := l.wait(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock for %s: %w", name, err)
	}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	go l.keep(taken)
	return l, nil
}

// seen is a lease of another as it was first seen.
type seen struct {
	at version
	t  time.Time
}

// wait asks for the lease until it is given, and returns when it was asked for:
// from then on it holds.
func (l *lease) wait(ctx context.Context) (taken time.Time, err error) {
	var old seen
	for poll := firstPoll; ; poll = min(2*poll, longPoll) {
		asked := time.Now()
		other, err := l.try(ctx, &old)
		if other == nil {
			return asked, err
		}
		t := time.NewTimer(poll/2 + rand.N(poll))
		select {
		case <-ctx.Done():
			t.Stop()
			return asked, fmt.Errorf("%w; %s holds it", context.Cause(ctx), other)
		case <-t.C:
		}
	}
}

// try takes the lease if nobody has it, or whoever had it has let it run out;
// else it returns who has it.
func (l *lease) try(ctx context.Context, old *seen) (other *holder, err error) {
	h := new(holder)
	at, found, err := l.s.getState(ctx, l.id, h)
	if err != nil {
		return nil, err
	}
	if found && h.Owner == l.holder.Owner { // an answer of ours was lost
		l.was = at
		return nil, nil
	}
	if found && old.at != at {
		*old = seen{at, time.Now()}
	}
	if found && time.Since(old.t) <= h.good(l.time) && !alive.Dead(h.Process) {
		return h, nil
	}
	if err = l.write(ctx, at); errors.Is(err, errConflict) {
		return h, nil // somebody was quicker, or it was ourselves
	}
	return nil, err
}

// good is how long a lease must have been seen unchanged to count as run out: its
// time, and a margin for answers that are slow. What another says of its time is
// not believed without bounds.
func (h *holder) good(ours time.Duration) time.Duration {
	theirs := time.Duration(min(max(h.Seconds, 0), 600) * float64(time.Second))
	d := max(ours, theirs)
	return d + d/4
}

// write writes the lease in the place of what was read.
func (l *lease) write(ctx context.Context, was version) error {
	l.doc.At = l.s.now().UTC()
	l.holder.Until = l.doc.At.Add(l.time)
	at, err := l.s.putState(ctx, l.id, l.doc, l.holder, was)
	if err == nil {
		l.was = at
	}
	return err
}

// keep renews the lease until its context ends, or ends that where the lease is
// lost. since is when it was last asked for.
func (l *lease) keep(since time.Time) {
	defer close(l.done)
	t := time.NewTicker(l.time / 3)
	defer t.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-t.C:
		}
		asked := time.Now()
		if err := l.renew(since.Add(l.time)); err != nil {
			l.cancel(err)
			return
		}
		since = asked
	}
}

// renew renews the lease, by a deadline; the error is one only if it is lost.
func (l *lease) renew(by time.Time) error {
	ctx, cancel := context.WithDeadline(l.ctx, by)
	defer cancel()
	err := l.write(ctx, l.was)
	if errors.Is(err, errConflict) {
		var ours bool
		if ours, err = l.ours(ctx); err == nil && ours {
			err = l.write(ctx, l.was)
		}
		if err == nil && !ours || errors.Is(err, errConflict) {
			return errLeaseLost
		}
	}
	if err == nil || l.ctx.Err() != nil { // released meanwhile: there is nothing to lose
		return nil
	}
	return fmt.Errorf("%w: %w", errLeaseLost, err)
}

// ours reports whether the lease is still ours; then it knows its version again.
func (l *lease) ours(ctx context.Context) (bool, error) {
	var h holder
	at, found, err := l.s.getState(ctx, l.id, &h)
	if err != nil || !found || h.Owner != l.holder.Owner {
		return false, err
	}
	l.was = at
	return true, nil
}

// release gives the turn to others. Where it cannot be given, they wait until it
// has run out.
func (l *lease) release() {
	l.cancel(context.Canceled)
	<-l.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), l.time)
	defer cancel()
	for range 2 {
		q := url.Values{"if_seq_no": {itoa(l.was.seq)}, "if_primary_term": {itoa(l.was.term)}}
		err := l.s.c.Do(ctx, es.Request{Method: http.MethodDelete, Path: "/" + es.Escape(l.s.state()) + "/_doc/" + url.PathEscape(l.id), Query: q}, nil)
		if !es.IsStatus(err, http.StatusConflict) {
			return
		}
		if ours, err := l.ours(ctx); err != nil || !ours { // a renewal's answer was lost, or another has it
			return
		}
	}
}
