// Package local is the embedded store: one SQLite file in a directory of its
// own, the truth for indicators, cursors, refusals, hits and run records.
//
// What must be true of it: a batch and its cursor are stored together or not
// at all, and a commit that has returned survives a kill -9 and a power cut
// (write-ahead log, synchronous=FULL). Readers see the state of one moment and
// neither wait for a writer nor stop it. There is one writer at a time, in all
// processes; Lock is for longer turns, such as a whole collection.
//
// Which observables may raise hits is judged by rules that this package does not
// know: it hands each observable with the facts, decisions and marks, to a
// function, and keeps the verdict (Judge). What is disarmed stays and is shown,
// but is not among Observables. Whatever else is stored beside indicators and
// decides about them, warninglists for one, is only kept here.
//
// The compiled set file that a scan uses is derived from the store and names
// its Generation; this package does not know it.
//
// Iterators hold a snapshot while they run. While one is open the write-ahead
// log cannot be emptied, so a consumer should not sit on it for hours.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/iochunt/iochunt/internal/store"
)

// FileName is the name of the store's file in its directory.
const FileName = "iochunt.db"

// Options of Open.
type Options struct {
	ReadOnly bool             // never write; the store must exist
	Now      func() time.Time // the clock, for the dates of withdrawals; nil: time.Now

	// Ages reports whether a feed's claims of a type end some time after they were
	// made, although they do not say so (store.Ages). nil: none does.
	Ages store.Ages
}

// Store is an open store. Its methods may be called from many goroutines.
type Store struct {
	dir, path string
	readOnly  bool
	ages      store.Ages
	now       func() time.Time
	readers   *sql.DB
	writers   *sql.DB
	w         writer
	find      *sql.Stmt // of Lookup
	codes     typeCache
	verdicts  verdictCache
	closing   sync.Once
	closed    error
}

// Open opens the store in a directory, and makes both where they are missing:
// the directory with the rights 0700, the files with 0600. A damaged file and
// one of a newer program are errors that wrap ErrDamaged and ErrNewer.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, path: filepath.Join(dir, FileName), readOnly: o.ReadOnly, now: o.Now, ages: o.Ages}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.place(); err != nil {
		return nil, err
	}
	if err := s.connect(context.Background()); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

// place makes the directory and the empty file, which SQLite would make
// readable for everyone.
func (s *Store) place() error {
	if s.readOnly {
		if _, err := os.Stat(s.path); err != nil {
			return fmt.Errorf("no store to read: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the store's directory: %w", err)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the store; see the rights of the directory: %w", err)
	}
	return errors.Join(s.notCut(f), f.Close())
}

// notCut refuses a file that is too short to be a database. SQLite would take
// it for an empty one, and write a new store over what is left of the old.
func (s *Store) notCut(f *os.File) error {
	fi, err := f.Stat()
	if err == nil && fi.Size() > 0 && fi.Size() < 512 {
		return s.explain(fmt.Errorf("%w: it has %d bytes", ErrDamaged, fi.Size()))
	}
	return err
}

// Page caches in KiB, as SQLite counts them; the allocator gives twice that, as
// it rounds a page with its header up to a power of two. The writer's holds the
// hot indexes of a store with a million observables, of which twice as much made
// nothing faster; each reader's is small, as there may be many.
const (
	writerCache = 32 << 10
	readerCache = 8 << 10
)

func (s *Store) connect(ctx context.Context) error {
	mode := "ro"
	if !s.readOnly {
		mode = "rw"
		if err := s.connectWriter(ctx); err != nil {
			return err
		}
	}
	var err error
	s.readers, err = sql.Open("sqlite", s.dsn(mode, "query_only(1)", fmt.Sprintf("cache_size(-%d)", readerCache)))
	if err != nil {
		return err
	}
	s.readers.SetMaxIdleConns(4)
	if s.readOnly {
		if err := s.connectReadOnly(ctx); err != nil {
			return err
		}
	}
	s.find, err = s.readers.PrepareContext(ctx, lookupQuery)
	return err
}

func (s *Store) connectWriter(ctx context.Context) (err error) {
	// A checkpoint every 4,000 pages (16 MB) rather than every 1,000: the
	// leaves that many batches change are then written once.
	s.writers, err = sql.Open("sqlite", s.dsn("rw", "synchronous(FULL)", "foreign_keys(1)",
		fmt.Sprintf("cache_size(-%d)", writerCache), "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"))
	if err != nil {
		return err
	}
	if s.w.conn, err = s.writers.Conn(ctx); err != nil {
		return err
	}
	s.w.stmts = map[string]*sql.Stmt{}
	s.w.turn = make(chan struct{}, 1)
	s.w.turn <- struct{}{}
	if err := s.useWAL(ctx); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// useWAL turns the write-ahead log on, unless the file already has it.
func (s *Store) useWAL(ctx context.Context) error {
	var mode string
	if err := s.w.conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("no write-ahead log on this file system (journal mode %s): the store needs a local disk", mode)
	}
	return nil
}

// connectReadOnly checks the version. In a directory that cannot be written
// SQLite cannot share its log; without a log there is nothing to share, and
// the file is read as it is.
func (s *Store) connectReadOnly(ctx context.Context) error {
	check := func(q *snapshot) error {
		v, err := s.version(q)
		if err == nil && v != schemaVersion {
			err = fmt.Errorf("its schema has version %d: open it once for writing", v)
		}
		return err
	}
	err := s.read(ctx, check)
	if err == nil || !needsImmutable(s.path, err) {
		return err
	}
	_ = s.readers.Close() // nothing was read from it
	if s.readers, err = sql.Open("sqlite", s.dsn("ro", "query_only(1)")+"&immutable=1"); err != nil {
		return err
	}
	return s.read(ctx, check)
}

// dsn names the file and what every connection to it starts with. busy_timeout
// comes first, so that what follows waits for other processes too.
func (s *Store) dsn(mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(2000)", "trusted_schema(0)", "cell_size_check(1)"}, pragmas...)}
	path, err := filepath.Abs(s.path)
	if err != nil {
		path = s.path // SQLite will say what is wrong with it
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String()
}

// Close ends all work. The write-ahead log is emptied into the file. To close
// twice is harmless.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Store) close() error {
	var errs []error
	if s.find != nil {
		errs = append(errs, s.find.Close())
	}
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.w.conn != nil {
		errs = append(errs, s.w.close())
	}
	if s.writers != nil {
		errs = append(errs, s.writers.Close())
	}
	return s.explain(errors.Join(errs...))
}

func (w *writer) close() error {
	for _, st := range w.stmts {
		_ = st.Close() // the connection goes with it
	}
	return w.conn.Close()
}

// Path returns the name of the store's file.
func (s *Store) Path() string { return s.path }

// Size returns how many bytes the store takes on disk, its log included.
func (s *Store) Size() (int64, error) {
	var total int64
	for _, suffix := range []string{"", "-wal", "-shm"} {
		fi, err := os.Stat(s.path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return 0, err
		}
		total += fi.Size()
	}
	return total, nil
}
