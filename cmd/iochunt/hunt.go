package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
	"github.com/iochunt/iochunt/internal/store/elastic"
)

type huntFlags struct {
	from, to       string
	full, coverage bool
	quiet, noKeep  bool
	explain        bool
	format         string
	min            minFlags
	least          threshold
	window         huntWindow
}

// huntWindow are the events of an ad-hoc hunt; the zero value is no such hunt.
type huntWindow struct{ from, to time.Time }

func (w huntWindow) asked() bool { return !w.from.IsZero() || !w.to.IsZero() }

const huntLong = `Hunt in the configured log sources (logs: in the config file): indices of the
cluster, and files.

In indices a run does what is new, and each thing once: new events meet all
indicators, and new indicators meet all old events, back to the first. What has
met what is written down in the cluster (--coverage shows it), so a run that was
killed, or could not read an index, is gone on with by the next. Several runs at
once, on several machines, share the work.

--from and --to hunt all events of that time for all indicators, whatever was
hunted before, and --full all events there are; neither changes what --coverage
says. Files are searched wholly in each run; a hit that was found before is
the same hit.

--explain says of each field by which plan it was searched and what that cost,
and of each hit why it is one.`

const huntExample = `  iochunt hunt
  iochunt hunt web --from 24h
  iochunt hunt --coverage
  iochunt hunt --json --min-severity high`

const huntExit = `
EXIT STATUS
  0  all was hunted, whether there were hits or not
  1  failed            2  wrong usage or configuration
  3  partial: what is missing is named, and is hunted by the next run
  4  the cluster does not let us in
  130 interrupted`

func newHunt(a *app) *cobra.Command {
	var f huntFlags
	cmd := &cobra.Command{
		Use: "hunt [SOURCE...]", Short: "Hunt in the configured log sources: indices and files",
		Long: huntLong + "\n" + huntExit, Example: huntExample,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.logNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if a.json && f.format == "" {
				f.format = "json"
			}
			if f.format == "" {
				f.format = "text"
			}
			if !slices.Contains(strings.Split(formats, ", "), f.format) {
				return usage("--format %q: it is one of %s", f.format, formats)
			}
			if f.least, err = a.threshold(cmd, f.min, f.format); err != nil {
				return err
			}
			return a.hunt(cmd.Context(), f, args)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.from, "from", "", "only events not before this: a date (2026-01-31, RFC 3339) or how long ago (24h, 7d)")
	s.StringVar(&f.to, "to", "", "only events before this")
	s.BoolVar(&f.full, "full", false, "all events for all indicators, whatever was hunted before")
	s.BoolVar(&f.coverage, "coverage", false, "show what has been hunted for what, up to when, and hunt nothing")
	f.min.add(cmd)
	s.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing if there is nothing to tell, and no hits: they are kept and counted")
	s.BoolVar(&f.noKeep, "no-keep", false, "with --from, --to or --full: do not keep the hits")
	s.BoolVar(&f.explain, "explain", false, "say how each field was searched, and of each hit what made it match and what its score is made of")
	s.StringVar(&f.format, "format", "", "output: "+formats+" (default text; --json is short for json)")
	return cmd
}

func (a *app) logNames() []string {
	var names []string
	if a.cfg != nil {
		for _, l := range a.cfg.Logs {
			names = append(names, l.Name)
		}
	}
	return names
}

// huntSources are the log sources that the arguments name; none names all.
func (a *app) huntSources(names []string) ([]config.LogSource, error) {
	if len(a.cfg.Logs) == 0 {
		return nil, usage("no log source is configured: write one into logs in the config file (iochunt init writes an example), or search files with: iochunt scan PATH")
	}
	if len(names) == 0 {
		return a.cfg.Logs, nil
	}
	var sources []config.LogSource
	for _, n := range names {
		l, ok := a.cfg.Log(n)
		if !ok {
			return nil, usage("no log source %q is configured; there are: %s", n, strings.Join(a.logNames(), ", "))
		}
		sources = append(sources, l)
	}
	return sources, nil
}

// hunt is the verb.
func (a *app) hunt(ctx context.Context, f huntFlags, names []string) error {
	sources, err := a.huntSources(names)
	if err != nil {
		return err
	}
	if f.window, err = a.huntWindow(f); err != nil {
		return err
	}
	if f.noKeep && !f.full && !f.window.asked() {
		return usage("--no-keep would forget the hits of events that are not hunted again: it needs --from, --to or --full")
	}
	for _, l := range sources {
		if _, err := newIndexSource(l); err != nil {
			return usage("config %s: %w", a.cfg.File, err)
		}
	}
	if f.coverage {
		return a.showCoverage(ctx, sources)
	}
	return a.huntAll(ctx, f, sources)
}

// huntWindow is the time that --from and --to name.
func (a *app) huntWindow(f huntFlags) (w huntWindow, err error) {
	if w.from, err = a.when(f.from); err != nil {
		return w, usage("--from: %w", err)
	}
	if w.to, err = a.when(f.to); err != nil {
		return w, usage("--to: %w", err)
	}
	if !w.from.IsZero() && !w.to.IsZero() && !w.from.Before(w.to) {
		return w, usage("--from %s is not before --to %s: no event is in between", f.from, f.to)
	}
	return w, nil
}

// huntAll hunts in one source after the other.
func (a *app) huntAll(ctx context.Context, f huntFlags, sources []config.LogSource) error {
	sf := scanFlags{format: f.format, quiet: f.quiet, explain: f.explain, noKeep: f.noKeep, least: f.least, engine: defaultEngine}
	if err := a.prepareHunt(ctx); err != nil {
		return err
	}
	src, err := a.openSource(ctx, sf)
	if err != nil {
		return clusterError(err)
	}
	defer src.close()
	if a.listsAsked, err = a.countAsked(ctx, src.store); err != nil {
		return err
	}
	out, err := a.newScanOutput(sf, src)
	if err != nil {
		return err
	}
	h := &hunting{a: a, f: f, src: src, out: out}
	h.total.began = time.Now()
	for i, s := range sources {
		if err = h.source(ctx, s); err != nil {
			h.left(sources[i+1:])
			break
		}
	}
	if lastErr := errors.Join(out.gathered.finish(ctx), out.Close(), h.refusedHits(ctx)); err == nil {
		err = lastErr
	}
	return h.done(ctx, err)
}

// prepareHunt takes in what people have put into ioc_index by hand.
func (a *app) prepareHunt(ctx context.Context) error {
	if !a.cfg.Elasticsearch.Enabled() {
		return nil
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if e, ok := s.(*elastic.Store); ok {
		if err := a.sendAgain(ctx, e); err != nil {
			return err
		}
	}
	return a.adopt(ctx, s)
}

// sendAgain sends the hits again that the cluster refused before.
func (a *app) sendAgain(ctx context.Context, s *elastic.Store) error {
	n, err := s.DeadCount(ctx)
	if err != nil || n == 0 {
		return clusterError(err)
	}
	r, err := s.Retry(ctx)
	if r.Stored > 0 {
		a.note("iochunt: %s that the cluster had refused %s now in %sioc_hits", plural(r.Stored, "hit"), map[bool]string{true: "is", false: "are"}[r.Stored == 1], a.cfg.Elasticsearch.Prefix)
	}
	return clusterError(err)
}

// refusedHits notes the hits that are not in ioc_hits because the cluster refuses
// them: they are kept beside, and are not where people look.
func (h *hunting) refusedHits(ctx context.Context) error {
	s, ok := h.src.store.(*elastic.Store)
	if !ok || ctx.Err() != nil {
		return nil
	}
	for d, err := range s.Dead(ctx) {
		if err != nil {
			return err
		}
		if h.refused++; h.refused == 1 {
			h.why = fmt.Sprintf("%d %s: %s", d.Status, d.Type, d.Reason)
		}
	}
	if h.refused == 0 {
		return nil
	}
	t := hunt.Trouble{Path: h.a.cfg.Elasticsearch.Prefix + "ioc_hits", Reason: fmt.Sprintf("refuses %s, kept in ioc_state until the next run (%s)", plural(h.refused, "hit"), h.why)}
	h.total.Incomplete = append(h.total.Incomplete, t)
	if h.f.format != "json" {
		h.a.note("iochunt: %s %s", t.Path, t.Reason)
	}
	return nil
}

// adopter is a store whose documents others write too.
type adopter interface {
	Adopt(ctx context.Context, prepare func(*ioc.Member) string) (ioc.Changes, []ioc.Refusal, error)
}

// adopt takes in what people have put into ioc_index by hand. Who may only read
// there leaves it to the others.
func (a *app) adopt(ctx context.Context, s database) error {
	e, ok := s.(adopter)
	if !ok {
		return nil
	}
	changes, refused, err := e.Adopt(ctx, prepare)
	if isAuth(clusterError(err)) {
		a.note("iochunt: what others put into %sioc_index by hand is not taken in: %v", a.cfg.Elasticsearch.Prefix, err)
		return nil
	}
	if err != nil {
		return clusterError(err)
	}
	for _, r := range refused {
		a.note("iochunt: ioc_index: %s: %q cannot be an indicator: %s", r.Place, r.Value, r.Reason)
	}
	if changes.New+changes.Changed+changes.Withdrawn == 0 {
		return nil
	}
	a.note("iochunt: taken in from ioc_index: %s new, %s changed, %s withdrawn", thousands(changes.New), thousands(changes.Changed), thousands(changes.Withdrawn))
	return a.judge(ctx, s)
}

// hunting is one run of the verb.
type hunting struct {
	a     *app
	f     huntFlags
	src   *source
	out   *scanOutput
	total huntTotal

	refused int    // hits that the cluster refuses
	why     string // of the first
}

// source hunts in one source. An error ends the run; what could not be done in
// this source alone is in the total.
func (h *hunting) source(ctx context.Context, l config.LogSource) error {
	began := h.a.now()
	var (
		done huntDone
		err  error
	)
	if l.Kind == config.LogFiles {
		done, err = h.files(ctx, l)
	} else {
		done, err = h.indices(ctx, l)
	}
	done.Source, done.Kind = l.Name, l.Kind
	if flushErr := h.out.Flush(ctx); err == nil {
		err = flushErr
	}
	if err != nil { // whatever was not found until then: the source is not clean
		done.Incomplete = append(done.Incomplete, hunt.Trouble{Path: l.Name, Reason: h.a.explained(err).Error()})
		done.Broken = true
	}
	h.total.add(done)
	if recErr := h.record(began, done, err); err == nil {
		err = recErr
	}
	if tellErr := h.tell(done); err == nil {
		err = tellErr
	}
	return err
}

// left notes the sources that the run did not come to.
func (h *hunting) left(sources []config.LogSource) {
	for _, l := range sources {
		h.total.Incomplete = append(h.total.Incomplete, hunt.Trouble{Path: l.Name, Reason: "not hunted: the run ended before"})
	}
}

// record keeps the run's record; it is written even when the run was interrupted.
func (h *hunting) record(began time.Time, d huntDone, err error) error {
	if h.src.readOnly {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	run := store.Run{Verb: "hunt", Feed: d.Source, Started: began, Ended: h.a.now(), Outcome: store.OK, Counters: map[string]int64{
		"events": d.Events, "records": int64(d.Records), "hits": int64(d.Hits), "expired": int64(d.Expired), "disarmed": int64(d.Disarmed),
		"units": int64(d.Units), "taken_over": int64(d.TakenOver), "failed": int64(d.Failed),
	}}
	if len(d.Incomplete) > 0 {
		run.Outcome, run.Message = store.Partial, troubleText(d.Incomplete)
	}
	if err != nil {
		run.Outcome, run.Message = store.Failed, err.Error()
	}
	return h.src.store.PutRun(ctx, run)
}

func troubleText(ts []hunt.Trouble) string {
	var said []string
	for _, t := range ts[:min(len(ts), 20)] {
		said = append(said, t.Path+": "+t.Reason)
	}
	return strings.Join(said, "; ")
}
