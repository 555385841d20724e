package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Policy says how often a request is tried and how big and slow its answer may
// be. The zero value is a good one.
type Policy struct {
	Attempts   int                       // in all, 5; 1 never tries again
	Once       bool                      // at most one attempt, whatever else is said, and not even the silent repeat of net/http: the question itself moves the server on
	Repeatable bool                      // a request other than GET and HEAD only asks, so that it may be tried again like them
	First      time.Duration             // wait before the second attempt, 1 s; each further one is about twice the last
	MaxWait    time.Duration             // longest wait, also when the server asks for more, 2 min
	Timeout    time.Duration             // limit for one attempt from the request to the body's end; 0: the client's own limits alone
	MaxBody    int64                     // most bytes of a decoded body; 0: the client's limit
	Final      func(*StatusError) bool   // true: do not try again although the status says one may
	Accept     func(*http.Response) bool // true: read is to have this answer although its status says that it is not what was asked for
	Hide       []Secret                  // further values that no error may show: what the body carries, say
}

func (p Policy) withDefaults(req *http.Request) Policy {
	if p.Attempts <= 0 {
		p.Attempts = 5
	}
	if p.Once || !p.mayRepeat(req) {
		p.Attempts = 1
	}
	if p.First <= 0 {
		p.First = time.Second
	}
	if p.MaxWait <= 0 {
		p.MaxWait = 2 * time.Minute
	}
	return p
}

// mayRepeat reports whether req can be sent twice: it does nothing (or nobody
// could say whether it had been done when no answer came), and its body can be had again.
func (p Policy) mayRepeat(req *http.Request) bool {
	asks := p.Repeatable || req.Method == http.MethodGet || req.Method == http.MethodHead
	return asks && (req.Body == nil || req.Body == http.NoBody || req.GetBody != nil)
}

// Attempt is a try that failed and is going to be made again.
type Attempt struct {
	N    int           // of the try that failed, from 1
	Of   int           // most tries there will be
	Err  error         // without secrets
	Wait time.Duration // until the next
}

type watchKey struct{}

// OnRetry returns a context whose requests call f before each wait.
func OnRetry(ctx context.Context, f func(Attempt)) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}

type temporary struct {
	error
	after time.Duration // what the server asked to wait
}

func (t temporary) Unwrap() error { return t.error }

// Temporary marks err, made by the read function of Policy.Do, as one that
// another try may mend.
func Temporary(err error) error { return temporary{error: err} }

// Do sends req and hands the answer to read, which consumes the body; Do
// closes it. A GET or HEAD, and what the policy calls Repeatable, is tried again
// after a 429, 500, 502, 503 or 504, a connection that fails, a body that breaks
// off and an error of read marked Temporary; read must then start afresh. A
// request whose body cannot be had again (req.GetBody is nil) is sent once.
// Statuses from 300 on except 304 are a *StatusError unless Accept wants the
// answer read; failures to get an answer are an *Error; neither holds a secret of
// req. When the context ends, so does Do, with the context's error.
func (p Policy) Do(c *http.Client, req *http.Request, read func(*http.Response) error) error {
	p = p.withDefaults(req)
	m := maskOf(c, req, p.Hide)
	ctx := req.Context()
	wait := &patient{BackOff: p.exponential(), max: p.MaxWait}
	n := 0
	try := func() error {
		n++
		err := p.once(c, req, m, read)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return backoff.Permanent(context.Cause(ctx))
		}
		if !p.worthAnother(err) {
			return backoff.Permanent(err)
		}
		wait.ask = asked(err)
		return err
	}
	watch, _ := ctx.Value(watchKey{}).(func(Attempt))
	return backoff.RetryNotify(try, backoff.WithContext(backoff.WithMaxRetries(wait, uint64(p.Attempts-1)), ctx),
		func(err error, d time.Duration) {
			if watch != nil {
				watch(Attempt{N: n, Of: p.Attempts, Err: err, Wait: d})
			}
		})
}

// exponential doubles the wait and varies it by half, so that many clients
// that failed together do not come back together. It never gives up by
// itself: the number of attempts and the context do that.
func (p Policy) exponential() backoff.BackOff {
	return backoff.NewExponentialBackOff(backoff.WithInitialInterval(p.First), backoff.WithMaxInterval(p.MaxWait),
		backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.5), backoff.WithMaxElapsedTime(0))
}

// patient waits longer where the server asked for it, up to max.
type patient struct {
	backoff.BackOff
	ask, max time.Duration
}

// NextBackOff implements backoff.BackOff.
func (p *patient) NextBackOff() time.Duration {
	return min(max(p.BackOff.NextBackOff(), p.ask), p.max)
}

// once makes one attempt.
func (p Policy) once(c *http.Client, req *http.Request, m Mask, read func(*http.Response) error) error {
	ctx := req.Context()
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("no complete answer within %v: %w", p.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	if p.Once {
		ctx = context.WithValue(ctx, onceKey{}, true)
	}
	resp, err := send(ctx, c, req)
	if err != nil {
		return cleanError(req, m, because(ctx, err), true)
	}
	defer resp.Body.Close()
	if p.MaxBody > 0 {
		resp.Body = capBody(resp.Body, p.MaxBody)
	}
	if refused(resp) && (p.Accept == nil || !p.Accept(resp)) {
		return statusError(req, m, resp)
	}
	if err := read(resp); err != nil {
		err = cleanError(req, m, because(ctx, err), false)
		if slices.Contains(retryable, resp.StatusCode) {
			return temporary{err, RetryAfter(resp.Header)}
		}
		return err
	}
	// A connection is used again only when its body was read to the end.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	return nil
}

type onceKey struct{}

// unrepeatable keeps net/http from sending req again by itself, which it does
// when a connection that was used before ends without an answer, be it that the
// server had read the request or not. It does so for requests whose body it can
// have again; an empty body that it cannot have again changes nothing on the wire.
func unrepeatable(req *http.Request) {
	if req.Context().Value(onceKey{}) != nil && (req.Body == nil || req.Body == http.NoBody) {
		req.Body, req.GetBody, req.ContentLength = io.NopCloser(strings.NewReader("")), nil, 0
	}
}

// send sends a copy of req with a body of its own.
func send(ctx context.Context, c *http.Client, req *http.Request) (*http.Response, error) {
	try := req.Clone(ctx)
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		try.Body = body
	}
	return c.Do(try)
}

func refused(resp *http.Response) bool {
	return resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotModified
}

// because replaces an error that only says that the context ended by the
// reason for which it did.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return &BodyError{cause}
	}
	return err
}

var retryable = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// worthAnother reports whether another try may end better than err did.
func (p Policy) worthAnother(err error) bool {
	var status *StatusError
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var broken *BodyError
	var sent *Error
	var proxy *proxyError
	var temp temporary
	switch {
	case errors.As(err, &status):
		return slices.Contains(retryable, status.Code) && (p.Final == nil || !p.Final(status))
	case errors.Is(err, ErrRefused), errors.Is(err, ErrTooBig), errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &cert):
		return false
	case errors.As(err, &proxy):
		return slices.Contains(retryable, proxy.code)
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &temp), errors.As(err, &broken):
		return true
	}
	return errors.As(err, &sent) && sent.unsent && !sent.final
}

// asked returns the wait that the server asked for with Retry-After.
func asked(err error) time.Duration {
	var s *StatusError
	var t temporary
	switch {
	case errors.As(err, &s):
		return s.RetryAfter
	case errors.As(err, &t):
		return t.after
	}
	return 0
}
