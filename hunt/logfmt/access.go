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
	if !c.accessRequest(r) || !c.accessReply(r) || !c.accessRest(r) {
		return false
	}
	r.event.way = accessWay(line, r)
	return true
}

// accessWay returns the direction: clients come to a web server. Only where one
// of ours asks for a whole URL or a tunnel is the server a proxy, on its way out
// (RFC 9112, 3.2.2 and 3.2.3); strangers send such requests to find open proxies.
func accessWay(line []byte, r *Record) string {
	if r.event.src != inside {
		return inbound
	}
	for _, f := range r.Fields {
		if f.Name == "url.original" && line[f.Start] != '/' && line[f.Start] != '*' {
			return outbound
		}
	}
	return inbound
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
	if n == 4 && !isIP(b[w[0][0]:w[0][1]]) && isIP(b[w[1][0]:w[1][1]]) {
		client = 1
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
	r.event.says(httpOutcome(c.b[start:end]))
	start, end = c.word()
	if !isNil(c.b[start:end]) && !allDigits(c.b[start:end]) {
		return false
	}
	if !isNil(c.b[start:end]) {
		r.add("http.response.body.bytes", start, end)
	}
	return true
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
