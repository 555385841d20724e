package taxii1

import (
	"bytes"
	"context"
	"encoding/xml"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
)

// oursOf are our messages, every kind with everything that can be in it.
func oursOf(t *testing.T, version string) map[string][]byte {
	t.Helper()
	d := dialects[version]
	q := Query{Collection: "a <b> & \"c\"", Begin: time.Unix(1, 1), End: time.Unix(2, 1), Bindings: []string{"urn:a", "urn:b"}}
	m := InboxMessage{Binding: "urn:b", Message: "words\nof it", Content: []byte("\ufeff<?xml version='1.0'?>\n<p xmlns='urn:p'><q/></p>")}
	if !d.old() {
		m.Collections, m.Subtype = []string{"a", "b"}, "urn:sub"
	}
	inbox, err := m.request(d)
	if err != nil {
		t.Fatal(err)
	}
	m.Content = []byte("not XML & \"<so>\" ]]> \r\n")
	escaped, err := m.request(d)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{
		"discovery": newMessage(d, "Discovery_Request").done(),
		"listing":   newMessage(d, d.listing).done(),
		"poll":      q.request(d).done(),
		"poll all":  Query{Collection: "c"}.request(d).done(),
		"inbox":     inbox.done(),
		"escaped":   escaped.done(),
	}
	q.Bindings, q.SubscriptionID = nil, "urn:sub"
	out["subscription"] = q.request(d).done()
	if !d.old() {
		out["count"] = Query{Collection: "c", CountOnly: true}.request(d).done()
		out["part"] = q.fulfillment(d, "id", 7).done()
	}
	return out
}

func TestRequestsAreWellFormed(t *testing.T) {
	for _, version := range []string{"1.0", "1.1"} {
		for name, doc := range oursOf(t, version) {
			root := tree(t, doc)
			if root.Name.Space != dialects[version].space {
				t.Errorf("%s %s: %v", version, name, root.Name)
			}
			if name == "escaped" {
				block := root.Children[len(root.Children)-1]
				if got := block.Children[1].Text; got != "not XML & \"<so>\" ]]>" { // the reader trims it
					t.Errorf("%s: %q", version, got)
				}
			}
		}
	}
}

// TestRequestsBySchema holds our messages to the schemas of both versions.
func TestRequestsBySchema(t *testing.T) {
	python := os.Getenv("IOCHUNT_TAXII_PYTHON")
	if python == "" {
		t.Skip("IOCHUNT_TAXII_PYTHON names no Python that has libtaxii")
	}
	const check = `
import sys
from libtaxii.validation import SchemaValidator
path = {"1.0": SchemaValidator.TAXII_10_SCHEMA, "1.1": SchemaValidator.TAXII_11_SCHEMA}[sys.argv[1]]
result = SchemaValidator(path).validate_string(sys.stdin.buffer.read())
print("valid" if result.valid else [str(e) for e in result.error_log])`
	valid := func(version string, doc []byte) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, python, "-c", check, version)
		cmd.Stdin = bytes.NewReader(doc)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, version := range []string{"1.0", "1.1"} {
		for name, doc := range oursOf(t, version) {
			if got := valid(version, doc); got != "valid" {
				t.Errorf("%s %s: %s\n%s", version, name, got, doc)
			}
		}
		wrong := newMessage(dialects[version], "Poll_Request").done()
		if got := valid(version, wrong); got == "valid" {
			t.Error("a poll of no collection is valid: the check checks nothing")
		}
	}
}

func TestMessageID(t *testing.T) {
	f := func(version, form string) {
		t.Helper()
		a, b := messageID(dialects[version]), messageID(dialects[version])
		if a == b || !regexp.MustCompile(form).MatchString(a) {
			t.Errorf("%s: %s, %s", version, a, b)
		}
	}
	f("1.1", `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	f("1.0", `^[0-9]{1,19}$`)
}

func TestStamp(t *testing.T) {
	schema := regexp.MustCompile(`^-?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(((\+|-)[0-9]{2}:[0-9]{2})|Z)$`)
	f := func(in time.Time, begin, end string) {
		t.Helper()
		b, e := stamp(floor(in)), stamp(ceil(in))
		if b != begin || e != end || !schema.MatchString(b) || !schema.MatchString(e) {
			t.Errorf("%v: %s and %s, want %s and %s", in, b, e, begin, end)
		}
	}
	noon := day(1)
	f(noon, "2024-05-01T12:00:00+00:00", "2024-05-01T12:00:00+00:00")
	f(noon.Add(1), "2024-05-01T12:00:00+00:00", "2024-05-01T12:00:00.000001+00:00")
	f(noon.Add(1500), "2024-05-01T12:00:00.000001+00:00", "2024-05-01T12:00:00.000002+00:00")
	f(noon.Add(-1), "2024-05-01T11:59:59.999999+00:00", "2024-05-01T12:00:00+00:00")
	f(noon.In(time.FixedZone("", 3600)), "2024-05-01T12:00:00+00:00", "2024-05-01T12:00:00+00:00")
	f(time.Unix(0, -1500), "1969-12-31T23:59:59.999998+00:00", "1969-12-31T23:59:59.999999+00:00")
}

func FuzzEscape(f *testing.F) {
	f.Add("a<b>&\"c'\t\r\n]]>")
	f.Fuzz(func(t *testing.T, s string) {
		if unspeakable([]byte(s)) > 0 {
			t.Skip()
		}
		var b bytes.Buffer
		b.WriteString(`<a b="`)
		attrTo(&b, s)
		b.WriteString(`">` + textEscapes.Replace(s) + `</a>`)
		var got struct {
			B    string `xml:"b,attr"`
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil || got.B != s || got.Text != s {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	})
}

func TestLikely(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := likely(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	f("/taxi/poll", "/taxii/poll")
	f("/taxii/pol", "/taxii/poll")
	f("/Taxii/Poll", "/taxii/poll")
	f("/taxii/colections", "/taxii/collections")
	f("/taxii/dsicvoery", "/taxii/discovery")
	f("/txaii/pool/", "/taxii/poll/")
	f("/taxii/poll", "") // it is right, and yet not there
	f("/feeds/all", "")
	f("/", "")
	f("/taxii2/root", "/taxii/root")
	f("/"+strings.Repeat("taxi", 100_000), "")
}

func TestVersions(t *testing.T) {
	for version, word := range map[string]string{"": "", "1.0": "", "1.1": "", "2.1": "2.1 is not", "1.2\x1b": "1.2 is not"} {
		_, err := connect(t, feed(), version, taxii.Login{}).Discover(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", version, err)
		}
	}
}
