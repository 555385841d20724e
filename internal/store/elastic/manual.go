package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// What people put into ioc_index by hand, or with tools of their own, is a feed
// like others: ManualFeed, with one report, ManualReport.
const (
	ManualFeed   = "manual"
	ManualReport = indexName
	manualKind   = "manual"
	manualID     = manualKind + ":" + indexName
)

// manualState is the body that says how far documents put in by hand were read.
type manualState struct {
	Index string `json:"index"`  // uuid of the index that the numbers are of
	SeqNo int64  `json:"seq_no"` // all that were written up to it are taken
	Count int64  `json:"count"`  // how many there were
}

// manualQuery finds what is not ours.
func manualQuery(over int64) es.M {
	return except(es.M{"range": es.M{"_seq_no": es.M{"gt": over}}}, es.M{"exists": es.M{"field": "ioc.feed"}})
}

// Adopt takes the documents that were put into ioc_index by hand, those without
// ioc.feed, as indicators of ManualFeed: {"type":…,"value":…}, OTX's
// {"type":…,"indicator":…}, or ECS threat.indicator.*. The documents themselves
// are never changed. prepare brings a member into canonical form, or says why it
// is refused; the refusals of this call are returned, and kept as those of the
// feed, with the document's id as the place.
//
// What was written since the last call is found by its sequence number. Where
// nothing was only added (a document was changed or deleted), all are read again,
// and what none of them says any more is withdrawn.
func (s *Store) Adopt(ctx context.Context, prepare func(*ioc.Member) string) (ioc.Changes, []ioc.Refusal, error) {
	a := &adoption{s: s, prepare: prepare}
	release, err := s.Lock(ctx, manualKind)
	if err != nil {
		return a.changes, nil, err
	}
	defer release()
	err = a.run(ctx)
	return a.changes, a.refused, err
}

// adoption is one Adopt.
type adoption struct {
	s       *Store
	prepare func(*ioc.Member) string
	changes ioc.Changes
	refused []ioc.Refusal
	batch   ioc.Batch
	started bool // the report's list was begun
}

func (a *adoption) run(ctx context.Context) error {
	var was manualState
	at, found, err := a.s.getState(ctx, manualID, &was)
	if err != nil {
		return err
	}
	now, err := a.s.manualState(ctx)
	if err != nil || !found && now.Count == 0 {
		return err
	}
	added := false
	if found && now.Index == was.Index {
		fresh, twice, err := a.s.fresh(ctx, was.SeqNo)
		if err != nil || fresh == 0 && now.Count == was.Count {
			return err
		}
		added = !twice && was.Count+fresh == now.Count
	}
	over := int64(-1)
	if added {
		over = was.SeqNo
	}
	if err := a.read(ctx, over, !added); err != nil {
		return err
	}
	_, err = a.s.putState(ctx, manualID, stateDoc{Kind: manualKind, Name: indexName, At: a.s.now().UTC()}, now, at)
	return err
}

// manualState returns how far can be read. The checkpoint comes before the
// refresh, so that all up to it is to be seen.
func (s *Store) manualState(ctx context.Context) (st manualState, err error) {
	var x struct {
		Indices map[string]struct {
			UUID   string
			Shards map[string][]struct {
				Seq struct {
					Local int64 `json:"local_checkpoint"`
				} `json:"seq_no"`
			}
		}
	}
	q := url.Values{"level": {"shards"}, "filter_path": {"indices.*.uuid,indices.*.shards.*.seq_no"}}
	if err := s.c.Do(ctx, es.Request{Method: http.MethodGet, Path: "/" + es.Escape(s.index()) + "/_stats", Query: q}, &x); err != nil {
		return st, err
	}
	first := true
	for _, i := range x.Indices {
		st.Index = i.UUID
		for _, copies := range i.Shards {
			for _, c := range copies {
				if first || c.Seq.Local < st.SeqNo {
					st.SeqNo, first = c.Seq.Local, false
				}
			}
		}
	}
	if err := s.freshen(ctx, s.index()); err != nil {
		return st, err
	}
	st.Count, err = s.total(ctx, manualQuery(-1))
	return st, err
}

// fresh counts the documents that were written since, and says whether one of
// them was written before: it may have said something else then.
func (s *Store) fresh(ctx context.Context, since int64) (n int64, twice bool, err error) {
	body := es.M{"size": maxHits, "query": manualQuery(since), "_source": false, "version": true, "sort": []es.M{{"_seq_no": "asc"}}}
	for more := true; more; {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, false, err
		}
		var x struct {
			Hits struct {
				Hits []struct {
					Version int64 `json:"_version"`
					Sort    []any
				}
			}
		}
		if err := s.c.Do(ctx, es.Request{Method: http.MethodPost, Path: "/" + es.Escape(s.index()) + "/_search", Body: raw}, &x); err != nil {
			return 0, false, err
		}
		for _, h := range x.Hits.Hits {
			twice = twice || h.Version != 1
			body["search_after"] = h.Sort
		}
		n += int64(len(x.Hits.Hits))
		more = len(x.Hits.Hits) == maxHits
	}
	return n, twice, nil
}

// manualBatch is how many members are stored at a time.
const manualBatch = 10_000

// read takes the documents over a number; all of them as the report's list.
func (a *adoption) read(ctx context.Context, over int64, whole bool) error {
	for h, err := range hits(a.s.c.Pages(ctx, a.s.index(), "", es.M{"query": manualQuery(over), "size": 1000})) {
		if err != nil {
			return err
		}
		a.document(h)
		if len(a.batch.Members)+len(a.batch.Refused) >= manualBatch {
			if err := a.put(ctx, whole, false); err != nil {
				return err
			}
		}
	}
	return a.put(ctx, whole, true)
}

func (a *adoption) put(ctx context.Context, whole, last bool) error {
	l := ioc.ReportList{Report: ioc.Report{ID: ManualReport, Name: "put into " + indexName + " by hand"}, Start: !a.started, Last: last}
	if whole {
		a.batch.Reports = []ioc.ReportList{l}
	}
	c, err := a.s.PutBatch(ctx, ManualFeed, a.batch)
	a.changes.Add(c)
	a.started, a.batch = true, ioc.Batch{}
	return err
}

// document takes one document.
func (a *adoption) document(h *es.Hit) {
	ms := manualMembers(h.Source)
	if len(ms) == 0 {
		a.refuse(h.ID, ioc.Member{}, "no type and value, type and indicator, or threat.indicator in it")
	}
	for _, m := range ms {
		said := m
		m.Report = ManualReport
		if reason := a.prepare(&m); reason != "" {
			a.refuse(h.ID, said, reason)
			continue
		}
		a.batch.Members = append(a.batch.Members, m)
	}
}

func (a *adoption) refuse(doc string, m ioc.Member, reason string) {
	r := ioc.Refusal{Report: ManualReport, Type: cmp.Or(m.Declared, string(m.Type)), Value: m.Value, Reason: reason, Place: "document " + doc}
	a.batch.Refused = append(a.batch.Refused, r)
	a.refused = append(a.refused, r)
}

// manualDoc is what a document put in by hand may say. The fields are of any
// JSON, as nobody has checked them.
type manualDoc struct {
	Type, Value, Indicator, Title, Description, Expiration any
	Threat                                                 struct{ Indicator map[string]any }
}

// manualMembers returns what a document says, as it says it.
func manualMembers(source json.RawMessage) []ioc.Member {
	var d manualDoc
	if json.Unmarshal(source, &d) != nil {
		return nil
	}
	claim := ioc.Claim{Title: textOf(d.Title), Description: textOf(d.Description)}
	claim.Expires = timeOf(d.Expiration)
	if v := cmp.Or(textOf(d.Value), textOf(d.Indicator)); v != "" {
		return []ioc.Member{manualMember(textOf(d.Type), v, claim)}
	}
	ind := d.Threat.Indicator
	claim.Description = cmp.Or(claim.Description, textOf(ind["description"]))
	claim.Created = timeOf(ind["first_seen"])
	var ms []ioc.Member
	for _, f := range manualFields {
		if v := textOf(under(ind, f.path)); v != "" && (len(ms) == 0 || !f.alone) {
			ms = append(ms, ioc.Member{Observable: ioc.Observable{Type: f.as, Value: v}, Claim: claim})
		}
	}
	if v := textOf(ind["name"]); v != "" && len(ms) == 0 {
		ms = append(ms, manualMember(textOf(ind["type"]), v, claim))
	}
	return ms
}

// manualMember makes a member of a type in any of the vocabularies that people
// have: ours, OTX's or MISP's. That of ECS says too little, and the value tells.
func manualMember(typ, value string, c ioc.Claim) ioc.Member {
	m := ioc.Member{Observable: ioc.Observable{Value: value}, Claim: c}
	m.Declared = typ
	for _, parse := range []func(string) (ioc.Type, bool){ioc.ParseType, ioc.FromOTX, ioc.FromMISP} {
		if t, ok := parse(typ); ok {
			m.Type = t
			return m
		}
	}
	if !isECSType(typ) {
		m.Type = ioc.Type(typ)
	}
	return m
}

func isECSType(s string) bool {
	for _, r := range ioc.Types() {
		if strings.EqualFold(s, r.ECS) {
			return true
		}
	}
	return s == ""
}

// manualFields are the fields below threat.indicator that hold a value; of the
// type "" the value tells. What stands alone is not the indicator where there is
// another one: the host of a URL may be anybody's.
var manualFields = []struct {
	path  string
	as    ioc.Type
	alone bool
}{
	{"ip", "", false}, {"url.full", ioc.URL, false}, {"url.original", ioc.URL, true}, {"email.address", ioc.Email, false},
	{"file.hash.md5", ioc.MD5, false}, {"file.hash.sha1", ioc.SHA1, false}, {"file.hash.sha256", ioc.SHA256, false},
	{"file.hash.sha512", ioc.SHA512, false}, {"file.hash.ssdeep", ioc.SSDeep, false}, {"file.pe.imphash", ioc.ImpHash, true},
	{"url.domain", ioc.Domain, true}, {"registry.key", ioc.RegistryKey, true}, {"file.path", ioc.FilePath, true},
}

// under returns what stands under a path, written as objects or with dots.
func under(o map[string]any, path string) any {
	if v, ok := o[path]; ok {
		return v
	}
	for i, c := range path {
		if c != '.' {
			continue
		}
		if sub, ok := o[path[:i]].(map[string]any); ok {
			if v := under(sub, path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// textOf returns a string, or the first of a list.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return textOf(v[0])
		}
	}
	return ""
}

// timeOf reads a date as clusters and OTX write it; what is none is zero.
func timeOf(v any) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, textOf(v)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
