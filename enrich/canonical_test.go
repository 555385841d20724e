package enrich

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func member(t ioc.Type, value, declared, original string) ioc.Member {
	return ioc.Member{
		Observable: ioc.Observable{Type: t, Value: value},
		Claim:      ioc.Claim{Declared: declared, Original: original},
	}
}

func TestCanonical(t *testing.T) {
	f := func(in, want ioc.Member) {
		t.Helper()
		got := in
		if r := Canonical(&got); r != "" {
			t.Fatalf("%+v refused: %s", in, r)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Canonical(%+v) (-want +got)\n%s", in, d)
		}
	}
	// as the feed wrote it: nothing more to say
	f(member(ioc.IP, "192.0.2.1", "IPv4", ""), member(ioc.IP, "192.0.2.1", "", ""))
	f(member(ioc.CVE, "CVE-2024-1234", "vulnerability", ""), member(ioc.CVE, "CVE-2024-1234", "", ""))
	f(member(ioc.Domain, " example.com\n", "domain", ""), member(ioc.Domain, "example.com", "", ""))
	// the feed's names that say more
	f(member(ioc.Domain, "www.example.com", "hostname", ""), member(ioc.Domain, "www.example.com", "hostname", ""))
	f(member(ioc.IP, "192.0.2.1", "ip-dst", ""), member(ioc.IP, "192.0.2.1", "ip-dst", ""))
	// another spelling
	f(member(ioc.Domain, "Example[.]com", "domain", ""), member(ioc.Domain, "example.com", "", "Example[.]com"))
	f(member(ioc.Domain, "example.com", "", "example[.]com"), member(ioc.Domain, "example.com", "", "example[.]com"))
	f(member(ioc.Domain, "example.com", "", "example.com"), member(ioc.Domain, "example.com", "", ""))
	// another type
	f(member(ioc.Domain, "http://example.com/x", "hostname", ""), member(ioc.URL, "http://example.com/x", "hostname", ""))
	f(member(ioc.IP, "192.0.2.77/24", "", ""), member(ioc.CIDR, "192.0.2.0/24", "ip", "192.0.2.77/24"))
	f(member("", "192.0.2.1:80", "", ""), member(ioc.IPPort, "192.0.2.1:80", "", ""))
	// too broad to be hunted, which is not for this step to say
	f(member(ioc.Domain, "com", "domain", ""), member(ioc.Domain, "com", "", ""))
	f(member(ioc.Domain, "Co.Uk", "domain", ""), member(ioc.Domain, "co.uk", "", "Co.Uk"))
	f(member(ioc.IP, "::/0", "", ""), member(ioc.CIDR, "::/0", "ip", ""))
	f(member("", "0.0.0.0/0", "", ""), member(ioc.CIDR, "0.0.0.0/0", "", ""))
	// kept as they are
	f(member("Tox-ID", "AbC ", "", ""), member("tox-id", "AbC", "", ""))
	f(member(ioc.YARA, "rule a {}\n", "YARA", ""), member(ioc.YARA, "rule a {}\n", "", ""))
}

func TestCanonicalRefuses(t *testing.T) {
	f := func(typ ioc.Type, value string, want Reason) {
		t.Helper()
		m := member(typ, value, "", "")
		if got := Canonical(&m); got != want {
			t.Errorf("Canonical(%s %q) = %q, want %q", typ, value, got, want)
		}
		if m.Value != value || m.Type != typ {
			t.Errorf("a refused member was changed: %+v", m)
		}
	}
	f(ioc.Domain, "", "empty")
	f(ioc.Domain, "localhost", "a bare label")
	f("", "com", "a bare label")
	f(ioc.MD5, "zz", "not hexadecimal")
	f("", "two words", "white space inside")
}

func TestClean(t *testing.T) {
	m := ioc.Member{Claim: ioc.Claim{
		Declared: "a\x00b", Original: "x\x1b[2Jy", Role: "r\x7fs", Title: "café\u009b31m", Description: "a\nb\xffc", Content: "rule\tx\n\x1b{}\r\n",
	}}
	if r := Clean(&m); r != "" {
		t.Fatalf("refused: %s", r)
	}
	want := ioc.Claim{
		Declared: "a b", Original: "x [2Jy", Role: "r s", Title: "café 31m", Description: "a b\ufffdc", Content: "rule\tx\n {}\r\n",
	}
	if d := cmp.Diff(want, m.Claim); d != "" {
		t.Errorf("Clean (-want +got)\n%s", d)
	}
}

// Both steps may be run again on what is stored.
func FuzzCanonicalThenClean(f *testing.F) {
	f.Add("domain", "hxxp://Example[.]com/\x1b", "hostname", "")
	f.Add("", "192.0.2.1/24", "", "x\x80")
	f.Add("Yara", "rule", "YARA", " ")
	step := Chain(Canonical, Clean)
	f.Fuzz(func(t *testing.T, typ, value, declared, original string) {
		m := member(ioc.Type(typ), value, declared, original)
		if step(&m) != "" {
			return
		}
		again := m
		if r := step(&again); r != "" {
			t.Fatalf("%+v is refused when it comes again: %s", m, r)
		}
		if d := cmp.Diff(m, again); d != "" {
			t.Fatalf("not idempotent (-once +twice)\n%s", d)
		}
		if !utf8.ValidString(m.Original) || !utf8.ValidString(m.Declared) {
			t.Fatalf("texts that are not UTF-8: %+v", m)
		}
	})
}
