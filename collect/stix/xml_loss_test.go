package stix

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What stands where nobody looks for it comes out all the same, refused at
// least: each case was lost, doubled or taken for something else once.
func TestReadXMLNothingIsLost(t *testing.T) {
	f := func(sections string, want ...string) {
		t.Helper()
		slices.Sort(want)
		if d := cmp.Diff(want, xRead(t, xPack(sections), Options{})); d != "" {
			t.Errorf("%s\n-want +got:\n%s", sections, d)
		}
	}
	inds := func(list ...string) string { return xIn("Indicators", strings.Join(list, "")) }
	one, two := xObs("i", "", xAddr("192.0.2.1")), xObs("i", "", xAddr("192.0.2.2"))

	// An id that is used twice: for the same thing, and for two things that
	// differ in what they hold alone.
	f(inds(xInd(`id="ex:1"`, one), xInd(`id="ex:1"`, one)), "ip 192.0.2.1")
	f(inds(xInd(`id="ex:1"`, one), xInd(`id="ex:1"`, two)), "ip 192.0.2.1", "ip 192.0.2.2")
	f(inds(xInd(`id="ex:1"`, one), xInd(`id="ex:1"`, two), xInd(`id="ex:1"`, one)), "ip 192.0.2.1", "ip 192.0.2.2")
	both := xObs("i", "", xComp("AND", xObs("c", "", xAddr("192.0.2.1")), xObs("c", "", xAddr("192.0.2.2"))))
	f(inds(xInd(`id="ex:1"`, both), xInd(`id="ex:1"`, both)), "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(xIn("Observables", xObs("c", `id="ex:o"`, xComp("OR", xObs("c", "", xAddr("192.0.2.1")))))+
		inds(xInd(`id="ex:1"`, xObs("i", `idref="ex:o"`, "")), xInd(`id="ex:1"`, xObs("i", `idref="ex:o"`, ""))), "ip 192.0.2.1")

	// Ids without a prefix are compared as texts, whatever the default namespace.
	f(xIn("Observables", `<Observable xmlns="http://cybox.mitre.org/cybox-2" id="a"><Object>`+
		`<Properties xmlns:x="http://cybox.mitre.org/objects#AddressObject-2"><x:Address_Value>192.0.2.1</x:Address_Value></Properties></Object></Observable>`)+
		inds(xInd(`negate="true"`, xObs("i", `idref="a"`, ""))), "ip 192.0.2.1 (negated)")

	// Things without a value say so.
	f(inds(xInd(`id="ex:1"`, `<i:Title>192.0.2.1 is bad</i:Title>`)), "indicator 192.0.2.1 is bad (no type)")
	f(inds(xInd("", xObs("i", "", `<c:Title>bad.example</c:Title>`))), "observable bad.example (no type)")
	f(inds(xInd("", xObs("i", `id="ex:1"`, `<c:Object><c:Properties xsi:type="O:AddressObjectType"/></c:Object>`))), "observable ex:1 (no type)")
	f(`<x:Observables xmlns:x="http://cybox.mitre.org/cybox_v1"><x:Observable><x:Stateful_Measure><x:Object><x:Defined_Object xsi:type="O:AddressObjectType">`+
		`<A:Address_Value>192.0.2.1</A:Address_Value></x:Defined_Object></x:Object></x:Stateful_Measure></x:Observable></x:Observables>`, "observable 192.0.2.1 (no type)")

	object := func(kind, fields string, want ...string) {
		t.Helper()
		f(inds(xInd("", xObs("i", "", xProps(kind, fields)))), want...)
	}
	// Fields that the tables do not know.
	object("System", `><O:Hostname>h</O:Hostname><O:IP_Address><A:Address_Value>192.0.2.1</A:Address_Value></O:IP_Address><O:Hashes><cc:Hash><cc:Simple_Hash_Value>ab</cc:Simple_Hash_Value></cc:Hash></O:Hashes>`,
		"System h (no type)", "IP_Address 192.0.2.1 (no type)", "digest of a part ab (no type)")
	object("File", `><F:File_Name>a.exe</F:File_Name><v:Source xmlns:v="http://vendor.example/">bad.example</v:Source>`, "file_name a.exe (together)", "File bad.example (no type)")
	object("DomainName", `><O:Value>bad.example</O:Value><O:Registrar><A:Address_Value>192.0.2.1</A:Address_Value></O:Registrar>`, "domain bad.example", "Registrar 192.0.2.1 (no type)")
	object("EmailMessage", `><M:Header><M:Errors_To>a@bad.example</M:Errors_To></M:Header>`, "email a@bad.example")

	// Lists and ranges as people write them.
	address := func(v string) string { return `><A:Address_Value>` + v + `</A:Address_Value>` }
	object("Address", address("192.0.2.1##COMMA##192.0.2.2"), "ip 192.0.2.1", "ip 192.0.2.2")
	object("Address", address("192.0.2.8-11"), "cidr 192.0.2.8/30")
	object("Address", address("192.0.2.8-7"), "ip 192.0.2.8-7 (condition)")
	url := func(v string) string { return ` type="URL"><O:Value>` + v + `</O:Value>` }
	object("URI", url("http://a.example/x,http://b.example/?y"), "url http://a.example/x", "url http://b.example/?y")
	object("URI", url("http://a.example/?u=x,http://b.example/"), "url http://a.example/?u=x,http://b.example/")
	object("URI", url("http://a.example/x,u=http://b.example/"), "url http://a.example/x,u=http://b.example/")
}
