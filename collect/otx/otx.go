// Package otx speaks the REST API v1 of AlienVault OTX ("DirectConnect"). It
// knows pulses, their indicators, an account's events and an indicator's
// details as the service words them; what they mean for a hunt is decided in
// package collect.
//
// The service is loose about its own format, and this package is the place
// that puts up with it: dates without a zone, ids beyond 2^31 or as strings,
// numbers where booleans were, objects where strings were, null anywhere. A
// pulse or indicator that cannot be read nevertheless is listed as Bad in its
// page and the page goes on; a page that is not JSON, breaks off or lacks its
// list is an error, because "nothing new" and "nothing understood" must never
// look alike.
//
// Pages are asked for by number. The answer's "next" names the public host and
// may hold an unescaped plus sign, so it only says whether there is a further
// page: the key goes to the configured host and to no other.
package otx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/httpx"
)

// PublicURL is where the public service answers, and where people read pulses.
const (
	PublicHost = "otx.alienvault.com"
	PublicURL  = "https://" + PublicHost
)

// ErrAuth marks an answer that another key would mend: no key, a wrong one, or
// a place this account may not see.
var ErrAuth = errors.New("OTX does not accept the key")

// Key is an API key. However it is printed, it shows as ***.
type Key string

// String hides the key.
func (Key) String() string { return "***" }

// Format hides the key from every verb of package fmt.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "***") } //nolint:errcheck // fmt has no way to tell

// MarshalText hides the key from encoders of text.
func (Key) MarshalText() ([]byte, error) { return []byte("***"), nil }

// MarshalJSON hides the key from encoders of JSON.
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// maxPage bounds what one answer may hold, decoded: some 250,000 indicators.
// Whoever gets httpx.ErrTooBig may ask for a smaller page.
const maxPage = 64 << 20

// Client talks to one server with one key. It is safe for concurrent use.
type Client struct {
	base   string // without a final slash
	key    Key
	http   *http.Client
	policy httpx.Policy
}

// New makes a client for the server at base, with an optional key: without one
// only General and Pulse work, a hundred times an hour. The key goes over
// plain http to this machine only. The policy's MaxBody and Final are set here.
func New(base string, key Key, h *http.Client, p httpx.Policy) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the address of OTX must look like %s", PublicURL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the address of OTX must be no more than scheme, host and path, as in %s", PublicURL)
	case u.Scheme == "http" && key != "" && !httpx.Loopback(u.Hostname()):
		return nil, fmt.Errorf("the key would cross the network in plain text: write https://%s", u.Host)
	case strings.ContainsFunc(string(key), func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the OTX key holds a character that no key has (a line end, a blank, an umlaut)")
	}
	own := *h
	own.CheckRedirect = httpx.CheckRedirect
	p.MaxBody, p.Final = maxPage, refusesKey
	return &Client{base: u.String() + "/api/v1", key: key, http: &own, policy: p}, nil
}

// refusesKey tells the two meanings of 429 apart: too fast, which time mends,
// and "Anonymous access to this endpoint is limited. Please authenticate.",
// which it does not.
func refusesKey(e *httpx.StatusError) bool {
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusTooManyRequests:
		d := strings.ToLower(e.Detail)
		return strings.Contains(d, "authenticat") || strings.Contains(d, "anonymous")
	}
	return false
}

// Query selects a page of pulses.
type Query struct {
	Since    time.Time // modified then or later; zero: all
	Author   string    // of this user only; "": of all
	Page     int       // from 1
	Limit    int       // pulses a page; the server may give fewer
	Attempts int       // tries in all; 0: as the client's policy says
}

func (q Query) values() url.Values {
	v := url.Values{"page": {strconv.Itoa(max(q.Page, 1))}}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if !q.Since.IsZero() {
		v.Set("modified_since", stamp(q.Since))
	}
	if q.Author != "" {
		v.Set("author_name", q.Author)
	}
	return v
}

// stamp writes a time as the service compares it: UTC without a zone, whole
// seconds. The service's comparison includes the second, so that rounding down
// loses nothing.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// Subscribed reads a page of the pulses that the account is subscribed to,
// itself, by user or by group, and of its own: newest modified first.
func (c *Client) Subscribed(ctx context.Context, q Query) (Page[Pulse], error) {
	return c.pulses(ctx, "/pulses/subscribed", q)
}

// Activity reads a page of all public pulses, newest modified first. It often
// answers while Subscribed does not.
func (c *Client) Activity(ctx context.Context, q Query) (Page[Pulse], error) {
	return c.pulses(ctx, "/pulses/activity", q)
}

func (c *Client) pulses(ctx context.Context, path string, q Query) (Page[Pulse], error) {
	return getPage(ctx, c, request{path: path, query: q.values(), page: q.Page, attempts: q.Attempts},
		func() elementReader[Pulse] { return pulseReader(maxIndicators) })
}

// PulseIndicators reads a page of the active indicators of a pulse.
func (c *Client) PulseIndicators(ctx context.Context, id string, page, limit int) (Page[Indicator], error) {
	q := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(limit)}, "include_inactive": {"0"}}
	return getPage(ctx, c, request{path: "/pulses/" + segment(id) + "/indicators", query: q, page: page},
		func() elementReader[Indicator] { return readIndicator })
}

// Events reads a page of what happened to the account's subscriptions since a
// time, that time included; the zero time means from the beginning.
func (c *Client) Events(ctx context.Context, since time.Time, page, limit int) (Page[Event], error) {
	q := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(limit)}}
	if !since.IsZero() {
		q.Set("since", stamp(since))
	}
	return getPage(ctx, c, request{path: "/pulses/events", query: q, page: page}, func() elementReader[Event] { return readEvent })
}

// Pulse reads one pulse. Its list of indicators may be cut: see Pulse.Whole.
func (c *Client) Pulse(ctx context.Context, id string) (p Pulse, err error) {
	err = c.get(ctx, request{path: "/pulses/" + segment(id)}, func(_ http.Header, r io.Reader) error {
		p, err = readOne(r, pulseReader(maxIndicators))
		return err
	})
	return p, err
}

// Me reads the account that the key belongs to: the cheapest proof that it works.
func (c *Client) Me(ctx context.Context) (u User, err error) {
	err = c.get(ctx, request{path: "/users/me"}, func(_ http.Header, r io.Reader) error {
		u, err = readOne(r, readUser)
		return err
	})
	return u, err
}

// request is one question to the server.
type request struct {
	path     string // below /api/v1, escaped
	query    url.Values
	page     int
	attempts int
}

// getPage reads one page and checks that its "next" leads on. A reader is made
// for each attempt, as it may count.
func getPage[T any](ctx context.Context, c *Client, q request, reader func() elementReader[T]) (Page[T], error) {
	var p Page[T]
	err := c.get(ctx, q, func(h http.Header, r io.Reader) (err error) {
		var next string
		if p, next, err = readPage(r, reader()); err != nil {
			return err
		}
		if t, err := http.ParseTime(h.Get("Date")); err == nil {
			p.Date = t.UTC()
		}
		return checkNext(next, max(q.page, 1))
	})
	if err != nil {
		return Page[T]{}, err
	}
	return p, nil
}

// ErrLoop marks a page whose "next" leads to itself or back.
var ErrLoop = errors.New("the pages run in a circle")

// checkNext guards against a list without an end. Of "next" only the page
// number counts; its other parameters may be escaped wrongly.
func checkNext(next string, page int) error {
	_, query, _ := strings.Cut(next, "?")
	v, _ := url.ParseQuery(query) // what it cannot read is left out, and is not needed
	n, err := strconv.Atoi(v.Get("page"))
	if err == nil && n <= page {
		return fmt.Errorf("%w: page %d says that page %d comes next", ErrLoop, page, n)
	}
	return nil
}

func (c *Client) get(ctx context.Context, q request, read func(http.Header, io.Reader) error) error {
	u := c.base + q.path
	if len(q.query) > 0 {
		u += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return fmt.Errorf("OTX: %q is no path", q.path)
	}
	req.Header.Set("Accept", "application/json")
	if c.key != "" {
		req.Header.Set("X-Otx-Api-Key", string(c.key))
	}
	p := c.policy
	if q.attempts > 0 {
		p.Attempts = q.attempts
	}
	err = p.Do(c.http, req, func(resp *http.Response) error { return read(resp.Header, resp.Body) })
	var status *httpx.StatusError
	if errors.As(err, &status) && refusesKey(status) {
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return err
}

// segment makes any text one segment of a path: a slash, a question mark or a
// lone ".." in a value must not change which path is asked for.
func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}
