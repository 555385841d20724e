package match

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// tabler is the hash table of a set in the making.
type tabler struct {
	arena   []byte
	slots   []byte
	entries []byte
	members []byte
	twins   []twin
}

// twin is an observable whose key was in the table already.
type twin struct{ entry, id uint32 }

// table makes slots, entries and members. Keys come in the order of their ids,
// so the members of a group do too.
func (c *compiler) table(s *Set) {
	t := &tabler{arena: s.arena, slots: make([]byte, 8*slotsFor(s.keys)), entries: make([]byte, 0, entrySize*int(s.keys))}
	t.fill(c.shards)
	s.slots, s.entries, s.members = t.slots, t.entries, t.members
}

func (t *tabler) fill(shards []*builder) {
	for _, b := range shards {
		for i := range b.keys {
			t.add(&b.keys[i])
		}
	}
	t.group()
}

func (t *tabler) add(k *key) {
	mask := len(t.slots)/8 - 1
	i := int(k.hash) & mask
	for slot := u64(t.slots, i); slot != 0; slot = u64(t.slots, i) {
		if e := uint32(slot) - 1; slot>>32 == k.hash>>32 && t.same(k, int(e)) {
			t.twins = append(t.twins, twin{e, k.id})
			return
		}
		i = (i + 1) & mask
	}
	t.entries = put32(t.entries, k.off)
	t.entries = put32(t.entries, k.length|uint32(k.kind)<<24)
	t.entries = put32(t.entries, k.id)
	slot := k.hash>>32<<32 | uint64(len(t.entries)/entrySize)
	binary.LittleEndian.PutUint64(t.slots[8*i:], slot)
}

func (t *tabler) same(k *key, entry int) bool {
	off := u32(t.entries, 3*entry)
	return u32(t.entries, 3*entry+1) == k.length|uint32(k.kind)<<24 &&
		string(t.arena[off:off+k.length]) == string(t.arena[k.off:k.off+k.length])
}

// group makes the groups of observables that share a key.
func (t *tabler) group() {
	slices.SortStableFunc(t.twins, func(a, b twin) int { return cmp.Compare(a.entry, b.entry) })
	for i := 0; i < len(t.twins); {
		e := t.twins[i].entry
		ids := t.ids(int(e))
		for ; i < len(t.twins) && t.twins[i].entry == e; i++ {
			ids = append(ids, t.twins[i].id)
		}
		binary.LittleEndian.PutUint32(t.entries[entrySize*int(e)+8:], several|uint32(len(t.members)/4))
		t.members = put32(t.members, uint32(len(ids)))
		for _, id := range ids {
			t.members = put32(t.members, id)
		}
	}
}

// ids returns the observables that an entry has so far.
func (t *tabler) ids(entry int) []uint32 {
	ref := u32(t.entries, 3*entry+2)
	if ref&several == 0 {
		return []uint32{ref}
	}
	at := int(ref &^ several)
	ids := make([]uint32, u32(t.members, at))
	for i := range ids {
		ids[i] = u32(t.members, at+1+i)
	}
	return ids
}
