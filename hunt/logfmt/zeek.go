package logfmt

import "bytes"

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
		r.addAddr(side, line, start, end)
		start, end = c.column()
		r.add(side+".port", start, end)
	}
	c.zeekRest(r)
	return true
}

// zeekRest reads the columns behind, as conn.log, dns.log and http.log have them
// by default (docs.zeek.org, base/protocols), if they look like theirs: what a
// site has changed is not told from a line.
func (c *cursor) zeekRest(r *Record) {
	var col [18][2]int // from proto on
	n := 0
	for ; n < len(col) && !c.done(); n++ {
		col[n][0], col[n][1] = c.column()
	}
	is := func(i int) []byte { return c.b[col[i][0]:col[i][1]] }
	switch proto := string(is(0)); {
	case proto != "tcp" && proto != "udp" && proto != "icmp":
		if n > 10 && allDigits(is(0)) && bytes.IndexByte(is(3), '/') == 0 { // trans_depth, method, host, uri
			r.add("url.domain", col[2][0], col[2][1])
			r.event.replies(httpOutcome(is(10)))
		}
	case n > 7 && isConn(is(5)):
		r.event.loose = proto != "tcp"
		r.event.learnConn(is(5))
		r.event.learnLocal(is(6), 0)
		r.event.learnLocal(is(7), 2)
	case n > 3 && allDigits(is(1)) && len(is(1)) <= 5: // trans_id, rtt, query
		r.event.asks = true
		r.add("dns.question.name", col[3][0], col[3][1])
	}
}

// isConn reports whether b is a conn_state.
func isConn(b []byte) bool {
	var e event
	e.learnConn(b)
	return e.said != 0 || e.half || string(b) == "OTH" || string(b) == "RSTRH" || string(b) == "SHR"
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
