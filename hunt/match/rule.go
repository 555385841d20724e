package match

import "strings"

// Match says that one observable stands at one place: data[Start:End] is the
// value as it is written there.
type Match struct {
	ID         uint32 // see Set.Observable
	Start, End int    // bytes of the data given to Append
	Rule       Rule
}

// Rule says why a Match is one: the kind of equality in the low four bits, and
// one bit for each disguise that had to be undone before the equality held.
type Rule uint16

// Kinds of equality.
const (
	Exact     Rule = iota // the value itself, in any of its spellings
	Subdomain             // a child of the listed name
	Network               // an address inside the listed range
	Port                  // the address together with its port
	Locator               // the URL, after normalisation of both sides
	Path                  // the whole path of a URL, of a request line or of a field
	Text                  // free text between its boundaries
	kindMask  Rule = 15
)

// Disguises that were undone.
const (
	Refanged  Rule = 16 << iota // evil[.]com, hxxp://
	Escaped                     // \/ \u002e \x2e &amp;
	Percent                     // %2e
	Case                        // letters of another case than the canonical ones
	Coloured                    // a terminal's colour code stood inside
	UTF16                       // two bytes a letter
	IDN                         // Unicode for the listed punycode
	V4Mapped                    // ::ffff:192.0.2.1
	Respelled                   // another notation: a MAC with other separators, a short registry root, counted labels
)

var kindNames = [...]string{"exact", "subdomain", "cidr", "port", "url", "path", "text"}

var undoneNames = [...]string{"refanged", "escaped", "percent", "case", "coloured", "utf16", "idn", "v4-mapped", "respelled"}

// Kind returns the rule without what was undone.
func (r Rule) Kind() Rule { return r & kindMask }

// String returns the words of the rule joined by "+", as in
// "subdomain+refanged": the kind first, then what was undone.
func (r Rule) String() string {
	var b strings.Builder
	if k := int(r.Kind()); k < len(kindNames) {
		b.WriteString(kindNames[k])
	} else {
		b.WriteString("unknown")
	}
	for i, name := range undoneNames {
		if r&(Refanged<<i) != 0 {
			b.WriteByte('+')
			b.WriteString(name)
		}
	}
	return b.String()
}
