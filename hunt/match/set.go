package match

import (
	"encoding/binary"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Set is a compiled set of observables. It is immutable and safe for concurrent
// use until Close.
//
// All of it lies in a few flat arrays of little-endian numbers, which are the
// sections of the set file byte for byte: opening a file is reading it.
type Set struct {
	params
	generation uint64
	n          int

	arena   []byte // the values, one behind the other, then keys that are not values
	ends    []byte // uint32 by id: where its value ends in arena
	types   []byte // code of the type by id
	filter  []byte // uint64 words: which hashes may be in the table
	slots   []byte // uint64: tag<<32 | number of the entry + 1, or 0; their number is a power of two
	entries []byte // entrySize each: see entry
	members []byte // uint32: groups of ids that share a key: count, ids
	nets    []byte // which prefix lengths there are, and which /16 they touch
	gate    []byte // uint64 words: which tokens may be listed, for the first look at a text
	ac      automaton

	shift uint // of a hash, to the number of its word of the filter
}

// params are what the search has to know of a set as a whole.
type params struct {
	counts   [256]uint32 // by code of the type
	skipped  uint64
	flags    uint64
	longest  [kinds]uint32       // key by kind
	digests  [lengthWords]uint64 // lengths of keys that occur, one bit each
	urls     [lengthWords]uint64
	urlPaths [lengthWords]uint64
}

// What a set holds; a search leaves out what it need not look for.
const (
	hasAddrs    = 1 << iota // addresses, networks, ports or URLs with an address as host
	hasNets                 // networks
	hasPorts                // addresses with ports
	hasNames                // names, or URLs with a name as host
	hasUnicode              // a key with a label in punycode
	hasMail                 // addresses of mailboxes
	hasURLs                 // URLs
	hasBareHost             // URLs whose host is a single label
	hasPaths                // paths of URLs
	hasDigests              // digests
	hasCerts                // fingerprints of certificates
	hasCVEs                 // CVE ids
	hasMACs                 // MAC addresses
)

// lengthWords bounds the keys whose lengths are known one by one.
const (
	maxURL      = 4095 // longer URLs are searched for as free text
	lengthWords = (maxURL + 1) / 64
)

func (p *params) has(flag uint64) bool { return p.flags&flag != 0 }

func hasLength(set *[lengthWords]uint64, n int) bool {
	return uint(n) <= maxURL && set[n/64]>>(n%64)&1 != 0
}

func addLength(set *[lengthWords]uint64, n int) { set[n/64] |= 1 << (n % 64) }

// entrySize is that of: off, length | kind<<24, id or place in members.
const entrySize = 12

// maxKey is the greatest length of a key. Package canon lets no value through
// that is nearly as long.
const maxKey = 1<<24 - 1

// entry says where a key lies and which observables have it.
type entry struct {
	off    uint32 // in arena
	length uint32 // below 2^24
	kind   kind
	group  group
}

// group is the observables that share a key: an md5 and a ja3 may be the same
// digits. Most keys have one, which is kept in place.
type group struct {
	at uint32 // the id, or the place in members of the first of several
	n  int
}

const several = 1 << 31 // in an entry: the rest is a place in members

// Len returns the number of observables.
func (s *Set) Len() int { return s.n }

// Skipped returns how many observables Compile left out, because nothing of
// their type can stand in a log or because they are empty.
func (s *Set) Skipped() int { return int(s.skipped) }

// Err returns what stopped a search: damage to the set file that was met while
// it was read. What Append returned since then is not complete.
func (s *Set) Err() error { return nil }

// Generation returns the number that the set was saved with; 0 for one that
// was neither saved nor opened.
func (s *Set) Generation() uint64 { return s.generation }

// Counts returns how many observables there are of each type that occurs.
func (s *Set) Counts() map[ioc.Type]int {
	m := make(map[ioc.Type]int)
	for code, n := range s.counts {
		if t, ok := ioc.FromCode(uint8(code)); ok && n > 0 {
			m[t] = int(n)
		}
	}
	return m
}

// Observable returns the observable of an id that is below Len. The ids count
// what Compile was given, from 0, without what it skipped.
func (s *Set) Observable(id uint32) ioc.Observable {
	t, _ := ioc.FromCode(s.types[id])
	return ioc.Observable{Type: t, Value: string(s.value(id))}
}

func (s *Set) value(id uint32) []byte {
	start := uint32(0)
	if id > 0 {
		start = u32(s.ends, int(id)-1)
	}
	return s.arena[start:u32(s.ends, int(id))]
}

func u32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

func u64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// maybe reports whether a key with hash h may be in the table, or a gate be set.
func (s *Set) maybe(h uint64) bool {
	m := filterMask(h)
	return u64(s.filter, int(h>>(s.shift&63)))&m == m
}

// find returns the observables that have a key.
func (s *Set) find(k kind, h uint64, key []byte) group {
	mask := len(s.slots)/8 - 1
	for i, left := int(h)&mask, mask; left >= 0; i, left = (i+1)&mask, left-1 {
		slot := u64(s.slots, i)
		if slot == 0 {
			return group{}
		}
		if uint32(slot>>32) != uint32(h>>32) {
			continue
		}
		if e := s.entry(int(uint32(slot)) - 1); e.kind == k && string(s.arena[e.off:e.off+e.length]) == string(key) {
			return e.group
		}
	}
	return group{}
}

// lookup is maybe, then find.
func (s *Set) lookup(k kind, h uint64, key []byte) group {
	if !s.maybe(h) {
		return group{}
	}
	return s.find(k, h, key)
}

func (s *Set) entry(i int) entry {
	b := s.entries[entrySize*i : entrySize*i+entrySize]
	e := entry{off: u32(b, 0), length: u32(b, 1) & maxKey, kind: kind(b[7])}
	ref := u32(b, 2)
	e.group = group{ref, 1}
	if ref&several != 0 {
		e.group = group{ref&^several + 1, int(u32(s.members, int(ref&^several)))}
	}
	return e
}

// member returns the id number i of a group.
func (s *Set) member(g group, i int) uint32 {
	if g.n == 1 {
		return g.at
	}
	return u32(s.members, int(g.at)+i)
}
