package httpx

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialFunc is http.Transport.DialContext.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (o Options) dialer() *net.Dialer {
	return &net.Dialer{Timeout: o.Dial, KeepAlive: 30 * time.Second, Resolver: o.resolver}
}

// dialConfigured reaches the host that the caller wrote down. With
// Options.Public a name may not stand for an address inside a network; an
// address in its place, or localhost, is what the person meant.
func (o Options) dialConfigured() dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := o.dialer()
		host, _, err := net.SplitHostPort(address)
		if err == nil && o.Public && isName(host) {
			d.Control = only(func(a netip.Addr) error {
				return fmt.Errorf("%w: %s stands for the private address %s; if that is right, set allow_private: true", ErrRefused, host, a)
			})
		}
		return d.DialContext(ctx, network, address)
	}
}

// dialForeign reaches a host that an answer named: never inside a network.
func (o Options) dialForeign() dialFunc {
	d := o.dialer()
	d.Control = only(func(a netip.Addr) error {
		return fmt.Errorf("%w: a redirect to another host leads to the private address %s", ErrRefused, a)
	})
	return d.DialContext
}

func isName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && !Loopback(host)
}

// only makes a net.Dialer.Control that refuses addresses inside a network. It
// sees the address after the name was resolved, and it is the one that is going
// to be connected: a public name for a private address does not help, nor a
// name server that answers differently each time.
func only(refuse func(netip.Addr) error) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s is no address", ErrRefused, address)
		}
		if a := ap.Addr().Unmap().WithZone(""); !public(a) {
			return refuse(a)
		}
		return nil
	}
}

// inside holds the networks that netip does not count as private, and that
// nobody reaches from outside all the same (RFC 6890 and its registry).
var inside = prefixes(
	"0.0.0.0/8",      // this network
	"100.64.0.0/10",  // shared by a provider's customers, RFC 6598
	"192.0.0.0/24",   // protocol assignments
	"198.18.0.0/15",  // measuring in a laboratory, RFC 2544
	"240.0.0.0/4",    // reserved
	"fec0::/10",      // site-local, RFC 3879
	"64:ff9b:1::/48", // translation inside a network, RFC 8215
)

// carriers hold IPv6 addresses that stand for an IPv4 address, with the byte
// at which it begins.
var carriers = map[netip.Prefix]int{
	netip.MustParsePrefix("::/96"):        12, // RFC 4291 §2.5.5.1
	netip.MustParsePrefix("64:ff9b::/96"): 12, // RFC 6052
	netip.MustParsePrefix("2002::/16"):    2,  // 6to4, RFC 3056
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// public reports whether a is an address on the open net.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range inside {
		if p.Contains(a) {
			return false
		}
	}
	for p, at := range carriers {
		if b := a.As16(); a.Is6() && p.Contains(a) {
			return public(netip.AddrFrom4([4]byte(b[at : at+4])))
		}
	}
	return true
}
