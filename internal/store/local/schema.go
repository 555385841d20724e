package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

const (
	applicationID = 0x494f4348 // "IOCH", in the file's header
	schemaVersion = 2
)

// tables is the schema. Times are microseconds since 1970, UTC; NULL is the
// zero time. A column named chk holds the row's checksum (sum.go).
//
// Every observable stands once, under a number that is given in order, so that
// memberships are small and new ones are written at the end of their trees.
// It is found by a hash of type and value: the index is a third of the size
// of one over the values. live counts its memberships that are not withdrawn,
// expires is the latest expiry among those; both could be counted anew from
// member, and Check does so. verdict is what was judged of it, 0 where nothing
// speaks against it.
//
// member has no foreign keys: checking two for every row costs a quarter of the
// load time. Check looks for orphans instead.
var tables = []string{
	`CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL, chk INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE feed(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor TEXT NOT NULL, removed INTEGER, chk INTEGER NOT NULL)`,
	`CREATE TABLE type(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
	`CREATE TABLE report(id INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feed(id), name TEXT NOT NULL, meta TEXT NOT NULL,
 complete TEXT NOT NULL, pending TEXT NOT NULL, open INTEGER NOT NULL, mixed INTEGER NOT NULL, gen INTEGER NOT NULL, removed INTEGER,
 live INTEGER NOT NULL, members INTEGER NOT NULL, chk INTEGER NOT NULL, UNIQUE(feed, name))`,
	`CREATE TABLE observable(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, type INTEGER NOT NULL, value TEXT NOT NULL,
 live INTEGER NOT NULL, expires INTEGER, armed INTEGER NOT NULL, verdict INTEGER NOT NULL DEFAULT 0)`,
	`CREATE INDEX observable_hash ON observable(hash)`,
	verdictIndex,
	`CREATE TABLE member(report INTEGER NOT NULL, observable INTEGER NOT NULL, gen INTEGER NOT NULL, claim INTEGER NOT NULL,
 created INTEGER, expires INTEGER, original TEXT NOT NULL, removed INTEGER, PRIMARY KEY(report, observable)) WITHOUT ROWID`,
	`CREATE INDEX member_live ON member(observable) WHERE removed IS NULL`,
	`CREATE TABLE claim(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, declared TEXT NOT NULL, role TEXT NOT NULL, title TEXT NOT NULL,
 description TEXT NOT NULL, content TEXT NOT NULL, confidence INTEGER NOT NULL, refs INTEGER NOT NULL)`,
	`CREATE INDEX claim_hash ON claim(hash)`,
	`CREATE TABLE refused(feed INTEGER NOT NULL REFERENCES feed(id), report TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
 reason TEXT NOT NULL, chk INTEGER NOT NULL, place TEXT NOT NULL DEFAULT '', PRIMARY KEY(feed, report, chk)) WITHOUT ROWID`,
	`CREATE TABLE hit(id TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL, claims INTEGER NOT NULL REFERENCES hit_claims(id), matched TEXT NOT NULL,
 rule TEXT NOT NULL, host TEXT NOT NULL, path TEXT NOT NULL, line INTEGER NOT NULL, offset INTEGER NOT NULL, idx TEXT NOT NULL, doc TEXT NOT NULL,
 field TEXT NOT NULL, time INTEGER, time_source TEXT NOT NULL, before INTEGER NOT NULL, occurred INTEGER, format TEXT NOT NULL,
 record BLOB, start INTEGER NOT NULL, stop INTEGER NOT NULL, chk INTEGER NOT NULL, direction TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT '')`,
	`CREATE INDEX hit_time ON hit(time)`,
	`CREATE INDEX hit_value ON hit(value)`,
	`CREATE INDEX hit_claims_of ON hit(claims)`,
	`CREATE TABLE hit_claims(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, feeds TEXT NOT NULL, doc TEXT NOT NULL, chk INTEGER NOT NULL)`,
	`CREATE INDEX hit_claims_hash ON hit_claims(hash)`,
	`CREATE TABLE run(id INTEGER PRIMARY KEY, verb TEXT NOT NULL, feed TEXT NOT NULL, started INTEGER, ended INTEGER, outcome TEXT NOT NULL,
 message TEXT NOT NULL, counters TEXT NOT NULL, chk INTEGER NOT NULL)`,
	`CREATE INDEX run_started ON run(started)`,
	verdictTable, decisionTable, markTable, hitMarkTable, hitMarkIndexes[0], hitMarkIndexes[1], warninglistTable, noteTable,
}

// The rows of meta.
const (
	metaGeneration = "generation" // of the set of armed huntable observables
	metaArmed      = "armed"      // the counter that arms observables
	metaSum        = "sum"        // of the checksums of all observables
	metaHuntable   = "huntable"   // which types this program can hunt, as a hash
	metaSetMark    = "set_mark"   // the mark of the set last compiled; may be missing
	metaSetArmed   = "set_armed"  // what armed was then; may be missing
	metaVerdicts   = "verdicts"   // the highest number ever given to a verdict
	metaJudged     = "judged"     // what armed was when everything armed until then had been judged
)

// metaRows are the rows that every file has.
var metaRows = []string{metaGeneration, metaArmed, metaSum, metaHuntable, metaVerdicts, metaJudged}

// prepare makes the schema in an empty file, and brings an older one up to
// date. Another process may be doing the same: whoever is second finds the
// work done.
func (s *Store) prepare(ctx context.Context) error {
	return s.write(ctx, func(t *tx) error {
		version, err := s.version(t)
		if err != nil {
			return err
		}
		if version == 0 {
			if err := create(t); err != nil {
				return err
			}
			version = schemaVersion
		}
		for ; version < schemaVersion; version++ {
			if err := migrations[version-1](t); err != nil {
				return fmt.Errorf("bringing the schema to version %d: %w", version+1, err)
			}
			if err := t.exec(fmt.Sprintf("PRAGMA user_version = %d", version+1)); err != nil {
				return err
			}
		}
		return noteHuntable(t)
	})
}

// version returns the file's schema version, 0 for an empty file.
func (s *Store) version(q querier) (int, error) {
	var app, version, objects int64
	err := one(q, "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)", nil, &app, &version, &objects)
	switch {
	case err != nil:
		return 0, err
	case app == 0 && version == 0 && objects == 0:
		return 0, nil
	case app != applicationID:
		return 0, fmt.Errorf("%w: it is a SQLite file, but not one of iochunt's (application id %#x)", ErrDamaged, app)
	case version > schemaVersion:
		return 0, fmt.Errorf("%w (schema %d, this program knows %d)", ErrNewer, version, schemaVersion)
	case version < 1:
		return 0, fmt.Errorf("%w: schema version %d", ErrDamaged, version)
	}
	return int(version), nil
}

func create(t *tx) error {
	for _, ddl := range tables {
		if err := t.exec(ddl); err != nil {
			return err
		}
	}
	for _, key := range metaRows {
		if err := t.setMeta(key, 0); err != nil {
			return err
		}
	}
	if err := t.exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	return t.exec(fmt.Sprintf("PRAGMA user_version = %d", schemaVersion))
}

// noteHuntable lets the generation grow when the program has learned to hunt
// a type since the file was last opened. A set compiled before that lacks more
// than what was armed since.
func noteHuntable(t *tx) error {
	var names []string
	for _, r := range ioc.Types() {
		if r.Form != ioc.NotHuntable {
			names = append(names, string(r.Type))
		}
	}
	slices.Sort(names)
	now := hash64(strings.Join(names, "\n"))
	was, err := meta(t, metaHuntable)
	if err != nil || was == now {
		return err
	}
	if err := t.setMeta(metaHuntable, now); err != nil {
		return err
	}
	if err := t.setMeta(metaSetMark, 0); err != nil { // it lacks what nothing arms
		return err
	}
	return t.grow(metaGeneration)
}

// checkSchema compares the file's schema with ours.
func checkSchema(q querier) error {
	want := map[string]bool{}
	for _, ddl := range tables {
		want[ddl] = true
	}
	err := each(q, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", nil, func(row scanner) error {
		var ddl string
		if err := row(&ddl); err != nil {
			return err
		}
		if !want[ddl] {
			return fmt.Errorf("%w: its schema has %q", ErrDamaged, ddl)
		}
		delete(want, ddl)
		return nil
	})
	if err == nil && len(want) > 0 {
		return fmt.Errorf("%w: %d tables or indexes are missing", ErrDamaged, len(want))
	}
	return err
}

// dirHash shortens a name to a file name that every system accepts.
func dirHash(name string) string {
	h := sha256.Sum256([]byte(name))
	return hex.EncodeToString(h[:8])
}
