package local

import (
	"context"
	"fmt"
)

// SetState is what has to be known of the store to tell whether a set that was
// compiled from it is still good, and what it lacks. All of it is of one moment.
type SetState struct {
	Generation uint64 // see Store.Generation
	Armed      uint64 // see Store.Armed
	Huntable   int    // observables that are huntable, armed and not withdrawn: what a compiled set holds

	// What NoteSet noted; both are 0 if nothing was, or if it is no more true.
	Mark      uint64
	MarkArmed uint64
}

// SetState returns the state. It reads every observable.
func (s *Store) SetState(ctx context.Context) (st SetState, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		for key, into := range map[string]*uint64{
			metaGeneration: &st.Generation, metaArmed: &st.Armed, metaSetMark: &st.Mark, metaSetArmed: &st.MarkArmed,
		} {
			if *into, err = optional(q, key); err != nil {
				return err
			}
		}
		st.Huntable, err = countHuntable(q)
		return err
	})
	return st, err
}

// SetMark returns the mark that NoteSet noted last, 0 if there is none.
func (s *Store) SetMark(ctx context.Context) (mark uint64, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		mark, err = optional(q, metaSetMark)
		return err
	})
	return mark, err
}

// optional is meta for a row that may be missing.
func optional(q querier, key string) (uint64, error) {
	there := false
	if err := one(q, "SELECT EXISTS(SELECT 1 FROM meta WHERE key = ?)", []any{key}, &there); err != nil || !there {
		return 0, err
	}
	v, err := meta(q, key)
	return uint64(v), err
}

func countHuntable(q querier) (total int, err error) {
	ts, err := loadTypes(q)
	if err != nil {
		return 0, err
	}
	err = each(q, "SELECT type, count(*) FROM observable o WHERE live > 0 AND NOT "+isDisarmed+" GROUP BY type", nil, func(row scanner) error {
		var code int64
		var n int
		err := row(&code, &n)
		if ts.names[code].Huntable() {
			total += n
		}
		return err
	})
	return total, err
}

// NoteSet notes that a set was compiled which bears mark, a random number, and
// holds what was armed up to armed. A store that has the mark of a set is the one that the set was compiled
// from, or a later state of it: an older state, brought back from a backup, has
// the mark of an older set, whatever its generation is. A store opened for
// reading only notes nothing, so that the set will be compiled again as a whole.
func (s *Store) NoteSet(ctx context.Context, mark, armed uint64) error {
	if s.readOnly {
		return nil
	}
	err := s.write(ctx, func(t *tx) error {
		if err := t.setMeta(metaSetMark, int64(mark)); err != nil {
			return err
		}
		return t.setMeta(metaSetArmed, int64(armed))
	})
	if err != nil {
		return fmt.Errorf("note the compiled set: %w", err)
	}
	return nil
}
