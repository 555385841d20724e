package filefmt

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/collect/stix"
)

// The patterns and objects themselves are tested in package stix: here it is
// how what they say becomes items of a file.

func TestSTIX(t *testing.T) {
	f := func(pattern string, want ...string) {
		t.Helper()
		p, err := json.Marshal(pattern)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "stix", Options{}, `{"type":"bundle","objects":[{"type":"indicator","id":"indicator--1","pattern":`+string(p)+`}]}`, want...)
	}
	f("[file:hashes.'SHA-256' = 'ab']", "sha256 ab")
	f(`[file:hashes."SHA-256"='ab']`, "sha256 ab")
	f("[file:hashes.MD5 = 'ab' OR file:hashes.'SHA-1' = 'cd'] or [domain-name:value='evil.com']", "md5 ab", "sha1 cd", "domain evil.com")
	f("[ipv4-addr:value = '192.0.2.0/24']", "cidr 192.0.2.0/24")
	f(`[mutex:name = 'it\'s \\x']`, `mutex it's \x`)
	f("[url:value = 'http://a/?a=b]']", "url http://a/?a=b]")
	f("[domain-name:value = 'evil.com' AND domain-name:value != 'evil.net']",
		`! indicator--1: domain-name:value: "evil.com": `+stix.TogetherOnly, `! indicator--1: domain-name:value: "evil.net": `+stix.Negated)
	f("[process:name = 'x']", `! indicator--1: process:name: "x": `+stix.NoType)
	f("[domain-name:value = 'a", `! indicator--1: pattern: at byte 23: expected the end of the string, found the end: "[domain-name:value = 'a": `+stix.BadPattern)
	f("", `! indicator--1: it has no pattern: "": `+stix.BadPattern)
}

func TestSTIXBundle(t *testing.T) {
	const bundle = `{"type":"bundle","id":"bundle--1","objects":[
		{"type":"indicator","pattern_type":"yara","id":"indicator--2","pattern":"rule x {}"},
		{"type":"indicator","pattern_type":"sigma","id":"indicator--3","pattern":"title: x"},
		{"type":"indicator","revoked":true,"pattern":"[domain-name:value = 'gone.com']"},
		{"type":"indicator","name":"n","confidence":80,"valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z","pattern":"[domain-name:value = 'evil.com']"},
		{"type":"malware","id":"malware--1","name":"Akira"},{"type":"threat-actor","id":"threat-actor--1","name":"Gang"},
		{"type":"attack-pattern","id":"attack-pattern--1","name":"x","external_references":[{"source_name":"mitre-attack","external_id":"T1486"}]},
		{"type":"report","id":"report--1","name":"R","labels":["l"],"external_references":[{"url":"https://blog.example/r"}]},
		{"type":"url","id":"url--1","value":"http://seen.example/"},
		7]}`
	want := []string{
		`! it is no object: "7": ` + stix.Malformed,
		"yara rule x content=rule x {}",
		`! indicator--3: sigma: "title: x": ` + stix.OtherPattern,
		"domain evil.com title=n created=2026-01-01T00:00:00 expires=2027-01-01T00:00:00 confidence=80",
		`! url--1: "http://seen.example/": ` + stix.Observation,
		`about "": id=report--1 name=R author= tags=l refs=https://blog.example/r families=Akira attack=T1486 tlp= adversary=Gang`,
	}
	check(t, "stix", Options{}, bundle, want...)
	want[4] = "url http://seen.example/"
	check(t, "stix", Options{Context: true}, bundle, want...)
}

// What a TAXII server answered may be saved and read like a file.
func TestSTIXSavedAnswers(t *testing.T) {
	const pack = `<s:STIX_Package xmlns:s="http://stix.mitre.org/stix-1" xmlns:c="http://cybox.mitre.org/cybox-2" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"
		xmlns:d="http://cybox.mitre.org/objects#DomainNameObject-1" id="p" version="1.2"><s:Observables cybox_major_version="2"><c:Observable id="o"><c:Object>
		<c:Properties x:type="d:DomainNameObjectType" type="FQDN"><d:Value>evil.com</d:Value></c:Properties></c:Object></c:Observable></s:Observables></s:STIX_Package>`
	f := func(format, content, value string) {
		t.Helper()
		if got := Detect("x.xml", []byte(content)).Name; got != format {
			t.Errorf("%.60s: %s", content, got)
		}
		got, err := items(t, format, Options{}, content)
		if err != nil || !strings.HasPrefix(got, value) && !strings.Contains(got, "\n"+value) {
			t.Errorf("%.60s: %v\n%s", content, err, got)
		}
	}
	f("stix", `{"more":false,"objects":[{"type":"indicator","id":"indicator--62a6d538-0208-5e43-8a2d-000000000000","pattern":"[domain-name:value = 'evil.com']"}]}`, "domain evil.com")
	f("stix1", pack, "domain evil.com")
	// A wrapper that is not STIX 2 is an error, not an empty list.
	for _, wrap := range []string{`{"response":{"objects":[%]}}`, `{"response":[{"objects":[%]}]}`, `{"more":false,"data":{"objects":[%]}}`, `{"objects":{"0":%}}`} {
		content := strings.Replace(wrap, "%", `{"type":"indicator","id":"indicator--62a6d538-0208-5e43-8a2d-000000000000","pattern":"[domain-name:value = 'evil.com']"}`, 1)
		if got := Detect("x.json", []byte(content)).Name; got != "stix" && got != "json" {
			t.Errorf("%s: %s", wrap, got)
		} else if out, err := items(t, got, Options{}, content); err == nil && !strings.Contains(out, "evil.com") {
			t.Errorf("%s: read as %s: nothing, and no error", wrap, got)
		}
	}
	f("stix1", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>"+pack, "domain evil.com") // the charset is undone by Open
	f("stix1", `<t:Poll_Response xmlns:t="http://taxii.mitre.org/messages/taxii_xml_binding-1.1" message_id="1" in_response_to="2" collection_name="c"><t:Content_Block><t:Content_Binding binding_id="urn:stix.mitre.org:xml:1.2"/><t:Content>`+
		pack+`</t:Content></t:Content_Block></t:Poll_Response>`, "domain evil.com")
}
