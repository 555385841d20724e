package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// PatternValue is a constant of a pattern.
type PatternValue struct {
	Type   ioc.Type // "" where it has to be told from the value, or where there is none
	Path   string   // the object path that it is compared with
	Value  string   // a string as it is meant, without quotes and escapes; anything else as it is written
	Reason string   // why it does not stand alone; "" if it does
}

// Values returns what the pattern names. A value that alone makes the pattern
// true stands alone: all that joins it with others, on the way up to the root,
// is OR, and it is compared with =, IN or, being an address, ISSUBSET. All the
// rest is left, each with its reason. No value is in both: one that stands alone
// in one place does so, whatever other places say.
//
// Three forms of AND are read as what people mean by them: a file's name and
// the path of its folder are the path of the file; an address beside the port,
// the protocol or the kind of address that it is used with is the address;
// several digests of one file, and its size, tell its content, which each of the
// digests tells alone.
func (p *Pattern) Values() (alone, left []PatternValue) {
	w := patWalk{}
	w.node(p.root, false)
	return w.split()
}

type patWalk struct{ found []PatternValue }

// node notes the values below n; together says that something other than OR
// stands above it.
func (w *patWalk) node(n *patNode, together bool) {
	switch n.kind {
	case patTest:
		w.test(n.test, together)
		return
	case patFollowed, patAnd, patBound:
		together = true
	case patBoth:
		if tests := patTests(n, nil); !together && tests != nil && (w.filePath(tests) || w.address(tests) || w.digests(tests)) {
			return
		}
		together = true
	}
	for _, k := range n.kids {
		w.node(k, together)
	}
}

// patTests appends the comparisons that AND joins, through any parentheses; it
// returns nil if anything else stands among them.
func patTests(n *patNode, tests []*patNode) []*patNode {
	for _, k := range n.kids {
		switch k.kind {
		case patTest:
			tests = append(tests, k)
		case patBoth:
			if tests = patTests(k, tests); tests == nil {
				return nil
			}
		default:
			return nil
		}
	}
	return tests
}

func (w *patWalk) test(c *patComparison, together bool) {
	t, why := patTypeOf(c.path)
	why = c.reason(t, why)
	if why == "" && together {
		why = TogetherOnly
	}
	if c.op == "EXISTS" { // which names no value, only the path
		w.found = append(w.found, PatternValue{Path: c.path, Reason: why})
	}
	for _, l := range c.lits {
		w.note(c.path, t, l, why)
	}
}

// note notes one constant. One that is no string never equals a property that
// is one, so that it names no value of its type; nor does an empty one.
func (w *patWalk) note(path string, t ioc.Type, l patLiteral, why string) {
	if (l.kind != '\'' && l.kind != 'h' || l.text == "") && (why == "" || why == TogetherOnly) {
		t, why = "", NoType
	}
	if (t == ioc.IP || t == ioc.IPv6) && strings.Contains(l.text, "/") {
		t = ioc.CIDR
	}
	w.found = append(w.found, PatternValue{Type: t, Path: path, Value: l.text, Reason: why})
}

// reason says why a comparison names no value, whatever it stands in. What its
// path says comes last: that a value is negated matters more than its kind.
func (c *patComparison) reason(t ioc.Type, path string) string {
	switch c.op {
	case "=", "IN":
		if c.not {
			return Negated
		}
	case "!=":
		if !c.not {
			return Negated
		}
	case "ISSUBSET":
		if c.not {
			return Negated
		}
		if t != ioc.IP && t != ioc.IPv6 && !strings.HasSuffix(c.path, ".value") {
			return NotEquality
		}
	default:
		if c.not {
			return Negated
		}
		return NotEquality
	}
	return path
}

// equals reports whether c says that its path is one of some strings, and
// nothing else.
func (c *patComparison) equals() bool { return c != nil && !c.not && (c.op == "=" || c.op == "IN") }

// filePath takes a file's name AND its folder for the path of the file.
func (w *patWalk) filePath(kids []*patNode) bool {
	if len(kids) != 2 {
		return false
	}
	name, dir := kids[0].test, kids[1].test
	if name != nil && dir != nil && name.path != "file:name" {
		name, dir = dir, name
	}
	if !name.equals() || !dir.equals() || name.path != "file:name" || dir.path != "file:parent_directory_ref.path" || len(name.lits) != 1 || len(dir.lits) != 1 {
		return false
	}
	n, d := name.lits[0], dir.lits[0]
	sep := patSeparator(d.text)
	if sep == "" || n.kind != '\'' || d.kind != '\'' || n.text == "" {
		return false
	}
	w.note(dir.path, ioc.FilePath, patLiteral{'\'', strings.TrimSuffix(d.text, sep) + sep + n.text}, "")
	return true
}

// patSeparator returns what parts the names in a path, "" if it does not show.
func patSeparator(dir string) string {
	switch {
	case strings.Contains(dir, `\`) || len(dir) == 2 && dir[1] == ':':
		return `\`
	case strings.Contains(dir, "/"):
		return "/"
	}
	return ""
}

// address takes an address AND what it is used with for the address: a port
// and protocols of the traffic to it, or the type of what is referred to.
func (w *patWalk) address(kids []*patNode) bool {
	var addr *patComparison
	for _, k := range kids {
		if k.test == nil {
			return false
		}
		if strings.HasSuffix(k.test.path, "_ref.value") {
			if addr != nil {
				return false
			}
			addr = k.test
		}
	}
	if addr == nil || !addr.equals() && (addr.op != "ISSUBSET" || addr.not) {
		return false
	}
	for _, k := range kids {
		if k.test != addr && (!k.test.equals() || !patBeside(addr.path, k.test.path)) {
			return false
		}
	}
	for _, k := range kids {
		w.test(k.test, false)
	}
	return true
}

// digests takes digests of one file, each by another algorithm, AND its size for
// the digests. A name beside them is another statement: files are renamed.
func (w *patWalk) digests(kids []*patNode) bool {
	seen, told := make(map[string]bool, len(kids)), false
	for _, k := range kids {
		c, key := k.test, patKey(k.test.path)
		if !c.equals() || len(c.lits) != 1 || seen[key] || key != "file:size" && !strings.HasPrefix(key, "file:hashes.") {
			return false
		}
		seen[key] = true
		t, why := patTypeOf(c.path)
		told = told || why == "" && t != ioc.SSDeep
	}
	if !told {
		return false
	}
	for _, k := range kids {
		w.test(k.test, false)
	}
	return true
}

// patBeside reports whether a comparison of path says no more of the address
// than how it is used.
func patBeside(addr, path string) bool {
	if path == strings.TrimSuffix(addr, "value")+"type" {
		return true
	}
	if addr != "network-traffic:dst_ref.value" {
		return false
	}
	return path == "network-traffic:dst_port" || strings.HasPrefix(path, "network-traffic:protocols[")
}

// split parts what stands alone from what does not, each value once.
func (w *patWalk) split() (alone, left []PatternValue) {
	if len(w.found) == 1 { // nearly all there are
		if w.found[0].Reason == "" {
			return w.found, nil
		}
		return nil, w.found
	}
	seen := make(map[PatternValue]bool, len(w.found))
	for _, v := range w.found {
		k := PatternValue{Type: v.Type, Value: v.Value}
		if v.Reason == "" && !seen[k] {
			seen[k] = true
			alone = append(alone, v)
		}
	}
	for _, v := range w.found {
		k := PatternValue{Type: v.Type, Value: v.Value, Path: v.Path}
		if v.Reason == "" || seen[k] || seen[PatternValue{Type: v.Type, Value: v.Value}] {
			continue
		}
		seen[k] = true
		left = append(left, v)
	}
	return alone, left
}
