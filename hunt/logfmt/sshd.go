package logfmt

import "bytes"

// sshdEvents are the beginnings of the messages of sshd that say how a log-in
// went (OpenSSH, auth.c, auth2.c, packet.c, sshd.c). preauth ones count only
// where sshd adds that the log-in had not taken place: without, a session ended.
// What a client says when it goes ("Received disconnect from ...: 11: TEXT") may
// end in that word too; but only after a log-in that has a line of its own, which
// begins with sshd's words.
var sshdEvents = []struct {
	begins  string
	outcome string
	preauth bool
}{
	{"Accepted ", allowed, false},
	{"Starting session: ", allowed, false},
	{"Failed ", blocked, false},
	{"Invalid user ", blocked, false},
	{"input_userauth_request: invalid user ", blocked, false},
	{"error: maximum authentication attempts exceeded ", blocked, false},
	{"error: PAM: Authentication failure ", blocked, false},
	{"Disconnecting: Too many authentication failures", blocked, false},
	{"refused connect from ", blocked, false}, // libwrap
	{"fatal: Timeout before authentication ", blocked, false},
	{"Timeout before authentication ", blocked, false},
	{"Unable to negotiate with ", blocked, false},
	{"fatal: Unable to negotiate with ", blocked, false},
	{"drop connection ", blocked, false},
	{"Connection closed by ", blocked, true},
	{"Connection reset by ", blocked, true},
	{"Received disconnect from ", blocked, true},
	{"error: Received disconnect from ", blocked, true},
	{"Disconnected from ", blocked, true},
	{"Disconnecting ", blocked, true},
	{"Disconnecting: ", blocked, true},
	{"Did not receive identification string from ", "", false},
	{"Bad protocol version identification ", "", false},
	{"reverse mapping checking getaddrinfo for ", "", false},
	{"Connection from ", "", false},
}

// sshdEvent tells how a log-in went, by the beginning of the message: names of
// users, further on, are what the other side sent. "User x from y not allowed
// because ..." has one at its beginning, but sshd says so only of users that it has.
func sshdEvent(text []byte, r *Record) {
	text = repeated(text)
	for _, s := range sshdEvents {
		if !bytes.HasPrefix(text, []byte(s.begins)) {
			continue
		}
		r.event.comes()
		if !s.preauth || bytes.HasSuffix(text, []byte("[preauth]")) {
			r.event.says(s.outcome)
		}
		return
	}
	if bytes.HasPrefix(text, []byte("User ")) && bytes.Contains(text, []byte(" not allowed because ")) {
		r.event.says(blocked)
		r.event.comes()
	}
	if r.event.src != nowhere {
		r.event.comes()
	}
}

// repeated returns what stands in "message repeated 5 times: [ ...]", as
// rsyslog writes it.
func repeated(text []byte) []byte {
	c := cursor{text, 0}
	if !c.text("message repeated ") {
		return text
	}
	if _, ok := c.num(1, 9); !ok || !c.text(" times: [ ") {
		return text
	}
	return bytes.TrimSuffix(c.rest(), []byte("]"))
}
