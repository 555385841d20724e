package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// A secret that no output may show.
const taxiiCanary = "canary-0123456789abcdef"

// stix1 is a package with one domain.
func stix1(id, domain string) string {
	return `<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" xmlns:indicator="http://stix.mitre.org/Indicator-2" xmlns:cybox="http://cybox.mitre.org/cybox-2"
 xmlns:DomainNameObj="http://cybox.mitre.org/objects#DomainNameObject-1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ex="http://example.com" id="ex:` + id + `" version="1.2">
<stix:Indicators><stix:Indicator id="ex:i-` + id + `" xsi:type="indicator:IndicatorType"><indicator:Title>Bad ` + domain + `</indicator:Title>
<indicator:Observable><cybox:Object><cybox:Properties xsi:type="DomainNameObj:DomainNameObjectType"><DomainNameObj:Value>` + domain + `</DomainNameObj:Value></cybox:Properties></cybox:Object></indicator:Observable>
</stix:Indicator></stix:Indicators></stix:STIX_Package>`
}

// fakeTAXII are the two fakes of the scripts.
func fakeTAXII(faults ...string) (*taxiitest.TAXII1, *taxiitest.TAXII2) {
	at := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	blocks := []taxiitest.Block1{
		{Label: at, Content: stix1("p1", "one.example.com")},
		{Label: at.Add(time.Hour), Content: stix1("p2", "two.example.com")},
		{Label: at.Add(2 * time.Hour), Content: stix1("p3", "three.example.com")},
	}
	one := &taxiitest.TAXII1{User: taxiiCanary, Password: taxiiCanary + "-pw", PageSize: 2, Count: true, Collections: []taxiitest.Collection1{
		{Name: "user_x", Description: "Data feed for user: x", Blocks: blocks},
		{Name: "user_demo", Description: "Data feed for user: demo"},
	}}
	two := &taxiitest.TAXII2{User: taxiiCanary, Password: taxiiCanary + "-pw", PageSize: 1, Collections: []taxiitest.Collection2{
		{ID: "user_x", Title: "Data feed for user: x", Writes: true, Objects: []taxiitest.Object2{
			{Added: at, JSON: `{"type":"indicator","spec_version":"2.1","id":"indicator--1","created":"2024-05-01T10:00:00Z","modified":"2024-05-01T10:00:00Z","pattern_type":"stix","pattern":"[domain-name:value = 'four.example.com']","valid_from":"2024-05-01T10:00:00Z"}`},
			{Added: at.Add(time.Second), JSON: `{"type":"indicator","spec_version":"2.1","id":"indicator--2","created":"2024-05-01T10:00:00Z","modified":"2024-05-01T10:00:00Z","pattern_type":"stix","pattern":"[ipv4-addr:value = '192.0.2.5' AND ipv4-addr:value = '192.0.2.6']","valid_from":"2024-05-01T10:00:00Z"}`},
		}},
		{ID: "user_demo", Title: "Data feed for user: demo"},
	}}
	for _, f := range faults {
		if f == "bad-block" {
			one.Collections[0].Blocks[1].Content = `<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1"><stix:Indicators></stix:STIX_Package>`
		}
	}
	return one, two
}

// taxiiCommand starts the fakes for the rest of the script: taxii [bad-block].
// $TAXII1 and $TAXII2 are their addresses, $TAXII_USERNAME and $TAXII_PASSWORD
// the login, which also stands in the files user and password, and $IOCHUNT_CONFIG
// has the feeds x, demo, x2 and demo2.
func taxiiCommand(ts *testscript.TestScript, _ bool, args []string) {
	one, two := fakeTAXII(args...)
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		ts.Defer(s.Close)
		return s.URL
	}
	url1, url2 := serve(one), serve(two)
	ts.Setenv("TAXII1", url1)
	ts.Setenv("TAXII2", url2)
	ts.Setenv("TAXII_USERNAME", one.User)
	ts.Setenv("TAXII_PASSWORD", one.Password)
	write := func(name, text string) { ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600)) }
	write("user", one.User)
	write("password", one.Password)
	var conf strings.Builder
	conf.WriteString("feeds:\n")
	for _, f := range [][4]string{{"x", "1.1", url1 + taxiitest.Poll1, "user_x"}, {"demo", "1.1", url1 + taxiitest.Poll1, "user_demo"},
		{"x2", "2.1", url2 + taxiitest.Discovery2, "user_x"}, {"demo2", "2.1", url2 + taxiitest.Discovery2, "user_demo"}} {
		conf.WriteString("  - {name: " + f[0] + ", kind: taxii, version: '" + f[1] + "', url: '" + f[2] + "', collection: " + f[3] +
			", username_file: '" + ts.MkAbs("user") + "', password_file: '" + ts.MkAbs("password") + "', lookback: 0, every: 1h}\n")
	}
	write("taxii.yaml", conf.String())
	ts.Setenv("IOCHUNT_CONFIG", filepath.Join(ts.MkAbs("."), "taxii.yaml"))
}

func TestInstant(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		got, err := instant("--begin", s)
		if want == "" && err == nil || want != "" && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v; want %q", s, got, err, want)
		}
	}
	f("2024-05-01", "2024-05-01T00:00:00Z")
	f("2024-05-01T10:20", "2024-05-01T10:20:00Z")
	f("2024-05-01 10:20:30.5", "2024-05-01T10:20:30.5Z")
	f("2024-05-01T10:20:30+02:00", "2024-05-01T08:20:30Z")
	f("2024-05-01T10:20:30.123456Z", "2024-05-01T10:20:30.123456Z")
	f("2024-05-01T10:20:30+0200", "2024-05-01T08:20:30Z")
	f("2024-05-01 10:20 +02:00", "2024-05-01T08:20:00Z")
	f("yesterday", "")
	f("2024-13-01", "")
}

func TestTAXIIAddress(t *testing.T) {
	f := func(flags taxiiFlags, ref, want string) {
		t.Helper()
		u, err := flags.address(ref)
		if got := ""; err == nil {
			got = u.String()
			if got != want {
				t.Errorf("%+v, %q: %s, want %s", flags, ref, got, want)
			}
		} else if want != "" {
			t.Errorf("%+v, %q: %v, want %s", flags, ref, err, want)
		}
	}
	f(taxiiFlags{}, "https://h.example/taxii/poll", "https://h.example/taxii/poll")
	f(taxiiFlags{}, "/taxii/poll", "")
	f(taxiiFlags{}, "ftp://h.example/x", "")
	f(taxiiFlags{host: "h.example", https: true}, "/taxii/poll", "https://h.example/taxii/poll")
	f(taxiiFlags{host: "h.example", https: true}, "taxii/poll", "https://h.example/taxii/poll")
	f(taxiiFlags{host: "h.example", https: false, httpsSaid: true, port: 8080}, "/p", "http://h.example:8080/p")
	f(taxiiFlags{host: "localhost", https: true, port: 9000}, "/p", "http://localhost:9000/p")
	f(taxiiFlags{host: "127.0.0.1", https: true, httpsSaid: true}, "/p", "https://127.0.0.1/p")
	f(taxiiFlags{host: "2001:db8::1", https: true}, "/p", "https://[2001:db8::1]/p")
	f(taxiiFlags{host: "h.example/x"}, "/p", "")
	f(taxiiFlags{host: "h.example:8443", https: true}, "/p", "https://h.example:8443/p")
	f(taxiiFlags{host: "h.example:8443", port: 8443, https: true}, "/p", "https://h.example:8443/p")
	f(taxiiFlags{host: "h.example:8443", port: 9, https: true}, "/p", "")
	f(taxiiFlags{host: "127.0.0.1:9000", https: true}, "/p", "http://127.0.0.1:9000/p")
	f(taxiiFlags{host: "[2001:db8::1]:9000", https: true}, "/p", "https://[2001:db8::1]:9000/p")
	f(taxiiFlags{host: "[2001:db8::1]", https: true, port: 7}, "/p", "https://[2001:db8::1]:7/p")
	f(taxiiFlags{host: "h.example", https: true, port: 70000}, "/p", "")
	f(taxiiFlags{host: "h.example", https: true, port: -1}, "/p", "")
}

// A proxy's URL with a scheme stays as it is; http and https in --proxy-type
// are, as with cabby, not how the proxy is spoken to.
func TestTAXIIProxy(t *testing.T) {
	f := func(address, kind, want string) {
		t.Helper()
		if got, err := (&taxiiFlags{proxyURL: address, proxyType: kind}).proxy(); got != want || (err != nil) != (kind == "socks4") {
			t.Errorf("%s, %s: %s, %v; want %s", address, kind, got, err, want)
		}
	}
	f("", "https", "")
	f("none", "", "none")
	f("noproxy", "", "none")
	f("p:3128", "", "http://p:3128")
	f("p:3128", "http", "http://p:3128")
	f("p:3128", "https", "http://p:3128")
	f("p:3128", "socks5", "socks5://p:3128")
	f("https://p:3128", "http", "https://p:3128")
	f("p", "socks4", "")
}
