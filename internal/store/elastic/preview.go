package elastic

import (
	"context"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// PreviewMark returns what MarkHits would change: the facts of each observable
// before and after, and the number of hits. Nothing is written: the act is done
// on what was read.
func (s *Store) PreviewMark(ctx context.Context, f store.HitFilter, m ioc.Mark) (effects []store.MarkEffect, hits int, err error) {
	all, err := s.selectHits(ctx, f, m.Verdict == "")
	if err != nil || len(all) == 0 {
		return nil, 0, err
	}
	some := observablesOf(all)
	keys := make([]string, len(some))
	for i, o := range some {
		keys[i] = keyOf(o)
	}
	found, err := s.gather(ctx, keys)
	if err != nil {
		return nil, 0, err
	}
	effects = make([]store.MarkEffect, len(some))
	at := make(map[string]int, len(some))
	for i, o := range some {
		effects[i] = store.MarkEffect{Observable: o, Before: found[keys[i]].facts()}
		at[keys[i]] = i
	}
	for i := range all {
		key := keyOf(all[i].Observable)
		effects[at[key]].Hits++
		remark(found, key, all[i], m.Verdict)
	}
	for i := range effects {
		effects[i].After = found[keys[i]].facts()
	}
	return effects, len(all), nil
}

// newAct is the number that an act of marking has while it is only looked at.
const newAct = -1

// remark does to what was read what putMarks would do.
func remark(found map[string]*evidence, key string, k markBody, verdict string) {
	e := found[key]
	if e == nil {
		e = &evidence{marks: map[string]markBody{}}
		found[key] = e
	}
	if verdict == "" {
		delete(e.marks, k.Hit)
		return
	}
	k.Act, k.Verdict = newAct, verdict
	e.marks[k.Hit] = k
}
