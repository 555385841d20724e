package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// hitLister lists stored hits.
type hitLister func(context.Context, store.HitFilter) iter.Seq2[ioc.Hit, error]

type hitFlags struct {
	from, to   string
	typ, value string
	feed, path string
	report     string
	mark       string
	format     string
	limit      int
	explain    bool
	min        minFlags
	alerts     bool
}

func newHits(a *app) *cobra.Command {
	var f hitFlags
	cmd := &cobra.Command{
		Use: "hits", Short: "List the hits found so far, newest first", Args: cobra.NoArgs,
		Long: `List the hits found so far, newest first. A hit that is found again is the same
hit: it has the same id and stands here once.

Scores, severities and arming are as the settings, the marks and the lists are
now. All hits are listed, those too whose indicator is not armed any more;
--alerts, --min-score and --min-severity leave some out, and it is said how many.`,
		Example: "  iochunt hits --from 24h\n  iochunt hits --alerts --mark none\n  iochunt hits --type ip --json\n  iochunt hits show 3f2a",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && !cmd.Flags().Changed("limit") {
				f.limit = 0 // a program reads all there is
			}
			return a.hits(cmd.Context(), f)
		},
	}
	f.selection(cmd)
	s := cmd.Flags()
	s.StringVar(&f.mark, "mark", "", "only those marked TP or FP (iochunt hits mark), or none: those that are not marked")
	f.min.add(cmd)
	s.BoolVar(&f.alerts, "alerts", false, "only those that are worth an alert (scoring.min_score, scoring.min_severity)")
	s.StringVar(&f.format, "format", "", "output: "+formats)
	s.IntVar(&f.limit, "limit", 100, "at most so many; 0: all, which is the default with --json")
	s.BoolVar(&f.explain, "explain", false, "say of each hit what made it match, who claims it, and what its score is made of")
	cmd.AddCommand(newHitsShow(a), newHitsMark(a), newHitsPrune(a))
	return cmd
}

// selection adds the flags that say which hits are meant.
func (f *hitFlags) selection(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.from, "from", "", "events not before this: a date (2026-01-31, RFC 3339) or how long ago (24h, 7d)")
	s.StringVar(&f.to, "to", "", "events before this")
	s.StringVar(&f.typ, "type", "", "only of this type")
	s.StringVar(&f.value, "value", "", "only of this indicator")
	s.StringVar(&f.feed, "feed", "", "only of indicators of this feed")
	s.StringVar(&f.report, "report", "", "only of indicators that the report (pulse, MISP event, list) with this id names")
	s.StringVar(&f.path, "path", "", "only in this file")
}

func newHitsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one hit wholly", Args: cobra.ExactArgs(1),
		Long: "Show one hit wholly. The beginning of its id is enough where it is the only one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.listHits(cmd.Context(), store.HitFilter{IDs: []string{args[0]}, Limit: 2}, hitFlags{explain: true, limit: 2}, true)
		},
	}
}

func newHitsPrune(a *app) *cobra.Command {
	var older string
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete hits whose event is older than a given age", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := a.when(older)
			if err != nil || before.IsZero() {
				return usage("--older-than is needed: an age (365d) or a date")
			}
			s, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := s.DeleteHits(cmd.Context(), before)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s deleted\n", plural(n, "hit"))
			return err
		},
	}
	cmd.Flags().StringVar(&older, "older-than", "", "an age (365d) or a date")
	return cmd
}

func (a *app) hits(ctx context.Context, f hitFlags) error {
	hf, err := a.hitFilter(f)
	if err != nil {
		return err
	}
	return a.listHits(ctx, hf, f, false)
}

// unmarked is the --mark of hits of which nobody has said what they are.
const unmarked = "NONE"

// hitFilter says which hits the flags mean. What is asked of a score, and of
// the lack of a mark, the store cannot answer; showHits does.
func (a *app) hitFilter(f hitFlags) (hf store.HitFilter, err error) {
	hf = store.HitFilter{Feed: f.feed, Report: f.report, Limit: f.limit}
	switch mark := strings.ToUpper(f.mark); mark {
	case "", unmarked:
	case ioc.TruePositive, ioc.FalsePositive:
		hf.Mark = mark
	default:
		return hf, usage("--mark %q: it is TP (true positive), FP (false positive) or none", f.mark)
	}
	if f.path != "" {
		if hf.Path, err = filepath.Abs(f.path); err != nil {
			return hf, err
		}
	}
	if hf.From, err = a.when(f.from); err != nil {
		return hf, usage("--from: %w", err)
	}
	if hf.To, err = a.when(f.to); err != nil {
		return hf, usage("--to: %w", err)
	}
	if f.typ != "" {
		t, ok := ioc.ParseType(f.typ)
		if !ok {
			return hf, usage("--type %q: there is no such type; the types are: %s", f.typ, typeNames())
		}
		hf.Type = t
	}
	if f.value != "" {
		hf.Value = f.value
		if o, err := typedQuery(f.value); err == nil {
			hf.Value = o.Value
		}
	}
	return hf, nil
}

// when reads a point in time: a date, or how long ago. "" is the zero time.
func (a *app) when(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	d, err := config.ParseDuration(s)
	if err != nil {
		return time.Time{}, usage("%q is neither a date (2026-01-31, RFC 3339) nor an age (24h, 7d)", s)
	}
	return a.now().Add(-d), nil
}

func (a *app) listHits(ctx context.Context, hf store.HitFilter, f hitFlags, single bool) error {
	s, _, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	w := bufio.NewWriter(a.out)
	format := f.format
	if a.json {
		format = "json"
	}
	format = cmp.Or(format, "text")
	if a.listsAsked, err = a.countAsked(ctx, s); err != nil {
		return err
	}
	sink, err := emit.New(format, emit.Options{
		Out: w, Colour: a.colours(), Terminal: terminal(a.out) || f.explain, Width: a.width(), WithName: true, LineNumber: true,
		Explain: f.explain, ExplainHit: a.explainHit,
	})
	if err != nil {
		return usage("%w", err)
	}
	n, below, err := a.showHits(ctx, s, sink, hf, f, single)
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		return err
	}
	if format == "json" {
		if err := emit.WriteLine(w, "summary", map[string]int{"hits": n, "below": below}); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return a.hitsDone(n, below, f, single)
}

// showHits weighs stored hits and gives those to the sink that are worth what
// is asked for; below counts the others that it came across. The limit counts
// what is shown.
func (a *app) showHits(ctx context.Context, s database, sink hunt.Sink, hf store.HitFilter, f hitFlags, single bool) (n, below int, err error) {
	least, err := newThreshold(f.min)
	if err != nil {
		return 0, 0, err
	}
	limit := hf.Limit
	hf.Limit = 0
	r := a.newRecaller(s)
	for h, err := range s.Hits(ctx, hf) {
		if err == nil {
			err = r.recall(ctx, &h)
		}
		if err != nil {
			return n, below, err
		}
		if h.Mark != nil && strings.EqualFold(f.mark, unmarked) {
			continue
		}
		if !least.reached(&h) || f.alerts && !h.Alert {
			below++
			continue
		}
		if n++; single && n > 1 {
			return n, below, usage("more than one hit begins with %s: give more of the id", hf.IDs[0])
		}
		if err := sink.Emit(ctx, []ioc.Hit{h}); err != nil {
			return n, below, err
		}
		if n == limit {
			break
		}
	}
	return n, below, nil
}

func (a *app) hitsDone(n, below int, f hitFlags, single bool) error {
	if below > 0 && !a.json {
		a.note("iochunt: %s not shown: %s", plural(below, "hit"), map[bool]string{
			true: "not worth an alert, not armed, or marked FP", false: "the score or the severity is too low"}[f.alerts])
	}
	switch {
	case single && n == 0:
		return fmt.Errorf("there is no such hit (iochunt hits lists them)")
	case a.json:
	case n == 0 && below > 0: // said above
	case n == 0:
		a.note("iochunt: no hits are stored%s", map[bool]string{true: " for that", false: ""}[f != (hitFlags{limit: f.limit})])
	case n == f.limit && !single:
		a.note("iochunt: the newest %d; --limit 0 shows all", n)
	}
	return nil
}
