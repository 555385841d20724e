package logfmt

import "bytes"

func init() { register("nginx_error", parseNginxError) }

// parseNginxError reads the error log of nginx:
//
//	2026/11/21 02:04:11 [error] 1234#0: *5 open() failed, client: 192.0.2.1, server: a.example, request: "GET / HTTP/1.1", host: "a.example"
func parseNginxError(line []byte, r *Record) bool {
	c := cursor{line, 0}
	if len(line) < 22 || line[4] != '/' {
		return false
	}
	t, ok := c.stampAt(r.Ref)
	if !ok || !c.text(" [") {
		return false
	}
	start, end, ok := c.to(']')
	if !ok || !isApacheLevel(line[start:end]) {
		return false
	}
	r.Time = t
	r.add("log.level", start, end)
	c.blanks()
	start, end, ok = c.to('#')
	if !ok || !allDigits(line[start:end]) {
		return false
	}
	r.add("process.pid", start, end)
	if _, _, ok = c.to(':'); !ok {
		return false
	}
	c.blanks()
	r.add("message", c.i, len(line))
	nginxDetails(line, c.i, r)
	nginxEvent(line[c.i:], r)
	return true
}

// nginxEvent tells a refusal (ngx_http_access_module, ngx_http_auth_basic_module,
// ngx_http_autoindex_module, ngx_http_limit_req_module and limit_conn) by the
// beginning of the message, behind the connection's number.
func nginxEvent(text []byte, r *Record) {
	if r.event.src == outside {
		r.event.comes()
	}
	if bytes.Count(text, []byte(", client: ")) > 1 { // a path or a request has one too
		r.event.unsure |= noWay
	}
	c := cursor{text, 0}
	if c.lit('*') {
		c.word()
		c.blanks()
	}
	head, _, _ := bytes.Cut(c.rest(), []byte(", client: "))
	switch {
	case bytes.HasPrefix(head, []byte("access forbidden by rule")),
		bytes.HasPrefix(head, []byte("limiting requests, excess: ")), // "limiting requests, dry run, ..." is another
		bytes.HasPrefix(head, []byte("limiting connections by zone ")),
		bytes.HasPrefix(head, []byte("directory index of \"")) && bytes.HasSuffix(head, []byte("\" is forbidden")),
		bytes.HasPrefix(head, []byte("user \"")) && bytes.HasSuffix(head, []byte("\": password mismatch")),
		bytes.HasPrefix(head, []byte("user \"")) && bytes.Contains(head, []byte("\" was not found in \"")):
		r.event.says(blocked)
	}
}

// nginxDetails names the ", key: value" pairs behind the message.
func nginxDetails(line []byte, from int, r *Record) {
	for _, k := range [...]struct{ key, name string }{
		{", client: ", "source"}, {", server: ", "server.domain"}, {", request: \"", ""},
		{", upstream: \"", "upstream"}, {", host: \"", "url.domain"}, {", referrer: \"", "http.request.referrer"},
	} {
		n := bytes.Index(line[from:], []byte(k.key))
		if n < 0 {
			continue
		}
		start := from + n + len(k.key)
		end := start + valueEnd(line[start:], k.key[len(k.key)-1])
		switch k.name {
		case "source":
			r.addAddr("source", line, start, end)
		case "":
			requestLine(line, start, end, r)
		default:
			r.add(k.name, start, end)
		}
	}
}

// valueEnd returns where a value ends: at the quote, if last is one, or at the
// comma.
func valueEnd(b []byte, last byte) int {
	stop := byte(',')
	if last == '"' {
		stop = '"'
	}
	if n := bytes.IndexByte(b, stop); n >= 0 {
		return n
	}
	return len(b)
}
