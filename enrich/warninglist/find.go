package warninglist

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// maxHost is the length of the longest host name (RFC 1035 §2.3.4). Beyond it
// nothing is looked up below, so that a value of dots alone costs nothing.
const maxHost = 253

// Find appends a match for each list that holds o, in the order of the lists.
// o is in canonical form.
func (m *Matcher) Find(dst []ioc.ListMatch, o ioc.Observable) []ioc.ListMatch {
	if m == nil || len(m.lists) == 0 {
		return dst
	}
	s := search{m: m, o: o, bit: bit(o.Type)}
	if s.bit&addresses != 0 {
		s.network()
	}
	if s.bit&m.keyed != 0 {
		s.keys()
	}
	if s.bit&m.scanned != 0 {
		s.scan()
	}
	if len(s.found) == 0 {
		return dst
	}
	return s.append(dst)
}

// Lists returns the number of lists that are asked.
func (m *Matcher) Lists() int {
	if m == nil {
		return 0
	}
	return len(m.lists)
}

// candidate is the best match so far of one list.
type candidate struct {
	list  uint16
	rank  uint8  // exact, then below and within, then part and regex
	match string // one of the Match constants
	size  int    // the greater, the more specific
	entry uint32
	whole bool   // the entry is the whole host
	name  string // the entry, if it is a host's
	own   bool   // more than a host is named: an address at it, a path on it
}

// search looks for one observable.
type search struct {
	m     *Matcher
	o     ioc.Observable
	bit   types
	found []candidate
}

// add keeps c if it is its list's best so far and the list is for the type.
func (s *search) add(c candidate) {
	if s.m.lists[c.list].types&s.bit == 0 {
		return
	}
	for i := range s.found {
		if f := &s.found[i]; f.list == c.list {
			if cmp.Or(cmp.Compare(c.rank, f.rank), cmp.Compare(c.size, f.size), cmp.Compare(f.entry, c.entry)) > 0 {
				*f = c
			}
			return
		}
	}
	s.found = append(s.found, c)
}

// append writes the matches.
func (s *search) append(dst []ioc.ListMatch) []ioc.ListMatch {
	slices.SortFunc(s.found, func(a, b candidate) int { return cmp.Compare(a.list, b.list) })
	for i := range s.found {
		c := &s.found[i]
		l := &s.m.lists[c.list]
		dst = append(dst, ioc.ListMatch{Feed: l.feed, List: l.name, Entry: s.m.table.textOf(c.entry), Match: c.match, Lowers: l.lowers(s.o.Type, c)})
	}
	return dst
}

// network looks for the networks that hold an address or a network.
func (s *search) network() {
	p, ok := prefixOf(s.o)
	if !ok {
		return
	}
	t := &s.m.v6
	if p.Addr().Is4() {
		t = &s.m.v4
	}
	want := spanOf(p)
	for i := t.last(&want); i >= 0; i = t.nodes[i].around {
		n := &t.nodes[i]
		if !n.holds(&want) {
			continue
		}
		c := candidate{list: s.m.table.entries[n.entry].list, rank: 2, match: ioc.MatchWithin, size: int(n.bits), entry: n.entry}
		if n.bits == want.bits && s.o.Type != ioc.IPPort {
			c.rank, c.match = 3, ioc.MatchExact
		}
		s.add(c)
	}
}

// prefixOf returns the network that an observable is or lies in.
func prefixOf(o ioc.Observable) (netip.Prefix, bool) {
	switch o.Type {
	case ioc.CIDR:
		p, err := netip.ParsePrefix(o.Value)
		return p.Masked(), err == nil
	case ioc.IPPort:
		a, err := netip.ParseAddrPort(o.Value)
		return netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), err == nil
	}
	a, err := netip.ParseAddr(o.Value)
	return netip.PrefixFrom(a.WithZone(""), a.BitLen()), err == nil
}

// keys looks for the value, and for the host that it names.
func (s *search) keys() {
	v := s.o.Value
	s.lookup(v, func(e *entry) (candidate, bool) {
		return candidate{rank: 3, match: ioc.MatchExact}, e.kind == isText
	})
	switch s.o.Type {
	case ioc.Domain:
		s.names(v, false)
	case ioc.Email:
		s.names(v[strings.LastIndexByte(v, '@')+1:], true)
	case ioc.URL:
		host, port, rest := canon.SplitHost(v)
		own := port != "" || rest != "" && rest != "/" // it names more than the host
		s.names(host, own)
		if !own {
			s.lookup(host, func(e *entry) (candidate, bool) {
				return candidate{rank: 2, match: ioc.MatchBelow, whole: true}, e.kind == isText && s.m.lists[e.list].plain
			})
		}
	}
}

// names looks for the names that host is or is below.
func (s *search) names(host string, own bool) {
	if len(host) > maxHost {
		return
	}
	for at := 0; ; {
		s.lookup(host[at:], func(e *entry) (candidate, bool) {
			c := candidate{rank: 2, match: ioc.MatchBelow, whole: at == 0, name: host[at:], own: own}
			if at == 0 && s.o.Type == ioc.Domain {
				c.rank, c.match = 3, ioc.MatchExact
			}
			return c, e.kind == isName
		})
		i := strings.IndexByte(host[at:], '.')
		if i < 0 {
			return
		}
		at += i + 1
	}
}

// lookup adds what is made of the entries with that key.
func (s *search) lookup(key string, made func(*entry) (candidate, bool)) {
	t := s.m.table
	if key == "" || len(key) > t.longest {
		return
	}
	h, mask := t.hash(key), uint32(len(t.slots)-1)
	for i := h & mask; t.slots[i].entry != 0; i = (i + 1) & mask {
		if t.slots[i].hash != h {
			continue
		}
		n := t.slots[i].entry - 1
		e := &t.entries[n]
		if !t.is(e, key) {
			continue
		}
		if c, ok := made(e); ok {
			c.list, c.entry, c.size = e.list, n, len(key)
			s.add(c)
		}
	}
}

// scan looks for substrings, and tries the regexes whose texts it meets.
func (s *search) scan() {
	var tried [maxNumber / 64]uint64
	for _, r := range s.m.always {
		s.try(r, &tried)
	}
	v := s.o.Value
	if !isASCII(v) { // what stands for a letter in RE2 may be none in ASCII
		for r := range s.m.regexes {
			s.try(uint32(r), &tried)
		}
	}
	a := s.m.parts
	if a.empty() {
		return
	}
	at := uint32(0)
	for i := range len(v) {
		at = a.follow(at, lower[v[i]])
		for n := at; n != 0; n = a.nodes[n].next {
			if out := a.nodes[n].out; out != 0 {
				s.parts(out, &tried)
			}
		}
	}
}

// parts takes what was met.
func (s *search) parts(out uint32, tried *[maxNumber / 64]uint64) {
	for ; out != 0; out = s.m.parts.parts[out].next {
		p := &s.m.parts.parts[out]
		if p.regex {
			s.try(p.ref, tried)
			continue
		}
		s.add(candidate{list: s.m.table.entries[p.ref].list, rank: 1, match: ioc.MatchSubstring, size: int(p.n), entry: p.ref})
	}
}

// try matches a regex, once for each value.
func (s *search) try(n uint32, tried *[maxNumber / 64]uint64) {
	r := &s.m.regexes[n]
	if tried[n/64]&(1<<(n%64)) != 0 || s.m.lists[r.list].types&s.bit == 0 {
		return
	}
	tried[n/64] |= 1 << (n % 64)
	if r.re.MatchString(s.o.Value) {
		s.add(candidate{list: r.list, rank: 1, match: ioc.MatchRegex, entry: r.entry})
	}
}
