package match

import (
	"bytes"
	"slices"
)

// A URL is found by its host: only where the host is that of a listed URL is
// the text around it read. It is put into the canonical form of package canon
// byte by byte and hashed on the way, so that each length it may end at costs
// one look-up.

// locate looks up the URL whose host lies at text[start:end], its final dot or
// its brackets included; c.key is the canonical form of the host.
func (c *scanner) locate(start, end int, rule Rule) {
	if is(c.text, start-1, label) || letterBefore(c.text, start) || goesOn(c.text, end) {
		return
	}
	c.host = append(c.host[:0], c.key...)
	first, scheme := schemeBefore(c.text, start)
	if scheme > 0 && letterBefore(c.text, first) || scheme == 0 && c.set.longest[keyBare] == 0 {
		return
	}
	w, level, from := &c.walk, 0, first
	if len(c.percent.edits) > 0 {
		rule |= c.percent.undone(first, end)
		from, end = c.percent.start(first), c.percent.end(end)
		if scheme > 0 {
			level = c.percent.level(first + scheme)
		}
	}
	limit := int(max(c.set.longest[keyURL], c.set.longest[keyBare]))
	if level > 0 {
		w = &c.restWalk
		w.from = c.embedded(end, level, limit)
		w.text = c.rest.text
	} else {
		w.text, w.from = c.under, end
	}
	w.limit, w.opener = limit, at(c.under, from-1)
	w.begin(c.host, c.text[first:first+scheme])
	if !w.port() {
		return
	}
	c.lookUpURL(w, from, rule)
}

// maxScheme bounds a scheme, as package canon does.
const maxScheme = 32

// schemeBefore returns where the URL begins whose host begins at t[i], and the
// length of its scheme, 0 for none. Between the two may be a user's name, up to
// maxUser bytes long. A word of more than maxScheme letters, digits and '+' is no
// scheme.
func schemeBefore(t []byte, i int) (first, scheme int) {
	k := i
	if at(t, i-1) == '@' {
		for k--; k > 0 && i-k <= maxUser && t[k-1] > ' ' && t[k-1] != '/' && t[k-1] != '?' && ending[t[k-1]] != endsHard; k-- {
		}
	}
	if k < 3 || string(t[k-3:k]) != "://" {
		return i, 0
	}
	k -= 3
	for first = k; first > 0 && k-first <= maxScheme && (class[t[first-1]]&alnum != 0 || t[first-1] == '+'); first-- {
	}
	if k-first > maxScheme {
		return i, 0
	}
	for first < k && (class[t[first]]&alnum == 0 || class[t[first]]&digit != 0) {
		first++
	}
	if k-first < 2 {
		return i, 0
	}
	return first, k - first
}

// embedded decodes the URL that is a value in the query of another
// ("?u=http%3A%2F%2Fevil.com%2Fx"), as often as its "://" was encoded, from the
// end of its host on, which is under[at]. It returns where that is in c.rest.
// What was decoded last is used again where it serves.
func (c *scanner) embedded(at, level, limit int) int {
	d := &c.rest
	need := (limit + 16) * (2*level + 1)
	if d.level == level && at >= d.base && (d.whole || d.base+d.from[len(d.text)]-at >= need) {
		if i, ok := slices.BinarySearch(d.from, at-d.base); ok {
			return i
		}
	}
	t := c.under[at:]
	d.whole = len(t) <= 4*need
	t = t[:min(len(t), 4*need)]
	if i := bytes.IndexAny(t, "&# \"<>"); i >= 0 {
		t = t[:i]
		d.whole = true
	}
	d.base = at
	d.decode(t, level)
	c.restWalk.endOf = extent{}
	return 0
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
		if !w.mayEnd() || letterAfter(w.text, w.at) {
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
	if w == &c.restWalk {
		bestEnd = c.rest.base + c.rest.from[bestEnd]
	}
	c.hits(best, levelUnder, from, bestEnd, Locator|rule)
	c.hits(bare, levelUnder, from, bestEnd, Locator|rule)
}
