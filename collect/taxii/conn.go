// Package taxii holds what TAXII 1.x and 2.x share: one connection to one
// server, with one login. The protocols themselves are in taxii1 and taxii2.
//
// A TAXII server hands out addresses (a discovery names the poll service, an API
// root its collections), and each request carries the login. Whoever can write
// such an answer, or sit in between, could have the login sent to himself.
// Therefore a Conn has one rule above all others: nothing leaves for another
// origin (scheme, host and port) than the one that was configured, be it by an
// address in an answer or by a redirect. Where a server rightly names another,
// the person who configures it writes that one down.
//
// The other rules come from servers that were met: an answer that is a page for
// people is not parsed but called what it is (ErrNotTAXII); a refused login has
// one name whatever the protocol words it as (ErrAuth); a token that has expired is
// fetched anew once; questions are asked again when the answer is lost, in TAXII 1.x
// too, where every question is a POST.
package taxii

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iochunt/iochunt/internal/httpx"
)

// What is wrong with an answer, for errors.Is.
var (
	// ErrAuth: another login would mend it. HTTP 401 and 403 are marked so here,
	// Status_Messages by the reader of the answer.
	ErrAuth = errors.New("the server does not accept the login")
	// ErrHost: an address or a redirect leads to another origin than the configured one.
	ErrHost = errors.New("that is not the configured server")
	// ErrNotTAXII: something else than a TAXII service answered, a gateway's page for people, say.
	ErrNotTAXII = errors.New("this is no TAXII answer")
)

// Options says where a server is and who asks.
type Options struct {
	Base   *url.URL     // the configured address: http or https, no user in it
	Login  Login        // the zero value asks without one
	HTTP   *http.Client // made by httpx.New, which also knows client certificates, proxies and trust
	Policy httpx.Policy // tries, waits and limits; Timeout 0 means 30 min; Repeatable, Accept and Hide are set here
}

// Format keeps the address's query and user from every verb of package fmt.
func (o Options) Format(f fmt.State, _ rune) { show(f, "Options", o.Base) }

// show prints what may be seen of a value of this package.
func show(w io.Writer, name string, u *url.URL) {
	where := "no address"
	if u != nil {
		where = httpx.SafeURL(u)
	}
	fmt.Fprintf(w, "taxii.%s(%s)", name, where)
}

// longestAnswer limits one answer where the policy does not: OTX takes many
// minutes over a long history, and nothing may take for ever.
const longestAnswer = 30 * time.Minute

// Conn is a connection to one server. It is safe for concurrent use.
type Conn struct {
	base   *url.URL
	login  Login
	jwt    *url.URL // of the token service, nil without one
	http   *http.Client
	policy httpx.Policy

	hidden []httpx.Secret // what no text may show, the token apart
	turn   chan struct{}  // holds one while somebody fetches a token
	mu     sync.Mutex     // of token
	token  httpx.Secret   // "" before the first
}

// New makes a connection; it asks nothing of the server. An error says what in
// the options cannot be right, without telling a secret.
func New(o Options) (*Conn, error) {
	base, err := checkBase(o.Base)
	if err != nil {
		return nil, err
	}
	if err := o.Login.check(base); err != nil {
		return nil, err
	}
	c := &Conn{base: base, login: o.Login, policy: o.Policy, turn: make(chan struct{}, 1)}
	c.hidden = append(o.Login.secrets(), inQuery(base)...)
	if o.Login.JWT != "" {
		if c.jwt, err = c.Resolve(o.Login.JWT); err != nil {
			return nil, fmt.Errorf("the address of the JWT login: %w", err)
		}
	}
	if o.HTTP == nil {
		return nil, errors.New("taxii: no HTTP client")
	}
	own := *o.HTTP
	own.CheckRedirect = c.checkRedirect
	c.http = &own
	if c.policy.Timeout <= 0 {
		c.policy.Timeout = longestAnswer
	}
	return c, nil
}

func checkBase(u *url.URL) (*url.URL, error) {
	switch {
	case u == nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the address of a TAXII server must look like https://taxii.example/taxii/poll")
	case u.User != nil:
		return nil, fmt.Errorf("the address %s must not hold a user name: give it on its own, so that it stays out of logs", httpx.SafeURL(u))
	}
	own := *u
	own.Fragment, own.RawFragment = "", ""
	return &own, nil
}

// Base returns a copy of the configured address.
func (c *Conn) Base() *url.URL {
	u := *c.base
	return &u
}

// Format keeps the login from every verb of package fmt.
func (c *Conn) Format(f fmt.State, _ rune) { show(f, "Conn", c.base) }

// Hide returns a server's text with stars in place of what is secret about the
// login: for messages that a server may have put our own words into.
func (c *Conn) Hide(text string) string { return httpx.NewMask(c.secrets()...).Text(text) }

// secrets are the values that no text may show.
func (c *Conn) secrets() []httpx.Secret { return append(slices.Clone(c.hidden), c.known()) }

// inQuery returns what stands in the query of an address, where some services
// want a key.
func inQuery(u *url.URL) []httpx.Secret {
	out := []httpx.Secret{httpx.Secret(u.RawQuery)}
	for _, vs := range u.Query() {
		for _, v := range vs {
			out = append(out, httpx.Secret(v))
		}
	}
	return out
}

// Resolve reads an address that a server's answer or a setting names. A
// relative one is taken from the configured address. One of another origin
// is ErrHost, with both in the error: the login belongs to the origin that a
// person configured. That includes another port of the same host, which may be
// anybody's service, and plain http where https is configured.
func (c *Conn) Resolve(ref string) (*url.URL, error) {
	u, err := c.base.Parse(strings.TrimSpace(ref))
	if err != nil {
		return nil, errors.New("an address that the server names cannot be read")
	}
	u.Fragment, u.RawFragment = "", ""
	if err := c.mayAsk(u); err != nil {
		return nil, httpx.NewMask(c.secrets()...).Error(err)
	}
	return u, nil
}

// mayAsk refuses what is not of the configured origin.
func (c *Conn) mayAsk(u *url.URL) error {
	configured := httpx.Origin(c.base)
	switch {
	case u == nil:
		return errors.New("taxii: a request without an address")
	case u.Host == "":
		return fmt.Errorf("%w: %s is configured, and this is no address of a host", ErrHost, configured)
	case configured != httpx.Origin(u):
		return fmt.Errorf("%w: %s is configured, and this leads to %s; if that is right, configure that address", ErrHost, configured, httpx.Origin(u))
	case u.User != nil:
		return fmt.Errorf("%w: the address at %s carries a login of its own", ErrHost, configured)
	}
	return nil
}

// checkRedirect follows within the origin alone, and not where the question
// would become another one: after 301, 302 and 303 a POST goes on as a GET.
func (c *Conn) checkRedirect(req *http.Request, via []*http.Request) error {
	if err := c.mayAsk(req.URL); err != nil {
		return fmt.Errorf("%w: a redirect: %w", httpx.ErrRefused, err)
	}
	if via[0].Method != req.Method {
		return fmt.Errorf("%w: the server moved this service; configure %s", httpx.ErrRefused, httpx.SafeURL(req.URL))
	}
	return httpx.CheckRedirect(req, via)
}

// Do asks the server and hands the answer to read, which consumes its body; Do
// closes it. The login is added, and the rules of the package are held.
//
// When an answer is lost the question is asked again (see Request), so read
// must start afresh each time it is called. An error of read marked with
// httpx.Temporary is such a loss, one that wraps ErrAuth a refusal. With a JWT
// login a refusal makes Do fetch a new token and ask once more, if the token
// used was an old one.
//
// Errors: ErrAuth, ErrHost, ErrNotTAXII, *httpx.StatusError for other statuses,
// *httpx.Error when no whole answer came, the context's own, and what read
// returned. None shows a secret.
func (c *Conn) Do(ctx context.Context, r Request, read func(*http.Response) error) error {
	if err := c.mayAsk(r.URL); err != nil {
		return err
	}
	if c.jwt == nil {
		return c.ask(ctx, r, "", read)
	}
	token, fresh, err := c.bearer(ctx, "")
	if err != nil {
		return err
	}
	err = c.ask(ctx, r, token, read)
	if fresh || !errors.Is(err, ErrAuth) {
		return err
	}
	if token, _, err = c.bearer(ctx, token); err != nil {
		return err
	}
	return c.ask(ctx, r, token, read)
}

// ask sends r once or, where its answer is lost, more often.
func (c *Conn) ask(ctx context.Context, r Request, token httpx.Secret, read func(*http.Response) error) error {
	req, err := r.build(ctx)
	if err != nil {
		return err
	}
	c.login.sign(req, token)
	p := r.policy(c.policy)
	p.Hide = append(slices.Clone(c.hidden), token)
	return mark(p.Do(c.http, req, func(resp *http.Response) error {
		if err := r.check(resp); err != nil {
			return err
		}
		err := read(resp)
		if err != nil && refusesLogin(resp.StatusCode) && !errors.Is(err, ErrAuth) {
			return fmt.Errorf("%w: %w", ErrAuth, err)
		}
		return err
	}))
}

func refusesLogin(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// mark says of a status what it means for TAXII.
func mark(err error) error {
	var s *httpx.StatusError
	switch {
	case errors.Is(err, ErrAuth) || !errors.As(err, &s) && !errors.Is(err, httpx.ErrClientCert):
		return err
	case s == nil, refusesLogin(s.Code):
		return fmt.Errorf("%w: %w", ErrAuth, err)
	case s.HTML && s.Code >= 400 && s.Code < 500 && s.Code != http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", ErrNotTAXII, err)
	}
	return err
}
