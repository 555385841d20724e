package logfmt

import "bytes"

func init() { register("rfc5424", parse5424) }

// parse5424 reads RFC 5424: <PRI>1 TIMESTAMP HOST APP PROCID MSGID SD MSG. Some
// daemons write files without <PRI>; then the timestamp must not be "-".
func parse5424(line []byte, r *Record) bool {
	c := cursor{line, 0}
	pri, hasPri := c.priority()
	if !c.lit('1') || !c.lit(' ') {
		return false
	}
	start, end := c.word()
	t, ok := whole(line[start:end], r.Ref)
	if !ok && !(hasPri && isNil(line[start:end])) || ok && !hasZone(line[start:end]) {
		return false
	}
	r.Time = t
	r.add("log.syslog.priority", pri[0], pri[1])
	var app [2]int
	for _, name := range [...]string{"host.name", "process.name", "process.pid", "log.syslog.msgid"} {
		if !c.lit(' ') {
			return false
		}
		if start, end = c.word(); !isNil(line[start:end]) {
			r.add(name, start, end)
		}
		switch {
		case isNil(line[start:end]):
		case name == "host.name":
			r.Host = string(line[start:end])
		case name == "process.name":
			app = [2]int{start, end}
		}
	}
	if !c.lit(' ') || !c.structuredData(r) {
		return false
	}
	c.blanks()
	syslogMessage(line, app, c.i, r)
	return true
}

// hasZone reports whether an RFC 3339 timestamp is one; whole also reads
// other spellings.
func hasZone(b []byte) bool {
	return len(b) >= 20 && b[10] == 'T' && (b[len(b)-1] == 'Z' || bytes.LastIndexAny(b, "+-") > 10)
}

// structuredData reads "-" or [id name="value" ...][...].
func (c *cursor) structuredData(r *Record) bool {
	if c.lit('-') {
		return true
	}
	if c.peek() != '[' {
		return false
	}
	for c.lit('[') {
		start := c.i
		for !c.done() && c.peek() != ' ' && c.peek() != ']' {
			c.i++
		}
		id := short(c.b[start:c.i])
		for c.lit(' ') {
			if !c.param(r, id) {
				return false
			}
		}
		if !c.lit(']') {
			return false
		}
	}
	return true
}

func (c *cursor) param(r *Record, id string) bool {
	start, end, ok := c.to('=')
	if !ok {
		return false
	}
	from, to, ok := c.quoted()
	r.add("log.syslog.structured_data."+id+"."+short(c.b[start:end]), from, to)
	return ok
}

// maxName bounds the names that come out of lines.
const maxName = 128

// short returns b as a name, cut where no sane name is that long.
func short(b []byte) string { return string(b[:min(len(b), maxName)]) }
