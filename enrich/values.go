package enrich

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// values is a set of values that people wrote, asked whether it covers an
// observable. Each part maps to the entry as it was written. Asking costs no
// allocation, and does not grow with the number of entries.
type values struct {
	bare   bool // a single label names a host
	exact  map[ioc.Observable]string
	names  map[string]string
	nets   map[netip.Prefix]string
	bits   [2][]int // lengths of the prefixes of nets, the longest first: IPv4, IPv6
	folded bool     // exact has texts whose case does not count
}

// newValues reads the entries. They are sorted first, so that of two entries
// that mean the same it is always the same one that is named.
func newValues(name string, bare bool, entries []string) (*values, error) {
	v := &values{
		bare:  bare,
		exact: map[ioc.Observable]string{}, names: map[string]string{}, nets: map[netip.Prefix]string{},
	}
	for _, e := range sorted(entries) {
		if err := v.add(e); err != nil {
			return nil, fmt.Errorf("%s: %q is no value that can be listed: %w; write an address, a network, a domain, a URL, a hash, or TYPE:VALUE", name, e, err)
		}
	}
	for p := range v.nets {
		f := family(p.Addr())
		if !slices.Contains(v.bits[f], p.Bits()) {
			v.bits[f] = append(v.bits[f], p.Bits())
		}
	}
	for _, b := range v.bits {
		slices.SortFunc(b, func(x, y int) int { return y - x })
	}
	return v, nil
}

func sorted(entries []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(entries)))
}

// add files an entry under what it covers.
func (v *values) add(entry string) error {
	o, err := v.read(entry)
	if err != nil {
		return err
	}
	switch o.Type {
	case ioc.Domain:
		keep(v.names, o.Value, entry)
	case ioc.IP, ioc.IPv6:
		if a, err := netip.ParseAddr(o.Value); err == nil {
			keep(v.nets, netip.PrefixFrom(a, a.BitLen()), entry)
		}
	case ioc.CIDR:
		if p, err := netip.ParsePrefix(o.Value); err == nil {
			keep(v.nets, p, entry)
		}
	default:
		v.folded = v.folded || caseless(o.Type)
		keep(v.exact, folded(o), entry)
	}
	return nil
}

// keep leaves the first entry where two mean the same.
func keep[K comparable](m map[K]string, k K, entry string) {
	if _, ok := m[k]; !ok {
		m[k] = entry
	}
}

// read tells what an entry is. A digest that does not say of what is that of
// anything, which Type "" stands for. A single label, where it is allowed, is a
// host's name.
func (v *values) read(entry string) (ioc.Observable, error) {
	if t, value, ok := strings.Cut(entry, ":"); ok {
		if t, ok := ioc.ParseType(t); ok {
			return canon.Observable(t, strings.TrimSpace(value))
		}
	}
	if p, ok, err := network(entry); ok {
		return ioc.Observable{Type: ioc.CIDR, Value: p}, err
	}
	o, err := canon.Observable("", entry)
	if err == nil && o.Type == ioc.Domain && canon.PublicSuffix(o.Value) {
		return o, errors.New("a public suffix; if you mean every name below it, write domain:" + o.Value)
	}
	if err != nil && v.bare {
		if label, ok := bareLabel(entry); ok {
			return ioc.Observable{Type: ioc.Domain, Value: label}, nil
		}
	}
	if o.Type.Form() == ioc.Digest {
		o.Type = ""
	}
	return o, err
}

// network reads what can only be meant as a network. Elsewhere "10.0.0.0/33" may
// be a URL, but here it is a slip that would silently list nothing.
func network(entry string) (p string, ok bool, err error) {
	a, bits, ok := strings.Cut(strings.TrimSpace(entry), "/")
	if !ok || !isAddress(a) || strings.Trim(bits, "0123456789") != "" {
		return "", false, nil
	}
	n, err := canon.Prefix(entry)
	if err == nil && n.Bits() == 0 {
		err = errors.New("the whole address space")
	}
	return n.String(), true, err
}

func isAddress(s string) bool {
	_, err := canon.Addr(s)
	return err == nil
}

// bareLabel reads a host's name of one label, by asking for it below another.
func bareLabel(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.IndexByte(s, '.') >= 0 {
		return "", false
	}
	name, err := canon.Domain(s + ".example")
	return strings.TrimSuffix(name, ".example"), err == nil
}

// find returns the entry that covers o, the closest where there are several.
func (v *values) find(o ioc.Observable) (entry string, ok bool) {
	if entry, ok = v.findExact(o); ok {
		return entry, true
	}
	switch o.Type {
	case ioc.IP, ioc.IPv6:
		return v.findHost(o.Value)
	case ioc.CIDR:
		if p, err := netip.ParsePrefix(o.Value); err == nil {
			return v.findNet(p)
		}
	case ioc.IPPort:
		if i := strings.LastIndexByte(o.Value, ':'); i >= 0 {
			return v.findHost(o.Value[:i])
		}
	case ioc.Domain:
		return v.findName(o.Value)
	case ioc.URL:
		host, _, _ := canon.SplitHost(o.Value)
		return v.findHost(host)
	case ioc.Email:
		return v.findHost(o.Value[strings.LastIndexByte(o.Value, '@')+1:])
	}
	return "", false
}

func (v *values) findExact(o ioc.Observable) (entry string, ok bool) {
	if len(v.exact) == 0 {
		return "", false
	}
	if v.folded {
		o = folded(o)
	}
	if entry, ok = v.exact[o]; !ok && o.Type.Form() == ioc.Digest {
		entry, ok = v.exact[ioc.Observable{Value: o.Value}]
	}
	return entry, ok
}

// findHost serves an address, with or without brackets, or a name.
func (v *values) findHost(host string) (entry string, ok bool) {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	if looksLikeAddress(host) {
		if a, err := netip.ParseAddr(host); err == nil {
			return v.findNet(netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return v.findName(host)
}

// looksLikeAddress keeps names away from ParseAddr, whose error allocates.
func looksLikeAddress(s string) bool {
	return strings.IndexByte(s, ':') >= 0 || s != "" && strings.Trim(s, "0123456789.") == ""
}

func (v *values) findNet(p netip.Prefix) (entry string, ok bool) {
	for _, bits := range v.bits[family(p.Addr())] {
		if bits > p.Bits() {
			continue
		}
		if entry, ok = v.nets[netip.PrefixFrom(p.Addr(), bits).Masked()]; ok {
			return entry, true
		}
	}
	return "", false
}

// findName looks for the name and for the names it is below. A single label
// covers itself alone, or a machine called "com" would own half of the world.
func (v *values) findName(name string) (entry string, ok bool) {
	if len(v.names) == 0 {
		return "", false
	}
	if entry, ok = v.names[name]; ok {
		return entry, true
	}
	for {
		_, parent, below := strings.Cut(name, ".")
		if !below || strings.IndexByte(parent, '.') < 0 {
			return "", false
		}
		if entry, ok = v.names[parent]; ok {
			return entry, true
		}
		name = parent
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// caseless reports whether the matcher finds texts of t in any case.
func caseless(t ioc.Type) bool { return t.Form() == ioc.Phrase }

// folded returns o with a text whose case does not count in lower case.
func folded(o ioc.Observable) ioc.Observable {
	if caseless(o.Type) {
		o.Value = strings.ToLower(o.Value)
	}
	return o
}
