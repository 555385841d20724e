package match

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// What the sweep does about rarer things. A place that it notes is judged with
// all that stands beside it, so it need only be a byte of the token.

func (c *scanner) place(i int) { c.places = append(c.places, i) }

// mayBeName asks the second filter about the name that ends at e of the span.
func (c *scanner) mayBeName(e int) bool {
	if e < 0 {
		return true
	}
	w, length := c.tokenAt(e)
	if length == blockSize {
		return true // it may have labels that are out of sight
	}
	dot := w.dot
	dot &^= 1 << (63 - bits.LeadingZeros64(dot)&63)
	two := min(bits.LeadingZeros64(dot), length)
	dot &^= 1 << (63 - two&63)
	three := min(bits.LeadingZeros64(dot), length)
	name := c.buf[:c.off+e]
	return two < length && c.asks(name, three, askThree) || c.asks(name, two, askTwo) ||
		c.set.has(hasMail) && c.asks(name, two, askMail) && behindAt(c.in, c.pos+e-1)
}

func (c *scanner) asks(name []byte, n int, question uint64) bool {
	return passes(c.second, c.secondShift, deepHash(name, min(n, deepSize), question))
}

// behindAt reports whether the token around t[i] stands behind '@'.
func behindAt(t []byte, i int) bool {
	for i > 0 && class[t[i-1]]&run != 0 {
		i--
	}
	return at(t, i-1) == '@'
}

// pair looks at what may begin at t[i], where bitPair is set.
func (c *scanner) pair(t []byte, i int) {
	switch t[i] {
	case '\\':
		if !c.inSide && !c.allAside && i >= c.pairTo {
			if b := at(t, i+1); b == '\\' || b == '"' || b == '/' {
				c.parted = append(c.parted, i)
				c.pairTo = i + 2
				return
			}
		}
	case 'c', 'C':
		if at(t, i+3) == '-' && at(t, i+8) == '-' && c.set.has(hasCVEs) {
			c.place(i)
		}
		return
	case '(', '[', '{':
		if !opens(t, i) {
			return
		}
		if at(t, i+1) == '0' {
			if _, open := countedLabel(t, i); open >= 0 && c.set.has(hasNames) {
				c.place(i + 1)
			}
			return
		}
	}
	if !c.inSide && i >= c.pairTo {
		c.hide(t, disguised(t, i))
	}
}

// opens reports whether the bracket t[i] may begin a disguise by its next two bytes,
// or end a name of counted labels.
func opens(t []byte, i int) bool {
	if i+2 >= len(t) {
		return false
	}
	switch t[i+1] | 0x20 {
	case 'a':
		return t[i+2]|0x20 == 't'
	case 'd':
		return t[i+2]|0x20 == 'o'
	case '0' | 0x20:
		return t[i+2] == ')'
	}
	return true
}

// disguised returns where what bitPair says of t[i] begins: not there, where it
// is told by its second or third letter.
func disguised(t []byte, i int) int {
	switch t[i] {
	case '.':
		return i + 1
	case 't', 'T', 'e', 'E':
		return i - 1
	}
	return i
}

// hide notes the line of t[i], if something to undo begins there. What parts tokens
// both as it stands and undone, as \/ does, hides nothing from the sweep.
func (c *scanner) hide(t []byte, i int) {
	if uint(i) >= uint(len(t)) {
		return
	}
	w := hides(t, i)
	if w == 0 {
		return
	}
	if !c.allAside && parts(t, i, w) {
		c.parted = append(c.parted, i)
		c.pairTo = i + w
		return
	}
	start := 0
	if n := len(c.hidden); n > 0 {
		start = c.hidden[n-1].to
	}
	start += bytes.LastIndexByte(t[start:i], '\n') + 1
	c.pairTo = lineEnd(t, i)
	c.hidden = append(c.hidden, hiddenLine{start, c.pairTo})
}

// hides returns how long the disguise is that begins at t[i], 0 if none does.
func hides(t []byte, i int) (w int) {
	if t[i] == '%' {
		_, w = escapeAt(t, i)
		return w
	}
	if trigger[t[i]] || t[i] == ']' {
		var out [utf8.UTFMax]byte
		_, w, _ = undoAt(&out, t, i, at(t, i-1))
	}
	return w
}

// parts reports whether the disguise t[i:i+w] stands for a byte of no token, and
// neither joins the token before it nor the one behind.
func parts(t []byte, i, w int) bool {
	switch t[i] {
	case '\\':
		switch t[i+1] {
		case '\\', '/', '"', '\'':
			return true
		case 'n', 'r', 't':
			return !is(t, i+w, run|mark)
		}
	case '&':
		return true
	}
	return false
}

// colonRuns looks at runs of colons and hex digits in the blocks that may hold one
// with two colons beside each other, or with as many as an address or a row of pairs.
func (c *scanner) colonRuns(t []byte, pos, count int) {
	for _, i := range c.colonsIn[:count] {
		q, p := &c.maps[i], &c.maps[i-1]
		colon := q[bitColon]
		x := colon & (colon<<1 | p[bitColon]>>63 | q[bitHex]<<1 | p[bitHex]>>63)
		for base := pos + (int(i)-1)*blockSize; x != 0; x &= x - 1 {
			c.colonRun(t, base+bits.TrailingZeros64(x))
		}
	}
}

// colonRun lets the judge try the run around t[i] and notes the place if there is
// something in it.
func (c *scanner) colonRun(t []byte, i int) {
	if i < c.runsTo {
		return
	}
	for i > c.runsTo && (t[i-1] == ':' || class[t[i-1]]&hexa != 0) {
		i--
	}
	for t[i] != ':' {
		i++
	}
	found := len(c.out)
	c.colons(i)
	c.runsTo = c.colonsTo
	if len(c.out) > found {
		c.out = c.out[:found]
		c.place(i)
	}
}

// doubleDots notes where a token goes on behind two dots: they end a name inside
// of it.
func (c *scanner) doubleDots(t []byte, pos, blocks int) {
	for i := 1; i <= blocks; i++ {
		dot, before := c.maps[i][bitDot], c.maps[i-1][bitDot]
		for x := dot & (dot<<1 | before>>63); x != 0; x &= x - 1 {
			if k := pos + (i-1)*blockSize + bits.TrailingZeros64(x); is(t, k+1, label) {
				c.place(k)
			}
		}
	}
}

// oddities looks at bytes beyond ASCII, and for zero bytes.
func (c *scanner) oddities(t []byte, pos, blocks int) {
	for i := 1; i <= blocks; i++ {
		for x := c.maps[i][bitOdd]; x != 0; x &= x - 1 {
			if k := pos + (i-1)*blockSize + bits.TrailingZeros64(x); k >= c.oddTo && k < len(t) {
				c.odd(t, k)
			}
		}
	}
}

// odd looks at t[i], which is zero or beyond ASCII.
func (c *scanner) odd(t []byte, i int) {
	switch {
	case t[i] == 0:
		c.zeros = true
	case c.set.has(hasNames | hasMail):
		from, to := window(t, i)
		c.oddTo = to
		if c.mayBeNames(t[from:to]) {
			c.place(i)
		}
	}
}

// mayBeNames reports whether words beyond ASCII may hold a listed name: a dot with
// a label behind it that may be the last one.
func (c *scanner) mayBeNames(t []byte) bool {
	for i, b := range t {
		n := 0
		switch {
		case b == '.':
			n = 1
		case wideDot[b]:
			if w, isDot := nameRune(t, i); isDot {
				n = w
			}
		}
		if n == 0 || i+n == len(t) {
			continue
		}
		if r, _ := runeAt(t, i+n); c.unicodeTLDs || !neverASCII(r) {
			return true
		}
	}
	return false
}

// macs looks for MAC addresses without colons: six pairs, three groups of four or
// twelve digits in a row.
func (c *scanner) macs(t []byte, pos, blocks int) {
	for i := 1; i <= blocks; i++ {
		q, p := &c.maps[i], &c.maps[i-1]
		seps := q[bitDash] | q[bitDot]
		hex, before := q[bitHex], p[bitHex]
		row := hex | seps
		y := runsOf8(row, before|p[bitDash]|p[bitDot])
		for ; y != 0; y &= y + y&-y {
			if k := pos + (i-1)*blockSize + bits.TrailingZeros64(y); mayBeMAC(t, k) {
				c.place(k)
			}
		}
	}
}

// mayBeMAC reports whether the row of hex digits, hyphens and dots around t[i]
// has twelve digits between anything but letters and digits that are no hex
// digits.
func mayBeMAC(t []byte, i int) bool {
	inRow := func(k int) bool { return is(t, k, hexa|dash|dot) }
	for n := 0; inRow(i-1) && n < 2*blockSize; n++ {
		i--
	}
	digits := 0
	for ; inRow(i); i++ {
		if class[t[i]]&hexa != 0 {
			if digits++; digits == 12 {
				return true
			}
		}
	}
	return false
}

// bareHosts looks for hosts of a single label, which stand behind "://" or, behind
// a user's name, '@'.
func (c *scanner) bareHosts(t []byte) {
	for i := 0; ; {
		n := bytes.Index(t[i:], []byte("://"))
		if n < 0 {
			return
		}
		i += n + len("://")
		for k := i; k < len(t) && k-i <= maxUser+1; k++ {
			if (k == i || t[k-1] == '@') && class[t[k]]&label != 0 && c.mayBeHost(t, k) {
				c.place(k)
			}
			if t[k] == '/' || t[k] == '?' || ending[t[k]] == endsHard {
				break
			}
		}
	}
}

// mayBeHost reports whether the label that begins at t[i] may be a listed host.
func (c *scanner) mayBeHost(t []byte, i int) bool {
	end := i
	for is(t, end, label) {
		end++
	}
	return c.set.maybe(hashBackFolded(t[i:end], gateHost))
}
