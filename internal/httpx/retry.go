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
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Policy says how often a request is tried and how big and slow its answer may
// be. The zero value is a good one.
type Policy struct {
	Attempts int                     // in all, 5; 1 never tries again
	First    time.Duration           // wait before the second attempt, 1 s; each further one is about twice the last
	MaxWait  time.Duration           // longest wait, also when the server asks for more, 2 min
	Timeout  time.Duration           // limit for one attempt from the request to the body's end; 0: the client's own limits alone
	MaxBody  int64                   // most bytes of a decoded body; 0: the client's limit
	Final    func(*StatusError) bool // true: do not try again although the status says one may
}

func (p Policy) withDefaults(method string) Policy {
	if p.Attempts <= 0 {
		p.Attempts = 5
	}
	if method != http.MethodGet && method != http.MethodHead {
		p.Attempts = 1 // it may have been done although no answer came
	}
	if p.First <= 0 {
		p.First = time.Second
	}
	if p.MaxWait <= 0 {
		p.MaxWait = 2 * time.Minute
	}
	return p
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

type temporary struct{ error }

func (t temporary) Unwrap() error { return t.error }

// Temporary marks err, made by the read function of Policy.Do, as one that
// another try may mend.
func Temporary(err error) error { return temporary{err} }

// Do sends req and hands the answer to read, which consumes the body; Do
// closes it. A GET or HEAD is tried again after a 429, 500, 502, 503 or 504, a
// connection that fails, a body that breaks off and an error of read marked
// Temporary; read must then start afresh. Statuses from 300 on except 304 are
// a *StatusError, failures to get an answer an *Error, and neither holds a
// secret of req. When the context ends, so does Do, with the context's error.
func (p Policy) Do(c *http.Client, req *http.Request, read func(*http.Response) error) error {
	p = p.withDefaults(req.Method)
	ctx := req.Context()
	wait := &patient{BackOff: p.exponential(), max: p.MaxWait}
	n := 0
	try := func() error {
		n++
		err := p.once(c, req, read)
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
func (p Policy) once(c *http.Client, req *http.Request, read func(*http.Response) error) error {
	ctx := req.Context()
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("no complete answer within %v: %w", p.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	resp, err := c.Do(req.Clone(ctx))
	if err != nil {
		return cleanError(req, because(ctx, err))
	}
	defer resp.Body.Close()
	if p.MaxBody > 0 {
		resp.Body = capBody(resp.Body, p.MaxBody)
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotModified {
		return statusError(req, resp)
	}
	if err := read(resp); err != nil {
		return cleanError(req, because(ctx, err))
	}
	// A connection is used again only when its body was read to the end.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	return nil
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
	var temp temporary
	var broken *BodyError
	var sent *Error
	switch {
	case errors.As(err, &status):
		return slices.Contains(retryable, status.Code) && (p.Final == nil || !p.Final(status))
	case errors.Is(err, ErrRefused), errors.Is(err, ErrTooBig), errors.As(err, &cert):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &temp), errors.As(err, &broken):
		return true
	}
	return errors.As(err, &sent) && sent.unsent
}

// asked returns the wait that the server asked for with Retry-After.
func asked(err error) time.Duration {
	var s *StatusError
	if errors.As(err, &s) {
		return s.RetryAfter
	}
	return 0
}
