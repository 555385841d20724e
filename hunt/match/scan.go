package match

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
)

// Append appends to dst what of s stands in data, ordered by Start, then by ID.
// A match never crosses a line end, so that cutting data at line ends changes
// nothing. The same observable is reported once for a place, by its first
// spelling there. Append does not allocate while dst has room, but where
// a disguise longer than any before it has to be undone. It is safe for
// concurrent use.
func (s *Set) Append(dst []Match, data []byte) []Match {
	if s.n == 0 || len(data) == 0 {
		return dst
	}
	return s.guard(dst, data, s.scan)
}

// scan is Append without what guards it.
func (s *Set) scan(dst []Match, data []byte) []Match { return s.scanWith(dst, data, &bestKernel) }

// scanWith searches with one of the kernels, or, if that is nil, without a sweep.
func (s *Set) scanWith(dst []Match, data []byte, k *kernel) []Match {
	c := scanners.Get().(*scanner)
	c.set, c.out, c.gates = s, dst, s.gates
	if c.kernel = (kernel{}); k != nil {
		c.kernel = *k
		c.swept(data)
	} else {
		c.search(data)
	}
	out := tidy(c.out, len(dst))
	c.release()
	return out
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// keep is the greatest buffer, in bytes, that waits for the next call.
const keep = 1 << 20

// scanner is the state of one search.
type scanner struct {
	set *Set
	out []Match

	// Text is searched at three levels: raw, as it stands in data; under, with
	// its disguises undone; text, with percent escapes decoded as well. Where
	// there is nothing to undo they are the same slice.
	under, text     []byte
	undone, percent view
	base            int  // of the raw text in data
	wide            bool // each byte of the raw text is two in data

	colonsTo int // colons before it have been dealt with
	wordsTo  int // words in Unicode before it have been dealt with
	dotsTo   int // names with dots beyond ASCII before it have been dealt with
	quadTo   int // dotted decimal before it belongs to an IPv6 address

	key      []byte // the key being looked up
	host     []byte // of the URL being looked up
	walk     walk
	pathWalk walk
	restWalk walk
	labels   []int    // where the labels of a name in Unicode begin
	pairsOf  [12]byte // the digits of a MAC address
	rest     decoded  // of an escaped URL
	narrow   []byte   // text of two bytes a letter

	sweeper
	side side
}

// The levels of text, for hit.
const (
	levelRaw = iota
	levelUnder
	levelText
)

func (c *scanner) release() {
	c.set, c.out, c.under, c.text = nil, nil, nil, nil
	c.gates = gates{}
	if c.undone.size()+c.percent.size()+cap(c.narrow)+cap(c.side.text) > keep {
		return // to the garbage collector
	}
	scanners.Put(c)
}

// search looks for everything in data. Lines without anything to undo, nearly
// all in most logs, are searched in long runs and where they lie.
func (c *scanner) search(data []byte) {
	c.wide = false
	for from := 0; from < len(data); {
		i := disguise(data, from)
		if i == len(data) {
			c.plain(data[from:], from)
			break
		}
		start := from + bytes.LastIndexByte(data[from:i], '\n') + 1
		end := lineEnd(data, i)
		c.plain(data[from:start], from)
		c.line(data[start:end], start)
		from = end
	}
	c.phrases(data, 0)
	c.wideRuns(data)
}

func lineEnd(data []byte, i int) int {
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(data)
}

// disguise returns the first place from i on that needs undoing.
func disguise(data []byte, i int) int {
	var out [4]byte
	for ; i < len(data); i++ {
		b := data[i]
		if !trigger[b] && b != '%' {
			continue
		}
		if b == '%' {
			if _, w := escapeAt(data, i); w > 0 {
				return i
			}
		} else if _, w, _ := undoAt(&out, data, i, at(data, i-1)); w > 0 {
			return i
		}
	}
	return i
}

// plain searches text in which nothing is to undo, for all but free text.
func (c *scanner) plain(t []byte, base int) {
	if len(t) == 0 {
		return
	}
	c.whole(t, base)
	c.tokens(0, len(t))
	c.paths()
}

// forget drops what was remembered of the text before.
func (c *scanner) forget() {
	c.walk.endOf, c.pathWalk.endOf, c.rest.level = extent{}, extent{}, 0
}

// unveil makes a line the text that is searched, undone.
func (c *scanner) unveil(t []byte, base int) {
	c.whole(t, base)
	c.undo(t)
	c.text = c.under
	if c.percent.unescape(c.under) {
		c.text = c.percent.text
	}
}

// line searches one line, undone. Free text is looked for at each level, as
// it may hold by itself what looks like an escape.
func (c *scanner) line(t []byte, base int) {
	c.unveil(t, base)
	c.tokens(0, len(c.text))
	c.paths()
	if len(c.undone.edits) > 0 {
		c.phrases(c.under, levelUnder)
	}
	if len(c.percent.edits) > 0 {
		c.phrases(c.text, levelText)
	}
}

// minWide is the least number of letters that a run of UTF-16 must have.
const minWide = 3

// wideRuns searches text in UTF-16: runs of ASCII letters each with a zero
// byte behind it. Each run is narrowed and searched as a line of its own.
func (c *scanner) wideRuns(data []byte) {
	for i := 0; bytes.IndexByte(data[i:], 0) >= 0; {
		var start int
		c.narrow, start, i = nextWide(c.narrow[:0], data, i)
		if len(c.narrow) >= minWide {
			c.wide = true
			c.line(c.narrow, start)
			c.phrases(c.narrow, levelRaw)
			c.wide = false
		}
	}
}

// nextWide appends to dst the letters of the first run of UTF-16 at or behind
// data[i], where a zero byte has to follow. It returns where the run begins and where
// to go on.
func nextWide(dst, data []byte, i int) (narrow []byte, start, next int) {
	i += max(bytes.IndexByte(data[i:], 0)-1, 0)
	start = i
	for ; i+1 < len(data) && data[i+1] == 0 && (data[i] >= ' ' && data[i] < 0x7f || data[i] == '\t'); i += 2 {
		dst = append(dst, data[i])
	}
	return dst, start, max(i, start+1)
}

// hit appends a match of t[start:end], t being the text of a level.
func (c *scanner) hit(id uint32, level, start, end int, rule Rule) {
	if level >= levelText && len(c.percent.edits) > 0 {
		rule |= c.percent.undone(start, end)
		start, end = c.percent.start(start), c.percent.end(end)
	}
	if level >= levelUnder && len(c.undone.edits) > 0 {
		rule |= c.undone.undone(start, end)
		start, end = c.undone.start(start), c.undone.end(end)
	}
	if c.wide {
		rule |= UTF16
		start, end = start*2, end*2
	}
	c.out = append(c.out, Match{id, start + c.base, end + c.base, rule})
}

// hits appends a match for each observable of a group.
func (c *scanner) hits(ids group, level, start, end int, rule Rule) {
	for i := range ids.n {
		c.hit(c.set.member(ids, i), level, start, end, rule)
	}
}

// tidy orders ms[first:] and leaves one of several matches of the same
// observable that lie over each other, as different ways to read a line find
// the same place more than once: the one that begins first, of those the longest.
func tidy(ms []Match, first int) []Match {
	found := ms[first:]
	slices.SortFunc(found, byPlace)
	n := 0
	for i := 0; i < len(found); {
		end, k := found[i].End, i+1
		for ; k < len(found) && found[k].Start < end; k++ {
			end = max(end, found[k].End)
		}
		n += copy(found[n:], thinned(found[i:k]))
		i = k
	}
	return ms[:first+n]
}

// thinned does what tidy does for matches of which each lies over the one
// before, or over one before that.
func thinned(ms []Match) []Match {
	if len(ms) == 1 {
		return ms
	}
	slices.SortFunc(ms, func(a, b Match) int { return cmp.Or(cmp.Compare(a.ID, b.ID), byPlace(a, b)) })
	n := 1
	for _, m := range ms[1:] {
		if last := ms[n-1]; m.ID != last.ID || m.Start >= last.End {
			ms[n] = m
			n++
		}
	}
	slices.SortFunc(ms[:n], byPlace)
	return ms[:n]
}

func byPlace(a, b Match) int {
	switch {
	case a.Start != b.Start:
		return cmp.Compare(a.Start, b.Start)
	case a.ID != b.ID:
		return cmp.Compare(a.ID, b.ID)
	case a.End != b.End:
		return cmp.Compare(b.End, a.End)
	}
	return cmp.Compare(a.Rule, b.Rule)
}
