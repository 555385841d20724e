package indices

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// rulesVersion is part of FieldsKey. Raise it when values of a field are read by
// other rules than before, so that what was hunted is hunted again.
const rulesVersion = 1

// fieldMap returns the fields wanted of a source: the map's in their order, those
// of the source in the place of the one of the same name, or behind.
func fieldMap(base, own []Field) []Field {
	out := slices.Clone(base)
	for _, f := range own {
		if i := slices.IndexFunc(out, func(x Field) bool { return x.Name == f.Name }); i >= 0 {
			out[i] = f
		} else {
			out = append(out, f)
		}
	}
	return slices.DeleteFunc(out, func(f Field) bool { return len(f.Types) == 0 })
}

// facts are what of a field only this package needs to know.
type facts struct {
	limit     int      // length up to which values are indexed
	untold    bool     // the server does not tell of values beyond limit
	folded    string   // normalizer of the values in the index, which are then not those of the document
	nested    string   // path of the nested object
	docValues bool     // docvalue_fields gives its values
	derived   bool     // values may come from elsewhere than _source at its name
	enum      bool     // _terms_enum knows it
	source    bool     // it can be read from _source alone
	flat      bool     // all leaves below it are its values
	constant  string   // the value that every document has
	ignored   []string // under which _ignored may list it
	beyond    bool     // it is not mapped, and where it is all the same, _ignored tells
}

// resolve says what an index can do with a field; ok is false where no document
// can have it.
func (m *mapping) resolve(f Field, flavor string) (x IndexField, ok bool) {
	k, alias, ok := m.lookup(f.Name)
	if !ok {
		x = IndexField{Field: f}
		x.facts.source = m.mayBeInSource(f.Name)
		if !x.facts.source && m.beyond {
			x.facts.beyond, x.facts.ignored = true, ancestry(f.Name)
		}
		return x, x.facts.source || x.facts.beyond
	}
	x = IndexField{Field: f, Kind: k.Type, Runtime: k.runtime, Alias: alias}
	x.facts.derived = alias || k.runtime || k.copied || len(k.NullValue) > 0
	x.facts.nested = k.nested
	x.facts.flat = k.within == "" && (k.Type == "flattened" || k.Type == "flat_object")
	x.facts.ignored = ancestry(k.name)
	if k.Type == "constant_keyword" {
		x.facts.constant = k.Value
	}
	x.searchBy(m, k, flavor)
	if alias {
		x.facts.ignored = append(x.facts.ignored, f.Name)
	}
	return x, true
}

// searchBy decides which field takes the queries, and what they can be.
func (x *IndexField) searchBy(m *mapping, k known, flavor string) {
	if isText(k.Type) {
		sub, ok := m.keyword(k.name, k.property)
		if !ok {
			x.Indexed = !isFalse(k.Index)
			x.facts.source = true
			return
		}
		k = sub
		x.facts.ignored = append(x.facts.ignored, k.name)
	}
	x.Search, x.SearchKind = k.name, k.Type
	x.Indexed = k.runtime || !isFalse(k.Index)
	x.facts.docValues = !isFalse(k.DocValues) && (k.Type == "keyword" || k.Type == "ip")
	x.Aggregatable = x.facts.docValues || k.runtime || !isFalse(k.DocValues) && (k.Type == "version" || k.Type == "wildcard" || k.Type == "flattened")
	x.facts.folded = k.Normalizer
	x.facts.limit = k.limit()
	if k.limit() < maxTerm {
		// OpenSearch says nothing of values that are too long, nor does a flattened field.
		x.facts.untold = flavor == es.OpenSearch || k.Type == "flattened"
	}
	if flavor == es.OpenSearch && (k.Type == "flat_object" || k.Type == "wildcard") {
		x.Aggregatable = x.Aggregatable && k.Type == "wildcard" && k.DocValues == true
	}
	x.facts.enum = flavor == es.Elasticsearch && x.Indexed && !k.runtime && (enumerable[k.Type] || k.within != "")
	if !searchable[k.Type] && !k.runtime || !x.Indexed || x.facts.untold || x.facts.folded != "" {
		x.facts.source = true
	}
}

// enumerable are the kinds of which _terms_enum lists the values. Of any other it
// gives an empty list, and says that this is all.
var enumerable = map[string]bool{"keyword": true, "ip": true, "version": true}

// searchable are the kinds that answer queries for whole values.
var searchable = map[string]bool{"keyword": true, "constant_keyword": true, "ip": true, "version": true, "wildcard": true, "flattened": true}

func isText(kind string) bool {
	return kind == "text" || kind == "match_only_text" || kind == "pattern_text" || kind == "annotated_text" || kind == "search_as_you_type"
}

// ancestry returns the name of a field and of the objects it is in.
func ancestry(name string) []string {
	out := []string{name}
	for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		out = append(out, name[:at])
	}
	return out
}

// fieldsKey returns a hash of all that decides what is found in an index.
func fieldsKey(fields []IndexField) string {
	h := sha256.New()
	fmt.Fprintln(h, rulesVersion)
	for _, f := range fields {
		fmt.Fprintf(h, "%q %q %q %q %q %q %v %s %q\n", f.Name, f.Types, f.Prefix, f.Port, f.Unless, f.UnlessTypes, f.Text, f.Kind, f.facts.constant)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// always returns the types that are looked for in every document that has the
// field, conditional those only where Unless is missing.
func (f *Field) always() []ioc.Type {
	if f.Unless == "" {
		return f.Types
	}
	return without(f.Types, f.conditional())
}

func (f *Field) conditional() []ioc.Type {
	switch {
	case f.Unless == "":
		return nil
	case len(f.UnlessTypes) == 0:
		return both(f.Types, []ioc.Type{ioc.Domain})
	}
	return both(f.Types, f.UnlessTypes)
}

func without(all, some []ioc.Type) (out []ioc.Type) {
	for _, t := range all {
		if !slices.Contains(some, t) {
			out = append(out, t)
		}
	}
	return out
}

func both(all, some []ioc.Type) (out []ioc.Type) {
	for _, t := range all {
		if slices.Contains(some, t) {
			out = append(out, t)
		}
	}
	return out
}
