package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/xmltok"
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

// xUse says how an attribute is read.
type xUse uint8

const (
	xUnread xUse = iota // it changes nothing
	xPlain
	xID   // names a thing; its prefix is resolved
	xType // xsi:type
)

// xUses are the attributes in no namespace that are read; no other one changes
// what a value means.
var xUses = func() map[string]xUse {
	m := map[string]xUse{"id": xID, "idref": xID, "object_reference": xID}
	for _, a := range []string{
		"category", "type", "condition", "apply_condition", "delimiter", "pattern_type", "bit_mask", "has_changed", "is_defanged", "is_spoofed",
		"negate", "operator", "timestamp", "precision", "color", "name", "capec_id",
	} {
		m[a] = xPlain
	}
	return m
}()

// xNames gives the names of elements and attributes numbers, so that what is to
// be known of a name is found out once. The number 0 is no name.
type xNames struct {
	list   []xName
	all    map[xmltok.Name]int32
	recent [256]int32 // by a cheap hash: a document has few names
}

type xName struct {
	xmltok.Name
	family xFamily
	attr   xUse // of an attribute that is called so
}

// xMostNames is from how many names on the numbers are given anew with the next
// tree: a document with more is made to annoy.
const xMostNames = 4096

func (s *xNames) trim() {
	if s.list == nil || len(s.list) > xMostNames {
		*s = xNames{list: make([]xName, 1, 64), all: make(map[xmltok.Name]int32)}
	}
}

// number returns the number of a name, and what it costs to keep it.
func (s *xNames) number(n xmltok.Name) (i int32, cost int) {
	l := n.Local
	slot := &s.recent[(uint(l[len(l)-1])*31+uint(l[len(l)/2])*7+uint(l[0])+uint(len(l))*17+uint(len(n.Space)))%256]
	if i := *slot; i != 0 && s.list[i].Name == n {
		return i, 0
	}
	i, ok := s.all[n]
	if !ok {
		i, cost = int32(len(s.list)), len(n.Space)+len(n.Local)+128
		s.all[n] = i
		s.list = append(s.list, xNameOf(n))
	}
	*slot = i
	return i, cost
}

func xNameOf(n xmltok.Name) xName {
	name := xName{Name: n, family: xFamilyOf(n.Space)}
	switch {
	case n.Space == "":
		name.attr = xUses[n.Local]
	case n.Space == xsiSpace && n.Local == "type":
		name.attr = xType
	}
	return name
}
