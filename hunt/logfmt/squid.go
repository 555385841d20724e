package logfmt

import "bytes"

func init() { register("squid", parseSquid) }

// parseSquid reads Squid's native access log:
//
//	1066036250.603    310 192.0.2.1 TCP_MISS/200 1234 GET http://a.example/ user HIER_DIRECT/198.51.100.7 text/html
func parseSquid(line []byte, r *Record) bool {
	c := cursor{line, 0}
	t, ok := c.epoch()
	if !ok || !c.blanks() {
		return false
	}
	r.Time = t
	if start, end := c.word(); !allDigits(line[start:end]) || !c.blanks() {
		return false
	}
	start, end := c.word()
	r.addAddr("source", line, start, end)
	if !c.blanks() || !c.squidResult(r) || !c.blanks() {
		return false
	}
	if start, end = c.word(); !allDigits(line[start:end]) || !c.blanks() {
		return false
	}
	r.add("http.response.bytes", start, end)
	for _, name := range [...]string{"http.request.method", "url.original", "user.name"} {
		start, end = c.word()
		if !c.blanks() {
			return false
		}
		if !isNil(line[start:end]) {
			r.add(name, start, end)
		}
	}
	peer := c.i
	c.squidPeer(r)
	if bytes.HasPrefix(line[peer:], []byte("HIER_NONE/- ")) && bytes.HasSuffix(line, []byte(" ERR_ACCESS_DENIED")) {
		r.event.said = saidBlocked // %err_code at the end of a logformat; no server was asked, that could write it into its media type
	}
	r.event.dst = nowhere // the peer is not where the client went, and may be a proxy of ours
	if r.event.src == inside {
		r.event.goes(outbound) // clients of a proxy are ours, whatever it asked of whom
	}
	return true
}

// squidResult reads "TCP_MISS/200".
func (c *cursor) squidResult(r *Record) bool {
	start, end := c.word()
	n := bytes.IndexByte(c.b[start:end], '/')
	if n < 1 || !allDigits(c.b[start+n+1:end]) {
		return false
	}
	r.add("http.response.status_code", start+n+1, end)
	r.event.says(squidOutcome(c.b[start:start+n], c.b[start+n+1:end]))
	return true
}

// squidOutcome reads result code and status (wiki.squid-cache.org,
// SquidFaq/SquidLogs): TCP_DENIED is a refusal by the access rules, or asks for a
// log-in first, TAG_NONE says nothing. Another status, whatever it is, is the
// answer of the server, which was reached.
func squidOutcome(result, status []byte) string {
	switch {
	case bytes.Contains(result, []byte("DENIED")):
		return blocked
	case bytes.HasPrefix(result, []byte("NONE")), bytes.Contains(result, []byte("ABORTED")), len(status) != 3 || status[0] == '0' || status[0] > '4':
		return ""
	}
	return allowed
}

// squidPeer reads "HIER_DIRECT/198.51.100.7".
func (c *cursor) squidPeer(r *Record) {
	start, end := c.word()
	if n := bytes.IndexByte(c.b[start:end], '/'); n > 0 {
		r.addAddr("destination", c.b, start+n+1, end)
	}
}
