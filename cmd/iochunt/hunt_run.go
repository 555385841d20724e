package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/indices"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/alive"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/mappings"
)

// indices hunts in the indices of a source.
func (h *hunting) indices(ctx context.Context, l config.LogSource) (huntDone, error) {
	s, ok := h.src.store.(*elastic.Store)
	if !ok {
		return huntDone{}, errNoCluster
	}
	c, err := h.a.cluster()
	if err != nil {
		return huntDone{}, err
	}
	src, err := newIndexSource(l)
	if err != nil {
		return huntDone{}, usage("config %s: %w", h.a.configPlace(), err)
	}
	for _, name := range mappings.Names() {
		src.Except = append(src.Except, h.a.cfg.Elasticsearch.Prefix+name)
	}
	costs := elastic.NewCosts[indices.Cost](s)
	defer costs.Flush(context.WithoutCancel(ctx))
	w := indices.New(c, indices.Options{Map: fieldMap(l), Costs: costs}).Watch(src)
	o := hunt.QueryOptions{
		Name: l.Name, Ledger: s, Now: h.a.now,
		Hunter: alive.Self() + " " + hostname() + " " + rand.Text()[:8], Dead: alive.Dead,
	}
	switch {
	case h.f.window.asked():
		w, o.Ledger = w.Between(h.f.window.from, h.f.window.to), nil
	case h.f.full:
		o.Ledger = nil
	}
	sum, err := h.query(ctx, s, w, o)
	return huntDone{
		Events: sum.Events, Records: sum.Records, Hits: sum.Hits, Expired: sum.Expired, Disarmed: sum.Disarmed, Timeless: sum.Timeless,
		Indicators: sum.Indicators, Units: sum.Units, TakenOver: sum.TakenOver, Failed: sum.Failed, Indices: sum.Indices,
		Incomplete: sum.Incomplete, Notes: sum.Notes, Took: sum.Took,
	}, err
}

// behindTries is how often the set is brought up to date because another hunter
// works with newer indicators.
const behindTries = 5

// query hunts with a set that is as new as that of any other hunter.
func (h *hunting) query(ctx context.Context, s *elastic.Store, w *indices.Watch, o hunt.QueryOptions) (sum hunt.QuerySummary, err error) {
	for range behindTries {
		claims, err := h.a.judgedClaims(ctx, s, false) // after the state was read: see livesInForce
		if err != nil {
			return sum, err
		}
		h.src.claims = claims
		sum, err = hunt.Query(ctx, w, h.arsenal(ctx, s), h.out, o)
		if !errors.Is(err, hunt.ErrBehind) {
			return sum, err
		}
		set, state, err := h.a.syncSet(ctx, s)
		if err != nil {
			return sum, err
		}
		h.src.set, h.src.state = set, state
		h.src.closers = append(h.src.closers, set.Close)
	}
	return sum, hunt.ErrBehind
}

// arsenal is what is hunted for: the set, and what of it is new since a hunt
// before. Its counter and its store are those of the moment before the set was
// made: whatever the set lacks was armed later.
func (h *hunting) arsenal(ctx context.Context, s *elastic.Store) hunt.Arsenal {
	return hunt.Arsenal{
		Full: h.src.set, Armed: h.src.state.Seq, From: h.src.claims, Store: h.src.state.Epoch,
		Since: func(since uint64) (hunt.Matcher, error) {
			return fromStore(ctx, s, ioc.Filter{ArmedSince: since}, match.Compile)
		},
	}
}

// newIndexSource is a source of the configuration as the engine has it.
func newIndexSource(l config.LogSource) (indices.Source, error) {
	src := indices.Source{Name: l.Name, Indices: l.Indices, TimeField: l.TimeField, IngestField: l.IngestField, Settle: l.Settle, Text: l.Text}
	if l.Text == "off" {
		src.Text = indices.TextStream // of the fields that the configuration itself calls text
	}
	for _, f := range l.Fields {
		types, err := fieldTypes(f.Types)
		if err != nil {
			return src, fmt.Errorf("logs (%s): fields: %s: %w", l.Name, f.Name, err)
		}
		src.Fields = append(src.Fields, indices.Field{Name: f.Name, Types: types, Prefix: f.Prefix, Port: f.Port, Unless: f.Unless, UnlessTypes: unlessTypes(f, types), Text: f.Text})
	}
	return src, nil
}

func unlessTypes(f config.LogField, types []ioc.Type) []ioc.Type {
	if f.Unless == "" {
		return nil
	}
	return types
}

func fieldTypes(names []string) ([]ioc.Type, error) {
	var types []ioc.Type
	for _, n := range names {
		t, ok := ioc.ParseType(n)
		if !ok || !t.Huntable() {
			return nil, fmt.Errorf("there is no type %q; the types are: %s", n, typeNames())
		}
		types = append(types, t)
	}
	return types, nil
}

// fieldMap is the field map of all sources, without free text where a source
// does not want it.
func fieldMap(l config.LogSource) []indices.Field {
	var fields []indices.Field
	for _, f := range mappings.FieldMap() {
		if f.Text && l.Text == "off" {
			continue
		}
		fields = append(fields, indices.Field{
			Name: f.Name, Types: asTypes(f.Types), Prefix: f.Prefix, Port: f.Port, Text: f.Text, Unless: f.Unless, UnlessTypes: asTypes(f.UnlessTypes),
		})
	}
	return fields
}

func asTypes(names []string) []ioc.Type {
	types := make([]ioc.Type, len(names))
	for i, n := range names {
		types[i] = ioc.Type(n)
	}
	return types
}

// files searches the files of a source, wholly.
func (h *hunting) files(ctx context.Context, l config.LogSource) (huntDone, error) {
	var d huntDone
	if h.f.window.asked() {
		d.Notes = append(d.Notes, hunt.Trouble{Path: l.Name, Reason: "--from and --to are for indices: files are searched wholly"})
	}
	skips := len(h.out.skips)
	sum, err := hunt.Scan(ctx, h.a.logs(scanFlags{}, l.Paths, h.out), h.src.search, h.src.claims, h.out, hunt.ScanOptions{
		Host: hostname(), Now: h.a.now, OnProgress: h.out.bar.add,
	})
	d.Events, d.Records, d.Hits, d.Expired, d.Disarmed = sum.Lines, sum.Records, sum.Hits, sum.Expired, sum.Disarmed
	d.Indicators, d.Incomplete, d.Took = sum.Indicators, sum.Incomplete, sum.Took
	d.Notes = append(d.Notes, sum.Notes...)
	d.Skipped = slices.Concat(sum.Skipped, h.out.skips[skips:])
	return d, err
}
