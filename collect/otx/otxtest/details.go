package otxtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// slugs say which types a slug of /indicators stands for, and which sections
// it has. A slug is not a type's name: /indicators/FileHash-MD5 is 404.
var slugs = map[string]struct{ types, sections []string }{
	"IPv4":     {[]string{"IPv4"}, ipSections},
	"IPv6":     {[]string{"IPv6"}, ipSections},
	"domain":   {[]string{"domain", "hostname"}, nameSections},
	"hostname": {[]string{"hostname", "domain"}, nameSections},
	"file":     {[]string{"FileHash-MD5", "FileHash-SHA1", "FileHash-SHA256"}, []string{"general", "analysis"}},
	"url":      {[]string{"URL"}, []string{"general", "url_list"}},
	"cve":      {[]string{"CVE"}, []string{"general"}},
	"YARA":     {[]string{"YARA"}, []string{"general"}},
}

var (
	ipSections   = []string{"general", "reputation", "geo", "malware", "url_list", "passive_dns", "http_scans", "nids_list"}
	nameSections = []string{"general", "geo", "malware", "url_list", "passive_dns", "whois", "http_scans"}
)

// details answers /indicators/{slug}/{value}/{section}. What the service knows
// nothing of is an answer too, with a count of 0.
func (s *Server) details(slug, val, section string) answer {
	d, ok := slugs[slug]
	if !ok || !slices.Contains(d.sections, section) || val == "" {
		return detail(http.StatusNotFound, detailNoPath)
	}
	if strings.HasPrefix(slug, "IPv") && !isAddr(val, slug) {
		return problem(http.StatusBadRequest, `{"detail":"invalid address","indicator":["Enter a valid value."]}`)
	}
	if section != "general" {
		return answer{status: http.StatusOK, body: func(e *encoder, _ *tweaks) {
			e.raw("{")
			e.text("indicator", val)
			e.text("section", section)
			e.raw(`,"count":0,"data":[]}`)
		}}
	}
	ind, in := s.find(d.types, val)
	g := s.st.gen
	return answer{status: http.StatusOK, body: func(e *encoder, _ *tweaks) { e.general(g, val, slug, d.types[0], d.sections, ind, in) }}
}

// isAddr reports whether val is an address of the slug's family.
func isAddr(val, slug string) bool {
	a, err := netip.ParseAddr(val)
	return err == nil && a.Is4() == (slug == "IPv4")
}

// find looks a value up by making every indicator of the account: that takes
// a fraction of a second for a million, and no memory.
func (s *Server) find(types []string, val string) (found *Indicator, in []*entry) {
	g := s.st.gen
	for _, e := range s.st.list(func(e *entry) bool { return !e.private || s.st.subscribed(e) }) {
		for ind := range g.each(e, 0, -1, false) {
			if strings.EqualFold(ind.Value, val) && slices.Contains(types, ind.Type) {
				in = append(in, e)
				found = or(found, &ind)
				break
			}
		}
	}
	return found, in
}

func (e *encoder) general(g generator, val, slug, typ string, sections []string, ind *Indicator, in []*entry) {
	e.raw("{")
	e.text("indicator", val)
	e.text("type", typ)
	e.text("type_title", strings.TrimPrefix(typ, "FileHash-"))
	e.key("sections")
	e.texts(sections)
	e.text("whois", "http://whois.example/"+slug+"/")
	e.text("alexa", "")
	e.num("reputation", 0)
	e.key("base_indicator")
	e.base(ind)
	e.key("pulse_info")
	e.pulseInfo(g, in)
	e.raw(`,"false_positive":[],"validation":[`)
	if strings.HasSuffix(val, ".example") || strings.HasSuffix(val, "example.com") {
		e.raw(`{"source":"whitelist","message":"Whitelisted name reserved by RFC 2606","name":"Whitelisted"}`)
	}
	e.raw("]")
	if strings.HasPrefix(slug, "IPv") {
		e.raw(`,"asn":"AS64496 Example Networks","country_code":"ZZ","country_name":"Nowhere","city":null,"region":null,"latitude":0.0,"longitude":0.0`)
	}
	e.raw("}")
}

func (e *encoder) texts(items []string) {
	e.raw("[")
	for i, s := range items {
		if i > 0 {
			e.raw(",")
		}
		e.buf = appendText(e.buf, s)
	}
	e.raw("]")
}

// base writes the service's own record of an indicator: {} where it has none.
func (e *encoder) base(ind *Indicator) {
	e.raw("{")
	if ind != nil {
		e.indicatorID(ind.ID)
		e.text("indicator", ind.Value)
		e.text("type", ind.Type)
		e.text("title", ind.Title)
		e.text("description", ind.Description)
		e.text("content", ind.Content)
		e.raw(`,"access_type":"public","access_reason":""`)
	}
	e.raw("}")
}

// pulseInfo writes pulses in the third shape they have: the author is an
// object, the TLP is spelt TLP, and indicators are only counted.
func (e *encoder) pulseInfo(g generator, in []*entry) {
	e.raw("{")
	e.num("count", int64(len(in)))
	e.raw(`,"pulses":[`)
	for i, en := range in {
		if i > 0 {
			e.raw(",")
		}
		p := g.headOf(en)
		e.raw("{")
		e.text("id", p.ID)
		e.text("name", e.control(p.Name))
		e.text("description", p.Description)
		e.time("modified", p.Modified)
		e.time("created", p.Created)
		e.raw(`,"author":{`)
		e.text("username", p.Author)
		e.raw(`,"id":"1"}`)
		e.text("TLP", p.TLP)
		e.flag("public", !p.Private, false)
		e.text("adversary", p.Adversary)
		e.lists(p, view{detail: true})
		e.raw(`,"indicator_type_counts":{}}`)
	}
	e.raw(`],"references":[]}`)
}

// user answers /users/{name}; "me" is the owner of the key.
func (s *Server) user(name string) answer {
	mine := name == "me"
	if mine {
		name = s.account.User
	}
	subscriptions := len(s.st.list(s.st.subscribed))
	pulses := len(s.st.list(func(e *entry) bool { return e.author == name }))
	if !mine && pulses == 0 && !s.st.users[name] {
		return detail(http.StatusNotFound, detailNotFound)
	}
	return answer{status: http.StatusOK, body: func(e *encoder, _ *tweaks) {
		e.raw("{")
		e.text("username", name)
		e.num("user_id", 1+int64(len(name)))
		e.text("member_since", "1000 days ago")
		e.num("pulse_count", int64(pulses))
		e.num("indicator_count", 0)
		e.num("follower_count", 0)
		e.num("award_count", 0)
		e.num("subscriber_count", int64(subscriptions))
		e.raw("}")
	}}
}

// post answers the one POST that a reader may send: the check of an indicator
// before it is published.
func (s *Server) post(q query) answer {
	if !q.match("pulses", "indicators", "validate") {
		return detail(http.StatusNotFound, detailNoPath)
	}
	var in struct{ Indicator, Type, Description string }
	const limit = 1 << 20
	if err := json.NewDecoder(io.LimitReader(q.r.Body, limit)).Decode(&in); err != nil {
		return problem(http.StatusBadRequest, `{"detail":"JSON parse error"}`)
	}
	if makers[in.Type] == nil || in.Type == UnknownType {
		return problem(http.StatusBadRequest, `{"type":["\"invalid type\" is not a valid choice."]}`)
	}
	if in.Indicator == "" || strings.HasPrefix(in.Type, "IPv") && !isAddr(in.Indicator, in.Type) {
		return problem(http.StatusBadRequest, `{"indicator":["not a valid `+in.Type+`"]}`)
	}
	norm := strings.TrimSpace(in.Indicator)
	switch in.Type {
	case "domain", "hostname", "email", "IPv6":
		norm = strings.ToLower(norm)
	}
	return answer{status: http.StatusOK, body: func(e *encoder, _ *tweaks) {
		e.raw("{")
		e.text("indicator", norm)
		e.text("type", in.Type)
		e.text("description", in.Description)
		e.text("status", "success")
		e.time("created", time.Unix(0, 0))
		e.raw("}")
	}}
}
