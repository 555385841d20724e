package stix

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Why an object cannot be read.
const (
	jNoObject = "it is no object"
	jNoType   = "it has no type"
	jNoID     = "it has no id"
	jNoJSON   = "it is not JSON"
	jNoList   = "its objects are no list"
	jTooBig   = "it has more than 8 MiB"
	jTooDeep  = "its brackets stand more than 64 deep"
)

// ErrNotSTIX is the error for a document that is JSON and holds no STIX.
var ErrNotSTIX = errors.New("not STIX 2: neither a bundle, nor an object with a type, nor a list of them")

// ReadJSON reads STIX 2.0 or 2.1: a bundle, what a TAXII 2 server answers
// ({"more":…,"objects":[…]}), a list of objects or of bundles, or one object.
//
// The indicators come out when the document has been read to its end, since
// what stands there may name or revoke them; until then the objects are kept,
// compressed, which takes about a tenth of the document. With Options.Each the
// About of an indicator comes before its members; without it the one of the
// document, whose key is "", comes last.
//
// An object that cannot be read is refused as Malformed with its id, if that
// can be found, and costs no other. An error means that the document is cut off
// or is not JSON where objects are parted, and that nothing of it is to be
// trusted to be all.
func ReadJSON(r io.Reader, o Options, emit Emit) error {
	d := &jDocument{graph: NewGraph(o), emit: emit}
	s := &jSplitter{r: r, object: d.object, bundle: d.bundle}
	d.split = s
	if err := s.document(); err != nil {
		return err
	}
	if err := d.kept.each(func(raw []byte) error { return d.graph.read(raw, emit) }); err != nil {
		return err
	}
	if o.Each {
		return nil
	}
	about := d.graph.About()
	if about == nil {
		return nil
	}
	about.ID = jFirst(about.ID, d.id)
	return emit(&Item{About: about})
}

// jDocument is a document that is being read.
type jDocument struct {
	graph *Graph
	emit  Emit
	split *jSplitter
	kept  jSpool
	id    string // of the bundle
}

// object takes an object of the document.
func (d *jDocument) object(raw []byte, bad string) error {
	if bad == "" && !json.Valid(raw) {
		bad = jNoJSON
	}
	if bad == "" {
		d.graph.obj.parse(raw)
		if d.graph.obj.typ == "" {
			bad = jNoType
		}
	}
	if bad != "" && d.split.nested == 0 {
		return d.alone(raw, bad)
	}
	if bad != "" {
		return d.emit(jRefuse(raw, bad))
	}
	if err := d.graph.note(raw); err != nil {
		return err
	}
	if jHasValues(&d.graph.obj) {
		return d.kept.add(raw)
	}
	return nil
}

// alone takes an object that is the whole document and no STIX: the answer of a
// TAXII server that has nothing has no list in it.
func (d *jDocument) alone(raw []byte, bad string) error {
	o := &d.graph.obj
	switch {
	case bad == jNoObject:
		return ErrNotSTIX
	case bad != jNoType:
		return fmt.Errorf("JSON: the object that the document is cannot be read: %s", bad)
	case jHolds(o.prop[jObjects]):
		return errors.New("JSON: the document is cut up in a way that is not STIX 2: " + jNoList)
	case len(bytes.TrimSpace(raw[1:len(raw)-1])) > 0 && o.prop[jMore] == nil && o.prop[jNext] == nil && o.prop[jObjects] == nil, jHasMore(raw):
		return ErrNotSTIX
	}
	return nil
}

// jHasMore reports whether an object has others in it: then it is not the answer
// of a server that has nothing.
func jHasMore(raw []byte) (more bool) {
	jMembers(raw, func(_ string, val []byte) { more = more || len(val) > 0 && (val[0] == '{' || val[0] == '[') })
	return more
}

// bundle takes what stood around objects that have been taken. If it is an
// object of another type, with such a list of its own, it is one all the same.
func (d *jDocument) bundle(raw []byte) error {
	if !json.Valid(raw) {
		return nil // its objects have been read, and no more was wanted
	}
	o := &d.graph.obj
	o.parse(raw)
	if o.typ != "" && o.typ != "bundle" {
		return d.object(raw, "")
	}
	d.id = jFirst(d.id, o.id)
	return nil
}

// jHasValues reports whether read emits anything for an object.
func jHasValues(o *jObject) bool {
	switch {
	case o.typ == "indicator", o.typ == "vulnerability", o.typ == "observed-data", jObservable[o.typ]:
		return true
	case o.typ == "bundle": // whose objects have not been split off
		return jHolds(o.prop[jObjects])
	}
	return !gSTIX[o.typ] && (o.prop[jValue] != nil || o.prop[jPattern] != nil)
}

// jHolds reports whether a property is there and not null.
func jHolds(val []byte) bool { return len(val) > 0 && val[0] != 'n' }

// jBad says why raw, on its own, cannot be read; "" if it can.
func jBad(raw []byte) string {
	switch {
	case len(raw) > jMaxObject:
		return jTooBig
	case jDepth(raw) >= jMaxDepth:
		return jTooDeep
	case !json.Valid(raw):
		return jNoJSON
	case raw[jSpace(raw, 0)] != '{':
		return jNoObject
	}
	return ""
}

// jDepth returns how deep the brackets of raw stand within each other, not
// counting those of raw itself.
func jDepth(raw []byte) int {
	depth, deepest := -1, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = jString(raw, i) - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// jRefuse refuses an object that cannot be read, with its id if that can be
// found in its beginning.
func jRefuse(raw []byte, bad string) *Item {
	i := &Item{ID: jFindID(raw), Refused: Malformed, Detail: bad}
	i.Value = jClip(string(raw[:min(len(raw), jShown+1)]), jShown)
	return i
}

// jFindID returns the first id that stands in what may not be JSON.
func jFindID(raw []byte) string {
	raw = raw[:min(len(raw), 4<<10)]
	for {
		i := bytes.Index(raw, []byte(`"id"`))
		if i < 0 {
			return ""
		}
		raw = raw[i+4:]
		if i = jSpace(raw, 0); i == len(raw) || raw[i] != ':' {
			continue
		}
		if i = jSpace(raw, i+1); i == len(raw) || raw[i] != '"' {
			continue
		}
		end := bytes.IndexByte(raw[i+1:], '"')
		if end < 0 {
			return ""
		}
		return jClip(string(raw[i+1:i+1+end]), 120)
	}
}

// jSpool keeps objects in memory, compressed a block at a time: indicators are
// alike, so they shrink to a tenth.
type jSpool struct {
	open   []byte   // objects, each behind its length
	blocks [][]byte // compressed
	w      *flate.Writer
}

// jBlock is how many bytes of objects are compressed at a time. Documents that
// are smaller are not compressed at all.
const jBlock = 4 << 20

func (s *jSpool) add(raw []byte) error {
	s.open = binary.AppendUvarint(s.open, uint64(len(raw)))
	s.open = append(s.open, raw...)
	if len(s.open) < jBlock {
		return nil
	}
	var b bytes.Buffer
	if s.w == nil {
		s.w, _ = flate.NewWriter(&b, flate.BestSpeed) // the level is one there is
	}
	s.w.Reset(&b)
	if _, err := s.w.Write(s.open); err != nil {
		return err
	}
	if err := s.w.Close(); err != nil {
		return err
	}
	s.blocks = append(s.blocks, bytes.Clone(b.Bytes()))
	s.open = s.open[:0]
	return nil
}

// each calls f with each object, in order, and lets go of what it is done with.
func (s *jSpool) each(f func(raw []byte) error) error {
	var plain bytes.Buffer
	for i, b := range s.blocks {
		plain.Reset()
		if _, err := plain.ReadFrom(flate.NewReader(bytes.NewReader(b))); err != nil {
			return err
		}
		s.blocks[i] = nil
		if err := jFrames(plain.Bytes(), f); err != nil {
			return err
		}
	}
	return jFrames(s.open, f)
}

func jFrames(b []byte, f func(raw []byte) error) error {
	for len(b) > 0 {
		n, skip := binary.Uvarint(b)
		b = b[skip:]
		if err := f(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
