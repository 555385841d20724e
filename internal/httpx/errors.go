package httpx

import (
	"bytes"
	"crypto/tls"
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
	final       bool // and none will, as TLS cannot be agreed on
}

// Error implements error.
func (e *Error) Error() string { return e.Method + " " + e.URL + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusError is an answer whose status says that it is not what was asked for.
type StatusError struct {
	Code       int
	URL        string        // as SafeURL gives it
	Detail     string        // what the server says about it: the sentence in a JSON object, or the start of a text; no control characters
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

// maxDetail bounds what is read of a refusal, in bytes.
const maxDetail = 4 << 10

// statusError reads what the server says about its refusal.
func statusError(req *http.Request, m Mask, resp *http.Response) *StatusError {
	e := &StatusError{Code: resp.StatusCode, URL: SafeURL(req.URL), RetryAfter: RetryAfter(resp.Header)}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxDetail)) // a body that breaks off says what it said
	if len(text) == maxDetail {
		text = text[:max(maxDetail-m.longest(), 0)] // a secret that was cut could not be recognised
	}
	text = bytes.TrimSpace(text)
	kind := resp.Header.Get("Content-Type")
	e.HTML = strings.Contains(kind, "html") || bytes.HasPrefix(text, []byte("<"))
	if !e.HTML {
		e.Detail = shorten(m.Text(oneLine(detail(text))))
	}
	return e
}

// detail finds the sentence in a refusal. The names are those of OTX ("detail"),
// of TAXII 2.1 §3.6.1 ("title", "description") and of many others ("message", "error").
func detail(text []byte) string {
	var o map[string]any
	if json.Unmarshal(text, &o) != nil {
		return string(text)
	}
	var said []string
	for _, key := range []string{"detail", "title", "description", "message", "error"} {
		if v := o[key]; v != nil && fmt.Sprint(v) != "" {
			said = append(said, fmt.Sprint(v))
		}
	}
	if len(said) == 0 {
		return string(text)
	}
	return strings.Join(said, ": ")
}

// oneLine makes one printable line of a server's text.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	return strings.Join(strings.Fields(s), " ")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// RetryAfter reads the header of that name (RFC 9110 §10.2.3): seconds, or a
// date that is compared with the server's own.
func RetryAfter(h http.Header) time.Duration {
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
// one that net/http put there. unsent says that no answer came at all.
func cleanError(req *http.Request, m Mask, err error, unsent bool) error {
	var u *url.Error
	if unsent && errors.As(err, &u) {
		err = u.Err
	}
	final, client := tlsVerdict(err)
	err = m.Error(err)
	if client {
		err = fmt.Errorf("%w: %w", ErrClientCert, err)
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		err = fmt.Errorf("%w: the server does not speak TLS on this port; is the port right, or is it http?", err)
	}
	return &Error{Method: req.Method, URL: SafeURL(req.URL), Err: err, unsent: unsent, final: final}
}

// ErrClientCert marks the error of a server that did not take the client's
// certificate, or wanted one and got none.
var ErrClientCert = errors.New("the server does not accept the client certificate, or wants one")
