package warninglist

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// observable reads "type value".
func observable(t testing.TB, s string) ioc.Observable {
	t.Helper()
	typ, value, _ := strings.Cut(s, " ")
	o, err := canon.Observable(ioc.Type(typ), value)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return o
}

// said writes matches as "match entry", with "lowers" behind those that do.
func said(ms []ioc.ListMatch) string {
	var all []string
	for _, m := range ms {
		s := m.Match + " " + m.Entry
		if m.Lowers {
			s += " lowers"
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
}

func TestFind(t *testing.T) {
	f := func(kind, attributes, entries, o, want string) {
		t.Helper()
		l := ioc.Warninglist{Name: "n", Kind: kind, Attributes: strings.Fields(attributes), Entries: strings.Split(entries, ",")}
		if got := said(mustCompile(t, l).Find(nil, observable(t, o))); got != want {
			t.Errorf("%s list for %q of %s: %s is %q, want %q", kind, attributes, entries, o, got, want)
		}
	}
	const names, web, ips, mail = "domain hostname", "domain hostname url", "ip-src ip-dst", "email-src"

	// string: the canonical forms are equal
	f("string", names, "google.com", "domain google.com", "exact google.com")
	f("string", names, "GOOGLE.com.", "domain google.com", "exact GOOGLE.com.")
	f("string", names, "google[.]com", "domain google.com", "exact google[.]com")
	f("string", names, "bücher.com", "domain xn--bcher-kva.com", "exact bücher.com")
	f("string", names, "google.com", "domain www.google.com", "")
	f("string", names, "google.com", "domain notgoogle.com", "")
	f("string", names, "google.com", "url http://google.com/", "")
	f("string", web, "google.com", "url http://google.com/", "below google.com")
	f("string", web, "google.com", "url http://google.com/evil", "")
	f("string", web, "google.com", "url http://google.com:8080/", "")
	f("string", web, "google.com", "url http://www.google.com/", "")
	f("string", web, "https://google.com/A", "url https://GOOGLE.com/A", "exact https://google.com/A")
	f("string", web, "https://google.com/A", "url https://google.com/a", "exact https://google.com/A")
	f("string", "md5 sha1", "D41D8CD98F00B204E9800998ECF8427E", "md5 d41d8cd98f00b204e9800998ecf8427e", "exact D41D8CD98F00B204E9800998ECF8427E")
	f("string", "sha1", "d41d8cd98f00b204e9800998ecf8427e", "md5 d41d8cd98f00b204e9800998ecf8427e", "")
	f("string", "filename|md5", "d41d8cd98f00b204e9800998ecf8427e,svchost.exe", "md5 d41d8cd98f00b204e9800998ecf8427e", "exact d41d8cd98f00b204e9800998ecf8427e")
	f("string", "filename|md5", "d41d8cd98f00b204e9800998ecf8427e,svchost.exe", "file_name SvcHost.exe", "exact svchost.exe")
	f("string", "malware-sample", "d41d8cd98f00b204e9800998ecf8427e", "md5 d41d8cd98f00b204e9800998ecf8427e", "exact d41d8cd98f00b204e9800998ecf8427e")
	f("string", "ssdeep md5", "3::", "ssdeep 3::", "exact 3::")
	f("string", "vulnerability", "cve-2020-1234", "cve CVE-2020-1234", "exact cve-2020-1234")
	f("string", "x509-fingerprint-sha1", "AA:"+strings.Repeat("BB:", 18)+"CC", "certificate_fingerprint aa"+strings.Repeat("bb", 18)+"cc", "exact AA:"+strings.Repeat("BB:", 18)+"CC")
	f("string", mail, "Bob@Example.com", "email bob@example.com", "exact Bob@Example.com")
	f("string", mail, "example.com", "email bob@example.com", "")
	f("string", "", "AA-BB-CC-DD-EE-FF", "mac_address aa:bb:cc:dd:ee:ff", "exact AA-BB-CC-DD-EE-FF")
	f("string", "", "x", "strange X", "exact x")
	f("string", "ALL", "x", "strange X", "exact x")

	// string: a leading dot is the name and all below
	f("string", names, ".google.ad", "domain google.ad", "exact .google.ad")
	f("string", names, "*.google.ad", "domain a.b.google.ad", "below *.google.ad")
	f("string", web, ".google.ad", "url https://google.ad/", "below .google.ad")
	f("string", web, ".google.ad", "url https://google.ad/x", "below .google.ad lowers")
	f("string", names, ".google.ad", "url https://google.ad/", "")
	f("string", names, ".google.ad,maps.google.ad", "domain maps.google.ad", "exact maps.google.ad")

	// string: addresses are addresses
	f("string", ips, "8.8.8.8", "ip 8.8.8.8", "exact 8.8.8.8")
	f("string", "ip-dst|port", "8.8.8.8", "ip_port 8.8.8.8:53", "within 8.8.8.8")
	f("string", names+" domain|ip", "10.0.0.0/8", "ip 10.1.2.3", "within 10.0.0.0/8")
	f("string", "", "10.0.0.0/8", "ip 10.1.2.3", "within 10.0.0.0/8")
	f("string", names, "10.0.0.0/8", "ip 10.1.2.3", "")

	// hostname
	f("hostname", web, "bit.ly", "domain bit.ly", "exact bit.ly")
	f("hostname", web, ".Bit.ly", "domain a.b.bit.ly", "below .Bit.ly")
	f("hostname", web, "bit.ly", "domain notbit.ly", "")
	f("hostname", web, "bit.ly", "domain bit.ly.evil.com", "")
	f("hostname", web, "bit.ly", "url http://bit.ly/", "below bit.ly")
	f("hostname", web, "bit.ly", "url http://bit.ly/x", "below bit.ly lowers")
	f("hostname", web, "bit.ly", "url http://bit.ly/?x", "below bit.ly lowers")
	f("hostname", web, "bit.ly", "url http://bit.ly:81/", "below bit.ly lowers")
	f("hostname", web, "bit.ly", "url https://evil.com/http://bit.ly/", "")
	f("hostname", web, "bit.ly", "url evil.com/?u=http://bit.ly/", "")
	f("hostname", web, "bit.ly", "url bit.ly/x", "below bit.ly lowers")
	f("hostname", names, "bit.ly", "url http://bit.ly/", "")
	f("hostname", "", "bit.ly", "url http://bit.ly/", "below bit.ly")
	f("hostname", "email-src", "bit.ly", "email bob@bit.ly", "below bit.ly lowers")
	f("hostname", web, "bit.ly", "email bob@bit.ly", "")
	f("hostname", names, "local", "domain printer.local", "below local")
	f("hostname", names, "google.com,mail.google.com,com", "domain x.mail.google.com", "below mail.google.com")
	f("hostname", names+" domain|ip", "10.0.0.1", "ip 10.0.0.1", "exact 10.0.0.1")

	// cidr
	f("cidr", ips, "10.0.0.0/8", "ip 10.1.2.3", "within 10.0.0.0/8")
	f("cidr", ips, "10.0.0.0/8", "ip 11.1.2.3", "")
	f("cidr", ips, "10.0.0.0/8,10.1.0.0/16,10.0.0.0/12", "ip 10.1.2.3", "within 10.1.0.0/16")
	f("cidr", ips, "8.8.8.8,8.8.8.0/24", "ip 8.8.8.8", "exact 8.8.8.8")
	f("cidr", ips, "8.8.8.8/32", "ip 8.8.8.8", "exact 8.8.8.8/32")
	f("cidr", ips, "10.0.0.0/8", "cidr 10.1.0.0/16", "within 10.0.0.0/8")
	f("cidr", ips, "10.0.0.0/8", "cidr 10.0.0.0/8", "exact 10.0.0.0/8")
	f("cidr", ips, "10.1.0.0/16", "cidr 10.0.0.0/8", "")
	f("cidr", ips, "10.0.0.0/8", "ip_port 10.1.2.3:80", "within 10.0.0.0/8")
	f("cidr", ips, "2001:db8::/32", "ipv6 2001:db8::1", "within 2001:db8::/32")
	f("cidr", ips, "2001:db8::/32", "ip_port [2001:db8::1]:80", "within 2001:db8::/32")
	f("cidr", ips, "2001:db8:0:0:8000::/65", "ipv6 2001:db8::1", "")
	f("cidr", ips, "2001:db8::/65", "ipv6 2001:db8::1", "within 2001:db8::/65")
	f("cidr", ips, "::/1", "ip 10.1.2.3", "")
	f("cidr", ips, "::ffff:10.0.0.0/104", "ip 10.1.2.3", "within ::ffff:10.0.0.0/104")
	f("cidr", "ip-src|port", "10.0.0.0/8", "ip 10.1.2.3", "within 10.0.0.0/8")
	f("cidr", "domain|ip", "fc00::/7", "ipv6 fd00::1", "within fc00::/7")
	f("cidr", "domain", "10.0.0.0/8", "ip 10.1.2.3", "")
	f("cidr", "", "10.0.0.0/8", "url http://10.1.2.3/", "")

	// substring
	f("substring", web, "Google", "domain www.google.com", "substring Google")
	f("substring", web, "google,www.google", "domain www.google.com", "substring www.google")
	f("substring", web, "google", "url https://evil.com/GOOGLE/x", "substring google")
	f("substring", web, "google", "domain goo.gle.com", "")
	f("substring", names, "google", "url https://google.com/", "")
	f("substring", "", "evil", "user_agent Evil Browser", "substring evil")

	// regex
	f("regex", mail, `/^(security|noc|soc|abuse)\@.*\..*$/i`, "email abuse@example.com", `regex /^(security|noc|soc|abuse)\@.*\..*$/i`)
	f("regex", mail, `/^(security|noc|soc|abuse)\@.*\..*$/i`, "email bob@abuse.com", "")
	f("regex", mail, `/x/,/@a/,/b@/`, "email b@a.com", "regex /@a/")
	f("regex", names, `/@a/`, "email b@a.com", "")
}

func TestLowers(t *testing.T) {
	f := func(name string, action Action, kind, entry, o, want string) {
		t.Helper()
		l := ioc.Warninglist{Name: name, Kind: kind, Entries: []string{entry}}
		m, _, err := Compile(each(l), Options{Action: func(*ioc.Warninglist) Action { return action }})
		if err != nil {
			t.Fatal(err)
		}
		if got := said(m.Find(nil, observable(t, o))); got != want {
			t.Errorf("%s, action %d, %s %s: %s is %q, want %q", name, action, kind, entry, o, got, want)
		}
	}
	const dyn = "List of known dynamic DNS domains"
	const aws = "List of known Amazon AWS IP address ranges"
	f("List of known google domains", Default, "hostname", "blogspot.com", "domain blogspot.com", "exact blogspot.com")
	f("List of known google domains", Default, "hostname", "blogspot.com", "domain evil.blogspot.com", "below blogspot.com lowers")
	f("List of known google domains", Default, "hostname", "localto.net", "domain evil.localto.net", "below localto.net lowers")
	f("List of known google domains", Disarm, "hostname", "blogspot.com", "domain evil.blogspot.com", "below blogspot.com")
	f("List of known google domains", Default, "hostname", "google.com", "domain mail.google.com", "below google.com")
	f("Our names", Default, "hostname", "corp", "domain host.corp", "below corp")
	f(dyn, Default, "hostname", ".duckdns.org", "domain duckdns.org", "exact .duckdns.org")
	f(dyn, Default, "hostname", ".duckdns.org", "domain evil.duckdns.org", "below .duckdns.org lowers")
	f(dyn, Default, "hostname", ".duckdns.org", "url http://duckdns.org/", "below .duckdns.org")
	f(dyn, Default, "hostname", ".duckdns.org", "url http://evil.duckdns.org/", "below .duckdns.org lowers")
	f(dyn, Default, "hostname", ".duckdns.org", "email a@duckdns.org", "below .duckdns.org lowers")
	f(dyn, Disarm, "hostname", ".duckdns.org", "domain evil.duckdns.org", "below .duckdns.org")
	f(dyn, Disarm, "hostname", ".duckdns.org", "url http://evil.duckdns.org/x", "below .duckdns.org")
	f(dyn, Disarm, "hostname", ".duckdns.org", "email a@duckdns.org", "below .duckdns.org")
	f(dyn, Lower, "hostname", ".duckdns.org", "domain duckdns.org", "exact .duckdns.org lowers")
	f(dyn, Off, "hostname", ".duckdns.org", "domain duckdns.org", "")
	f(aws, Default, "cidr", "3.0.0.0/9", "ip 3.1.2.3", "within 3.0.0.0/9 lowers")
	f(aws, Default, "cidr", "3.0.0.0/9", "cidr 3.0.0.0/9", "exact 3.0.0.0/9")
	f("another", Default, "cidr", "3.0.0.0/9", "ip 3.1.2.3", "within 3.0.0.0/9")
	f("another", Lower, "cidr", "3.0.0.0/9", "ip 3.1.2.3", "within 3.0.0.0/9 lowers")
	f("another", Default, "substring", "evil", "url http://a.com/evil.exe", "substring evil")
	f("another", Default, "regex", "evil", "url http://a.com/evil.exe", "regex evil")
	f("another", Default, "string", "http://a.com/evil.exe", "url http://a.com/evil.exe", "exact http://a.com/evil.exe")
}

// TestFindOrder: one match for each list, in the order of the lists, behind
// what was there.
func TestFindOrder(t *testing.T) {
	list := func(feed, name, kind string, entries ...string) ioc.Warninglist {
		return ioc.Warninglist{Feed: feed, Name: name, Kind: kind, Entries: entries}
	}
	m := mustCompile(t, list("f", "3", "substring", "goo", "google"), list("", "2", "hostname", "com", "google.com"),
		list("g", "no", "string", "other.com"), list("g", "1", "string", "google.com", "GOOGLE.com"))
	got := m.Find([]ioc.ListMatch{{List: "before"}}, observable(t, "domain google.com"))
	want := []ioc.ListMatch{{List: "before"}, {Feed: "f", List: "3", Entry: "google", Match: ioc.MatchSubstring},
		{List: "2", Entry: "google.com", Match: ioc.MatchExact}, {Feed: "g", List: "1", Entry: "google.com", Match: ioc.MatchExact}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if m.Lists() != 4 {
		t.Errorf("%d lists", m.Lists())
	}
	for _, m := range []*Matcher{nil, {}, mustCompile(t)} {
		if got := m.Find(nil, observable(t, "domain google.com")); got != nil || m.Lists() != 0 {
			t.Errorf("no lists hold %v", got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	f := func(kind, attributes, entry, why string) {
		t.Helper()
		l := ioc.Warninglist{ID: "id", Name: "n", Kind: kind, Attributes: strings.Fields(attributes), Entries: []string{"other", entry}}
		_, refused, err := Compile(each(l), Options{})
		want := ioc.Refusal{Report: "id", Type: kind, Value: entry, Reason: why, Place: "list[1]"}
		if err != nil || len(refused) == 0 || refused[len(refused)-1] != want {
			t.Errorf("%v %+v, want %+v", err, refused, want)
		}
	}
	f("cidr", "", "example.com", "not an address or network")
	f("cidr", "", "10.0.0.0/33", "not an address or network")
	f("cidr", "", "0.0.0.0/0", "the whole address space")
	f("cidr", "", "::/0", "the whole address space")
	f("string", "ip-src", "0.0.0.0/0", "the whole address space")
	f("string", "ip-src", "example.com", "not an address or network")
	f("hostname", "", "http://example.com/", "not a host name")
	f("hostname", "", "*evil.com", "not a host name")
	f("hostname", "domain", "10.0.0.1", "not a host name")
	f("substring", "", "co", "a substring of under 3 bytes")
	f("substring", "", "   ", "empty")
}

func TestCompileFails(t *testing.T) {
	_, _, err := Compile(each(ioc.Warninglist{ID: "x", Kind: "glob", Entries: []string{"a"}}), Options{})
	if want := `x: type "glob": it is one of string, substring, hostname, cidr, regex`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	broken := errors.New("broken")
	_, _, err = Compile(func(yield func(ioc.Warninglist, error) bool) { yield(ioc.Warninglist{}, broken) }, Options{})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	_, refused, err := Compile(each(ioc.Warninglist{Name: "phones", Kind: "regex", Attributes: []string{"phone-number", "AS"}, Entries: []string{"("}}), Options{})
	want := []ioc.Refusal{{Report: "phones", Type: "regex", Value: "phones", Reason: "a list for types that are not hunted: phone-number, AS"}}
	if d := cmp.Diff(want, refused); d != "" || err != nil {
		t.Error(err, d)
	}
}

// TestRefusalsCounted: rubbish throughout is told a thousand times, then counted.
func TestRefusalsCounted(t *testing.T) {
	l := ioc.Warninglist{Name: "n", Kind: "cidr"}
	for i := range maxRefusals + 7 {
		l.Entries = append(l.Entries, fmt.Sprint("x", i))
	}
	_, refused, err := Compile(each(l), Options{})
	if err != nil || len(refused) != maxRefusals+1 || refused[maxRefusals].Value != "7 more entries" {
		t.Errorf("%v, %d refusals, the last %+v", err, len(refused), refused[len(refused)-1])
	}
}

// TestFindAllocatesNothing where nothing matches, whatever the type.
func TestFindAllocatesNothing(t *testing.T) {
	m := mustCompile(t, ioc.Warninglist{Name: "s", Kind: "string", Entries: []string{strings.Repeat("x", 1000), "google.com", ".google.ad", "10.0.0.0/8"}},
		ioc.Warninglist{Name: "h", Kind: "hostname", Entries: []string{"bit.ly"}}, ioc.Warninglist{Name: "c", Kind: "cidr", Entries: []string{"10.0.0.0/8", "2001:db8::/32"}},
		ioc.Warninglist{Name: "p", Kind: "substring", Entries: []string{"doubleclick", "click.me"}}, ioc.Warninglist{Name: "r", Kind: "regex", Entries: []string{`/^www\.x/i`, `/^[a-c]+$/`}})
	for _, s := range []string{"domain a.b.c.evil.com", "url https://Evil.com/" + strings.Repeat("LongPath/", 70), "ip 11.1.2.3", "ipv6 2001:db9::1", "cidr 0.0.0.0/1", "ip_port 11.1.2.3:80",
		"email bob@evil.com", "md5 d41d8cd98f00b204e9800998ecf8427e", "user_agent Mozilla/5.0 (X11)", "strange X"} {
		o := observable(t, s)
		if n := testing.AllocsPerRun(100, func() {
			if m.Find(nil, o) != nil {
				t.Error(s, "is held")
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

// TestFindHostile: what is not canonical does no harm.
func TestFindHostile(t *testing.T) {
	m := mustCompile(t, ioc.Warninglist{Name: "h", Kind: "hostname", Entries: []string{"bit.ly"}}, ioc.Warninglist{Name: "c", Kind: "cidr", Entries: []string{"10.0.0.0/8"}},
		ioc.Warninglist{Name: "p", Kind: "substring", Entries: []string{"evil"}}, ioc.Warninglist{Name: "r", Kind: "regex", Entries: []string{`x+y`}})
	for _, typ := range append(naiveKnown(), "strange", "") {
		for _, v := range []string{"", ".", "@", "://", "/", "?", ":", "[", "]:", "a://", "10.0.0.0/", "::%", "%", "\xff\xfe", strings.Repeat(".", 1<<15), strings.Repeat("@", 1<<15), strings.Repeat("x", 1<<15)} {
			if got := m.Find(nil, ioc.Observable{Type: typ, Value: v}); got != nil {
				t.Errorf("%s %.10q is held: %v", typ, v, got)
			}
		}
	}
}
