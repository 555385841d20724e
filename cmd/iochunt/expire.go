package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

type expireFlags struct {
	older  string
	feeds  []string
	dryRun bool
}

const expireLong = `Withdraw claims that ended long ago.

An expired claim is of use: an event of the time in which it held still hits it.
So expired claims stay, and are judged by the time of each event. This verb is
for those that ended so long ago that no log is as old; they are withdrawn, as if
the feed had taken them back. Lifetimes of the configuration count where the feed
gives no end. A feed whose report changes may bring its old claims again.`

func newIndicatorsExpire(a *app) *cobra.Command {
	var f expireFlags
	cmd := &cobra.Command{
		Use: "expire", Short: "Withdraw claims that ended long ago", Long: expireLong, Args: cobra.NoArgs,
		Example: "  iochunt indicators expire --dry-run\n  iochunt indicators expire --older-than 730d",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.expire(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.older, "older-than", "365d", "ended before this: an age, or a date")
	cmd.Flags().StringSliceVar(&f.feeds, "feed", nil, "only of these feeds")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only count them")
	return cmd
}

// ended are the claims to be withdrawn.
type ended struct {
	byFeed map[string][]ioc.Observable
	byType map[string]map[ioc.Type]int
	total  int // claims looked at
}

func (a *app) expire(ctx context.Context, f expireFlags) error {
	before, err := a.when(f.older)
	if err != nil || before.IsZero() || before.After(a.now()) {
		return usage("--older-than %q: it is an age (365d) or a date that has passed", f.older)
	}
	e, err := a.expireAll(ctx, f, before)
	if err != nil {
		return err
	}
	if !f.dryRun {
		if err := a.refreshSet(ctx); err != nil {
			return err
		}
	}
	return a.tellEnded(e, before, f.dryRun)
}

func (a *app) expireAll(ctx context.Context, f expireFlags, before time.Time) (*ended, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	e, err := a.endedBefore(ctx, s, f.feeds, before)
	if err != nil {
		return nil, err
	}
	if e.total == 0 && len(f.feeds) > 0 {
		return nil, usage("--feed %s: there are no claims of that feed (iochunt indicators count lists the feeds)", strings.Join(f.feeds, ","))
	}
	for feed := range e.byFeed {
		if f.dryRun {
			break
		}
		if err := a.withdrawEnded(ctx, s, feed, before); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// withdrawEnded withdraws what has ended of a feed while nobody collects it, so
// that no claim goes that was renewed a moment ago: its report, unchanged since,
// would not bring it again.
func (a *app) withdrawEnded(ctx context.Context, s database, feed string, before time.Time) error {
	release, err := s.Lock(ctx, collectLock(feed))
	if err != nil {
		return err
	}
	defer release()
	e, err := a.endedBefore(ctx, s, []string{feed}, before)
	if err != nil {
		return err
	}
	_, err = s.Withdraw(ctx, feed, e.byFeed[feed])
	return err
}

func (a *app) endedBefore(ctx context.Context, s database, feeds []string, before time.Time) (*ended, error) {
	e := &ended{byFeed: map[string][]ioc.Observable{}, byType: map[string]map[ioc.Type]int{}}
	lives := a.lifetimes()
	for i, err := range s.List(ctx, store.ListFilter{Feeds: feeds}) {
		if err != nil {
			return nil, err
		}
		e.total++
		if lives.Apply(&i); i.ValidUntil.IsZero() || !i.ValidUntil.Before(before) {
			continue
		}
		e.byFeed[i.Feed] = append(e.byFeed[i.Feed], i.Observable)
		if e.byType[i.Feed] == nil {
			e.byType[i.Feed] = map[ioc.Type]int{}
		}
		e.byType[i.Feed][i.Type]++
	}
	return e, nil
}

func (a *app) tellEnded(e *ended, before time.Time, dryRun bool) error {
	n := 0
	for _, feed := range slices.Sorted(maps.Keys(e.byType)) {
		for _, t := range slices.Sorted(maps.Keys(e.byType[feed])) {
			k := e.byType[feed][t]
			n += k
			if a.json {
				if err := a.line("expired", map[string]any{"feed": feed, "type": t, "claims": k}); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(a.out, "%12s  %s of feed %s\n", thousands(k), escape(string(t)), escape(feed))
		}
	}
	if a.json {
		return a.line("summary", map[string]any{"claims": e.total, "ended": n, "before": before.UTC(), "withdrawn": !dryRun})
	}
	done := "withdrawn"
	if dryRun {
		done = "would be withdrawn"
	}
	_, err := fmt.Fprintf(a.out, "%s of %s, ended before %s, %s\n", thousands(n), plural(e.total, "claim"), day(before), done)
	return err
}
