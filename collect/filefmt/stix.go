package filefmt

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"github.com/iochunt/iochunt/collect/stix"
)

// readSTIX reads STIX 2 (JSON). The document is one report, whatever it holds.
func readSTIX(r io.Reader, o Options, emit Emit) error {
	return stix.ReadJSON(r, stix.Options{Context: o.Context}, fromSTIX(emit))
}

// readSTIX1 reads STIX 1 (XML). A package is a report; packages within
// something else, such as an answer of a TAXII server, are one each.
func readSTIX1(r io.Reader, o Options, emit Emit) error {
	return stix.ReadXML(r, stix.Options{Context: o.Context}, fromSTIX(emit))
}

// fromSTIX passes on what package stix found. Its place is the id of what says
// it, and for a refusal what exactly is wrong.
func fromSTIX(emit Emit) stix.Emit {
	var i Item // the reader's again after each emit, so one is enough
	return func(s *stix.Item) error {
		i = Item{Member: s.Member, Place: Clip(s.ID, 120), Refused: s.Refused, About: s.About}
		if s.Refused != "" {
			i.Value = Clip(s.Value, 200)
			if s.Detail != "" {
				i.Place = strings.TrimPrefix(i.Place+": "+Clip(s.Detail, 200), ": ")
			}
		}
		return emit(&i)
	}
}

// stixID finds the id of an object of STIX 2, which no other JSON has.
var stixID = regexp.MustCompile(`"id"\s*:\s*"[a-z0-9-]{3,250}--[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-`)

// stixSpaces are the namespaces of which a document that is read as STIX 1
// declares one: of a package, of observables without one, of a TAXII message.
var stixSpaces = [][]byte{
	[]byte("http://stix.mitre.org/stix-1"), []byte("http://cybox.mitre.org/cybox-2"), []byte("http://taxii.mitre.org/messages/taxii_xml_binding-1"),
}

// isSTIX1 reports whether head begins a document of STIX 1. A page for people
// that writes about it is none.
func isSTIX1(head []byte) bool {
	root := rootElement(head)
	if len(root) == 0 || bytes.EqualFold(root, []byte("html")) {
		return false
	}
	for _, s := range stixSpaces {
		if bytes.Contains(head, s) {
			return true
		}
	}
	return false
}

// rootElement returns the name of the outermost element of an XML document,
// nil if the beginning is not one. What has a DOCTYPE is not read as STIX.
func rootElement(head []byte) []byte {
	for {
		head = bytes.TrimSpace(head)
		end := ""
		switch {
		case bytes.HasPrefix(head, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(head, []byte("<!--")):
			end = "-->"
		case len(head) == 0 || head[0] != '<' || bytes.HasPrefix(head, []byte("<!")):
			return nil
		default:
			name := head[1:]
			if i := bytes.IndexAny(name, " \t\r\n/>"); i >= 0 {
				name = name[:i]
			}
			return name
		}
		_, rest, ok := bytes.Cut(head, []byte(end))
		if !ok {
			return nil
		}
		head = rest
	}
}
