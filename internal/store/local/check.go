package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Check reads everything and proves it: SQLite's own integrity check, the
// schema, every checksum, and that the numbers which are kept (live
// memberships, expiry, uses of a claim) are those that counting gives. An
// error that wraps ErrDamaged names the first findings. It takes some seconds
// for a million observables.
func (s *Store) Check(ctx context.Context) error {
	return s.read(ctx, func(q *snapshot) error {
		c := &checker{q: q, reports: map[int64]*tally{}, claims: map[int64]int64{}, verdicts: map[int64]bool{0: true}}
		for _, step := range []func() error{c.sqlite, c.schema, c.numbers, c.feeds, c.reportRows, c.members, c.tallies, c.verdictRows,
			c.observables, c.duplicates, c.claimRows, c.refusals, c.hits, c.hitClaims, c.runs, c.decisions, c.marks, c.hitMarks, c.warninglists, c.notes} {
			if err := step(); err != nil {
				return c.unreadable(err)
			}
			if len(c.found) > 0 {
				return c.verdict()
			}
		}
		return nil
	})
}

// checker collects findings.
type checker struct {
	q        querier
	types    *types
	found    []string
	more     int
	reports  map[int64]*tally
	claims   map[int64]int64 // uses of each claim
	live     int64           // memberships that are not withdrawn
	verdicts map[int64]bool
}

// tally is what a report says of its memberships, less what they are.
type tally struct{ live, members int64 }

const maxFindings = 5

func (c *checker) report(format string, args ...any) {
	if len(c.found) < maxFindings {
		c.found = append(c.found, fmt.Sprintf(format, args...))
	} else {
		c.more++
	}
}

func (c *checker) verdict() error {
	more := ""
	if c.more > 0 {
		more = fmt.Sprintf("; and %d more", c.more)
	}
	return fmt.Errorf("%w: %s%s", ErrDamaged, strings.Join(c.found, "; "), more)
}

// unreadable makes any failure to read a finding, unless the caller gave up:
// a flipped bit in the schema shows as "no such column".
func (c *checker) unreadable(err error) error {
	if errors.Is(err, ErrDamaged) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (c *checker) sqlite() error {
	lines, err := column1[string](c.q, "PRAGMA integrity_check(20)")
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l != "ok" {
			c.report("%s", l)
		}
	}
	orphans, err := column1[string](c.q, `SELECT "table" FROM pragma_foreign_key_check`)
	for _, table := range orphans {
		c.report("a row of %s refers to nothing", table)
	}
	return err
}

func (c *checker) schema() (err error) {
	if err := checkSchema(c.q); err != nil {
		return err
	}
	c.types, err = loadTypes(c.q)
	return err
}

func (c *checker) numbers() error {
	for _, key := range metaRows {
		if _, err := meta(c.q, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) feeds() error {
	return each(c.q, "SELECT id, name, cursor, removed, chk FROM feed", nil, func(row scanner) error {
		var f feedRow
		err := row(&f.id, &f.name, &f.cursor, (*nullable)(&f.removed), &f.stored)
		if f.chk() != f.stored {
			c.report("feed %d (%q) is not what was written", f.id, f.name)
		}
		return err
	})
}

func (c *checker) reportRows() error {
	return each(c.q, "SELECT "+reportColumns+" FROM report", nil, func(row scanner) error {
		var r report
		err := r.scan(row)
		if err == nil && r.chk() != r.stored {
			c.report("report %d (%q) is not what was written", r.id, r.name)
		}
		c.reports[r.id] = &tally{r.live, r.members}
		return err
	})
}

func (c *checker) members() error {
	return each(c.q, "SELECT report, observable, gen, claim, created, expires, original, removed FROM member", nil, func(row scanner) error {
		var report, obs int64
		var w memberRow
		err := row(&report, &obs, &w.gen, &w.claim, (*nullable)(&w.created), (*nullable)(&w.expires), &w.original, (*nullable)(&w.removed))
		if err != nil {
			return err
		}
		t := c.reports[report]
		if t == nil {
			c.report("a membership of report %d, which is missing", report)
			return nil
		}
		t.members -= w.chk(report, obs)
		if w.live() {
			c.live++
			t.live--
		}
		if w.claim != 0 {
			c.claims[w.claim]++
		}
		return nil
	})
}

func (c *checker) tallies() error {
	for _, id := range slices.Sorted(maps.Keys(c.reports)) {
		if *c.reports[id] != (tally{}) {
			c.report("the memberships of report %d are not what was written", id)
		}
	}
	return nil
}

// observables walks observables and their live memberships side by side.
func (c *checker) observables() error {
	total, err := meta(c.q, metaSum)
	if err != nil {
		return err
	}
	armed, err := meta(c.q, metaArmed)
	if err != nil {
		return err
	}
	var last *observable
	counted := state{expires: null}
	finish := func() {
		if last == nil {
			return
		}
		c.observable(last, counted, armed)
		total -= last.chk(last.state)
	}
	err = each(c.q, `SELECT o.id, o.hash, o.type, o.value, o.live, o.expires, o.armed, o.verdict, m.report, m.expires
 FROM observable o LEFT JOIN member m INDEXED BY member_live ON m.observable = o.id AND m.removed IS NULL ORDER BY o.id`, nil, func(row scanner) error {
		o := &observable{}
		var report, expires nullable
		if err := row(&o.id, &o.hash, &o.code, &o.Value, &o.live, (*nullable)(&o.expires), &o.armed, &o.verdict, &report, &expires); err != nil {
			return err
		}
		if last == nil || last.id != o.id {
			finish()
			last, counted = o, state{expires: null}
		}
		if report != null {
			c.live--
			if counted.live++; counted.live == 1 {
				counted.expires = int64(expires)
			}
			counted.expires = later(counted.expires, int64(expires))
		}
		return nil
	})
	finish()
	if total != 0 || c.live != 0 {
		c.report("the observables are not those that were written")
	}
	return err
}

func (c *checker) observable(o *observable, counted state, armed int64) {
	o.Type = c.types.names[o.code]
	switch {
	case o.Type == "":
		c.report("observable %d has no known type", o.id)
	case o.hash != observableHash(o.Observable):
		c.report("observable %d (%s %q) is not what was written", o.id, o.Type, o.Value)
	case o.live != counted.live || o.expires != counted.expires:
		c.report("observable %d (%s %q) has %d memberships, not %d", o.id, o.Type, o.Value, counted.live, o.live)
	case !c.verdicts[o.verdict]:
		c.report("observable %d has the verdict %d, which is missing", o.id, o.verdict)
	case o.armed > armed:
		c.report("observable %d is armed by %d, which is to come", o.id, o.armed)
	}
}

func (c *checker) duplicates() error {
	n, err := column1[int64](c.q, `SELECT min(id) FROM observable WHERE hash IN (SELECT hash FROM observable GROUP BY hash HAVING count(*) > 1)
 GROUP BY hash, type, value HAVING count(*) > 1`)
	for _, id := range n {
		c.report("observable %d stands twice", id)
	}
	return err
}

func (c *checker) claimRows() error {
	err := each(c.q, "SELECT "+claimColumns+", refs FROM claim", nil, func(row scanner) error {
		var t claimText
		var id, hash, refs int64
		if err := t.scan(row, &id, &hash, &refs); err != nil {
			return err
		}
		if hash != t.hash() || refs != c.claims[id] {
			c.report("claim %d is not what was written", id)
		}
		delete(c.claims, id)
		return nil
	})
	if len(c.claims) > 0 {
		c.report("%d claims are missing", len(c.claims))
	}
	return err
}

func (c *checker) refusals() error {
	return each(c.q, "SELECT feed, report, type, value, reason, place, chk FROM refused", nil, func(row scanner) error {
		var r ioc.Refusal
		var feed, chk int64
		err := row(&feed, &r.Report, &r.Type, &r.Value, &r.Reason, &r.Place, &chk)
		if chk != refusalSum(feed, r) {
			c.report("a refusal of feed %d is not what was written", feed)
		}
		return err
	})
}

func (c *checker) hits() error {
	return each(c.q, "SELECT "+hitColumns+", claims, chk FROM hit", nil, func(row scanner) error {
		var h ioc.Hit
		_, ok, err := scanHit(row, &h)
		if err == nil && !ok {
			c.report("hit %q is not what was written", h.ID)
		}
		return err
	})
}

func (c *checker) hitClaims() error {
	return each(c.q, "SELECT id, hash, feeds, doc, chk FROM hit_claims", nil, func(row scanner) error {
		var id, hash, chk int64
		var feeds, doc string
		err := row(&id, &hash, &feeds, &doc, &chk)
		if hash != hash64(doc) || chk != claimsSum(id, feeds, hash) {
			c.report("the indicators %d of hits are not what was written", id)
		}
		return err
	})
}

func (c *checker) runs() error {
	return each(c.q, "SELECT "+runColumns+" FROM run", nil, func(row scanner) error {
		_, ok, err := scanRun(row)
		if err == nil && !ok {
			c.report("a run record is not what was written")
		}
		return err
	})
}
