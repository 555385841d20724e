package corpus

import (
	"strconv"
	"time"
)

// slots are what a line shows; a plant overwrites one of them.
type slots struct {
	src, dst, host, url, hash, note string
	planted                         string // name of the slot that must appear
}

// pen draws one line after another.
type pen struct {
	w *world
	r *rng
	t time.Time
	b []byte
	slots
}

// format is one kind of log.
type format struct {
	name  string
	share int64  // of the bytes, in percent
	holds string // the slots that a line can show
	line  func(*pen)
}

var formats = []format{
	{"access.log", 20, "ip host url hash note", (*pen).access},
	{"auth.log", 12, "ip host url hash note", (*pen).auth},
	{"dns.log", 16, "ip host hash", (*pen).dns},
	{"squid.log", 18, "ip host url", (*pen).squid},
	{"ecs.json", 22, "ip host url hash note", (*pen).ecs},
	{"conn.log", 12, "ip", (*pen).conn},
}

// Names are those of the log files, in the order in which they are written.
func Names() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func (p *pen) add(s ...string) {
	for _, x := range s {
		p.b = append(p.b, x...)
	}
}

func (p *pen) num(n int) { p.b = strconv.AppendInt(p.b, int64(n), 10) }

func (p *pen) clock(layout string) { p.b = p.t.AppendFormat(p.b, layout) }

// background draws what is not planted.
func (p *pen) background(file string) {
	w, r := p.w, p.r
	p.planted = ""
	switch {
	case r.pct(4):
		p.src, p.dst = w.in6[r.n(len(w.in6))], w.out6[r.n(len(w.out6))]
	case file == "access.log" || file == "auth.log":
		p.src, p.dst = w.out(r), w.in(r)
	default:
		p.src, p.dst = w.in(r), w.out(r)
	}
	p.host = w.host(r)
}

var (
	methods  = []string{"GET", "GET", "GET", "GET", "POST", "HEAD"}
	statuses = []string{"200", "200", "200", "200", "304", "404", "301", "500"}
)

// access is a line of a web server, in the combined format.
func (p *pen) access() {
	r := p.r
	p.add(p.src, " - ")
	if r.pct(5) {
		p.add(r.pick(p.w.users))
	} else {
		p.add("-")
	}
	p.clock(" [02/Jan/2006:15:04:05 -0700] \"")
	p.add(r.pick(methods), " ")
	switch p.planted {
	case "hash":
		p.add("/files/", p.hash, "/download")
	case "note":
		p.add("/search?q=", p.note)
	default:
		p.add(p.w.path(r))
	}
	p.add(" HTTP/1.1\" ", r.pick(statuses), " ")
	p.num(r.n(200000))
	p.add(" \"", p.referrer(), "\" \"", p.w.agents[r.n(len(p.w.agents))], "\"")
}

func (p *pen) referrer() string {
	switch {
	case p.planted == "url":
		return p.url
	case p.planted == "host":
		return "https://" + p.host + p.w.path(p.r)
	case p.r.pct(55):
		return "-"
	default:
		return "https://" + p.host + p.w.path(p.r)
	}
}

// conn is a line of Zeek's connection log.
func (p *pen) conn() {
	r := p.r
	p.num(int(p.t.Unix()))
	p.add(".")
	p.num(100000 + r.n(900000))
	p.add("\tC", r.text(alnum, 17), "\t", p.src, "\t")
	p.num(1024 + r.n(64000))
	p.add("\t", p.dst, "\t", r.pick([]string{"443", "443", "53", "80", "22", "123"}), "\t",
		r.pick([]string{"tcp\tssl", "udp\tdns", "tcp\thttp", "tcp\t-"}), "\t0.")
	p.num(100000 + r.n(900000))
	p.add("\t")
	p.num(r.n(100000))
	p.add("\t")
	p.num(r.n(1000000))
	p.add("\t", r.pick([]string{"SF", "SF", "S0", "RSTO"}), "\tT\tF\t0\tShADadFf\t")
	for _, below := range []int{100, 10000, 100, 100000} {
		p.num(r.n(below))
		p.add("\t")
	}
	p.add("-")
}

// squid is a line of a proxy.
func (p *pen) squid() {
	r := p.r
	p.num(int(p.t.Unix()))
	p.add(".", strconv.Itoa(1000 + r.n(1000))[1:])
	elapsed := strconv.Itoa(r.n(90000))
	p.add("       "[:7-len(elapsed)], elapsed, " ", p.w.in(r), " ",
		r.pick([]string{"TCP_MISS/200", "TCP_HIT/200", "TCP_TUNNEL/200", "TCP_DENIED/403", "TCP_REFRESH_UNMODIFIED/304"}), " ")
	p.num(r.n(900000))
	switch {
	case p.planted == "url":
		p.add(" GET ", p.url)
	case r.pct(55):
		p.add(" CONNECT ", p.host, ":443")
	default:
		p.add(" GET http://", p.host, p.w.path(r))
	}
	p.add(" ", r.pick(p.w.users), " HIER_DIRECT/", p.dst, " ",
		r.pick([]string{"-", "text/html", "application/json", "image/jpeg", "application/octet-stream"}))
}
