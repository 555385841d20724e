package match

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// list makes observables of "type value" texts.
func list(t testing.TB, values ...string) []ioc.Observable {
	t.Helper()
	var os []ioc.Observable
	for _, v := range values {
		typ, value, _ := strings.Cut(v, " ")
		o, err := canon.Observable(ioc.Type(typ), value)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if string(o.Type) != typ {
			t.Fatalf("%s became %v", v, o)
		}
		os = append(os, o)
	}
	return os
}

func compile(t testing.TB, os []ioc.Observable) *Set {
	t.Helper()
	s, err := Compile(slices.Values(os))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show writes matches as "value rule", value as it is written.
func show(ms []Match, data string) string {
	var b []string
	for _, m := range ms {
		b = append(b, data[m.Start:m.End]+" "+m.Rule.String())
	}
	return strings.Join(b, "; ")
}

// table is what the tests below, one for each group of rows of the table of what
// a hit is, are written with: set names what is listed, f what is found in a line.
func table(t *testing.T) (set func(values ...string), f func(line, want string)) {
	var s *Set
	set = func(values ...string) { t.Helper(); s = compile(t, list(t, values...)) }
	f = func(line, want string) {
		t.Helper()
		if got := show(s.Append(nil, []byte(line)), line); got != want {
			t.Errorf("%q:\n got %q\nwant %q", line, got, want)
		}
	}
	return set, f
}

func TestAddresses(t *testing.T) {
	set, f := table(t)
	set("ip 1.2.3.4")
	for _, line := range []string{"1.2.3.4", "-1.2.3.4-", "=1.2.3.4", `"1.2.3.4"`, "(1.2.3.4)", "[1.2.3.4]:80", "1.2.3.4:443 x", "x 1.2.3.4.", "x 1.2.3.4, y",
		"1.2.3.4/24", "1.2.3.4-5.6.7.8", "5.6.7.8-1.2.3.4", "src:1.2.3.4:", "from...1.2.3.4 ", "1.2.3.4...", "a-1.2.3.4-b.c", "12:30:45:1.2.3.4", "http://1.2.3.4/x", "IP=1.2.3.4;", "1.2.3.4。5.6",
		"x@1.2.3.4", "#1.2.3.4#53", "IP 1.2.3.4.443 > 5.6.7.8.53: x", "IP 5.6.7.8.53 > 1.2.3.4.443: x", "한1.2.3.4에", `\n1.2.3.4\n`, `\u00221.2.3.4\u0022`, "#0111.2.3.4#011", "\x1b[31m1.2.3.4\x1b[0m"} {
		f(line, "1.2.3.4 exact")
	}
	for _, line := range []string{"11.2.3.4", "1.2.3.45", "1.2.3.4.5", "v1.2.3.4", "_1.2.3.4", "1.2.3.4_", "1.2.3.4a", "01.2.3.4", "1.2.3.04", "x.1.2.3.4", "1.2.3.4.in-addr.arpa", ".1.2.3.4",
		"1.2.3.4.443 ", "1.2.3.4.99999 > ", "> 1.2.3.4.443.1", "> 1.2.3.4.443-x", "2001:db8::1.2.3.4", "1.2.3", "1.2.3.4x.com", "64:ff9b::1.2.3.4"} {
		f(line, "")
	}
	f("1.2.3[.]4", "1.2.3[.]4 exact+refanged")
	f("1(.)2(.)3(.)4:80", "1(.)2(.)3(.)4 exact+refanged")
	f(`1\u002e2.3.4`, `1\u002e2.3.4 exact+escaped`)
	f("1%2e2.3.4", "1%2e2.3.4 exact+percent")
	f("q=%221.2.3.4%22", "1.2.3.4 exact")
	f("1.2\x1b[1m.3.4", "1.2\x1b[1m.3.4 exact+coloured")
	f("::ffff:1.2.3.4", "::ffff:1.2.3.4 exact+v4-mapped")
	f("x=[::FFFF:1.2.3.4]:80", "::FFFF:1.2.3.4 exact+v4-mapped")
	f("::ffff:102:304", "::ffff:102:304 exact+v4-mapped")
	f("::ffff:1.2.3.4:80", "::ffff:1.2.3.4 exact+v4-mapped")
	f("1\x00.\x002\x00.\x003\x00.\x004\x00", "1\x00.\x002\x00.\x003\x00.\x004\x00 exact+utf16")

	set("ipv6 2001:db8::1")
	for _, v := range []string{"2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::0.0.0.1"} {
		for _, line := range []string{"%", "[%]", "[%]:443", "addr:%", "from %: x", "%/64", "%.", "%,", "(%)", "http://[%]/x", "-%-", "src=%;", "%%eth0", "[%%eth0]:80", "x.y.org:%"} {
			f(strings.Replace(line, "%", v, 1), v+" exact")
		}
	}
	f("IP6 2001:db8::1.443 > ff02::fb.5353: UDP", "2001:db8::1 exact")
	f("2001[:]db8::1", "2001[:]db8::1 exact+refanged")
	for _, line := range []string{"12001:db8::1", "2001:db8::11", "2001:db8::1:2", "2001:db8::1::", "a:2001:db8::1", "2001:db8::1.5", "> 2001:db8::1.80.1", "> 2001:db8::1.80.1.1", "> 2001:db8::1.80-x", "2001:db8::1x", "x2001:db8::1", "0:2001:db8::1"} {
		f(line, "")
	}
}

func TestNetworksAndPorts(t *testing.T) {
	set, f := table(t)
	set("cidr 10.1.0.0/16", "cidr 10.0.0.0/8", "ip 10.1.2.3", "cidr 2001:db8::/32")
	f("x 10.1.2.3", "10.1.2.3 cidr; 10.1.2.3 cidr; 10.1.2.3 exact")
	f("x 10.2.2.3", "10.2.2.3 cidr")
	f("x 11.1.2.3", "")
	f("[2001:db8:1::5]:80", "2001:db8:1::5 cidr")
	f("2001:db9::", "")

	set("ip_port 1.2.3.4:80", "ip_port [2001:db8::1]:443")
	f("1.2.3.4:80", "1.2.3.4:80 port")
	f("[1.2.3.4]:80", "[1.2.3.4]:80 port")
	f("http://1.2.3.4:80/x", "1.2.3.4:80 port")
	f("::ffff:1.2.3.4:80", "::ffff:1.2.3.4:80 port+v4-mapped")
	f("1.2.3[.]4:80", "1.2.3[.]4:80 port+refanged")
	f("1.2.3.4.80 > 5.6.7.8.1: ", "1.2.3.4.80 port")
	f("[2001:DB8::1]:443", "[2001:DB8::1]:443 port")
	f("::ffff:1.2.3.4.80 > ::1.5: ", "::ffff:1.2.3.4.80 port+v4-mapped")
	f("IP6 2001:db8::1.443 > ", "2001:db8::1.443 port")
	for _, line := range []string{"1.2.3.4", "1.2.3.4:8", "1.2.3.4:800", "1.2.3.4:80x", "11.2.3.4:80", "1.2.3.4: 80", "[2001:db8::1]", "2001:db8::1:443", "::1.2.3.4.80 > ", "> ::1.2.3.4.80: ", "> 2001:db8::1.443.1", "> 2001:db8::1.443.1.1", "> 1.2.3.4.80-x"} {
		f(line, "")
	}
}

func TestNames(t *testing.T) {
	set, f := table(t)
	set("domain evil.com")
	for _, line := range []string{"evil.com", "evil.com.", "evil.com...", "http://evil.com/x", "//evil.com", "u@evil.com:25", "..evil.com", ".evil.com", "=evil.com&", "evil.com:443", "(evil.com)", "'evil.com'",
		`\tevil.com`, `\nevil.com\n`, `\revil.com`, `\u0022evil.com`, "#011evil.com", "\x1b[31mevil.com\x1b[0m", "%2F%2Fevil.com%2F", "%252F%252Fevil.com", `"\/\/evil.com\/"`, "한국evil.com에서",
		`\x22evil.com\x22`, `\u001b[31mevil.com\u001b[0m`, "#033[31mevil.com", "evil.com#frag", "evil.com?x", "&quot;evil.com&quot;", "evil.com@x.org", "\xffevil.com\xff", "a\x00 evil.com"} {
		f(line, "evil.com exact")
	}
	for _, line := range []string{"notevil.com", "evil.com.au", "evil.com-eu", "evil.comx", "evil.com_x", "-evil.com", "_evil.com", "my-evil.com", "evil.co", "evilcom", "evil..com", `\\tevil.com`, "com", "evil.com-", "2evil.com"} {
		f(line, "")
	}
	f("a.b.evil.com", "a.b.evil.com subdomain")
	f("A.EVIL.Com", "A.EVIL.Com subdomain+case")
	f("A.evil.com", "A.evil.com subdomain")
	f("_dmarc.evil.com.", "_dmarc.evil.com subdomain")
	f("evil[.]com", "evil[.]com exact+refanged")
	f("evil[dot]com evil{.}com x", "evil[dot]com exact+refanged; evil{.}com exact+refanged")
	f("hxxp://evil(.)com/x", "evil(.)com exact+refanged")
	f("bob[at]evil[.]com", "evil[.]com exact+refanged")
	f(`evil\.com`, `evil\.com exact+refanged`)
	f("evil[.com evil.]com", "evil[.com exact+refanged; evil.]com exact+refanged")
	f("evil[.]com[.]au", "")
	f(`evil\u002ecom`, `evil\u002ecom exact+escaped`)
	f("%65vil.com", "%65vil.com exact+percent")
	f("evil%2Ecom%2Fx", "evil%2Ecom exact+percent")
	f("e\x00v\x00i\x00l\x00.\x00c\x00o\x00m\x00", "e\x00v\x00i\x00l\x00.\x00c\x00o\x00m\x00 exact+utf16")
	f("пример.evil.com", "evil.com exact")
	f("evil.com evil.com", "evil.com exact; evil.com exact")
}

// A list may hold what is too broad to be of use. It is matched by the same rules.
func TestBroad(t *testing.T) {
	set, f := table(t)
	set("domain com")
	f("evil.com a.b.EVIL.COM.", "evil.com subdomain; a.b.EVIL.COM subdomain+case")
	f("http://evil.com/x bob@evil.com evil[.]com", "evil.com subdomain; evil.com subdomain; evil[.]com subdomain+refanged")
	f("(4)evil(3)com(0)", "(4)evil(3)com(0) subdomain+respelled")
	f("пример.com www。evil。com", "пример.com subdomain+idn; www。evil。com subdomain+idn")
	f("e\x00v\x00i\x00l\x00.\x00c\x00o\x00m\x00", "e\x00v\x00i\x00l\x00.\x00c\x00o\x00m\x00 subdomain+utf16")
	for _, line := range []string{"com", ".com", "com.", "http://com/x", "evil..com", "evil.com.au", "evil.com-x", "(3)com(0)", "xcom", "a-com.org"} {
		f(line, "")
	}
	set("domain com", "domain evil.com", "ip 192.0.2.1")
	f("a.evil.com 192.0.2.1", "a.evil.com subdomain; a.evil.com subdomain; 192.0.2.1 exact")
	set("domain xn--p1ai")
	f("пример.рф a.xn--p1ai рф", "пример.рф subdomain+idn; a.xn--p1ai subdomain")
	set("cidr 0.0.0.0/0")
	f("192.0.2.1 [::ffff:192.0.2.1] 0.0.0.0 255.255.255.255:80", "192.0.2.1 cidr; ::ffff:192.0.2.1 cidr+v4-mapped; 0.0.0.0 cidr; 255.255.255.255 cidr")
	f("2001:db8::1 ::", "")
	set("cidr ::/0")
	f("2001:db8::1 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1 cidr; :: cidr; ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff cidr")
	f("192.0.2.1 ::ffff:192.0.2.1", "")
}

func TestUnicodeNames(t *testing.T) {
	set, f := table(t)
	set("domain xn--e1afmkfd.xn--p1ai", "email bob@xn--e1afmkfd.xn--p1ai", "url http://пример.рф/x")
	f("пример.рф", "пример.рф exact+idn")
	f("“ПРИМЕР.рф”", "ПРИМЕР.рф exact+idn")
	f("www.пример。рф.", "www.пример。рф subdomain+idn")
	f("XN--E1AFMKFD.xn--p1ai", "XN--E1AFMKFD.xn--p1ai exact+case")
	f("bob@пример.рф", "bob@пример.рф exact+idn; пример.рф exact+idn")
	f("http://пример.рф/x", "http://пример.рф/x url+idn; пример.рф exact+idn")
	f("%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.%D1%80%D1%84", "%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.%D1%80%D1%84 exact+percent+idn")
	f(`\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444`, `\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444 exact+escaped+idn`)
	f("непример.рф пример.рфы рф", "")
}

func TestURLs(t *testing.T) {
	set, f := table(t)
	set("url http://evil.com/a/b?x=1&y=2")
	for _, line := range []string{"http://evil.com/a/b?x=1&y=2", "HTTP://EVIL.com:80/a/b?x=1&y=2", "http://u:p@evil.com./a/b?x=1&y=2", "http://evil.com/%61/b?x=1&y=2"} {
		f(line, line+" url")
		f("("+line+")", line+" url")
		f("'"+line+"',x", line+" url")
		f("x "+line+".", line+" url")
		f(`{"u":"`+line+`"}`, line+" url")
		f("<"+line+"#frag>", line+" url")
		f(line+"에서", line+" url")
		f(","+line+",200,x", line+" url")
	}
	f("hxxp://evil[.]com/a/b?x=1&y=2", "hxxp://evil[.]com/a/b?x=1&y=2 url+refanged")
	f(`http:\/\/evil.com\/a\/b?x=1\u0026y=2"`, `http:\/\/evil.com\/a\/b?x=1\u0026y=2 url+escaped`)
	f(`\nhxxp://evil.com/a/b?x=1&y=2`, "hxxp://evil.com/a/b?x=1&y=2 url+refanged")
	f("http://evil.com/a/b?x=1&amp;y=2", "http://evil.com/a/b?x=1&amp;y=2 url+escaped")
	f("u=http%3A%2F%2Fevil.com%2Fa%2Fb%3Fx=1%26y%3D2&z", "http%3A%2F%2Fevil.com%2Fa%2Fb%3Fx=1%26y%3D2 url+percent")
	f("u=http%253A%252F%252Fevil.com%252Fa%252Fb%253Fx=1%2526y%253D2&z", "http%253A%252F%252Fevil.com%252Fa%252Fb%253Fx=1%2526y%253D2 url+percent")
	f("http://%65vil.com/a/b?x=1&y=2", "http://%65vil.com/a/b?x=1&y=2 url+percent")
	for _, line := range []string{"https://evil.com/a/b?x=1&y=2", "http://evil.com:81/a/b?x=1&y=2", "http://evil.com/a/b?x=1&y=23", "http://evil.com/a/b?x=1", "http://evil.com/a/b", "http://a.evil.com/a/b?x=1&y=2",
		"evil.com/a/b?x=1&y=2", "http://evil.com/a%2Fb?x=1&y=2", "http://evil.com/A/b?x=1&y=2", "http://evil.com/a/b?x=1&y=2/", "xhttp://evil.com/a/b?x=1&y=2", "http://evil.com@x.org/a/b?x=1&y=2"} {
		f(line, "")
	}
}

func TestHostsAndSchemes(t *testing.T) {
	set, f := table(t)
	set("url http://evil.com/", "url http://1.2.3.4:8080/x", "url https://[2001:db8::1]/x", "url http://intranet/x")
	f("http://evil.com", "http://evil.com url")
	f("http://evil.com. x", "http://evil.com url")
	f("http://evil.com:80/, x", "http://evil.com:80/ url")
	f("http://evil.com/x http://evil.com?x http://evil.com.au", "")
	f("http://1.2.3.4:8080/x https://[2001:DB8:0::1]:443/x http://intranet/x", "http://1.2.3.4:8080/x url; https://[2001:DB8:0::1]:443/x url; http://intranet/x url")
	f("http://intranet./x http://intranet.:80/x http://u@intranet./x", "http://intranet./x url; http://intranet.:80/x url; http://u@intranet./x url")
	f("http://1.2.3.4.:8080/x", "http://1.2.3.4.:8080/x url")
	f("https://2001:db8::1/x http://intranet.a/x http://intranet-/x http://intranet../x //intranet./x", "")
	set("url http://intranet/")
	f("http://intranet. x", "http://intranet url")
	set("url http://1.2.3.4/", "url 1.2.3.4/", "url http://[2001:db8::1]/", "url [2001:db8::1]/")
	f("http://1.2.3.4/ http://[2001:db8::1]/", "http://1.2.3.4/ url; http://1.2.3.4/ url; http://[2001:db8::1]/ url; http://[2001:db8::1]/ url")
	for _, line := range []string{"http://1.2.3.4-static.isp.com/", "http://1.2.3.4-x", "1.2.3.4-x/", "http://1.2.3.4.80 > ", "http://2001:db8::1/", "2001:db8::1/", "http://::ffff:1.2.3.4/", "http://[2001:db8::1]x/"} {
		f(line, "")
	}
	set("url http://evil.com/", "url evil.com/y", "url "+strings.Repeat("s", 32)+"://evil.com/")
	f(strings.Repeat("s", 32)+"://evil.com/", strings.Repeat("s", 32)+"://evil.com/ url")
	f(strings.Repeat("x", 29)+"http://evil.com/ "+strings.Repeat("s", 33)+"://evil.com/ "+strings.Repeat("1", 29)+"http://evil.com/", "")
	f(strings.Repeat("1", 28)+"http://evil.com/ "+strings.Repeat("x", 33)+"://evil.com/y", "http://evil.com/ url; evil.com/y url")
	set("url evil.com/x", "url evil.com:80/y")
	f("evil.com/x https://evil.com/x ftp://evil.com:21/x HTTP://EVIL.com/x", "evil.com/x url; https://evil.com/x url; ftp://evil.com:21/x url; HTTP://EVIL.com/x url")
	f("http://evil.com/y http://evil.com:80/y evil.com:80/y", "http://evil.com/y url; http://evil.com:80/y url; evil.com:80/y url")
	f("notevil.com/x evil.com/xy evil.com:81/x https://evil.com/y", "")
	set("url http://evil.com/x.", "url http://evil.com/x")
	f("http://evil.com/x.", "http://evil.com/x. url")
	f("http://evil.com/x,", "http://evil.com/x url")
}

func TestPathsAndMail(t *testing.T) {
	set, f := table(t)
	set("url_path /x/y.php", "url_path /x/z.php?id=1")
	f(`"GET /x/y.php?id=2 HTTP/1.1"`, "/x/y.php path")
	f(`"POST /x/z.php?id=1 HTTP/1.1"`, "/x/z.php?id=1 path")
	f("https://a.b/x/y.php, http://c:1/x/z.php?id=1", "/x/y.php path; /x/z.php?id=1 path")
	f(`http:\/\/c\/x\/y.php"`, `\/x\/y.php path+escaped`)
	for _, line := range []string{"GET /x/y.phpx", "GET /a/x/y.php", "cat /x/y.php", "GET /x/z.php", "GET /x/z.php?id=12", "http://a.b/c/x/y.php", "get /x/y.php", "GET /x/y.phpñ", "http://a.b/x/y.phpя", "uri=/x/y.phpé"} {
		f(line, "")
	}

	set("email bob@evil.com", "email o'neil@x.org")
	for _, line := range []string{"bob@evil.com", "<bob@evil.com>", "to=bob@evil.com,", "mailto:bob@evil.com?x", "'bob@evil.com'", "bob@evil.com.", `\tbob@evil.com`, "a/bob@evil.com"} {
		f(line, "bob@evil.com exact")
	}
	f("Bob@EVIL.com", "Bob@EVIL.com exact+case")
	f("bob[at]evil[.]com", "bob[at]evil[.]com exact+refanged")
	f("bob%40evil.com", "bob%40evil.com exact+percent")
	f("'o'neil@x.org'", "o'neil@x.org exact")
	for _, line := range []string{"notbob@evil.com", "x.bob@evil.com", "x+bob@evil.com", "x-bob@evil.com", "bob@evil.com.au", "bob@a.evil.com", "evil.com", "neil@x.org", "bob@evil.comx"} {
		f(line, "")
	}
}

func TestDigestsAndWords(t *testing.T) {
	set, f := table(t)
	h := strings.Repeat("0123456789abcdef", 2)
	set("md5 "+h, "imphash "+h, "ja3 "+h, "certificate_fingerprint "+h)
	all := func(v, rule string) string { return strings.TrimSuffix(strings.Repeat(v+" "+rule+"; ", 4), "; ") }
	for _, line := range []string{h, "md5:" + h, "md5_" + h, h + "-x", h + "_x", "=" + h + ".bin", `\n` + h} {
		f(line, all(h, "exact"))
	}
	f(strings.ToUpper(h), all(strings.ToUpper(h), "exact+case"))
	f("x"+h+" "+h+"0", "")
	colons := strings.TrimSuffix(strings.Repeat("01:23:45:67:89:ab:cd:ef:", 2), ":")
	f("fp="+colons+" ok", colons+" exact+respelled")

	set("cve CVE-2024-1234", "mac_address 00:1b:44:11:3a:b7")
	f("CVE-2024-1234 cve-2024-1234. x_CVE-2024-1234_poc", "CVE-2024-1234 exact; cve-2024-1234 exact+case; CVE-2024-1234 exact")
	f("CVE-2024-12347 xCVE-2024-1234 CVE-2024-123", "")
	for _, v := range []string{"00-1B-44-11-3A-B7", "001b.4411.3ab7", "001b44113ab7", "001b44-113ab7", "0:1b:44:11:3a:b7"} {
		rule := " exact+respelled"
		if strings.Contains(v, "B") {
			rule = " exact+case+respelled"
		}
		f("mac "+v+",", v+rule)
	}
	f("mac:00:1b:44:11:3a:b7: x", "00:1b:44:11:3a:b7 exact")
	for _, line := range []string{" :%", ":%:", "mac::%", "%::x", "(:%)", "x.y::%"} {
		f(strings.Replace(line, "%", "00:1b:44:11:3a:b7", 1), "00:1b:44:11:3a:b7 exact")
	}
	f("::00:1b:44:11:3a:b7 00:1b:44:11:3a:b7:: a::00:1b:44:11:3a:b7", "")
	set("mac_address aa:bb:cc:dd:ee:ff")
	f("aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff exact")
	for _, v := range []string{"aa-bb-cc-dd-ee-ff", "aabb.ccdd.eeff", "aabbccddeeff", "aabbcc-ddeeff", "aabb-ccdd-eeff"} {
		f("mac "+v+",", v+" exact+respelled")
	}
	f("aabbccddeeffx aabbccddeef aa-bb-cc-dd-ee-ff-aa", "")
	set("mac_address 00:1b:44:11:3a:b7")
	f("00:1b:44:11:3a:b7:00 ff:00:1b:44:11:3a:b7 x001b44113ab7 00-1b-44-11-3a-b7-00", "")
}

func TestText(t *testing.T) {
	set, f := table(t)
	set(`file_path C:\Windows\Evil.exe`, "mutex Global\\Abc", "user_agent Evil Bot/1.0", "text Failed password", "registry_key HKEY_LOCAL_MACHINE\\run\\x", "file_name evil.dll")
	f(`open C:\Windows\Evil.exe`, `C:\Windows\Evil.exe text`)
	f(`{"p":"c:\\windows\\evil.EXE"}`, `c:\\windows\\evil.EXE text+escaped+case`)
	f(`C:\Windows\Evil.exe2 xC:\Windows\Evil.exe`, "")
	f(`Global\Abc global\abc Global\Abcd`, `Global\Abc text`)
	f("UA=Evil Bot/1.0, evil bot/1.0", "Evil Bot/1.0 text")
	f("ua=Evil%20Bot%2F1.0", "Evil%20Bot%2F1.0 text+percent")
	f("FAILED\tpassword for", "FAILED\tpassword text+case")
	f(`hklm\run\x \evil.dll notevil.dll evil.dllx`, `hklm\run\x text+respelled; evil.dll text`)
	f("E\x00v\x00i\x00l\x00.\x00d\x00l\x00l\x00", "E\x00v\x00i\x00l\x00.\x00d\x00l\x00l\x00 text+case+utf16")
	f("Failed\npassword", "")
}

func TestRuleString(t *testing.T) {
	f := func(r Rule, want string) {
		t.Helper()
		if got := r.String(); got != want {
			t.Errorf("%d: %q, want %q", r, got, want)
		}
	}
	f(Exact, "exact")
	f(Subdomain|Refanged, "subdomain+refanged")
	f(Network|V4Mapped, "cidr+v4-mapped")
	f(kindMask, "unknown")
}

func TestCompile(t *testing.T) {
	os := []ioc.Observable{
		{Type: ioc.YARA, Value: "rule x {}"}, {Type: ioc.Domain, Value: "evil.com"}, {Type: ioc.Domain, Value: ""},
		{Type: "new-type", Value: "x"}, {Type: ioc.IP, Value: "not an address"}, {Type: ioc.IPPort, Value: "x:y"},
		{Type: ioc.URL, Value: `http://a.example/"x"`}, {Type: ioc.MD5, Value: "xyz"}, {Type: ioc.Email, Value: "bob@[192.0.2.1]"},
	}
	s := compile(t, os)
	if s.Len() != 6 || s.Skipped() != 3 {
		t.Errorf("%d compiled, %d skipped", s.Len(), s.Skipped())
	}
	want := map[ioc.Type]int{ioc.Domain: 1, ioc.IP: 1, ioc.IPPort: 1, ioc.URL: 1, ioc.MD5: 1, ioc.Email: 1}
	if d := cmp.Diff(want, s.Counts()); d != "" {
		t.Error(d)
	}
	line := `evil.com, NOT an address. x:y, http://a.example/"x" xyz, <bob@[192.0.2.1]>`
	var got []string
	for _, m := range s.Append(nil, []byte(line)) {
		got = append(got, s.Observable(m.ID).Value)
	}
	if d := cmp.Diff([]string{"evil.com", "not an address", "x:y", `http://a.example/"x"`, "xyz", "bob@[192.0.2.1]"}, got); d != "" {
		t.Error(d)
	}
	if ms := compile(t, nil).Append(nil, []byte(line)); ms != nil {
		t.Errorf("an empty set found %v", ms)
	}
}
