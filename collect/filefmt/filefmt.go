// Package filefmt reads the files that people publish indicators in: plain
// lists, CSV, NDJSON, MISP events, STIX 1 and 2, and prose.
//
// A reader says what a file holds and where; it does not judge the values.
// It works on a stream, so memory does not grow with the file, and it never
// leaves anything out quietly: what cannot be an indicator comes out as a
// refusal with its place and a reason. A reader's error means that the file as
// a whole could not be read and that what came before it must not be trusted
// to be all.
package filefmt

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Item is what a reader yields, one of three things: a value (a Member whose
// Type is empty where the file does not say), a refusal (Refused is set, Type
// and Value say what was refused), or what the file tells of a report (About
// is set). Report is a key that is unique within the file; "" is the file
// itself, for files that are one report.
type Item struct {
	ioc.Member
	Line    int64       // where it stands, counts from 1; 0 where lines mean nothing
	Place   string      // where it stands if not in a line: "attribute 5f1c…"
	Refused string      // why it is no indicator
	About   *ioc.Report // what the file says of the report with key Report
}

// Where returns the place of the item for people, "" if it is the whole file.
func (i *Item) Where() string {
	if i.Place == "" && i.Line > 0 {
		return "line " + strconv.FormatInt(i.Line, 10)
	}
	return i.Place
}

// Options is what a person can say about a file.
type Options struct {
	Type    ioc.Type          // type of every value of a list; "" is told from the value
	Columns map[string]string // CSV: header name to type name, or to one of the roles of a column
	Context bool              // MISP: take attributes that are not marked for detection, too; STIX: observations
}

// Emit takes what a reader found; the item is the reader's again afterwards.
// An error of it ends the reading and is returned as it is.
type Emit func(*Item) error

// Format is one way to write indicators down.
type Format struct {
	Name string
	Doc  string // one line for people
	// Whole says that the file has to be read to its end before anything of
	// it is known to be right, or that what is said of its report stands
	// behind the values.
	Whole bool
	read  func(r io.Reader, o Options, emit Emit) error
}

var formats = []Format{
	{"list", "one value a line, comments behind # ; or //", true, readList},
	{"csv", "a table with a header line", false, readCSV},
	{"ndjson", "one JSON object a line", true, readNDJSON},
	{"json", "a JSON document: indicators, OTX pulses, or anything with values in its texts", true, readJSON},
	{"misp", "MISP events as JSON", true, readMISP},
	{"stix", "STIX 2 as JSON: a bundle, objects, or a saved answer of a TAXII 2 server", true, readSTIX},
	{"stix1", "STIX 1 as XML: packages, CybOX observables, or a saved answer of a TAXII 1 server", true, readSTIX1},
	{"text", "free text that values are extracted from", false, readText},
}

// Formats returns the formats there are.
func Formats() []Format { return formats }

// Named returns the format of that name.
func Named(name string) (Format, error) {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("no format %q; there are: auto, %s", name, strings.Join(names, ", "))
}

// Read reads a file of this format from r, which Open has made plain UTF-8.
func (f Format) Read(r io.Reader, o Options, emit Emit) error { return f.read(r, o, emit) }

// ErrNoIndicator is the reason for refusing a file as a whole that is not empty
// and has nothing in it.
var ErrNoIndicator = errors.New("no indicator found")

// Types that several readers need to name a value by.
var aliases = map[string]ioc.Type{
	"ipv4": ioc.IP, "ip_address": ioc.IP, "ipaddress": ioc.IP, "ip address": ioc.IP, "ip_dst": ioc.IP, "ip_src": ioc.IP,
	"ipv4-addr": "", "ipv6-addr": "", "ip:port": ioc.IPPort, "ip-port": ioc.IPPort,
	"network": ioc.CIDR, "subnet": ioc.CIDR, "range": ioc.CIDR,
	"fqdn": ioc.Domain, "host": ioc.Domain, "domain-name": ioc.Domain, "domain_name": ioc.Domain, "domainname": ioc.Domain,
	"e-mail": ioc.Email, "mail": ioc.Email, "email-addr": ioc.Email, "email_address": ioc.Email, "email address": ioc.Email,
	"md5_hash": ioc.MD5, "sha1_hash": ioc.SHA1, "sha256_hash": ioc.SHA256, "sha512_hash": ioc.SHA512,
	"sha-1": ioc.SHA1, "sha-256": ioc.SHA256, "sha-512": ioc.SHA512,
	"hash": "", "file": "", "indicator": "", "ioc": "", "unknown": "", "other": "", "any": "", "auto": "",
	"file name": ioc.FileName, "file path": ioc.FilePath, "path": ioc.FilePath, "user agent": ioc.UserAgent,
	"registry": ioc.RegistryKey, "bitcoin": ioc.Bitcoin, "filehash": "",
}

// Named types of other vocabularies are resolved in this order; "uri" is OTX's
// and MISP's alike.
var vocabularies = []func(string) (ioc.Type, bool){
	ioc.ParseType, ioc.FromOTX, ioc.FromMISP,
	func(s string) (ioc.Type, bool) { t, ok := aliases[s]; return t, ok },
}

// TypeNamed returns the type that name means in any vocabulary we know. A name
// that none knows becomes a type of its own, which is kept and not hunted; ok
// is false then. The empty type means: to be told from the value.
func TypeNamed(name string) (t ioc.Type, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return "", true
	}
	for _, v := range vocabularies {
		if t, ok := v(name); ok {
			return t, true
		}
	}
	return ioc.Type(Clip(name, 64)), false
}

// declare gives m the type that the file names, and keeps the name where ours
// says less.
func declare(m *ioc.Member, name string) {
	m.Type, _ = TypeNamed(name)
	if name = strings.TrimSpace(name); name != string(m.Type) {
		m.Declared = Clip(name, 64)
	}
}

// Clip returns s as valid UTF-8 of at most n bytes; a mark shows where it was cut.
func Clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// refuse is the Item of a refusal. The value is clipped: a refusal is shown,
// not used.
func refuse(value, reason string, line int64) *Item {
	i := &Item{Line: line, Refused: reason}
	i.Value = Clip(value, 200)
	return i
}
