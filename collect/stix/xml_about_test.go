package stix

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestXMLMetadata(t *testing.T) {
	doc := `<s:STIX_Package id="ex:p" timestamp="2024-05-03T00:00:00.123456789Z"` + xNamespaces + `><s:STIX_Header><s:Title>Name &amp; more</s:Title>
<s:Package_Intent>Indicators</s:Package_Intent><s:Description>Words</s:Description><s:Short_Description>https://otx.alienvault.com/pulse/abc123</s:Short_Description>
<s:Handling><m:Marking><m:Marking_Structure color="GREEN"/><m:Marking_Structure color="AMBER"/></m:Marking></s:Handling>
<s:Information_Source><sc:Identity><sc:Name>Somebody</sc:Name></sc:Identity><sc:Time><cc:Produced_Time>2024-05-01T10:20:30.5</cc:Produced_Time></sc:Time>
<sc:References><sc:Reference>http://example.com/report</sc:Reference><sc:Reference>http://example.com/report</sc:Reference></sc:References></s:Information_Source></s:STIX_Header>` +
		xIn("Indicators", `<s:Indicator id="ex:i" timestamp="2024-04-01T00:00:00+02:00"><i:Handling><m:Marking><m:Marking_Structure color="RED"/></m:Marking></i:Handling><i:Title>Title</i:Title><i:Type>C2</i:Type><i:Type>IP Watchlist</i:Type><i:Description>Why</i:Description>
<i:Valid_Time_Position><i:Start_Time>2024-01-01T00:00:00</i:Start_Time><i:End_Time precision="day">2025-01-01T00:00:00Z</i:End_Time></i:Valid_Time_Position>
<i:Valid_Time_Position><i:End_Time>2024-06-01T00:00:00Z</i:End_Time></i:Valid_Time_Position>`+
			xObs("i", "", `<c:Title>hostname - www.example.com</c:Title>`+xProps("DomainName", `><D:Value>www.example.com</D:Value>`))+
			`<i:Confidence><sc:Value>High</sc:Value></i:Confidence></s:Indicator>`) +
		xIn("Observables", xObs("c", `id="ex:o"`, `<c:Keywords><c:Keyword>word</c:Keyword></c:Keywords><c:Title>Seen</c:Title><c:Description>There</c:Description>`+xAddr("192.0.2.1"))) +
		xIn("TTPs", `<s:TTP><ttp:Title>Malware: A</ttp:Title><ttp:Behavior><ttp:Malware><ttp:Malware_Instance><ttp:Name>A</ttp:Name><ttp:Name>B</ttp:Name></ttp:Malware_Instance></ttp:Malware></ttp:Behavior></s:TTP>
<s:TTP><ttp:Title>C</ttp:Title><ttp:Behavior><ttp:Malware><ttp:Malware_Instance/></ttp:Malware></ttp:Behavior></s:TTP>
<s:TTP><ttp:Title>T1059.001 PowerShell</ttp:Title><ttp:Behavior><ttp:Attack_Patterns><ttp:Attack_Pattern capec_id="CAPEC-98"/></ttp:Attack_Patterns></ttp:Behavior></s:TTP>`) +
		xIn("Campaigns", `<s:Campaign><s:Title>Operation X</s:Title></s:Campaign>`) +
		xIn("Threat_Actors", `<s:Threat_Actor><ta:Title>Bear</ta:Title></s:Threat_Actor><s:Threat_Actor><ta:Title>Bear</ta:Title></s:Threat_Actor><s:Threat_Actor><ta:Title>Cat</ta:Title></s:Threat_Actor>`) +
		`</s:STIX_Package>`
	var got []Item
	var about *ioc.Report
	if err := ReadXML(strings.NewReader(doc), Options{}, func(i *Item) error {
		if i.About != nil {
			about = i.About
			return nil
		}
		got = append(got, *i)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	day := func(m time.Month, d int) time.Time { return time.Date(2024, m, d, 0, 0, 0, 0, time.UTC) }
	want := []Item{
		{ID: "ex:i", Member: ioc.Member{Observable: ioc.Observable{Type: ioc.Domain, Value: "www.example.com"}, Claim: ioc.Claim{
			Declared: "hostname", Role: "C2; IP Watchlist", Title: "Title", Description: "Why", Confidence: 85,
			Created: time.Date(2024, 3, 31, 22, 0, 0, 0, time.UTC), Expires: time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC),
		}}},
		{ID: "ex:o", Member: ioc.Member{Observable: ioc.Observable{Type: ioc.IP, Value: "192.0.2.1"}, Claim: ioc.Claim{Role: "observable", Title: "Seen", Description: "There"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("items (-want +got):\n%s", d)
	}
	report := &ioc.Report{
		ID: "abc123", Name: "Name & more", Author: "Somebody", Description: "Words", Adversary: "Bear, Cat", TLP: "red", URL: "https://otx.alienvault.com/pulse/abc123",
		Tags: []string{"Indicators", "word", "Operation X"}, References: []string{"http://example.com/report"}, Families: []string{"A", "B", "C"},
		Techniques: []string{"CAPEC-98", "T1059.001"}, Created: day(5, 1).Add(10*time.Hour + 20*time.Minute + 30*time.Second + 500*time.Millisecond),
		Modified: day(5, 3).Add(123456789),
	}
	if d := cmp.Diff(report, about); d != "" {
		t.Errorf("about (-want +got):\n%s", d)
	}
}

func TestXMLTime(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		got := xTime(s)
		if want == "" && !got.IsZero() || want != "" && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v, want %s", s, got, want)
		}
	}
	f("2024-05-01T10:20:30Z", "2024-05-01T10:20:30Z")
	f(" 2024-05-01T10:20:30.1+02:00\n", "2024-05-01T08:20:30.1Z")
	f("2024-05-01T10:20:30.123456789", "2024-05-01T10:20:30.123456789Z")
	f("2024-05-01T10:20:30+0000", "2024-05-01T10:20:30Z")
	f("2024-05-01 10:20:30", "2024-05-01T10:20:30Z")
	f("2024-05-01", "2024-05-01T00:00:00Z")
	f("", "")
	f("yesterday", "")
	f("2024-13-01T00:00:00Z", "")
}

func TestXMLConfidence(t *testing.T) {
	f := func(s string, want uint8) {
		t.Helper()
		if got := xConfidence(s); got != want {
			t.Errorf("%q is %d, want %d", s, got, want)
		}
	}
	f("High", 85)
	f("medium", 50)
	f("Low", 15)
	f("None", 0)
	f("Unknown", 0)
	f("75", 75)
	f("75%", 75)
	f("101", 0)
	f("NaN", 0)
	f("-1", 0)
}
