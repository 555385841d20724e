package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/files"
	"github.com/iochunt/iochunt/hunt/match"
)

// scanFlags are grep's where grep has them.
type scanFlags struct {
	lists, values []string
	withStore     bool
	types, feeds  []string

	followLinks                  bool
	include, exclude, excludeDir []string
	noDecompress                 bool
	maxDecompressed              int64
	label                        string

	count, filesWith, filesWithout, onlyMatching bool
	quiet, noMessages, noName, noLine, bytes     bool
	null, safe, explain, noKeep, allowExpired    bool
	disarmed                                     bool
	min                                          minFlags
	least                                        threshold // of min, and of the sink's settings
	details                                      bool      // as on a terminal, whatever the output is
	format                                       string
	maxCount, workers                            int
	engine                                       string
}

const scanLong = `Look for indicators in files, folders and standard input.

Without -f and -e, all that was collected is looked for. -f LIST and -e VALUE
take its place and need no store; --with-store looks for both. No PATH reads
standard input; "-" is standard input too. Folders are searched wholly;
compressed files (gzip, zstd, xz, bzip2, lz4) are told by their content.

A value of -e is typed by its look: an address, a name, a hash ..., else it is
free text, found in any case. "type:value" says it outright: -e text:1.2.3.4,
-e mutex:Global-77. A line of a list may say its type in the same way.

What stands on a warninglist, or is too broad, is not armed and not looked for
(iochunt indicators list --state not_armed; docs/scoring.md). Each hit has a
score, and a severity that also depends on what happened: allowed or blocked,
outbound or inbound. All are shown unless --min-score or --min-severity is said.

Matching is exact: a hit is a whole token of the right type. evil.example finds
a.evil.example, never notevil.example or evil.example.org; docs/output.md says
what each rule means.`

const scanExample = `  iochunt scan /var/log
  iochunt scan -f list.txt -f report.csv.gz /var/log
  iochunt scan -e 203.0.113.7 -e 'Failed password' auth.log
  journalctl -o json | iochunt scan --json
  iochunt scan -l --type ip,cidr /srv/logs`

const scanExit = `
EXIT STATUS
  0  hits were found (with -q: found, even if something could not be read)
  1  no hits (that are worth as much as was asked for), and all of it was read
  2  an error, something could not be read wholly, or nothing to look for
  130 interrupted`

func newScan(a *app) *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use: "scan [PATH...]", Short: "Look for indicators in log files",
		Long: scanLong + "\n" + scanExit, Example: scanExample,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			sink := cmp.Or(sinkName(f), map[bool]string{true: "json"}[a.json], "text")
			if f.least, err = a.threshold(cmd, f.min, sink); err != nil {
				return err
			}
			return a.scan(cmd.Context(), f, args)
		},
	}
	s := cmd.Flags()
	s.StringArrayVarP(&f.lists, "file", "f", nil, "look for the indicators of this list, report or MISP event")
	s.StringArrayVarP(&f.values, "value", "e", nil, "look for this value; untyped ones that are no indicator are free text")
	s.BoolVar(&f.withStore, "with-store", false, "with -f or -e: look for what was collected too")
	s.StringSliceVar(&f.types, "type", nil, "only indicators of these types")
	s.StringSliceVar(&f.feeds, "feed", nil, "only indicators of these feeds")
	s.BoolVar(&f.disarmed, "disarmed", false, "look for indicators that are not armed too, and say of their matches why they are no hits; those are not kept")
	f.min.add(cmd)
	scanFileFlags(cmd, &f)
	scanOutputFlags(cmd, &f)
	s.Bool("help", false, "help for scan") // -h is grep's "no filename"
	_ = cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(match.Engines(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func scanFileFlags(cmd *cobra.Command, f *scanFlags) {
	s := cmd.Flags()
	s.BoolP("recursive", "r", true, "search folders (always on)")
	s.BoolVarP(&f.followLinks, "dereference-recursive", "R", false, "follow symbolic links found in folders")
	s.StringArrayVar(&f.include, "include", nil, "only files whose name matches this glob")
	s.StringArrayVar(&f.exclude, "exclude", nil, "no files whose name matches this glob")
	s.StringArrayVar(&f.excludeDir, "exclude-dir", nil, "no folders whose name matches this glob")
	s.BoolVar(&f.noDecompress, "no-decompress", false, "search compressed files as they are")
	s.Int64Var(&f.maxDecompressed, "max-decompressed", 0, "give a compressed file up after this many bytes of content; it is reported (0: 64 GiB)")
	s.StringVar(&f.label, "label", "(standard input)", "name of standard input")
	s.IntVarP(&f.workers, "threads", "j", runtime.GOMAXPROCS(0), "files, or parts of a big file, read at a time")
	s.StringVar(&f.engine, "engine", defaultEngine, "how to search: "+strings.Join(match.Engines(), ", "))
	s.BoolP("text", "a", true, "search binary files as text (always on)")
}

func scanOutputFlags(cmd *cobra.Command, f *scanFlags) {
	s := cmd.Flags()
	s.BoolVarP(&f.count, "count", "c", false, "only the number of records with hits, per file")
	s.BoolVarP(&f.filesWith, "files-with-matches", "l", false, "only the names of files with hits")
	s.BoolVarP(&f.filesWithout, "files-without-match", "L", false, "only the names of files without hits")
	s.BoolVarP(&f.onlyMatching, "only-matching", "o", false, "only the matched text")
	s.IntVarP(&f.maxCount, "max-count", "m", 0, "stop reading a file after this many records with hits; said in the summary (0: never)")
	s.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing; the exit code tells")
	s.BoolVarP(&f.noMessages, "no-messages", "s", false, "no messages about files that cannot be read; the exit code still tells")
	s.BoolP("with-filename", "H", true, "print the file name (the default)")
	s.BoolVarP(&f.noName, "no-filename", "h", false, "do not print the file name")
	s.BoolP("line-number", "n", true, "print the line number (the default)")
	s.BoolVarP(&f.noLine, "no-line-number", "N", false, "do not print the line number")
	s.BoolVarP(&f.bytes, "byte-offset", "b", false, "print the byte offset")
	s.BoolVarP(&f.null, "null", "Z", false, "a zero byte after file names, for xargs -0 (with -l, -L, -c)")
	s.BoolVar(&f.safe, "safe", false, "make control characters visible in a pipe too (on a terminal they always are)")
	s.BoolVar(&f.explain, "explain", false, "say of each hit what made it match, who claims it, and what its score is made of")
	s.StringVar(&f.format, "format", "", "output: "+formats+" (default text; --json is short for json)")
	s.BoolVar(&f.noKeep, "no-keep", false, "do not keep the hits in the store")
	s.BoolVar(&f.allowExpired, "allow-expired", false, "search even if every indicator has expired (an old log's events may be older)")
}

// defaultEngine is the fastest that the processor has.
const defaultEngine = "auto"

// formats are the sinks that show every hit.
const formats = "text, json, csv"

// scan is the verb.
func (a *app) scan(ctx context.Context, f scanFlags, paths []string) error {
	if err := a.checkScan(&f); err != nil {
		return err
	}
	src, err := a.openSource(ctx, f)
	if err != nil {
		return err
	}
	defer src.close()
	if src.store != nil {
		if a.listsAsked, err = a.countAsked(ctx, src.store); err != nil {
			return err
		}
	}
	out, err := a.newScanOutput(f, src)
	if err != nil {
		return err
	}
	sum, err := hunt.Scan(ctx, a.logs(f, paths, out), src.search, src.claims, out, hunt.ScanOptions{
		Host: hostname(), Now: a.now, Workers: f.workers, MaxRecords: f.maxCount, Counts: a.counts(f.least), OnProgress: out.bar.add, Disarmed: f.disarmed,
	})
	out.bar.finish()
	if lastErr := errors.Join(out.gathered.finish(ctx), out.Close()); err == nil {
		err = lastErr
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	return a.scanDone(ctx, f, sum, out)
}

// checkScan refuses flags that contradict each other or name nothing.
func (a *app) checkScan(f *scanFlags) error {
	modes := 0
	for _, on := range []bool{f.count, f.filesWith, f.filesWithout, f.onlyMatching} {
		if on {
			modes++
		}
	}
	if modes > 1 {
		return usage("-c, -l, -L and -o exclude each other")
	}
	if a.json && f.format == "" {
		f.format = "json"
	}
	if f.format == "" {
		f.format = "text"
	}
	f.details = f.details || f.disarmed // why a hit is none has to be seen in a pipe too
	if modes > 0 && f.format != "text" {
		return usage("-c, -l, -L and -o are for text, not for --format %s", f.format)
	}
	if !slices.Contains(strings.Split(formats, ", "), f.format) {
		return usage("--format %q: it is one of %s", f.format, formats)
	}
	f.engine = cmp.Or(f.engine, defaultEngine)
	if !slices.Contains(match.Engines(), f.engine) {
		return usage("--engine %q: it is one of %s", f.engine, strings.Join(match.Engines(), ", "))
	}
	if f.workers < 1 {
		return usage("--threads must be at least 1")
	}
	return nil
}

// logs turns the paths into logs; no path is standard input.
func (a *app) logs(f scanFlags, paths []string, out *scanOutput) iter.Seq2[hunt.Log, error] {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	o := files.Options{
		FollowLinks: f.followLinks, Include: f.include, Exclude: f.exclude, ExcludeDir: f.excludeDir,
		NoDecompress: f.noDecompress, MaxDecompressed: f.maxDecompressed,
	}
	return func(yield func(hunt.Log, error) bool) {
		for _, group := range splitStdin(paths) {
			logs := files.Walk(o, out.skipped, group...)
			if group[0] == "-" {
				logs = one(files.Stdin(o, a.in, f.label))
			}
			for log, err := range logs {
				if err == nil {
					out.sawFile(log.Name())
				}
				if !yield(log, err) {
					return
				}
			}
		}
	}
}

// splitStdin keeps the order of paths and sets each "-" apart.
func splitStdin(paths []string) [][]string {
	var groups [][]string
	for i, p := range paths {
		if p == "-" || i == 0 || paths[i-1] == "-" {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], p)
	}
	return groups
}

func one(l hunt.Log) iter.Seq2[hunt.Log, error] {
	return func(yield func(hunt.Log, error) bool) { yield(l, nil) }
}

func hostname() string {
	h, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return h
}

// scanDone tells what was covered and returns grep's exit code.
func (a *app) scanDone(ctx context.Context, f scanFlags, sum hunt.Summary, out *scanOutput) error {
	if err := out.summary(sum); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	incomplete, shown := len(sum.Incomplete) > 0, sum.Hits-out.below
	switch {
	case f.quiet && shown > 0:
		return nil
	case incomplete:
		return quietly(exitUsage)
	case shown == 0:
		return quietly(exitFailed)
	default:
		return nil
	}
}

// errNothing is the answer to a scan with nothing to look for: it must never
// read as "0 hits".
func (a *app) errNothing(ctx context.Context, src *source) error {
	msg := "there are no indicators to look for, so nothing was searched\n"
	if src.store != nil {
		if n, err := src.store.Count(ctx, a.now()); err == nil && n.Disarmed > 0 {
			return fmt.Errorf("%sof %s none is armed: iochunt indicators count says by which rules, and iochunt indicators arm VALUE --why ... arms one", msg, plural(n.Total, "indicator"))
		}
	}
	if len(a.cfg.Feeds) == 0 {
		return errors.New(msg + "collect some (OTX_API_KEY=... iochunt collect), import a list (iochunt indicators import FILE), or name one with -f or -e")
	}
	return fmt.Errorf("%srun: iochunt collect", msg)
}
