package stix

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// xFromOTX are the types of the expected file that OTX has no name for.
var xFromOTX = map[string]ioc.Type{
	"FileName": ioc.FileName, "RegistryKey": ioc.RegistryKey, "SSDEEP": ioc.SSDeep, "UserAgent": ioc.UserAgent, "EmailSubject": ioc.EmailSubject,
	"Port": "port", "CertSerial": "certificate_serial",
}

// TestReadXMLExpected reads packages as OTX writes them and compares with what
// a careful reader took from them: members, what holds together only, and what
// is left out for another reason.
func TestReadXMLExpected(t *testing.T) {
	dir := testdir.Shared(t, "recipes", "taxii")
	var expected map[string]struct {
		IOCs, Conditional [][2]string
		None              []string
	}
	raw, err := os.ReadFile(filepath.Join(dir, "expected-iocs.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "stix1", "*.xml"))
	if len(files) != 4 {
		t.Fatalf("%d packages, want 4", len(files))
	}
	typed := func(list [][2]string) (out []string) {
		for _, v := range list {
			typ, ok := ioc.FromOTX(v[0])
			if !ok {
				if typ, ok = xFromOTX[v[0]]; !ok {
					t.Errorf("no type for %s", v[0])
				}
			}
			out = append(out, string(typ)+" "+v[1])
		}
		slices.Sort(out)
		return out
	}
	for _, f := range files {
		name, _, _ := strings.Cut(filepath.Base(f), ".")
		t.Run(name, func(t *testing.T) {
			var members, together, none []string
			xReadFile(t, f, func(i *Item) {
				v := string(i.Type) + " " + i.Value
				switch i.Refused {
				case "":
					members = append(members, v)
				case TogetherOnly:
					together = append(together, v)
				default:
					if !strings.HasPrefix(string(i.Type), "registry_") { // what stands in a key, which the list leaves out
						none = append(none, i.Value)
					}
				}
			})
			want := expected[name]
			slices.Sort(want.None)
			for _, l := range [][]string{members, together, none} {
				slices.Sort(l)
			}
			if d := cmp.Diff(typed(want.IOCs), members); d != "" {
				t.Errorf("members (-want +got):\n%s", d)
			}
			if d := cmp.Diff(typed(want.Conditional), together); d != "" {
				t.Errorf("together only (-want +got):\n%s", d)
			}
			// A path stands in the data twice, once as a URL that it is Contained
			// in and once as a request line.
			if d := cmp.Diff(want.None, slices.Compact(none)); d != "" {
				t.Errorf("left out (-want +got):\n%s", d)
			}
		})
	}
}

// xReadFile reads a file and hands on its values, without the reports.
func xReadFile(t *testing.T, path string, value func(*Item)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = ReadXML(f, Options{}, func(i *Item) error {
		if i.About == nil {
			value(i)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadXMLShared counts what is read from real reports: members by type, the
// rest by reason and type.
func TestReadXMLShared(t *testing.T) {
	dir := testdir.Shared(t, "data", "stix1")
	files, _ := filepath.Glob(filepath.Join(dir, "*.xml"))
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".xml")
		t.Run(name, func(t *testing.T) {
			got := map[string]int{}
			xReadFile(t, f, func(i *Item) {
				k := string(i.Type)
				if i.Refused != "" {
					k += " (" + xShort[i.Refused] + ")"
				}
				got[k]++
			})
			if d := cmp.Diff(xSharedCounts[name], xCounts(got)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func xCounts(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s: %d", k, m[k]))
	}
	return strings.Join(out, "; ")
}

var xShort = map[string]string{
	TogetherOnly: "together", NotEquality: "condition", Negated: "negated", Observation: "observed", Benign: "benign",
	Unresolved: "unresolved", NoType: "no type", OtherPattern: "other pattern", Malformed: "malformed",
}

// xSharedCounts was checked with Python's ElementTree, which knows nothing of
// our rules. To recount: take the elements Address_Value (its type is category,
// default ipv4-addr), DomainNameObj:Value, URIObj:Value, MutexObj:Name,
// Simple_Hash_Value (by length), File_Name, Subject, CVE_ID, Rule and
// cyboxCommon:Property. Those with a condition other than Equals are "condition";
// those below Incidents or Courses_Of_Action, or in an observable that only
// these refer to, and those in a Whois object are "observed"; Properties of a
// File are "no type", those of a Code object are its one refusal. No AND and no
// dangling idref of an Observable, Object or Indicator is in these files. Of
// the 194 MD5 two have 31 digits in the report; package canon refuses them.
var xSharedCounts = map[string]string{
	"fireeye-pivy-indicators":                         "Code (no type): 10; ID (no type): 149; PIVY Password (no type): 22; domain: 147; ip: 165; md5: 194; mutex: 148",
	"fireeye-pivy-observables":                        "Code (no type): 10; ID (no type): 149; PIVY Password (no type): 22; domain: 147; email (observed): 1; ip: 165; md5: 194; mutex: 148",
	"fireeye-pivy-report-with-indicators":             "Code (no type): 10; ID (no type): 149; PIVY Password (no type): 22; domain: 147; ip: 165; md5: 194; mutex: 148",
	"idiom-block-network-traffic":                     "ip (observed): 1",
	"idiom-command-and-control-ip-list":               "ip: 3",
	"idiom-cve-in-exploit-target":                     "cve: 1",
	"idiom-file-hash-reputation":                      "sha256: 1",
	"idiom-incident-with-related-observables":         "file_name (observed): 2; sha256 (observed): 2",
	"idiom-indicator-for-c2-ip-address":               "ip: 1",
	"idiom-indicator-for-malicious-url":               "url: 1",
	"idiom-malicious-email-indicator-with-attachment": "email_subject (condition): 2; file_name (condition): 1",
	"idiom-malware-indicator-for-file-hash":           "sha256: 1",
	"idiom-indicator-w-kill-chain":                    "indicator (no type): 1",
	"idiom-kill-chain":                                "indicator (no type): 1",
	"idiom-new-style":                                 "ip: 1",
	"idiom-old-style":                                 "ip: 1",
	"idiom-openioc-test-mechanism":                    "openioc2010 (other pattern): 1",
	"idiom-sample-combined":                           "ip: 3; ip (observed): 3",
	"idiom-sample-incidents":                          "ip (observed): 3",
	"idiom-sample-indicators":                         "ip: 3",
	"idiom-snort-test-mechanism":                      "cve: 1; snort (other pattern): 1",
	"idiom-yara-test-mechanism":                       "yara: 1",
}
