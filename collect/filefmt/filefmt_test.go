package filefmt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/iochunt/iochunt/internal/canon"
)

// show prints an item in one line.
func show(i *Item) string {
	var b strings.Builder
	switch {
	case i.About != nil:
		r := i.About
		fmt.Fprintf(&b, "about %q: id=%s name=%s author=%s", i.Report, r.ID, r.Name, r.Author)
		for _, l := range []struct {
			name string
			list []string
		}{{"tags", r.Tags}, {"refs", r.References}, {"families", r.Families}, {"attack", r.Techniques}} {
			if len(l.list) > 0 {
				fmt.Fprintf(&b, " %s=%s", l.name, strings.Join(l.list, ","))
			}
		}
		if r.TLP != "" || r.Adversary != "" {
			fmt.Fprintf(&b, " tlp=%s adversary=%s", r.TLP, r.Adversary)
		}
		return b.String()
	case i.Refused != "":
		return fmt.Sprintf("! %s: %q: %s", i.Where(), i.Value, i.Refused)
	}
	fmt.Fprintf(&b, "%s %s", i.Type, i.Value)
	for _, f := range []struct{ name, v string }{
		{"of", i.Report}, {"declared", i.Declared}, {"title", i.Title}, {"desc", i.Description}, {"role", i.Role}, {"content", i.Content},
	} {
		if f.v != "" {
			fmt.Fprintf(&b, " %s=%s", f.name, f.v)
		}
	}
	if !i.Created.IsZero() {
		fmt.Fprintf(&b, " created=%s", i.Created.Format("2006-01-02T15:04:05"))
	}
	if !i.Expires.IsZero() {
		fmt.Fprintf(&b, " expires=%s", i.Expires.Format("2006-01-02T15:04:05"))
	}
	if i.Confidence > 0 {
		fmt.Fprintf(&b, " confidence=%d", i.Confidence)
	}
	return strings.TrimSpace(b.String())
}

// items reads content in a format and returns what comes out, a line each.
func items(t *testing.T, format string, o Options, content string) (string, error) {
	t.Helper()
	f, err := Named(format)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(strings.NewReader(content), 1<<30)
	if err != nil {
		return "", err
	}
	var out []string
	err = f.Read(r, o, func(i *Item) error {
		out = append(out, show(i))
		return nil
	})
	return strings.Join(out, "\n"), err
}

// check reads content and compares what comes out with want, a line each.
func check(t *testing.T, format string, o Options, content string, want ...string) {
	t.Helper()
	got, err := items(t, format, o, content)
	if err != nil {
		t.Fatalf("%s of %.80q: %v", format, content, err)
	}
	if d := cmp.Diff(strings.Join(want, "\n"), got); d != "" {
		t.Errorf("%s of %.200q (-want +got):\n%s", format, content, d)
	}
}

func TestGolden(t *testing.T) {
	goldens, err := filepath.Glob("../../testdata/feeds/*/*.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatal("no golden files:", err)
	}
	for _, g := range goldens {
		in := strings.TrimSuffix(g, ".golden")
		content, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		format := filepath.Base(filepath.Dir(g))
		r, err := Open(bytes.NewReader(content), 1<<20)
		if err != nil {
			t.Fatal(in, err)
		}
		head, _ := r.Peek(HeadSize)
		if d := Detect(filepath.Base(in), head).Name; d != format {
			t.Errorf("%s: detected as %s", in, d)
		}
		got, err := items(t, format, Options{}, string(content))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		want, err := os.ReadFile(g)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got+"\n"); d != "" {
			t.Errorf("%s (-want +got):\n%s", in, d)
		}
	}
}

func TestOpen(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		r, err := Open(strings.NewReader(content), 100)
		if err != nil {
			t.Errorf("%q: %v", content, err)
			return
		}
		if got, err := io.ReadAll(r); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", content, got, err, want)
		}
	}
	f("", "")
	f("evil.example\n", "evil.example\n")
	f("\xef\xbb\xbfevil.example", "evil.example")
	f(utf16LE("\ufeffevil.example\r\n"), "evil.example\r\n")
	f(zip(t, "\xef\xbb\xbfevil.example"), "evil.example")
	f(zip(t, "a\n")+zip(t, "b\n"), "a\nb\n") // a gzip file may have several members
	f(zst(t, "\xef\xbb\xbfevil.example"), "evil.example")
	f(zst(t, "a\n")+zst(t, "b\n"), "a\nb\n")
	f(bzipped, "evil.example\n")
	f(bzipped+bzipped, "evil.example\nevil.example\n")
	f(bzippedNothing, "")
	f("BZhost.example\n", "BZhost.example\n") // a text may begin like a bzip2 file
	f(strings.Repeat("x", 100), strings.Repeat("x", 100))
}

// What bzip2 makes of "evil.example\n" and of nothing; the standard library
// only reads it.
const (
	bzipped        = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9e\x2d\x22\xdb\x00\x00\x02\x51\x80\x00\x10\x00\x01\x22\x26\x41\x40\x20\x00\x22\x06\x81\xea\x10\x03\x05\x64\x2a\x34\xe0\x6f\x17\x72\x45\x38\x50\x90\x9e\x2d\x22\xdb"
	bzippedNothing = "\x42\x5a\x68\x39\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"
)

func zst(t *testing.T, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func TestOpenRefuses(t *testing.T) {
	f := func(content string, want error, text string) {
		t.Helper()
		r, err := Open(strings.NewReader(content), 100_000)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("%.20q: %v; want %v, %q", content, err, want, text)
		}
	}
	f(strings.Repeat("x", 100_001), ErrTooBig, "100000 bytes")
	f(zip(t, strings.Repeat("\n", 50<<20)), ErrTooBig, "100000 bytes") // 50 MB in 50 KB
	f(zip(t, "evil.example")[:20], nil, "gzip")
	f("\x1f\x8b", nil, "gzip")
	f(zst(t, strings.Repeat("\n", 50<<20)), ErrTooBig, "100000 bytes")
	f(zst(t, "evil.example")[:12], nil, "zstd: ")
	f("\x28\xb5\x2f\xfd\x00", nil, "zstd: ")
	f(bzipped[:30], nil, "bzip2: ")
	f("\xfd7zXZ\x00\x00\x04", ErrBinary, "xz-compressed; only gzip, zstd and bzip2 are read here: unpack it first")
	f(zip(t, bzipped), ErrBinary, "NUL") // one layer only
	f("PK\x03\x04", ErrBinary, "zip")
	f("\x7fELF\x02\x00\x00", ErrBinary, "NUL")
}

func zip(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func utf16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestDetect(t *testing.T) {
	f := func(name, head, want string) {
		t.Helper()
		if got := Detect(name, []byte(head)).Name; got != want {
			t.Errorf("%s %.60q: %s, want %s", name, head, got, want)
		}
	}
	f("x", "", "list")
	f("x", "# only a comment\n", "list")
	f("x", "evil.com\n1.2.3.4\n", "list")
	f("x", "evil[.]com\n", "list")
	f("x", "[1.2.3.4]\n", "list")
	f("x", "1.2.3.4 # scanner\n5.6.7.8\n", "list")
	f("x", "0.0.0.0 evil.com\n", "list")
	f("x", "44d88612fea8a8f36de82e1278abb02f,DLL\n", "list")
	f("x.csv", "44d88612fea8a8f36de82e1278abb02f,DLL\n", "list")
	f("x", "Heading of it\nevil.com\nevil.net\n", "list")
	f("x", "The sample talks to evil.com.\nThen it sleeps.\n", "text")
	f("x.md", "evil.com\n", "text")
	f("x.csv", "sha256,md5\n", "csv")
	f("x", "SHA256;Comment\n", "csv")
	f("x.txt", "Indicator type\tIndicator\tDescription\n", "csv")
	f("x", "# comment\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n", "csv")
	f("x", `{"type":"ip","value":"1.2.3.4"}`, "ndjson")
	f("x", "{\"type\":\"ip\",\"value\":\"1.2.3.4\"}\n{\"type\"", "ndjson")
	f("x", `{"Event":{"info":"x","Attribute":[]}}`, "misp")
	f("x", "{\n \"response\": [", "misp")
	f("x", `[{"Event":{"uuid":"1"`, "misp")
	f("x", `{"info":"x","Attribute":[`, "misp")
	f("x", `{"type":"bundle","objects":[`, "stix")
	f("x", `{"objects":[],"spec_version":"2.0"}`, "stix")
	f("x", `{"more":true,"next":"1","objects":[{"type":"indicator","id":"indicator--62a6d538-0208-5e43-`, "stix")
	f("x", `{"objects":[{"id": "malware--62a6d538-0208-5e43-8a2d-000000000000"}]}`, "stix")
	f("x", `[{"type":"indicator","id":"indicator--62a6d538-0208-5e43-8a2d-000000000000"}]`, "stix")
	f("x", `{"type":"indicator","spec_version":"2.1","id":"indicator--62a6d538-0208-5e43-8a2d-000000000000","pattern":"[url:value = 'x']"}`, "stix")
	f("x", `{"objects":[{"id":"a--b","value":"1.2.3.4"}]}`, "json")
	f("x", `{"results":[{"id":"indicator--62a6d538-0208-5e43-8a2d-000000000000"`, "json")
	const pack = `<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" id="a">`
	f("x", pack, "stix1")
	f("x.txt", "<?xml version='1.0'?>\n<!-- a -->\n"+pack, "stix1")
	f("x", `<p:Poll_Response xmlns:p="http://taxii.mitre.org/messages/taxii_xml_binding-1.1" more="false">`, "stix1")
	f("x", `<Observables xmlns="http://cybox.mitre.org/cybox-2"/>`, "stix1")
	f("x", `<feed><item>`+pack, "stix1")
	f("x.html", `<html><pre>`+pack, "text")
	f("x", `<!DOCTYPE html><p>`+pack+`</p>`, "text")
	f("x", "<a>evil.com</a>\n<b>evil.net</b>\n", "text")
	f("x", "{\"results\":[{\"id\":", "json")
	f("x", `["evil.com"]`, "json")
	f("x", `[{"type":"ip","value":"1.2.3.4"}]`, "json")
	f("x", `{"a":{"Event":1}}`, "json")
	f("x", "{not json at all}\nwords and words\n", "list") // in doubt
}

// A text is what is written for people; whatever may be a list is one, as only
// a list answers for each of its lines.
func TestDetectListOrText(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		for _, end := range []string{"", "\n", "\r\n"} {
			head := strings.Join(lines, "\n") + end
			if got := Detect("x.txt", []byte(head)).Name; got != want {
				t.Errorf("%.200q: %s, want %s", head, got, want)
			}
		}
	}
	phrases := []string{"authentication failure for an illegal user from the console", "connection closed by the authenticating user during preauth phase",
		"received disconnect from the remote side with unknown reason", "possible break in attempt was seen on the second line"}
	agents := []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0", "python-requests/2.1 (for a bot that is really bad, but quick)"}
	wrapped := []string{"The loader that we have seen in the campaign of this autumn does not", "differ from the one of the spring, but for the way in which it hides",
		"from the eyes of those who look. It then opens a connection to the", "server evil[.]com and waits there for what its masters have to say to it"}

	f("list", `url_path:/bad/p.php`, `mutex:Global\x`, `user_agent:ZxGate 2.1`, "evil.com")
	f("list", "Zx Gate 2.1", "evil.com", "Failed password")
	f("list", "Zx Gate 2.1", "Failed password")
	f("list", phrases...)
	f("list", append(phrases, "evil.com")...)
	f("list", append(agents, agents...)...)
	f("list", "connect to evil.com failed", "connect to evil.net failed", "connect to evil.org failed", "Zx Gate 2.1", "connect to 192.0.2.1 failed")
	f("list", "The sample talks to evil.com.", "Zx Gate 2.1")
	f("list", "This program cannot be run in DOS mode.", "evil.com")
	f("list", `C:\Program Files\Zx Gate\run me.exe`, `HKLM\Software\Zx Gate\Run Once`, `cmd.exe /c start /b powershell -nop -w hidden -enc AAAA`)
	f("list", "evil.com|C2", "192.0.2.1|C2")
	f("list", "<evil@evil.example>", "<http://evil.com/>")

	f("text", wrapped...)
	f("text", append(wrapped, append(wrapped, "Indicators", "evil[.]net")...)...)
	f("text", "The sample talks to evil.com.", "Then it sleeps.")
	f("text", "- Received: from evil[.]com ([192.0.2.1])", "- Received: from evil[.]net ([192.0.2.2])")
	f("text", "| Where it went | What for |", "|---|---|", "| evil[.]com | C2 |", "| 192.0.2[.]1 | C2 |")
	f("text", "<!DOCTYPE html>", "<title>x</title>", "evil.com", "evil.net")
	f("text", "<p>", "See <b>evil.com</b>.", "</p>")
	f("text", "样本连接到 evil.com，然后等待。")
}

// The end of the sample is cut from a long file and is no line then.
func TestDetectLongFile(t *testing.T) {
	head := []byte(strings.Repeat("evil.com\n", HeadSize/9+1)[:HeadSize-2] + "\nT")
	if n := len(sample(head)); n != strings.Count(string(head), "\n") {
		t.Errorf("%d lines", n)
	}
	if got := Detect("x", head).Name; got != "list" {
		t.Error(got)
	}
}

func TestTypeNamed(t *testing.T) {
	f := func(name, want string, known bool) {
		t.Helper()
		if got, ok := TypeNamed(name); string(got) != want || ok != known {
			t.Errorf("%q: %q, %v; want %q, %v", name, got, ok, want, known)
		}
	}
	f("", "", true)
	f("domain", "domain", true)
	f("hostname", "domain", true)
	f("FileHash-SHA256", "sha256", true)
	f("filehash-sha256", "sha256", true)
	f("ip-dst|port", "ip_port", true)
	f("ip:port", "ip_port", true)
	f("sha256_hash", "sha256", true)
	f("IPv4", "ip", true)
	f(" Url ", "url", true)
	f("hash", "", true)
	f("Sigma Rule", "sigma rule", false)
}

// The readers of formats hold no value back: what they yield as a value and
// what they refuse is all there is. Nothing may make them panic.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	reader, err := Named(format)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := Open(bytes.NewReader(content), 1<<20)
		if err != nil {
			return
		}
		head, _ := r.Peek(HeadSize)
		Detect("x", head)
		stop := errors.New("stop")
		n := 0
		_ = reader.Read(r, Options{}, func(i *Item) error {
			if i.About == nil && i.Refused == "" {
				_, _ = canon.Observable(i.Type, i.Value)
			}
			if n++; n > 10_000 {
				return stop
			}
			return nil
		})
	})
}

func FuzzList(f *testing.F) {
	fuzz(f, "list", "1.2.3.4 # x\nevil[.]com, evil.net\n0.0.0.0 a.b\n1.2.3.4-1.2.3.9\n", "/a b.c\n\"x\",", "\xff\xfe1\x00")
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "csv", "sha256,comment\n\"a\"\"b\",\"c\nd\"\n", "type;value\nip;1.2.3.4\n", "# \"ioc_value\",x\n\"")
}

func FuzzNDJSON(f *testing.F) {
	fuzz(f, "ndjson", `{"type":"ip","value":"1.2.3.4","reports":[{"id":"a"}]}`, `{"indicator":1,"type":null}`, `"x"`)
}

func FuzzJSON(f *testing.F) {
	fuzz(f, "json", `{"results":[{"id":"1","indicators":[{"indicator":"evil.com","type":"domain"}]}]}`, `[[["evil.com"]]]`, `{"a":{"b":"1.2.3.4"}}`)
}

func FuzzMISP(f *testing.F) {
	fuzz(f, "misp", `{"response":[{"Event":{"info":"x","Tag":[{"name":"tlp:red"}],"Attribute":[{"type":"ip-dst|port","value":"1.2.3.4|80","to_ids":true}],"Object":[{"Attribute":[{}]}]}}]}`, `[{"Event":null}]`)
}

func FuzzSTIX(f *testing.F) {
	fuzz(f, "stix", `{"type":"bundle","objects":[{"type":"indicator","pattern":"[file:hashes.MD5 = 'a' OR url:value='b'] OR [ipv4-addr:value = 'c']"}]}`, `{"objects":{}}`)
}

func FuzzSTIX1(f *testing.F) {
	fuzz(f, "stix1", `<STIX_Package xmlns="http://stix.mitre.org/stix-1" id="a"><Observables/></STIX_Package>`, "<a>", "<?xml?><!-- --><")
}

func FuzzText(f *testing.F) {
	fuzz(f, "text", "see hxxp://evil[.]com/a and 1.2.3.4\n", strings.Repeat("x ", 70_000))
}
