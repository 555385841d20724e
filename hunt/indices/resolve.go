package indices

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
)

// Indices returns the concrete indices of a source, in the order of their names,
// each once, and what of each can be searched. What a name stands for that is not
// there, closed or forbidden is a trouble: nothing can be said of it. The error
// is ctx's.
func (e *Engine) Indices(ctx context.Context, src Source) ([]Index, []hunt.Trouble, error) {
	var out []Index
	var troubles []hunt.Trouble
	seen := make(map[string]bool)
	for pattern, expr := range es.Expressions(src.Indices) {
		found, missing, err := e.resolve(ctx, expr)
		found = slices.DeleteFunc(found, func(l listed) bool { return src.excepts(pattern, l.Name) })
		troubles = append(troubles, missing...)
		if err == nil && len(found)+len(missing) == 0 {
			err = errNoIndex
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			troubles = append(troubles, hunt.Trouble{Path: pattern, Reason: whyNot(err)})
		}
		for _, ix := range found {
			if seen[ix.Name] {
				continue
			}
			seen[ix.Name] = true
			if err := e.describe(ctx, src, &ix.Index); err != nil || ix.closed {
				if ctx.Err() != nil {
					return nil, nil, ctx.Err()
				}
				troubles = append(troubles, hunt.Trouble{Path: ix.Name, Reason: ix.why(err)})
				continue
			}
			out = append(out, ix.Index)
		}
	}
	slices.SortFunc(out, func(a, b Index) int { return strings.Compare(a.Name, b.Name) })
	return out, troubles, nil
}

// excepts reports whether an index is one that a pattern does not mean. What is
// named outright is meant.
func (s *Source) excepts(pattern, name string) bool {
	name = strings.TrimPrefix(name, es.Cluster(name)+":") // another cluster may have indices like ours
	return es.Wild(pattern) && slices.ContainsFunc(s.Except, func(p string) bool { return strings.HasPrefix(name, p) })
}

var errNoIndex = errors.New("no index has a name like that, or none that this user may see")

// listed is an index as the cluster lists it.
type listed struct {
	Index
	closed bool
}

func (l *listed) why(err error) string {
	if l.closed {
		return "it is closed: open it, or leave it out of indices"
	}
	return whyNot(err)
}

func whyNot(err error) string {
	switch {
	case es.IsStatus(err, http.StatusNotFound):
		return "no such index, alias or data stream"
	case es.IsStatus(err, http.StatusForbidden):
		return err.Error() + "; the user needs the privileges read, monitor and view_index_metadata on it"
	}
	return err.Error()
}

// resolve lists the concrete indices of an expression, and what of it does not
// answer. A list leaves out without a word what its kind of request is not allowed
// for. So there are two: one of the indices that may be looked at, closed ones too,
// and one of those that may be searched. What is in the second alone is searched
// as an index of another cluster is.
func (e *Engine) resolve(ctx context.Context, expr string) ([]listed, []hunt.Trouble, error) {
	if es.Cluster(expr) != "" {
		return e.resolveRemote(ctx, expr)
	}
	out, listErr := e.list(ctx, expr)
	if listErr != nil && !es.IsStatus(listErr, http.StatusForbidden) {
		return nil, nil, listErr
	}
	caps, err := e.c.FieldCaps(ctx, expr, []string{"_id"})
	var silent []hunt.Trouble
	for _, name := range slices.Concat(caps.Indices, caps.Silent) {
		switch {
		case slices.ContainsFunc(out, func(l listed) bool { return l.Name == name }):
		case slices.Contains(caps.Silent, name):
			silent = append(silent, hunt.Trouble{Path: name, Reason: whyNot(err)})
		default:
			out = append(out, listed{Index: Index{Name: name, Remote: true}})
		}
	}
	if len(out)+len(silent) > 0 { // what else is wrong shows when they are searched
		return out, silent, nil
	}
	return nil, nil, cmp.Or(listErr, err)
}

// list lists the indices that may be looked at.
func (e *Engine) list(ctx context.Context, expr string) ([]listed, error) {
	var rows []struct {
		Index, UUID, Status, Pri string
		Docs                     string `json:"docs.count"`
		Size                     string `json:"pri.store.size"`
	}
	q := url.Values{"format": {"json"}, "bytes": {"b"}, "h": {"index,uuid,status,pri,docs.count,pri.store.size"}, "expand_wildcards": {"open,closed"}}
	err := e.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/_cat/indices/" + es.Escape(expr), Query: q, Ask: true}, &rows)
	if err != nil {
		return nil, err
	}
	out := make([]listed, 0, len(rows))
	for _, r := range rows {
		shards, _ := strconv.Atoi(r.Pri)
		docs, _ := strconv.ParseInt(r.Docs, 10, 64)
		size, _ := strconv.ParseInt(r.Size, 10, 64)
		out = append(out, listed{Index{Name: r.Index, UUID: r.UUID, Shards: shards, Docs: docs, docBytes: size / max(docs, 1)}, r.Status == "close"})
	}
	return out, nil
}

// resolveRemote lists the indices of another cluster: no more than their names
// can be known from here.
func (e *Engine) resolveRemote(ctx context.Context, expr string) (out []listed, missing []hunt.Trouble, err error) {
	caps, err := e.c.FieldCaps(ctx, expr, []string{"_id"})
	if err != nil && !es.IsPartial(err) {
		return nil, nil, err
	}
	for _, name := range caps.Indices {
		out = append(out, listed{Index: Index{Name: name, Remote: true}})
	}
	for _, name := range caps.Silent {
		missing = append(missing, hunt.Trouble{Path: name, Reason: whyNot(err)})
	}
	if err != nil && len(missing) == 0 {
		missing = append(missing, hunt.Trouble{Path: expr, Reason: whyNot(err)})
	}
	// A cluster that does not answer, and closed indices, are left out of that.
	r, err := e.c.Resolve(ctx, strings.Split(expr, ","))
	if err != nil {
		if es.IsStatus(err, http.StatusForbidden) {
			err = nil // the user may search there, and not look around
		}
		return out, missing, err
	}
	for _, p := range r.Places {
		if p.Closed {
			out = append(out, listed{Index{Name: p.Name, Remote: true}, true})
		}
	}
	for _, m := range r.Missing {
		if m.Cluster != "" {
			missing = append(missing, hunt.Trouble{Path: m.Pattern, Reason: m.Reason})
		}
	}
	return out, missing, nil
}

// describe finds out what an index can do with the fields.
func (e *Engine) describe(ctx context.Context, src Source, ix *Index) error {
	m, err := e.mappingOf(ctx, src, ix)
	if err != nil {
		return err
	}
	for _, f := range fieldMap(e.o.Map, src.Fields) {
		if x, ok := m.resolve(f, e.c.Flavor()); ok {
			if ix.Remote { // whether its values are normalised or cut cannot be known
				x.facts.source = true
			}
			ix.Fields = append(ix.Fields, x)
		}
	}
	ix.FieldsKey = fieldsKey(ix.Fields)
	if src.Text == TextTokens { // it finds less than reading does
		ix.FieldsKey += "/" + TextTokens
	}
	ix.sourceLess = m.sourceLess
	k, _, ok := m.lookup(timeField(src))
	ix.dated = ok && (k.Type == "date" || k.Type == "date_nanos")
	ix.clocked = ix.dated && !isFalse(k.DocValues)
	return nil
}

func (e *Engine) mappingOf(ctx context.Context, src Source, ix *Index) (mapping, error) {
	if ix.Remote {
		return e.remoteMapping(ctx, src, ix)
	}
	var x map[string]struct {
		Mappings mappingBody
		Settings struct {
			Index struct {
				MaxTerms string `json:"max_terms_count"`
				Mapping  struct {
					Total struct {
						Beyond string `json:"ignore_dynamic_beyond_limit"`
					} `json:"total_fields"`
				}
			}
		}
	}
	if err := e.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/" + es.Escape(ix.Name) + "/_mapping", Ask: true}, &x); err != nil {
		return mapping{}, err
	}
	body, ok := x[ix.Name]
	if !ok {
		return mapping{}, fmt.Errorf("the cluster gave no mapping of it")
	}
	m := flatten(body.Mappings)
	err := e.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/" + es.Escape(ix.Name) + "/_settings/index.max_terms_count,index.mapping.total_fields.ignore_dynamic_beyond_limit", Ask: true}, &x)
	if s, ok := x[ix.Name]; ok {
		ix.maxTerms, _ = strconv.Atoi(s.Settings.Index.MaxTerms)
		m.beyond = s.Settings.Index.Mapping.Total.Beyond == "true"
	}
	return m, err
}

// errSilent is what an answer without indices means: a cluster that is left out
// when it does not answer (skip_unavailable).
var errSilent = errors.New("its cluster does not answer")

// remoteMapping makes a mapping of what _field_caps tells. It tells neither what
// is not mapped nor how values are cut or normalised, so all is read from
// _source.
func (e *Engine) remoteMapping(ctx context.Context, src Source, ix *Index) (mapping, error) {
	names := []string{timeField(src)}
	for _, f := range fieldMap(e.o.Map, src.Fields) {
		names = append(names, f.Name)
	}
	caps, err := e.c.FieldCaps(ctx, ix.Name, names)
	if err == nil && len(caps.Indices) == 0 {
		err = errSilent
	}
	if err != nil {
		return mapping{}, err
	}
	body := mappingBody{property: property{Dynamic: "false", Properties: map[string]property{}}}
	for name, kinds := range caps.Fields {
		for kind := range kinds {
			if kind != "object" && kind != "nested" && kind != "unmapped" {
				body.Properties[name] = property{Type: kind, NullValue: json.RawMessage("0")} // by the fields option, too: it may be an alias
			}
		}
	}
	return flatten(body), nil
}
