package indices

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// costs are what the plans cost on this cluster, in seconds a piece.
type costs struct{ enum, terms, agg, scan float64 }

// defaultCosts were measured on two cores with an index of a million events; a
// cluster's own come into their place (learn).
var defaultCosts = costs{enum: 1.3e-6, terms: 1.7e-6, agg: 8e-6, scan: 8e-6}

const (
	perSearch = 5e-3   // seconds that any search takes
	perOdd    = 40e-6  // of a document that is fetched whole
	perRegexp = 0.4e-6 // of a term that a regular expression is held against
	perJoined = 3e-6   // of an event, to read one more field of it
	perNet    = 50e-6  // of a network sent
	perListed = 0.1e-6 // of an indicator, to look whether it is one to be sent
	knowEarly = 0.03   // where sending costs less, distinct values are not counted
	knowScan  = 0.1    // nor where the whole window can be read in that time
	repeated  = 16     // times that a value stands in the index, where that is not known
)

// clusterCosts is the key of what is remembered of the cluster.
const clusterCosts = "cluster"

func (s *sweep) loadCosts(ctx context.Context) {
	s.costs = defaultCosts
	if s.o.Costs == nil {
		return
	}
	if c, ok := s.o.Costs.Load(ctx, clusterCosts); ok {
		s.costs = costs{bounded(c.Enum, s.costs.enum), bounded(c.Terms, s.costs.terms), bounded(c.Agg, s.costs.agg), bounded(c.Scan, s.costs.scan)}
	}
}

// bounded keeps a measurement that a busy moment spoilt from deciding for good.
func bounded(measured, usual float64) float64 {
	if measured <= 0 {
		return usual
	}
	return min(max(measured, usual/8), usual*8)
}

func (s *sweep) fieldKey(f *IndexField) string { return s.ix.UUID + "/" + f.Name }

// choose decides on the plan of each target.
func (s *sweep) choose(ctx context.Context) {
	s.loadCosts(ctx)
	scanned := s.costs.scan*float64(s.report.Events) + perSearch
	distinct := s.distinct(ctx, scanned)
	for _, t := range s.targets {
		n, ok := distinct[t.Name]
		if !ok {
			n = s.ix.Docs / repeated
		}
		s.weigh(t, n, ok)
	}
	s.spare()
	s.collect()
	sum, streamed := 0.0, false
	for _, t := range s.targets {
		if t.plan == PlanStream {
			streamed = streamed || s.readable(t)
		} else {
			sum += t.cost.Seconds()
		}
	}
	for _, t := range s.targets {
		s.settle(t, sum, scanned, streamed)
		u := &use{PlanUse: PlanUse{Field: t.Name, Plan: t.plan, Why: t.why, Estimated: t.cost}}
		t.use = u
		s.uses = append(s.uses, u)
	}
}

// spare turns from the terms plans where going over the list for what to send
// costs more than they are worth together.
func (s *sweep) spare() {
	saved := 0.0
	for _, t := range s.targets {
		if t.plan == PlanTerms {
			saved += (t.other - t.cost).Seconds()
		}
	}
	if s.o.Force != "" || saved <= 0 || saved >= perListed*float64(s.set.Len()) {
		return
	}
	for _, t := range s.targets {
		if t.plan == PlanTerms {
			t.plan, t.cost = t.otherPlan, t.other
			t.why += "; to go over all that is listed for them costs more"
		}
	}
}

// settle takes a scan of the window in the place of the plans where that is
// cheaper than all of them together, or is done for another field anyway.
func (s *sweep) settle(t *target, sum, scanned float64, streamed bool) {
	joined := perJoined * float64(s.report.Events)
	switch {
	case t.plan == PlanStream || t.plan == PlanTokens || t.plan == PlanIgnored:
	case s.o.Force == PlanScan || s.o.Force == "" && sum > scanned && !streamed:
		t.why = fmt.Sprintf("%d events cost %s to read, the plans by field %s", s.report.Events, seconds(scanned), seconds(sum))
		t.plan, t.cost = PlanScan, seconds(scanned/float64(len(s.targets)))
	case s.o.Force == "" && streamed && t.cost.Seconds() > joined:
		t.why = fmt.Sprintf("every event is read for another field anyway; %s by itself: %s", t.plan, t.cost)
		t.plan, t.cost = PlanScan, seconds(joined)
	}
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}

// weigh takes the cheapest plan by which the target alone can be searched. How many
// distinct values it has is known, or a guess.
func (s *sweep) weigh(t *target, distinct int64, known bool) {
	if t.facts.beyond { // ignoredJobs looks at all documents that have it
		t.plan, t.why = PlanIgnored, "the index has too many fields to map it: it is read where _ignored tells of it"
		return
	}
	if t.facts.source {
		t.plan, t.why = PlanStream, s.whyStream(t)
		t.cost = seconds(s.costs.scan * float64(t.events))
		if isText(t.Kind) && s.src.Text == TextTokens {
			t.plan, t.why = PlanTokens, "asked for: values are found as they are written only, not in other spellings"
		}
		return
	}
	listing := s.costs.agg
	if t.facts.enum {
		listing = s.costs.enum
	}
	d := listing*float64(distinct) + perSearch
	t.plan, t.cost = PlanDistinct, seconds(d)
	has := fmt.Sprintf("%d distinct values", distinct)
	if !known {
		has = "not counted how many distinct values"
	}
	t.why = has
	if !t.facts.enum && t.SearchKind != "constant_keyword" && (!t.Aggregatable || t.facts.nested != "") {
		t.plan, t.cost, d = PlanStream, seconds(s.costs.scan*float64(t.events)), s.costs.scan*float64(t.events)
		t.why = "its values cannot be listed"
	}
	t.other, t.otherPlan = t.cost, t.plan
	n, ok := s.sendable(t)
	if !ok || s.o.Force == PlanDistinct {
		return
	}
	c := s.costs.terms*float64(n) + perSearch
	if setHas(t.list, ioc.CIDR) {
		c += perNet * float64(s.counts[ioc.CIDR])
	}
	if t.SearchKind != "ip" {
		c += perRegexp*float64(distinct) + perOdd*float64(min(s.remembered(t).Odd, fewOdd))
	}
	if c < d || s.o.Force == PlanTerms {
		t.plan, t.cost = PlanTerms, seconds(c)
		t.why = fmt.Sprintf("%d values to send, %s in the index", n, has)
	} else {
		t.why += fmt.Sprintf(", %d to send", n)
	}
}

func (s *sweep) whyStream(t *target) string {
	switch {
	case t.Kind == "":
		return "it stands in _source only"
	case isText(t.Kind):
		return "free text: a match is a part of the value"
	case t.facts.untold:
		return fmt.Sprintf("the server does not tell which values are longer than %d and not indexed", t.facts.limit)
	case t.facts.folded != "":
		return "its values are normalised in the index"
	}
	return "it is not indexed as whole values"
}

func (s *sweep) remembered(t *target) Cost {
	if s.o.Costs == nil {
		return Cost{}
	}
	c, _ := s.o.Costs.Load(context.Background(), s.fieldKey(t.IndexField))
	return c
}

// distinct returns how many distinct values the fields have: what was counted
// when they were last listed, or else what the cluster guesses, where the choice
// depends on it.
func (s *sweep) distinct(ctx context.Context, scanned float64) map[string]int64 {
	out := make(map[string]int64)
	aggs := es.M{}
	for i, t := range s.targets {
		if t.facts.source || t.Search == "" {
			continue
		}
		if c := s.remembered(t); c.Docs > 0 && s.ix.Docs <= 2*c.Docs {
			out[t.Name] = c.Distinct
			continue
		}
		n, ok := s.sendable(t)
		if t.Aggregatable && t.SearchKind != "constant_keyword" && !(ok && s.costs.terms*float64(n) < knowEarly) {
			aggs[fmt.Sprint(i)] = es.M{"cardinality": es.M{"field": t.Search}}
		}
	}
	if len(aggs) == 0 || scanned < knowScan || s.o.Force != "" && s.ix.Docs < 1e5 {
		return out
	}
	r, err := s.c.Search(ctx, s.ix.Name, es.M{"size": 0, "aggs": aggs, "track_total_hits": false}, nil)
	if err != nil {
		return out // a guess is all that is missing
	}
	for i, t := range s.targets {
		var x struct{ Value int64 }
		if json.Unmarshal(r.Aggs[fmt.Sprint(i)], &x) == nil && x.Value > 0 {
			out[t.Name] = x.Value
		}
	}
	return out
}

// learn remembers what listing a field has shown.
func (s *sweep) learn(ctx context.Context, t *target, change func(field, cluster *Cost)) {
	if s.o.Costs == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	field, _ := s.o.Costs.Load(ctx, s.fieldKey(t.IndexField))
	cluster, _ := s.o.Costs.Load(ctx, clusterCosts)
	before := cluster
	change(&field, &cluster)
	s.o.Costs.Save(ctx, s.fieldKey(t.IndexField), field)
	if cluster != before {
		s.o.Costs.Save(ctx, clusterCosts, cluster)
	}
}

// blend moves an average a third of the way to a new measurement.
func blend(old, measured float64) float64 {
	if old <= 0 {
		return measured
	}
	return old + (measured-old)/3
}

// jobs turns the targets into work, the longest first.
func (s *sweep) jobs() (out []job) {
	out = append(out, s.ignoredJobs()...)
	var sent, read []*target
	listed := map[string][]*target{}
	slices.SortStableFunc(s.targets, func(a, b *target) int { return int(b.cost - a.cost) })
	for _, t := range s.targets {
		switch t.plan {
		case PlanIgnored:
		case PlanTerms:
			sent = append(sent, t)
		case PlanScan, PlanStream:
			if !s.readable(t) { // it must not be in the way of the others
				out = append(out, job{[]*use{t.use}, "field " + t.Name, func(context.Context) error { return errNoSource }})
				continue
			}
			read = append(read, t)
		case PlanTokens:
			out = append(out, job{[]*use{t.use}, "field " + t.Name + " by words", func(ctx context.Context) error { return s.tokens(ctx, t) }})
		default:
			if listed[t.Search] = append(listed[t.Search], t); len(listed[t.Search]) == 1 {
				first := t.Search
				out = append(out, job{[]*use{t.use}, "field " + t.Name + " by its distinct values", func(ctx context.Context) error { return s.list(ctx, listed[first]) }})
			}
		}
	}
	if len(read) > 0 {
		out = append(out, s.scanJobs(read)...)
	}
	return append(out, s.termsJobs(sent)...)
}

// ignoredJobs makes candidates of the documents with values that are not in the
// index.
func (s *sweep) ignoredJobs() []job {
	names := map[string]bool{}
	for _, t := range s.targets {
		if t.plan != PlanStream {
			for _, n := range t.facts.ignored {
				names[n] = true
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	slices.Sort(list)
	u := &use{PlanUse: PlanUse{Field: strings.Join(list, " "), Plan: PlanIgnored, Why: "values too long or malformed are not in the index"}}
	return []job{{nil, "documents with values that are not indexed", func(ctx context.Context) error {
		err := s.candidates(ctx, u, es.M{"terms": es.M{"_ignored": list}})
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.report.Ignored = u.Candidates; u.Candidates > 0 {
			s.uses = append(s.uses, u)
		}
		return err
	}}}
}
