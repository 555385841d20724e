package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/hunt/indices"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// sweep is one hunt of ours: a set file against a window of an index.
type sweep struct {
	b      *huntBench
	index  string
	set    string // path
	fields []indices.Field
	window indices.Window
	force  string // plan
}

// run opens the set and sweeps, with an engine that knows nothing from before.
func (s *sweep) run(ctx context.Context) (found *outcome, err error) {
	set, err := match.Open(s.set)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Err(), set.Close()) }()
	engine := indices.New(s.b.client, indices.Options{Map: s.fields, Force: s.force})
	source := indices.Source{Name: "bench", Indices: []string{s.index}}
	all, troubles, err := engine.Indices(ctx, source)
	if err != nil || len(troubles) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%s: %d troubles: %v", s.index, len(troubles), troubles))
	}
	found = newOutcome()
	for _, ix := range all {
		report, err := engine.Sweep(ctx, source, ix, s.window, set, nil, func(docs []indices.Found) error {
			for _, d := range docs {
				for _, m := range d.Matches {
					found.add(d.ID, set.Observable(m.ID))
				}
			}
			return nil
		})
		if err != nil || len(report.Incomplete) > 0 {
			return nil, errors.Join(err, fmt.Errorf("%s: incomplete: %v", s.index, report.Incomplete))
		}
		found.note = plansOf(report)
	}
	return found, nil
}

// plansOf tells the plans of a sweep in a few words.
func plansOf(r indices.Report) string {
	plans, requests, sum := map[string]int{}, int64(0), []string(nil)
	for _, p := range r.Plans {
		plans[p.Plan]++
		requests += p.Requests
	}
	for _, name := range slices.Sorted(maps.Keys(plans)) {
		sum = append(sum, fmt.Sprintf("%d %s", plans[name], name))
	}
	return fmt.Sprintf("%s, %d requests", strings.Join(sum, ", "), requests)
}

// sweptFields are those that the rule looks at as well.
func sweptFields() (fields []indices.Field) {
	for _, f := range eventFields {
		fields = append(fields, indices.Field{Name: f.name, Types: f.types})
	}
	return fields
}

// setFile compiles a list into a file.
func (b *huntBench) setFile(name string, list []ioc.Observable) (string, error) {
	path := b.path("data", "hunt", name+".set")
	s, err := match.Compile(slices.Values(list))
	if err != nil {
		return "", err
	}
	return path, s.Save(path, 1)
}

// duel is the rule and our side over the first part of a list of n and the
// events of a shape from number first on.
func (b *huntBench) duel(ctx context.Context, row string, s shape, n, part, first int) error {
	if err := b.haveEvents(ctx, s); err != nil {
		return err
	}
	threats, err := b.haveThreats(ctx, n, part)
	if err != nil {
		return err
	}
	list := b.list(n)[:part]
	ours, err := b.ours(s, n, part, first)
	if err != nil {
		return err
	}
	theirs := &rule{b: b, events: s.name(), threats: threats, by: list}
	if first > 0 {
		// The rule knows the newest by their time, our side by their sequence numbers.
		theirs.window = es.M{"range": es.M{"event.ingested": es.M{"gte": stamp(s.at(first))}}}
	}
	rounds := b.rounds
	if part >= slowRule && first == 0 {
		rounds = b.rule
	}
	run := func(ctx context.Context) (*outcome, error) {
		again := *theirs
		return again.run(ctx)
	}
	return b.compare(ctx, row, &side{name: "rule", rounds: rounds, run: run, judge: ours.judge}, ours)
}

// ours is our side of it.
func (b *huntBench) ours(s shape, n, part, first int) (*side, error) {
	list := b.list(n)[:part]
	path, err := b.setFile(fmt.Sprintf("list%d-%d", n, part), list)
	if err != nil {
		return nil, err
	}
	listed := map[ioc.Observable]bool{}
	for _, o := range list {
		listed[o] = true
	}
	truth := s.truth(first)
	judge := func(o *outcome) huntScore {
		return o.judge(truth, func(o ioc.Observable) bool { return listed[o] })
	}
	hunt := &sweep{b: b, index: s.name(), set: path, fields: sweptFields(), force: b.plan, window: indices.Window{Whole: true, Events: int64(s.events)}}
	if first > 0 {
		hunt.window = indices.Window{Shards: []indices.ShardRange{{Over: int64(first) - 1, UpTo: int64(s.events) - 1}}, Events: int64(s.events - first)}
	}
	return &side{name: "iochunt", rounds: b.rounds, run: hunt.run, judge: judge, whole: true}, nil
}

func (b *huntBench) sweeps(ctx context.Context) error {
	for _, n := range b.lists {
		if err := b.duel(ctx, fmt.Sprintf("%s indicators x %s events", short(n), short(b.events)), usualShape(b.events), n, n, 0); err != nil {
			return err
		}
	}
	return nil
}

func (b *huntBench) newest(ctx context.Context) error {
	n := slices.Max(b.lists)
	newest := min(newestEvents, b.events/2)
	return b.duel(ctx, fmt.Sprintf("%s indicators x newest %s", short(n), short(newest)), usualShape(b.events), n, n, b.events-newest)
}

func (b *huntBench) retro(ctx context.Context) error {
	return b.duel(ctx, "1k indicators x "+short(b.events)+" events", usualShape(b.events), 10_000, 1000, 0)
}

// text is our side alone, with the messages: the rule cannot look into them.
func (b *huntBench) text(ctx context.Context) error {
	n, s := slices.Max(b.lists), usualShape(b.events)
	if err := b.haveEvents(ctx, s); err != nil {
		return err
	}
	list := b.list(n)
	path, err := b.setFile(fmt.Sprintf("list%d-%d", n, n), list)
	if err != nil {
		return err
	}
	fields := append(sweptFields(), indices.Field{Name: "message", Types: hardTexts, Text: true})
	truth := s.truth(0)
	s.mentions(truth)
	hunt := &sweep{b: b, index: s.name(), set: path, fields: fields, window: indices.Window{Whole: true, Events: int64(s.events)}}
	return b.compare(ctx, short(n)+" indicators, messages too", &side{name: "iochunt", rounds: 1, run: hunt.run, whole: true,
		judge: func(o *outcome) huntScore { return o.judge(truth, func(ioc.Observable) bool { return true }) }})
}
