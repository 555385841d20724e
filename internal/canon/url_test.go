package canon

import "testing"

func TestURL(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := URL(in)
		if err != nil || got != want {
			t.Errorf("URL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	f("http://example.com/", "http://example.com/")
	f("HTTP://EXAMPLE.com", "http://example.com/")
	f("http://example.com:80/x", "http://example.com/x")
	f("https://example.com:443", "https://example.com/")
	f("https://example.com:0080/", "https://example.com:80/")
	f("http://example.com:/x", "http://example.com/x")
	f("http://example.com./x#top", "http://example.com/x")
	f("http://example.com?q", "http://example.com/?q")
	f("http://bob:secret@example.com/x", "http://example.com/x")
	f("http://bank.example@example.com/x@y", "http://example.com/x@y")
	f("http://example.com/%7Ea%2fb%3f%zz", "http://example.com/~a%2Fb%3F%25zz")
	f("http://example.com/a b\u00e9", "http://example.com/a%20b%C3%A9")
	f("http://example.com/a/../b//c", "http://example.com/a/../b//c")
	f("http://bücher.example/", "http://xn--bcher-kva.example/")
	f("http://ex%61mple.com/", "http://example.com/")
	f("http://[2001:DB8::0001]:80/x", "http://[2001:db8::1]/x")
	f("http://[::ffff:192.0.2.1]/x", "http://192.0.2.1/x")
	f("http://[fe80::1%25eth0]/", "http://[fe80::1]/")
	f("http://0x7f.1/", "http://0x7f.1/")
	f("http://3221225985/x", "http://3221225985/x")
	f("http://intranet/x", "http://intranet/x")
	f(`http:\/\/example.com\/x\/y?z=\/`, "http://example.com/x/y?z=/")
	f(`http:\\example.com\x?a=\b`, `http://example.com/x?a=\b`)
	f("http:/example.com/x", "http://example.com/x")
	f("hxxps[://]example[.]com/x", "https://example.com/x")
	f("hxxp://example[.]com[:]8080/x", "http://example.com:8080/x")
	f("ftp://example.com:21/x", "ftp://example.com/x")
	f("stratum+tcp://pool.example:3333", "stratum+tcp://pool.example:3333/")
	f("example.com:443/x", "example.com:443/x")
	f("Example.com?x", "example.com/?x")
}

func TestURLRefused(t *testing.T) {
	f := func(in string, want *Refused) {
		t.Helper()
		if got, err := URL(in); err != error(want) {
			t.Errorf("URL(%q) = %q, %v; want %q", in, got, err, want.Reason)
		}
	}
	f("example.com", errNoPath)
	f("192.0.2.1:80", errNoPath)
	f("/x", errHost)
	f("file:///etc/passwd", errHost)
	f("http://example.com:port/", errPort)
	f("http://example.com:99999/", errPort)
	f("http://[::zz]/", errAddr)
	f("http://2001:db8::1/", errAddr)
	f("http://*.example.com/", errPattern)
	f("bob@example.com/x", errURL)
	f("readme/x", errBare)
}

func TestSchemeless(t *testing.T) {
	f := func(in, plain, withPort string) {
		t.Helper()
		if p, w := Schemeless(in); p != plain || w != withPort {
			t.Errorf("Schemeless(%q) = %q, %q; want %q, %q", in, p, w, plain, withPort)
		}
	}
	f("https://example.com/x", "example.com/x", "example.com:443/x")
	f("http://example.com:8080/x", "example.com:8080/x", "")
	f("http://[2001:db8::1]/x", "[2001:db8::1]/x", "[2001:db8::1]:80/x")
	f("http://[2001:db8::1]:81/x", "[2001:db8::1]:81/x", "")
	f("tcp://example.com/", "example.com/", "")
	f("example.com/x", "", "")
}

func TestEmail(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := Email(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Email(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	f("Bob.O'Neil+x@Example.COM.", "bob.o'neil+x@example.com")
	f("bob(at)example(dot)com", "bob@example.com")
	f("bob [at] example [dot] com", "bob@example.com")
	f("bob@[192.0.2.1]", "bob@[192.0.2.1]")
	f("bob@[IPv6:2001:DB8::1]", "bob@[IPv6:2001:db8::1]")
	f("Ünal@bücher.example", "ünal@xn--bcher-kva.example")
	f("@example.com", "")
	f("bob@", "")
	f("a b@example.com", "")
	f("bob@.example.com", "")
}

func TestRefang(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Refang(in); got != want {
			t.Errorf("Refang(%q) = %q, want %q", in, got, want)
		}
	}
	f("http://example.com", "http://example.com")
	f("hxxp://a hXXps://b h**p://c HTXP://d fxp://e meow://f", "http://a https://b http://c http://d ftp://e http://f")
	f("a[.]b(.)c{.}d<.>e[dot]f(DOT)g{dot}h", "a.b.c.d.e.f.g.h")
	f(`a[.b.]c a.]b a\.b`, "a.b.c a.b a.b")
	f("http[:]//a http[://]b http[:/]/c a[/]b a[//]b", "http://a http://b http://c a/b a//b")
	f("bob[at]a bob(at)a bob[@]a bob {AT} a", "bob@a bob@a bob@a bob@a")
	f("bob [at] example [dot] com", "bob@example.com")
	f("[[.]] [[dot]]", ". .")
	f("hxxp[:]//a[.]b[:]80", "http://a.b:80")
	f("exhxxp://x [at the end] (a.b) {:} hxx", "exhxxp://x [at the end] (a.b) : hxx")
	f(`C:\.ssh \.`, `C:\.ssh \.`)
}
