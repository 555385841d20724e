// Package es is the one connection to Elasticsearch and OpenSearch. It knows
// requests and answers, and no index of ours: what is asked for, and what it
// means, is the business of internal/store/elastic, hunt/indices and mappings.
//
// What is underneath is go-elasticsearch's transport (addresses, Cloud ID,
// authentication, product check) over the transport of internal/httpx (TLS,
// proxy, limits, secrets), and around both stands the retry policy of
// internal/httpx; elastic-transport's own is off, for it knows neither 429 nor
// Retry-After.
//
// An answer counts only when it is whole. A search of which a shard failed, or
// that ran into its time limit, is an error and never a shorter answer: whoever
// asks decides whether "no hits" may be said.
package es

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/elastic/go-elasticsearch/v8"

	"github.com/iochunt/iochunt/internal/httpx"
)

// Flavours of a server.
const (
	Elasticsearch = "elasticsearch"
	OpenSearch    = "opensearch"
)

// Options says where a cluster is and who asks. The zero value is a node on
// this machine without security.
type Options struct {
	Addresses []string // http(s)://host:port; none: http://127.0.0.1:9200
	CloudID   string   // in place of Addresses
	Flavor    string   // Elasticsearch, OpenSearch; "": Elasticsearch
	Username  string
	Password  httpx.Secret
	APIKey    httpx.Secret // base64 of id:key, as the cluster gives it out; comes before Username
	HTTP      httpx.Options
	Compress  bool          // answers may come compressed: for a cluster far away
	Timeout   time.Duration // limit for one attempt, 5 min
	Attempts  int           // of each request, 6
}

// Client speaks with one cluster. It is safe for concurrent use.
type Client struct {
	o      Options
	base   string // scheme and host of the first address, for errors
	http   *http.Client
	hide   []httpx.Secret
	mask   httpx.Mask
	proven atomic.Bool // the server is of the flavour that was said
}

// New makes a client; it sends nothing. An error names what in o cannot be used,
// without telling a secret.
func New(o Options) (*Client, error) {
	if o.Flavor == "" {
		o.Flavor = Elasticsearch
	}
	if err := o.where(); err != nil {
		return nil, err
	}
	h, err := httpx.New(o.HTTP)
	if err != nil {
		return nil, err
	}
	hide := o.secrets()
	c, err := elasticsearch.NewBaseClient(elasticsearch.Config{
		Addresses: o.Addresses, Username: o.Username, Password: string(o.Password), APIKey: string(o.APIKey),
		Transport: below{h.Transport}, DisableRetry: true, DisableMetaHeader: true,
	})
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", httpx.NewMask(hide...).Error(err))
	}
	u, err := url.Parse(o.Addresses[0])
	if err != nil {
		return nil, errAddress
	}
	return newClient(o, u.Scheme+"://"+u.Host, performer{c}, hide), nil
}

// newClient makes a client over a way to the server.
func newClient(o Options, base string, way http.RoundTripper, hide []httpx.Secret) *Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{o: o, base: base, hide: hide, mask: httpx.NewMask(hide...), http: &http.Client{Transport: way, CheckRedirect: stay}}
}

var errAddress = errors.New("elasticsearch: an address is http://host:port or https://host:port")

// where fills Addresses, from the Cloud ID or with the usual one, and refuses
// those that are none.
func (o *Options) where() error {
	switch {
	case o.Flavor != Elasticsearch && o.Flavor != OpenSearch:
		return fmt.Errorf("elasticsearch: the flavor is %s or %s, not %q", Elasticsearch, OpenSearch, o.Flavor)
	case o.CloudID != "" && len(o.Addresses) > 0:
		return errors.New("elasticsearch: addresses and a Cloud ID: which one is meant?")
	case o.CloudID != "":
		a, err := cloudAddress(o.CloudID)
		if err != nil {
			return err
		}
		o.Addresses = []string{a}
	case len(o.Addresses) == 0:
		o.Addresses = []string{"http://127.0.0.1:9200"}
	}
	for _, a := range o.Addresses {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// checkAddress refuses what is no address, and one that holds a secret.
func checkAddress(a string) error {
	u, err := url.Parse(a)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return errAddress
	case u.User != nil:
		return fmt.Errorf("elasticsearch: the address %s holds a user or password: use username and password_file", httpx.SafeURL(u))
	}
	return nil
}

// cloudAddress reads a Cloud ID: a name, a colon, and in base64 host$id of
// Elasticsearch$id of Kibana.
func cloudAddress(id string) (string, error) {
	_, code, ok := strings.Cut(id, ":")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	parts := strings.Split(string(raw), "$")
	if !ok || err != nil || len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return "", errors.New("elasticsearch: the Cloud ID is not one: it looks like name:letters, is copied from the deployment's page, and has the host and the cluster in its letters")
	}
	a := "https://" + parts[1] + "." + parts[0]
	if u, err := url.Parse(a); err != nil || u.Path != "" || checkAddress(a) != nil {
		return "", errors.New("elasticsearch: the Cloud ID is not one: what its letters say is no host")
	}
	return a, nil
}

// secrets are what no error may show, whoever says it: the server may send back
// what it was sent.
func (o *Options) secrets() []httpx.Secret {
	hide := []httpx.Secret{o.Password, o.APIKey, o.HTTP.ClientKey, o.HTTP.KeyPassword}
	if o.Username != "" {
		hide = append(hide, httpx.Secret(base64.StdEncoding.EncodeToString([]byte(o.Username+":"+string(o.Password)))))
	}
	if raw, err := base64.StdEncoding.DecodeString(string(o.APIKey)); err == nil {
		_, key, _ := strings.Cut(string(raw), ":")
		hide = append(hide, httpx.Secret(key))
	}
	for _, p := range []string{string(o.HTTP.Proxy), os.Getenv("HTTPS_PROXY"), os.Getenv("HTTP_PROXY"), os.Getenv("https_proxy"), os.Getenv("http_proxy")} {
		if u, err := url.Parse(p); err == nil && u.User != nil {
			pass, _ := u.User.Password()
			hide = append(hide, httpx.Secret(pass), httpx.Secret(u.User.String()))
		}
	}
	return hide
}

// Flavor returns which of the two servers the client speaks with.
func (c *Client) Flavor() string { return c.o.Flavor }

// Address returns the address by which errors name the cluster: the first of its
// addresses, without a slash at the end.
func (c *Client) Address() string { return c.base }

// performer puts go-elasticsearch below an http.Client.
type performer struct{ c *elasticsearch.BaseClient }

func (p performer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	r.Host = ""
	return p.c.Perform(r)
}

// The header by which Elasticsearch makes itself known, and the one in which it
// is kept for our own check.
const (
	productHeader = "X-Elastic-Product"
	asItWas       = "X-Elastic-Product-As-It-Was"
)

// below stands between go-elasticsearch and the network. It lets the answers of
// any server through go-elasticsearch's check, whose failure would look like
// that of a connection and be tried again; ours is in Client.send. And it repairs
// the path: an address with a path of its own gives go-elasticsearch's a prefix, and its
// escaped form, which an id with a slash needs, none.
type below struct{ http.RoundTripper }

func (t below) RoundTrip(r *http.Request) (*http.Response, error) {
	if p, err := url.PathUnescape(r.URL.RawPath); err == nil && p != "" {
		if prefix, ok := strings.CutSuffix(r.URL.Path, p); ok {
			r.URL.RawPath = (&url.URL{Path: prefix}).EscapedPath() + r.URL.RawPath
		}
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Set(asItWas, resp.Header.Get(productHeader))
		resp.Header.Set(productHeader, "Elasticsearch")
	}
	return resp, err
}

// errProduct marks the error of a server that is not of the flavour that was
// said, or something else altogether.
var errProduct = errors.New("this is not the server expected")

// check looks at the first answer: is this the server that was said?
func (c *Client) check(resp *http.Response) error {
	if c.proven.Load() || resp.StatusCode >= 300 {
		return nil
	}
	if is := resp.Header.Get(asItWas) == "Elasticsearch"; is != (c.o.Flavor == Elasticsearch) {
		return errProduct
	}
	c.proven.Store(true)
	return nil
}

// stranger says who answers in the place of the server expected.
func (c *Client) stranger(ctx context.Context) error {
	who := "what answers at " + c.base + " does not say that it is " + c.o.Flavor + "; is a proxy or another service in its place?"
	var x root
	err := c.once(ctx, Request{Method: http.MethodGet, Path: "/"}, nil, httpx.Policy{}, func(resp *http.Response) error {
		return json.NewDecoder(resp.Body).Decode(&x)
	})
	switch {
	case err != nil:
	case x.Version.Distribution == OpenSearch && c.o.Flavor == Elasticsearch:
		who = c.base + " is OpenSearch " + clean(x.Version.Number) + ", not Elasticsearch: set flavor: opensearch"
	case x.Version.Number != "" && x.Version.Distribution == "" && c.o.Flavor == OpenSearch:
		who = c.base + " is Elasticsearch " + clean(x.Version.Number) + ", not OpenSearch: set flavor: elasticsearch"
	case strings.HasPrefix(x.Version.Number, "7."), strings.HasPrefix(x.Version.Number, "6."):
		who = c.base + " is Elasticsearch " + clean(x.Version.Number) + ", which is too old: 8.0 or newer is needed"
	}
	return fmt.Errorf("elasticsearch: %w: %s", errProduct, who)
}

// Request is one request.
type Request struct {
	Method, Path string // the path begins with a slash and is escaped
	Query        url.Values
	Body         []byte
	NDJSON       bool // Body is lines of JSON
	Once         bool // is not tried again: sending it twice is not the same as once
	Ask          bool // a refusal of any kind is an answer, too: it is the *Error at once, without another try
}

// Do sends a request and decodes the JSON of its answer into into, which may be
// nil, or a *[]byte that takes it as it is. It tries again where that can help.
// An answer of status 300 and above is an *Error.
func (c *Client) Do(ctx context.Context, r Request, into any) error {
	p := httpx.Policy{Attempts: c.o.Attempts, Once: r.Once, First: 200 * time.Millisecond, MaxWait: 30 * time.Second}
	if p.Attempts <= 0 {
		p.Attempts = 6
	}
	var refused error
	err := c.send(ctx, r, nil, p, func(resp *http.Response) error {
		err := c.read(r, resp, into)
		if _, ok := errors.AsType[*Error](err); ok && r.Ask {
			refused = err
			return nil
		}
		return err
	})
	if refused != nil {
		return refused
	}
	return err
}

// send sends a request, with body in place of r.Body where it is not nil, and
// hands the answer, of whatever status, to read.
func (c *Client) send(ctx context.Context, r Request, body *encoded, p httpx.Policy, read func(*http.Response) error) error {
	err := c.once(ctx, r, body, p, func(resp *http.Response) error {
		if err := c.check(resp); err != nil {
			return err
		}
		return read(resp)
	})
	if e, ok := errors.AsType[*Error](err); ok {
		return e // it has the path, and its texts are masked
	}
	switch {
	case errors.Is(err, errProduct):
		return c.stranger(ctx)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("elasticsearch: %w: is it running, and is this its address? iochunt doctor tells more", err)
	case httpx.Untrusted(err):
		return fmt.Errorf("elasticsearch: %w: name the file of its authority, or the fingerprint of its certificate", err)
	}
	return err
}

// once sends a request without asking who answers.
func (c *Client) once(ctx context.Context, r Request, body *encoded, p httpx.Policy, read func(*http.Response) error) error {
	u := c.base + r.Path
	if len(r.Query) > 0 {
		u += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u, http.NoBody)
	if err != nil {
		return fmt.Errorf("elasticsearch: %s %s: not a path", r.Method, r.Path)
	}
	if body == nil && len(r.Body) > 0 {
		body = &encoded{b: r.Body}
	}
	if body != nil {
		req.GetBody = func() (io.ReadCloser, error) { return body.reader(), nil }
		req.ContentLength = int64(len(body.b))
		req.Header.Set("Content-Type", contentType(r.NDJSON))
	}
	req.Header.Set("Accept", "application/json")
	if !c.o.Compress {
		req.Header.Set("Accept-Encoding", "identity")
	}
	p.Repeatable, p.Hide, p.Timeout = true, c.hide, c.o.Timeout
	p.Accept = func(*http.Response) bool { return true }
	if p.Timeout == 0 {
		p.Timeout = 5 * time.Minute
	}
	return p.Do(c.http, req, read)
}

func contentType(ndjson bool) string {
	if ndjson {
		return "application/x-ndjson"
	}
	return "application/json"
}

func (c *Client) read(r Request, resp *http.Response, into any) error {
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		return newError(r, resp.StatusCode, body, c.mask) // one that broke off says what it said
	}
	if err != nil {
		return err
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = body
		return nil
	}
	if q, ok := into.(quick); ok && q.read(body) {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return httpx.Temporary(fmt.Errorf("elasticsearch: %s %s: the answer is not the JSON expected: %w", r.Method, r.Path, err))
	}
	return nil
}

// Error is a refusal of the cluster.
type Error struct {
	Method, Path string
	Status       int
	Type         string // of the cluster: index_not_found_exception
	Reason       string // for people
	Body         []byte // as it came, at most 64 KiB
}

// Error implements error.
func (e *Error) Error() string {
	why := e.Reason
	if why == "" {
		why = http.StatusText(e.Status)
	}
	return fmt.Sprintf("elasticsearch: %s %s: %d %s", e.Method, e.Path, e.Status, strings.TrimSpace(e.Type+": "+why))
}

func newError(r Request, status int, body []byte, m httpx.Mask) *Error {
	e := &Error{Method: r.Method, Path: r.Path, Status: status, Body: []byte(m.Text(string(body[:min(len(body), 64<<10)])))}
	var x struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &x) == nil {
		e.Type, e.Reason = cause(x.Error)
		e.Type, e.Reason = clean(m.Text(e.Type)), clean(m.Text(e.Reason))
	}
	return e
}

// clean makes one printable line, not too long, of a server's text.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	if r := []rune(s); len(r) > 1000 {
		s = string(r[:1000]) + "…"
	}
	return s
}

// cause reads the cluster's error object, or text, and what stands behind "all
// shards failed".
func cause(raw json.RawMessage) (kind, reason string) {
	var o struct {
		Type, Reason string
		Root         []struct{ Type, Reason string } `json:"root_cause"`
	}
	if json.Unmarshal(raw, &o) == nil {
		if len(o.Root) > 0 && o.Root[0].Type != "" {
			return o.Root[0].Type, o.Root[0].Reason
		}
		return o.Type, o.Reason
	}
	_ = json.Unmarshal(raw, &reason)
	return "", reason
}

// IsStatus reports whether err is a refusal of that status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status
}

// Info is what the cluster says of itself.
type Info struct {
	Name, ClusterName, ClusterUUID string
	Number                         string // version
	Distribution                   string // "opensearch", or "" for Elasticsearch
}

// root is the answer to GET /.
type root struct {
	Name        string
	ClusterName string `json:"cluster_name"`
	ClusterUUID string `json:"cluster_uuid"`
	Version     struct{ Number, Distribution string }
}

// Info asks the cluster who it is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var x root
	err := c.Do(ctx, Request{Method: "GET", Path: "/"}, &x)
	return Info{x.Name, x.ClusterName, x.ClusterUUID, x.Version.Number, x.Version.Distribution}, err
}
