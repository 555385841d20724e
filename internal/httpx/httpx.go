// Package httpx is the one outbound HTTP client of the program. Everything
// that leaves the machine goes through it, so that the rules hold everywhere:
//
//   - A secret stays with the host it is meant for. net/http drops
//     Authorization and Cookie when a redirect leads to another host, but sends
//     every other header on, and a feed's key is often such a header. Here a
//     request that carries any header outside a short list of harmless ones
//     does not follow to another host, and is not sent over plain http but to
//     the machine itself.
//   - A secret stays out of errors. net/http puts the whole URL into them;
//     errors of Policy.Do have neither user nor query, and no value that the
//     request kept in a header, not even when the server sends it back.
//   - Nothing waits for ever and nothing grows without bound: there are
//     timeouts for dialling, TLS, the answer's header and each silence in the
//     body, and a cap on the decoded body (a megabyte of gzip can hold a
//     gigabyte).
//   - A redirect never leads from https to http, and one that leads to another
//     host never reaches a private address: a feed cannot make us read the
//     metadata service of the cloud we run in. With Options.Public the name of
//     the host itself may not stand for one either.
//   - Who is on the other side is proven: TLS 1.2 or newer, by the system's
//     authorities, one's own, or the fingerprint of the one certificate. Our own
//     certificate is shown to the configured host alone, not to a proxy and not
//     where a redirect leads.
//
// New makes the client, Policy.Do sends a request through it and tries again
// where that can help. Both report by their results alone; OnRetry lets a
// caller watch the attempts.
package httpx

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options changes what New makes; the zero value is right for most uses.
type Options struct {
	Version string        // ours, for "User-Agent: iochunt/<version>"; "" means dev
	Dial    time.Duration // limit for reaching the host, 10 s
	TLS     time.Duration // limit for the TLS handshake, 10 s
	Header  time.Duration // limit from the request to the answer's header, 90 s; also for the answer of a SOCKS proxy
	Idle    time.Duration // longest silence in the middle of a body, 60 s
	MaxBody int64         // most bytes of a decoded body, 1 GiB

	// Proxy is the URL of a proxy (http, https, socks5; user and password before
	// its host) that takes all requests; NoProxy: none; "": what HTTPS_PROXY,
	// HTTP_PROXY and NO_PROXY say. It resolves the names, so that Public is its matter.
	Proxy Secret
	// Public refuses a host's name that stands for an address inside a network
	// (this machine, RFC 1918, link-local and the like), which is how a feed's name
	// server makes us read what only we can reach. An address written in the URL
	// itself, and localhost, are taken as meant. Redirects to another host never
	// reach such an address, whatever is set here.
	Public bool

	CAFile      string // PEM file of certificates to trust beside the system's
	Fingerprint string // SHA-256 of the one certificate that the server may show, in hex; instead of chain, name and dates
	Insecure    bool   // takes any certificate: whoever sits in between reads and writes along. The caller must warn

	ClientCert  string // PEM text of the certificate to show, with those between it and its root
	ClientKey   Secret // PEM text of its key; "": it is in ClientCert
	KeyPassword Secret // of an encrypted key

	resolver *net.Resolver // for tests
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&o.Dial, 10*time.Second)
	or(&o.TLS, 10*time.Second)
	or(&o.Header, 90*time.Second)
	or(&o.Idle, time.Minute)
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 30
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return o
}

// New makes a client. It reads the environment's proxy as it is now. An error
// says which of the options cannot be used, without telling a secret.
func New(o Options) (*http.Client, error) {
	o = o.withDefaults()
	server, usual, err := o.tlsConfigs()
	if err != nil {
		return nil, err
	}
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	g := &guard{agent: "iochunt/" + o.Version, idle: o.Idle, max: o.MaxBody, proxy: proxy,
		configured: o.transport(server, o.dialConfigured()),
		foreign:    o.transport(usual, o.dialForeign()), // neither pinned nor shown our certificate
		proxied:    o.transport(server, o.dialer().DialContext),
		socks:      o.transport(server, o.dialSocks()),
	}
	g.proxied.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	g.proxied.OnProxyConnectResponse = askedProxy
	g.proxied.DialTLSContext = o.toProxy(usual).DialContext
	return &http.Client{Transport: g, CheckRedirect: CheckRedirect}, nil
}

func (o Options) transport(c *tls.Config, dial dialFunc) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        c.Clone(),
		TLSHandshakeTimeout:    o.TLS,
		ResponseHeaderTimeout:  o.Header,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    4,
		ForceAttemptHTTP2:      true,
	}
}
