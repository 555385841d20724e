package warninglist

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// networks holds the entries that are networks or addresses of one family. Two
// networks either have nothing in common or one lies in the other, so that,
// sorted by their first address, wide before narrow, they are a forest: what
// holds an address is the last network that begins at or before it, or one
// around that.
type networks struct {
	nodes []span
}

// span is the network of an entry; its bits stand at the left end of hi and lo.
type span struct {
	hi, lo uint64
	entry  uint32
	around int32 // the node that it lies in, an equal one included; -1 none
	bits   uint8
}

func spanOf(p netip.Prefix) span {
	n := span{bits: uint8(p.Bits()), around: -1}
	if p.Addr().Is4() {
		b := p.Addr().As4()
		n.hi = uint64(binary.BigEndian.Uint32(b[:])) << 32
		return n
	}
	b := p.Addr().As16()
	n.hi, n.lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	return n
}

func compareSpans(a, b span) int {
	return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo), cmp.Compare(a.bits, b.bits), cmp.Compare(a.entry, b.entry))
}

// holds reports whether x lies wholly within n.
func (n *span) holds(x *span) bool {
	if n.bits > x.bits {
		return false
	}
	if n.bits <= 64 {
		return (n.hi^x.hi)>>(64-n.bits) == 0 // a shift by 64 gives 0
	}
	return n.hi == x.hi && (n.lo^x.lo)>>(128-n.bits) == 0
}

func (t *networks) add(p netip.Prefix, entry uint32) {
	n := spanOf(p)
	n.entry = entry
	t.nodes = append(t.nodes, n)
}

// build sorts the nodes and tells each in which it lies.
func (t *networks) build() {
	slices.SortFunc(t.nodes, compareSpans)
	t.nodes = slices.Clip(t.nodes)
	for i := range t.nodes {
		around := int32(i) - 1
		for around >= 0 && !t.nodes[around].holds(&t.nodes[i]) {
			around = t.nodes[around].around
		}
		t.nodes[i].around = around
	}
}

// last returns the node nearest to p that may hold it, or -1. To go on from it
// by around meets all that do.
func (t *networks) last(p *span) int32 {
	lo, hi := 0, len(t.nodes)
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		n := &t.nodes[m]
		if n.hi > p.hi || n.hi == p.hi && (n.lo > p.lo || n.lo == p.lo && n.bits > p.bits) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return int32(lo) - 1
}
