package indices

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Sweep looks for all of set in the window w of an index, and hands each document
// that hits to found once, some at a time, by one call at a time. only names the
// fields to look for candidates in; nil means all. What a document is said to
// hold is all that stands in any of its fields. A document that is indexed
// again meanwhile may be handed out as both; one that is deleted is no hit.
//
// A field that could not be searched is noted in Report.Incomplete, and the rest
// goes on. The error is ctx's, found's, or the set's: then nothing may be said of
// the window.
func (e *Engine) Sweep(ctx context.Context, src Source, ix Index, w Window, set Set, only []string, found func([]Found) error) (Report, error) {
	s := e.newSweep(src, ix, w, set, found)
	if set.Len() == 0 || len(s.parts) == 0 {
		return s.report, nil
	}
	if err := s.count(ctx); err != nil {
		return s.report, s.fault(ctx, "", err)
	}
	if s.report.Events == 0 {
		return s.report, nil
	}
	s.aim(ctx, only)
	if len(s.targets) > 0 {
		s.choose(ctx)
		s.run(ctx)
	}
	for _, u := range s.uses {
		s.report.Plans = append(s.report.Plans, u.PlanUse)
	}
	if s.fatal == nil && ctx.Err() != nil {
		s.fatal = fmt.Errorf("interrupted, not all of %s was searched: %w", ix.Name, ctx.Err())
	}
	if err := s.damage(); err != nil && s.fatal == nil {
		s.fatal = errors.Unwrap(err)
	}
	return s.report, s.fatal
}

// sweep is one run of Sweep.
type sweep struct {
	*Engine
	src   Source
	ix    Index
	w     Window
	set   Set
	parts []part
	found func([]Found) error

	present typeSet // types that the set has
	counts  map[ioc.Type]int
	costs   costs
	targets []*target
	values  map[ioc.Type][]string // of the set, by type; filled when a plan needs them
	ports   *match.Set            // the addresses that are listed with a port; nil: none

	derived, docValues []any // what documents are asked for beside _source

	verify sync.Mutex // guards judge, handed and the calls of found
	judge  *judge
	handed *seen

	mu     sync.Mutex // guards what follows
	report Report
	uses   []*use
	fatal  error
}

// use is a PlanUse that several goroutines add to.
type use struct {
	mu sync.Mutex
	PlanUse
}

func (u *use) add(f func(*PlanUse)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.PlanUse)
}

func (e *Engine) newSweep(src Source, ix Index, w Window, set Set, found func([]Found) error) *sweep {
	clock := timeField(src)
	s := &sweep{Engine: e, src: src, ix: ix, w: w, set: set, parts: w.parts(), found: found, handed: newSeen(), judge: newJudge(set, &ix, clock)}
	var types []ioc.Type
	s.counts = set.Counts()
	for t, n := range s.counts {
		if n > 0 {
			types = append(types, t)
		}
	}
	s.present = setOf(types)
	if at := (es.M{"field": clock, "format": "strict_date_optional_time_nanos"}); ix.clocked && ix.sourceLess {
		s.docValues = append(s.docValues, at)
	} else if ix.dated {
		s.derived = append(s.derived, at)
	}
	for i := range ix.Fields {
		f := &ix.Fields[i]
		if f.facts.derived && !(ix.sourceLess && f.facts.docValues) { // OpenSearch makes an error of the fields option without _source
			s.derived = append(s.derived, f.Name)
		}
		// OpenSearch leaves copies and the like out of the fields option.
		if (ix.sourceLess || f.facts.derived) && f.facts.docValues && !isText(f.Kind) {
			s.docValues = append(s.docValues, f.Name)
		}
	}
	return s
}

func timeField(src Source) string {
	if src.TimeField != "" {
		return src.TimeField
	}
	return "@timestamp"
}

// count counts the documents of the window.
func (s *sweep) count(ctx context.Context) error {
	n, err := s.countOf(ctx, nil)
	s.report.Events = n
	return err
}

// countOf counts the documents of the window that meet q.
func (s *sweep) countOf(ctx context.Context, q es.M) (n int64, err error) {
	qs := make([]es.Query, len(s.parts))
	for i := range s.parts {
		qs[i] = es.Query{Index: s.ix.Name, Preference: s.parts[i].preference, Body: es.M{"size": 0, "track_total_hits": true, "query": s.parts[i].query(q)}}
	}
	rs, err := s.c.MSearch(ctx, qs, 2)
	for _, r := range rs {
		n += r.Hits.Total.Value
	}
	return n, err
}

// target is a field and the types that are looked for in some of its documents.
type target struct {
	*IndexField
	types  typeSet
	list   []ioc.Type
	ports  bool // addresses listed with a port are looked for, too
	filter es.M // the documents that it is about; nil: all
	events int64
	plan   string
	why    string
	cost   time.Duration
	use    *use

	other     time.Duration // what it costs without sending the indicators
	otherPlan string
}

// aim lists what is to be looked for, and where. A field none of whose types is
// in the set costs nothing.
func (s *sweep) aim(ctx context.Context, only []string) {
	for i := range s.ix.Fields {
		f := &s.ix.Fields[i]
		if only != nil && !slices.Contains(only, f.Name) {
			continue
		}
		base, extra := s.wanted(f.always()), s.wanted(f.conditional())
		if len(extra) > 0 {
			n, q := s.unless(ctx, f)
			switch {
			case q == nil:
				base, extra = append(base, extra...), nil
			case n == 0:
				extra = nil
			}
			if len(extra) > 0 {
				s.targets = append(s.targets, &target{IndexField: f, types: setOf(extra), list: extra, filter: q, events: n})
			}
		}
		if len(base) > 0 {
			ports := f.Port != "" && setHas(base, ioc.IPPort)
			s.targets = append(s.targets, &target{IndexField: f, types: setOf(base), list: base, ports: ports, events: s.report.Events})
		}
	}
}

func (s *sweep) wanted(types []ioc.Type) (out []ioc.Type) {
	for _, t := range types {
		if s.present.has(t) {
			out = append(out, t)
		}
	}
	return out
}

// unless returns a query for the documents that lack the field f.Unless, and
// their number; nil where the index cannot tell.
func (s *sweep) unless(ctx context.Context, f *IndexField) (n int64, q es.M) {
	at := slices.IndexFunc(s.ix.Fields, func(x IndexField) bool { return x.Name == f.Unless })
	if at < 0 || s.ix.Fields[at].facts.source || f.facts.source {
		return 0, nil
	}
	q = es.M{"bool": es.M{"must_not": es.M{"exists": es.M{"field": f.Unless}}, "filter": es.M{"exists": es.M{"field": f.Name}}}}
	n, err := s.countOf(ctx, q)
	if err != nil {
		return 0, nil
	}
	return n, q
}

// job is a piece of work, and what it is for.
type job struct {
	uses []*use
	name string
	do   func(ctx context.Context) error
}

// workers is how many requests run at a time: more make the cluster no faster.
const workers = 2

// run does the plans that were chosen.
func (s *sweep) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	jobs := s.jobs()
	next := make(chan job)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range next {
				if ctx.Err() == nil && s.do(ctx, j) != nil {
					stop()
				}
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	wg.Wait()
}

// do does one job; an error is one that ends the sweep.
func (s *sweep) do(ctx context.Context, j job) error {
	began := time.Now()
	err := j.do(ctx)
	for _, u := range j.uses {
		u.add(func(x *PlanUse) { x.Took += time.Since(began) })
	}
	if err == nil {
		return nil
	}
	return s.fault(ctx, j.name, err)
}

// fault notes what could not be searched. It returns an error where that ends
// the sweep.
func (s *sweep) fault(ctx context.Context, what string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal != nil {
		return s.fatal
	}
	if h, ok := errors.AsType[handErr](err); ok {
		s.fatal = h.error
		return s.fatal
	}
	if ctx.Err() != nil {
		s.fatal = fmt.Errorf("interrupted, not all of %s was searched: %w", s.ix.Name, context.Cause(ctx))
		return s.fatal
	}
	reason := err.Error()
	if what != "" {
		reason = what + ": " + reason
	}
	switch {
	case es.IsStatus(err, http.StatusForbidden):
		reason += "; the user needs the privileges read and view_index_metadata on it"
	case es.IsStatus(err, http.StatusNotFound):
		reason += "; it was deleted while it was searched"
	}
	s.report.Incomplete = append(s.report.Incomplete, hunt.Trouble{Path: s.ix.Name, Reason: reason})
	return nil
}

// damage returns what the set met while it searched, as an error that ends the
// sweep: what it found then is not all.
func (s *sweep) damage() error {
	if m, ok := s.set.(interface{ Err() error }); ok && m.Err() != nil {
		return handErr{fmt.Errorf("search for the indicators: %w", m.Err())}
	}
	return nil
}
