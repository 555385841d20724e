package warninglist

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// What follows is the documentation of the package once more, as code that is
// as slow and plain as it can be: every entry of every list is compared with
// the value. Find has to agree with it.

// naiveMatch is how an entry holds a value.
type naiveMatch struct {
	how    string
	size   int  // of the part that was met
	atHost bool // the entry is the host itself, not one above it
	more   bool // the value names more than a host
}

var strength = map[string]int{ioc.MatchExact: 3, ioc.MatchBelow: 2, ioc.MatchWithin: 2, ioc.MatchSubstring: 1, ioc.MatchRegex: 1}

func naiveFind(ls []ioc.Warninglist, act func(*ioc.Warninglist) Action, o ioc.Observable) []ioc.ListMatch {
	var found []ioc.ListMatch
	for i := range ls {
		l := &ls[i]
		action := act(l)
		if action == Off || !slices.Contains(naiveTypes(l.Attributes, o.Type), o.Type) {
			continue
		}
		var best naiveMatch
		entry := ""
		for _, e := range l.Entries {
			m := naiveEntry(l, e, o)
			if m.how != "" && (strength[m.how] > strength[best.how] || strength[m.how] == strength[best.how] && m.size > best.size) {
				best, entry = m, e
			}
		}
		if best.how != "" {
			found = append(found, ioc.ListMatch{Feed: l.Feed, List: l.Name, Entry: entry, Match: best.how, Lowers: naiveLowers(l, action, o, best, entry)})
		}
	}
	return found
}

func naiveLowers(l *ioc.Warninglist, action Action, o ioc.Observable, m naiveMatch, entry string) bool {
	if action == Disarm {
		return false
	}
	if action == Lower {
		return true
	}
	if m.how == ioc.MatchBelow && (o.Type == ioc.URL || o.Type == ioc.Email) && m.more {
		return true
	}
	if m.how == ioc.MatchBelow && !m.atHost && naiveOpen(entry) {
		return true
	}
	return shared[l.Name] && (m.how == ioc.MatchWithin || m.how == ioc.MatchBelow && !m.atHost)
}

// naiveOpen asks the list of suffixes about the name itself, and about one in
// the place of a star.
func naiveOpen(entry string) bool {
	name := strings.ToLower(strings.Trim(entry, "*."))
	if o, err := canon.Observable(ioc.Domain, name); err == nil {
		name = o.Value
	}
	own, icann := publicsuffix.PublicSuffix(name)
	star, _ := publicsuffix.PublicSuffix("any." + name)
	return own == name && (icann || strings.Count(name, ".") > 0) && star == name || star == "any."+name
}

// naiveTypes returns the types that a list is for; any is one of all types.
func naiveTypes(attributes []string, any ioc.Type) []ioc.Type {
	if len(attributes) == 0 {
		return append([]ioc.Type{any}, naiveKnown()...)
	}
	var ts []ioc.Type
	for _, a := range attributes {
		for _, p := range strings.Split(a, "|") {
			switch t, ok := ioc.FromMISP(p); {
			case !ok:
			case t == ioc.IP:
				ts = append(ts, ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort)
			case t == ioc.FileName:
				ts = append(ts, ioc.FileName, ioc.FilePath)
			default:
				ts = append(ts, t)
			}
		}
	}
	return ts
}

func naiveKnown() []ioc.Type {
	var ts []ioc.Type
	for _, r := range ioc.Types() {
		ts = append(ts, r.Type)
	}
	return ts
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func isAddressType(t ioc.Type) bool {
	return t == ioc.IP || t == ioc.IPv6 || t == ioc.CIDR || t == ioc.IPPort
}

func naiveEntry(l *ioc.Warninglist, e string, o ioc.Observable) naiveMatch {
	switch l.Kind {
	case "cidr":
		return naiveWithin(e, o)
	case "hostname":
		if _, ok := naivePrefix(e); ok && slices.ContainsFunc(naiveTypes(l.Attributes, o.Type), isAddressType) {
			return naiveWithin(e, o)
		}
		return naiveBelow(e, o)
	case "substring":
		if strings.Contains(asciiLower(o.Value), asciiLower(e)) {
			return naiveMatch{how: ioc.MatchSubstring, size: len(e)}
		}
	case "regex":
		expr, flags := e, ""
		if i := strings.LastIndex(e, "/"); strings.HasPrefix(e, "/") && i > 0 {
			expr, flags = e[1:i], strings.ReplaceAll(e[i+1:], "g", "")
		}
		if flags != "" {
			expr = "(?" + flags + ")" + expr
		}
		if regexp.MustCompile(expr).MatchString(o.Value) {
			return naiveMatch{how: ioc.MatchRegex, size: 1}
		}
	case "string":
		return naiveString(l, e, o)
	}
	return naiveMatch{}
}

// naiveString: the entry is the value, or it is a name with a leading dot, or
// an address, or the host that a URL names.
func naiveString(l *ioc.Warninglist, e string, o ioc.Observable) naiveMatch {
	if strings.HasPrefix(e, ".") || strings.HasPrefix(e, "*.") {
		if _, ok := naiveName(e); ok {
			return naiveBelow(e, o)
		}
	}
	if _, ok := naivePrefix(e); ok && isAddressType(o.Type) {
		return naiveWithin(e, o)
	}
	forms := []string{e}
	as := naiveTypes(l.Attributes, "")
	if len(l.Attributes) == 0 {
		as = []ioc.Type{""}
	}
	for _, t := range as {
		if c, err := canon.Observable(t, e); err == nil && slices.Contains(naiveTypes(l.Attributes, c.Type), c.Type) && !isAddressType(t) {
			forms = append(forms, c.Value)
		}
	}
	for _, f := range forms {
		if asciiLower(f) == asciiLower(o.Value) {
			return naiveMatch{how: ioc.MatchExact, size: len(o.Value)}
		}
		if host, more, ok := naiveHost(o); ok && o.Type == ioc.URL && !more && asciiLower(f) == asciiLower(host) {
			return naiveMatch{how: ioc.MatchBelow, size: len(host), atHost: true}
		}
	}
	return naiveMatch{}
}

func naivePrefix(e string) (netip.Prefix, bool) {
	if a, err := canon.Addr(e); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := canon.Prefix(e)
	return p, err == nil
}

func naiveWithin(e string, o ioc.Observable) naiveMatch {
	p, ok := naivePrefix(e)
	if !ok {
		return naiveMatch{}
	}
	var v netip.Prefix
	switch o.Type {
	case ioc.IP, ioc.IPv6, ioc.CIDR:
		v, ok = naivePrefix(o.Value)
	case ioc.IPPort:
		a, err := canon.AddrPort(o.Value)
		v, ok = netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), err == nil
	default:
		return naiveMatch{}
	}
	switch {
	case !ok || !p.Contains(v.Addr()) || p.Bits() > v.Bits():
		return naiveMatch{}
	case p == v && o.Type != ioc.IPPort:
		return naiveMatch{how: ioc.MatchExact, size: p.Bits()}
	}
	return naiveMatch{how: ioc.MatchWithin, size: p.Bits()}
}

// naiveName reads a host name, which may be a single label.
func naiveName(e string) (string, bool) {
	e = strings.TrimPrefix(strings.TrimPrefix(e, "*."), ".")
	if n, err := canon.Domain(e); err == nil {
		return n, true
	}
	n, err := canon.Domain("x." + e)
	return strings.TrimPrefix(n, "x."), err == nil && !strings.Contains(e, ".")
}

// naiveHost returns the host of a value that has one.
func naiveHost(o ioc.Observable) (host string, more, ok bool) {
	switch o.Type {
	case ioc.Domain:
		return o.Value, false, true
	case ioc.Email:
		return o.Value[strings.LastIndex(o.Value, "@")+1:], true, true
	case ioc.URL:
		v := o.Value
		if i := strings.IndexAny(v, ":/?"); i < 0 || !strings.HasPrefix(v[i:], "://") {
			v = "x://" + v
		}
		u, err := url.Parse(v)
		if err != nil {
			return "", false, false
		}
		return u.Hostname(), u.Path != "/" && u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Port() != "", true
	}
	return "", false, false
}

func naiveBelow(e string, o ioc.Observable) naiveMatch {
	name, ok := naiveName(e)
	if !ok {
		return naiveMatch{}
	}
	host, more, ok := naiveHost(o)
	if !ok || len(host) > 253 || host != name && !strings.HasSuffix(host, "."+name) {
		return naiveMatch{}
	}
	if o.Type == ioc.Domain && host == name {
		return naiveMatch{how: ioc.MatchExact, size: len(name)}
	}
	return naiveMatch{how: ioc.MatchBelow, size: len(name), atHost: host == name, more: more}
}
