package logfmt

import "bytes"

func init() { register("auditd", parseAuditd) }

// parseAuditd reads the log of the Linux audit daemon:
//
//	[node=HOST ]type=USER_LOGIN msg=audit(1364481363.243:24287): pid=... exe="/usr/sbin/sshd" addr=192.0.2.1
func parseAuditd(line []byte, r *Record) bool {
	c := cursor{line, 0}
	if c.text("node=") {
		start, end := c.word()
		r.Host = string(line[start:end])
		r.add("host.name", start, end)
		c.blanks()
	}
	if !c.text("type=") {
		return false
	}
	start, end := c.word()
	if !c.text(" msg=audit(") {
		return false
	}
	t, ok := c.epoch()
	if !ok || !c.lit(':') {
		return false
	}
	r.Time = t
	r.add("event.action", start, end)
	kind := line[start:end]
	start, end, ok = c.to(')')
	if !ok || !allDigits(line[start:end]) || !c.lit(':') {
		return false
	}
	r.ID = string(line[start:end])
	auditFields(line, c.i, r)
	auditEvent(line, kind, c.i, r)
	return true
}

// auditEvent tells how a log-in or an act of user space went, by res= (audit
// user space, lib/msg_typetab.h and audit_log_user_message(3)), and that SELinux
// or AppArmor refused (AVC). A system call that failed may only have missed its
// file. Who logs in from an address comes from there.
func auditEvent(line, kind []byte, from int, r *Record) {
	user := bytes.HasPrefix(kind, []byte("USER_")) || bytes.HasPrefix(kind, []byte("CRED_")) || string(kind) == "LOGIN"
	switch {
	case user:
		if start, end, ok := auditValue(line, from, "res="); ok {
			r.event.says(auditResult(line[start:end]))
			if _, _, ok = auditValue(line, end, "res="); ok { // a second one
				r.event.unsure |= noOutcome
			}
		}
		if r.event.src != nowhere {
			r.event.comes()
		}
	case string(kind) == "AVC":
		if bytes.HasPrefix(bytes.TrimLeft(line[from:], " "), []byte("avc:  denied ")) {
			r.event.says(blocked)
		}
	}
}

func auditResult(res []byte) string {
	res, _, _ = bytes.Cut(res, []byte("'")) // behind which the names of ids may follow
	switch string(res) {
	case "success", "1":
		return allowed
	case "failed", "0":
		return blocked
	}
	return ""
}

// auditFields names what an event says of programs, files and addresses. The
// keys of user space stand in quotes within msg='...'.
func auditFields(line []byte, from int, r *Record) {
	for _, k := range [...]struct{ key, name string }{
		{"exe=", "process.executable"}, {"comm=", "process.name"}, {"name=", "file.path"}, {"acct=", "user.name"},
		{"hostname=", "source.domain"}, {"addr=", "source"}, {"proctitle=", "process.title"}, {"cwd=", "process.working_directory"},
	} {
		start, end, ok := auditValue(line, from, k.key)
		switch {
		case !ok:
		case k.name == "source":
			if line[start] != '?' {
				r.addAddr("source", line, start, end)
			}
		case line[start] != '?':
			r.add(k.name, start, end)
		}
	}
}

// auditValue finds key where a word begins.
func auditValue(line []byte, from int, key string) (start, end int, ok bool) {
	for {
		n := bytes.Index(line[from:], []byte(key))
		if n < 0 {
			return 0, 0, false
		}
		c := cursor{line, from + n}
		from += n + len(key)
		if before := line[c.i-1]; before != ' ' && before != '\'' {
			continue
		}
		c.i += len(key)
		if start, end, ok = c.quoted(); !ok {
			start, end = c.word()
			end = start + len(bytes.TrimRight(line[start:end], "'"))
		}
		return start, end, end > start
	}
}
