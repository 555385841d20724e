package stix

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// cyCondition is how a field compares (cyboxCommon:PatternFieldGroup). Without
// one it is meant as it stands.
type cyCondition struct {
	reason  string // why no value of it stands alone
	between bool   // two values are the ends of a range
	apply   string // to several values: any, all or none of them
	delim   string
}

// cyDelimiter parts the values of a list (CybOX 2.1).
const cyDelimiter = "##comma##"

// cyDelimiters finds it as people write it.
var cyDelimiters = regexp.MustCompile(`(?i)##comma##`)

func cyConditionOf(el xEl) cyCondition {
	c := cyCondition{apply: strings.ToLower(el.attr("apply_condition")), delim: jFirst(el.attr("delimiter"), cyDelimiter)}
	switch strings.ToLower(el.attr("condition")) {
	case "":
		if el.attr("pattern_type") != "" {
			c.reason = NotEquality
		}
	case "equals":
	case "inclusivebetween":
		c.between = true
	case "doesnotequal", "doesnotcontain":
		c.reason = Negated
	default:
		c.reason = NotEquality
	}
	if el.attr("bit_mask") != "" || el.truth("has_changed") {
		c.reason = NotEquality
	}
	return c
}

// leaves adds the values of a field; reason is why they do not stand alone in
// their object.
func (v *cyValue) leaves(dst []xLeaf, reason string) []xLeaf {
	if v.role == cyJoined {
		return dst
	}
	c := cyConditionOf(v.el)
	pieces := v.pieces(c)
	l := xLeaf{typ: v.typ, declared: v.declared, reason: jFirst(jFirst(v.broken, c.reason), reason)}
	switch {
	case len(pieces) < 2 || c.reason != "":
	case c.apply == "none":
		l.reason = Negated
	case c.apply == "all" && !c.between && l.reason == "":
		l.reason = TogetherOnly
	}
	if c.between {
		return v.between(dst, pieces, l)
	}
	for _, p := range pieces {
		if lo, hi, ok := v.dashed(p); ok {
			dst = cyRange(dst, lo, hi, p, l)
			continue
		}
		l.value, l.original = v.prefix+p, ""
		if v.el.truth("is_defanged") && cyLiteral[v.typ] {
			if plain := canon.Refang(l.value); plain != l.value {
				l.value, l.original = plain, l.value
			}
		}
		dst = append(dst, l)
	}
	return dst
}

// cyLiteral are the types whose defanged spelling nobody else undoes, since it
// could be meant.
var cyLiteral = map[ioc.Type]bool{
	ioc.EmailSubject: true, ioc.Mutex: true, ioc.UserAgent: true, ioc.RegistryKey: true, ioc.Text: true, ioc.FileName: true, ioc.FilePath: true,
}

// cySingle are the types of which no value can hold a comma.
var cySingle = map[ioc.Type]bool{
	ioc.IP: true, ioc.IPv6: true, ioc.CIDR: true, ioc.Domain: true, ioc.MAC: true, ioc.CVE: true, ioc.CertHash: true,
	ioc.MD5: true, ioc.SHA1: true, ioc.SHA256: true, ioc.SHA512: true, ioc.ImpHash: true, ioc.PEHash: true,
}

// pieces parts a list. Before CybOX 2.1 lists were parted by "," or "&comma;",
// so where a value can hold neither they part one still.
func (v *cyValue) pieces(c cyCondition) []string {
	text := v.el.content()
	v.one[0] = text
	parts := v.one[:] // nearly all lists have one value
	switch {
	case strings.Contains(text, c.delim):
		parts = strings.Split(text, c.delim)
	case strings.Contains(text, "##"):
		parts = cyDelimiters.Split(text, -1)
	case !strings.Contains(text, ",") && !strings.Contains(text, "&comma;"):
	case c.between || cySingle[v.typ], v.typ == ioc.Email && cyEach(text, "@"), v.typ == ioc.URL && cyURLs(text):
		parts = strings.Split(strings.ReplaceAll(text, "&comma;", ","), ",")
	}
	out := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// cyEach reports whether each part of a list has what a value of it must have.
func cyEach(text, has string) bool {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "&comma;", ","), ",") {
		if !strings.Contains(p, has) {
			return false
		}
	}
	return true
}

// cyURLs reports whether text is a list of URLs. A URL may hold a comma, and
// another URL in its query; then it is one.
func cyURLs(text string) bool {
	open := false
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "&comma;", ","), ",") {
		scheme, rest, ok := strings.Cut(strings.TrimSpace(p), "://")
		if !ok || open || len(scheme) < 2 || strings.ContainsAny(scheme, "/?#=&.%") {
			return false
		}
		open = strings.ContainsAny(rest, "?#")
	}
	return true
}

// between adds the networks of a range of addresses (InclusiveBetween); another
// range has no values that could be told.
func (v *cyValue) between(dst []xLeaf, pieces []string, l xLeaf) []xLeaf {
	l.value = strings.Join(pieces, " - ")
	if len(pieces) == 2 && v.special == cyAddress {
		lo, err1 := canon.Addr(canon.Refang(pieces[0]))
		hi, err2 := canon.Addr(canon.Refang(pieces[1]))
		if err1 == nil && err2 == nil {
			return cyRange(dst, lo, hi, l.value, l)
		}
	}
	l.reason = jFirst(l.reason, NotEquality)
	return append(dst, l)
}

// dashed reads a range of addresses that is written as one value.
func (v *cyValue) dashed(s string) (lo, hi netip.Addr, ok bool) {
	a, b, ok := strings.Cut(s, "-")
	if !ok || v.special != cyAddress {
		return lo, hi, false
	}
	lo, err1 := canon.Addr(canon.Refang(strings.TrimSpace(a)))
	if n, err := strconv.ParseUint(strings.TrimSpace(b), 10, 8); err == nil && err1 == nil && lo.Is4() { // 192.0.2.10-20
		ip := lo.As4()
		ip[3] = byte(n)
		return lo, netip.AddrFrom4(ip), true
	}
	hi, err2 := canon.Addr(canon.Refang(strings.TrimSpace(b)))
	return lo, hi, err1 == nil && err2 == nil
}

// cyMostNetworks is how many networks a range may come to. One of IPv4 never
// comes to more than 62.
const cyMostNetworks = 64

// cyRange adds the fewest networks that are exactly the addresses from lo to hi.
func cyRange(dst []xLeaf, lo, hi netip.Addr, text string, l xLeaf) []xLeaf {
	nets := cyNetworks(lo, hi)
	if len(nets) == 0 {
		l.value, l.reason = text, jFirst(l.reason, NotEquality)
		return append(dst, l)
	}
	l.original = text
	for _, n := range nets {
		l.typ, l.value = ioc.CIDR, n.String()
		if n.IsSingleIP() {
			l.value = n.Addr().String()
			if l.typ = ioc.IPv6; n.Addr().Is4() {
				l.typ = ioc.IP
			}
		}
		dst = append(dst, l)
	}
	return dst
}

// cyNetworks returns the fewest networks from lo to hi; none where lo is behind
// hi, they are of two families, or it takes too many.
func cyNetworks(lo, hi netip.Addr) (out []netip.Prefix) {
	if lo.BitLen() != hi.BitLen() {
		return nil
	}
	for lo.IsValid() && lo.Compare(hi) <= 0 {
		if len(out) == cyMostNetworks {
			return nil
		}
		n := netip.PrefixFrom(lo, lo.BitLen())
		for n.Bits() > 0 {
			wider := netip.PrefixFrom(lo, n.Bits()-1)
			if wider.Masked().Addr() != lo || cyLast(wider).Compare(hi) > 0 {
				break
			}
			n = wider
		}
		out = append(out, n)
		lo = cyLast(n).Next()
	}
	return out
}

// cyLast returns the last address of a network.
func cyLast(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	for i := p.Bits() + 128 - p.Addr().BitLen(); i < 128; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	if a := netip.AddrFrom16(b); !p.Addr().Is4() {
		return a
	}
	return netip.AddrFrom4([4]byte(b[12:]))
}

// address takes the type of an address from its category. The schema's default
// is ipv4-addr, but many producers leave it out whatever the address is; where
// the field says what it holds (From) that counts.
func (v *cyValue) address(around xEl) {
	if around.truth("is_spoofed") {
		v.role = cyGood
	}
	switch category := strings.ToLower(around.attr("category")); category {
	case "":
		if v.typ == "" {
			v.typ = ioc.IP
		}
	case "ipv4-addr":
		v.typ = ioc.IP
	case "ipv6-addr":
		v.typ = ioc.IPv6
	case "e-mail":
		v.typ = ioc.Email
	case "cidr", "ipv4-net", "ipv6-net":
		v.typ = ioc.CIDR
	case "mac":
		v.typ = ioc.MAC
	case "ext-value":
		v.typ = ""
	default: // asn, atm, ipv4-net-mask, ipv6-net-mask
		v.typ, v.role = ioc.Type(jClip(category, 64)), cyNone
	}
}

// uri takes the type of a URI or a domain name from its type.
func (v *cyValue) uri(around xEl) {
	switch t := strings.ToLower(around.attr("type")); t {
	case "domain name", "fqdn":
		v.typ = ioc.Domain
	case "url":
		v.typ = ioc.URL
	case "general urn", "tld":
		v.typ, v.role = ioc.Type(t), cyNone
	}
}

// cyDigestNames are the digests that a length does not tell.
var cyDigestNames = map[string]ioc.Type{"IMPHASH": ioc.ImpHash, "PEHASH": ioc.PEHash, "JA3": ioc.JA3, "SSDEEP": ioc.SSDeep}

// cyDigestLens are the file digests by their number of hex digits.
var cyDigestLens = map[int]ioc.Type{32: ioc.MD5, 40: ioc.SHA1, 64: ioc.SHA256, 128: ioc.SHA512}

var cyDigestLabels = map[string]ioc.Type{"MD5": ioc.MD5, "SHA1": ioc.SHA1, "SHA256": ioc.SHA256, "SHA512": ioc.SHA512}

// digest tells the type of a hash. The length says more than the label, which
// producers leave at a default ("Other", "MD5" for all).
func (v *cyValue) digest(label string) {
	of := v.typ
	v.typ = ioc.MD5 // any, to part a list
	label = patHashKey(jClip(label, 64))
	first := ""
	if pieces := v.pieces(cyConditionOf(v.el)); len(pieces) > 0 {
		first = pieces[0]
	}
	byLen, hex := cyDigestLens[len(first)], cyHex(first)
	switch t := cyDigestNames[label]; {
	case t != "" && (t == ioc.SSDeep || hex):
		v.typ = t
	case v.el.local() == "Fuzzy_Hash_Value" && strings.Count(first, ":") == 2:
		v.typ = ioc.SSDeep
	case hex && byLen != "" && cyPlainLabel[label]:
		v.typ = byLen
	case cyDigestLabels[label] != "": // canon says what is wrong with it
		v.typ = cyDigestLabels[label]
	default:
		v.typ, v.role = ioc.Type(strings.ToLower(jFirst(label, "digest"))), cyNone
		return
	}
	if of != "" && v.typ != ioc.SSDeep {
		v.typ = of
	}
}

// cyPlainLabel are the labels under which the length decides; any other one
// (SHA3256, AUTHENTIHASH) names a digest that is not ours, whatever its length.
var cyPlainLabel = map[string]bool{
	"": true, "OTHER": true, "MD5": true, "MD6": true, "SHA1": true, "SHA224": true, "SHA256": true, "SHA384": true, "SHA512": true, "SSDEEP": true,
}

func cyHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return s != ""
}

// cyDistinct removes what an object says twice.
func cyDistinct(leaves []xLeaf, from int) []xLeaf {
	if len(leaves)-from < 2 {
		return leaves
	}
	type key struct {
		typ           ioc.Type
		value, reason string
	}
	seen := make(map[key]bool, len(leaves)-from)
	out := leaves[:from]
	for _, l := range leaves[from:] {
		if k := (key{l.typ, l.value, l.reason}); !seen[k] {
			seen[k] = true
			out = append(out, l)
		}
	}
	return out
}
