package logfmt

func init() { register("zeek", parseZeek) }

// parseZeek reads Zeek's tab-separated logs. The names of the columns stand at
// the head of the file, out of sight of a single line; what is named is the
// start that conn, dns, http, ssl and most others share: ts, uid and the
// connection's two ends.
func parseZeek(line []byte, r *Record) bool {
	c := cursor{line, 0}
	t, ok := c.epoch()
	if !ok || !c.lit('\t') {
		return false
	}
	start, end := c.column()
	if !isUID(line[start:end]) {
		return false
	}
	r.Time, r.ID = t, string(line[start:end])
	r.add("event.id", start, end)
	for _, side := range [...]string{"source", "destination"} {
		start, end = c.column()
		if !isIP(line[start:end]) {
			return true
		}
		r.add(side+".ip", start, end)
		start, end = c.column()
		r.add(side+".port", start, end)
	}
	return true
}

// column reads to the next tab and past it.
func (c *cursor) column() (start, end int) {
	if start, end, ok := c.to('\t'); ok {
		return start, end
	}
	start, c.i = c.i, len(c.b)
	return start, c.i
}

// isUID reports whether b looks like Zeek's ids: C (connection) or F (file) and
// up to 17 letters and digits.
func isUID(b []byte) bool {
	if len(b) < 12 || len(b) > 18 || b[0] != 'C' && b[0] != 'F' {
		return false
	}
	for _, ch := range b {
		if !isAlpha(ch) && !isDigit(ch) {
			return false
		}
	}
	return true
}
