package corpus

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// indicator is one of a list.
type indicator struct{ typ, val string }

// core indicators are the ones that logs are planted with; no name or URL among
// them shares its registrable name with a domain among them.
const core = 1000

// lister draws indicators, each once.
type lister struct {
	r       *rng
	seen    map[uint64]struct{}
	domains []string // some of the domains so far, for names and URLs below them
	n       int
}

func newLister(seed uint64) *lister {
	return &lister{r: newRNG(seed, "ioc"), seen: map[uint64]struct{}{}}
}

// recent bounds lister.domains.
const recent = 65536

func (g *lister) next() indicator {
	v := g.draw()
	for !g.isNew(v.val) {
		v = g.draw()
	}
	if v.typ == "domain" {
		g.remember(v.val)
	}
	g.n++
	return v
}

func (g *lister) isNew(val string) bool {
	h := fnv(val)
	_, dup := g.seen[h]
	g.seen[h] = struct{}{}
	return !dup
}

func (g *lister) remember(domain string) {
	if len(g.domains) < recent {
		g.domains = append(g.domains, domain)
		return
	}
	g.domains[g.r.n(recent)] = domain
}

// known returns a domain of the list in p of 100 cases, but never to a core indicator.
func (g *lister) known(p int) (string, bool) {
	if g.n < core || len(g.domains) == 0 || !g.r.pct(p) {
		return "", false
	}
	return g.domains[g.r.n(len(g.domains))], true
}

// draw returns the next indicator of the mix: names 30 %, domains 20 %, URLs 15 %,
// SHA-256 15 %, MD5 8 %, SHA-1 6 %, IPv4 5 %, the rest IPv6, e-mail and CVE.
func (g *lister) draw() indicator {
	r := g.r
	switch k := r.n(1000); {
	case k < 300:
		return indicator{"hostname", g.hostname()}
	case k < 500:
		return indicator{"domain", badDomain(r)}
	case k < 650:
		return indicator{"url", g.url()}
	case k < 800:
		return indicator{"sha256", r.text(hexd, 64)}
	case k < 880:
		return indicator{"md5", r.text(hexd, 32)}
	case k < 940:
		return indicator{"sha1", r.text(hexd, 40)}
	case k < 990:
		return indicator{"ipv4", ip4(r, true)}
	case k < 994:
		return indicator{"ipv6", ip6(r, true)}
	case k < 998:
		return indicator{"email", syllables(r, 3) + strconv.Itoa(r.n(100)) + "@" + badDomain(r)}
	default:
		return indicator{"cve", "CVE-20" + strconv.Itoa(10+r.n(16)) + "-" + strconv.Itoa(100000+r.n(900000))}
	}
}

func (g *lister) hostname() string {
	if d, ok := g.known(30); ok {
		return subLabel(g.r) + "." + d
	}
	return badHostname(g.r)
}

func (g *lister) url() string {
	scheme := "http://"
	if g.r.pct(40) {
		scheme = "https://"
	}
	return scheme + g.urlHost() + urlPath(g.r)
}

func (g *lister) urlHost() string {
	r := g.r
	switch k := r.n(10); {
	case k < 3:
		h := ip4(r, true)
		if r.pct(60) {
			h += ":" + strconv.Itoa(1024+r.n(64000))
		}
		return h
	case k < 4 && g.n >= core:
		return r.pick(sharedHosts)
	}
	if d, ok := g.known(40); ok {
		return d
	}
	if r.pct(50) {
		return badDomain(r)
	}
	return badHostname(r)
}

// coreList is the list that logs are planted with.
func coreList(seed uint64) []indicator {
	g := newLister(seed)
	out := make([]indicator, core)
	for i := range out {
		out[i] = g.next()
	}
	return out
}

// ListPath names the list of n values in a folder.
func ListPath(dir string, n int) string {
	return filepath.Join(dir, "ioc-"+strconv.Itoa(n)+".txt")
}

// WriteLists writes for each size, in rising order, ListPath with a value a line
// and beside it a .tsv of type and value.
func WriteLists(dir string, seed uint64, sizes ...int) error {
	g := newLister(seed)
	var list []indicator
	for _, n := range sizes {
		for len(list) < n {
			list = append(list, g.next())
		}
		path := ListPath(dir, n)
		if err := writeLines(path, list[:n], appendValue); err != nil {
			return err
		}
		if err := writeLines(strings.TrimSuffix(path, "txt")+"tsv", list[:n], appendTyped); err != nil {
			return err
		}
	}
	return nil
}

func appendValue(b []byte, v indicator) []byte { return append(b, v.val...) }

func appendTyped(b []byte, v indicator) []byte {
	return append(append(append(b, v.typ...), '\t'), v.val...)
}

// writeLines writes a line for each item. A file that is there is whole: it gets
// its name when all is written.
func writeLines[T any](path string, items []T, line func([]byte, T) []byte) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer f.Close() // again is harmless
	w := bufio.NewWriterSize(f, 1<<20)
	var b []byte
	for _, v := range items {
		b = append(line(b[:0], v), '\n')
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
