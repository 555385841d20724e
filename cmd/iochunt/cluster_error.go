package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/httpx"
)

// clusterFault is what is wrong between us and the cluster, and the mend, in
// place of the request that happened to meet it first.
type clusterFault struct {
	said, mend string
	err        error
}

func (f *clusterFault) Error() string { return "elasticsearch: " + f.said + ": " + f.mend }
func (f *clusterFault) Unwrap() error { return f.err }

// explained gives an error of the connection to the cluster, or a refusal, words
// that say what to do. Any other error stays as it is.
func (a *app) explained(err error) error {
	if a.es == nil || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if f, ok := errors.AsType[*clusterFault](err); ok {
		return f
	}
	said, mend := a.refusal(err)
	if sent, ok := errors.AsType[*httpx.Error](err); ok && strings.HasPrefix(sent.URL, a.es.Address()) {
		said, mend = unreached(a.es.Address(), sent)
		mend = strings.ReplaceAll(mend, "CONFIG", a.configPlace())
	}
	if said == "" {
		return err
	}
	return &clusterFault{said, mend, err}
}

// configPlace is where the cluster is configured.
func (a *app) configPlace() string { return cmp.Or(a.cfg.File, "the environment") }

// refusal says why the cluster does not do what it is asked for.
func (a *app) refusal(err error) (said, mend string) {
	e, ok := errors.AsType[*es.Error](err)
	switch {
	case !ok:
	case isBlocked(err):
		return strings.TrimRight(e.Reason, "; "), "iochunt doctor says how to open it"
	case e.Status == http.StatusUnauthorized:
		said, mend = a.unknown()
		if reason, _, _ := strings.Cut(e.Reason, " for REST request ["); reason != "" {
			said += " (" + reason + ")"
		}
		return said, mend
	case e.Status == http.StatusForbidden:
		return strings.TrimPrefix(e.Error(), "elasticsearch: "), "iochunt setup --print-roles has the roles that are needed"
	}
	return "", ""
}

// unknown says which credential the cluster does not take.
func (a *app) unknown() (said, mend string) {
	e, at, in := &a.cfg.Elasticsearch, a.es.Address(), " in the section elasticsearch of "+a.configPlace()
	key := cmp.Or(e.APIKeyFile, set(a.env("IOCHUNT_ES_API_KEY"), "$IOCHUNT_ES_API_KEY"))
	password := cmp.Or(e.PassFile, set(a.env("IOCHUNT_ES_PASSWORD"), "$IOCHUNT_ES_PASSWORD"))
	switch {
	case key != "":
		return at + " does not take the API key of " + key, "make a new one (POST /_security/api_key) and put its \"encoded\" there"
	case e.Username != "" && password == "":
		return at + " wants the password of " + e.Username + ", and none is configured", "give password_file" + in + ", or IOCHUNT_ES_PASSWORD"
	case e.Username != "":
		return at + " does not take the password of " + e.Username, "see that username" + in + " and the password of " + password + " are right"
	}
	return at + " wants a login, and none is configured", "give api_key_file, or username and password_file," + in
}

func set(value, name string) string {
	if value == "" {
		return ""
	}
	return name
}

// unreached says why no answer came from the cluster. CONFIG in the mend stands
// for the file with the address; "": it is something else.
func unreached(at string, err error) (said, mend string) {
	sent, _ := errors.AsType[*httpx.Error](err)
	why := sent.Unwrap()
	dns, noHost := errors.AsType[*net.DNSError](err)
	var slow net.Error
	switch {
	case noHost && dns.IsNotFound:
		return "there is no host " + dns.Name, "see elasticsearch.addresses in CONFIG"
	case errors.Is(err, httpx.ErrRefused) && strings.Contains(why.Error(), "fingerprint"):
		return at + ": " + why.Error(), "if that is the cluster's own, write it into elasticsearch.fingerprint in CONFIG"
	case httpx.Untrusted(err):
		return fmt.Sprintf("the certificate of %s is not trusted (%s)", at, strings.TrimPrefix(why.Error(), "tls: failed to verify certificate: ")),
			"name the file of its authority (elasticsearch.ca_file) or its fingerprint (elasticsearch.fingerprint) in CONFIG, and call it by a name that stands in it"
	case strings.Contains(why.Error(), "server gave HTTP response to HTTPS client"):
		return at + " speaks http, not https", "see elasticsearch.addresses in CONFIG"
	case errors.Is(err, io.EOF) && strings.HasPrefix(at, "http:"):
		return at + " ends the connection without an answer; it may want https", "see elasticsearch.addresses in CONFIG"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ECONNRESET):
		return fmt.Sprintf("%s cannot be reached (%v)", at, why), "see that the cluster runs, and elasticsearch.addresses in CONFIG"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return fmt.Sprintf("%s does not answer in time (%v)", at, why), "see that the cluster is well, and elasticsearch.addresses and timeout in CONFIG"
	}
	return "", ""
}
