package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/internal/httpx"
)

// tellRetries returns a context whose requests say that they are made again. What
// they are for stands before it, as "feed otx: ", or nothing.
func (a *app) tellRetries(ctx context.Context, what string) context.Context {
	return httpx.OnRetry(ctx, func(t httpx.Attempt) {
		a.note("iochunt: %s%v; trying again in %s (%d of %d)", what, t.Err, shortDuration(t.Wait), t.N, t.Of)
	})
}

// explain adds to an error what the person at the keyboard can do. The code
// that the error had stays.
func (s *taxiiSession) explain(err error) error {
	var told *exitError
	if err == nil || errors.As(err, &told) && told.err == nil {
		return err
	}
	mend := s.mend(err)
	if mend == "" {
		return err
	}
	if told != nil {
		return &exitError{code: told.code, err: fmt.Errorf("%w; %s", told.err, mend)}
	}
	return fmt.Errorf("%w; %s", err, mend)
}

func (s *taxiiSession) mend(err error) string {
	var status *httpx.StatusError
	var answer *taxii1.StatusError
	errors.As(err, &status)
	switch {
	case errors.Is(err, httpx.ErrClientCert):
		return "give yours by --cert and --key"
	case isAuth(err) && s.anonymous:
		return "no login was given: --username-file, and --password-file if there is one"
	case isAuth(err) && !errors.As(err, &answer): // an answer of TAXII 1 says what to check
		return "check the user name and the password"
	case httpx.Untrusted(err):
		return "if it is right, give its authority's certificate by --ca-cert FILE"
	case !s.v2 && status != nil && (status.Code == http.StatusMethodNotAllowed || status.Code == http.StatusNotAcceptable):
		return "if it is a TAXII 2 server, say so: -t 2.1"
	case s.v2 && errors.Is(err, taxii.ErrNotTAXII):
		return "if it is a TAXII 1 server, say so: -t 1.1"
	case errors.As(err, &answer) && answer.Type == taxii1.Failure && strings.Contains(strings.ToLower(answer.Message), "not supported"):
		return "is that the address of this service? --discovery finds it"
	}
	return ""
}
