package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A verdict is stored once for all observables that have the same. Numbers are
// never given twice, so that a verdict once decoded can be kept. One that no
// observable has any more is deleted in the transaction that took it away.
const (
	verdictTable = `CREATE TABLE verdict(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, disarmed INTEGER NOT NULL, lowered INTEGER NOT NULL,
 doc TEXT NOT NULL, chk INTEGER NOT NULL)`
	verdictIndex = `CREATE INDEX observable_verdict ON observable(verdict) WHERE verdict <> 0`
)

// verdict is a row of verdict, and its zero value what is said of most
// observables: nothing.
type verdict struct {
	id                int64
	disarmed, lowered bool
	doc               string // the ioc.Arming, as JSON
}

func newVerdict(a ioc.Arming) (verdict, error) {
	if a.IsZero() {
		return verdict{}, nil
	}
	doc, err := json.Marshal(a)
	return verdict{disarmed: a.Disarmed, lowered: lowered(&a), doc: string(doc)}, err
}

// lowered reports whether lists lower the score of what is armed.
func lowered(a *ioc.Arming) bool {
	return !a.Disarmed && slices.ContainsFunc(a.Lists, func(l ioc.ListMatch) bool { return l.Lowers })
}

func (v *verdict) hash() int64 { return hash64(v.doc) }

func (v *verdict) chk() int64 {
	return sum(9).num(v.id, v.hash(), bit(v.disarmed), bit(v.lowered)).row()
}

// decodeVerdict is the inverse of newVerdict.
func decodeVerdict(doc []byte) (*ioc.Arming, error) {
	a := new(ioc.Arming)
	if err := json.Unmarshal(doc, a); err != nil {
		return nil, fmt.Errorf("%w: a verdict: %w", ErrDamaged, err)
	}
	return a, nil
}

// internVerdicts gives verdicts their numbers, and stores those that are new.
func internVerdicts(t *tx, vs []verdict) error {
	byDoc := map[string]int64{}
	var hashes []int64
	for i := range vs {
		if _, dup := byDoc[vs[i].doc]; vs[i].doc != "" && !dup {
			byDoc[vs[i].doc] = 0
			hashes = append(hashes, vs[i].hash())
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	slices.Sort(hashes)
	err := each(t, "SELECT id, doc FROM verdict WHERE hash IN (SELECT value FROM json_each(?))", []any{ids(hashes)}, func(row scanner) error {
		var id int64
		var doc string
		err := row(&id, &doc)
		if _, wanted := byDoc[doc]; wanted {
			byDoc[doc] = id
		}
		return err
	})
	if err != nil {
		return err
	}
	return numberVerdicts(t, vs, byDoc)
}

func numberVerdicts(t *tx, vs []verdict, byDoc map[string]int64) error {
	last, err := meta(t, metaVerdicts)
	if err != nil {
		return err
	}
	before := last
	for i := range vs {
		v := &vs[i]
		if v.doc == "" {
			continue
		}
		if v.id = byDoc[v.doc]; v.id != 0 {
			continue
		}
		last++
		v.id, byDoc[v.doc] = last, last
		if err := t.exec("INSERT INTO verdict(id, hash, disarmed, lowered, doc, chk) VALUES (?, ?, ?, ?, ?, ?)",
			v.id, v.hash(), bit(v.disarmed), bit(v.lowered), v.doc, v.chk()); err != nil {
			return err
		}
	}
	if last == before {
		return nil
	}
	return t.setMeta(metaVerdicts, last)
}

// sweepVerdicts deletes those of some verdicts that no observable has any more.
func sweepVerdicts(t *tx, some map[int64]bool) error {
	delete(some, 0)
	if len(some) == 0 {
		return nil
	}
	keys := make([]int64, 0, len(some))
	for id := range some {
		keys = append(keys, id)
	}
	return t.exec(`DELETE FROM verdict WHERE id IN (SELECT value FROM json_each(?))
 AND NOT EXISTS (SELECT 1 FROM observable o INDEXED BY observable_verdict WHERE o.verdict = verdict.id AND o.verdict <> 0)`, ids(keys))
}

// verdictCache keeps verdicts decoded, which all who read them share.
type verdictCache struct {
	mu    sync.Mutex
	known map[int64]*ioc.Arming
}

// keptVerdicts bounds the memory of the cache.
const keptVerdicts = 1 << 14

// decode returns a verdict whose text the caller has read, nil for number 0.
func (c *verdictCache) decode(id int64, doc []byte) (*ioc.Arming, error) {
	if id == 0 {
		return nil, nil
	}
	if a := c.get(id); a != nil {
		return a, nil
	}
	if doc == nil {
		return nil, fmt.Errorf("%w: verdict %d is missing", ErrDamaged, id)
	}
	a, err := decodeVerdict(doc)
	if err == nil {
		c.put(id, a)
	}
	return a, err
}

// load returns a verdict, nil for number 0.
func (c *verdictCache) load(q querier, id int64) (*ioc.Arming, error) {
	if id == 0 {
		return nil, nil
	}
	if a := c.get(id); a != nil {
		return a, nil
	}
	var doc []byte
	err := one(q, "SELECT doc FROM verdict WHERE id = ?", []any{id}, &doc)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	return c.decode(id, doc)
}

func (c *verdictCache) get(id int64) *ioc.Arming {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[id]
}

func (c *verdictCache) put(id int64, a *ioc.Arming) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= keptVerdicts {
		c.known = map[int64]*ioc.Arming{}
	}
	c.known[id] = a
}

// Arming returns the verdict that is stored of an observable, be it withdrawn
// or not; the zero Arming where nothing is said, or the observable is unknown.
func (s *Store) Arming(ctx context.Context, o ioc.Observable) (a ioc.Arming, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		ts, err := loadTypes(q)
		if err != nil {
			return err
		}
		found, err := findStored(q, ts, []ioc.Observable{o})
		if err != nil || len(found) == 0 {
			return err
		}
		shared, err := s.verdicts.load(q, found[0].verdict)
		if shared != nil {
			a = *shared
			a.Lists = slices.Clone(a.Lists)
		}
		return err
	})
	return a, err
}

// findStored returns those of some observables that the store has, each once.
func findStored(q querier, ts *types, some []ioc.Observable) (found []*observable, err error) {
	wanted := make(map[ioc.Observable]bool, len(some))
	for _, o := range some {
		wanted[o] = true
	}
	hashes := make([]int64, 0, len(wanted))
	for o := range wanted {
		hashes = append(hashes, observableHash(o))
	}
	slices.Sort(hashes)
	err = each(q, "SELECT "+observableColumns+", o.value FROM observable o WHERE o.hash IN (SELECT value FROM json_each(?)) ORDER BY o.id", []any{ids(hashes)}, func(row scanner) error {
		o := &observable{}
		err := o.scan(row, &o.Value)
		o.Type = ts.names[o.code]
		if wanted[o.Observable] {
			found = append(found, o)
		}
		return err
	})
	return found, err
}

// countVerdicts counts what verdicts say of observables that are not withdrawn.
func (s *Store) countVerdicts(q querier, c *store.Counts) error {
	return each(q, `SELECT v.doc, (SELECT count(*) FROM observable o INDEXED BY observable_verdict WHERE o.verdict = v.id AND o.verdict <> 0 AND o.live > 0)
 FROM verdict v WHERE v.disarmed OR v.lowered`, nil, func(row scanner) error {
		var doc sql.RawBytes
		var n int
		if err := row(&doc, &n); err != nil || n == 0 {
			return err
		}
		a, err := decodeVerdict(doc)
		if err != nil {
			return err
		}
		if !a.Disarmed {
			c.Lowered += n
			return nil
		}
		if c.ByRule == nil {
			c.ByRule = map[string]int{}
		}
		c.Disarmed += n
		for _, rule := range rules(a) {
			c.ByRule[rule] += n
		}
		return nil
	})
}

// rules returns what disarms: the rule, or the name of each list.
func rules(a *ioc.Arming) (names []string) {
	if a.By != ioc.ByList {
		return []string{a.By}
	}
	for _, l := range a.Lists {
		if !l.Lowers && !slices.Contains(names, l.List) {
			names = append(names, l.List)
		}
	}
	return names
}
