package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/indices"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
)

// runs are whole hunts, with the ledger in the cluster: the first one over a
// source, another one when nothing has come, one with 1,000 new indicators, and the
// first one shared by two hunters.
func (b *huntBench) runs(ctx context.Context) error {
	n, s := slices.Max(b.lists), usualShape(b.events)
	if err := b.haveEvents(ctx, s); err != nil {
		return err
	}
	if _, err := b.program(ctx, "bench", "setup"); err != nil {
		return err
	}
	store, err := elastic.Open(ctx, b.client, elastic.Options{Prefix: storePrefix})
	if err != nil {
		return err
	}
	// Once all is covered, the first 1,000 of the list of 10,000 are armed.
	base, news := b.list(n), b.list(10_000)[:1000]
	paths := make([]string, 2)
	for i, list := range [][]ioc.Observable{base, news} {
		if paths[i], err = b.setFile("run"+strconv.Itoa(i), list); err != nil {
			return err
		}
	}
	seed := strconv.FormatInt(time.Now().UnixNano(), 36)
	name, round := "", 0
	runOf := func(hunters int, armed uint64, fresh bool) func(context.Context) (*outcome, error) {
		return func(ctx context.Context) (*outcome, error) {
			if fresh {
				round++
				name = fmt.Sprintf("bench-%s-%d", seed, round)
			}
			r := &ledgerRun{b: b, store: store, name: name, index: s.name(), full: paths[0], news: paths[1], armed: armed, hunters: hunters}
			return r.run(ctx)
		}
	}
	truth := s.truth(0)
	judge := func(list []ioc.Observable) func(*outcome) huntScore {
		listed := map[ioc.Observable]bool{}
		for _, o := range list {
			listed[o] = true
		}
		return func(o *outcome) huntScore {
			return o.judge(truth, func(o ioc.Observable) bool { return listed[o] })
		}
	}
	what := short(n) + " x " + short(b.events)
	// The rows stand in this order, each once a round: what is covered depends on it.
	first := &side{name: "iochunt", rounds: b.rounds, whole: true, judge: judge(base), run: runOf(1, 1, true)}
	both := &side{name: "iochunt", rounds: b.rounds, whole: true, judge: judge(base), run: runOf(2, 1, true)}
	idle := &side{name: "iochunt", rounds: b.rounds, whole: true, judge: judge(nil), run: runOf(1, 1, false)}
	retro := &side{name: "iochunt", rounds: 1, whole: true, judge: judge(news), run: runOf(1, 2, false)}
	return errors.Join(b.compare(ctx, what+", whole run, one hunter", first), b.compare(ctx, what+", two hunters share it", both),
		b.compare(ctx, "nothing new", idle), b.compare(ctx, "1,000 newly armed", retro))
}

// ledgerRun is one hunt.Query, or several at the same time.
type ledgerRun struct {
	b                       *huntBench
	store                   *elastic.Store
	name, index, full, news string
	armed                   uint64
	hunters                 int
}

func (r *ledgerRun) run(ctx context.Context) (*outcome, error) {
	into := &hitOutcome{outcome: newOutcome()}
	errs := make([]error, r.hunters)
	sums := make([]hunt.QuerySummary, r.hunters)
	var all sync.WaitGroup
	for i := range r.hunters {
		all.Go(func() { sums[i], errs[i] = r.one(ctx, into, fmt.Sprintf("%s-%d-%d", r.name, r.armed, i)) })
	}
	all.Wait()
	var units []string
	for i, sum := range sums {
		units = append(units, strconv.Itoa(sum.Units))
		if len(sum.Incomplete) > 0 {
			errs[i] = errors.Join(errs[i], fmt.Errorf("incomplete: %v", sum.Incomplete))
		}
	}
	into.note = fmt.Sprintf("units done by each %v, %d hits", units, into.hits)
	return into.outcome, errors.Join(errs...)
}

func (r *ledgerRun) one(ctx context.Context, into hunt.Sink, hunter string) (sum hunt.QuerySummary, err error) {
	set, err := match.Open(r.full)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, set.Err(), set.Close()) }()
	var opened *match.Set
	defer func() {
		if opened != nil {
			err = errors.Join(err, opened.Close())
		}
	}()
	costs := elastic.NewCosts[indices.Cost](r.store)
	defer costs.Flush(ctx) // as the program does
	engine := indices.New(r.b.client, indices.Options{Map: sweptFields(), Costs: costs})
	source := engine.Watch(indices.Source{Name: r.name, Indices: []string{r.index}})
	since := func(uint64) (hunt.Matcher, error) {
		opened, err = match.Open(r.news)
		return opened, err
	}
	return hunt.Query(ctx, source, hunt.Arsenal{Full: set, Armed: r.armed, Since: since, From: oneClaim{}, Store: "bench"}, into,
		hunt.QueryOptions{Name: r.name, Ledger: r.store, Hunter: hunter})
}

// oneClaim claims everything, for good.
type oneClaim struct{}

func (oneClaim) Observables(context.Context, ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return func(func(ioc.Observable, error) bool) {}
}

func (oneClaim) Lookup(_ context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	return []ioc.Indicator{{Observable: o, Feed: "bench", FirstSeen: firstEvent.Add(-day)}}, nil
}

// hitOutcome is a sink of several hunters.
type hitOutcome struct {
	*outcome
	mu   sync.Mutex
	hits int
}

func (o *hitOutcome) Emit(_ context.Context, hits []ioc.Hit) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range hits {
		o.hits++
		o.add(hits[i].Where.DocID, hits[i].Observable)
	}
	return nil
}

func (o *hitOutcome) Close() error { return nil }
