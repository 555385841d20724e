package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/ioc"
)

// scanOutput is the sink of a scan: it keeps hits in the store and shows them.
type scanOutput struct {
	a       *app
	flags   scanFlags
	sink    hunt.Sink // nil: nothing is shown
	keep    keeper    // nil: hits are not kept
	w       *bufio.Writer
	bar     *bar
	newly   int // hits that the store had not seen
	refused []ioc.Refusal
	weigher *weigher
	alerts  int // hits that are worth an alert
	below   int // hits that are not shown, as they are worth too little

	disarmed int // hits that are only there because --disarmed was said

	gathered gathering // hits that are to be kept and shown

	mu      sync.Mutex // guards what the walk adds while hits come in
	visited []string
	skips   []hunt.Trouble
}

// sinkName is the sink that the flags ask for; "" shows nothing.
func sinkName(f scanFlags) string {
	switch {
	case f.quiet:
		return ""
	case f.count:
		return "count"
	case f.filesWith:
		return "files"
	case f.filesWithout:
		return "files-without"
	default:
		return f.format
	}
}

func (a *app) newScanOutput(f scanFlags, src *source) (*scanOutput, error) {
	o := &scanOutput{a: a, flags: f, bar: a.newBar("scan", -1, f.quiet), w: bufio.NewWriterSize(a.out, 64<<10), refused: src.refused, weigher: a.newWeigher()}
	if src.store != nil && !f.noKeep && !src.readOnly {
		o.keep, o.gathered.out = src.store, o.keepAndShow
	}
	if src.readOnly && !f.noKeep && !f.noMessages {
		a.note("iochunt: the store can only be read: the hits are shown, and not kept")
	}
	name := sinkName(f)
	if name == "" {
		return o, nil
	}
	var err error
	o.sink, err = emit.New(name, emit.Options{
		Out: o.w, Terminal: terminal(a.out) || f.explain || f.details, Safe: f.safe, Colour: a.colours(), Width: a.width(), WithName: !f.noName, LineNumber: !f.noLine,
		ByteOffset: f.bytes, OnlyMatching: f.onlyMatching, Null: f.null, Explain: f.explain, ExplainHit: a.explainHit,
	})
	if err != nil {
		return nil, usage("%w", err)
	}
	return o, nil
}

// Emit keeps the hits, then shows them: what is shown is kept. Both happen a
// moment later, at the latest in finish.
func (o *scanOutput) Emit(ctx context.Context, hits []ioc.Hit) error {
	o.weigher.weigh(hits)
	for i := range hits {
		if hits[i].Alert {
			o.alerts++
		}
		if !hasArmed(&hits[i]) {
			o.disarmed++
		}
	}
	if o.keep == nil {
		return o.show(ctx, hits)
	}
	return o.gathered.add(ctx, hits)
}

func (o *scanOutput) keepAndShow(ctx context.Context, hits []ioc.Hit) error {
	n, err := o.keep.PutHits(ctx, placed(those(hits, hasArmed))) // the others were only asked for to be seen
	if err != nil {
		return fmt.Errorf("keep hits: %w", err)
	}
	o.newly += n
	return o.show(ctx, hits)
}

func (o *scanOutput) show(ctx context.Context, hits []ioc.Hit) error {
	worth := those(hits, o.flags.least.reached)
	o.below += len(hits) - len(worth)
	if o.sink == nil || len(worth) == 0 {
		return nil
	}
	o.bar.clear()
	if err := o.sink.Emit(ctx, worth); err != nil {
		return err
	}
	if terminal(o.a.out) {
		return o.w.Flush() // a person watches
	}
	return nil
}

// Flush hands over what was gathered: what Emit took is then kept and shown.
func (o *scanOutput) Flush(ctx context.Context) error {
	if o.keep == nil {
		return nil
	}
	return o.gathered.finish(ctx)
}

// those returns the hits of which ok is true; as nearly always all are, without a
// copy then.
func those(hits []ioc.Hit, ok func(*ioc.Hit) bool) []ioc.Hit {
	not := func(h ioc.Hit) bool { return !ok(&h) }
	if !slices.ContainsFunc(hits, not) {
		return hits
	}
	return slices.DeleteFunc(slices.Clone(hits), not)
}

// sawFile is told each file before it is read.
func (o *scanOutput) sawFile(name string) {
	o.mu.Lock()
	o.visited = append(o.visited, name)
	o.mu.Unlock()
}

// skipped is told what the walk left out and why.
func (o *scanOutput) skipped(path, reason string) {
	o.mu.Lock()
	o.skips = append(o.skips, hunt.Trouble{Path: path, Reason: reason})
	o.mu.Unlock()
}

// Close writes what could only be known at the end.
func (o *scanOutput) Close() error {
	if o.sink == nil {
		return o.w.Flush()
	}
	if v, ok := o.sink.(emit.Visitor); ok {
		for _, name := range o.visited {
			v.Visit(name)
		}
	}
	return errors.Join(o.sink.Close(), o.w.Flush())
}

// summary says what was covered: on standard output as the last object with
// JSON, else on standard error for a person.
func (o *scanOutput) summary(s hunt.Summary) error {
	s.Skipped = append(s.Skipped, o.skips...)
	s.Alerts, s.Below = o.alerts, o.below
	if o.flags.format == "json" && !o.flags.quiet {
		return emit.WriteSummary(o.a.out, s, o.refused)
	}
	if !o.flags.noMessages {
		o.tellSkipped(s.Skipped)
		for _, t := range s.Incomplete {
			o.a.note("iochunt: %s: %s", t.Path, t.Reason)
		}
		for _, t := range s.Notes {
			o.a.note("iochunt: note: %s: %s", t.Path, t.Reason)
		}
	}
	if !o.flags.quiet {
		o.a.note("iochunt: %s", o.sentence(s))
	}
	return nil
}

// fewSkips is how many paths that were left out are named without being asked.
const fewSkips = 3

func (o *scanOutput) tellSkipped(skipped []hunt.Trouble) {
	if o.flags.quiet || len(skipped) > fewSkips && !o.a.verbose {
		return
	}
	for _, t := range skipped {
		o.a.note("iochunt: left out: %s: %s", t.Path, t.Reason)
	}
}

// sentence is the summary for a person. "0 hits" is said only of a scan that
// covered everything.
func (o *scanOutput) sentence(s hunt.Summary) string {
	found := fmt.Sprintf("%s in %s", plural(s.Hits, "hit"), plural(s.Records, "record"))
	if s.Hits > 0 {
		found += fmt.Sprintf(", %s worth an alert", thousands(s.Alerts))
	}
	if o.disarmed > 0 {
		found += fmt.Sprintf(", %s of indicators that are not armed", thousands(o.disarmed))
	}
	if s.Below > 0 {
		found += fmt.Sprintf(", %s not shown, as score or severity is too low", thousands(s.Below))
	}
	if s.Hits == 0 && len(s.Incomplete) > 0 {
		found = "NOT ALL WAS SEARCHED; no hits in what was"
	}
	line := fmt.Sprintf("%s; %s, %s, %s searched for %s in %s", found, plural(s.Files, "file"), size(s.Bytes),
		plural(int(s.Lines), "line"), plural(s.Indicators, "indicator"), shortDuration(s.Took))
	if n := len(s.Incomplete); n > 0 {
		line += fmt.Sprintf("; %s could not be read wholly", plural(n, "file"))
	}
	if n := len(s.Skipped); n > fewSkips && !o.a.verbose {
		line += fmt.Sprintf("; %s not read, or not to the end, by choice (--verbose names them)", plural(n, "path"))
	}
	if s.Expired > 0 {
		line += fmt.Sprintf("; %s of indicators that had expired by then left out", plural(s.Expired, "match", "matches"))
	}
	if s.Disarmed > 0 {
		line += fmt.Sprintf("; %s of indicators that are not armed left out (--disarmed shows them)", plural(s.Disarmed, "match", "matches"))
	}
	if n := len(o.refused); n > 0 {
		line += fmt.Sprintf("; %s of the lists not looked for", plural(n, "value"))
	}
	if o.keep != nil && s.Hits > 0 {
		line += fmt.Sprintf("; %s new to the store (iochunt hits)", thousands(o.newly))
	}
	return line
}
