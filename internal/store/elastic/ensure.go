package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/mappings"
)

// Step is one request by which Ensure changes a cluster.
type Step struct {
	Why    string          // for people
	Method string          //
	Path   string          // with its query
	Body   json.RawMessage // nil: none
}

// Ensured says what Ensure found and did.
type Ensured struct {
	Steps    []Step             // that were sent, or would have been
	StandIns []mappings.StandIn // fields whose type the cluster does not know
	Notes    []string           // what a person should know: indices left from before
}

// Ensure brings the indices of a store into being, or up to the mappings of this
// program: those that are missing are created, new fields are added, and where a
// field changed in a way that an index cannot follow, its documents are copied to
// a new one, to which the alias moves. Nothing that was there is deleted. Where
// all is well, nothing is done. Several may run at a time.
//
// plan is asked before every step; while it says false nothing is sent and
// Ensured tells what would have been. A nil plan agrees to all.
//
// While documents are copied their old index takes no writes: whoever writes to
// the store is refused until the alias has moved.
func Ensure(ctx context.Context, c *es.Client, prefix string, plan func(Step) bool) (Ensured, error) {
	e := &ensurer{c: c, prefix: prefix, plan: plan, body: mappings.Index}
	return e.ensure(ctx)
}

// ErrNewer is the error for indices that a newer iochunt has made.
var ErrNewer = errors.New("a newer iochunt made it: update iochunt")

// errAgain says that somebody else was faster: look again.
var errAgain = errors.New("another setup was at work at the same time")

const rounds = 5 // at the most, when others are at work

type ensurer struct {
	c      *es.Client
	prefix string
	plan   func(Step) bool
	body   func(name string) []byte
	accept map[string]bool // of mappings.Optional
	dry    bool            // the plan did not agree to the last step
	out    Ensured
}

// ensure looks and acts until there is nothing to do, or nobody else in between.
func (e *ensurer) ensure(ctx context.Context) (Ensured, error) {
	if err := e.probe(ctx); err != nil {
		return e.out, fmt.Errorf("setup: %w", err)
	}
	for _, name := range mappings.Names() {
		var err error
		for range rounds {
			if err = e.one(ctx, name); !errors.Is(err, errAgain) {
				break
			}
		}
		if err != nil {
			return e.out, fmt.Errorf("setup: %s%s: %w", e.prefix, name, err)
		}
	}
	return e.out, nil
}

// probe asks which of the optional types of fields the cluster accepts. It has a
// template worked out that is never stored, so it changes nothing.
func (e *ensurer) probe(ctx context.Context) error {
	e.accept = map[string]bool{}
	for _, t := range append([]string{"keyword"}, mappings.Optional()...) {
		body, err := json.Marshal(es.M{
			"index_patterns": []string{e.prefix + "iochunt-probe"}, "priority": priority,
			"template": es.M{"mappings": es.M{"properties": es.M{"probe": es.M{"type": t}}}},
		})
		if err != nil {
			return err
		}
		err = e.c.Do(ctx, es.Request{Method: "POST", Path: "/_index_template/_simulate", Body: body, Ask: true}, nil)
		if t == "keyword" && es.IsStatus(err, http.StatusForbidden) {
			return fmt.Errorf("the cluster does not say which types of fields it knows (that takes the privilege manage_index_templates): %w", err)
		}
		if err != nil && (t == "keyword" || !es.IsStatus(err, http.StatusBadRequest)) {
			return err
		}
		e.accept[t] = err == nil
	}
	return nil
}

// one brings one index up to date.
func (e *ensurer) one(ctx context.Context, name string) error {
	want, stand, err := e.want(name)
	if err != nil {
		return err
	}
	if err := e.template(ctx, name, want); err != nil {
		return err
	}
	st, err := inspect(ctx, e.c, e.prefix, name, want.Mappings)
	if err != nil {
		return err
	}
	switch {
	case st.Version > mappingVersion(want.Mappings):
		return fmt.Errorf("%s has mapping version %d, and this program knows %d: %w", st.Index, st.Version, mappingVersion(want.Mappings), ErrNewer)
	case st.Index == "":
		err = e.create(ctx, st, want)
	case len(st.Difference.Conflicts) > 0:
		err = e.move(ctx, st, want)
	case !st.Difference.Same():
		err = e.extend(ctx, st, want)
	}
	if err != nil {
		return err
	}
	for _, s := range stand {
		s.Field = st.Alias + ": " + s.Field
		e.out.StandIns = append(e.out.StandIns, s)
	}
	e.out.Notes = append(e.out.Notes, st.notes()...)
	return nil
}

// indexBody is the body with which an index is created.
type indexBody struct {
	Settings mappings.Tree `json:"settings"`
	Mappings mappings.Tree `json:"mappings"`
}

// want returns the body of an index, made to fit the cluster.
func (e *ensurer) want(name string) (indexBody, []mappings.StandIn, error) {
	var b indexBody
	if err := json.Unmarshal(e.body(name), &b); err != nil {
		return b, nil, err
	}
	stand := mappings.Fit(b.Mappings, func(t string) bool { return e.accept[t] })
	return b, stand, nil
}

// priority lets our templates win over those of others for our names.
const priority = 500

// template stores the template of an index: should an index be made by a write,
// because somebody deleted it, it is not one with guessed fields.
func (e *ensurer) template(ctx context.Context, name string, want indexBody) error {
	alias, version := e.prefix+name, mappingVersion(want.Mappings)
	mark := hashID(string(raw(want)), fmt.Sprint(priority))
	path := "/_index_template/" + es.Escape(alias)
	var x struct {
		Templates []struct {
			Template struct {
				Meta struct {
					Version int    `json:"iochunt_version"`
					Mark    string `json:"iochunt_body"`
				} `json:"_meta"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	err := e.c.Do(ctx, es.Request{Method: "GET", Path: path, Ask: true}, &x)
	if err != nil && !es.IsStatus(err, http.StatusNotFound) {
		return err
	}
	if len(x.Templates) == 1 {
		switch m := x.Templates[0].Template.Meta; {
		case m.Version > version:
			return fmt.Errorf("its template has version %d, and this program knows %d: %w", m.Version, version, ErrNewer)
		case m.Version == version && m.Mark == mark:
			return nil
		}
	}
	return e.do(ctx, Step{
		Why: "the template of " + alias, Method: "PUT", Path: path,
		Body: raw(es.M{"index_patterns": []string{alias, alias + generations}, "priority": priority, "template": want,
			"_meta": es.M{"iochunt_version": version, "iochunt_body": mark}}),
	}, nil)
}

// create makes the first index, with its alias: both are there or neither.
func (e *ensurer) create(ctx context.Context, st *IndexState, want indexBody) error {
	name := st.generation(1)
	err := e.do(ctx, Step{
		Why: "the index " + name + " under the name " + st.Alias, Method: "PUT", Path: "/" + es.Escape(name),
		Body: raw(es.M{"settings": want.Settings, "mappings": want.Mappings, "aliases": es.M{st.Alias: es.M{"is_write_index": true}}}),
	}, nil)
	if isType(err, "resource_already_exists_exception") {
		return errAgain
	}
	return err
}

// extend changes a mapping in place.
func (e *ensurer) extend(ctx context.Context, st *IndexState, want indexBody) error {
	why := slices.Concat(st.Difference.New, st.Difference.Changed)
	for _, s := range st.Difference.StandIns {
		mappings.Adopt(st.mapping, want.Mappings, s.Field) // a type cannot be changed in place
	}
	return e.do(ctx, Step{
		Why: st.Index + ": " + strings.Join(why, ", "), Method: "PUT", Path: "/" + es.Escape(st.Index) + "/_mapping",
		Body: raw(want.Mappings),
	}, nil)
}

// do sends a step, if the plan agrees.
func (e *ensurer) do(ctx context.Context, s Step, into any) error {
	e.out.Steps = append(e.out.Steps, s)
	e.dry = e.plan != nil && !e.plan(s)
	if e.dry {
		return nil
	}
	path, query, _ := strings.Cut(s.Path, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	return e.c.Do(ctx, es.Request{Method: s.Method, Path: path, Query: q, Body: s.Body, Once: s.Method == "POST"}, into)
}

// mappingVersion is the version of a mapping, 0 if it does not say.
func mappingVersion(mapping mappings.Tree) int {
	meta, _ := mapping["_meta"].(mappings.Tree)
	n, _ := strconv.Atoi(fmt.Sprint(meta["iochunt_version"]))
	return n
}

func isType(err error, kind string) bool {
	e, ok := errors.AsType[*es.Error](err)
	return ok && e.Type == kind
}

// raw is v as JSON; v is of maps, texts and numbers, which always can be.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
