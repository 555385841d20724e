package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

func engine(s *Set, buf []Match, data []byte) ([]found, []Match) {
	buf = s.Append(buf[:0], data)
	var fs []found
	for _, m := range buf {
		fs = append(fs, found{m.ID, m.Start, m.End, m.Rule.Kind()})
	}
	return fs, buf
}

// compared returns what search and oracle say of data.
func compared(s *Set, os []ioc.Observable, data []byte) (got, want []found, ms []Match) {
	got, ms = engine(s, nil, data)
	return got, oracle(os, data), ms
}

func explain(os []ioc.Observable, fs []found, data []byte) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "  %q [%d:%d] %s %v\n", data[f.start:f.end], f.start, f.end, f.kind, os[f.id])
	}
	return b.String()
}

// exhaustive holds for each group of types tokens, "~" between them, that texts
// are made of, and what is listed.
var exhaustive = []struct {
	tokens string
	values []string
}{
	{"1~.~a~-~_", []string{"ip 1.1.1.1", "domain a.a"}},
	{"1.1.1.1~.~1~:~a~-~ ~> ~: ~[~]", []string{"ip 1.1.1.1", "cidr 1.1.0.0/16", "ip_port 1.1.1.1:1"}},
	{"a~.~-~_~A~@~:~/~b", []string{"domain a.a", "domain a.b", "email a@a.a"}},
	{"1~:~::~a~g~.~[~]", []string{"ipv6 1::1", "ipv6 ::a", "ipv6 ::1", "ipv6 a::", "cidr 1::/16", "ip_port [1::1]:1"}},
	{"1:1:1:1:1:1~:1~:~::~1.1.1.1~g~.~1~ > ~: ", []string{"ipv6 1:1:1:1:1:1:1:1", "ipv6 ::101:101", "ip 1.1.1.1", "ipv6 1:1:1:1:1:1:101:101", "ipv6 1:1:1:1:1:1::"}},
	{"::ffff:~1.1.1.1~101:101~:1~:~a~g~.~[~]~%e", []string{"ip 1.1.1.1", "ip_port 1.1.1.1:1", "ipv6 ::1"}},
	{"a~[~.~]~(~)~\\~dot~n", []string{"domain a.a", "domain a.n", "email a@a.a"}},
	{"a.a~\\~n~t~u0061~u000a~/~\"~x61~.~#011", []string{"domain a.a", "domain na.a", "domain ta.a", "text a.a"}},
	{"a.a~%~25~2F~61~2e~ ~0a~2", []string{"domain a.a", "text a/a.a", "email a@a.a"}},
	{"a.a~\x1b~[~3~m~#033~\\u001b~a", []string{"domain a.a", "domain aa.a"}},
	{"a~\x00~.~b~\n~A\x00", []string{"domain a.a", "text a.a", "mutex A.a"}},
	{"a~b~_~-~A~ ~\t", []string{"text a", "text a-b", "mutex A", "mutex a b", "text -", "text ab", "text bab"}},
	{"ht://~a.b~/~?~.~,~)~(~:~8~@~ ~#", []string{"url ht://a.b/", "url a.b/?", "url ht://a.b/8", "url ht://a.b:8/", "url ht://a.b/?8", "url ht://a.b/,", "url a.b/8"}},
	{"http://~https://~a.b~:80~:443~/x~A~'~`~\xc3\xa9~;", []string{"url http://a.b/x", "url a.b/x", "url a.b:80/x", "url https://a.b/", "url a.b:443/x"}},
	{"a.exe~/~\\~-~.~x~:~é~}", []string{"file_name a.exe", "file_path /a.exe", "file_path c:\\a.exe"}},
	{"(1)a~(1)b~(2)a~(0)~a~.~é~(", []string{"domain a.b", "domain a.a"}},
	{"é~a.a~한~1.1.1.1~1::1~:~1~ ~@~:1~[~]", []string{"domain a.a", "ip 1.1.1.1", "ipv6 1::1", "ip_port 1.1.1.1:1", "email a@a.a", "text a", "cidr 1.1.0.0/16"}},
	{"0123456789abcdef~0~-~_~:~g~A~CVE-2024-~1234", []string{"md5 " + strings.Repeat("0123456789abcdef", 2), "cve CVE-2024-1234", "cve CVE-2024-12341234"}},
	{"GET ~/a~/~?b~ ~http://~a.b~\"~uri~=~:", []string{"url_path /a", "url_path /a?b", "url_path /a/"}},
	{"uri~_~path~file~=~:~ ~\"~'~/a~?b~,~.", []string{"url_path /a", "url_path /a,", "url_path /a?b"}},
	{"a~。~b~．~看~é~.~@", []string{"domain a.b", "email a@a.b"}},
	{"a~。~b~看~é~.~@~p.", []string{"domain a.b", "domain xn--d5q.b", "email a@a.b", "domain p.xn--9ca"}},
	{"HKLM~HKEY_LOCAL_MACHINE~:~\\~\\REGISTRY\\MACHINE~a~A~u~é", []string{"registry_key HKLM\\a"}},
	{"http~%3A~:~%2F%2F~//~a.b~/~%2F~%25~3A~&~x", []string{"url http://a.b/", "url a.b/x", "url http://a.b/%2F", "url_path /x"}},
	{"(1)~a~(1)b~(0)~(2)ab~.~-~(", []string{"domain a.b", "domain ab.b"}},
	{"aabb~ccdd~eeff~aa~bb~:cc:dd:ee:ff~-cc-dd-ee-ff~.~-~:~x", []string{"mac_address aa:bb:cc:dd:ee:ff"}},
	{"http://~u@~h~.~/x~:80~-~a", []string{"url http://h/x", "url http://h/", "url http://h.a/x"}},
	{"http://~1.1.1.1~.~-~a~/~:80~ > ~1", []string{"url http://1.1.1.1/", "url 1.1.1.1/", "ip_port 1.1.1.1:1"}},
	{"::~1.1.1.1~.1~ > ~: ~ffff:~1", []string{"ip_port 1.1.1.1:1", "ip 1.1.1.1", "ipv6 ::101:101", "ip_port [::1]:1", "ip_port [::101:101]:1"}},
	{strings.Repeat("x", 30) + "~1~ht~+~://~a.b~/~ ~-", []string{"url ht://a.b/", "url a.b/"}},
	{"a。b~ñ~看~.~。~w~ｂ~a", []string{"domain a.b", "domain xn--d5q.b"}},
	{"a。b~ñ~看~.~。~w~ｂ~a", []string{"domain a.b", "email w@a.b"}},
	{"00~1b~:~-~.~001b~44113ab7~:44:11:3a:b7~-44-11-3a-b7~.4411.3ab7~a~x", []string{"mac_address 00:1b:44:11:3a:b7"}},
	{"01:23:45:67:~89:ab:cd:ef~:~01~-~x~.~é", []string{"certificate_fingerprint " + strings.Repeat("0123456789abcdef", 2), "md5 " + strings.Repeat("0123456789abcdef", 2)}},
	{"1.1.1~.1~.80~ > ~: ~>~ ~:80~[~]~1::1", []string{"ip_port 1.1.1.1:80", "ip 1.1.1.1", "ipv6 1::1", "ip_port [1::1]:80"}},
	{"http://~[~1::1~]~:80~1.1.1.1~/~.~-~@", []string{"url http://[1::1]/", "url http://1.1.1.1/", "url 1.1.1.1/", "url http://[1::1]:8080/"}},
	{"a~com~.~-~COM~@~。~рф~看~é~_", []string{"domain com", "domain a.com", "domain xn--p1ai"}},
	{"(1)a~(3)com~(0)~com~.~[.]~%2e~\\u002e~ ~/", []string{"domain com"}},
	{"1.1.1.1~.~1~::~a~[~]~ffff:~-", []string{"cidr 0.0.0.0/0", "cidr ::/0", "cidr 1.1.0.0/16"}},
	{"a~\x00~.\x00~b~\n~ \x00~é~a\x00", []string{"domain a.a", "text a a", "mutex a"}},
}

// TestExhaustive compares search and oracle over all texts of a few tokens.
func TestExhaustive(t *testing.T) {
	budget := 15_000
	if race {
		budget = 300
	} else if testing.Short() {
		budget = 5000
	}
	for _, e := range exhaustive {
		os := list(t, e.values...)
		s := compile(t, os)
		tokens := strings.Split(e.tokens, "~")
		var buf []Match
		var line []byte
		bad := 0
		var walk func(left int)
		walk = func(left int) {
			var got []found
			got, buf = engine(s, buf, line)
			if want := oracle(os, line); !slices.Equal(got, want) && bad < 5 {
				bad++
				t.Errorf("%q:\n got\n%swant\n%s", line, explain(os, got, line), explain(os, want, line))
			}
			if left == 0 {
				return
			}
			n := len(line)
			for _, tok := range tokens {
				line = append(line[:n], tok...)
				walk(left - 1)
			}
			line = line[:n]
		}
		walk(depthOf(len(tokens), budget))
	}
}

// depthOf returns how many tokens of n a text may have, so that there are no more
// than budget such texts.
func depthOf(n, budget int) (depth int) {
	for texts := n; texts <= budget; texts *= n {
		depth++
	}
	return depth
}

// FuzzMatch compares search and oracle over any text.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{
		"1.2.3.4:80 [::1]:80 a.evil.com bob@evil.com", "hxxp://evil[.]com/x?y=1, http://1.2.3.4:80/x", `{"a":"http:\/\/evil.com\/x?y=1\u0026","b":"c:\\x\\evil.exe"}`,
		"e\x00v\x00i\x00l\x00.\x00c\x00o\x00m\x00", "%2F%2Fevil.com%2F\n#011evil.com\x1b[1mx", "IP 1.2.3.4.80 > ::1.443: CVE-2024-1234 d41d8cd98f00b204e9800998ecf8427e",
		"::ffff:1.2.3.4 2001:db8:0::7 x:2001:db8::7:y Evil Bot/1.0 (evil.com) 'evil.com/x',", "(4)evil(3)com(0) éevil.com/x/evil.exe evil.comя",
	} {
		f.Add([]byte(seed))
	}
	os := list(f, "ip 1.2.3.4", "ipv6 ::1", "ipv6 2001:db8::7", "cidr 1.2.0.0/16", "cidr 2001:db8::/32", "ip_port 1.2.3.4:80", "ip_port [::1]:443", "domain evil.com", "domain a.evil.com",
		"url http://evil.com/x?y=1", "url evil.com/x", "email bob@evil.com", "md5 d41d8cd98f00b204e9800998ecf8427e", "cve CVE-2024-1234", `file_path c:\x\evil.exe`, "user_agent Evil Bot/1.0", "text e", "mutex a-b", "file_name evil.exe", "file_path /x/evil")
	s := compile(f, os)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 150 {
			return
		}
		got, want, buf := compared(s, os, data)
		if !slices.Equal(got, want) {
			t.Errorf("%q:\n got\n%swant\n%s", data, explain(os, got, data), explain(os, want, data))
		}
		var apart []Match
		off := 0
		for _, line := range bytes.SplitAfter(data, []byte("\n")) {
			n := len(apart)
			apart = s.Append(apart, line)
			for i := range apart[n:] {
				apart[n+i].Start += off
				apart[n+i].End += off
			}
			off += len(line)
		}
		if !slices.Equal(apart, buf) {
			t.Errorf("%q: whole %v, line by line %v", data, buf, apart)
		}
	})
}

// TestRandom compares the two over long texts of pieces that mean something.
func TestRandom(t *testing.T) {
	values := []string{
		"ip 1.2.3.4", "ipv6 ::1", "ipv6 2001:db8::7", "cidr 1.2.0.0/16", "cidr 2001:db8::/32", "ip_port 1.2.3.4:80", "ip_port [::1]:443", "domain evil.com", "domain a.evil.com",
		"url http://evil.com/x?y=1", "url evil.com/x", "url http://evil.com/", "email bob@evil.com", "md5 d41d8cd98f00b204e9800998ecf8427e", "cve CVE-2024-1234",
		`file_path c:\x\evil.exe`, "user_agent Evil Bot/1.0", "text evil", "mutex evil.com",
	}
	pieces := strings.Split("1.2.3.4~1.2~.3.4~::1~::ffff:~2001:db8::7~2001:DB8:0:0:0:0:0:7~:80~:443~evil.com~EVIL.com~evil~com~.~a.~b@~bob@~Bob@~@~-~_~ ~  ~:~/~//~http~://~http://~hxxp://~https://~"+
		"x~/x~?y=1~?~&~#~,~'~(~)~[~]~[.]~(dot)~[at]~\\~\\n~\\t~\\/~\\u0026~\\u002e~\\x2e~&amp;~%2e~%2F~%252F~%~%41~#011~\x1b[31m~\x1b[0m~\\u001b[1m~\n~\t~\x00~e\x00v\x00i\x00l\x00~.\x00c\x00o\x00m\x00~"+
		"\xc3\xa9~한~\xff~> ~ > ~: ~d41d8cd98f00b204e9800998ecf8427e~D41D8CD98F00B204E9800998ECF8427E~d41d~CVE-2024-1234~cve-2024-1234~5~c:\\x\\evil.exe~C:\\\\x\\\\evil.EXE~Evil Bot/1.0~Evil~ Bot/1.0~|~{~}~\"~<~>~;~=~user:pw@~.~.~:8080", "~")
	os := list(t, values...)
	s := compile(t, os)
	rounds := 10000
	if testing.Short() || race {
		rounds = 1000
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		var line []byte
		for range 1 + r.IntN(9) {
			line = append(line, pieces[r.IntN(len(pieces))]...)
		}
		if got, want, _ := compared(s, os, line); !slices.Equal(got, want) {
			t.Fatalf("%q:\n got\n%swant\n%s", line, explain(os, got, line), explain(os, want, line))
		}
	}
}
