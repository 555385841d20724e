package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/term"
)

// app is one run of the program: the outside, the flags that every verb has,
// and what they lead to.
type app struct {
	process
	configFile string
	json       bool
	verbose    bool
	noProgress bool
	colour     string

	cfg     *config.Config
	log     *zap.Logger
	scoring *enrich.Scoring
	es      *es.Client // once it was needed

	listsAsked  int  // warninglists that the rules of arming are made of
	quietArming bool // what a pass of judging changed is not told
	saidLives   bool // that the lifetimes of the configuration are not in force
}

const rootLong = `iochunt reads threat feeds, keeps their indicators, and hunts for them in logs.

  iochunt scan -f list.txt /var/log          look for a list, nothing set up
  iochunt scan -e evil.example access.log    look for one value
  OTX_API_KEY=... iochunt collect            read your OTX subscriptions
  iochunt scan /var/log                      look for all that was collected
  iochunt demo                               see all of it on sample data`

// newRoot returns the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "iochunt", Short: "Hunt threat indicators in logs", Long: rootLong,
		SilenceUsage: true, SilenceErrors: true, SuggestionsMinimumDistance: 2,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.setUp(cmd) },
	}
	root.Version = version
	f := root.PersistentFlags()
	f.StringVar(&a.configFile, "config", "", "config file (default: $IOCHUNT_CONFIG, then the user's, then /etc/iochunt/iochunt.yaml)")
	f.BoolVar(&a.json, "json", false, "one JSON object a line on standard output (docs/output.md)")
	f.BoolVar(&a.verbose, "verbose", false, "log what is done, on standard error")
	f.BoolVar(&a.noProgress, "no-progress", false, "no progress bar")
	f.StringVar(&a.colour, "color", "auto", "colours: auto, always, never")
	root.AddCommand(
		newCollect(a), newFeeds(a), newTAXII(a), newIndicators(a), newWarninglists(a), newScan(a), newHunt(a), newHits(a),
		newSetup(a), newDoctor(a), newConfig(a), newInit(a), newDemo(a), newVersion(a), newMan(a),
	)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	for _, c := range root.Commands() {
		c.Flags().SortFlags = false
	}
	return root
}

// setUp reads the configuration and makes the logger, before any verb runs.
func (a *app) setUp(cmd *cobra.Command) error {
	switch a.colour {
	case "auto", "always", "never":
	default:
		return usage("--color %q: it is auto, always or never", a.colour)
	}
	a.log = a.newLogger()
	if cmd.Annotations["config"] == "none" {
		return nil
	}
	cfg, err := config.Load(a.configFile, a.env)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	return a.use(cfg)
}

// use puts a configuration into force.
func (a *app) use(cfg *config.Config) error {
	a.cfg = cfg
	if err := a.checkScoring(); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	return nil
}

// newLogger logs to standard error, every entry (no sampling: a security log
// with holes is none), with all control characters made visible.
func (a *app) newLogger() *zap.Logger {
	level := zapcore.WarnLevel
	if a.verbose {
		level = zapcore.InfoLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.AddSync(escapingWriter{a.err}), level)
	return zap.New(core)
}

// escapingWriter makes control characters visible, but for line ends and tabs.
type escapingWriter struct{ w io.Writer }

func (e escapingWriter) Write(p []byte) (int, error) {
	body, end := p, ""
	if n := len(p); n > 0 && p[n-1] == '\n' {
		body, end = p[:n-1], "\n"
	}
	_, err := io.WriteString(e.w, term.EscapeString(string(body))+end)
	return len(p), err
}

// note tells a person something on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.err, term.EscapeString(fmt.Sprintf(format, args...)))
}

// terminal reports whether w is a terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f)
}

// line writes one JSON object of docs/output.md.
func (a *app) line(kind string, v any) error { return emit.WriteLine(a.out, kind, v) }
