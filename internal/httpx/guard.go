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

// taxii are the headers that say which TAXII is spoken (TAXII 1.1 HTTP binding §4).
var taxii = map[string]bool{
	"X-Taxii-Content-Type": true, "X-Taxii-Accept": true, "X-Taxii-Services": true, "X-Taxii-Protocol": true,
}

// credential returns what in r must not reach another host: a header's name,
// or "user" for a user in the URL; "" when there is nothing.
func credential(r *http.Request) string {
	for name := range r.Header {
		if !harmless[name] && !taxii[name] {
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
	agent string
	idle  time.Duration
	max   int64
	proxy proxyFunc

	configured, foreign, proxied, socks *http.Transport // the ways to a server
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	way, proxy, err := g.way(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	if proxy != nil {
		ctx = context.WithValue(ctx, socksKey{}, proxy)
	}
	req = req.Clone(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", g.agent)
	}
	unrepeatable(req)
	resp, err := way.RoundTrip(req)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = newBody(resp.Body, g.idle, g.max, cancel)
	return resp, nil
}

// CloseIdleConnections does it for http.Client.CloseIdleConnections.
func (g *guard) CloseIdleConnections() {
	for _, t := range []*http.Transport{g.configured, g.foreign, g.proxied, g.socks} {
		t.CloseIdleConnections()
	}
}

// way picks the transport: one that reaches no private address for a request
// that a redirect brought to another host. A proxy does its own filtering.
func (g *guard) way(req *http.Request) (t *http.Transport, proxy *url.URL, err error) {
	if proxy, err = g.proxy(req.URL); err == nil {
		err = plainSecret(req, proxy)
	}
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	switch {
	case err != nil:
		return nil, nil, err
	case proxy != nil && isSocks(proxy):
		return g.socks, proxy, nil
	case proxy != nil:
		return g.proxied, proxy, nil
	case strings.EqualFold(first.URL.Hostname(), req.URL.Hostname()):
		return g.configured, nil, nil
	}
	return g.foreign, nil, nil
}

// plainSecret refuses a credential over plain http to another machine, be it
// the server or a proxy on the way.
func plainSecret(req *http.Request, proxy *url.URL) error {
	what := credential(req)
	switch {
	case req.URL.Scheme != "http" || what == "":
		return nil
	case !Loopback(req.URL.Hostname()):
		return fmt.Errorf("%w: %s would cross the network in plain text to %s; use https (plain http is for this machine only)",
			ErrRefused, what, req.URL.Host)
	case proxy != nil && !Loopback(proxy.Hostname()):
		return fmt.Errorf("%w: %s would cross the network in plain text to the proxy %s; this machine needs no proxy to itself",
			ErrRefused, what, proxy.Host)
	}
	return nil
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
	from, to := Origin(last.URL), Origin(req.URL)
	switch what := credential(first); {
	case len(via) >= 10:
		return fmt.Errorf("%w: more than 10 redirects, the last to %s", ErrRefused, to)
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: the redirect from %s to %s leaves https", ErrRefused, from, to)
	case what != "" && Origin(first.URL) != to:
		return fmt.Errorf("%w: the redirect from %s to %s would take %s to another host", ErrRefused, Origin(first.URL), to, what)
	}
	return nil
}

// Origin is scheme, host and port of u (the port where it is not the usual one),
// in lower case: what a secret belongs to (RFC 6454).
func Origin(u *url.URL) string {
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
