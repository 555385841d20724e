package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich/warninglist"
	"github.com/iochunt/iochunt/internal/ioc"
)

const warninglistsLong = `Lists of what is known to be harmless: the program's own, and those that feeds of
the kind warninglist bring (misp-warninglists). An indicator that stands on one
is kept, listed as not armed with the list and its entry, and raises no hit.

What a list does is said by arming.lists in the configuration: disarm, lower (the
score) or off. By default what equals an entry is disarmed, and what is only near
it (a URL on a host, say) keeps its arms and loses score (docs/scoring.md).`

func newWarninglists(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "warninglists", Short: "Lists of what is known to be harmless, and what they hold", Long: warninglistsLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.warninglists(cmd.Context()) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "check VALUE...", Short: "Ask the lists, and all the other rules of arming, about values", Args: cobra.MinimumNArgs(1),
		Long: `Ask the lists, and all the other rules of arming, about values, whether a feed names
them or not.

EXIT STATUS
  0  all of them would be armed   1  at least one would not, or an error`,
		Example: "  iochunt warninglists check 8.8.8.8 drive.example.com 10.0.0.0/8",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.checkLists(cmd.Context(), args) },
	})
	return cmd
}

// listJSON is the "warninglist" object of docs/output.md.
type listJSON struct {
	List       string    `json:"list"`
	Feed       string    `json:"feed,omitempty"`
	ID         string    `json:"id"`
	Version    string    `json:"version,omitempty"`
	Match      string    `json:"match"`
	Attributes []string  `json:"attributes,omitempty"`
	Entries    int       `json:"entries"`
	Action     string    `json:"action"`
	Since      time.Time `json:"since,omitzero"`
	About      string    `json:"about,omitempty"`
}

func (a *app) warninglists(ctx context.Context) error {
	s, _, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := a.listRows(ctx, s)
	if err != nil {
		return err
	}
	entries := 0
	for _, r := range rows {
		entries += r.Entries
		if a.json {
			if err := a.line("warninglist", r); err != nil {
				return err
			}
		}
	}
	if a.json {
		return a.line("summary", map[string]int{"warninglists": len(rows), "entries": entries})
	}
	return a.tellLists(rows, entries)
}

// listRows are our lists, then those that were collected.
func (a *app) listRows(ctx context.Context, s database) ([]listJSON, error) {
	var rows []listJSON
	add := func(l *ioc.Warninglist, n int, since time.Time) {
		rows = append(rows, listJSON{
			List: l.Name, Feed: l.Feed, ID: l.ID, Version: l.Version, Match: l.Kind, Attributes: l.Attributes,
			Entries: n, Action: cmp.Or(a.saidOf(l), "default"), Since: since, About: l.Description,
		})
	}
	if a.cfg.Arming.Builtin {
		for _, l := range warninglist.Builtin() {
			add(&l, len(l.Entries), time.Time{})
		}
	}
	states, err := s.ListStates(ctx)
	for _, st := range states {
		add(&ioc.Warninglist{Feed: st.Feed, ID: st.ID, Name: st.Name, Description: st.Description, Version: st.Version, Kind: st.Kind, Attributes: st.Attributes}, st.Entries, st.Since)
	}
	return rows, err
}

// askedLists names the lists that are asked: all but those that are off.
func askedLists(rows []listJSON) (names []string) {
	for _, r := range rows {
		if r.Action != "off" {
			names = append(names, r.List)
		}
	}
	return names
}

// countAsked counts the lists that are asked.
func (a *app) countAsked(ctx context.Context, s database) (int, error) {
	rows, err := a.listRows(ctx, s)
	return len(askedLists(rows)), err
}

func (a *app) tellLists(rows []listJSON, entries int) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LIST\tFEED\tMATCHES BY\tENTRIES\tDOES\tVERSION\tHERE SINCE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", escape(shorten(r.List, 60)), dash(r.Feed), escape(r.Match), thousands(r.Entries), r.Action, dash(r.Version), day(r.Since))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%s, %s\n", plural(len(rows), "list"), plural(entries, "entry", "entries"))
	return err
}

func (a *app) checkLists(ctx context.Context, values []string) error {
	s, _, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	rules, _, err := a.rulesInForce(ctx, s)
	if err != nil {
		return err
	}
	caught := 0
	for _, v := range values {
		o, err := typedQuery(v)
		if err != nil {
			return usage("%s: %w", v, err)
		}
		facts, err := s.Facts(ctx, o)
		if err != nil {
			return err
		}
		arming := rules.Judge(o, facts)
		if arming.Disarmed {
			caught++
		}
		if err := a.tellArming(o, &arming); err != nil {
			return err
		}
	}
	if caught > 0 {
		return quietly(exitFailed)
	}
	return nil
}

// armingJSON is the "arming" object of docs/output.md.
type armingJSON struct {
	ioc.Observable
	Armed bool `json:"armed"`
	ioc.Arming
}

func (a *app) tellArming(o ioc.Observable, ar *ioc.Arming) error {
	if a.json {
		return a.line("arming", armingJSON{o, !ar.Disarmed, *ar})
	}
	state := "armed"
	if ar.Disarmed {
		state = "not armed"
	}
	if ar.Why != "" {
		state += ": " + ar.Why
	}
	_, err := fmt.Fprintf(a.out, "%s %s  %s\n", o.Type, escape(o.Value), escape(state))
	for i, l := range listNames(ar.Lists) {
		if err == nil && !strings.Contains(ar.Why, ar.Lists[i].List) {
			_, err = fmt.Fprintf(a.out, "  on %s\n", escape(l))
		}
	}
	return err
}
