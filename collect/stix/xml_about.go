package stix

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// xAbout gathers what a package tells of itself.
type xAbout struct {
	ioc.Report
	pulse string
	seen  map[string]bool // what a list has, by list and text
}

// report returns what was gathered.
func (a *xAbout) report() ioc.Report {
	r := a.Report
	if a.pulse != "" {
		r.ID = a.pulse
	}
	return r
}

// add adds a text to a list that does not have it.
func (a *xAbout) add(list *[]string, name byte, text string) {
	text = strings.TrimSpace(text)
	key := string(name) + text
	if text == "" || a.seen[key] {
		return
	}
	a.seen[key] = true
	*list = append(*list, key[1:]) // a copy: the text is a part of its element's
}

func (a *xAbout) tag(text string)    { a.add(&a.Tags, 't', text) }
func (a *xAbout) family(text string) { a.add(&a.Families, 'f', text) }

// actor adds an adversary; Report has one text for all of them.
func (a *xAbout) actor(name string) {
	var one []string
	if a.add(&one, 'a', name); len(one) == 0 {
		return
	}
	if a.Adversary != "" {
		a.Adversary += ", "
	}
	a.Adversary += one[0]
}

// mark notes a TLP marking (tlpMarking:TLPMarkingStructureType): the strictest
// one that a package has anywhere is that of the package.
func (a *xAbout) mark(color string) {
	switch c := strings.ToLower(color); c {
	case "white", "clear", "green", "amber", "amber+strict", "red":
		a.TLP = ioc.StricterTLP(a.TLP, c)
	}
}

// otxPulse finds the page of a pulse, which OTX writes as the short description.
var otxPulse = regexp.MustCompile(`^https://otx\.alienvault\.com/pulse/([0-9a-zA-Z]{1,64})/?$`)

// header takes up a STIX_Header, or since STIX 1.2 the Header of a Report. What
// was said first counts.
func (p *xPackage) header(el xEl) {
	a := &p.about
	a.Name = jFirst(a.Name, el.child("Title").content())
	short := el.child("Short_Description").content()
	if m := otxPulse.FindStringSubmatch(short); m != nil && a.pulse == "" {
		a.pulse, a.URL, short = m[1], short, ""
	}
	a.Description = jFirst(a.Description, jFirst(el.child("Description").content(), short))
	for _, local := range []string{"Package_Intent", "Intent"} {
		for _, s := range xTexts(el, local) {
			a.tag(s)
		}
	}
	a.source(el.child("Information_Source"))
	a.marks(el.child("Handling"))
}

// source takes up who made a package, when, and out of what.
func (a *xAbout) source(el xEl) {
	name := el.path("Identity", "Name").content()
	for k := range el.child("Contributing_Sources").kids {
		name = jFirst(name, k.path("Identity", "Name").content())
	}
	a.Author = jFirst(a.Author, name)
	if a.Created.IsZero() {
		a.Created = xTime(el.path("Time", "Produced_Time").content())
	}
	for _, s := range xTexts(el.child("References"), "Reference") {
		a.add(&a.References, 'r', s)
	}
}

func (a *xAbout) marks(el xEl) {
	for k := range el.kids {
		if k.local() == "Marking_Structure" {
			a.mark(k.attr("color"))
		}
		a.marks(k)
	}
}

// attackID finds the id of a technique of ATT&CK at the beginning of a title.
var attackID = regexp.MustCompile(`^T\d{4}(?:\.\d{3})?\b`)

// ttp takes up the names in a TTP: malware, of which one without a name is
// called as the TTP is, and techniques.
func (a *xAbout) ttp(el xEl) {
	title := el.child("Title").content()
	for m := range el.path("Behavior", "Malware").kids {
		names := xTexts(m, "Name")
		if len(names) == 0 {
			names = []string{jFirst(m.child("Title").content(), title)}
		}
		for _, n := range names {
			a.family(n)
		}
	}
	for m := range el.path("Behavior", "Attack_Patterns").kids {
		a.add(&a.Techniques, 'm', m.attr("capec_id"))
		a.add(&a.Techniques, 'm', attackID.FindString(jFirst(m.child("Title").content(), title)))
	}
}

// xIDText writes an id for outside: with its namespace in place of the prefix,
// which is a document's own affair.
func xIDText(id, space string) string {
	if space == "" {
		return id
	}
	_, local, ok := strings.Cut(id, ":")
	if !ok {
		local = id
	}
	return "{" + space + "}" + local
}

// xWords is the scale of stixVocabs:HighMediumLowVocab in numbers, as STIX 2.1
// Appendix A ("None / Low / Med / High") has it. Unknown is no statement.
var xWords = map[string]uint8{"none": 0, "low": 15, "med": 50, "medium": 50, "high": 85}

// xConfidence reads a confidence: a word of the scale, or a percentage.
func xConfidence(s string) uint8 {
	if s = strings.ToLower(strings.TrimSpace(s)); s == "" {
		return 0
	}
	if n, ok := xWords[s]; ok {
		return n
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	if err != nil || !(n >= 0 && n <= 100) { // not a number is neither
		return 0
	}
	return uint8(n)
}

// xValidity returns when an indicator begins to hold, and when it ends: the
// latest end of several, never if one of them has none.
func xValidity(el xEl) (start, end time.Time) {
	open := false
	for k := range el.kids {
		if k.local() != "Valid_Time_Position" {
			continue
		}
		if s := xTime(k.child("Start_Time").content()); start.IsZero() || !s.IsZero() && s.Before(start) {
			start = s
		}
		until := k.child("End_Time")
		e := xEnd(xTime(until.content()), until.attr("precision"))
		open = open || e.IsZero()
		if e.After(end) {
			end = e
		}
	}
	if open {
		end = time.Time{}
	}
	return start, end
}

// xEnd returns the end of the day, month and so on that a time means which is
// no more precise (stixCommon:DateTimeWithPrecisionType).
func xEnd(t time.Time, precision string) time.Time {
	if t.IsZero() {
		return t
	}
	switch precision {
	case "year":
		return t.AddDate(1, 0, 0)
	case "month":
		return t.AddDate(0, 1, 0)
	case "day":
		return t.AddDate(0, 0, 1)
	case "hour":
		return t.Add(time.Hour)
	case "minute":
		return t.Add(time.Minute)
	}
	return t
}

var xLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", time.DateOnly}

// xTime reads a time (xs:dateTime) with any number of fraction digits; without
// a zone it is UTC. What is none gives the zero time.
func xTime(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}
	}
	for _, l := range xLayouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
