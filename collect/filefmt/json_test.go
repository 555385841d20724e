package filefmt

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestNDJSON(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		check(t, "ndjson", Options{}, content, want...)
	}
	f("")
	f(`{"type":"domain","value":"evil.com"}`, "domain evil.com")
	f("{\"value\":\"evil.com\"}\n\n{\"ioc\":\"1.2.3.4\"}\n", "evil.com", "1.2.3.4")
	f(`{"indicator":"1.2.3.4","type":"IPv4","title":null,"description":["odd"],"role":"c2","expiration":"2027-01-01T00:00:00"}`,
		"ip 1.2.3.4 declared=IPv4 role=c2 expires=2027-01-01T00:00:00")
	f(`{"type":"hunch","value":"x"}`, "hunch x")
	f(`{"type":"yara","value":"r","content":"rule r {}"}`, "yara r content=rule r {}")
	f("\"evil.com\"\n", "evil.com")
	f(`{"value":"evil.com","title":"`+strings.Repeat("x", 300_000)+"\"}\r\n{\"value\":\"evil.net\"}", "evil.com title="+strings.Repeat("x", 300_000), "evil.net")
	f(strings.Repeat("x", maxJSON)+"\n{\"value\":\"evil.net\"}", "! line 1: \""+strings.Repeat("x", 200)+"…\": "+longLine, "evil.net")
	f("{\"type\":\"ip\"}\n{bad\n{\"value\":\"evil.com\"}\n",
		`! line 1: "{\"type\":\"ip\"}": an object without a value: it needs type and value, or indicator`,
		`! line 2: invalid character 'b' looking for beginning of object key string: "{bad": not JSON of a shape that we know`,
		"evil.com")
	f("{\"kind\":\"indicator\",\"type\":\"ip\",\"value\":\"1.2.3.4\"}\n{\"kind\":\"summary\",\"indicators\":1}\n", "ip 1.2.3.4")
}

// What is exported comes back with every report and what it said.
func TestExportComesBack(t *testing.T) {
	day := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	reports := []ioc.Report{
		{ID: "p1", Name: "one", Author: "a", TLP: "amber", Tags: []string{"x"}, References: []string{"r"}, Families: []string{"f"}, Created: day, Modified: day},
		{ID: "p2", Name: "two"},
	}
	claims := []ioc.Claim{
		{Declared: "hostname", Original: "EVIL.com", Role: "c2", Title: "t", Description: "d", Confidence: 7, Created: day, Expires: day.AddDate(1, 0, 0)},
		{Content: "c"},
	}
	o := ioc.Observable{Type: ioc.Domain, Value: "evil.com"}
	line, err := json.Marshal(ioc.Indicator{Observable: o, Feed: "x", Reports: []ioc.Mention{
		{Report: reports[0], Claim: claims[0]}, {Report: reports[1], Claim: claims[1]}}})
	if err != nil {
		t.Fatal(err)
	}
	var gotReports []ioc.Report
	var gotMembers []ioc.Member
	err = readNDJSON(strings.NewReader(string(line)), Options{}, func(i *Item) error {
		if i.About != nil {
			gotReports = append(gotReports, *i.About)
		} else {
			gotMembers = append(gotMembers, i.Member)
		}
		return nil
	})
	want := []ioc.Member{{Observable: o, Claim: claims[0], Report: "p1"}, {Observable: o, Claim: claims[1], Report: "p2"}}
	if d := cmp.Diff(reports, gotReports) + cmp.Diff(want, gotMembers); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestJSON(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		check(t, "json", Options{}, content, want...)
	}
	f(`[]`)
	f(`{}`)
	f(`{"type":"ip","value":"1.2.3.4"}`, "ip 1.2.3.4")
	f(`[{"type":"ip","value":"1.2.3.4"},{"indicator":"evil.com","type":"domain"}]`, "ip 1.2.3.4", "domain evil.com")
	f(`["evil.com","http://evil.net/a"]`, "domain evil.com", "url http://evil.net/a")
	f(`{"list":{"evil.com":{"note":"also 1.2.3.4"}}}`, "domain evil.com", "ip 1.2.3.4")
	f(`{"note":"nothing"}`, `! : "note": no indicator found`)
	f(`{"results":[{"id":"5f","name":"P","author_name":"A","tags":["t"],"references":["https://blog.example/x"],"malware_families":[{"display_name":"M"}],
		"indicators":[{"id":1,"indicator":"evil.com","type":"domain","is_active":1}]},{"id":"60","indicators":[]}],"count":2,"next":null}`,
		`about "5f": id=5f name=P author=A tags=t refs=https://blog.example/x families=M`, "domain evil.com of=5f", `about "60": id=60 name= author=`)
	f(`{"id":"5f","name":"P","references":["https://blog.example/x"],"indicators":[{"indicator":"evil.com","type":"hostname"}]}`,
		"domain evil.com declared=hostname", `about "": id= name=P author=`+" refs=https://blog.example/x")
	f(`{"id":"5f","name":"P","indicators":[]}`, `about "": id= name=P author=`)
}

func TestJSONErrors(t *testing.T) {
	f := func(format, content, want string) {
		t.Helper()
		if _, err := items(t, format, Options{}, content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of %.60q: %v; want %q", format, content, err, want)
		}
	}
	for _, format := range []string{"json", "misp", "stix"} {
		f(format, `{"objects":[`, "ends before it is complete")
		f(format, `{"objects":[}`, "at byte")
		f(format, `{"objects":[]} {}`, "behind the end")
		f(format, `{"objects":[]} x`, "at byte")
	}
	f("misp", `{"Event":["`+strings.Repeat("x", maxValue+(1<<20))+`"]}`, "64 MiB")
	f("json", strings.Repeat("[", 20_000), "")
	f("misp", strings.Repeat(`{"Event":`, 20_000), "")
	f("stix", `{"foo":1}`, "not STIX 2")
}

const sampleEvent = `{"Event":{"info":"Bad thing","Orgc":{"name":"CERT"},"uuid":"u1","date":"2026-01-02","timestamp":"1658223000",
"Tag":[{"name":"tlp:green"},{"name":"tlp:amber"},{"name":"misp-galaxy:mitre-attack-pattern=\"Web - T1071.001\""},{"name":"misp-galaxy:threat-actor=\"Sofacy\""},
{"name":"misp-galaxy:ransomware=\"Akira\""},{"name":"other"},{"name":null},7],
"Galaxy":[{"x":[1,2]}],
"Attribute":[
 {"uuid":"a1","type":"hostname","value":"a.evil.com","to_ids":true,"comment":"c2","timestamp":"1658223000"},
 {"uuid":"a2","type":"domain","value":"google.com","to_ids":false},
 {"uuid":"a3","type":"domain","value":"old.evil.com","to_ids":true,"deleted":true},
 {"uuid":"a4","type":"filename|md5","value":"a|b.exe|44d88612fea8a8f36de82e1278abb02f","to_ids":1},
 {"uuid":"a5","type":"ip-dst|port","value":"192.0.2.1|80","to_ids":"1"},
 {"uuid":"a6","type":"ip-src|port","value":"2001:db8::1|80","to_ids":true},
 {"uuid":"a7","type":"link","value":"https://blog.example/x","to_ids":false},
 {"uuid":"a8","type":"domain|ip","value":"evil.net|192.0.2.2","to_ids":true},
 {"uuid":"a9","type":"threat-actor-note","value":"odd","to_ids":true},
 "no object"],
"Object":[{"name":"file","deleted":false,"Attribute":[{"uuid":"o1","type":"sha1","value":"3c0db3a5194e1568e8e2164149f30763b7f3043d","to_ids":true}]},
 {"name":"file","deleted":true,"Attribute":[{"uuid":"o2","type":"sha1","value":"x","to_ids":true}]}]}}`

func TestMISP(t *testing.T) {
	want := []string{
		"domain a.evil.com of=event 2 declared=hostname title=c2 created=2022-07-19T09:30:00",
		`! attribute a2: "google.com": ` + NotForDetection,
		"file_name a|b.exe of=event 2 declared=filename|md5",
		"md5 44d88612fea8a8f36de82e1278abb02f of=event 2 declared=filename|md5",
		"ip_port 192.0.2.1:80 of=event 2 declared=ip-dst|port",
		"ip_port [2001:db8::1]:80 of=event 2 declared=ip-src|port",
		"domain evil.net of=event 2 declared=domain|ip",
		"ip 192.0.2.2 of=event 2 declared=domain|ip",
		"threat-actor-note odd of=event 2",
		`! json: cannot unmarshal string into Go value of type filefmt.mispAttribute: "\"no object\"": not JSON of a shape that we know`,
		"sha1 3c0db3a5194e1568e8e2164149f30763b7f3043d of=event 2",
		`about "event 2": id=u1 name=Bad thing author=CERT tags=other refs=https://blog.example/x families=Akira attack=T1071.001 tlp=amber adversary=Sofacy`,
	}
	check(t, "misp", Options{}, sampleEvent, want...)
	want[1] = "domain google.com of=event 2"
	check(t, "misp", Options{Context: true}, sampleEvent, want...)
}

func TestMISPWrappings(t *testing.T) {
	const bare = `{"uuid":"u","Attribute":[{"type":"domain","value":"evil.com","to_ids":true}]}`
	f := func(content, n string) {
		t.Helper()
		check(t, "misp", Options{}, content, "domain evil.com of=event "+n, `about "event `+n+`": id=u name= author=`)
	}
	f(bare, "1")
	f("["+bare+"]", "1")
	f(`{"Event":`+bare+`}`, "2")
	f(`[{"Event":`+bare+`}]`, "2")
	f(`{"response":[{"Event":`+bare+`}]}`, "3")
	f(`{"response":`+bare+`}`, "2")
	check(t, "misp", Options{}, `{"response":[]}`)
	check(t, "misp", Options{}, `{"response":null}`)
}
