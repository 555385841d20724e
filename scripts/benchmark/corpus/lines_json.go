package corpus

import "strconv"

// ecs is a line of JSON in the Elastic Common Schema.
func (p *pen) ecs() {
	r := p.r
	p.clock(`{"@timestamp":"2006-01-02T15:04:05.000Z`)
	p.add(`","ecs":{"version":"8.11.0"},"agent":{"type":"filebeat","version":"8.13.4","id":"`,
		r.text(hexd, 8), "-", r.text(hexd, 4), "-4", r.text(hexd, 3), "-a", r.text(hexd, 3), "-", r.text(hexd, 12), `"},"host":{"name":"`,
		r.pick(words), "-", strconv.Itoa(r.n(400)), `.corp.example.net","os":{"platform":"`, r.pick([]string{"windows", "linux", "darwin"}),
		`"},"ip":["`, p.w.in(r), `"]},`)
	switch p.event() {
	case 0:
		p.process()
	case 1:
		p.web()
	default:
		p.question()
	}
	p.add(`"source":{"ip":"`, p.src, `","port":`)
	p.num(1024 + r.n(64000))
	p.add(`},"destination":{"ip":"`, p.dst, `","port":443},"network":{"transport":"tcp","bytes":`)
	p.num(r.n(1000000))
	p.add(`},`)
	p.message()
}

// event is the kind of event that can show what is planted.
func (p *pen) event() int {
	kind := p.r.n(3)
	switch p.planted {
	case "hash":
		return 0
	case "url", "note":
		return 1
	case "host":
		return 1 + p.r.n(2)
	}
	return kind
}

// process is the start of a process, with the hashes of its file.
func (p *pen) process() {
	r := p.r
	name := r.pick(words) + ".exe"
	md5, sha1, sha := p.hashes()
	p.add(`"event":{"category":["process"],"type":["start"],"code":"1"},"process":{"executable":"C:\\Program Files\\`, r.pick(words), `\\`, name,
		`","command_line":"\"`, name, `\" --`, r.pick(words), `=`, r.pick(words), ` -k netsvcs","pid":`)
	p.num(r.n(30000))
	p.add(`,"hash":{"md5":"`, md5, `","sha1":"`, sha1, `","sha256":"`, sha, `"},"parent":{"executable":"C:\\Windows\\System32\\services.exe","pid":`)
	p.num(r.n(9000))
	p.add(`}},"user":{"name":"`, r.pick(p.w.users), `","domain":"CORP"},`)
}

// hashes are drawn but for the planted one, which goes where its length belongs.
func (p *pen) hashes() (md5, sha1, sha256 string) {
	r := p.r
	md5, sha1 = r.text(hexd, 32), r.text(hexd, 40)
	switch {
	case p.planted != "hash":
		return md5, sha1, r.text(hexd, 64)
	case len(p.hash) == 32:
		return p.hash, sha1, r.text(hexd, 64)
	case len(p.hash) == 40:
		return md5, p.hash, r.text(hexd, 64)
	default:
		return md5, sha1, p.hash
	}
}

// web is the request of a page.
func (p *pen) web() {
	r := p.r
	u := "https://" + p.host + p.w.path(r)
	if p.planted == "url" {
		u = p.url
	}
	p.add(`"event":{"category":["web"],"type":["access"],"outcome":"success"},"url":{"original":"`, u, `","domain":"`, p.host,
		`"},"http":{"request":{"method":"GET","referrer":"https://`, p.w.host(r), `/"},"response":{"status_code":200,"body":{"bytes":`)
	p.num(r.n(1000000))
	p.add(`}}},"user_agent":{"original":"`, p.w.agents[r.n(len(p.w.agents))], `"},`)
}

// question is a question to a name server, and the answers.
func (p *pen) question() {
	r := p.r
	p.add(`"event":{"category":["network"],"type":["protocol"],"action":"dns_query"},"dns":{"question":{"name":"`, p.host,
		`","type":"A"},"answers":[{"data":"`, p.w.out(r), `","ttl":300},{"data":"`, p.w.out(r), `","ttl":300}],"response_code":"NOERROR"},`)
}

// message is the text for people at the end.
func (p *pen) message() {
	r := p.r
	p.add(`"message":"`)
	if p.planted == "note" {
		p.add("analyst note: ", p.note, " ")
	}
	for range 4 + r.n(30) {
		p.add(r.pick(words), " ")
	}
	p.add(`","tags":["`, r.pick(words), `","forwarded"]}`)
}
