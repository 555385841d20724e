package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

type markFlags struct {
	hitFlags
	why    string
	dryRun bool
	yes    bool
}

const markLong = `Say of hits that they are true (TP) or false (FP), or take that back (none).

Which hits: by the beginnings of their ids, or all that --value, --type, --feed,
--report, --path, --from and --to leave. A true positive raises the score of the
indicator, and keeps it from ageing; a false one lowers it, and as many as
arming.false_positives says disarm it. Marking counts once for each indicator,
however many of its hits it covers. What it does to score and arming is shown
before it is done; on a terminal you are asked.`

func newHitsMark(a *app) *cobra.Command {
	var f markFlags
	cmd := &cobra.Command{
		Use: "mark TP|FP|none [ID...]", Short: "Say of hits that they are true or false positives", Long: markLong,
		Example: "  iochunt hits mark FP 3f2a --why 'our own scanner'\n  iochunt hits mark TP --value evil.example\n  iochunt hits mark FP --report 65f0c0ffee --dry-run",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.mark(cmd.Context(), f, strings.ToUpper(args[0]), args[1:])
		},
	}
	f.selection(cmd)
	s := cmd.Flags()
	s.StringVar(&f.why, "why", "", "the reason; it is shown with the hits")
	s.BoolVar(&f.dryRun, "dry-run", false, "only show what would change")
	s.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) mark(ctx context.Context, f markFlags, verdict string, ids []string) error {
	switch verdict {
	case ioc.TruePositive, ioc.FalsePositive:
	case "NONE":
		verdict = ""
	default:
		return usage("%s: it is TP (true positive), FP (false positive) or none", verdict)
	}
	hf, err := a.markFilter(f, ids)
	if err != nil {
		return err
	}
	n, err := a.markAll(ctx, f, hf, ioc.Mark{Verdict: verdict, Why: f.why, By: a.user(), At: a.now().UTC()})
	if err != nil || n == 0 {
		return err
	}
	return a.refreshSet(ctx)
}

// markFilter says which hits are meant. Without a word it would be all.
func (a *app) markFilter(f markFlags, ids []string) (store.HitFilter, error) {
	hf, err := a.hitFilter(f.hitFlags)
	if err != nil {
		return hf, err
	}
	if len(ids) == 0 && f.hitFlags == (hitFlags{}) {
		return hf, usage("which hits? Name their ids, or a --value, a --report, a --feed, a --path or a time")
	}
	hf.Limit, hf.IDs = 0, ids
	return hf, nil
}

// markAll marks the hits of a filter in one act, after it has shown what that
// does. It returns how many were marked.
func (a *app) markAll(ctx context.Context, f markFlags, hf store.HitFilter, m ioc.Mark) (marked int, err error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	rules, err := a.judgedRules(ctx, s)
	if err != nil {
		return 0, err
	}
	if err := checkIDs(ctx, s, hf, m); err != nil {
		return 0, err
	}
	found, err := a.preview(ctx, s, rules, hf, m)
	if err != nil {
		return 0, err
	}
	if found > 0 && !f.dryRun && (f.yes || a.confirmed()) {
		err = a.byRules(ctx, s, rules, func(rules *enrich.Rules) error {
			marked, _, err = s.MarkHits(ctx, hf, m, rules.Judge)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return marked, a.tellMarked(found, marked, f.dryRun)
}

// checkIDs refuses the beginning of an id that is not that of one hit.
func checkIDs(ctx context.Context, s database, hf store.HitFilter, m ioc.Mark) error {
	for _, id := range hf.IDs {
		one := hf
		one.IDs = []string{id}
		_, n, err := s.PreviewMark(ctx, one, m)
		switch {
		case err != nil:
			return err
		case n > 1:
			return usage("more than one hit begins with %s: give more of the id", id)
		case n == 0 && len(hf.IDs) > 1:
			return fmt.Errorf("there is no such hit: %s; nothing was marked", id)
		}
	}
	return nil
}

func (a *app) tellMarked(found, marked int, dryRun bool) error {
	if found == 0 {
		return fmt.Errorf("there is no such hit (iochunt hits lists them; to silence a value that has none: iochunt indicators disarm)")
	}
	if a.json {
		return a.line("summary", map[string]any{"hits": found, "marked": marked})
	}
	said := plural(marked, "hit") + " marked"
	switch {
	case dryRun:
		said = plural(found, "hit") + " would be marked"
	case marked == 0:
		said = "nothing was marked"
	}
	_, err := fmt.Fprintln(a.out, said)
	return err
}

// preview shows what marking the hits of a filter does to their indicators, and
// returns how many hits those are.
func (a *app) preview(ctx context.Context, s database, rules *enrich.Rules, hf store.HitFilter, m ioc.Mark) (int, error) {
	effects, n, err := s.PreviewMark(ctx, hf, m)
	if err != nil {
		return 0, err
	}
	for _, e := range effects {
		c := change{Observable: e.Observable, hits: e.Hits, before: rules.Judge(e.Observable, e.Before), after: rules.Judge(e.Observable, e.After)}
		if err := a.showChange(ctx, s, c); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// confirmed asks a person at a terminal; a script means what it says.
func (a *app) confirmed() bool {
	in, ok := a.in.(*os.File)
	if !ok || !terminal(in) || !terminal(a.out) {
		return true
	}
	fmt.Fprint(a.err, "iochunt: apply this? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is no
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y")
}
