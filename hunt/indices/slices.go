package indices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
)

// Without sequence numbers to go by, an index is cut into slices of time by when
// its documents came in (or happened, where that is not told; those without
// either are a slice too). Each slice has a stamp: how many documents it holds,
// and the highest number and the sum of their sequence numbers, which can be
// searched though their checkpoint cannot be had. A document that comes late, is
// changed or deleted gives its slice another stamp, and a slice with another
// stamp is hunted again as a whole. It is hunted once more when the stamp has
// stood for Source.Settle: the copy of a shard that counted may have been ahead
// of the copy that was searched.

// defaultSettle is longer than any usual refresh interval.
const defaultSettle = 2 * time.Minute

// The steps of time that an index is cut by, and how many slices with documents
// there may be of each: not how long the index is, as one document with a wrong
// time would make it long.
var steps = []struct {
	name string
	step time.Duration
	most int
}{
	{"1h", time.Hour, 400},
	{"1d", 24 * time.Hour, 800},
	{"30d", 30 * 24 * time.Hour, 0},
}

const (
	laneRest = "rest" // documents with neither time
	laneAll  = "all"
)

// slices adds an index by its slices.
func (w *Watch) slices(ctx context.Context, l *hunt.Look, ix *Index) error {
	x := stateOf(ix)
	x.Settle = w.src.Settle
	if x.Settle == 0 {
		x.Settle = defaultSettle
	}
	lanes, err := w.lanes(ctx, ix)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case es.IsStatus(err, http.StatusNotFound):
		return nil
	case err != nil:
		l.Incomplete = append(l.Incomplete, hunt.Trouble{Path: ix.Name, Reason: err.Error()})
		return nil //nolint:nilerr // it is said, and the other indices go on
	}
	x.Docs = 0
	for _, s := range lanes {
		x.Docs += s.Events
	}
	x.Lanes = lanes
	l.Indices = append(l.Indices, x)
	return nil
}

func (w *Watch) ingestField() string {
	if w.src.IngestField != "" {
		return w.src.IngestField
	}
	return "event.ingested"
}

// lanes returns the slices of an index with their stamps.
func (w *Watch) lanes(ctx context.Context, ix *Index) ([]hunt.LaneState, error) {
	for i := range steps {
		lanes, err := w.histogram(ctx, ix, i)
		last := i == len(steps)-1
		switch {
		case err == nil && (last || len(lanes) <= steps[i].most):
			return lanes, nil
		case err != nil && !es.IsStatus(err, http.StatusBadRequest):
			return nil, err
		case err != nil && (last || !tooMany(err)):
			return w.undated(ctx, ix)
		}
	}
	return nil, nil // not reached: the last step returns
}

// tooMany reports whether a search was refused because of how much it would answer.
func tooMany(err error) bool {
	e, ok := errors.AsType[*es.Error](err)
	return ok && strings.Contains(e.Type+e.Reason+string(e.Body), "too_many_buckets")
}

// undated takes an index of which a time is no date as one slice.
func (w *Watch) undated(ctx context.Context, ix *Index) ([]hunt.LaneState, error) {
	r, err := w.e.c.Search(ctx, ix.Name, es.M{"size": 0, "aggs": es.M{"rest": allOf(everything, stampAgg)}}, nil)
	if err != nil {
		return nil, err
	}
	var b slice
	if err := json.Unmarshal(r.Aggs["rest"], &b); err != nil {
		return nil, err
	}
	return b.append(nil, laneAll), nil
}

var stampAgg = es.M{"n": es.M{"stats": es.M{"field": "_seq_no"}}}

func allOf(filter, aggs es.M) es.M { return es.M{"filter": filter, "aggs": aggs} }

// slice is a bucket of documents.
type slice struct {
	Key   int64 // ms since 1970
	Count int64 `json:"doc_count"`
	N     struct{ Min, Max, Sum float64 }
}

func (b *slice) append(lanes []hunt.LaneState, name string) []hunt.LaneState {
	if b.Count == 0 {
		return lanes
	}
	// The sum is of floats that are added in any order: its last digits mean nothing.
	stamp := fmt.Sprintf("%d/%.0f/%.0f/%s", b.Count, b.N.Min, b.N.Max, strconv.FormatFloat(b.N.Sum, 'g', 12, 64))
	return append(lanes, hunt.LaneState{Name: name, Stamp: stamp, Events: b.Count})
}

// kinds of slices: by which time.
const (
	byIngest = "ingest"
	byTime   = "time"
)

// histogram asks for all slices in one search.
func (w *Watch) histogram(ctx context.Context, ix *Index, step int) ([]hunt.LaneState, error) {
	by := func(field string) es.M {
		return es.M{"h": es.M{"date_histogram": es.M{"field": field, "fixed_interval": steps[step].name, "min_doc_count": 1}, "aggs": stampAgg}}
	}
	aggs := es.M{
		byIngest: allOf(w.slice(byIngest), by(w.ingestField())),
		byTime:   allOf(w.slice(byTime), by(w.timeField())),
		laneRest: allOf(w.slice(laneRest), stampAgg),
	}
	r, err := w.e.c.Search(ctx, ix.Name, es.M{"size": 0, "aggs": aggs}, nil)
	if err != nil {
		return nil, err
	}
	var lanes []hunt.LaneState
	for _, kind := range []string{byIngest, byTime} {
		var x struct{ H struct{ Buckets []slice } }
		if err := json.Unmarshal(r.Aggs[kind], &x); err != nil {
			return nil, err
		}
		for _, b := range x.H.Buckets {
			lanes = b.append(lanes, fmt.Sprintf("%s %s %d", kind, steps[step].name, b.Key))
		}
	}
	var rest slice
	if err := json.Unmarshal(r.Aggs[laneRest], &rest); err != nil {
		return nil, err
	}
	return rest.append(lanes, laneRest), nil
}

// slice returns the query for all documents of a kind of slice.
func (w *Watch) slice(kind string) es.M {
	ingest, at := es.M{"exists": es.M{"field": w.ingestField()}}, es.M{"exists": es.M{"field": w.timeField()}}
	switch kind {
	case byIngest:
		return ingest
	case byTime:
		return es.M{"bool": es.M{"filter": at, "must_not": ingest}}
	case laneRest:
		return es.M{"bool": es.M{"must_not": []es.M{ingest, at}}}
	}
	return everything
}

var everything = es.M{"match_all": es.M{}}

// lane returns the kind of a slice, and the query that tells it from others of
// its kind, by its name.
func (w *Watch) lane(name string) (kind string, q es.M, err error) {
	switch name {
	case laneAll, laneRest:
		return name, everything, nil
	case laneBetween:
		return name, w.between(), nil
	}
	parts := strings.Split(name, " ")
	for _, s := range steps {
		if len(parts) != 3 || parts[1] != s.name || parts[0] != byIngest && parts[0] != byTime {
			continue
		}
		key, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			break
		}
		field := w.timeField()
		if parts[0] == byIngest {
			field = w.ingestField()
		}
		return parts[0], es.M{"range": es.M{field: es.M{"gte": key, "lt": key + s.step.Milliseconds(), "format": "epoch_millis"}}}, nil
	}
	return "", nil, fmt.Errorf("%w: a slice named %q is not of this version of iochunt", hunt.ErrStale, name)
}
