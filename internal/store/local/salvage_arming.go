package local

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Verdicts are not saved: the new store knows no rules, so that the next pass
// of judging derives all of them. What they are derived from is.

// has reports whether the old file has a column: one of schema 1 lacks some.
// What cannot be told is tried.
func (v *salvage) has(table, column string) bool {
	there := true
	err := one(v, "SELECT EXISTS(SELECT 1 FROM pragma_table_info(?) WHERE name = ?)", []any{table, column}, &there)
	return there || err != nil
}

// warninglist returns the list that a report came with, if any, and whether
// nothing of it is lost.
func (v *salvage) warninglist(r *report, part ioc.ReportList) (lists []ioc.Warninglist, ok bool) {
	if !v.has("warninglist", "report") {
		return nil, true
	}
	l, err := loadWarninglist(v, r.id)
	if l == nil || err != nil {
		return nil, err == nil
	}
	w, err := l.list("", r.name)
	if err != nil || !part.Start {
		return nil, false
	}
	return []ioc.Warninglist{w}, true
}

func (v *salvage) decisions() error {
	if !v.has("decision", "hash") {
		return nil
	}
	var all []ioc.Decision
	whole := v.walk("decision", decisionColumns, func(_ int64, row scanner) bool {
		d, ok, err := scanDecision(row)
		if err == nil && ok {
			all = append(all, d)
			v.done.Decisions++
		}
		return err == nil && ok
	})
	if !whole {
		v.lost("some decisions about indicators")
	}
	return v.new.write(v.ctx, func(t *tx) error {
		for i := range all {
			if err := t.decide(&all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// marks saves acts of marking and what they cover, under the same numbers.
func (v *salvage) marks() error {
	if !v.has("mark", "id") {
		return nil
	}
	acts := map[int64]*ioc.Mark{}
	whole := v.walk("mark", "id, "+markColumns, func(_ int64, row scanner) bool {
		var id int64
		m, ok, err := scanMark(row, &id)
		if err == nil && ok {
			acts[id] = &m
		}
		return err == nil && ok
	})
	covered := map[int64][]marked{}
	whole = v.walk("hit_mark", hitMarkColumns, func(_ int64, row scanner) bool {
		var m marked
		var act int64
		ok, err := m.scan(row, &act)
		if err != nil || !ok || acts[act] == nil {
			return false
		}
		covered[act] = append(covered[act], m)
		v.done.Marks++
		return true
	}) && whole
	if !whole {
		v.lost("some marks of hits")
	}
	return v.new.write(v.ctx, func(t *tx) error { return putMarks(t, acts, covered) })
}

func putMarks(t *tx, acts map[int64]*ioc.Mark, covered map[int64][]marked) error {
	for act, hits := range covered {
		if err := t.putMark(act, acts[act]); err != nil {
			return err
		}
		for i := range hits {
			if err := t.putMarked(&hits[i], act); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *salvage) notes() error {
	if !v.has("note", "key") {
		return nil
	}
	kept := map[string]string{}
	whole := v.walk("note", "key, value, chk", func(_ int64, row scanner) bool {
		var key, value string
		var chk int64
		if err := row(&key, &value, &chk); err != nil || chk != noteSum(key, value) {
			return false
		}
		if strings.HasPrefix(key, otherPrefix) {
			kept[key] = value
		}
		return true
	})
	if !whole {
		v.lost("some notes")
	}
	return v.new.write(v.ctx, func(t *tx) error {
		for key, value := range kept {
			if err := t.putNote(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}
