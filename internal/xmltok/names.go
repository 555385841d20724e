package xmltok

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"

	// A document that has more names than this is made to annoy. The tables
	// are then begun anew, so that they never grow without bound.
	maxNames    = 4096
	maxNamesLen = 1 << 20
)

// names knows the names that were met, so that each is kept once, and the
// namespaces in scope.
//
// A prefix has one entry, which holds its present namespace; a declaration
// changes the entry and notes in decls what to put back when its element ends.
// So a name finds its namespace in one step, however many are declared.
type names struct {
	recent   [256]*qname // by a cheap hash: most names come again soon
	all      map[string]*qname
	shared   map[string]string // local names and namespaces
	prefixes map[string]*prefix
	none     *prefix // the default namespace
	decls    []decl
	declsLen int
	size     int // bytes kept in the tables
}

// qname is a name as it is written.
type qname struct {
	raw    string
	local  string
	prefix *prefix
	name   Name    // with the namespace that prefix had last
	target *prefix // what it declares: xmlns or xmlns:p
	seen   uint64  // the start tag that had it last as an attribute
}

// prefix is a prefix and what it stands for now; not bound: nothing.
type prefix struct {
	name, space string
	bound       bool
}

// decl is a declaration in scope and what it hides.
type decl struct {
	p     *prefix
	space string // what p stood for before
	bound bool
}

func (n *names) init() {
	n.none = &prefix{}
	n.prefixes = map[string]*prefix{"": n.none, "xml": {name: "xml", space: xmlSpace, bound: true}}
	n.all = map[string]*qname{}
	n.shared = map[string]string{}
}

// trim empties the tables when they hold too much. What is in scope stays.
func (n *names) trim() {
	if len(n.all) <= maxNames && n.size <= maxNamesLen {
		return
	}
	kept := map[string]*prefix{"": n.none, "xml": n.prefixes["xml"]}
	for _, d := range n.decls {
		kept[d.p.name] = d.p
	}
	n.prefixes = kept
	n.recent = [256]*qname{}
	n.all = map[string]*qname{}
	n.shared = map[string]string{}
	n.size = 0
}

// look returns the entry of raw; nil when it is no qualified name.
func (n *names) look(raw []byte) *qname {
	h := (uint(raw[len(raw)-1])*31 + uint(raw[len(raw)/2])*7 + uint(raw[0]) + uint(len(raw))*17) % 256
	if q := n.recent[h]; q != nil && q.raw == string(raw) {
		return q
	}
	q := n.all[string(raw)]
	if q == nil {
		if q = n.add(string(raw)); q == nil {
			return nil
		}
	}
	n.recent[h] = q
	return q
}

// add makes the entry of raw.
func (n *names) add(raw string) *qname {
	pre, local, found := strings.Cut(raw, ":")
	if !found {
		pre, local = "", raw
	} else if pre == "" || local == "" || strings.Contains(local, ":") || class[local[0]]&nameFirst == 0 {
		return nil
	}
	if strings.ContainsFunc(raw, noNameChar) {
		return nil
	}
	q := &qname{raw: raw, local: n.share(local), prefix: n.prefix(pre)}
	switch {
	case raw == "xmlns":
		q.target = n.none
	case pre == "xmlns":
		q.target = n.prefix(local)
	}
	n.all[raw] = q
	n.size += len(raw)
	return q
}

// noNameChar finds what the table of bytes lets pass: bytes that are no UTF-8
// and the control characters beyond ASCII.
func noNameChar(c rune) bool {
	return c == utf8.RuneError || !allowed(c) || unicode.IsControl(c)
}

// prefix returns the entry of a prefix.
func (n *names) prefix(s string) *prefix {
	p := n.prefixes[s]
	if p == nil {
		p = &prefix{name: strings.Clone(s)}
		n.prefixes[p.name] = p
		n.size += len(s)
	}
	return p
}

// share returns the one copy of s.
func (n *names) share(s string) string {
	if old, ok := n.shared[s]; ok {
		return old
	}
	s = strings.Clone(s)
	n.shared[s] = s
	n.size += len(s)
	return s
}

// declare binds p to space, "" unbinds the default namespace.
func (n *names) declare(p *prefix, space string) {
	n.decls = append(n.decls, decl{p, p.space, p.bound})
	p.space, p.bound = n.share(space), space != ""
	n.declsLen += len(p.name) + len(space)
}

// undo takes back the declarations from the i-th on.
func (n *names) undo(i int) {
	for len(n.decls) > i {
		d := n.decls[len(n.decls)-1]
		n.decls = n.decls[:len(n.decls)-1]
		n.declsLen -= len(d.p.name) + len(d.p.space)
		d.p.space, d.p.bound = d.space, d.bound
	}
}

// element returns the name of an element written as q.
func (q *qname) element() (Name, bool) {
	if q.name.Space != q.prefix.space || q.name.Local == "" {
		q.name = Name{q.prefix.space, q.local}
	}
	return q.name, q.prefix.bound || q.prefix.name == ""
}

// attribute returns the name of an attribute written as q: without a prefix it
// is in no namespace.
func (q *qname) attribute() (Name, bool) {
	if q.prefix.name == "" {
		return Name{"", q.local}, true
	}
	return q.element()
}

// Resolve resolves a name in a value, as in xsi:type="p:Local", by the
// namespaces in scope; a name without a prefix is in the default namespace. It
// is false when the prefix is not declared or s is no name. White space around
// s does not count.
func (r *Reader) Resolve(s string) (Name, bool) {
	s = strings.Trim(s, " \t\r\n")
	pre, local, found := strings.Cut(s, ":")
	if !found {
		pre, local = "", s
	}
	p := r.names.prefixes[pre]
	if local == "" || strings.Contains(local, ":") || found && (pre == "" || p == nil || !p.bound) {
		return Name{}, false
	}
	return Name{p.space, local}, true
}

// Scope returns the namespace declarations in scope, sorted by prefix; "xml",
// which is always there, is not among them.
func (r *Reader) Scope() []Prefix {
	var out []Prefix
	for _, d := range r.names.decls {
		if d.p.bound && d.p.name != "xml" {
			out = append(out, Prefix{d.p.name, d.p.space})
		}
	}
	slices.SortFunc(out, func(a, b Prefix) int { return strings.Compare(a.Prefix, b.Prefix) })
	return slices.Compact(out)
}
