package indices

import (
	"context"
	"encoding/json"
	"iter"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

const (
	maxTerms     = 65536     // index.max_terms_count, unless the index says otherwise
	maxNets      = 1000      // networks in one query: each is a clause of its own
	maxBody      = 12 << 20  // of a request; http.max_content_length is 100 MB, but heap is dearer
	maxClause    = 6 << 20   // of one list of values
	smallQueries = 16        // in one request
	bigQuery     = 256 << 10 // a query that is not small
	bigQueries   = 4
)

// sendable returns how many values the terms plan would send for t; ok is false
// where it could miss something.
func (s *sweep) sendable(t *target) (n int64, ok bool) {
	if t.Prefix != "" || t.facts.nested != "" || t.Runtime || !t.Indexed || t.facts.source || t.SearchKind != "ip" && (t.SearchKind != "keyword" || t.ports) {
		return 0, false
	}
	for _, k := range t.list {
		c := int64(s.counts[k])
		switch {
		case t.SearchKind == "ip" && (k == ioc.IP || k == ioc.IPv6 || k == ioc.CIDR || k == ioc.IPPort):
		case t.SearchKind == "keyword" && (k.Form() == ioc.Digest || k == ioc.Email || k == ioc.URL):
		default:
			return 0, false
		}
		n += c
	}
	return n, true
}

// collect takes from the set the values that the plans need, and turns from the
// terms plan where one of them is looked for otherwise than by its type's rules.
func (s *sweep) collect() {
	var need []ioc.Type
	for _, t := range s.targets {
		if t.plan == PlanTerms {
			need = append(need, t.list...)
		}
		if t.ports {
			need = append(need, ioc.IPPort)
		}
	}
	if len(need) == 0 {
		return
	}
	types := setOf(need)
	s.values = make(map[ioc.Type][]string)
	for id := range uint32(s.set.Len()) {
		if o := s.set.Observable(id); types.has(o.Type) {
			s.values[o.Type] = append(s.values[o.Type], o.Value)
		}
	}
	if len(s.values[ioc.IPPort]) > 0 {
		s.ports, _ = match.Compile(addresses(s.values[ioc.IPPort]))
	}
	for _, t := range s.targets {
		if t.plan == PlanTerms && !s.allProper(t) {
			t.plan, t.cost, t.why = t.otherPlan, t.other, "something listed is looked for as free text"
		}
	}
}

func addresses(ports []string) iter.Seq[ioc.Observable] {
	return func(yield func(ioc.Observable) bool) {
		for _, v := range ports {
			ap, err := netip.ParseAddrPort(v)
			if err != nil {
				continue
			}
			a := ap.Addr().Unmap().WithZone("")
			o := ioc.Observable{Type: ioc.IP, Value: a.String()}
			if a.Is6() {
				o.Type = ioc.IPv6
			}
			if !yield(o) {
				return
			}
		}
	}
}

func (s *sweep) allProper(t *target) bool {
	for _, k := range t.list {
		for _, v := range s.values[k] {
			ok := proper(k, v)
			if t.SearchKind == "ip" {
				_, ok = ipTerm(k, v)
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// ipTerm returns the address or network by which an ip field finds a value.
func ipTerm(t ioc.Type, v string) (string, bool) {
	switch t {
	case ioc.CIDR:
		p, err := netip.ParsePrefix(v)
		if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked().String(), err == nil && !p.Addr().Is4In6()
	case ioc.IPPort:
		ap, err := netip.ParseAddrPort(v)
		return ap.Addr().Unmap().WithZone("").String(), err == nil
	}
	a, err := netip.ParseAddr(v)
	return a.Unmap().WithZone("").String(), err == nil
}

// clause is one list of values for one field.
type clause struct {
	t    *target
	list []byte // JSON
	n    int
}

// clauses cuts what is sent for t into lists that the index takes.
func (s *sweep) clauses(t *target) (out []clause) {
	values, nets := s.terms(t)
	out = cut(out, t, values, s.maxTerms())
	return cut(out, t, nets, min(maxNets, s.maxTerms()))
}

func (s *sweep) maxTerms() int {
	if s.ix.maxTerms > 0 {
		return s.ix.maxTerms
	}
	return maxTerms
}

// terms returns the values to send for t, and apart from them the networks: one
// of these among addresses makes each of them a clause.
func (s *sweep) terms(t *target) (values, nets []string) {
	for _, k := range t.list {
		for _, v := range s.values[k] {
			switch {
			case t.SearchKind == "ip" && k == ioc.CIDR:
				n, _ := ipTerm(k, v)
				nets = append(nets, n)
			case t.SearchKind == "ip":
				a, _ := ipTerm(k, v)
				values = append(values, a)
			case k == ioc.URL:
				values = append(values, twins(v)...)
			default:
				values = append(values, v)
			}
		}
	}
	return values, nets
}

func cut(out []clause, t *target, values []string, most int) []clause {
	for len(values) > 0 {
		b := []byte{'['}
		n := 0
		for n < len(values) && n < most && len(b) < maxClause {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, values[n])
			n++
		}
		out = append(out, clause{t, append(b, ']'), n})
		values = values[n:]
	}
	return out
}

// appendJSON appends v as JSON has it.
func appendJSON(b []byte, v string) []byte {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			raw, err := json.Marshal(v)
			if err != nil {
				return strconv.AppendQuote(b, v) // cannot be: every text has a form in JSON
			}
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), v...), '"')
}

// termsJobs sends the lists of all targets, some in one request. What is odd in
// a field is a job of its own.
func (s *sweep) termsJobs(ts []*target) (out []job) {
	var pack []clause
	size := 0
	flush := func() {
		if len(pack) > 0 {
			whole := pack
			out = append(out, job{usesOf(whole), "fields " + namesOf(whole) + " by the indicators' values", func(ctx context.Context) error { return s.send(ctx, whole) }})
		}
		pack, size = nil, 0
	}
	for _, t := range ts {
		if len(s.odd(t.list, false)) > 0 {
			out = append(out, job{[]*use{t.use}, "field " + t.Name + " by odd spellings", func(ctx context.Context) error { return s.oddOnes(ctx, t) }})
		}
		for _, c := range s.clauses(t) {
			full := len(pack) >= smallQueries || len(pack) >= bigQueries && (size > bigQuery*bigQueries || len(c.list) > bigQuery)
			if full || size+len(c.list) > maxBody {
				flush()
			}
			pack, size = append(pack, c), size+len(c.list)
		}
	}
	flush()
	return out
}

func usesOf(cs []clause) (out []*use) {
	for _, c := range cs {
		if len(out) == 0 || out[len(out)-1] != c.t.use {
			out = append(out, c.t.use)
		}
	}
	return out
}

func namesOf(cs []clause) string {
	var out []string
	for _, c := range cs {
		out = appendNew(out, c.t.Name)
	}
	return strings.Join(out, ", ")
}

// send searches for lists of values, all in one request for each part of the
// window.
func (s *sweep) send(ctx context.Context, cs []clause) error {
	for i := range s.parts {
		p := &s.parts[i]
		qs := make([]es.Query, len(cs))
		for k, c := range cs {
			q := es.M{"terms": es.M{c.t.Search: json.RawMessage(c.list)}}
			qs[k] = es.Query{Index: s.ix.Name, Preference: p.preference, Body: s.fetchBody(p.query(q, c.t.filter))}
		}
		began := time.Now()
		rs, err := s.c.MSearch(ctx, qs, 2)
		if err != nil {
			return err
		}
		s.sent(ctx, cs, time.Since(began))
		for k, r := range rs {
			if err := s.page(ctx, cs[k].t.use, p, qs[k].Body.(es.M), r); err != nil {
				return err
			}
		}
	}
	return nil
}

// sent notes what a request has cost.
func (s *sweep) sent(ctx context.Context, cs []clause, took time.Duration) {
	n := 0
	for _, c := range cs {
		n += c.n
		c.t.use.add(func(x *PlanUse) { x.Values += int64(c.n) })
	}
	for _, u := range usesOf(cs) {
		u.add(func(x *PlanUse) { x.Requests++ })
	}
	if n >= 20000 {
		s.learn(ctx, cs[0].t, func(_, cluster *Cost) { cluster.Terms = blend(cluster.Terms, took.Seconds()/float64(n)) })
	}
}

// fewOdd is how many documents with odd values are looked at without a second
// thought.
const fewOdd = 2000

// oddOnes judges the documents whose values are written in a way that only a
// close look can judge. Where these are many it first takes those out whose
// digests are in capitals; where they are more than all values of the field are
// worth, it lists these instead.
func (s *sweep) oddOnes(ctx context.Context, t *target) error {
	few := fewOdd
	if s.fewOdd > 0 {
		few = s.fewOdd
	}
	ok, err := s.oddBy(ctx, t, s.odd(t.list, false), few)
	if ok || err != nil {
		return err
	}
	enough := math.MaxInt
	if t.otherPlan == PlanDistinct {
		enough = max(few, int(t.other.Seconds()/perOdd))
	}
	if s.fewOdd > 0 {
		enough = 2 * few
	}
	if twins := s.capitals(t); len(twins) > 0 {
		for _, c := range cut(nil, t, twins, s.maxTerms()) {
			if err := s.send(ctx, []clause{c}); err != nil {
				return err
			}
		}
	}
	ok, err = s.oddBy(ctx, t, s.odd(t.list, true), enough)
	if ok || err != nil {
		return err
	}
	t.use.add(func(x *PlanUse) { x.Why += "; too many values have odd spellings, so all distinct ones were listed" })
	return s.list(ctx, []*target{t})
}

// capitals returns the digests listed for t in capitals.
func (s *sweep) capitals(t *target) (out []string) {
	for _, k := range t.list {
		if k.Form() == ioc.Digest {
			for _, v := range s.values[k] {
				out = append(out, strings.ToUpper(v))
			}
		}
	}
	return out
}

// oddBy judges the documents with values that one of the expressions describes.
// ok is false where there are more than most: then it is not said of all of
// them whether they hit.
func (s *sweep) oddBy(ctx context.Context, t *target, odd []string, most int) (ok bool, err error) {
	var should []es.M
	for _, r := range odd {
		should = append(should, es.M{"regexp": es.M{t.Search: es.M{"value": r, "flags": "NONE"}}})
	}
	q := es.M{"bool": es.M{"should": should, "minimum_should_match": 1}}
	n := int64(0)
	for i := range s.parts {
		p := &s.parts[i]
		body := s.fetchBody(p.query(q, t.filter))
		body["track_total_hits"] = true
		rs, err := s.c.MSearch(ctx, []es.Query{{Index: s.ix.Name, Preference: p.preference, Body: body}}, 1)
		if err != nil {
			return false, err
		}
		t.use.add(func(x *PlanUse) { x.Requests++ })
		if n += rs[0].Hits.Total.Value; n > int64(most) {
			break
		}
		if err := s.page(ctx, t.use, p, body, rs[0]); err != nil {
			return false, err
		}
	}
	s.learn(ctx, t, func(field, _ *Cost) { field.Odd = n })
	return n <= int64(most), nil
}
