package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/config"
)

// huntDone is what was hunted in one source.
type huntDone struct {
	Source     string
	Kind       string
	Events     int64 // documents, or lines
	Records    int   // with hits
	Hits       int
	Expired    int
	Disarmed   int
	Timeless   int
	Indicators int
	Units      int
	TakenOver  int
	Failed     int
	Indices    []hunt.IndexDone
	Incomplete []hunt.Trouble
	Broken     bool // the last of Incomplete is the error that ends the run
	Skipped    []hunt.Trouble
	Notes      []hunt.Trouble
	Took       time.Duration
}

// huntTotal adds up the sources.
type huntTotal struct {
	huntDone
	began   time.Time
	sources int
}

func (t *huntTotal) add(d huntDone) {
	t.sources++
	t.Events += d.Events
	t.Records += d.Records
	t.Hits += d.Hits
	t.Expired += d.Expired
	t.Disarmed += d.Disarmed
	t.Indicators = max(t.Indicators, d.Indicators)
	t.TakenOver += d.TakenOver
	t.Failed += d.Failed
	t.Incomplete = append(t.Incomplete, d.Incomplete...)
	t.Skipped = append(t.Skipped, d.Skipped...)
}

// indexJSON is an index in the "source" object of docs/output.md.
type indexJSON struct {
	Index     string     `json:"index"`
	New       int64      `json:"new_events"`
	Old       int64      `json:"old_events"` // that met new indicators
	Again     string     `json:"again,omitempty"`
	Documents int        `json:"documents"`
	Hits      int        `json:"hits"`
	Plans     []planJSON `json:"plans,omitempty"`
	TookMS    int64      `json:"took_ms"`
}

// planJSON is how a field was searched, in the "source" object of docs/output.md.
type planJSON struct {
	Field       string  `json:"field"`
	Plan        string  `json:"plan"`
	Why         string  `json:"why,omitempty"`
	EstimatedMS float64 `json:"estimated_ms"`
	TookMS      float64 `json:"took_ms"`
	Distinct    int64   `json:"distinct,omitempty"`
	Values      int64   `json:"values,omitempty"`
	Requests    int64   `json:"requests,omitempty"`
	Candidates  int64   `json:"candidates,omitempty"`
	Streamed    int64   `json:"streamed,omitempty"`
}

func newPlanJSON(p hunt.PlanUse) planJSON {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return planJSON{p.Field, p.Plan, p.Why, ms(p.Estimated), ms(p.Took), p.Distinct, p.Values, p.Requests, p.Candidates, p.Streamed}
}

// sourceJSON is the "source" object of docs/output.md.
type sourceJSON struct {
	Source     string         `json:"source"`
	SourceKind string         `json:"source_kind"`
	Events     int64          `json:"events"`
	Records    int            `json:"records"`
	Hits       int            `json:"hits"`
	Expired    int            `json:"expired"`
	Disarmed   int            `json:"disarmed"`
	Timeless   int            `json:"timeless,omitempty"`
	Indicators int            `json:"indicators"`
	Units      int            `json:"units,omitempty"`
	TakenOver  int            `json:"taken_over,omitempty"`
	Indices    []indexJSON    `json:"indices,omitempty"`
	Incomplete []hunt.Trouble `json:"incomplete"`
	Notes      []hunt.Trouble `json:"notes,omitempty"`
	TookMS     int64          `json:"took_ms"`
}

func newSourceJSON(d huntDone) sourceJSON {
	j := sourceJSON{
		Source: d.Source, SourceKind: d.Kind, Events: d.Events, Records: d.Records, Hits: d.Hits, Expired: d.Expired, Disarmed: d.Disarmed,
		Timeless: d.Timeless, Indicators: d.Indicators, Units: d.Units, TakenOver: d.TakenOver,
		Incomplete: notNil(d.Incomplete), Notes: d.Notes, TookMS: d.Took.Milliseconds(),
	}
	for _, x := range d.Indices {
		i := indexJSON{Index: x.Index, New: x.New, Old: x.Old, Again: x.Again, Documents: x.Documents, Hits: x.Hits, TookMS: x.Took.Milliseconds()}
		for _, p := range x.Plans {
			i.Plans = append(i.Plans, newPlanJSON(p))
		}
		j.Indices = append(j.Indices, i)
	}
	return j
}

func notNil(ts []hunt.Trouble) []hunt.Trouble {
	if ts == nil {
		return []hunt.Trouble{}
	}
	return ts
}

// tell says what was hunted in one source.
func (h *hunting) tell(d huntDone) error {
	if h.f.format == "json" {
		return emit.WriteLine(h.out.w, "source", newSourceJSON(d))
	}
	for i, t := range d.Incomplete {
		if d.Broken && i == len(d.Incomplete)-1 {
			break // it is told when the run has ended
		}
		h.a.note("iochunt: %s: %s", placeIn(d.Source, t), t.Reason)
	}
	for _, t := range d.Notes {
		if !h.f.quiet {
			h.a.note("iochunt: note: %s: %s", placeIn(d.Source, t), t.Reason)
		}
	}
	if !h.f.quiet {
		h.a.note("iochunt: %s: %s", d.Source, h.sourceSentence(d))
	}
	if h.f.explain {
		return h.explainPlans(d)
	}
	return nil
}

// placeIn names the place of a trouble, which may be the source itself.
func placeIn(source string, t hunt.Trouble) string {
	if t.Path == source {
		return source
	}
	return source + ": " + t.Path
}

func (h *hunting) sourceSentence(d huntDone) string {
	what := map[bool]string{true: "line", false: "event"}[d.Kind == config.LogFiles]
	found := plural(d.Hits, "hit") + " in"
	switch {
	case d.Hits == 0 && len(d.Incomplete) > 0:
		found = "NOT ALL WAS HUNTED; no hits in what was:"
	case d.Broken:
		found = "NOT ALL WAS HUNTED; " + found
	}
	line := fmt.Sprintf("%s %s looked at", found, plural(int(d.Events), what))
	var fresh, old int64
	for _, x := range d.Indices {
		fresh, old = fresh+x.New, old+x.Old
	}
	switch {
	case h.f.full || h.f.window.asked(), d.Failed > 0, d.Broken: // all for all indicators, whether new or not; or not all
	case len(d.Indices) > 0:
		line += fmt.Sprintf(": %s for all indicators, %s old ones for new indicators", plural(int(fresh), "new event"), thousands(int(old)))
	case d.Kind != config.LogFiles && d.Events == 0 && len(d.Incomplete) == 0:
		line = "nothing new: all events have met all indicators"
	}
	if d.TakenOver > 0 {
		line += fmt.Sprintf("; %s taken over from a hunter that is gone", plural(d.TakenOver, "unit"))
	}
	return line + ", in " + shortDuration(d.Took)
}

// explainPlans shows how each field was searched.
func (h *hunting) explainPlans(d huntDone) error {
	for _, x := range d.Indices {
		again := ""
		if x.Again != "" {
			again = ", all of it again: " + escape(x.Again)
		}
		fmt.Fprintf(h.a.err, "  %s%s\n", escape(x.Index), again)
		w := tabwriter.NewWriter(h.a.err, 0, 4, 2, ' ', 0)
		for _, p := range x.Plans {
			fmt.Fprintf(w, "    %s\t%s\t%s\n", escape(p.Field), p.Plan, costOf(p))
			if p.Why != "" {
				fmt.Fprintf(w, "    \t\t%s\n", escape(p.Why))
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// costOf says what a plan did, in a few words.
func costOf(p hunt.PlanUse) string {
	said := shortDuration(p.Took)
	for _, n := range []struct {
		n    int64
		what []string
	}{{p.Distinct, []string{"distinct value"}}, {p.Values, []string{"value sent", "values sent"}}, {p.Streamed, []string{"document read", "documents read"}}, {p.Candidates, []string{"candidate"}}} {
		if n.n > 0 {
			said += ", " + plural(int(n.n), n.what...)
		}
	}
	return said
}

// done tells the end of the run and returns its exit code.
func (h *hunting) done(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		return clusterError(err)
	}
	if tellErr := h.sum(); tellErr != nil {
		return tellErr
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case len(h.total.Incomplete) > 0:
		return quietly(exitPartial)
	}
	return nil
}

// huntJSON is the "summary" object of a hunt.
type huntJSON struct {
	Sources    int            `json:"sources"`
	Events     int64          `json:"events"`
	Records    int            `json:"records"`
	Hits       int            `json:"hits"`
	New        int            `json:"new"`
	Alerts     int            `json:"alerts"`
	Below      int            `json:"below"`
	Expired    int            `json:"expired"`
	Disarmed   int            `json:"disarmed"`
	Indicators int            `json:"indicators"`
	TakenOver  int            `json:"taken_over"`
	Incomplete []hunt.Trouble `json:"incomplete"`
	TookMS     int64          `json:"took_ms"`
}

func (h *hunting) sum() error {
	t, o := &h.total, h.out
	took := time.Since(t.began)
	if h.f.quiet && t.Hits == 0 && len(t.Incomplete) == 0 && h.f.format != "json" {
		return nil
	}
	if h.f.format == "json" {
		return h.a.line("summary", huntJSON{
			t.sources, t.Events, t.Records, t.Hits, o.newly, o.alerts, o.below, t.Expired, t.Disarmed, t.Indicators, t.TakenOver, notNil(t.Incomplete), took.Milliseconds(),
		})
	}
	found := fmt.Sprintf("%s in %s, %s worth an alert", plural(t.Hits, "hit"), plural(t.Records, "record"), thousands(o.alerts))
	if t.Hits == 0 {
		found = "0 hits"
		if len(t.Incomplete) > 0 {
			found = "NOT ALL WAS HUNTED; no hits in what was"
		}
	}
	line := fmt.Sprintf("%s; %s, %s, %s, in %s", found, plural(t.sources, "source"), plural(int(t.Events), "event"), plural(t.Indicators, "indicator"), shortDuration(took))
	if o.below > 0 {
		line += fmt.Sprintf("; %s not shown, as score or severity is too low", thousands(o.below))
	}
	if t.Expired > 0 {
		line += fmt.Sprintf("; %s of indicators that had expired by then left out", plural(t.Expired, "match", "matches"))
	}
	if t.Disarmed > 0 {
		line += fmt.Sprintf("; %s of indicators that are not armed left out", plural(t.Disarmed, "match", "matches"))
	}
	if o.keep != nil && t.Hits > 0 {
		line += fmt.Sprintf("; %s new to the store (iochunt hits)", thousands(o.newly))
	}
	if n := len(t.Incomplete); n > 0 {
		line += fmt.Sprintf("; %s could not be hunted: the next run goes on there", plural(n, "place"))
	}
	h.a.note("iochunt: %s", line)
	return nil
}
