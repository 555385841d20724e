package stix

import (
	"cmp"
	"maps"
	"slices"
)

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
		g.claim(said)
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
