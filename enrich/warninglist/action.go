package warninglist

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Version changes when the lists that are built in do, or the meaning of a
// list. A verdict that was derived under another version has to be derived anew.
const Version = 1

// Action says what a list does to an observable that it holds.
type Action uint8

// The actions.
const (
	Default Action = iota // disarm or lower, by the rules in the package's documentation
	Disarm                // disarm in all cases
	Lower                 // lower the score in all cases
	Off                   // the list is not asked
)

// shared holds the lists of misp-warninglists whose entries many strangers have
// a part of, by name. Anybody can rent a name below such an entry, or an
// address within it, so that these are no more harmless than others; the entry
// itself is.
var shared = map[string]bool{
	"List of known dynamic DNS domains":                                                        true,
	"List of known URL Shorteners domains":                                                     true,
	"List of known link in Bio domains":                                                        true,
	"List of disposable email domains":                                                         true,
	"List of known public IPFS gateways":                                                       true,
	"List of LOTS (Living Off Trusted Sites) Project Domains":                                  true,
	"Second level TLDs as known by Mozilla Foundation":                                         true,
	"TLDs as known by IANA":                                                                    true,
	"List of known Windows 10 connection endpoints":                                            true, // .blob.core.windows.net is everybody's storage
	"List of known Office 365 URLs":                                                            true, // as is sharepoint.com
	"List of known Amazon AWS IP address ranges":                                               true,
	"List of known GCP (Google Cloud Platform) IP address ranges":                              true,
	"List of known Microsoft Azure Datacenter IP Ranges":                                       true,
	"List of known Microsoft Azure China Datacenter IP Ranges":                                 true,
	"List of known Microsoft Azure Germany Datacenter IP Ranges":                               true,
	"List of known Microsoft Azure US Government Cloud Datacenter IP Ranges":                   true,
	"List of known Ovh Cluster IP":                                                             true,
	"Specialized list of vpn-ipv4 addresses belonging to common VPN providers and datacenters": true,
	"Specialized list of IPv6 addresses belonging to common VPN providers and datacenters":     true,
}

// lowers reports whether a match only lowers the score.
func (l *list) lowers(t ioc.Type, c *candidate) bool {
	switch {
	case l.action != Default:
		return l.action == Lower
	case c.match != ioc.MatchBelow && c.match != ioc.MatchWithin:
		return false
	case !c.whole && (l.shared || c.match == ioc.MatchBelow && openToAll(c.name)):
		return true
	case t == ioc.Email:
		return c.match == ioc.MatchBelow
	}
	return c.own
}

// openToAll reports whether anybody gets a name below a canonical one, which is
// so of public suffixes of both parts of the list (publicsuffix.org) and of the
// parents of its wildcards. A name of one label that the list does not have is
// somebody's own.
func openToAll(name string) bool {
	below := "x." + name
	suffix, managed := publicsuffix.PublicSuffix(below)
	return suffix == below || suffix == name && (managed || strings.Contains(name, "."))
}
