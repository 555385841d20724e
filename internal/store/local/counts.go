package local

import (
	"context"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Count counts what is stored and not withdrawn. It reads every observable.
func (s *Store) Count(ctx context.Context, now time.Time) (store.Counts, error) {
	c := store.Counts{ByType: map[ioc.Type]int{}, ByFeed: map[string]int{}}
	err := s.read(ctx, func(q *snapshot) error {
		if err := countTypes(q, stamp(now), &c); err != nil {
			return err
		}
		if err := s.countVerdicts(q, &c); err != nil {
			return err
		}
		feeds, err := feedNames(q)
		if err != nil {
			return err
		}
		byFeed, err := countFeeds(q)
		for id, n := range byFeed {
			c.ByFeed[feeds[id]] = n
		}
		return err
	})
	return c, err
}

// Alive reports whether any claim of an observable that is huntable and armed
// is valid now. It stops at the first one, and reads every observable only where
// there is none.
func (s *Store) Alive(ctx context.Context, now time.Time) (alive bool, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		ts, err := loadTypes(q)
		if err != nil {
			return err
		}
		return one(q, `SELECT EXISTS(SELECT 1 FROM observable o WHERE live > 0 AND (expires IS NULL OR expires > ?)
 AND type IN (SELECT value FROM json_each(?)) AND NOT `+isDisarmed+")", []any{stamp(now), ids(ts.huntable())}, &alive)
	})
	return alive, err
}

func countTypes(q querier, now int64, c *store.Counts) error {
	ts, err := loadTypes(q)
	if err != nil {
		return err
	}
	return each(q, "SELECT type, count(*), count(CASE WHEN expires <= ? THEN 1 END) FROM observable WHERE live > 0 GROUP BY type", []any{now}, func(row scanner) error {
		var code int64
		var n, expired int
		if err := row(&code, &n, &expired); err != nil {
			return err
		}
		t := ts.names[code]
		c.ByType[t] = n
		c.Total += n
		c.Expired += expired
		if !t.Huntable() {
			c.NotHuntable += n
		}
		return nil
	})
}

func feedNames(q querier) (map[int64]string, error) {
	names := map[int64]string{}
	err := each(q, "SELECT id, name FROM feed WHERE removed IS NULL", nil, func(row scanner) error {
		var id int64
		var name string
		err := row(&id, &name)
		names[id] = name
		return err
	})
	return names, err
}

// countFeeds counts the distinct observables of each feed: its memberships, but
// each observable once. Most observables have one membership, so that only the
// others are read.
func countFeeds(q querier) (map[int64]int, error) {
	counts := map[int64]int{}
	feedOf := map[int64]int64{}
	err := each(q, "SELECT id, feed, live FROM report WHERE live > 0", nil, func(row scanner) error {
		var report, feed int64
		var live int
		err := row(&report, &feed, &live)
		feedOf[report] = feed
		counts[feed] += live
		return err
	})
	if err != nil {
		return nil, err
	}
	last := map[int64]int64{} // of each feed, the observable seen last
	return counts, each(q, `SELECT m.observable, m.report FROM observable o
 CROSS JOIN member m INDEXED BY member_live ON m.observable = o.id AND m.removed IS NULL WHERE o.live > 1 ORDER BY o.id`, nil, func(row scanner) error {
		var obs, report int64
		err := row(&obs, &report)
		feed := feedOf[report]
		if last[feed] == obs {
			counts[feed]--
		}
		last[feed] = obs
		return err
	})
}

// Feeds returns what is known of every feed that has ever been stored and is
// not forgotten, by name.
func (s *Store) Feeds(ctx context.Context) (all []store.FeedState, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		byFeed, err := countFeeds(q)
		if err != nil {
			return err
		}
		err = each(q, `SELECT f.id, f.name, f.cursor, count(r.id), coalesce(sum(r.live), 0), (SELECT count(*) FROM refused x WHERE x.feed = f.id),
 count(l.report), coalesce(sum(l.count), 0)
 FROM feed f LEFT JOIN report r ON r.feed = f.id AND r.removed IS NULL LEFT JOIN warninglist l ON l.report = r.id WHERE f.removed IS NULL GROUP BY f.id ORDER BY f.name`, nil, func(row scanner) error {
			var f store.FeedState
			var id int64
			err := row(&id, &f.Name, &f.Cursor, &f.Reports, &f.Memberships, &f.Refused, &f.Lists, &f.Entries)
			f.Observables = byFeed[id]
			all = append(all, f)
			return err
		})
		for i := 0; i < len(all) && err == nil; i++ {
			all[i].LastRun, err = lastRun(q, all[i].Name)
		}
		return err
	})
	return all, err
}
