package match

import (
	"encoding/binary"
	"slices"
)

// automaton finds free text: Aho and Corasick's machine (1975) over folded
// bytes. States are numbered in the order of their depth, so that the children
// of a state lie side by side and a failure link always leads to a smaller
// number. A state is then a byte, where its children begin, and two links:
// 13 bytes. Which observables a text stands for, and whether its case counts,
// is the table's to know.
type automaton struct {
	labels []byte // the byte that leads to a state; that of state 0, the root, is not used
	first  []byte // uint32 by state, and one more: where its children begin
	fail   []byte // uint32 by state: the state of the longest proper end of its text
	found  []byte // uint32 by state: the state itself or the first of its fail chain that is a whole text; 0 none
	depth  []byte // uint32 by state
	starts []byte // a bit for each pair of bytes that a text can begin with
}

const startsSize = 1 << 16 / 8

// sections returns the sections of the set file that a takes.
func (a *automaton) sections() []*[]byte {
	return []*[]byte{&a.labels, &a.first, &a.fail, &a.found, &a.depth, &a.starts}
}

// fits checks the sizes of the sections against each other.
func (a *automaton) fits() bool {
	n := len(a.labels)
	return n == 0 || len(a.starts) == startsSize && len(a.first) == 4*(n+1) &&
		len(a.fail) == 4*n && len(a.found) == 4*n && len(a.depth) == 4*n
}

// edge is a node of the tree being built: the texts lo to hi, which are sorted,
// share their first depth bytes.
type edge struct{ lo, hi, depth uint32 }

// buildAutomaton builds the machine for the texts, which are spans of arena.
// The work is linear in their length, but for their sorting.
func buildAutomaton(arena []byte, texts []span) automaton {
	if len(texts) == 0 {
		return automaton{}
	}
	text := func(s span) string { return string(arena[s.off : s.off+s.length]) }
	slices.SortFunc(texts, func(a, b span) int {
		return slices.Compare(arena[a.off:a.off+a.length], arena[b.off:b.off+b.length])
	})
	texts = slices.CompactFunc(texts, func(a, b span) bool { return text(a) == text(b) })
	a := automaton{labels: []byte{0}, starts: make([]byte, startsSize)}
	depths, whole := []uint32{0}, []bool{false}
	queue := []edge{{0, uint32(len(texts)), 0}}
	for n := 0; n < len(queue); n++ {
		e := queue[n]
		a.first = put32(a.first, uint32(len(queue)))
		if texts[e.lo].length == e.depth && e.depth > 0 {
			whole[n] = true
			e.lo++
		}
		for e.lo < e.hi {
			b := arena[texts[e.lo].off+e.depth]
			hi := e.lo + 1
			for hi < e.hi && arena[texts[hi].off+e.depth] == b {
				hi++
			}
			queue = append(queue, edge{e.lo, hi, e.depth + 1})
			a.labels, depths, whole = append(a.labels, b), append(depths, e.depth+1), append(whole, false)
			e.lo = hi
		}
	}
	a.first = put32(a.first, uint32(len(queue)))
	for _, d := range depths {
		a.depth = put32(a.depth, d)
	}
	a.link(whole)
	a.begin()
	return a
}

func put32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// link sets the links, in the order of depth.
func (a *automaton) link(whole []bool) {
	fail := make([]uint32, len(whole))
	found := make([]uint32, len(whole))
	for s := range whole {
		found[s] = found[fail[s]]
		if whole[s] {
			found[s] = uint32(s)
		}
		for c := u32(a.first, s); c < u32(a.first, s+1); c++ {
			if s == 0 {
				continue
			}
			f := fail[s]
			for {
				if next := a.child(f, a.labels[c]); next != 0 {
					fail[c] = next
					break
				}
				if f == 0 {
					break
				}
				f = fail[f]
			}
		}
	}
	for s := range whole {
		a.fail, a.found = put32(a.fail, fail[s]), put32(a.found, found[s])
	}
}

// begin notes what pairs of bytes, as they stand in text, a text begins with.
func (a *automaton) begin() {
	for b := range 256 {
		s := a.child(0, fold[b])
		if s == 0 {
			continue
		}
		alone := u32(a.found, int(s)) != 0
		for d := range 256 {
			if alone || a.child(s, fold[d]) != 0 {
				pair := b<<8 | d
				a.starts[pair/8] |= 1 << (pair % 8)
			}
		}
	}
}

// child returns the state that b leads to from s, or 0.
func (a *automaton) child(s uint32, b byte) uint32 {
	lo, hi := u32(a.first, int(s)), u32(a.first, int(s)+1)
	for hi-lo > 8 {
		mid := (lo + hi) / 2
		if a.labels[mid] <= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	for ; lo < hi; lo++ {
		if a.labels[lo] == b {
			return lo
		}
	}
	return 0
}

// next returns the state after s on reading b.
func (a *automaton) next(s uint32, b byte) uint32 {
	for {
		if c := a.child(s, b); c != 0 || s == 0 {
			return c
		}
		s = u32(a.fail, int(s))
	}
}

// phrases looks for free text in t, the text of a level.
func (c *scanner) phrases(t []byte, level int) {
	a := &c.set.ac
	if len(a.labels) == 0 {
		return
	}
	if level == levelRaw && !c.wide {
		c.base = 0
	}
	s := uint32(0)
	for i := 0; i < len(t); i++ {
		if s == 0 {
			for i+1 < len(t) && !a.startsWith(t[i], t[i+1]) {
				i++
			}
		}
		s = a.next(s, fold[t[i]])
		for f := u32(a.found, int(s)); f != 0; f = u32(a.found, int(u32(a.fail, int(f)))) {
			c.phrase(t, level, i+1-int(u32(a.depth, int(f))), i+1)
		}
	}
}

func (a *automaton) startsWith(x, y byte) bool {
	pair := int(x)<<8 | int(y)
	return a.starts[pair/8]>>(pair%8)&1 != 0
}
