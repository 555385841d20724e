package stix

import (
	"math"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// gNamed are the types of objects that say by their names what an indicator is
// of.
var gNamed = map[string]bool{
	"malware": true, "tool": true, "threat-actor": true, "intrusion-set": true, "campaign": true, "attack-pattern": true, "infrastructure": true, "vulnerability": true,
}

// gSTIX are the types of STIX 2 that are never an observable.
var gSTIX = map[string]bool{
	"malware": true, "tool": true, "threat-actor": true, "intrusion-set": true, "campaign": true, "attack-pattern": true, "infrastructure": true,
	"report": true, "grouping": true, "identity": true, "marking-definition": true, "relationship": true, "sighting": true, "course-of-action": true,
	"incident": true, "location": true, "malware-analysis": true, "note": true, "opinion": true, "language-content": true, "extension-definition": true,
	"bundle": true,
}

// gThing is what an object says that others refer to.
type gThing struct {
	node   int32
	typ    string
	name   string
	tlp    string      // of a marking definition; of a report, once it has been told from marks
	report *ioc.Report // of a report, or of a technique: what it says besides
	marks  []string    // of a report: the ids of its markings
	author string      // of a report: the id of who made it
}

// name notes what the object at i, which has just been parsed, is called. A
// newer version takes the place of the one before.
func (g *Graph) name(i int32) {
	o := &g.obj
	t := gThing{node: i, typ: o.typ, name: o.text(jName)}
	switch o.typ {
	case "report", "grouping":
		t.report, t.marks, t.author = o.report(), o.texts(jMarkings), o.text(jCreatedBy)
	case "attack-pattern":
		var r ioc.Report
		o.describe(&r)
		if len(r.Techniques) > 0 {
			t.name = r.Techniques[0]
		}
	case "vulnerability":
		t.name = jFirst(o.cve(), t.name)
	case "marking-definition":
		t.tlp = o.tlp()
	}
	if n := &g.nodes[i]; n.thing > 0 {
		g.things[n.thing-1] = t
	} else {
		g.things = append(g.things, t)
		n.thing = int32(len(g.things))
	}
}

// report returns what a report says of itself.
func (o *jObject) report() *ioc.Report {
	r := &ioc.Report{ID: o.id, Name: o.text(jName), Description: o.text(jDescription), Tags: jDistinct(o.texts(jLabels))}
	r.Created, r.Modified = o.time(jPublished), o.time(jModified)
	if r.Created.IsZero() {
		r.Created = o.time(jCreated)
	}
	o.describe(r)
	if r.URL == "" && len(r.References) > 0 && strings.HasPrefix(r.References[0], "http") {
		r.URL = r.References[0]
	}
	return r
}

// gMarkings are the marking definitions that are the same everywhere: TLP 1
// (STIX 2.1 §7.2.1.4) and TLP 2 (OASIS CTI TC, "TLP 2.0 extension").
var gMarkings = map[string]string{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}

// tlp returns the TLP marking that a marking definition is: by its definition,
// by the extension of TLP 2, or by its name or statement; "" if it is another.
func (o *jObject) tlp() string {
	said := []string{o.text(jName)}
	note := func(key string, val []byte) {
		if key == "tlp" || key == "tlp_2_0" || key == "statement" {
			said = append(said, jText(val))
		}
	}
	jMembers(o.prop[jDefinition], note)
	jMembers(o.prop[jExtensions], func(_ string, val []byte) { jMembers(val, note) })
	strictest := ""
	for _, s := range said {
		s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "tlp:")
		switch s {
		case "white", "clear", "green", "amber", "amber+strict", "red":
			strictest = ioc.StricterTLP(strictest, s)
		}
	}
	return strictest
}

// tlpOf returns the strictest TLP marking among marking definitions.
func (g *Graph) tlpOf(marks []string) string {
	tlp := ""
	for _, id := range marks {
		if m := gMarkings[id]; m != "" {
			tlp = ioc.StricterTLP(tlp, m)
		} else if t := g.thing(g.find(id)); t != nil {
			tlp = ioc.StricterTLP(tlp, t.tlp)
		}
	}
	return tlp
}

// thing returns what the node at i is called, nil if that is not known.
func (g *Graph) thing(i int32) *gThing {
	if i < 0 || g.nodes[i].thing == 0 || g.nodes[i].flags&gRevoked != 0 {
		return nil
	}
	return &g.things[g.nodes[i].thing-1]
}

// nameOf returns the name of the object with that id.
func (g *Graph) nameOf(id string) string {
	if id == "" {
		return ""
	}
	if t := g.thing(g.find(id)); t != nil {
		return t.name
	}
	return ""
}

// gAbout gathers what is said of one indicator, or of the whole.
type gAbout struct {
	*Graph
	ioc.Report
	actors []string
	left   int // how much more may be said
}

// gMaxSaid is how many references are followed, and lines of reports taken, to
// find out what is said of one indicator: a report that lists thousands of
// names would otherwise give all of them to each of its indicators. Where that
// ends gMore says so, as a tag or as the last one of the list.
const (
	gMaxSaid = 500
	gMore    = "and more than 500 others"
)

// about returns all that is known of an indicator as a report of its own. A
// report that lists it, such as a pulse, names it: the indicator's own name is
// the title of its members.
func (g *Graph) about(i int32, o *jObject) *ioc.Report {
	a := gAbout{Graph: g, left: gMaxSaid}
	r := &a.Report
	r.ID, r.Author, r.TLP = o.id, g.nameOf(o.text(jCreatedBy)), g.tlpOf(o.texts(jMarkings))
	r.Created, r.Modified = o.time(jCreated), o.time(jModified)
	if o.prop[jIndicatorTypes] != nil {
		r.Tags = o.texts(jLabels) // in STIX 2.0 labels are the types
	}
	o.describe(r)
	if i >= 0 {
		a.each(i, true)
	}
	r.Name = jFirst(r.Name, o.text(jName))
	r.Description = jFirst(r.Description, o.text(jDescription))
	return a.tidy()
}

// each adds what is said of the node at i, by those that still say so, in the
// order in which it was said.
func (a *gAbout) each(i int32, onward bool) {
	for e := a.nodes[i].first; e > 0; e = a.edges[e-1].next {
		if a.left--; a.left < 0 {
			a.Tags = append(a.Tags, gMore)
			return
		}
		edge := &a.edges[e-1]
		if via := &a.nodes[edge.via]; via.ver == edge.ver && via.flags&gRevoked == 0 {
			a.add(edge.to, onward)
		}
	}
}

// add adds what the object at i says: by its name, or, being a report, by what
// it lists, and one step on by those to whom it is attributed.
func (a *gAbout) add(i int32, onward bool) {
	t := a.thing(i)
	if t == nil {
		return
	}
	switch t.typ {
	case "malware", "tool":
		a.Families = append(a.Families, t.name)
	case "threat-actor", "intrusion-set":
		a.actors = append(a.actors, t.name)
	case "attack-pattern":
		a.Techniques = append(a.Techniques, t.name)
	case "campaign", "infrastructure", "vulnerability":
		a.Tags = append(a.Tags, t.name)
	case "report", "grouping":
		a.merge(t)
	}
	if onward {
		a.each(i, false)
	}
}

// merge adds what a report says of itself. The first one gives the name.
func (a *gAbout) merge(t *gThing) {
	a.Name, a.Description, a.URL = jFirst(a.Name, t.name), jFirst(a.Description, t.report.Description), jFirst(a.URL, t.report.URL)
	a.Author = jFirst(a.Author, a.nameOf(t.author))
	if t.marks != nil { // once for all its indicators
		t.tlp, t.marks = a.tlpOf(t.marks), nil
	}
	a.TLP = ioc.StricterTLP(a.TLP, t.tlp)
	a.Tags = append(a.Tags, a.some(t.report.Tags)...)
	a.References = append(a.References, a.some(t.report.References)...)
	a.Techniques = append(a.Techniques, a.some(t.report.Techniques)...)
}

// some returns as much of a report's list as may be taken.
func (a *gAbout) some(list []string) []string {
	if a.left -= len(list); a.left >= 0 {
		return list
	}
	return append(slices.Clone(list[:max(0, len(list)+a.left)]), gMore)
}

// tidy returns the report without what it says twice, and what says nothing.
func (a *gAbout) tidy() *ioc.Report {
	r := &a.Report
	for _, list := range []*[]string{&r.Tags, &r.References, &r.Families, &r.Techniques, &a.actors} {
		*list = slices.DeleteFunc(jDistinct(*list), func(s string) bool { return s == "" })
		if len(*list) == 0 {
			*list = nil
		}
	}
	r.Adversary = strings.Join(a.actors, ", ")
	return r
}

// common notes what an indicator says that About tells of the whole.
func (g *Graph) common(o *jObject) {
	if g.o.Each {
		return
	}
	if g.author == "" {
		g.author = g.nameOf(o.text(jCreatedBy))
	}
	if tlp := g.tlpOf(o.texts(jMarkings)); tlp != "" {
		g.tlp = ioc.StricterTLP(g.tlp, tlp)
	}
	if m := o.time(jModified); m.After(g.newest) {
		g.newest = m
	}
}

// About returns what the whole says of itself, when all has been read: for
// whoever takes it as one report. It is nil if nothing was said. Where there
// are several reports the first one gives the name, and the id if it is alone.
func (g *Graph) About() *ioc.Report {
	a := gAbout{Graph: g, left: math.MaxInt}
	var reports []*gThing
	for i := range g.things {
		t := &g.things[i]
		if g.nodes[t.node].flags&gRevoked != 0 || t.typ == "vulnerability" { // which is a value itself
			continue
		}
		a.add(t.node, false)
		if t.report != nil {
			reports = append(reports, t)
		}
	}
	a.Author, a.TLP = jFirst(a.Author, g.author), ioc.StricterTLP(a.TLP, g.tlp)
	r := a.tidy()
	if gEmpty(r) {
		return nil
	}
	r.Modified = g.newest
	if len(reports) > 0 {
		r.Created, r.Modified = reports[0].report.Created, reports[0].report.Modified
	}
	if len(reports) == 1 {
		r.ID = reports[0].report.ID
	}
	return r
}

func gEmpty(r *ioc.Report) bool {
	return r.Name+r.Author+r.Adversary+r.TLP+r.URL+r.Description == "" && r.Tags == nil && r.References == nil && r.Families == nil && r.Techniques == nil
}
