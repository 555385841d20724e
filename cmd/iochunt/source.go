package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// adHoc is the feed name of what -f and -e bring.
const adHoc = "command-line"

// source is what a scan looks for: a compiled set and who makes its claims.
type source struct {
	set      *match.Set
	claims   hunt.Indicators
	store    *local.Store  // nil: the store takes no part
	readOnly bool          // the store cannot keep hits
	refused  []ioc.Refusal // of -f lists: values that cannot be looked for
	closers  []func() error
}

func (s *source) close() error {
	var err error
	for _, c := range slices.Backward(s.closers) {
		err = errors.Join(err, c())
	}
	return err
}

// openSource brings together what the flags ask for. Nothing to look for is an
// error: it must not read as "0 hits".
func (a *app) openSource(ctx context.Context, f scanFlags) (*source, error) {
	src := &source{}
	err := a.fillSource(ctx, f, src)
	if err == nil && src.set.Len() == 0 {
		err = &exitError{code: exitUsage, err: errNothing(a.cfg)}
	}
	if err == nil && !f.allowExpired {
		err = a.checkAlive(ctx, src)
	}
	if err != nil {
		return nil, errors.Join(err, src.close())
	}
	return src, nil
}

func (a *app) fillSource(ctx context.Context, f scanFlags, src *source) error {
	filter, err := parseFilter(f)
	if err != nil {
		return err
	}
	adhoc := len(f.lists)+len(f.values) > 0
	if adhoc {
		if err := a.addAdHoc(ctx, f, src); err != nil {
			return err
		}
	}
	if !adhoc || f.withStore {
		if err := a.addStore(ctx, src); err != nil {
			return err
		}
	}
	if len(filter.Types)+len(filter.Feeds) > 0 {
		src.claims = filtered{src.claims, filter}
	}
	if src.store != nil && !adhoc && len(filter.Types)+len(filter.Feeds) == 0 {
		src.set, err = a.openSet(ctx, src.store)
	} else {
		src.set, err = compileStore(ctx, src.claims)
	}
	if err == nil {
		src.closers = append(src.closers, src.set.Close)
	}
	return err
}

func parseFilter(f scanFlags) (ioc.Filter, error) {
	filter := ioc.Filter{Feeds: f.feeds}
	for _, name := range f.types {
		t, ok := ioc.ParseType(name)
		if !ok {
			return filter, usage("--type %q: there is no such type; the types are: %s", name, typeNames())
		}
		filter.Types = append(filter.Types, t)
	}
	return filter, nil
}

func typeNames() string {
	var names []string
	for _, r := range ioc.Types() {
		if r.Type.Huntable() {
			names = append(names, string(r.Type))
		}
	}
	return strings.Join(names, " ")
}

// addStore makes the embedded store a part of src.
func (a *app) addStore(ctx context.Context, src *source) error {
	s, readOnly, err := a.readStore()
	if err != nil {
		return err
	}
	src.store, src.readOnly = s, readOnly
	src.closers = append(src.closers, s.Close)
	if src.claims == nil {
		src.claims = s
	} else {
		src.claims = union{src.claims, s}
	}
	return nil
}

// addAdHoc reads the lists of -f and the values of -e into a store in memory,
// through the same steps that a feed passes.
func (a *app) addAdHoc(ctx context.Context, f scanFlags, src *source) error {
	m := memory.New()
	for _, path := range f.lists {
		res, refused, err := a.readList(ctx, m, path)
		if path == "-" {
			path = f.label
		}
		if err != nil {
			return usage("-f %s: %w", path, err)
		}
		src.refused = append(src.refused, refused...)
		if len(refused) > 0 && !f.noMessages {
			a.note("iochunt: -f %s: %s of %s are no indicators and are not looked for, e.g. %q: %s", path,
				thousands(len(refused)), thousands(res.Fetched), shorten(refused[0].Value, 80), refused[0].Reason)
		}
		if res.NotHuntable > 0 && !f.noMessages {
			a.note("iochunt: -f %s: %s of types that cannot stand in a log (YARA, NIDS ...)", path, plural(res.NotHuntable, "indicator"))
		}
	}
	if len(f.values) > 0 {
		if err := putValues(ctx, m, adHoc, f.values); err != nil {
			return usage("-e %w", err)
		}
	}
	src.claims = m
	return nil
}

// readList reads one file of indicators into s, as its own feed would.
func (a *app) readList(ctx context.Context, s collect.Store, path string) (collect.Result, []ioc.Refusal, error) {
	file, clean, err := a.regular(path)
	if err != nil {
		return collect.Result{}, nil, err
	}
	defer clean()
	c, err := a.fileCollector(adHoc, file, nil)
	if err != nil {
		return collect.Result{}, nil, err
	}
	keep := &refusals{Store: s}
	if file != path {
		keep.spooled, keep.name = filepath.Base(file), path
	}
	res, err := collect.Run(ctx, adHoc, c, keep, collect.RunOptions{Prepare: prepare, Now: a.now})
	if err == nil && len(res.Skipped) > 0 {
		err = errors.New(firstFew(res.Skipped))
	}
	return res, keep.all, err
}

// fileCollector reads one named file; the name is taken as it is, not as a glob.
// settings are further ones of the kind "file", nil for none.
func (a *app) fileCollector(feed, path string, settings map[string]any) (collect.Collector, error) {
	all := map[string]any{"path": quoteGlob(path)}
	maps.Copy(all, settings)
	return a.newCollector(config.Feed{Name: feed, Kind: "file", Settings: all}, nil)
}

// regular returns a file that can be read twice, as a list is, once to see that
// it is whole: standard input ("-") and pipes are copied to one of our own,
// which clean removes.
func (a *app) regular(path string) (file string, clean func(), err error) {
	in := a.in
	if path != "-" {
		st, err := os.Stat(path)
		if err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) == 0 {
			return path, func() {}, nil // what is wrong with it, the collector says
		}
		f, err := os.Open(path)
		if err != nil {
			return path, func() {}, err
		}
		defer f.Close()
		in = f
	}
	f, err := os.CreateTemp("", "iochunt-list-") // 0600
	if err != nil {
		return path, func() {}, err
	}
	clean = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, in)
	if err = errors.Join(err, f.Close()); err != nil {
		clean()
	}
	return f.Name(), clean, err
}

// quoteGlob takes the glob characters of a path for themselves.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`).Replace(path)
}

// refusals is a store that remembers what was refused on the way in, and that
// knows no cursor, so that each file is read whole.
type refusals struct {
	collect.Store
	all           []ioc.Refusal
	spooled, name string // a report named after our copy of a pipe gets the pipe's name
}

func (r *refusals) Cursor(context.Context, string) (ioc.Cursor, error) { return "", nil }

func (r *refusals) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	r.all = append(r.all, b.Refused...)
	for i := range b.Reports {
		if r.spooled != "" && b.Reports[i].Name == r.spooled {
			b.Reports[i].Name = r.name
		}
	}
	b.Next = ""
	return r.Store.PutBatch(ctx, feed, b)
}

// putValues adds values that a person typed, each a report of its own.
func putValues(ctx context.Context, s collect.Store, feed string, values []string) error {
	b := ioc.Batch{}
	for _, v := range values {
		all, err := typed(v)
		if err != nil {
			return err
		}
		b.Reports = append(b.Reports, ioc.ReportList{Report: ioc.Report{ID: v, Name: v}, Start: true, Last: true})
		for _, o := range all {
			b.Members = append(b.Members, ioc.Member{Observable: o, Report: v})
		}
	}
	_, err := s.PutBatch(ctx, feed, b)
	return err
}

// typed reads "value" or "type:value". What is no indicator is free text. A bare
// path may be a URL's or a file's, and is looked for as both.
func typed(v string) ([]ioc.Observable, error) {
	if name, rest, ok := strings.Cut(v, ":"); ok {
		if t, known := ioc.ParseType(name); known {
			o, err := outright(t, rest)
			return []ioc.Observable{o}, err
		}
	}
	o, ok := canon.Sniff(v)
	if !ok {
		o, err := canon.Observable(ioc.Text, v)
		return []ioc.Observable{o}, err
	}
	all := []ioc.Observable{o}
	if o.Type == ioc.URLPath {
		if file, err := canon.Observable(ioc.FilePath, v); err == nil {
			all = append(all, file)
		}
	}
	return all, nil
}

// outright reads a value whose type a person has said; unlike a feed's, it is
// not quietly taken for another one.
func outright(t ioc.Type, value string) (ioc.Observable, error) {
	o, err := canon.Observable(t, value)
	switch {
	case err != nil:
		return o, fmt.Errorf("%s:%s: %w", t, value, err)
	case !o.Type.Huntable():
		return o, fmt.Errorf("%s:%s: a %s cannot stand in a log", t, value, o.Type)
	case o.Type.Form() != t.Form():
		return o, fmt.Errorf("%s:%s: this is no %s but a %s; say %s:%s", t, value, t, o.Type, o.Type, value)
	}
	return o, nil
}

// checkAlive refuses a set in which every claim has expired: searching it and
// finding nothing would read as a clean bill.
func (a *app) checkAlive(ctx context.Context, src *source) error {
	alive, err := anyValid(ctx, src.claims, a.now())
	if err != nil || alive {
		return err
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("all %s have expired, so nothing was searched\n"+
		"collect again, or say --allow-expired to judge old events by what was valid then", plural(src.set.Len(), "indicator"))}
}

// anyValid reports whether one of the claims is valid now. A store that can
// tell by itself is asked; else the claims are looked up one by one, and the
// first is nearly always enough.
func anyValid(ctx context.Context, claims hunt.Indicators, now time.Time) (bool, error) {
	if s, ok := claims.(interface {
		Alive(ctx context.Context, now time.Time) (bool, error)
	}); ok {
		return s.Alive(ctx, now)
	}
	for o, err := range claims.Observables(ctx, ioc.Filter{}) {
		if err != nil {
			return false, err
		}
		all, err := claims.Lookup(ctx, o)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(all, func(i ioc.Indicator) bool { return i.ValidAt(now) }) {
			return true, nil
		}
	}
	return false, nil
}

// union is two sources as one. The claims of both stand beside each other.
type union struct{ a, b hunt.Indicators }

func (u union) Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return func(yield func(ioc.Observable, error) bool) {
		seen := map[ioc.Observable]bool{} // the first is what was named by hand: small
		for o, err := range u.a.Observables(ctx, f) {
			seen[o] = true
			if !yield(o, err) {
				return
			}
		}
		for o, err := range u.b.Observables(ctx, f) {
			if err == nil && seen[o] {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (u union) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	first, err := u.a.Lookup(ctx, o)
	if err != nil {
		return nil, err
	}
	second, err := u.b.Lookup(ctx, o)
	return append(first, second...), err
}

// filtered is a source narrowed to types and feeds.
type filtered struct {
	hunt.Indicators
	filter ioc.Filter
}

func (f filtered) Observables(ctx context.Context, _ ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return f.Indicators.Observables(ctx, f.filter)
}

func (f filtered) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	claims, err := f.Indicators.Lookup(ctx, o)
	if len(f.filter.Feeds) > 0 {
		claims = slices.DeleteFunc(claims, func(i ioc.Indicator) bool { return !slices.Contains(f.filter.Feeds, i.Feed) })
	}
	return claims, err
}
