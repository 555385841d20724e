package stix

import (
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// CybOX objects are typed records: a file with its hashes, name and size, a
// message with its sender and subject. To read one means to know which of its
// fields is a value that can be hunted, and which fields only count together.
//
// All fields of an object hold at once. So a value of it stands alone if it is
// enough by itself (a hash, the sender of a message) or if the object says
// nothing else; a name beside a hash is TogetherOnly. What only describes (a
// size, a protocol, the issuer of a certificate beside its serial number) is no
// value and does not come out by itself; but an object of which nothing else
// came out gives one refusal, so that none is passed over in silence.

// cyRole is what a field is in its object.
type cyRole uint8

const (
	cyAlone     cyRole = iota + 1 // identifies by itself
	cySole                        // stands alone if nothing else identifies or narrows
	cyPart                        // never stands alone: a serial number
	cyNone                        // is of a kind that cannot be hunted
	cyGood                        // belongs to somebody else: the recipient
	cySeen                        // was found out, not said to be bad: whois
	cyDescribes                   // changes nothing
	cyJoined                      // is in another value
)

// cyField is a field of a kind of object.
type cyField struct {
	path     string   // local names, parted by slashes; the last one holds the value
	typ      ioc.Type // "" is told by the value
	role     cyRole
	declared string // where our type says less than the field
	special  cySpecial
}

// cySpecial says which fields are read in their own way.
type cySpecial uint8

const (
	cyPlain     cySpecial = iota
	cyAddress             // the type is in the category of the element around it
	cyURI                 // the type is in the type of the element around it
	cyName                // of a file
	cyPath                // of a file
	cyKey                 // of the registry
	cyHive                // of the registry
	cyHost                // of a request
	cyLine                // of a request
	cySignature           // of a certificate
	cyNest                // an object of its own, of the kind in declared
)

// cyKind is a kind of object, or a part of one: its fields as a tree of local
// names.
type cyKind struct {
	field *cyField
	kids  map[string]*cyKind
}

// cyValue is a field with its value.
type cyValue struct {
	cyField
	el     xEl
	prefix string // what is written before each of its values
	one    [1]string
	broken string // why it is none, whatever its role
}

// cyObject reads objects. It is used again and again.
type cyObject struct {
	kind   string // of the last object: "File"
	refs   []xEl  // fields of it that refer to another object
	values []cyValue
	groups []cyValue // objects within the object
	custom []xEl
	narrow bool // something that is no value narrows what is meant
}

// read puts the values of an object's Properties into rec.
func (o *cyObject) read(props xEl, rec *xRecord) {
	o.kind, o.refs = cyKindOf(props), o.refs[:0]
	from := len(rec.leaves)
	k := cyKinds[o.kind]
	rec.leaves = o.fields(props, k, rec.leaves)
	if k == nil || len(rec.leaves) == from && len(o.refs) == 0 {
		rec.leaves = o.unknown(props, rec.leaves, from)
	}
	rec.leaves = cyDistinct(rec.leaves, from)
}

// unknown refuses an object of which nothing is a value, with its first text,
// beside what was refused of it since from.
func (o *cyObject) unknown(props xEl, leaves []xLeaf, from int) []xLeaf {
	s := props.first()
	if s == "" {
		return leaves
	}
	l := xLeaf{typ: ioc.Type(jFirst(o.kind, "object without a type")), value: jClip(s, jShown), reason: NoType}
	again := func(m xLeaf) bool { return m.value == s && m.reason == NoType }
	return append(leaves[:from], append([]xLeaf{l}, slices.DeleteFunc(leaves[from:], again)...)...)
}

// cyKindOf returns the kind of an object: the name of its type without
// "ObjectType". Without a type it is told by the namespace of a field
// (…#AddressObject-2).
func cyKindOf(props xEl) string {
	name, family := props.xsiType()
	if name != "" {
		if family != xCybOX {
			return jClip(name, 64) + " of another namespace"
		}
		return jClip(strings.TrimSuffix(name, "ObjectType"), 64)
	}
	for k := range props.kids {
		if _, s, ok := strings.Cut(k.name().Space, "#"); ok && k.of() == xCybOX {
			kind, _, _ := strings.Cut(s, "Object-")
			return jClip(kind, 64)
		}
	}
	return ""
}

// fields reads one object, and after it those within it.
func (o *cyObject) fields(el xEl, k *cyKind, leaves []xLeaf) []xLeaf {
	o.values, o.groups, o.custom, o.narrow = o.values[:0], o.groups[:0], o.custom[:0], false
	refs := len(o.refs)
	o.walk(el, k)
	o.join()
	ids := o.identifying() + len(o.refs) - refs
	for i := range o.values {
		v := &o.values[i]
		leaves = v.leaves(leaves, o.reason(v, ids))
	}
	for _, c := range o.custom {
		if s := c.content(); s != "" {
			leaves = append(leaves, xLeaf{typ: ioc.Type(jClip(jFirst(c.attr("name"), "custom property"), 64)), value: s, reason: NoType})
		}
	}
	for _, g := range slices.Clone(o.groups) {
		leaves = o.fields(g.el, cyKinds[g.declared], leaves)
	}
	return leaves
}

// walk finds the fields below el; k is nil where the tables know nothing.
func (o *cyObject) walk(el xEl, k *cyKind) {
	for c := range el.all {
		if c.of() == xOther {
			o.stray(c, jFirst(o.kind, jClip(c.local(), 64)))
			o.narrow = true
			continue
		}
		if _, ref := c.id("object_reference"); ref != 0 {
			o.refs = append(o.refs, c)
		}
		var next *cyKind
		if k != nil {
			next = k.kids[c.local()]
		}
		switch local := c.local(); {
		case local == "Custom_Properties":
			o.properties(c)
		case local == "Hash":
			o.hash(c, next)
		case next != nil && next.field != nil:
			o.field(c, el, next.field)
		case c.leaf():
			o.narrow = o.narrow || c.content() != ""
			if cyHuntable(c) {
				o.stray(c, el.local())
			}
		default:
			o.walk(c, next)
		}
	}
}

// stray takes up a text that stands where the tables know nothing, to be refused.
func (o *cyObject) stray(el xEl, name string) {
	if el.content() != "" {
		o.values = append(o.values, cyValue{cyField: cyField{typ: ioc.Type(name), role: cyNone}, el: el})
	}
}

// cyHuntable reports whether an element holds an address or a name, wherever it
// stands: objects are made of each other.
func cyHuntable(el xEl) bool {
	switch el.local() {
	case "Address_Value", "Hostname_Value":
		return true
	case "Value":
		space := el.name().Space
		return strings.Contains(space, "#URIObject-") || strings.Contains(space, "#DomainNameObject-")
	}
	return false
}

func (o *cyObject) properties(el xEl) {
	for c := range el.kids {
		if c.local() == "Property" {
			o.custom = append(o.custom, c)
		}
	}
}

// field takes up a field that the tables know.
func (o *cyObject) field(el, around xEl, f *cyField) {
	if f.special == cyNest {
		o.groups = append(o.groups, cyValue{cyField: *f, el: el})
		return
	}
	if f.role == cyDescribes || el.content() == "" {
		return
	}
	v := cyValue{cyField: *f, el: el}
	switch f.special {
	case cyAddress:
		v.address(around)
	case cyURI:
		v.uri(around)
	case cySignature:
		v.signature()
	}
	o.values = append(o.values, v)
}

// hash takes up a Hash. Where it is not in the Hashes of the object itself it is
// of a part (a section of a program), which no log has.
func (o *cyObject) hash(el xEl, k *cyKind) {
	v := cyValue{el: el.child("Simple_Hash_Value")}
	if !v.el.ok() || v.el.content() == "" {
		v.el = el.child("Fuzzy_Hash_Value")
	}
	if !v.el.ok() || v.el.content() == "" {
		return
	}
	label := el.child("Type").content()
	switch {
	case k == nil || k.field == nil:
		v.typ, v.role = "digest of a part", cyNone
	default:
		v.cyField = *k.field
		v.digest(label)
	}
	o.values = append(o.values, v)
}

// identifying returns how many fields identify the object.
func (o *cyObject) identifying() int {
	n := 0
	for i := range o.values {
		v := &o.values[i]
		again := slices.ContainsFunc(o.values[:i], func(w cyValue) bool { return w.path == v.path })
		if !again && (v.role == cyAlone || v.role == cySole || v.role == cyPart) {
			n++
		}
	}
	return n
}

// reason returns why a field is no member, as far as that is in its object: ids
// is how many identify it.
func (o *cyObject) reason(v *cyValue, ids int) string {
	switch v.role {
	case cySole:
		if ids > 1 || o.narrow {
			return TogetherOnly
		}
		return ""
	case cyPart:
		return TogetherOnly
	case cyNone:
		return NoType
	case cyGood:
		return Benign
	case cySeen:
		return Observation
	}
	return ""
}

// join makes one value of the fields that only make one together: the hive and
// key of the registry, the path and name of a file, the host and path of a
// request.
func (o *cyObject) join() {
	if hive, key := o.one(cyHive), o.one(cyKey); hive != nil && key != nil {
		key.put(hive, "\\")
		o.drop(hive)
	}
	if dir, name := o.one(cyPath), o.one(cyName); dir != nil && name != nil && o.identifying() == 2 {
		o.file(dir, name)
	}
	host, line := o.one(cyHost), o.one(cyLine)
	switch {
	case line == nil:
	case host != nil && o.identifying() == 2 && !o.narrow && strings.HasPrefix(line.el.content(), "/"):
		line.put(host, "")
		line.typ = ioc.URL
		o.drop(host)
	case o.identifying() > 1:
		line.typ, line.role, o.narrow = "http_request_line", cyNone, true
	}
}

// file joins the path and the name of a file; many producers write the name
// into the path already.
func (o *cyObject) file(dir, name *cyValue) {
	d, n := dir.el.content(), name.el.content()
	if cut := len(d) - len(n); cut >= 0 && strings.EqualFold(d[cut:], n) && (cut == 0 || strings.IndexByte(`/\`, d[cut-1]) >= 0) {
		o.drop(name)
		return
	}
	sep := "/"
	if strings.Contains(d, `\`) || len(d) == 2 && d[1] == ':' {
		sep = `\`
	}
	if strings.HasSuffix(d, sep) {
		sep = ""
	}
	name.put(dir, sep)
	name.typ = ioc.FilePath
	o.drop(dir)
}

// one returns the value of a special field if there is exactly one.
func (o *cyObject) one(s cySpecial) *cyValue {
	var found *cyValue
	for i := range o.values {
		if v := &o.values[i]; v.special == s {
			if found != nil {
				return nil
			}
			found = v
		}
	}
	return found
}

// drop takes out a value that another one holds now. The pointers that one gave
// stay good: what is taken out is marked.
func (o *cyObject) drop(v *cyValue) { v.role = cyJoined }

// put writes another field before the value. Where that one is not an equality,
// the whole is none.
func (v *cyValue) put(before *cyValue, sep string) {
	v.prefix = before.el.content() + sep
	if c := cyConditionOf(before.el); c.reason != "" || c.between || len(before.pieces(c)) > 1 {
		v.broken = NotEquality
	}
}

// signature tells a digest of a certificate from its signature proper, which is
// longer than any.
func (v *cyValue) signature() {
	if s := strings.NewReplacer(":", "", " ", "").Replace(v.el.content()); !cyHex(s) || cyDigestLens[len(s)] == "" {
		v.typ, v.role = "certificate_signature", cyNone
	}
}
