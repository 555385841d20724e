package logfmt

import (
	"bytes"
	"time"
)

func init() { register("syslog", parseSyslog) }

// parseSyslog reads RFC 3164 and what daemons and journalctl made of it:
// with or without <PRI>, "Nov 21 02:04:11" (also with a fraction or a year), or
// a time in ISO 8601 with its zone.
func parseSyslog(line []byte, r *Record) bool {
	h, ok := readHeader(line, r)
	if !ok || isEvent(line[h.msg:]) {
		return false
	}
	h.fields(r)
	syslogMessage(line, h.app, h.msg, r)
	return true
}

// isEvent reports whether a syslog message is of a format that has its own
// parser.
func isEvent(msg []byte) bool {
	return bytes.HasPrefix(msg, []byte("CEF:")) || bytes.HasPrefix(msg, []byte("LEEF:"))
}

// header is what stands before the message of a syslog line.
type header struct {
	pri, host, app, pid [2]int // spans, empty where missing
	msg                 int    // where the message starts
}

func (h *header) fields(r *Record) {
	r.add("log.syslog.priority", h.pri[0], h.pri[1])
	r.add("host.name", h.host[0], h.host[1])
	r.add("process.name", h.app[0], h.app[1])
	r.add("process.pid", h.pid[0], h.pid[1])
}

// readHeader reads a syslog header and puts time and host into r.
func readHeader(line []byte, r *Record) (h header, ok bool) {
	c := cursor{line, 0}
	h.pri, ok = c.priority()
	hasPri := ok
	c.any("*.") // Cisco: the clock is not, or was not, set
	iso := isDigit(c.peek())
	if r.Time, ok = c.syslogTime(iso, r.Ref); !ok {
		return h, false
	}
	c.lit(':') // Cisco
	if !c.blanks() {
		return h, false
	}
	h.host = c.syslogHost()
	h.app, h.pid, ok = c.tag()
	h.msg = c.i
	r.Host = string(line[h.host[0]:h.host[1]])
	// A time and two words are any log; a time in ISO 8601 needs a host and a
	// tag to be syslog.
	return h, !iso || hasPri || ok && h.host[0] < h.host[1] && !isLevel(line[h.host[0]:h.host[1]])
}

// priority reads <0> to <191>.
func (c *cursor) priority() (span [2]int, ok bool) {
	d := *c
	if !d.lit('<') {
		return span, false
	}
	span[0] = d.i
	n, ok := d.num(1, 3)
	span[1] = d.i
	if !ok || n > 191 || !d.lit('>') {
		return [2]int{}, false
	}
	*c = d
	return span, true
}

func (c *cursor) syslogTime(iso bool, ref time.Time) (time.Time, bool) {
	var s stamp
	if !iso {
		if !c.try(&s, monthDayStep, clockStep, zoneStep) {
			return time.Time{}, false
		}
		return s.when(ref)
	}
	if len(c.b) < c.i+11 || c.b[c.i+10] != 'T' || !c.isoStamp(&s) || !s.zoned {
		return time.Time{}, false
	}
	return s.when(ref)
}

// syslogHost reads the host, unless the next word is already the tag.
func (c *cursor) syslogHost() (span [2]int) {
	d := *c
	start, end := d.word()
	host := c.b[start:end]
	if end == start || end == len(c.b) || host[len(host)-1] == ':' || bytes.IndexByte(host, '[') >= 0 || isEvent(host) {
		return [2]int{c.i, c.i}
	}
	d.blanks()
	*c = d
	return [2]int{start, end}
}

// tag reads "name[pid]:" or "name:" with the blanks behind it. The name may
// hold blanks where the pid shows its end ("Microsoft Outlook[12]:").
func (c *cursor) tag() (app, pid [2]int, ok bool) {
	d := *c
	d.lit(':') // Cisco ASA: "host : %ASA-6-302013: ..."
	d.blanks()
	start := d.i
	for ; !d.done() && d.i-start < 64; d.i++ {
		switch d.b[d.i] {
		case '[':
			return c.tagPid(d, start)
		case ':':
			return c.tagEnd(d, start, d.i, [2]int{})
		case ' ', '\t':
			if !d.pidFollows(start) {
				return app, pid, false
			}
		}
	}
	return app, pid, false
}

// pidFollows reports whether "[digits]" ends the tag that began at start.
func (c *cursor) pidFollows(start int) bool {
	tail := c.b[c.i:min(len(c.b), start+64)]
	n := bytes.IndexByte(tail, '[')
	if n < 0 || bytes.ContainsAny(tail[:n], ":=\"") {
		return false
	}
	d := cursor{c.b, c.i + n + 1}
	_, ok := d.num(1, 10)
	return ok && d.text("]:")
}

func (c *cursor) tagPid(d cursor, start int) (app, pid [2]int, ok bool) {
	name := d.i
	d.i++
	from, end, ok := d.to(']')
	if !ok || !allDigits(d.b[from:end]) {
		return app, pid, false
	}
	return c.tagEnd(d, start, name, [2]int{from, end})
}

// tagEnd accepts the tag when a colon and a blank, or the line's end, follow.
func (c *cursor) tagEnd(d cursor, start, end int, p [2]int) (app, pid [2]int, ok bool) {
	if start == end || !d.lit(':') || !d.done() && !d.blanks() {
		return app, pid, false
	}
	*c = d
	return [2]int{start, end}, p, true
}

// isLevel reports whether b is a word for the gravity of a message, which
// stands where syslog has a host in the logs of many programs.
func isLevel(b []byte) bool {
	b = bytes.Trim(b, "[]<>()|:")
	for _, l := range [...]string{"trace", "debug", "info", "notice", "warn", "warning", "err", "error", "crit", "critical", "fatal", "panic", "stdout", "stderr", "information", "severe", "fine"} {
		if len(b) == len(l) && bytes.EqualFold(b, []byte(l)) {
			return true
		}
	}
	return false
}
