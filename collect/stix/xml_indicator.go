package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// indicator takes up an indicator with all in it and returns the thing that it
// is, or that it refers to. outer is what the indicator says that it is written
// in; it holds no longer than that one, if it does not say so itself.
func (p *xPackage) indicator(el xEl, outer xSaid) (int32, error) {
	if ref, key := el.id("idref"); key != 0 {
		return p.graph.refer(key, ref), nil
	}
	id, key := el.id("id")
	rec := p.borrow()
	defer p.giveBack(rec)
	rec.said = p.says(el, id)
	if rec.said.Expires.IsZero() {
		rec.said.Expires = outer.Expires
	}
	if rec.said.Created.IsZero() {
		rec.said.Created = outer.Created
	}
	if rec.said.Confidence == 0 {
		rec.said.Confidence = outer.Confidence
	}
	if err := p.evidence(el, rec); err != nil {
		return xGone, err
	}
	if !el.child("Observable").ok() && !el.child("Composite_Indicator_Expression").ok() && !el.child("Test_Mechanisms").ok() {
		rec.nothing("indicator", jFirst(rec.said.Title, id))
	}
	if err := p.beside(el); err != nil {
		return xGone, err
	}
	if el.truth("negate") {
		rec.negate()
	}
	return p.graph.define(rec, false, key)
}

// says reads what an indicator says of all its values.
func (p *xPackage) says(el xEl, id string) xSaid {
	s := xSaid{id: id, from: true}
	s.Title, s.Description = el.child("Title").content(), el.child("Description").content()
	if s.Description == "" {
		s.Description = el.child("Short_Description").content()
	}
	s.Role = strings.Join(xTexts(el, "Type"), "; ")
	s.Confidence = xConfidence(el.path("Confidence", "Value").content())
	start, end := xValidity(el)
	if s.Created = xTime(el.attr("timestamp")); s.Created.IsZero() {
		s.Created = start
	}
	s.Expires = end
	return s
}

// evidence takes up what an indicator looks for. Several observables that no
// composition joins are alternatives.
func (p *xPackage) evidence(el xEl, rec *xRecord) error {
	for k := range el.kids {
		switch k.local() {
		case "Observable":
			i, err := p.observable(k, rec.said, false)
			if err != nil {
				return err
			}
			p.part(rec, i, xAlone)
		case "Composite_Indicator_Expression":
			take := func(k xEl) (int32, error) { return p.indicator(k, rec.said) }
			if err := p.operands(k, rec, "Indicator", take); err != nil {
				return err
			}
		case "Test_Mechanisms":
			for m := range k.kids {
				if m.local() == "Test_Mechanism" {
					rec.leaves = xMechanism(rec.leaves, m, &rec.said)
				}
			}
		}
	}
	return nil
}

// beside goes through the parts of an indicator that it does not look for:
// sightings, related indicators, the TTP and course of action written into it.
func (p *xPackage) beside(el xEl) error {
	for k := range el.kids {
		switch k.local() {
		case "Observable", "Composite_Indicator_Expression", "Test_Mechanisms", "Title", "Type", "Description", "Short_Description", "Confidence", "Valid_Time_Position":
			continue
		}
		if err := p.around(k, xObserved, nil); err != nil {
			return err
		}
	}
	return nil
}

// operands takes up the operands of a composition. Its operator is required;
// without a known one it is read as AND, which claims less.
func (p *xPackage) operands(el xEl, rec *xRecord, local string, take func(xEl) (int32, error)) error {
	first, n := len(rec.kids), 0
	for k := range el.kids {
		if k.local() != local {
			continue
		}
		i, err := take(k)
		if err != nil {
			return err
		}
		n++
		p.part(rec, i, xAlone)
	}
	if n > 1 && !strings.EqualFold(el.attr("operator"), "OR") {
		for i := range rec.kids[first:] {
			rec.kids[first+i].most = xTogether
		}
	}
	return nil
}

// part adds a part, if it is not done already. What is a part of another thing
// does not stand in the package by itself, though it may be listed there: a
// composition refers to its operands so.
func (p *xPackage) part(rec *xRecord, i int32, most xVerdict) {
	if i != xGone {
		rec.kids = append(rec.kids, xKid{i, most})
		p.graph.things[i].part = true
	}
}

// negate makes all of a thing what is not meant.
func (rec *xRecord) negate() {
	for i := range rec.leaves {
		rec.leaves[i].reason = Negated
	}
	for i := range rec.kids {
		rec.kids[i].most = xNegated
	}
}

// observable takes up an observable with all in it and returns the thing that
// it is, or that it refers to. by is what says it.
func (p *xPackage) observable(el xEl, by xSaid, root bool) (int32, error) {
	if ref, key := el.id("idref"); key != 0 {
		i := p.graph.refer(key, ref)
		if i == xGone || !el.truth("negate") {
			return i, nil
		}
		return p.graph.define(&xRecord{kids: []xKid{{i, xNegated}}}, false)
	}
	rec := p.borrow()
	defer p.giveBack(rec)
	id, _ := el.id("id")
	if rec.said.id = id; id == "" {
		rec.said.id = by.id
	}
	rec.said.Title, rec.said.Description = el.child("Title").content(), el.child("Description").content()
	for _, s := range xTexts(el.child("Keywords"), "Keyword") {
		p.about.tag(s)
	}
	if c := el.child("Observable_Composition"); c.ok() {
		said := rec.said
		take := func(k xEl) (int32, error) { return p.observable(k, said, false) }
		if err := p.operands(c, rec, "Observable", take); err != nil {
			return xGone, err
		}
	}
	if e := el.child("Event"); e.ok() {
		if err := p.event(e, rec); err != nil {
			return xGone, err
		}
	}
	return p.content(el, root, rec)
}

// content takes up the object of an observable. The two are one thing with two
// ids.
func (p *xPackage) content(el xEl, root bool, rec *xRecord) (int32, error) {
	o := el.child("Object")
	if ref, key := o.id("idref"); key != 0 {
		p.part(rec, p.graph.refer(key, ref), xAlone)
		o = xEl{}
	}
	keys := [2]uint64{}
	_, keys[0] = el.id("id")
	_, keys[1] = o.id("id")
	if err := p.fill(o, rec); err != nil {
		return xGone, err
	}
	if len(rec.leaves)+len(rec.kids) == 0 && p.bare(el, o) {
		rec.nothing("observable", jFirst(el.first(), rec.said.id))
	}
	declare(rec)
	if el.truth("negate") {
		rec.negate()
	}
	return p.graph.define(rec, root, keys[:]...)
}

// bare reports whether nothing stands in an observable where its values would:
// it has a title only, or the form of CybOX 1.
func (p *xPackage) bare(el, o xEl) bool {
	if _, ref := el.child("Object").id("idref"); ref != 0 {
		return false
	}
	if o.child("Properties").ok() && len(p.object.refs) > 0 {
		return false
	}
	c, e := el.child("Observable_Composition"), el.child("Event")
	return !c.child("Observable").ok() && !e.ok() && !o.child("Related_Objects").ok()
}

// nothing refuses a thing that names no value, so that it is not passed over in
// silence.
func (rec *xRecord) nothing(what ioc.Type, called string) {
	if called != "" {
		rec.leaves = append(rec.leaves, xLeaf{typ: what, value: jClip(called, jShown), reason: NoType})
	}
}

// event takes up the objects of an event. Each of them is a part of what
// happened, and counts with the others only.
func (p *xPackage) event(el xEl, rec *xRecord) error {
	for k := range el.kids {
		if k.local() != "Associated_Object" {
			if err := p.event(k, rec); err != nil {
				return err
			}
			continue
		}
		i, err := p.thing(k, rec.said)
		if err != nil {
			return err
		}
		p.part(rec, i, xTogether)
	}
	return nil
}

// thing takes up an object that stands in no observable, or its reference. by
// is what names it.
func (p *xPackage) thing(el xEl, by xSaid) (int32, error) {
	if ref, key := el.id("idref"); key != 0 {
		return p.graph.refer(key, ref), nil
	}
	id, key := el.id("id")
	rec := p.borrow()
	defer p.giveBack(rec)
	rec.said.id = jFirst(id, by.id)
	if err := p.fill(el, rec); err != nil {
		return xGone, err
	}
	return p.graph.define(rec, false, key)
}

// fill puts into rec what an object holds: its fields, the objects that its
// fields refer to, and those that are related to it.
func (p *xPackage) fill(o xEl, rec *xRecord) error {
	if !o.ok() {
		return nil
	}
	kind := ""
	if props := o.child("Properties"); props.ok() {
		p.object.read(props, rec)
		kind = p.object.kind
		for _, ref := range p.object.refs {
			if id, key := ref.id("object_reference"); key != 0 {
				p.part(rec, p.graph.refer(key, id), xAlone)
			}
		}
	}
	for k := range o.child("Related_Objects").kids {
		if k.local() != "Related_Object" {
			continue
		}
		most := cyRelated(k.child("Relationship").content(), kind, k)
		if _, ref := k.id("idref"); ref != 0 && most == xBenign {
			continue // says nothing of it; it is judged where it stands
		}
		i, err := p.thing(k, rec.said)
		if err != nil {
			return err
		}
		p.part(rec, i, most)
	}
	return nil
}

// declare keeps the name of the type that OTX writes before the value in the
// title ("hostname - www.example.com"), the only place where its domains and
// host names differ. It is that of the values of this type.
func declare(rec *xRecord) {
	word, _, ok := strings.Cut(rec.said.Title, " - ")
	if !ok {
		return
	}
	t, ok := ioc.FromOTX(word)
	for i := range rec.leaves {
		if l := &rec.leaves[i]; ok && l.typ == t && l.declared == "" {
			l.declared = strings.TrimSpace(word)
		}
	}
}

// xMechanism adds the rules of a test mechanism. A rule alone makes its
// indicator true.
func xMechanism(leaves []xLeaf, m xEl, s *xSaid) []xLeaf {
	kind, _ := m.xsiType()
	if kind != "YaraTestMechanismType" {
		name := strings.ToLower(jFirst(strings.TrimSuffix(kind, "TestMechanismType"), "test mechanism"))
		return append(leaves, xLeaf{typ: ioc.Type(name), value: jFirst(s.Title, s.id), reason: OtherPattern})
	}
	for _, rule := range xTexts(m, "Rule") {
		leaves = append(leaves, xLeaf{typ: ioc.YARA, value: jFirst(jFirst(yaraName(rule), s.Title), jClip(rule, jShown)), content: rule})
	}
	return leaves
}
