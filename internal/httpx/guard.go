package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRefused marks the error of a request that was not sent, or not followed,
// because it would have taken a secret where it does not belong or read from
// where a feed has no business. Trying again does not help.
var ErrRefused = errors.New("refused")

// harmless holds the headers that say nothing worth stealing. All others
// count as credentials: a list of the secret ones would always lack one.
var harmless = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true,
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Date": true,
	"If-Modified-Since": true, "If-None-Match": true, "Pragma": true, "Range": true, "Referer": true, "User-Agent": true,
}

// credential returns what in r must not reach another host: a header's name,
// or "user" for a user in the URL; "" when there is nothing.
func credential(r *http.Request) string {
	for name := range r.Header {
		if !harmless[name] && !strings.HasPrefix(name, "X-Taxii-") {
			return "the header " + name
		}
	}
	if r.URL.User != nil {
		return "a user and password"
	}
	return ""
}

// guard is the RoundTripper that holds the package's rules for one request.
type guard struct {
	agent       string
	idle        time.Duration
	max         int64
	proxy       proxyFunc
	any, public http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := plainSecret(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", g.agent)
	}
	resp, err := g.way(req).RoundTrip(req)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = newBody(resp.Body, g.idle, g.max, cancel)
	return resp, nil
}

// way picks the transport: one that reaches no private address for a request
// that a redirect brought to another host. A proxy does its own filtering.
func (g *guard) way(req *http.Request) http.RoundTripper {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if strings.EqualFold(first.URL.Hostname(), req.URL.Hostname()) {
		return g.any
	}
	if p, err := g.proxy(req.URL); p != nil || err != nil {
		return g.any
	}
	return g.public
}

// plainSecret refuses a credential over plain http to another machine.
func plainSecret(req *http.Request) error {
	what := credential(req)
	if req.URL.Scheme != "http" || what == "" || Loopback(req.URL.Hostname()) {
		return nil
	}
	return fmt.Errorf("%w: %s would cross the network in plain text to %s; use https (plain http is for this machine only)",
		ErrRefused, what, req.URL.Host)
}

// Loopback reports whether a URL's host is this machine: localhost (RFC 6761
// §6.3) or an address of 127.0.0.0/8 or ::1.
func Loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// CheckRedirect is the http.Client.CheckRedirect of the clients that New
// makes; one who sends a secret through somebody else's client sets it there.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // it would tell the next host the query of the last
	first, last := via[0], via[len(via)-1]
	from, to := origin(last.URL), origin(req.URL)
	switch what := credential(first); {
	case len(via) >= 10:
		return fmt.Errorf("%w: more than 10 redirects, the last to %s", ErrRefused, to)
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: the redirect from %s to %s leaves https", ErrRefused, from, to)
	case what != "" && origin(first.URL) != to:
		return fmt.Errorf("%w: the redirect from %s to %s would take %s to another host", ErrRefused, origin(first.URL), to, what)
	}
	return nil
}

// origin is scheme, host and port of u.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host := u.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return u.Scheme + "://" + strings.ToLower(host)
	}
	return u.Scheme + "://" + strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

type controlFunc func(network, address string, c syscall.RawConn) error

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// publicOnly is a net.Dialer.Control that refuses addresses inside a network.
// It sees the address after the name was resolved, so that a public name for a
// private address does not help.
func publicOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is no address", ErrRefused, address)
	}
	a := ap.Addr().Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || sharedSpace.Contains(a) {
		return fmt.Errorf("%w: a redirect to another host leads to the private address %s", ErrRefused, a)
	}
	return nil
}
