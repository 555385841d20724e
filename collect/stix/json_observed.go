package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// jObservable are the types of STIX 2.1 §6: things that can be seen. A type of
// someone's own is one if it has a value.
var jObservable = map[string]bool{
	"artifact": true, "autonomous-system": true, "directory": true, "domain-name": true, "email-addr": true, "email-message": true,
	"file": true, "ipv4-addr": true, "ipv6-addr": true, "mac-addr": true, "mutex": true, "network-traffic": true, "process": true,
	"software": true, "url": true, "user-account": true, "windows-registry-key": true, "x509-certificate": true,
}

// observed reads the objects that were seen, which STIX 2.0 has within the
// observation.
func (o *jObject) observed(report string, context bool, emit Emit) (err error) {
	jMembers(o.prop[jObjects], func(_ string, val []byte) {
		if err != nil || len(val) == 0 || val[0] != '{' {
			return
		}
		var seen jObject
		seen.parse(val)
		if seen.typ == "" {
			return
		}
		seen.id = o.id
		err = seen.observable(report, context, emit)
	})
	return err
}

// observable emits the values of an object that was seen. Nobody has said that
// they are bad, so they are refused unless context is wanted. A file's name
// beside its hashes is not the file.
func (o *jObject) observable(report string, context bool, emit Emit) error {
	values := o.seen()
	if len(values) == 0 {
		return emit(o.refusal(report, jFirst(jFirst(o.text(jValue), o.text(jName)), o.id), jReason(context, NoType), o.typ))
	}
	hashed := o.prop[jHashes] != nil
	for _, v := range values {
		i := Item{ID: o.id}
		i.Report, i.Type, i.Value = report, v.Type, v.Value
		if i.Refused = jReason(context, ""); i.Refused == "" && hashed && v.Type == ioc.FileName {
			i.Refused = TogetherOnly
		}
		if err := emit(&i); err != nil {
			return err
		}
	}
	return nil
}

func jReason(context bool, otherwise string) string {
	if context {
		return otherwise
	}
	return Observation
}

// seen returns the properties of o that have a type of ours.
func (o *jObject) seen() []PatternValue {
	s := jSeen{}
	jMembers(o.raw, func(key string, val []byte) { s.property(o.typ+":"+key, val, 0) })
	return s.values
}

type jSeen struct{ values []PatternValue }

// property notes the texts below a property, by the paths that a pattern would
// name them with.
func (s *jSeen) property(path string, val []byte, depth int) {
	if len(val) == 0 || depth > 4 || len(path) > patLongPath {
		return
	}
	switch val[0] {
	case '{':
		jMembers(val, func(key string, val []byte) { s.property(path+"."+patStep(key), val, depth+1) })
	case '[':
		jElements(val, func(val []byte) { s.property(path+"[*]", val, depth+1) })
	case '"':
		t, why := patTypeOf(path)
		text := jText(val)
		if why != "" || text == "" {
			return
		}
		if (t == ioc.IP || t == ioc.IPv6) && strings.Contains(text, "/") {
			t = ioc.CIDR
		}
		s.values = append(s.values, PatternValue{Type: t, Path: path, Value: text})
	}
}
