package match

import "bytes"

// Literals is a set whose observables are searched for as they are written: the
// engine "ac". The values of all types, and not of free text alone, run through
// one automaton, in the raw text and in what is under it. A line in which a value
// stands literally, but for the case of letters, is judged by the rules, and of
// what they find there that is taken whose value stood there.
//
// So it finds nothing that the other engines do not find, and all that they find
// but for what has other spellings than the listed one: addresses in a network,
// IPv6 addresses written in another way, names in Unicode for punycode, MAC
// addresses with other separators, URLs before their normalisation, names in
// Windows' DNS log, registry keys under another name of their root. It is
// slower, and it is there to hold the others to.
type Literals struct {
	*Set
	texts  *Set     // no more than an arena of folded values, and their automaton
	textOf []uint32 // by id: the number of the text in texts
}

// newLiterals builds the automaton for all values of s. The error is that of
// s, of which all has to be read.
func newLiterals(s *Set) (*Literals, error) {
	l := &Literals{Set: s, texts: &Set{}}
	if err := s.protect(func() error { l.build(); return nil }); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Literals) build() {
	spans, ids := make([]span, l.n), make([]uint32, l.n)
	arena := make([]byte, 0, l.valuesEnd())
	for id := range ids {
		v := l.value(uint32(id))
		spans[id], ids[id] = span{uint32(len(arena)), uint32(len(v))}, uint32(id)
		for _, b := range v {
			if b == '\n' { // as builder.addText has it
				b = ' '
			}
			arena = append(arena, fold[b])
		}
	}
	sortSpans(arena, spans, ids)
	l.textOf = make([]uint32, l.n)
	text := func(s span) []byte { return arena[s.off : s.off+s.length] }
	n := 0
	for i, s := range spans {
		if n == 0 || !bytes.Equal(text(spans[n-1]), text(s)) {
			spans[n] = s
			n++
		}
		l.textOf[ids[i]] = uint32(n - 1)
	}
	l.texts.arena, l.texts.ac = arena, automatonOf(arena, spans[:n])
}

// Append is that of Set, for what stands in data literally.
func (l *Literals) Append(dst []Match, data []byte) []Match {
	if l.n == 0 || len(data) == 0 {
		return dst
	}
	return l.guard(dst, data, l.scan)
}

func (l *Literals) scan(dst []Match, data []byte) []Match {
	r := reader{Literals: l, met: make(map[uint32]bool)}
	for from := 0; from < len(data); {
		end := lineEnd(data, from)
		r.read(data[from:end])
		if len(r.met) > 0 {
			dst = r.judge(dst, data[from:end], from)
			clear(r.met)
		}
		from = end + 1
	}
	return dst
}

// reader is the state of one search.
type reader struct {
	*Literals
	met             map[uint32]bool // numbers of the texts that stand in the line
	undone, percent view
	narrow          []byte
	found           []Match
}

// read notes which texts stand in a line, in what is under it, and in its runs
// of UTF-16.
func (r *reader) read(line []byte) {
	r.under(line)
	for i := 0; bytes.IndexByte(line[i:], 0) >= 0; {
		r.narrow, _, i = nextWide(r.narrow[:0], line, i)
		r.under(r.narrow)
	}
}

// under notes the texts of a line at the three levels.
func (r *reader) under(line []byte) {
	r.note(line)
	if r.undone.undo(line) {
		line = r.undone.text
		r.note(line)
	}
	if r.percent.unescape(line) {
		r.note(r.percent.text)
	}
}

func (r *reader) note(t []byte) {
	r.texts.eachText(t, func(k uint32, _, _ int) { r.met[k] = true })
}

// judge appends the matches in a line of what was met there.
func (r *reader) judge(dst []Match, line []byte, from int) []Match {
	r.found = r.scanWith(r.found[:0], line, nil)
	for _, m := range r.found {
		if r.met[r.textOf[m.ID]] {
			m.Start, m.End = m.Start+from, m.End+from
			dst = append(dst, m)
		}
	}
	return dst
}
