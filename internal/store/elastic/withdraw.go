package elastic

import (
	"context"
	"iter"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// reportsAtOnce is how many reports one query looks for leftovers of: each is two
// clauses of it.
const reportsAtOnce = 200

// withdrawals ends the memberships that complete lists no longer have, and those
// of reports that are gone: those that the batch's own members have not met.
// They are found by ioc.members, so that a list is not read for them.
func (p *put) withdrawals(ctx context.Context) error {
	if p.virgin {
		return nil
	}
	var clauses []es.M
	for id, st := range p.steps {
		switch {
		case st.gone:
			clauses = append(clauses, es.M{"prefix": es.M{"ioc.members": memberPrefix(id)}})
		case st.todo == store.Withdraw:
			clauses = append(clauses, except(es.M{"prefix": es.M{"ioc.members": memberPrefix(id)}}, term("ioc.members", memberOf(id, st.Generation))))
		}
	}
	if len(clauses) == 0 {
		return nil
	}
	if err := p.s.refresh(ctx, p.s.index()); err != nil {
		return err
	}
	for len(clauses) > 0 {
		n := min(len(clauses), reportsAtOnce)
		if err := p.withdraw(ctx, es.M{"bool": es.M{"should": clauses[:n], "minimum_should_match": 1}}); err != nil {
			return err
		}
		clauses = clauses[n:]
	}
	return nil
}

// withdraw ends what is to end in the feed's live documents that a query finds.
func (p *put) withdraw(ctx context.Context, query es.M) error {
	query = all(term("ioc.feed", safe(p.feed)), term("ioc.live", true), query)
	return p.rounds(ctx, func(w *writer) error {
		for ds, err := range p.s.documents(ctx, query, ours) {
			if err != nil {
				return err
			}
			gs := make([]*group, len(ds))
			for i, d := range ds {
				gs[i] = &group{Observable: d.observable(), key: d.IOC.Key}
			}
			if err := p.chunk(ctx, w, gs); err != nil {
				return err
			}
		}
		return nil
	})
}

// documents yields documents of the index as of the last refresh, in no order,
// some at a time. source says how much of them: all of it, or ours.
func (s *Store) documents(ctx context.Context, query es.M, source any) iter.Seq2[[]*document, error] {
	return func(yield func([]*document, error) bool) {
		for r, err := range s.c.Pages(ctx, s.index(), "", es.M{"query": query, "size": chunk, "seq_no_primary_term": true, "_source": source}) {
			if err != nil {
				yield(nil, err)
				return
			}
			ds, err := readDocuments(r)
			if !yield(ds, err) || err != nil {
				return
			}
		}
	}
}

func readDocuments(r *es.Result) ([]*document, error) {
	ds := make([]*document, len(r.Hits.Hits))
	for i := range r.Hits.Hits {
		var err error
		if ds[i], err = readDocument(&r.Hits.Hits[i]); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

// Withdraw withdraws some observables from a feed: all memberships of them in
// its reports. They stay withdrawn until a report of another revision names
// them. It is no error if the feed does not have them.
func (s *Store) Withdraw(ctx context.Context, feed string, os []ioc.Observable) (ioc.Changes, error) {
	return s.change(ctx, feed, func(ctx context.Context, p *put) error {
		p.all = true
		seen := make(map[ioc.Observable]bool, len(os))
		return p.rounds(ctx, func(w *writer) error {
			var gs []*group
			for i, o := range os {
				if !seen[o] {
					seen[o] = true
					gs = append(gs, &group{Observable: o, key: keyOf(o)})
				}
				if len(gs) < chunk && i < len(os)-1 {
					continue
				}
				if err := p.chunk(ctx, w, gs); err != nil {
					return err
				}
				gs = nil
			}
			return nil
		})
	})
}

// Forget removes a feed wholly: its memberships are withdrawn, which leaves
// tombstones for whoever syncs from the store, and its cursor, revisions and
// refusals are deleted. Its hits and run records stay.
func (s *Store) Forget(ctx context.Context, feed string) (ioc.Changes, error) {
	return s.change(ctx, feed, func(ctx context.Context, p *put) error {
		if known, err := p.known(ctx); !known || err != nil {
			return err
		}
		p.all = true
		if err := p.withdraw(ctx, es.M{"match_all": es.M{}}); err != nil {
			return err
		}
		err := p.eachReport(ctx, func(r *reportState) {
			r.Forget()
			r.Gone = true
		})
		if err != nil {
			return err
		}
		if err := s.deleteStates(ctx, all(term("feed", short(feed)), es.M{"terms": es.M{"kind": []string{refusedKind, listKind, entriesKind}}})); err != nil {
			return err
		}
		if err := p.t.commit(ctx); err != nil {
			return err
		}
		p.state = feedState{Removed: p.now}
		return p.saveFeed(ctx)
	})
}

// known reports whether the feed is there and not forgotten.
func (p *put) known(ctx context.Context) (bool, error) {
	return p.at.term > 0 && p.state.Removed.IsZero(), ctx.Err()
}

// eachReport changes all reports of the feed.
func (p *put) eachReport(ctx context.Context, change func(*reportState)) error {
	var items []es.Item
	for d, err := range p.s.stored(ctx, ofKind(reportKind, term("feed", short(p.feed)))) {
		if err != nil {
			return err
		}
		var r reportState
		if err := unpack(d.Body, &r); err != nil {
			return err
		}
		change(&r)
		it, err := p.s.reportItem(p.feed, r.Report.ID, &r, d.at)
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	return p.s.putStates(ctx, items)
}

// ResetCursor forgets how far a feed has been read, and which revisions of its
// reports are stored: the next collection reads and compares everything. What is
// stored stays until then, but for refusals that belong to no report.
func (s *Store) ResetCursor(ctx context.Context, feed string) error {
	_, err := s.change(ctx, feed, func(ctx context.Context, p *put) error {
		if p.at.term == 0 {
			return ctx.Err()
		}
		if err := p.eachReport(ctx, func(r *reportState) { r.Forget() }); err != nil {
			return err
		}
		if err := s.deleteRefused(ctx, feed, []string{""}); err != nil {
			return err
		}
		p.state.Cursor = nil
		return p.saveFeed(ctx)
	})
	return err
}

// Rearm arms everything of some types anew that is not withdrawn, or of all
// types where none is named: it has to meet old events again.
func (s *Store) Rearm(ctx context.Context, types []ioc.Type) error {
	query := term("ioc.live", true)
	if len(types) > 0 {
		query = all(query, terms("ioc.type", types))
	}
	_, err := s.change(ctx, "", func(ctx context.Context, p *put) error {
		before := p.t.n.Armed
		if err := p.rearm(ctx, query); err != nil || !p.t.begun {
			return err
		}
		if err := p.t.commit(ctx); err != nil {
			return err
		}
		return p.t.keepJudged(ctx, before)
	})
	return err
}

func (p *put) rearm(ctx context.Context, query es.M) error {
	for range maxRounds {
		w := p.s.newWriter(ctx, p.t)
		number := uint64(0)
		for ds, err := range p.s.documents(ctx, query, true) {
			if err == nil {
				number, err = p.t.begin(ctx)
			}
			if err != nil {
				return err
			}
			for _, d := range ds {
				if d.IOC.ArmedSeq == number {
					continue // in an earlier round
				}
				d.IOC.ArmedSeq, d.IOC.Seq = number, number
				if err := w.add(d); err != nil {
					return err
				}
			}
		}
		err := w.close()
		if err == nil && len(w.dead) > 0 { // what is not armed anew would never meet old events
			err = deadError(w.dead[0])
		}
		if err != nil || len(w.conflicts) == 0 {
			return err
		}
		if err := p.s.refresh(ctx, p.s.index()); err != nil {
			return err
		}
	}
	return errConflict
}
