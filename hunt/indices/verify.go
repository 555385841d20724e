package indices

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// judge is the reference: it says what of the set stands in a document. All
// plans find candidates for it.
type judge struct {
	*matcher
	fields []judged
	clock  string // the field with the event's time

	constants map[string]string // values that every document has, by field
}

type judged struct {
	*IndexField
	always, conditional typeSet
	port                bool
}

func newJudge(set Set, ix *Index, clock string) *judge {
	j := &judge{matcher: newMatcher(set), clock: clock, constants: make(map[string]string)}
	for i := range ix.Fields {
		f := &ix.Fields[i]
		x := judged{IndexField: f, always: setOf(f.always()), conditional: setOf(f.conditional())}
		if f.facts.constant != "" {
			j.constants[f.Name] = f.facts.constant
		}
		x.port = f.Port != "" && setHas(f.Types, ioc.IPPort)
		j.fields = append(j.fields, x)
	}
	return j
}

func setHas(types []ioc.Type, t ioc.Type) bool {
	s := setOf(types)
	return s.has(t)
}

// document is one that is being judged.
type document struct {
	hit  *es.Hit
	tree any
}

// values returns the values of a field: those of _source, and those that are not
// in it but in the index (runtime fields, aliases, copies).
func (d *document) values(name string, flat bool) []string {
	out := appendValues(nil, d.tree, name, flat)
	raw, ok := d.hit.Fields[name]
	if !ok {
		return out
	}
	n := len(out)
	for _, v := range fieldValues(nil, raw) {
		if !contains(out[:n], v) {
			out = append(out, v)
		}
	}
	return out
}

// valuesOf is document.values for a field that may be a constant.
func (j *judge) valuesOf(d *document, name string, flat bool) []string {
	out := d.values(name, flat)
	if c, ok := j.constants[name]; ok && !contains(out, c) {
		out = append(out, c)
	}
	return out
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// look returns the document with what was found in it; ok is false where that is
// nothing.
func (j *judge) look(h *es.Hit) (f Found, ok bool, err error) {
	d := document{hit: h}
	if d.tree, err = decode(h.Source); err != nil {
		return f, false, fmt.Errorf("document %s of %s: its _source is not JSON: %w", h.ID, h.Index, err)
	}
	seen := make(map[uint32]bool)
	for i := range j.fields {
		j.field(&d, &j.fields[i], seen, &f)
	}
	if len(f.Matches) == 0 {
		return f, false, nil
	}
	f.Index, f.ID, f.SeqNo = h.Index, h.ID, h.SeqNo
	f.Source = compact(h.Source)
	f.Time, f.TimeFound = j.time(&d)
	return f, true, nil
}

func compact(source []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, source) != nil {
		return []byte("{}")
	}
	return b.Bytes()
}

func (j *judge) field(d *document, x *judged, seen map[uint32]bool, f *Found) {
	values := j.valuesOf(d, x.Name, x.facts.flat)
	if len(values) == 0 {
		return
	}
	types := x.always
	if x.Unless != "" && len(j.valuesOf(d, x.Unless, true)) == 0 {
		for i := range types {
			types[i] |= x.conditional[i]
		}
	}
	for _, v := range values {
		j.value(x, x.Prefix, v, types, seen, f)
	}
	if !x.port {
		return
	}
	for _, v := range values {
		for _, p := range d.values(x.Port, false) {
			j.value(x, "", withPort(v, p), setOf([]ioc.Type{ioc.IPPort}), seen, f)
		}
	}
}

// withPort joins an address and its port.
func withPort(addr, port string) string {
	if a, err := netip.ParseAddr(addr); err == nil && a.Is6() {
		return "[" + addr + "]:" + port
	}
	return addr + ":" + port
}

func (j *judge) value(x *judged, prefix, v string, types typeSet, seen map[uint32]bool, f *Found) {
	for _, m := range j.one(prefix, v) {
		start, end := m.Start-len(prefix), m.End-len(prefix)
		if start < 0 || seen[m.ID] || !types.has(j.typeOf(m.ID)) {
			continue
		}
		seen[m.ID] = true
		f.Matches = append(f.Matches, FieldMatch{ID: m.ID, Field: x.Name, Value: v, Start: start, End: end, Rule: m.Rule})
	}
}

// time returns when the event happened: the earliest time of its field.
func (j *judge) time(d *document) (at time.Time, ok bool) {
	values := fieldValues(nil, d.hit.Fields[j.clock]) // in one form, whatever the document writes
	if len(values) == 0 {
		values = appendValues(nil, d.tree, j.clock, false)
	}
	for _, v := range values {
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}
