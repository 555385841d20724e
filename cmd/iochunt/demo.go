package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/testdata"
)

type demoFlags struct {
	dir    string
	noLogs bool
}

const demoLong = `See the whole job on sample data: a fake OTX server is started on loopback, its
pulses are collected through the real client into a store of its own, and the
sample logs and this machine's own /var/log are scanned.

Nothing leaves the machine and your own store is not touched.`

func newDemo(a *app) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "See the whole job on sample data", Long: demoLong, Args: cobra.NoArgs,
		Annotations: map[string]string{"config": "none"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "keep store and logs in this folder (default: a temporary one, removed at the end)")
	cmd.Flags().BoolVar(&f.noLogs, "no-system-logs", false, "leave this machine's /var/log alone")
	return cmd
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	dir, clean, err := demoDir(f.dir)
	if err != nil {
		return err
	}
	defer clean()
	server := otxtest.New(otxtest.Demo())
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	arming := config.DefaultArming()
	arming.Deny = documentation
	cfg := &config.Config{
		Arming: arming,
		Store:  config.Store{Path: filepath.Join(dir, "store")},
		Feeds:  []config.Feed{{Name: "otx", Kind: "otx", Settings: map[string]any{"url": server.URL(), "api_key": server.Key, "lookback": "3650d"}}},
	}
	if err := a.use(cfg); err != nil {
		return err
	}
	logs := filepath.Join(dir, "logs")
	if err := unpackLogs(logs); err != nil {
		return err
	}
	return a.demoSteps(ctx, f, server.URL(), logs)
}

// documentation are the ranges of the sample's addresses. No network has them
// (RFC 5737, RFC 3849), so nothing of them is armed unless it is said.
var documentation = []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"}

// demoSteps are the commands that a person would give, shown as such.
func (a *app) demoSteps(ctx context.Context, f demoFlags, url, logs string) error {
	a.step("A fake OTX server runs on %s. Reading the account's pulses from it:", url)
	a.prompt("iochunt collect otx")
	if err := a.collect(ctx, collectFlags{}, nil); err != nil {
		return err
	}
	a.step("The indicators are in a store. Looking for all of them in sample logs:")
	a.prompt("iochunt scan " + logs)
	if err := a.demoScan(ctx, logs); err != nil {
		return err
	}
	if !f.noLogs {
		a.step("And in this machine's own logs (the sample indicators are of the documentation ranges: expect none):")
		a.prompt("iochunt scan /var/log")
		if err := a.demoScan(ctx, "/var/log"); err != nil {
			return err
		}
	}
	if a.json {
		return nil
	}
	p, kept := a.program(), "the demo's own store is removed again"
	if f.dir != "" {
		kept = "the demo's own store stays in " + escape(f.dir)
	}
	fmt.Fprintf(a.out, `
What to do next (%[2]s):
  %[1]s scan -f LIST /var/log        look for a list of your own, nothing to set up
  OTX_API_KEY=... %[1]s collect      read your own OTX subscriptions (the key: otx.alienvault.com, Settings)
  %[1]s scan /var/log                look for all that was collected
  %[1]s hits                         what was found so far
  %[1]s init                         write a configuration file: more feeds, lists in files
`, p, kept)
	return nil
}

// program is how this binary is called from here.
func (a *app) program() string {
	exe, err := os.Executable()
	if err != nil {
		return "iochunt"
	}
	if found, err := exec.LookPath("iochunt"); err == nil && found == exe {
		return "iochunt"
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, exe); err == nil && !strings.HasPrefix(rel, "..") {
			return "./" + rel
		}
	}
	return exe
}

// demoScan scans and goes on whatever grep's exit code would be.
func (a *app) demoScan(ctx context.Context, path string) error {
	f := scanFlags{format: "text", label: "(standard input)", workers: 2, details: true, noKeep: true}
	if a.json {
		f.format = "json"
	}
	err := a.scan(ctx, f, []string{path})
	var e *exitError
	if errors.As(err, &e) && e.err == nil {
		return nil
	}
	return err
}

func (a *app) step(format string, args ...any) {
	fmt.Fprintf(a.err, "\n"+format+"\n", args...)
}

func (a *app) prompt(command string) { fmt.Fprintf(a.err, "$ %s\n", command) }

// demoDir returns the folder of the demo and what removes it again.
func demoDir(dir string) (string, func(), error) {
	if dir != "" {
		return dir, func() {}, os.MkdirAll(dir, 0o700)
	}
	dir, err := os.MkdirTemp("", "iochunt-demo-")
	return dir, func() { os.RemoveAll(dir) }, err
}

// unpackLogs writes the sample logs, which the binary carries, into dir.
func unpackLogs(dir string) error {
	logs, err := fs.Sub(testdata.Logs, "logs")
	if err != nil {
		return err
	}
	return fs.WalkDir(logs, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, p)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		b, err := fs.ReadFile(logs, p)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
}
