package match

import "bytes"

// paths looks for listed paths of URLs: behind "://" and a host, behind the
// method of a request line, and as the value of a field that is named for it.
func (c *scanner) paths() {
	if !c.set.has(hasPaths) {
		return
	}
	t := c.under
	for i := 0; i < len(t); {
		n := bytes.IndexByte(t[i:], '/')
		if n < 0 {
			return
		}
		i += n
		switch {
		case at(t, i-1) == ' ' && afterMethod(t, i-1):
			c.path(i, 0)
		case at(t, i-1) == ':' && at(t, i+1) == '/':
			for i += 2; i < len(t) && ending[t[i]] != endsHard && t[i] != '/' && t[i] != '?'; i++ {
			}
			if b := at(t, i); b == '/' || b == '?' {
				c.path(i, 0)
			}
			if at(t, i) == '/' && at(t, i-1) == ':' {
				continue // http:///: look at the rest as well
			}
		}
		if opener := fieldBefore(t, i); opener != 0 {
			if opener == ',' {
				opener = separator(t[i:min(len(t), i+3*int(c.set.longest[keyPath])+1)])
			}
			c.path(i, opener)
		}
		i++
	}
}

// afterMethod reports whether a word in capitals ends at t[i], as the method of
// a request does (RFC 9110 §9.1).
func afterMethod(t []byte, i int) bool {
	k := i
	for k > 0 && i-k < 20 && (isUpper(t[k-1]) || t[k-1] == '-') {
		k--
	}
	return i-k >= 3 && isUpper(t[k]) && !inWord(t, k-1)
}

// wholeValue leaves of the places where the value of a field may end its quote.
func wholeValue(w *walk) [3]tail {
	none := tail{-1, -1}
	if b := at(w.text, w.end); b != '"' && b != '#' {
		return [...]tail{none, none, none}
	}
	return [...]tail{{w.end, w.end}, none, none}
}

// path looks up the path at under[i:], with its query and without. What closes
// a value that begins with opener ends it; a value in quotes is that and no less.
func (c *scanner) path(i int, opener byte) {
	s, w := c.set, &c.pathWalk
	w.text, w.at, w.limit, w.opener = c.under, i, int(s.longest[keyPath]), opener
	w.key, w.bare = w.key[:0], 0
	w.body()
	w.end = w.endOf.end // the path may be in reach where the end of its query is not
	if opener == '"' {
		w.tails = wholeValue(w)
	}
	var best group
	end := i
	for ok := true; ok; ok = w.next() {
		atQuery := at(w.text, w.at) == '?' && !w.query
		w.query = w.query || atQuery
		if !atQuery && (!w.mayEnd() || letterAfter(w.text, w.at)) || !hasLength(&s.urlPaths, len(w.key)) {
			continue
		}
		switch g := s.lookup(keyPath, finish(w.hash, keyPath), w.key); {
		case g.n > 0 && atQuery:
			c.hits(g, levelUnder, i, w.at, Path)
		case g.n > 0:
			best, end = g, w.at
		}
	}
	c.hits(best, levelUnder, i, end, Path)
}
