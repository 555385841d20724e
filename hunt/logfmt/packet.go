package logfmt

import "bytes"

// packetMessage reads a packet that netfilter logged, by iptables, nftables or
// ufw (nf_log in the kernel, "PREFIX IN=eth0 OUT= MAC=... SRC=... DST=..."). What
// was done with the packet is known only by the words of the prefix, which the
// administrator chose: "[UFW BLOCK] ", "FINAL_REJECT: ", "Shorewall:net2fw:DROP:".
func packetMessage(line []byte, msg int, r *Record) {
	for _, k := range [...]struct{ key, side string }{{" SRC=", "source"}, {" DST=", "destination"}} {
		if start, end, ok := after(line, msg, k.key); ok {
			r.addAddr(k.side, line, start, end)
		}
	}
	in := bytes.Index(line[msg:], []byte("IN="))
	if in < 0 || r.event.src == nowhere && r.event.dst == nowhere {
		return
	}
	c := cursor{line, msg + in + len("IN=")}
	from, to := c.word()
	hasIn := to > from
	if !c.text(" OUT=") {
		return
	}
	from, to = c.word()
	switch hasOut := to > from; {
	case hasIn && !hasOut: // to this machine, or on its way through, before that is known
		r.event.comes()
	case hasOut && !hasIn: // from it
		r.event.goes(outbound)
	}
	r.event.packet(line, c.i)
	prefixWords(line[msg:msg+in], r)
}

// packet notes what tells a packet that begins something from one that answers:
// the ports, the flags of TCP (only the first packet has SYN and no ACK), and the
// packet of ours that an ICMP error quotes in brackets.
func (e *event) packet(line []byte, from int) {
	for i, key := range [...]string{" SPT=", " DPT="} {
		if start, end, ok := after(line, from, key); ok {
			e.learnPort(i, line[start:end])
		}
	}
	if bytes.Contains(line[from:], []byte(" [SRC=")) {
		e.unsure |= noWay
	}
	flags := line[from:]
	if i := bytes.Index(flags, []byte(" RES=0x")); i >= 0 {
		flags = flags[i:]
		e.turned = !bytes.Contains(flags, []byte(" SYN ")) || bytes.Contains(flags, []byte(" ACK "))
	}
}

// prefixWords asks each word of a prefix.
func prefixWords(prefix []byte, r *Record) {
	for len(prefix) > 0 {
		n := 0
		for n < len(prefix) && isAlpha(prefix[n]) {
			n++
		}
		if n > 0 {
			r.event.says(actionOutcome(prefix[:n]))
		}
		prefix = prefix[max(n, 1):]
	}
}

// filterMessage reads a packet that pfSense or OPNsense logged (Netgate, Raw
// Filter Log Format): rule, ..., action, way, version and what the version has.
// "in" is into an interface, whichever that is.
func filterMessage(line []byte, msg int, r *Record) {
	var col [24][2]int
	c := cursor{line, msg}
	for i := range col {
		start, end, ok := c.to(',')
		if !ok {
			start, end, c.i = c.i, len(line), len(line)
		}
		col[i] = [2]int{start, end}
	}
	is := func(i int) []byte { return line[col[i][0]:col[i][1]] }
	src, proto := 18, 16
	switch string(is(8)) {
	case "4":
	case "6":
		src, proto = 15, 12
	default:
		return
	}
	r.addAddr("source", line, col[src][0], col[src][1])
	r.addAddr("destination", line, col[src+1][0], col[src+1][1])
	r.event.says(actionOutcome(is(6)))
	r.event.learnPort(0, is(src+2))
	r.event.learnPort(1, is(src+3))
	if flags := is(src + 5); string(is(proto)) == "tcp" || string(is(proto)) == "TCP" {
		r.event.turned = bytes.IndexByte(flags, 'S') < 0 || bytes.IndexByte(flags, 'A') >= 0
	}
}

// junosMessage reads what the firewalls of Juniper say of sessions (Junos, RT
// system log messages): "RT_FLOW_SESSION_DENY: session denied
// 192.0.2.1/4242->10.0.0.5/22 junos-ssh 6(0) policy untrust trust". A session that
// was closed may never have been answered.
func junosMessage(line []byte, msg int, r *Record) {
	c := cursor{line, msg}
	said := ""
	switch {
	case c.text("RT_FLOW_SESSION_DENY: session denied "):
		said = blocked
	case c.text("RT_FLOW_SESSION_CREATE: session created "):
		said = allowed
	default:
		return
	}
	start, end := c.word()
	n := bytes.Index(line[start:end], []byte("->"))
	if n < 0 {
		return
	}
	r.event.says(said)
	ciscoAddr("source", line, start, start+n, r) // address/port
	ciscoAddr("destination", line, start+n+len("->"), end, r)
}
