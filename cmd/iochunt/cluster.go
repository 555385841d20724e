package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/mappings"
)

// cluster makes the connection to the configured cluster. It sends nothing.
func (a *app) cluster() (*es.Client, error) {
	if a.es != nil {
		return a.es, nil
	}
	e := &a.cfg.Elasticsearch
	secrets, err := e.Credentials(a.env)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("config %s: %w", a.configPlace(), err)}
	}
	if !e.Verify {
		a.note("iochunt: elasticsearch: verify is off: whoever sits in between reads and writes along")
	}
	c, err := es.New(es.Options{
		Addresses: e.Addresses, CloudID: e.CloudID, Flavor: e.Flavor, Username: e.Username,
		Password: httpx.Secret(secrets.Password), APIKey: httpx.Secret(secrets.APIKey), Compress: e.Compress, Timeout: e.Timeout,
		HTTP: httpx.Options{
			Version: version, Header: e.Timeout, CAFile: e.CAFile, Fingerprint: e.Fingerprint, Insecure: !e.Verify, Proxy: httpx.Secret(secrets.Proxy),
			ClientCert: secrets.ClientCert, ClientKey: httpx.Secret(secrets.ClientKey), KeyPassword: httpx.Secret(secrets.KeyPassword),
		},
	})
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("config %s: elasticsearch: %s", a.configPlace(), strings.TrimPrefix(err.Error(), "elasticsearch: "))}
	}
	a.es = c
	return c, nil
}

// openCluster opens the store in the configured cluster.
func (a *app) openCluster(ctx context.Context) (*elastic.Store, error) {
	c, err := a.cluster()
	if err != nil {
		return nil, err
	}
	s, err := elastic.Open(ctx, c, elastic.Options{Prefix: a.cfg.Elasticsearch.Prefix, Now: a.now, Ages: a.ages()})
	if err == nil {
		err = a.checkIndices(ctx, c)
	}
	if err != nil {
		return nil, clusterError(err)
	}
	return s, nil
}

// checkIndices sees that the store has been set up: a cluster would make an index
// that is missing by itself, with fields as it likes.
func (a *app) checkIndices(ctx context.Context, c *es.Client) error {
	var names []string
	for _, n := range mappings.Names() {
		names = append(names, a.cfg.Elasticsearch.Prefix+n)
	}
	q := url.Values{"filter_path": {"*.aliases,error"}}
	err := c.Do(ctx, es.Request{Method: "GET", Path: "/" + es.Escape(strings.Join(names, ",")), Query: q, Ask: true}, nil)
	switch {
	case es.IsStatus(err, http.StatusNotFound):
		if _, err := c.Info(ctx); err != nil && !clusterRefuses(err) {
			return err // another server than was said
		}
		return fmt.Errorf("not all of %s are at %s: make them with: iochunt setup", strings.Join(names, ", "), c.Address())
	case es.IsStatus(err, http.StatusForbidden):
		return nil // we may use them, and not look at them
	}
	return err
}

// clusterError gives a refusal of the cluster the exit code of its kind.
func clusterError(err error) error {
	if clusterRefuses(err) {
		return &exitError{code: exitAuth, err: err}
	}
	return err
}

// clusterRefuses reports whether err is the cluster's word that it does not know
// us, or that we may not. An index that takes no writes (a full disk) has the same
// status, and refuses everybody.
func clusterRefuses(err error) bool {
	if e, ok := errors.AsType[*es.Error](err); ok && e.Type == "cluster_block_exception" {
		return false
	}
	return es.IsStatus(err, http.StatusUnauthorized) || es.IsStatus(err, http.StatusForbidden) && !isBlocked(err)
}

// isBlocked reports whether err says that an index takes no writes at present,
// from anybody.
func isBlocked(err error) bool {
	e, ok := errors.AsType[*es.Error](err)
	return ok && e.Type == "cluster_block_exception"
}

// readLocal opens the embedded store, for reading alone if it is somebody else's.
func (a *app) readLocal() (*local.Store, error) {
	s, err := a.openLocal()
	if errors.Is(err, fs.ErrPermission) {
		return local.Open(a.cfg.Store.Path, local.Options{ReadOnly: true})
	}
	return s, err
}

// errNoCluster is the error of a verb that has nothing to work with.
var errNoCluster = errors.New("no cluster is configured: name its address in the section elasticsearch of the config file, or in IOCHUNT_ES_ADDRESSES")
