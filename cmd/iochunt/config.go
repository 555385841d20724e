package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
			"elasticsearch": a.shownCluster(), "logs": asWritten(reflect.ValueOf(a.cfg.Logs)),
			"arming": asWritten(reflect.ValueOf(a.armingInForce())), "scoring": asWritten(reflect.ValueOf(a.scoring)), "sinks": asWritten(reflect.ValueOf(a.cfg.Sinks)),
		})
	}
	file := cmp.Or(a.cfg.File, "none (write one with: iochunt init)")
	fmt.Fprintf(a.out, "config file  %s\nstore        %s  (%s)\n", escape(file), escape(a.cfg.Store.Path), escape(a.cfg.StoreWas))
	a.showCluster()
	a.showLogs()
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

// shownCluster is the cluster as it may be shown. The file names secrets, and does
// not hold them; what the environment holds is masked.
func (a *app) shownCluster() map[string]any {
	m, _ := asWritten(reflect.ValueOf(a.cfg.Elasticsearch)).(map[string]any)
	for key, variable := range map[string]string{"password": "IOCHUNT_ES_PASSWORD", "api_key": "IOCHUNT_ES_API_KEY"} {
		if file, _ := m[key+"_file"].(string); file == "" && a.env(variable) != "" {
			m[key] = "*** ($" + variable + ")"
		}
	}
	return m
}

func (a *app) showCluster() {
	if !a.cfg.Elasticsearch.Enabled() {
		return
	}
	m := a.shownCluster()
	where := cmp.Or(strings.Join(a.cfg.Elasticsearch.Addresses, " "), "cloud_id="+a.cfg.Elasticsearch.CloudID)
	fmt.Fprintf(a.out, "cluster      %s", escape(where))
	delete(m, "addresses")
	delete(m, "cloud_id")
	fmt.Fprintln(a.out, settings(m))
}

func (a *app) showLogs() {
	for i := range a.cfg.Logs {
		l := &a.cfg.Logs[i]
		fmt.Fprintf(a.out, "logs         %s kind=%s %s", escape(l.Name), l.Kind, escape(strings.Join(slices.Concat(l.Indices, l.Paths), " ")))
		if l.Kind == config.LogIndices {
			fmt.Fprintf(a.out, " time_field=%s ingest_field=%s settle=%s text=%s", escape(l.TimeField), escape(l.IngestField), spelled(l.Settle), l.Text)
		}
		fmt.Fprintln(a.out)
		for _, f := range l.Fields {
			types := cmp.Or(strings.Join(f.Types, ", "), "not looked at")
			fmt.Fprintf(a.out, "  field      %s: %s\n", escape(f.Name), escape(types))
		}
	}
}

// settings are those that say something, sorted, as " key=value".
func settings(m map[string]any) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if v := fmt.Sprint(m[k]); v != "" {
			fmt.Fprintf(&b, " %s=%s", k, escape(v))
		}
	}
	return b.String()
}

// armingInForce is arming as the store is judged by it: one that many machines
// share does not know the addresses of this one.
func (a *app) armingInForce() config.Arming {
	c := a.cfg.Arming
	c.Machine = c.Machine && !a.cfg.Elasticsearch.Enabled()
	return c
}

// showArming shows what decides whether an indicator may raise hits, and when
// one is worth an alert.
func (a *app) showArming() {
	c := a.armingInForce()
	fmt.Fprintf(a.out, "arming       builtin=%t machine=%t false_positives=%d broadest_ipv4=/%d broadest_ipv6=/%d shortest_text=%d\n",
		c.Builtin, c.Machine, c.FalsePositives, c.BroadestIPv4, c.BroadestIPv6, c.ShortestText)
	for _, l := range []struct {
		name   string
		values []string
	}{{"allow", c.Allow}, {"allow_files", c.AllowFiles}, {"deny", c.Deny}, {"deny_files", c.DenyFiles}, {"own", c.Own}} {
		if len(l.values) > 0 {
			fmt.Fprintf(a.out, "  %-10s %s\n", l.name, escape(firstFew(l.values)))
		}
	}
	for _, l := range c.Lists {
		fmt.Fprintf(a.out, "  list       %s: %s\n", escape(l.List), l.Action)
	}
	if len(c.Lifetimes) > 0 {
		fmt.Fprintf(a.out, "  lifetimes  %s\n", escape(spelledAll(c.Lifetimes)))
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
		if f.Confidence > 0 {
			s.Settings["confidence"] = strconv.Itoa(f.Confidence)
		}
		if f.Reliability != "" {
			s.Settings["reliability"] = f.Reliability
		}
		if len(f.Lifetimes) > 0 {
			s.Settings["lifetimes"] = spelledAll(f.Lifetimes)
		}
		if f.Kind == "otx" && a.env("OTX_API_KEY") != "" && f.Settings["api_key_file"] == nil {
			s.Settings["api_key"] = "*** ($OTX_API_KEY)"
		}
		feeds = append(feeds, s)
	}
	return feeds
}

// asWritten is a part of the configuration for JSON: with the keys that the file
// has, and durations spelled as there.
func asWritten(v reflect.Value) any {
	if d, ok := v.Interface().(time.Duration); ok {
		return spelled(d)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return asWritten(v.Elem())
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			if key := v.Type().Field(i).Tag.Get("mapstructure"); key != "-" {
				m[key] = asWritten(v.Field(i))
			}
		}
		return m
	case reflect.Map:
		m := map[string]any{}
		for k, e := range v.Seq2() {
			m[k.String()] = asWritten(e)
		}
		return m
	case reflect.Slice:
		list := []any{}
		for _, e := range v.Seq2() {
			list = append(list, asWritten(e))
		}
		return list
	default:
		return v.Interface()
	}
}

// spelled is a duration as the config file may have it: "90d", "1h30m".
func spelled(d time.Duration) string {
	if day := 24 * time.Hour; d > 0 && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	if d == 0 {
		return s
	}
	if d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// spelledAll are durations by type, sorted: "{domain: 365d, ip: 90d}".
func spelledAll(byType map[string]time.Duration) string {
	var all []string
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		all = append(all, t+": "+spelled(byType[t]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}
