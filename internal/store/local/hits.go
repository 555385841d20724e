package local

import (
	"bytes"
	"context"
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
func (s *Store) PutHits(ctx context.Context, hits []ioc.Hit) (added int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n := 0
		for i := range hits {
			if err := t.alive(); err != nil {
				return err
			}
			isNew, err := putHit(t, &hits[i])
			if err != nil {
				return err
			}
			if isNew {
				n++
			}
		}
		added = n
		return nil
	})
	return added, err
}

func putHit(t *tx, h *ioc.Hit) (isNew bool, err error) {
	claims, err := internClaims(t, h.Indicators)
	if err != nil {
		return false, err
	}
	args := append(hitArgs(h), claims, hitSum(h, claims))
	n, err := t.affect("INSERT INTO hit("+hitColumns+", claims, chk) VALUES (?"+strings.Repeat(", ?", len(args)-1)+") ON CONFLICT(id) DO NOTHING", args...)
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, updateHit(t, h, claims)
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
	if claims, err = internClaims(t, mergeIndicators(stored, h.Indicators)); err != nil {
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

func mergeIndicators(old, now []ioc.Indicator) []ioc.Indicator {
	merged := slices.Clone(now)
	for _, i := range old {
		if !slices.ContainsFunc(now, func(n ioc.Indicator) bool { return n.Feed == i.Feed && n.Observable == i.Observable }) {
			merged = append(merged, i)
		}
	}
	return merged
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

const hitColumns = `id, type, value, matched, rule, host, path, line, offset, idx, doc, field, time, time_source, before, occurred, format, record, start, stop`

func hitArgs(h *ioc.Hit) []any {
	w := &h.Where
	return []any{h.ID, string(h.Type), h.Value, h.Matched, h.Rule, w.Host, w.Path, w.Line, w.Offset, w.Index, w.DocID, w.Field,
		column(stamp(h.Time)), h.TimeSource, bit(h.BeforeFirstSeen), column(stamp(h.Occurred)), h.Format, h.Record, h.Start, h.End}
}

func hitSum(h *ioc.Hit, claims int64) int64 {
	w := &h.Where
	return sum(7).num(claims, w.Line, w.Offset, stamp(h.Time), bit(h.BeforeFirstSeen), stamp(h.Occurred), int64(h.Start), int64(h.End)).
		str(h.ID, string(h.Type), h.Value, h.Matched, h.Rule, w.Host, w.Path, w.Index, w.DocID, w.Field, h.TimeSource, h.Format, string(h.Record)).row()
}

// scanHit reads a hit but for its indicators, and whether its checksum is
// right.
func scanHit(row scanner, h *ioc.Hit) (claims int64, ok bool, err error) {
	var at, occurred nullable
	var chk int64
	w := &h.Where
	err = row(&h.ID, &h.Type, &h.Value, &h.Matched, &h.Rule, &w.Host, &w.Path, &w.Line, &w.Offset, &w.Index, &w.DocID, &w.Field,
		&at, &h.TimeSource, &h.BeforeFirstSeen, &occurred, &h.Format, &h.Record, &h.Start, &h.End, &claims, &chk)
	h.Time, h.Occurred = instant(int64(at)), instant(int64(occurred))
	return claims, err == nil && chk == hitSum(h, claims), err
}

// Hits yields stored hits, newest event first; those without a time come last.
func (s *Store) Hits(ctx context.Context, f store.HitFilter) iter.Seq2[ioc.Hit, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Hit) error) error {
		w := hitWhere(f)
		claims := &hitClaims{q: q}
		return each(q, "SELECT "+hitColumns+", claims, chk FROM hit"+w.sql()+" ORDER BY time DESC, rowid DESC"+limit(f.Limit), w.args, func(row scanner) error {
			var h ioc.Hit
			id, _, err := scanHit(row, &h)
			if err == nil {
				h.Indicators, err = claims.load(id)
			}
			if err != nil {
				return err
			}
			return yield(h)
		})
	})
}

func hitWhere(f store.HitFilter) where {
	w := where{}
	w.span("time", stamp(f.From), stamp(f.To))
	w.text("type = ?", string(f.Type))
	w.text("value = ?", f.Value)
	w.text("path = ?", f.Path)
	if f.ID != "" {
		w.add("substr(id, 1, ?) = ?", len(f.ID), f.ID)
	}
	if f.Feed != "" {
		w.add("EXISTS (SELECT 1 FROM hit_claims c WHERE c.id = hit.claims AND instr(c.feeds, ?) > 0)", feedMark+f.Feed+feedMark)
	}
	return w
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
		return t.exec("DELETE FROM hit_claims WHERE NOT EXISTS (SELECT 1 FROM hit WHERE claims = hit_claims.id)")
	})
	return n, err
}
