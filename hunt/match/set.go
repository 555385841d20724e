package match

import (
	"encoding/binary"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Set is a compiled set of observables. It is immutable and safe for concurrent
// use until Close.
//
// All of it lies in a few flat arrays of little-endian numbers, which are the
// sections of the set file byte for byte: opening a file is mapping it. So
// where a Set has a file its arrays may be damaged, or gone. They are read
// by the methods below, which know that, and within guard or protect.
type Set struct {
	params
	generation uint64
	mark       uint64
	n          int
	file       *file // nil: the arrays are memory

	arena   []byte // the values, one behind the other, then keys that are not values
	ends    []byte // uint32 by id: where its value ends in arena
	types   []byte // code of the type by id
	filter  []byte // uint64 words: which hashes may be in the table
	slots   []byte // uint64: tag<<32 | number of the entry + 1, or 0; their number is a power of two
	entries []byte // entrySize each: see entry
	members []byte // uint32: groups of ids that share a key: count, ids
	nets    []byte // which prefix lengths there are, and which /16 they touch
	gate    []byte // uint64 words: which tokens may be listed, for the first look at a text
	gates   gates  // gate, taken apart
	ac      automaton

	shift uint // of a hash, to the number of its word of the filter
}

// params are what the search has to know of a set as a whole.
type params struct {
	counts   [256]uint32 // by code of the type
	skipped  uint64
	keys     uint64 // how many the table was made for, those that are alike counted apart
	hashes   uint64 // how many the filter was made for
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
	_                       // not in use
	hasMail                 // addresses of mailboxes
	hasURLs                 // URLs
	hasBareHost             // URLs whose host is a single label
	hasPaths                // paths of URLs
	hasDigests              // digests
	hasCerts                // fingerprints of certificates
	hasCVEs                 // CVE ids
	hasMACs                 // MAC addresses
	hasTops                 // names of one label
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

// Mark returns what SetMark set before the set was saved, or 0.
func (s *Set) Mark() uint64 { return s.mark }

// SetMark gives the set a number to be saved with, which means to its
// owner what he wants it to mean.
func (s *Set) SetMark(mark uint64) { s.mark = mark }

// Observable returns the observable of an id that is below Len. The ids count
// what Compile was given, from 0, without what it skipped. It is the zero
// Observable where the file does not yield it: Err then says why.
func (s *Set) Observable(id uint32) (o ioc.Observable) {
	if s.file == nil {
		return s.observable(id)
	}
	_ = s.protect(func() error {
		o = s.observable(id)
		return nil
	})
	return o
}

func (s *Set) observable(id uint32) ioc.Observable {
	t, _ := ioc.FromCode(s.types[id])
	return ioc.Observable{Type: t, Value: string(s.value(id))}
}

// value returns the value of an id.
func (s *Set) value(id uint32) []byte {
	start := uint32(0)
	if id > 0 {
		start = s.end(id - 1)
	}
	return s.text(start, s.end(id))
}

// end returns where the value of an id ends.
func (s *Set) end(id uint32) uint32 {
	s.touch(inEnds, 4*int(id), 4)
	return u32(s.ends, int(id))
}

// text returns arena[from:to].
func (s *Set) text(from, to uint32) []byte {
	if from > to || uint64(to) > uint64(len(s.arena)) {
		panic(astray)
	}
	s.touch(inArena, int(from), int(to-from))
	return s.arena[from:to]
}

// touch has to come before the bytes off to off+n of a section are read.
func (s *Set) touch(section, off, n int) {
	if s.file != nil {
		s.file.check(section, off, n)
	}
}

// astray says that a number in the file leads to where nothing is. Its sums are
// right, so that it has not been damaged but was made so.
var astray = damage{damaged("a number in it leads out of it")}

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
		s.touch(inSlots, 8*i, 8)
		slot := u64(s.slots, i)
		if slot == 0 {
			return group{}
		}
		if uint32(slot>>32) != uint32(h>>32) {
			continue
		}
		if e := s.entry(int(uint32(slot)) - 1); e.kind == k && int(e.length) == len(key) && string(s.key(e)) == string(key) {
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
	if i < 0 || i >= len(s.entries)/entrySize {
		panic(astray)
	}
	s.touch(inEntries, entrySize*i, entrySize)
	b := s.entries[entrySize*i : entrySize*i+entrySize]
	e := entry{off: u32(b, 0), length: u32(b, 1) & maxKey, kind: kind(b[7])}
	ref := u32(b, 2)
	e.group = group{ref, 1}
	if ref&several != 0 {
		e.group = s.group(ref &^ several)
	}
	return e
}

// key returns the key of an entry.
func (s *Set) key(e entry) []byte {
	if uint64(e.off)+uint64(e.length) > uint64(len(s.arena)) {
		panic(astray)
	}
	return s.text(e.off, e.off+e.length)
}

// group reads a group of several at a place in members.
func (s *Set) group(at uint32) group {
	all := uint64(len(s.members) / 4)
	if uint64(at) >= all {
		panic(astray)
	}
	s.touch(inMembers, 4*int(at), 4)
	n := u32(s.members, int(at))
	if n < 2 || uint64(at)+1+uint64(n) > all {
		panic(astray)
	}
	return group{at + 1, int(n)}
}

// member returns the id number i of a group.
func (s *Set) member(g group, i int) uint32 {
	id := g.at
	if g.n > 1 {
		s.touch(inMembers, 4*(int(g.at)+i), 4)
		id = u32(s.members, int(g.at)+i)
	}
	if uint64(id) >= uint64(s.n) {
		panic(astray)
	}
	return id
}
