package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// salvage reads a damaged file row by row and puts what is whole into a new
// store. An error of the old file is a loss, noted in done; one of the new
// store ends the work.
type salvage struct {
	ctx     context.Context
	old     *sql.DB
	new     *Store
	done    Repaired
	types   *types
	feeds   map[int64]*feedRow
	reports []report
	partial map[int64]bool // feeds that lost something
	batch   ioc.Batch
	feed    int64 // of batch
}

// query makes salvage a querier of the old file.
func (v *salvage) query(q string, args []any) (*sql.Rows, error) {
	return v.old.QueryContext(v.ctx, q, args...)
}

func (v *salvage) lost(format string, args ...any) {
	v.done.Lost = append(v.done.Lost, fmt.Sprintf(format, args...))
}

func (v *salvage) all() error {
	v.feeds, v.partial = map[int64]*feedRow{}, map[int64]bool{}
	var err error
	if v.types, err = loadTypes(v); err != nil {
		v.lost("names of unknown types: %v", err)
	}
	if err := v.continueNumbers(); err != nil {
		return err
	}
	v.readFeeds()
	v.readReports()
	for i := range v.reports {
		if err := v.report(&v.reports[i]); err != nil {
			return err
		}
	}
	for _, step := range []func() error{v.flush, v.refusals, v.cursors, v.hits, v.runs, v.decisions, v.marks, v.notes} {
		if err := step(); err != nil {
			return err
		}
	}
	return v.ctx.Err()
}

// continueNumbers lets the new store's numbers go on where the old one's
// ended, or beyond: what was derived from the old store must look stale.
func (v *salvage) continueNumbers() error {
	return v.new.write(v.ctx, func(t *tx) error {
		for _, key := range []string{metaGeneration, metaArmed} {
			n, err := meta(v, key)
			if err != nil {
				v.lost("the number %s: %v", key, err)
				n = v.new.now().Unix()
			}
			if err := t.setMeta(key, n+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// walk reads a table with a number as its key, and goes on behind places that
// cannot be read: it looks for the next row at double the distance each time,
// so that it loses about as much again as is damaged. f says whether a row is
// what was written; walk, whether all rows were.
func (v *salvage) walk(table, columns string, f func(id int64, row scanner) bool) (whole bool) {
	whole = true
	step := int64(1)
	for key := int64(math.MinInt64); step > 0 && v.ctx.Err() == nil; step *= 2 {
		err := each(v, "SELECT rowid, "+columns+" FROM "+table+" WHERE rowid > ? ORDER BY rowid", []any{key}, func(row scanner) error {
			step = 1
			ok := f(key, func(dest ...any) error { return row(append([]any{&key}, dest...)...) })
			whole = whole && ok
			return nil
		})
		if err == nil {
			return whole
		}
		whole = false
		key = max(key, 0) + step
	}
	return false
}

func (v *salvage) readFeeds() {
	whole := v.walk("feed", "id, name, cursor, removed, chk", func(_ int64, row scanner) bool {
		f := &feedRow{}
		if err := row(&f.id, &f.name, &f.cursor, (*nullable)(&f.removed), &f.stored); err != nil || f.chk() != f.stored {
			return false
		}
		v.feeds[f.id] = f
		return true
	})
	if !whole {
		v.lose("feeds")
	}
}

// lose notes that indicators of unknown feeds are missing.
func (v *salvage) lose(what string) {
	v.lost("some %s", what)
	v.done.Collect = true
	for id := range v.feeds {
		v.partial[id] = true
	}
}

// readReports takes the reports whose row is whole. A report whose feed is
// lost cannot be told where it belongs.
func (v *salvage) readReports() {
	whole := v.walk("report", reportColumns, func(_ int64, row scanner) bool {
		var r report
		if err := r.scan(row); err != nil || r.chk() != r.stored || v.feeds[r.feed] == nil {
			return false
		}
		if r.removed == null && v.feeds[r.feed].removed == null {
			v.reports = append(v.reports, r)
		}
		return true
	})
	if !whole {
		v.lose("reports")
	}
}

// salvaged is a membership whose observable is not read yet.
type salvaged struct {
	obs int64
	row memberRow
}

// report puts one report with the members that can be read into the new store.
func (v *salvage) report(r *report) error {
	ms, whole := v.membersOf(r)
	list := ioc.ReportList{Start: true, Revision: r.Complete}
	var err error
	if list.Report, err = decodeReport(r.name, r.meta); err != nil {
		return err // its checksum was right
	}
	for i := range ms {
		m, ok := v.member(r.name, ms[i])
		if whole = whole && ok; !ok {
			continue
		}
		v.done.Memberships++
		if err := v.add(r, &list, m); err != nil {
			return err
		}
	}
	if !whole {
		v.lost("members of report %q (feed %s)", r.name, v.feeds[r.feed].name)
		v.partial[r.feed], v.done.Collect = true, true
		list.Revision = ""
	}
	list.Last = true
	lists, ok := v.warninglist(r, list)
	if !ok {
		v.lost("the warninglist of report %q (feed %s)", r.name, v.feeds[r.feed].name)
		v.partial[r.feed], v.done.Collect = true, true
		list.Revision = ""
	}
	v.done.Reports++
	err = v.put(r, list, nil)
	v.batch.Lists = append(v.batch.Lists, lists...) // of the batch that the report is in now
	return err
}

// add sends a member, and the list so far when the batch is full.
func (v *salvage) add(r *report, list *ioc.ReportList, m ioc.Member) error {
	if err := v.put(r, ioc.ReportList{}, &m); err != nil || len(v.batch.Members) < chunk {
		return err
	}
	part := *list
	v.batch.Reports = append(v.batch.Reports, part)
	list.Start = false
	return v.flush()
}

// put adds to the batch, which is of one feed.
func (v *salvage) put(r *report, list ioc.ReportList, m *ioc.Member) error {
	if v.feed != r.feed || len(v.batch.Reports) >= 100 {
		if err := v.flush(); err != nil {
			return err
		}
	}
	v.feed = r.feed
	if m != nil {
		v.batch.Members = append(v.batch.Members, *m)
		return nil
	}
	v.batch.Reports = append(v.batch.Reports, list)
	return nil
}

func (v *salvage) flush() error {
	if f := v.feeds[v.feed]; f != nil {
		if _, err := v.new.PutBatch(v.ctx, f.name, v.batch); err != nil {
			return err
		}
	}
	v.batch = ioc.Batch{}
	return nil
}

// membersOf reads the memberships of a report from both ends, so that one
// damaged page costs no more than what is on it.
func (v *salvage) membersOf(r *report) (ms []salvaged, whole bool) {
	left := r.members
	seen := map[int64]bool{}
	read := func(order string) error {
		return each(v, "SELECT observable, gen, claim, created, expires, original, removed FROM member WHERE report = ? ORDER BY observable "+order, []any{r.id}, func(row scanner) error {
			var m salvaged
			w := &m.row
			err := row(&m.obs, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original, (*nullable)(&w.removed))
			if err != nil || seen[m.obs] {
				return err
			}
			seen[m.obs] = true
			left -= w.chk(r.id, m.obs)
			if w.live() {
				ms = append(ms, m)
			}
			return nil
		})
	}
	if read("ASC") != nil {
		_ = read("DESC") // as far as it goes; the checksum tells what is missing
	}
	return ms, left == 0
}

// member reads the observable and the claim of a membership.
func (v *salvage) member(report string, s salvaged) (m ioc.Member, ok bool) {
	var code, hash, claimHash int64
	err := one(v, "SELECT type, value, hash FROM observable WHERE id = ?", []any{s.obs}, &code, &m.Value, &hash)
	m.Type = v.types.names[code]
	if err != nil || m.Type == "" || observableHash(m.Observable) != hash {
		return m, false
	}
	var t claimText
	if id := s.row.claim; id != 0 {
		err = t.scan(func(dest ...any) error {
			return one(v, "SELECT "+claimColumns+" FROM claim WHERE id = ?", []any{id}, dest...)
		}, &id, &claimHash)
		if err != nil || t.hash() != claimHash {
			return m, false
		}
	}
	m.Report, m.Claim = report, t.claim()
	m.Original, m.Created, m.Expires = s.row.original, instant(s.row.created), instant(s.row.expires)
	return m, true
}

// cursors gives the feeds that lost nothing their cursors back.
func (v *salvage) cursors() error {
	for id, f := range v.feeds {
		if f.removed != null {
			continue
		}
		v.done.Feeds++
		next := f.cursor
		if v.partial[id] {
			next = ""
		}
		if _, err := v.new.PutBatch(v.ctx, f.name, ioc.Batch{Next: next}); err != nil {
			return err
		}
	}
	return nil
}

func (v *salvage) refusals() error {
	byFeed := map[int64][]ioc.Refusal{}
	place := "place"
	if !v.has("refused", place) { // schema 1
		place = "''"
	}
	err := each(v, "SELECT feed, report, type, value, reason, "+place+", chk FROM refused", nil, func(row scanner) error {
		var r ioc.Refusal
		var feed, chk int64
		if err := row(&feed, &r.Report, &r.Type, &r.Value, &r.Reason, &r.Place, &chk); err != nil {
			return err
		}
		if v.feeds[feed] != nil && chk == refusalSum(feed, r) {
			byFeed[feed] = append(byFeed[feed], r)
			v.done.Refused++
		}
		return nil
	})
	if err != nil {
		v.lost("some refusals")
	}
	for feed, rs := range byFeed {
		if _, err := v.new.PutBatch(v.ctx, v.feeds[feed].name, ioc.Batch{Refused: rs}); err != nil {
			return err
		}
	}
	return nil
}

func (v *salvage) hits() (err error) {
	claims := &hitClaims{q: v}
	var hits []ioc.Hit
	put := func() {
		n, putErr := v.new.PutHits(v.ctx, hits)
		v.done.Hits += n
		hits, err = hits[:0], errors.Join(err, putErr)
	}
	columns := hitColumns
	if !v.has("hit", "direction") { // schema 1
		columns = strings.TrimSuffix(columns, "direction, outcome") + "'', ''"
	}
	whole := v.walk("hit", columns+", claims, chk", func(_ int64, row scanner) bool {
		var h ioc.Hit
		id, ok, scanErr := scanHit(row, &h)
		if scanErr != nil || !ok {
			return false
		}
		// A hit is worth keeping without its indicators.
		h.Indicators, scanErr = claims.load(id)
		if hits = append(hits, h); len(hits) == 1000 {
			put()
		}
		return scanErr == nil
	})
	put()
	if !whole {
		v.lost("some hits, or what was said of them")
	}
	return err
}

func (v *salvage) runs() (err error) {
	whole := v.walk("run", runColumns, func(_ int64, row scanner) bool {
		r, ok, scanErr := scanRun(row)
		if scanErr != nil || !ok {
			return false
		}
		if scanErr = v.new.PutRun(v.ctx, r); scanErr != nil {
			err = errors.Join(err, scanErr)
		}
		v.done.Runs++
		return true
	})
	if !whole {
		v.lost("some run records")
	}
	return err
}
