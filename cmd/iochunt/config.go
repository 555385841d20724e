package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

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

// shownFeed is a feed as it may be shown: settings as texts, secrets masked.
type shownFeed struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Every    float64           `json:"every_s"`
	Settings map[string]string `json:"settings"`
	every    time.Duration
}

func (a *app) showConfig() error {
	feeds := a.shownFeeds()
	if a.json {
		return a.line("config", map[string]any{
			"file": a.cfg.File, "store": a.cfg.Store.Path, "store_from": a.cfg.StoreWas, "feeds": feeds,
		})
	}
	file := cmp.Or(a.cfg.File, "none (write one with: iochunt init)")
	fmt.Fprintf(a.out, "config file  %s\nstore        %s  (%s)\n", escape(file), escape(a.cfg.Store.Path), escape(a.cfg.StoreWas))
	if len(feeds) == 0 {
		fmt.Fprintln(a.out, "feeds        none (set OTX_API_KEY, or write some into the config file)")
	}
	for _, f := range feeds {
		fmt.Fprintf(a.out, "feed         %s kind=%s every=%s", f.Name, f.Kind, f.every)
		for _, k := range slices.Sorted(maps.Keys(f.Settings)) {
			fmt.Fprintf(a.out, " %s=%s", k, escape(f.Settings[k]))
		}
		fmt.Fprintln(a.out)
	}
	return nil
}

func (a *app) shownFeeds() []shownFeed {
	feeds := make([]shownFeed, 0, len(a.cfg.Feeds))
	for _, f := range a.cfg.Feeds {
		s := shownFeed{Name: f.Name, Kind: f.Kind, Every: f.Every.Seconds(), Settings: map[string]string{}, every: f.Every}
		for k, v := range f.Settings {
			s.Settings[k] = config.Shown(k, v)
		}
		if f.Kind == "otx" && a.env("OTX_API_KEY") != "" && f.Settings["api_key_file"] == nil {
			s.Settings["api_key"] = "*** ($OTX_API_KEY)"
		}
		feeds = append(feeds, s)
	}
	return feeds
}
