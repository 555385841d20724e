package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Repaired says what Repair did.
type Repaired struct {
	Aside string // where the damaged file is now; "" if there was no damage
	Feeds, Reports, Memberships,
	Refused, Hits, Runs,
	Decisions, Marks int // what was saved
	Lost    []string // what was not, in words
	Collect bool     // indicators are missing: iochunt collect --full brings them back
}

// Repair makes a new store of all that can be read of a damaged one, and keeps
// the damaged file beside it under a name with the time. What was saved is
// consistent: it goes through the same door as a collection. Reports that could
// not be read whole lose their revision and their feed its cursor, so that the
// next collection reads them again. Withdrawals and verdicts are not saved:
// everything is armed anew, and waits for a pass of judging. Hunts meet old
// events again, and find the hits that they have.
//
// Nobody else may have the store open. A store without damage is left alone.
func Repair(ctx context.Context, dir string) (Repaired, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		return Repaired{}, fmt.Errorf("nothing to repair: %w", err)
	}
	switch err := check(ctx, dir); {
	case err == nil:
		return Repaired{}, nil
	case !errors.Is(err, ErrDamaged):
		return Repaired{}, err
	}
	tmp, err := os.MkdirTemp(dir, ".repair-*")
	if err != nil {
		return Repaired{}, fmt.Errorf("repair: %w", err)
	}
	defer os.RemoveAll(tmp) // empty when all went well
	done, err := rebuild(ctx, path, tmp)
	if err != nil {
		return Repaired{}, fmt.Errorf("repair: %w", err)
	}
	done.Aside, err = swap(path, filepath.Join(tmp, FileName))
	return done, err
}

func check(ctx context.Context, dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.Check(ctx), s.Close())
}

// rebuild fills a new store in tmp.
func rebuild(ctx context.Context, path, tmp string) (Repaired, error) {
	s, err := Open(tmp, Options{})
	if err != nil {
		return Repaired{}, err
	}
	old := &Store{path: path}
	db, err := sql.Open("sqlite", old.dsn("rw", "query_only(1)", fmt.Sprintf("cache_size(-%d)", writerCache)))
	if err != nil {
		return Repaired{}, errors.Join(err, s.Close())
	}
	v := &salvage{ctx: ctx, old: db, new: s}
	err = v.all()
	_ = db.Close() // a damaged file may complain again
	if err == nil {
		err = s.Check(ctx)
	}
	return v.done, errors.Join(err, s.Close())
}

// swap puts the new file in the place of the old one, which keeps existing
// under another name. The old log goes first: SQLite would take it for the
// new file's.
func swap(path, made string) (aside string, err error) {
	aside = path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("repair: %w", err)
		}
	}
	if err := os.Link(path, aside); err != nil {
		// No hard links here: there is a moment without a store.
		if err := os.Rename(path, aside); err != nil {
			return "", fmt.Errorf("repair: %w", err)
		}
	}
	if err := os.Rename(made, path); err != nil {
		return aside, fmt.Errorf("repair: %w", err)
	}
	return aside, syncDir(filepath.Dir(path))
}
