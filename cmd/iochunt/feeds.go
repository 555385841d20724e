package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

func newFeeds(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "feeds", Short: "Show the feeds, their last poll and what they hold", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.feeds(cmd.Context()) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check [FEED...]", Short: "Prove that feeds can be reached and logged in to",
			RunE: func(cmd *cobra.Command, args []string) error { return a.checkFeeds(cmd.Context(), args) },
		},
		&cobra.Command{
			Use: "refused FEED", Short: "List the values that a feed sent and that were refused, with reasons", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return a.refused(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "kinds", Short: "List the kinds of feed there are", Args: cobra.NoArgs,
			Annotations: map[string]string{"config": "none"},
			RunE: func(*cobra.Command, []string) error {
				for _, k := range collect.Kinds() {
					if a.json {
						if err := a.line("feed_kind", map[string]string{"name": k.Name, "doc": k.Doc}); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(a.out, "%-8s %s\n", k.Name, k.Doc)
				}
				return nil
			},
		},
		newForget(a),
	)
	return cmd
}

func newForget(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "forget FEED", Short: "Withdraw all that a feed brought", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return usage("this withdraws every indicator of feed %s; say --yes to do it", args[0])
			}
			s, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if err := checkStored(cmd.Context(), s, args[0]); err != nil {
				return err
			}
			c, err := s.Forget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s withdrawn\n", plural(c.Withdrawn, "indicator"))
			return a.refreshSet(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really do it")
	return cmd
}

// checkStored refuses the names of feeds that nothing is stored of.
func checkStored(ctx context.Context, s database, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	states, err := s.Feeds(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(states, func(f store.FeedState) bool { return f.Name == name }) {
			return usage("nothing is stored of a feed %q (iochunt feeds lists them)", name)
		}
	}
	return nil
}

// feedJSON is the "feed" object of docs/output.md.
type feedJSON struct {
	Feed        string    `json:"feed"`
	FeedKind    string    `json:"feed_kind,omitempty"` // "" for what was added by hand or is configured no more
	Configured  bool      `json:"configured"`
	Reports     int       `json:"reports"`
	Members     int       `json:"memberships"`
	Observables int       `json:"observables"`
	Refused     int       `json:"refused"`
	Lists       int       `json:"warninglists,omitempty"`
	Entries     int       `json:"entries,omitempty"` // of those
	State       string    `json:"state"`             // ok, partial, failed, overdue, never polled; "" for what is not polled
	Outcome     string    `json:"last_outcome,omitempty"`
	Why         string    `json:"last_error,omitempty"` // of a last poll that was not ok
	LastPoll    time.Time `json:"last_poll,omitzero"`
	LastGood    time.Time `json:"last_success,omitzero"` // of a poll that read everything: the age of what the feed holds
	NextPoll    time.Time `json:"next_poll,omitzero"`
}

func (a *app) feeds(ctx context.Context) error {
	s, _, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	states, err := s.Feeds(ctx)
	if err != nil {
		return err
	}
	rows := a.feedRows(states)
	if err := a.addRuns(ctx, s, rows); err != nil {
		return err
	}
	if a.json {
		for _, r := range rows {
			if err := a.line("feed", r); err != nil {
				return err
			}
		}
		return a.line("summary", map[string]int{"feeds": len(rows)})
	}
	return a.feedTable(rows)
}

// feedRows are the configured feeds in their order, then those that are only stored.
func (a *app) feedRows(states []store.FeedState) []feedJSON {
	stored := map[string]store.FeedState{}
	for _, st := range states {
		stored[st.Name] = st
	}
	var rows []feedJSON
	for _, f := range a.cfg.Feeds {
		r := feedRow(stored[f.Name], f)
		rows = append(rows, r)
		delete(stored, f.Name)
	}
	for _, st := range states {
		if _, left := stored[st.Name]; left {
			rows = append(rows, feedRow(st, config.Feed{Name: st.Name}))
		}
	}
	return rows
}

// addRuns completes the rows by what is on record of the feeds' polls. A feed
// that never got as far as to store anything has its runs there all the same.
func (a *app) addRuns(ctx context.Context, s database, rows []feedJSON) error {
	for i := range rows {
		r := &rows[i]
		last, err := lastRun(ctx, s, r.Feed, "")
		if err != nil {
			return err
		}
		if r.Outcome == "" && last != nil {
			r.Outcome, r.LastPoll = last.Outcome, last.Ended.UTC()
		}
		if last != nil && last.Outcome != store.OK {
			r.Why = strings.TrimPrefix(strings.Trim(last.Message, "; "), "feed "+r.Feed+": ")
		}
		good, err := lastRun(ctx, s, r.Feed, store.OK)
		if err != nil {
			return err
		}
		if good != nil {
			r.LastGood = good.Ended.UTC()
		}
		r.State = r.state(a.now())
	}
	return nil
}

// lastRun returns the newest collection of a feed with that outcome ("" any);
// nil is none.
func lastRun(ctx context.Context, s database, feed, outcome string) (*store.Run, error) {
	for r, err := range s.Runs(ctx, store.RunFilter{Verb: "collect", Feed: feed, Outcome: outcome, Limit: 1}) {
		return &r, err
	}
	return nil, nil
}

// state says in a word how a configured feed is: a poll that is late by as
// much as its interval is overdue, whatever the last one said.
func (r *feedJSON) state(now time.Time) string {
	switch {
	case !r.Configured && r.LastPoll.IsZero():
		return ""
	case r.LastPoll.IsZero():
		return "never polled"
	case !r.NextPoll.IsZero() && now.After(r.NextPoll.Add(r.NextPoll.Sub(r.LastPoll))):
		return "overdue"
	}
	return r.Outcome
}

func feedRow(st store.FeedState, f config.Feed) feedJSON {
	r := feedJSON{
		Feed: f.Name, FeedKind: f.Kind, Configured: f.Kind != "",
		Reports: st.Reports, Members: st.Memberships, Observables: st.Observables, Refused: st.Refused,
		Lists: st.Lists, Entries: st.Entries,
	}
	if st.LastRun != nil {
		r.Outcome, r.LastPoll = st.LastRun.Outcome, st.LastRun.Ended.UTC()
		if f.Every > 0 {
			r.NextPoll = r.LastPoll.Add(f.Every)
		}
	}
	return r
}

func (a *app) feedTable(rows []feedJSON) error {
	if len(rows) == 0 {
		fmt.Fprintln(a.out, "no feeds: set OTX_API_KEY, write a config file (iochunt init), or import a list (iochunt indicators import FILE)")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "FEED\tKIND\tREPORTS\tINDICATORS\tREFUSED\tSTATE\tLAST POLL\tLAST WHOLE POLL\tNEXT DUE")
	for _, r := range rows {
		next := "-"
		if !r.NextPoll.IsZero() {
			next = r.NextPoll.Format("2006-01-02 15:04Z")
		}
		holds := thousands(r.Observables)
		if r.Lists > 0 {
			holds = plural(r.Entries, "list entry", "list entries")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", escape(r.Feed), dash(r.FeedKind), thousands(r.Reports),
			holds, thousands(r.Refused), dash(r.State), ago(a.now(), r.LastPoll), ago(a.now(), r.LastGood), next)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Why != "" {
			fmt.Fprintf(a.out, "%s: last poll %s: %s\n", escape(r.Feed), r.Outcome, escape(shorten(r.Why, 300)))
		}
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// checkFeeds logs in to feeds without reading them.
func (a *app) checkFeeds(ctx context.Context, names []string) error {
	feeds, err := a.pickFeeds(names)
	if err != nil {
		return err
	}
	code := exitOK
	for _, f := range feeds {
		said, err := a.checkFeed(ctx, f)
		level := "ok"
		if err != nil {
			code = worse(code, collectCode(collect.Result{}, err))
			level, said = "fail", err.Error()
		}
		if a.json {
			if err := a.line("check", finding{level, "feed " + f.Name, said, ""}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "%s (%s): %s%s\n", f.Name, f.Kind, map[string]string{"fail": "FAILED: "}[level], escapeLines(said))
	}
	return quietly(code)
}

// escapeLines escapes each line of a text and indents those after the first.
func escapeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	return strings.Join(lines, "\n  ")
}

func (a *app) checkFeed(ctx context.Context, f config.Feed) (string, error) {
	c, err := a.newCollector(f, nil)
	if err != nil {
		return "", err
	}
	k, ok := c.(collect.Checker)
	if !ok {
		return "", errors.New("this kind of feed has nothing to check")
	}
	return k.Check(ctx)
}

// refusalJSON is the "refusal" object of docs/output.md.
type refusalJSON struct {
	Feed string `json:"feed"`
	ioc.Refusal
}

// refused lists a feed's dead letters.
func (a *app) refused(ctx context.Context, feed string) error {
	s, _, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	n := 0
	for r, err := range s.Refused(ctx, feed) {
		if err != nil {
			return err
		}
		n++
		if a.json {
			err = a.line("refusal", refusalJSON{feed, r})
		} else {
			value := strings.Join(strings.Fields(r.Value), " ") // of what cannot be read, it is the beginning, with its line ends
			_, err = fmt.Fprintf(a.out, "%s\t%s\t%s\t%s\n", escape(r.Reason), escape(r.Type), escape(shorten(value, 200)), escape(r.Report))
		}
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.line("summary", map[string]int{"refused": n})
	}
	_, err = io.WriteString(a.err, plural(n, "refused value")+"\n")
	return err
}
