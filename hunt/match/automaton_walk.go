package match

import "sort"

// finder is one search of an automaton in a text. What it yields it may yield
// more than once.
type finder struct {
	*automaton
	set   *Set
	t     []byte
	yield func(text uint32, start, end int)
	left  int // what may still be spent on the block being searched
	marks [marksSize]byte
	rest  [gramGroup + gramSlack]byte // of the text, and zeros
}

// child returns the state that b leads to from s, or 0.
func (a *automaton) child(s uint32, b byte) uint32 {
	lo, hi := int(u32(a.first, int(s))), min(int(u32(a.first, int(s)+1)), len(a.labels))
	for hi-lo > 8 {
		mid := int(uint(lo+hi) / 2)
		if a.labels[mid] <= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	for ; lo < hi; lo++ {
		if a.labels[lo] == b {
			return uint32(lo)
		}
	}
	return 0
}

// next returns the state after s on reading b.
func (a *automaton) next(s uint32, b byte) uint32 {
	for s != 0 {
		if c := a.child(s, b); c != 0 {
			return c
		}
		f := u32(a.fail, int(s))
		if f >= s {
			panic(astray)
		}
		s = f
	}
	c := u32(a.root, int(b))
	if int(c) >= len(a.labels) {
		panic(astray)
	}
	return c
}

// depth returns how long what led to state s is.
func (a *automaton) depth(s uint32) int {
	return sort.Search(len(a.levels)/4, func(d int) bool { return u32(a.levels, d) > s })
}

// shallow is the depth at which a walk may end.
const shallow = 64

// walk reads the text from from on, up to the first place from end on where
// nothing that is listed can begin more than shallow bytes before. It finds all
// that begins at or after from and before the place that it returns.
func (f *finder) walk(from, end int) (resume int) {
	deep := u32(f.levels, min(shallow, len(f.levels)/4-1))
	s := uint32(0)
	for i := from; i < len(f.t); i++ {
		if i >= end && s < deep {
			return i - f.depth(s)
		}
		b := fold[f.t[i]]
		if s == 0 && u32(f.root, int(b)) == 0 {
			continue
		}
		s = f.next(s, b)
		if k := u32(f.out, int(s)); k != 0 {
			f.tell(k, i+1)
		}
	}
	return len(f.t)
}

// tell yields the texts, k-1 the longest, of which what tells them ends at
// t[:i]. The last byte of a text is looked at first: in periodic text it is likely to be
// the only one that differs.
func (f *finder) tell(k uint32, i int) {
	for last := maxKey + 1; k != 0; {
		if uint64(k)*textSize > uint64(len(f.texts)) {
			panic(astray)
		}
		row := f.texts[int(k-1)*textSize:][:textSize] // not by Set.row, which costs as much again
		length, depth := int(u32(row, 1)&maxKey), int(u32(row, 2))
		if depth >= last || depth > i || depth > length || length == 0 {
			panic(astray)
		}
		end := i - depth + length
		if end <= len(f.t) && fold[f.t[end-1]] == row[7] {
			if off := u32(row, 0); f.same(i, off+uint32(depth), off+uint32(length)) {
				f.yield(k-1, i-depth, end)
			}
		}
		last, k = depth, u32(row, 3)
	}
}

// same reports whether the arena's bytes from off to end stand, folded, at
// t[i:], which is as long.
func (f *finder) same(i int, off, end uint32) bool {
	x := f.set.text(off, end)
	t := f.t[i:]
	t = t[:len(x)]
	for k, b := range x {
		if fold[t[k]] != b {
			return false
		}
	}
	return true
}
