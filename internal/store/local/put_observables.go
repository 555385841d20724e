package local

import (
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
)

// observable is a row of observable on its way through a batch.
type observable struct {
	ioc.Observable
	id, hash, code int64
	state
	was      state
	disarmed bool // by its verdict
	fresh    bool // not in the file yet
	renewed  bool // a claim that ages was made anew
	stale    bool // expires has to be found anew among the memberships
}

// state is what changes in an observable.
type state struct {
	live    int64 // memberships that are not withdrawn
	expires int64 // the latest among those; null: never
	armed   int64
	verdict int64 // 0: nothing is said
}

func (o *observable) chk(s state) int64 {
	h := sum(5).num(o.id, o.hash, o.code, s.live, s.expires, s.armed)
	if s.verdict != 0 { // schema 1 had none
		h = h.num(s.verdict)
	}
	return h.row()
}

// isDisarmed is true of a row o of observable that may not raise hits.
const isDisarmed = "(o.verdict <> 0 AND EXISTS (SELECT 1 FROM verdict v WHERE v.id = o.verdict AND v.disarmed))"

// observableColumns are the columns that scan reads.
const observableColumns = "o.id, o.hash, o.type, o.live, o.expires, o.armed, o.verdict, " + isDisarmed

// scan reads a row but for its value, and more columns behind it.
func (o *observable) scan(row scanner, more ...any) error {
	err := row(append([]any{&o.id, &o.hash, &o.code, &o.live, (*nullable)(&o.expires), &o.armed, &o.verdict, &o.disarmed}, more...)...)
	o.was = o.state
	return err
}

func observableHash(o ioc.Observable) int64 { return hash64(string(o.Type), o.Value) }

func (p *put) newObservable(o ioc.Observable) (*observable, error) {
	code, err := p.types.code(p.t, o.Type)
	return &observable{Observable: o, hash: observableHash(o), code: code, fresh: true,
		state: state{expires: null}, was: state{expires: null}}, err
}

// findObservables reads what the file has of them, and numbers the others.
func (p *put) findObservables(order []*observable) error {
	byHash := make(map[int64][]*observable, len(order))
	hashes := make([]int64, 0, len(order))
	for _, o := range order {
		byHash[o.hash] = append(byHash[o.hash], o)
		hashes = append(hashes, o.hash)
	}
	slices.Sort(hashes)
	err := each(p.t, "SELECT "+observableColumns+", o.value FROM observable o WHERE o.hash IN (SELECT value FROM json_each(?))", []any{ids(hashes)}, func(row scanner) error {
		var stored observable
		err := stored.scan(row, &stored.Value)
		for _, o := range byHash[stored.hash] {
			if o.code == stored.code && o.Value == stored.Value {
				o.id, o.state, o.was, o.disarmed, o.fresh = stored.id, stored.state, stored.state, stored.disarmed, false
			}
		}
		return err
	})
	for _, o := range order {
		if o.fresh {
			p.lastObs++
			o.id = p.lastObs
			p.changes.Observables++
		}
	}
	return err
}

// writeObservables arms what has to meet old events again, and writes what is
// new or changed. The members are written already.
func (p *put) writeObservables(order []*observable) error {
	if err := p.recount(order); err != nil {
		return err
	}
	rows := bulk{t: p.t, columns: 7, insert: "INSERT OR FAIL INTO observable(id, hash, type, value, live, expires, armed) VALUES "}
	for _, o := range order {
		p.arm(o)
		if o.fresh {
			p.sum += o.chk(o.state)
			if err := rows.add(o.id, o.hash, o.code, o.Value, o.live, column(o.expires), o.armed); err != nil {
				return err
			}
		} else if err := p.update(o); err != nil {
			return err
		}
	}
	return rows.flush()
}

// arm arms an observable that had no live membership, or that holds for longer
// than it did.
func (p *put) arm(o *observable) {
	rose := o.was.live == 0 && o.live > 0
	longer := o.was.live > 0 && o.expires != o.was.expires && later(o.expires, o.was.expires) == o.expires
	if rose || longer || o.renewed && o.live > 0 {
		o.armed = p.armed
		p.arming = true
	}
	if (o.was.live > 0) != (o.live > 0) && !o.disarmed && o.Type.Huntable() {
		p.hunted = true
	}
}

func (p *put) update(o *observable) error {
	if o.state == o.was {
		return nil
	}
	p.sum += o.chk(o.state) - o.chk(o.was)
	return p.t.exec("UPDATE observable SET live = ?, expires = ?, armed = ? WHERE id = ?", o.live, column(o.expires), o.armed, o.id)
}

// recount finds the expiry of those whose latest claim may have gone.
func (p *put) recount(order []*observable) error {
	stale := map[int64]*observable{}
	var keys []int64
	for _, o := range order {
		if o.stale {
			stale[o.id] = o
			keys = append(keys, o.id)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	return each(p.t, `SELECT observable, CASE WHEN count(expires) = count(*) THEN max(expires) END FROM member
 WHERE removed IS NULL AND observable IN (SELECT value FROM json_each(?)) GROUP BY observable`, []any{ids(keys)}, func(row scanner) error {
		var id int64
		var expires nullable
		err := row(&id, &expires)
		if o := stale[id]; o != nil {
			o.expires = int64(expires)
		}
		return err
	})
}
