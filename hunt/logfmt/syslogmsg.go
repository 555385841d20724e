package logfmt

import "bytes"

// syslogMessage names the message, and in it what programs that everyone runs
// put at a fixed place: sshd's and PAM's addresses and users, the addresses of
// the kernel's packet log.
func syslogMessage(line []byte, h header, r *Record) {
	r.add("message", h.msg, len(line))
	app := line[h.app[0]:h.app[1]]
	switch {
	case bytes.HasPrefix(app, []byte("sshd")):
		sshdMessage(line, h.msg, r)
	case bytes.Equal(app, []byte("kernel")):
		for _, k := range [...]struct{ key, side string }{{" SRC=", "source"}, {" DST=", "destination"}} {
			if start, end, ok := after(line, h.msg, k.key); ok {
				r.addAddr(k.side, line, start, end)
			}
		}
	}
	if start, end, ok := after(line, h.msg, " rhost="); ok {
		r.addAddr("source", line, start, end)
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

// sshdMessage reads "... for [invalid user ]NAME from ADDRESS port N", where
// NAME is whatever the other side sent: the last " from " counts, since an
// address holds no blank and a name may.
func sshdMessage(line []byte, msg int, r *Record) {
	n := bytes.LastIndex(line[msg:], []byte(" from "))
	if n < 0 {
		return
	}
	c := cursor{line, msg + n + len(" from ")}
	start, end := c.word()
	if !isIP(line[start:end]) {
		return
	}
	r.add("source.ip", start, end)
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
