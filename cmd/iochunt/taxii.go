package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/httpx"
)

const taxiiLong = `Ask a TAXII server: what it offers, what is in a collection; or send it something.

The flags are those of cabby's commands (taxii-discovery, taxii-collections,
taxii-poll, taxii-push), so that what worked there works here. These differ:

  * the exit status tells errors, also those that come as an answer
  * a user name without a password is sent (OTX: the API key is the user name)
  * https is the default, but for this machine itself; --https=false turns it off
  * secrets are better given by --username-file, --password-file, TAXII_USERNAME,
    TAXII_PASSWORD or at the prompt than by flags, which others can see; the
    password of a key comes from --key-password-file alone
  * -t 2.0 and -t 2.1 speak TAXII 2

Nothing is stored; a feed of kind taxii in the config file is what is collected.

EXIT STATUS
  0  done
  1  it failed
  2  usage
  3  a part could not be read
  4  the server refused the login`

// taxiiFlags say which server is asked, and how.
type taxiiFlags struct {
	host, path, discovery string
	port                  int
	https                 bool
	httpsSaid             bool
	verify, caCert        string
	cert, key             string
	proxyURL, proxyType   string
	timeout               seconds
	version               string
	asXML                 bool
	anonymous             bool // no login was given
	loginFlags
}

func newTAXII(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "taxii", Short: "Ask a TAXII server for its services, collections and content", Long: taxiiLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTAXIIDiscovery(a), newTAXIICollections(a), newTAXIIPoll(a), newTAXIIPush(a))
	return cmd
}

// add gives a command the flags that all of them have.
func (f *taxiiFlags) add(cmd *cobra.Command, verbose *bool) {
	cmd.Annotations = map[string]string{"config": "none"}
	s := cmd.Flags()
	s.StringVar(&f.host, "host", "", "host of the server, host:port too")
	s.IntVar(&f.port, "port", 0, "port of the server")
	s.StringVar(&f.path, "path", "", "address of the service: a whole URL, or a path on --host")
	s.StringVar(&f.discovery, "discovery", "", "address of the discovery service, which names the others")
	s.BoolVar(&f.https, "https", true, "use https where an address does not say (this machine itself: http)")
	s.StringVar(&f.verify, "verify", "yes", "check the server's certificate: yes, no, or a file of certificates to trust")
	s.VarP(&f.timeout, "timeout", "", "longest time for one answer: seconds, or 2m")
	s.StringVar(&f.caCert, "ca-cert", "", "file of certificates (PEM) to trust beside the system's")
	s.StringVar(&f.cert, "cert", "", "client certificate (PEM file)")
	s.StringVar(&f.key, "key", "", "the client certificate's key (PEM file)")
	s.StringVar(&f.keyPasswordFile, "key-password-file", "", "file with the key's password")
	s.StringVar(&f.username, "username", "", "user name; OTX: the API key")
	s.StringVar(&f.password, "password", "", "password (others can see it in the list of processes)")
	s.StringVar(&f.usernameFile, "username-file", "", "file with the user name; - is standard input")
	s.StringVar(&f.passwordFile, "password-file", "", "file with the password; - is standard input")
	s.StringVar(&f.jwt, "jwt-auth", "", "address to fetch a JSON Web Token from, with user name and password")
	s.StringVar(&f.proxyURL, "proxy-url", "", "proxy, http://host:port; none or noproxy: not even that of HTTPS_PROXY")
	s.StringVar(&f.proxyType, "proxy-type", "", "socks5: the proxy is one, if its URL does not say; http and https change nothing")
	s.StringArrayVar(&f.headers, "header", nil, "a further header, Name:value (may be repeated)")
	s.BoolVarP(verbose, "verbose", "v", false, "log each request, on standard error")
	s.BoolVarP(&f.asXML, "as-xml", "x", false, "print the answers as they came (XML, or JSON for TAXII 2)")
	s.StringVarP(&f.version, "taxii-version", "t", "1.1", "version of TAXII: 1.0, 1.1, 2.0, 2.1")
}

// two reports whether TAXII 2 is spoken, after checking the version.
func (f *taxiiFlags) two() (bool, error) {
	switch f.version {
	case "1.0", "1.1":
		return false, nil
	case "2.0", "2.1":
		return true, nil
	}
	return false, usage("-t %s: the versions are 1.0, 1.1, 2.0 and 2.1", f.version)
}

// address makes a URL of what --path or --discovery says.
func (f *taxiiFlags) address(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return nil, usage("%q is no address: %w", ref, err)
	}
	if u.Host != "" {
		if u.Scheme != "https" && u.Scheme != "http" {
			return nil, usage("%s: the scheme has to be https or http", httpx.SafeURL(u))
		}
		return u, nil
	}
	host, port, err := f.hostPort()
	if host == "" || err != nil {
		return nil, cmp.Or(err, usage("%q is not a whole address; name the server as well: --host", ref))
	}
	u.Scheme, u.Host = f.scheme(host), host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		u.Host += ":" + port
	}
	u.Path = "/" + strings.TrimPrefix(u.Path, "/")
	return u, nil
}

// hostPort are the name and the port that --host and --port give. A port may
// stand in --host, too.
func (f *taxiiFlags) hostPort() (host, port string, err error) {
	switch host = f.host; {
	case strings.ContainsAny(host, "/@?#"):
		return "", "", usage("--host takes a name or an address alone; a whole address belongs into --path or --discovery")
	case f.port < 0 || f.port > 65535:
		return "", "", usage("--port %d is not between 1 and 65535", f.port)
	case strings.Count(host, ":") == 1 || strings.Contains(host, "]:"):
		if host, port, err = net.SplitHostPort(host); err != nil {
			return "", "", usage("--host %s: it is neither a name nor a name with a port", f.host)
		}
	}
	if p := strconv.Itoa(f.port); f.port != 0 {
		if port != "" && port != p {
			return "", "", usage("--host names the port %s, and --port %s; give one", port, p)
		}
		port = p
	}
	return strings.Trim(host, "[]"), port, nil
}

func (f *taxiiFlags) scheme(host string) string {
	if !f.https || !f.httpsSaid && httpx.Loopback(host) {
		return "http"
	}
	return "https"
}

// base is the address that a command begins at: --path, else --discovery, else
// for TAXII 2 the place where servers announce themselves.
func (f *taxiiFlags) base(cmd *cobra.Command) (*url.URL, error) {
	f.httpsSaid = cmd.Flags().Changed("https")
	ref := cmp.Or(f.path, f.discovery)
	if two, err := f.two(); err != nil {
		return nil, err
	} else if ref == "" && two {
		ref = map[string]string{"2.0": "/taxii/", "2.1": "/taxii2/"}[f.version]
	}
	if ref == "" {
		return nil, usage("say which service to ask: --path (its address), or --discovery (a service that names the others)")
	}
	return f.address(ref)
}

// dial makes the connection to the server at base.
func (a *app) dial(ctx context.Context, f *taxiiFlags, base *url.URL) (*taxii.Conn, error) {
	o, err := a.clientOptions(f)
	if err != nil {
		return nil, err
	}
	h, err := httpx.New(o)
	if err != nil {
		return nil, usage("%w", err)
	}
	if a.verbose {
		h.Transport = &logged{h.Transport, a.log}
	}
	if f.asXML {
		h.Transport = &tap{h.Transport, a.out}
	}
	login, err := a.login(ctx, &f.loginFlags, base)
	if err != nil {
		return nil, err
	}
	f.anonymous = login.Username == "" && len(login.Header) == 0
	c, err := taxii.New(taxii.Options{Base: base, Login: login, HTTP: h, Policy: httpx.Policy{Attempts: 3, Timeout: time.Duration(f.timeout)}})
	if err != nil {
		return nil, usage("%w", err)
	}
	return c, nil
}

// clientOptions are the settings of the connection. The address was typed by a
// person, so that it may be one of this network.
func (a *app) clientOptions(f *taxiiFlags) (httpx.Options, error) {
	o := httpx.Options{Version: version, CAFile: f.caCert, Header: time.Duration(f.timeout)}
	switch strings.ToLower(f.verify) {
	case "yes", "true", "1", "":
	case "no", "false", "0":
		o.Insecure = true
		a.note("iochunt: --verify no: the server's certificate is not checked; anybody on the way can read the login and change the answers")
	default:
		if f.caCert != "" {
			return o, usage("--verify FILE and --ca-cert both name certificates; give one")
		}
		o.CAFile = f.verify
	}
	proxy, err := f.proxy()
	if err != nil {
		return o, err
	}
	if u, err := url.Parse(proxy); err == nil && u.User != nil && f.proxyURL != "" {
		a.note("iochunt: others on this machine can see a password in --proxy-url in the list of processes; HTTPS_PROXY hides it")
	}
	o.Proxy = httpx.Secret(proxy)
	return o, a.clientCert(f, &o)
}

// proxy is the proxy's URL with its scheme. http and https are cabby's words for
// which requests go by the proxy, and not for how it is spoken to.
func (f *taxiiFlags) proxy() (string, error) {
	scheme := "http"
	switch f.proxyType {
	case "", "http", "https":
	case "socks5":
		scheme = "socks5"
	default:
		return "", usage("--proxy-type %q: it is http, https or socks5", f.proxyType)
	}
	switch {
	case f.proxyURL == "noproxy":
		return "none", nil
	case f.proxyURL == "" || f.proxyURL == "none" || strings.Contains(f.proxyURL, "://"):
		return f.proxyURL, nil
	}
	return scheme + "://" + f.proxyURL, nil
}

// clientCert reads the certificate that shows who we are. One file may hold it
// and its key.
func (a *app) clientCert(f *taxiiFlags, o *httpx.Options) error {
	switch {
	case f.keyPasswordFile != "" && f.key == "" && f.cert == "":
		return usage("--key-password-file needs --key, and --cert")
	case f.key != "" && f.cert == "":
		return usage("--key needs --cert, the certificate that it belongs to")
	case f.cert == "":
		return nil
	}
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return usage("--cert: %w", err)
	}
	o.ClientCert = string(cert)
	if f.key != "" {
		key, err := config.ReadSecret(f.key)
		if err != nil {
			return usage("--key: %w", err)
		}
		o.ClientKey = httpx.Secret(key)
	}
	if f.keyPasswordFile == "" {
		return nil
	}
	password, err := a.secretFile("--key-password-file", f.keyPasswordFile)
	o.KeyPassword = httpx.Secret(password)
	return err
}

// tap copies the answers, as they come, to out, but for those of the token
// service, which are secrets. That one alone is asked for JSON that is not
// TAXII's, wherever it lies and redirects to.
type tap struct {
	http.RoundTripper
	out io.Writer
}

// RoundTrip implements http.RoundTripper.
func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && r.Header.Get("Accept") != "application/json" {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(resp.Body, t.out), resp.Body}
	}
	return resp, err
}

// logged logs each request, by the parts of its address that are not secret.
type logged struct {
	http.RoundTripper
	log *zap.Logger
}

// RoundTrip implements http.RoundTripper.
func (l *logged) RoundTrip(r *http.Request) (*http.Response, error) {
	started := time.Now()
	resp, err := l.RoundTripper.RoundTrip(r)
	fields := []zap.Field{zap.String("method", r.Method), zap.String("url", httpx.SafeURL(r.URL)), zap.Duration("took", time.Since(started))}
	if err == nil { // an error is told, without its secrets, by who asked
		fields = append(fields, zap.Int("status", resp.StatusCode))
	}
	l.log.Info("request", fields...)
	return resp, err
}

// seconds is a duration that cabby's users write as a number.
type seconds time.Duration

// String implements pflag.Value.
func (s *seconds) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Set implements pflag.Value.
func (s *seconds) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil {
		text = fmt.Sprintf("%ds", n)
	}
	d, err := config.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time such as 60 or 2m", text)
	}
	*s = seconds(d)
	return nil
}

// Type implements pflag.Value.
func (*seconds) Type() string { return "seconds" }
