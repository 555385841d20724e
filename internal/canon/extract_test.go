package canon

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExtract(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, x := range Extract(text) {
			if text[x.Start:x.End] != x.Original {
				t.Errorf("%q: %+v is not what stands there", text, x)
			}
			got = append(got, string(x.Type)+" "+x.Value)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Extract(%q) (-want +got)\n%s", text, d)
		}
	}
	// prose around it
	f("The C2 is evil[.]example, (see 192.0.2[.]1).", "domain evil.example", "ip 192.0.2.1")
	f("It calls http://evil.com/gate.php?x=1. Then stops.", "url http://evil.com/gate.php?x=1")
	f("(hxxp://evil[.]com/a_(b)), \"http://evil.com\"", "url http://evil.com/a_(b)", "url http://evil.com/")
	f("http://a.com/x,http://b.com/y;https://c.com", "url http://a.com/x", "url http://b.com/y", "url https://c.com/")
	f("evil.com/gate.php and evil.com/ and evil.com:8080", "url evil.com/gate.php", "domain evil.com", "url evil.com:8080/")
	f("Received: from evil[.]com ([192.0.2[.]1])", "domain evil.com", "ip 192.0.2.1")
	f("“evil.com” — пример.рф。", "domain evil.com", "domain xn--e1afmkfd.xn--p1ai")
	f("访问evil.com和192.0.2.1下载d41d8cd98f00b204e9800998ecf8427e。", "domain evil.com", "ip 192.0.2.1", "md5 d41d8cd98f00b204e9800998ecf8427e")
	f("éévil.com例") // neither a domain as a whole nor in parts
	f("write to bob(at)evil[.]com or <ann@evil.com>.", "email bob@evil.com", "email ann@evil.com")
	f("bob [at] evil [dot] com", "email bob@evil.com")
	// addresses
	f("192.0.2.1:80 192.0.2.0/24 192.0.2.1/x.php 192.0.2.1-192.0.2.9", "ip_port 192.0.2.1:80", "cidr 192.0.2.0/24", "url 192.0.2.1/x.php", "ip 192.0.2.1", "ip 192.0.2.9")
	f("2001:db8::1, [2001:db8::2]:443 2001:db8::/32 fe80::1%eth0", "ipv6 2001:db8::1", "ip_port [2001:db8::2]:443", "cidr 2001:db8::/32", "ipv6 fe80::1")
	f("1.2.3.4.5 v1.2.3.4 Chrome/91.0.1.2 300.1.1.1 127.0.0.1 ::1 12:34:56 std::vector a::b")
	f(`\\192.0.2.1\share`, "ip 192.0.2.1")
	// digests and ids
	f("MD5:d41d8cd98f00b204e9800998ecf8427e, d41d8cd98f00b204e9800998ecf8427e.bin", "md5 d41d8cd98f00b204e9800998ecf8427e", "md5 d41d8cd98f00b204e9800998ecf8427e")
	f("xd41d8cd98f00b204e9800998ecf8427e d41d8cd98f00b204e9800998ecf8427")
	f("CVE-2024-1234, cve-2024-99999-poc CVE-2024-12", "cve CVE-2024-1234", "cve CVE-2024-99999")
	// files, code and other dotted words
	f("readme.txt index.php cscript.exe run.sh a.py e.g. i.e. end.It ASP.NET os.name() a/b.com README.md")
	f("readme[.]txt run[.]sh c2.evil.sh", "domain run.sh", "domain c2.evil.sh")
	f("co.uk co[.]uk com *.com [.]com 0.0.0.0/0 ::/0 2001:db8::/0", "ipv6 2001:db8::") // too broad to be meant
	f("co.uk localhost http://localhost/x http://127.0.0.1/x @evil.com user@host")
}

func TestExtractReferences(t *testing.T) {
	refs := func(text string) (n int) {
		for _, x := range Extract(text) {
			if x.Reference {
				n++
			}
		}
		return n
	}
	f := func(text string, want int) {
		t.Helper()
		if got := refs(text); got != want {
			t.Errorf("%q has %d references, want %d", text, got, want)
		}
	}
	f("https://blog.example.com/post http://evil.com/x", 0)
	f("https://blog.example.com/post hxxp://evil[.]com/x 192.0.2.1 other.com", 1)
}

// hostile are texts that make a careless parser go over them again and again.
var hostile = map[string]string{
	"dots":      ".",
	"defanged":  "[.]",
	"nested":    "[",
	"closing":   "[.]]",
	"schemes":   "http://",
	"urls":      "http://a.com/",
	"lists":     "http://a.com/x,",
	"bare":      "=a.com/",
	"ports":     "=a.com:99999/",
	"at":        "@",
	"mail":      "a@a.com",
	"local":     "a+",
	"colons":    "a:",
	"groups":    "1::",
	"labels":    "a.",
	"hex":       "a",
	"cve":       "cve-2024-",
	"unicode":   "é.",
	"han":       "访a.com",
	"invalid":   "\xff",
	"backslash": `\.`,
}

// Linear means that eight times the text takes about eight times as long.
func BenchmarkExtractHostile(b *testing.B) {
	for name, unit := range hostile {
		text := strings.Repeat(unit, 1<<20/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Extract(text)
			}
		})
	}
}

func BenchmarkRefangHostile(b *testing.B) {
	for name, unit := range hostile {
		text := strings.Repeat(unit, 1<<20/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Refang(text)
			}
		})
	}
}

func BenchmarkSniff(b *testing.B) {
	values := []string{
		"example.com", "Sub.Example.co.uk", "192.0.2.1", "192.0.2.1:8080", "198.51.100.0/24", "2001:db8::1", "http://example.com/x/y.php?z=1",
		"example.com/x", "/gate.php", "bob@example.com", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "evil[.]example[.]com",
	}
	for _, v := range values {
		b.Run(strings.ReplaceAll(v, "/", "|"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Sniff(v)
			}
		})
	}
}
