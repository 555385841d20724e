package local

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// PutHits stores hits, each id once, and returns how many were new.
//
// A hit that is stored already keeps all that was said of the event and when
// it was first found (Occurred). Its indicators are brought up to date: what a
// feed says now takes the place of what the same feed said, and what was said
// by a feed that is silent now stays, as it was the reason for the hit.
//
// All of them are stored in one transaction, so many at once cost less each.
func (s *Store) PutHits(ctx context.Context, hits []ioc.Hit) (added int, err error) {
	err = s.write(ctx, func(t *tx) error {
		claims, err := internAll(t, hits)
		if err != nil {
			return err
		}
		if added, err = insertHits(t, hits, claims); err != nil || added == len(hits) {
			return err
		}
		return updateHits(t, hits, claims)
	})
	return added, err
}

// insertHits stores those hits that are new, and returns their number. It does
// so row by row: because of the foreign key SQLite would keep a journal to take
// a statement with many rows back, which costs more than it spares.
func insertHits(t *tx, hits []ioc.Hit, claims []int64) (added int, err error) {
	row := make([]any, 0, hitArgs)
	for i := range hits {
		if err := t.alive(); err != nil {
			return 0, err
		}
		row = append(appendHitArgs(row[:0], &hits[i]), claims[i], hitSum(&hits[i], claims[i]))
		n, err := t.affect(insertHit, row...)
		if err != nil {
			return 0, err
		}
		added += n
	}
	return added, nil
}

// updateHits merges the indicators of those hits that were stored before.
func updateHits(t *tx, hits []ioc.Hit, claims []int64) error {
	stored, err := claimsOf(t, hits)
	if err != nil {
		return err
	}
	for i := range hits {
		if stored[hits[i].ID] == claims[i] {
			continue
		}
		delete(stored, hits[i].ID) // it may come again, and then differ from what was read
		if err := t.alive(); err != nil {
			return err
		}
		if err := updateHit(t, &hits[i], claims[i]); err != nil {
			return err
		}
	}
	return nil
}

// claimsOf returns which indicators are stored with hits.
func claimsOf(t *tx, hits []ioc.Hit) (map[string]int64, error) {
	names := make([]string, len(hits))
	for i := range hits {
		names[i] = hits[i].ID
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	stored := make(map[string]int64, len(hits))
	var id string
	var claims int64
	dest := []any{&id, &claims}
	return stored, each(t, "SELECT id, claims FROM hit WHERE id IN (SELECT value FROM json_each(?))", []any{string(list)}, func(row scanner) error {
		err := row(dest...)
		stored[id] = claims
		return err
	})
}

// updateHit merges the indicators of a hit with those stored.
func updateHit(t *tx, h *ioc.Hit, claims int64) error {
	var old ioc.Hit
	var was int64
	err := each(t, "SELECT "+hitColumns+", claims, chk FROM hit WHERE id = ?", []any{h.ID}, func(row scanner) (err error) {
		was, _, err = scanHit(row, &old)
		return err
	})
	if err != nil || was == claims {
		return err
	}
	now := claims
	stored, err := (&hitClaims{q: t}).load(was)
	if err != nil {
		return err
	}
	if claims, err = internClaims(t, store.MergeClaims(stored, h.Indicators)); err != nil {
		return err
	}
	if err := t.exec("UPDATE hit SET claims = ?, chk = ? WHERE id = ?", claims, hitSum(&old, claims), h.ID); err != nil {
		return err
	}
	if err := sweepClaims(t, was); err != nil {
		return err
	}
	return sweepClaims(t, now)
}

// internAll returns under which number the indicators of each hit are stored.
func internAll(t *tx, hits []ioc.Hit) ([]int64, error) {
	cache := &t.w.claims
	if err := cache.begin(t); err != nil {
		return nil, err
	}
	numbers := make([]int64, len(hits))
	for i := range hits {
		is := hits[i].Indicators
		if numbers[i] = cache.number(is); numbers[i] != 0 {
			continue
		}
		if err := t.alive(); err != nil {
			return nil, err
		}
		var err error
		if numbers[i], err = internClaims(t, is); err != nil {
			return nil, err
		}
		cache.add(is, numbers[i])
	}
	return numbers, nil
}

// claimsCache remembers the numbers of stored indicators. Hits of one observable
// share theirs, which no one changes (hunt.Sink), so they are known by where
// they lie; the cache holds on to them, and no others can come to lie there.
type claimsCache struct {
	version int64 // of the file, as other connections change it
	numbers map[sharedClaims]int64
}

type sharedClaims struct {
	first *ioc.Indicator
	n     int
}

const maxCachedClaims = 4096

// begin forgets all if another process, which may have deleted some, has
// written since.
func (c *claimsCache) begin(t *tx) error {
	was := c.version
	if err := one(t, "PRAGMA data_version", nil, &c.version); err != nil || c.version != was {
		c.forget()
		return err
	}
	return nil
}

func (c *claimsCache) forget() { clear(c.numbers) }

// number returns 0 for indicators that are not known.
func (c *claimsCache) number(is []ioc.Indicator) int64 {
	if len(is) == 0 {
		return 0
	}
	return c.numbers[sharedClaims{&is[0], len(is)}]
}

func (c *claimsCache) add(is []ioc.Indicator, number int64) {
	if len(is) == 0 {
		return
	}
	if c.numbers == nil || len(c.numbers) >= maxCachedClaims {
		c.numbers = make(map[sharedClaims]int64)
	}
	c.numbers[sharedClaims{&is[0], len(is)}] = number
}

// internClaims stores indicators once for all hits that have the same: a
// scanner that fills a log with its address does not fill the store with what
// forty reports say of it.
func internClaims(t *tx, is []ioc.Indicator) (int64, error) {
	doc, err := json.Marshal(is)
	if err != nil {
		return 0, err
	}
	hash := hash64(string(doc))
	var id int64
	err = each(t, "SELECT id, doc FROM hit_claims WHERE hash = ?", []any{hash}, func(row scanner) error {
		var n int64
		var d []byte
		err := row(&n, &d)
		if bytes.Equal(d, doc) {
			id = n
		}
		return err
	})
	if err != nil || id != 0 {
		return id, err
	}
	if err := one(t, "SELECT coalesce(max(id), 0) + 1 FROM hit_claims", nil, &id); err != nil {
		return 0, err
	}
	feeds := feedsOf(is)
	return id, t.exec("INSERT INTO hit_claims(id, hash, feeds, doc, chk) VALUES (?, ?, ?, ?, ?)", id, hash, feeds, string(doc), claimsSum(id, feeds, hash))
}

func claimsSum(id int64, feeds string, hash int64) int64 {
	return sum(8).num(id, hash).str(feeds).row()
}

// sweepClaims deletes indicators that no hit has any more.
func sweepClaims(t *tx, id int64) error {
	t.w.claims.forget()
	return t.exec("DELETE FROM hit_claims WHERE id = ? AND NOT EXISTS (SELECT 1 FROM hit WHERE claims = hit_claims.id)", id)
}

// feedMark stands before and behind each name in a list of feeds.
const feedMark = "\x1f"

func feedsOf(is []ioc.Indicator) string {
	names := feedMark
	for _, i := range is {
		names += i.Feed + feedMark
	}
	return names
}

const hitColumns = `id, type, value, matched, rule, host, path, line, offset, idx, doc, field, time, time_source, before, occurred, format, record, start, stop, direction, outcome`

// hitArgs is the number of columns of a hit.
const hitArgs = 24

var insertHit = "INSERT INTO hit(" + hitColumns + ", claims, chk) VALUES (?" + strings.Repeat(", ?", hitArgs-1) + ") ON CONFLICT(id) DO NOTHING"

func appendHitArgs(row []any, h *ioc.Hit) []any {
	w := &h.Where
	return append(row, h.ID, string(h.Type), h.Value, h.Matched, h.Rule, w.Host, w.Path, w.Line, w.Offset, w.Index, w.DocID, w.Field,
		column(stamp(h.Time)), h.TimeSource, bit(h.BeforeFirstSeen), column(stamp(h.Occurred)), h.Format, h.Record, int64(h.Start), int64(h.End), h.Direction, h.Outcome)
}

func hitSum(h *ioc.Hit, claims int64) int64 {
	w := &h.Where
	sum := sum(7).num(claims, w.Line, w.Offset, stamp(h.Time), bit(h.BeforeFirstSeen), stamp(h.Occurred), int64(h.Start), int64(h.End)).
		str(h.ID, string(h.Type), h.Value, h.Matched, h.Rule, w.Host, w.Path, w.Index, w.DocID, w.Field, h.TimeSource, h.Format, string(h.Record))
	if h.Direction != "" || h.Outcome != "" { // schema 1 had none
		sum = sum.str(h.Direction, h.Outcome)
	}
	return sum.row()
}

// scanHit reads a hit but for its indicators, and whether its checksum is
// right.
func scanHit(row scanner, h *ioc.Hit, more ...any) (claims int64, ok bool, err error) {
	var at, occurred nullable
	var chk int64
	w := &h.Where
	err = row(append([]any{&h.ID, &h.Type, &h.Value, &h.Matched, &h.Rule, &w.Host, &w.Path, &w.Line, &w.Offset, &w.Index, &w.DocID, &w.Field,
		&at, &h.TimeSource, &h.BeforeFirstSeen, &occurred, &h.Format, &h.Record, &h.Start, &h.End, &h.Direction, &h.Outcome, &claims, &chk}, more...)...)
	h.Time, h.Occurred = instant(int64(at)), instant(int64(occurred))
	return claims, err == nil && chk == hitSum(h, claims), err
}

// markOf is the number of the act that marked a hit, or NULL.
const markOf = "(SELECT mark FROM hit_mark WHERE hit_mark.hit = hit.id)"

// Hits yields stored hits, newest event first; those without a time come last.
// Of what is looked up, they have the Mark.
func (s *Store) Hits(ctx context.Context, f store.HitFilter) iter.Seq2[ioc.Hit, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Hit) error) error {
		w, err := hitWhere(q, f)
		if err != nil {
			return err
		}
		claims, acts := &hitClaims{q: q}, &acts{q: q}
		return each(q, "SELECT "+hitColumns+", claims, chk, "+markOf+" FROM hit"+w.sql()+" ORDER BY time DESC, rowid DESC"+limit(f.Limit), w.args, func(row scanner) error {
			var h ioc.Hit
			var mark sql.NullInt64
			id, _, err := scanHit(row, &h, &mark)
			if err == nil {
				h.Indicators, err = claims.load(id)
			}
			if err == nil && mark.Valid {
				h.Mark, err = acts.load(mark.Int64)
			}
			if err != nil {
				return err
			}
			return yield(h)
		})
	})
}

func hitWhere(q querier, f store.HitFilter) (where, error) {
	w := where{}
	w.span("time", stamp(f.From), stamp(f.To))
	w.text("type = ?", string(f.Type))
	w.text("value = ?", f.Value)
	w.text("path = ?", f.Path)
	if err := w.begins("hit.id", f.IDs); err != nil {
		return w, err
	}
	if f.Feed != "" {
		w.add("EXISTS (SELECT 1 FROM hit_claims c WHERE c.id = hit.claims AND instr(c.feeds, ?) > 0)", feedMark+f.Feed+feedMark)
	}
	switch f.Mark {
	case "":
	case store.Unmarked:
		w.add(markOf + " IS NULL")
	default:
		w.add("EXISTS (SELECT 1 FROM hit_mark k JOIN mark ON mark.id = k.mark WHERE k.hit = hit.id AND mark.verdict = ?)", f.Mark)
	}
	if f.Report != "" {
		numbers, err := claimsWith(q, f.Report)
		if err != nil {
			return w, err
		}
		w.add("claims IN (SELECT value FROM json_each(?))", ids(numbers))
	}
	return w, nil
}

// claimsWith returns the numbers of the indicators that are of a report. Few
// are decoded: the id has to stand in the text.
func claimsWith(q querier, report string) (numbers []int64, err error) {
	quoted, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(quoted, &report); err != nil { // as it reads when it was stored
		return nil, err
	}
	err = each(q, "SELECT id, doc FROM hit_claims", nil, func(row scanner) error {
		var id int64
		var doc sql.RawBytes
		if err := row(&id, &doc); err != nil || !bytes.Contains(doc, quoted) {
			return err
		}
		var is []ioc.Indicator
		if err := json.Unmarshal(doc, &is); err != nil {
			return fmt.Errorf("%w: the indicators of a hit: %w", ErrDamaged, err)
		}
		if slices.ContainsFunc(is, func(i ioc.Indicator) bool { return inReport(i, report) }) {
			numbers = append(numbers, id)
		}
		return nil
	})
	return numbers, err
}

func inReport(i ioc.Indicator, report string) bool {
	return slices.ContainsFunc(i.Reports, func(m ioc.Mention) bool { return m.ID == report })
}

// hitClaims reads the indicators of hits, and keeps the last: hits of one
// observable often follow one another.
type hitClaims struct {
	q    querier
	last int64
	doc  string
}

func (c *hitClaims) load(id int64) (is []ioc.Indicator, err error) {
	if id != c.last {
		var hash int64
		c.last = 0
		if err := one(c.q, "SELECT hash, doc FROM hit_claims WHERE id = ?", []any{id}, &hash, &c.doc); err != nil {
			return nil, err
		}
		if hash != hash64(c.doc) {
			return nil, fmt.Errorf("%w: the indicators %d of hits are not what was written", ErrDamaged, id)
		}
		c.last = id
	}
	if err := json.Unmarshal([]byte(c.doc), &is); err != nil {
		return nil, fmt.Errorf("%w: the indicators of a hit: %w", ErrDamaged, err)
	}
	return is, nil
}

// DeleteHits deletes hits whose event is older than before; those without a
// time are judged by when they were found. It returns their number.
func (s *Store) DeleteHits(ctx context.Context, before time.Time) (n int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n, err = t.affect("DELETE FROM hit WHERE coalesce(time, occurred) < ?", stamp(before))
		if err != nil || n == 0 {
			return err
		}
		t.w.claims.forget()
		return t.exec("DELETE FROM hit_claims WHERE NOT EXISTS (SELECT 1 FROM hit WHERE claims = hit_claims.id)")
	})
	return n, err
}
