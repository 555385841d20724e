package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// querier runs a query: a writing transaction, or a snapshot for reading.
type querier interface {
	query(q string, args []any) (*sql.Rows, error)
}

// scanner takes the columns of one row.
type scanner func(dest ...any) error

// writer is the one connection that writes, with its prepared statements.
type writer struct {
	turn   chan struct{} // holds a token while nobody writes
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	claims claimsCache
}

// tx is a writing transaction. Its statements do not look at the context: the
// driver would start a goroutine for each. Long loops call alive instead.
type tx struct {
	ctx  context.Context
	w    *writer
	quit context.Context // never done
}

// lockWait is how long a writer waits for another process.
const lockWait = 60 * time.Second

// write runs f in a transaction: all of it is stored, or nothing.
func (s *Store) write(ctx context.Context, f func(*tx) error) (err error) {
	if err := s.writable(); err != nil {
		return err
	}
	select {
	case <-s.w.turn:
		defer func() { s.w.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t := &tx{ctx: ctx, w: &s.w, quit: context.WithoutCancel(ctx)}
	if err := t.begin(); err != nil {
		return s.explain(err)
	}
	done := false
	defer func() {
		if !done {
			_ = t.exec("ROLLBACK") // the error that led here is the one to tell
			s.w.claims.forget()
		}
	}()
	if err = f(t); err == nil {
		err = t.exec("COMMIT")
	}
	done = err == nil
	return s.explain(err)
}

func (s *Store) writable() error {
	if s.readOnly {
		return fmt.Errorf("store %s: opened for reading only", s.path)
	}
	return nil
}

// begin takes the write lock. SQLite waits a moment for another process, and
// begin asks again until the context ends.
func (t *tx) begin() error {
	for end := time.Now().Add(lockWait); ; {
		err := t.alive()
		if err == nil {
			err = t.exec("BEGIN IMMEDIATE")
		}
		if err == nil || !isBusy(err) || time.Now().After(end) {
			return err
		}
	}
}

func (t *tx) alive() error { return t.ctx.Err() }

// stmt returns the prepared statement of q.
func (t *tx) stmt(q string) (*sql.Stmt, error) {
	if s := t.w.stmts[q]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.quit, q)
	if err == nil {
		t.w.stmts[q] = s
	}
	return s, err
}

func (t *tx) exec(q string, args ...any) error {
	s, err := t.stmt(q)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(t.quit, args...)
	return err
}

// affect is exec that returns how many rows it changed.
func (t *tx) affect(q string, args ...any) (int, error) {
	s, err := t.stmt(q)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.quit, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

func (t *tx) query(q string, args []any) (*sql.Rows, error) {
	s, err := t.stmt(q)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.quit, args...)
}

// bulkRows is how many rows one INSERT takes: measured, more gain nothing.
const bulkRows = 64

// bulk collects rows and inserts them many at a time. Large ones say INSERT OR
// FAIL: the transaction is rolled back on any error, so that SQLite need not
// keep a journal to take back the one statement (a tenth of the time).
type bulk struct {
	t             *tx
	insert, after string // before and behind the VALUES
	columns       int
	args          []any
}

func (b *bulk) add(row ...any) error {
	b.args = append(b.args, row...)
	if len(b.args) < bulkRows*b.columns {
		return nil
	}
	return b.flush()
}

func (b *bulk) flush() error {
	n := len(b.args) / b.columns
	if n == 0 {
		return nil
	}
	defer func() { b.args = b.args[:0] }()
	if n == bulkRows {
		return b.t.exec(b.statement(n), b.args...)
	}
	for i := range n { // the statement for one row is prepared once
		if err := b.t.exec(b.statement(1), b.args[i*b.columns:(i+1)*b.columns]...); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulk) statement(rows int) string {
	row := ",(?" + strings.Repeat(",?", b.columns-1) + ")"
	return b.insert + strings.Repeat(row, rows)[1:] + b.after
}

// snapshot is a transaction for reading: what it reads is of one moment.
type snapshot struct {
	ctx  context.Context
	conn *sql.Conn
}

func (r *snapshot) query(q string, args []any) (*sql.Rows, error) {
	return r.conn.QueryContext(r.ctx, q, args...)
}

// read runs f in a snapshot. Many may run at once, beside a writer.
func (s *Store) read(ctx context.Context, f func(*snapshot) error) error {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return s.explain(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return s.explain(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // it only read
	return s.explain(f(&snapshot{ctx, conn}))
}

// errStop ends a sequence whose consumer has had enough.
var errStop = errors.New("stop")

// sequence makes a sequence of what f yields in a snapshot.
func sequence[T any](ctx context.Context, s *Store, f func(q *snapshot, yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.read(ctx, func(q *snapshot) error {
			return f(q, func(v T) error {
				if !yield(v, nil) {
					return errStop
				}
				return nil
			})
		})
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, err)
		}
	}
}

// each calls f for every row of a query.
func each(q querier, query string, args []any, f func(row scanner) error) error {
	rows, err := q.query(query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads the first row of a query; sql.ErrNoRows where there is none.
func one(q querier, query string, args []any, dest ...any) error {
	rows, err := q.query(query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

// ids is a list of numbers as one argument: "IN (SELECT value FROM
// json_each(?))" takes any number of them with one prepared statement.
func ids(ns []int64) string {
	buf := make([]byte, 0, 2+12*len(ns))
	buf = append(buf, '[')
	for i, n := range ns {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = strconv.AppendInt(buf, n, 10)
	}
	return string(append(buf, ']'))
}

// stamp is a time as it is stored: microseconds since 1970, UTC.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return null
	}
	return t.UnixMicro()
}

// instant is the inverse of stamp, cut to microseconds.
func instant(us int64) time.Time {
	if us == null {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// column is a stored time as an argument.
func column(us int64) any {
	if us == null {
		return nil
	}
	return us
}

// nullable reads a column of times.
type nullable int64

// Scan implements sql.Scanner.
func (n *nullable) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*n = null
	case int64:
		*n = nullable(v)
	default:
		return fmt.Errorf("%w: a time is a %T", ErrDamaged, v)
	}
	return nil
}

// meta reads a number of the whole store.
func meta(q querier, key string) (int64, error) {
	var v, chk int64
	if err := one(q, "SELECT value, chk FROM meta WHERE key = ?", []any{key}, &v, &chk); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return 0, fmt.Errorf("%w: it has no %s", ErrDamaged, key)
		}
		return 0, err
	}
	if chk != sum(0).str(key).num(v).row() {
		return 0, fmt.Errorf("%w: its %s is not what was written", ErrDamaged, key)
	}
	return v, nil
}

func (t *tx) setMeta(key string, v int64) error {
	return t.exec("INSERT OR REPLACE INTO meta(key, value, chk) VALUES (?, ?, ?)", key, v, sum(0).str(key).num(v).row())
}

// grow adds one to a number of the whole store.
func (t *tx) grow(key string) error {
	v, err := meta(t, key)
	if err != nil {
		return err
	}
	return t.setMeta(key, v+1)
}
