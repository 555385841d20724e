package logfmt

import "bytes"

// postfixMessage reads what Postfix says of those who come (smtpd, postscreen)
// and of the mail that it takes elsewhere (smtp):
//
//	smtpd: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 ...
//	smtpd: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: ...
//	smtp:  4F7: to=<x@evil.example>, relay=mx.evil.example[192.0.2.8]:25, ..., status=sent (...)
//
// (smtpd_check.c, smtpd_sasl_glue.c, postscreen.c, log_adhoc.c.) The words at
// the beginning are Postfix's; addresses in the rest are what the other side sent.
func postfixMessage(line, program []byte, msg int, r *Record) {
	text := line[msg:]
	if i := bytes.LastIndexByte(program, '/'); i >= 0 {
		program = program[i+1:] // postfix/submission/smtpd
	}
	switch string(program) {
	case "smtpd", "postscreen":
		postfixClient(line, msg, r)
		if r.event.src == outside {
			r.event.comes()
		}
		if postfixRefuses(text) {
			r.event.says(blocked)
		}
	case "smtp":
		postfixDelivery(text, r)
	}
}

func postfixRefuses(text []byte) bool {
	c := cursor{text, 0}
	if c.text("warning: ") { // unknown[192.0.2.7]: SASL LOGIN authentication failed
		start, end := c.word()
		if !bytes.HasSuffix(text[start:end], []byte("]:")) || !c.text(" SASL ") {
			return false
		}
		c.word()
		return c.text(" authentication failed")
	}
	id, text, ok := bytes.Cut(text[:min(len(text), 64)], []byte(": "))
	return ok && isQueueID(id) && (bytes.HasPrefix(text, []byte("reject: ")) || bytes.HasPrefix(text, []byte("milter-reject: ")))
}

// isQueueID reports whether b is the id of a mail, or NOQUEUE. What a client sent
// at the wrong time stands behind other words ("PREGREET 11 after 0.1 from ...: ").
func isQueueID(b []byte) bool {
	for _, ch := range b {
		if !isAlpha(ch) && !isDigit(ch) {
			return false
		}
	}
	return len(b) > 0
}

func postfixDelivery(text []byte, r *Record) {
	_, rest, ok := bytes.Cut(text[:min(len(text), 64)], []byte(": "))
	if !ok || !bytes.HasPrefix(rest, []byte("to=<")) {
		return
	}
	r.event.goes(outbound)
	if i := bytes.LastIndex(text, []byte(", status=")); i > 0 && bytes.HasPrefix(text[i:], []byte(", status=sent (")) {
		r.event.says(allowed)
	}
}

// postfixClient names the address in "name[192.0.2.7]" or "[192.0.2.7]:4711".
func postfixClient(line []byte, msg int, r *Record) {
	c := cursor{line, msg}
	if _, _, ok := c.to('['); !ok {
		return
	}
	if start, end, ok := c.to(']'); ok && isIP(line[start:end]) {
		r.addAddr("source", line, start, end)
	}
}

// dovecotMessage reads Dovecot's log-ins (doc.dovecot.org, login_log_format):
//
//	imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, ...
//	imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, ..., rip=192.0.2.7, ...
//
// What stands before the user's name is Dovecot's own.
func dovecotMessage(line []byte, msg int, r *Record) {
	program, text, ok := bytes.Cut(line[msg:], []byte("-login: "))
	if !ok || len(program) == 0 || bytes.IndexByte(program, ' ') >= 0 {
		return
	}
	for _, k := range [...]struct{ key, side string }{{" rip=", "source"}, {" lip=", "destination"}} {
		if n := bytes.LastIndex(line[msg:], []byte(k.key)); n >= 0 {
			start := msg + n + len(k.key)
			end := start + valueEnd(line[start:], ',')
			r.addAddr(k.side, line, start, end)
		}
	}
	r.event.comes()
	head, _, _ := bytes.Cut(text, []byte("user=<"))
	switch {
	case bytes.HasPrefix(head, []byte("Login: ")):
		r.event.says(allowed)
	case bytes.Contains(head, []byte("(auth failed, ")), bytes.Contains(head, []byte("(tried to use disallowed ")):
		r.event.says(blocked)
	}
}
