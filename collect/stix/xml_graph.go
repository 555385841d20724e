package stix

import (
	"errors"
	"hash/maphash"
	"slices"
)

// xGraph holds the things of a package that still matter: those that another
// one may refer to and that nobody has vouched for yet. What is done gives up
// its place, so that a package whose indicators hold their observables in
// themselves costs a few bytes for each id and no more.
type xGraph struct {
	things []xThing
	known  xIndex // by key: the index of a thing; below zero, what is left of one that is done
	arena  xArena
	hold   xHold // of things that are done
	emit   func(l *xLeaf, s *xSaid, refused string) error

	roots []int32  // things that are listed in the package, in order
	since []int32  // things that were defined since begin
	fresh []uint64 // keys that got known since begin
	held  bool     // a reference since begin leads to what has not been read
	mark  int
	cut   uint64

	heard  map[int32]uint64  // what was said of things that have not been read
	longer map[int32]xLonger // things that hold longer than was said when they came out

	work []xVisit
	rec  xRecord
	w    xWriter
	said [8]xSaid // what heard returns
	used int
}

type xVisit struct {
	i    int32
	v    xVerdict
	said *xSaid
}

// xGone stands for a thing that is done and whose place is given up.
const xGone int32 = -1

// What is left in known of a thing that is done: its print, so that another
// thing with its id is told from it; or where it is held.
func xLeft(print uint32) int32 { return ^int32(print >> 2 << 1) }
func xPlaced(at uint32) int32  { return ^int32(at<<1 | 1) }

// xPlace returns where a thing is held, if it is.
func xPlace(left int32) (at uint32, ok bool) { return uint32(^left) >> 1, left < 0 && ^left&1 == 1 }

// define takes up a thing by its keys; the first one that is not 0 is its own,
// the others are names for it, too. It returns its index, or xGone where the
// same thing was done before.
//
// An id that is used for two different things is a fault of the producer, but
// no reason to lose one of them: the second one is a thing without an id.
func (g *xGraph) define(rec *xRecord, root bool, keys ...uint64) (int32, error) {
	g.w.b = g.w.b[:0]
	g.w.record(rec)
	print := g.print(rec)
	keys = slices.DeleteFunc(keys, func(k uint64) bool { return k == 0 })
	if len(keys) > 0 {
		if old, same := g.same(keys[0], print); same {
			g.forget(rec.kids)
			return old, nil
		}
	}
	i := g.place(keys)
	t := &g.things[i]
	t.print, t.defined, t.root, t.named, t.own, t.parts = print, true, root, len(keys) > 0, rec.said.from, len(rec.kids) > 0
	t.at = g.arena.put(g.w.b)
	g.since = append(g.since, i)
	if err := g.answer(i); err != nil {
		return i, err
	}
	return i, g.names(i, keys)
}

// print is of what a thing holds, whose record has just been written: its parts
// that have no id count by what they hold, as their places say nothing.
func (g *xGraph) print(rec *xRecord) uint32 {
	h := maphash.Bytes(xSeed, g.w.b[:g.w.kids])
	for _, k := range rec.kids {
		part := uint64(k.i) << 1
		if t := &g.things[k.i]; !t.named {
			part = uint64(t.print)<<1 | 1
		}
		h = (h ^ part<<3 ^ uint64(k.most)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return uint32(h >> 32)
}

// forget gives up parts without an id of a thing that was there before with
// equal ones.
func (g *xGraph) forget(kids []xKid) {
	for work := slices.Clone(kids); len(work) > 0; {
		t := &g.things[work[len(work)-1].i]
		if work = work[:len(work)-1]; t.named || !t.defined || t.best == xAlone {
			continue
		}
		t.best = xAlone // it is out with the other one, or refused
		work = append(work, g.open(t).kids...)
	}
}

// same reports whether the thing with that key was defined before, and alike.
func (g *xGraph) same(key uint64, print uint32) (int32, bool) {
	old, ok := g.known.get(key)
	at, held := xPlace(old)
	switch {
	case !ok:
		return 0, false
	case held:
		if g.hold.get(at).print != print {
			return 0, false
		}
		return g.revive(at), true
	case old < 0:
		return xGone, old == xLeft(print)
	}
	t := &g.things[old]
	return old, t.defined && t.print == print
}

// place returns the place of a new thing: that of the one which was referred to
// before, if any.
func (g *xGraph) place(keys []uint64) int32 {
	for _, k := range keys {
		if old, ok := g.known.get(k); ok && old >= 0 && !g.things[old].defined {
			return old
		}
	}
	g.things = append(g.things, xThing{})
	return int32(len(g.things) - 1)
}

// names makes the thing known by its keys. Where several of them were referred
// to before, the others lead on to it.
func (g *xGraph) names(i int32, keys []uint64) error {
	for _, k := range keys {
		old, ok := g.known.get(k)
		switch {
		case !ok:
			g.known.set(k, i)
			g.fresh = append(g.fresh, k)
		case old == i:
			g.fresh = append(g.fresh, k)
		case old >= 0 && !g.things[old].defined:
			t := &g.things[old]
			g.w.b = g.w.b[:0]
			g.w.record(&xRecord{kids: []xKid{{i, xAlone}}})
			t.at, t.defined, t.named, t.parts = g.arena.put(g.w.b), true, true, true
			g.since = append(g.since, old)
			g.fresh = append(g.fresh, k)
			if err := g.answer(old); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer lets those be heard who referred to a thing before it was there.
func (g *xGraph) answer(i int32) error {
	t := &g.things[i]
	v := t.best
	if v == xUnseen {
		return nil
	}
	said := &xSaid{at: g.heard[i]}
	if said.at != 0 {
		g.claim(said)
	}
	delete(g.heard, i)
	t.best = xUnseen
	return g.visit(i, v, said)
}

// refer returns the thing with that key; one that has not been read yet is
// known by the text of the reference until then.
func (g *xGraph) refer(key uint64, id string) int32 {
	if i, ok := g.known.get(key); ok {
		if at, held := xPlace(i); held {
			return g.revive(at)
		}
		return max(i, xGone)
	}
	i := int32(len(g.things))
	g.things = append(g.things, xThing{at: g.arena.put([]byte(jClip(id, jShown))), named: true})
	g.known.set(key, i)
	g.held = true
	return i
}

// revive makes a thing of what is held, so that it can be referred to.
func (g *xGraph) revive(at uint32) int32 {
	h := g.hold.get(at)
	if h.thing > 0 {
		return int32(h.thing - 1)
	}
	i := int32(len(g.things))
	g.things = append(g.things, xThing{at: g.arena.put(h.record), print: h.print, until: h.until, best: xAlone, defined: true, named: true})
	g.hold.revived(at, i)
	g.held = true
	return i
}

// visit says of a thing, and of what it holds, that it is reached with v. A
// thing goes through this once for each verdict at most, and only up, so that
// circles end and the work is linear.
func (g *xGraph) visit(i int32, v xVerdict, said *xSaid) error {
	if i == xGone {
		return nil
	}
	g.work, g.used = append(g.work[:0], xVisit{i, v, said}), 0
	for len(g.work) > 0 {
		w := g.work[len(g.work)-1]
		g.work = g.work[:len(g.work)-1]
		if w.v <= g.things[w.i].best {
			g.again(w)
			continue
		}
		if err := g.reach(w); err != nil {
			return err
		}
	}
	return nil
}

func (g *xGraph) reach(w xVisit) error {
	t := &g.things[w.i]
	t.best = w.v
	if !t.defined {
		g.remember(w)
		return nil
	}
	rec := g.open(t)
	said := g.says(rec, w.said)
	if w.v == xAlone {
		t.until = xUntil(said)
		for i := range rec.leaves {
			if err := g.emit(&rec.leaves[i], said, rec.leaves[i].refusal(xAlone)); err != nil {
				return err
			}
		}
	}
	for _, k := range slices.Backward(rec.kids) {
		g.work = append(g.work, xVisit{k.i, min(w.v, k.most), said})
	}
	return nil
}

// remember keeps what is said of a thing that has not been read.
func (g *xGraph) remember(w xVisit) {
	g.heard[w.i] = g.keep(w.said)
	g.things[w.i].until, g.held = xUntil(w.said), true
}

func (g *xGraph) open(t *xThing) *xRecord {
	r := xReader{string(g.arena.get(t.at))}
	r.record(&g.rec)
	return &g.rec
}

// claim reads what is kept of what is said.
func (g *xGraph) claim(s *xSaid) {
	r := xReader{string(g.arena.get(s.at))}
	r.claim(s)
}

// says returns what is said of a thing: by the indicator that it is or that
// led to it, else by itself. What an indicator leaves out is as in the one that
// it is a part of. It is good until the next visit.
func (g *xGraph) says(rec *xRecord, by *xSaid) *xSaid {
	if by != nil && by.from && !rec.said.from {
		return by
	}
	s := g.free()
	*s = rec.said
	s.at = 0
	if by == nil {
		return s
	}
	for _, p := range []struct{ to, from *string }{
		{&s.id, &by.id}, {&s.Title, &by.Title}, {&s.Description, &by.Description}, {&s.Role, &by.Role},
	} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	return s
}

// free returns a place for what is said; most visits need one or two.
func (g *xGraph) free() *xSaid {
	if g.used == len(g.said) {
		return new(xSaid)
	}
	g.used++
	return &g.said[g.used-1]
}

// keep keeps what a referrer says until the thing comes.
func (g *xGraph) keep(s *xSaid) uint64 {
	if s == nil {
		return 0
	}
	if s.at == 0 {
		g.w.b = g.w.b[:0]
		g.w.claim(s)
		s.at = g.arena.put(g.w.b)
	}
	return s.at
}

// begin is called before an element is read whose things belong together.
func (g *xGraph) begin() {
	g.since, g.fresh, g.held = g.since[:0], g.fresh[:0], false
	g.mark, g.cut = len(g.things), g.arena.mark()
}

// settle is called behind such an element. Where all that has an id stands
// alone and for ever, nobody can say anything more of it: it is given up.
func (g *xGraph) settle() error {
	ends, keep := false, g.held
	for _, i := range g.since {
		t := &g.things[i]
		if t.root && t.best == xUnseen {
			g.roots = append(g.roots, i)
		}
		keep = keep || t.best == xUnseen || t.named && t.best != xAlone
		ends = ends || t.named && !t.own && t.until != 0
	}
	if keep {
		return nil
	}
	if ends && !g.flat() {
		g.leave()
		return nil
	}
	return g.done()
}

// flat reports whether the things since begin are known by their keys alone and,
// but for indicators, have no parts.
func (g *xGraph) flat() bool {
	return !slices.ContainsFunc(g.since, func(i int32) bool {
		t := &g.things[i]
		return !t.own && (t.parts || int(i) < g.mark)
	})
}

// done gives up the things since begin. Of those that end the values are held.
func (g *xGraph) done() error {
	for _, i := range g.since {
		if err := g.speak(i); err != nil {
			return err
		}
	}
	var err error
	for _, k := range g.fresh {
		i, _ := g.known.get(k)
		t := &g.things[i]
		if t.left == 0 {
			if t.left, err = g.rest(t); err != nil {
				return err
			}
		}
		g.known.set(k, t.left)
	}
	g.things = g.things[:g.mark]
	g.arena.cut(g.cut)
	return nil
}

var errHeld = errors.New("over the bound for one package (4 GiB of values that expire)")

// rest returns what is left of a thing that is given up: where its values are
// held, if another indicator could say that they hold for longer.
func (g *xGraph) rest(t *xThing) (int32, error) {
	if !t.named || t.own || t.until == 0 {
		return xLeft(t.print), nil
	}
	rec := g.open(t)
	rec.said = xSaid{}
	rec.leaves = slices.DeleteFunc(rec.leaves, func(l xLeaf) bool { return l.reason != "" })
	if len(rec.leaves) == 0 {
		return xLeft(t.print), nil
	}
	g.w.b = g.w.b[:0]
	g.w.record(rec)
	at, ok := g.hold.put(t.print, t.until, g.w.b)
	if !ok {
		return 0, errHeld
	}
	return xPlaced(at), nil
}

// leave gives up the indicator alone, which is the last one of its things; they
// stay, since another indicator may say that they hold for longer.
func (g *xGraph) leave() {
	last := int32(len(g.things) - 1)
	t := &g.things[last]
	if !t.own || int(last) < g.mark || g.since[len(g.since)-1] != last {
		return
	}
	g.arena.cut(t.at - 1)
	for _, k := range g.fresh {
		if i, _ := g.known.get(k); i == last {
			g.known.set(k, xLeft(t.print))
		}
	}
	g.things = g.things[:last]
}

// speak refuses the values of a thing that did not come to stand alone.
func (g *xGraph) speak(i int32) error {
	t := &g.things[i]
	if t.best == xAlone {
		return nil
	}
	rec := g.open(t)
	for i := range rec.leaves {
		if err := g.emit(&rec.leaves[i], &rec.said, rec.leaves[i].refusal(t.best)); err != nil {
			return err
		}
	}
	return nil
}
