package local

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/internal/store"
)

// PutRun stores a run record.
func (s *Store) PutRun(ctx context.Context, r store.Run) error {
	counters, err := json.Marshal(r.Counters)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		return t.exec("INSERT INTO run(verb, feed, started, ended, outcome, message, counters, chk) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			r.Verb, r.Feed, column(stamp(r.Started)), column(stamp(r.Ended)), r.Outcome, r.Message, string(counters), runSum(r, string(counters)))
	})
}

func runSum(r store.Run, counters string) int64 {
	return sum(6).num(stamp(r.Started), stamp(r.Ended)).str(r.Verb, r.Feed, r.Outcome, r.Message, counters).row()
}

// Runs yields run records, newest first.
func (s *Store) Runs(ctx context.Context, f store.RunFilter) iter.Seq2[store.Run, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(store.Run) error) error { return runs(q, f, yield) })
}

func runs(q querier, f store.RunFilter, yield func(store.Run) error) error {
	w := where{}
	w.text("verb = ?", f.Verb)
	w.text("feed = ?", f.Feed)
	w.text("outcome = ?", f.Outcome)
	w.span("started", stamp(f.From), stamp(f.To))
	return each(q, "SELECT "+runColumns+" FROM run"+w.sql()+" ORDER BY started DESC, id DESC"+limit(f.Limit), w.args, func(row scanner) error {
		r, _, err := scanRun(row)
		if err != nil {
			return err
		}
		return yield(r)
	})
}

const runColumns = "verb, feed, started, ended, outcome, message, counters, chk"

// scanRun reads a run record, and whether its checksum is right.
func scanRun(row scanner) (r store.Run, ok bool, err error) {
	var started, ended nullable
	var counters string
	var chk int64
	if err := row(&r.Verb, &r.Feed, &started, &ended, &r.Outcome, &r.Message, &counters, &chk); err != nil {
		return r, false, err
	}
	r.Started, r.Ended = instant(int64(started)), instant(int64(ended))
	ok = chk == runSum(r, counters)
	if err := json.Unmarshal([]byte(counters), &r.Counters); err != nil {
		return r, false, fmt.Errorf("%w: a run record's counters: %w", ErrDamaged, err)
	}
	return r, ok, nil
}

func lastRun(q querier, feed string) (last *store.Run, err error) {
	err = runs(q, store.RunFilter{Feed: feed, Limit: 1}, func(r store.Run) error {
		last = &r
		return nil
	})
	return last, err
}

// where collects the terms of a query.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

// text adds a term unless the text is empty.
func (w *where) text(term, v string) {
	if v != "" {
		w.add(term, v)
	}
}

// span adds the bounds of a time that are set.
func (w *where) span(column string, from, to int64) {
	if from != null {
		w.add(column+" >= ?", from)
	}
	if to != null {
		w.add(column+" < ?", to)
	}
}

// begins adds that a text begins with one of some, if there are any.
func (w *where) begins(column string, some []string) error {
	if len(some) == 0 {
		return nil
	}
	list, err := json.Marshal(some)
	w.add("EXISTS (SELECT 1 FROM json_each(?) j WHERE substr("+column+", 1, length(j.value)) = j.value)", string(list))
	return err
}

func (w *where) sql() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

func limit(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", n)
}
