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
		if k := rankOf(pairTimes, short(key), rank); k < rank {
			if t, ok := whole(line[start:end], r.Ref); ok {
				rank, r.Time = k, t
			}
		}
		namePair(line, key, start, end, r)
		c.blanks()
	}
	if rank == len(pairTimes) && date[1] > 0 && clock[1]-date[0] <= maxName && clock[1] > date[1] {
		r.Time, _ = whole(bytes.Join([][]byte{line[date[0]:date[1]], line[clock[0]:clock[1]]}, []byte(" ")), r.Ref)
	}
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
	case "srcip", "src", "src_ip":
		r.addAddr("source", line, start, end)
	case "dstip", "dst", "dst_ip":
		r.addAddr("destination", line, start, end)
	case "devname", "hostname":
		r.Host = string(line[start:end])
		r.add("host.name", start, end)
	default:
		r.add(short(key), start, end)
	}
}
