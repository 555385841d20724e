package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// The pass that judges what is stored by the rules in force.

// judge brings the verdicts of the store up to date with the rules and with
// what was collected. It costs next to nothing where nothing changed.
func (a *app) judge(ctx context.Context, s database) error {
	if err := a.lengthen(ctx, s); err != nil {
		return err
	}
	ar, err := a.armory(ctx, s)
	if err != nil {
		return err
	}
	light, err := a.newRules(ar, ar.options)
	if err != nil {
		return err
	}
	was, pending, err := s.ArmingState(ctx)
	if err != nil || was == light.Fingerprint() && !pending {
		return err
	}
	j, err := a.judgeAll(ctx, s, ar, was == "")
	if err != nil {
		return err
	}
	return a.tellJudged(j)
}

// judgeOwn is judge for a verb that only reads. A store that many hosts share is
// judged by those that write to it: else two of them with different settings would
// judge it in turn, each time they read.
func (a *app) judgeOwn(ctx context.Context, s database) error {
	if a.cfg.Elasticsearch.Enabled() {
		return nil
	}
	return a.judge(ctx, s)
}

// judgeAll compiles the lists and judges by them. It comes after a collection,
// and before a set is compiled, as fromStore does, whose care with memory it has.
// first: no pass was ever complete, or one was begun and is not complete.
func (a *app) judgeAll(ctx context.Context, s database, ar *armory, first bool) (store.Judged, error) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	rules, unusable, err := a.rules(ctx, s, ar)
	if err != nil {
		return store.Judged{}, err
	}
	for _, said := range sayUnusable(unusable) {
		a.note("iochunt: %s", said)
	}
	if first {
		if err := a.keepManual(ctx, s, rules.Judge); err != nil {
			return store.Judged{}, err
		}
	}
	j, err := s.Judge(ctx, rules.Fingerprint(), rules.Judge)
	if err != nil {
		err = fmt.Errorf("judging the indicators: %w", err)
	}
	return j, err
}

// sayUnusable says what entries of lists cannot be used, a line for each list and
// reason.
func sayUnusable(all []ioc.Refusal) []string {
	type key struct{ list, why string }
	first, count := map[key]string{}, map[key]int{}
	var order []key
	for _, r := range all {
		k := key{r.Report, r.Reason}
		if count[k]++; count[k] == 1 {
			order = append(order, k)
			first[k] = r.Value
		}
	}
	var said []string
	for _, k := range order {
		said = append(said, fmt.Sprintf("warninglist %s: %s left out: %s, e.g. %q", k.list, plural(count[k], "entry"), k.why, shorten(first[k], 80)))
	}
	return said
}

// tellJudged says what changed; a pass that changed nothing is not worth a word.
func (a *app) tellJudged(j store.Judged) error {
	if j.NowArmed+j.NowDisarmed == 0 || a.quietArming {
		return nil
	}
	if a.json {
		return a.line("judged", map[string]int{"indicators": j.Observables, "disarmed": j.Disarmed, "now_armed": j.NowArmed, "now_disarmed": j.NowDisarmed})
	}
	a.note("iochunt: of %s judged %s not armed (iochunt indicators list --state not_armed)", plural(j.Observables, "indicator"), areOf(j.Disarmed))
	return nil
}

func areOf(n int) string {
	if n == 1 {
		return "1 is"
	}
	return thousands(n) + " are"
}

// manualNote is where the store keeps that keepManual was done.
const manualNote = "manual kept"

// keepManual arms what people added by hand before there were rules: they said
// what they wanted. It is done once, as a pass that was killed also leaves a store
// without rules. Whatever else they decided, then and since,
// stands.
func (a *app) keepManual(ctx context.Context, s database, judge ioc.Judge) error {
	done, err := s.Note(ctx, manualNote)
	if err != nil || done != "" {
		return err
	}
	decided, err := decidedByPerson(ctx, s)
	if err != nil {
		return err
	}
	var ds []ioc.Decision
	for o, err := range s.Observables(ctx, ioc.Filter{Feeds: []string{feedManual}, Disarmed: true}) {
		if err != nil {
			return err
		}
		if !decided[o] {
			ds = append(ds, a.decision(o, ioc.Arm, addedByHand))
		}
	}
	if len(ds) > 0 {
		if err := s.Decide(ctx, ds, judge); err != nil {
			return err
		}
	}
	return s.PutNote(ctx, manualNote, "yes")
}

func decidedByPerson(ctx context.Context, s database) (map[ioc.Observable]bool, error) {
	decided := map[ioc.Observable]bool{}
	for d, err := range s.Decisions(ctx) {
		if err != nil {
			return nil, err
		}
		if d.Source == ioc.SourcePerson {
			decided[d.Observable] = true
		}
	}
	return decided, nil
}

const addedByHand = "added by hand"
