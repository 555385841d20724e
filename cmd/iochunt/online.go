package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/collect/otx"
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

// showOnline asks OTX what it says of o.
func (a *app) showOnline(ctx context.Context, o ioc.Observable) error {
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
	return a.tellOnline(j)
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
