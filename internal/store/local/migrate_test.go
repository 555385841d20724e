package local

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// tablesV1 is schema 1 as it was.
var tablesV1 = []string{
	`CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL, chk INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE TABLE feed(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor TEXT NOT NULL, removed INTEGER, chk INTEGER NOT NULL)`,
	`CREATE TABLE type(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
	`CREATE TABLE report(id INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feed(id), name TEXT NOT NULL, meta TEXT NOT NULL,
 complete TEXT NOT NULL, pending TEXT NOT NULL, open INTEGER NOT NULL, mixed INTEGER NOT NULL, gen INTEGER NOT NULL, removed INTEGER,
 live INTEGER NOT NULL, members INTEGER NOT NULL, chk INTEGER NOT NULL, UNIQUE(feed, name))`,
	`CREATE TABLE observable(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, type INTEGER NOT NULL, value TEXT NOT NULL,
 live INTEGER NOT NULL, expires INTEGER, armed INTEGER NOT NULL)`,
	`CREATE INDEX observable_hash ON observable(hash)`,
	`CREATE TABLE member(report INTEGER NOT NULL, observable INTEGER NOT NULL, gen INTEGER NOT NULL, claim INTEGER NOT NULL,
 created INTEGER, expires INTEGER, original TEXT NOT NULL, removed INTEGER, PRIMARY KEY(report, observable)) WITHOUT ROWID`,
	`CREATE INDEX member_live ON member(observable) WHERE removed IS NULL`,
	`CREATE TABLE claim(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, declared TEXT NOT NULL, role TEXT NOT NULL, title TEXT NOT NULL,
 description TEXT NOT NULL, content TEXT NOT NULL, confidence INTEGER NOT NULL, refs INTEGER NOT NULL)`,
	`CREATE INDEX claim_hash ON claim(hash)`,
	`CREATE TABLE refused(feed INTEGER NOT NULL REFERENCES feed(id), report TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL,
 reason TEXT NOT NULL, chk INTEGER NOT NULL, PRIMARY KEY(feed, report, chk)) WITHOUT ROWID`,
	`CREATE TABLE hit(id TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL, claims INTEGER NOT NULL REFERENCES hit_claims(id), matched TEXT NOT NULL,
 rule TEXT NOT NULL, host TEXT NOT NULL, path TEXT NOT NULL, line INTEGER NOT NULL, offset INTEGER NOT NULL, idx TEXT NOT NULL, doc TEXT NOT NULL,
 field TEXT NOT NULL, time INTEGER, time_source TEXT NOT NULL, before INTEGER NOT NULL, occurred INTEGER, format TEXT NOT NULL,
 record BLOB, start INTEGER NOT NULL, stop INTEGER NOT NULL, chk INTEGER NOT NULL)`,
	`CREATE INDEX hit_time ON hit(time)`,
	`CREATE INDEX hit_value ON hit(value)`,
	`CREATE INDEX hit_claims_of ON hit(claims)`,
	`CREATE TABLE hit_claims(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, feeds TEXT NOT NULL, doc TEXT NOT NULL, chk INTEGER NOT NULL)`,
	`CREATE INDEX hit_claims_hash ON hit_claims(hash)`,
	`CREATE TABLE run(id INTEGER PRIMARY KEY, verb TEXT NOT NULL, feed TEXT NOT NULL, started INTEGER, ended INTEGER, outcome TEXT NOT NULL,
 message TEXT NOT NULL, counters TEXT NOT NULL, chk INTEGER NOT NULL)`,
	`CREATE INDEX run_started ON run(started)`,
}

// sampleV1 writes a file of schema 1 that holds what sample holds, but for what
// schema 1 could not hold. The rows are those that its program wrote: checksums
// of rows that say nothing new are what they were.
func sampleV1(t *testing.T) (file []byte, want string) {
	t.Helper()
	dir := write(t, sampleOld(t))
	s := open(t, dir)
	want, err := dump(t, s)
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), FileName)
	db, err := sql.Open("sqlite", (&Store{path: old}).dsn("rwc"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // ATTACH is a connection's own
	do := func(q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	for _, ddl := range tablesV1 {
		do(ddl)
	}
	do("ATTACH ? AS new", s.path)
	for _, ddl := range tablesV1 {
		if name, _, ok := strings.Cut(strings.TrimPrefix(ddl, "CREATE TABLE "), "("); ok && strings.HasPrefix(ddl, "CREATE TABLE ") {
			copyTable(t, db, name)
		}
	}
	do("DELETE FROM meta WHERE key IN ('verdicts', 'judged')")
	do(fmt.Sprintf("PRAGMA main.application_id = %d", applicationID))
	do("PRAGMA main.user_version = 1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(old); err != nil {
		t.Fatal(err)
	}
	return file, want
}

// copyTable copies the columns that the old table has.
func copyTable(t *testing.T, db *sql.DB, name string) {
	t.Helper()
	var columns string
	err := db.QueryRowContext(t.Context(), "SELECT group_concat(name) FROM pragma_table_info(?, 'main')", name).Scan(&columns)
	if err == nil {
		_, err = db.ExecContext(t.Context(), "INSERT INTO main."+name+"("+columns+") SELECT "+columns+" FROM new."+name)
	}
	if err != nil {
		t.Fatal(name, err)
	}
}

// TestMigrate: a file of schema 1 says the same after it was brought up to
// date, and can all that a new one can.
func TestMigrate(t *testing.T) {
	file, want := sampleV1(t)
	dir := write(t, file)
	if _, err := Open(dir, Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "open it once for writing") {
		t.Errorf("for reading only: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if err := sound(t, dir, want); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	rules, pending, err := s.ArmingState(t.Context())
	if rules != "" || !pending || err != nil {
		t.Errorf("rules %q, pending %v, %v", rules, pending, err)
	}
	done, err := s.Judge(t.Context(), "rules", disarmIPs)
	if err != nil || done.NowDisarmed == 0 || done.NowDisarmed != done.Disarmed {
		t.Errorf("%+v, %v", done, err)
	}
	h := hit("9", 9)
	h.Direction, h.Outcome = ioc.Outbound, ioc.Blocked
	if _, err := s.PutHits(t.Context(), []ioc.Hit{h, hit("1", 1)}); err != nil {
		t.Error(err)
	}
	if n, _, err := s.MarkHits(t.Context(), store.HitFilter{Value: h.Value}, ioc.Mark{Verdict: ioc.FalsePositive}, disarmIPs); n != 4 || err != nil {
		t.Errorf("%d marked, %v", n, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMigrateDamaged: what is whole in a damaged file of schema 1 is saved.
func TestMigrateDamaged(t *testing.T) {
	file, _ := sampleV1(t)
	value := generated(1, 2, "").Members[5].Value
	at := bytes.Index(file, []byte(value)) &^ 4095
	for i := range 12 { // the head of the page: SQLite cannot read it
		file[at+i] ^= 0x5a
	}
	dir := write(t, file)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("opened: %v", err)
	}
	done, err := Repair(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if done.Hits != 3 || done.Runs != 1 || done.Refused != 1 || done.Feeds != 2 || !done.Collect {
		t.Errorf("%+v", done)
	}
	for _, l := range done.Lost {
		if !strings.HasPrefix(l, "members of report") {
			t.Errorf("lost %s, which was whole", l)
		}
	}
}

// disarmIPs disarms addresses, says of one in four that it is lowered, and
// passes on marks and decisions.
func disarmIPs(o ioc.Observable, f ioc.Facts) ioc.Arming {
	a := ioc.Arming{Marks: f.Marks}
	if o.Type == ioc.IP {
		a.Disarmed, a.By, a.Why = true, ioc.ByList, "an address"
		a.Lists = []ioc.ListMatch{{List: "all addresses", Entry: o.Value, Match: ioc.MatchExact}}
	} else if len(o.Value)%4 == 0 {
		a.Lists = []ioc.ListMatch{{List: "lengths", Entry: fmt.Sprint(len(o.Value)), Match: ioc.MatchRegex, Lowers: true}}
	}
	for _, d := range f.Decisions {
		a.Disarmed, a.By, a.Why = d.Verdict == ioc.Disarm, ioc.ByPerson, d.Why
	}
	return a
}
