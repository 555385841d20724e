package match

import "net/netip"

// quads looks for IPv4 addresses in a piece: what lies between hyphens and is
// all digits and dots. It reports whether the whole piece is one.
func (c *scanner) quads(start, end int) bool {
	t := c.text
	for i := start; i < end; i++ {
		from := i
		for i < end && t[i] != '-' {
			i++
		}
		if i-from < len("1.1.1.1") || class[t[from]]&digit == 0 {
			continue
		}
		if c.quadAt(from, i) && from == start && i == end {
			return true
		}
	}
	return false
}

// quadAt judges t[from:to], which has a hyphen or the end of the piece on both
// sides, and reports whether it is an address.
func (c *scanner) quadAt(from, to int) bool {
	t := c.text
	if from < c.quadTo || at(t, from-1) == '.' && at(t, from-2) != '.' {
		return false // the end of an IPv6 address, or of an object identifier
	}
	a, end, ok := quad(t, from)
	switch {
	case !ok:
		return false
	case end == to || end == to-1 && t[end] == '.':
		c.address(a, from, end, 0)
		return true
	case t[end] == '.':
		port, last, ok := number(t, end+1, 5)
		if ok && last == to && port <= 0xffff && !is(t, last, label) && tcpdump(t, from, last) {
			c.address(a, from, end, 0)
			c.port(a, port, from, last, 0)
			return true
		}
	}
	return false
}

// tcpdump reports whether t[from:to] stands where tcpdump writes an address
// with its port behind a dot: "IP 192.0.2.1.443 > 192.0.2.2.5353: Flags".
func tcpdump(t []byte, from, to int) bool {
	return at(t, to) == ' ' && at(t, to+1) == '>' && at(t, to+2) == ' ' ||
		at(t, to) == ':' && at(t, to+1) == ' ' ||
		at(t, from-1) == ' ' && at(t, from-2) == '>'
}

// goesOn reports whether the host or the port that ends at t[:i] is not whole: a
// label stands behind it, or a dot and a label.
func goesOn(t []byte, i int) bool {
	return is(t, i, label) || at(t, i) == '.' && is(t, i+1, label)
}

// quad reads four decimal octets without leading zeros at t[i:].
func quad(t []byte, i int) (a address, end int, ok bool) {
	a.is4 = true
	for k := range 4 {
		if k > 0 {
			if at(t, i) != '.' {
				return a, i, false
			}
			i++
		}
		n, e, ok := number(t, i, 3)
		if !ok || n > 255 || is(t, e, alnum) {
			return a, i, false
		}
		a.b[k], i = byte(n), e
	}
	return a, i, true
}

// colons deals with the longest run of hex digits and colons around the colon
// t[i]: the unit of IPv6 addresses, MAC addresses and fingerprints.
func (c *scanner) colons(i int) {
	t := c.text
	start, end, n, double := i, i, 0, false
	for start > 0 && class[t[start-1]]&hexa != 0 {
		start--
	}
	for ; end < len(t) && (t[end] == ':' || class[t[end]]&hexa != 0); end++ {
		if t[end] == ':' {
			n++
			double = double || at(t, end+1) == ':'
		}
	}
	c.colonsTo = end
	if n < 2 {
		return
	}
	w := unglue(t, start, end)
	if c.set.has(hasMACs | hasCerts) {
		from := w.from
		if t[from] == ':' { // the colon of "mac :00:1b:44:11:3a:b7"
			from++
		}
		c.pairs(from, w.to, ':')
	}
	if c.set.has(hasAddrs) && (double || n >= 6) {
		c.sextets(w, end)
	}
}

// bounds is where an address may begin and end; a colon there that is not part
// of it is skipped at a loose side.
type bounds struct {
	from, to              int
	looseLeft, looseRight int
}

// unglue cuts off the word that stands before the first colon ("addr:2001:db8::1")
// or behind the last ("2001:db8::1:GET"). In a word there is a letter that is
// no hex digit; a host name before or behind a colon counts as one.
func unglue(t []byte, start, end int) bounds {
	w := bounds{start, end, 0, 0}
	if wordBefore(t, start) || at(t, start-1) == '.' && is(t, start-2, label) {
		for w.from < end && t[w.from] != ':' {
			w.from++
		}
		w.from++
	} else if at(t, start) == ':' {
		w.looseLeft = 1
	}
	if wordAfter(t, end) || at(t, end) == '.' && is(t, end+1, label) {
		for w.to > start && t[w.to-1] != ':' {
			w.to--
		}
		w.to--
	} else if t[end-1] == ':' {
		w.looseRight = 1
	}
	return w
}

// sextets looks for an IPv6 address within bounds, in a run of hex digits and
// colons that ends at end.
func (c *scanner) sextets(w bounds, end int) {
	t := c.text
	if at(t, end) == '.' && is(t, end+1, digit) && c.sextetsDotted(w, end) {
		return
	}
	for l := range w.looseLeft + 1 {
		for r := range w.looseRight + 1 {
			f, e := w.from+l, w.to-r
			if e-f < 2 {
				continue
			}
			if a, ok := parse6(t[f:e]); ok {
				c.address(a, f, e, mapped(a))
				return
			}
		}
	}
}

func mapped(a address) Rule {
	if a.is4 {
		return V4Mapped
	}
	return 0
}

// sextetsDotted deals with an address whose last part is in dotted decimal
// ("::ffff:192.0.2.1"), and with tcpdump's port behind a dot. The run ends at end,
// where a dot and a digit follow.
func (c *scanner) sextetsDotted(w bounds, end int) bool {
	t := c.text
	last := end
	for last > w.from && t[last-1] != ':' {
		last--
	}
	for f := w.from; f <= min(w.from+w.looseLeft, end-1); f++ {
		if _, e, ok := quad(t, last); ok && !inWord(t, e) {
			whole := !(at(t, e) == '.' && is(t, e+1, label))
			if a, ok := parse6(t[f:e]); ok && (whole || c.dumped(a, f, e)) {
				c.quadTo = e
				if whole {
					c.address(a, f, e, mapped(a))
				}
				return true
			}
		}
		if a, ok := parse6(t[f:end]); ok && c.dumped(a, f, end) {
			return true
		}
	}
	return false
}

// dumped deals with the IPv6 address t[from:to] if tcpdump's port stands behind
// it, and reports whether it does.
func (c *scanner) dumped(a address, from, to int) bool {
	port, end, ok := number(c.text, to+1, 5)
	if !ok || port > 0xffff || goesOn(c.text, end) || !tcpdump(c.text, from, end) {
		return false
	}
	c.address(a, from, to, mapped(a))
	c.port(a, port, from, end, mapped(a))
	return true
}

// parse6 reads an IPv6 address without brackets and zone (RFC 4291 §2.2).
func parse6(t []byte) (a address, ok bool) {
	gap, n, i := -1, 0, 0
	if len(t) > 1 && t[0] == ':' && t[1] == ':' {
		gap, i = 0, 2
	}
	for i < len(t) {
		if n <= 12 && is(t, i, digit) {
			if q, e, ok := quad(t, i); ok && e == len(t) {
				copy(a.b[n:], q.b[:4])
				n += 4
				break
			}
		}
		v, e := 0, i
		for ; is(t, e, hexa) && e-i < 4; e++ {
			v = v<<4 | int(unhex(t[e]))
		}
		if e == i || n == 16 {
			return a, false
		}
		a.b[n], a.b[n+1] = byte(v>>8), byte(v)
		n, i = n+2, e
		if i == len(t) {
			break
		}
		if t[i] != ':' || i+1 == len(t) {
			return a, false
		}
		if i++; t[i] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap = n
			i++
		}
	}
	return spread(a, gap, n)
}

// spread fills the gap of an address of which n bytes were read, and takes a
// mapped IPv4 address out. A gap stands for at least one group.
func spread(a address, gap, n int) (address, bool) {
	switch {
	case gap < 0:
		if n != 16 {
			return a, false
		}
	case n == 16:
		return a, false
	default:
		tail := n - gap
		copy(a.b[16-tail:], a.b[gap:n])
		clear(a.b[gap : 16-tail])
	}
	if [12]byte(a.b[:12]) == [12]byte{10: 0xff, 11: 0xff} {
		a = address{b: [16]byte{a.b[12], a.b[13], a.b[14], a.b[15]}, is4: true}
	}
	return a, true
}

// address looks up the address at t[start:end], the networks it is in, and what
// stands around it: a port, a URL.
func (c *scanner) address(a address, start, end int, rule Rule) {
	s, t := c.set, c.text
	if h := hashBytes(a.bytes(), keyAddr); s.maybe(h) {
		c.token(s.find(keyAddr, h, a.bytes()), start, end, Exact|rule)
	}
	if s.has(hasNets) {
		c.networks(a, start, end, rule)
	}
	host, last := start, end
	if at(t, start-1) == '[' {
		if e := zoneEnd(t, end); at(t, e) == ']' {
			host, last = start-1, e+1
		}
	}
	if s.has(hasPorts) && at(t, last) == ':' && (last > end || at(t, end-1) != ':') {
		if p, e, ok := portNumber(t, last+1); ok && !(at(t, e) == '.' && is(t, e+1, label)) {
			c.port(a, p, host, e, rule)
		}
	}
	isHost := last > end || a.is4 && rule&V4Mapped == 0 // RFC 3986 §3.2.2: IPv6 in brackets
	if isHost && s.has(hasURLs) && s.maybe(hashBytes(a.bytes(), gateHostAddr)) {
		c.key = appendHost(c.key[:0], a)
		c.locate(host, hostEnd(t, last), rule)
	}
}

// zoneEnd returns the end of the zone of an address that ends at t[i].
func zoneEnd(t []byte, i int) int {
	if at(t, i) != '%' {
		return i
	}
	for i++; is(t, i, run); i++ {
	}
	return i
}

func (c *scanner) port(a address, port, start, end int, rule Rule) {
	if !c.set.has(hasPorts) {
		return
	}
	c.key = portKey(c.key[:0], a, uint16(port))
	h := hashBytes(c.key, keyPort)
	c.token(c.set.lookup(keyPort, h, c.key), start, end, Port|rule)
}

// appendHost appends an address as it stands in a canonical URL.
func appendHost(dst []byte, a address) []byte {
	if a.is4 {
		return netip.AddrFrom4([4]byte(a.b[:4])).AppendTo(dst)
	}
	return append(netip.AddrFrom16(a.b).AppendTo(append(dst, '[')), ']')
}
