package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

func newIndicatorsShow(a *app) *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use: "show VALUE", Short: "Show all that is known of one indicator", Args: cobra.ExactArgs(1),
		Long: `Show all that the feeds say of one indicator: every report with its author, role,
tags, dates. The value may be in any spelling; "type:value" says its type.

With it comes what the indicator is worth now, part by part, what was decided
about it, and which warninglists hold it (docs/scoring.md).

--online asks OTX too: how many pulses name it, and whether OTX holds it for
harmless (validation, false positives). Only the value is sent. What OTX says is
kept, and takes part in arming.

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
	s, err := a.judgedStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if online { // first, as it may change the verdict
		if err := a.showOnline(ctx, s, o); err != nil {
			return err
		}
	}
	claims, err := aged{s, a.lifetimes()}.Lookup(ctx, o)
	if err != nil {
		return err
	}
	for i := range claims {
		if err := a.showClaim(&claims[i]); err != nil {
			return err
		}
	}
	if err := a.showScore(ctx, s, o, claims); err != nil {
		return err
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
	j := newIndicatorJSON(i, a.now())
	if a.json {
		return a.line("indicator", j)
	}
	w := a.out
	fmt.Fprintf(w, "%s %s\n", i.Type, escape(i.Value))
	field(w, "", "feed", i.Feed)
	field(w, "", "state", strings.TrimSuffix(j.State+": "+j.Why, ": "))
	if i.Confidence > 0 {
		field(w, "", "confidence", strconv.Itoa(int(i.Confidence)))
	}
	field(w, "", "valid until", day(i.ValidUntil))
	field(w, "", "first seen", day(i.FirstSeen))
	field(w, "", "tlp", i.TLP)
	for k := range i.Reports {
		showMention(w, &i.Reports[k])
	}
	return nil
}

// scoreJSON is the "score" object of docs/output.md.
type scoreJSON struct {
	ioc.Observable
	Score     int         `json:"score"`
	At        time.Time   `json:"at"`
	Armed     bool        `json:"armed"`
	Arming    *ioc.Arming `json:"arming,omitempty"`
	Decisions []string    `json:"decisions,omitempty"`
	Parts     []string    `json:"parts,omitempty"`
	Asked     []string    `json:"lists_asked,omitempty"`
}

// showScore shows what an observable is worth now and of what that is made up,
// what was decided about it, and which lists were asked.
func (a *app) showScore(ctx context.Context, s database, o ioc.Observable, claims []ioc.Indicator) error {
	ar, err := s.Arming(ctx, o)
	if err != nil {
		return err
	}
	facts, err := s.Facts(ctx, o)
	if err != nil || len(claims) == 0 && ar.IsZero() && len(facts.Decisions) == 0 {
		return err
	}
	if len(claims) == 0 && ar.IsZero() { // what no feed names has not been judged, and a person's word comes first
		ar = byPerson(facts)
	}
	j := scoreJSON{Observable: o, At: a.now().UTC(), Armed: !ar.Disarmed}
	if !ar.IsZero() {
		j.Arming = &ar
	}
	score := a.scoring.Score(validNow(claims, j.At), &ar, j.At)
	j.Score, j.Parts = int(score.Value), enrich.ExplainScore(&score, &ar)
	for _, d := range facts.Decisions {
		j.Decisions = append(j.Decisions, decided(d))
	}
	rows, err := a.listRows(ctx, s)
	if err != nil {
		return err
	}
	j.Asked = askedLists(rows)
	if a.json {
		return a.line("score", j)
	}
	if len(claims) == 0 {
		fmt.Fprintf(a.out, "%s %s\n", o.Type, escape(o.Value))
	}
	a.tellScore(&j)
	return nil
}

// byPerson is the verdict that a person gave, if one did.
func byPerson(f ioc.Facts) ioc.Arming {
	for _, d := range f.Decisions {
		if d.Source == ioc.SourcePerson {
			return ioc.Arming{Disarmed: d.Verdict == ioc.Disarm, By: ioc.ByPerson, Why: decided(d)}
		}
	}
	return ioc.Arming{}
}

// validNow returns the claims that have not ended: what has ended is worth
// nothing now.
func validNow(claims []ioc.Indicator, now time.Time) []ioc.Indicator {
	return slices.DeleteFunc(slices.Clone(claims), func(i ioc.Indicator) bool { return !i.ValidAt(now) })
}

// decided says who decided what.
func decided(d ioc.Decision) string {
	said := fmt.Sprintf("%s by %s on %s", d.Verdict, cmp.Or(d.By, d.Source), day(d.At))
	if d.Why != "" {
		said += ": " + d.Why
	}
	return said
}

func (a *app) tellScore(j *scoreJSON) {
	w := a.out
	field(w, "", "score now", strconv.Itoa(j.Score))
	for _, p := range j.Parts {
		fmt.Fprintf(w, "                %s\n", escape(p))
	}
	for _, d := range j.Decisions {
		field(w, "", "decision", d)
	}
	if j.Arming != nil {
		for _, l := range listNames(j.Arming.Lists) {
			field(w, "", "on list", l)
		}
	}
	field(w, "", "lists asked", fmt.Sprintf("%d (iochunt warninglists)", len(j.Asked)))
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
