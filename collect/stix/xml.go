package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// ErrNotSTIX1 is the error for XML that holds neither a STIX package nor CybOX
// observables.
var ErrNotSTIX1 = errors.New("neither a STIX_Package nor CybOX Observables in it")

// ReadXML reads STIX 1.0 to 1.2.1 with CybOX 2.x, once through and with memory
// that does not grow with the document but for what references need. The root
// is a STIX_Package, or holds any number of them at any depth (a saved
// Poll_Response, its content escaped or not), or CybOX Observables.
//
// The items of a package that is the root have the key "", those of others the
// id of their package as "{namespace}local", or "package N" without one; bare
// observables in something else have "observables N". At the end of each comes
// its About. Its ID is that of the pulse where OTX published the package, else
// that of the package.
//
// # What stands alone
//
// STIX says what to look for as a tree: indicators of observables of objects of
// fields. A value in it is a member if it makes the whole true by itself:
//
//   - Indicators and observables joined by OR stand alone each; joined by AND
//     they hold together only, at any depth. An AND of one is no AND.
//   - Things refer to each other by id, forward and back. The best that is said
//     of a thing counts: who stands in an AND here and by itself there is a
//     member. So an indicator that is listed in the package or in a report
//     stands alone, whatever composite names it; one that is written inside of
//     an AND does not.
//   - Observables that the package lists stand alone (Role "observable") if
//     nothing refers to them. If an indicator does, or another observable whose
//     part they are, it decides. One that is only named by an incident or a
//     course of action was seen, and is not said to be bad. Those of a TTP's
//     infrastructure are the attacker's.
//   - An object related to another one is as bad as that one if the relation
//     makes it so (dropped, connected to; see cyRelations).
//   - What negates, what compares otherwise than by equality, and what is to be
//     there ALL at once never stands alone.
//
// See cybox.go for the fields of objects. Each thing comes out once, though
// several may refer to it.
//
// An error means that the document could not be read to its end. Its items then
// are not all, and the About of the package in which it ended is missing.
func ReadXML(r io.Reader, o Options, emit Emit) error {
	d := &xDocument{o: o, emit: emit}
	if err := d.read(xmltok.NewReader(r, xmltok.Limits{}), true); err != nil {
		return fmt.Errorf("reading STIX 1: %w", err)
	}
	if d.packages == 0 {
		return fmt.Errorf("reading STIX 1: %w", ErrNotSTIX1)
	}
	return nil
}

// xDocument is what may hold packages.
type xDocument struct {
	o        Options
	emit     Emit
	packages int
	tree     xTree
}

// read looks for packages. Text that is XML itself, as servers send a package
// which they hold to be broken, is read in its turn; deep says how often.
func (d *xDocument) read(r *xmltok.Reader, deep bool) error {
	var text []byte
	for {
		kind, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == xmltok.Text && deep {
			text = appendMarkup(text, r.Text())
			continue
		}
		if len(text) > 0 {
			if err := d.escaped(text, r.Line()); err != nil {
				return err
			}
			text = nil
		}
		if kind == xmltok.Start {
			err = d.element(r, deep)
		}
		if err != nil {
			return err
		}
	}
}

// appendMarkup gathers text that begins like XML.
func appendMarkup(text, more []byte) []byte {
	if len(text) == 0 {
		more = bytes.TrimLeft(more, " \t\r\n\ufeff")
		if len(more) == 0 || more[0] != '<' {
			return nil
		}
	}
	return append(text, more...)
}

// escaped reads the XML that stood in a text. It is one block of several, so if
// it is broken the others are read all the same.
func (d *xDocument) escaped(text []byte, line int64) error {
	if !bytes.Contains(text, []byte("STIX_Package")) && !bytes.Contains(text, []byte("Observables")) {
		return nil
	}
	err := d.read(xmltok.NewReaderUTF8(bytes.NewReader(text), xmltok.Limits{}), false)
	var syntax *xmltok.SyntaxError
	if !errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, xmltok.ErrDoctype) {
		return err
	}
	d.packages++
	i := Item{Refused: Malformed}
	i.Value = jClip(err.Error(), jShown)
	i.Type, i.ID = "content", fmt.Sprintf("line %d", line)
	return d.emit(&i)
}

// element reads a package, or goes on into another element.
func (d *xDocument) element(r *xmltok.Reader, root bool) error {
	name, whole := r.Name(), root && r.Depth() == 1
	switch family := xFamilyOf(name.Space); {
	case name.Local == "STIX_Package" && family == xSTIX:
	case name.Local == "Observables" && (family == xCybOX || family == xSTIX):
	default:
		return nil
	}
	d.packages++
	p := d.open(r, whole)
	if err := p.read(r); err != nil {
		return err
	}
	return p.close()
}

// open begins a package, at whose Start r is.
func (d *xDocument) open(r *xmltok.Reader, whole bool) *xPackage {
	p := &xPackage{document: d, about: xAbout{seen: map[string]bool{}}}
	p.graph.heard = map[int32]uint64{}
	p.graph.emit = p.value
	id, _ := r.Attr("", "id")
	if id != "" {
		_, space := xKey(r, []byte(id))
		p.about.ID = xIDText(id, space)
	}
	if at, ok := r.Attr("", "timestamp"); ok {
		p.about.Modified = xTime(at)
	}
	switch {
	case whole:
	case p.about.ID != "":
		p.key = p.about.ID
	case r.Name().Local == "Observables":
		p.key = fmt.Sprintf("observables %d", d.packages)
	default:
		p.key = fmt.Sprintf("package %d", d.packages)
	}
	return p
}

// value hands out a value, or its refusal.
func (p *xPackage) value(l *xLeaf, s *xSaid, refused string) error {
	if refused == Observation && p.document.o.Context {
		refused = ""
	}
	i := &p.item
	*i = Item{ID: s.id, Refused: refused}
	i.Claim = s.Claim
	i.Observable = ioc.Observable{Type: l.typ, Value: l.value}
	i.Original, i.Declared, i.Content = l.original, l.declared, l.content
	i.Report = p.key
	return p.document.emit(i)
}

// close hands out what is left, and what the package tells of itself.
func (p *xPackage) close() error {
	if err := p.graph.finish(); err != nil {
		return err
	}
	about := p.about.report()
	p.item = Item{About: &about}
	p.item.Report = p.key
	return p.document.emit(&p.item)
}
