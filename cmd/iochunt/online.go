package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/ioc"
)

// onlineJSON is the "online" object of docs/output.md.
type onlineJSON struct {
	ioc.Observable
	Service       string   `json:"service"`
	Known         bool     `json:"known"`
	Pulses        int      `json:"pulses"`
	Newest        []string `json:"newest_pulses,omitempty"`
	Validation    []string `json:"validation,omitempty"` // whitelists it stands on
	FalsePositive []string `json:"false_positive,omitempty"`
	Country       string   `json:"country,omitempty"`
	ASN           string   `json:"asn,omitempty"`
}

// inspector is the power of a feed to be asked about one value.
type inspector interface {
	General(ctx context.Context, otxType, value string) (otx.General, error)
}

// inspector returns the first OTX feed that is configured.
func (a *app) inspector() (inspector, error) {
	for _, f := range a.cfg.Feeds {
		if f.Kind != "otx" {
			continue
		}
		c, err := a.newCollector(f, nil)
		if err != nil {
			return nil, err
		}
		if i, ok := c.(inspector); ok {
			return i, nil
		}
	}
	return nil, usage("--online needs an OTX feed: set OTX_API_KEY, or configure one")
}

// showOnline asks OTX what it says of o, and keeps what that means for arming.
func (a *app) showOnline(ctx context.Context, s database, o ioc.Observable) error {
	i, err := a.inspector()
	if err != nil {
		return err
	}
	g, err := i.General(ctx, otxType(o), o.Value)
	if err != nil {
		return fmt.Errorf("otx: %w", err)
	}
	j := onlineJSON{
		Observable: o, Service: "otx", Known: g.Known, Pulses: g.Count,
		FalsePositive: g.FalsePositive, Country: g.Country, ASN: g.ASN,
	}
	for _, p := range g.Pulses {
		j.Newest = append(j.Newest, p.Name)
	}
	for _, v := range g.Validation {
		j.Validation = append(j.Validation, cmp.Or(v.Message, v.Name, v.Source))
	}
	if err := a.keepOpinion(ctx, s, o, g); err != nil {
		return err
	}
	return a.tellOnline(j)
}

// harmless are the sources of OTX's validation that mean "this is no threat",
// and not only "this is popular", as alexa and majestic do.
var harmless = []string{"whitelist", "false_positive"}

// keepOpinion keeps what OTX holds of an observable as its decision, and takes
// an earlier one back that it no longer holds.
func (a *app) keepOpinion(ctx context.Context, s database, o ioc.Observable, g otx.General) error {
	d := ioc.Decision{Observable: o, Source: "otx", At: a.now().UTC()}
	for _, v := range g.Validation {
		if slices.Contains(harmless, strings.ToLower(v.Source)) {
			d.Verdict, d.Why = ioc.Disarm, "OTX validation: "+cmp.Or(v.Message, v.Name, v.Source)
		}
	}
	if slices.Contains(g.FalsePositive, "accepted") {
		d.Verdict, d.Why = ioc.Disarm, "OTX accepted that it is a false positive"
	}
	facts, err := s.Facts(ctx, o)
	if err != nil {
		return err
	}
	held := slices.ContainsFunc(facts.Decisions, func(k ioc.Decision) bool { return k.Source == d.Source })
	if d.Verdict == "" && !held {
		return nil
	}
	rules, err := a.judgedRules(ctx, s)
	if err != nil {
		return err
	}
	return a.byRules(ctx, s, rules, func(rules *enrich.Rules) error { return s.Decide(ctx, []ioc.Decision{d}, rules.Judge) })
}

// otxType is OTX's name of the type. It tells a registered name (domain) from
// one below it (hostname); we do not.
func otxType(o ioc.Observable) string {
	if o.Type == ioc.Domain {
		if root, err := publicsuffix.EffectiveTLDPlusOne(o.Value); err == nil && root != o.Value {
			return "hostname"
		}
		return "domain"
	}
	if names := o.Type.Row().OTX; len(names) > 0 {
		return names[0]
	}
	return string(o.Type)
}

func (a *app) tellOnline(j onlineJSON) error {
	if a.json {
		return a.line("online", j)
	}
	fmt.Fprintf(a.out, "OTX on %s %s: %s\n", j.Type, escape(j.Value), plural(j.Pulses, "pulse"))
	for _, p := range j.Newest {
		field(a.out, "", "pulse", p)
	}
	field(a.out, "", "whitelisted", strings.Join(j.Validation, "; "))
	field(a.out, "", "reported", strings.Join(j.FalsePositive, "; "))
	field(a.out, "", "country", j.Country)
	field(a.out, "", "network", j.ASN)
	return nil
}
