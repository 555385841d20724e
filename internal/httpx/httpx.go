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
//     metadata service of the cloud we run in.
//
// New makes the client, Policy.Do sends a request through it and tries again
// where that can help. Both report by their results alone; OnRetry lets a
// caller watch the attempts.
package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Options changes what New makes; the zero value is right for most uses.
type Options struct {
	Version string        // ours, for "User-Agent: iochunt/<version>"; "" means dev
	CAFile  string        // PEM file of certificates to trust beside the system's
	Dial    time.Duration // limit for reaching the host, 10 s
	TLS     time.Duration // limit for the TLS handshake, 10 s
	Header  time.Duration // limit from the request to the answer's header, 90 s
	Idle    time.Duration // longest silence in the middle of a body, 60 s
	MaxBody int64         // most bytes of a decoded body, 1 GiB
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

// New makes a client. It takes the proxy from the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY) as it is now. An error means that CAFile cannot be used.
func New(o Options) (*http.Client, error) {
	o = o.withDefaults()
	roots, err := trusted(o.CAFile)
	if err != nil {
		return nil, err
	}
	proxy := proxyFromEnvironment()
	g := &guard{
		agent: "iochunt/" + o.Version, idle: o.Idle, max: o.MaxBody, proxy: proxy,
		any:    transport(o, roots, proxy, nil),
		public: transport(o, roots, nil, publicOnly),
	}
	return &http.Client{Transport: g, CheckRedirect: CheckRedirect}, nil
}

func transport(o Options, roots *x509.CertPool, proxy proxyFunc, control controlFunc) *http.Transport {
	d := &net.Dialer{Timeout: o.Dial, KeepAlive: 30 * time.Second, Control: control}
	t := &http.Transport{
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    o.TLS,
		ResponseHeaderTimeout:  o.Header,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    4,
		ForceAttemptHTTP2:      true,
	}
	if proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	}
	return t
}

// trusted returns the system's certificates and those of file; nil means the
// system's alone.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificates to trust: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificates to trust: %s holds no PEM certificate", file)
	}
	return pool, nil
}

type proxyFunc func(*url.URL) (*url.URL, error)

// proxyFromEnvironment keeps the proxy's own text out of the error: it may
// hold a password.
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
