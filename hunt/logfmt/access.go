package logfmt

import "bytes"

func init() { register("access", parseAccess) }

// parseAccess reads the common and combined log formats of Apache and nginx:
//
//	[vhost[:port]] client ident user [21/Nov/2026:02:04:11 +0000] "request" status bytes ["referer" "agent" ["forwarded for"]]
func parseAccess(line []byte, r *Record) bool {
	c := cursor{line, 0}
	n := bytes.IndexByte(line, '[')
	if n < 6 || line[n-1] != ' ' || !accessNames(line[:n-1], r) {
		return false
	}
	c.i = n + 1
	var s stamp
	if c.i >= len(line) || !isDigit(line[c.i]) || !c.dayMonthStamp(&s) || !s.zoned || !c.text("] ") {
		return false
	}
	t, ok := s.when(r.Ref)
	if !ok {
		return false
	}
	r.Time = t
	if !c.accessRequest(r) || !c.accessReply(r) {
		return false
	}
	if r.event.status == blocked && accessForged(c.rest()) {
		r.event.unsure |= noOutcome
	}
	if !c.accessRest(r) {
		return false
	}
	accessEvent(line, r)
	return true
}

// accessEvent tells direction and outcome. Clients come to a web server; one with
// an address of ours may be the proxy that they come through, and one with a name
// may be anywhere. Where somebody asks for a whole URL or a tunnel, the server is
// a proxy (RFC 9112, 3.2.2 and 3.2.3): for ours, on their way out; but strangers
// send such requests, too, to find open proxies.
func accessEvent(line []byte, r *Record) {
	e := &r.event
	method, target := r.value(line, "http.request.method"), r.value(line, "url.original")
	asked := len(target) > 0 && target[0] != '/' && target[0] != '*'
	e.relays = asked
	switch {
	case e.src == outside:
		e.goes(inbound)
	case e.src == inside && asked:
		e.goes(outbound)
	}
	if !asked {
		return // the status is the server's own
	}
	// Of a tunnel, the status is the proxy's; else it may be that of whom was asked.
	if status := e.status; status == allowed || string(method) == "CONNECT" {
		e.says(status)
	}
	e.status = ""
}

// value returns what stands in a field.
func (r *Record) value(line []byte, name string) []byte {
	for _, f := range r.Fields {
		if f.Name == name {
			return line[f.Start:f.End]
		}
	}
	return nil
}

// accessNames reads what stands before the time: three words, or four with the
// virtual host. The user may hold blanks.
func accessNames(b []byte, r *Record) bool {
	var w [4][2]int
	c := cursor{b, 0}
	n := 0
	for ; n < len(w) && !c.done(); n++ {
		w[n][0], w[n][1] = c.word()
		if w[n][0] == w[n][1] || !c.lit(' ') && !c.done() {
			return false
		}
	}
	if n < 3 {
		return false
	}
	client := 0
	if n == 4 && isIP(b[w[1][0]:w[1][1]]) {
		client = 1
		if a, ok := addrOf(b[w[0][0]:w[0][1]]); ok {
			r.event.meets("source", a) // a host that is an address, or a second client?
		}
		r.add("url.domain", w[0][0], vhostEnd(b, w[0]))
	}
	r.addAddr("source", b, w[client][0], w[client][1])
	if user := w[client+2]; !isNil(b[user[0]:]) {
		r.add("user.name", user[0], len(b))
	}
	return true
}

// vhostEnd returns where the host in "host:port" ends.
func vhostEnd(b []byte, w [2]int) int {
	if n := bytes.LastIndexByte(b[w[0]:w[1]], ':'); n > 0 && allDigits(b[w[0]+n+1:w[1]]) {
		return w[0] + n
	}
	return w[1]
}

// accessRequest reads "GET /path HTTP/1.1". What a scanner sent instead of a
// request is its message.
func (c *cursor) accessRequest(r *Record) bool {
	start, end, ok := c.quoted()
	if !ok {
		return false
	}
	if !requestLine(c.b, start, end, r) && !isNil(c.b[start:end]) {
		r.add("message", start, end)
	}
	return true
}

// requestLine names method and target of an HTTP request line.
func requestLine(b []byte, start, end int, r *Record) bool {
	c := cursor{b[:end], start}
	start, method := c.word()
	for i := start; i < method; i++ {
		if !isAlpha(b[i]) && b[i] != '-' && b[i] != '_' {
			return false
		}
	}
	if method == start || !c.lit(' ') {
		return false
	}
	from, to := c.i, end
	if n := bytes.LastIndex(b[from:end], []byte(" HTTP/")); n >= 0 {
		to = from + n
	}
	r.add("http.request.method", start, method)
	r.add("url.original", from, to)
	return true
}

// accessReply reads status and size.
func (c *cursor) accessReply(r *Record) bool {
	if !c.lit(' ') {
		return false
	}
	start, end := c.word()
	if end-start != 3 || !allDigits(c.b[start:end]) || !c.lit(' ') {
		return false
	}
	r.add("http.response.status_code", start, end)
	r.event.replies(httpOutcome(c.b[start:end]))
	start, end = c.word()
	if !isNil(c.b[start:end]) && !allDigits(c.b[start:end]) {
		return false
	}
	if !isNil(c.b[start:end]) {
		r.add("http.response.body.bytes", start, end)
	}
	return true
}

// accessForged looks for a second status and size behind a quote: where the
// writer does not hide the quotes of a request, a refusal may be a part of it.
func accessForged(b []byte) bool {
	for {
		n := bytes.Index(b, []byte("\" "))
		if n < 0 {
			return false
		}
		b = b[n+2:]
		c := cursor{b, 0}
		start, end := c.word()
		if httpOutcome(b[start:end]) == "" || !c.lit(' ') {
			continue
		}
		start, end = c.word()
		if isNil(b[start:end]) || allDigits(b[start:end]) {
			return true
		}
	}
}

// accessRest reads the quoted strings behind, and leaves what follows them.
func (c *cursor) accessRest(r *Record) bool {
	for _, name := range [...]string{"http.request.referrer", "user_agent.original", "network.forwarded_ip"} {
		if !c.lit(' ') {
			return c.done()
		}
		start, end, ok := c.quoted()
		if !ok {
			return true
		}
		if !isNil(c.b[start:end]) && (name != "network.forwarded_ip" || isIP(c.b[start:end])) {
			r.add(name, start, end)
		}
	}
	return true
}

// haproxyMessage reads HAProxy's HTTP log (HAProxy configuration manual, 8.2.3):
//
//	192.0.2.1:33318 [21/Nov/2026:02:04:11.123] fe be/srv 10/0/30/69/109 403 2750 - - PR-- 1/1/1/1/0 0/0 "GET / HTTP/1.1"
//
// What the client sent stands at the end.
func haproxyMessage(line []byte, msg int, r *Record) {
	c := cursor{line, msg}
	start, end := c.word()
	port := start + max(0, bytes.LastIndexByte(line[start:end], ':'))
	if !isIP(line[start:port]) || !c.text(" [") {
		return
	}
	if _, _, ok := c.to(']'); !ok {
		return
	}
	for range 3 { // frontend, backend/server, times
		c.blanks()
		c.word()
	}
	c.blanks()
	from, to := c.word()
	c.blanks()
	c.lit('+') // of a reply that was still on its way
	size, sizeEnd := c.word()
	r.addAddr("source", line, start, port)
	if r.event.src == outside {
		r.event.comes()
	}
	if status := httpOutcome(line[from:to]); status != "" && allDigits(line[size:sizeEnd]) { // the TCP log has no status
		r.add("http.response.status_code", from, to)
		r.event.replies(status)
	}
}
