package match

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"math/bits"

	"github.com/iochunt/iochunt/internal/ioc"
)

// ErrTooBig is returned by Compile for more than the format holds: 2^31
// observables or 4 GiB of text.
var ErrTooBig = errors.New("match: too many observables: more than 4 GiB of text, or 2^31 of them")

// Compile makes a set of the observables of seq, which should be distinct and
// in canonical form (package canon). The ids count them from 0. Those that
// cannot stand in a log (YARA rules) and those without a value, or with one of
// 16 MiB, are left out; Skipped tells how many. A value that is not of the shape its type has is not
// refused but searched for as free text.
//
// The same sequence gives the same set, to the byte.
func Compile(seq iter.Seq[ioc.Observable]) (*Set, error) {
	b := &builder{}
	for o := range seq {
		if o.Value == "" || len(o.Value) > maxKey || !o.Type.Huntable() {
			b.skipped++
			continue
		}
		if len(b.arena)+len(o.Value) > math.MaxUint32 || len(b.types) >= several {
			return nil, ErrTooBig
		}
		b.types = append(b.types, o.Type.Row().Code)
		b.arena = append(b.arena, o.Value...)
		b.ends = binary.LittleEndian.AppendUint32(b.ends, uint32(len(b.arena)))
		b.counts[o.Type.Row().Code]++
	}
	b.values = len(b.arena)
	return b.build()
}

// builder gathers the keys of a set, then lays them out.
type builder struct {
	params
	arena  []byte
	values int // bytes of arena that are values
	ends   []byte
	types  []byte
	keys   []key
	gates  []uint64 // hashes that are in the filter alone
	texts  []span   // folded texts of the automaton, in arena
	nets   [netsSize]byte
	value  span // of the observable whose keys are being added
	buf    []byte
}

// span is arena[off:off+length].
type span struct {
	off    uint32
	length uint32
}

// key is one entry to be.
type key struct {
	hash   uint64
	off    uint32
	length uint32
	kind   kind
	id     uint32
}

func (b *builder) build() (*Set, error) {
	b.keys = make([]key, 0, len(b.types)+len(b.types)/16)
	b.gates = make([]uint64, 0, len(b.types))
	start := uint32(0)
	for id := range b.types {
		end := u32(b.ends, id)
		t, _ := ioc.FromCode(b.types[id])
		b.value = span{start, end - start}
		b.add(uint32(id), t)
		start = end
	}
	if len(b.arena) > math.MaxUint32 {
		return nil, ErrTooBig
	}
	s := &Set{
		params: b.params, n: len(b.types), arena: b.arena, ends: b.ends, types: b.types,
		nets: b.nets[:], ac: buildAutomaton(b.arena, b.texts),
	}
	b.table(s)
	b.filter(s)
	b.openGates(s)
	return s, nil
}

// put adds a key of the observable id. Where the key is the value itself, the
// two share their bytes.
func (b *builder) put(k kind, id uint32, text []byte) {
	v := b.arena[b.value.off : b.value.off+b.value.length]
	at := b.value.off
	if string(v) != string(text) {
		at = uint32(len(b.arena))
		b.arena = append(b.arena, text...)
	}
	b.longest[k] = max(b.longest[k], uint32(len(text)))
	b.keys = append(b.keys, key{hashOf(k, text), at, uint32(len(text)), k, id})
}

// gate lets a hash through the filter under which nothing is in the table.
func (b *builder) gate(k kind, text []byte) {
	b.longest[k] = max(b.longest[k], uint32(len(text)))
	b.gates = append(b.gates, hashOf(k, text))
}

// table lays out slots, entries and members. Keys come in the order of their
// ids, so the members of a group do too.
func (b *builder) table(s *Set) {
	n := pow2(len(b.keys) + len(b.keys)/2 + 1)
	s.slots = make([]byte, 8*n)
	mask := uint64(n - 1)
	var firsts []uint32                    // key that made the entry
	var counts []uint32                    // by entry
	entryOf := make([]uint32, len(b.keys)) // by key
	for n := range b.keys {
		k := &b.keys[n]
		i := int(k.hash & mask)
		slot := u64(s.slots, i)
		for slot != 0 && !(slot>>32 == k.hash>>32 && b.same(k, &b.keys[firsts[uint32(slot)-1]])) {
			i = (i + 1) & int(mask)
			slot = u64(s.slots, i)
		}
		if slot == 0 {
			firsts, counts = append(firsts, uint32(n)), append(counts, 0)
			slot = k.hash>>32<<32 | uint64(len(firsts))
			binary.LittleEndian.PutUint64(s.slots[8*i:], slot)
		}
		e := uint32(slot) - 1
		entryOf[n] = e
		counts[e]++
	}
	b.entries(s, firsts, counts, entryOf)
}

func (b *builder) same(x, y *key) bool {
	return x.kind == y.kind && x.length == y.length &&
		string(b.arena[x.off:x.off+x.length]) == string(b.arena[y.off:y.off+y.length])
}

func (b *builder) entries(s *Set, firsts, counts, entryOf []uint32) {
	places := make([]uint32, len(firsts))
	for e, n := range counts {
		if n > 1 {
			places[e] = uint32(len(s.members)/4) + 1
			s.members = binary.LittleEndian.AppendUint32(s.members, n)
			s.members = append(s.members, make([]byte, 4*n)...)
		}
	}
	s.entries = make([]byte, 0, entrySize*len(firsts))
	for e, first := range firsts {
		k := &b.keys[first]
		s.entries = binary.LittleEndian.AppendUint32(s.entries, k.off)
		s.entries = binary.LittleEndian.AppendUint32(s.entries, k.length|uint32(k.kind)<<24)
		ref := k.id
		if counts[e] > 1 {
			ref = several | places[e] - 1
		}
		s.entries = binary.LittleEndian.AppendUint32(s.entries, ref)
	}
	for n, e := range entryOf {
		if counts[e] > 1 {
			binary.LittleEndian.PutUint32(s.members[4*places[e]:], b.keys[n].id)
			places[e]++
		}
	}
}

// bitsPerKey of the filter: with three bits set for each, about one absent key
// in 200 passes.
const bitsPerKey = 16

func (b *builder) filter(s *Set) {
	words := pow2((len(b.keys)+len(b.gates))*bitsPerKey/64 + 2)
	s.shift = shiftOf(words)
	s.filter = make([]byte, 8*words)
	set := func(h uint64) {
		w := s.filter[8*(h>>s.shift):]
		binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)|filterMask(h))
	}
	for i := range b.keys {
		set(b.keys[i].hash)
	}
	for _, h := range b.gates {
		set(h)
	}
}

// shiftOf returns the shift that makes the number of a filter's word of a hash.
func shiftOf(words int) uint { return uint(64 - bits.TrailingZeros(uint(words))) }

// pow2 returns the least power of two that is at least n.
func pow2(n int) int { return 1 << bits.Len(uint(n-1)) }
