package stix

import (
	"errors"
	"fmt"
	"strings"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// The bounds of one subtree: one indicator, one observable, one TTP. What is
// over is an error, since half an indicator is another indicator.
const (
	xMaxNodes = 1 << 20
	xMaxText  = 64 << 20 // bytes of text and attributes
	xKeep     = 4 << 20  // of a bigger tree the memory is not kept for the next one
)

const xsiSpace = "http://www.w3.org/2001/XMLSchema-instance"

// xFamily says which standard's namespace a name is in. The namespaces differ by
// schema and version (objects#AddressObject-2), which says nothing that the
// local name does not say.
type xFamily uint8

const (
	xOther xFamily = iota
	xSTIX
	xCybOX
	xMarking
)

var xFamilies = []struct {
	prefix string
	family xFamily
}{
	{"http://stix.mitre.org/", xSTIX},
	{"http://cybox.mitre.org/", xCybOX},
	{"http://data-marking.mitre.org/", xMarking},
	{"http://docs.oasis-open.org/cti/ns/stix/", xSTIX}, // STIX 1.2.1, CybOX 2.1.1
	{"http://docs.oasis-open.org/cti/ns/cybox/", xCybOX},
	{"http://docs.oasis-open.org/cti/ns/data-marking/", xMarking},
}

func xFamilyOf(space string) xFamily {
	for _, f := range xFamilies {
		if strings.HasPrefix(space, f.prefix) {
			return f.family
		}
	}
	return xOther
}

// xAttrs are the attributes that are read; no other one changes what a value
// means. Those of them that hold an id are resolved by their prefix.
var xAttrs = [...]string{
	"id", "idref", "object_reference", "category", "type", "condition", "apply_condition", "delimiter", "pattern_type",
	"bit_mask", "has_changed", "is_defanged", "is_spoofed", "negate", "operator", "timestamp", "precision", "color", "name", "capec_id",
}

const xIDs = 3 // the first of xAttrs

// xTree is one element with all in it. One tree is used again and again, so that
// reading makes little garbage.
type xTree struct {
	nodes    []xNode
	attrs    []xAttr
	text     []byte
	spent    int // bytes charged against xMaxText
	families map[string]xFamily
}

// xNode is an element, or a further run of text in mixed content (without a
// name). Children are linked by index; 0 is none, since the root is no child.
type xNode struct {
	name              xmltok.Name
	family            xFamily
	attr0, attr1      int32
	text0, text1      int32
	first, last, next int32
}

// xAttr is an attribute. xsi:type is named "xsi" and holds the local name, with
// the namespace in space.
type xAttr struct {
	name, value string
	space       string
	key         uint64 // of an id: what it is known by in the document
}

// xEl is an element of a tree; its zero is no element, which has nothing.
type xEl struct {
	t *xTree
	i int32
}

// read builds the tree of the element at whose Start r is, up to its End.
func (t *xTree) read(r *xmltok.Reader) (xEl, error) {
	t.reset()
	root := xEl{t, 0}
	line := r.Line()
	if err := t.open(r); err != nil {
		return root, err
	}
	stack := make([]int32, 1, 64)
	for len(stack) > 0 {
		kind, err := r.Next()
		if err != nil {
			return root, err
		}
		at := stack[len(stack)-1]
		switch kind {
		case xmltok.Start:
			i := int32(len(t.nodes))
			err = t.open(r)
			t.adopt(at, i)
			stack = append(stack, i)
		case xmltok.Text:
			t.addText(at, r.Text())
		case xmltok.End:
			stack = stack[:len(stack)-1]
		}
		if err == nil && (len(t.nodes) > xMaxNodes || t.spent > xMaxText) {
			err = errTooLarge
		}
		if err != nil {
			return root, fmt.Errorf("%s that begins in line %d: %w", root.called(), line, err)
		}
	}
	return root, nil
}

var errTooLarge = errors.New("over the bound for one element (1,048,576 elements, 64 MiB)")

func (t *xTree) reset() {
	if cap(t.text) > xKeep || cap(t.nodes) > xKeep/64 || cap(t.attrs) > xKeep/64 {
		t.nodes, t.attrs, t.text = nil, nil, nil
	}
	clear(t.attrs)
	t.nodes, t.attrs, t.text, t.spent = t.nodes[:0], t.attrs[:0], t.text[:0], 0
}

// open adds the element at whose Start r is.
func (t *xTree) open(r *xmltok.Reader) error {
	name := r.Name()
	family, ok := t.families[name.Space]
	if !ok {
		if t.families == nil || len(t.families) > 1024 {
			t.families = make(map[string]xFamily)
		}
		family = xFamilyOf(name.Space)
		t.families[name.Space] = family
	}
	n := xNode{name: name, family: family, attr0: int32(len(t.attrs))}
	for i, a := range xAttrs {
		v, ok := r.Attr("", a)
		if !ok {
			continue
		}
		v = strings.TrimSpace(v)
		attr := xAttr{name: a, value: v}
		if i < xIDs {
			attr.key, attr.space = xKey(r, v)
		}
		t.addAttr(attr)
	}
	if v, ok := r.Attr(xsiSpace, "type"); ok {
		q, _ := r.Resolve(v)
		t.addAttr(xAttr{name: "xsi", value: q.Local, space: q.Space})
	}
	n.attr1 = int32(len(t.attrs))
	t.nodes = append(t.nodes, n)
	return nil
}

func (t *xTree) addAttr(a xAttr) {
	t.spent += len(a.value) + 32
	t.attrs = append(t.attrs, a)
}

func (t *xTree) adopt(parent, child int32) {
	p := &t.nodes[parent]
	if p.last == 0 {
		p.first = child
	} else {
		t.nodes[p.last].next = child
	}
	p.last = child
}

// addText adds text to an element: to its own run as long as nothing came
// between, else as a further run. Blank text between elements is left out.
func (t *xTree) addText(at int32, b []byte) {
	n := &t.nodes[at]
	own := n.last == 0
	if !own {
		n = &t.nodes[n.last]
	}
	goesOn := (own || n.name == xmltok.Name{}) && n.text1 > n.text0 && int(n.text1) == len(t.text)
	switch {
	case goesOn:
	case xBlank(b):
		return
	case own:
		n.text0 = int32(len(t.text))
	default:
		i := int32(len(t.nodes))
		t.nodes = append(t.nodes, xNode{text0: int32(len(t.text))})
		t.adopt(at, i)
		n = &t.nodes[i]
	}
	t.text = append(t.text, b...)
	t.spent += len(b)
	n.text1 = int32(len(t.text))
}

func xBlank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// xKey is what an id is known by in a document: a hash of its namespace and its
// local part. An id whose prefix is not declared stands for itself. Of a million
// ids two have the same hash with a chance of one in 30 million.
func xKey(r *xmltok.Reader, id string) (key uint64, space string) {
	local := id
	if q, ok := r.Resolve(id); ok {
		space, local = q.Space, q.Local
	}
	return xHash(xHash(xSeed, space), local) | 1, space // never 0, which is no id
}

const xSeed = 14695981039346656037 // FNV-1a, 64 bit

func xHash(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return (h ^ h>>32) * 0x9e3779b97f4a7c15 // parts what is hashed next
}

func (e xEl) node() *xNode   { return &e.t.nodes[e.i] }
func (e xEl) ok() bool       { return e.t != nil }
func (e xEl) local() string  { return e.node().name.Local }
func (e xEl) leaf() bool     { return e.node().first == 0 }
func (e xEl) isText() bool   { return e.node().name == xmltok.Name{} }
func (e xEl) at(i int32) xEl { return xEl{e.t, i} }

// of returns whose the element's name is.
func (e xEl) of() xFamily {
	if !e.ok() {
		return xOther
	}
	return e.node().family
}

// kids yields the child elements of the standards; what others put between is
// not for us.
func (e xEl) kids(yield func(xEl) bool) {
	if !e.ok() {
		return
	}
	for i := e.node().first; i != 0; i = e.t.nodes[i].next {
		if k := e.at(i); k.of() != xOther && !yield(k) {
			return
		}
	}
}

// all yields every child element.
func (e xEl) all(yield func(xEl) bool) {
	for i := e.node().first; i != 0; i = e.t.nodes[i].next {
		if k := e.at(i); !k.isText() && !yield(k) {
			return
		}
	}
}

// child returns the first child of the standards with that local name.
func (e xEl) child(local string) xEl {
	for k := range e.kids {
		if k.local() == local {
			return k
		}
	}
	return xEl{}
}

// path goes down by local names.
func (e xEl) path(locals ...string) xEl {
	for _, l := range locals {
		e = e.child(l)
	}
	return e
}

func (e xEl) find(name string) *xAttr {
	if !e.ok() {
		return nil
	}
	n := e.node()
	for i := n.attr0; i < n.attr1; i++ {
		if a := &e.t.attrs[i]; a.name == name {
			return a
		}
	}
	return nil
}

// attr returns an attribute, "" where there is none.
func (e xEl) attr(name string) string {
	if a := e.find(name); a != nil {
		return a.value
	}
	return ""
}

// truth reads a boolean attribute (xs:boolean).
func (e xEl) truth(name string) bool {
	v := e.attr(name)
	return v == "1" || strings.EqualFold(v, "true")
}

// id returns an id attribute and the key that it is known by, 0 without one.
func (e xEl) id(name string) (string, uint64) {
	if a := e.find(name); a != nil && a.value != "" {
		return a.value, a.key
	}
	return "", 0
}

// xsiType returns the local name of xsi:type and the family of its namespace.
func (e xEl) xsiType() (string, xFamily) {
	if a := e.find("xsi"); a != nil {
		return a.value, xFamilyOf(a.space)
	}
	return "", xOther
}

// content returns the text in an element, that of nested elements included,
// without blanks around it.
func (e xEl) content() string {
	if !e.ok() {
		return ""
	}
	n := e.node()
	if n.first == 0 {
		return strings.TrimSpace(string(e.t.text[n.text0:n.text1]))
	}
	var b strings.Builder
	e.gather(&b)
	return strings.TrimSpace(b.String())
}

func (e xEl) gather(b *strings.Builder) {
	n := e.node()
	b.Write(e.t.text[n.text0:n.text1])
	for i := n.first; i != 0; i = e.t.nodes[i].next {
		e.at(i).gather(b)
	}
}

// first returns the first text in an element that is not blank.
func (e xEl) first() string {
	n := e.node()
	if s := strings.TrimSpace(string(e.t.text[n.text0:n.text1])); s != "" {
		return s
	}
	for i := n.first; i != 0; i = e.t.nodes[i].next {
		if s := e.at(i).first(); s != "" {
			return s
		}
	}
	return ""
}

// called names an element in an error.
func (e xEl) called() string {
	if id := e.attr("id"); id != "" {
		return e.local() + " " + jClip(id, jShown)
	}
	return e.local()
}

func xHashBytes(b []byte) uint64 {
	h := uint64(xSeed)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h ^ h>>32
}
