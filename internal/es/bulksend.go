package es

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/iochunt/iochunt/internal/httpx"
)

const (
	firstWait   = 200 * time.Millisecond
	maxWait     = 30 * time.Second // between two tries
	maxAsked    = time.Minute      // of what a server asks for with Retry-After
	slowReply   = 30 * time.Second // a batch that takes longer is too big
	bigBody     = 256 << 10        // a connection that ends while less is sent does not end because of its size
	deadlyTries = 5                // how often a big item alone may end the connection
)

// part is items of one request.
type part struct {
	items   []Item
	bytes   int
	refresh string

	tries int       // in vain, since the last item got in
	since time.Time // of the first of them
	cut   int       // tries that ended while the body was being sent
}

// halves splits a part, the first half behind the second, where it is taken from.
func (p *part) halves() []*part {
	at := len(p.items) / 2
	a := &part{items: p.items[:at], refresh: p.refresh, tries: p.tries, since: p.since}
	b := &part{items: p.items[at:], refresh: p.refresh, tries: p.tries, since: p.since}
	for i := range a.items {
		a.bytes += a.items[i].size()
	}
	b.bytes = p.bytes - a.bytes
	return []*part{b, a}
}

// verdict is what one try says about a part: nothing (all is settled), or that
// it is to be sent again, in halves, or never.
type verdict struct {
	again []Item        // to send again
	why   error         // they were not taken
	after time.Duration // what the server asked to wait
	halve bool          // as it is too big; a single item that is so is dead
	cut   bool          // the connection ended while the body was being sent
	busy  bool          // the server has more to do than it can
}

// deliver sends a batch until each of its items is settled.
func (b *Bulk) deliver(p *part) error {
	for stack := []*part{p}; len(stack) > 0; {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		v, err := b.try(p)
		if err != nil {
			return err
		}
		if len(v.again) == 0 {
			continue
		}
		rest, err := b.rest(p, v)
		if err != nil {
			return err
		}
		stack = append(stack, rest...)
	}
	return nil
}

// rest makes of what was not taken the parts to send next, after the wait.
func (b *Bulk) rest(p *part, v verdict) ([]*part, error) {
	if v.halve && len(p.items) == 1 {
		return nil, b.bury(p, v.why)
	}
	if v.halve {
		return p.halves(), nil
	}
	if len(v.again) < len(p.items) {
		p = &part{items: v.again, refresh: p.refresh}
		for i := range p.items {
			p.bytes += p.items[i].size()
		}
	}
	b.count(func(s *BulkStats) { s.Retried += len(p.items) })
	if err := b.pause(p, v); err != nil {
		return nil, err
	}
	switch many := len(p.items) > 1; {
	case v.cut && p.bytes > bigBody:
		p.cut++
		if many {
			p.tries = 0 // a smaller request is another one
			return p.halves(), nil
		}
		if p.cut >= deadlyTries && b.alive() {
			return nil, b.bury(p, v.why)
		}
	case v.busy && many && p.bytes > b.size.now():
		return p.halves(), nil
	}
	return []*part{p}, nil
}

// pause waits before another try, or gives up.
func (b *Bulk) pause(p *part, v verdict) error {
	if p.tries == 0 {
		p.since = time.Now()
	}
	wait := min(firstWait<<min(p.tries, 20), maxWait)
	wait = max(wait/2+rand.N(wait), min(v.after, maxAsked))
	p.tries++
	if time.Since(p.since)+wait > b.o.Patience {
		return fmt.Errorf("elasticsearch: bulk: no item was taken for %v (%d tries): %w", b.o.Patience, p.tries, v.why)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

// alive reports whether the server answers to something small.
func (b *Bulk) alive() bool {
	_, err := b.c.Info(b.ctx)
	return err == nil
}

// bury hands a single item to Dead that no request can hold.
func (b *Bulk) bury(p *part, why error) error {
	o := Outcome{Item: p.items[0], Status: http.StatusRequestEntityTooLarge, Type: "too_big", Reason: why.Error()}
	if e, ok := errors.AsType[*Error](why); ok {
		o.Status, o.Reason = e.Status, e.Reason
		if e.Type != "" {
			o.Type = e.Type
		}
	}
	b.out.Lock()
	defer b.out.Unlock()
	return b.dead(o)
}

func (b *Bulk) count(f func(*BulkStats)) {
	b.out.Lock()
	defer b.out.Unlock()
	f(&b.stats)
}

// try sends a part once and settles what the answer proves.
func (b *Bulk) try(p *part) (verdict, error) {
	body := encode(p)
	defer body.release()
	b.count(func(s *BulkStats) { s.Requests++; s.Bytes += int64(len(body.b)) })
	var reply bytes.Buffer
	var head http.Header
	status := 0
	start := time.Now()
	r := Request{Method: http.MethodPost, Path: b.path, Query: b.query(p), NDJSON: true}
	err := b.c.send(b.ctx, r, body, httpx.Policy{Attempts: 1}, func(resp *http.Response) error {
		status, head = resp.StatusCode, resp.Header
		_, err := reply.ReadFrom(resp.Body)
		return err
	})
	if cause := context.Cause(b.ctx); cause != nil {
		return verdict{}, cause
	}
	switch {
	case status >= 200 && status < 300:
		return b.settle(p, reply.Bytes(), err, time.Since(start))
	case status != 0:
		return b.refused(p, newError(r, status, reply.Bytes(), b.c.mask), httpx.RetryAfter(head))
	}
	return b.lost(p, err, body.left() > 0)
}

// lost judges a request without an answer.
func (b *Bulk) lost(p *part, err error, sending bool) (verdict, error) {
	if final(err) {
		return verdict{}, err
	}
	if sending && p.bytes > bigBody {
		b.size.tooBig(p.bytes)
	}
	return verdict{again: p.items, why: err, cut: sending}, nil
}

// refused judges an answer that is about the request as a whole.
func (b *Bulk) refused(p *part, e *Error, after time.Duration) (verdict, error) {
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		b.size.tooBig(p.bytes)
		return verdict{again: p.items, why: e, halve: true}, nil
	case e.Status == http.StatusBadRequest: // one item that is no JSON spoils the request: halves find it
		return verdict{again: p.items, why: e, halve: true}, nil
	case e.Status == http.StatusTooManyRequests:
		b.size.tooMuch()
		return verdict{again: p.items, why: e, after: after, busy: true}, nil
	case e.Status >= 500, e.Status == http.StatusRequestTimeout, blocked(e.Status, e.Type):
	default:
		return verdict{}, e
	}
	return verdict{again: p.items, why: e, after: after}, nil
}

// settle hands out what the answer proves about the items.
func (b *Bulk) settle(p *part, reply []byte, broken error, took time.Duration) (verdict, error) {
	outs := make([]Outcome, len(p.items))
	for i := range outs {
		outs[i].Item = p.items[i]
	}
	n, err := readReply(reply, outs)
	if err != nil && broken != nil {
		err = broken
	}
	if err != nil {
		err = fmt.Errorf("elasticsearch: POST %s: %w", b.path, err)
	}
	v := verdict{why: err}
	busy := false
	b.out.Lock()
	defer b.out.Unlock()
	for i := range outs[:n] {
		why, err := b.one(&outs[i])
		if err != nil {
			return verdict{}, err
		}
		if why != nil {
			v.again, v.why = append(v.again, p.items[i]), why
			busy = busy || outs[i].Status == http.StatusTooManyRequests
		}
	}
	v.again = append(v.again, p.items[n:]...)
	v.busy = busy
	b.size.answered(took, busy)
	return v, nil
}

// one settles an item by the class of its status; why is set when it is to be
// sent again, err when the writer is to end.
func (b *Bulk) one(o *Outcome) (why, err error) {
	switch st := o.Status; {
	case st >= 200 && st < 300:
		b.stats.Indexed++
		b.done(o)
	case st == http.StatusNotFound && o.Op == Delete && o.Type == "":
		b.stats.Indexed++
		b.done(o)
	case st == http.StatusConflict && o.Op == Create:
		b.stats.Existed++
		b.done(o)
	case st == http.StatusConflict && o.IfTerm > 0 && b.o.Conflict != nil:
		b.stats.Conflicts++
		b.o.Conflict(*o)
	case st == http.StatusConflict && o.Op == Update && o.IfTerm == 0: // it was changed between the server's reading and writing
		return b.itemError(o), nil
	case st == http.StatusTooManyRequests, st == http.StatusRequestTimeout, st >= 500, blocked(st, o.Type):
		return b.itemError(o), nil
	case st == http.StatusUnauthorized, st == http.StatusForbidden, st == http.StatusNotFound && b.o.RequireAlias && o.Op != Update:
		return nil, b.itemError(o)
	case st >= 400:
		return nil, b.dead(*o)
	default:
		return fmt.Errorf("elasticsearch: bulk: %w: status %d of an item", errReply, st), nil
	}
	return nil, nil
}

func (b *Bulk) done(o *Outcome) {
	if b.o.Refresh != "" {
		b.indices[b.index(o)] = true
	}
	if b.o.Done != nil {
		b.o.Done(*o)
	}
}

func (b *Bulk) index(o *Outcome) string {
	if o.Index != "" {
		return o.Index
	}
	return b.o.Index
}

// dead counts a dead item once its keeper has it.
func (b *Bulk) dead(o Outcome) error {
	if b.o.Dead == nil {
		return fmt.Errorf("the item %s: %w", shortID(o.ID), b.itemError(&o))
	}
	if err := b.o.Dead(o); err != nil {
		return err
	}
	b.stats.Dead++
	return nil
}

func (b *Bulk) itemError(o *Outcome) error {
	return &Error{Method: http.MethodPost, Path: "/" + b.index(o) + "/_bulk", Status: o.Status, Type: o.Type, Reason: o.Reason}
}

func shortID(id string) string {
	if len(id) > 64 {
		return id[:64] + "…"
	}
	return id
}

// blocked reports a refusal that says nothing about the item: the index is
// closed or takes no writes (a full disk), which somebody may mend while we wait.
func blocked(status int, kind string) bool {
	return status == http.StatusForbidden && kind == "cluster_block_exception" || status == http.StatusBadRequest && kind == "index_closed_exception"
}

// final reports whether err, of a request without an answer, will be the same
// next time.
func final(err error) bool {
	return errors.Is(err, httpx.ErrRefused) || errors.Is(err, httpx.ErrClientCert) || errors.Is(err, errProduct) || httpx.Untrusted(err) || httpx.NoTLS(err)
}
