package local

import (
	"context"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// listChunk is how many observables have their claims read together.
const listChunk = 256

// List yields indicators that are not withdrawn, by observable in the order in
// which those were first stored, and one for each feed. Memory is bounded
// whatever the length of the list.
func (s *Store) List(ctx context.Context, f store.ListFilter) iter.Seq2[ioc.Indicator, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Indicator) error) error {
		l := &lister{q: q, filter: f, yield: yield}
		var err error
		if l.types, err = loadTypes(q); err != nil {
			return err
		}
		l.claims = newClaims(q, &s.verdicts)
		query, args, err := l.candidates()
		if err != nil {
			return err
		}
		return l.list(query, args)
	})
}

type lister struct {
	q      *snapshot
	filter store.ListFilter
	types  *types
	claims *claims
	yield  func(ioc.Indicator) error
	n      int // wanted indicators so far
}

// list reads candidates in chunks. The filter has the last word: an observable
// may be a candidate for one feed's sake.
func (l *lister) list(query string, args []any) error {
	var part []listed
	err := each(l.q, query, args, func(row scanner) error {
		var o listed
		var code int64
		if err := row(&o.id, &code, &o.Value, &o.armed, &o.verdict); err != nil {
			return err
		}
		o.Type = l.types.names[code]
		if part = append(part, o); len(part) < listChunk {
			return nil
		}
		err := l.flush(part)
		part = part[:0]
		return err
	})
	if err != nil {
		return err
	}
	return l.flush(part)
}

func (l *lister) flush(part []listed) error {
	if len(part) == 0 {
		return nil
	}
	all, err := l.claims.indicators(part)
	if err != nil {
		return err
	}
	for i := range all {
		if !l.filter.Match(&all[i]) {
			continue
		}
		skip, done := l.filter.Page(l.n)
		if done {
			return errStop
		}
		l.n++
		if skip {
			continue
		}
		if err := l.yield(all[i]); err != nil {
			return err
		}
	}
	return nil
}

// candidates returns the query for the observables that may be wanted, by the
// most selective index there is.
func (l *lister) candidates() (string, []any, error) {
	from, where := "observable o", []string{"o.live > 0"}
	var args []any
	switch f := &l.filter; {
	case f.Value != "":
		var hashes []int64
		for t := range l.types.codes {
			hashes = append(hashes, observableHash(ioc.Observable{Type: t, Value: f.Value}))
		}
		where = append(where, "o.hash IN (SELECT value FROM json_each(?))")
		args = append(args, ids(hashes))
	case f.Report != "" || f.Tag != "" || len(f.Feeds) > 0:
		reports, all, err := l.reports()
		if err != nil {
			return "", nil, err
		}
		if !all {
			from = "(SELECT DISTINCT observable AS id FROM member WHERE removed IS NULL AND report IN (SELECT value FROM json_each(?))) m CROSS JOIN observable o ON o.id = m.id"
			args = append(args, ids(reports))
		}
	}
	if len(l.filter.Types) > 0 {
		where = append(where, "o.type IN (SELECT value FROM json_each(?))")
		args = append(args, ids(l.types.some(l.filter.Types)))
	}
	return "SELECT o.id, o.type, o.value, o.armed, o.verdict FROM " + from + " WHERE " + strings.Join(where, " AND ") + " ORDER BY o.id", args, nil
}

// reports returns the reports that can make an indicator wanted, and whether
// those are all that there are.
func (l *lister) reports() (wanted []int64, all bool, err error) {
	all = true
	err = each(l.q, "SELECT r.id, r.name, r.meta, f.name FROM report r JOIN feed f ON f.id = r.feed WHERE r.removed IS NULL", nil, func(row scanner) error {
		var id int64
		var name, meta, feed string
		if err := row(&id, &name, &meta, &feed); err != nil {
			return err
		}
		r, err := decodeReport(name, meta)
		if l.wants(feed, r) {
			wanted = append(wanted, id)
		} else {
			all = false
		}
		return err
	})
	return wanted, all, err
}

func (l *lister) wants(feed string, r ioc.Report) bool {
	i := ioc.Indicator{Feed: feed, Tags: r.Tags, Reports: []ioc.Mention{{Report: r}}}
	f := store.ListFilter{Feeds: l.filter.Feeds, Report: l.filter.Report, Tag: l.filter.Tag}
	return f.Match(&i)
}
