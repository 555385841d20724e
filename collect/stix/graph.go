package stix

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"math"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Graph is what the objects of a STIX 2 collection say of each other. In STIX 2
// an indicator does not name its malware, its author or the report that it is
// of: other objects do, which may come long before or behind it, and may be
// replaced by a newer version. So a collection is read twice. Note takes each
// object and keeps what others need; Read takes the same objects again, in any
// order, and emits those that count with all that is said of them.
//
// Of several versions of one id the newest counts, told by "modified" (STIX 2.1
// §3.6); of equal ones the first. One that is revoked is gone.
//
// Memory is some hundred bytes for each id and forty for each reference, and
// whatever the names and descriptions of malware, actors and reports take.
type Graph struct {
	o      Options
	seed   [2]maphash.Seed
	ids    map[gKey]int32
	nodes  []gNode
	edges  []gEdge
	things []gThing
	gone   map[int32]string // the ids of what is revoked and may be stored

	obj    jObject
	author string // of the first indicator that says so
	tlp    string // the strictest of the indicators
	newest time.Time
}

// gKey is an id, hashed: a collection of a million indicators has two million
// ids and more. The seeds are of this process, so nobody can prepare two ids
// that collide.
type gKey [2]uint64

// gNode is an object, or one that is only referred to so far. Its place in
// Graph.nodes stands for its id.
type gNode struct {
	sec   int64 // when it was modified
	nsec  int32
	ver   int32 // how often a newer version has come; 0 is never seen
	first int32 // of its edges, counted from 1; 0 is none
	last  int32
	thing int32  // what it is called, counted from 1; 0 is nothing
	print uint16 // of what was read, to tell it from another object with its id and time
	flags uint8
}

// What there is to say of a node.
const (
	gRevoked = 1 << iota
	gRead    // emitted, or found to be no more than others need
)

// gEdge leads from an object to one that says something of it.
type gEdge struct {
	to   int32
	via  int32 // the relationship or the report that says so
	ver  int32 // of which version
	next int32 // edge of the same object, counted from 1
}

// NewGraph makes an empty graph.
func NewGraph(o Options) *Graph {
	return &Graph{o: o, seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, ids: make(map[gKey]int32), gone: make(map[int32]string)}
}

var errGraphFull = errors.New("stix: more objects and references than can be kept; ask for less of the collection at a time")

// Note keeps what raw, an object, says of others. An object that cannot be read
// is left to Read. The error is that there are too many.
func (g *Graph) Note(raw json.RawMessage) error {
	if jBad(raw) != "" {
		return nil
	}
	return g.note(raw)
}

// note is Note for what is known to be valid.
func (g *Graph) note(raw []byte) error {
	o := &g.obj
	o.parse(raw)
	switch {
	case o.typ == "bundle":
		return jWithin(o.prop[jObjects], g.note)
	case o.id == "" && (o.typ == "" || jHasValues(o)):
		return nil // nobody can refer to it, nor replace it
	}
	if len(g.nodes) > math.MaxInt32-2 || len(g.edges) > math.MaxInt32/2 {
		return errGraphFull
	}
	i := g.node(o.id)
	n := &g.nodes[i]
	at := o.time(jModified)
	if n.ver > 0 && !at.After(n.time()) {
		return nil
	}
	n.sec, n.nsec = at.Unix(), int32(at.Nanosecond())
	n.ver++
	n.flags = 0
	delete(g.gone, i)
	if jFlag(o.prop[jRevoked]) {
		n.flags = gRevoked
		g.withdrawn(i)
	}
	return g.link(i)
}

// jWithin calls f with each object of a bundle that stands among objects.
func jWithin(list []byte, f func(raw []byte) error) (err error) {
	jElements(list, func(val []byte) {
		if err == nil && len(val) > 0 && val[0] == '{' {
			err = f(val)
		}
	})
	return err
}

func (n *gNode) time() time.Time { return time.Unix(n.sec, int64(n.nsec)) }

// withdrawn notes the id of a revoked object that may be stored under it.
func (g *Graph) withdrawn(i int32) {
	if gIsReport(g.obj.id) {
		g.gone[i] = g.obj.id
	}
}

// Gone returns the ids of revoked objects that are reports of their own with
// Options.Each, in no order.
func (g *Graph) Gone() []string {
	out := make([]string, 0, len(g.gone))
	for _, id := range g.gone {
		out = append(out, id)
	}
	return out
}

// gIsReport reports whether an object of that id has values of its own.
func gIsReport(id string) bool {
	t := gType(id)
	return t == "indicator" || t == "vulnerability" || t == "observed-data" || jObservable[t]
}

// gType returns the type that an id names: indicator--62a6d538-….
func gType(id string) string {
	for i := 0; i+1 < len(id); i++ {
		if id[i] == '-' && id[i+1] == '-' {
			return id[:i]
		}
	}
	return ""
}

// node returns the place of an id, and makes one if need be. What has no id is
// another thing each time.
func (g *Graph) node(id string) int32 {
	if id == "" {
		g.nodes = append(g.nodes, gNode{})
		return int32(len(g.nodes) - 1)
	}
	k := g.key(id)
	i, ok := g.ids[k]
	if !ok {
		i = int32(len(g.nodes))
		g.ids[k] = i
		g.nodes = append(g.nodes, gNode{})
	}
	return i
}

func (g *Graph) key(id string) gKey {
	return gKey{maphash.String(g.seed[0], id), maphash.String(g.seed[1], id)}
}

// find returns the place of an id, -1 if there is none.
func (g *Graph) find(id string) int32 {
	if i, ok := g.ids[g.key(id)]; ok {
		return i
	}
	return -1
}

// gAttributes are the relationships by which one object says what another is
// of (STIX 2.1 §3.7, appendix B).
var gAttributes = map[string]bool{"indicates": true, "attributed-to": true, "authored-by": true, "uses": true, "based-on": true}

// link notes what the object at i, which has just been parsed, says of others.
func (g *Graph) link(i int32) error {
	o := &g.obj
	switch o.typ {
	case "relationship":
		g.relate(i)
	case "report", "grouping":
		for _, ref := range o.texts(jObjectRefs) {
			switch {
			case gIsReport(ref):
				g.edge(g.node(ref), i, i)
			case gNamed[gType(ref)]:
				g.edge(i, g.node(ref), i)
			}
			if len(g.edges) > math.MaxInt32/2 {
				return errGraphFull
			}
		}
	}
	if gNamed[o.typ] || o.typ == "report" || o.typ == "grouping" || o.typ == "identity" || o.typ == "marking-definition" {
		g.name(i)
	}
	return nil
}

// relate notes a relationship where it is followed from: at what has values,
// and at malware and the like whose actor is looked for one step on.
func (g *Graph) relate(i int32) {
	kind, from, to := g.obj.text(jRelationship), g.obj.text(jSource), g.obj.text(jTarget)
	if !gAttributes[kind] || to == "" {
		return
	}
	onward := kind == "attributed-to" || kind == "authored-by"
	if gIsReport(from) || gNamed[gType(from)] && onward {
		g.edge(g.node(from), g.node(to), i)
	}
}

func (g *Graph) edge(from, to, via int32) {
	g.edges = append(g.edges, gEdge{to: to, via: via, ver: g.nodes[via].ver})
	e, n := int32(len(g.edges)), &g.nodes[from]
	if n.first == 0 {
		n.first = e
	} else {
		g.edges[n.last-1].next = e
	}
	n.last = e
}

// Read emits what raw, an object that Note has seen, says: a member for each
// value, refusals, and with Options.Each the About of what is a report, before
// its members. An object of which a newer version was noted, or that is revoked,
// emits nothing.
func (g *Graph) Read(raw json.RawMessage, emit Emit) error {
	if bad := jBad(raw); bad != "" {
		return emit(jRefuse(raw, bad))
	}
	return g.read(raw, emit)
}

// read is Read for what is known to be valid.
func (g *Graph) read(raw []byte, emit Emit) error {
	o := &g.obj
	o.parse(raw)
	if o.typ == "" {
		return emit(jRefuse(raw, jNoType))
	}
	i := int32(-1)
	if o.id != "" {
		i = g.find(o.id)
	}
	switch {
	case o.typ == "bundle":
		return g.bundle(emit)
	case i >= 0 && !g.counts(i):
		return g.passed(i, emit)
	case jFlag(o.prop[jRevoked]):
		return nil
	}
	switch o.typ {
	case "indicator", "vulnerability":
		return g.values(i, emit)
	case "observed-data":
		return o.observed(g.reportKey(), g.o.Context, g.told(i, emit))
	}
	if jObservable[o.typ] || !gSTIX[o.typ] && o.prop[jValue] != nil {
		return o.observable(g.reportKey(), g.o.Context, g.told(i, emit))
	}
	if !gSTIX[o.typ] && jHolds(o.prop[jPattern]) {
		return emit(o.refusal(g.reportKey(), jFirst(o.text(jPattern), o.id), NoType, "a pattern of an object of the type "+jClip(o.typ, 64)))
	}
	return nil
}

// bundle reads what is in a bundle that stands among objects.
func (g *Graph) bundle(emit Emit) error {
	list := g.obj.prop[jObjects]
	switch {
	case !jHolds(list):
		return nil
	case list[0] != '[':
		return emit(jRefuse(g.obj.raw, jNoList))
	}
	var err error
	jElements(list, func(val []byte) {
		switch {
		case err != nil:
		case len(val) == 0 || val[0] != '{':
			err = emit(jRefuse(val, jNoObject))
		default:
			err = g.read(val, emit)
		}
	})
	return err
}

// counts reports whether the object that has just been parsed is the version
// that counts, for the first time.
func (g *Graph) counts(i int32) bool {
	n := &g.nodes[i]
	if n.flags&(gRevoked|gRead) != 0 || n.ver > 0 && !g.obj.time(jModified).Equal(n.time()) {
		return false
	}
	n.flags |= gRead
	n.print = g.print()
	return true
}

// print is of what tells two objects of one id and time apart. Lists and texts
// around a pattern may come in another order or with another counter.
func (g *Graph) print() uint16 {
	if p := g.obj.prop[jPattern]; p != nil {
		return uint16(maphash.Bytes(g.seed[0], p))
	}
	return uint16(maphash.Bytes(g.seed[0], g.obj.raw))
}

// passed refuses an object that does not count though it is not older: the
// producer used its id and time for something else before. What is older, or
// comes again, says nothing.
func (g *Graph) passed(i int32, emit Emit) error {
	o, n := &g.obj, &g.nodes[i]
	if n.flags&gRead == 0 || n.flags&gRevoked != 0 || n.print == g.print() || !o.time(jModified).Equal(n.time()) || !jHasValues(o) {
		return nil
	}
	return emit(o.refusal(g.reportKey(), jFirst(o.text(jPattern), jFirst(o.text(jValue), o.id)), Clash, o.typ))
}

// reportKey is the key of the report that the object's values are of.
func (g *Graph) reportKey() string {
	if g.o.Each {
		return g.obj.id
	}
	return ""
}

// values emits the values of an indicator or a vulnerability.
func (g *Graph) values(i int32, emit Emit) error {
	o := &g.obj
	if g.o.Each && o.id == "" {
		return emit(jRefuse(o.raw, jNoID))
	}
	g.common(o)
	if g.o.Each {
		if err := emit(&Item{Member: ioc.Member{Report: o.id}, ID: o.id, About: g.about(i, o)}); err != nil {
			return err
		}
	}
	if o.typ == "indicator" {
		return o.indicator(g.reportKey(), emit)
	}
	return o.vulnerability(g.reportKey(), emit)
}

// told announces the report of an observation before its first member; what
// has none needs no report.
func (g *Graph) told(i int32, emit Emit) Emit {
	if !g.o.Each || !g.o.Context {
		return emit
	}
	first := true
	about := g.about(i, &g.obj)
	return func(it *Item) error {
		if first {
			first = false
			if err := emit(&Item{Member: ioc.Member{Report: it.Report}, ID: it.ID, About: about}); err != nil {
				return err
			}
		}
		return emit(it)
	}
}
