package match

import (
	"encoding/binary"
	"math/bits"
)

// bitClose stands for ']' in byteBits, in the place of bitPair.
const bitClose = bitPair

// byteBits holds for each byte its bits of a bitmap, word 0 in the lowest bit, and
// above them those of the families of pairs that it can begin. pairSecond holds the
// families that it can be the second of.
var byteBits, pairSecond = makeByteBits()

func makeByteBits() (first [256]uint16, second [256]byte) {
	for i := range 256 {
		b := byte(i)
		k := tables.class.of(b)
		set := func(word int, yes bool) {
			if yes {
				first[i] |= 1 << word
			}
		}
		set(bitRun, k&nibRun != 0)
		set(bitDot, b == '.')
		set(bitHex, k&nibHex != 0)
		set(bitColon, b == ':')
		set(bitDigit, k&nibDigit != 0)
		set(bitDash, b == '-')
		set(bitClose, b == ']')
		set(bitOdd, b == 0 || b >= 0x80)
		first[i] |= uint16(tables.first.of(b)) << 8
		second[i] = tables.second.of(b)
	}
	return first, second
}

var portable = kernel{name: "portable", classify: classifyPortable}

// classifyPortable is the kernel for processors without an own one. It takes
// eight bytes at a time, looks up eight bits for each and turns the square.
func classifyPortable(dst []bitmap, src []byte) {
	for i := range dst {
		classifyBlock(&dst[i], (*[blockSize + 1]byte)(src[blockSize*i:]))
	}
}

func classifyBlock(m *bitmap, block *[blockSize + 1]byte) {
	var pair, w0, w1, w2, w3, w4, w5, w6, w7 uint64
	for k := uint(0); k < blockSize; k += 8 {
		s := (*[9]byte)(block[k:])
		a0, a1, a2, a3 := byteBits[s[0]], byteBits[s[1]], byteBits[s[2]], byteBits[s[3]]
		a4, a5, a6, a7 := byteBits[s[4]], byteBits[s[5]], byteBits[s[6]], byteBits[s[7]]
		x := transpose(uint64(a0&0xff) | uint64(a1&0xff)<<8 | uint64(a2&0xff)<<16 | uint64(a3&0xff)<<24 |
			uint64(a4&0xff)<<32 | uint64(a5&0xff)<<40 | uint64(a6&0xff)<<48 | uint64(a7)<<56)
		w0 |= x & 0xff << k
		w1 |= x >> 8 & 0xff << k
		w2 |= x >> 16 & 0xff << k
		w3 |= x >> 24 & 0xff << k
		w4 |= x >> 32 & 0xff << k
		w5 |= x >> 40 & 0xff << k
		w6 |= x >> 48 & 0xff << k
		w7 |= x >> 56 << k
		first := uint64(a0>>8) | uint64(a1>>8)<<8 | uint64(a2>>8)<<16 | uint64(a3>>8)<<24 |
			uint64(a4>>8)<<32 | uint64(a5>>8)<<40 | uint64(a6>>8)<<48 | uint64(a7>>8)<<56
		second := uint64(pairSecond[s[1]]) | uint64(pairSecond[s[2]])<<8 | uint64(pairSecond[s[3]])<<16 | uint64(pairSecond[s[4]])<<24 |
			uint64(pairSecond[s[5]])<<32 | uint64(pairSecond[s[6]])<<40 | uint64(pairSecond[s[7]])<<48 | uint64(pairSecond[s[8]])<<56
		if first&second != 0 || hasByte(binary.LittleEndian.Uint64(s[:]), '(') {
			pair |= pairsIn(s) << k
		}
	}
	w := bitmap{w0, w1, w2, w3, w4, w5, w6, w7}
	closes := w[bitClose]>>1 | uint64(byteBits[block[blockSize]]>>bitClose&1)<<(blockSize-1)
	w[bitPair] = pair | w[bitDot]&closes
	*m = w
}

// pairsIn returns which of eight bytes begin a pair, dots aside.
func pairsIn(s *[9]byte) (bits uint64) {
	for i := range 8 {
		if byte(byteBits[s[i]]>>8)&pairSecond[s[i+1]] != 0 || s[i] == '(' && s[i+1] == '0' {
			bits |= 1 << i
		}
	}
	return bits
}

// hasByte reports whether a byte of x is b (Mycroft).
func hasByte(x uint64, b byte) bool {
	x ^= 0x0101010101010101 * uint64(b)
	return (x-0x0101010101010101)&^x&0x8080808080808080 != 0
}

// transpose turns a square of eight by eight bits: bit i of byte j becomes bit j
// of byte i (Warren, Hacker's Delight, 7-3).
func transpose(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// runsOf8 returns in which places a run of at least eight ones ends, the ones of
// the word before included.
func runsOf8(x, before uint64) uint64 {
	y, p := x&(x<<1|before>>63), before&(before<<1)
	y, p = y&(y<<2|p>>62), p&(p<<2)
	return y & (y<<4 | p>>60)
}

// ones counts the ones of two words.
func ones(x, y uint64) int { return bits.OnesCount64(x) + bits.OnesCount64(y) }
