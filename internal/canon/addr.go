package canon

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Addr reads an IP address in any spelling: IPv4 in dotted decimal; IPv6 long
// or short, in brackets, with a zone, mapped from IPv4. The zone is dropped, as
// it means something on one machine only, and a mapped address is the IPv4
// address it maps. An IPv4 octet with a leading zero is refused: some programs
// read it as octal, some as decimal.
func Addr(s string) (netip.Addr, error) {
	return addr(Refang(trim(s)))
}

// addr is Addr for a value that is trimmed and refanged.
func addr(s string) (netip.Addr, error) {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	if !addrLike(s) {
		return netip.Addr{}, errAddr
	}
	if i := strings.IndexByte(s, '%'); i >= 0 && strings.IndexByte(s[:i], ':') >= 0 {
		s = s[:i]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, addrReason(s)
	}
	return a.Unmap(), nil
}

// addrLike is a quick look that spares netip the making of an error for every
// name in a list: an address begins with a hex digit or ':' and has a ':', or
// has nothing but digits and dots.
func addrLike(s string) bool {
	if s == "" || !is(s[0], isHex) && s[0] != ':' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			return true
		case !is(c, isHex) && c != '.':
			return false
		}
	}
	return is(s[0], isDigit)
}

// addrReason says why s, which looks like an address, is none.
func addrReason(s string) error {
	octets := strings.Split(s, ".")
	if len(octets) != 4 {
		return errAddr
	}
	zeros := false
	for _, o := range octets {
		n, err := strconv.ParseUint(o, 10, 16)
		if err != nil || n > 255 {
			return errAddr
		}
		zeros = zeros || len(o) > 1 && o[0] == '0'
	}
	if zeros {
		return errZeros
	}
	return errAddr
}

// Prefix reads a network: address/length, of either family, or IPv4 with a
// netmask ("192.0.2.0/255.255.255.0"). The bits beyond the length are cleared
// and a network of mapped addresses is the IPv4 network.
func Prefix(s string) (netip.Prefix, error) {
	return prefix(Refang(trim(s)))
}

func prefix(s string) (netip.Prefix, error) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return netip.Prefix{}, errPrefix
	}
	a, err := addr(s[:i])
	if err != nil {
		return netip.Prefix{}, err
	}
	n, ok := prefixLen(s[i+1:], a)
	if !ok {
		return netip.Prefix{}, errPrefix
	}
	if a.Is4() && strings.IndexByte(s[:i], ':') >= 0 {
		n -= 96
	}
	p, err := a.Prefix(n)
	if err != nil {
		return netip.Prefix{}, errPrefix
	}
	return p, nil
}

// prefixLen reads what stands behind the slash of a network that begins at a.
func prefixLen(s string, a netip.Addr) (int, bool) {
	if a.Is4() && strings.IndexByte(s, '.') >= 0 {
		m, err := netip.ParseAddr(s)
		if err != nil || !m.Is4() {
			return 0, false
		}
		b := m.As4()
		mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		n := bits.LeadingZeros32(^mask)
		return n, mask<<n == 0
	}
	if s == "" || len(s) > 3 || !all(s, isDigit) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// AddrPort reads an address with a port: "192.0.2.1:80", "[2001:db8::1]:80",
// and MISP's "192.0.2.1|80". Port 0 is refused.
func AddrPort(s string) (netip.AddrPort, error) {
	return addrPort(Refang(trim(s)))
}

func addrPort(s string) (netip.AddrPort, error) {
	i := strings.LastIndexByte(s, '|')
	if i < 0 {
		i = strings.LastIndexByte(s, ':')
		if i < 0 || strings.IndexByte(s[:i], ':') >= 0 && s[i-1] != ']' {
			return netip.AddrPort{}, errAddr
		}
	}
	a, err := addr(s[:i])
	if err != nil {
		return netip.AddrPort{}, err
	}
	p, ok := port(s[i+1:])
	if !ok {
		return netip.AddrPort{}, errPort
	}
	return netip.AddrPortFrom(a, p), nil
}

// port reads a port number, 1 to 65535.
func port(s string) (uint16, bool) {
	if s == "" || !all(s, isDigit) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}
