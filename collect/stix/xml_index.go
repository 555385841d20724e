package stix

import (
	"encoding/binary"
	"math/bits"
)

// xIndex finds a number by a key, which is a hash and never 0. A package has
// three ids for each value, and each has to be known to its end; so this is most
// of the memory that reading takes, and two thirds of what a map would need:
// keys and numbers lie apart, tables are up to four fifths full, and grow by a
// half, 64 of them each at its own time.
type xIndex struct {
	shards [1 << xShardBits]xShard
}

type xShard struct {
	keys []uint64
	vals []int32
	n    int
}

const xShardBits = 6

func (x *xIndex) shard(key uint64) *xShard { return &x.shards[key>>(64-xShardBits)] }

func (x *xIndex) get(key uint64) (int32, bool) {
	s := x.shard(key)
	if i, ok := s.find(key); ok {
		return s.vals[i], true
	}
	return 0, false
}

func (x *xIndex) set(key uint64, v int32) {
	s := x.shard(key)
	i, ok := s.find(key)
	if !ok {
		if s.n++; s.n*5 > len(s.keys)*4 {
			s.grow()
			i, _ = s.find(key)
		}
		s.keys[i] = key
	}
	s.vals[i] = v
}

// find returns where a key is, or where it is to be.
func (s *xShard) find(key uint64) (int, bool) {
	if len(s.keys) == 0 {
		return 0, false
	}
	at, _ := bits.Mul64(key<<xShardBits, uint64(len(s.keys)))
	for i := int(at); ; {
		switch s.keys[i] {
		case key:
			return i, true
		case 0:
			return i, false
		}
		if i++; i == len(s.keys) {
			i = 0
		}
	}
}

func (s *xShard) grow() {
	old := *s
	n := max(8, len(old.keys)+len(old.keys)/2)
	s.keys, s.vals = make([]uint64, n), make([]int32, n)
	for j, k := range old.keys {
		if k != 0 {
			i, _ := s.find(k)
			s.keys[i], s.vals[i] = k, old.vals[j]
		}
	}
}

// xHold keeps the values of things that came out and that end, in as few bytes
// as can be: another indicator may refer to one of them and say that it holds
// for longer. A place in it is a number of 30 bits: four gigabytes are addressed
// by fours.
type xHold struct {
	chunks [][]byte
}

// xHeld is a thing that is held.
type xHeld struct {
	print, until uint32
	thing        uint32 // where it is a thing again: its index and one
	record       []byte
}

const (
	xHeldHead = 12
	xHoldMost = 1 << 14 // chunks
)

// put keeps a thing; it is not ok where the place has become too great.
func (h *xHold) put(print, until uint32, record []byte) (at uint32, ok bool) {
	need := (xHeldHead + len(record) + 3) &^ 3
	last := len(h.chunks) - 1
	if last < 0 || cap(h.chunks[last])-len(h.chunks[last]) < need {
		if last+1 == xHoldMost {
			return 0, false
		}
		h.chunks = append(h.chunks, make([]byte, 0, max(xChunk, need)))
		last++
	}
	b := h.chunks[last]
	from := len(b)
	b = binary.LittleEndian.AppendUint32(b, print)
	b = binary.LittleEndian.AppendUint32(b, until)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, record...)
	h.chunks[last] = b[:from+need]
	return uint32(last)<<16 | uint32(from/4), true
}

func (h *xHold) bytes(at uint32) []byte { return h.chunks[at>>16][at&0xffff*4:] }

func (h *xHold) get(at uint32) xHeld {
	b, le := h.bytes(at), binary.LittleEndian
	return xHeld{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), b[xHeldHead:]}
}

// revived notes where a thing is a thing again.
func (h *xHold) revived(at uint32, thing int32) {
	binary.LittleEndian.PutUint32(h.bytes(at)[8:], uint32(thing)+1)
}
