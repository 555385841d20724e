package match

// counted looks up the name whose root's length is text[zero], and its parents.
// That is how the DNS server of Windows logs names, as they go over the wire (RFC
// 1035 §3.1): each label behind its length, and the root, whose length is 0, at
// the end: "(3)www(4)evil(7)example(0)". A length that is not its label's makes
// it no name.
func (c *scanner) counted(zero int) {
	t, i, end := c.text, zero-1, zero+2
	if at(t, i) != '(' || at(t, zero+1) != ')' {
		return
	}
	var buf [longestName + 1]byte
	var labels [longestName/2 + 1]int // where in buf a suffix begins, the shortest first
	first, n, start := len(buf), 0, i
	for {
		from, open := countedLabel(t, start)
		if open < 0 || start-from+1 > first || n == len(labels) {
			break
		}
		if n > 0 {
			first--
			buf[first] = '.'
		}
		first -= start - from
		for k := from; k < start; k++ {
			buf[first+k-from] = fold[t[k]]
		}
		labels[n], start = first, open
		n++
	}
	if n < 2 || is(t, start-1, label) || letterBefore(t, start) {
		return
	}
	for k, at := range labels[:n] {
		rule := Subdomain | Respelled
		if k == n-1 {
			rule = Exact | Respelled
		}
		if hasUpper(t[start:end]) {
			rule |= Case
		}
		name := buf[at:]
		c.hits(c.set.lookup(keyName, hashBack(name, keyName), name), levelText, start, end, rule)
	}
}

// countedLabel returns where the label that ends at t[:end] begins, and the
// bracket of the length before it; open is -1 where there is no such label.
func countedLabel(t []byte, end int) (from, open int) {
	from = end
	for is(t, from-1, label) && end-from < maxLabel {
		from--
	}
	if from == end || at(t, from-1) != ')' {
		return 0, -1
	}
	open = from - 2
	for is(t, open, digit) && from-open < len("(63)") {
		open--
	}
	if n, e, ok := number(t, open+1, 2); !ok || n != end-from || e != from-1 || at(t, open) != '(' {
		return 0, -1
	}
	return from, open
}

// maxLabel is the greatest length of a label (RFC 1035 §2.3.4).
const maxLabel = 63
