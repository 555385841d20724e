package match

import "bytes"

// sortSpans orders spans of arena by their bytes, and ids, if there are any,
// with them; those of the same text stay in their order. It is a radix sort from
// the first byte on, whose work is linear in the bytes that tell the texts apart.
func sortSpans(arena []byte, texts []span, ids []uint32) {
	r := radix{arena: arena, texts: texts, ids: ids, spare: make([]span, len(texts))}
	if ids != nil {
		r.spareIDs = make([]uint32, len(ids))
	}
	r.todo = []edge{{0, uint32(len(texts)), 0}}
	for len(r.todo) > 0 {
		e := r.todo[len(r.todo)-1]
		r.todo = r.todo[:len(r.todo)-1]
		r.part(e)
	}
}

// radix is the state of sortSpans: stretches of texts that share their first
// bytes wait in todo to be parted by the next.
type radix struct {
	arena    []byte
	texts    []span
	ids      []uint32
	spare    []span
	spareIDs []uint32
	todo     []edge
}

// fewTexts are sorted by insertion.
const fewTexts = 12

// part orders a stretch by the byte behind those shared; its parts are left to do.
func (r *radix) part(e edge) {
	for e.hi-e.lo > fewTexts {
		var starts [258]uint32 // by byte + 1; 0 is the end of a text
		for _, s := range r.texts[e.lo:e.hi] {
			starts[r.at(s, e.depth)+1]++
		}
		if starts[r.at(r.texts[e.lo], e.depth)+1] == e.hi-e.lo { // all go on alike
			if r.texts[e.lo].length <= e.depth {
				return
			}
			e.depth++
			continue
		}
		r.deal(e, &starts)
		return
	}
	r.insert(e)
}

// at returns the byte of a text at a depth, and 1; 0 behind its end.
func (r *radix) at(s span, depth uint32) int {
	if depth >= s.length {
		return 0
	}
	return int(r.arena[s.off+depth]) + 1
}

// deal puts the texts of a stretch where the numbers of each byte say.
func (r *radix) deal(e edge, starts *[258]uint32) {
	starts[0] = e.lo
	for b := 1; b < len(starts); b++ {
		starts[b] += starts[b-1]
	}
	for i := e.lo; i < e.hi; i++ {
		s := r.texts[i]
		to := &starts[r.at(s, e.depth)]
		r.spare[*to] = s
		if r.ids != nil {
			r.spareIDs[*to] = r.ids[i]
		}
		*to++
	}
	copy(r.texts[e.lo:e.hi], r.spare[e.lo:e.hi])
	if r.ids != nil {
		copy(r.ids[e.lo:e.hi], r.spareIDs[e.lo:e.hi])
	}
	lo := starts[0] // those that end here are all the same
	for _, hi := range starts[1:257] {
		if hi-lo > 1 {
			r.todo = append(r.todo, edge{lo, hi, e.depth + 1})
		}
		lo = hi
	}
}

func (r *radix) insert(e edge) {
	rest := func(s span) []byte { return r.arena[s.off+e.depth : s.off+s.length] }
	for i := e.lo + 1; i < e.hi; i++ {
		for k := i; k > e.lo && bytes.Compare(rest(r.texts[k-1]), rest(r.texts[k])) > 0; k-- {
			r.texts[k-1], r.texts[k] = r.texts[k], r.texts[k-1]
			if r.ids != nil {
				r.ids[k-1], r.ids[k] = r.ids[k], r.ids[k-1]
			}
		}
	}
}
