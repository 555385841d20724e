package local

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A decision is found by the hash of its observable, which need not be stored:
// decisions precede claims and outlive them.
const decisionTable = `CREATE TABLE decision(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL,
 verdict TEXT NOT NULL, why TEXT NOT NULL, who TEXT NOT NULL, at INTEGER, chk INTEGER NOT NULL, UNIQUE(hash, type, value, source))`

const decisionColumns = "hash, type, value, source, verdict, why, who, at, chk"

func decisionSum(d *ioc.Decision) int64 {
	return sum(10).num(stamp(d.At)).str(string(d.Type), d.Value, d.Source, d.Verdict, d.Why, d.By).row()
}

// scanDecision reads a decision, and whether it is what was written.
func scanDecision(row scanner) (d ioc.Decision, ok bool, err error) {
	var hash, chk int64
	var at nullable
	err = row(&hash, &d.Type, &d.Value, &d.Source, &d.Verdict, &d.Why, &d.By, &at, &chk)
	d.At = instant(int64(at))
	return d, err == nil && hash == observableHash(d.Observable) && chk == decisionSum(&d), err
}

// Decide stores decisions, of observables that are not stored too, and lets
// judge derive the verdicts of those observables anew, all in one transaction.
// A decision takes the place of the one that the same source made before; one
// whose verdict is "" only takes it back.
func (s *Store) Decide(ctx context.Context, ds []ioc.Decision, judge ioc.Judge) error {
	touched, err := store.Decided(ds)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		for i := range ds {
			if err := t.alive(); err != nil {
				return err
			}
			if err := t.decide(&ds[i]); err != nil {
				return err
			}
		}
		return judgeSome(t, distinct(touched), judge)
	})
}

// distinct returns observables each once.
func distinct(all []ioc.Observable) (once []ioc.Observable) {
	seen := make(map[ioc.Observable]bool, len(all))
	for _, o := range all {
		if !seen[o] {
			seen[o] = true
			once = append(once, o)
		}
	}
	return once
}

func (t *tx) decide(d *ioc.Decision) error {
	hash := observableHash(d.Observable)
	if d.Verdict == "" {
		return t.exec("DELETE FROM decision WHERE hash = ? AND type = ? AND value = ? AND source = ?", hash, string(d.Type), d.Value, d.Source)
	}
	return t.exec("INSERT OR REPLACE INTO decision("+decisionColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		hash, string(d.Type), d.Value, d.Source, d.Verdict, d.Why, d.By, column(stamp(d.At)), decisionSum(d))
}

// Decisions yields all decisions in force, in the order in which they were
// made.
func (s *Store) Decisions(ctx context.Context) iter.Seq2[ioc.Decision, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Decision) error) error {
		return each(q, "SELECT "+decisionColumns+" FROM decision ORDER BY id", nil, func(row scanner) error {
			d, _, err := scanDecision(row)
			if err != nil {
				return err
			}
			return yield(d)
		})
	})
}

// Facts returns what is decided about an observable, and what people said of
// its hits.
func (s *Store) Facts(ctx context.Context, o ioc.Observable) (f ioc.Facts, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		all, err := loadFacts(q, []*observable{{Observable: o, hash: observableHash(o)}})
		f = all[o]
		return err
	})
	return f, err
}

// loadFacts reads the facts of some observables. Few have any, so that most
// often one look at the tables tells all.
func loadFacts(q querier, os []*observable) (map[ioc.Observable]ioc.Facts, error) {
	var decisions, marks bool
	err := one(q, "SELECT EXISTS(SELECT 1 FROM decision), EXISTS(SELECT 1 FROM hit_mark)", nil, &decisions, &marks)
	if err != nil || !decisions && !marks {
		return nil, err
	}
	hashes := make([]int64, len(os))
	for i, o := range os {
		hashes[i] = o.hash
	}
	slices.Sort(hashes)
	list := ids(hashes)
	facts := map[ioc.Observable]ioc.Facts{}
	if decisions {
		err = addDecisions(q, list, facts)
	}
	if marks {
		err = errors.Join(err, addMarks(q, list, facts))
	}
	return facts, err
}

func addDecisions(q querier, hashes string, facts map[ioc.Observable]ioc.Facts) error {
	return each(q, "SELECT "+decisionColumns+" FROM decision WHERE hash IN (SELECT value FROM json_each(?)) ORDER BY source", []any{hashes}, func(row scanner) error {
		d, _, err := scanDecision(row)
		if err != nil {
			return err
		}
		f := facts[d.Observable]
		f.Decisions = append(f.Decisions, d)
		facts[d.Observable] = f
		return nil
	})
}
