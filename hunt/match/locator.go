package match

import "bytes"

// A URL is found by its host: only where the host is that of a listed URL is
// the text around it read. It is put into the canonical form of package canon
// byte by byte and hashed on the way, so that each length it may end at costs
// one look-up.

// locate looks up the URL whose host lies at text[start:end], its final dot or
// its brackets included; c.key is the canonical form of the host.
func (c *scanner) locate(start, end int, rule Rule) {
	if is(c.text, start-1, label) {
		return
	}
	c.host = append(c.host[:0], c.key...)
	first, scheme := schemeBefore(c.text, start)
	w := &c.walk
	w.text, w.from, w.level = c.under, end, 0
	from := first
	if len(c.percent.edits) > 0 {
		rule |= c.percent.undone(first, end)
		from, w.from = c.percent.start(first), c.percent.end(end)
		if scheme > 0 {
			w.level = c.percent.level(first + scheme)
		}
	}
	if scheme == 0 && c.set.longest[keyBare] == 0 {
		return
	}
	w.limit = int(max(c.set.longest[keyURL], c.set.longest[keyBare]))
	w.opener = at(c.under, from-1)
	if w.level > 0 {
		c.embedded(w)
	}
	w.begin(c.host, c.text[first:first+scheme])
	if !w.port() {
		return
	}
	c.lookUpURL(w, from, rule)
}

// schemeBefore returns where the URL begins whose host begins at t[i], and the
// length of its scheme, 0 for none. Between the two may be a user's name, up to
// 256 bytes long.
func schemeBefore(t []byte, i int) (first, scheme int) {
	k := i
	if at(t, i-1) == '@' {
		for k--; k > 0 && i-k <= 256 && t[k-1] > ' ' && t[k-1] != '/' && t[k-1] != '"'; k-- {
		}
	}
	if k < 3 || string(t[k-3:k]) != "://" {
		return i, 0
	}
	k -= 3
	for first = k; first > 0 && k-first < 32 && (class[t[first-1]]&alnum != 0 || t[first-1] == '+'); first-- {
	}
	for first < k && (class[t[first]]&alnum == 0 || class[t[first]]&digit != 0) {
		first++
	}
	if k-first < 2 {
		return i, 0
	}
	return first, k - first
}

// embedded makes w walk over a URL that is a value in the query of another
// ("?u=http%3A%2F%2Fevil.com%2Fx"), decoded as often as its "://" was encoded.
func (c *scanner) embedded(w *walk) {
	t := w.text[w.from:]
	t = t[:min(len(t), (w.limit+16)*(2*w.level+1))]
	if i := bytes.IndexAny(t, "&# \"<>"); i >= 0 {
		t = t[:i]
	}
	c.rest.decode(t, w.level)
	w.base, w.text, w.from = w.from, c.rest.text, 0
}

// lookUpURL looks up the URL at each length it may have, and reports the
// longest one listed.
func (c *scanner) lookUpURL(w *walk, from int, rule Rule) {
	s := c.set
	var best, bare group
	bestEnd := 0
	if !w.body() {
		return
	}
	for ok := true; ok; ok = w.next() {
		if !w.mayEnd() {
			continue
		}
		var u, b group
		if n := len(w.key); w.bare > 0 && hasLength(&s.urls, n) {
			u = s.lookup(keyURL, finish(w.hash, keyURL), w.key)
		}
		if n := len(w.key) - w.bare; hasLength(&s.urls, n) {
			b = s.lookup(keyBare, finish(w.bareHash, keyBare), w.key[w.bare:])
		}
		if u.n+b.n > 0 {
			best, bare, bestEnd = u, b, w.at
		}
	}
	if bestEnd > 0 || best.n+bare.n > 0 {
		end := w.place(bestEnd, &c.rest)
		c.hits(best, levelUnder, from, end, Locator|rule)
		c.hits(bare, levelUnder, from, end, Locator|rule)
	}
}
