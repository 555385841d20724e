package local

import (
	"context"
	"errors"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// judging judges observables in one transaction: the verdict, the number that
// arms, the generation and the sums move together.
type judging struct {
	counters
	t        *tx
	types    *types
	judge    ioc.Judge
	done     store.Judged
	replaced map[int64]bool // verdicts that observables had
}

func newJudging(t *tx, judge ioc.Judge) (*judging, error) {
	j := &judging{t: t, judge: judge, replaced: map[int64]bool{}}
	var err error
	if j.types, err = loadTypes(t); err != nil {
		return nil, err
	}
	j.counters, err = loadCounters(t)
	return j, err
}

// observables judges some, and writes those of which something else is said
// now.
func (j *judging) observables(os []*observable) error {
	facts, err := loadFacts(j.t, os)
	if err != nil {
		return err
	}
	verdicts := make([]verdict, len(os))
	for i, o := range os {
		if err := j.t.alive(); err != nil {
			return err
		}
		if verdicts[i], err = newVerdict(j.judge(o.Observable, facts[o.Observable])); err != nil {
			return err
		}
	}
	if err := internVerdicts(j.t, verdicts); err != nil {
		return err
	}
	for i, o := range os {
		if err := j.apply(o, verdicts[i]); err != nil {
			return err
		}
	}
	return nil
}

// apply gives an observable its verdict. One that is armed anew has to meet old
// events again; one that is disarmed has met them.
func (j *judging) apply(o *observable, v verdict) error {
	if o.live > 0 {
		j.done.Observables++
		j.done.Disarmed += int(bit(v.disarmed))
	}
	if o.verdict == v.id {
		return nil
	}
	j.replaced[o.verdict] = true
	o.verdict = v.id
	if o.live > 0 && o.disarmed != v.disarmed {
		j.turn(o)
	}
	j.sum += o.chk(o.state) - o.chk(o.was)
	return j.t.exec("UPDATE observable SET verdict = ?, armed = ? WHERE id = ?", o.verdict, o.armed, o.id)
}

// turn takes notice of an observable that is armed now and was not, or the
// other way round.
func (j *judging) turn(o *observable) {
	if o.disarmed {
		j.done.NowArmed++
		o.armed, j.arming = j.armed, true
	} else {
		j.done.NowDisarmed++
	}
	j.hunted = j.hunted || o.Type.Huntable()
}

func (j *judging) finish() error {
	if err := sweepVerdicts(j.t, j.replaced); err != nil {
		return err
	}
	return j.save(j.t)
}

// highest is the highest number that arms, this transaction's included.
func (c *counters) highest() int64 {
	if c.arming {
		return c.armed
	}
	return c.armed - 1
}

// some judges those of some observables that the store has.
func (j *judging) some(os []ioc.Observable) error {
	found, err := findStored(j.t, j.types, os)
	if err != nil {
		return err
	}
	return j.observables(found)
}

// judgeSome judges those of some observables that the store has.
func judgeSome(t *tx, os []ioc.Observable, judge ioc.Judge) error {
	j, err := newJudging(t, judge)
	if err != nil {
		return err
	}
	for len(os) > 0 {
		n := min(chunk, len(os))
		if err := j.some(os[:n]); err != nil {
			return err
		}
		os = os[n:]
	}
	if err := j.keepJudged(t); err != nil {
		return err
	}
	return j.finish()
}

// keepJudged: where nothing was pending before the transaction, nothing is
// after it, as what it armed needs no judging.
func (c *counters) keepJudged(t *tx) error {
	judged, err := meta(t, metaJudged)
	if err != nil || !c.arming || judged != c.armed-1 {
		return err
	}
	return t.setMeta(metaJudged, c.armed)
}

// pass is a pass of judging on its way, from transaction to transaction.
type pass struct {
	rules string
	judge ioc.Judge
	begun bool
	all   bool  // the rules are others: everything is judged
	since int64 // else only those armed since
	last  int64 // the observable judged last
	end   int64 // what was armed up to it will have been judged when the pass is complete
	known int64 // the highest number that armed when the pass last looked
	whole bool  // nobody else has armed since the pass began
	done  store.Judged
}

// JudgeLock is the Lock that a pass of judging holds. Who holds it keeps the
// rules in force from changing.
const JudgeLock = "judge"

// Judge lets judge derive the verdict of observables: where rules, a name for the
// rules that judge goes by, is that of the last complete pass, only of those armed
// since then, else of all, those that are withdrawn too, though it counts only the
// others. It works in chunks, each in a transaction of its own, so that readers and
// other writers get in between; one pass runs at a time, in all processes. A pass
// that ended in an error, or was killed, is made anew by the next call; what it has
// stored by then stays.
//
// judge is called while the store is locked for writing, so it may not use it.
func (s *Store) Judge(ctx context.Context, rules string, judge ioc.Judge) (store.Judged, error) {
	if rules == "" {
		return store.Judged{}, errors.New("judge: the rules have no name")
	}
	if last, pending, err := s.ArmingState(ctx); err != nil || last == rules && !pending {
		return store.Judged{}, err
	}
	if err := s.writable(); err != nil { // before a file for the lock is made
		return store.Judged{}, err
	}
	release, err := s.Lock(ctx, JudgeLock)
	if err != nil {
		return store.Judged{}, err
	}
	defer release()
	p := pass{rules: rules, judge: judge}
	for more := true; more; {
		next := p
		err := s.write(ctx, func(t *tx) (err error) {
			more, err = next.chunk(t)
			return err
		})
		if err != nil {
			return p.done, err
		}
		p = next
	}
	return p.done, s.shrink(ctx)
}

// shrink gives the writer's page cache back: a pass over everything has filled
// it with what nobody will ask for again.
func (s *Store) shrink(ctx context.Context) error {
	select {
	case <-s.w.turn:
		defer func() { s.w.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := s.w.conn.ExecContext(ctx, "PRAGMA shrink_memory")
	return s.explain(err)
}

// chunk judges the next observables, and ends the pass behind the last.
func (p *pass) chunk(t *tx) (more bool, err error) {
	j, err := newJudging(t, p.judge)
	if err != nil {
		return false, err
	}
	if err := p.look(t, j.highest()); err != nil {
		return false, err
	}
	os, err := p.read(j)
	if err != nil {
		return false, err
	}
	if err := j.observables(os); err != nil {
		return false, err
	}
	if err := j.finish(); err != nil {
		return false, err
	}
	p.add(j)
	if len(os) == chunk {
		p.last = os[chunk-1].id
		return true, nil
	}
	return false, p.complete(t)
}

// look begins the pass, or finds out whether anything was armed by others
// since the last chunk.
func (p *pass) look(t *tx, armed int64) error {
	if p.begun {
		p.whole = p.whole && armed == p.known
		return nil
	}
	p.begun, p.whole, p.end, p.known = true, true, armed, armed
	last, err := readNote(t, noteRules)
	if err != nil {
		return err
	}
	if last == p.rules {
		p.since, err = meta(t, metaJudged)
		return err
	}
	p.all = true
	// Until the pass is complete, verdicts are those of no rules.
	return t.putNote(noteRules, "")
}

// read reads the next chunk of what the pass has to judge.
func (p *pass) read(j *judging) ([]*observable, error) {
	block := make([]observable, chunk)
	os := make([]*observable, 0, chunk)
	which := "o.live > 0 AND o.armed > ?"
	if p.all {
		which = "o.armed >= ?" // the hits of what is withdrawn are still there, and are shown as the rules are now
	}
	return os, each(j.t, "SELECT "+observableColumns+", o.value FROM observable o WHERE o.id > ? AND "+which+" ORDER BY o.id LIMIT ?",
		[]any{p.last, p.since, chunk}, func(row scanner) error {
			o := &block[len(os)]
			os = append(os, o)
			err := o.scan(row, &o.Value)
			o.Type = j.types.names[o.code]
			return err
		})
}

// add adds what a chunk did. What the pass itself arms has been judged.
func (p *pass) add(j *judging) {
	p.known = j.highest()
	if p.whole {
		p.end = p.known
	}
	p.done.Observables += j.done.Observables
	p.done.Disarmed += j.done.Disarmed
	p.done.NowArmed += j.done.NowArmed
	p.done.NowDisarmed += j.done.NowDisarmed
}

func (p *pass) complete(t *tx) error {
	if err := t.setMeta(metaJudged, p.end); err != nil {
		return err
	}
	return t.putNote(noteRules, p.rules)
}

// ArmingState returns the rules of the last complete pass of judging, "" if
// there was none or one is not complete, and whether there are observables that
// no pass has seen since they were armed.
func (s *Store) ArmingState(ctx context.Context) (rules string, pending bool, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		if rules, err = readNote(q, noteRules); err != nil {
			return err
		}
		judged, err := meta(q, metaJudged)
		if err != nil {
			return err
		}
		armed, err := meta(q, metaArmed)
		if err != nil || armed == judged {
			return err
		}
		// New ones are at the end.
		return one(q, "SELECT EXISTS(SELECT 1 FROM observable WHERE live > 0 AND armed > ? ORDER BY id DESC)", []any{judged}, &pending)
	})
	return rules, pending, err
}
