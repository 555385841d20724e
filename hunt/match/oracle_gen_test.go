package match

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Text is made from bytes of which each says what comes next, so that a fuzzer
// that changes one byte changes one piece. Most of what is made is about what is
// listed: a value, disguised, with this or that beside it.

// grammarValues is a list with values of every form that lie near each other.
var grammarValues = []string{
	"ip 1.2.3.4", "ipv6 ::1", "ipv6 2001:db8::7", "cidr 1.2.0.0/16", "cidr 1.2.3.0/28", "cidr 2001:db8::/32", "ip_port 1.2.3.4:80", "ip_port [2001:db8::7]:443",
	"domain evil.com", "domain a.evil.com", "domain github.io", "domain xn--e1afmkfd.xn--p1ai",
	"url http://evil.com/x?y=1", "url evil.com/x", "url http://evil.com/", "url http://1.2.3.4:8080/x", "url https://[2001:db8::7]/x", "url http://intranet/x", "url http://xn--e1afmkfd.xn--p1ai/x", "url evil.com:80/y%2Fz",
	"url_path /bad/p.php", "url_path /q.php?id=1", "email bob@evil.com", "email x+1@xn--e1afmkfd.xn--p1ai",
	"md5 d41d8cd98f00b204e9800998ecf8427e", "ja3 d41d8cd98f00b204e9800998ecf8427e", "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"certificate_fingerprint da39a3ee5e6b4b0d3255bfef95601890afd80709", "cve CVE-2024-1234", "mac_address 00:1b:44:11:3a:b7", "mac_address aa:bb:cc:dd:ee:ff",
	`file_path c:\x\evil.exe`, "file_path /tmp/evil.so", "file_name evil.exe", "user_agent Evil Bot/1.0", "text evil", "mutex Global\\Evil", `registry_key HKLM\Software\Evil`, "email_subject Invoice: evil", "bitcoin_address 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
}

// grammarBroad are values that are in nearly every log, beside grammarValues.
var grammarBroad = []string{"domain com", "domain xn--p1ai", "domain co.uk", "cidr 0.0.0.0/0", "cidr ::/0"}

// holds grammarValues look like in logs, beside themselves.
var grammarSpellings = strings.Split("2001:DB8:0:0:0:0:0:7~::ffff:1.2.3.4~::ffff:102:304~1.2.3.15~1.2.9.9~2001:db8::1.2.3.4~[1.2.3.4]:80~[2001:db8::7%eth0]:443~1.2.3.4.80 > ~> 1.2.3.4.80: ~2001:db8::7.443 > ~"+
	"(4)evil(3)com(0)~(1)a(4)EVIL(3)com(0)~(5)evil(3)com(0)~evil。com~www．evil｡com~看evil。com~ñevil。com~пример.рф~ПРИМЕР。рф~www.пример.рф~x+1@пример.рф~http://пример.рф/x~http://evil。com/x~"+
	"http%3A%2F%2Fevil.com%2Fx%3Fy=1~http%253A%252F%252Fevil.com%252Fx~?u=http%3A%2F%2Fevil.com%2Fx&v=1~evil.com:80/y%2Fz~evil.com:80/y%2fz~http://u:p@evil.com/x~http://evil.com./x~HTTP://EVIL.com:80/x~"+
	"GET /bad/p.php?x=1 ~POST /q.php?id=1 ~\"uri\":\"/bad/p.php\"~path=/bad/p.php~cs-uri-stem: /bad/p.php~file_path=/bad/p.php~http://h/bad/p.php~\"request_uri\" : \"\\/bad\\/p.php\"~url='/bad/p.php'~?uri=/bad/p.php~"+
	"da:39:a3:ee:5e:6b:4b:0d:32:55:bf:ef:95:60:18:90:af:d8:07:09~DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09~00-1B-44-11-3A-B7~001b.4411.3ab7~001b44113ab7~001b44-113ab7~001b-4411-3ab7~0:1b:44:11:3a:b7~:00:1b:44:11:3a:b7~aa-bb-cc-dd-ee-ff~aabb.ccdd.eeff~aabbccddeeff~"+
	"http://intranet./x~http://u@intranet.:80/x~http://1.2.3.4-x.org:8080/x~https://2001:db8::7/x~::ffff:1.2.3.4.80 > ~::1.2.3.4.80: ~> 2001:db8::7.443.1~看www。evil。com~ñwww。evil。com~ｅvil.com~GET /bad/p.phpñ~"+
	`HKEY_LOCAL_MACHINE\Software\Evil~\REGISTRY\MACHINE\Software\Evil~HKLM:\Software\Evil~C:\\X\\EVIL.EXE~Evil%20Bot%2F1.0~Evil	Bot/1.0~a.b.github.io~evil\u002ecom~evil\x2ecom~\u0065vil.com~evil%2Ecom`, "~")

// grammarDelimiters holds what stands between and beside.
var grammarDelimiters = strings.Split(" ~.~,~-~_~:~;~/~//~://~@~=~&~?~#~%~\"~'~(~)~[~]~{~}~<~>~|~\\~\t~+~~~$~\x00~..~...~: ~ > ~> ~a~x~1~0~f~%2F~%20~%25~[.]~(dot)~\\n~\\t~\\/~\\\\~\\u0022~#011~\x1b[31m~\x1b[0m~&amp;~é~я~한~看~。~．~“~\u0301~\xff~\xe3~\xe3\x80~http://~hxxp://~www.~.com~.au~:80~:443~GET ~uri=~HKLM\\~::~::ffff:~bob@~CVE-~\n", "~")

// grammarRows are what long rows are made of in which nothing is listed.
var grammarRows = []string{" ", "x", "a.", "-", "1", "1.", "f", "0123456789abcdef", ":", "1:", "é", "看", ".", "\\", "%", "a-b_c.d ", "/", "=", "@", "\x80", "x\x00"}

// maker makes text from seed.
type maker struct {
	seed []byte
	out  []byte
}

// pick returns a number below n; 0 when the seed has run out.
func (m *maker) pick(n int) int {
	if len(m.seed) == 0 {
		return 0
	}
	k := int(m.seed[0])
	m.seed = m.seed[1:]
	if n > 256 {
		k = k<<8 | m.pick(256)
	}
	return k % n
}

// part makes text of a few pieces, of about most bytes at the most.
func (m *maker) part(values []string, most int) []byte {
	m.out = nil
	for n := 1 + m.pick(6); n > 0 && len(m.out) < most && len(m.seed) > 0; n-- {
		switch m.pick(8) {
		case 0, 1, 2:
			m.out = append(m.out, m.disguised(values[m.pick(len(values))])...)
		case 3:
			m.out = append(m.out, m.disguised(grammarSpellings[m.pick(len(grammarSpellings))])...)
		case 4:
			m.out = append(m.out, strings.Repeat(grammarRows[m.pick(len(grammarRows))], 1+m.pick(70))...)
		default:
			m.out = append(m.out, grammarDelimiters[m.pick(len(grammarDelimiters))]...)
		}
	}
	return m.out[:min(len(m.out), most)]
}

// disguised returns v in one of the ways in which it may be written.
func (m *maker) disguised(v string) string {
	switch m.pick(12) {
	case 1:
		return strings.ToUpper(v)
	case 2:
		return strings.Replace(v, ".", []string{"[.]", "(dot)", "{.}", "[.", ".]", "\\."}[m.pick(6)], 1+m.pick(2))
	case 3:
		return strings.NewReplacer("/", "\\/", "\\", "\\\\").Replace(v)
	case 4:
		return wideText(v)
	case 5:
		return m.escaped(v, "%%%02X")
	case 6:
		return m.escaped(v, []string{`\u%04x`, `\x%02x`, "%%25%02X"}[m.pick(3)])
	case 7:
		k := m.pick(len(v) + 1)
		return v[:k] + []string{"\x1b[1m", "\\u001b[31m", "#033[0m"}[m.pick(3)] + v[k:]
	case 8:
		return v[:m.pick(len(v)+1)]
	case 9:
		return v[m.pick(len(v)+1):]
	case 10:
		return strings.Replace(v, ".", []string{"。", "．", "｡", ".."}[m.pick(4)], 1)
	}
	return v
}

// escaped returns v with one of its bytes, or all of its signs, as format has them.
func (m *maker) escaped(v, format string) string {
	k := m.pick(len(v) + 1)
	var b strings.Builder
	for i := range len(v) {
		if i == k || k == len(v) && !alnumByte(v[i]) && v[i] < 0x80 {
			fmt.Fprintf(&b, format, v[i])
		} else {
			b.WriteByte(v[i])
		}
	}
	return b.String()
}

// wideText returns v in UTF-16.
func wideText(v string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(v)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// long makes parts with rows between them that put each at another place of the
// blocks that text is read in, and returns where the parts are. Nothing that is
// listed lies in the rows, and what parts them, a line end or a control
// character, ends whatever stands before it.
func (m *maker) long(values []string) (data []byte, parts [][2]int) {
	for len(m.seed) > 0 && len(parts) < 6 {
		wall := []string{"\n", "\x01"}[m.pick(2)]
		data = append(data, m.row()...)
		data = append(data, wall...)
		start := len(data)
		data = append(data, m.part(values, 200)...)
		parts = append(parts, [2]int{start, len(data)})
		data = append(data, wall...)
	}
	return append(data, m.row()...), parts
}

// row makes a row of up to a block of 64 bytes, of some such blocks, or one that
// ends near the edge of 16 KiB.
func (m *maker) row() []byte {
	unit := grammarRows[m.pick(len(grammarRows))]
	var n int
	switch m.pick(8) {
	case 0:
		n = 16<<10 - 100 + m.pick(200)
	case 1:
		n = m.pick(2000)
	default:
		n = m.pick(130)
	}
	return []byte(strings.Repeat(unit, n/len(unit)+1)[:n])
}

// plainValues returns the values of a list without their types.
func plainValues(os []ioc.Observable) (vs []string) {
	for _, o := range os {
		vs = append(vs, o.Value)
	}
	return vs
}

// chosen is a list of some of grammarValues, and a set of it.
type chosen struct {
	os  []ioc.Observable
	set *Set
}

// choices makes lists of grammarValues, and of more: all, those of one type, those for which a bit
// of mask is set. What is not listed must not be needed to find what is.
type choices struct {
	all    []ioc.Observable
	byMask map[uint64]chosen
}

func newChoices(t testing.TB, more ...string) *choices {
	return &choices{list(t, slices.Concat(grammarValues, more)...), map[uint64]chosen{}}
}

func (c *choices) get(t testing.TB, mask uint64) chosen {
	mask &= 1<<len(c.all) - 1
	if mask == 0 {
		mask = 1<<len(c.all) - 1
	}
	if k, ok := c.byMask[mask]; ok {
		return k
	}
	var k chosen
	for i, o := range c.all {
		if mask>>i&1 != 0 {
			k.os = append(k.os, o)
		}
	}
	k.set = compile(t, k.os)
	if len(c.byMask) < 200 {
		c.byMask[mask] = k
	}
	return k
}

// expected is the oracle's answer for parts of data that nothing joins.
func expected(os []ioc.Observable, data []byte, parts [][2]int) (fs []found) {
	for _, p := range parts {
		for _, f := range oracle(os, data[p[0]:p[1]]) {
			f.start, f.end = f.start+p[0], f.end+p[0]
			fs = append(fs, f)
		}
	}
	return fs
}

// around returns the part of data that holds the first difference of two answers.
func around(data []byte, parts [][2]int, got, want []found) []byte {
	at := len(data)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			if i < len(got) {
				at = min(at, got[i].start)
			}
			if i < len(want) {
				at = min(at, want[i].start)
			}
			break
		}
	}
	for _, p := range parts {
		if at >= p[0] && at < p[1] {
			return bytes.Clone(data[p[0]:p[1]])
		}
	}
	return nil
}
