package logfmt

import (
	"bytes"
	"time"
)

func init() { register(fallback, parseGeneric) }

// near is how far into a line a time is looked for: behind a file name, a
// thread or a level, not in the text of a message.
const near = 128

// parseGeneric knows a line by the time that stands at or near its start, in
// one of the common spellings.
func parseGeneric(line []byte, r *Record) bool {
	c := cursor{line, 0}
	if t, ok := c.epoch(); ok {
		r.Time = t
		return true
	}
	for ; c.i < min(len(line), near); c.i++ {
		if c.i > 0 && !opens(line[c.i-1]) {
			continue
		}
		if t, ok := c.generic(r.Ref); ok {
			r.Time = t
			c.genericEvent(r)
			return true
		}
	}
	return false
}

// opens reports whether a time may stand behind ch.
func opens(ch byte) bool {
	switch ch {
	case ' ', '\t', '[', '(', '<', '{', '"', '\'', '=', '|', ',', ';', '@':
		return true
	}
	return false
}

func (c *cursor) generic(ref time.Time) (time.Time, bool) {
	if t, ok := c.stampAt(ref); ok {
		return t, true
	}
	var s stamp
	if c.i == 1 && c.b[0] == '[' && c.try(&s, dottedStep, betweenStep, clockStep) && c.lit(']') {
		return s.when(ref)
	}
	return time.Time{}, false
}

// genericEvent tells what stands behind the time in two logs that have no format
// of their own: BIND's query log, and Proxifier's, which are the connections
// that programs of this machine make ("open through proxy", "close, N bytes
// sent"). Proxifier's errors do not say who refused.
func (c *cursor) genericEvent(r *Record) {
	c.blanks()
	if c.i < len(c.b) && c.b[0] != '[' {
		if namedTime(c.b) {
			namedMessage(c.b, c.i, r)
		}
		return
	}
	_, rest, ok := bytes.Cut(c.rest(), []byte(" - "))
	if !ok || !proxifierTime(c.b) {
		return
	}
	r.event.goes(outbound)
	_, rest, _ = bytes.Cut(rest, []byte(" ")) // host:port
	if bytes.HasPrefix(rest, []byte("open ")) || bytes.HasPrefix(rest, []byte("close, ")) {
		r.event.says(allowed)
	}
}

// namedTime reports whether line begins as BIND writes it, 21-Nov-2026 02:04:11.123.
// Behind other times, any program may repeat a stranger's words.
func namedTime(line []byte) bool {
	return len(line) > 25 && line[2] == '-' && line[6] == '-' && line[11] == ' ' && line[20] == '.' && line[24] == ' '
}

// proxifierTime reports whether line begins as Proxifier writes it: [10.30 16:49:06].
func proxifierTime(line []byte) bool {
	return len(line) > 16 && line[0] == '[' && line[3] == '.' && line[6] == ' ' && line[15] == ']'
}

// dotted reads 10.30, month and day, as Proxifier writes them between brackets.
func (c *cursor) dotted(s *stamp) bool {
	a, ok1 := c.num(2, 2)
	dot := c.lit('.')
	b, ok2 := c.num(2, 2)
	s.month, s.day = a, b
	if a > 12 {
		s.month, s.day = b, a
	}
	return ok1 && dot && ok2
}
