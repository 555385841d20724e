package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/internal/httpx"
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

// otxClient makes the client of the first OTX feed that is configured.
func (a *app) otxClient() (*otx.Client, error) {
	for _, f := range a.cfg.Feeds {
		if f.Kind != "otx" {
			continue
		}
		s := struct {
			URL      string        `mapstructure:"url"`
			Key      string        `mapstructure:"api_key"`
			Lookback time.Duration `mapstructure:"lookback"`
			Limit    int           `mapstructure:"limit"`
			Timeout  time.Duration `mapstructure:"timeout"`
		}{URL: otx.PublicURL, Timeout: time.Minute}
		if err := f.Decode(&s, a.env); err != nil {
			return nil, err
		}
		h, err := a.httpClient()
		if err != nil {
			return nil, err
		}
		return otx.New(s.URL, otx.Key(s.Key), h, httpx.Policy{Attempts: 3, Timeout: s.Timeout})
	}
	return nil, usage("--online needs an OTX feed: set OTX_API_KEY, or configure one")
}

// showOnline asks OTX what it says of o.
func (a *app) showOnline(ctx context.Context, o ioc.Observable) error {
	c, err := a.otxClient()
	if err != nil {
		return err
	}
	g, err := c.General(ctx, otxType(o), o.Value)
	if errors.Is(err, otx.ErrAuth) {
		return fmt.Errorf("%w: %w", collect.ErrAuth, err)
	}
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
