package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const noteTable = `CREATE TABLE note(key TEXT PRIMARY KEY, value TEXT NOT NULL, chk INTEGER NOT NULL)`

// noteRules is the store's own note of the rules of the last complete pass of
// judging. Notes of others have a prefix, so that no key of theirs can be it.
const (
	noteRules   = "rules"
	otherPrefix = "other "
)

func noteSum(key, value string) int64 { return sum(14).str(key, value).row() }

// readNote returns "" where there is no such note.
func readNote(q querier, key string) (value string, err error) {
	var chk int64
	err = one(q, "SELECT value, chk FROM note WHERE key = ?", []any{key}, &value, &chk)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err == nil && chk != noteSum(key, value) {
		err = fmt.Errorf("%w: the note %q is not what was written", ErrDamaged, key)
	}
	return value, err
}

// putNote deletes the note where the value is empty.
func (t *tx) putNote(key, value string) error {
	if value == "" {
		return t.exec("DELETE FROM note WHERE key = ?", key)
	}
	return t.exec("INSERT OR REPLACE INTO note(key, value, chk) VALUES (?, ?, ?)", key, value, noteSum(key, value))
}

// Note returns a text that PutNote kept, "" where there is none.
func (s *Store) Note(ctx context.Context, key string) (value string, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		value, err = readNote(q, otherPrefix+key)
		return err
	})
	return value, err
}

// PutNote keeps a small text under a key, for the program's own use. An empty
// one deletes what was kept.
func (s *Store) PutNote(ctx context.Context, key, value string) error {
	return s.write(ctx, func(t *tx) error { return t.putNote(otherPrefix+key, value) })
}
