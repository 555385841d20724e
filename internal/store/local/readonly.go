package local

import (
	"errors"
	"os"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// needsImmutable reports whether a file could not be opened for reading only
// because SQLite cannot make the files of its log beside it, while there is no
// log that would have to be read.
func needsImmutable(path string, err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	if code := se.Code() & 0xff; code != lib.SQLITE_CANTOPEN && code != lib.SQLITE_READONLY {
		return false
	}
	fi, err := os.Stat(path + "-wal")
	return err != nil || fi.Size() == 0
}
