package enrich

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Breadth says from where on an observable is too broad to be hunted. A field
// that is 0 has the default; one that is 1 sets no bound, as the whole address
// space and the empty text are too broad in any case.
type Breadth struct {
	IPv4 int // the shortest prefix of an IPv4 network, in bits
	IPv6 int // the shortest prefix of an IPv6 network
	Text int // the shortest text, in characters
}

// The defaults: a /8 is what a registry was once given for a continent, an IPv6
// /24 is more than most providers have, and three letters stand in any line.
const (
	BroadestIPv4 = 9
	BroadestIPv6 = 25
	ShortestText = 4
)

// Broad says why a canonical observable would hit on nearly everything, or ""
// that it would not: public suffixes of both parts of the list
// (publicsuffix.org), networks with a prefix shorter than the bound, the
// addresses that mean "any", texts shorter than the bound, and paths that every
// web server has. What is too broad is not wrong: it may be kept and shown, but
// nobody reads the hits.
func Broad(o ioc.Observable, b Breadth) string {
	switch o.Type {
	case ioc.Domain:
		return broadName(o.Value)
	case ioc.CIDR:
		return b.network(o.Value)
	case ioc.IP, ioc.IPv6:
		return anyAddress(o.Value)
	case ioc.IPPort:
		if i := strings.LastIndexByte(o.Value, ':'); i >= 0 {
			return anyAddress(o.Value[:i])
		}
	case ioc.URLPath:
		if why := commonPath(o.Value); why != "" {
			return why
		}
		return b.text(o.Value)
	}
	switch o.Type.Form() {
	case ioc.Phrase, ioc.Exact, ioc.Word:
		return b.text(o.Value)
	}
	return ""
}

// broadName looks for names below which anybody gets one: a hit would tell that
// somebody under "github.io" was visited.
func broadName(name string) string {
	if strings.IndexByte(name, '.') < 0 {
		return "top-level domain: every name below it would hit"
	}
	suffix, icann := publicsuffix.PublicSuffix(name)
	if wildcardBelow(name) || suffix == name && (!wildcardBelow(parent(name)) || icann && usualSecond(name)) {
		return "public suffix: every name below it would hit"
	}
	return ""
}

// wildcardBelow reports whether all names below this one are suffixes, as
// "*.compute.example" on the list makes them. What stands in the place of the
// star is one customer's, whoever has names below it: a tunnel, a machine, and
// under "*.ck" a name that somebody has registered.
func wildcardBelow(name string) bool {
	below := "no--such--name." + name
	suffix, _ := publicsuffix.PublicSuffix(below)
	return suffix == below
}

func parent(name string) string { return name[strings.IndexByte(name, '.')+1:] }

// usualSecond tells, of the siblings under a wildcard, those that a registry
// opens for all: "com.bd", "co.ck". They are of two or three letters but for
// few.
func usualSecond(name string) bool {
	label := name[:strings.IndexByte(name, '.')]
	return len(label) <= 3 || label == "info" || label == "name"
}

func (b Breadth) network(value string) string {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return ""
	}
	bound, family := orDefault(b.IPv4, BroadestIPv4), "IPv4"
	if p.Addr().Is6() {
		bound, family = orDefault(b.IPv6, BroadestIPv6), "IPv6"
	}
	if p.Bits() >= bound {
		return ""
	}
	if p.Bits() == 0 {
		return "the whole of " + family
	}
	return family + " network of " + strconv.Itoa(p.Bits()) + " bits: wider than the widest that is hunted, /" + strconv.Itoa(bound)
}

// anyAddress serves the addresses that stand for all of a machine's: each
// listening socket and each route has one.
func anyAddress(s string) string {
	switch s {
	case "0.0.0.0", "::", "[::]":
		return `the address that means "any"`
	}
	return ""
}

func (b Breadth) text(s string) string {
	least := orDefault(b.Text, ShortestText)
	if len(s) >= least*utf8.UTFMax || utf8.RuneCountInString(s) >= least {
		return ""
	}
	return "a text of fewer than " + strconv.Itoa(least) + " characters"
}

// commonPath serves the paths that are asked of every web server.
func commonPath(path string) string {
	switch strings.Trim(path, "/.?*&#") {
	case "", "index.html", "index.htm", "index.php", "favicon.ico", "robots.txt", "sitemap.xml":
		return "a path that every web server has"
	}
	return ""
}

func orDefault(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}
