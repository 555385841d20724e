package match

// name looks up the name t[start:end] and all its parents, and whether it is the
// host of a listed URL. Only names whose last two labels are those of something
// listed get that far, or all where a top-level domain is listed. A name of one
// label can be such a host alone.
func (c *scanner) name(start, end int) {
	s, t := c.set, c.text
	h := uint64(seed)
	dots := 0
	first := end - 1
	for ; first >= start; first-- {
		b := t[first]
		if b == '.' {
			if dots++; dots == 2 {
				break
			}
		}
		h = step(h, fold[b])
	}
	switch {
	case dots == 0:
		if s.has(hasBareHost) {
			c.bareHost(start, end)
		}
	case s.maybe(finish(h, gateName)) || s.has(hasTops):
		c.parents(start, end)
	}
}

// parents looks up all suffixes of a name that begin at a label.
func (c *scanner) parents(start, end int) {
	s, t := c.set, c.text
	limit := max(start, end-int(max(s.longest[keyName], s.longest[gateHost])))
	h := uint64(seed)
	for i := end - 1; i >= limit; i-- {
		h = step(h, fold[t[i]])
		if i > start && t[i-1] != '.' {
			continue
		}
		if n := finish(h, keyName); s.maybe(n) {
			c.key = appendFolded(c.key[:0], t[i:end])
			c.nameHits(s.find(keyName, n, c.key), start, i, end)
		}
		if i == start && s.has(hasURLs) && s.maybe(finish(h, gateHost)) {
			c.key = appendFolded(c.key[:0], t[start:end])
			c.locate(start, hostEnd(t, end), 0)
		}
	}
}

// nameHits appends matches of t[start:end], of which t[i:end] is listed.
func (c *scanner) nameHits(ids group, start, i, end int) {
	t := c.text
	if ids.n == 0 || letterAfter(t, end) || i == start && letterBefore(t, start) {
		return
	}
	rule := Exact
	if i > start {
		rule = Subdomain
	}
	if hasUpper(t[i:end]) {
		rule |= Case
	}
	c.hits(ids, levelText, start, end, rule)
}

// hostEnd returns where a host that ends at t[i] ends with its final dot, which
// it has if something of a URL follows.
func hostEnd(t []byte, i int) int {
	if at(t, i) == '.' {
		switch at(t, i+1) {
		case '/', ':', '?':
			return i + 1
		}
	}
	return i
}

// bareHost looks for a host of a single label, which is one behind "://" only.
func (c *scanner) bareHost(start, end int) {
	t := c.text
	if b := at(t, start-1); b != '/' && b != '@' {
		return
	}
	if h := hashBackFolded(t[start:end], gateHost); c.set.maybe(h) {
		c.key = appendFolded(c.key[:0], t[start:end])
		c.locate(start, hostEnd(t, end), 0)
	}
}

func hashBackFolded(t []byte, k kind) uint64 {
	h := uint64(seed)
	for i := len(t) - 1; i >= 0; i-- {
		h = step(h, fold[t[i]])
	}
	return finish(h, k)
}

func appendFolded(dst, t []byte) []byte {
	for _, b := range t {
		dst = append(dst, fold[b])
	}
	return dst
}

func hasUpper(t []byte) bool {
	for _, b := range t {
		if isUpper(b) {
			return true
		}
	}
	return false
}
