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
	out := bytes.Index(line[msg:], []byte(" OUT="))
	if in < 0 || out < in || r.event.src == nowhere && r.event.dst == nowhere {
		return
	}
	c := cursor{line, msg + in + len("IN=")}
	from, to := c.word()
	hasIn := to > from
	c.i = msg + out + len(" OUT=")
	from, to = c.word()
	switch hasOut := to > from; {
	case hasIn && !hasOut: // to this machine
		r.event.way = inbound
	case hasOut && !hasIn: // from it
		r.event.way = outbound
	}
	prefixWords(line[msg:msg+in], r)
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
