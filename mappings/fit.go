package mappings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tree is a JSON object as encoding/json decodes it.
type Tree = map[string]any

// standIns says what a field becomes on a server that does not know its type,
// from the best to the one that every server has. What a stand-in does not know
// of the field's parameters is left out.
var standIns = map[string][]Tree{
	"wildcard":         {{"type": "keyword"}},
	"constant_keyword": {{"type": "keyword"}},
	"version":          {{"type": "keyword"}},
	"match_only_text":  {{"type": "text", "norms": false}},
	"unsigned_long":    {{"type": "long"}},
	"flattened":        {{"type": "flat_object"}, {"type": "object", "enabled": false}},
}

// Optional returns the types of fields that not every server has and that Fit
// may ask for.
func Optional() []string {
	types := slices.Collect(maps.Keys(standIns))
	for _, chain := range standIns {
		for _, s := range chain[:len(chain)-1] {
			types = append(types, s["type"].(string))
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// StandIn is a field that has another type than it should.
type StandIn struct{ Field, Wanted, Got string }

func (s StandIn) String() string { return fmt.Sprintf("%s is %s, not %s", s.Field, s.Got, s.Wanted) }

// Fit replaces the types in a mapping that a server does not accept, and says
// which.
func Fit(mapping Tree, accepts func(typ string) bool) []StandIn {
	var out []StandIn
	walk(mapping, "", func(name string, f Tree) {
		want := typeOf(f)
		chain := standIns[want]
		if chain == nil || accepts(want) {
			return
		}
		i := slices.IndexFunc(chain[:len(chain)-1], func(s Tree) bool { return accepts(s["type"].(string)) })
		if i < 0 {
			i = len(chain) - 1
		}
		replace(f, chain[i])
		out = append(out, StandIn{name, want, typeOf(f)})
	})
	slices.SortFunc(out, func(a, b StandIn) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// replace makes the field f one of the stand-in's type.
func replace(f, standIn Tree) {
	long, limited := f["ignore_above"]
	clear(f)
	maps.Copy(f, standIn)
	if limited && f["type"] == "keyword" {
		f["ignore_above"] = long
	}
}

// Difference is what sets the mapping of an index apart from the one it should
// have.
type Difference struct {
	New       []string  // fields that are missing: they can be added
	Changed   []string  // parameters that can be changed in place
	Conflicts []string  // what only a new index mends
	StandIns  []StandIn // fields with the stand-in of their type, which is well
}

// Same reports whether nothing is to be done.
func (d Difference) Same() bool {
	return len(d.New)+len(d.Changed)+len(d.Conflicts) == 0
}

// Compare says what has to be done to the mapping have so that it does what want
// does. Fields that want does not know are somebody else's, and no difference.
func Compare(have, want Tree) Difference {
	var d Difference
	if !same(have["dynamic"], want["dynamic"]) {
		d.Changed = append(d.Changed, "dynamic")
	}
	if !same(have["_meta"], want["_meta"]) {
		d.Changed = append(d.Changed, "_meta")
	}
	there := map[string]Tree{}
	walk(have, "", func(name string, f Tree) { there[name] = f })
	walk(want, "", func(name string, f Tree) {
		if there[name] == nil {
			d.New = append(d.New, name)
			return
		}
		d.field(name, there[name], f)
	})
	for _, l := range []*[]string{&d.New, &d.Changed, &d.Conflicts} {
		slices.Sort(*l)
	}
	slices.SortFunc(d.StandIns, func(a, b StandIn) int { return strings.Compare(a.Field, b.Field) })
	return d
}

// field compares one field that both have.
func (d *Difference) field(name string, have, want Tree) {
	h, w := typeOf(have), typeOf(want)
	if h != w {
		if alike(have, want) {
			d.StandIns = append(d.StandIns, StandIn{name, w, h})
			return
		}
		d.Conflicts = append(d.Conflicts, fmt.Sprintf("%s is %s and has to be %s", name, h, w))
		return
	}
	for _, k := range []string{"index", "doc_values", "enabled"} {
		if _, said := want[k]; !said && h == "wildcard" {
			continue // the servers do not agree about what is said of one
		}
		if isFalse(have[k]) != isFalse(want[k]) {
			d.Conflicts = append(d.Conflicts, fmt.Sprintf("%s has %s: %t and has to have %t", name, k, !isFalse(have[k]), !isFalse(want[k])))
		}
	}
	if !same(have["ignore_above"], want["ignore_above"]) {
		d.Changed = append(d.Changed, name+".ignore_above")
	}
}

// alike reports whether two fields are of one family: a type and its stand-ins.
func alike(a, b Tree) bool {
	for t := range standIns {
		if among(a, t) && among(b, t) {
			return true
		}
	}
	return false
}

// among reports whether a field is of the type, or a stand-in of it.
func among(f Tree, typ string) bool {
	return typeOf(f) == typ || slices.ContainsFunc(standIns[typ], func(s Tree) bool {
		return s["type"] == typeOf(f) && isFalse(s["enabled"]) == isFalse(f["enabled"])
	})
}

// Merge puts the fields of have that want does not know into want, so that a new
// index keeps what somebody added to the old one.
func Merge(have, want Tree) {
	for _, k := range []string{"properties", "fields"} {
		from, _ := have[k].(Tree)
		to, _ := want[k].(Tree)
		if to == nil && len(from) > 0 && holds(want, k) {
			to = Tree{}
			want[k] = to
		}
		for name, f := range from {
			theirs, _ := f.(Tree)
			if mine, known := to[name].(Tree); known {
				Merge(theirs, mine)
			} else if to != nil {
				to[name] = f
			}
		}
	}
}

// Adopt gives a field of want the definition that it has in have.
func Adopt(have, want Tree, field string) {
	walk(have, "", func(name string, theirs Tree) {
		walk(want, "", func(mine string, f Tree) {
			if name == field && mine == field {
				clear(f)
				maps.Copy(f, theirs)
			}
		})
	})
}

// holds reports whether a field may have others below it as k says: properties
// of an object, fields beside a value.
func holds(f Tree, k string) bool {
	object := typeOf(f) == "object" || typeOf(f) == "nested"
	return object == (k == "properties") && !isFalse(f["enabled"])
}

// walk calls f with every field below a mapping, objects and multi-fields too.
func walk(mapping Tree, prefix string, f func(name string, field Tree)) {
	for _, k := range []string{"properties", "fields"} {
		below, _ := mapping[k].(Tree)
		for name, v := range below {
			if field, ok := v.(Tree); ok {
				f(prefix+name, field)
				walk(field, prefix+name+".", f)
			}
		}
	}
}

// typeOf is the type of a field; an object does not say it.
func typeOf(f Tree) string {
	if t, ok := f["type"].(string); ok {
		return t
	}
	return "object"
}

// same compares values as a server may write them: false and "false" are one.
func same(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func isFalse(v any) bool { return v != nil && same(v, false) }
