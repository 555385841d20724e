package match

// minCVE is the length of the shortest CVE id, CVE-1999-0001.
const minCVE = len("cve-1999-0001")

// cves looks for CVE ids in a run, between anything but letters and digits.
func (c *scanner) cves(start, end int) {
	t := c.text
	for i := start; i+minCVE <= end; i++ {
		if t[i]|0x20 != 'c' || t[i+3] != '-' || t[i+8] != '-' || i > start && class[t[i-1]]&alnum != 0 || !equalFold(t[i:i+3], "cve") {
			continue
		}
		e := i + 9
		for is(t, e, alnum) {
			e++
		}
		c.key = appendFolded(c.key[:0], t[i:e])
		rule := Exact
		if !allUpper(t[i : i+3]) {
			rule = Case
		}
		c.token(c.set.lookup(keyCVE, hashBytes(c.key, keyCVE), c.key), i, e, rule)
	}
}

func allUpper(t []byte) bool {
	for _, b := range t {
		if !isUpper(b) {
			return false
		}
	}
	return true
}

// macGroups are the spellings of a MAC address that have no colons between
// pairs: so many digits in each group, and what stands between.
var macGroups = []struct {
	digits int
	sep    byte
}{{12, 0}, {2, '-'}, {4, '.'}, {4, '-'}, {6, '-'}}

// macRun looks for MAC addresses in a run: hex digits in groups, between
// anything but letters and digits, and not as part of a longer row of groups.
func (c *scanner) macRun(start, end int) {
	t := c.text
	for i := start; i < end; {
		if class[t[i]]&hexa == 0 || i > 0 && class[t[i-1]]&alnum != 0 {
			i++
			continue
		}
		e := i
		for is(t, e, hexa) {
			e++
		}
		if !is(t, e, alnum) {
			c.macAt(i, e)
		}
		i = e
	}
}

// macAt judges the groups of hex digits of which t[i:e] is the first.
func (c *scanner) macAt(i, e int) {
	t := c.text
	for _, g := range macGroups {
		if e-i != g.digits || g.sep != 0 && at(t, i-1) == g.sep && is(t, i-2, alnum) {
			continue
		}
		digits, k := append(c.pairsOf[:0], t[i:e]...), e
		for len(digits) < 12 && at(t, k) == g.sep && groupLen(t, k+1) == g.digits {
			digits = append(digits, t[k+1:k+1+g.digits]...)
			k += 1 + g.digits
		}
		if len(digits) == 12 && !(g.sep != 0 && at(t, k) == g.sep && is(t, k+1, alnum)) {
			c.digest(keyMAC, digits, i, k, Respelled)
		}
	}
}

// groupLen returns how many hex digits stand at t[i:], 0 if a letter follows.
func groupLen(t []byte, i int) int {
	e := i
	for is(t, e, hexa) && e-i <= 12 {
		e++
	}
	if is(t, e, alnum) {
		return 0
	}
	return e - i
}
