package stix

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
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

// xTree is one element with all in it. One tree is used again and again, and
// holds no pointers but to its text, so that reading makes little garbage. All
// text and attribute values are one string; what is taken out of the tree is a
// part of it, and is to be copied if it has to last.
type xTree struct {
	nodes []xNode
	attrs []xAttr
	open  []int32 // the elements that have begun and not ended
	raw   []byte  // the text while the tree is read
	text  string  // the text of a tree that was read
	spent int     // bytes charged against xMaxText
	names xNames
}

// xNode is an element, or a further run of text in mixed content (without a
// name). Children are linked by index; 0 is none, since the root is no child.
type xNode struct {
	name              int32 // in names
	attr0, attr1      int32
	text0, text1      int32
	first, last, next int32
}

// xAttr is an attribute; its value is a part of the text. Of xsi:type it is the
// local name, and family that of its namespace.
type xAttr struct {
	name   int32 // in names
	v0, v1 int32
	family xFamily
	key    uint64 // of an id: what it is known by in the document
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
	t.start(r)
	t.open = append(t.open[:0], 0)
	for len(t.open) > 0 {
		kind, err := r.Next()
		if err != nil {
			return root, err
		}
		at := t.open[len(t.open)-1]
		switch kind {
		case xmltok.Start:
			i := int32(len(t.nodes))
			t.start(r)
			t.adopt(at, i)
			t.open = append(t.open, i)
		case xmltok.Text:
			t.addText(at, r.Text())
		case xmltok.End:
			t.open = t.open[:len(t.open)-1]
		}
		if len(t.nodes) > xMaxNodes || t.spent > xMaxText {
			t.text = string(t.raw)
			return root, fmt.Errorf("%s that begins in line %d: %w", root.called(), line, errTooLarge)
		}
	}
	t.text = string(t.raw)
	return root, nil
}

var errTooLarge = errors.New("over the bound for one element (1,048,576 elements, 64 MiB)")

func (t *xTree) reset() {
	if cap(t.raw) > xKeep || cap(t.nodes) > xKeep/64 || cap(t.attrs) > xKeep/64 {
		t.nodes, t.attrs, t.raw = nil, nil, nil
	}
	t.nodes, t.attrs, t.raw, t.text, t.spent = t.nodes[:0], t.attrs[:0], t.raw[:0], "", 0
	t.names.trim()
}

// start adds the element at whose Start r is.
func (t *xTree) start(r *xmltok.Reader) {
	n := xNode{name: t.name(r.Name()), attr0: int32(len(t.attrs))}
	for i := range r.Attrs() {
		name, value := r.AttrAt(i)
		t.attr(r, name, bytes.TrimSpace(value))
	}
	n.attr1 = int32(len(t.attrs))
	t.nodes = append(t.nodes, n)
}

func (t *xTree) name(n xmltok.Name) int32 {
	i, cost := t.names.number(n)
	t.spent += cost
	return i
}

// attr adds an attribute if it is one that is read.
func (t *xTree) attr(r *xmltok.Reader, name xmltok.Name, value []byte) {
	a := xAttr{name: t.name(name)}
	switch t.names.list[a.name].attr {
	case xUnread:
		return
	case xID:
		a.key, _ = xKey(r, value)
	case xType:
		var space string
		space, value, _ = r.ResolveBytes(value)
		a.family = xFamilyOf(space)
	}
	a.v0 = int32(len(t.raw))
	t.raw = append(t.raw, value...)
	a.v1 = int32(len(t.raw))
	t.spent += len(value) + 32
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
	goesOn := (own || n.name == 0) && n.text1 > n.text0 && int(n.text1) == len(t.raw)
	switch {
	case goesOn:
	case xBlank(b):
		return
	case own:
		n.text0 = int32(len(t.raw))
	default:
		i := int32(len(t.nodes))
		t.nodes = append(t.nodes, xNode{text0: int32(len(t.raw))})
		t.adopt(at, i)
		n = &t.nodes[i]
	}
	t.raw = append(t.raw, b...)
	t.spent += len(b)
	n.text1 = int32(len(t.raw))
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
// local part. An id without a prefix, or with one that is not declared, stands for
// itself: whoever writes such ids compares texts. Of a million
// ids two have the same hash with a chance of one in 30 million; nobody can make
// them so, as the seed is another in each process.
func xKey(r *xmltok.Reader, id []byte) (key uint64, space string) {
	local := id
	if s, l, ok := r.ResolveBytes(id); ok && bytes.IndexByte(id, ':') >= 0 {
		space, local = s, l
	}
	h := maphash.String(xSeed, space)*0x9e3779b97f4a7c15 ^ maphash.Bytes(xSeed, local)
	return h | 1, space // never 0, which is no id
}

var xSeed = maphash.MakeSeed()

func (e xEl) node() *xNode   { return &e.t.nodes[e.i] }
func (e xEl) ok() bool       { return e.t != nil }
func (e xEl) name() *xName   { return &e.t.names.list[e.node().name] }
func (e xEl) local() string  { return e.name().Local }
func (e xEl) leaf() bool     { return e.node().first == 0 }
func (e xEl) isText() bool   { return e.node().name == 0 }
func (e xEl) at(i int32) xEl { return xEl{e.t, i} }

// of returns whose the element's name is.
func (e xEl) of() xFamily {
	if !e.ok() {
		return xOther
	}
	return e.name().family
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
		a := &e.t.attrs[i]
		if is := &e.t.names.list[a.name]; is.attr != xType && is.Local == name {
			return a
		}
	}
	return nil
}

func (e xEl) value(a *xAttr) string { return e.t.text[a.v0:a.v1] }

// attr returns an attribute, "" where there is none.
func (e xEl) attr(name string) string {
	if a := e.find(name); a != nil {
		return e.value(a)
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
	if a := e.find(name); a != nil && a.v1 > a.v0 {
		return e.value(a), a.key
	}
	return "", 0
}

// xsiType returns the local name of xsi:type and the family of its namespace.
func (e xEl) xsiType() (string, xFamily) {
	n := e.node()
	for i := n.attr0; i < n.attr1; i++ {
		if a := &e.t.attrs[i]; e.t.names.list[a.name].attr == xType {
			return e.value(a), a.family
		}
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
		return strings.TrimSpace(e.t.text[n.text0:n.text1])
	}
	var b strings.Builder
	e.gather(&b)
	return strings.TrimSpace(b.String())
}

func (e xEl) gather(b *strings.Builder) {
	n := e.node()
	b.WriteString(e.t.text[n.text0:n.text1])
	for i := n.first; i != 0; i = e.t.nodes[i].next {
		e.at(i).gather(b)
	}
}

// first returns the first text in an element that is not blank.
func (e xEl) first() string {
	n := e.node()
	if s := strings.TrimSpace(e.t.text[n.text0:n.text1]); s != "" {
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
