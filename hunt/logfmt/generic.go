package logfmt

import "time"

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
