package corpus

import "strings"

var machines = []string{"web01", "web02", "db01", "bastion", "mail", "ci-runner-3"}

// auth is a line of syslog: sshd, sudo, cron.
func (p *pen) auth() {
	r := p.r
	p.clock("Jan _2 15:04:05")
	p.add(" ", r.pick(machines), " ")
	pid := 400 + r.n(60000)
	switch p.planted {
	case "host":
		p.daemon("sshd[", pid)
		p.add("reverse mapping checking getaddrinfo for ", p.host, " [", p.w.out(r), "] failed.")
	case "url":
		p.add("sudo: ", r.pick(p.w.users), " : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/usr/bin/curl -fsSL ", p.url)
	case "hash":
		p.add("ima-audit: file=\"/tmp/.x/", r.pick(words), "\" hash=\"", p.hash, "\" ppid=1 uid=0")
	case "note":
		p.add("fail2ban.actions: NOTICE reported ", p.note, " to abuse desk")
	default:
		p.session(pid)
	}
}

func (p *pen) daemon(name string, pid int) {
	p.add(name)
	p.num(pid)
	p.add("]: ")
}

// session is what sshd and its neighbours say.
func (p *pen) session(pid int) {
	r := p.r
	switch k := r.n(100); {
	case k < 35:
		p.sshd(pid, "Failed password for invalid user ", r.pick(p.w.users), " ssh2")
	case k < 55:
		p.sshd(pid, "Invalid user ", r.pick(p.w.users), "")
	case k < 70:
		p.sshd(pid, "Accepted publickey for ", r.pick(p.w.users), " ssh2: ED25519 SHA256:")
		p.add(r.text(alnum, 43))
	case k < 85 || p.planted == "ip":
		p.daemon("sshd[", pid)
		p.add("Connection closed by authenticating user root ", p.src)
		p.port()
		p.add(" [preauth]")
	case k < 93:
		p.daemon("CRON[", pid)
		p.add("pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
	default:
		p.add("systemd-logind[612]: New session ")
		p.num(r.n(100000))
		p.add(" of user ", r.pick(p.w.users), ".")
	}
}

func (p *pen) sshd(pid int, what, user, rest string) {
	p.daemon("sshd[", pid)
	p.add(what, user, " from ", p.src)
	p.port()
	p.add(rest)
}

func (p *pen) port() {
	p.add(" port ")
	p.num(1024 + p.r.n(64000))
}

// dns is a line of BIND's query log or of dnsmasq.
func (p *pen) dns() {
	h := p.host
	if p.planted == "hash" {
		h = p.hash + ".hashlookup.example.net"
	}
	if p.r.pct(35) {
		p.bind(h)
		return
	}
	p.dnsmasq(h)
}

func (p *pen) bind(h string) {
	r := p.r
	p.clock("02-Jan-2006 15:04:05.000")
	p.add(" queries: info: client @0x7f", r.text(hexd, 10), " ")
	if p.planted == "ip" {
		p.add(p.src)
	} else {
		p.add(p.w.in(r))
	}
	p.add("#")
	p.num(1024 + r.n(64000))
	q := r.pick([]string{"A", "A", "A", "AAAA", "AAAA", "HTTPS", "PTR", "TXT"})
	if q == "PTR" && p.planted == "" {
		o := strings.Split(p.w.out(r), ".")
		h = o[3] + "." + o[2] + "." + o[1] + "." + o[0] + ".in-addr.arpa"
	}
	p.add(" (", h, "): query: ", h, " IN ", q, " +E(0)K (10.0.0.53)")
}

func (p *pen) dnsmasq(h string) {
	r := p.r
	p.clock("Jan _2 15:04:05")
	p.add(" gw dnsmasq[812]: ")
	if p.planted == "ip" {
		p.add("reply ", h, " is ", p.dst)
		return
	}
	switch k := r.n(10); {
	case k < 4:
		p.add("query[", r.pick([]string{"A", "A", "AAAA"}), "] ", h, " from ", p.w.in(r))
	case k < 6:
		p.add("forwarded ", h, " to 9.9.9.9")
	case k < 8:
		p.add("reply ", h, " is ", p.dst)
	default:
		p.add("cached ", h, " is ", p.dst)
	}
}
