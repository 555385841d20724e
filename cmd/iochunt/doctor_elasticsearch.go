package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/mappings"
)

// clusterPatience is how long a doctor waits for a cluster, all in all.
const clusterPatience = time.Minute

// elasticsearch checks the cluster: whether it answers, who we are to it, whether
// our indices are what they should be, and the logs to be hunted in.
func (c *checkup) elasticsearch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, clusterPatience)
	defer cancel()
	client, err := c.a.cluster()
	if err != nil {
		c.say("fail", "cluster", err.Error(), "correct the section elasticsearch of the config file")
		return
	}
	if !c.reachable(ctx, client) {
		return
	}
	c.who(ctx, client)
	c.indices(ctx, client)
	for _, l := range c.a.cfg.Logs {
		if l.Kind == config.LogIndices {
			c.logIndices(ctx, client, l)
		}
	}
}

// reachable says which server answers, and whether it is the configured kind.
func (c *checkup) reachable(ctx context.Context, client *es.Client) bool {
	info, err := client.Info(ctx)
	switch {
	case es.IsStatus(err, http.StatusForbidden):
		c.say("warn", "cluster", "it answers, but does not say its version: "+err.Error(), "give the role the cluster privilege monitor (iochunt setup --print-roles)")
		return true
	case err != nil:
		c.unanswered(err)
		return false
	}
	flavor, named := es.Elasticsearch, "Elasticsearch"
	if info.Distribution == es.OpenSearch {
		flavor, named = es.OpenSearch, "OpenSearch"
	}
	said := fmt.Sprintf("%s %s, cluster %s", named, info.Number, info.ClusterName)
	if flavor != client.Flavor() {
		c.say("fail", "cluster", said+": the configuration says "+client.Flavor(), "elasticsearch.flavor: "+flavor)
		return false
	}
	c.say("ok", "cluster", said, "")
	return true
}

// unanswered says why the cluster cannot be asked.
func (c *checkup) unanswered(err error) {
	if f, ok := errors.AsType[*clusterFault](c.a.explained(err)); ok {
		c.say("fail", "cluster", f.said, f.mend)
		return
	}
	c.say("fail", "cluster", strings.TrimPrefix(err.Error(), "elasticsearch: "), "correct the section elasticsearch of the config file, and see that the cluster runs")
}

// who says as whom we are known. A cluster without security knows nobody.
func (c *checkup) who(ctx context.Context, client *es.Client) {
	path := "/_security/_authenticate"
	if client.Flavor() == es.OpenSearch {
		path = "/_plugins/_security/authinfo"
	}
	var x struct {
		Username, Name string
		UserName       string `json:"user_name"`
		Roles          []string
		APIKey         struct{ Name string } `json:"api_key"`
	}
	err := client.Do(ctx, es.Request{Method: "GET", Path: path, Ask: true}, &x)
	switch _, refused := errors.AsType[*es.Error](err); {
	case err == nil && x.APIKey.Name != "":
		c.say("ok", "access", "API key "+x.APIKey.Name, "")
	case err == nil:
		c.say("ok", "access", fmt.Sprintf("user %s, roles: %s", x.Username+x.UserName, strings.Join(x.Roles, ", ")), "")
	case es.IsStatus(err, http.StatusUnauthorized), es.IsStatus(err, http.StatusForbidden), !refused:
		c.say("warn", "access", err.Error(), "")
	default:
		c.say("ok", "access", "the cluster has no security: everybody may do everything", "")
	}
}

// indices checks what iochunt setup makes.
func (c *checkup) indices(ctx context.Context, client *es.Client) {
	prefix := c.a.cfg.Elasticsearch.Prefix
	states, err := elastic.Inspect(ctx, client, prefix)
	if es.IsStatus(err, http.StatusForbidden) {
		c.say("fail", "index", err.Error(), "iochunt setup --print-roles has the roles that are needed")
		return
	}
	if err != nil {
		c.say("fail", "index", err.Error(), "iochunt setup")
		return
	}
	missing := false
	for _, st := range states {
		missing = missing || st.Index == ""
		if st.Index == "" && forbidden(ctx, client, st.Alias) {
			c.say("warn", "index", "this user may not see "+st.Alias, "iochunt setup --print-roles has the roles that are needed")
			continue
		}
		c.index(st)
	}
	c.standIns(states)
	if !missing {
		c.deadLetters(ctx, client, prefix)
	}
}

// forbidden reports whether the cluster does not say if there is an index of that
// name: from a list it leaves out what the user may not see.
func forbidden(ctx context.Context, client *es.Client, name string) bool {
	err := client.Do(ctx, es.Request{Method: "HEAD", Path: "/" + es.Escape(name), Ask: true}, nil)
	return es.IsStatus(err, http.StatusForbidden)
}

// index checks one of our indices.
func (c *checkup) index(st elastic.IndexState) {
	d := st.Difference
	switch {
	case st.Index == "":
		c.say("fail", "index", st.Alias+" is not there", "iochunt setup")
	case st.Version > st.Wanted:
		c.say("fail", "index", fmt.Sprintf("%s has mapping version %d; this program knows %d", st.Index, st.Version, st.Wanted), "update iochunt")
	case !d.Same():
		c.say("fail", "index", fmt.Sprintf("%s is not up to date: %s", st.Index, strings.Join(slices.Concat(d.Conflicts, d.New, d.Changed), "; ")), "iochunt setup")
	default:
		c.say("ok", "index", fmt.Sprintf("%s is %s, mapping version %d", st.Alias, st.Index, st.Version), "")
	}
	for _, b := range st.Blocks {
		c.say("fail", "index", fmt.Sprintf("%s takes no writes: index.blocks.%s", st.Index, b), mendOfBlock(st.Index, b))
	}
	for _, o := range st.Others {
		c.say("warn", "index", o+" is of another version; nothing uses it", "when no setup is running: DELETE /"+o)
	}
}

// mendOfBlock is what opens an index again. The cluster itself blocks one when a
// disk is nearly full (the flood stage).
func mendOfBlock(index, block string) string {
	open := fmt.Sprintf(`PUT /%s/_settings {"index.blocks.%s": null}`, index, block)
	switch block {
	case "read_only_allow_delete":
		return "a disk of the cluster is nearly full: make room, then " + open
	case "write":
		return "run iochunt setup again if it was interrupted; else " + open
	}
	return open
}

// standIns tells of types of fields that the cluster does not know. They cost
// something, but no hit.
func (c *checkup) standIns(states []elastic.IndexState) {
	var all []mappings.StandIn
	for _, st := range states {
		for _, s := range st.Difference.StandIns {
			s.Field = st.Alias + ": " + s.Field
			all = append(all, s)
		}
	}
	for _, said := range sayStandIns(all) {
		c.say("ok", "fields", said, "")
	}
}

// deadLetters warns of documents that the cluster has refused.
func (c *checkup) deadLetters(ctx context.Context, client *es.Client, prefix string) {
	r, err := client.Search(ctx, prefix+mappings.IOCState, es.M{"size": 0, "track_total_hits": true, "query": es.M{"term": es.M{"kind": "dead"}}}, nil)
	switch {
	case es.IsStatus(err, http.StatusForbidden):
		c.say("warn", "refused", err.Error(), "iochunt setup --print-roles has the roles that are needed")
	case err != nil:
		c.say("fail", "refused", err.Error(), "")
	case r.Hits.Total.Value > 0:
		c.say("warn", "refused", fmt.Sprintf("%s, kept in %s%s (kind: dead) with the cluster's reason", plural(int(r.Hits.Total.Value), "document that the cluster refused", "documents that the cluster refused"), prefix, mappings.IOCState),
			"look at the reasons: often a disk is full, or an index was changed by hand")
	}
}
