package warninglist

import (
	"hash/maphash"
	"strings"
)

// entry is one entry of one list. Its text, as the list has it, and its key lie
// in the table's text; where the key is a part of the text they share the room.
type entry struct {
	text, key   uint32 // where they begin
	textN, keyN uint16
	list        uint16
	kind        entryKind
}

// entryKind says how an entry is compared; one entry of a list may stand in the
// table as more than one.
type entryKind uint8

const (
	isText    entryKind = iota // the value is the key
	isName                     // the host is the key, or below it
	isNetwork                  // see networks
	isPart                     // see automaton
	isRegex
)

// table holds all entries, and finds those of the kinds text and name by key.
// It is a hash table with linear probing, in which entries of several lists may
// have the same key. The seed is secret, so that no list can be made to have one
// hash throughout.
type table struct {
	entries []entry
	text    []byte
	seed    maphash.Seed
	slots   []slot // a power of two; at most half of them are taken
	taken   int
	longest int // key
}

// slot leads to an entry: its number, counted from 1, and its key's hash.
type slot struct{ hash, entry uint32 }

func newTable() *table {
	return &table{seed: maphash.MakeSeed(), slots: make([]slot, 1<<10)}
}

// maxTableText is what the offsets of an entry can reach.
const maxTableText = 1<<32 - 1

// add stores an entry and returns its number.
func (t *table) add(list uint16, kind entryKind, text, key string) uint32 {
	e := entry{text: uint32(len(t.text)), textN: uint16(len(text)), keyN: uint16(len(key)), list: list, kind: kind}
	t.text = append(t.text, text...)
	if i := strings.Index(text, key); i >= 0 {
		e.key = e.text + uint32(i)
	} else {
		e.key = uint32(len(t.text))
		t.text = append(t.text, key...)
	}
	t.entries = append(t.entries, e)
	return uint32(len(t.entries) - 1)
}

// addKeyed stores an entry that is found by its key, unless the list has the
// same already.
func (t *table) addKeyed(list uint16, kind entryKind, text, key string) {
	h := t.hash(key)
	i := h & uint32(len(t.slots)-1)
	for t.slots[i].entry != 0 {
		e := &t.entries[t.slots[i].entry-1]
		if t.slots[i].hash == h && e.list == list && e.kind == kind && t.is(e, key) {
			return
		}
		i = (i + 1) & uint32(len(t.slots)-1)
	}
	t.slots[i] = slot{h, t.add(list, kind, text, key) + 1}
	t.longest = max(t.longest, len(key))
	if t.taken++; t.taken*2 > len(t.slots) {
		t.grow()
	}
}

// grow doubles the slots.
func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.entry == 0 {
			continue
		}
		i := s.hash & mask
		for t.slots[i].entry != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// hash returns the hash of a key, or of a value that would be one in lower
// case.
func (t *table) hash(s string) uint32 {
	if !hasUpper(s) {
		return uint32(maphash.String(t.seed, s))
	}
	var h maphash.Hash
	h.SetSeed(t.seed)
	var chunk [128]byte
	for len(s) > 0 {
		n := copy(chunk[:], s)
		for i, c := range chunk[:n] {
			chunk[i] = lower[c]
		}
		_, _ = h.Write(chunk[:n]) // never fails
		s = s[n:]
	}
	return uint32(h.Sum64())
}

// is reports whether s, in lower case, is the key of e.
func (t *table) is(e *entry, s string) bool {
	if int(e.keyN) != len(s) {
		return false
	}
	key := t.text[e.key:]
	for i := range len(s) {
		if lower[s[i]] != key[i] {
			return false
		}
	}
	return true
}

// textOf returns an entry as the list has it.
func (t *table) textOf(n uint32) string {
	e := &t.entries[n]
	return string(t.text[e.text : e.text+uint32(e.textN)])
}

// lower maps the letters A to Z to a to z, and every other byte to itself.
var lower = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			t[c] |= 0x20
		}
	}
	return t
}()

func hasUpper(s string) bool {
	for i := range len(s) {
		if lower[s[i]] != s[i] {
			return true
		}
	}
	return false
}

// fold returns s with the letters A to Z in lower case.
func fold(s string) string {
	if !hasUpper(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		b[i] = lower[c]
	}
	return string(b)
}
