package stix

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// jObject is an object of STIX 2 with those properties that we use, of all its
// types: each as it stands in the text, nil where it does not stand there.
type jObject struct {
	raw  []byte
	typ  string
	id   string
	prop [jProps][]byte
}

// The properties that we use.
const (
	jName = iota
	jDescription
	jPattern
	jPatternType
	jRevoked
	jLabels
	jIndicatorTypes
	jValidFrom
	jValidUntil
	jCreated
	jModified
	jPublished
	jConfidence
	jExternal
	jKillChain
	jCreatedBy
	jMarkings
	jObjectRefs
	jRelationship
	jSource
	jTarget
	jDefinition
	jExtensions
	jObjects
	jValue
	jHashes
	jMore
	jNext
	jProps
)

var jKeys = map[string]int{
	"name": jName, "description": jDescription, "pattern": jPattern, "pattern_type": jPatternType, "revoked": jRevoked,
	"labels": jLabels, "indicator_types": jIndicatorTypes, "valid_from": jValidFrom, "valid_until": jValidUntil,
	"created": jCreated, "modified": jModified, "published": jPublished, "confidence": jConfidence,
	"external_references": jExternal, "kill_chain_phases": jKillChain, "created_by_ref": jCreatedBy,
	"object_marking_refs": jMarkings, "object_refs": jObjectRefs, "relationship_type": jRelationship,
	"source_ref": jSource, "target_ref": jTarget, "definition": jDefinition, "extensions": jExtensions,
	"objects": jObjects, "value": jValue, "hashes": jHashes, "more": jMore, "next": jNext,
}

// parse reads raw, which is valid JSON. The object is good as long as raw is.
func (o *jObject) parse(raw []byte) {
	*o = jObject{raw: raw}
	jMembers(raw, func(key string, val []byte) {
		switch key {
		case "type":
			o.typ = strings.ToLower(jText(val)) // some producers write "Indicator"
		case "id":
			o.id = jText(val)
		default:
			if i, ok := jKeys[key]; ok {
				o.prop[i] = val
			}
		}
	})
}

func (o *jObject) text(prop int) string    { return jText(o.prop[prop]) }
func (o *jObject) texts(prop int) []string { return jTexts(o.prop[prop]) }
func (o *jObject) time(prop int) time.Time { return jTime(o.prop[prop]) }

// item returns an item of o, of the report with that key, with what o claims of
// all of its values.
func (o *jObject) item(report string) Item {
	i := Item{ID: o.id}
	i.Report = report
	i.Title, i.Description = o.text(jName), o.text(jDescription)
	i.Confidence = jPercent(o.prop[jConfidence])
	i.Created, i.Expires = o.time(jValidFrom), o.time(jValidUntil)
	i.Role = o.role()
	return i
}

// refusal returns an item that says what of o is left out, and why.
func (o *jObject) refusal(report, value, reason, detail string) *Item {
	i := &Item{ID: o.id, Refused: reason, Detail: detail}
	i.Report, i.Value = report, jClip(value, jShown)
	return i
}

// jShown is how much of a pattern, or of an object, a refusal shows.
const jShown = 500

// role says what an indicator is of: its types, which STIX 2.0 has as labels,
// and the phases of the kill chains.
func (o *jObject) role() string {
	words := o.texts(jIndicatorTypes)
	if words == nil {
		words = o.texts(jLabels)
	}
	jElements(o.prop[jKillChain], func(val []byte) {
		jMembers(val, func(key string, val []byte) {
			if phase := jText(val); key == "phase_name" && phase != "" {
				words = append(words, phase)
			}
		})
	})
	return strings.Join(jDistinct(words), "; ")
}

// jDistinct returns a list without what it says twice.
func jDistinct(list []string) []string {
	if len(list) < 2 {
		return list
	}
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}

// jReference is one of an object's external references.
type jReference struct{ source, id, url string }

func (o *jObject) references() []jReference {
	var out []jReference
	jElements(o.prop[jExternal], func(val []byte) {
		var r jReference
		jMembers(val, func(key string, val []byte) {
			switch key {
			case "source_name":
				r.source = jText(val)
			case "external_id":
				r.id = jText(val)
			case "url":
				r.url = jText(val)
			}
		})
		if r != (jReference{}) {
			out = append(out, r)
		}
	})
	return out
}

// show is a reference for people.
func (r *jReference) show() string {
	switch {
	case r.url != "":
		return r.url
	case r.source != "" && r.id != "" && !strings.HasPrefix(r.id, r.source):
		return r.source + " " + r.id
	}
	return jFirst(r.id, r.source)
}

func jFirst(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// jTechnique is the id of a technique or sub-technique of ATT&CK.
var jTechnique = regexp.MustCompile(`^T\d{4}(?:\.\d{3})?$`)

// describe adds to a report what an object's references say: techniques of
// ATT&CK, where to read on, and the page of the publisher itself.
func (o *jObject) describe(r *ioc.Report) {
	for _, ref := range o.references() {
		if jTechnique.MatchString(ref.id) {
			r.Techniques = append(r.Techniques, ref.id)
			continue
		}
		if strings.Contains(ref.url, "/pulse/") { // OTX's page of a pulse
			r.URL = jFirst(r.URL, ref.url)
		}
		r.References = append(r.References, ref.show())
	}
}

// cve returns the CVE id that a vulnerability has, and "" if it has none.
func (o *jObject) cve() string {
	for _, ref := range o.references() {
		if strings.EqualFold(ref.source, "cve") && ref.id != "" {
			return ref.id
		}
	}
	if name := strings.TrimSpace(o.text(jName)); len(name) > 4 && strings.EqualFold(name[:4], "CVE-") {
		return name
	}
	return ""
}
