package match

import (
	"strings"
	"testing"
)

func TestLettersBesideATokenArePartOfIt(t *testing.T) {
	set, f := table(t)
	md5 := "0123456789abcdef0123456789abcdef"
	set("domain evil.example", "ip 192.0.2.1", "ipv6 2001:db8::1", "cidr 198.51.100.0/24", "ip_port 203.0.113.1:80", "md5 "+md5, "email bob@x.example",
		"cve CVE-2024-1234", "mac_address 00:1b:44:11:3a:b7", "url http://u.example/x", "url v.example/x", "mutex Evil", "text vil")
	for _, v := range []string{"evil.example", "192.0.2.1", "2001:db8::1", "198.51.100.7", "203.0.113.1:80", md5, "bob@x.example", "CVE-2024-1234", "00:1b:44:11:3a:b7", "http://u.example/x", "v.example/x", "Evil", "vil"} {
		rule := map[string]string{"198.51.100.7": " cidr", "203.0.113.1:80": " port", "http://u.example/x": " url", "v.example/x": " url", "Evil": " text", "vil": " text"}[v]
		if rule == "" {
			rule = " exact"
		}
		for _, l := range []string{"ñ", "я", "Ω", "é", "e\u0301", "ö", "\\u00f1", "%C3%B1"} {
			if text := rule == " text"; !(text && l[0] == '\\') && l != "%C3%B1" { // free text is looked for as it is written, too
				f("x "+v+l, "")
			}
			f(l+v+" x", "")
			f(l+" "+v+" "+l, v+rule)
			f(l+","+v+","+l, v+rule)
		}
		for _, l := range []string{"漢", "ひ", "カ", "한", "ไ", "。", "“", "\xff", "\xf1", "\xc3"} {
			f(l+v+l, v+rule)
		}
	}
	f("ña.evil.example", "a.evil.example subdomain")
	f("ñ-evil.example a.evil.exampleñ", "")
	f("ñ[2001:db8::1]ñ", "2001:db8::1 exact")
	f("straße:2001:db8::1", "2001:db8::1 exact")
	f("http://ñv.example/x http://v.exampleñ/x http://u.example/xñ яhttp://u.example/x", "")
	f("1\xf1evil.example\xf1", "evil.example exact")
}

func TestWideDots(t *testing.T) {
	set, f := table(t)
	set("domain evil.example", "url http://evil.example/x", "email bob@evil.example")
	f("evil。example", "evil。example exact+idn")
	f("看evil．example好", "evil．example exact+idn")
	f("www｡evil｡example", "www｡evil｡example subdomain+idn")
	f("http://evil。example/x", "http://evil。example/x url+idn; evil。example exact+idn")
	f("bob@evil。example", "bob@evil。example exact+idn; evil。example exact+idn")
	f("notevil。example evil。examples evil。。example evil、example ñevil。example evil。exampleñ evil。example。au", "")
	f("看evil.example。好", "evil.example exact")
	for _, other := range []string{"domain a.example", "domain xn--e1afmkfd.xn--p1ai"} { // what else is listed changes nothing
		set("domain evil.example", other)
		f("看evil．example好", "evil．example exact+idn")
		f("看www。evil。example", "www。evil。example subdomain+idn")
		f("ñwww。evil。example", "www。evil。example subdomain+idn")
		f("ñ。evil。example", "evil。example exact+idn")
		f("ñevil。example www。evil。exampleñ", "")
		f("看.evil.example 看。www.evil.example", "evil.example exact; www.evil.example subdomain")
		f("ｅｖｉｌ.example", "ｅｖｉｌ.example exact+idn")
		f("1.2。3.4", "")
	}
}

func TestPathsInFields(t *testing.T) {
	set, f := table(t)
	set("url_path /bad/p.php", "url_path /q.php?id=1")
	for _, line := range []string{`{"url":{"path":"%"}}`, `{"request_uri":"%?x=1"}`, `{"uri":"%","m":"GET"}`, "uri=%", "cs-uri-stem=%", `url.path: "%"`, `url.path="%"`, "{'URI': '%', 'm': 1}",
		"uri=%,method=GET", "a=1;uri=%;b=2", "m=GET uri=% s=200", `{"url": "%#top"}`, `{"requestURI" : "%"}`, "url_path=%?x=y", "Location: %", `request="%"`, "uri='%'", "path: %", "(uri=%)", "a|uri=%|b", "uri=%.",
		"GET %?" + strings.Repeat("a", 200) + " HTTP/1.1", `{"uri":"%?` + strings.Repeat("a", 200) + `"}`} {
		f(strings.ReplaceAll(line, "%", "/bad/p.php"), "/bad/p.php path")
	}
	f(`{"url":{"path":"\/bad\/p.php"}}`, `\/bad\/p.php path+escaped`)
	f(`"msg":"{\"uri\":\"/bad/p.php\"}"`, "/bad/p.php path")
	f(`{"uri":"/q.php?id=1"} {"uri":"/q.php?id=12"} {"uri":"/q.php"}`, "/q.php?id=1 path")
	for _, line := range []string{`{"exe":"%"}`, `{"uri":"%/x"}`, `{"uri":"/a%"}`, `{"uri":"%x"}`, `{"uri":"%."}`, `{"uri":"% x"}`, "file_path=%", `{"file.path":"%"}`, "exe=%", "curi=%", "purl: %", "GET /x?url=% HTTP", "http://a/?a=b&url=%", "uri %", `["%"]`,
		"uri=/a%", "uri=%/", "urix=%", "ñuri=%"} {
		f(strings.ReplaceAll(line, "%", "/bad/p.php"), "")
	}
}

func TestFilesAreWhole(t *testing.T) {
	set, f := table(t)
	set("file_name svch0st.exe")
	for _, line := range []string{`C:\x\%`, "/x/%", `"%"`, "%.", "%. x", "%,", "(%)", "x=%", "%:1", "run % now", "名%名", `{"n":"c:\\x\\%"}`, "%...", "'%';", "[%]", "%/x"} {
		f(strings.ReplaceAll(line, "%", "svch0st.exe"), "svch0st.exe text")
	}
	for _, line := range []string{"%.bak", "my-%", "x.%", "%-old", "%~", "~$%", "x+%", "x%", "%x", "%_", "%ñ", "ñ%", "%.ñ", "%.1"} {
		f(strings.ReplaceAll(line, "%", "svch0st.exe"), "")
	}

	set("file_path /tmp/a.so")
	for _, line := range []string{"%", `"%"`, "x=%", "x:%", "cp % y", "%.", "%,", "file://%", "%:12", "(%)", "'%'", "%/ x", "//tmp/a.so x", "%; ls", "<%>", "|%|"} {
		f(strings.ReplaceAll(line, "%", "/tmp/a.so"), "/tmp/a.so text")
	}
	f(`{"p":"\/tmp\/a.so"}`, `\/tmp\/a.so text+escaped`)
	for _, line := range []string{"%.1", "%/b", "/var%", "%-2", "%~", "~%", ".%", "a.%", "%x", "http://x.y%", "é%", "%é", "$HOME%", "${HOME}%", "x-%", "/var/%", "%/.b"} {
		f(strings.ReplaceAll(line, "%", "/tmp/a.so"), "")
	}

	set(`file_path C:\x\a.dll`, `file_path \AppData\b.exe`, `file_path %TEMP%\c.exe`, "file_path .d")
	f(`C:\x\a.dll "C:\\x\\a.dll" -C:\x\a.dll`, `C:\x\a.dll text; C:\\x\\a.dll text+escaped; C:\x\a.dll text`)
	f(`C:\x\a.dll\b C:\x\a.dll.bak xC:\x\a.dll`, "")
	f(`C:\Users\bob\AppData\b.exe`, `\AppData\b.exe text`)
	f(`x=%TEMP%\c.exe, a.d`, `%TEMP%\c.exe text; .d text`)
}

func TestCountedLabels(t *testing.T) {
	set, f := table(t)
	set("domain evil.example")
	f("A (4)evil(7)example(0)", "(4)evil(7)example(0) exact+respelled")
	f("A (3)www(4)evil(7)example(0) x", "(3)www(4)evil(7)example(0) subdomain+respelled")
	f("(4)EVIL(7)example(0)", "(4)EVIL(7)example(0) exact+case+respelled")
	f("(4)evil(7)example(0)(4)evil(7)example(0)", "(4)evil(7)example(0) exact+respelled; (4)evil(7)example(0) exact+respelled")
	for _, line := range []string{"(5)evil(7)example(0)", "(4)evil(8)example(0)", "(04)evil(7)example(0)", "(4)evil(7)example", "(4)evil(7)example(1)", "x(4)evil(7)example(0)", "é(4)evil(7)example(0)", "(7)notevil(7)example(0)",
		"(4)evil(7)example(2)au(0)", "evil(7)example(0)", "(0)", "(4)evil(0)", "(7)example(0)", "4)evil(7)example(0)", "(3)www(5)evil(7)example(0)", "(2)www(4)evil(7)example(0)"} {
		f(line, "")
	}
}

func TestHives(t *testing.T) {
	set, f := table(t)
	set(`registry_key HKLM\Software\x`, `registry_key HKEY_USERS\S-1-5-18\y`, `registry_key HKCU\z`)
	f(`HKEY_LOCAL_MACHINE\Software\x`, `HKEY_LOCAL_MACHINE\Software\x text`)
	f(`hkey_local_machine\Software\x`, `hkey_local_machine\Software\x text+case`)
	for _, v := range []string{`HKLM\Software\x`, `hklm\Software\x`, `HKLM:\Software\x`, `\REGISTRY\MACHINE\Software\x`, `\Registry\Machine\Software\x`, `HKU\S-1-5-18\y`, `\REGISTRY\USER\S-1-5-18\y`, `HKCU\z`} {
		f("key="+v+", x", v+" text+respelled")
	}
	f(`HKLM\SOFTWARE\x`, `HKLM\SOFTWARE\x text+case+respelled`)
	f(`{"k":"HKLM\\Software\\x"}`, `HKLM\\Software\\x text+escaped+respelled`)
	f(`{"k":"\\REGISTRY\\MACHINE\\Software\\x"}`, `\\REGISTRY\\MACHINE\\Software\\x text+escaped+respelled`)
	f(`xHKLM\Software\x HKLM\Software\xy HKCU\Software\x HKLN\Software\x Software\x HKEY_CURRENT_USER\zz`, "")
}

func TestLimits(t *testing.T) {
	set, f := table(t)
	set("url http://evil.example/x", "url_path /bad/p.php", "domain evil.example")
	n := func(unit string, n int) string { return strings.Repeat(unit, n) }
	user := "http://" + n("u", 256) + "@evil.example/x"
	f(user, user+" url; evil.example exact")
	f("http://"+n("u", 257)+"@evil.example/x", "evil.example exact")
	f(n("a", 63)+".uri=/bad/p.php", "/bad/p.php path")
	f(n("a", 64)+".uri=/bad/p.php", "")
	f("uri"+n(" ", 8)+"="+n(" ", 8)+"/bad/p.php", "/bad/p.php path")
	f("uri"+n(" ", 9)+"=/bad/p.php uri="+n(" ", 9)+"/bad/p.php", "")
	f(n("M", 20)+" /bad/p.php "+n("M", 21)+" /bad/p.php", "/bad/p.php path")
	f("evil%"+n("25", 8)+"2eexample", "evil%"+n("25", 8)+"2eexample exact+percent")
	f("evil%"+n("25", 9)+"2eexample", "")
	f("evil\x1b["+n("1", 64)+"m.example", "evil\x1b["+n("1", 64)+"m.example exact+coloured")
	f("evil\x1b["+n("1", 65)+"m.example", "")
}
