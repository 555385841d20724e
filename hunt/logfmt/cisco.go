package logfmt

import "bytes"

// ciscoMessage reads the messages of Cisco's firewalls that say what became of
// a connection (Cisco, ASA Series Syslog Messages; IOS, %SEC-6-IPACCESSLOG*):
//
//	%ASA-4-106023: Deny tcp src outside:192.0.2.7/4242 dst inside:10.0.0.5/22 by access-group "outside_in"
//	%ASA-2-106001: Inbound TCP connection denied from 192.0.2.7/4242 to 10.0.0.5/22 flags SYN on interface outside
//	%ASA-6-302013: Built outbound TCP connection 1 for outside:203.0.113.9/443 (...) to inside:10.0.0.5/4711 (...)
//	%ASA-3-710003: TCP access denied by ACL from 192.0.2.7/4242 to outside:198.51.100.1/22
//
// Of "Built", the direction says which end began; the address behind "for" is
// always the one on the less trusted side.
func ciscoMessage(line, tag []byte, msg int, r *Record) {
	text := line[msg:]
	switch id := string(tag[bytes.LastIndexByte(tag, '-')+1:]); id {
	case "106001", "106006", "106007", "710003", "710005", "605004":
		ciscoEnds(line, msg, " from ", " to ", r)
		ciscoComes(blocked, r)
		_, flags, ok := bytes.Cut(text, []byte(" flags "))
		r.event.turned = ok && (!bytes.HasPrefix(flags, []byte("SYN ")) || bytes.Contains(flags, []byte("ACK ")))
	case "113015":
		ciscoUser(line, msg, r)
		ciscoComes(blocked, r)
	case "710002", "605005":
		ciscoEnds(line, msg, " from ", " to ", r)
		ciscoComes(allowed, r)
	case "106014", "106023":
		if bytes.HasPrefix(text, []byte("Deny ")) {
			r.event.says(blocked)
		}
		ciscoEnds(line, msg, " src ", " dst ", r)
	case "106015", "106021":
		if bytes.HasPrefix(text, []byte("Deny ")) {
			r.event.says(blocked)
		}
		ciscoEnds(line, msg, " from ", " to ", r)
		r.event.turned = true // of no connection that the firewall still knows
	case "302013", "302015", "302020":
		ciscoBuilt(line, msg, r)
	case "106100", "IPACCESSLOGP", "IPACCESSLOGDP", "IPACCESSLOGS", "IPACCESSLOGNP":
		ciscoList(line, msg, r)
	}
}

func ciscoBuilt(line []byte, msg int, r *Record) {
	c := cursor{line, msg}
	switch {
	case c.text("Built inbound "):
		r.event.goes(inbound)
		ciscoEnds(line, c.i, " for ", " to ", r)
		r.event.forth = true
	case c.text("Built outbound "):
		r.event.goes(outbound)
		ciscoEnds(line, c.i, " to ", " for ", r)
	default:
		return
	}
	r.event.says(allowed)
}

// ciscoComes tells of somebody who came to the firewall or through it.
func ciscoComes(outcome string, r *Record) {
	if r.event.src != nowhere {
		r.event.says(outcome)
		r.event.comes()
	}
}

// ciscoUser reads "... : user = NAME : user IP = 192.0.2.7"; the name is what
// somebody typed.
func ciscoUser(line []byte, msg int, r *Record) {
	const key = " user IP = "
	if n := bytes.LastIndex(line[msg:], []byte(key)); n >= 0 {
		c := cursor{line, msg + n + len(key)}
		start, end := c.word()
		r.addAddr("source", line, start, end)
	}
}

// ciscoList reads "access-list NAME denied tcp inside/10.0.0.5(4711) ->
// outside/192.0.2.7(22) ..." and IOS' "list 101 denied tcp 192.0.2.7(1) ->
// 10.0.0.5(22), 1 packet".
func ciscoList(line []byte, msg int, r *Record) {
	c := cursor{line, msg}
	if !c.text("access-list ") && !c.text("list ") {
		return
	}
	c.word() // its name
	c.blanks()
	start, end := c.word()
	r.event.says(actionOutcome(line[start:end]))
	c.blanks()
	c.word() // protocol
	c.blanks()
	start, end = c.word()
	ciscoAddr("source", line, start, end, r)
	if c.text(" -> ") {
		start, end = c.word()
		ciscoAddr("destination", line, start, end, r)
	}
}

func ciscoEnds(line []byte, msg int, src, dst string, r *Record) {
	if start, end, ok := after(line, msg, src); ok {
		ciscoAddr("source", line, start, end, r)
	}
	if start, end, ok := after(line, msg, dst); ok {
		ciscoAddr("destination", line, start, end, r)
	}
}

// ciscoAddr names the address in "outside:192.0.2.7/4242", "outside/192.0.2.7(4242)"
// or any part of these.
func ciscoAddr(side string, line []byte, start, end int, r *Record) {
	port := [2]int{}
	if i := bytes.IndexByte(line[start:end], '('); i > 0 {
		port = [2]int{start + i + 1, max(start+i+1, start+bytes.IndexByte(line[start:end], ')'))}
		end = start + i
		start += bytes.LastIndexByte(line[start:end], '/') + 1
	} else if i := bytes.LastIndexByte(line[start:end], '/'); i > 0 {
		port = [2]int{start + i + 1, end}
		end = start + i
	}
	which := 0
	if side == "destination" {
		which = 1
	}
	r.event.learnPort(which, line[port[0]:port[1]])
	if !isIP(line[start:end]) {
		start += bytes.IndexByte(line[start:end], ':') + 1
	}
	if isIP(line[start:end]) {
		r.addAddr(side, line, start, end)
	}
}
