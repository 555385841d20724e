package taxii

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/httpx"
)

// Request is one question to the server.
type Request struct {
	Method string      // "": POST when there is a body, else GET
	URL    *url.URL    // of the configured origin, see Conn.Resolve
	Header http.Header // what the protocol wants; the login is added
	Body   []byte

	// Repeatable says that a POST only asks, so that it may be sent again like a
	// GET when its answer is lost.
	Repeatable bool
	Attempts   int   // tries in all; 0: as the connection's policy says, 1: at most once, as for a question that moves the server's cursor
	MaxBody    int64 // most bytes of the decoded answer; 0: as the policy says

	// Media are the media types that the answer may have ("application/xml"),
	// without parameters; an answer that does not say its type passes. None: all
	// but HTML.
	Media []string
	// Marker is a header that every answer of the protocol has, and no other
	// answer ("X-TAXII-Content-Type" in TAXII 1.x). An answer with it is handed to
	// read whatever its status is, since it says itself what is wrong; one
	// without it is ErrNotTAXII. "": the protocol has none.
	Marker string
}

// Format keeps the address's query from every verb of package fmt.
func (r Request) Format(f fmt.State, _ rune) { show(f, "Request", r.URL) }

// MarshalText keeps it from encoders, and package slog from what they show.
func (r Request) MarshalText() ([]byte, error) { return fmt.Append(nil, r), nil }

// build makes the HTTP request, without the login.
func (r Request) build(ctx context.Context) (*http.Request, error) {
	method := r.Method
	switch {
	case method != "":
	case r.Body != nil:
		method = http.MethodPost
	default:
		method = http.MethodGet
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL.String(), body)
	if err != nil {
		return nil, fmt.Errorf("taxii: %s cannot be asked for", httpx.SafeURL(r.URL))
	}
	for name, vs := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(vs)
	}
	return req, nil
}

// policy is p with what this request asks for.
func (r Request) policy(p httpx.Policy) httpx.Policy {
	p.Repeatable = r.Repeatable
	if r.Attempts > 0 {
		p.Attempts, p.Once = r.Attempts, r.Attempts == 1
	}
	if r.MaxBody > 0 {
		p.MaxBody = r.MaxBody
	}
	p.Accept = nil
	if r.Marker != "" {
		p.Accept = func(resp *http.Response) bool { return resp.Header.Get(r.Marker) != "" }
	}
	return p
}

// check refuses an answer that is not of the protocol, before anybody tries to
// parse a login page.
func (r Request) check(resp *http.Response) error {
	said := resp.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(said)
	if err != nil {
		kind, _, _ = strings.Cut(strings.ToLower(said), ";")
	}
	kind = strings.TrimSpace(kind)
	switch enc := resp.Header.Get("Content-Encoding"); {
	case isHTML(kind, resp):
		return fmt.Errorf("%w: a page for people (HTML) came, as from a gateway or a login page", ErrNotTAXII)
	case r.Marker != "" && resp.Header.Get(r.Marker) == "":
		return fmt.Errorf("%w: it lacks the header %s (its type is %s)", ErrNotTAXII, r.Marker, shown(said))
	case len(r.Media) > 0 && kind != "" && !slices.Contains(r.Media, kind):
		return fmt.Errorf("%w: its type is %s, not %s", ErrNotTAXII, shown(said), strings.Join(r.Media, " or "))
	case enc != "" && !strings.EqualFold(enc, "identity"):
		return fmt.Errorf("the answer is compressed as %s, which was not asked for", shown(enc))
	}
	return nil
}

// isHTML reports whether the answer is a page for people: by its type or,
// where that says nothing, by how it begins.
func isHTML(kind string, resp *http.Response) bool {
	switch kind {
	case "text/html", "application/xhtml+xml":
		return true
	case "", "text/plain", "application/octet-stream":
	default:
		return false
	}
	b := bufio.NewReader(resp.Body)
	start, _ := b.Peek(512) // what cannot be read now cannot be read later either, and is told then
	resp.Body = struct {
		io.Reader
		io.Closer
	}{b, resp.Body}
	text := strings.ToLower(strings.TrimLeft(string(start), "\ufeff \t\r\n"))
	return strings.HasPrefix(text, "<!doctype html") || strings.HasPrefix(text, "<html")
}

// shown makes a header's value fit for an error.
func shown(v string) string {
	if len(v) > 100 {
		v = v[:100] + "…"
	}
	if v == "" {
		return "not said"
	}
	return fmt.Sprintf("%q", v)
}
