package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
)

// source is what a scan looks for: a compiled set and who makes its claims.
type source struct {
	set      *match.Set
	search   match.Searcher // of set
	claims   hunt.Indicators
	store    database         // nil: the store takes no part
	state    elastic.SetState // of the cluster's store when set was made; zero of any other
	readOnly bool             // the store cannot keep hits
	refused  []ioc.Refusal    // of -f lists: values that cannot be looked for
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
		err = &exitError{code: exitUsage, err: a.errNothing(ctx, src)}
	}
	if err == nil && !f.allowExpired {
		err = a.checkAlive(ctx, src)
	}
	if err == nil {
		src.search, err = src.set.Engine(f.engine)
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
		if err := a.addAdHoc(ctx, f, filter.Types, src); err != nil {
			return err
		}
	}
	if !adhoc || f.withStore {
		if err := a.addStore(ctx, src, filter); err != nil {
			return err
		}
	} else if filter.Disarmed {
		return usage("--disarmed is about what was collected: -f and -e need --with-store beside it")
	} else if len(filter.Feeds) > 0 {
		return usage("--feed chooses among what was collected: -f and -e need --with-store beside it")
	}
	if len(filter.Types) > 0 {
		src.claims = filtered{src.claims, ioc.Filter{Types: filter.Types}}
	}
	if src.store != nil && !adhoc && !filter.Disarmed && !src.readOnly && len(filter.Types)+len(filter.Feeds) == 0 {
		err = a.fillSet(ctx, src)
	} else {
		src.set, err = compileStore(ctx, src.claims)
	}
	if err == nil {
		src.closers = append(src.closers, src.set.Close)
	}
	return err
}

// fillSet makes src.set of all that the store hunts for.
func (a *app) fillSet(ctx context.Context, src *source) (err error) {
	if s, ok := src.store.(*elastic.Store); ok {
		src.set, src.state, err = a.syncSet(ctx, s)
		return err
	}
	src.set, err = a.openSet(ctx, src.store)
	return err
}

func parseFilter(f scanFlags) (ioc.Filter, error) {
	filter := ioc.Filter{Feeds: f.feeds, Disarmed: f.disarmed}
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
func (a *app) addStore(ctx context.Context, src *source, filter ioc.Filter) error {
	s, readOnly, err := a.readStore(ctx)
	if err != nil {
		return err
	}
	src.store, src.readOnly = s, readOnly
	src.closers = append(src.closers, s.Close)
	if err := checkStored(ctx, s, filter.Feeds...); err != nil {
		return err
	}
	claims, err := a.judgedClaims(ctx, s, readOnly)
	if err != nil {
		return err
	}
	if len(filter.Feeds) > 0 || filter.Disarmed {
		claims = filtered{claims, filter}
	}
	if src.claims == nil {
		src.claims = claims
		return nil
	}
	src.claims = union{src.claims, claims}
	return a.warnDead(ctx, claims)
}

// judgedClaims are the claims of the store, judged by the rules in force and
// with the lifetimes of the configuration.
func (a *app) judgedClaims(ctx context.Context, s database, readOnly bool) (hunt.Indicators, error) {
	var claims hunt.Indicators = s
	if !readOnly {
		if err := a.judgeOwn(ctx, s); err != nil {
			return nil, err
		}
	} else if rules, err := a.foreignRules(ctx, s); err != nil {
		return nil, err
	} else if rules != nil {
		claims = judged{store: s, rules: rules}
	}
	lives, err := a.livesInForce(ctx, s)
	if err == nil && anyLifetime(lives) {
		claims = aged{claims, lives}
	}
	return claims, err
}

// foreignRules returns the rules in force if those that a store was judged by,
// which cannot be written, are others; else nil.
func (a *app) foreignRules(ctx context.Context, s database) (*enrich.Rules, error) {
	rules, _, err := a.rulesInForce(ctx, s)
	if err != nil {
		return nil, err
	}
	was, pending, err := s.ArmingState(ctx)
	if was == rules.Fingerprint() && !pending {
		rules = nil
	}
	return rules, err
}

// judged is a store whose verdicts are not up to date and cannot be written:
// they are given when they are asked for. It has no other power of the store: what
// that counts, it counts by its own verdicts.
type judged struct {
	store database
	rules *enrich.Rules
}

func (j judged) Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error] {
	all := f
	all.Disarmed = true
	return func(yield func(ioc.Observable, error) bool) {
		for o, err := range j.store.Observables(ctx, all) {
			if err == nil && !f.Disarmed {
				var ar ioc.Arming
				if ar, err = j.arming(ctx, o); err == nil && ar.Disarmed {
					continue
				}
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (j judged) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	claims, err := j.store.Lookup(ctx, o)
	if err != nil || len(claims) == 0 {
		return claims, err
	}
	ar, err := j.arming(ctx, o)
	for i := range claims {
		claims[i].Arming = &ar
	}
	return claims, err
}

func (j judged) arming(ctx context.Context, o ioc.Observable) (ioc.Arming, error) {
	facts, err := j.store.Facts(ctx, o)
	return j.rules.Judge(o, facts), err
}

// aged is a source whose claims end, where the feed does not end them, after the
// lifetimes of the configuration.
type aged struct {
	hunt.Indicators
	lives enrich.Lifetimes
}

func (a aged) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	claims, err := a.Indicators.Lookup(ctx, o)
	for i := range claims {
		a.lives.Apply(&claims[i])
	}
	return claims, err
}

// warnDead says that nothing in the store is valid any more, where something
// else is looked for beside it.
func (a *app) warnDead(ctx context.Context, claims hunt.Indicators) error {
	alive, err := anyValid(ctx, claims, a.now())
	if err == nil && !alive {
		a.note("iochunt: the store holds no armed indicator that is valid now; only events of when they were valid can hit them (iochunt collect)")
	}
	return err
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
		if !o.Type.Huntable() {
			continue
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
