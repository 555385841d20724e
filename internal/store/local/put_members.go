package local

import (
	"cmp"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// member is a row of member, with what the file has of it.
type member struct {
	report   *report
	obs      *observable
	claim    ioc.Claim // as the batch has it
	row, was memberRow
	stored   bool
}

// memberRow is the part of a row that is not the key.
type memberRow struct {
	gen, claim       int64
	created, expires int64
	original         string
	removed          int64
}

func (m memberRow) chk(report, observable int64) int64 {
	return sum(4).num(report, observable, m.gen, m.claim, m.created, m.expires, m.removed).str(m.original).row()
}

func (m memberRow) live() bool { return m.removed == null }

type memberKey struct {
	report *report
	obs    *observable
}

// members stores a chunk of members.
func (p *put) members(ms []ioc.Member) error {
	if err := p.t.alive(); err != nil {
		return err
	}
	all, order, err := p.gather(ms)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := p.findObservables(order); err != nil {
		return err
	}
	if err := p.findMembers(all); err != nil {
		return err
	}
	if err := p.intern(all); err != nil {
		return err
	}
	for _, m := range all {
		p.compare(m)
	}
	if err := p.writeMembers(all); err != nil {
		return err
	}
	return p.writeObservables(order)
}

// gather joins members that a report lists twice, and leaves out those of
// skipped reports. order holds the observables, each once.
func (p *put) gather(ms []ioc.Member) (all []*member, order []*observable, err error) {
	seen := make(map[ioc.Observable]*observable, len(ms))
	twice := make(map[memberKey]*member, len(ms))
	block := make([]member, len(ms))
	for i := range ms {
		r := p.reports[ms[i].Report]
		if r.step == store.Skip {
			p.changes.Unchanged++
			continue
		}
		o := seen[ms[i].Observable]
		if o == nil {
			if o, err = p.newObservable(ms[i].Observable); err != nil {
				return nil, nil, err
			}
			seen[ms[i].Observable] = o
			order = append(order, o)
		}
		if m := twice[memberKey{r, o}]; m != nil {
			p.changes.Unchanged++
			m.claim = store.Merge(m.claim, ms[i].Claim)
			continue
		}
		m := &block[i]
		m.report, m.obs, m.claim = r, o, ms[i].Claim
		twice[memberKey{r, o}] = m
		all = append(all, m)
	}
	return all, order, nil
}

// findMembers reads what the file has of the members. Neither a new report nor
// a new observable has a membership, so that a first load reads nothing.
func (p *put) findMembers(all []*member) error {
	byReport := map[*report]map[int64]*member{}
	for _, m := range all {
		if m.report.fresh || m.obs.fresh {
			continue
		}
		if byReport[m.report] == nil {
			byReport[m.report] = map[int64]*member{}
		}
		byReport[m.report][m.obs.id] = m
	}
	for r, ms := range byReport {
		keys := make([]int64, 0, len(ms))
		for id := range ms {
			keys = append(keys, id)
		}
		if err := p.readMembers(r.id, keys, ms); err != nil {
			return err
		}
	}
	return nil
}

func (p *put) readMembers(report int64, keys []int64, ms map[int64]*member) error {
	slices.Sort(keys)
	return each(p.t, `SELECT observable, gen, claim, created, expires, original, removed FROM member
 WHERE report = ? AND observable IN (SELECT value FROM json_each(?))`, []any{report, ids(keys)}, func(row scanner) error {
		var id int64
		var w memberRow
		err := row(&id, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original, (*nullable)(&w.removed))
		if m := ms[id]; m != nil {
			m.was, m.stored = w, true
		}
		return err
	})
}

// intern gives every member its row, the texts of its claim in the claim
// table.
func (p *put) intern(all []*member) error {
	texts := make(map[claimText]int64)
	for _, m := range all {
		if m.stored && m.was.live() && m.report.listed && m.was.gen == m.report.Generation {
			if err := p.mergeStored(m); err != nil {
				return err
			}
		}
		texts[textOf(m.claim)] = 0
	}
	if err := p.claims.find(p.t, texts); err != nil {
		return err
	}
	for _, m := range all {
		m.row = memberRow{gen: m.report.Generation, claim: texts[textOf(m.claim)], created: stamp(m.claim.Created),
			expires: stamp(m.claim.Expires), original: m.claim.Original, removed: null}
	}
	return nil
}

// mergeStored joins a member with one that an earlier part of the same list had.
func (p *put) mergeStored(m *member) error {
	first, err := p.claims.text(p.t, m.was.claim)
	if err != nil {
		return err
	}
	c := first.claim()
	c.Original, c.Created, c.Expires = m.was.original, instant(m.was.created), instant(m.was.expires)
	m.claim = store.Merge(c, m.claim)
	return nil
}

// compare counts what becomes of a member, and changes its report and
// observable accordingly.
func (p *put) compare(m *member) {
	o := m.obs
	same := m.row
	same.gen = m.was.gen
	// A claim without a date has that of its report, which is here again.
	if m.row.expires == null && (same != m.was || !m.stored || m.row.created == null) && p.ages(o.Type) {
		o.renewed = true
	}
	switch {
	case !m.stored || !m.was.live():
		p.changes.New++
		m.report.live++
		if o.live == 0 {
			o.expires = m.row.expires
		}
		o.live++
	case same == m.was:
		p.changes.Unchanged++
		return
	default:
		p.changes.Changed++
		o.stale = o.stale || m.was.expires == o.was.expires && m.row.expires != m.was.expires
	}
	o.expires = later(o.expires, m.row.expires)
}

// later is the later of two expiries as stored; NULL means never.
func later(a, b int64) int64 {
	if a == null || b == null {
		return null
	}
	return max(a, b)
}

// writeMembers writes the rows that are new or differ, in the order of the
// key.
func (p *put) writeMembers(all []*member) error {
	slices.SortFunc(all, func(a, b *member) int {
		return cmp.Or(cmp.Compare(a.report.id, b.report.id), cmp.Compare(a.obs.id, b.obs.id))
	})
	rows := bulk{t: p.t, columns: 8,
		insert: "INSERT OR FAIL INTO member(report, observable, gen, claim, created, expires, original, removed) VALUES ",
		after: ` ON CONFLICT(report, observable) DO UPDATE SET gen = excluded.gen, claim = excluded.claim, created = excluded.created,
 expires = excluded.expires, original = excluded.original, removed = excluded.removed`}
	for _, m := range all {
		if m.stored && m.row == m.was {
			continue
		}
		rid, oid := m.report.id, m.obs.id
		if m.stored {
			m.report.members -= m.was.chk(rid, oid)
			p.claims.use(m.was.claim, -1)
		}
		m.report.members += m.row.chk(rid, oid)
		p.claims.use(m.row.claim, 1)
		if err := rows.add(rid, oid, m.row.gen, m.row.claim, column(m.row.created), column(m.row.expires), m.row.original, column(m.row.removed)); err != nil {
			return err
		}
	}
	return rows.flush()
}
