package local

import (
	"context"
	"database/sql"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Cursor returns how far a feed has been read, "" for an unknown feed.
func (s *Store) Cursor(ctx context.Context, feed string) (c ioc.Cursor, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		f, err := findFeed(q, feed)
		if f != nil {
			c = f.cursor
		}
		return err
	})
	return c, err
}

// Generation returns a number that grows with every change to the set of
// observables that are huntable, armed and not withdrawn.
func (s *Store) Generation(ctx context.Context) (uint64, error) { return s.number(ctx, metaGeneration) }

// Armed returns the highest ArmedSeq that has been given. A hunt that reads it
// before it asks for observables can ask for those armed since the next time.
func (s *Store) Armed(ctx context.Context) (uint64, error) { return s.number(ctx, metaArmed) }

func (s *Store) number(ctx context.Context, key string) (n uint64, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		v, err := meta(q, key)
		n = uint64(v)
		return err
	})
	return n, err
}

// KnownReports yields the reports of a feed that are not gone, those that are
// only half read included.
func (s *Store) KnownReports(ctx context.Context, feed string) iter.Seq2[ioc.Report, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Report) error) error {
		return each(q, "SELECT r.name, r.meta FROM report r JOIN feed f ON f.id = r.feed WHERE f.name = ? AND r.removed IS NULL", []any{feed}, func(row scanner) error {
			var name, meta string
			if err := row(&name, &meta); err != nil {
				return err
			}
			r, err := decodeReport(name, meta)
			if err != nil {
				return err
			}
			return yield(r)
		})
	})
}

// Refused yields the stored refusals of a feed.
func (s *Store) Refused(ctx context.Context, feed string) iter.Seq2[ioc.Refusal, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Refusal) error) error {
		return each(q, "SELECT r.report, r.type, r.value, r.reason, r.place FROM refused r JOIN feed f ON f.id = r.feed WHERE f.name = ?", []any{feed}, func(row scanner) error {
			var r ioc.Refusal
			if err := row(&r.Report, &r.Type, &r.Value, &r.Reason, &r.Place); err != nil {
				return err
			}
			return yield(r)
		})
	})
}

// Observables yields every observable once that is not withdrawn, in the order
// in which they were first stored; expired ones and those that cannot be
// hunted too. Disarmed ones are left out unless the filter asks for them.
func (s *Store) Observables(ctx context.Context, f ioc.Filter) iter.Seq2[ioc.Observable, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Observable) error) error {
		ts, err := loadTypes(q)
		if err != nil {
			return err
		}
		where, args := observableWhere(f, ts)
		var code int64
		var o ioc.Observable
		dest := []any{&code, &o.Value}
		return each(q, "SELECT type, value FROM observable o WHERE "+where, args, func(row scanner) error {
			if err := row(dest...); err != nil {
				return err
			}
			o.Type = ts.names[code]
			return yield(o)
		})
	})
}

func observableWhere(f ioc.Filter, ts *types) (string, []any) {
	terms := []string{"live > 0"}
	var args []any
	if !f.Disarmed {
		terms = append(terms, "NOT "+isDisarmed)
	}
	if len(f.Types) > 0 {
		terms = append(terms, "type IN (SELECT value FROM json_each(?))")
		args = append(args, ids(ts.some(f.Types)))
	}
	if f.ArmedSince > 0 {
		terms = append(terms, "armed > ?")
		args = append(args, int64(f.ArmedSince))
	}
	if len(f.Feeds) > 0 {
		terms = append(terms, `EXISTS (SELECT 1 FROM member m INDEXED BY member_live CROSS JOIN report r ON r.id = m.report CROSS JOIN feed f ON f.id = r.feed
 WHERE m.observable = o.id AND m.removed IS NULL AND f.name IN (?`+strings.Repeat(", ?", len(f.Feeds)-1)+"))")
		for _, name := range f.Feeds {
			args = append(args, name)
		}
	}
	return strings.Join(terms, " AND "), args
}

// lookupQuery is one statement, so that it needs no transaction around it.
const lookupQuery = `SELECT o.value, o.armed, o.verdict, v.doc, f.name, r.name, r.meta, ` + claimOf + `
 FROM observable o CROSS JOIN member m INDEXED BY member_live ON m.observable = o.id AND m.removed IS NULL
 JOIN report r ON r.id = m.report JOIN feed f ON f.id = r.feed LEFT JOIN claim c ON c.id = m.claim LEFT JOIN verdict v ON v.id = o.verdict
 WHERE o.hash = ? AND o.type = ? ORDER BY o.id, m.report`

// claimOf are the columns of a claim, in the order of scanClaim.
const claimOf = `m.created, m.expires, m.original, coalesce(c.declared, ''), coalesce(c.role, ''), coalesce(c.title, ''),
 coalesce(c.description, ''), coalesce(c.content, ''), coalesce(c.confidence, 0)`

// scanClaim reads a claim behind other columns.
func scanClaim(row scanner, c *ioc.Claim, before ...any) error {
	var created, expires nullable
	err := row(append(before, &created, &expires, &c.Original, &c.Declared, &c.Role, &c.Title, &c.Description, &c.Content, &c.Confidence)...)
	c.Created, c.Expires = instant(int64(created)), instant(int64(expires))
	return err
}

// Lookup returns what every feed says of an observable, expired claims
// included; nothing for one that is unknown or withdrawn.
func (s *Store) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	code, ok, err := s.codes.code(o.Type, func() (ts *types, err error) {
		err = s.read(ctx, func(q *snapshot) error {
			ts, err = loadTypes(q)
			return err
		})
		return ts, err
	})
	if !ok || err != nil {
		return nil, err
	}
	rows, err := s.find.QueryContext(ctx, observableHash(o), code)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	var u unions
	for rows.Next() {
		var value, feed, name, meta string
		var verdict int64
		var doc sql.RawBytes
		var m ioc.Mention
		if err := scanClaim(rows.Scan, &m.Claim, &value, &u.armed, &verdict, &doc, &feed, &name, &meta); err != nil {
			return nil, s.explain(err)
		}
		if value != o.Value {
			continue // another value with the same hash
		}
		if u.arming, err = s.verdicts.decode(verdict, doc); err != nil {
			return nil, s.explain(err)
		}
		if m.Report, err = decodeReport(name, meta); err != nil {
			return nil, s.explain(err)
		}
		u.add(feed, m)
	}
	return u.indicators(nil, o), s.explain(rows.Err())
}

// unions gathers what feeds say of one observable.
type unions struct {
	armed  uint64
	arming *ioc.Arming
	feeds  []string // in the order in which they first had it
	byFeed map[string][]ioc.Mention
}

func (u *unions) add(feed string, m ioc.Mention) {
	if u.byFeed == nil {
		u.byFeed = map[string][]ioc.Mention{}
	}
	if u.byFeed[feed] == nil {
		u.feeds = append(u.feeds, feed)
	}
	u.byFeed[feed] = append(u.byFeed[feed], m)
}

// indicators appends one for each feed.
func (u *unions) indicators(all []ioc.Indicator, o ioc.Observable) []ioc.Indicator {
	for _, f := range u.feeds {
		i := store.Union(o, f, u.byFeed[f], u.armed)
		i.Arming = u.arming
		all = append(all, i)
	}
	return all
}

// listed is an observable whose claims are wanted.
type listed struct {
	ioc.Observable
	id      int64
	armed   uint64
	verdict int64
}

// claims reads claims. It keeps reports that it has decoded, as many
// observables share them.
type claims struct {
	q        querier
	verdicts *verdictCache
	reports  map[int64]reportOfFeed
}

type reportOfFeed struct {
	feed   string
	report ioc.Report
}

// keptReports bounds the memory of claims.
const keptReports = 4096

func newClaims(q querier, verdicts *verdictCache) *claims {
	return &claims{q: q, verdicts: verdicts, reports: map[int64]reportOfFeed{}}
}

type mention struct {
	obs, report int64
	claim       ioc.Claim
}

// indicators returns what the feeds say of some observables, in their order.
func (c *claims) indicators(os []listed) ([]ioc.Indicator, error) {
	keys := make([]int64, len(os))
	for i := range os {
		keys[i] = os[i].id
	}
	byObs := make(map[int64][]mention, len(os))
	err := each(c.q, `SELECT m.observable, m.report, `+claimOf+` FROM member m LEFT JOIN claim c ON c.id = m.claim
 WHERE m.removed IS NULL AND m.observable IN (SELECT value FROM json_each(?)) ORDER BY m.observable, m.report`, []any{ids(keys)}, func(row scanner) error {
		var m mention
		err := scanClaim(row, &m.claim, &m.obs, &m.report)
		byObs[m.obs] = append(byObs[m.obs], m)
		return err
	})
	var all []ioc.Indicator
	for i := 0; i < len(os) && err == nil; i++ {
		all, err = c.union(all, os[i], byObs[os[i].id])
	}
	return all, err
}

// union appends one indicator for each feed.
func (c *claims) union(all []ioc.Indicator, o listed, ms []mention) ([]ioc.Indicator, error) {
	arming, err := c.verdicts.load(c.q, o.verdict)
	if err != nil {
		return nil, err
	}
	u := unions{armed: o.armed, arming: arming}
	for _, m := range ms {
		r, err := c.report(m.report)
		if err != nil {
			return nil, err
		}
		u.add(r.feed, ioc.Mention{Report: r.report, Claim: m.claim})
	}
	return u.indicators(all, o.Observable), nil
}

func (c *claims) report(id int64) (reportOfFeed, error) {
	if r, ok := c.reports[id]; ok {
		return r, nil
	}
	var r reportOfFeed
	var name, meta string
	err := one(c.q, "SELECT f.name, r.name, r.meta FROM report r JOIN feed f ON f.id = r.feed WHERE r.id = ?", []any{id}, &r.feed, &name, &meta)
	if err == nil {
		r.report, err = decodeReport(name, meta)
	}
	if len(c.reports) >= keptReports {
		clear(c.reports)
	}
	c.reports[id] = r
	return r, err
}
