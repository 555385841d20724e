package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
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
			"arming": a.cfg.Arming, "scoring": a.scoring, "sinks": a.cfg.Sinks,
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
	a.showArming()
	return nil
}

// showArming shows what decides whether an indicator may raise hits, and when
// one is worth an alert.
func (a *app) showArming() {
	c := &a.cfg.Arming
	fmt.Fprintf(a.out, "arming       builtin=%t machine=%t false_positives=%d broadest_ipv4=/%d broadest_ipv6=/%d shortest_text=%d\n",
		c.Builtin, c.Machine, c.FalsePositives, c.BroadestIPv4, c.BroadestIPv6, c.ShortestText)
	for name, values := range map[string][]string{"allow": slices.Concat(c.Allow, c.AllowFiles), "deny": slices.Concat(c.Deny, c.DenyFiles), "own": c.Own} {
		if len(values) > 0 {
			fmt.Fprintf(a.out, "  %-10s %s\n", name, escape(firstFew(values)))
		}
	}
	for _, l := range c.Lists {
		fmt.Fprintf(a.out, "  list       %s: %s\n", escape(l.List), l.Action)
	}
	if l := a.lifetimes(); anyLifetime(l) {
		fmt.Fprintf(a.out, "  lifetimes  %s\n", escape(enrich.EncodeLifetimes(l)))
	}
	fmt.Fprintf(a.out, "alerts       from score %d and severity %s on\n", a.scoring.MinScore, a.scoring.MinSeverity)
	for _, k := range a.cfg.Sinks {
		fmt.Fprintf(a.out, "sink         %s from score %d and severity %s on\n", escape(k.Kind), k.MinScore, cmp.Or(k.MinSeverity, ioc.Levels[0]))
	}
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
