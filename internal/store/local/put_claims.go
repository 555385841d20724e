package local

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/iochunt/iochunt/internal/ioc"
)

// claimText is the part of a claim that many memberships share: most feeds
// say the same, or nothing, of all members of a report. It is stored once; the
// empty one, number 0, is not stored at all.
type claimText struct {
	declared, role, title, description, content string
	confidence                                  uint8
}

func textOf(c ioc.Claim) claimText {
	return claimText{c.Declared, c.Role, c.Title, c.Description, c.Content, c.Confidence}
}

func (c claimText) claim() ioc.Claim {
	return ioc.Claim{Declared: c.declared, Role: c.role, Title: c.title, Description: c.description, Content: c.content, Confidence: c.confidence}
}

func (c claimText) hash() int64 {
	return hash64(c.declared, c.role, c.title, c.description, c.content, string([]byte{c.confidence}))
}

const claimColumns = "id, hash, declared, role, title, description, content, confidence"

func (c *claimText) scan(row scanner, id, hash *int64, more ...any) error {
	return row(append([]any{id, hash, &c.declared, &c.role, &c.title, &c.description, &c.content, &c.confidence}, more...)...)
}

// claimTable counts, over a batch, how the use of claims changes. A claim that
// nobody uses any more is deleted.
type claimTable struct {
	last  int64 // the highest number given
	fresh map[claimText]int64
	texts map[int64]claimText // the inverse of fresh
	refs  map[int64]int64     // by how much the uses change
}

func newClaimTable(t *tx) (claimTable, error) {
	ct := claimTable{fresh: map[claimText]int64{}, texts: map[int64]claimText{}, refs: map[int64]int64{}}
	return ct, one(t, "SELECT coalesce(max(id), 0) FROM claim", nil, &ct.last)
}

func (ct *claimTable) use(id, n int64) {
	if id != 0 {
		ct.refs[id] += n
	}
}

// find fills in the numbers of texts, new ones for texts never seen.
func (ct *claimTable) find(t *tx, texts map[claimText]int64) error {
	delete(texts, claimText{})
	hashes := make([]int64, 0, len(texts))
	for c := range texts {
		if texts[c] = ct.fresh[c]; texts[c] == 0 {
			hashes = append(hashes, c.hash())
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	err := each(t, "SELECT "+claimColumns+" FROM claim WHERE hash IN (SELECT value FROM json_each(?))", []any{ids(hashes)}, func(row scanner) error {
		var c claimText
		var id, hash int64
		err := c.scan(row, &id, &hash)
		if _, wanted := texts[c]; wanted {
			texts[c] = id
		}
		return err
	})
	for c, id := range texts {
		if id == 0 {
			ct.last++
			texts[c], ct.fresh[c], ct.texts[ct.last] = ct.last, ct.last, c
		}
	}
	return err
}

// text returns the text of a number.
func (ct *claimTable) text(t *tx, id int64) (c claimText, err error) {
	if id == 0 {
		return c, nil
	}
	if c, ok := ct.texts[id]; ok {
		return c, nil
	}
	var hash int64
	err = c.scan(func(dest ...any) error {
		return one(t, "SELECT "+claimColumns+" FROM claim WHERE id = ?", []any{id}, dest...)
	}, &id, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: claim %d is missing", ErrDamaged, id)
	}
	return c, err
}

// flush writes the new claims and the changed counts.
func (ct *claimTable) flush(t *tx) error {
	rows := bulk{t: t, columns: 9, insert: "INSERT OR FAIL INTO claim(" + claimColumns + ", refs) VALUES "}
	for id := ct.last - int64(len(ct.fresh)) + 1; id <= ct.last; id++ { // in order: so a page is filled before the next one
		c, refs := ct.texts[id], ct.refs[id]
		delete(ct.refs, id)
		if refs == 0 {
			continue // it came and went within the batch
		}
		if err := rows.add(id, c.hash(), c.declared, c.role, c.title, c.description, c.content, int64(c.confidence), refs); err != nil {
			return err
		}
	}
	if err := rows.flush(); err != nil {
		return err
	}
	for id, n := range ct.refs {
		if err := ct.recount(t, id, n); err != nil {
			return err
		}
	}
	return nil
}

func (ct *claimTable) recount(t *tx, id, n int64) error {
	if n == 0 {
		return nil
	}
	if err := t.exec("UPDATE claim SET refs = refs + ? WHERE id = ?", n, id); err != nil || n > 0 {
		return err
	}
	return t.exec("DELETE FROM claim WHERE id = ? AND refs <= 0", id)
}
