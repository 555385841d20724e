package httpx

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Secret is a text that nobody may read: however it is printed, encoded or
// logged, it shows as ***. The methods cannot help a Secret in an unexported
// field of a struct that is printed with %+v, nor one that is the key of a map
// in JSON: what holds one there must hide itself.
type Secret string

const stars = "***"

// String hides the secret.
func (Secret) String() string { return stars }

// Format hides the secret from every verb of package fmt.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, stars) } //nolint:errcheck // fmt has no way to tell

// MarshalText hides the secret from encoders of text.
func (Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// MarshalJSON hides the secret from encoders of JSON.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + stars + `"`), nil }

// LogValue hides the secret from package slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(stars) }

// Mask holds texts that are to be replaced wherever they occur.
type Mask []string

// NewMask makes the mask of the values given, each as it is and as it stands
// escaped in a URL, in JSON, HTML and XML, or quoted in an error. Those of fewer than six bytes are left
// out: to mask every "1" would help nobody.
func NewMask(values ...Secret) Mask {
	var m Mask
	for _, v := range values {
		m.add(string(v))
	}
	return m.sorted()
}

func (m *Mask) add(v string) {
	if len(v) < 6 {
		return
	}
	quoted := strconv.Quote(v)
	inJSON, err := json.Marshal(v) // & is \u0026
	if err != nil {
		inJSON = []byte(quoted)
	}
	inHTML := html.EscapeString(v) // " is &#34;, in other hands &quot;
	for _, s := range []string{v, url.QueryEscape(v), url.PathEscape(v), quoted[1 : len(quoted)-1], string(inJSON[1 : len(inJSON)-1]),
		inHTML, strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(inHTML)} {
		if !slices.Contains(*m, s) {
			*m = append(*m, s)
		}
	}
}

// sorted puts long texts first, so that none is left over in parts because a
// shorter one was in it.
func (m Mask) sorted() Mask {
	slices.SortStableFunc(m, func(a, b string) int { return len(b) - len(a) })
	return m
}

// Text returns s with stars in place of what the mask holds.
func (m Mask) Text(s string) string {
	for _, v := range m {
		s = strings.ReplaceAll(s, v, stars)
	}
	return s
}

// longest is the length of the longest text that the mask holds.
func (m Mask) longest() int {
	if len(m) == 0 {
		return 0
	}
	return len(m[0])
}

// Error returns err with stars in its text; errors.Is and errors.As still see
// what it was.
func (m Mask) Error(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); m.Text(text) != text {
		return &masked{text: m.Text(text), err: err}
	}
	return err
}

// masked is an error in whose text there were secrets.
type masked struct {
	text string
	err  error
}

// Error implements error.
func (m *masked) Error() string { return m.text }

// Format keeps %#v from looking at the error below.
func (m *masked) Format(f fmt.State, _ rune) { io.WriteString(f, m.text) } //nolint:errcheck // fmt has no way to tell

// Is reports whether the error below is target.
func (m *masked) Is(target error) bool { return errors.Is(m.err, target) }

// As looks for target's type in the error below.
func (m *masked) As(target any) bool { return errors.As(m.err, target) }

// maskOf collects what no error of req may show: the values that it carries,
// those that the policy names, and the password of the client's proxy.
func maskOf(c *http.Client, req *http.Request, more []Secret) Mask {
	var m Mask
	for name, vs := range req.Header {
		for _, v := range vs {
			if !harmless[name] && !taxii[name] {
				m.addHeader(v)
			}
		}
	}
	m.addUser(req.URL.User)
	m.add(req.URL.RawQuery)
	for _, vs := range req.URL.Query() {
		for _, v := range vs {
			m.add(v)
		}
	}
	for _, v := range more {
		m.addHeader(string(v))
	}
	if g, ok := c.Transport.(*guard); ok {
		if p, err := g.proxy(req.URL); err == nil && p != nil {
			m.addUser(p.User)
		}
	}
	return m.sorted()
}

// addHeader takes the words of v too, and what "Basic" says in base64.
func (m *Mask) addHeader(v string) {
	m.add(v)
	for _, word := range strings.Fields(v) {
		m.add(word)
	}
	_, basic, _ := strings.Cut(v, " ")
	if pair, err := base64.StdEncoding.DecodeString(basic); err == nil {
		for _, part := range strings.SplitN(string(pair), ":", 2) {
			m.add(part)
		}
	}
}

func (m *Mask) addUser(u *url.Userinfo) {
	if u == nil {
		return
	}
	pass, _ := u.Password()
	m.add(pass)
	m.add(u.Username())
	m.add(u.String())
}
