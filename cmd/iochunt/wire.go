package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// The stores are held to what the verbs ask of them.
var (
	_ collect.Store   = (database)(nil)
	_ collect.Known   = (database)(nil)
	_ hunt.Indicators = (database)(nil)
	_ collect.Store   = (*memory.Store)(nil)
	_ hunt.Indicators = (*memory.Store)(nil)
)

// steps are what every membership passes before it is stored; the order counts:
// the value is judged as the feed wrote it, then the texts round it are cleaned.
var steps = enrich.Chain(enrich.Canonical, enrich.Clean)

func prepare(m *ioc.Member) string { return string(steps(m)) }

// openStore opens the store of the configuration for reading and writing: that of
// the cluster where one is configured, else the embedded one.
func (a *app) openStore(ctx context.Context) (database, error) {
	if a.cfg.Elasticsearch.Enabled() {
		return a.openCluster(ctx)
	}
	return a.openLocal()
}

// openLocal opens the embedded store.
func (a *app) openLocal() (*local.Store, error) {
	if err := a.checkStore(); err != nil {
		return nil, err
	}
	return local.Open(a.cfg.Store.Path, local.Options{Ages: a.ages()})
}

// readStore opens the store for a verb that can do without writing: an embedded
// one that belongs to somebody else is opened for reading alone.
func (a *app) readStore(ctx context.Context) (s database, readOnly bool, err error) {
	s, err = a.openStore(ctx)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return s, false, err
	}
	s, err = local.Open(a.cfg.Store.Path, local.Options{ReadOnly: true})
	return s, true, err
}

// judgedStore is readStore for a verb that shows states: they are brought up to
// date first.
func (a *app) judgedStore(ctx context.Context) (database, error) {
	s, readOnly, err := a.readStore(ctx)
	if err == nil && !readOnly {
		a.quietArming = true
		if err = a.judgeOwn(ctx, s); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, err
}

// checkStore notices a store that was emptied: an empty file is how a new one
// begins, but not beside a compiled set.
func (a *app) checkStore() error {
	file := filepath.Join(a.cfg.Store.Path, local.FileName)
	if isEmpty(file) && isThere(a.setPath()) {
		return fmt.Errorf("%w: iochunt.db in %s is empty, but there is a set compiled from it; to begin anew: iochunt doctor --repair, then iochunt collect --full",
			local.ErrDamaged, a.cfg.Store.Path)
	}
	return nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func isEmpty(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Size() == 0
}

// newCollector makes the collector of a configured feed.
func (a *app) newCollector(f config.Feed, known collect.Known) (collect.Collector, error) {
	h, err := a.httpClient()
	if err != nil {
		return nil, err
	}
	return collect.New(f.Kind, collect.Options{
		Feed: f.Name, HTTP: h, Known: known, Now: a.now, Version: version,
		Decode: func(into any) error { return f.Decode(into, a.env) },
	})
}

func (a *app) httpClient() (*http.Client, error) { return httpx.New(httpx.Options{Version: version}) }

// thrifty makes garbage be collected twice as often as is usual until undo is
// called: what a collection needs for longer is little beside what it lets go.
func thrifty() (undo func()) {
	was := debug.SetGCPercent(50)
	return func() { debug.SetGCPercent(was) }
}

// setPath is where the compiled set of the store lies.
func (a *app) setPath() string { return filepath.Join(a.cfg.Store.Path, "iochunt.set") }

// refreshSet compiles the store's observables anew where the set file is not
// that of the store's generation. It opens the store for itself, so that a
// writer's caches do not stand in memory beside the set.
func (a *app) refreshSet(ctx context.Context) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := a.judge(ctx, s); err != nil {
		return err
	}
	set, err := a.openSet(ctx, s)
	if err != nil {
		return err
	}
	// A scan looks only at what it needs of the file: here is the time for all of it.
	if err := set.Verify(); err != nil {
		a.note("iochunt: %v; compiling it anew from the store", err)
		return errors.Join(set.Close(), os.Remove(a.setPath()), a.refreshSet(ctx))
	}
	return set.Close()
}

// openSet opens the compiled set of what is armed in the store, which its caller
// has judged; it is brought up to date first.
func (a *app) openSet(ctx context.Context, s database) (*match.Set, error) {
	switch s := s.(type) {
	case *local.Store:
		return a.openLocalSet(ctx, s)
	case *elastic.Store:
		set, _, err := a.syncSet(ctx, s)
		return set, err
	}
	return compileStore(ctx, s)
}

// openLocalSet opens the compiled set of the embedded store. Where it is stale it is
// extended by what was armed since, or else, as where it is missing or damaged, made
// anew. Two runs that do so at once write the same file, each whole.
func (a *app) openLocalSet(ctx context.Context, s *local.Store) (*match.Set, error) {
	set, err := match.Open(a.setPath())
	switch {
	case err == nil:
		if good, err := isSetOf(ctx, s, set); good || err != nil {
			return set, err
		}
		defer set.Close()
	case !errors.Is(err, os.ErrNotExist):
		a.note("iochunt: %v; compiling it anew from the store", err)
	}
	// What is stored after this moment is of a later generation, whether the set gets it or not.
	state, err := s.SetState(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := a.extendSet(ctx, s, set, state)
	if fresh == nil && err == nil {
		fresh, err = compileStore(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	if err := a.keepSet(ctx, s, fresh, state); err != nil {
		a.note("iochunt: the compiled set is used but cannot be kept: %v", err)
	}
	return fresh, nil
}

// isSetOf reports whether a set is that of the store as it is. The generation is
// not enough: a store brought back from a backup comes to one again that it had
// before, with other indicators.
func isSetOf(ctx context.Context, s *local.Store, set *match.Set) (bool, error) {
	gen, err := s.Generation(ctx)
	if err != nil || set.Generation() != gen {
		return false, err
	}
	mark, err := s.SetMark(ctx)
	return mark == set.Mark(), err
}

// extendSet makes a set of old and of what was armed since it was compiled; it
// returns nil if there is no such set, or if a new one serves better.
//
// Whatever comes into the set of what is hunted is armed as it comes, so
// the extended set lacks nothing. It may still hold what was withdrawn: a match
// of that is dropped when its claims are looked up, as is one of what has
// expired. But they take memory and are counted as hunted for, so a set is
// extended only as long as at most one in sixteen of a large set, and none of
// a small one, has gone. A small one is compiled anew in no time. One that holds
// fewer than the store would lack something, whatever the reason.
func (a *app) extendSet(ctx context.Context, s *local.Store, old *match.Set, now local.SetState) (*match.Set, error) {
	if old == nil || now.Mark == 0 || old.Mark() != now.Mark || old.Generation() > now.Generation {
		return nil, nil
	}
	set, err := fromStore(ctx, s, ioc.Filter{ArmedSince: now.MarkArmed}, func(seq iter.Seq[ioc.Observable]) (*match.Set, error) {
		return match.Extend(old, seq)
	})
	if errors.Is(err, match.ErrDamaged) {
		a.note("iochunt: %v; compiling it anew from the store", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	gone := set.Len() - now.Huntable
	if gone < 0 || gone > 0 && (set.Len() < smallSet || gone > set.Len()/16) {
		return nil, set.Close()
	}
	return set, nil
}

// smallSet is a set that takes less to compile than to think about.
const smallSet = 100_000

// keepSet writes the set file, and then into the store that it is the store's.
func (a *app) keepSet(ctx context.Context, s *local.Store, set *match.Set, state local.SetState) error {
	set.SetMark(rand.Uint64() | 1) // not 0
	if err := set.Save(a.setPath(), state.Generation); err != nil {
		return err
	}
	return s.NoteSet(ctx, set.Mark(), state.Armed)
}

// compileStore compiles what from holds. It comes after a collection, whose
// memory is given back first, and it collects its own garbage often: the peak
// is that of the set and not twice it.
func compileStore(ctx context.Context, from hunt.Indicators) (*match.Set, error) {
	return fromStore(ctx, from, ioc.Filter{}, match.Compile)
}

// fromStore makes a set of what from holds.
func fromStore(ctx context.Context, from hunt.Indicators, f ioc.Filter, compile func(iter.Seq[ioc.Observable]) (*match.Set, error)) (*match.Set, error) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	var failed error
	set, err := compile(func(yield func(ioc.Observable) bool) {
		for o, err := range from.Observables(ctx, f) {
			if err != nil {
				failed = err
				return
			}
			if !yield(o) {
				return
			}
		}
	})
	if failed != nil {
		return nil, fmt.Errorf("load indicators: %w", failed)
	}
	return set, err
}
