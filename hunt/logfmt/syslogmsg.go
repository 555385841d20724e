package logfmt

import "bytes"

// syslogMessage names the message, and in it what programs that everyone runs
// put at a fixed place, with what that says of the event. A rule of a program
// looks at its own messages only: what another program repeats of a stranger's
// words does not count.
func syslogMessage(line []byte, app [2]int, msg int, r *Record) {
	r.add("message", msg, len(line))
	programMessage(line, line[app[0]:app[1]], msg, r)
}

// programMessage reads the message that a program wrote to the line's end.
func programMessage(line, name []byte, msg int, r *Record) {
	text := line[msg:]
	switch {
	case bytes.HasPrefix(name, []byte("sshd")):
		sshdMessage(line, msg, r)
		sshdEvent(text, r)
		pamMessage(line, msg, r)
	case asksPAM(name):
		pamMessage(line, msg, r)
	case bytes.Equal(name, []byte("kernel")), bytes.Equal(name, []byte("ulogd")):
		packetMessage(line, msg, r)
	case bytes.HasPrefix(name, []byte("postfix/")):
		postfixMessage(line, name[len("postfix/"):], msg, r)
	case bytes.HasPrefix(name, []byte("dovecot")):
		dovecotMessage(line, msg, r)
	case bytes.Equal(name, []byte("named")):
		namedMessage(line, msg, r)
	case bytes.Equal(name, []byte("dnsmasq")), bytes.Equal(name, []byte("pihole-FTL")):
		dnsmasqMessage(line, msg, r)
	case bytes.Equal(name, []byte("unbound")):
		unboundMessage(line, msg, r)
	case len(name) > 0 && name[0] == '%':
		ciscoMessage(line, name, msg, r)
	case bytes.Equal(name, []byte("filterlog")):
		filterMessage(line, msg, r)
	case bytes.Equal(name, []byte("RT_FLOW")):
		junosMessage(line, msg, r)
	case bytes.Equal(name, []byte("haproxy")):
		haproxyMessage(line, msg, r)
	}
}

// asksPAM reports whether a program that people log in to over the network, and
// that does not begin its messages with words of theirs, is known to use PAM.
func asksPAM(app []byte) bool {
	switch string(app) {
	case "login", "remote", "rlogind", "vsftpd", "proftpd", "pure-ftpd", "ftpd", "auth", "dovecot-auth", "saslauthd", "smbd", "xrdp-sesman", "cockpit-session", "su", "sudo":
		return true
	}
	return bytes.Contains(app, []byte("(pam_")) // rsh(pam_unix)
}

// pamMessage reads what PAM says in the name of a program (pam_unix(8)):
// "authentication failure; logname= ... rhost=192.0.2.9 user=root".
func pamMessage(line []byte, msg int, r *Record) {
	start, end, ok := after(line, msg, " rhost=")
	if !ok {
		return
	}
	r.addAddr("source", line, start, end)
	text := bytes.TrimPrefix(line[msg:start], []byte("PAM "))
	if i := bytes.Index(text, []byte("): ")); i > 0 && bytes.HasPrefix(text, []byte("pam_")) {
		text = text[i+len("): "):]
	}
	c := cursor{text, 0}
	if _, ok := c.num(1, 3); ok && c.text(" more ") { // PAM 2 more authentication failures
		text = c.rest()
	}
	if bytes.HasPrefix(text, []byte("authentication failure")) {
		r.event.says(blocked)
		r.event.comes()
	}
}

// after returns the word that follows the first key in line[from:].
func after(line []byte, from int, key string) (start, end int, ok bool) {
	n := bytes.Index(line[from:], []byte(key))
	if n < 0 {
		return 0, 0, false
	}
	c := cursor{line, from + n + len(key)}
	start, end = c.word()
	return start, end, end > start
}

// sshdPeer reads "Connection closed by [invalid user NAME ]ADDRESS port N", where
// no " from " is before the address.
func sshdPeer(line []byte, msg int, r *Record) {
	n := bytes.LastIndex(line[msg:], []byte(" port "))
	if n < 0 {
		return
	}
	start := msg + bytes.LastIndexByte(line[msg:msg+n], ' ') + 1
	if isIP(line[start : msg+n]) {
		r.addAddr("source", line, start, msg+n)
	}
}

// sshdMessage reads "... for [invalid user ]NAME from ADDRESS port N", where
// NAME is whatever the other side sent: the last " from " counts, since an
// address holds no blank and a name may.
func sshdMessage(line []byte, msg int, r *Record) {
	if bytes.HasPrefix(line[msg:], []byte("error: connect_to ")) {
		return // a tunnel's other end
	}
	n := bytes.LastIndex(line[msg:], []byte(" from "))
	c := cursor{line, msg + n + len(" from ")}
	start, end := c.word()
	if n < 0 || !isIP(line[start:end]) {
		sshdPeer(line, msg, r)
		return
	}
	r.addAddr("source", line, start, end)
	if c.text(" port ") {
		start, end = c.word()
		r.add("source.port", start, end)
	}
	for _, before := range [...]string{" for invalid user ", "Invalid user ", "invalid user ", " for "} {
		if k := bytes.Index(line[msg:msg+n], []byte(before)); k >= 0 {
			r.add("user.name", msg+k+len(before), msg+n)
			return
		}
	}
}
