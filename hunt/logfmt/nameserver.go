package logfmt

import "bytes"

// namedMessage reads what BIND says of its clients (BIND 9 ARM, logging
// categories queries, security and rpz), in syslog or in files of its own:
//
//	client @0x7f 192.0.2.1#53 (evil.example): query: evil.example IN A +
//	client @0x7f 192.0.2.1#53 (evil.example): query (cache) 'evil.example/A/IN' denied
//	client @0x7f 192.0.2.1#53 (evil.example): rpz QNAME NXDOMAIN rewrite evil.example via evil.example.rpz
//
// A denied query is a stranger's; a name that the policy rewrites is one that
// ours were kept from.
func namedMessage(line []byte, from int, r *Record) {
	c := cursor{line, from}
	for range 3 { // "queries: info: ", where the channel prints them
		d := c
		start, end := d.word()
		if end == start || line[end-1] != ':' || !d.blanks() {
			break
		}
		c = d
	}
	if !c.text("client ") {
		return
	}
	if c.text("@0x") {
		c.word()
		c.blanks()
	}
	start, end, ok := c.to('#')
	if !ok || !isIP(line[start:end]) {
		return
	}
	r.addAddr("source", line, start, end)
	if _, end = c.word(); line[end-1] != ':' {
		c.blanks()
		if _, end = c.word(); line[end-1] != ':' { // "(evil.example):"
			return
		}
	}
	c.blanks()
	if c.text("view ") {
		c.word()
		c.blanks()
	}
	namedAnswer(&c, r)
}

func namedAnswer(c *cursor, r *Record) {
	switch {
	case c.text("query: "):
		r.event.asks = true
		start, end := c.word()
		r.add("dns.question.name", start, end)
	case c.text("query "):
		if bytes.HasSuffix(c.rest(), []byte(" denied")) {
			r.event.says(blocked)
			if r.event.src == outside {
				r.event.goes(inbound)
			}
		}
	case c.text("rpz "):
		r.event.asks = true
		c.word()
		c.blanks()
		start, end := c.word()
		switch string(c.b[start:end]) {
		case "NXDOMAIN", "NODATA", "DROP", "Local-Data", "CNAME":
			r.event.says(blocked)
		}
	}
}

// dnsmasqMessage reads dnsmasq's queries and answers (dnsmasq(8), log-queries),
// and those of Pi-hole, which is made of it:
//
//	query[A] evil.example from 192.168.1.5
//	gravity blocked evil.example is 0.0.0.0
func dnsmasqMessage(line []byte, from int, r *Record) {
	c := cursor{line, from}
	if _, ok := c.num(1, 10); ok { // log-queries=extra: a number and who asked
		c.blanks()
		c.word()
		c.blanks()
	}
	switch {
	case c.text("query["):
		r.event.asks = true
		c.word()
		c.blanks()
		start, end := c.word()
		r.add("dns.question.name", start, end)
		if n := bytes.LastIndex(c.rest(), []byte(" from ")); n >= 0 { // a name may hold blanks
			c.i += n + len(" from ")
			start, end = c.word()
			r.addAddr("source", line, start, end)
		}
	case c.text("forwarded "), c.text("reply "), c.text("cached "):
		r.event.asks = true
	case c.text("gravity blocked "), c.text("regex blacklisted "), c.text("exactly blacklisted "), c.text("regex denied "), c.text("exactly denied "):
		r.event.asks = true
		r.event.says(blocked)
	case c.text("config "):
		r.event.asks = true
		if rest := c.rest(); bytes.HasSuffix(rest, []byte(" is 0.0.0.0")) || bytes.HasSuffix(rest, []byte(" is ::")) || bytes.HasSuffix(rest, []byte(" is NXDOMAIN")) {
			r.event.says(blocked)
		}
	}
}

// unboundMessage reads what unbound says of queries (unbound.conf(5),
// log-queries, log-replies, log-local-actions, rpz-log):
//
//	[123:0] info: 127.0.0.1 evil.example. A IN
//	[123:0] info: evil.example. always_nxdomain 127.0.0.1@4711 evil.example. A IN
//	[123:0] info: rpz: applied [feed] evil.example. rpz-nxdomain 127.0.0.1@4711 evil.example. A IN
func unboundMessage(line []byte, from int, r *Record) {
	c := cursor{line, from}
	if c.lit('[') {
		if _, _, ok := c.to(']'); !ok {
			return
		}
		c.blanks()
	}
	if !c.text("info: ") {
		return
	}
	if c.text("rpz: applied [") {
		if _, _, ok := c.to(']'); !ok {
			return
		}
		c.blanks()
	}
	start, end := c.word()
	if a := line[start:end]; isIP(a) {
		c.blanks()
		name, nameEnd := c.word()
		if !bytes.HasSuffix(line[name:nameEnd], []byte(".")) {
			return
		}
		r.addAddr("source", line, start, end)
		r.add("dns.question.name", name, nameEnd)
		r.event.asks = true
		return
	}
	c.blanks()
	start, end = c.word()
	switch string(line[start:end]) {
	case "rpz-nxdomain", "rpz-nodata", "rpz-drop", "rpz-local-data", "deny", "refuse", "always_deny", "always_refuse", "always_nxdomain", "always_nodata", "always_null":
		r.event.asks = true
		r.event.says(blocked)
	}
}
