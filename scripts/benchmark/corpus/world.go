package corpus

import (
	"strconv"
	"strings"
)

// world is the background: who talks to whom, and how often.
type world struct {
	inside, outside, in6, out6 []string // addresses
	hosts                      []string // names
	paths, agents, users       []string
	zIn, zOut, zHost, zPath    *zipf
}

func newWorld(seed uint64) *world {
	r := newRNG(seed, "world")
	w := &world{}
	w.addresses(r)
	domains := goodDomains(r)
	w.names(r, domains)
	for len(w.paths) < 20000 {
		w.paths = append(w.paths, pagePath(r))
	}
	for range 150 {
		w.agents = append(w.agents, agent(r, domains))
	}
	for range 600 {
		w.users = append(w.users, syllables(r, 2+r.n(2)))
	}
	w.users = append(w.users, "root", "admin", "ubuntu", "oracle", "test", "postgres")
	w.zIn = newZipf(len(w.inside), 0.9, 3)
	w.zOut = newZipf(len(w.outside), 1.05, 10)
	w.zHost = newZipf(len(w.hosts), 1.05, 10)
	w.zPath = newZipf(len(w.paths), 0.9, 5)
	return w
}

func (w *world) in(r *rng) string   { return w.inside[w.zIn.draw(r, len(w.inside))] }
func (w *world) out(r *rng) string  { return w.outside[w.zOut.draw(r, len(w.outside))] }
func (w *world) host(r *rng) string { return w.hosts[w.zHost.draw(r, len(w.hosts))] }
func (w *world) path(r *rng) string { return w.paths[w.zPath.draw(r, len(w.paths))] }

func (w *world) addresses(r *rng) {
	for range 8000 {
		w.inside = append(w.inside, "10."+strconv.Itoa(r.n(8))+"."+strconv.Itoa(r.n(64))+"."+strconv.Itoa(1+r.n(254)))
	}
	for range 200000 {
		w.outside = append(w.outside, ip4(r, false))
	}
	for range 2000 {
		w.out6 = append(w.out6, ip6(r, false))
		w.in6 = append(w.in6, "fd00:"+r.text(hexd[1:], 3)+"::"+r.text(hexd[1:], 1+r.n(4)))
	}
}

// goodDomains are registrable names of the background's side.
func goodDomains(r *rng) (domains []string) {
	for len(domains) < 40000 {
		if d := goodLabel(r) + "." + r.pick(tldsCommon); !side(d) {
			domains = append(domains, d)
		}
	}
	return domains
}

func goodLabel(r *rng) string {
	switch r.n(4) {
	case 0:
		return r.pick(words)
	case 1:
		return r.pick(words) + r.pick(words)
	case 2:
		return r.pick(words) + "-" + r.pick(words)
	default:
		return syllables(r, 2+r.n(3))
	}
}

func (w *world) names(r *rng, domains []string) {
	z := newZipf(len(domains), 1.0, 5)
	for len(w.hosts) < 120000 {
		w.hosts = append(w.hosts, goodHost(r, domains[z.draw(r, len(domains))]))
	}
}

// goodHost is a name below domain d, d itself, or one that a stranger
// registered below a shared suffix.
func goodHost(r *rng, d string) string {
	switch k := r.n(100); {
	case k < 10:
		return d
	case k < 60:
		return r.pick(hostLabels) + "." + d
	case k < 75:
		return r.pick(words) + "." + r.pick(hostLabels) + "." + d
	case k < 85:
		return r.text(alnum, 6+r.n(12)) + "." + d
	case k < 93:
		return "r" + strconv.Itoa(r.n(9)) + "---sn-" + r.text(alnum, 8) + "." + d
	}
	for {
		if d = r.pick(words) + strconv.Itoa(r.n(1000)) + "." + r.pick(shared); !side(d) {
			return d
		}
	}
}

var endings = []string{"", "", "/", ".html", ".php", ".js", ".min.js", ".css", ".png", ".jpg", ".svg", ".woff2", ".json"}

// pagePath is the path of a page, perhaps with a query.
func pagePath(r *rng) string {
	var b strings.Builder
	for range 1 + r.n(4) {
		b.WriteByte('/')
		switch r.n(6) {
		case 0:
			b.WriteString(strconv.Itoa(r.n(1000000)))
		case 1:
			b.WriteString(r.pick(words) + "-" + r.pick(words))
		default:
			b.WriteString(r.pick(words))
		}
	}
	b.WriteString(r.pick(endings))
	if r.pct(15) {
		b.WriteString("?" + r.pick(words) + "=" + strconv.Itoa(r.n(10000)) + "&v=" + r.text(hexd, 8))
	}
	return b.String()
}

var systems = []string{"Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 14; SM-S918B"}

// agent is a browser's User-Agent, or that of a program or robot.
func agent(r *rng, domains []string) string {
	v := strconv.Itoa(90+r.n(40)) + ".0." + strconv.Itoa(r.n(7000)) + "." + strconv.Itoa(r.n(200))
	os := r.pick(systems)
	switch r.n(8) {
	case 0:
		v = v[:3] // "97." keeps its dot
		return "Mozilla/5.0 (" + os + "; rv:" + v + ".0) Gecko/20100101 Firefox/" + v + ".0"
	case 1:
		return "curl/8." + strconv.Itoa(r.n(12)) + ".0"
	case 2:
		return "Mozilla/5.0 (compatible; " + r.pick(words) + "bot/2.1; +http://www." + domains[r.n(100)] + "/bot.html)"
	default:
		return "Mozilla/5.0 (" + os + ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" + v + " Safari/537.36"
	}
}
