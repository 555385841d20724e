package filefmt

import (
	"net/netip"
	"strings"
)

// addrRange reads "192.0.2.1-192.0.2.9", with or without blanks.
func addrRange(s string) (first, last netip.Addr, ok bool) {
	a, b, found := strings.Cut(s, "-")
	if !found || len(s) > 100 || a == "" || !isHex(a[0]) && a[0] != ':' {
		return first, last, false
	}
	first, err := netip.ParseAddr(strings.TrimSpace(a))
	if err != nil {
		return first, last, false
	}
	last, err = netip.ParseAddr(strings.TrimSpace(b))
	return first, last, err == nil && first.Zone() == "" && last.Zone() == "" && first.Is4() == last.Is4()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// prefixes returns the networks that together are exactly first to last: at
// most 62 for IPv4 and 254 for IPv6; none if last comes before first.
func prefixes(first, last netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for first.IsValid() && first.Compare(last) <= 0 {
		p := netip.PrefixFrom(first, first.BitLen())
		for p.Bits() > 0 {
			wider := netip.PrefixFrom(first, p.Bits()-1)
			if wider.Masked().Addr() != first || end(wider).Compare(last) > 0 {
				break
			}
			p = wider
		}
		out = append(out, p)
		first = end(p).Next() // not valid behind the last address there is
	}
	return out
}

// end returns the last address of p.
func end(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
