package es

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Place is a concrete index.
type Place struct {
	Name       string   // of another cluster: cluster:name
	Cluster    string   // the other cluster; "": this one
	UUID       string   // "" in another cluster, which does not tell
	DataStream string   // that it is part of
	Aliases    []string // sorted
	Shards     int      // primaries; 0 in another cluster
	Closed     bool     // cannot be searched
	Frozen     bool     // searched only with ignore_throttled=false
}

// Resolution is what patterns stand for.
type Resolution struct {
	Places  []Place // by name
	Missing []Miss  // what one of the patterns should have stood for and does not
}

// Miss is a pattern or a name that stands for nothing, or a cluster that does
// not answer: a search over it would find nothing and say so without an error.
type Miss struct {
	Pattern string
	Cluster string // that does not answer; "": it did
	Reason  string
}

// Resolve finds the concrete indices, open and closed, hidden ones too, behind
// patterns: names, wildcards, aliases, data streams, of this cluster and of others
// (cluster:pattern, both may have wildcards); one with a "-" in front takes out
// what the ones before it found. That a pattern stands for nothing is no error; it is in Missing.
func (c *Client) Resolve(ctx context.Context, patterns []string) (Resolution, error) {
	found := map[string]*Place{}
	var r Resolution
	for p, expr := range Expressions(patterns) {
		n, why, err := c.resolveOne(ctx, expr, found)
		if err != nil {
			return Resolution{}, err
		}
		if cluster, _ := split(p); cluster != "" {
			silent, err := c.silent(ctx, p, cluster)
			if err != nil {
				return Resolution{}, err
			}
			r.Missing = append(r.Missing, silent...)
			n += len(silent)
		}
		if n == 0 {
			r.Missing = append(r.Missing, Miss{Pattern: p, Reason: why})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		r.Places = append(r.Places, *found[name])
	}
	return r, nil
}

// Expressions gives of each pattern that does not take out itself, and with what
// the later ones take out of it: "a*" and "a*,-ab*" of a*, -ab*.
func Expressions(patterns []string) iter.Seq2[string, string] {
	return func(yield func(pattern, expression string) bool) {
		for i, p := range patterns {
			if minus(p) {
				continue
			}
			if !yield(p, strings.Join(append([]string{p}, minuses(p, patterns[i+1:])...), ",")) {
				return
			}
		}
	}
}

// Cluster returns the other cluster that a name or a pattern is about, "" for this
// one. Neither the colon in a date's zone (<logs-{now{yyyy|+01:00}}>) nor the two
// of logs::failures make another cluster.
func Cluster(pattern string) string {
	cluster, _ := split(pattern)
	return cluster
}

// split cuts the cluster off a pattern.
func split(p string) (cluster, rest string) {
	a, b, ok := strings.Cut(p, ":")
	if !ok || strings.Contains(a, "<") || strings.HasPrefix(b, ":") {
		return "", p
	}
	return a, b
}

// minus reports whether a pattern takes out.
func minus(p string) bool {
	cluster, rest := split(p)
	return strings.HasPrefix(rest, "-") || strings.HasPrefix(cluster, "-")
}

// Wild reports whether a pattern means whatever fits, and not an index, an alias
// or a stream of that name.
func Wild(pattern string) bool {
	_, rest := split(pattern)
	return strings.Contains(pattern, "*") || rest == "_all"
}

// minuses are those of the later patterns that take out of p, which only a
// wildcard lets them.
func minuses(p string, later []string) (out []string) {
	if !Wild(p) {
		return nil
	}
	cluster, _ := split(p)
	for _, q := range later {
		of, _ := split(q)
		if minus(q) && (of == cluster || strings.HasPrefix(of, "-") && cluster != "") {
			out = append(out, q)
		}
	}
	return out
}

// resolveOne adds to found what an expression stands for, and returns how many
// indices that are.
func (c *Client) resolveOne(ctx context.Context, expr string, found map[string]*Place) (int, string, error) {
	var x struct {
		Indices []struct {
			Name       string
			Aliases    []string
			Attributes []string
			DataStream string `json:"data_stream"`
		}
		Aliases []struct {
			Name    string
			Indices []string
		}
		Streams []struct {
			Name    string
			Backing []string `json:"backing_indices"`
		} `json:"data_streams"`
	}
	why := "no index of that name"
	err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/_resolve/index/" + Escape(expr), Query: url.Values{"expand_wildcards": {"all"}}}, &x)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		return 0, e.Reason, nil
	}
	if err != nil {
		return 0, "", err
	}
	mine := map[string]*Place{}
	for _, i := range x.Indices {
		p := place(mine, i.Name, "")
		p.Aliases, p.DataStream = i.Aliases, i.DataStream
		p.Closed, p.Frozen = slices.Contains(i.Attributes, "closed"), slices.Contains(i.Attributes, "frozen")
	}
	for _, a := range x.Aliases {
		for _, name := range a.Indices {
			p := place(mine, name, a.Name)
			_, alias := split(a.Name)
			p.Aliases = append(p.Aliases, alias)
		}
	}
	for _, s := range x.Streams {
		for _, name := range s.Backing {
			_, place(mine, name, s.Name).DataStream = split(s.Name)
		}
	}
	if err := c.narrow(ctx, expr, mine); err != nil {
		return 0, "", err
	}
	merge(found, mine)
	return len(mine), why, nil
}

// narrow takes out what the expression excludes and an alias brought in again,
// and completes what is left: of this cluster by the settings, which name exactly
// the indices that a search would go to.
func (c *Client) narrow(ctx context.Context, expr string, mine map[string]*Place) error {
	if cluster, _ := split(expr); cluster == "" {
		if err := c.settings(ctx, expr, mine); err != nil {
			return err
		}
		maps.DeleteFunc(mine, func(_ string, p *Place) bool { return p.UUID == "" })
		return nil
	}
	for _, q := range strings.Split(expr, ",")[1:] {
		_, pattern := split(q)
		maps.DeleteFunc(mine, func(name string, _ *Place) bool {
			_, name = split(name)
			out, _ := path.Match(strings.TrimPrefix(pattern, "-"), name)
			return out && !strings.HasPrefix(q, "-")
		})
	}
	return nil
}

// place returns the index of a name; of an alias or stream of another cluster
// the answer has its indices without the cluster.
func place(m map[string]*Place, name, in string) *Place {
	if cluster, _ := split(in); cluster != "" && !strings.Contains(name, ":") {
		name = cluster + ":" + name
	}
	p := m[name]
	if p == nil {
		cluster, _ := split(name)
		p = &Place{Name: name, Cluster: cluster}
		m[name] = p
	}
	return p
}

// merge adds what one pattern found to what others did.
func merge(found, mine map[string]*Place) {
	for name, p := range mine {
		if q := found[name]; q != nil {
			p.Aliases = append(p.Aliases, q.Aliases...)
			p.Closed, p.Frozen = p.Closed || q.Closed, p.Frozen || q.Frozen
			if p.DataStream == "" {
				p.DataStream = q.DataStream
			}
		}
		slices.Sort(p.Aliases)
		p.Aliases = slices.Compact(p.Aliases)
		found[name] = p
	}
}

// settings adds what _resolve does not tell: the uuid, and whether the indices
// behind an alias or a stream are closed.
func (c *Client) settings(ctx context.Context, expr string, mine map[string]*Place) error {
	var x map[string]struct {
		Settings struct {
			Index struct {
				UUID   string
				Shards int    `json:"number_of_shards,string"`
				Closed string `json:"verified_before_close"`
				Frozen string
			}
		}
	}
	const s = "*.settings.index."
	q := url.Values{"expand_wildcards": {"all"}, "filter_path": {"error,status," + s + "uuid," + s + "number_of_shards," + s + "verified_before_close," + s + "frozen"}}
	err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/" + Escape(expr) + "/_settings", Query: q}, &x)
	if IsStatus(err, http.StatusNotFound) {
		return nil
	}
	for name, i := range x {
		p := place(mine, name, "")
		p.UUID, p.Shards = i.Settings.Index.UUID, i.Settings.Index.Shards
		p.Closed = p.Closed || i.Settings.Index.Closed == "true"
		p.Frozen = p.Frozen || i.Settings.Index.Frozen == "true"
	}
	return err
}

// silent returns the clusters of a pattern that do not answer. _resolve/index
// leaves them out without a word.
func (c *Client) silent(ctx context.Context, p, cluster string) (out []Miss, err error) {
	var x map[string]struct{ Connected bool }
	ask := "/_remote/info"
	if c.o.Flavor == Elasticsearch {
		ask = "/_resolve/cluster/" + Escape(p)
	}
	err = c.Do(ctx, Request{Method: http.MethodGet, Path: ask}, &x)
	if ask != "/_remote/info" && (IsStatus(err, http.StatusBadRequest) || IsStatus(err, http.StatusMethodNotAllowed)) { // before 8.13
		err = c.Do(ctx, Request{Method: http.MethodGet, Path: "/_remote/info"}, &x)
	}
	if IsStatus(err, http.StatusNotFound) {
		return nil, nil // no such cluster: Missing says it
	}
	if err != nil {
		return nil, fmt.Errorf("which clusters answer to %s: %w", p, err)
	}
	for _, name := range slices.Sorted(maps.Keys(x)) {
		if ok, _ := path.Match(cluster, name); ok && !x[name].Connected {
			out = append(out, Miss{Pattern: p, Cluster: name, Reason: "the cluster " + clean(name) + " does not answer"})
		}
	}
	return out, nil
}
