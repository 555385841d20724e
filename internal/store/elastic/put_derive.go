package elastic

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// ecsVersion is the version of the Elastic Common Schema that the documents are
// written by.
const ecsVersion = "8.17.0"

// longValue is how long a value may be that stands in fields that are searched;
// longer ones are found by their key alone.
const longValue = 8191

var ecsPart = json.RawMessage(`{"version":"` + ecsVersion + `"}`)

// derive makes what stands outside of ioc, for those who read the index by ECS:
// what a feed's claims of the observable add up to (store.Union). report returns
// a report by its id.
func (d *document) derive(now time.Time, report func(id string) *ioc.Report) error {
	o := d.observable()
	d.Timestamp = now
	d.ECS = ecsPart
	d.Event = appendTime([]byte(`{"kind":"enrichment","category":["threat"],"type":["indicator"],"ingested":`), now)
	d.Event = append(d.Event, '}')
	d.Type, d.Value = d.IOC.Type, ""
	if len(d.IOC.Value) <= longValue {
		d.Value = d.IOC.Value
	}
	u := ioc.Indicator{Observable: o}
	if len(d.IOC.Mentions) > 0 {
		ms := make([]ioc.Mention, len(d.IOC.Mentions))
		for k := range d.IOC.Mentions {
			c, err := d.IOC.Mentions[k].claim()
			if err != nil {
				return err
			}
			ms[k] = ioc.Mention{Report: *report(plain(d.IOC.Mentions[k].Report)), Claim: c}
		}
		u = store.Union(o, plain(d.IOC.Feed), ms, d.IOC.ArmedSeq)
	}
	d.Tags = nil
	for _, t := range u.Tags {
		d.Tags = append(d.Tags, safe(t))
	}
	d.Threat = appendThreat(nil, d.IOC.Feed, d.Value, &u)
	return nil
}

// appendThreat writes the ECS threat object of an indicator. value is "" where it
// is too long to stand there.
func appendThreat(b []byte, feed, value string, u *ioc.Indicator) []byte {
	b = append(b, `{"feed":{"name":`...)
	b = appendString(b, feed)
	b = append(b, `},"indicator":{"type":`...)
	b = appendString(b, u.ECSType())
	b = appendField(b, "name", value)
	b = appendField(b, "provider", safe(u.Provider))
	if u.Confidence > 0 {
		b = appendField(b, "confidence", confidence(u.Confidence))
	}
	b = appendDate(b, "first_seen", u.FirstSeen)
	b = appendDate(b, "last_seen", u.LastSeen)
	b = appendDate(b, "modified_at", u.ModifiedAt)
	if u.TLP != "" {
		b = append(b, `,"marking":{"tlp":`...)
		b = appendString(b, safe(strings.ToUpper(u.TLP)))
		b = append(b, '}')
	}
	if field, v := ecsField(u.Observable, value); v != "" {
		b = appendNested(b, strings.Split(field, "."), v)
	}
	return append(b, '}', '}')
}

// ecsField returns the field below threat.indicator that holds the value of an
// observable, and what it holds: of an address with a port, the address.
func ecsField(o ioc.Observable, value string) (field, v string) {
	field = o.Type.Row().Field
	if field != "ip" || value == "" {
		return field, zeroUnless(field != "", value)
	}
	if a := addressOf(o.Value); a.IsValid() {
		return field, a.String()
	}
	return field, ""
}

func zeroUnless(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

// addressOf returns the address of an address, or of an address and port; the
// zero Addr for anything else.
func addressOf(v string) netip.Addr {
	if ap, err := netip.ParseAddrPort(v); err == nil {
		return ap.Addr().WithZone("")
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return netip.Addr{}
	}
	return a.WithZone("")
}

// confidence is the word that ECS has for a confidence of 0 to 100, by the scale
// of STIX 2.1 (appendix A, None/Low/Med/High). 0 is that nothing is said.
func confidence(n uint8) string {
	switch {
	case n == 0:
		return "Not Specified"
	case n < 30:
		return "Low"
	case n < 70:
		return "Medium"
	}
	return "High"
}

func appendNested(b []byte, path []string, v string) []byte {
	b = append(b, ',')
	for i, name := range path {
		if i > 0 {
			b = append(b, '{')
		}
		b = appendString(b, name)
		b = append(b, ':')
	}
	b = appendString(b, v)
	for range len(path) - 1 {
		b = append(b, '}')
	}
	return b
}

// appendField writes a member behind others, unless it is empty.
func appendField(b []byte, name, v string) []byte {
	if v == "" {
		return b
	}
	b = append(b, ',')
	b = appendString(b, name)
	b = append(b, ':')
	return appendString(b, v)
}

func appendDate(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = append(b, ',')
	b = appendString(b, name)
	b = append(b, ':')
	return appendTime(b, t)
}

// appendTime writes a time that the cluster can store.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = cutTime(t).AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendString writes a string that is safe.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			raw, _ := json.Marshal(s) // strings never fail
			return append(b, raw...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
