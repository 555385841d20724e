package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
)

// minFlags are the thresholds of what is shown.
type minFlags struct {
	score    int
	severity string
}

func (f *minFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.score, "min-score", 0, "leave out hits of a lower score, 0 to 100; they are counted, and kept")
	cmd.Flags().StringVar(&f.severity, "min-severity", "", "leave out hits of a lower severity: "+strings.Join(ioc.Levels, ", "))
	_ = cmd.RegisterFlagCompletionFunc("min-severity", cobra.FixedCompletions(ioc.Levels, cobra.ShellCompDirectiveNoFileComp))
}

// threshold is what a hit must be worth to be shown.
type threshold struct {
	score    int
	severity uint8
}

// threshold returns the stricter of what the flags and the sink's settings ask
// for. A flag that was given stands in place of the setting.
func (a *app) threshold(cmd *cobra.Command, f minFlags, sink string) (threshold, error) {
	for _, s := range a.cfg.Sinks {
		if s.Kind != sink {
			continue
		}
		if !cmd.Flags().Changed("min-score") {
			f.score = s.MinScore
		}
		if !cmd.Flags().Changed("min-severity") {
			f.severity = s.MinSeverity
		}
	}
	return newThreshold(f)
}

func newThreshold(f minFlags) (threshold, error) {
	if f.score < 0 || f.score > 100 {
		return threshold{}, usage("--min-score %d is not between 0 and 100", f.score)
	}
	level := slices.Index(ioc.Levels, strings.ToLower(f.severity))
	if f.severity == "" {
		level = 0
	}
	if level < 0 {
		return threshold{}, usage("--min-severity %q: it is one of %s", f.severity, strings.Join(ioc.Levels, ", "))
	}
	return threshold{f.score, uint8(level * 20)}, nil
}

// reached reports whether a hit is worth enough.
func (t threshold) reached(h *ioc.Hit) bool {
	return int(h.Score.Value) >= t.score && h.Severity.Value >= t.severity
}

// counts reports whether a hit is worth enough whatever else is found: that it is
// repeated only adds to it. nil stands for a threshold that all reach.
func (a *app) counts(least threshold) func(ioc.Hit) bool {
	if least == (threshold{}) {
		return nil
	}
	return func(h ioc.Hit) bool {
		(&weigher{scoring: a.scoring}).weighOne(&h, 1)
		return least.reached(&h)
	}
}

// weigher gives hits their score and severity, in the order in which they come.
type weigher struct {
	scoring *enrich.Scoring
	times   map[ioc.Observable]int // hits of each so far
}

func (a *app) newWeigher() *weigher {
	return &weigher{scoring: a.scoring, times: map[ioc.Observable]int{}}
}

// weigh weighs hits of a run: how often is how often so far.
func (w *weigher) weigh(hits []ioc.Hit) {
	for i := range hits {
		h := &hits[i]
		n := w.times[h.Observable] + 1
		w.times[h.Observable] = n
		w.weighOne(h, n)
	}
}

func (w *weigher) weighOne(h *ioc.Hit, times int) {
	h.Score = w.scoring.Score(h.Indicators, h.Arming, h.Time)
	h.Severity = w.scoring.Severity(h, times)
	h.Alert = w.scoring.Alert(h) && hasArmed(h) && (h.Mark == nil || h.Mark.Verdict != ioc.FalsePositive)
}

// hasArmed reports whether one of the claims may raise the hit.
func hasArmed(h *ioc.Hit) bool {
	return slices.ContainsFunc(h.Indicators, func(i ioc.Indicator) bool { return i.Armed() })
}

// explainHit says in words what a hit's score and severity are made of, and
// which lists were asked.
func (a *app) explainHit(h *ioc.Hit) []string {
	lines := []string{fmt.Sprintf("score %d, made of:", h.Score.Value)}
	for _, l := range enrich.ExplainScore(&h.Score, h.Arming) {
		lines = append(lines, "  "+l)
	}
	lines = append(lines, enrich.ExplainSeverity(h.Severity, h))
	for i := range h.Indicators {
		lines = append(lines, validity(&h.Indicators[i], h))
	}
	return append(lines, a.asked(h))
}

// validity says how a claim stood at the time of the event.
func validity(i *ioc.Indicator, h *ioc.Hit) string {
	at := h.Time.UTC().Format("2006-01-02 15:04:05Z")
	switch {
	case h.Time.IsZero():
		return i.Feed + ": the event has no time to judge validity by"
	case i.ValidUntil.IsZero():
		return i.Feed + ": valid at " + at + " (the claim does not end)"
	default:
		return i.Feed + ": valid at " + at + " (until " + i.ValidUntil.UTC().Format("2006-01-02 15:04:05Z") + ")"
	}
}

// asked says how many lists were asked of a hit's observable, and what they said.
func (a *app) asked(h *ioc.Hit) string {
	named := !slices.ContainsFunc(h.Indicators, func(i ioc.Indicator) bool { return i.Feed != adHoc })
	switch {
	case h.Arming != nil && len(h.Arming.Lists) > 0:
		return plural(a.listsAsked, "list") + " asked: on " + strings.Join(listNames(h.Arming.Lists), ", ")
	case named:
		return "no list was asked: it was named for one scan"
	}
	return plural(a.listsAsked, "list") + " asked: on none"
}

// listNames says which entry of which list holds an observable.
func listNames(ms []ioc.ListMatch) []string {
	var names []string
	for _, m := range ms {
		name := fmt.Sprintf("%q (%s: %s)", m.List, m.Match, m.Entry)
		if m.Lowers {
			name += " which lowers the score"
		}
		names = append(names, name)
	}
	return names
}

// recaller gives stored hits what is not stored with them: their arming as it
// is now, their score and severity.
type recaller struct {
	s     database
	w     *weigher
	lives enrich.Lifetimes
	known map[ioc.Observable]*recalled
}

// recalled is what is known of an observable.
type recalled struct {
	arming *ioc.Arming
	hits   int
}

// manyRecalled bounds the memory of a recaller.
const manyRecalled = 1 << 16

func (a *app) newRecaller(s database) *recaller {
	return &recaller{s: s, w: a.newWeigher(), lives: a.lifetimes(), known: map[ioc.Observable]*recalled{}}
}

// arming returns what is known of an observable. One that no feed ever named has
// no verdict, but may have marks.
func (r *recaller) arming(ctx context.Context, o ioc.Observable) (ioc.Arming, error) {
	ar, err := r.s.Arming(ctx, o)
	if err != nil || !ar.IsZero() {
		return ar, err
	}
	f, err := r.s.Facts(ctx, o)
	ar.Marks = f.Marks
	return ar, err
}

func (r *recaller) recall(ctx context.Context, h *ioc.Hit) error {
	k := r.known[h.Observable]
	if k == nil {
		k = &recalled{}
		ar, err := r.arming(ctx, h.Observable)
		if err != nil {
			return err
		}
		if !ar.IsZero() {
			k.arming = &ar
		}
		if k.hits, err = r.s.HitCount(ctx, h.Observable); err != nil {
			return err
		}
		if len(r.known) >= manyRecalled {
			clear(r.known)
		}
		r.known[h.Observable] = k
	}
	h.Arming = k.arming
	for i := range h.Indicators {
		r.lives.Apply(&h.Indicators[i])
		if h.Indicators[i].Feed != adHoc { // what was named for one scan was armed for it
			h.Indicators[i].Arming = k.arming
		}
	}
	r.w.weighOne(h, k.hits)
	return nil
}
