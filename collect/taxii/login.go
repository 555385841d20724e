package taxii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/iochunt/iochunt/internal/httpx"
)

// Login is what proves to a server who asks. The zero value is nobody. It goes
// over plain http to this machine only.
//
//   - Username and Password: HTTP Basic with every request. OTX wants the API key
//     as the user name and nothing as the password, so an empty password is sent too.
//   - With JWT they go to that address instead, as the JSON object
//     {"username", "password"}; the answer {"token"} is kept and sent as Bearer.
//   - Header: sent with every request; all of its values count as secrets.
//
// A client certificate is a matter of the HTTP client (httpx.Options).
type Login struct {
	Username, Password httpx.Secret
	JWT                string // address of the token service, on the server's origin; may be a path
	Header             http.Header
}

// Format keeps the values of Header from every verb of package fmt.
func (l Login) Format(f fmt.State, _ rune) { io.WriteString(f, "taxii.Login(***)") } //nolint:errcheck // fmt has no way to tell

// MarshalText keeps the values of Header from encoders.
func (l Login) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue keeps the values of Header from package slog.
func (l Login) LogValue() slog.Value { return slog.StringValue("***") }

// CutHeader reads a header as people write it, "Name: value". ok is false where it
// has no name or no colon. What stands in it may be secret, so a message about it
// must not repeat it.
func CutHeader(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	return name, value, ok && name != ""
}

// ours are the headers that the connection sets itself: "Accept-Encoding" would
// turn the unpacking off, the others would change where a message ends or goes.
var ours = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding", "Trailer", "Upgrade"}

// check finds what cannot be sent.
func (l Login) check(base *url.URL) error {
	for name, vs := range l.Header {
		switch canonical := http.CanonicalHeaderKey(name); {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("%q is no name for a header", name)
		case slices.Contains(ours, canonical):
			return fmt.Errorf("the header %s cannot be set", canonical)
		case canonical == "Authorization" && (l.Username != "" || l.JWT != ""):
			return errors.New("both a user name and a header Authorization: which one is to be sent?")
		case slices.ContainsFunc(vs, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }):
			return fmt.Errorf("the value of the header %s holds a character that no header may have (a line end?)", canonical)
		}
	}
	switch {
	case l.Username == "" && l.Password != "":
		return errors.New("a password without a user name")
	case l.Username == "" && l.JWT != "":
		return errors.New("a JWT login needs a user name")
	case l.JWT == "" && strings.Contains(string(l.Username), ":"):
		return errors.New("the user name holds a colon, which HTTP Basic cannot say (RFC 7617 §2)")
	case strings.ContainsFunc(string(l.Username+l.Password), func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the user name or password holds a control character (a line end from its file?)")
	case l.some() && base.Scheme == "http" && !httpx.Loopback(base.Hostname()):
		return fmt.Errorf("the login would cross the network in plain text: write https://%s", base.Host)
	}
	return nil
}

func (l Login) some() bool { return l.Username != "" || len(l.Header) > 0 }

// secrets are the values that no text may show.
func (l Login) secrets() []httpx.Secret {
	out := []httpx.Secret{l.Username, l.Password}
	if l.Username != "" {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(string(l.Username), string(l.Password))
		out = append(out, httpx.Secret(r.Header.Get("Authorization")))
	}
	for _, vs := range l.Header {
		for _, v := range vs {
			out = append(out, httpx.Secret(v))
		}
	}
	return out
}

// sign puts the login on a request: the token when there is one, else Basic.
func (l Login) sign(req *http.Request, token httpx.Secret) {
	switch {
	case token != "":
		req.Header.Set("Authorization", "Bearer "+string(token))
	case l.Username != "" && l.JWT == "":
		req.SetBasicAuth(string(l.Username), string(l.Password))
	}
	for name, vs := range l.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(vs)
	}
}

// bearer returns the token to use: the one at hand, or a fresh one when there
// is none or when it is the stale one. Who comes while another fetches waits
// and takes his.
func (c *Conn) bearer(ctx context.Context, stale httpx.Secret) (token httpx.Secret, fresh bool, err error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return "", false, context.Cause(ctx)
	}
	defer func() { <-c.turn }()
	if token = c.known(); token != stale {
		return token, false, nil
	}
	if token, err = c.fetchToken(ctx); err != nil {
		return "", false, fmt.Errorf("JWT login: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	return token, true, nil
}

// known is the last token, "" when there was none.
func (c *Conn) known() httpx.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// maxToken bounds the answer of a token service, in bytes.
const maxToken = 64 << 10

// fetchToken logs in (OpenTAXII's /management/auth).
func (c *Conn) fetchToken(ctx context.Context) (token httpx.Secret, err error) {
	body, err := json.Marshal(map[string]string{"username": string(c.login.Username), "password": string(c.login.Password)})
	if err != nil {
		return "", errors.New("the user name or password cannot be written as JSON")
	}
	r := Request{
		URL: c.jwt, Body: body, Repeatable: true, MaxBody: maxToken,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}},
	}
	err = c.ask(ctx, r, "", func(resp *http.Response) error {
		token, err = readToken(resp.Body)
		return err
	})
	return token, err
}

// readToken finds the token in the answer: "token", or OAuth's "access_token".
func readToken(r io.Reader) (httpx.Secret, error) {
	var got struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return "", fmt.Errorf("%w: it is not a JSON object with a token", ErrNotTAXII)
	}
	if got.Token == "" {
		got.Token = got.Access
	}
	if got.Token == "" || strings.ContainsFunc(got.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%w: it holds no token that could be sent", ErrNotTAXII)
	}
	return httpx.Secret(got.Token), nil
}
