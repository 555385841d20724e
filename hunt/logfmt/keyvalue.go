package logfmt

import "bytes"

func init() { register("keyvalue", parseKeyValue) }

// parseKeyValue reads lines that are pairs from end to end, one of them a time:
//
//	time="2026-11-21T02:04:11Z" level=info msg="..." (Go programs)
//	date=2026-11-21 time=02:04:11 devname="fw" srcip=192.0.2.1 dstip=198.51.100.7 (FortiGate, behind <PRI> too)
//
// A field has the key's name.
func parseKeyValue(line []byte, r *Record) bool {
	c := cursor{line, 0}
	c.priority()
	var date, clock [2]int
	var fg fortiGate
	pairs, rank := 0, len(pairTimes)
	for ; !c.done(); pairs++ {
		key, start, end, ok := c.pair()
		if !ok {
			return false
		}
		switch string(key) {
		case "date":
			date = [2]int{start, end}
		case "time":
			clock = [2]int{start, end}
		}
		if n := rankOf(pairTimes, string(key), rank); n < rank {
			if t, ok := whole(line[start:end], r.Ref); ok {
				rank, r.Time = n, t
			}
		}
		namePair(line, key, start, end, r)
		fg.learn(key, line[start:end])
		c.blanks()
	}
	if rank == len(pairTimes) && date[1] > 0 && clock[1]-date[0] <= maxName && clock[1] > date[1] {
		r.Time, _ = whole(bytes.Join([][]byte{line[date[0]:date[1]], line[clock[0]:clock[1]]}, []byte(" ")), r.Ref)
	}
	fg.conclude(&r.event)
	return pairs > 1 && !r.Time.IsZero()
}

// The keys of a whole time, the best first.
var pairTimes = []string{"timestamp", "eventtime", "time", "ts", "t", "datetime"}

// pair reads key=value or key="value".
func (c *cursor) pair() (key []byte, start, end int, ok bool) {
	from := c.i
	for ch := c.peek(); isAlpha(ch) || isDigit(ch) || ch == '_' || ch == '.' || ch == '-' || ch == '@'; ch = c.peek() {
		c.i++
	}
	key = c.b[from:c.i]
	if len(key) == 0 || !c.lit('=') {
		return nil, 0, 0, false
	}
	if c.peek() == '"' {
		start, end, ok = c.quoted()
		return key, start, end, ok && (c.done() || c.peek() == ' ' || c.peek() == '\t')
	}
	start, end = c.word()
	return key, start, end, true
}

func namePair(line, key []byte, start, end int, r *Record) {
	switch string(key) {
	case "srcip", "src", "src_ip", "SRC":
		r.addAddr("source", line, start, end)
	case "dstip", "dst", "dst_ip", "DST":
		r.addAddr("destination", line, start, end)
	case "devname", "hostname":
		r.Host = string(line[start:end])
		r.add("host.name", start, end)
	default:
		k := keyOf(key)
		r.add(k.name, start, end)
		r.event.learnKey(k, line[start:end])
	}
}

// fortiGate is what only the firewalls of that name write.
type fortiGate struct {
	is       bool // it is one of theirs
	src, dst zone // by the roles of the interfaces
	twice    bool // a role is there twice: neither is to be believed
	closed   bool // the session was allowed and has ended
}

// learn notes the roles that the administrator gave to the interfaces, which
// say more than addresses, and the ways in which an allowed session begins and
// ends (Fortinet, FortiOS log reference, fields of a traffic log, and 407206:
// these describe how the session was terminated, not a block).
func (f *fortiGate) learn(key, v []byte) {
	switch string(key) {
	case "devid", "logid":
		f.is = true
	case "srcintfrole":
		f.twice = f.twice || f.src != nowhere
		f.src = roleZone(v)
	case "dstintfrole":
		f.twice = f.twice || f.dst != nowhere
		f.dst = roleZone(v)
	case "action":
		switch string(v) {
		case "close", "start", "client-rst", "server-rst":
			f.closed = true
		}
	}
}

func roleZone(role []byte) zone {
	switch string(role) {
	case "lan", "dmz":
		return inside
	case "wan":
		return outside
	}
	return nowhere
}

// conclude tells the event what the line as a whole says.
func (f *fortiGate) conclude(e *event) {
	if !f.is {
		return
	}
	// Its "direction" is that of the packet with the attack, not of the session.
	e.way, e.unsure = "", e.unsure&^noWay
	if f.twice {
		e.unsure |= noWay
	}
	if f.src != nowhere && f.dst != nowhere {
		e.src, e.dst = f.src, f.dst
	}
	if f.closed {
		e.says(allowed)
	}
}
