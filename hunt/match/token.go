package match

// tokens cuts c.text[from:to] into runs of letters, digits, '-', '_' and '.', in
// which every token but an IPv6 address and a name in Unicode lies whole, and
// hands them on. A run without a dot is of interest for its length alone.
func (c *scanner) tokens(from, to int) {
	t := c.text
	c.colonsTo, c.wordsTo, c.dotsTo, c.quadTo = from, from, from, from
	for i := from; i < to; {
		k := class[t[i]]
		if k&run == 0 {
			if k&mark != 0 {
				c.marked(i, k)
			}
			i++
			continue
		}
		start, seen := i, k
		for i++; i < to && class[t[i]]&run != 0; i++ {
			seen |= class[t[i]]
		}
		c.run(start, i, seen)
	}
}

// marked looks for the tokens that are not in one run.
func (c *scanner) marked(i int, k uint8) {
	if k&high != 0 && wideDot[c.text[i]] && i >= c.dotsTo && c.set.has(hasNames|hasMail) {
		c.wideDots(i)
	}
	switch {
	case k&high == 0:
		if i >= c.colonsTo && c.set.has(hasAddrs|hasMACs|hasCerts) {
			c.colons(i)
		}
	case i >= c.wordsTo && c.set.has(hasNames|hasMail):
		c.unicode(i)
	}
}

// run looks for what a run can hold; seen is the union of its classes.
func (c *scanner) run(start, end int, seen uint8) {
	s := c.set
	switch {
	case seen&dot != 0:
		if s.has(hasAddrs | hasNames | hasBareHost) {
			c.dotted(start, end)
		}
	case end-start == 1 && c.text[start] == '0' && at(c.text, start-1) == '(':
		c.counted(start)
	case s.has(hasBareHost):
		c.bareHost(start, end)
	}
	if end-start >= minDigest && s.has(hasDigests) {
		c.digests(start, end)
	}
	if end-start >= minCVE && seen&dash != 0 && s.has(hasCVEs) {
		c.cves(start, end)
	}
	if s.has(hasMACs) && end-start >= 12 {
		c.macRun(start, end)
	}
	if s.has(hasMail) && at(c.text, start-1) == '@' {
		c.mailbox(start)
	}
}

// dotted cuts a run into pieces: labels with single dots between them. Two dots
// in a row belong to no name and no address ("from...192.0.2.1").
func (c *scanner) dotted(start, end int) {
	t := c.text
	for i := start; i < end; {
		if t[i] == '.' {
			i++
			continue
		}
		p := pieceEnd(t, i)
		c.piece(i, p)
		i = p
	}
}

// pieceEnd returns the end of the piece that begins at t[i].
func pieceEnd(t []byte, i int) int {
	for is(t, i, label) || at(t, i) == '.' && is(t, i+1, label) {
		i++
	}
	return i
}

// piece looks for addresses and names.
func (c *scanner) piece(start, end int) {
	if c.set.has(hasAddrs) && c.quads(start, end) {
		return
	}
	if c.set.has(hasNames | hasBareHost) {
		c.name(start, end)
	}
}
