package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// The stores are held to what the verbs ask of them.
var (
	_ collect.Store   = (*local.Store)(nil)
	_ collect.Known   = (*local.Store)(nil)
	_ hunt.Indicators = (*local.Store)(nil)
	_ collect.Store   = (*memory.Store)(nil)
	_ hunt.Indicators = (*memory.Store)(nil)
)

// steps are what every membership passes before it is stored; the order counts:
// the value is judged as the feed wrote it, then the texts round it are cleaned.
var steps = enrich.Chain(enrich.Canonical, enrich.Clean)

func prepare(m *ioc.Member) string { return string(steps(m)) }

// openStore opens the embedded store of the configuration for reading and
// writing.
func (a *app) openStore() (*local.Store, error) {
	if err := a.checkStore(); err != nil {
		return nil, err
	}
	return local.Open(a.cfg.Store.Path, local.Options{})
}

// readStore opens the store for a verb that can do without writing: one that
// belongs to somebody else is opened for reading alone.
func (a *app) readStore() (s *local.Store, readOnly bool, err error) {
	s, err = a.openStore()
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return s, false, err
	}
	s, err = local.Open(a.cfg.Store.Path, local.Options{ReadOnly: true})
	return s, true, err
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
		Feed: f.Name, HTTP: h, Known: known, Now: a.now,
		Decode: func(into any) error { return f.Decode(into, a.env) },
	})
}

func (a *app) httpClient() (*http.Client, error) { return httpx.New(httpx.Options{Version: version}) }

// setPath is where the compiled set of the store lies.
func (a *app) setPath() string { return filepath.Join(a.cfg.Store.Path, "iochunt.set") }

// refreshSet compiles the store's observables anew where the set file is not
// that of the store's generation. It opens the store for itself, so that a
// writer's caches do not stand in memory beside the set.
func (a *app) refreshSet(ctx context.Context) error {
	s, err := a.openStore()
	if err != nil {
		return err
	}
	defer s.Close()
	set, err := a.openSet(ctx, s)
	if err != nil {
		return err
	}
	return set.Close()
}

// openSet opens the compiled set, and makes it anew where it is missing, stale
// or damaged. Two runs that do so at once write the same file, each whole.
func (a *app) openSet(ctx context.Context, s *local.Store) (*match.Set, error) {
	gen, err := s.Generation(ctx)
	if err != nil {
		return nil, err
	}
	set, err := match.Open(a.setPath())
	switch {
	case err == nil && set.Generation() == gen:
		return set, nil
	case err == nil:
		set.Close()
	case !errors.Is(err, os.ErrNotExist):
		a.note("iochunt: %v; compiling it anew from the store", err)
	}
	set, err = compileStore(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := set.Save(a.setPath(), gen); err != nil {
		a.note("iochunt: the compiled set is used but cannot be kept: %v", err)
	}
	return set, nil
}

// compileStore compiles what from holds. It comes after a collection, whose
// memory is given back first, and it collects its own garbage often: the peak
// is that of the set and not twice it.
func compileStore(ctx context.Context, from hunt.Indicators) (*match.Set, error) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	var failed error
	set, err := match.Compile(func(yield func(ioc.Observable) bool) {
		for o, err := range from.Observables(ctx, ioc.Filter{}) {
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
