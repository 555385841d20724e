package match

import (
	"bytes"
	"math/bits"
	"slices"
)

// swept searches data the fast way: what the sweep notes is judged by the same
// code that search runs over everything.
func (c *scanner) swept(data []byte) {
	c.whole(data, 0)
	c.sweep(data)
	if c.set.has(hasBareHost) {
		c.bareHosts(data)
	}
	zeros := c.zeros
	c.judge(data)
	c.pathsBetween(data)
	c.whole(data, 0)
	c.phrases(data, levelRaw)
	c.hiddenLines(data)
	if zeros {
		c.wideRuns(data)
	}
}

// whole makes t the text that is searched, at all levels.
func (c *scanner) whole(t []byte, base int) {
	c.forget()
	c.undone.reset()
	c.percent.reset()
	c.under, c.text, c.base = t, t, base
}

// judge looks at the places that were noted, but not at those in lines that are
// still to be undone and swept.
func (c *scanner) judge(t []byte) {
	slices.Sort(c.places)
	hidden, parted, done := c.hidden, c.parted, 0
	for i, p := range c.places {
		if p < done {
			continue
		}
		for len(hidden) > 0 && hidden[0].to <= p {
			hidden = hidden[1:]
		}
		if len(hidden) > 0 && hidden[0].from <= p {
			done = hidden[0].to
			continue
		}
		if len(parted) > 0 {
			if from, to := lineAround(t, p); anyIn(&parted, from, to) {
				n, _ := slices.BinarySearch(c.places[i:], to)
				c.judgeParted(t, from, to, c.places[i:i+n])
				done = to
				continue
			}
		}
		var from int
		from, done = window(t, p)
		c.tokens(from, done)
	}
}

// judgeParted looks at the places in a line in which what is to undo only parts
// tokens.
func (c *scanner) judgeParted(t []byte, from, to int, places []int) {
	c.unveil(t[from:to], from)
	done := 0
	for _, p := range places {
		if i := c.undone.at(p - from); i >= done && i < len(c.text) {
			var first int
			first, done = window(c.text, i)
			c.tokens(first, done)
		}
	}
	c.whole(t, 0)
}

// lineAround returns the bounds of the line of t[i].
func lineAround(t []byte, i int) (from, to int) {
	return bytes.LastIndexByte(t[:i], '\n') + 1, lineEnd(t, i)
}

// anyIn reports whether one of places, which are in order, is in [from, to). It
// drops those before.
func anyIn(places *[]int, from, to int) bool {
	n, _ := slices.BinarySearch(*places, from)
	*places = (*places)[n:]
	return len(*places) > 0 && (*places)[0] < to
}

// window returns the bounds of what t[i] is judged with: letters, digits, '-',
// '_', '.', ':' and what is beyond ASCII. No token goes on beyond them but a URL,
// a mailbox and an escaped one, which are read from their host.
func window(t []byte, i int) (from, to int) {
	for from = i; from > 0 && class[t[from-1]]&(run|mark) != 0; from-- {
	}
	for to = i; to < len(t) && class[t[to]]&(run|mark) != 0; to++ {
	}
	return from, max(to, i+1)
}

// pathsBetween looks for paths in the lines in which nothing is to undo.
func (c *scanner) pathsBetween(data []byte) {
	if !c.set.has(hasPaths) {
		return
	}
	from := 0
	for _, l := range c.hidden {
		c.whole(data[from:l.from], from)
		c.paths()
		from = l.to
	}
	c.whole(data[from:], from)
	c.paths()
}

// sideSize is how much text is undone before it is swept.
const sideSize = 64 << 10

// side gathers lines of which something has been undone, so that they are swept
// together. What is worth a judge's time there makes its line be searched in
// full, as it stands in the data.
type side struct {
	text  []byte
	lines []sideLine
	begin []hiddenLine // the lines still to come
}

// sideLine is a line in the side: where its text begins there, and its place in
// the data.
type sideLine struct{ at, from, to int }

// hiddenLines searches the lines in which something is to undo.
func (c *scanner) hiddenLines(data []byte) {
	if len(c.hidden) == 0 {
		return
	}
	c.side.begin = append(c.side.begin[:0], c.hidden...)
	for _, l := range c.side.begin {
		c.undoAside(data[l.from:l.to], l.from)
		if len(c.side.text) >= sideSize {
			c.searchSide(data)
		}
	}
	c.searchSide(data)
}

// undoAside appends the texts under line to the side.
func (c *scanner) undoAside(line []byte, from int) {
	d := &c.side
	found := len(c.out)
	c.whole(line, from)
	c.undone.bare = true
	changed := c.undo(line)
	if c.set.has(hasPaths) {
		c.text = c.under
		c.paths()
	}
	d.lines = append(d.lines, sideLine{len(d.text), from, from + len(line)})
	if c.percent.unescape(c.under) {
		if changed && c.set.hasTexts() {
			d.text = append(append(d.text, c.under...), '\n')
		}
		c.under = c.percent.text
	}
	if len(c.out) > found { // a path: the line is searched in full
		c.out = c.out[:found]
		d.lines[len(d.lines)-1].at = -1 - len(d.text)
	}
	d.text = append(append(d.text, c.under...), '\n')
}

// undo sets c.under to line with its disguises undone, and reports whether there
// were any. With a kernel it looks only where a pair says that one may begin.
func (c *scanner) undo(line []byte) bool {
	v := &c.undone
	if c.classify == nil {
		v.undo(line)
	} else {
		c.undoPairs(line)
	}
	if v.upto > 0 {
		c.under = v.text
	}
	return v.upto > 0
}

// undoPairs is view.undo for a view that is reset, guided by the kernel.
func (c *scanner) undoPairs(line []byte) {
	v := &c.undone
	for pos := 0; pos < len(line); pos += spanSize {
		buf, off := c.padded(line, pos)
		blocks := min(spanBlocks, (len(line)-pos-1)/blockSize+1)
		c.classify(c.maps[1:blocks+1], buf[off:])
		for k := range blocks {
			for x := c.maps[k+1][bitPair]; x != 0; x &= x - 1 {
				v.undoFrom(line, disguised(line, pos+k*blockSize+bits.TrailingZeros64(x)))
			}
		}
	}
	v.finish(line)
}

// searchSide sweeps the side, searches the lines that it gives reason to, and
// empties it.
func (c *scanner) searchSide(data []byte) {
	d := &c.side
	if len(d.lines) == 0 {
		return
	}
	c.inSide = true
	c.whole(d.text, 0)
	c.sweep(d.text)
	if c.set.has(hasBareHost) {
		c.bareHosts(d.text)
	}
	c.inSide = false
	c.phrasesAside()
	slices.Sort(c.places)
	places := c.places
	for i, l := range d.lines {
		end := len(d.text)
		if i+1 < len(d.lines) {
			end = max(d.lines[i+1].at, -1-d.lines[i+1].at)
		}
		n, _ := slices.BinarySearch(places, end)
		if n > 0 || l.at < 0 {
			c.line(data[l.from:l.to], l.from)
		}
		places = places[n:]
	}
	d.text, d.lines = d.text[:0], d.lines[:0]
}

// phrasesAside notes the places of free text in the side.
func (c *scanner) phrasesAside() {
	found := len(c.out)
	c.phrases(c.side.text, levelRaw)
	for _, m := range c.out[found:] {
		c.place(m.Start)
	}
	c.out = c.out[:found]
}

// hasTexts reports whether there is free text.
func (s *Set) hasTexts() bool { return len(s.ac.labels) > 0 }
