// Package match finds a million indicators in log text at the price of a few.
//
// # The problem
//
// A list of indicators is not a list of strings. The address 192.0.2.1 is not
// in "192.0.2.10" nor in "v192.0.2.1"; evil.example is in "a.EVIL.example." and
// in "hxxp://evil[.]example/", but not in "notevil.example"; a network is in
// none of its spellings at all. A search for strings reports the wrong lines and
// misses the right ones. And a log is large: what is done for every byte must
// not depend on how long the list is.
//
// # The idea
//
// Nearly every indicator is a whole token: something bounded by characters that
// cannot belong to it. So nothing has to be searched for inside of a token, and
// whole tokens are also what makes a hit exact. The text is gone over in three
// steps, of which only the last knows what a match is:
//
//	data ──> sweep   which tokens there are that could be listed at all: 64 bytes at a
//	         │       time become words of bits (kernel.go), arithmetic on words finds
//	         │       the ends of tokens (sweep.go), each is hashed once (sweep_hash.go)
//	         ├─> gate    one small filter, asked with that hash (gate.go)
//	         └─> judge   what passes, with all that stands around it (judge.go, token.go):
//	               addr.go network.go   addresses, networks, ports
//	               name.go unicode.go   names and their parents
//	               mailbox.go digest.go word.go counted.go
//	               locator.go walk.go   URLs, read only around hosts that have one
//	data ──> path.go field.go           paths of URLs, of request lines and of fields
//	data ──> automaton*.go phrase.go    free text: an Aho-Corasick automaton behind a filter
//
// A line in which something has to be undone (undo.go, percent.go) is undone aside,
// and swept there. About one token in a hundred comes before the judge. The judge
// over all of the text is what the others are held to (engine.go, "scalar").
//
// A Set is made by Compile (build.go, keys.go) or by Extend from another one, and is
// a few flat arrays, which are also the set file (setfile.go).
//
// # What a match is
//
// "Letter" and "digit" are those of ASCII. A byte of 0x80 and above ends a
// token, because text in Korean or Chinese is written against a name without
// a blank. But a letter of a Latin, Greek or Cyrillic script, and an accent,
// beside what is listed makes it a part of another word (glue.go): evil.example
// is not in "ñevil.example", nor 192.0.2.1 in "я192.0.2.1". Names in Unicode are
// looked for apart, as words of letters of any script.
//
//   - ip, ipv6: the address in any spelling: full or short, v4-mapped, in
//     brackets, with a zone. Not beside a letter, a digit or '_', not as part
//     of a longer row of numbers; one full stop may follow. The word before a
//     colon ("addr:2001:db8::1") is no part of an address if it has a letter
//     that is no hex digit. A port stands behind a dot only where tcpdump writes
//     it: before " > " or ": ", or behind "> "; what goes on behind that port
//     is a longer row. Octets with leading zeros are not read.
//   - cidr: any address in it; every listed network that it is in is reported. One
//     of a length of 0 holds all addresses of its family.
//   - ip_port: address:port, [address]:port, and tcpdump's form.
//   - domain: the name, and every name below it. Labels are [A-Za-z0-9_-], so
//     evil.example is neither in my-evil.example nor in evil.example-x. Two dots
//     in a row are between names. The dots of UTS 46 (U+3002, U+FF0E, U+FF61)
//     are dots in names, and in names alone: an address is written with the dot
//     of ASCII, and U+3002 behind one ends a sentence. What is below a listed
//     name is reported from the first label of ASCII before it on: in
//     "看www。evil。example" that is www. As Windows logs DNS,
//     "(4)evil(7)example(0)" is evil.example if all lengths are right. A listed
//     name of one label, a top-level domain, is met in the names below it alone:
//     the word "com" is no name.
//   - url: the same URL after the normalisation of package canon, under any
//     scheme and under none if the listed one has none. A scheme is all of the
//     letters, digits and '+' before "://", from the first letter on; where there
//     are more than 32 of them, digits before that letter counted, they are no
//     scheme, and the URL begins at its host. The host is whole: no hyphen, no
//     label, no dot with a label goes on behind it (192.0.2.1-static.isp.example
//     is another host than 192.0.2.1), and an IPv6 address is in brackets (RFC
//     3986 §3.2.2). A final dot is as none. The URL ends at a blank, control
//     character, quote, angle bracket, backslash or '#'; the punctuation before
//     that, the closer of what stands before it ("(http…)", ",http…,"), one of
//     `{}|^ and the first byte beyond ASCII may or may not belong to it: the
//     longest reading that is listed counts. A URL that is percent-encoded as a
//     whole, as a value in another one, is read too.
//   - url_path: the whole path of a URL, or behind a method in capitals, or as
//     the value of a field whose name says so (field.go): path, uri, url,
//     request, location, uri_stem and their like, whole or behind a dot, '_' or
//     '-', before '=' or ':' ({"url":{"path":"/x"}}, cs-uri-stem=/x). A name as
//     file_path or exe.path is that of another path; what is around an object
//     ({"file":{"path":"/x"}}) is not looked at. In double quotes the value ends
//     where they do. Before a letter beyond ASCII that goes on a word (see above) a
//     path is not whole. A listed path without a query matches whatever the query.
//   - email: the address, any case; a letter, a digit or one of . _ + - before
//     it makes it another one.
//   - digests: the hex digits between anything but letters and digits; a
//     certificate's fingerprint also in pairs with colons.
//   - cve, mac_address: the same; a MAC address in every spelling: six pairs with
//     colons, in which a zero may be left out, or hyphens, three groups of four
//     with dots or hyphens, two of six with a hyphen, twelve digits. Beside pairs
//     with colons may stand a word and its colon, or a colon alone.
//   - free text: as listed, letters of any case unless the type's case counts
//     (ioc.Exact). Where it begins or ends with a letter, digit or '_', no such
//     may stand beside it. All blanks inside a line are alike.
//   - file_name: in any folder, but not as a part of a longer name: neither '-',
//     '+', '~' (nor '$' before it) nor a dot that joins more to it stands beside
//     it ("my-x.exe", "x.exe.bak"). One that begins with a dot is the end of any.
//   - file_path: not as a part of a longer path. What lies below a path is
//     another file: /tmp/a is not in /tmp/a/b, but in "/tmp/a/". One from the root
//     is not in /var/tmp/a, but behind a quote, '=', ':', a blank, "file://". One
//     that begins with a backslash or a folder's name is the end of any path.
//   - registry_key: under every name of its root: HKEY_LOCAL_MACHINE, HKLM,
//     HKLM: and \REGISTRY\MACHINE are one, and so are those of the others.
//
// # What is undone
//
// Before matching: the escapes of JSON (\/ \" \\ \n \t \u002e), \x2e of nginx
// and Python, &amp; and its kin, #011 of rsyslog, colour codes, defanging ([.]
// (dot) [at] hxxp [://] and so on, as in canon.Refang, but without blanks
// around and not nested). What is undone is no more there as written: \tevil.example is
// evil.example behind a tab, not tevil.example. Only free text is looked for
// in the raw line too, for in C:\temp\new.exe the backslashes are what they are.
//
// Then percent escapes, up to several times over, for everything but the paths
// of URLs, in which %2F is not a slash. And runs of ASCII letters with a zero
// byte behind each (UTF-16) are read as lines of their own.
//
// # Limits
//
// What is read around something listed is bounded, so that a hostile line costs
// no more than another. Where more stands than the bound allows it is not taken
// for what it says: a user's name and password in a URL, 256 bytes (maxUser); a
// scheme, 32 (maxScheme); what the name of a field has before "path", "uri" and
// so on, 64 (maxField); blanks on each side of the sign behind that name, 8
// (maxBlanks); a method, 20 letters; an escape that was escaped itself, 8 times
// over (maxLevel); the parameters of a colour code, 64 bytes (maxParams); a name
// in Unicode or in counted labels, 253 bytes in punycode, and such a label, 63 (RFC
// 1035 §2.3.4); a fingerprint in pairs, 64 of them (maxPairs). Text in UTF-16 is
// read from 3 letters on (minWide). What is listed and goes beyond a bound is
// looked for as free text: a URL, a path or a digest of more than 4095 bytes
// (maxURL), a mailbox with more than 256 before its '@' (maxLocal), a digest of
// fewer than 16 digits (minDigest).
//
// A Match says where in the data the value stands as it is written there, and
// its Rule what had to be undone.
package match
