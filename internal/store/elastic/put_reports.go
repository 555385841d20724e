package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

const (
	reportKind  = "report"
	feedKind    = "feed"
	refusedKind = "refused"
)

// reportGone is the Number of reports that are gone.
const reportGone = 1

// reportState is the body of a report.
type reportState struct {
	store.Reading
	Report ioc.Report `json:"report"`
	Gone   bool       `json:"gone,omitempty"`
}

// feedState is the body of a feed.
type feedState struct {
	Cursor  []byte    `json:"cursor,omitempty"` // any bytes
	Removed time.Time `json:"removed,omitzero"` // when it was forgotten
}

func reportID(feed, report string) string { return reportKind + ":" + hashID(feed, report) }
func feedID(feed string) string           { return feedKind + ":" + hashID(feed) }

func (s *Store) feedState(ctx context.Context, feed string) (f feedState, at version, err error) {
	at, _, err = s.getState(ctx, feedID(feed), &f)
	return f, at, err
}

// plan finds out what the batch does to each report.
func (p *put) plan(ctx context.Context) error {
	ids := make([]string, 0, len(p.lists)+len(p.gone))
	for i := range p.lists {
		ids = append(ids, p.lists[i].ID)
	}
	stored, err := p.s.reports(ctx, p.feed, append(ids, p.gone...))
	if err != nil {
		return err
	}
	for i := range p.lists {
		if err := p.list(ctx, p.lists[i], stored[p.lists[i].ID]); err != nil {
			return err
		}
	}
	for _, id := range p.gone {
		if r := stored[id]; r != nil && !r.Gone {
			p.end(id, r)
		}
	}
	return nil
}

// end plans that a report is gone.
func (p *put) end(id string, r *storedReport) {
	st := &step{reportState: r.reportState, at: r.at, gone: true}
	st.Forget()
	st.Gone = true
	p.steps[id] = st
	p.cleared = append(p.cleared, id)
}

// list plans one part of a report's list. A new generation bears the number of
// the change, so that what an attempt has written that was broken off is never
// taken for a part of it.
func (p *put) list(ctx context.Context, l store.List, r *storedReport) error {
	st := &step{todo: store.Add, listed: l.Announced}
	if r != nil {
		st.reportState, st.at = r.reportState, r.at
	}
	p.steps[l.ID] = st
	if l.Announced {
		was := st.Generation
		if st.todo = st.Part(l); st.todo == store.Skip {
			return nil
		}
		if st.Generation != was {
			number, err := p.t.begin(ctx)
			if err != nil {
				return err
			}
			st.Generation = int64(number)
		}
	}
	st.Gone = false
	if l.Announced || r == nil {
		st.Report = l.Report
	}
	if l.Start {
		p.cleared = append(p.cleared, l.ID)
	}
	return nil
}

// storedReport is a report as it was read.
type storedReport struct {
	reportState
	at version
}

// reports reads some reports of a feed, as they are now.
func (s *Store) reports(ctx context.Context, feed string, names []string) (map[string]*storedReport, error) {
	all := make(map[string]*storedReport, len(names))
	byID := make(map[string]string, len(names))
	ids := make([]string, len(names))
	for i, n := range names {
		ids[i] = reportID(feed, n)
		byID[ids[i]] = n
	}
	return all, s.getStates(ctx, ids, func(id string, at version, d *stateDoc) error {
		r := &storedReport{at: at}
		all[byID[id]] = r
		return unpack(d.Body, &r.reportState)
	})
}

// loadOthers reads the reports that documents mention and the batch does not.
func (p *put) loadOthers(ctx context.Context, ds []*document) error {
	var missing []string
	for _, d := range ds {
		for _, m := range d.IOC.Mentions {
			id := plain(m.Report)
			if _, ok := p.other[id]; !ok && p.steps[id] == nil {
				p.other[id] = &reportState{Report: ioc.Report{ID: id}}
				missing = append(missing, id)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := p.s.reports(ctx, p.feed, missing)
	for id, r := range found {
		p.other[id] = &r.reportState
	}
	return err
}

// report returns what a report says of itself; it was loaded.
func (p *put) report(id string) *ioc.Report {
	if st := p.steps[id]; st != nil {
		return &st.Report
	}
	return &p.other[id].Report
}

// saveReports stores what the reports have come to.
func (p *put) saveReports(ctx context.Context) error {
	items := make([]es.Item, 0, len(p.steps))
	for id, st := range p.steps {
		if st.todo == store.Skip && !st.gone {
			continue
		}
		it, err := p.s.reportItem(p.feed, id, &st.reportState, st.at)
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	return p.s.putStates(ctx, items)
}

// reportItem is the write of a report.
func (s *Store) reportItem(feed, id string, r *reportState, was version) (es.Item, error) {
	d := stateDoc{Kind: reportKind, Name: short(r.Report.Name), Feed: short(feed), Report: short(id), At: s.now().UTC()}
	r.Report.Created, r.Report.Modified = cutTime(r.Report.Created), cutTime(r.Report.Modified)
	if r.Gone {
		d.Number = reportGone
	}
	var err error
	if d.Body, err = pack(r); err != nil {
		return es.Item{}, err
	}
	body, err := json.Marshal(d)
	it := es.Item{Op: es.Index, ID: reportID(feed, id), Body: body}
	if was.term > 0 {
		it.IfSeqNo, it.IfTerm = was.seq, was.term
	}
	return it, err
}

// refusals stores refusals, each once, in the place of those of reports that are
// read again. Those of a report that is skipped are there already.
func (p *put) refusals(ctx context.Context, rs []ioc.Refusal) error {
	if err := p.s.deleteRefused(ctx, p.feed, p.cleared); err != nil {
		return err
	}
	var items []es.Item
	for _, r := range append(p.dead, rs...) {
		if st := p.steps[r.Report]; st != nil && st.todo == store.Skip && !st.gone {
			continue
		}
		it, err := p.s.refusedItem(p.feed, r)
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	return p.s.putStates(ctx, items)
}

func (s *Store) refusedItem(feed string, r ioc.Refusal) (es.Item, error) {
	d := stateDoc{Kind: refusedKind, Name: short(r.Reason), Feed: short(feed), Report: short(r.Report), At: s.now().UTC()}
	var err error
	if d.Body, err = pack(r); err != nil {
		return es.Item{}, err
	}
	body, err := json.Marshal(d)
	return es.Item{Op: es.Index, ID: refusedKind + ":" + hashID(feed, r.Report, r.Type, r.Value, r.Reason, r.Place), Body: body}, err
}

// deleteRefused deletes the refusals of some reports.
func (s *Store) deleteRefused(ctx context.Context, feed string, reports []string) error {
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = short(r)
	}
	for len(names) > 0 {
		n := min(len(names), chunk)
		err := s.deleteStates(ctx, ofKind(refusedKind, term("feed", short(feed)), es.M{"terms": es.M{"report": names[:n]}}))
		if err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// saveFeed stores the cursor: the last thing that is written of a batch.
func (p *put) saveFeed(ctx context.Context) error {
	_, err := p.s.putState(ctx, feedID(p.feed), stateDoc{Kind: feedKind, Name: short(p.feed), Feed: short(p.feed), At: p.now}, p.state, p.at)
	if errors.Is(err, errConflict) { // a lost answer may be the reason, and the batch is stored but for this
		if now, at, err2 := p.s.feedState(ctx, p.feed); err2 == nil && string(now.Cursor) == string(p.state.Cursor) && now.Removed.Equal(p.state.Removed) {
			p.at = at
			return nil
		}
	}
	return err
}
