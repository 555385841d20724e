package main

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// The listed values of the hard set, by number.

func hardHost(k int) string { return "k" + hexOf("hh", k, 10) + ".hard.example" }

func hardURL(k int) string {
	return "http://u" + hexOf("hu", k, 8) + ".hard.example/a/~" + hexOf("hp", k, 8) + "?q=%2F"
}

func hardIP(k int) string { return fmt.Sprintf("198.51.%d.%d", k>>8&255, k&255) }

func hardIPv6(k int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0xab, byte(k >> 8), byte(k), 14: 0xff, 15: byte(k)})
}

func hardHash(k int) string { return hexOf("hs", k, 64) }

func is(typ ioc.Type, value func(int) string) func(int) ioc.Observable {
	return func(k int) ioc.Observable { return ioc.Observable{Type: typ, Value: value(k)} }
}

// in puts what form makes of a value into one field.
func in(field string, value func(int) string, form string) func(int) es.M {
	return func(k int) es.M { return es.M{field: fmt.Sprintf(form, value(k))} }
}

// mixed writes every other letter in capitals.
func mixed(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i += 2 {
		b[i] = strings.ToUpper(string(b[i]))[0]
	}
	return string(b)
}

func via(value func(int) string, how func(string) string) func(int) string {
	return func(k int) string { return how(value(k)) }
}

func hardKinds() []hardKind {
	return slices.Concat(hardURLKinds(), hardNameKinds(), hardAddressKinds(), hardOtherKinds(), hardTextKinds(), hardFieldKinds())
}

// urlKind is one spelling of a listed URL in url.full, and of another URL.
func urlKind(name string, spell func(url string) string) hardKind {
	other := func(url string) string { return strings.Replace(url, "/a/", "/b/", 1) }
	return hardKind{name: name, listed: is(ioc.URL, hardURL), hit: in("url.full", via(hardURL, spell), "%s"), miss: in("url.full", via(via(hardURL, other), spell), "%s")}
}

func hardURLKinds() []hardKind {
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	whole := func(k int) string { return "http://w" + hexOf("hw", k, 8) + ".hard.example/" }
	return []hardKind{
		urlKind("URL: host in capitals", func(s string) string { return "HTTP://" + strings.ToUpper(s[7:29]) + s[29:] }),
		urlKind("URL: default port", replace(".hard.example/", ".hard.example:80/")),
		urlKind("URL: escape in small letters", replace("%2F", "%2f")),
		urlKind("URL: needless escape", replace("~", "%7E")),
		urlKind("URL: fragment", func(s string) string { return s + "#top" }),
		urlKind("URL: user and password", replace("http://", "http://user:pw@")),
		urlKind("URL: final dot of the host", replace(".hard.example/", ".hard.example./")),
		urlKind("URL: defanged", func(s string) string { return "hxxp" + strings.Replace(s[4:], ".hard.example", "[.]hard[.]example", 1) }),
		{name: "URL: empty path", listed: is(ioc.URL, whole), hit: in("url.full", via(whole, func(s string) string { return strings.TrimSuffix(s, "/") }), "%s"), miss: in("url.full", whole, "%sx")},
		{name: "URL: listed without a scheme", listed: is(ioc.URL, func(k int) string { return hardURL(k)[7:] }), hit: in("url.full", func(k int) string { return hardURL(k)[7:] }, "ftp://%s"), miss: in("url.full", func(k int) string { return hardURL(k)[7:] }, "ftp://x.%s")},
		{name: "path of a URL", listed: is(ioc.URLPath, func(k int) string { return "/gate-" + hexOf("hq", k, 8) + ".php" }),
			hit: in("url.path", func(k int) string { return "/gate-" + hexOf("hq", k, 8) + ".php" }, "%s"), miss: in("url.path", func(k int) string { return "/gate-" + hexOf("hq", k, 8) + ".php" }, "/x%s")},
		{name: "address as host of a URL", listed: is(ioc.IP, hardIP), hit: in("url.full", hardIP, "http://%s:8080/x"), miss: in("url.full", hardIP, "http://%s.example/x")},
	}
}

func hardNameKinds() []hardKind {
	idn := func(k int) string { return "k" + hexOf("hi", k, 8) + ".xn--bcher-kva.example" }
	unicode := func(k int) string { return "k" + hexOf("hi", k, 8) + ".b\u00fccher.example" }
	name := func(what, form string, how func(string) string, miss string) hardKind {
		return hardKind{name: what, listed: is(ioc.Domain, hardHost), hit: in("dns.question.name", via(hardHost, how), form), miss: in("dns.question.name", via(hardHost, how), miss)}
	}
	plain := func(s string) string { return s }
	return []hardKind{
		name("name", "%s", plain, "x%s"),
		name("name: capitals", "%s", strings.ToUpper, "%s.ORG"),
		name("name: final dot", "%s.", plain, "%s-x."),
		name("name: far below", "a.b.c.d.%s", plain, "a.b.c.my-%s"),
		name("name: defanged", "%s", func(s string) string { return strings.ReplaceAll(s, ".", "[.]") }, "x%s"),
		{name: "name: as Windows logs it", listed: is(ioc.Domain, hardHost), hit: in("dns.question.name", via(hardHost, counted), "%s"),
			miss: in("dns.question.name", via(func(k int) string { return "x" + hardHost(k) }, counted), "%s")},
		{name: "name: Unicode for punycode", listed: is(ioc.Domain, idn), hit: in("dns.question.name", unicode, "%s"), miss: in("dns.question.name", unicode, "x%s")},
		{name: "name: punycode in capitals", listed: is(ioc.Domain, idn), hit: in("dns.question.name", via(idn, strings.ToUpper), "%s"), miss: in("dns.question.name", idn, "%s.net")},
		{name: "name: Unicode, below", listed: is(ioc.Domain, idn), hit: in("hosts", unicode, "www.%s"), miss: in("hosts", unicode, "www-%s")},
	}
}

// counted writes a name as Windows' DNS server logs it.
func counted(name string) string {
	var b strings.Builder
	for _, label := range strings.Split(name, ".") {
		fmt.Fprintf(&b, "(%d)%s", len(label), label)
	}
	return b.String() + "(0)"
}

func hardAddressKinds() []hardKind {
	long := func(k int) string { return strings.ToUpper(hardIPv6(k).StringExpanded()) }
	v6 := func(k int) string { return hardIPv6(k).String() }
	net6 := func(k int) string { return netip.PrefixFrom(hardIPv6(k), 112).Masked().String() }
	net4 := func(k int) string { return fmt.Sprintf("192.%d.%d.64/26", 100+k>>8&15, k&255) }
	at4 := func(last int) func(int) string {
		return func(k int) string { return fmt.Sprintf("192.%d.%d.%d", 100+k>>8&15, k&255, last) }
	}
	port := func(k int) string { return hardIP(k) + ":4444" }
	pair := func(port any) func(int) es.M {
		return func(k int) es.M { return es.M{"source.ip": hardIP(k), "source.port": port} }
	}
	kind := func(what string, typ ioc.Type, listed func(int) string, field string, hit, miss func(int) string) hardKind {
		return hardKind{name: what, listed: is(typ, listed), hit: in(field, hit, "%s"), miss: in(field, miss, "%s")}
	}
	form := func(f string, v func(int) string) func(int) string {
		return func(k int) string { return fmt.Sprintf(f, v(k)) }
	}
	return []hardKind{
		kind("address: ip field", ioc.IP, hardIP, "destination.ip", hardIP, func(k int) string { return hardIP(k + 1<<14) }),
		kind("address: keyword", ioc.IP, hardIP, "client.address", hardIP, form("%s.9", hardIP)),
		kind("address: mapped, ip field", ioc.IP, hardIP, "destination.ip", form("::ffff:%s", hardIP), form("64:ff9b:1::%s", hardIP)),
		kind("address: mapped, keyword", ioc.IP, hardIP, "client.address", form("::ffff:%s", hardIP), form("%s0", hardIP)),
		kind("address: with port, keyword", ioc.IP, hardIP, "client.address", form("%s:51234", hardIP), form("1%s:51234", hardIP)),
		kind("IPv6: ip field", ioc.IPv6, v6, "destination.ip", long, func(k int) string { return hardIPv6(k + 1<<14).String() }),
		kind("IPv6: long, in capitals, keyword", ioc.IPv6, v6, "client.address", long, form("%s0", long)),
		kind("IPv6: zone and brackets, keyword", ioc.IPv6, v6, "client.address", form("[%s%%eth0]:443", v6), form("[%s1]:443", v6)),
		kind("network: ip field", ioc.CIDR, net4, "destination.ip", at4(70), at4(130)),
		kind("network: keyword", ioc.CIDR, net4, "client.address", at4(127), at4(63)),
		kind("network: IPv6, keyword", ioc.CIDR, net6, "client.address", long, func(k int) string { return hardIPv6(k + 1<<12).StringExpanded() }),
		{name: "address and port", listed: is(ioc.IPPort, port), hit: pair(4444), miss: pair(4445)},
		{name: "address and port, as text", listed: is(ioc.IPPort, port), hit: pair("4444"), miss: pair("44440")},
		{name: "malformed address, not indexed", listed: is(ioc.IP, hardIP), hit: in("odd.ip", hardIP, "%s (nat)"), miss: in("odd.ip", hardIP, "x%s (nat)")},
	}
}

func hardOtherKinds() []hardKind {
	md5 := func(k int) string { return hardHash(k)[:32] }
	sha1 := func(k int) string { return hardHash(k)[:40] }
	agent := func(k int) string { return "EvilBot/" + hexOf("ha", k, 6) + " (like Gecko)" }
	key := func(k int) string { return `HKEY_LOCAL_MACHINE\Software\Evil` + hexOf("hk", k, 6) }
	exe := func(k int) string { return "evil" + hexOf("he", k, 6) + ".exe" }
	mac := func(k int) string {
		b, _ := hex.DecodeString("02aa" + hexOf("hm", k, 8))
		return strings.ToLower(fmt.Sprintf("% x", b))
	}
	colons := func(s string) string { return strings.ReplaceAll(s, " ", ":") }
	dashes := func(s string) string { return strings.ToUpper(strings.ReplaceAll(s, " ", "-")) }
	mail := func(k int) string { return "m" + hexOf("hx", k, 8) + "@hard.example" }
	cve := func(k int) string { return fmt.Sprintf("CVE-2025-%d", 20000+k) }
	return []hardKind{
		{name: "sha256: mixed case", listed: is(ioc.SHA256, hardHash), hit: in("file.hash.sha256", via(hardHash, mixed), "%s"), miss: in("file.hash.sha256", via(hardHash, mixed), "%sA0")},
		{name: "md5: capitals", listed: is(ioc.MD5, md5), hit: in("file.hash.md5", via(md5, strings.ToUpper), "%s"), miss: in("file.hash.md5", hardHash, "%s")},
		{name: "sha1: among other hashes", listed: is(ioc.SHA1, sha1), hit: func(k int) es.M {
			return es.M{"related.hash": []string{hexOf("fm", k, 32), hexOf("fs", k, 64), mixed(sha1(k))}}
		}, miss: in("related.hash", sha1, "%s00")},
		{name: "file name in a path", listed: is(ioc.FileName, exe), hit: in("file.name", via(exe, mixed), `C:\Users\x\%s`), miss: in("file.name", exe, `C:\Users\x\my-%s`)},
		{name: "user agent", listed: is(ioc.UserAgent, agent), hit: in("user_agent.original", agent, "Mozilla/5.0 %s"), miss: in("user_agent.original", via(agent, strings.ToLower), "Mozilla/5.0 %s")},
		{name: "registry key: short root", listed: is(ioc.RegistryKey, key), hit: in("registry.path", via(key, func(s string) string { return "HKLM" + s[18:] }), `%s\Run`), miss: in("registry.path", key, "%sx")},
		{name: "MAC address: hyphens", listed: is(ioc.MAC, via(mac, colons)), hit: in("source.mac", via(mac, dashes), "%s"), miss: in("source.mac", via(mac, dashes), "%s-00")},
		{name: "mailbox: in a header", listed: is(ioc.Email, mail), hit: in("email.from.address", via(mail, mixed), `"Eve" <%s>`), miss: in("email.from.address", mail, "x%s")},
		{name: "CVE: small letters", listed: is(ioc.CVE, cve), hit: in("vulnerability.id", via(cve, strings.ToLower), "%s"), miss: in("vulnerability.id", cve, "%s0")},
	}
}

func hardTextKinds() []hardKind {
	defang := func(s string) string { return strings.ReplaceAll(s, ".", "[.]") }
	text := func(what string, typ ioc.Type, value func(int) string, hit, miss func(string) string, form string) hardKind {
		return hardKind{name: "text: " + what, listed: is(typ, value), hit: in("message", via(value, hit), form), miss: in("message", via(value, miss), form)}
	}
	plain := func(s string) string { return s }
	before := func(s string) string { return "x" + s }
	return []hardKind{
		text("name", ioc.Domain, hardHost, plain, before, "blocked %s for user 7"),
		text("name, defanged", ioc.Domain, hardHost, defang, func(s string) string { return defang("x" + s) }, "see %s, please"),
		text("URL", ioc.URL, hardURL, plain, func(s string) string { return s + "0" }, "GET %s HTTP/1.1"),
		text("URL, defanged", ioc.URL, hardURL, func(s string) string { return "hxxp" + s[4:] }, func(s string) string { return "hxxp" + s[4:] + "0" }, "do not open %s"),
		text("URL in brackets", ioc.URL, hardURL, plain, func(s string) string { return s + "0" }, "(see %s)."),
		text("address in brackets", ioc.IP, hardIP, plain, func(s string) string { return s + "0" }, "peer (%s) reset"),
		text("address, defanged", ioc.IP, hardIP, defang, func(s string) string { return defang(s + "0") }, "peer %s reset"),
		text("hash", ioc.SHA256, hardHash, strings.ToUpper, func(s string) string { return s + "00" }, "sha256=%s;"),
		text("in JSON", ioc.URL, hardURL, func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }, func(s string) string { return strings.ReplaceAll(s+"0", "/", `\/`) }, `{"u":"%s"}`),
	}
}

// hardFieldKinds are plain names in fields of every type, and in every place of
// a document.
func hardFieldKinds() []hardKind {
	kind := func(what, field, needs string) hardKind {
		return hardKind{name: "field: " + what, needs: needs, listed: is(ioc.Domain, hardHost), hit: in(field, hardHost, "%s"), miss: in(field, hardHost, "x%s")}
	}
	listed := is(ioc.Domain, hardHost)
	late := func(pre string) func(int) es.M {
		return func(k int) es.M {
			return es.M{"hosts": []string{"a.example", "b.example", "c.example", pre + hardHost(k)}}
		}
	}
	answers := func(pre string) func(int) es.M {
		return func(k int) es.M {
			return es.M{"dns.answers": []es.M{{"data": "a.example"}, {"ttl": 3}, {"data": []string{"b.example", pre + hardHost(k)}}}}
		}
	}
	long := func(k int) string { return hardURL(k)[:len(hardURL(k))-3] + strings.Repeat("y", 60) }
	made := kind("runtime", "base.host", "runtime")
	made.hit, made.miss = in("base.host", func(k int) string { return strings.TrimSuffix(hardHost(k), ".example") }, "%s"), in("base.host", hardHost, "%s")
	timeless, dotted := kind("none has a time", "dns.question.name", ""), kind("full names in the document", "dns.question.name", "")
	timeless.timeless, dotted.dotted = true, true
	folded := kind("keyword with a normalizer", "folded.host", "")
	folded.hit = in("folded.host", via(hardHost, mixed), "%s")
	inner := kind("nested", "inner.host", "")
	inner.hit = func(k int) es.M { return es.M{"inner": []es.M{{"host": "a.example"}, {"host": hardHost(k)}}} }
	return []hardKind{
		kind("text with a keyword", "both.host", ""), kind("text alone", "text.host", ""), kind("alias", "real.host", ""), kind("flattened", "labels.host", "flattened"),
		kind("match_only_text", "phrase.host", "match_only_text"), kind("not indexed, doc values", "unindexed.host", ""), kind("not indexed at all", "bare.host", ""),
		kind("without doc values", "nodoc.host", ""), kind("in a disabled object", "closed.host", ""), made, timeless, dotted, folded, inner,
		{name: "field: last of an array", listed: listed, hit: late(""), miss: late("x")},
		{name: "field: objects in an array", listed: listed, hit: answers(""), miss: answers("x")},
		{name: "field: too long for the index", listed: is(ioc.URL, long), hit: in("url.short", long, "%s"), miss: in("url.short", long, "%sz")},
		{name: "field: wildcard", needs: "wildcard", listed: is(ioc.URL, hardURL), hit: in("wild.url", hardURL, "%s"), miss: in("wild.url", hardURL, "%s0")},
	}
}
