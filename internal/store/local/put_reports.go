package local

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// report is a row of report.
type report struct {
	store.Reading
	id, feed int64
	name     string
	meta     string // the ioc.Report without its id, as JSON
	removed  int64
	live     int64 // memberships that are not withdrawn
	members  int64 // sum of the checksums of all memberships
	stored   int64 // the row's checksum as stored
	fresh    bool  // not in the file yet: it has no memberships
	listed   bool  // the batch announces it: its members are of one reading
	step     store.Step
}

func (r *report) chk() int64 {
	return sum(2).num(r.id, r.feed, bit(r.Open), bit(r.Mixed), r.Generation, r.removed, r.live, r.members).
		str(r.name, r.meta, r.Complete, r.Pending).row()
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const reportColumns = "id, feed, name, meta, complete, pending, open, mixed, gen, removed, live, members, chk"

func (r *report) scan(row scanner) error {
	return row(&r.id, &r.feed, &r.name, &r.meta, &r.Complete, &r.Pending, &r.Open, &r.Mixed, &r.Generation,
		(*nullable)(&r.removed), &r.live, &r.members, &r.stored)
}

// list takes notice of one part of a report's list.
func (p *put) list(l store.List) error {
	r, err := p.report(l.ID)
	if err != nil {
		return err
	}
	p.reports[l.ID] = r
	r.step = store.Add
	if r.listed = l.Announced; l.Announced {
		r.step = r.Part(l)
	}
	if r.step == store.Skip {
		return nil
	}
	r.removed = null
	if l.Announced || r.fresh {
		if r.meta, err = encodeReport(l.Report); err != nil {
			return err
		}
	}
	if r.step == store.Withdraw {
		if err := p.warninglist(r); err != nil {
			return err
		}
	}
	if l.Start {
		return p.t.exec("DELETE FROM refused WHERE feed = ? AND report = ?", p.feed.id, l.ID)
	}
	return nil
}

// report returns the row of a report of the feed, a new one where there is none.
func (p *put) report(name string) (*report, error) {
	r := &report{}
	err := r.load(p.t, p.feed.id, name)
	if !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	*r = report{feed: p.feed.id, name: name, removed: null, fresh: true}
	err = one(p.t, "SELECT coalesce(max(id), 0) + 1 FROM report", nil, &r.id)
	if err != nil {
		return nil, err
	}
	// Taken at once, so that the next new report gets another number.
	return r, r.save(p.t)
}

func (r *report) load(q querier, feed int64, name string) error {
	rows, err := q.query("SELECT "+reportColumns+" FROM report WHERE feed = ? AND name = ?", []any{feed, name})
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), sql.ErrNoRows)
	}
	return r.scan(rows.Scan)
}

// save writes the row if it differs from what is stored.
func (r *report) save(t *tx) error {
	chk := r.chk()
	if chk == r.stored {
		return nil
	}
	r.stored = chk
	return t.exec(`INSERT INTO report(`+reportColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT(id) DO UPDATE SET meta = excluded.meta, complete = excluded.complete, pending = excluded.pending, open = excluded.open,
 mixed = excluded.mixed, gen = excluded.gen, removed = excluded.removed, live = excluded.live, members = excluded.members, chk = excluded.chk`,
		r.id, r.feed, r.name, r.meta, r.Complete, r.Pending, bit(r.Open), bit(r.Mixed), r.Generation, column(r.removed), r.live, r.members, chk)
}

// encodeReport returns a report without its id, which is kept as it is beside
// it; JSON would change an id that is not UTF-8.
func encodeReport(r ioc.Report) (string, error) {
	r.ID = ""
	b, err := json.Marshal(r)
	return string(b), err
}

func decodeReport(name, meta string) (ioc.Report, error) {
	var r ioc.Report
	if meta != "" {
		if err := json.Unmarshal([]byte(meta), &r); err != nil {
			return r, fmt.Errorf("%w: report %q: %w", ErrDamaged, name, err)
		}
	}
	r.ID = name
	return r, nil
}

// refuse stores refusals, each once. Those of a report that is skipped are
// there already.
func (p *put) refuse(rs []ioc.Refusal) error {
	p.changes.Refused = len(rs)
	for _, f := range rs {
		if r := p.reports[f.Report]; r != nil && r.step == store.Skip {
			continue
		}
		if err := p.t.exec("INSERT OR IGNORE INTO refused(feed, report, type, value, reason, place, chk) VALUES (?, ?, ?, ?, ?, ?, ?)",
			p.feed.id, f.Report, f.Type, f.Value, f.Reason, f.Place, refusalSum(p.feed.id, f)); err != nil {
			return err
		}
	}
	return nil
}

func refusalSum(feed int64, f ioc.Refusal) int64 {
	h := sum(3).num(feed).str(f.Report, f.Type, f.Value, f.Reason)
	if f.Place != "" { // schema 1 had none
		h = h.str(f.Place)
	}
	return h.row()
}
