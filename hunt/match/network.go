package match

import (
	"encoding/binary"
	"math/bits"
)

// The section nets: for each family the set of prefix lengths that occur, and a
// bit for each value of the first 16 bits of an address that a network touches.
// Most addresses of a log end at that bit; the others are looked up once for
// each length. Both families have room for 129 lengths.
const (
	lensSize  = 24
	touchSize = 1 << 16 / 8
	family    = lensSize + touchSize
	netsSize  = 2 * family
)

func familyOf(a *address) int {
	if a.is4 {
		return 0
	}
	return family
}

// touchNet notes the network of n bits at a.
func touchNet(nets *[netsSize]byte, a *address, n int) {
	f := nets[familyOf(a):]
	f[n/8] |= 1 << (n % 8)
	first := int(binary.BigEndian.Uint16(a.b[:]))
	for i := range 1 << max(16-n, 0) {
		f[lensSize+(first+i)/8] |= 1 << ((first + i) % 8)
	}
}

// touched reports whether a listed network has addresses that begin as a does.
func (s *Set) touched(a *address) bool {
	first := int(binary.BigEndian.Uint16(a.b[:]))
	return s.nets[familyOf(a):][lensSize+first/8]>>(first%8)&1 != 0
}

// networks looks up every listed network that a lies in.
func (c *scanner) networks(a address, start, end int, rule Rule) {
	s := c.set
	if !s.touched(&a) {
		return
	}
	f := s.nets[familyOf(&a):]
	var key [17]byte
	for i, lens := range f[:lensSize] {
		for ; lens != 0; lens &= lens - 1 {
			n := 8*i + bits.TrailingZeros8(lens)
			m := a
			m.mask(n)
			key[0] = byte(n)
			k := key[:1+copy(key[1:], m.bytes())]
			c.token(s.lookup(keyNet, hashBytes(k, keyNet), k), start, end, Network|rule)
		}
	}
}
