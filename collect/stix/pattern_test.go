package stix

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// showValues prints what a pattern names, a line each.
func showValues(t *testing.T, pattern string) string {
	t.Helper()
	p, err := ParsePattern(pattern)
	if err != nil {
		t.Errorf("%s: %v", pattern, err)
		return ""
	}
	var out []string
	alone, left := p.Values()
	for _, v := range alone {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s", v.Type, v.Value)))
	}
	for _, v := range left {
		out = append(out, fmt.Sprintf("! %s %s: %s", v.Type, v.Value, v.Reason))
	}
	return strings.Join(out, "\n")
}

func TestPatternValues(t *testing.T) {
	f := func(pattern string, want ...string) {
		t.Helper()
		if d := cmp.Diff(strings.Join(want, "\n"), showValues(t, pattern)); d != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, d)
		}
	}
	together := func(v string) string { return "! " + v + ": " + TogetherOnly }

	// One comparison.
	f("[ipv4-addr:value = '192.0.2.1']", "ip 192.0.2.1")
	f("[ipv4-addr:value = '192.0.2.0/24']", "cidr 192.0.2.0/24")
	f("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", "cidr 192.0.2.0/24")
	f("[ipv6-addr:value = '2001:db8::1']", "ipv6 2001:db8::1")
	f("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "cidr 2001:db8::/32")
	f("[network-traffic:dst_ref.value ISSUBSET '192.0.2.0/24']", "192.0.2.0/24")
	f("[network-traffic:src_ref.value = '192.0.2.1']", "192.0.2.1")
	f("[domain-name:value = 'evil.example']", "domain evil.example")
	f("[domain-name:resolves_to_refs[*].value = '192.0.2.1']", "192.0.2.1")
	f("[url:value = 'http://a.example/?a=b]']", "url http://a.example/?a=b]")
	f("[email-addr:value = 'a@b.example']", "email a@b.example")
	f("[email-message:from_ref.value = 'a@b.example']", "email a@b.example")
	f("[email-message:sender_ref.value = 'a@b.example']", "email a@b.example")
	f("[email-message:to_refs[*].value = 'a@b.example']", "! email a@b.example: "+Benign)
	f("[email-message:subject = 'Invoice']", "email_subject Invoice")
	f("[email-message:message_id = '<1@b.example>']", "text <1@b.example>")
	f("[email-message:body_multipart[0].body_raw_ref.name = 'a.doc']", "file_name a.doc")
	f("[email-message:body_multipart[*].body_raw_ref.hashes.MD5 = 'ab']", "md5 ab")
	f("[file:hashes.MD5 = 'ab']", "md5 ab")
	f("[file:hashes.'MD5' = 'ab']", "md5 ab")
	f(`[file:hashes."SHA-256"='ab']`, "sha256 ab")
	f("[file:hashes.SHA256 = 'ab']", "sha256 ab")
	f("[file:hashes.sha1 = 'ab']", "sha1 ab")
	f("[file:hashes.SHA-512 = 'ab']", "sha512 ab")
	f("[file:hashes.SSDEEP = '3:a:b']", "ssdeep 3:a:b")
	f("[file:hashes.MD5 = h'AB']", "md5 AB")
	f("[file:hashes.'SHA3-256' = 'ab']", "!  ab: "+NoType)
	f("[file:extensions.'windows-pebinary-ext'.imphash = 'ab']", "imphash ab")
	f("[file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5 = 'ab']", "!  ab: "+NoType)
	f("[artifact:hashes.'SHA-256' = 'ab']", "sha256 ab")
	f("[process:image_ref.hashes.MD5 = 'ab']", "md5 ab")
	f("[file:name = 'a.exe']", "file_name a.exe")
	f("[file:parent_directory_ref.path = '/tmp/.x']", "file_path /tmp/.x")
	f("[directory:path = '/tmp/.x']", "file_path /tmp/.x")
	f(`[mutex:name = 'it\'s \\x']`, `mutex it's \x`)
	f("[mac-addr:value = '00:00:5e:00:53:01']", "mac_address 00:00:5e:00:53:01")
	f("[x509-certificate:hashes.'SHA-1' = 'ab']", "certificate_fingerprint ab")
	f("[x509-certificate:hashes.SHA256 = 'ab']", "certificate_fingerprint ab")
	f("[x509-certificate:serial_number = '36']", "!  36: "+NoType)
	f(`[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\Software\\x']`, `registry_key HKEY_LOCAL_MACHINE\Software\x`)
	f("[windows-registry-key:values[*].data = 'x']", "!  x: "+NoType)
	f("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x/1']", "user_agent x/1")
	f("[network-traffic:extensions.'http-request-ext'.request_header.Host = 'evil.example']", "domain evil.example")
	f("[network-traffic:extensions.'http-request-ext'.request_value = '/gate.php']", "url_path /gate.php")
	f("[vulnerability:name = 'CVE-2021-44228']", "cve CVE-2021-44228")
	f("[process:command_line = 'x']", "!  x: "+NoType)
	f("[process:pid = 4]", "!  4: "+NoType)
	f("[software:name = 'x']", "!  x: "+NoType)
	f("[x-own:thing = 'x']", "!  x: "+NoType)
	f("[domain-name:value = '']", "!  : "+NoType)
	f("[domain-name:value = 7]", "!  7: "+NoType)
	f("[domain-name:value IN ('a.example', true, 1.5, 'a.example')]", "domain a.example", "!  true: "+NoType, "!  1.5: "+NoType)
	f("[domain-name:value IN ()]")

	// Not equality, negated.
	f("[domain-name:value != 'a.example']", "! domain a.example: "+Negated)
	f("[domain-name:value <> 'a.example']", "! domain a.example: "+Negated)
	f("[domain-name:value NOT = 'a.example']", "! domain a.example: "+Negated)
	f("[domain-name:value NOT != 'a.example']", "domain a.example")
	f("[domain-name:value NOT IN ('a.example')]", "! domain a.example: "+Negated)
	f("[domain-name:value NOT LIKE 'a%']", "! domain a%: "+Negated)
	f("[ipv4-addr:value NOT ISSUBSET '192.0.2.0/24']", "! cidr 192.0.2.0/24: "+Negated)
	f("[domain-name:value LIKE 'a%']", "! domain a%: "+NotEquality)
	f("[url:value MATCHES '^a']", "! url ^a: "+NotEquality)
	f("[domain-name:value ISSUBSET 'a']", "! domain a: "+NotEquality)
	f("[ipv4-addr:value ISSUPERSET '192.0.2.1']", "! ip 192.0.2.1: "+NotEquality)
	f("[file:size > 10]", "!  10: "+NotEquality)
	f("[EXISTS url:value]", "!  : "+NotEquality)
	f("[NOT EXISTS url:value]", "!  : "+Negated)

	// Joined.
	f("[file:hashes.MD5 = 'a' OR file:hashes.'SHA-1' = 'b'] OR [domain-name:value='c']", "md5 a", "sha1 b", "domain c")
	f("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.0/24')]", "ip 192.0.2.1", "cidr 192.0.2.0/24")
	f("[mutex:name = 'a' AND mutex:name = 'b']", together("mutex a"), together("mutex b"))
	f("[mutex:name = 'a'] AND [mutex:name = 'b']", together("mutex a"), together("mutex b"))
	f("[mutex:name = 'a'] FOLLOWEDBY [mutex:name = 'b']", together("mutex a"), together("mutex b"))
	f("[mutex:name = 'a'] WITHIN 5 SECONDS", together("mutex a"))
	f("[mutex:name = 'a'] REPEATS 5 TIMES", together("mutex a"))
	f("[mutex:name = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00.5Z'", together("mutex a"))
	f("[mutex:name = 'a'] START '2026-01-01T00:00:00Z' STOP '2026-01-02T00:00:00Z'", together("mutex a"))
	f("[mutex:name = 'a' OR mutex:name = 'b' AND mutex:name = 'c']", "mutex a", together("mutex b"), together("mutex c"))
	f("[(mutex:name = 'a' OR mutex:name = 'b') AND mutex:name = 'c']", together("mutex a"), together("mutex b"), together("mutex c"))
	f("[mutex:name = 'a'] OR [mutex:name = 'b'] AND [mutex:name = 'c']", "mutex a", together("mutex b"), together("mutex c"))
	f("([mutex:name = 'a'] OR [mutex:name = 'b']) AND [mutex:name = 'c']", together("mutex a"), together("mutex b"), together("mutex c"))
	f("[mutex:name = 'a'] OR [mutex:name = 'b'] FOLLOWEDBY [mutex:name = 'c']", together("mutex a"), together("mutex b"), together("mutex c"))
	f("([mutex:name = 'a']) OR (([mutex:name = 'b']))", "mutex a", "mutex b")
	f("[mutex:name = 'a' AND mutex:name = 'b'] OR [mutex:name = 'a']", "mutex a", together("mutex b"))
	f("[mutex:name = 'a' AND mutex:name LIKE 'b' AND mutex:name != 'c' AND process:pid = 4]",
		together("mutex a"), "! mutex b: "+NotEquality, "! mutex c: "+Negated, "!  4: "+NoType)

	// The two accepted forms of AND.
	f(`[file:name = 'a.dll' AND file:parent_directory_ref.path = 'C:\\Temp']`, `file_path C:\Temp\a.dll`)
	f(`[file:parent_directory_ref.path = 'C:\\Temp\\' AND file:name = 'a.dll']`, `file_path C:\Temp\a.dll`)
	f(`[file:name = 'a.dll' AND file:parent_directory_ref.path = 'C:']`, `file_path C:\a.dll`)
	f("[file:name = 'a' AND file:parent_directory_ref.path = '/tmp']", "file_path /tmp/a")
	f("[file:name = 'a' AND file:parent_directory_ref.path = '/']", "file_path /a")
	f("[file:name = 'a' AND file:parent_directory_ref.path = 'tmp']", together("file_name a"), together("file_path tmp"))
	f("[file:name = 'a' AND file:parent_directory_ref.path != '/tmp']", together("file_name a"), "! file_path /tmp: "+Negated)
	f("[file:name LIKE 'a' AND file:parent_directory_ref.path = '/tmp']", "! file_name a: "+NotEquality, together("file_path /tmp"))
	f("[file:name = 'a' AND file:parent_directory_ref.path = '/tmp' AND file:size = 4]", together("file_name a"), together("file_path /tmp"), "!  4: "+NoType)
	f("[file:name = 'a' AND file:parent_directory_ref.path = '/tmp'] AND [url:value = 'b']", together("file_name a"), together("file_path /tmp"), together("url b"))
	f("[file:name = 'a' AND file:parent_directory_ref.path = '/tmp' OR file:name = 'b']", "file_path /tmp/a", "file_name b")
	// Digests of one file, as MISP and OpenCTI have them.
	f("[(file:hashes.MD5 = 'a' AND file:hashes.'SHA-256' = 'b')]", "md5 a", "sha256 b")
	f("[file:hashes.MD5 = 'a' AND (file:hashes.'SHA-1' = 'b' AND file:size = 3)]", "md5 a", "sha1 b", "!  3: "+NoType)
	f("[file:hashes.MD5 = 'a' AND file:hashes.'SHA3-256' = 'b']", "md5 a", "!  b: "+NoType)
	f("[file:hashes.MD5 = 'a' AND file:hashes.'MD5' = 'b']", together("md5 a"), together("md5 b"))
	f("[file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' != 'b']", together("md5 a"), "! sha1 b: "+Negated)
	f("[file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' IN ('b', 'c')]", together("md5 a"), together("sha1 b"), together("sha1 c"))
	f("[file:hashes.MD5 = 'a' AND file:name = 'b']", together("md5 a"), together("file_name b"))
	f("[file:hashes.MD5 = 'a'] AND [file:hashes.'SHA-1' = 'b']", together("md5 a"), together("sha1 b"))
	f("[file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' = 'b'] WITHIN 5 SECONDS", together("md5 a"), together("sha1 b"))
	f("[file:hashes.MD5 = 'a' AND (file:hashes.'SHA-1' = 'b' OR file:hashes.'SHA-1' = 'c')]", together("md5 a"), together("sha1 b"), together("sha1 c"))
	f("[file:hashes.ssdeep = 'a' AND file:size = 3]", together("ssdeep a"), "!  3: "+NoType)
	// Parentheses within an AND are no more than that.
	f("[(network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1') AND network-traffic:dst_port = 443]",
		"192.0.2.1", "!  ipv4-addr: "+NoType, "!  443: "+NoType)
	f("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 4444]", "192.0.2.1", "!  4444: "+NoType)
	f("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.0/24' AND network-traffic:dst_port IN (80, 443) AND network-traffic:protocols[*] = 'tcp']",
		"192.0.2.0/24", "!  ipv4-addr: "+NoType, "!  80: "+NoType, "!  443: "+NoType, "!  tcp: "+NoType)
	f("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port != 80]", together(" 192.0.2.1"), "!  80: "+Negated)
	f("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:src_port = 80]", together(" 192.0.2.1"), "!  80: "+NoType)
	f("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:src_ref.value = '192.0.2.2']", together(" 192.0.2.1"), together(" 192.0.2.2"))
	f("[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '192.0.2.1']", "192.0.2.1", "!  ipv4-addr: "+NoType)
	f("[network-traffic:dst_ref.value != '192.0.2.1' AND network-traffic:dst_port = 80]", "!  192.0.2.1: "+Negated, "!  80: "+NoType)
	f("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 80] REPEATS 2 TIMES", together(" 192.0.2.1"), "!  80: "+NoType)

	// Values with signs of the grammar in them; space and comments anywhere.
	f(`[url:value = 'http://b.example/?a[]=1\'] OR [x']`, `url http://b.example/?a[]=1'] OR [x`)
	f("[\n  domain-name:value\t=\n  'a.example'\n]", "domain a.example")
	f("/* a */ [ mutex : name /* ' */ = 'a' ] // done", "mutex a")
	f("[mutex:name='a']OR[mutex:name='b']", "mutex a", "mutex b")
	f("[mutex:name = 'a'] or [mutex:name in ('b')]", "mutex a", "mutex b")
	f("[exists:name = 'a']", "!  a: "+NoType)
}

func TestPatternErrors(t *testing.T) {
	f := func(pattern string, offset int, want string) {
		t.Helper()
		_, err := ParsePattern(pattern)
		var e *PatternError
		if !errors.As(err, &e) || e.Offset != offset || !strings.Contains(e.Error(), want) {
			t.Errorf("%.80q: %v; want %q at %d", pattern, err, want, offset)
		}
	}
	f("", 0, "expected [ or (, found the end")
	f("evil.example", 0, `expected [ or (, found "evil.example"`)
	f("[", 1, "an object path")
	f("[]", 1, "an object path")
	f("[mutex]", 6, ": behind the object's type")
	f("[mutex:]", 7, "the name of a property")
	f("[mutex:name]", 11, "a comparison operator")
	f("[mutex:name =]", 13, "a constant")
	f("[mutex:name = 'a'", 17, "AND, OR or ]")
	f("[mutex:name = 'a", 16, "the end of the string")
	f("[mutex:name = a]", 14, "a constant")
	f("[mutex:name = 007]", 14, "a constant")
	f("[mutex:name = 'a' OR ]", 21, "an object path")
	f("[mutex:name = 'a'] OR", 21, "[ or (")
	f("[mutex:name = 'a'] x", 19, "an operator, a qualifier or the end")
	f("[mutex:name = 'a'] \x00", 19, "an operator, a qualifier or the end")
	f("[mutex:name = 'a']]", 18, "an operator")
	f("([mutex:name = 'a']", 19, "an operator or )")
	f("[mutex:name = 'a'] WITHIN -5 SECONDS", 26, "a positive number")
	f("[mutex:name = 'a'] REPEATS 1.5 TIMES", 27, "a positive whole number")
	f("[mutex:name = 'a'] WITHIN 5", 27, "SECONDS")
	f("[mutex:name = 'a'] START t'2026' STOP t'2026'", 25, "a time")
	f("[mutex:name = 'a'] START t'2026-01-01T00:00:00Z'", 48, "STOP")
	f(`[mutex:name = 'Global\x']`, 21, `\\ or \'`)
	f("[mutex:name LIKE 5]", 17, "a string")
	f("[mutex:name > true]", 14, "a value that has an order")
	f("[mutex:name IN 'a']", 15, "( and a list")
	f("[mutex:name IN ('a' 'b')]", 20, ", or )")
	f("[mutex:name = h'abc']", 14, "pairs of hex digits")
	f("[mutex:name = b'a']", 14, "base64")
	f("[mutex:name = t'a']", 14, "a time")
	f("[mutex:names[x] = 'a']", 13, "a place in the list")
	f("[NOT mutex:name = 'a']", 5, "EXISTS")
	f(strings.Repeat("(", 65)+"[mutex:name = 'a']"+strings.Repeat(")", 65), 65, "64 open parentheses")
	f("["+strings.Repeat("(", 1_000_000), 66, "64 open parentheses")
	if _, err := ParsePattern(strings.Repeat("(", 64) + "[mutex:name = 'a']" + strings.Repeat(")", 64)); err != nil {
		t.Error(err)
	}
}

func TestPatternString(t *testing.T) {
	f := func(pattern, want string) {
		t.Helper()
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			return
		}
		if got := p.String(); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", pattern, got, want)
		}
	}
	f(`(([a:b='it\'s \\']))`, `[a:b = 'it\'s \\']`)
	f("[a:'b'.'c-d'[*] == +1.50]", "[a:b.'c-d'[*] = +1.50]")
	f("[a:b = 1 AND (a:b = 2 OR a:b = 3)] within .5 seconds REPEATS 2 TIMES", "[a:b = 1 AND (a:b = 2 OR a:b = 3)] WITHIN .5 SECONDS REPEATS 2 TIMES")
	f("[(a:b = 1 AND a:b = 2) OR a:b = 3]", "[a:b = 1 AND a:b = 2 OR a:b = 3]")
	f("([a:b = 1] FOLLOWEDBY [a:b = 2]) AND [a:b = 3]", "([a:b = 1] FOLLOWEDBY [a:b = 2]) AND [a:b = 3]")
	f("([a:b = 1] REPEATS 2 TIMES) WITHIN 3 SECONDS", "([a:b = 1] REPEATS 2 TIMES) WITHIN 3 SECONDS")
	f("[a:b NOT IN (t'2026-01-01T00:00:60Z', h'0a', b'YQ==', true, -1)]", "[a:b NOT IN (t'2026-01-01T00:00:60Z', h'0a', b'YQ==', true, -1)]")
	f("[exists a:b]", "[EXISTS a:b]")
	f("[not exists a:b]", "[NOT EXISTS a:b]")
	f("[not:b = 1]", "[not:b = 1]")
}

// dump prints a tree with all its nodes, so that two equal dumps are equal trees.
func (n *patNode) dump(b *strings.Builder) {
	fmt.Fprintf(b, "(%d %q", n.kind, n.quals)
	if n.test != nil {
		fmt.Fprintf(b, " %+v", *n.test)
	}
	for _, k := range n.kids {
		k.dump(b)
	}
	b.WriteByte(')')
}

func dumpPattern(p *Pattern) string {
	var b strings.Builder
	p.root.dump(&b)
	return b.String()
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"[a:b = 'c']", `[file:hashes.'SHA-256' = 'it\'s \\'] OR [a:b IN (1, -2.5, h'00', b'YQ==', t'2026-01-01T00:00:00Z', true)]`,
		"([a:b = 1] FOLLOWEDBY [a:b[*].c NOT LIKE 'x'] REPEATS 2 TIMES) WITHIN 3.5 SECONDS START t'2026-01-01T00:00:00Z' STOP t'2027-01-01T00:00:00Z'",
		"[EXISTS a:b AND (a:\"b-c\" ISSUBSET '1.2.3.0/24' OR a:b <> 'd')] // x", "[file:name = 'a' AND file:parent_directory_ref.path = '/b']",
		"[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port = 1]", strings.Repeat("(", 70), "[a:b='\x00\xff\u00a0']",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			var e *PatternError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(s) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := ParsePattern(p.String())
		if err != nil || dumpPattern(again) != dumpPattern(p) {
			t.Fatalf("%q is printed as %q: %v", s, p, err)
		}
		alone, left := p.Values()
		a2, l2 := again.Values()
		if d := cmp.Diff([][]PatternValue{alone, left}, [][]PatternValue{a2, l2}); d != "" {
			t.Fatal(d)
		}
		for _, v := range alone {
			if v.Reason != "" {
				t.Fatalf("%q: %+v stands alone with a reason", s, v)
			}
		}
		for _, v := range left {
			if v.Reason == "" {
				t.Fatalf("%q: %+v is left without a reason", s, v)
			}
		}
	})
}

// TestPatternIsLinear reads patterns of a megabyte that would take a parser
// that goes back, or that looks for what it has seen in a list, for ever.
func TestPatternIsLinear(t *testing.T) {
	f := func(pattern string, values int) {
		t.Helper()
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatalf("%.40s: %v", pattern, err)
		}
		alone, left := p.Values()
		if len(alone)+len(left) != values {
			t.Errorf("%.40s: %d values, want %d", pattern, len(alone)+len(left), values)
		}
		if again, err := ParsePattern(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%.40s: %v", pattern, err)
		}
	}
	const n = 100_000
	var or, in strings.Builder
	for i := range n {
		fmt.Fprintf(&or, " OR mutex:name = 'm%d'", i)
		fmt.Fprintf(&in, ", 'm%d'", i)
	}
	f("["+or.String()[4:]+"]", n)
	f("[mutex:name IN ("+in.String()[2:]+")]", n)
	f("[mutex:name = 'a']"+strings.Repeat(" AND [mutex:name = 'a']", n), 1)
	f("[a:b"+strings.Repeat("[*]", n)+" = 'x']", 1)
	f("[a:b"+strings.Repeat(".c", n)+" = 'x']", 1)
	f(`[mutex:name = '`+strings.Repeat(`\'`, n)+`']`, 1)
	f("[mutex:name = 'a']"+strings.Repeat("/**/ //\n", n), 1)
}

func BenchmarkPattern(b *testing.B) {
	f := func(name, pattern string) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(pattern)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := ParsePattern(pattern)
				if err != nil {
					b.Fatal(err)
				}
				p.Values()
			}
		})
	}
	f("one", "[ipv4-addr:value = '192.0.2.1']")
	f("hashes", "[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f' OR file:hashes.'SHA-256' = '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f']")
	f("traffic", "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]")
}
