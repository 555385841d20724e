package match

import (
	"encoding/binary"
	"math/bits"
)

const (
	// findBlock is how much text is searched before it is asked whether that was
	// too dear. It lies in the nearest cache while the passes read it.
	findBlock = 1 << 13
	// spendPerByte bounds what is spent on looking closer, in steps of a loop,
	// before the walk takes over, which costs about as much for a byte.
	spendPerByte = 1
	maxStretch   = 1 << 20 // of text that a walk takes at once

	gramGroup = 32 // bytes of text that are marked at once
	gramSlack = 4  // bytes behind them that are read
	marksSize = findBlock / gramGroup
)

// eachText yields every place of t where a text of the automaton stands, in any
// order, now and then one of them twice.
func (s *Set) eachText(t []byte, yield func(text uint32, start, end int)) {
	if len(s.ac.labels) == 0 {
		return
	}
	f := finder{automaton: &s.ac, set: s, t: t, yield: yield}
	if !gramsFast && s.ac.passes() > maxPasses {
		f.walk(0, len(t))
		return
	}
	stretch := findBlock
	for from := 0; from < len(t); {
		end := min(from+findBlock, len(t))
		f.left = spendPerByte * (end - from)
		if f.block(from, end) {
			from, stretch = end, findBlock
			continue
		}
		end = min(from+stretch, len(t))
		from = max(f.walk(max(from-maxGramOff, 0), end), end-shallow)
		stretch = min(2*stretch, maxStretch)
	}
}

// maxPasses is as many of markPortable as cost less than a walk.
const maxPasses = 4

// passes returns how often block reads the text.
func (g *grams) passes() (n int) {
	for k, kind := range gramKinds {
		if g.kinds[0]>>k&1 != 0 {
			n += 4 / kind.stride
		}
	}
	return n
}

// gramPass is what a pass over the text needs; markFast knows its layout.
type gramPass struct {
	filter              *byte
	shift               uint32
	lowMask, highMask   uint32
	low, high, bitsMult uint32
}

// block looks for texts of which a gram begins in t[from:end]. It reports false
// where that costs too much.
func (f *finder) block(from, end int) bool {
	for n, kind := range gramKinds {
		if f.kinds[0]>>n&1 == 0 {
			continue
		}
		p := gramPass{&f.filter[0], f.wordShift(), uint32(kind.mask()), uint32(kind.mask() >> 32), gramLow, gramHigh, gramBits}
		for i := from; i < from+4; i += kind.stride {
			if !f.pass(kind, &p, i, end) {
				return false
			}
		}
	}
	return true
}

// pass looks at every fourth place from from on and before end.
func (f *finder) pass(kind gramKind, p *gramPass, from, end int) bool {
	groups := min(end-from+gramGroup-1, len(f.t)-gramSlack-from) / gramGroup
	if groups > 0 {
		f.mark(f.t[from:], groups, p)
		if !f.marked(kind, groups, from) {
			return false
		}
		from += groups * gramGroup
	}
	for from < end { // at the end of t
		clear(f.rest[copy(f.rest[:], f.t[from:]):])
		f.mark(f.rest[:], 1, p)
		if !f.marked(kind, 1, from) {
			return false
		}
		from += gramGroup
	}
	return true
}

// mark marks the grams in groups of t that pass the filter.
func (f *finder) mark(t []byte, groups int, p *gramPass) {
	t = t[:groups*gramGroup+gramSlack]
	if gramsFast {
		markFast(&f.marks[0], &t[0], min(groups, marksSize), p)
	} else {
		markPortable(f.marks[:groups], t, f.filter, p)
	}
}

// markPortable sets in each byte of marks, for 32 bytes of t, a bit for each
// gram at a multiple of four that passes the filter.
func markPortable(marks, t, filter []byte, p *gramPass) {
	mask := uint64(p.highMask)<<32 | uint64(p.lowMask)
	for n := range marks {
		b := t[n*gramGroup : n*gramGroup+gramGroup+gramSlack]
		m := uint32(0)
		for k := range 8 {
			g := foldGram(binary.LittleEndian.Uint64(b[4*k:])) & mask
			h := uint32(g)*gramLow + uint32(g>>32)*gramHigh
			w, x := binary.LittleEndian.Uint32(filter[4*int(h>>(p.shift&31)):]), h*gramBits
			m |= w >> (x >> 27) & (w >> (x >> 22 & 31)) & 1 << k
		}
		marks[n] = byte(m)
	}
}

// marked looks closer at what was marked in groups of the text from from on.
func (f *finder) marked(kind gramKind, groups, from int) bool {
	clear(f.marks[groups:min((groups+7)&^7, marksSize)])
	for n := 0; n < groups; n += 8 {
		for m := binary.LittleEndian.Uint64(f.marks[n:]); m != 0; m &= m - 1 {
			if i := from + n*gramGroup + 4*bits.TrailingZeros64(m); i+kind.width <= len(f.t) && !f.bucket(kind, i) {
				return false
			}
		}
	}
	return true
}

// bucket looks at the texts that may have the gram at t[i:].
func (f *finder) bucket(kind gramKind, i int) bool {
	b, check := bucketOf(kind.gramAt(f.t, i), shiftFor(len(f.heads)/4-1))
	f.left -= 4
	lo, hi := int(u32(f.heads, b)), min(int(u32(f.heads, b+1)), len(f.entries)/8)
	for ; lo < hi; lo++ {
		if f.left--; f.left < 0 {
			return false
		}
		if e := gramEntry(u64(f.entries, lo)); e.check() == check {
			f.judge(e, i)
		}
	}
	return true
}

// judge yields the text of e if it stands where its gram at t[i:] says.
func (f *finder) judge(e gramEntry, i int) {
	x := f.set.row(e.text())
	start := i - e.off()
	if start < 0 || int(x.length) > len(f.t)-start {
		return
	}
	if fold[f.t[start+int(x.length)-1]] != x.last {
		return
	}
	f.left -= int(x.length) / 2
	if f.same(start, x.off, x.off+x.length) {
		f.yield(e.text(), start, start+int(x.length))
	}
}
