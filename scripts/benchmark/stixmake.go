package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strings"
)

// stixMaker writes a STIX 1.2 package in the shape of OTX's: one indicator for
// each value, its title with the value and the pulse, and among them what makes
// STIX 1 more than a list: files with several hashes, lists, ranges,
// compositions, references, conditions, negations, ends. All values differ, and are
// written as package canon writes them. It counts what stands alone.
type stixMaker struct {
	w     *bufio.Writer
	size  int64
	n     uint64 // of this value
	ids   uint64
	alone map[string]int
}

// stixNamespaces of the prefixes that are used.
var stixNamespaces = []string{
	"stix", "http://stix.mitre.org/stix-1", "stixCommon", "http://stix.mitre.org/common-1", "stixVocabs", "http://stix.mitre.org/default_vocabularies-1",
	"indicator", "http://stix.mitre.org/Indicator-2", "marking", "http://data-marking.mitre.org/Marking-1",
	"tlpMarking", "http://data-marking.mitre.org/extensions/MarkingStructure#TLP-1",
	"cybox", "http://cybox.mitre.org/cybox-2", "cyboxCommon", "http://cybox.mitre.org/common-2", "cyboxVocabs", "http://cybox.mitre.org/default_vocabularies-2",
	"AddressObj", "http://cybox.mitre.org/objects#AddressObject-2", "DomainNameObj", "http://cybox.mitre.org/objects#DomainNameObject-1",
	"URIObj", "http://cybox.mitre.org/objects#URIObject-2", "FileObj", "http://cybox.mitre.org/objects#FileObject-2",
	"MutexObj", "http://cybox.mitre.org/objects#MutexObject-2", "alienvault-otx", "https://otx.alienvault.com",
	"xsi", "http://www.w3.org/2001/XMLSchema-instance",
}

const (
	stixPulse = "https://otx.alienvault.com/pulse/660000000000000000000000"
	stixTime  = "2024-06-01T08:00:00.123456+00:00"
)

// stixMade grows when the maker writes something else, so that no package of
// another one is read.
const stixMade = 2

// makeSTIX writes a package of at least so many bytes, and returns how many
// values of each type stand alone in it.
func makeSTIX(path string, size int64, seed uint64) (map[string]int, error) {
	f, err := os.Create(path + ".part")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &stixMaker{w: bufio.NewWriterSize(f, 1<<20), n: seed << 32, alone: make(map[string]int)}
	m.head()
	shared := m.shared(size / 200_000)
	m.line(1, "<stix:Indicators>")
	for i := 0; m.size < size; i++ {
		m.indicator(i, shared)
	}
	m.line(1, "</stix:Indicators>")
	m.line(0, "</stix:STIX_Package>")
	return m.alone, errors.Join(m.w.Flush(), f.Close(), os.Rename(path+".part", path))
}

func (m *stixMaker) line(depth int, format string, args ...any) {
	n, _ := fmt.Fprintf(m.w, strings.Repeat("    ", depth)+format+"\n", args...) // a bufio.Writer keeps its error for Flush
	m.size += int64(n)
}

func (m *stixMaker) head() {
	m.line(0, "<stix:STIX_Package")
	for i := 0; i < len(stixNamespaces); i += 2 {
		m.line(1, "xmlns:%s=%q", stixNamespaces[i], stixNamespaces[i+1])
	}
	m.line(1, `id="%s" version="1.2" timestamp="%s">`, m.id("Package"), stixTime)
	m.line(1, "<stix:STIX_Header>")
	m.line(2, "<stix:Title>A big pulse &amp; nothing else</stix:Title>")
	m.line(2, `<stix:Package_Intent xsi:type="stixVocabs:PackageIntentVocab-1.0">Indicators</stix:Package_Intent>`)
	m.line(2, "<stix:Short_Description>%s</stix:Short_Description>", stixPulse)
	m.line(1, "</stix:STIX_Header>")
}

// id gives the ids of OTX's kind: each is new.
func (m *stixMaker) id(kind string) string {
	m.ids++
	h := mix(m.ids)
	return fmt.Sprintf("alienvault-otx:%s-%08x-%04x-4%03x-a%03x-%012x", kind, h>>32, h>>16&0xffff, h&0xfff, h>>8&0xfff, m.ids)
}

// mix is a bijection whose values look random.
func mix(n uint64) uint64 {
	n ^= n >> 31
	n *= 0x9e3779b97f4a7c15
	n ^= n >> 29
	return n * 0xbf58476d1ce4e5b9
}

// The values; each call makes a new one.

func (m *stixMaker) hex(kind string, digits int) string {
	m.n++
	var b strings.Builder
	for i := uint64(0); b.Len() < digits; i++ {
		fmt.Fprintf(&b, "%016x", mix(m.n*8+i))
	}
	return m.took(kind, b.String()[:digits])
}

func (m *stixMaker) took(kind, value string) string {
	if kind != "" {
		m.alone[kind]++
	}
	return value
}

// address is of 24 bits that run through all values; a kind of "" is not counted.
func (m *stixMaker) address(kind string) string {
	m.n++
	n := bits.Reverse32(uint32(m.n)) >> 8
	return m.took(kind, fmt.Sprintf("60.%d.%d.%d", n>>16, n>>8&255, n&255))
}

func (m *stixMaker) domain(kind string) string {
	m.n++
	return m.took(kind, fmt.Sprintf("n%x.evil-%x.example.com", mix(m.n), m.n))
}

func (m *stixMaker) url(kind string) string {
	m.n++
	return m.took(kind, fmt.Sprintf("http://u%x.example.net/gate/%x.php?id=%d&amp;k=v", mix(m.n)>>40, mix(m.n), m.n))
}

// shared writes the observables that indicators only point at.
func (m *stixMaker) shared(n int64) []string {
	ids := make([]string, 0, n)
	m.line(1, `<stix:Observables cybox_major_version="2" cybox_minor_version="1" cybox_update_version="0">`)
	for range max(n, 1) {
		id := m.id("Observable")
		m.observable(2, "cybox:Observable", id, "", func(d int) { m.uri(d, m.url("url")) })
		ids = append(ids, id)
	}
	m.line(1, "</stix:Observables>")
	return ids
}

func (m *stixMaker) observable(depth int, tag, id, title string, object func(depth int)) {
	m.line(depth, `<%s id="%s">`, tag, id)
	if title != "" {
		m.line(depth+1, "<cybox:Title>%s</cybox:Title>", title)
	}
	object(depth + 1)
	m.line(depth, "</%s>", tag)
}

func (m *stixMaker) object(depth int, kind, attrs string, inner func(depth int)) {
	m.line(depth, `<cybox:Object id="%s">`, m.id(kind))
	m.line(depth+1, `<cybox:Properties xsi:type="%sObj:%sObjectType"%s>`, kind, kind, attrs)
	inner(depth + 2)
	m.line(depth+1, "</cybox:Properties>")
	m.line(depth, "</cybox:Object>")
}

func (m *stixMaker) addr(depth int, category, attrs, value string) {
	m.object(depth, "Address", fmt.Sprintf(" category=%q", category), func(d int) {
		m.line(d, "<AddressObj:Address_Value%s>%s</AddressObj:Address_Value>", attrs, value)
	})
}

func (m *stixMaker) name(depth int, value string) {
	m.object(depth, "DomainName", ` type="FQDN"`, func(d int) { m.line(d, "<DomainNameObj:Value>%s</DomainNameObj:Value>", value) })
}

func (m *stixMaker) uri(depth int, value string) {
	m.object(depth, "URI", ` type="URL"`, func(d int) { m.line(d, "<URIObj:Value>%s</URIObj:Value>", value) })
}

// file has a name if one is given, and hashes: type, value, type, value …
func (m *stixMaker) file(depth int, name string, hashes ...string) {
	m.object(depth, "File", "", func(d int) {
		if name != "" {
			m.line(d, "<FileObj:File_Name>%s</FileObj:File_Name>", name)
		}
		m.line(d, "<FileObj:Hashes>")
		for i := 0; i < len(hashes); i += 2 {
			m.line(d+1, "<cyboxCommon:Hash>")
			m.line(d+2, `<cyboxCommon:Type xsi:type="cyboxVocabs:HashNameVocab-1.0">%s</cyboxCommon:Type>`, hashes[i])
			m.line(d+2, "<cyboxCommon:Simple_Hash_Value>%s</cyboxCommon:Simple_Hash_Value>", hashes[i+1])
			m.line(d+1, "</cyboxCommon:Hash>")
		}
		m.line(d, "</FileObj:Hashes>")
	})
}

// composed is an observable of two others.
func (m *stixMaker) composed(depth int, operator string, first, second func(depth int)) {
	m.line(depth, "<cybox:Observable_Composition operator=%q>", operator)
	m.observable(depth+1, "cybox:Observable", m.id("Observable"), "", first)
	m.observable(depth+1, "cybox:Observable", m.id("Observable"), "", second)
	m.line(depth, "</cybox:Observable_Composition>")
}

// form is one shape of indicator: what OTX calls it, its value as far as the
// title has one, and its object.
type form struct {
	kind, value, attrs string
	object             func(depth int)
}

// indicator writes the i-th: 18 of 20 are plain, two are of the other forms.
// Every third one has an end, but for references: what one indicator says for
// longer than another one comes twice, and here each value is to come once.
func (m *stixMaker) indicator(i int, shared []string) {
	var f form
	if i%10 == 9 {
		f = m.odd(i / 10 % 8)
	} else {
		f = m.plain(i % 10)
	}
	m.line(2, `<stix:Indicator id="%s" timestamp="%s" xsi:type="indicator:IndicatorType"%s>`, m.id("indicator"), stixTime, f.attrs)
	m.line(3, "<indicator:Title>%s from %s</indicator:Title>", cmp.Or(f.value, "indicator"), stixPulse)
	m.line(3, "<indicator:Description>What a feed says of it &amp; more</indicator:Description>")
	if i%3 == 0 && f.object != nil {
		m.line(3, "<indicator:Valid_Time_Position>")
		m.line(4, "<indicator:Start_Time>%s</indicator:Start_Time>", stixTime)
		m.line(4, "<indicator:End_Time>%d-06-01T00:00:00Z</indicator:End_Time>", 2090+i%10)
		m.line(3, "</indicator:Valid_Time_Position>")
	}
	if f.object == nil {
		m.line(3, `<indicator:Observable idref="%s"/>`, shared[i%len(shared)])
	} else {
		m.observable(3, "indicator:Observable", m.id("Observable"), f.kind+" - "+cmp.Or(f.value, "several"), f.object)
	}
	m.line(2, "</stix:Indicator>")
}

func (m *stixMaker) plain(i int) form {
	switch i {
	case 0, 1:
		v := m.address("ip")
		return form{"IPv4", v, "", func(d int) { m.addr(d, "ipv4-addr", "", v) }}
	case 2, 3:
		v := m.domain("domain")
		return form{"hostname", v, "", func(d int) { m.name(d, v) }}
	case 4, 5:
		v := m.url("url")
		return form{"URL", v, "", func(d int) { m.uri(d, v) }}
	case 6:
		v := m.took("email", "someone@"+m.domain(""))
		return form{"email", v, "", func(d int) { m.addr(d, "e-mail", "", v) }}
	case 7:
		v := m.hex("md5", 32)
		return form{"FileHash-MD5", v, "", func(d int) { m.file(d, "", "MD5", v) }}
	default:
		v := m.hex("sha256", 64)
		return form{"FileHash-SHA256", v, "", func(d int) { m.file(d, "", "SHA256", v) }}
	}
}

// odd are the forms that are more than a value.
func (m *stixMaker) odd(i int) form {
	switch i {
	case 0:
		hashes := []string{"MD5", m.hex("md5", 32), "SHA1", m.hex("sha1", 40), "SHA256", m.hex("sha256", 64)}
		return form{object: func(d int) { m.file(d, "evil.exe", hashes...) }, kind: "FileHash-MD5"}
	case 1:
		v := strings.Join([]string{m.address("ip"), m.address("ip"), m.address("ip")}, "##comma##")
		return form{object: func(d int) { m.addr(d, "ipv4-addr", ` condition="Equals" apply_condition="ANY"`, v) }, kind: "IPv4"}
	case 2:
		m.n++
		n := bits.Reverse32(uint32(m.n)) >> 10
		first := fmt.Sprintf("%d.%d.%d.", 100+n>>16, n>>8&255, n&255)
		m.took("cidr", first)
		return form{object: func(d int) { m.addr(d, "ipv4-addr", ` condition="InclusiveBetween"`, first+"0##comma##"+first+"255") }, kind: "CIDR"}
	case 3:
		a, b := m.domain("domain"), m.address("ip")
		return form{object: func(d int) {
			m.composed(d, "OR", func(d int) { m.name(d, a) }, func(d int) { m.addr(d, "ipv4-addr", "", b) })
		}, kind: "or"}
	case 4:
		a, b := m.url(""), m.hex("", 64)
		return form{object: func(d int) {
			m.composed(d, "AND", func(d int) { m.uri(d, a) }, func(d int) { m.file(d, "", "SHA256", b) })
		}, kind: "and"}
	case 5:
		v := m.address("")
		return form{kind: "IPv4", value: v, attrs: ` negate="true"`, object: func(d int) { m.addr(d, "ipv4-addr", "", v) }}
	case 6:
		m.n++
		v := m.took("mutex", fmt.Sprintf(`Global\Mutex-%x`, m.n))
		return form{"Mutex", v, "", func(d int) {
			m.object(d, "Mutex", ` named="true"`, func(d int) { m.line(d, "<MutexObj:Name>%s</MutexObj:Name>", v) })
		}}
	default:
		return form{} // a reference
	}
}
