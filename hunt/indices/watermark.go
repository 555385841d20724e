package indices

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
)

// Which events are new is told by the sequence numbers that the cluster gives to
// every write, and not by any time that stands in an event: an event that comes
// late, or is indexed again, or changed, has a new number. What is at or below a
// shard's global checkpoint is in all of its copies, and no number below will
// ever be given again; a refresh that follows makes it findable in all of them.
// So the order is: read the checkpoints, refresh, search.
//
// Where the user may not ask for either, and in other clusters, slices.go has
// the second best.

// Watch is a source as hunt.Query wants it: what is in its indices, and how a
// part of that is swept. It is safe for concurrent use.
type Watch struct {
	e    *Engine
	src  Source
	from time.Time
	to   time.Time
	now  func() time.Time

	mu    sync.Mutex
	known map[string]Index // by name
}

// Watch makes a Watch of all that is in src.
func (e *Engine) Watch(src Source) *Watch {
	return &Watch{e: e, src: src, now: time.Now, known: make(map[string]Index)}
}

// Between limits a Watch to events that happened not before from, and before to;
// a zero time is no limit. Such a query has no ledger: what it covers is not what
// a ledger counts in.
func (w *Watch) Between(from, to time.Time) *Watch {
	w.from, w.to = from, to
	return w
}

func (w *Watch) limited() bool { return !w.from.IsZero() || !w.to.IsZero() }

// namesLen is how long the names in one path may be: 4 KiB is what a cluster
// takes of a request's first line.
const namesLen = 3000

// Look implements hunt.Source.
func (w *Watch) Look(ctx context.Context) (hunt.Look, error) {
	ixs, incomplete, err := w.indices(ctx)
	if err != nil {
		return hunt.Look{}, err
	}
	l := hunt.Look{Incomplete: incomplete}
	if w.limited() {
		return w.lookBetween(ctx, l, ixs)
	}
	var sliced []Index
	for _, some := range chunks(ixs, &sliced) {
		refused, err := w.numbers(ctx, &l, some)
		if err != nil {
			return l, err
		}
		if len(refused) > 0 {
			sliced = append(sliced, refused...)
			l.Notes = append(l.Notes, hunt.Trouble{Path: refused[0].Name + more(len(refused)-1), Reason: whySliced})
		}
		w.hidden(ctx, &l, some)
	}
	w.blind(&l, sliced)
	for i := range sliced {
		if err := w.slices(ctx, &l, &sliced[i]); err != nil {
			return l, err
		}
	}
	return l, nil
}

const whySliced = "hunted by ingest time, as the user may not ask for sequence numbers: grant monitor and maintenance on the indices to hunt what is new alone"

// hidden notes where the user does not see all documents: what is hidden is no
// event to us, and counts as hunted like what was deleted.
func (w *Watch) hidden(ctx context.Context, l *hunt.Look, ixs []Index) {
	if w.e.c.Flavor() != es.Elasticsearch {
		return
	}
	shards := 0
	for i := range ixs {
		shards += ixs[i].Shards
	}
	if n, err := w.e.c.OpenShards(ctx, commaNames(ixs)); err == nil && n < shards {
		l.Notes = append(l.Notes, hunt.Trouble{Path: ixs[0].Name + more(len(ixs)-1), Reason: "document level security hides a part of the documents from the user: they are not hunted"})
	}
}

// blind notes the indices of this cluster of which no more than the documents can
// be seen.
func (w *Watch) blind(l *hunt.Look, ixs []Index) {
	var names []string
	for i := range ixs {
		if ixs[i].Remote && es.Cluster(ixs[i].Name) == "" {
			names = append(names, ixs[i].Name)
		}
	}
	if len(names) > 0 {
		l.Notes = append(l.Notes, hunt.Trouble{Path: names[0] + more(len(names)-1), Reason: "read in full and hunted by ingest time, as the user may search it but not see its mapping: grant view_index_metadata, monitor and maintenance"})
	}
}

// more is the end of a list of which only the first is named.
func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// indices asks which indices there are, and remembers them.
func (w *Watch) indices(ctx context.Context) ([]Index, []hunt.Trouble, error) {
	ixs, incomplete, err := w.e.Indices(ctx, w.src)
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = make(map[string]Index, len(ixs))
	for _, ix := range ixs {
		w.known[ix.Name] = ix
	}
	return ixs, incomplete, nil
}

// chunks divides the indices of this cluster into lists that one path can name;
// those of others go to remote.
func chunks(ixs []Index, remote *[]Index) (out [][]Index) {
	size := namesLen
	for _, ix := range ixs {
		if ix.Remote {
			*remote = append(*remote, ix)
			continue
		}
		if size += len(ix.Name) + 1; size > namesLen {
			out, size = append(out, nil), len(ix.Name)
		}
		out[len(out)-1] = append(out[len(out)-1], ix)
	}
	return out
}

func commaNames(ixs []Index) string {
	names := make([]string, len(ixs))
	for i, ix := range ixs {
		names[i] = ix.Name
	}
	return strings.Join(names, ",")
}

// numbers adds indices with the sequence numbers up to which all can be found.
// refused are those of which they cannot be had.
func (w *Watch) numbers(ctx context.Context, l *hunt.Look, ixs []Index) (refused []Index, err error) {
	stats, err := w.checkpoints(ctx, commaNames(ixs))
	_, answer := errors.AsType[*es.Error](err)
	switch {
	case err == nil:
		for i := range ixs {
			w.number(l, &ixs[i], stats)
		}
		return nil, nil
	case !answer && !es.IsPartial(err):
		return nil, fmt.Errorf("how far the indices are: %w", err)
	case len(ixs) > 1: // one of them is in the way of all
		first, err := w.numbers(ctx, l, ixs[:len(ixs)/2])
		if err != nil {
			return nil, err
		}
		second, err := w.numbers(ctx, l, ixs[len(ixs)/2:])
		return append(first, second...), err
	case es.IsStatus(err, http.StatusForbidden):
		return ixs, nil
	case !es.IsStatus(err, http.StatusNotFound): // else it was deleted meanwhile
		l.Incomplete = append(l.Incomplete, hunt.Trouble{Path: ixs[0].Name, Reason: err.Error()})
	}
	return nil, nil
}

// checkpoints returns where indices stand; all up to there can be found.
func (w *Watch) checkpoints(ctx context.Context, names string) (map[string]es.IndexStats, error) {
	stats, err := w.e.c.Stats(ctx, names)
	if err != nil {
		return nil, err
	}
	return stats, w.e.c.Refresh(ctx, names)
}

func (w *Watch) number(l *hunt.Look, ix *Index, stats map[string]es.IndexStats) {
	s, ok := stats[ix.Name]
	if !ok || s.UUID != ix.UUID {
		l.Incomplete = append(l.Incomplete, hunt.Trouble{Path: ix.Name, Reason: "it was closed, deleted or made anew while it was looked at: hunt again"})
		return
	}
	x := stateOf(ix)
	x.Docs = s.Docs
	for _, n := range s.Shards {
		x.Lanes = append(x.Lanes, hunt.LaneState{Name: shardLane(n.Shard), UpTo: n.GlobalCheckpoint, History: n.History, Events: n.Docs})
	}
	l.Indices = append(l.Indices, x)
}

// stateOf returns what a hunter has to know of an index, without its lanes.
func stateOf(ix *Index) hunt.IndexState {
	return hunt.IndexState{Name: ix.Name, ID: idOf(ix), Key: ix.FieldsKey, Docs: ix.Docs, Groups: groups(ix)}
}

// idOf is the UUID of an index; another cluster does not tell it.
func idOf(ix *Index) string {
	if ix.UUID == "" {
		return ix.Name
	}
	return ix.UUID
}

const shardPrefix = "shard "

func shardLane(n int) string { return shardPrefix + strconv.Itoa(n) }

// lookBetween takes each index as one lane, to be hunted once.
func (w *Watch) lookBetween(ctx context.Context, l hunt.Look, ixs []Index) (hunt.Look, error) {
	for i := range ixs {
		x := stateOf(&ixs[i])
		r, err := w.e.c.Search(ctx, ixs[i].Name, es.M{"size": 0, "track_total_hits": true, "query": missing(w.timeField())}, nil)
		if err != nil {
			l.Incomplete = append(l.Incomplete, hunt.Trouble{Path: x.Name, Reason: err.Error()})
			continue
		}
		if n := r.Hits.Total.Value; n > 0 {
			why := fmt.Sprintf("%d documents have no %s: no time range holds them, and they were not hunted", n, w.timeField())
			l.Notes = append(l.Notes, hunt.Trouble{Path: x.Name, Reason: why})
		}
		x.Settle = math.MaxInt64 // nobody comes back to it
		x.Lanes = []hunt.LaneState{{Name: laneBetween, Stamp: "once", Events: x.Docs}}
		l.Indices = append(l.Indices, x)
	}
	return l, nil
}

const laneBetween = "between"

func (w *Watch) timeField() string { return timeField(w.src) }

func missing(field string) es.M {
	return es.M{"bool": es.M{"must_not": es.M{"exists": es.M{"field": field}}}}
}

// between is the query of a limited Watch.
func (w *Watch) between() es.M {
	r := es.M{"format": "strict_date_optional_time_nanos"}
	if !w.from.IsZero() {
		r["gte"] = w.from.UTC().Format(time.RFC3339Nano)
	}
	if !w.to.IsZero() {
		r["lt"] = w.to.UTC().Format(time.RFC3339Nano)
	}
	return es.M{"range": es.M{w.timeField(): r}}
}
