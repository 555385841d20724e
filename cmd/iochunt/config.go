package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/internal/config"
)

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the configuration"}
	cmd.AddCommand(&cobra.Command{
		Use: "show", Short: "Show what is in force and where it comes from", Args: cobra.NoArgs,
		Long: "Show what is in force and where it comes from. Secrets are shown as ***, never read out.",
		RunE: func(*cobra.Command, []string) error { return a.showConfig() },
	})
	return cmd
}

func (a *app) showConfig() error {
	if a.json {
		return a.line("config", map[string]any{
			"file": a.cfg.File, "store": a.cfg.Store.Path, "store_from": a.cfg.StoreWas, "feeds": a.shownFeeds(),
		})
	}
	file := a.cfg.File
	if file == "" {
		file = "none (write one with: iochunt init)"
	}
	fmt.Fprintf(a.out, "config file  %s\nstore        %s  (%s)\n", file, a.cfg.Store.Path, a.cfg.StoreWas)
	if len(a.cfg.Feeds) == 0 {
		fmt.Fprintln(a.out, "feeds        none (set OTX_API_KEY, or write some into the config file)")
	}
	for _, f := range a.shownFeeds() {
		fmt.Fprintf(a.out, "feed         %s\n", f)
	}
	return nil
}

// shownFeeds returns the feeds as lines of "key=value", secrets masked.
func (a *app) shownFeeds() []string {
	lines := make([]string, 0, len(a.cfg.Feeds))
	for _, f := range a.cfg.Feeds {
		line := fmt.Sprintf("%s kind=%s every=%s", f.Name, f.Kind, f.Every)
		keys := make([]string, 0, len(f.Settings))
		for k := range f.Settings {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			line += " " + k + "=" + config.Shown(k, f.Settings[k])
		}
		if f.Kind == "otx" && a.env("OTX_API_KEY") != "" && f.Settings["api_key_file"] == nil {
			line += " api_key=*** ($OTX_API_KEY)"
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}
