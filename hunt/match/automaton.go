package match

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// automaton finds free text: many texts at once, anywhere, in folded bytes. It
// is two machines with one answer.
//
// The first (automaton_gram.go, automaton_find.go) looks at a
// few bytes of the text and skips nearly all of it. The second is the machine
// of Aho and Corasick (1975; automaton_walk.go), which reads every byte once
// and takes no longer for text made to be slow. It takes over where the first
// finds too much to look at, and it is what the first is proved against.
//
// The machine's states are numbered in the order of their depth, so that the
// children of a state lie side by side and a failure link always leads to a smaller
// number: a state is then a byte, where its children begin, and two numbers,
// 13 bytes. There are states only for as much of a text as tells it from all
// others (but for minDepth and maxTail); its rest is compared where that much of
// it was read. Ten thousand texts take some 23,000 states instead of
// 400,000, and with all else about 100 bytes each.
//
// Which observables a text stands for, and whether its case counts, is the
// table's to know.
type automaton struct {
	root   []byte // uint32 by byte: the state that it leads to from the root
	labels []byte // by state: the byte that leads to it; that of state 0, the root, is not used
	first  []byte // uint32 by state, and one more: where its children begin
	fail   []byte // uint32 by state: the state of the longest proper end of what led to it
	out    []byte // uint32 by state: number of the longest text told by it or an end of it, and 1; 0 none
	texts  []byte // textSize each: see textRow
	levels []byte // uint32 by depth: the number of states no deeper
	grams
}

const (
	rootSize = 4 * 256
	textSize = 16
	minDepth = 4  // of the state that tells a text, unless the text is shorter
	maxTail  = 64 // bytes that are left to be compared behind it; bounds the work for a byte
)

// textRow is a row of texts.
type textRow struct {
	off, length uint32 // of the folded text in the arena; the length is below 2^24
	last        byte   // of the text; it shares its number with the length
	depth       uint32 // of the state that tells it
	next        uint32 // the text that is told next, at the same place, and 1
}

// sections returns the sections of the set file that a takes.
func (a *automaton) sections() []*[]byte {
	return []*[]byte{
		&a.root, &a.labels, &a.first, &a.fail, &a.out, &a.texts, &a.levels,
		&a.kinds, &a.filter, &a.heads, &a.entries,
	}
}

// fits checks the sizes of the sections against each other. What the numbers in
// them say is checked where they are used, so that no file can make a search
// read outside of them or go round in circles: it panics with astray.
func (a *automaton) fits() bool {
	n := len(a.labels)
	if n == 0 {
		return len(a.texts) == 0
	}
	return len(a.root) == rootSize && len(a.first) == 4*(n+1) && len(a.fail) == 4*n && len(a.out) == 4*n &&
		len(a.texts)%textSize == 0 && len(a.levels)%4 == 0 && len(a.levels) > 0 && a.grams.fits()
}

// row returns row k of the automaton's texts.
func (s *Set) row(k uint32) (x textRow) {
	if (uint64(k)+1)*textSize > uint64(len(s.ac.texts)) {
		panic(astray)
	}
	row := s.ac.texts[int(k)*textSize:][:textSize]
	x = textRow{u32(row, 0), u32(row, 1) & maxKey, row[7], u32(row, 2), u32(row, 3)}
	if x.depth > x.length || x.length == 0 {
		panic(astray)
	}
	return x
}

// spans returns where the texts of a lie.
func (a *automaton) spans() []span {
	spans := make([]span, 0, len(a.texts)/textSize)
	for i := range cap(spans) {
		spans = append(spans, span{u32(a.texts, 4*i), u32(a.texts, 4*i+1) & maxKey})
	}
	return spans
}

// moved returns a with its texts where they are after so many bytes were put
// into the arena at from.
func (a *automaton) moved(from, by uint32) (m automaton) {
	for i, p := range a.sections() {
		*m.sections()[i] = slices.Clone(*p)
	}
	for i := 0; i+textSize <= len(m.texts); i += textSize {
		if off := binary.LittleEndian.Uint32(m.texts[i:]); off >= from {
			binary.LittleEndian.PutUint32(m.texts[i:], off+by)
		}
	}
	return m
}

// buildAutomaton builds the machine for the texts, which are spans of arena and
// not empty and shorter than 2^24. It orders texts, and drops those that are there twice. The work is
// linear in the length of all.
func buildAutomaton(arena []byte, texts []span) automaton {
	sortSpans(arena, texts, nil)
	texts = slices.CompactFunc(texts, func(a, b span) bool {
		return string(arena[a.off:a.off+a.length]) == string(arena[b.off:b.off+b.length])
	})
	return automatonOf(arena, texts)
}

// automatonOf builds the machine for texts in order, all different. The texts
// keep their numbers.
func automatonOf(arena []byte, texts []span) automaton {
	if len(texts) == 0 {
		return automaton{}
	}
	t := trie{arena: arena, texts: texts}
	t.grow()
	a := t.a
	a.link(t.told)
	a.grams = buildGrams(arena, texts)
	return a
}

// trie is the tree of the texts being built, one level after the other.
type trie struct {
	arena []byte
	texts []span
	a     automaton
	queue []edge
	told  []uint32 // by state: the text that it tells, and 1
}

// edge is a node of the tree: the texts lo to hi, which are in order, share
// their first depth bytes.
type edge struct{ lo, hi, depth uint32 }

// grow makes the states.
func (t *trie) grow() {
	a := &t.a
	a.texts = make([]byte, 0, textSize*len(t.texts))
	for _, s := range t.texts {
		last := uint32(t.arena[s.off+s.length-1])
		a.texts = put32(put32(put32(put32(a.texts, s.off), s.length|last<<24), 0), 0)
	}
	a.labels, t.told = []byte{0}, []uint32{0}
	t.queue = []edge{{0, uint32(len(t.texts)), 0}}
	base, depth := 0, uint32(0) // number of the state queue[0] stands for
	for n := 0; n < len(t.queue); n++ {
		if e := t.queue[n]; e.depth > depth {
			depth = e.depth
			a.levels = put32(a.levels, uint32(base+n))
			t.queue = append(t.queue[:0], t.queue[n:]...) // of what lies behind, nothing is needed
			base, n = base+n, 0
		}
		a.first = put32(a.first, uint32(base+len(t.queue)))
		t.branch(t.queue[n], base+n)
	}
	a.levels = put32(a.levels, uint32(len(a.labels)))
	a.first = put32(a.first, uint32(len(a.labels)))
	a.root = make([]byte, rootSize)
	for c := u32(a.first, 0); c < u32(a.first, 1); c++ {
		binary.LittleEndian.PutUint32(a.root[4*int(a.labels[c]):], c)
	}
}

// branch makes the children of state n, or notes the text that it tells.
func (t *trie) branch(e edge, n int) {
	if e.depth > 0 && (t.texts[e.lo].length == e.depth || t.ends(e)) {
		t.told[n] = e.lo + 1
		binary.LittleEndian.PutUint32(t.a.texts[textSize*int(e.lo)+8:], e.depth)
		e.lo++
	}
	for e.lo < e.hi {
		b := t.arena[t.texts[e.lo].off+e.depth]
		hi := e.lo + 1
		for hi < e.hi && t.arena[t.texts[hi].off+e.depth] == b {
			hi++
		}
		t.queue = append(t.queue, edge{e.lo, hi, e.depth + 1})
		t.a.labels, t.told = append(t.a.labels, b), append(t.told, 0)
		e.lo = hi
	}
}

// ends reports whether the one text of e has states enough.
func (t *trie) ends(e edge) bool {
	return e.hi-e.lo == 1 && e.depth >= minDepth && t.texts[e.lo].length-e.depth <= maxTail
}

func put32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// link sets the links of the states, in the order of depth, and of the texts.
func (a *automaton) link(told []uint32) {
	a.fail, a.out = make([]byte, 4*len(told)), make([]byte, 4*len(told))
	for s := range told {
		f := u32(a.fail, s)
		out := u32(a.out, int(f))
		if k := told[s]; k != 0 {
			binary.LittleEndian.PutUint32(a.texts[textSize*int(k-1)+12:], out)
			out = k
		}
		binary.LittleEndian.PutUint32(a.out[4*s:], out)
		if s == 0 {
			continue // its children fall back to it
		}
		for c := u32(a.first, s); c < u32(a.first, s+1); c++ {
			binary.LittleEndian.PutUint32(a.fail[4*c:], a.next(f, a.labels[c]))
		}
	}
}

// shiftFor returns the shift that leaves of a 64-bit hash a number below n, a
// power of two.
func shiftFor(n int) uint { return uint(64-bits.TrailingZeros(uint(n))) & 63 }
