package local

import (
	"context"
	"fmt"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// mark holds the acts of marking, hit_mark which hits each of them covers: a
// hit is of the last act that covered it. So that a mark outlives its hit, what
// it says of the observable is stored with it. An act that covers no hit any
// more is deleted.
const (
	markTable = `CREATE TABLE mark(id INTEGER PRIMARY KEY, verdict TEXT NOT NULL, why TEXT NOT NULL, who TEXT NOT NULL, at INTEGER,
 chk INTEGER NOT NULL)`
	hitMarkTable = `CREATE TABLE hit_mark(hit TEXT PRIMARY KEY, mark INTEGER NOT NULL REFERENCES mark(id), hash INTEGER NOT NULL, type TEXT NOT NULL,
 value TEXT NOT NULL, time INTEGER, chk INTEGER NOT NULL)`
)

var hitMarkIndexes = [2]string{
	`CREATE INDEX hit_mark_hash ON hit_mark(hash)`,
	`CREATE INDEX hit_mark_act ON hit_mark(mark)`,
}

const markColumns = "verdict, why, who, at, chk"

func markSum(id int64, m *ioc.Mark) int64 {
	return sum(11).num(id, stamp(m.At)).str(m.Verdict, m.Why, m.By).row()
}

// scanMark reads an act, and whether it is what was written.
func scanMark(row scanner, id *int64) (m ioc.Mark, ok bool, err error) {
	var at nullable
	var chk int64
	err = row(id, &m.Verdict, &m.Why, &m.By, &at, &chk)
	m.At = instant(int64(at))
	return m, err == nil && chk == markSum(*id, &m), err
}

// marked is a row of hit_mark: a hit, of what and when it was.
type marked struct {
	ioc.Observable
	hit  string
	time int64
}

const hitMarkColumns = "hit, mark, hash, type, value, time, chk"

func (m *marked) chk(mark int64) int64 {
	return sum(12).num(mark, m.time).str(m.hit, string(m.Type), m.Value).row()
}

// scan reads a row, and whether it is what was written.
func (m *marked) scan(row scanner, mark *int64) (ok bool, err error) {
	var hash, chk int64
	err = row(&m.hit, mark, &hash, &m.Type, &m.Value, (*nullable)(&m.time), &chk)
	return err == nil && hash == observableHash(m.Observable) && chk == m.chk(*mark), err
}

func (t *tx) putMark(id int64, m *ioc.Mark) error {
	return t.exec("INSERT INTO mark(id, "+markColumns+") VALUES (?, ?, ?, ?, ?, ?)", id, m.Verdict, m.Why, m.By, column(stamp(m.At)), markSum(id, m))
}

func (t *tx) putMarked(m *marked, mark int64) error {
	return t.exec("INSERT OR REPLACE INTO hit_mark("+hitMarkColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
		m.hit, mark, observableHash(m.Observable), string(m.Type), m.Value, column(m.time), m.chk(mark))
}

// acts reads acts of marking, and keeps the last: one often covers many hits
// that follow one another.
type acts struct {
	q    querier
	id   int64
	last ioc.Mark
}

// load returns an act; each caller gets a copy of its own.
func (a *acts) load(id int64) (*ioc.Mark, error) {
	if id != a.id {
		a.id = 0
		m, ok, err := scanMark(func(dest ...any) error {
			return one(a.q, "SELECT id, "+markColumns+" FROM mark WHERE id = ?", []any{id}, dest...)
		}, new(int64))
		if err == nil && !ok {
			err = fmt.Errorf("%w: the mark %d is not what was written", ErrDamaged, id)
		}
		if err != nil {
			return nil, err
		}
		a.id, a.last = id, m
	}
	m := a.last
	return &m, nil
}

// MarkHits marks the hits that a filter selects, as Hits does, in one act, and
// lets judge derive the verdicts of their observables anew, all in one
// transaction. A hit that was marked before is of the new act only. A mark whose
// verdict is "" takes marks back, also those of hits that are deleted, where the
// filter asks for nothing that is gone with them.
//
// It returns how many hits were marked, or lost their mark, and their
// observables, each once.
func (s *Store) MarkHits(ctx context.Context, f store.HitFilter, m ioc.Mark, judge ioc.Judge) (hits int, touched []ioc.Observable, err error) {
	if m.Verdict != ioc.TruePositive && m.Verdict != ioc.FalsePositive && m.Verdict != "" {
		return 0, nil, fmt.Errorf("a mark has the verdict %q: it can be %q, %q or empty", m.Verdict, ioc.TruePositive, ioc.FalsePositive)
	}
	err = s.write(ctx, func(t *tx) error {
		all, err := selectHits(t, f, m.Verdict == "")
		if err != nil || len(all) == 0 {
			return err
		}
		if err := t.mark(all, &m); err != nil {
			return err
		}
		hits = len(all)
		touched = observablesOf(all)
		return judgeSome(t, touched, judge)
	})
	if err != nil {
		return 0, nil, err
	}
	return hits, touched, nil
}

// observablesOf returns the observables of marks, each once.
func observablesOf(all []marked) []ioc.Observable {
	of := make([]ioc.Observable, len(all))
	for i := range all {
		of[i] = all[i].Observable
	}
	return distinct(of)
}

// selectHits returns the hits that a filter selects, newest first: to take
// marks back, those that have one.
func selectHits(t *tx, f store.HitFilter, back bool) (all []marked, err error) {
	w, err := hitWhere(t, f)
	if err != nil {
		return nil, err
	}
	if back {
		w.add(markOf + " IS NOT NULL")
	}
	values := map[string]string{} // many hits are of one value
	add := func(row scanner) error {
		var m marked
		err := row(&m.hit, &m.Type, &m.Value, (*nullable)(&m.time))
		if v, ok := values[m.Value]; ok {
			m.Value = v
		}
		values[m.Value] = m.Value
		all = append(all, m)
		return err
	}
	err = each(t, "SELECT id, type, value, coalesce(time, occurred) FROM hit"+w.sql()+" ORDER BY time DESC, rowid DESC"+limit(f.Limit), w.args, add)
	if err != nil || !back || f.Feed != "" || f.Path != "" || f.Report != "" || f.Mark == store.Unmarked || f.Limit > 0 && len(all) >= f.Limit {
		return all, err
	}
	left := f.Limit - len(all)
	if f.Limit <= 0 {
		left = 0
	}
	if w, err = markWhere(f); err != nil {
		return nil, err
	}
	return all, each(t, "SELECT hit, type, value, time FROM hit_mark k"+w.sql()+" ORDER BY time DESC, hit DESC"+limit(left), w.args, add)
}

// markWhere selects marks of hits that are deleted.
func markWhere(f store.HitFilter) (where, error) {
	w := where{}
	w.add("NOT EXISTS (SELECT 1 FROM hit WHERE hit.id = k.hit)")
	w.span("time", stamp(f.From), stamp(f.To))
	w.text("type = ?", string(f.Type))
	w.text("value = ?", f.Value)
	if err := w.begins("k.hit", f.IDs); err != nil {
		return w, err
	}
	if f.Mark != "" {
		w.add("EXISTS (SELECT 1 FROM mark WHERE mark.id = k.mark AND mark.verdict = ?)", f.Mark)
	}
	return w, nil
}

// mark moves hits to a new act, or to none.
func (t *tx) mark(all []marked, m *ioc.Mark) error {
	var act int64
	if m.Verdict != "" {
		if err := one(t, "SELECT coalesce(max(id), 0) + 1 FROM mark", nil, &act); err != nil {
			return err
		}
		if err := t.putMark(act, m); err != nil {
			return err
		}
	}
	for i := range all {
		if err := t.alive(); err != nil {
			return err
		}
		var err error
		if act == 0 {
			err = t.exec("DELETE FROM hit_mark WHERE hit = ?", all[i].hit)
		} else {
			err = t.putMarked(&all[i], act)
		}
		if err != nil {
			return err
		}
	}
	return t.exec("DELETE FROM mark WHERE NOT EXISTS (SELECT 1 FROM hit_mark WHERE hit_mark.mark = mark.id)")
}

// addMarks counts the acts of each observable, whatever number of its hits an
// act covers.
func addMarks(q querier, hashes string, facts map[ioc.Observable]ioc.Facts) error {
	return each(q, `SELECT k.type, k.value, m.verdict, max(k.time) FROM hit_mark k JOIN mark m ON m.id = k.mark
 WHERE k.hash IN (SELECT value FROM json_each(?)) GROUP BY k.type, k.value, k.mark`, []any{hashes}, func(row scanner) error {
		var o ioc.Observable
		var verdict string
		var time nullable
		if err := row(&o.Type, &o.Value, &verdict, &time); err != nil {
			return err
		}
		f := facts[o]
		if verdict == ioc.FalsePositive {
			f.Marks.False++
		} else {
			f.Marks.True++
			if at := instant(int64(time)); at.After(f.Marks.LastTrue) {
				f.Marks.LastTrue = at
			}
		}
		facts[o] = f
		return nil
	})
}
