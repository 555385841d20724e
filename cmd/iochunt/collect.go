package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/store"
)

type collectFlags struct {
	full   bool
	dryRun bool
	quiet  bool
}

const collectLong = `Poll feeds now: all that are configured, or those named.

Each feed goes on where its last complete poll ended. A page that cannot be read
is tried again, in smaller parts, and if it stays unreadable the rest is read,
the run counts as partial and the place is not passed: the next poll tries again.

EXIT STATUS
  0  every feed was read wholly
  1  a feed failed
  2  usage or configuration
  3  a part of a feed could not be read
  4  a feed refused the credentials
  130 interrupted; what was stored until then stays`

func newCollect(a *app) *cobra.Command {
	var f collectFlags
	cmd := &cobra.Command{
		Use: "collect [FEED...]", Short: "Poll threat feeds now", Long: collectLong,
		Example: "  OTX_API_KEY=... iochunt collect\n  iochunt collect otx --json",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.collect(cmd.Context(), f, args) },
	}
	cmd.Flags().BoolVar(&f.full, "full", false, "read everything again, from the beginning")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "read and count, store nothing")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "say only what went wrong")
	return cmd
}

func (a *app) collect(ctx context.Context, f collectFlags, names []string) error {
	feeds, err := a.pickFeeds(names)
	if err != nil {
		return err
	}
	code, err := a.collectFeeds(ctx, feeds, f)
	if err != nil {
		return err
	}
	if !f.dryRun {
		if err := a.refreshSet(ctx); err != nil {
			return err
		}
	}
	if a.json { // the last line, after what the judging of the indicators changed
		if err := a.line("summary", map[string]int{"feeds": len(feeds)}); err != nil {
			return err
		}
	}
	return quietly(code)
}

// collectFeeds polls the feeds one after the other; one that fails does not
// keep the others from being read.
func (a *app) collectFeeds(ctx context.Context, feeds []config.Feed, f collectFlags) (code int, err error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return exitFailed, err
	}
	defer s.Close()
	if !f.dryRun {
		if err := a.adopt(ctx, s); err != nil {
			return exitFailed, err
		}
	}
	for _, feed := range feeds {
		c, err := a.collectFeed(ctx, s, feed, f)
		if ctx.Err() != nil {
			return exitInterrupted, errors.Join(err, ctx.Err())
		}
		if err != nil {
			a.note("iochunt: %v", err)
		}
		code = worse(code, c)
	}
	return code, nil
}

// pickFeeds returns the named feeds, or all.
func (a *app) pickFeeds(names []string) ([]config.Feed, error) {
	if len(a.cfg.Feeds) == 0 {
		return nil, usage("no feed is configured; set OTX_API_KEY, or write a config file (iochunt init)")
	}
	if len(names) == 0 {
		return a.cfg.Feeds, nil
	}
	feeds := make([]config.Feed, 0, len(names))
	for _, n := range names {
		f, ok := a.cfg.Feed(n)
		if !ok {
			return nil, usage("no feed %q is configured (iochunt feeds lists them)", n)
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// worse returns the code that says more: what failed before what is partial.
func worse(a, b int) int {
	rank := map[int]int{exitOK: 0, exitPartial: 1, exitFailed: 2, exitAuth: 3, exitUsage: 4}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// collectLock is the lock of who changes what a feed brought.
func collectLock(feed string) string { return "collect-" + feed }

// collectFeed polls one feed, one run at a time whoever else is running, and
// records the run.
func (a *app) collectFeed(ctx context.Context, s database, feed config.Feed, f collectFlags) (int, error) {
	c, err := a.newCollector(feed, s)
	if err != nil {
		return exitUsage, err
	}
	waiting := time.AfterFunc(time.Second, func() { a.note("iochunt: feed %s: waiting for another collect of it to end", feed.Name) })
	release, err := s.Lock(ctx, collectLock(feed.Name))
	waiting.Stop()
	if err != nil {
		return exitFailed, err
	}
	defer release()
	if f.full && !f.dryRun {
		if err := s.ResetCursor(ctx, feed.Name); err != nil {
			return exitFailed, err
		}
	}
	res, runErr := a.runCollector(ctx, s, feed.Name, c, f)
	if !f.dryRun {
		if err := a.recordRun(s, res); err != nil {
			return exitFailed, err
		}
	}
	if err := a.tellResult(res, f.quiet); err != nil {
		return exitFailed, err
	}
	return collectCode(res, runErr), runErr
}

func (a *app) runCollector(ctx context.Context, s collect.Store, feed string, c collect.Collector, f collectFlags) (collect.Result, error) {
	defer thrifty()()
	b := a.newBar("collect "+feed, -1, f.quiet || a.json)
	defer b.finish()
	ctx = a.tellRetries(ctx, "feed "+feed+": ")
	return collect.Run(ctx, feed, c, s, collect.RunOptions{
		Prepare: prepare, DryRun: f.dryRun, Full: f.full, Now: a.now,
		OnBatch: func(r collect.Result) { b.set(r.Fetched) },
	})
}

func collectCode(r collect.Result, err error) int {
	switch {
	case isAuth(err):
		return exitAuth
	case err != nil:
		return exitFailed
	case r.Outcome() == collect.Partial:
		return exitPartial
	default:
		return exitOK
	}
}

// recordRun keeps the run's record. It is written even when the run was
// interrupted, so it does not take part in the run's context.
func (a *app) recordRun(s database, r collect.Result) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	counters := map[string]int64{
		"reports": int64(r.Reports), "gone": int64(r.Gone), "fetched": int64(r.Fetched), "new": int64(r.Changes.New),
		"changed": int64(r.Changes.Changed), "unchanged": int64(r.Changes.Unchanged), "expired": int64(r.Expired),
		"withdrawn": int64(r.Changes.Withdrawn), "refused": int64(r.RefusedTotal()),
	}
	for what, n := range r.Read {
		counters[strings.ReplaceAll(what, " ", "_")] = int64(n)
	}
	return s.PutRun(ctx, store.Run{
		Verb: "collect", Feed: r.Feed, Started: r.Started, Ended: r.Started.Add(r.Took), Outcome: string(r.Outcome()),
		Message: strings.Join(append(r.Skipped, r.Error), "; "), Counters: counters,
	})
}

// collectJSON is the "collect" object of docs/output.md.
type collectJSON struct {
	Feed        string         `json:"feed"`
	Outcome     string         `json:"outcome"`
	Error       string         `json:"error,omitempty"`
	Reports     int            `json:"reports"`
	Gone        int            `json:"gone"`
	Fetched     int            `json:"fetched"`
	New         int            `json:"new"`
	Changed     int            `json:"changed"`
	Unchanged   int            `json:"unchanged"`
	Withdrawn   int            `json:"withdrawn"`
	Duplicates  int            `json:"duplicates"`
	Observables int            `json:"new_observables"`
	Expired     int            `json:"expired"`
	NotHuntable int            `json:"not_huntable"`
	Refused     int            `json:"refused"`
	Why         map[string]int `json:"refused_why,omitempty"`
	Read        map[string]int `json:"read,omitempty"` // in the protocol's own terms: "content block"
	Notes       []string       `json:"notes,omitempty"`
	Skipped     []string       `json:"skipped,omitempty"`
	Cursor      string         `json:"cursor,omitempty"`
	TookMS      int64          `json:"took_ms"`
}

func newCollectJSON(r collect.Result) collectJSON {
	return collectJSON{
		Feed: r.Feed, Outcome: string(r.Outcome()), Error: r.Error, Reports: r.Reports, Gone: r.Gone, Fetched: r.Fetched,
		New: r.Changes.New, Changed: r.Changes.Changed, Unchanged: r.Changes.Unchanged, Withdrawn: r.Changes.Withdrawn,
		Duplicates: r.Duplicates, Observables: r.Changes.Observables, Expired: r.Expired, NotHuntable: r.NotHuntable,
		Refused: r.RefusedTotal(), Why: r.Refused, Read: r.Read, Notes: r.Notes, Skipped: r.Skipped, Cursor: string(r.After), TookMS: r.Took.Milliseconds(),
	}
}

// tellResult shows what one feed's poll did.
func (a *app) tellResult(r collect.Result, quiet bool) error {
	a.log.Info("poll", zap.String("feed", r.Feed), zap.String("outcome", string(r.Outcome())), zap.Int("reports", r.Reports),
		zap.Int("fetched", r.Fetched), zap.Int("new", r.Changes.New), zap.Int("refused", r.RefusedTotal()), zap.Duration("took", r.Took))
	if a.json {
		return a.line("collect", newCollectJSON(r))
	}
	for _, s := range append(slices.Clone(r.Notes), r.Skipped...) {
		a.note("iochunt: feed %s: %s", r.Feed, s)
	}
	if quiet || r.Error != "" && r.Fetched == 0 {
		return nil // the error is told by itself
	}
	if r.Error != "" {
		fmt.Fprintf(a.out, "%s: FAILED half-way; what was read until then stays\n", r.Feed)
	}
	if r.Read[listEntry] > 0 {
		fmt.Fprintf(a.out, "%s: %s in %s; %s refused\n", r.Feed, fetched(&r), shortDuration(r.Took), thousands(r.RefusedTotal()))
		return a.tellRest(r)
	}
	c := r.Changes
	fmt.Fprintf(a.out, "%s: %s in %s: %s new, %s changed, %s unchanged, %s withdrawn; %s expired, %s not huntable, %s refused\n",
		r.Feed, fetched(&r), shortDuration(r.Took),
		thousands(c.New), thousands(c.Changed), thousands(c.Unchanged), thousands(c.Withdrawn),
		thousands(r.Expired), thousands(r.NotHuntable), thousands(r.RefusedTotal()))
	return a.tellRest(r)
}

// listEntry is what a feed of warninglists reads. It brings no indicators, so
// that none of them is new or unchanged.
const listEntry = "list entry"

// tellRest shows what was refused, and what could not be read.
func (a *app) tellRest(r collect.Result) error {
	a.tellRefused(r)
	if len(r.Skipped) > 0 {
		fmt.Fprintf(a.out, "  PARTIAL: %s could not be read; the next poll tries again\n", plural(len(r.Skipped), "part"))
	}
	return nil
}

// fetched says what was read: in the protocol's own terms where it has some, in
// ours where it has not.
func fetched(r *collect.Result) string {
	if len(r.Read) == 0 {
		return plural(r.Reports, "report") + ", " + plural(r.Fetched, "indicator") + " fetched"
	}
	var said []string
	byNoun := func(a, b string) int { // "content block", "quarantined content block", "observable"
		return strings.Compare(backwards(a), backwards(b))
	}
	for _, what := range slices.SortedFunc(maps.Keys(r.Read), byNoun) {
		said = append(said, plural(r.Read[what], escape(what)))
	}
	return strings.Join(said, ", ") + " read"
}

// backwards are the words of s from its last to its first.
func backwards(s string) string {
	words := strings.Fields(s)
	slices.Reverse(words)
	return strings.Join(words, " ")
}

// tellRefused lists the reasons of refusals, the most frequent first, each with
// an example.
func (a *app) tellRefused(r collect.Result) {
	byCount := func(x, y string) int { return cmp.Or(r.Refused[y]-r.Refused[x], strings.Compare(x, y)) }
	for _, why := range slices.SortedFunc(maps.Keys(r.Refused), byCount) {
		example := ""
		if ex := r.RefusedExamples[why]; len(ex) > 0 {
			example = fmt.Sprintf(", e.g. %q", shorten(strings.Join(strings.Fields(ex[0].Value), " "), 80))
			if place := ex[0].Place; place != "" {
				example += " (" + escape(shorten(place, 200)) + ")"
			}
		}
		fmt.Fprintf(a.out, "  refused %s: %s%s\n", thousands(r.Refused[why]), escape(why), example)
	}
}
