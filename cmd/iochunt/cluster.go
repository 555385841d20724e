package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
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
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("config %s: %w", a.cfg.File, err)}
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
		return nil, &exitError{code: exitUsage, err: err}
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
	err := c.Do(ctx, es.Request{Method: "HEAD", Path: "/" + es.Escape(strings.Join(names, ",")), Ask: true}, nil)
	switch {
	case es.IsStatus(err, http.StatusNotFound):
		return fmt.Errorf("the cluster has not all of %s: make them with: iochunt setup", strings.Join(names, ", "))
	case es.IsStatus(err, http.StatusForbidden):
		return nil // we may use them, and not look at them
	}
	return err
}

// clusterError gives a refusal of the cluster the exit code of its kind.
func clusterError(err error) error {
	if es.IsStatus(err, http.StatusUnauthorized) || es.IsStatus(err, http.StatusForbidden) {
		return &exitError{code: exitAuth, err: err}
	}
	return err
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
