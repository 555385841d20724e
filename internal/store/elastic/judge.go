package elastic

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// judgedBody is what is known of passes of judging.
type judgedBody struct {
	Rules string `json:"rules,omitempty"` // of the last complete pass; "": none, or one is not complete
	Mark  uint64 `json:"mark"`            // all that was armed with a number up to it has been judged
	Dirty bool   `json:"dirty,omitempty"` // facts were being changed, and whether their verdicts were is not known
}

const judgedID = countersKind + ":judged"

func (s *Store) judged(ctx context.Context) (b judgedBody, at version, err error) {
	at, _, err = s.getState(ctx, judgedID, &b)
	return b, at, err
}

// putJudged changes what is known of passes. It is called under the write lock.
func (s *Store) putJudged(ctx context.Context, change func(*judgedBody)) error {
	b, at, err := s.judged(ctx)
	if err != nil {
		return err
	}
	was := b
	if change(&b); b == was {
		return nil
	}
	_, err = s.putState(ctx, judgedID, stateDoc{Kind: countersKind, At: s.now().UTC()}, b, at)
	if errors.Is(err, errConflict) { // a lost answer may be the reason
		if now, _, err := s.judged(ctx); err == nil && reflect.DeepEqual(now, b) {
			return nil
		}
	}
	return err
}

// ArmingState returns the rules of the last complete pass of judging, "" if
// there was none or one is not complete, and whether there are observables that
// no pass has seen since they were armed, or since something was said of them.
func (s *Store) ArmingState(ctx context.Context) (rules string, pending bool, err error) {
	b, _, err := s.judged(ctx)
	if err != nil || b.Dirty {
		return b.Rules, b.Dirty, err
	}
	n, _, err := s.counters(ctx)
	if err != nil || n.Armed <= b.Mark {
		return b.Rules, false, err
	}
	r, err := s.c.Search(ctx, s.index(), es.M{"size": 1, "_source": false, "track_total_hits": false, "query": armedSince(b.Mark)}, nil)
	return b.Rules, err == nil && len(r.Hits.Hits) > 0, err
}

// armedSince is the query for what was armed since a number and is not withdrawn.
func armedSince(number uint64) es.M {
	return all(term("ioc.live", true), es.M{"range": es.M{"ioc.armed_seq": es.M{"gt": number}}})
}

// judgedAfter lets do change the facts of some observables, and judges them. Who
// dies in between leaves a note that everything has to be judged.
func (s *Store) judgedAfter(ctx context.Context, t *tx, touched []ioc.Observable, judge ioc.Judge, do func() error) error {
	if err := s.putJudged(ctx, func(b *judgedBody) { b.Dirty = true }); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	before := t.n.Armed
	if err := judgeSome(ctx, t, touched, judge); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	return s.putJudged(ctx, func(b *judgedBody) {
		b.Dirty = false
		b.keep(before, t.n.Armed)
	})
}

// keep takes notice that a change needs no judging: where nothing was pending
// before it, nothing is after it.
func (b *judgedBody) keep(before, after uint64) {
	if b.Mark >= before {
		b.Mark = max(b.Mark, after)
	}
}

// keepJudged is for a change that arms what has been judged (Rearm). It comes behind the
// change's commit; before is what t.n.Armed was when it began.
func (t *tx) keepJudged(ctx context.Context, before uint64) error {
	return t.s.putJudged(ctx, func(b *judgedBody) { b.keep(before, t.n.Armed) })
}

// judgeSome judges those of some observables that the store has.
func judgeSome(ctx context.Context, t *tx, os []ioc.Observable, judge ioc.Judge) error {
	for len(os) > 0 {
		n := min(len(os), judgeChunk)
		keys := make([]string, n)
		for i, o := range os[:n] {
			keys[i] = keyOf(o)
		}
		byKey, err := t.s.byKeys(ctx, keys)
		if err != nil {
			return err
		}
		j := &judging{s: t.s, t: t, judge: judge}
		for _, k := range keys {
			j.add(byKey[k])
		}
		if err := j.run(ctx); err != nil {
			return err
		}
		os = os[n:]
	}
	return nil
}

// JudgeLock is the Lock that a pass of judging holds. Who holds it keeps the
// rules in force from changing.
const JudgeLock = "judge"

// A pass gives the write lock away now and then, for longer than those who wait
// for it take to look.
const (
	judgeTurn  = 5 * time.Second
	judgePause = 2 * longPoll
)

// Judge lets judge derive the verdict of observables: where rules, a name for the
// rules that judge goes by, is that of the last complete pass, only of those armed
// since then, else of all, those that are withdrawn too, though it counts only the
// others. It works in chunks, so that readers and other writers get in between;
// one pass runs at a time, in all processes. A pass that ended in an error, or was
// killed, is made anew by the next call; what it has stored by then stays.
//
// judge is called while the store is locked for writing, so it may not use it.
func (s *Store) Judge(ctx context.Context, rules string, judge ioc.Judge) (store.Judged, error) {
	if rules == "" {
		return store.Judged{}, errors.New("judge: the rules have no name")
	}
	if last, pending, err := s.ArmingState(ctx); err != nil || last == rules && !pending {
		return store.Judged{}, err
	}
	if err := s.writable(); err != nil {
		return store.Judged{}, err
	}
	l, err := s.lease(ctx, JudgeLock, leaseTime)
	if err != nil {
		return store.Judged{}, err
	}
	defer l.release()
	p := &pass{s: s, rules: rules, judge: judge}
	for {
		if err := s.writing(l.ctx, p.turn); err != nil || p.complete {
			return p.done, err
		}
		select {
		case <-l.ctx.Done():
			return p.done, context.Cause(l.ctx)
		case <-time.After(judgePause):
		}
	}
}

// pass is a pass of judging on its way, from turn to turn.
type pass struct {
	s        *Store
	rules    string
	judge    ioc.Judge
	begun    bool
	complete bool
	all      bool   // the rules are others: everything is judged
	since    uint64 // else only those armed since
	after    []any  // the place of the document judged last
	end      uint64 // what was armed up to it will have been judged when the pass is complete
	known    uint64 // the highest number that armed when the pass last looked
	whole    bool   // nobody else has armed since the pass began
	done     store.Judged
}

// turn judges chunk after chunk, until the pass is complete or others shall have
// their turn.
func (p *pass) turn(ctx context.Context, t *tx) error {
	if err := p.look(ctx, t); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < judgeTurn; {
		j := &judging{s: p.s, t: t, judge: p.judge}
		more, err := p.read(ctx, j)
		if err == nil {
			err = j.run(ctx)
		}
		if err == nil {
			err = t.commit(ctx)
		}
		if err != nil {
			return err
		}
		if p.add(j, t.n.Armed); !more {
			p.complete = true
			return p.s.putJudged(ctx, func(b *judgedBody) { b.Rules, b.Mark = p.rules, p.end })
		}
	}
	return nil
}

// look begins the pass, or finds out whether anything was armed by others since
// the last turn.
func (p *pass) look(ctx context.Context, t *tx) error {
	armed := t.n.Armed
	if t.broken { // what was armed by who died counts from now on
		armed = t.n.Taken
	}
	if p.begun {
		p.whole = p.whole && armed == p.known
		return nil
	}
	p.begun, p.whole, p.end, p.known = true, true, armed, armed
	b, _, err := p.s.judged(ctx)
	if err != nil {
		return err
	}
	if b.Rules == p.rules && !b.Dirty {
		p.since = b.Mark
		return nil
	}
	p.all = true
	// Until the pass is complete, verdicts are those of no rules.
	return p.s.putJudged(ctx, func(b *judgedBody) { b.Rules, b.Dirty = "", false })
}

// add adds what a chunk did. What the pass itself arms has been judged.
func (p *pass) add(j *judging, armed uint64) {
	p.known = armed
	if p.whole {
		p.end = armed
	}
	p.done.Observables += j.done.Observables
	p.done.Disarmed += j.done.Disarmed
	p.done.NowArmed += j.done.NowArmed
	p.done.NowDisarmed += j.done.NowDisarmed
}
