package xmltok_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// The kind of a CybOX object is the local part of its xsi:type, whose prefix
// means what it means at that place.
func Example() {
	const doc = `<c:Properties xmlns:c="http://cybox.mitre.org/cybox-2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:d="http://cybox.mitre.org/objects#DomainNameObject-1" xsi:type="d:DomainNameObjectType">
  <d:Value condition="Equals"> a.example </d:Value>
</c:Properties>`
	x := xmltok.NewReader(strings.NewReader(doc), xmltok.Limits{})
	for {
		kind, err := x.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if kind != xmltok.Start {
			continue
		}
		if t, ok := x.Attr("http://www.w3.org/2001/XMLSchema-instance", "type"); ok {
			name, _ := x.Resolve(t)
			fmt.Println(name.Space, name.Local)
		}
		if x.Name().Local == "Value" {
			text, err := x.Content()
			fmt.Println(text, err)
		}
	}
	// Output:
	// http://cybox.mitre.org/objects#DomainNameObject-1 DomainNameObjectType
	// a.example <nil>
}
