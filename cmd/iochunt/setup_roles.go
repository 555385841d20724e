package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/mappings"
)

// right is what a role may do with some indices.
type right int

// The rights, each with what it takes in the words of either server.
const (
	mayRead  right = iota // search, and see mappings and sequence numbers
	mayFind               // that, and make the newest documents searchable: what people put there by hand
	mayWrite              // that, and write and delete documents
	mayMake               // that, and make indices, aliases and mappings
	mayHunt               // read, and make the newest documents searchable: so that none is missed
)

// privileges are those of Elasticsearch for an index.
var privileges = [...][]string{
	mayRead:  {"read", "view_index_metadata", "monitor"},
	mayFind:  {"read", "view_index_metadata", "monitor", "maintenance"},
	mayWrite: {"read", "view_index_metadata", "monitor", "index", "delete", "maintenance"},
	mayMake:  {"all"},
	mayHunt:  {"read", "read_cross_cluster", "view_index_metadata", "monitor", "maintenance"},
}

// The actions of OpenSearch for an index.
var (
	readActions  = []string{"read", "indices_monitor", "indices:admin/get", "indices:admin/mappings/get*", "indices:admin/aliases/get*"}
	huntActions  = append(slices.Clone(readActions), "indices:admin/refresh*")
	writeActions = append(slices.Clone(huntActions), "indices:data/write*")
	actions      = [...][]string{mayRead: readActions, mayFind: huntActions, mayWrite: writeActions, mayMake: {"indices_all"}, mayHunt: huntActions}
)

// role is what one task needs.
type role struct {
	name, why string
	makes     bool // templates too
	index     right
	hits      right
	state     right
	hunts     bool // reads the logs
	noState   bool // state is not for it
}

var roles = []role{
	{name: "iochunt_setup", why: "for iochunt setup, and when an update asks for it", makes: true, index: mayMake, hits: mayMake, state: mayMake},
	{name: "iochunt_collect", why: "for iochunt collect, indicators, warninglists; with iochunt_hunt for hits mark", index: mayWrite, hits: mayRead, state: mayWrite},
	{name: "iochunt_hunt", why: "for iochunt hunt, scan, hits", index: mayFind, hits: mayWrite, state: mayWrite, hunts: true},
	{name: "iochunt_read", why: "for people; with it they need access to Kibana or Dashboards", index: mayRead, hits: mayRead, noState: true},
}

// rule is a right on some indices.
type rule struct {
	names []string
	right right
}

// rules are the rights of a role, with the prefix of our indices.
func (r role) rules(prefix string, logs []string) []rule {
	of := func(name string) []string { return []string{prefix + name, prefix + name + "-v*"} }
	out := []rule{{of(mappings.IOCIndex), r.index}, {of(mappings.IOCHits), r.hits}}
	if !r.noState {
		out = append(out, rule{of(mappings.IOCState), r.state})
	}
	if r.hunts && len(logs) > 0 {
		out = append(out, rule{logs, mayHunt})
	}
	return out
}

// printRoles prints the roles as requests for the configured flavour.
func (a *app) printRoles(logs []string) error {
	e := &a.cfg.Elasticsearch
	if len(logs) == 0 {
		for _, l := range a.cfg.Logs {
			if l.Kind == config.LogIndices {
				logs = append(logs, l.Indices...)
			}
		}
	}
	if len(logs) == 0 {
		a.note("iochunt: iochunt_hunt may read no logs yet: name their indices with --logs, or in the section logs of the configuration")
	}
	for _, r := range roles {
		path, body := "/_security/role/"+r.name, r.elasticsearch(e.Prefix, logs)
		if e.Flavor == es.OpenSearch {
			path, body = "/_plugins/_security/api/roles/"+r.name, r.openSearch(e.Prefix, logs)
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		if err := a.tellStep(elastic.Step{Why: r.why, Method: "PUT", Path: path, Body: raw}, true); err != nil {
			return err
		}
	}
	return nil
}

// elasticsearch is the role for Elasticsearch. Indices of another cluster,
// cluster:name, need a part of their own.
func (r role) elasticsearch(prefix string, logs []string) es.M {
	cluster := []string{"monitor"}
	if r.makes {
		cluster = append(cluster, "manage_index_templates")
	}
	own, remote := byCluster(logs)
	var indices, others []es.M
	for _, u := range r.rules(prefix, own) {
		indices = append(indices, es.M{"names": u.names, "privileges": privileges[u.right]})
	}
	for _, c := range remote {
		if r.hunts {
			others = append(others, es.M{"clusters": []string{c.cluster}, "names": c.names, "privileges": []string{"read", "read_cross_cluster", "view_index_metadata"}})
		}
	}
	body := es.M{"cluster": cluster, "indices": indices}
	if len(others) > 0 {
		body["remote_indices"] = others
	}
	return body
}

// openSearch is the role for OpenSearch. What is sent for many indices at a time
// (bulk, several searches) is a permission of the cluster there.
func (r role) openSearch(prefix string, logs []string) es.M {
	cluster := []string{"cluster_monitor", "cluster_composite_ops_ro"}
	if r.index == mayWrite || r.hits == mayWrite || r.makes {
		cluster = append(cluster, "indices:data/write/bulk")
	}
	if r.makes {
		cluster = append(cluster, "cluster_manage_index_templates", "indices:admin/aliases*", "indices:data/write/reindex", "cluster:monitor/task/get")
	}
	own, _ := byCluster(logs)
	var indices []es.M
	for _, u := range r.rules(prefix, own) {
		indices = append(indices, es.M{"index_patterns": u.names, "allowed_actions": actions[u.right]})
	}
	return es.M{"cluster_permissions": cluster, "index_permissions": indices}
}

// remoteLogs are the patterns of one other cluster.
type remoteLogs struct {
	cluster string
	names   []string
}

// byCluster divides patterns into those of this cluster and those of others.
func byCluster(logs []string) (own []string, remote []remoteLogs) {
	for _, l := range logs {
		cluster := es.Cluster(l)
		name := strings.TrimPrefix(l, cluster+":")
		switch {
		case strings.HasPrefix(l, "-"), strings.HasPrefix(name, "-"): // it takes out of the others, and grants nothing
			continue
		case cluster == "":
			own = append(own, l)
			continue
		}
		i := slices.IndexFunc(remote, func(r remoteLogs) bool { return r.cluster == cluster })
		if i < 0 {
			i, remote = len(remote), append(remote, remoteLogs{cluster: cluster})
		}
		remote[i].names = append(remote[i].names, name)
	}
	return own, remote
}
