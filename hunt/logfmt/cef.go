package logfmt

import "bytes"

func init() {
	register("cef", parseCEF)
	register("leef", parseLEEF)
}

// parseCEF reads ArcSight's Common Event Format, alone or behind a syslog
// header: CEF:0|vendor|product|version|id|name|severity|key=value ...
func parseCEF(line []byte, r *Record) bool {
	c, ok := eventAt(line, r, "CEF:")
	if !ok {
		return false
	}
	for range 7 {
		if !c.pipe() {
			return false
		}
	}
	eventPairs(c, ' ', r)
	return true
}

// parseLEEF reads IBM's Log Event Extended Format, alone or behind a syslog
// header: LEEF:1.0|vendor|product|version|id|key=value<TAB>..., or with
// LEEF:2.0|...|id|delimiter|.
func parseLEEF(line []byte, r *Record) bool {
	c, ok := eventAt(line, r, "LEEF:")
	if !ok {
		return false
	}
	two := c.peek() == '2'
	for range 5 {
		if !c.pipe() {
			return false
		}
	}
	delim := byte('\t')
	if two {
		start, end, ok := c.to('|')
		if !ok {
			return false
		}
		if end == start+1 {
			delim = line[start]
		}
	}
	eventPairs(c, delim, r)
	return true
}

// eventAt reads what may stand before the event's mark, and the mark.
func eventAt(line []byte, r *Record, mark string) (cursor, bool) {
	c := cursor{line, 0}
	if c.text(mark) {
		return c, isDigit(c.peek())
	}
	if !bytes.Contains(line, []byte(mark)) {
		return c, false
	}
	h, ok := readHeader(line, r)
	if !ok {
		return c, false
	}
	h.fields(r)
	c.i = h.msg
	return c, c.text(mark) && isDigit(c.peek())
}

// pipe reads to the next '|' that is not behind a backslash, and past it.
func (c *cursor) pipe() bool {
	for ; !c.done(); c.i++ {
		switch c.b[c.i] {
		case '\\':
			c.i++
		case '|':
			c.i++
			return true
		}
	}
	return false
}

// eventKeys are the keys of either format that ECS has a field for.
var eventKeys = map[string]string{
	"src": "source", "dst": "destination", "shost": "source.domain", "dhost": "destination.domain",
	"spt": "source.port", "dpt": "destination.port", "srcPort": "source.port", "dstPort": "destination.port",
	"suser": "source.user.name", "duser": "destination.user.name", "usrName": "user.name", "request": "url.original", "url": "url.original",
	"requestClientApplication": "user_agent.original", "requestMethod": "http.request.method",
	"fname": "file.name", "filePath": "file.path", "msg": "message",
}

// eventPairs reads key=value pairs. A value reaches to the last delimiter
// before the next key, as CEF's values hold blanks.
func eventPairs(c cursor, delim byte, r *Record) {
	for {
		c.blanks()
		key, start, ok := c.eventKey()
		if !ok {
			return
		}
		end := c.eventEnd(delim)
		eventPair(c.b, key, start, end, r)
		c.i = min(end+1, len(c.b))
	}
}

func (c *cursor) eventKey() (key []byte, start int, ok bool) {
	from := c.i
	for ch := c.peek(); isAlpha(ch) || isDigit(ch) || ch == '_' || ch == '.'; ch = c.peek() {
		c.i++
	}
	key = c.b[from:min(c.i, from+maxName)]
	ok = len(key) > 0 && c.lit('=')
	return key, c.i, ok
}

// eventEnd returns where the value at c ends.
func (c *cursor) eventEnd(delim byte) int {
	end := -1
	for i := c.i; i < len(c.b); i++ {
		ch := c.b[i]
		switch {
		case delim != ' ':
			if ch == delim {
				return i
			}
		case ch == '\\':
			i++
		case ch == ' ':
			end = i
		case ch == '=' && end >= 0:
			return end
		case !isAlpha(ch) && !isDigit(ch) && ch != '_' && ch != '.' && ch != '=':
			end = -1 // what began at the blank is no key
		}
	}
	return len(c.b)
}

func eventPair(line, key []byte, start, end int, r *Record) {
	switch string(key) {
	case "rt", "end", "start", "devTime":
		if t, ok := whole(line[start:end], r.Ref); ok && (r.Time.IsZero() || key[0] == 'r' || key[0] == 'd') {
			r.Time = t
		}
	case "dvchost", "identHostName":
		r.Host = string(line[start:end])
	}
	switch name := eventKeys[string(key)]; name {
	case "source", "destination":
		r.addAddr(name, line, start, end)
	case "":
		k := keyOf(key)
		r.add(k.name, start, end)
		r.event.learnKey(k, line[start:end])
	case "source.port", "destination.port":
		r.add(name, start, end)
		r.event.learnKey(keyOf(key), line[start:end])
	default:
		r.add(name, start, end)
	}
}
