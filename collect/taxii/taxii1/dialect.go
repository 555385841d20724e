package taxii1

import (
	"fmt"
	"strings"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// Namespaces of the messages (XML Message Binding §3).
const (
	space10 = "http://taxii.mitre.org/messages/taxii_xml_binding-1"
	space11 = "http://taxii.mitre.org/messages/taxii_xml_binding-1.1"
)

// messagePrefix begins the id of every message binding that is XML.
const messagePrefix = "urn:taxii.mitre.org:message:xml:"

// dialect is what differs between the versions.
type dialect struct {
	version  string
	space    string // namespace of its messages
	message  string // X-TAXII-Content-Type
	services string // X-TAXII-Services
	listing  string // the message that asks for the collections
	nameAttr string // the attribute that names a collection
}

var dialects = map[string]dialect{
	"1.0": {"1.0", space10, messagePrefix + "1.0", "urn:taxii.mitre.org:services:1.0", "Feed_Information_Request", "feed_name"},
	"1.1": {"1.1", space11, messagePrefix + "1.1", "urn:taxii.mitre.org:services:1.1", "Collection_Information_Request", "collection_name"},
}

// old reports whether d is TAXII 1.0, which has neither parts nor counts (see onward).
func (d dialect) old() bool { return d.version == "1.0" }

// ours reports whether n is a name of TAXII's own, of either version.
func ours(n xmltok.Name) bool { return n.Space == space11 || n.Space == space10 }

// protocol is the X-TAXII-Protocol of an address with that scheme (HTTP
// Protocol Binding §4).
func protocol(scheme string) string {
	return "urn:taxii.mitre.org:protocol:" + scheme + ":1.0"
}

// isMessage checks the header that tells a TAXII answer from any other.
func isMessage(header string) error {
	header = strings.TrimSpace(header)
	switch {
	case header == "":
		return fmt.Errorf("%w: the answer has no X-TAXII-Content-Type, so that something else than a TAXII 1 service answered (a proxy, a login page, a wrong path)", taxii.ErrNotTAXII)
	case !strings.HasPrefix(header, messagePrefix+"1."):
		return fmt.Errorf("%w: the answer is of type %s, which is not TAXII 1.0 or 1.1 in XML", taxii.ErrNotTAXII, clip(header, 80))
	}
	return nil
}
