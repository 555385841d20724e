package httpx

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Error is a request that got no usable answer.
type Error struct {
	Method, URL string // URL as SafeURL gives it
	Err         error
	unsent      bool // no answer came at all
}

// Error implements error.
func (e *Error) Error() string { return e.Method + " " + e.URL + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusError is an answer whose status says that it is not what was asked for.
type StatusError struct {
	Code       int
	URL        string        // as SafeURL gives it
	Detail     string        // what the server says about it: the "detail" of a JSON object, or the start of a text; no control characters
	HTML       bool          // the body is a page for people: a gateway answered, not the service
	RetryAfter time.Duration // what the server asked to wait, 0 when it did not
}

// Error implements error.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s: %d %s", e.URL, e.Code, http.StatusText(e.Code))
	switch {
	case e.HTML:
		return s + " (an HTML page of a gateway)"
	case e.Detail != "":
		return s + ": " + e.Detail
	}
	return s
}

// SafeURL returns u without user, query and fragment, where secrets stand.
func SafeURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// statusError reads what the server says about its refusal.
func statusError(req *http.Request, resp *http.Response) *StatusError {
	e := &StatusError{Code: resp.StatusCode, URL: SafeURL(req.URL), RetryAfter: retryAfter(resp.Header)}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // a body that breaks off says what it said
	text = bytes.TrimSpace(text)
	kind := resp.Header.Get("Content-Type")
	e.HTML = strings.Contains(kind, "html") || bytes.HasPrefix(text, []byte("<"))
	if !e.HTML {
		e.Detail = hide(req, shorten(detail(text)))
	}
	return e
}

func detail(text []byte) string {
	var o struct {
		Detail any `json:"detail"`
	}
	if json.Unmarshal(text, &o) == nil && o.Detail != nil {
		return fmt.Sprint(o.Detail)
	}
	return string(text)
}

// shorten makes one short line of a server's text.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// retryAfter reads the header of that name (RFC 9110 §10.2.3): seconds, or a
// date that is compared with the server's own.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}

// cleanError gives err the request's URL without its secrets, in place of the
// one that net/http put there.
func cleanError(req *http.Request, err error) error {
	var u *url.Error
	unsent := errors.As(err, &u)
	if unsent {
		err = u.Err
	}
	if text := err.Error(); hide(req, text) != text {
		err = errors.New(hide(req, text))
	}
	return &Error{Method: req.Method, URL: SafeURL(req.URL), Err: err, unsent: unsent}
}

// hide masks the secrets of req in a text that came from outside.
func hide(req *http.Request, text string) string {
	for _, s := range secrets(req) {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

// secrets returns the values in req that nobody may read. Very short ones are
// left out: to mask every "1" would help nobody.
func secrets(req *http.Request) []string {
	var out []string
	add := func(vs ...string) {
		for _, v := range vs {
			if len(v) >= 6 {
				out = append(out, v)
			}
		}
	}
	for name, vs := range req.Header {
		if harmless[name] {
			continue
		}
		for _, v := range vs {
			add(v)
			add(strings.Fields(v)...)
			_, basic, _ := strings.Cut(v, " ")
			if pair, err := base64.StdEncoding.DecodeString(basic); err == nil {
				add(strings.SplitN(string(pair), ":", 2)...)
			}
		}
	}
	if req.URL.User != nil {
		pass, _ := req.URL.User.Password()
		add(pass, req.URL.User.Username(), req.URL.User.String())
	}
	add(req.URL.RawQuery)
	for _, vs := range req.URL.Query() {
		add(vs...)
	}
	return out
}
