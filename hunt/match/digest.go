package match

// minDigest is the least number of hex digits that are looked for as a digest;
// shorter ones are searched for as free text.
const minDigest = 16

// digests looks for listed digests in a run: hex digits between anything but
// letters and digits.
func (c *scanner) digests(start, end int) {
	t := c.text
	for i := start; i < end; i++ {
		from, hex := i, hexa
		for ; i < end && class[t[i]]&alnum != 0; i++ {
			hex &= class[t[i]]
		}
		if i-from >= minDigest && hex != 0 && hasLength(&c.set.digests, i-from) {
			c.digest(keyDigest, t[from:i], from, i, 0)
		}
	}
}

func (c *scanner) digest(k kind, digits []byte, start, end int, rule Rule) {
	c.key = appendFolded(c.key[:0], digits)
	if hasUpper(digits) {
		rule |= Case
	}
	c.token(c.set.lookup(k, hashBytes(c.key, k), c.key), start, end, rule)
}

// maxPairs is the most bytes of a digest that is written in pairs.
const maxPairs = 64

// pairs judges t[start:end] as pairs of hex digits with sep between them: the
// fingerprint of a certificate, or a MAC address, in which a pair may lack its
// leading zero.
func (c *scanner) pairs(start, end int, sep byte) {
	t := c.text
	var buf [2 * maxPairs]byte
	digits := buf[:0]
	short := false
	for i := start; ; {
		from := i
		for is(t, i, hexa) && i < end {
			i++
		}
		if i == from || i-from > 2 || len(digits) == cap(digits) {
			return
		}
		if i-from == 1 {
			digits = append(digits, '0')
			short = true
		}
		digits = append(digits, t[from:i]...)
		if i == end {
			break
		}
		if t[i] != sep {
			return
		}
		if i++; i == end && sep == ':' { // the colon of "00:1b:44:11:3a:b7: ok"
			end = i - 1
			break
		}
	}
	if len(digits) == 12 {
		rule := Exact
		if short || sep != ':' {
			rule = Respelled
		}
		c.digest(keyMAC, digits, start, end, rule)
	}
	if !short && c.set.has(hasCerts) && hasLength(&c.set.digests, len(digits)) {
		c.digest(keyCert, digits, start, end, Respelled)
	}
}
