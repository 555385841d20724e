package match

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Extend makes a set of what base holds and of added, which should be distinct as
// it should be for Compile; those that base holds already are left out. The ids of base stay what
// they are, new ones follow. The result finds what Compile would find given all
// of them, and does not need base any more; it has neither generation nor mark.
//
// It costs a copy of base where there is room in its tables, and an automaton if
// there is free text among added. Otherwise it costs what Compile does, once for
// as many observables as base has. The error is ErrTooBig, or what Err tells of
// base.
func Extend(base *Set, added iter.Seq[ioc.Observable]) (s *Set, err error) {
	err = base.protect(func() error {
		if err := base.Verify(); err != nil { // damage must not be given a new sum
			return err
		}
		base.rest()
		s, err = base.extend(added)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Set) extend(added iter.Seq[ioc.Observable]) (*Set, error) {
	c := newCompiler()
	c.n = s.n
	fresh := &newcomers{base: s}
	for o := range added {
		if !fresh.is(o) {
			continue
		}
		if !c.take(o) {
			c.wait()
			return nil, ErrTooBig
		}
	}
	if n := len(c.shards); n > 0 {
		c.dispatch(c.shards[n-1])
	}
	c.wait()
	if !c.fit(s) {
		return c.recompile(s)
	}
	return c.graft(s)
}

// newcomers tells which observables a set does not hold yet.
type newcomers struct {
	base *Set
	b    builder
}

func (n *newcomers) is(o ioc.Observable) bool {
	row := o.Type.Row()
	if o.Value == "" || len(o.Value) > maxKey || row.Form == ioc.NotHuntable {
		return true // the compiler's to count
	}
	b, s := &n.b, n.base
	b.arena, b.keys = append(b.arena[:0], o.Value...), b.keys[:0]
	b.gates, b.texts = b.gates[:0], b.texts[:0]
	b.value = span{0, uint32(len(o.Value))}
	b.add(0, o.Type)
	k := b.keys[0]
	g := s.find(k.kind, k.hash, b.arena[k.off:k.off+k.length])
	for i := range g.n {
		if id := s.member(g, i); s.types[id] == row.Code && string(s.value(id)) == o.Value {
			return false
		}
	}
	return true
}

// recompile makes a set of base and of what was taken from their values.
func (c *compiler) recompile(base *Set) (*Set, error) {
	shards := c.shards
	s, err := Compile(func(yield func(ioc.Observable) bool) {
		for id := range uint32(base.n) {
			if !yield(base.observable(id)) {
				return
			}
		}
		for _, b := range shards {
			start := uint32(0)
			for i, code := range b.types {
				t, _ := ioc.FromCode(code)
				end := u32(b.ends, i)
				if !yield(ioc.Observable{Type: t, Value: string(b.arena[start:end])}) {
					return
				}
				start = end
			}
		}
	})
	if err == nil {
		s.skipped = base.skipped + c.skipped
	}
	return s, err
}

// fit reports whether what was taken can be grafted on base: the tables keep the
// size that they would have if they were made of everything.
func (c *compiler) fit(base *Set) bool {
	keys, hashes := base.params.keys, base.params.hashes
	for _, b := range c.shards {
		keys += uint64(len(b.keys))
		hashes += uint64(len(b.keys) + len(b.gates))
	}
	return 8*slotsFor(keys) == len(base.slots) && 8*filterWords(hashes) == len(base.filter)
}

// graft makes a set of copies of what base has, with the keys of the shards
// added to them.
func (c *compiler) graft(base *Set) (*Set, error) {
	b, err := c.mergeBehind(base)
	if err != nil {
		return nil, err
	}
	base.rest()
	s := &Set{params: b.params, n: len(b.types), arena: b.arena, ends: b.ends, types: b.types, nets: b.nets[:]}
	s.ac = base.ac.moved(base.valuesEnd(), uint32(c.values))
	if len(b.texts) > 0 {
		s.ac = buildAutomaton(b.arena, append(s.ac.spans(), b.texts...))
	}
	s.filter, s.shift = bytes.Clone(base.filter), base.shift
	for _, b := range c.shards {
		for i := range b.keys {
			setMask(s.filter, s.shift, b.keys[i].hash)
		}
		for _, h := range b.gates {
			setMask(s.filter, s.shift, h)
		}
	}
	t := &tabler{arena: s.arena, slots: bytes.Clone(base.slots), entries: base.moved(c.values), members: bytes.Clone(base.members)}
	base.rest()
	t.fill(c.shards)
	s.slots, s.entries, s.members = t.slots, t.entries, t.members
	b.openGates(s)
	s.gates, _ = openGate(s.gate)
	return s, nil
}

// mergeBehind is merge, with what base has before everything of its kind.
func (c *compiler) mergeBehind(base *Set) (*builder, error) {
	old := &builder{params: base.params, arena: base.arena, ends: base.ends, types: base.types}
	copy(old.nets[:], base.nets)
	if base.n > 0 {
		old.values = int(base.end(uint32(base.n - 1)))
	}
	c.shards = append([]*builder{old}, c.shards...)
	b, err := c.merge()
	c.shards = c.shards[1:]
	if err != nil {
		return nil, err
	}
	for code, n := range base.counts {
		b.counts[code] += n
	}
	b.skipped += base.skipped
	b.params.keys += base.params.keys
	b.params.hashes += base.params.hashes
	return b, nil
}

// moved returns the entries with their keys where they are after so many bytes
// of new values were put behind the old ones. Keys that are values stay.
func (s *Set) moved(by uint64) []byte {
	entries, values := bytes.Clone(s.entries), s.valuesEnd()
	for i := 0; i < len(entries); i += entrySize {
		if off := binary.LittleEndian.Uint32(entries[i:]); off >= values {
			binary.LittleEndian.PutUint32(entries[i:], off+uint32(by))
		}
	}
	return entries
}

// valuesEnd returns where the values end in the arena.
func (s *Set) valuesEnd() uint32 {
	if s.n == 0 {
		return 0
	}
	return s.end(uint32(s.n - 1))
}
