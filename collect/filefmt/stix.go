package filefmt

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// NeedsSTIX is the reason for refusing a pattern that says more than "one of
// these values": to hunt half of it would be to hunt something else.
const NeedsSTIX = "STIX pattern needs the STIX reader"

// readSTIX reads the indicators of a STIX 2 bundle whose patterns are plain:
// comparisons of a value with "=", joined by OR. All others are refused.
func readSTIX(r io.Reader, _ Options, emit Emit) error {
	s := &stix{document: newDocument(r), emit: emit}
	err := s.top()
	if err == nil && s.some {
		err = s.emit(&Item{About: &s.about})
	}
	return s.end(err)
}

type stix struct {
	*document
	emit  Emit
	about ioc.Report
	some  bool
}

func (s *stix) top() error {
	b, err := s.open()
	if err != nil {
		return err
	}
	if b != '{' {
		return errors.New("not a STIX bundle: the document is no object")
	}
	objects := false
	err = s.object(func(key string) error {
		if key != "objects" {
			return s.skip()
		}
		objects = true
		return s.each(s.one)
	})
	if err == nil && !objects {
		err = errors.New("not a STIX bundle: it has no objects")
	}
	return err
}

// stixObject holds the properties, of all the types of object that we use.
type stixObject struct {
	Type        str    `json:"type"`
	ID          str    `json:"id"`
	Name        str    `json:"name"`
	Description str    `json:"description"`
	Pattern     str    `json:"pattern"`
	PatternType str    `json:"pattern_type"`
	Revoked     flag   `json:"revoked"`
	Labels      strs   `json:"labels"`
	ValidFrom   moment `json:"valid_from"`
	ValidUntil  moment `json:"valid_until"`
	Created     moment `json:"created"`
	Modified    moment `json:"modified"`
	Confidence  percent
	External    []struct {
		Source str `json:"source_name"`
		ID     str `json:"external_id"`
		URL    str `json:"url"`
	} `json:"external_references"`
}

func (s *stix) one(raw json.RawMessage) error {
	var o stixObject
	if err := json.Unmarshal(raw, &o); err != nil {
		return s.emit(malformed(raw, 0, err))
	}
	switch o.Type {
	case "indicator":
		return s.indicator(&o)
	case "report":
		s.report(&o)
	case "malware", "tool":
		s.some = true
		s.about.Families = append(s.about.Families, string(o.Name))
	case "threat-actor", "intrusion-set":
		s.some = true
		s.about.Adversary = join(s.about.Adversary, string(o.Name))
	case "attack-pattern":
		s.technique(&o)
	}
	return nil
}

// report takes over what the first report object says.
func (s *stix) report(o *stixObject) {
	if s.about.Name != "" {
		return
	}
	s.some = true
	s.about.Name, s.about.Description, s.about.Tags = string(o.Name), string(o.Description), o.Labels
	s.about.Created, s.about.Modified = o.Created.Time, o.Modified.Time
	for _, e := range o.External {
		if e.URL != "" {
			s.about.References = append(s.about.References, string(e.URL))
		}
	}
}

func (s *stix) technique(o *stixObject) {
	for _, e := range o.External {
		if e.Source == "mitre-attack" && e.ID != "" {
			s.some = true
			s.about.Techniques = append(s.about.Techniques, string(e.ID))
		}
	}
}

func (s *stix) indicator(o *stixObject) error {
	if o.Revoked {
		return nil
	}
	place := Clip(string(o.ID), 80)
	values, ok := plainPattern(string(o.Pattern))
	if !ok || o.PatternType != "" && o.PatternType != "stix" {
		i := refuse(string(o.Pattern), NeedsSTIX, 0)
		i.Place = place
		return s.emit(i)
	}
	for _, v := range values {
		i := Item{Place: place}
		i.Observable, i.Confidence = v, uint8(o.Confidence)
		i.Title, i.Created, i.Expires = firstNonEmpty(string(o.Description), string(o.Name)), o.ValidFrom.Time, o.ValidUntil.Time
		if err := s.emit(&i); err != nil {
			return err
		}
	}
	return nil
}

// stixPaths is the type table by object path, without quotes and signs. An
// address may be of a network, so its type is told from the value.
var stixPaths = func() map[string]ioc.Type {
	m := map[string]ioc.Type{"domain-name:value": ioc.Domain}
	for _, r := range ioc.Types() {
		p := stixPath(r.STIX2)
		if _, dup := m[p]; !dup && p != "" {
			m[p] = r.Type
		}
	}
	m["ipv4-addr:value"], m["ipv6-addr:value"], m["network-traffic:dst_ref.value"] = "", "", ""
	return m
}()

func stixPath(p string) string {
	p = strings.NewReplacer("'", "", `"`, "", "SHA-1", "SHA1", "SHA-256", "SHA256", "SHA-512", "SHA512").Replace(p)
	return strings.ToLower(p)
}

// plainPattern reads a pattern of the form [path = 'value' OR …] OR […].
func plainPattern(p string) (out []ioc.Observable, ok bool) {
	inside := false
	for {
		p = strings.TrimSpace(p)
		if !inside {
			if p, ok = strings.CutPrefix(p, "["); !ok {
				return nil, false
			}
			inside = true
			continue
		}
		var o ioc.Observable
		if o, p, ok = comparison(p); !ok {
			return nil, false
		}
		out = append(out, o)
		if rest, closed := strings.CutPrefix(p, "]"); closed {
			inside, p = false, strings.TrimSpace(rest)
		}
		if p == "" && !inside {
			return out, true
		}
		if p, ok = cutOr(p); !ok {
			return nil, false
		}
	}
}

func cutOr(p string) (string, bool) {
	if len(p) < 3 || !strings.EqualFold(p[:2], "OR") || strings.IndexByte(" \t\r\n[", p[2]) < 0 {
		return "", false
	}
	return p[2:], true
}

// comparison reads path = 'value' and returns what follows.
func comparison(p string) (o ioc.Observable, rest string, ok bool) {
	eq := strings.IndexByte(p, '=')
	if eq < 0 {
		return o, "", false
	}
	t, known := stixPaths[stixPath(strings.TrimSpace(p[:eq]))]
	p, quoted := strings.CutPrefix(strings.TrimSpace(p[eq+1:]), "'")
	if !known || !quoted {
		return o, "", false
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			b.WriteByte(p[i])
		case p[i] == '\'':
			return ioc.Observable{Type: t, Value: b.String()}, strings.TrimSpace(p[i+1:]), b.Len() > 0
		default:
			b.WriteByte(p[i])
		}
	}
	return o, "", false
}
