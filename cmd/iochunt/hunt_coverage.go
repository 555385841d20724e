package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/store"
)

// coverageJSON is the "coverage" object of docs/output.md: what of an index has
// been hunted for what.
type coverageJSON struct {
	Source  string         `json:"source"`
	Index   string         `json:"index"`
	ID      string         `json:"index_id"`
	Lanes   []laneJSON     `json:"lanes"`
	Changed time.Time      `json:"changed"`
	Last    *hunt.UnitDone `json:"last,omitempty"`
	Left    []hunt.Trouble `json:"left,omitempty"` // fields that cannot be hunted
}

// laneJSON is a shard, or a slice of time.
type laneJSON struct {
	Lane  string `json:"lane"`
	UpTo  int64  `json:"up_to"`
	Armed uint64 `json:"armed"`
	Whole bool   `json:"whole"` // without a gap up to there
}

// showCoverage prints what the sources have been hunted for.
func (a *app) showCoverage(ctx context.Context, sources []config.LogSource) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	pages, ok := s.(hunt.Pages)
	if !ok {
		return usage("the embedded store has no coverage: files are searched wholly in each run")
	}
	armed, err := s.Armed(ctx)
	if err != nil {
		return err
	}
	var rows []coverageJSON
	for c, err := range hunt.Coverages(ctx, pages) {
		if err != nil {
			return clusterError(err)
		}
		if slices.ContainsFunc(sources, func(l config.LogSource) bool { return l.Name == c.Source }) {
			rows = append(rows, coverageRows(c)...)
		}
	}
	if a.json {
		for _, r := range rows {
			if err := a.line("coverage", r); err != nil {
				return err
			}
		}
		return emit.WriteLine(a.out, "summary", map[string]any{"indices": len(rows), "armed": armed})
	}
	return a.coverageTable(ctx, s, sources, rows, armed)
}

func coverageRows(c hunt.Coverage) []coverageJSON {
	var rows []coverageJSON
	for _, x := range c.Indices {
		r := coverageJSON{Source: c.Source, Index: x.Index, ID: x.ID, Changed: c.Changed, Last: x.Last, Left: x.Left}
		for i := range x.Lanes {
			l := &x.Lanes[i]
			upTo, armed := l.UpTo()
			r.Lanes = append(r.Lanes, laneJSON{l.Name, upTo, armed, len(l.Spans) <= 1 || l.Spans[len(l.Spans)-1].UpTo == upTo})
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b coverageJSON) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Index, b.Index))
	})
	return rows
}

// coverageTable shows the coverage to a person.
func (a *app) coverageTable(ctx context.Context, s database, sources []config.LogSource, rows []coverageJSON, armed uint64) error {
	for _, l := range sources {
		last, err := lastRunOf(ctx, s, l.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s  %s\n", escape(l.Name), a.lastHunt(last))
		if l.Kind == config.LogFiles {
			fmt.Fprintln(a.out, "  files: searched wholly in each run")
			continue
		}
		w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
		n := 0
		for _, r := range rows {
			if r.Source == l.Name {
				n++
				fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", escape(r.Index), lanesText(r.Lanes), armedText(r.Lanes, armed), howText(r))
			}
		}
		if n == 0 {
			fmt.Fprintln(w, "  nothing has been hunted yet")
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func lastRunOf(ctx context.Context, s database, source string) (*store.Run, error) {
	for r, err := range s.Runs(ctx, store.RunFilter{Verb: "hunt", Feed: source, Limit: 1}) {
		return &r, err
	}
	return nil, nil
}

func (a *app) lastHunt(r *store.Run) string {
	if r == nil {
		return "never hunted"
	}
	said := fmt.Sprintf("last hunt %s, %s, %s, %s in %s", r.Ended.UTC().Format(time.DateTime), r.Outcome, plural(int(r.Counters["events"]), "event"), plural(int(r.Counters["hits"]), "hit"), shortDuration(r.Ended.Sub(r.Started)))
	if r.Message != "" {
		said += ": " + escape(r.Message)
	}
	return said
}

// lanesText says up to which events an index was hunted.
func lanesText(lanes []laneJSON) string {
	var said []string
	for _, l := range lanes[:min(len(lanes), 4)] {
		said = append(said, fmt.Sprintf("%s up to %d", escape(l.Lane), l.UpTo))
	}
	if n := len(lanes) - len(said); n > 0 {
		said = append(said, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(said, ", ")
}

// armedText says which indicators the events of an index have met.
func armedText(lanes []laneJSON, armed uint64) string {
	least := armed
	for _, l := range lanes {
		least = min(least, l.Armed)
	}
	if least >= armed {
		return "for all indicators"
	}
	return fmt.Sprintf("for indicators up to change %d of %d", least, armed)
}

// howText says by which plans an index was hunted last, which fields were read in
// full, and which not at all.
func howText(r coverageJSON) string {
	var said []string
	if r.Last != nil && len(r.Last.Plans) > 0 {
		said = append(said, "by "+strings.Join(r.Last.Plans, ", "))
	}
	if r.Last != nil && len(r.Last.Streamed) > 0 {
		said = append(said, "read in full: "+escape(firstFew(r.Last.Streamed)))
	}
	for _, t := range r.Left {
		said = append(said, "not hunted: "+escape(t.Path)+": "+escape(t.Reason))
	}
	return strings.Join(said, "; ")
}
