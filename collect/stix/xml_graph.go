package stix

import (
	"cmp"
	"maps"
	"slices"
)

// xGraph holds the things of a package that still matter: those that another
// one may refer to and that nobody has vouched for yet. What is done gives up
// its place, so that a package whose indicators hold their observables in
// themselves costs a few bytes for each id and no more.
type xGraph struct {
	things []xThing
	known  map[uint64]int32 // by key: the index of a thing; below zero, what is left of one that is done
	arena  xArena
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
}

type xVisit struct {
	i    int32
	v    xVerdict
	said *xSaid
}

// xGone stands for a thing that is done and whose place is given up.
const xGone int32 = -1

// xLeft is what is left of a done thing in known: its print, so that another
// thing with its id is told from it.
func xLeft(print uint32) int32 { return -int32(print>>1) - 1 }

// define takes up a thing by its keys; the first one that is not 0 is its own,
// the others are names for it, too. It returns its index, or xGone where the
// same thing was done before.
//
// An id that is used for two different things is a fault of the producer, but
// no reason to lose one of them: the second one is a thing without an id.
func (g *xGraph) define(rec *xRecord, root bool, keys ...uint64) (int32, error) {
	g.w.b = g.w.b[:0]
	g.w.record(rec)
	print := uint32(xHashBytes(g.w.b) >> 32)
	keys = slices.DeleteFunc(keys, func(k uint64) bool { return k == 0 })
	if len(keys) > 0 {
		if old, same := g.same(keys[0], print); same {
			return old, nil
		}
	}
	i := g.place(keys)
	t := &g.things[i]
	t.print, t.defined, t.root, t.named, t.own = print, true, root, len(keys) > 0, rec.said.from
	t.at = g.arena.put(g.w.b)
	g.since = append(g.since, i)
	if err := g.answer(i); err != nil {
		return i, err
	}
	return i, g.names(i, keys)
}

// same reports whether the thing with that key was defined before, and alike.
func (g *xGraph) same(key uint64, print uint32) (int32, bool) {
	old, ok := g.known[key]
	switch {
	case !ok:
		return 0, false
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
		if old, ok := g.known[k]; ok && old >= 0 && !g.things[old].defined {
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
		old, ok := g.known[k]
		switch {
		case !ok:
			g.known[k] = i
			g.fresh = append(g.fresh, k)
		case old == i:
			g.fresh = append(g.fresh, k)
		case old >= 0 && !g.things[old].defined:
			t := &g.things[old]
			g.w.b = g.w.b[:0]
			g.w.record(&xRecord{kids: []xKid{{i, xAlone}}})
			t.at, t.defined, t.named = g.arena.put(g.w.b), true, true
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
		r := xReader{g.arena.get(said.at)}
		r.claim(said)
	}
	delete(g.heard, i)
	t.best = xUnseen
	return g.visit(i, v, said)
}

// refer returns the thing with that key; one that has not been read yet is
// known by the text of the reference until then.
func (g *xGraph) refer(key uint64, id string) int32 {
	if i, ok := g.known[key]; ok {
		return max(i, xGone)
	}
	i := int32(len(g.things))
	g.things = append(g.things, xThing{at: g.arena.put([]byte(jClip(id, jShown))), named: true})
	g.known[key] = i
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
	g.work = append(g.work[:0], xVisit{i, v, said})
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
	said := rec.heard(w.said)
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
	r := xReader{g.arena.get(t.at)}
	r.record(&g.rec)
	return &g.rec
}

// heard returns what is said of a thing: by the indicator that it is or that
// led to it, else by itself. What an indicator leaves out is as in the one that
// it is a part of.
func (rec *xRecord) heard(by *xSaid) *xSaid {
	if by != nil && by.from && !rec.said.from {
		return by
	}
	s := rec.said
	s.at = 0
	if by == nil {
		return &s
	}
	for _, p := range []struct{ to, from *string }{
		{&s.id, &by.id}, {&s.Title, &by.Title}, {&s.Description, &by.Description}, {&s.Role, &by.Role},
	} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	return &s
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
	if ends {
		g.leave()
		return nil
	}
	for _, i := range g.since {
		if err := g.speak(i); err != nil {
			return err
		}
	}
	for _, k := range g.fresh {
		g.known[k] = xLeft(g.things[g.known[k]].print)
	}
	g.things = g.things[:g.mark]
	g.arena.cut(g.cut)
	return nil
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
		if g.known[k] == last {
			g.known[k] = xLeft(t.print)
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

// xObservable is the role of a value that a package names with no indicator.
const xObservable = "observable"

// finish judges what is left at the end of a package: observables that nobody
// referred to stand alone, references to nothing are refused. Those that are
// parts are left to the things that they are parts of, unless these go round in
// a circle.
func (g *xGraph) finish() error {
	for _, parts := range []bool{false, true} {
		if err := g.listed(parts); err != nil {
			return err
		}
	}
	if err := g.extend(); err != nil {
		return err
	}
	for i := range g.things {
		if err := g.conclude(int32(i)); err != nil {
			return err
		}
	}
	return nil
}

// listed takes the observables of the package that nobody referred to.
func (g *xGraph) listed(parts bool) error {
	bare := &xSaid{}
	bare.Role = xObservable
	for _, i := range g.roots {
		if t := &g.things[i]; t.best == xUnseen && t.part == parts {
			if err := g.visit(i, xAlone, bare); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *xGraph) conclude(i int32) error {
	t := &g.things[i]
	if t.defined {
		t.best = max(t.best, xNegated)
		return g.speak(i)
	}
	l := xLeaf{typ: "reference", value: string(g.arena.get(t.at))}
	return g.emit(&l, &xSaid{id: l.value}, Unresolved)
}

// xLonger is what is said of a thing by an indicator that holds longer than the
// one with which it came out.
type xLonger struct {
	until uint32
	said  uint64
}

func xLater(a, b uint32) bool { return b != 0 && (a == 0 || a > b) }

// again notes that a thing which is out already is said to hold for longer. An
// indicator says itself how long it does.
func (g *xGraph) again(w xVisit) {
	t := &g.things[w.i]
	if w.v != xAlone || t.own || w.said == nil || !w.said.from {
		return
	}
	until := xUntil(w.said)
	if !t.defined && xLater(until, t.until) {
		g.remember(w)
	}
	if !t.defined {
		return
	}
	if l, ok := g.longer[w.i]; !xLater(until, t.until) || ok && !xLater(until, l.until) {
		return
	}
	if g.longer == nil {
		g.longer = make(map[int32]xLonger)
	}
	g.longer[w.i] = xLonger{until, g.keep(w.said)}
	g.held = true
}

// extend hands out once more what holds longer. The longest comes first, so
// that no thing comes more than once.
func (g *xGraph) extend() error {
	order := slices.SortedFunc(maps.Keys(g.longer), func(a, b int32) int {
		x, y := g.longer[a].until, g.longer[b].until
		return cmp.Or(cmp.Compare(y-1, x-1), cmp.Compare(a, b)) // 0, for ever, is the greatest
	})
	for _, i := range order {
		said := &xSaid{at: g.longer[i].said}
		r := xReader{g.arena.get(said.at)}
		r.claim(said)
		g.work = append(g.work[:0], xVisit{i, xAlone, said})
		for len(g.work) > 0 {
			w := g.work[len(g.work)-1]
			g.work = g.work[:len(g.work)-1]
			if err := g.prolong(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *xGraph) prolong(w xVisit) error {
	t := &g.things[w.i]
	if t.best != xAlone || t.own || !t.defined || !xLater(xUntil(w.said), t.until) {
		return nil
	}
	t.until = xUntil(w.said)
	rec := g.open(t)
	for i := range rec.leaves {
		if l := &rec.leaves[i]; l.reason == "" {
			if err := g.emit(l, w.said, ""); err != nil {
				return err
			}
		}
	}
	for _, k := range rec.kids {
		if k.most == xAlone {
			g.work = append(g.work, xVisit{k.i, xAlone, w.said})
		}
	}
	return nil
}
