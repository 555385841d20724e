package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/local"
)

type decideFlags struct {
	why    string
	dryRun bool
	undo   bool
}

const decideLong = `
The decision stands whatever the lists say, and whatever the feeds bring, until
it is taken back with --undo. What it changes is shown; --dry-run shows that
alone. A value may be in any spelling; "type:value" says its type.`

func newIndicatorsArm(a *app) *cobra.Command {
	return newDecide(a, ioc.Arm, "Let indicators raise hits, whatever the lists say",
		"Let indicators raise hits, whatever the lists say. They meet old events again.")
}

func newIndicatorsDisarm(a *app) *cobra.Command {
	return newDecide(a, ioc.Disarm, "Keep indicators from raising hits", "Keep indicators from raising hits. They stay in the store, and are listed as not armed.")
}

func newDecide(a *app, verdict, short, long string) *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use: verdict + " VALUE...", Short: short, Long: long + "\n" + decideLong, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.decide(cmd.Context(), verdict, f, args) },
	}
	cmd.Flags().StringVar(&f.why, "why", "", "the reason; it is shown wherever the decision counts")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only show what would change")
	cmd.Flags().BoolVar(&f.undo, "undo", false, "take the decision back")
	return cmd
}

func (a *app) decide(ctx context.Context, verdict string, f decideFlags, values []string) error {
	f.why = strings.TrimSpace(f.why)
	if f.why == "" && !f.undo && !f.dryRun {
		return usage("--why is needed: whoever meets this decision in a year wants to know")
	}
	if err := checkWhy(f.why); err != nil {
		return err
	}
	var ds []ioc.Decision
	for _, v := range values {
		o, err := typedQuery(v)
		if err != nil {
			return usage("%s: %w", v, err)
		}
		ds = append(ds, a.decision(o, verdict, f.why))
	}
	if err := a.decideAll(ctx, ds, f); err != nil || f.dryRun {
		return err
	}
	return a.refreshSet(ctx)
}

// longestWhy is how long a reason may be, in bytes: it is shown in every listing.
const longestWhy = 1000

func checkWhy(why string) error {
	if len(why) > longestWhy {
		return usage("--why has %d bytes: a reason is of at most %d", len(why), longestWhy)
	}
	return nil
}

// takeBack makes of decisions that they are taken back: each has to be there.
func takeBack(ctx context.Context, s database, ds []ioc.Decision) error {
	for i := range ds {
		facts, err := s.Facts(ctx, ds[i].Observable)
		if err != nil {
			return err
		}
		same := func(d ioc.Decision) bool { return d.Source == ds[i].Source && d.Verdict == ds[i].Verdict }
		if !slices.ContainsFunc(facts.Decisions, same) {
			return usage("nobody decided to %s %s %s, so there is nothing to take back (iochunt indicators show)", ds[i].Verdict, ds[i].Type, ds[i].Value)
		}
		ds[i].Verdict = ""
	}
	return nil
}

func (a *app) decideAll(ctx context.Context, ds []ioc.Decision, f decideFlags) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if f.undo {
		if err := takeBack(ctx, s, ds); err != nil {
			return err
		}
	}
	rules, err := a.judgedRules(ctx, s)
	if err != nil {
		return err
	}
	for _, d := range ds {
		if err := a.showDecision(ctx, s, rules, d); err != nil {
			return err
		}
	}
	if !f.dryRun {
		err = a.byRules(ctx, s, rules, func(rules *enrich.Rules) error { return s.Decide(ctx, ds, rules.Judge) })
	}
	switch {
	case err != nil:
	case a.json:
		err = a.line("summary", map[string]any{"decisions": len(ds), "applied": !f.dryRun})
	case f.dryRun:
		_, err = fmt.Fprintln(a.out, "nothing was changed: --dry-run")
	}
	return err
}

// judgedRules judges what is stored by the rules in force, and returns them.
func (a *app) judgedRules(ctx context.Context, s database) (*enrich.Rules, error) {
	if err := a.judge(ctx, s); err != nil {
		return nil, err
	}
	rules, _, err := a.rulesInForce(ctx, s) // what is wrong with lists is told by whoever judges
	return rules, err
}

// byRules does what judges by the rules in force: while it does, no pass by other
// rules is under way or ends. A collection may have brought other lists since the
// rules were made, and a verdict by the old ones would stay among those of the new;
// then they are made anew.
func (a *app) byRules(ctx context.Context, s database, rules *enrich.Rules, do func(*enrich.Rules) error) error {
	for {
		if done, err := underLock(ctx, s, rules, do); done || err != nil {
			return err
		}
		var err error
		if rules, err = a.judgedRules(ctx, s); err != nil {
			return err
		}
	}
}

// underLock does it if the store's verdicts are of these rules.
func underLock(ctx context.Context, s database, rules *enrich.Rules, do func(*enrich.Rules) error) (done bool, err error) {
	release, err := s.Lock(ctx, local.JudgeLock)
	if err != nil {
		return false, err
	}
	defer release()
	if now, _, err := s.ArmingState(ctx); err != nil || now != rules.Fingerprint() {
		return false, err
	}
	return true, do(rules)
}

// showDecision shows what a decision changes.
func (a *app) showDecision(ctx context.Context, s database, rules *enrich.Rules, d ioc.Decision) error {
	facts, err := s.Facts(ctx, d.Observable)
	if err != nil {
		return err
	}
	before := rules.Judge(d.Observable, facts)
	after := rules.Judge(d.Observable, withDecision(facts, d))
	return a.showChange(ctx, s, change{Observable: d.Observable, before: before, after: after})
}

// withDecision returns facts with d in place of what its source decided before.
func withDecision(f ioc.Facts, d ioc.Decision) ioc.Facts {
	kept := ioc.Facts{Marks: f.Marks}
	for _, old := range f.Decisions {
		if old.Source != d.Source {
			kept.Decisions = append(kept.Decisions, old)
		}
	}
	if d.Verdict != "" {
		kept.Decisions = append(kept.Decisions, d)
	}
	return kept
}

// change is what becomes of one observable.
type change struct {
	ioc.Observable
	before, after ioc.Arming
	hits          int // that are marked with it; 0: it is no mark
}

// effectJSON is the "effect" object of docs/output.md.
type effectJSON struct {
	ioc.Observable
	Hits   int       `json:"hits,omitempty"`
	Feeds  int       `json:"feeds"`
	Before stateJSON `json:"before"`
	After  stateJSON `json:"after"`
}

type stateJSON struct {
	Armed bool   `json:"armed"`
	Score int    `json:"score"`
	Why   string `json:"why,omitempty"`
}

// showChange shows state and score of an observable before and after.
func (a *app) showChange(ctx context.Context, s database, c change) error {
	claims, err := aged{s, a.lifetimes()}.Lookup(ctx, c.Observable)
	if err != nil {
		return err
	}
	now := a.now()
	claims = validNow(claims, now)
	state := func(ar ioc.Arming) stateJSON {
		score := a.scoring.Score(claims, &ar, now)
		return stateJSON{!ar.Disarmed, int(score.Value), ar.Why}
	}
	e := effectJSON{c.Observable, c.hits, len(claims), state(c.before), state(c.after)}
	if a.json {
		return a.line("effect", e)
	}
	of := ""
	if c.hits > 0 {
		of = " (" + plural(c.hits, "hit") + ")"
	}
	if e.Feeds == 0 {
		of += " (no feed's claim holds now)"
	}
	_, err = fmt.Fprintf(a.out, "%s %s%s: %s -> %s\n", e.Type, escape(e.Value), of, e.Before.String(), e.After.String())
	return err
}

func (s stateJSON) String() string {
	state := "not armed"
	if s.Armed {
		state = "armed"
	}
	if s.Why != "" {
		state += " (" + escape(s.Why) + ")"
	}
	return fmt.Sprintf("%s, score %d", strings.TrimSpace(state), s.Score)
}
