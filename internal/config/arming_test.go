package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestArming(t *testing.T) {
	c, err := Load(write(t, "c.yaml", `
arming:
  machine: false
  allow: [good.example]
  lists: [{list: "Top * websites", action: lower}, {list: "*", action: "off"}]
  lifetimes: {ip: 30d}
feeds:
  - {name: a, kind: file, path: x, confidence: 80, reliability: B, lifetimes: {domain: 1d12h}}
sinks: [{kind: json, min_score: 40, min_severity: high}]
scoring: {floor: 0.2, half_life: {ip: 7d}}
`, 0o600), env("HOME", "/nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultArming()
	want.Machine, want.Allow = false, []string{"good.example"}
	want.Lists = []ListRule{{"Top * websites", "lower"}, {"*", "off"}}
	want.Lifetimes = map[string]time.Duration{"ip": 30 * 24 * time.Hour}
	if d := cmp.Diff(want, c.Arming); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	f := c.Feeds[0]
	if f.Confidence != 80 || f.Reliability != "B" || f.Lifetimes["domain"] != 36*time.Hour || len(f.Settings) != 1 {
		t.Errorf("%+v", f)
	}
	if d := cmp.Diff([]Sink{{"json", 40, "high"}}, c.Sinks); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var s struct {
		Floor    float64                  `mapstructure:"floor"`
		HalfLife map[string]time.Duration `mapstructure:"half_life"`
		Kept     int                      `mapstructure:"kept"`
	}
	s.Kept, s.HalfLife = 7, map[string]time.Duration{"url": time.Hour}
	if err := c.DecodeScoring(&s); err != nil || s.Floor != 0.2 || s.Kept != 7 || s.HalfLife["ip"] != 7*24*time.Hour || s.HalfLife["url"] != time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestActionOf(t *testing.T) {
	a := Arming{Lists: []ListRule{{"List of known CDN?", "lower"}, {"top *", "off"}, {"*", "disarm"}}}
	f := func(name, want string) {
		t.Helper()
		if got := a.ActionOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	f("List of known CDNs", "lower")
	f("Top 20 000 / websites", "off")
	f("anything", "disarm")
	a.Lists = a.Lists[:1]
	f("anything", "")
}

func TestArmingErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Load(write(t, "c.yaml", text, 0o600), env("HOME", "/nowhere"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("arming: {lists: [{list: x, action: shout}]}", `action "shout": it is one of disarm, lower, off`)
	f("arming: {lists: [{action: lower}]}", "no name")
	f("arming: {lists: [{list: '[', action: lower}]}", "no name")
	f("arming: {false_positives: -1}", "false_positives: -1 is not between")
	f("arming: {broadest_ipv4: 33}", "broadest_ipv4")
	f("arming: {lifetimes: {ip: soon}}", "soon")
	f("arming: {lifetimes: {ip: 90}}", "90 has no unit")
	f("feeds: [{name: a, kind: file, every: 5}]", "5 has no unit")
	f("arming: {alow: [x]}", "alow")
	f("feeds: [{name: a, kind: file, confidence: 101}]", "confidence: 101")
	f("sinks: [{kind: json, min: 3}]", "min")
	c, err := Load(write(t, "c.yaml", "scoring: {flor: 1}", 0o600), env("HOME", "/nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DecodeScoring(&struct{}{}); err == nil || !strings.Contains(err.Error(), "flor") {
		t.Errorf("%v", err)
	}
}
