package httpx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"
	socks "golang.org/x/net/proxy"
)

// NoProxy is the value of Options.Proxy that asks for none, whatever the
// environment says.
const NoProxy = "none"

// proxyFunc tells the proxy for an address, nil for none.
type proxyFunc func(*url.URL) (*url.URL, error)

// proxy reads Options.Proxy. Its own text stays out of the error: it may hold a
// password.
func (o Options) proxy() (proxyFunc, error) {
	switch o.Proxy {
	case "":
		return proxyFromEnvironment(), nil
	case NoProxy:
		return func(*url.URL) (*url.URL, error) { return nil, nil }, nil
	}
	u, err := url.Parse(string(o.Proxy))
	if err != nil || u.Hostname() == "" || !proxySchemes[u.Scheme] {
		return nil, errors.New("the proxy must look like http://proxy.example:3128, https://… or socks5://…, " +
			"with user:password@ before the host if it wants a login (odd characters in them as %xx), or be " + NoProxy)
	}
	return func(*url.URL) (*url.URL, error) { return u, nil }, nil
}

var proxySchemes = map[string]bool{"http": true, "https": true, "socks5": true, "socks5h": true}

func proxyFromEnvironment() proxyFunc {
	f := httpproxy.FromEnvironment().ProxyFunc()
	return func(u *url.URL) (*url.URL, error) {
		p, err := f(u)
		if err != nil {
			return nil, errors.New("the proxy that HTTPS_PROXY or HTTP_PROXY names is not a URL")
		}
		return p, nil
	}
}

// proxyError is a proxy that did not open the way to the server.
type proxyError struct{ code int }

// Error implements error.
func (e *proxyError) Error() string {
	s := fmt.Sprintf("the proxy did not let us through: %d %s", e.code, http.StatusText(e.code))
	if e.code == http.StatusProxyAuthRequired {
		s += " (its user name and password stand in its URL: http://user:password@host:port)"
	}
	return s
}

// askedProxy is a http.Transport.OnProxyConnectResponse. Without it the error
// would be whatever words the proxy put behind the number.
func askedProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{resp.StatusCode}
}

// toProxy speaks TLS with a proxy by the usual rules: the client certificate,
// fingerprint and Insecure are meant for the server behind it.
func (o Options) toProxy(usual *tls.Config) *tls.Dialer {
	return &tls.Dialer{NetDialer: o.dialer(), Config: usual}
}

type socksKey struct{}

func isSocks(proxy *url.URL) bool { return proxy.Scheme == "socks5" || proxy.Scheme == "socks5h" }

// dialSocks reaches a host by the SOCKS5 proxy in the request's context, which
// resolves its name. net/http could do it too, but would wait for a silent
// proxy without end.
func (o Options) dialSocks() dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		u, ok := ctx.Value(socksKey{}).(*url.URL)
		if !ok {
			return nil, errors.New("httpx: a dial without its proxy")
		}
		var auth *socks.Auth
		if u.User != nil {
			pass, _ := u.User.Password()
			auth = &socks.Auth{User: u.User.Username(), Password: pass}
		}
		d, err := socks.SOCKS5("tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "1080")), auth, o.dialer())
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, o.Header)
		defer cancel()
		return d.(socks.ContextDialer).DialContext(ctx, network, address)
	}
}
