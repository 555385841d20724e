package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// adHoc is the feed name of what -f and -e bring.
const adHoc = "command-line"

// addAdHoc reads the lists of -f and the values of -e into a store in memory,
// through the same steps that a feed passes.
func (a *app) addAdHoc(ctx context.Context, f scanFlags, types []ioc.Type, src *source) error {
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
		if err := checkTypes(f.values, types); err != nil {
			return err
		}
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
	spooled := file != path
	if err != nil {
		return collect.Result{}, nil, err
	}
	defer clean()
	if file, err = filepath.Abs(file); err != nil {
		return collect.Result{}, nil, err
	}
	c, err := a.fileCollector(adHoc, file, nil)
	if err != nil {
		return collect.Result{}, nil, err
	}
	keep := &refusals{Store: &imports{Store: s, root: importRoot(file)}}
	if spooled {
		keep.spooled, keep.name = filepath.Base(file), path
	}
	res, err := collect.Run(ctx, adHoc, c, keep, collect.RunOptions{Prepare: prepareAdHoc, Now: a.now})
	if err == nil && len(res.Skipped) > 0 {
		err = errors.New(firstFew(res.Skipped))
	}
	return res, keep.all, err
}

// prepareAdHoc is prepare for values that no store will judge: what is too broad
// is refused.
func prepareAdHoc(m *ioc.Member) string {
	if why := prepare(m); why != "" {
		return why
	}
	return tooBroad(m.Observable)
}

// tooBroad says why an observable would hit on everything, or "".
func tooBroad(o ioc.Observable) string {
	switch {
	case o.Type == ioc.Domain && canon.PublicSuffix(o.Value):
		return "a public suffix"
	case o.Type == ioc.CIDR && strings.HasSuffix(o.Value, "/0"):
		return "the whole address space"
	}
	return ""
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

// refusals is a store that remembers what was refused on the way in.
type refusals struct {
	collect.Store
	all           []ioc.Refusal
	spooled, name string // a report named after our copy of a pipe gets the pipe's name
}

func (r *refusals) PutBatch(ctx context.Context, feed string, b ioc.Batch) (ioc.Changes, error) {
	r.all = append(r.all, b.Refused...)
	for i := range b.Reports {
		if r.spooled != "" && b.Reports[i].Name == r.spooled {
			b.Reports[i].Name = r.name
		}
	}
	return r.Store.PutBatch(ctx, feed, b)
}

// checkTypes refuses a value of -e that --type would leave out.
func checkTypes(values []string, types []ioc.Type) error {
	if len(types) == 0 {
		return nil
	}
	for _, v := range values {
		all, err := typed(v)
		if err != nil {
			return usage("-e %w", err)
		}
		if !slices.ContainsFunc(all, func(o ioc.Observable) bool { return slices.Contains(types, o.Type) }) {
			return usage("-e %s is a %s, which --type leaves out", v, all[0].Type)
		}
	}
	return nil
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
	if t, rest, said := saidType(v); said {
		o, err := outright(t, rest)
		return []ioc.Observable{o}, err
	}
	o, ok := canon.Sniff(v)
	if !ok || tooBroad(o) != "" {
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

// saidType splits "type:value"; said is false where no type is named.
func saidType(v string) (t ioc.Type, value string, said bool) {
	name, value, ok := strings.Cut(v, ":")
	if !ok {
		return "", v, false
	}
	t, said = ioc.ParseType(name)
	return t, value, said
}

// outright reads a value whose type a person has said; unlike a feed's, it is
// not quietly taken for another one.
func outright(t ioc.Type, value string) (ioc.Observable, error) {
	o, err := canon.Observable(t, value)
	switch {
	case err != nil:
		return o, fmt.Errorf("%s:%s: %w", t, value, err)
	case tooBroad(o) != "":
		return o, fmt.Errorf("%s:%s: %s", t, value, tooBroad(o))
	case !o.Type.Huntable():
		return o, fmt.Errorf("%s:%s: a %s cannot stand in a log", t, value, o.Type)
	case o.Type.Form() != t.Form():
		return o, fmt.Errorf("%s:%s: this is no %s but a %s; say %s:%s", t, value, t, o.Type, o.Type, value)
	}
	return o, nil
}
