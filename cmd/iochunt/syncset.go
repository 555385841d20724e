package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/spf13/cobra"
)

// The set file of a host that has no copy of the store. It is filled from
// ioc_index, and then kept up by what has changed there since: the store's counter
// moves with each change of what is hunted, and the set file is saved with the
// number that it has seen.

// clusterSetPath is where the compiled set of the cluster's store lies.
func (a *app) clusterSetPath() string { return filepath.Join(a.cfg.Store.Path, "ioc_index.set") }

// syncSet opens the set of the cluster's store, brought up to date, and tells the
// state of the store that it lacks nothing of. The set itself knows that only
// once it could be saved. Several runs that do so at once write the same file,
// each whole.
func (a *app) syncSet(ctx context.Context, s *elastic.Store) (*match.Set, elastic.SetState, error) {
	set, did, err := a.syncedSet(ctx, s)
	return set, did.state, err
}

// synced says what a sync did.
type synced struct {
	state         elastic.SetState
	added, gone   int
	whole         bool // all was read, not only what had changed
	alreadyThere  bool // there was nothing to do
	indicatorsNow int
}

func (a *app) syncedSet(ctx context.Context, s *elastic.Store) (*match.Set, synced, error) {
	state, err := s.State(ctx)
	if err != nil {
		return nil, synced{}, clusterError(err)
	}
	did := synced{state: state}
	old, err := a.openOldSet(state)
	if err != nil {
		return nil, did, err
	}
	if old != nil && old.Generation() == state.Seq {
		did.alreadyThere, did.indicatorsNow = true, old.Len()
		return old, did, nil
	}
	set, err := a.freshSet(ctx, s, old, &did)
	if err != nil {
		return nil, did, clusterError(err)
	}
	did.indicatorsNow = set.Len()
	if err := a.keepClusterSet(set, state); err != nil {
		a.note("iochunt: the compiled set is used but cannot be kept: %v", err)
	}
	return set, did, nil
}

// markOf is the number by which a set file knows the store that it is of: a
// store made anew, or another cluster behind the same address, has another one.
func markOf(epoch string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(epoch))
	return h.Sum64() | 1 // not 0
}

// openOldSet opens the set file if it is one of the store. One of another store,
// or one that is ahead of it (a store brought back from a snapshot), is none.
func (a *app) openOldSet(state elastic.SetState) (*match.Set, error) {
	set, err := match.Open(a.clusterSetPath())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		a.note("iochunt: %v; filling it anew from the cluster", err)
		return nil, nil
	case set.Mark() != markOf(state.Epoch) || set.Generation() > state.Seq:
		return nil, set.Close()
	}
	return set, nil
}

// freshSet makes the set of the store: of the old one and of what has changed
// since, else of all.
func (a *app) freshSet(ctx context.Context, s *elastic.Store, old *match.Set, did *synced) (*match.Set, error) {
	if old != nil {
		defer old.Close()
		set, err := changedSet(ctx, s, old, did)
		if set != nil || err != nil && !errors.Is(err, match.ErrDamaged) {
			return set, err
		}
		a.note("iochunt: the compiled set is damaged; filling it anew from the cluster")
	}
	did.whole = true
	set, err := compileStore(ctx, s)
	if err == nil {
		did.added = set.Len()
	}
	return set, err
}

// changedSet makes a set of old and of what has changed in the store since.
func changedSet(ctx context.Context, s *elastic.Store, old *match.Set, did *synced) (*match.Set, error) {
	var added []ioc.Observable
	gone := map[ioc.Observable]bool{}
	for c, err := range s.Delta(ctx, old.Generation()) {
		switch {
		case err != nil:
			return nil, err
		case c.Hunted:
			added = append(added, c.Observable)
		default:
			gone[c.Observable] = true
		}
	}
	did.added, did.gone = len(added), len(gone)
	if len(gone) == 0 {
		return match.Extend(old, seqOf(added))
	}
	return withoutGone(old, added, gone)
}

// withoutGone compiles what old holds and is not gone, and what was added.
func withoutGone(old *match.Set, added []ioc.Observable, gone map[ioc.Observable]bool) (*match.Set, error) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	there := make(map[ioc.Observable]bool, len(added))
	for _, o := range added {
		there[o] = true
	}
	set, err := match.Compile(func(yield func(ioc.Observable) bool) {
		for id := range uint32(old.Len()) {
			o := old.Observable(id)
			if !gone[o] && !there[o] && !yield(o) {
				return
			}
		}
		for _, o := range added {
			if !yield(o) {
				return
			}
		}
	})
	if damage := old.Err(); damage != nil {
		return nil, fmt.Errorf("%w: %w", match.ErrDamaged, damage)
	}
	return set, err
}

func seqOf(os []ioc.Observable) iter.Seq[ioc.Observable] {
	return func(yield func(ioc.Observable) bool) {
		for _, o := range os {
			if !yield(o) {
				return
			}
		}
	}
}

// keepClusterSet writes the set file.
func (a *app) keepClusterSet(set *match.Set, state elastic.SetState) error {
	if err := os.MkdirAll(a.cfg.Store.Path, 0o700); err != nil {
		return err
	}
	set.SetMark(markOf(state.Epoch))
	return set.Save(a.clusterSetPath(), state.Seq)
}

func newIndicatorsSync(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "sync", Short: "Bring this host's set file up to date with the cluster, for scans", Args: cobra.NoArgs,
		Long: "Bring this host's set file up to date with ioc_index: what has changed there since is added and taken out.\nscan and hunt do it by themselves; a host that scans files needs no copy of the store.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sync(cmd.Context()) },
	}
}

// syncedJSON is the "sync" object of docs/output.md.
type syncedJSON struct {
	Set        string `json:"set"`
	Indicators int    `json:"indicators"`
	Added      int    `json:"added"`
	Gone       int    `json:"gone"`
	Whole      bool   `json:"whole"`
	Change     uint64 `json:"change"` // up to which the set has what the cluster has
	TookMS     int64  `json:"took_ms"`
}

// sync brings the set file of this host up to date with the cluster.
func (a *app) sync(ctx context.Context) error {
	if !a.cfg.Elasticsearch.Enabled() {
		return &exitError{code: exitUsage, err: errNoCluster}
	}
	began := time.Now()
	s, err := a.openCluster(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	set, did, err := a.syncedSet(ctx, s)
	if err != nil {
		return err
	}
	defer set.Close()
	if a.json {
		return a.line("sync", syncedJSON{a.clusterSetPath(), did.indicatorsNow, did.added, did.gone, did.whole, did.state.Seq, time.Since(began).Milliseconds()})
	}
	what := fmt.Sprintf("%s added, %s gone", thousands(did.added), thousands(did.gone))
	switch {
	case did.alreadyThere:
		what = "nothing new"
	case did.whole:
		what = "read wholly"
	}
	_, err = fmt.Fprintf(a.out, "%s  %s, %s, in %s\n", escape(a.clusterSetPath()), plural(did.indicatorsNow, "indicator"), what, shortDuration(time.Since(began)))
	return err
}
