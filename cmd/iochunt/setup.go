package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/mappings"
)

type setupFlags struct {
	dryRun bool
	roles  bool
	logs   []string
}

const setupLong = `Make the indices in the cluster that hold indicators, hits and state, or bring
them up to date.

Each is an index <name>-v1 under the alias <name>: ioc_index, ioc_hits, ioc_state,
with the prefix of the configuration before them. What is up to date is left alone,
so the verb may be run at any time, by several at once. New fields are added to an
index. Where a field has changed in a way that an index cannot follow, the documents
are copied to <name>-v2 and the alias moves there; the old index is closed for
writing and kept. Nothing is ever deleted: iochunt hits prune deletes old hits.

--dry-run prints every request that would be sent, with its body, in the form of
Kibana's console (with --json as objects), and changes nothing.

--print-roles prints roles with the least that each task needs, as requests; an
administrator sends them, and gives the roles to users or API keys:
  iochunt_setup    for this verb
  iochunt_collect  for iochunt collect, and all that changes indicators
  iochunt_hunt     for iochunt hunt: reads the logs named with --logs
  iochunt_read     for people who look at indicators and hits

EXIT STATUS
  0  all is as it should be   1  it failed   2  the configuration is wrong
  4  the cluster refuses the credentials, or they may not do it`

func newSetup(a *app) *cobra.Command {
	var f setupFlags
	cmd := &cobra.Command{
		Use: "setup", Short: "Make the indices in Elasticsearch or OpenSearch", Long: setupLong, Args: cobra.NoArgs,
		Example: "  iochunt setup --dry-run\n  iochunt setup\n  iochunt setup --print-roles --logs 'logs-*,filebeat-*'",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.setup(cmd.Context(), f) },
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the requests and change nothing")
	cmd.Flags().BoolVar(&f.roles, "print-roles", false, "print roles with least privilege as requests; nothing is sent")
	cmd.Flags().StringSliceVar(&f.logs, "logs", nil, "with --print-roles: patterns of log indices to be hunted in (default: those of the configuration)")
	return cmd
}

func (a *app) setup(ctx context.Context, f setupFlags) error {
	if f.roles {
		return a.printRoles(f.logs)
	}
	if len(f.logs) > 0 {
		return usage("--logs goes with --print-roles; where to hunt is said in the section logs of the configuration")
	}
	if !a.cfg.Elasticsearch.Enabled() {
		return &exitError{code: exitUsage, err: errNoCluster}
	}
	c, err := a.cluster()
	if err != nil {
		return err
	}
	var failed error // of writing
	done, err := elastic.Ensure(ctx, c, a.cfg.Elasticsearch.Prefix, func(s elastic.Step) bool {
		if failed == nil {
			failed = a.tellStep(s, f.dryRun)
		}
		return !f.dryRun && failed == nil
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return clusterError(err)
	}
	return a.tellSetup(done, f.dryRun)
}

// requestJSON is the "request" object of docs/output.md.
type requestJSON struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body,omitempty"`
	Why    string          `json:"why"`
	Sent   bool            `json:"sent"`
}

// tellStep says what is sent now, or would be.
func (a *app) tellStep(s elastic.Step, dry bool) error {
	if a.json {
		return a.line("request", requestJSON{s.Method, s.Path, s.Body, s.Why, !dry})
	}
	if dry {
		return a.console(s)
	}
	_, err := fmt.Fprintf(a.out, "%s %s  %s\n", s.Method, escape(s.Path), escape(s.Why))
	return err
}

// console writes a request as Kibana's console takes it.
func (a *app) console(s elastic.Step) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n%s %s\n", escape(s.Why), s.Method, escape(s.Path))
	if len(s.Body) > 0 {
		if err := json.Indent(&b, s.Body, "", "  "); err != nil {
			return err
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	_, err := a.out.Write(b.Bytes())
	return err
}

// setupJSON is the "setup" object of docs/output.md.
type setupJSON struct {
	Requests int           `json:"requests"`
	Sent     bool          `json:"sent"`
	StandIns []standInJSON `json:"stand_ins,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
}

// standInJSON is a field whose type the cluster does not know.
type standInJSON struct {
	Field  string `json:"field"`
	Wanted string `json:"wanted"`
	Got    string `json:"got"`
}

func (a *app) tellSetup(e elastic.Ensured, dry bool) error {
	if a.json {
		out := setupJSON{Requests: len(e.Steps), Sent: !dry && len(e.Steps) > 0, Notes: e.Notes}
		for _, s := range e.StandIns {
			out.StandIns = append(out.StandIns, standInJSON(s))
		}
		return a.line("setup", out)
	}
	for _, said := range sayStandIns(e.StandIns) {
		a.note("iochunt: %s", said)
	}
	for _, n := range e.Notes {
		a.note("iochunt: %s", n)
	}
	switch {
	case len(e.Steps) == 0:
		fmt.Fprintln(a.out, "nothing to do: all indices are up to date")
	case dry:
		a.note("iochunt: %s; nothing was sent", plural(len(e.Steps), "request"))
	default:
		fmt.Fprintf(a.out, "done: %s\n", plural(len(e.Steps), "request"))
	}
	return nil
}

// sayStandIns says in a line per type what the fields became whose type the
// cluster does not know.
func sayStandIns(all []mappings.StandIn) []string {
	fields := map[string][]string{}
	var order []string
	for _, s := range all {
		index, field, _ := strings.Cut(s.Field, ": ")
		k := fmt.Sprintf("%s: %s for want of %s, which the cluster does not know", index, s.Got, s.Wanted)
		if fields[k] == nil {
			order = append(order, k)
		}
		fields[k] = append(fields[k], field)
	}
	slices.Sort(order)
	for i, k := range order {
		order[i] = k + ": " + strings.Join(fields[k], ", ")
	}
	return order
}
