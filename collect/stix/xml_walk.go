package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// xPackage is one package while it is read.
type xPackage struct {
	document *xDocument
	key      string
	graph    xGraph
	about    xAbout
	object   cyObject
	spare    []*xRecord
	item     Item
}

// xSections are the elements of a package whose children are read one at a
// time, so that a package of any size needs the memory of one of them.
var xSections = map[string]bool{
	"Observables": true, "Indicators": true, "TTPs": true, "Exploit_Targets": true, "Incidents": true, "Courses_Of_Action": true,
	"Campaigns": true, "Threat_Actors": true, "Reports": true, "Report": true, "Related_Packages": true, "Related_Package": true, "Package": true,
}

// read reads the package at whose Start r is, up to its End.
func (p *xPackage) read(r *xmltok.Reader) error {
	for depth := 1; depth > 0; {
		kind, err := r.Next()
		if err != nil {
			return err
		}
		switch name := r.Name(); {
		case kind == xmltok.End:
			depth--
		case kind != xmltok.Start:
		case xSections[name.Local] && xFamilyOf(name.Space) != xOther:
			depth++
			p.section(r)
		default:
			if err := p.whole(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// section notes what the start tag of a section says.
func (p *xPackage) section(r *xmltok.Reader) {
	if r.Name().Local != "Report" || !p.about.Modified.IsZero() {
		return
	}
	if at, ok := r.Attr("", "timestamp"); ok {
		p.about.Modified = xTime(at)
	}
}

// whole reads one element of a section.
func (p *xPackage) whole(r *xmltok.Reader) error {
	el, err := p.document.tree.read(r)
	if err != nil {
		return err
	}
	p.graph.begin()
	if err := p.listed(el); err != nil {
		return err
	}
	return p.graph.settle()
}

// listed takes up what stands in the package by itself.
func (p *xPackage) listed(el xEl) error {
	if el.of() != xOther {
		switch el.local() {
		case "STIX_Header", "Header":
			p.header(el)
			return nil
		case "Observable":
			_, err := p.observable(el, xSaid{}, true)
			return err
		case "Indicator":
			i, err := p.indicator(el, xSaid{})
			if err != nil {
				return err
			}
			return p.graph.visit(i, xAlone, nil)
		}
	}
	return p.around(el, xObserved, nil)
}

// around goes through an element that is no indicator itself for the
// indicators, observables and names in it. v is what an observable in it is
// reached with.
func (p *xPackage) around(el xEl, v xVerdict, said *xSaid) error {
	if el.of() != xOther {
		if done, err := p.known(el, v, said); done || err != nil {
			return err
		}
		v, said = p.enter(el, v, said)
	}
	if el.child("Properties").of() == xCybOX { // an object, whatever it is called: MAEC has its own name for it
		i, err := p.thing(el, xSaid{})
		if err != nil {
			return err
		}
		return p.graph.visit(i, v, said)
	}
	for k := range el.all {
		if err := p.around(k, v, said); err != nil {
			return err
		}
	}
	return nil
}

// known takes up an element that holds values; done reports whether it was one.
func (p *xPackage) known(el xEl, v xVerdict, said *xSaid) (done bool, err error) {
	var i int32
	switch el.local() {
	case "Indicator":
		if _, ref := el.id("idref"); ref != 0 { // a relation; the indicator is judged where it stands
			return true, nil
		}
		if i, err = p.indicator(el, xSaid{}); err != nil {
			return true, err
		}
		return true, p.graph.visit(i, xAlone, nil)
	case "Observable":
		i, err = p.observable(el, xSaid{}, false)
	case "Exploit_Target":
		return false, p.exploitTarget(el)
	case "Marking_Structure":
		p.about.mark(el.attr("color"))
		return true, nil
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, p.graph.visit(i, v, said)
}

// enter says what holds within an element: whose the observables are, and what
// names there are.
func (p *xPackage) enter(el xEl, v xVerdict, said *xSaid) (xVerdict, *xSaid) {
	switch el.local() {
	case "TTP":
		p.about.ttp(el)
	case "Threat_Actor":
		p.about.actor(el.child("Title").content())
	case "Campaign":
		p.about.tag(el.child("Title").content())
	case "Infrastructure":
		s := &xSaid{from: true}
		s.id, _ = el.id("id")
		s.Title, s.Description = el.child("Title").content(), el.child("Description").content()
		s.Role = strings.Join(xTexts(el, "Type"), "; ")
		return xAlone, s
	case "Victim_Targeting", "Victim", "Affected_Assets":
		return xBenign, nil
	}
	return v, said
}

// exploitTarget takes up the vulnerabilities of an exploit target.
func (p *xPackage) exploitTarget(el xEl) error {
	if _, ref := el.id("idref"); ref != 0 {
		return nil
	}
	rec := p.borrow()
	defer p.giveBack(rec)
	id, key := el.id("id")
	rec.said.id, rec.said.from = id, true
	rec.said.Title, rec.said.Description = el.child("Title").content(), el.child("Description").content()
	rec.said.Created = xTime(el.attr("timestamp"))
	for k := range el.kids {
		if k.local() != "Vulnerability" {
			continue
		}
		for _, cve := range xTexts(k, "CVE_ID") {
			rec.leaves = append(rec.leaves, xLeaf{typ: ioc.CVE, value: cve})
		}
		for _, n := range xTexts(k, "OSVDB_ID") {
			rec.leaves = append(rec.leaves, xLeaf{typ: "osvdb", value: n, reason: NoType})
		}
	}
	i, err := p.graph.define(rec, false, key)
	if err != nil {
		return err
	}
	return p.graph.visit(i, xAlone, nil)
}

// borrow lends an empty record, whose lists have room already.
func (p *xPackage) borrow() *xRecord {
	last := len(p.spare) - 1
	if last < 0 {
		return &xRecord{}
	}
	rec := p.spare[last]
	p.spare = p.spare[:last]
	return rec
}

// giveBack takes back a record. One that held a long list is let go.
func (p *xPackage) giveBack(rec *xRecord) {
	if cap(rec.leaves) <= 64 && cap(rec.kids) <= 1024 {
		clear(rec.leaves)
		rec.said, rec.leaves, rec.kids = xSaid{}, rec.leaves[:0], rec.kids[:0]
		p.spare = append(p.spare, rec)
	}
}

// xTexts returns the texts of the children of that name that are not blank.
func xTexts(el xEl, local string) (out []string) {
	for k := range el.kids {
		if k.local() != local {
			continue
		}
		if s := k.content(); s != "" {
			out = append(out, s)
		}
	}
	return out
}
