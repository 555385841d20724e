package ioc

import (
	"strings"
	"testing"
)

func TestTableCodesAreStableAndTypesUnique(t *testing.T) {
	seen := map[Type]bool{}
	for i, r := range Types() {
		if int(r.Code) != i+1 {
			t.Errorf("%s: code %d in row %d; codes are the row's place and never reused", r.Type, r.Code, i+1)
		}
		if seen[r.Type] || string(r.Type) != strings.ToLower(string(r.Type)) {
			t.Errorf("%s: twice, or not lower case", r.Type)
		}
		seen[r.Type] = true
		if got, ok := FromCode(r.Code); !ok || got != r.Type {
			t.Errorf("FromCode(%d) = %q, %v", r.Code, got, ok)
		}
		if got, ok := ParseType(strings.ToUpper(string(r.Type))); !ok || got != r.Type {
			t.Errorf("ParseType(%q) = %q, %v", r.Type, got, ok)
		}
		if r.Type.Huntable() != (r.Form != NotHuntable) {
			t.Errorf("%s: Huntable disagrees with its form", r.Type)
		}
	}
	if _, ok := FromCode(0); ok {
		t.Error("code 0 must stay free: it is what an unset byte reads as")
	}
}

func TestFromOTX(t *testing.T) {
	f := func(otx string, want Type, known bool) {
		t.Helper()
		if got, ok := FromOTX(otx); got != want || ok != known {
			t.Errorf("FromOTX(%q) = %q, %v; want %q, %v", otx, got, ok, want, known)
		}
	}
	f("IPv4", IP, true)
	f("IPv6", IPv6, true)
	f("CIDR", CIDR, true)
	f("domain", Domain, true)
	f("hostname", Domain, true)
	f("URL", URL, true)
	f("url", URL, true)
	f("URI", URL, true)
	f("email", Email, true)
	f("FileHash-MD5", MD5, true)
	f("FileHash-SHA1", SHA1, true)
	f("FileHash-SHA256", SHA256, true)
	f("FileHash-PEHASH", PEHash, true)
	f("FileHash-IMPHASH", ImpHash, true)
	f("FilePath", FilePath, true)
	f("Mutex", Mutex, true)
	f("CVE", CVE, true)
	f("YARA", YARA, true)
	f("JA3", JA3, true)
	f("Ja3", JA3, true)
	f("JARM", JARM, true)
	f("SSLCertFingerprint", CertHash, true)
	f("BitcoinAddress", Bitcoin, true)
	f("osquery", OSQuery, true)
	f("NIDS", NIDS, true)
	f("SomethingNew", "", false)
	f("", "", false)
}

func TestUnknownTypeIsKeptAndNotHunted(t *testing.T) {
	u := Type("something-new")
	if u.Known() || u.Huntable() || u.Row().Type != u {
		t.Errorf("%+v", u.Row())
	}
	for _, n := range []Type{YARA, OSQuery, NIDS} {
		if !n.Known() || n.Huntable() {
			t.Errorf("%s: want known and not huntable", n)
		}
	}
}

func TestECSType(t *testing.T) {
	f := func(o Observable, want string) {
		t.Helper()
		if got := o.ECSType(); got != want {
			t.Errorf("%v: %q, want %q", o, got, want)
		}
	}
	f(Observable{IP, "192.0.2.1"}, "ipv4-addr")
	f(Observable{CIDR, "192.0.2.0/24"}, "ipv4-addr")
	f(Observable{CIDR, "2001:db8::/32"}, "ipv6-addr")
	f(Observable{IPPort, "192.0.2.1:80"}, "ipv4-addr")
	f(Observable{IPPort, "[2001:db8::1]:80"}, "ipv6-addr")
	f(Observable{SHA256, "00"}, "file")
	f(Observable{"odd", "x"}, "")
}
