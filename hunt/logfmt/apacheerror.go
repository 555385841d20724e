package logfmt

import (
	"bytes"
	"slices"
)

func init() { register("apache_error", parseApacheError) }

// parseApacheError reads the error log of Apache, of 2.4 and before:
//
//	[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 432] [client 192.0.2.1:1234] message
//	[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] message
func parseApacheError(line []byte, r *Record) bool {
	c := cursor{line, 0}
	if !c.lit('[') || !isAlpha(c.peek()) {
		return false
	}
	t, ok := c.stampAt(r.Ref)
	if !ok || !c.text("] [") {
		return false
	}
	r.Time = t
	start, end, ok := c.to(']')
	if !ok {
		return false
	}
	level := start + bytes.IndexByte(line[start:end], ':') + 1
	if !isApacheLevel(line[level:end]) {
		return false
	}
	r.add("log.level", level, end)
	named, module := level > start, line[start:max(start, level-1)]
	for c.text(" [") {
		if start, end, ok = c.to(']'); !ok {
			return false
		}
		apacheDetail(line, start, end, r)
	}
	c.blanks()
	r.add("message", c.i, len(line))
	apacheEvent(line[c.i:], module, named, r)
	return true
}

// apacheEvent tells a refusal (httpd's mod_authz_core, mod_auth_basic,
// mod_autoindex and mod_access_compat; ModSecurity) by the beginning of the
// message, behind the number that Apache 2.4 gives it: paths and users follow.
// Whoever is named as the client has come to the server.
//
// Since 2.4 the module that wrote a message stands before it. Those that run
// programs (php, wsgi, cgi) write what the program says, which may be the words
// of a stranger.
func apacheEvent(text, module []byte, named bool, r *Record) {
	if r.event.src == outside {
		r.event.comes()
	}
	if named && !apacheRefuser(module) {
		return
	}
	c := cursor{text, 0}
	if c.text("AH") {
		if _, ok := c.num(5, 5); ok && c.text(": ") {
			text = c.rest()
		}
	}
	for _, begins := range [...]string{"client denied by server configuration: ", "Directory index forbidden by ", "ModSecurity: Access denied with "} {
		if bytes.HasPrefix(text, []byte(begins)) {
			r.event.says(blocked)
			return
		}
	}
	if bytes.HasPrefix(text, []byte("user ")) && (bytes.Contains(text, []byte(": authentication failure for \"")) || bytes.Contains(text, []byte(" not found: "))) {
		r.event.says(blocked)
	}
}

// apacheRefuser reports whether a module turns clients away itself. ModSecurity
// may write without a name.
func apacheRefuser(module []byte) bool {
	switch string(module) {
	case "", "authz_core", "authz_host", "access_compat", "auth_basic", "auth_digest", "autoindex", "security2":
		return true
	}
	return false
}

func isApacheLevel(b []byte) bool {
	return isLevel(b) || string(b) == "emerg" || string(b) == "alert" || len(b) == 6 && string(b[:5]) == "trace"
}

// apacheDetail names what stands in one pair of brackets. Apache writes a port
// behind the client's address since 2.4, which also writes the pid, and then
// even behind an IPv6 address without brackets.
func apacheDetail(line []byte, start, end int, r *Record) {
	c := cursor{line[:end], start}
	switch {
	case c.text("pid "):
		from, to, ok := c.to(':')
		if !ok {
			from, to = c.i, end
		}
		r.add("process.pid", from, to)
	case c.text("client "):
		n := bytes.LastIndexByte(line[c.i:end], ':')
		if n < 0 || !hasField(r, "process.pid") {
			r.addAddr("source", line, c.i, end)
			return
		}
		r.addAddr("source", line, c.i, c.i+n)
		r.add("source.port", c.i+n+1, end)
	}
}

func hasField(r *Record, name string) bool {
	return slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Name == name })
}
