// Package ioc is the vocabulary of the program: what is hunted (Observable),
// who says so (Indicator, the union of a feed's Members), where it was found
// (Hit) and what that adds up to (Sighting). It holds values and rules about
// values; it does no input or output and imports the standard library alone.
//
// An observable is a typed value that can be seen. An indicator is one feed's
// claim about an observable. A report is what the claim was published in: an
// OTX pulse, a STIX package, a MISP event, a list. The three are kept apart
// because one address may stand in forty reports of three feeds, and a hit on
// it has to show all of them.
package ioc

import "strings"

// Type says what kind of value an Observable holds. Its text is the name used
// in our files, our output and our queries; where Cisco's CTIM has the type,
// it is CTIM's name. A type that no row of the table knows is legal: it is
// stored under its own name and is not huntable.
type Type string

// The types. Each has one row in the table below, which is the only place
// that knows what the other vocabularies call it.
const (
	IP           Type = "ip" // IPv4
	IPv6         Type = "ipv6"
	CIDR         Type = "cidr"    // of either address family
	IPPort       Type = "ip_port" // "192.0.2.1:80" or "[2001:db8::1]:80"
	Domain       Type = "domain"  // OTX's domain and hostname alike
	URL          Type = "url"
	URLPath      Type = "url_path" // OTX's URI when it has no host
	Email        Type = "email"
	EmailSubject Type = "email_subject"
	MD5          Type = "md5"
	SHA1         Type = "sha1"
	SHA256       Type = "sha256"
	SHA512       Type = "sha512"
	ImpHash      Type = "imphash"
	PEHash       Type = "pehash"
	SSDeep       Type = "ssdeep"
	JA3          Type = "ja3"
	JARM         Type = "jarm"
	CertHash     Type = "certificate_fingerprint"
	CVE          Type = "cve"
	FileName     Type = "file_name"
	FilePath     Type = "file_path"
	Mutex        Type = "mutex"
	UserAgent    Type = "user_agent"
	RegistryKey  Type = "registry_key"
	MAC          Type = "mac_address"
	Bitcoin      Type = "bitcoin_address"
	Text         Type = "text" // free text, as typed by a person
	YARA         Type = "yara"
	OSQuery      Type = "osquery"
	NIDS         Type = "nids"
)

// Form is the shape that a type's values have in a log, which decides how the
// matcher looks for them.
type Form uint8

// The forms.
const (
	NotHuntable Form = iota // no value of it can stand in a log line
	Address                 // one address, or one address and port
	Network                 // a range of addresses
	Name                    // a host name with its children
	Locator                 // a URL, or the path of one
	Mailbox                 // an e-mail address
	Digest                  // a fixed number of hex digits
	Word                    // one whole token, any case (CVE, MAC)
	Phrase                  // free text, bounded where it begins or ends with a letter or digit; any case
	Exact                   // free text whose case counts
)

// Row is what the vocabularies call one type. An empty field means that the
// vocabulary has no name for it.
type Row struct {
	Type  Type
	Code  uint8    // stable number of the type in set files and stores; never reused
	Form  Form     // how it is hunted
	CTIM  string   // Cisco CTIM observable-type-identifier
	STIX1 string   // CybOX object, STIX 1.x
	STIX2 string   // STIX 2.1 object path that holds the value
	ECS   string   // threat.indicator.type, ECS 8.17
	Field string   // field below threat.indicator that holds the value
	Hive  string   // TheHive observable data type
	OTX   []string // OTX indicator types, the one that we write first
	MISP  []string // MISP attribute types
}

var table = [...]Row{
	{IP, 1, Address, "ip", "AddressObj", "ipv4-addr:value", "ipv4-addr", "ip", "ip", []string{"IPv4"}, []string{"ip-dst", "ip-src", "ip"}},
	{IPv6, 2, Address, "ipv6", "AddressObj", "ipv6-addr:value", "ipv6-addr", "ip", "ip", []string{"IPv6"}, nil},
	{CIDR, 3, Network, "", "AddressObj", "ipv4-addr:value", "ipv4-addr", "", "other", []string{"CIDR"}, nil},
	{IPPort, 4, Address, "", "SocketAddressObj", "network-traffic:dst_ref.value", "ipv4-addr", "ip", "other", nil, []string{"ip-dst|port", "ip-src|port"}},
	{Domain, 5, Name, "domain", "DomainNameObj", "domain-name:value", "domain-name", "url.domain", "domain", []string{"domain", "hostname"}, []string{"domain", "hostname"}},
	{URL, 6, Locator, "url", "URIObj", "url:value", "url", "url.original", "url", []string{"URL", "URI"}, []string{"url", "uri", "link"}},
	{URLPath, 7, Locator, "", "URIObj", "", "url", "url.path", "uri_path", nil, nil},
	{Email, 8, Mailbox, "email", "AddressObj", "email-addr:value", "email-addr", "email.address", "mail", []string{"email"}, []string{"email", "email-src", "email-dst", "email-reply-to"}},
	{EmailSubject, 9, Phrase, "email_subject", "EmailMessageObj", "email-message:subject", "artifact", "", "mail-subject", nil, []string{"email-subject"}},
	{MD5, 10, Digest, "md5", "FileObj", "file:hashes.MD5", "file", "file.hash.md5", "hash", []string{"FileHash-MD5"}, []string{"md5"}},
	{SHA1, 11, Digest, "sha1", "FileObj", "file:hashes.'SHA-1'", "file", "file.hash.sha1", "hash", []string{"FileHash-SHA1"}, []string{"sha1"}},
	{SHA256, 12, Digest, "sha256", "FileObj", "file:hashes.'SHA-256'", "file", "file.hash.sha256", "hash", []string{"FileHash-SHA256"}, []string{"sha256"}},
	{SHA512, 13, Digest, "", "FileObj", "file:hashes.'SHA-512'", "file", "file.hash.sha512", "hash", []string{"FileHash-SHA512"}, []string{"sha512"}},
	{ImpHash, 14, Digest, "", "WinExecutableFileObj", "", "file", "file.pe.imphash", "hash", []string{"FileHash-IMPHASH"}, []string{"imphash"}},
	{PEHash, 15, Digest, "", "WinExecutableFileObj", "", "file", "file.pe.pehash", "hash", []string{"FileHash-PEHASH"}, []string{"pehash"}},
	{SSDeep, 16, Exact, "", "FileObj", "file:hashes.SSDEEP", "file", "file.hash.ssdeep", "hash", nil, []string{"ssdeep"}},
	{JA3, 17, Digest, "", "", "", "software", "", "other", []string{"JA3"}, []string{"ja3-fingerprint-md5"}},
	{JARM, 18, Digest, "", "", "", "software", "", "other", []string{"JARM"}, []string{"jarm-fingerprint"}},
	{CertHash, 19, Digest, "", "X509CertificateObj", "x509-certificate:hashes.'SHA-1'", "x509-certificate", "", "other", []string{"SSLCertFingerprint"}, []string{"x509-fingerprint-sha1", "x509-fingerprint-sha256", "x509-fingerprint-md5"}},
	{CVE, 20, Word, "", "", "vulnerability:name", "software", "", "other", []string{"CVE"}, []string{"vulnerability"}},
	{FileName, 21, Phrase, "file_name", "FileObj", "file:name", "file", "file.name", "filename", nil, []string{"filename"}},
	{FilePath, 22, Phrase, "file_path", "FileObj", "file:parent_directory_ref.path", "file", "file.path", "filename", []string{"FilePath"}, nil},
	{Mutex, 23, Exact, "mutex", "MutexObj", "mutex:name", "mutex", "", "other", []string{"Mutex"}, []string{"mutex"}},
	{UserAgent, 24, Exact, "user_agent", "HTTPSessionObj", "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'", "software", "", "user-agent", nil, []string{"user-agent"}},
	{RegistryKey, 25, Phrase, "registry_key", "WinRegistryKeyObj", "windows-registry-key:key", "windows-registry-key", "registry.key", "registry", nil, []string{"regkey"}},
	{MAC, 26, Word, "mac_address", "AddressObj", "mac-addr:value", "mac-addr", "", "other", nil, []string{"mac-address"}},
	{Bitcoin, 27, Exact, "", "", "", "artifact", "", "other", []string{"BitcoinAddress"}, []string{"btc"}},
	{Text, 28, Phrase, "", "", "", "artifact", "", "other", nil, nil},
	{YARA, 29, NotHuntable, "", "", "", "artifact", "", "other", []string{"YARA"}, []string{"yara"}},
	{OSQuery, 30, NotHuntable, "", "", "", "artifact", "", "other", []string{"osquery"}, nil},
	{NIDS, 31, NotHuntable, "", "", "", "artifact", "", "other", []string{"NIDS"}, []string{"snort", "suricata"}},
}

var (
	byType = index(func(r *Row) []string { return []string{string(r.Type)} })
	byOTX  = index(func(r *Row) []string { return r.OTX })
	byMISP = index(func(r *Row) []string { return r.MISP })
)

// index keys the table by the lower-case names that of gives for a row.
func index(of func(*Row) []string) map[string]*Row {
	m := make(map[string]*Row)
	for i := range table {
		for _, n := range of(&table[i]) {
			n = strings.ToLower(n)
			if m[n] != nil {
				panic("ioc: two types named " + n)
			}
			m[n] = &table[i]
		}
	}
	return m
}

// Types returns the rows of the table, in the order of their codes.
func Types() []Row { return table[:] }

// Row returns what the vocabularies call t. For a type outside the table only
// Type is set, so that such a type is kept but not hunted.
func (t Type) Row() Row {
	if r := byType[string(t)]; r != nil {
		return *r
	}
	return Row{Type: t}
}

// Known reports whether t has a row in the table.
func (t Type) Known() bool { return byType[string(t)] != nil }

// Form returns how t is hunted; NotHuntable for a type outside the table.
func (t Type) Form() Form {
	if r := byType[string(t)]; r != nil {
		return r.Form
	}
	return NotHuntable
}

// Huntable reports whether a value of t can stand in a log.
func (t Type) Huntable() bool { return t.Form() != NotHuntable }

// FromCode returns the type with the given stable number.
func FromCode(code uint8) (Type, bool) {
	if code < 1 || int(code) > len(table) {
		return "", false
	}
	return table[code-1].Type, true
}

// ParseType returns the type of that name, of any case.
func ParseType(s string) (Type, bool) { return named(byType, s) }

// FromOTX returns the type that OTX calls s, in any case: clients and the
// service differ in it (otx "URL", "url").
func FromOTX(s string) (Type, bool) { return named(byOTX, s) }

// FromMISP returns the type that MISP calls s.
func FromMISP(s string) (Type, bool) { return named(byMISP, s) }

func named(m map[string]*Row, s string) (Type, bool) {
	if r := m[strings.ToLower(strings.TrimSpace(s))]; r != nil {
		return r.Type, true
	}
	return "", false
}

// ECSType returns the threat.indicator.type of o: that of the table, but for
// networks and address:port it depends on the address family.
func (o Observable) ECSType() string {
	if (o.Type == CIDR || o.Type == IPPort) && strings.Count(o.Value, ":") > 1 {
		return "ipv6-addr"
	}
	return o.Type.Row().ECS
}
