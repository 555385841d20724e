package filefmt

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestList(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		check(t, "list", Options{}, line, want...)
	}
	f("")
	f("\r\n \t\r\n")
	f("# comment")
	f("//evil.com/a", "//evil.com/a")
	f("//")
	f("; comment\n// comment\n")
	f("evil.com", "evil.com")
	f("evil.com\r\nevil.net\r\n", "evil.com", "evil.net")
	f("129.82.138.12 # pinger1a.example.edu", "129.82.138.12 title=pinger1a.example.edu")
	f("evil.com\t; seen once", "evil.com title=seen once")
	f("evil.com // seen once", "evil.com title=seen once")
	f("http://evil.com/a#b", "http://evil.com/a#b")
	f("http://evil.com/a#b # c", "http://evil.com/a#b title=c")
	f("evil.com# glued", "evil.com title=glued")
	f("198.51.100.7:8080", "198.51.100.7:8080")
	f("[2001:db8::1]:80", "[2001:db8::1]:80")
	f("192.0.2.0/24", "192.0.2.0/24")
	f("evil[.]com", "evil[.]com")
	f(`"evil.com",`, "evil.com")
	f(`'evil.com';`, "evil.com")
	f("- evil.com", "evil.com")
	f("• evil[.]com", "evil[.]com")
	f("\u200bevil.com\u00a0", "evil.com")
	f("0.0.0.0 evil.com", "evil.com")
	f("127.0.0.1\tevil.com evil.net # ads", "evil.com title=ads", "evil.net title=ads")
	f("::1 evil.com", "evil.com")
	f("192.0.2.7 evil.com", "192.0.2.7 title=evil.com", "domain evil.com")
	f("evil.com, evil.net", "evil.com title=evil.net", "domain evil.net")
	f("185.178.209[.]193\tC2 of it\t", "185.178.209[.]193 title=C2 of it")
	f("44d88612fea8a8f36de82e1278abb02f  update.zip", "44d88612fea8a8f36de82e1278abb02f title=update.zip")
	f("44d88612fea8a8f36de82e1278abb02f *x.bin", "44d88612fea8a8f36de82e1278abb02f title=x.bin")
	f("44d88612fea8a8f36de82e1278abb02f,DLL", "44d88612fea8a8f36de82e1278abb02f title=DLL")
	f("/gate.php", "/gate.php")
	f("/gate.php and more", "/gate.php title=and more")
	f("/My App signed.apk", "url_path /My App signed.apk")
	f("downloads from http://evil.com/x.exe daily", "url http://evil.com/x.exe title=downloads from http://evil.com/x.exe daily")
	f("words and words", "! line 1: \"words and words\": "+noValue)
	f("192.0.2.1-192.0.2.4", "192.0.2.1", "cidr 192.0.2.2/31", "192.0.2.4")
	f("192.0.2.0 - 192.0.2.255 # all", "cidr 192.0.2.0/24 title=all")
	f("192.0.2.9-192.0.2.1", `! line 1: "192.0.2.9-192.0.2.1": an address range that ends before it begins`)
	f("# Reference: https://blog.example/a\nevil.com\n# Reference: https://blog.example/a\n# Reference: b",
		"evil.com", `about "": id= name= author= refs=https://blog.example/a,b`)
	f("evil.com # caf\xe9", "evil.com title=caf\uFFFD")
	f(strings.Repeat("x", 70_000)+"\nevil.com\n", "! line 1: \""+strings.Repeat("x", 200)+"…\": "+longLine, "evil.com")
	f(strings.Repeat("x", 200_000), "! line 1: \""+strings.Repeat("x", 200)+"…\": "+longLine)
}

func TestListDeclared(t *testing.T) {
	f := func(typ, line string, want ...string) {
		t.Helper()
		check(t, "list", Options{Type: ioc.Type(typ)}, line, want...)
	}
	f("domain", "evil.com # x", "domain evil.com title=x")
	f("domain", "evil.com the worst", "domain evil.com title=the worst")
	f("domain", "the worst", `! line 1: "the worst": `+noDeclared)
	f("url", "http://evil.com/a,b;c", "url http://evil.com/a,b;c")
	f("user_agent", "# agents\nMozilla/4.0 (x; y) # not a comment\n", "user_agent Mozilla/4.0 (x; y) # not a comment")
	f("mutex", "; Global\\x", "mutex ; Global\\x")
	f("mutex", "Global\\x y z", "mutex Global\\x y z")
	f("mutex", "mutex:Global\\x", "mutex mutex:Global\\x") // the list has said it for all of its lines
	f("text", "Failed password for root\nZx Gate 2.1\nevil.com, evil.net\n- a \"b\"; // c\n",
		"text Failed password for root", "text Zx Gate 2.1", "text evil.com, evil.net", `text - a "b"; // c`)
	f("file_path", `C:\Program Files\Zx Gate\a.exe`, `file_path C:\Program Files\Zx Gate\a.exe`)
	f("bitcoin_address", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT # x", "bitcoin_address 1BoatSLRHtKNngkdXEeobR76b53LETtpyT title=x")
	f("yara", "rule x", "yara rule x")
}

// "type:value", for every type there is.
func TestListNamed(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		check(t, "list", Options{}, line, want...)
	}
	f("url_path:/bad/p.php\nmutex:Global\\x\nuser_agent:ZxGate 2.1\nevil.com\n",
		"url_path /bad/p.php", `mutex Global\x`, "user_agent ZxGate 2.1", "evil.com")
	f("text:Failed password", "text Failed password")
	f("TEXT: Failed password ", "text Failed password")
	f("file_name:a.exe", "file_name a.exe")
	f("imphash:44d88612fea8a8f36de82e1278abb02f # x", "imphash 44d88612fea8a8f36de82e1278abb02f title=x")
	f("ip:1.2.3.4", "ip 1.2.3.4")
	f("ip:1.2.3.4# glued", "ip 1.2.3.4 title=glued")
	f("ipv6:2001:db8::1", "ipv6 2001:db8::1")
	f("ip_port:1.2.3.4:80", "ip_port 1.2.3.4:80")
	f("cidr:192.0.2.1-192.0.2.2", "192.0.2.1", "192.0.2.2")
	f("url:http://evil.com/a#b // x", "url http://evil.com/a#b title=x")
	f("url_path:/My App signed.apk", "url_path /My App signed.apk")
	f("- domain:evil[.]com,", "domain evil[.]com")
	f(`"mutex:Global\x",`, `mutex Global\x`)

	// nothing is taken off free text but a comment with blanks around its sign
	f("user_agent:Zx; // (a,b); #1", "user_agent Zx; // (a,b); #1")
	f("user_agent:Zx/1 #2 # seen # twice", "user_agent Zx/1 #2 title=seen # twice")
	f("mutex:Local\\a#b;", `mutex Local\a#b;`)
	f("file_path:C:\\a # b", `file_path C:\a title=b`)
	f("text:# x", "text # x")
	f(`text:"quoted"`, `text "quoted"`)

	// a host and its port, and names that are not ours
	f("url:8080", "url:8080")
	f("mutex:8080", "mutex:8080")
	f("text:8080", "text 8080")
	f("evil.com:8080", "evil.com:8080")
	f("2001:db8::1", "2001:db8::1")
	f("http://evil.com/", "http://evil.com/")
	f("Domains:", "Domains:")
	f("domain:", "domain:")
	f("nothing:x", "nothing:x")

	// what does not fit is refused later, in its whole length, or read as a line of words
	f("md5:xyz", "md5 xyz")
	f("ip:", "ip:")
	f("Domain: evil.com, evil.net", "domain evil.com title=Domain: evil.com, evil.net", "domain evil.net title=Domain: evil.com, evil.net")
	f("md5: not known yet", `! line 1: "md5: not known yet": `+noValue)
	for _, r := range ioc.Types() {
		if name, v, ok := cutType(string(r.Type) + ":x y"); name != r.Type || v != "x y" || !ok {
			t.Errorf("%s: %q %q %v", r.Type, name, v, ok)
		}
	}
}

// Each line that is no comment gives a value or is refused.
func TestListIsComplete(t *testing.T) {
	f := func(line string) {
		t.Helper()
		n := 0
		err := readList(strings.NewReader(line), Options{}, func(*Item) error { n++; return nil })
		if err != nil || n == 0 {
			t.Errorf("%q: nothing came out, %v", line, err)
		}
	}
	f("x")
	f("-")
	f(`""`)
	f(", ;")
	f("|")
	f("0.0.0.0")
	f("0.0.0.0 ,")
	f("127.0.0.1 |")
	f("::1 *")
	f("text:")
	f("text: # x")
	f("mutex: # x")
	f("ip:;")
	f("ip:#x")
	f("Zx Gate 2.1")
	f("/ x")
	f("1.2.3.4 - x")
}

func TestPrefixes(t *testing.T) {
	f := func(first, last, want string) {
		t.Helper()
		var got []string
		for _, p := range prefixes(netip.MustParseAddr(first), netip.MustParseAddr(last)) {
			got = append(got, p.String())
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s-%s: %s; want %s", first, last, g, want)
		}
	}
	f("192.0.2.0", "192.0.2.0", "192.0.2.0/32")
	f("192.0.2.0", "192.0.2.3", "192.0.2.0/30")
	f("192.0.2.1", "192.0.2.6", "192.0.2.1/32 192.0.2.2/31 192.0.2.4/31 192.0.2.6/32")
	f("0.0.0.0", "255.255.255.255", "0.0.0.0/0")
	f("255.255.255.254", "255.255.255.255", "255.255.255.254/31")
	f("192.0.2.1", "192.0.2.0", "")
	f("2001:db8::", "2001:db8::ffff", "2001:db8::/112")
	if n := len(prefixes(netip.MustParseAddr("0.0.0.1"), netip.MustParseAddr("255.255.255.254"))); n != 62 {
		t.Errorf("the worst range of IPv4 has %d networks, want 62", n)
	}
}

func TestText(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		check(t, "text", Options{}, text, want...)
	}
	f("")
	f(" \n\n")
	f("It went to evil[.]com, then to hxxp://evil[.]net/a.\n(1.2.3.4)\n", "domain evil[.]com", "url hxxp://evil[.]net/a", "ip 1.2.3.4")
	f("Nothing of interest.", `! : "Nothing of interest.": no indicator found`)
	f("\n  \n  Nothing\nof interest", `! : "Nothing": no indicator found`)
	f(strings.Repeat("é", 90), `! : "`+strings.Repeat("é", 80)+`…": no indicator found`)
	long := strings.Repeat("word ", 40_000) + "evil.com " + strings.Repeat("word ", 40_000) + "\nevil.net"
	f(long, "domain evil.com", "domain evil.net")
	f(strings.Repeat("x", 300_000)+" evil.com", "domain evil.com")
}

func BenchmarkList(b *testing.B) {
	var sb strings.Builder
	for i := range 10_000 {
		a := netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)})
		sb.WriteString(a.String() + " # scanner.example.org\nhost" + a.String() + ".example.com\n")
	}
	content := sb.String()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if err := readList(strings.NewReader(content), Options{}, func(*Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
