package otx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// slugs maps a type's name, in lower case, to its name in the path of
// details, which is another: /indicators/FileHash-MD5/... is a 404.
var slugs = map[string]string{
	"ipv4": "IPv4", "ipv6": "IPv6", "domain": "domain", "hostname": "hostname", "url": "url", "cve": "cve", "yara": "YARA",
	"filehash-md5": "file", "filehash-sha1": "file", "filehash-sha256": "file",
}

// Slug returns the path name of an OTX type of any case; false means that the
// service has no details for that type.
func Slug(otxType string) (string, bool) {
	s, ok := slugs[strings.ToLower(strings.TrimSpace(otxType))]
	return s, ok
}

// General is what OTX says of one indicator.
type General struct {
	Indicator, Type string
	Known           bool         // OTX has a record of its own
	Sections        []string     // further details there are
	Count           int          // pulses that name it
	Pulses          []Pulse      // the newest of them, without indicators
	References      []string     // of the pulses
	Validation      []Validation // not empty: it stands on a whitelist
	FalsePositive   []string     // what was said of it as a false positive
	Country, City   string       // of an address
	ASN             string
	Bad             []Bad // pulses that could not be read
}

// Whitelisted reports whether OTX holds the indicator for harmless.
func (g *General) Whitelisted() bool { return len(g.Validation) > 0 }

// Validation is a whitelist that an indicator stands on.
type Validation struct{ Source, Name, Message string }

// General reads the details of a value of the given OTX type. A value that OTX
// has never seen is no error: its Count is 0.
func (c *Client) General(ctx context.Context, otxType, value string) (g General, err error) {
	slug, ok := Slug(otxType)
	if !ok {
		var known []string
		for k := range slugs {
			known = append(known, k)
		}
		slices.Sort(known)
		return g, fmt.Errorf("OTX has no details for the type %q; it has them for: %s", clip(otxType, 64), strings.Join(known, ", "))
	}
	if strings.TrimSpace(value) == "" {
		return g, fmt.Errorf("there is no value to ask OTX for")
	}
	err = c.get(ctx, request{path: "/indicators/" + slug + "/" + segment(value) + "/general"}, func(_ http.Header, r io.Reader) error {
		g, err = readOne(r, readGeneral)
		return err
	})
	return g, err
}

func readGeneral(dec *json.Decoder) (g General, err error) {
	err = object(dec, func(key string) error {
		switch key {
		case "indicator":
			return decodeText(dec, &g.Indicator)
		case "type":
			return decodeText(dec, &g.Type)
		case "country_name":
			return decodeText(dec, &g.Country)
		case "city":
			return decodeText(dec, &g.City)
		case "asn":
			return decodeText(dec, &g.ASN)
		case "sections":
			var l list
			err := dec.Decode(&l)
			g.Sections = l.names()
			return err
		}
		return g.nested(dec, key)
	})
	return g, tolerate(err, Bad{})
}

func decodeText(dec *json.Decoder, into *string) error {
	var l loose
	err := dec.Decode(&l)
	*into = string(l)
	return err
}

func (g *General) nested(dec *json.Decoder, key string) error {
	switch key {
	case "pulse_info":
		return ofType(object(dec, func(key string) error { return g.pulseInfo(dec, key) }))
	case "base_indicator":
		g.Known = false
		return ofType(object(dec, func(string) error { g.Known = true; return skip(dec) }))
	case "validation":
		g.Validation = nil
		_, err := eachOf(dec, func() error { return g.validation(dec) })
		return err
	case "false_positive":
		g.FalsePositive = nil
		_, err := eachOf(dec, func() error { return g.falsePositive(dec) })
		return err
	}
	return skip(dec)
}

// ofType lets a value of the wrong type stand for an empty one.
func ofType(err error) error {
	var bad *Bad
	if errors.As(tolerate(err, Bad{}), &bad) {
		return nil
	}
	return err
}

func (g *General) pulseInfo(dec *json.Decoder, key string) error {
	switch key {
	case "count":
		var n number
		err := dec.Decode(&n)
		g.Count = int(max(n, 0))
		return err
	case "references":
		var l list
		err := dec.Decode(&l)
		g.References = l.names()
		return err
	case "pulses":
		var p Page[Pulse]
		_, err := p.elements(dec, pulseReader(0))
		g.Pulses, g.Bad = p.Results, p.Bad
		return err
	}
	return skip(dec)
}

func (g *General) validation(dec *json.Decoder) error {
	var v struct {
		Source  loose `json:"source"`
		Name    loose `json:"name"`
		Message loose `json:"message"`
	}
	if err := ofType(dec.Decode(&v)); err != nil {
		return err
	}
	g.Validation = append(g.Validation, Validation{Source: string(v.Source), Name: string(v.Name), Message: string(v.Message)})
	return nil
}

func (g *General) falsePositive(dec *json.Decoder) error {
	var v struct {
		Assessment loose `json:"assessment"`
	}
	if err := ofType(dec.Decode(&v)); err != nil {
		return err
	}
	g.FalsePositive = append(g.FalsePositive, firstOf(string(v.Assessment), "reported"))
	return nil
}
