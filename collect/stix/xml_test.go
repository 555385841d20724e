package stix

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/xmltok"
)

const xNamespaces = ` xmlns:A="http://cybox.mitre.org/objects#AddressObject-2" xmlns:D="http://cybox.mitre.org/objects#DomainNameObject-1"
 xmlns:H="http://cybox.mitre.org/objects#HostnameObject-1" xmlns:U="http://cybox.mitre.org/objects#URIObject-2" xmlns:F="http://cybox.mitre.org/objects#FileObject-2"
 xmlns:M="http://cybox.mitre.org/objects#EmailMessageObject-2" xmlns:X="http://cybox.mitre.org/objects#MutexObject-2" xmlns:O="http://cybox.mitre.org/objects#SomeObject-9"
 xmlns:c="http://cybox.mitre.org/cybox-2" xmlns:cc="http://cybox.mitre.org/common-2" xmlns:i="http://stix.mitre.org/Indicator-2" xmlns:s="http://stix.mitre.org/stix-1"
 xmlns:sc="http://stix.mitre.org/common-1" xmlns:ttp="http://stix.mitre.org/TTP-1" xmlns:inc="http://stix.mitre.org/Incident-1" xmlns:r="http://stix.mitre.org/Report-1"
 xmlns:coa="http://stix.mitre.org/CourseOfAction-1" xmlns:y="http://stix.mitre.org/extensions/TestMechanism#YARA-1" xmlns:sn="http://stix.mitre.org/extensions/TestMechanism#Snort-1"
 xmlns:et="http://stix.mitre.org/ExploitTarget-1" xmlns:ta="http://stix.mitre.org/ThreatActor-1" xmlns:m="http://data-marking.mitre.org/Marking-1"
 xmlns:ex="http://example.com/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`

// xPack makes a package of the sections in it.
func xPack(sections string) string {
	return `<s:STIX_Package id="ex:p" version="1.2"` + xNamespaces + `>` + sections + `</s:STIX_Package>`
}

func xIn(section, body string) string { return "<s:" + section + ">" + body + "</s:" + section + ">" }

// xProps is an Object with Properties of a type.
func xProps(typ, fields string) string {
	return `<c:Object><c:Properties xsi:type="O:` + typ + `ObjectType"` + fields + `</c:Properties></c:Object>`
}

func xAddr(a string) string {
	return xProps("Address", `><A:Address_Value>`+a+`</A:Address_Value>`)
}

// xInd is an indicator with the observable in it.
func xInd(attrs, observable string) string {
	return `<s:Indicator ` + attrs + `>` + observable + `</s:Indicator>`
}

func xObs(tag, attrs, body string) string {
	return "<" + tag + ":Observable " + attrs + ">" + body + "</" + tag + ":Observable>"
}

func xComp(op string, parts ...string) string {
	return `<c:Observable_Composition operator="` + op + `">` + strings.Join(parts, "") + `</c:Observable_Composition>`
}

// xRead returns what is read, a line a value: "type value", refusals with the
// reason in brackets, sorted.
func xRead(t *testing.T, doc string, o Options) []string {
	t.Helper()
	var out []string
	err := ReadXML(strings.NewReader(doc), o, func(i *Item) error {
		if i.About != nil {
			return nil
		}
		line := string(i.Type) + " " + i.Value
		if i.Refused != "" {
			line += " (" + xShort[i.Refused] + ")"
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Errorf("%v in %s", err, doc)
	}
	slices.Sort(out)
	return out
}

func TestXMLStructure(t *testing.T) {
	f := func(sections string, want ...string) {
		t.Helper()
		slices.Sort(want)
		if d := cmp.Diff(want, xRead(t, xPack(sections), Options{})); d != "" {
			t.Errorf("%s\n-want +got:\n%s", sections, d)
		}
	}
	one, two := xObs("c", "", xAddr("192.0.2.1")), xObs("c", "", xAddr("192.0.2.2"))
	named := func(id, a string) string { return xObs("c", `id="`+id+`"`, xAddr(a)) }
	ref := func(tag, id string) string { return xObs(tag, `idref="`+id+`"`, "") }
	inds := func(body ...string) string { return xIn("Indicators", strings.Join(body, "")) }
	iobs := func(body string) string { return xObs("i", "", body) }

	// AND, OR, and what they are within each other.
	f(inds(xInd("", iobs(xComp("OR", one, two)))), "ip 192.0.2.1", "ip 192.0.2.2")
	f(inds(xInd("", iobs(xComp("AND", one, two)))), "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(inds(xInd("", iobs(xComp("AND", one)))), "ip 192.0.2.1")
	f(inds(xInd("", iobs(xComp("", one, two)))), "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(inds(xInd("", iobs(xComp("AND", one, xObs("c", "", xComp("OR", two)))))), "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(inds(xInd("", iobs(xComp("OR", one, xObs("c", "", xComp("AND", two, named("ex:3", "192.0.2.3"))))))),
		"ip 192.0.2.1", "ip 192.0.2.2 (together)", "ip 192.0.2.3 (together)")
	f(inds(xInd("", iobs(xComp("or", one, xObs("c", "", xComp("or", two)))))), "ip 192.0.2.1", "ip 192.0.2.2")
	f(inds(xInd("", xObs("i", "", xAddr("192.0.2.1"))+xObs("i", "", xAddr("192.0.2.2")))), "ip 192.0.2.1", "ip 192.0.2.2")

	// Negation.
	f(inds(xInd(`negate="true"`, iobs(xAddr("192.0.2.1")))), "ip 192.0.2.1 (negated)")
	f(inds(xInd(`negate="false"`, iobs(xAddr("192.0.2.1")))), "ip 192.0.2.1")
	f(inds(xInd("", iobs(xComp("OR", one, xObs("c", `negate="1"`, xAddr("192.0.2.2")))))), "ip 192.0.2.1", "ip 192.0.2.2 (negated)")
	f(inds(xInd("", xObs("i", `negate="true"`, xComp("OR", one, two)))), "ip 192.0.2.1 (negated)", "ip 192.0.2.2 (negated)")
	f(xIn("Observables", named("ex:1", "192.0.2.1"))+inds(xInd("", xObs("i", `idref="ex:1" negate="true"`, ""))), "ip 192.0.2.1 (negated)")

	// References, back and forth, once.
	f(xIn("Observables", named("ex:1", "192.0.2.1")), "ip 192.0.2.1")
	f(xIn("Observables", named("ex:1", "192.0.2.1"))+inds(xInd("", ref("i", "ex:1")), xInd("", ref("i", "ex:1"))), "ip 192.0.2.1")
	f(inds(xInd("", ref("i", "ex:1")))+xIn("Observables", named("ex:1", "192.0.2.1")), "ip 192.0.2.1")
	f(inds(xInd("", iobs(xComp("AND", named("ex:1", "192.0.2.1"), two))), xInd("", ref("i", "ex:1"))), "ip 192.0.2.1", "ip 192.0.2.2 (together)")
	f(inds(xInd("", ref("i", "ex:1")), xInd("", iobs(xComp("AND", named("ex:1", "192.0.2.1"), two)))), "ip 192.0.2.1", "ip 192.0.2.2 (together)")
	f(xIn("Observables", named("ex:1", "192.0.2.1")+named("ex:2", "192.0.2.2"))+inds(xInd("", iobs(xComp("AND", ref("c", "ex:1"), ref("c", "ex:2"))))),
		"ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(xIn("Observables", xObs("c", `id="ex:c"`, xComp("AND", named("ex:1", "192.0.2.1"), two)))+inds(xInd("", ref("i", "ex:c"))),
		"ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(xIn("Observables", `<c:Observable id="ex:1"><c:Object id="ex:o"><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></c:Object></c:Observable>`)+
		inds(xInd("", iobs(`<c:Object idref="ex:o"/>`))), "ip 192.0.2.1")
	f(inds(xInd("", iobs(`<c:Object idref="ex:o"/>`)), xInd("", ref("i", "ex:1")))+
		xIn("Observables", `<c:Observable id="ex:1"><c:Object id="ex:o"><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></c:Object></c:Observable>`), "ip 192.0.2.1")
	f(inds(xInd("", ref("i", "ex:none")), xInd("", ref("i", "ex:none"))), "reference ex:none (unresolved)")

	// Ids are of their namespaces, not of their prefixes.
	f(xIn("Observables", `<c:Observable id="o:1" xmlns:o="http://example.com/"><c:Object><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></c:Object></c:Observable>`)+
		inds(xInd("", ref("i", "ex:1"))), "ip 192.0.2.1")
	f(inds(xInd("", `<i:Observable idref="ex:1" xmlns:ex="http://other.example/"/>`))+xIn("Observables", named("ex:1", "192.0.2.1")),
		"ip 192.0.2.1", "reference ex:1 (unresolved)")

	// Two things with one id are two things; the same one twice is one.
	f(xIn("Observables", named("ex:1", "192.0.2.1")+named("ex:1", "192.0.2.2")), "ip 192.0.2.1", "ip 192.0.2.2")
	f(xIn("Observables", named("ex:1", "192.0.2.1")+named("ex:1", "192.0.2.1")), "ip 192.0.2.1")
	f(inds(xInd("", xObs("i", `id="ex:1"`, xAddr("192.0.2.1"))), xInd("", xObs("i", `id="ex:1"`, xAddr("192.0.2.2")))), "ip 192.0.2.1", "ip 192.0.2.2")

	// Circles.
	f(xIn("Observables", xObs("c", `id="ex:1"`, xComp("OR", ref("c", "ex:2"), one))+xObs("c", `id="ex:2"`, xComp("OR", ref("c", "ex:1"), two))), "ip 192.0.2.1", "ip 192.0.2.2")
	f(xIn("Observables", xObs("c", `id="ex:1"`, xComp("OR", ref("c", "ex:1"), one))), "ip 192.0.2.1")
	f(inds(xInd(`id="ex:1"`, `<i:Composite_Indicator_Expression operator="OR"><i:Indicator idref="ex:1"/></i:Composite_Indicator_Expression>`)))

	// Composite indicators. What is listed in the package stands alone whoever
	// names it; what is written inside of an AND does not, unless it is named.
	composite := func(op string, parts ...string) string {
		return `<i:Composite_Indicator_Expression operator="` + op + `">` + strings.Join(parts, "") + `</i:Composite_Indicator_Expression>`
	}
	inner := func(id, a string) string {
		return `<i:Indicator id="` + id + `">` + iobs(xAddr(a)) + `</i:Indicator>`
	}
	f(inds(xInd("", composite("OR", inner("ex:1", "192.0.2.1"), inner("ex:2", "192.0.2.2")))), "ip 192.0.2.1", "ip 192.0.2.2")
	f(inds(xInd("", composite("AND", inner("ex:1", "192.0.2.1"), inner("ex:2", "192.0.2.2")))), "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	f(inds(xInd(`id="ex:1"`, iobs(xAddr("192.0.2.1"))), xInd("", composite("AND", `<i:Indicator idref="ex:1"/>`, inner("ex:2", "192.0.2.2")))),
		"ip 192.0.2.1", "ip 192.0.2.2 (together)")
	f(inds(xInd("", composite("AND", inner("ex:1", "192.0.2.1"), inner("ex:2", "192.0.2.2"))), xInd("", composite("OR", `<i:Indicator idref="ex:2"/>`))),
		"ip 192.0.2.1 (together)", "ip 192.0.2.2")
	f(inds(xInd("", composite("AND", inner("ex:1", "192.0.2.1"), inner("ex:2", "192.0.2.2"))))+
		xIn("Reports", `<s:Report><r:Indicators><r:Indicator idref="ex:1"/></r:Indicators></s:Report>`), "ip 192.0.2.1", "ip 192.0.2.2 (together)")
	f(inds(xInd("", composite("OR", `<i:Indicator negate="true">`+iobs(xAddr("192.0.2.1"))+`</i:Indicator>`))), "ip 192.0.2.1 (negated)")

	// Where else indicators and observables stand.
	f(xIn("Reports", `<s:Report><r:Observables>`+named("ex:1", "192.0.2.1")+`</r:Observables><r:Indicators><r:Indicator>`+iobs(xAddr("192.0.2.2"))+`</r:Indicator></r:Indicators></s:Report>`),
		"ip 192.0.2.1", "ip 192.0.2.2")
	f(xIn("Campaigns", `<s:Campaign><s:Related_Indicators><s:Related_Indicator><sc:Indicator>`+iobs(xAddr("192.0.2.1"))+`</sc:Indicator></s:Related_Indicator></s:Related_Indicators></s:Campaign>`), "ip 192.0.2.1")
	f(inds(xInd("", `<i:Related_Indicators><i:Related_Indicator><sc:Indicator idref="ex:elsewhere"/></i:Related_Indicator></i:Related_Indicators>`)))
	f(inds(xInd("", iobs(xAddr("192.0.2.1"))+`<i:Sightings><i:Sighting><i:Related_Observables><i:Related_Observable>`+xObs("sc", "", xAddr("192.0.2.2"))+`</i:Related_Observable></i:Related_Observables></i:Sighting></i:Sightings>`)),
		"ip 192.0.2.1", "ip 192.0.2.2 (observed)")
	f(xIn("Incidents", `<s:Incident><inc:Victim>`+one+`</inc:Victim><inc:Related_Observables><inc:Related_Observable>`+xObs("sc", "", xAddr("192.0.2.2"))+`</inc:Related_Observable></inc:Related_Observables></s:Incident>`),
		"ip 192.0.2.1 (benign)", "ip 192.0.2.2 (observed)")
	f(xIn("Observables", named("ex:1", "192.0.2.1"))+xIn("Incidents", `<s:Incident><inc:Related_Observable>`+ref("sc", "ex:1")+`</inc:Related_Observable></s:Incident>`), "ip 192.0.2.1 (observed)")
	f(xIn("Observables", named("ex:1", "192.0.2.1"))+xIn("Incidents", `<s:Incident><inc:Related_Observable>`+ref("sc", "ex:1")+`</inc:Related_Observable></s:Incident>`)+
		xIn("TTPs", `<s:TTP><ttp:Resources><ttp:Infrastructure><ttp:Type>C2</ttp:Type><ttp:Observable_Characterization>`+ref("c", "ex:1")+two+`</ttp:Observable_Characterization></ttp:Infrastructure></ttp:Resources></s:TTP>`),
		"ip 192.0.2.1", "ip 192.0.2.2")
	f(xIn("TTPs", `<s:TTP><ttp:Victim_Targeting><ttp:Targeted_Technical_Details>`+one+`</ttp:Targeted_Technical_Details></ttp:Victim_Targeting></s:TTP>`), "ip 192.0.2.1 (benign)")
	f(xIn("Courses_Of_Action", `<s:Course_Of_Action><coa:Parameter_Observables>`+one+`</coa:Parameter_Observables></s:Course_Of_Action>`), "ip 192.0.2.1 (observed)")
	f(inds(xInd("", xObs("i", "", `<c:Event><c:Actions><c:Action><c:Associated_Objects><c:Associated_Object><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></c:Associated_Object></c:Associated_Objects></c:Action></c:Actions></c:Event>`))),
		"ip 192.0.2.1 (together)")
	f(xIn("Related_Packages", `<s:Related_Package><s:Package>`+inds(xInd("", iobs(xAddr("192.0.2.1"))))+`</s:Package></s:Related_Package>`), "ip 192.0.2.1")

	f(xIn("TTPs", `<s:TTP><ttp:Behavior><ttp:Malware><ttp:Malware_Instance><m:x xmlns:m="http://maec.mitre.org/XMLSchema/maec-package-2"><m:Object id="ex:m"><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></m:Object></m:x></ttp:Malware_Instance></ttp:Malware></ttp:Behavior></s:TTP>`),
		"ip 192.0.2.1 (observed)")
	f(xIn("Observables", `<c:Pools><c:Object_Pool><c:Object id="ex:o"><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties></c:Object></c:Object_Pool></c:Pools>`)+
		inds(xInd("", iobs(`<c:Object idref="ex:o"/>`))), "ip 192.0.2.1")

	// Rules and vulnerabilities.
	mech := func(kind, body string) string {
		return inds(xInd(`id="ex:1"`, `<i:Title>T</i:Title><i:Test_Mechanisms><i:Test_Mechanism xsi:type="`+kind+`TestMechanismType">`+body+`</i:Test_Mechanism></i:Test_Mechanisms>`))
	}
	f(mech("y:Yara", `<y:Rule><![CDATA[import "pe" private rule a_b : x { condition: true } rule c {condition: true}]]></y:Rule>`), "yara T") // a rule on the line of an import is not found
	f(mech("y:Yara", "<y:Rule>import \"pe\"\nprivate rule a_b : x { condition: true } rule c {condition: true}</y:Rule>"), "yara rule a_b")
	f(mech("sn:Snort", `<sn:Rule>alert tcp any any -> any any (msg:"x"; sid:4711; rev:1;)</sn:Rule><sn:Rule>alert (sid:12;)</sn:Rule>`), "snort T (other pattern)")
	f(mech("y:Generic", `<y:Specification>x</y:Specification>`), "generic T (other pattern)")
	f(xIn("Exploit_Targets", `<sc:Exploit_Target id="ex:e"><et:Vulnerability><et:CVE_ID>CVE-2021-44228</et:CVE_ID></et:Vulnerability><et:Vulnerability><et:CVE_ID>CVE-2022-1234</et:CVE_ID><et:OSVDB_ID>7</et:OSVDB_ID></et:Vulnerability></sc:Exploit_Target><sc:Exploit_Target idref="ex:x"/>`),
		"cve CVE-2021-44228", "cve CVE-2022-1234", "osvdb 7 (no type)")
}

func TestXMLContextTakesObservations(t *testing.T) {
	doc := xPack(xIn("Courses_Of_Action", `<s:Course_Of_Action>`+xObs("c", "", xAddr("192.0.2.1"))+`</s:Course_Of_Action>`))
	if d := cmp.Diff([]string{"ip 192.0.2.1"}, xRead(t, doc, Options{Context: true})); d != "" {
		t.Error(d)
	}
}

// TestXMLHoldsLonger: what comes out with an indicator that ends comes once
// more if another one holds longer, with the latest end, however many there are.
func TestXMLHoldsLonger(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		var got []string
		if err := ReadXML(strings.NewReader(doc), Options{}, func(i *Item) error {
			if i.About == nil {
				got = append(got, fmt.Sprintf("%s %d %s", i.Value, i.Expires.Year(), i.Title))
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\n-want +got:\n%s", doc, d)
		}
	}
	until := func(year int, observable string) string {
		end := ""
		if year > 0 {
			end = fmt.Sprintf("<i:Valid_Time_Position><i:End_Time>%d-01-01T00:00:00Z</i:End_Time></i:Valid_Time_Position>", year)
		}
		return fmt.Sprintf(`<s:Indicator id="ex:i%d"><i:Title>%d</i:Title>%s%s</s:Indicator>`, year, year, end, observable)
	}
	ref := `<i:Observable idref="ex:1"/>`
	listed := xIn("Observables", xObs("c", `id="ex:1"`, xAddr("192.0.2.1")))
	inline := xObs("i", `id="ex:1"`, xAddr("192.0.2.1"))
	f(xPack(listed+xIn("Indicators", until(2020, ref)+until(2025, ref)+until(2023, ref)+until(2019, ref))), "192.0.2.1 2020 2020", "192.0.2.1 2025 2025")
	f(xPack(listed+xIn("Indicators", until(2020, ref)+until(0, ref)+until(2023, ref))), "192.0.2.1 2020 2020", "192.0.2.1 1 0")
	f(xPack(listed+xIn("Indicators", until(2025, ref)+until(2020, ref))), "192.0.2.1 2025 2025")
	f(xPack(xIn("Indicators", until(2020, inline)+until(2025, ref))), "192.0.2.1 2020 2020", "192.0.2.1 2025 2025")
	f(xPack(xIn("Indicators", until(2020, ref)+until(2025, ref)+until(2021, inline))), "192.0.2.1 2025 2025")
	f(xPack(xIn("Indicators", until(2020, xObs("i", "", xAddr("192.0.2.1")))+until(2025, ref))+listed), "192.0.2.1 2020 2020", "192.0.2.1 2025 2025")
	composite := strings.Replace(until(2020, `<i:Composite_Indicator_Expression operator="OR">`+xInd("", inline)+`</i:Composite_Indicator_Expression>`), "2020</i:Title>", "all</i:Title>", 1)
	f(xPack(xIn("Indicators", composite)), "192.0.2.1 2020 all")
	both := xObs("i", `id="ex:2"`, xComp("OR", xObs("c", `idref="ex:1"`, ""), xObs("c", "", xAddr("192.0.2.2"))))
	f(xPack(listed+xIn("Indicators", until(2020, both)+until(2030, `<i:Observable idref="ex:2"/>`)+until(2025, ref))),
		"192.0.2.1 2020 2020", "192.0.2.2 2020 2020", "192.0.2.2 2030 2030", "192.0.2.1 2030 2030")
}

func TestXMLDocuments(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		var got []string
		if err := ReadXML(strings.NewReader(doc), Options{}, func(i *Item) error {
			if i.About != nil {
				got = append(got, i.Report+": "+i.About.ID)
				return nil
			}
			if i.Refused == Malformed {
				i.Value = "broken"
			}
			got = append(got, i.Report+" "+string(i.Type)+" "+i.Value)
			return nil
		}); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\n-want +got:\n%s", doc, d)
		}
	}
	pack := func(id, a string) string {
		return strings.Replace(xPack(xIn("Indicators", xInd("", xObs("i", "", xAddr(a))))), "ex:p", id, 1)
	}
	escape := strings.NewReplacer("<", "&lt;", "&", "&amp;").Replace
	f(pack("ex:p", "192.0.2.1"), " ip 192.0.2.1", ": {http://example.com/}p")
	f(pack("nothere", "192.0.2.1"), " ip 192.0.2.1", ": nothere")
	f("<Poll_Response><Content_Block><Content>"+pack("ex:1", "192.0.2.1")+"</Content></Content_Block><Content_Block><Content> \n"+escape(pack("ex:2", "192.0.2.2"))+
		"</Content></Content_Block><Content><![CDATA[<?xml version='1.0'?>"+pack("ex:3", "192.0.2.3")+"]]></Content></Poll_Response>",
		"{http://example.com/}1 ip 192.0.2.1", "{http://example.com/}1: {http://example.com/}1", "{http://example.com/}2 ip 192.0.2.2", "{http://example.com/}2: {http://example.com/}2",
		"{http://example.com/}3 ip 192.0.2.3", "{http://example.com/}3: {http://example.com/}3")
	f("<x>"+pack("", "192.0.2.1")+"<c:Observables"+xNamespaces+">"+xObs("c", "", xAddr("192.0.2.2"))+"</c:Observables></x>",
		"package 1 ip 192.0.2.1", "package 1: ", "observables 2 ip 192.0.2.2", "observables 2: ")
	f("<c:Observables"+xNamespaces+">"+xObs("c", "", xAddr("192.0.2.2"))+"</c:Observables>", " ip 192.0.2.2", ": ")
	f("<x><Content>&lt;s:STIX_Package&gt;</Content>"+pack("ex:1", "192.0.2.1")+"</x>",
		" content broken", "{http://example.com/}1 ip 192.0.2.1", "{http://example.com/}1: {http://example.com/}1")
}

func TestXMLErrors(t *testing.T) {
	f := func(doc string, is error, says string) {
		t.Helper()
		err := ReadXML(strings.NewReader(doc), Options{}, func(*Item) error { return nil })
		if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.100s: %v, want %v with %q", doc, err, is, says)
		}
	}
	f("", nil, "")
	f("<a/>", ErrNotSTIX1, "")
	f("{}", nil, "")
	f(`<STIX_Package xmlns="http://example.com/"/>`, ErrNotSTIX1, "")
	f(`<STIX_Package/>`, ErrNotSTIX1, "")
	f(xPack("")[:200], io.ErrUnexpectedEOF, "")
	f(xPack("<s:Indicators><s:Indicator></s:Indicators>"), nil, "line")
	f("<!DOCTYPE x>"+xPack(""), xmltok.ErrDoctype, "")
	f(xPack(strings.Repeat("<s:Indicators>", 100)+strings.Repeat("</s:Indicators>", 100)), xmltok.ErrLimit, "")
	boom := errors.New("boom")
	if err := ReadXML(strings.NewReader(xPack(xIn("Observables", xObs("c", "", xAddr("192.0.2.1"))))), Options{}, func(*Item) error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
}
