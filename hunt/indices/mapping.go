package indices

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
)

// property is one object of a mapping, as the cluster gives it.
type property struct {
	Type        string              `json:"type"`
	Properties  map[string]property `json:"properties"`
	Fields      map[string]property `json:"fields"`
	Index       any                 `json:"index"`
	DocValues   any                 `json:"doc_values"`
	Enabled     any                 `json:"enabled"`
	Dynamic     any                 `json:"dynamic"`
	IgnoreAbove *int                `json:"ignore_above"`
	Normalizer  string              `json:"normalizer"`
	NullValue   json.RawMessage     `json:"null_value"`
	CopyTo      any                 `json:"copy_to"`
	Path        string              `json:"path"`
	Value       string              `json:"value"` // of a constant_keyword
}

// mappingBody is the mapping of an index.
type mappingBody struct {
	property
	Runtime map[string]property `json:"runtime"`
	Source  struct {
		Enabled  any      `json:"enabled"`
		Includes []string `json:"includes"`
		Excludes []string `json:"excludes"`
	} `json:"_source"`
}

// known is one field of an index by its full name.
type known struct {
	property
	name    string
	runtime bool
	nested  string // path of the nested object it is in
	copied  bool   // another field is copied into it
	within  string // the flattened field of which it is a key
}

// mapping is the flat form of a mapping.
type mapping struct {
	fields     map[string]known
	objects    map[string]string // dynamic of each object, "" is the root; "disabled" where nothing below it is read
	opaque     map[string]known  // flattened fields and their kin: what is below them is keys
	sourceLess bool              // _source is not kept, or not in full
	beyond     bool              // fields beyond the limit of fields stand in _source alone, and in _ignored
}

// flatten makes a mapping of what the cluster says.
func flatten(body mappingBody) mapping {
	m := mapping{fields: make(map[string]known), objects: make(map[string]string), opaque: make(map[string]known)}
	m.objects[""] = dynamic(body.property, "true")
	if isFalse(body.Enabled) {
		m.objects[""] = "disabled"
	}
	m.add("", body.Properties, m.objects[""], "")
	for name, p := range body.Runtime {
		m.fields[name] = known{property: p, name: name, runtime: true}
	}
	m.copies(body.Properties)
	m.sourceLess = isFalse(body.Source.Enabled) || len(body.Source.Includes)+len(body.Source.Excludes) > 0
	return m
}

func dynamic(p property, inherited string) string {
	switch d := p.Dynamic.(type) {
	case bool:
		if d {
			return "true"
		}
		return "false"
	case string:
		return strings.ToLower(d)
	}
	return inherited
}

// isFalse reads a switch, which may be a text.
func isFalse(v any) bool { return v == false || v == "false" }

func (m *mapping) add(prefix string, props map[string]property, dyn, nested string) {
	for _, key := range slices.Sorted(maps.Keys(props)) {
		p := props[key]
		name := prefix + key
		switch {
		case isFalse(p.Enabled):
			m.objects[name] = "disabled"
		case p.Type == "flattened" || p.Type == "flat_object":
			k := known{property: p, name: name, nested: nested}
			m.fields[name], m.opaque[name] = k, k
		case p.Properties != nil || p.Type == "object" || p.Type == "nested" || p.Type == "passthrough":
			m.object(name, p, dyn, nested)
		default:
			m.leaf(name, p, nested)
		}
	}
}

func (m *mapping) object(name string, p property, dyn, nested string) {
	if p.Type == "nested" {
		nested = name
	}
	m.objects[name] = dynamic(p, dyn)
	m.add(name+".", p.Properties, m.objects[name], nested)
	if p.Type != "passthrough" {
		return
	}
	for full := range m.fields { // its fields go by their short names too
		if short, ok := strings.CutPrefix(full, name+"."); ok {
			if _, taken := m.fields[short]; !taken {
				m.fields[short] = known{name: short, property: property{Type: "alias", Path: full}}
			}
		}
	}
}

func (m *mapping) leaf(name string, p property, nested string) {
	m.fields[name] = known{property: p, name: name, nested: nested}
	for key, sub := range p.Fields {
		full := name + "." + key
		m.fields[full] = known{property: sub, name: full, nested: nested}
	}
}

// copies marks the fields that others are copied into.
func (m *mapping) copies(props map[string]property) {
	for _, p := range props {
		for _, to := range texts(p.CopyTo) {
			if k, ok := m.fields[to]; ok {
				k.copied = true
				m.fields[to] = k
			}
		}
		m.copies(p.Properties)
	}
}

// texts reads a text or a list of them.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			out = append(out, texts(x)...)
		}
	}
	return out
}

// lookup returns the field of that name, an alias resolved.
func (m *mapping) lookup(name string) (k known, alias, ok bool) {
	k, ok = m.fields[name]
	if ok && k.Type == "alias" {
		k, ok = m.fields[k.Path]
		return k, true, ok
	}
	if ok {
		return k, false, true
	}
	for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		if root, found := m.opaque[name[:at]]; found {
			root.within, root.name = root.name, name
			return root, false, true
		}
	}
	return known{}, false, false
}

// mayBeInSource reports whether a document may hold a field of that name that
// the mapping does not have.
func (m *mapping) mayBeInSource(name string) bool {
	for at := len(name); ; at = strings.LastIndexByte(name[:at], '.') {
		if at < 0 {
			return m.objects[""] == "false" || m.objects[""] == "disabled"
		}
		switch m.objects[name[:at]] {
		case "disabled", "false":
			return true
		case "":
		default:
			return false
		}
	}
}

// keyword returns the field beside the text name that holds the whole of its
// values, of several the one that holds the longest.
func (m *mapping) keyword(name string, p property) (known, bool) {
	var best []known
	for key, sub := range p.Fields {
		if (sub.Type == "keyword" || sub.Type == "wildcard") && sub.Normalizer == "" && !isFalse(sub.Index) {
			best = append(best, m.fields[name+"."+key])
		}
	}
	if len(best) == 0 {
		return known{}, false
	}
	return slices.MaxFunc(best, func(a, b known) int {
		return cmp.Or(cmp.Compare(a.limit(), b.limit()), cmp.Compare(b.name, a.name))
	}), true
}

// limit returns the length up to which values are indexed.
func (k *known) limit() int {
	if k.IgnoreAbove == nil || *k.IgnoreAbove >= maxTerm {
		return math.MaxInt
	}
	return *k.IgnoreAbove
}

// maxTerm is the length, in bytes, of the longest term that Lucene takes. A
// document with a longer one is refused by the cluster.
const maxTerm = 32766
