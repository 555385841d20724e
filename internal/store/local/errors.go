package local

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

var (
	// ErrDamaged marks a store whose file cannot be trusted any more.
	ErrDamaged = errors.New("the store is damaged")
	// ErrNewer marks a store that a newer program has written.
	ErrNewer = errors.New("the store was written by a newer iochunt")
)

// explain puts the file's name and the mend to an error.
func (s *Store) explain(err error) error {
	var se *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%s: %w; mend it with: iochunt doctor --repair", s.path, err)
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%s: %w; update iochunt, or move the file away and collect again with: iochunt collect --full", s.path, err)
	case !errors.As(err, &se):
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	switch se.Code() & 0xff {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w (%w); mend it with: iochunt doctor --repair", s.path, ErrDamaged, err)
	case lib.SQLITE_FULL:
		return fmt.Errorf("%s: the disk is full; nothing of this step was stored: %w", s.path, err)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return fmt.Errorf("%s: cannot be written (%w); see the rights of the file and its directory: %w", s.path, fs.ErrPermission, err)
	case lib.SQLITE_CANTOPEN:
		return fmt.Errorf("%s: cannot be opened; see the rights of the file and its directory: %w", s.path, err)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fmt.Errorf("%s: another program keeps writing to the store: %w", s.path, err)
	case lib.SQLITE_IOERR:
		return fmt.Errorf("%s: the disk reports an error, or has no room; nothing of this step was stored: %w", s.path, err)
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// isBusy reports whether another process holds the write lock.
func isBusy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_BUSY
}
