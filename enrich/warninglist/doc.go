// Package warninglist knows what is harmless. Feeds are full of values that
// are no threat: the resolver that the malware asked, the search engine whose
// page a report cites, the hash of an empty file. A hit on one of them is
// noise, and noise is why people stop reading hits. Warninglists name such
// values. Their home is github.com/MISP/misp-warninglists (package misplist
// reads that form); this package brings a few lists of its own (Builtin), and
// tells for an observable which lists hold it, and by which entry (Compile,
// Matcher.Find). What comes of that is for package enrich to say.
//
// # A list
//
// A list has a type, which says how its entries are compared, and
// matching_attributes, MISP's names for the types of values that it is for.
// They are mapped to ours by the table in internal/ioc. A name made of two,
// such as domain|ip, stands for both parts. A part that means an address covers
// ip, ipv6, cidr and ip_port, since MISP writes all of them under it; filename
// covers file_name and file_path. A list without attributes is for all types,
// and one whose attributes are all unknown to us (AS, phone-number) holds
// nothing, which Compile says.
//
// # How entries compare
//
// MISP compares bytes. We compare canonical forms (internal/canon), of which
// an observable always is one, and letters A to Z in either case. By type:
//
//   - string: the entry is the value. In MISP that is all. Here an entry that is
//     an address or network is read as a cidr list would read it; an entry with
//     a leading dot (".google.ad", or "*.google.ad") is read as a hostname
//     list would; and where the list is for URLs, an entry that names a host
//     also holds the URL of that host and nothing more ("http://google.com/"),
//     as the URL's path says nothing of its own.
//   - hostname: the entry is a host name, with or without a leading dot. It
//     holds that name (MatchExact), all names below it (MatchBelow), and the
//     URLs and e-mail addresses at such a host (MatchBelow) if the list is for
//     these types. As in MISP. A single label, "local", is a name too.
//   - cidr: the entry is a network or an address. It holds itself (MatchExact)
//     and the addresses and networks that lie wholly within it, as well as an
//     address with a port (MatchWithin). A network that is wider than the entry
//     is not held, for most of it is not on the list.
//   - substring: the entry is a part of the value. An entry under three bytes
//     is refused: it would hold nearly everything.
//   - regex: the value matches. MISP writes PCRE with delimiters and flags
//     ("/^foo$/i"), which may take exponential time; we use RE2 (package
//     regexp), which takes time in proportion to the length of the value. What
//     RE2 cannot do (look-around, back references, possessive quantifiers, the
//     flag x) is refused. So are expressions of over 1 KiB or of over 2,000
//     instructions, and those that match everything.
//
// A list gives one match, by its strongest entry: exact, then within or below,
// then substring and regex; among equals the most specific one, which is the
// longest prefix, name or text; among those the first.
//
// # Disarm or lower
//
// Being on a list usually means that an observable should raise no hits: the
// match disarms. In some cases that would throw away what matters, and the
// match only lowers the score (ListMatch.Lowers):
//
//   - A URL with a path, a query or a port of its own, on a listed host. That
//     drive.example is harmless does not make https://drive.example/evil.exe so.
//   - An e-mail address at a listed host.
//   - What is below or within an entry of a list whose entries are shared by
//     strangers: dynamic DNS, URL shorteners, free hosting, clouds that rent out
//     addresses. duckdns.org is nobody's, evil.duckdns.org is somebody's. The
//     table in action.go has the names of those lists of misp-warninglists that
//     are so. Below a public suffix it is so whatever the list: a list of Google
//     that has "blogspot.com" does not vouch for every blog.
//
// Options.Action overrules that for any list: Disarm disarms and Lower lowers
// in all cases, Off leaves the list out. In the configuration that is
// arming.lists, which is where to say of a list of your own that its entries
// are shared.
//
// # Cost
//
// Lists and values are hostile, so no work is more than linear in the length
// of a value, whatever the lists are. Names and texts are looked up in one hash
// table, with a secret seed; addresses in a sorted forest of networks; all
// substrings, and the literals without which a regex cannot match, are found
// in one pass by an Aho-Corasick automaton. Find allocates nothing when
// nothing is found.
package warninglist
