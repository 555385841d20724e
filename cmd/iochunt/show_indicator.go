package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

func newIndicatorsShow(a *app) *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use: "show VALUE", Short: "Show all that is known of one indicator", Args: cobra.ExactArgs(1),
		Long: `Show all that the feeds say of one indicator: every report with its author, role,
tags, dates. The value may be in any spelling; "type:value" says its type.

--online asks OTX too: how many pulses name it, and whether OTX holds it for
harmless (validation). Only the value is sent.

EXIT STATUS
  0  it is known   1  no feed names it, or an error   4  OTX refused the key`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.showIndicator(cmd.Context(), args[0], online) },
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask OTX too")
	return cmd
}

func (a *app) showIndicator(ctx context.Context, value string, online bool) error {
	o, err := typedQuery(value)
	if err != nil {
		return usage("%s: %w", value, err)
	}
	s, _, err := a.readStore()
	if err != nil {
		return err
	}
	defer s.Close()
	claims, err := s.Lookup(ctx, o)
	if err != nil {
		return err
	}
	for i := range claims {
		if err := a.showClaim(&claims[i]); err != nil {
			return err
		}
	}
	if online {
		if err := a.showOnline(ctx, o); err != nil {
			return err
		}
	}
	if len(claims) > 0 {
		return a.showHitCount(ctx, s.Hits, o)
	}
	if !a.json {
		a.note("iochunt: no feed names %s %s", o.Type, o.Value)
	}
	return quietly(exitFailed)
}

func (a *app) showClaim(i *ioc.Indicator) error {
	st, why := state(i, a.now())
	if a.json {
		return a.line("indicator", indicatorJSON{*i, st, why})
	}
	w := a.out
	fmt.Fprintf(w, "%s %s\n", i.Type, escape(i.Value))
	field(w, "", "feed", i.Feed)
	field(w, "", "state", strings.TrimSuffix(st+": "+why, ": "))
	field(w, "", "first seen", day(i.FirstSeen))
	field(w, "", "tlp", i.TLP)
	for k := range i.Reports {
		showMention(w, &i.Reports[k])
	}
	return nil
}

// showMention shows one report and what it says of the indicator.
func showMention(w io.Writer, m *ioc.Mention) {
	fmt.Fprintf(w, "  report %s\n", escape(cmp.Or(m.Name, m.ID)))
	in := "  "
	field(w, in, "id", m.ID)
	field(w, in, "author", m.Author)
	field(w, in, "modified", day(m.Modified))
	field(w, in, "adversary", m.Adversary)
	field(w, in, "role", m.Role)
	field(w, in, "title", m.Title)
	field(w, in, "about it", m.Claim.Description)
	field(w, in, "families", strings.Join(m.Families, ", "))
	field(w, in, "att&ck", strings.Join(m.Techniques, ", "))
	field(w, in, "countries", strings.Join(m.Countries, ", "))
	field(w, in, "industries", strings.Join(m.Industries, ", "))
	field(w, in, "tags", strings.Join(m.Tags, ", "))
	field(w, in, "tlp", m.TLP)
	field(w, in, "added", day(m.Claim.Created))
	field(w, in, "expires", day(m.Expires))
	field(w, in, "as written", m.Original)
	field(w, in, "as type", m.Declared)
	field(w, in, "link", m.URL)
	for _, r := range m.References {
		field(w, in, "reference", r)
	}
}

// field shows one value; one that is empty is left out.
func field(w io.Writer, indent, name, value string) {
	if value == "" || value == "-" {
		return
	}
	fmt.Fprintf(w, "%s  %-11s %s\n", indent, name, escape(value))
}

// showHitCount tells whether the indicator was found so far.
func (a *app) showHitCount(ctx context.Context, hits hitLister, o ioc.Observable) error {
	var sum ioc.Sighting
	logs := map[string]bool{}
	for h, err := range hits(ctx, store.HitFilter{Type: o.Type, Value: o.Value}) {
		if err != nil {
			return err
		}
		sum.Count++
		logs[h.Where.Path] = true
		if sum.FirstSeen.IsZero() || h.Time.Before(sum.FirstSeen) {
			sum.FirstSeen = h.Time
		}
		if h.Time.After(sum.LastSeen) {
			sum.LastSeen = h.Time
		}
	}
	if a.json {
		sum.Observable = o
		for l := range logs {
			sum.Logs = append(sum.Logs, l)
		}
		slices.Sort(sum.Logs)
		return a.line("sighting", sum)
	}
	if sum.Count == 0 {
		fmt.Fprintln(a.out, "  hits        none so far")
		return nil
	}
	fmt.Fprintf(a.out, "  hits        %s in %s, %s to %s (iochunt hits --value %s)\n", plural(sum.Count, "record"), plural(len(logs), "log"),
		sum.FirstSeen.UTC().Format(time.RFC3339), sum.LastSeen.UTC().Format(time.RFC3339), escape(o.Value))
	return nil
}
