package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Feed names of what people bring by hand.
const (
	feedManual = "manual"
	feedImport = "import"
)

func newIndicators(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "indicators", Short: "List, show, add, import and export indicators"}
	cmd.AddCommand(newIndicatorsList(a), newIndicatorsShow(a), newIndicatorsAdd(a), newIndicatorsImport(a), newIndicatorsExport(a),
		newIndicatorsArm(a), newIndicatorsDisarm(a), newIndicatorsExpire(a),
		newIndicatorsSync(a),
		&cobra.Command{
			Use: "count", Short: "Count indicators by type and feed", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.countIndicators(cmd.Context()) },
		})
	return cmd
}

// listFlags narrow a listing.
type listFlags struct {
	types, feeds       []string
	report, tag, value string
	state              string
	limit              int
}

func (f *listFlags) add(cmd *cobra.Command, limit int) {
	s := cmd.Flags()
	s.StringSliceVar(&f.types, "type", nil, "only of these types")
	s.StringSliceVar(&f.feeds, "feed", nil, "only of these feeds")
	s.StringVar(&f.report, "report", "", "only of the report (pulse, MISP event, list) with this id")
	s.StringVar(&f.tag, "tag", "", "only with a tag that contains this")
	s.StringVar(&f.state, "state", "", "only in this state: "+strings.Join(states, ", "))
	s.IntVar(&f.limit, "limit", limit, "at most so many; 0: all, which is the default with --json")
}

func (a *app) listFilter(f *listFlags) (store.ListFilter, error) {
	lf := store.ListFilter{Feeds: f.feeds, Report: f.report, Tag: f.tag, Value: f.value, Limit: f.limit}
	for _, name := range f.types {
		t, ok := ioc.ParseType(name)
		if !ok {
			t = ioc.Type(strings.ToLower(name)) // a feed's own type, kept under its name
		}
		lf.Types = append(lf.Types, t)
	}
	if f.state == "" {
		return lf, nil
	}
	if !slices.Contains(states, f.state) {
		return lf, usage("--state %q: it is one of %s", f.state, strings.Join(states, ", "))
	}
	lives, now := a.lifetimes(), a.now()
	lf.Want = func(i *ioc.Indicator) bool {
		aged := *i // what is listed has what the feed says
		lives.Apply(&aged)
		st, _ := state(&aged, now)
		return st == f.state
	}
	return lf, nil
}

func newIndicatorsList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List indicators, expired and not huntable ones too, each with its state", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && !cmd.Flags().Changed("limit") {
				f.limit = 0 // a program reads all there is
			}
			return a.listIndicators(cmd.Context(), f, false)
		},
	}
	f.add(cmd, 100)
	return cmd
}

func newIndicatorsExport(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use: "export", Short: "Write indicators as NDJSON, to be imported elsewhere", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listIndicators(cmd.Context(), f, true) },
	}
	f.add(cmd, 0)
	return cmd
}

// indicatorJSON is the "indicator" object of docs/output.md.
type indicatorJSON struct {
	ioc.Indicator
	State string          `json:"state"`
	Why   string          `json:"why,omitempty"`
	Lists []ioc.ListMatch `json:"lists,omitempty"` // that hold it
}

func newIndicatorJSON(i *ioc.Indicator, now time.Time) indicatorJSON {
	j := indicatorJSON{Indicator: *i}
	j.State, j.Why = state(i, now)
	if i.Arming != nil {
		j.Lists = i.Arming.Lists
	}
	return j
}

// states are those that an indicator can be in.
var states = []string{"armed", "not_armed", "expired", "not_huntable"}

// state says whether an indicator can raise a hit now, and why not.
func state(i *ioc.Indicator, now time.Time) (state, why string) {
	switch {
	case !i.Type.Known():
		return "not_huntable", "a type that is not known; kept under the feed's name for it"
	case !i.Type.Huntable():
		return "not_huntable", "a " + string(i.Type) + " cannot stand in a log"
	case !i.Armed():
		return "not_armed", i.Arming.Why
	case !i.ValidAt(now):
		return "expired", "valid until " + i.ValidUntil.UTC().Format(time.RFC3339) + "; older events still hit"
	case i.Arming != nil:
		return "armed", i.Arming.Why
	default:
		return "armed", ""
	}
}

func (a *app) listIndicators(ctx context.Context, f listFlags, export bool) error {
	filter, err := a.listFilter(&f)
	if err != nil {
		return err
	}
	s, err := a.judgedStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	n, now, lives := 0, a.now(), a.lifetimes()
	for i, err := range s.List(ctx, filter) {
		if err != nil {
			return err
		}
		n++
		if !export {
			lives.Apply(&i) // elsewhere, the lifetimes of elsewhere are in force
		}
		j := newIndicatorJSON(&i, now)
		if a.json || export {
			err = a.line("indicator", j)
		} else {
			_, err = fmt.Fprintf(a.out, "%-12s %-10s %s  %s\n", i.Type, j.State, escape(i.Value), escape(oneLine(&j)))
		}
		if err != nil {
			return err
		}
	}
	if a.json || export {
		return a.line("summary", map[string]int{"indicators": n})
	}
	if n == f.limit && n > 0 {
		a.note("iochunt: the first %d; --limit 0 shows all", n)
	}
	return nil
}

// oneLine names the feed and the newest report, and why it is not armed.
func oneLine(i *indicatorJSON) string {
	if i.State == "not_armed" {
		return "[" + i.Feed + "] " + i.Why
	}
	s := "[" + i.Feed + "]"
	if len(i.Reports) > 0 {
		s += " " + cmp.Or(i.Reports[0].Name, i.Reports[0].ID)
	}
	if n := len(i.Reports) - 1; n > 0 {
		s += fmt.Sprintf(" (+%d more)", n)
	}
	return s
}

func (a *app) countIndicators(ctx context.Context) error {
	s, err := a.judgedStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	c, err := s.Count(ctx, a.now())
	if err != nil {
		return err
	}
	if err := a.countAged(ctx, s, &c); err != nil {
		return err
	}
	if a.json {
		return a.line("count", map[string]any{"total": c.Total, "expired": c.Expired, "not_huntable": c.NotHuntable,
			"disarmed": c.Disarmed, "lowered": c.Lowered, "by_type": c.ByType, "by_feed": c.ByFeed, "disarmed_by": c.ByRule})
	}
	fmt.Fprintf(a.out, "%12s  indicators, of which %s expired, %s not armed and %s not huntable in logs\n",
		thousands(c.Total), thousands(c.Expired), thousands(c.Disarmed), thousands(c.NotHuntable))
	for _, t := range slices.Sorted(maps.Keys(c.ByType)) {
		fmt.Fprintf(a.out, "%12s  %s\n", thousands(c.ByType[t]), escape(string(t)))
	}
	for _, f := range slices.Sorted(maps.Keys(c.ByFeed)) {
		fmt.Fprintf(a.out, "%12s  of feed %s\n", thousands(c.ByFeed[f]), escape(f))
	}
	for _, r := range slices.Sorted(maps.Keys(c.ByRule)) {
		fmt.Fprintf(a.out, "%12s  not armed: %s\n", thousands(c.ByRule[r]), escape(r))
	}
	if c.Lowered > 0 {
		fmt.Fprintf(a.out, "%12s  armed, on a list that lowers their score\n", thousands(c.Lowered))
	}
	return nil
}

// countAged counts the expired anew where lifetimes are set: what the feeds do
// not end, they do.
func (a *app) countAged(ctx context.Context, s database, c *store.Counts) error {
	lives, now := a.lifetimes(), a.now()
	if !anyLifetime(lives) {
		return nil
	}
	valid := map[ioc.Observable]bool{}
	for i, err := range s.List(ctx, store.ListFilter{}) {
		if err != nil {
			return err
		}
		lives.Apply(&i)
		valid[i.Observable] = valid[i.Observable] || i.ValidAt(now)
	}
	c.Expired = 0
	for _, ok := range valid {
		if !ok {
			c.Expired++
		}
	}
	return nil
}

func newIndicatorsAdd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "add VALUE...", Short: "Add indicators by hand (feed " + feedManual + ")", Args: cobra.MinimumNArgs(1),
		Long: `Add indicators by hand. A value is typed by its look; "type:value" says it outright.
What is added by hand is armed, whatever the warninglists say of it; to change
that: iochunt indicators disarm.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			for _, v := range args {
				if _, err := typed(v); err != nil {
					return usage("%w", err)
				}
			}
			if err := putValues(cmd.Context(), s, feedManual, args); err != nil {
				return err
			}
			if err := a.armByHand(cmd.Context(), s, args); err != nil {
				return err
			}
			if a.json {
				err = a.line("summary", map[string]int{"added": len(args)})
			} else {
				_, err = fmt.Fprintf(a.out, "%s added\n", plural(len(args), "indicator"))
			}
			if err != nil {
				return err
			}
			return a.refreshSet(cmd.Context())
		},
	}
}

// armByHand decides that what a person adds is armed, and says what speaks
// against it.
func (a *app) armByHand(ctx context.Context, s database, values []string) error {
	var ds []ioc.Decision
	for _, v := range values {
		all, err := typed(v)
		if err != nil {
			return usage("%w", err)
		}
		for _, o := range all {
			ds = append(ds, a.decision(o, ioc.Arm, addedByHand))
		}
	}
	rules, err := a.judgedRules(ctx, s)
	if err != nil {
		return err
	}
	return a.byRules(ctx, s, rules, func(rules *enrich.Rules) error {
		for _, d := range ds {
			if ar := rules.Judge(d.Observable, ioc.Facts{}); ar.Disarmed {
				a.note("iochunt: %s %s: %s; it is armed all the same, as it is added by hand", d.Type, d.Value, ar.Why)
			}
		}
		return s.Decide(ctx, ds, rules.Judge)
	})
}

type importFlags struct {
	feed, format string
	columns      map[string]string
	context      bool
	quiet        bool
}

// settings are the flags as settings of a file feed.
func (f importFlags) settings() map[string]any {
	s := map[string]any{"context": f.context, "columns": f.columns}
	if f.format != "" {
		s["format"] = f.format
	}
	return s
}

func newIndicatorsImport(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import FILE...", Short: "Read indicators from files into the store", Args: cobra.MinimumNArgs(1),
		Long: `Read indicators from files into the store: plain lists, CSV, NDJSON, MISP events,
reports as people write them; gzip, zstd and bzip2 too. A line of a list may
say its type: mutex:Global-77, text:Failed password. A folder is read wholly, but
for names that begin with a dot. A file that is imported again replaces what it
brought before.

EXIT STATUS
  0  every file was read   1  none could be read, or an error   2  usage   3  some could not be read`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.importFiles(cmd.Context(), f, args) },
	}
	cmd.Flags().StringVar(&f.feed, "feed", feedImport, "feed name to keep them under")
	cmd.Flags().StringVar(&f.format, "format", "", "auto, "+strings.Join(formatNames(), ", "))
	cmd.Flags().StringToStringVar(&f.columns, "column", nil, "of a CSV: what a column holds, e.g. --column 'C2 Server=domain'")
	cmd.Flags().BoolVar(&f.context, "context", false, "MISP: take attributes that are not marked for detection (to_ids) too")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "say only what went wrong")
	return cmd
}

func (a *app) importFiles(ctx context.Context, f importFlags, paths []string) error {
	if _, taken := a.cfg.Feed(f.feed); taken {
		return usage("feed %s is configured; its own poll would withdraw what is imported: choose another --feed", f.feed)
	}
	code, err := a.importPaths(ctx, f, paths)
	if err != nil {
		return err
	}
	if err := a.refreshSet(ctx); err != nil {
		return err
	}
	if a.json {
		if err := a.line("summary", map[string]int{"paths": len(paths)}); err != nil {
			return err
		}
	}
	return quietly(code)
}

// importPaths reads one path after the other; one that cannot be read does not
// keep the others from being read.
func (a *app) importPaths(ctx context.Context, f importFlags, paths []string) (code int, err error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return exitFailed, err
	}
	defer s.Close()
	failed := 0
	for _, p := range paths {
		c, err := a.importPath(ctx, s, f, p)
		if ctx.Err() != nil {
			return exitInterrupted, ctx.Err()
		}
		if err != nil {
			a.note("iochunt: import %s: %v", p, err)
			failed++
		}
		code = worse(code, c)
	}
	if code == exitFailed && failed < len(paths) {
		code = exitPartial
	}
	return code, nil
}

// formatNames are the names of the file formats.
func formatNames() []string {
	var names []string
	for _, f := range filefmt.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// importPath reads one file or folder. What it brings belongs to reports named
// after the files, so importing one again replaces its list and nothing else.
func (a *app) importPath(ctx context.Context, s database, f importFlags, path string) (int, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return exitFailed, err
	}
	c, err := a.fileCollector(f.feed, abs, f.settings())
	if err != nil {
		return exitUsage, err
	}
	res, runErr := a.runCollector(ctx, &imports{Store: s, root: importRoot(abs)}, f.feed, c, collectFlags{quiet: f.quiet})
	if err := a.tellResult(res, f.quiet); err != nil {
		return exitFailed, err
	}
	return collectCode(res, runErr), runErr
}

// typedQuery reads "value" or "type:value" for a look-up; a type that only a
// feed knows is taken as it is.
func typedQuery(v string) (ioc.Observable, error) {
	if t, rest, said := saidType(v); said {
		return canon.Observable(t, rest)
	}
	if o, ok := canon.Sniff(v); ok {
		return o, nil
	}
	if o, err := canon.Observable(ioc.Domain, v); err == nil { // a top-level domain
		return o, nil
	}
	return ioc.Observable{}, errors.New("what this is cannot be told from its look; say type:value (indicators list shows both)")
}

// imports is a store that knows no cursor, so that each file is read whole, and
// that names a file's report by the file's whole path: two lists of one name in
// two folders must not replace each other.
type imports struct {
	collect.Store
	root string
}

// importRoot is the folder that a collector's report ids are relative to.
func importRoot(abs string) string {
	if st, err := os.Stat(abs); err == nil && st.IsDir() {
		return abs
	}
	return filepath.Dir(abs)
}

func (i *imports) Cursor(context.Context, string) (ioc.Cursor, error) { return "", nil }

func (i *imports) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	ids := map[string]string{}
	for k := range b.Reports {
		b.Reports[k].ID = i.id(ids, b.Reports[k].ID)
	}
	for k := range b.Members {
		b.Members[k].Report = i.id(ids, b.Members[k].Report)
	}
	for k := range b.Refused {
		b.Refused[k].Report = i.id(ids, b.Refused[k].Report)
	}
	b.Next = ""
	return i.Store.PutBatch(ctx, feed, b)
}

// id returns the path of the file that id names below the root, with what names
// a report in it ("#" and a MISP event's uuid). A URL's id stays as it is.
func (i *imports) id(known map[string]string, id string) string {
	if to, ok := known[id]; ok {
		return to
	}
	file, inside, some := strings.Cut(id, "#")
	to := filepath.Join(i.root, file)
	if some {
		to += "#" + inside
	}
	if !isThere(filepath.Join(i.root, strings.ReplaceAll(file, "%23", "#"))) || id == "" {
		to = id
	}
	known[id] = to
	return to
}
