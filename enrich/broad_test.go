package enrich

import (
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestBroad(t *testing.T) {
	f := func(typ ioc.Type, value, want string) {
		t.Helper()
		got := Broad(ioc.Observable{Type: typ, Value: value}, Breadth{})
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("Broad(%s %s) = %q, want %q", typ, value, got, want)
		}
	}
	f(ioc.Domain, "com", "top-level domain")
	f(ioc.Domain, "co.uk", "public suffix: every name below it would hit")
	f(ioc.Domain, "github.io", "public suffix")
	f(ioc.Domain, "duckdns.org", "public suffix")
	f(ioc.Domain, "s3.amazonaws.com", "public suffix")
	f(ioc.Domain, "com.bd", "public suffix") // *.bd
	f(ioc.Domain, "evilname.ck", "")         // *.ck
	f(ioc.Domain, "www.ck", "")              // !www.ck
	f(ioc.Domain, "evil.github.io", "")
	f(ioc.Domain, "evil.co.uk", "")
	f(ioc.Domain, "evil.onion", "")
	f(ioc.CIDR, "10.0.0.0/8", "IPv4 network of 8 bits")
	f(ioc.CIDR, "10.0.0.0/9", "")
	f(ioc.CIDR, "0.0.0.0/0", "the whole of IPv4")
	f(ioc.CIDR, "::/0", "the whole of IPv6")
	f(ioc.CIDR, "2001:d00::/24", "IPv6 network of 24 bits")
	f(ioc.CIDR, "2001:d80::/25", "")
	f(ioc.IP, "0.0.0.0", `"any"`)
	f(ioc.IPv6, "::", `"any"`)
	f(ioc.IPPort, "0.0.0.0:80", `"any"`)
	f(ioc.IPPort, "[::]:80", `"any"`)
	f(ioc.IP, "8.8.8.8", "")
	f(ioc.IPPort, "8.8.8.8:53", "")
	f(ioc.FileName, "a.c", "fewer than 4 characters")
	f(ioc.FileName, "äöü", "fewer than 4 characters")
	f(ioc.FileName, "äöüß", "")
	f(ioc.Mutex, "abc", "fewer than 4")
	f(ioc.Text, "evil", "")
	f(ioc.URLPath, "/", "every web server")
	f(ioc.URLPath, "//", "every web server")
	f(ioc.URLPath, "/*", "every web server")
	f(ioc.URLPath, "/index.html", "every web server")
	f(ioc.URLPath, "/a/", "fewer than 4")
	f(ioc.URLPath, "/gate.php", "")
	f(ioc.URL, "http://github.io/", "")
	f(ioc.Email, "a@b.c", "")
	f("tox-id", "x", "")
	f(ioc.YARA, "x", "")
}

func TestBroadBounds(t *testing.T) {
	f := func(b Breadth, typ ioc.Type, value string, broad bool) {
		t.Helper()
		if got := Broad(ioc.Observable{Type: typ, Value: value}, b); (got != "") != broad {
			t.Errorf("Broad(%s, %+v) = %q", value, b, got)
		}
	}
	f(Breadth{}, ioc.Domain, "a1b2c3.localto.net", false) // one customer's tunnel, of *.localto.net
	f(Breadth{}, ioc.Domain, "x.a1b2c3.localto.net", false)
	f(Breadth{}, ioc.Domain, "localto.net", true) // all of them
	f(Breadth{}, ioc.Domain, "ec2-192-0-2-1.compute-1.amazonaws.com", false)
	f(Breadth{}, ioc.Domain, "compute-1.amazonaws.com", true)
	f(Breadth{IPv4: 16}, ioc.CIDR, "10.0.0.0/15", true)
	f(Breadth{IPv4: 16}, ioc.CIDR, "10.0.0.0/16", false)
	f(Breadth{IPv4: 1}, ioc.CIDR, "128.0.0.0/1", false)
	f(Breadth{IPv4: 1}, ioc.CIDR, "0.0.0.0/0", true)
	f(Breadth{IPv6: 1}, ioc.CIDR, "8000::/1", false)
	f(Breadth{Text: 1}, ioc.Text, "x", false)
	f(Breadth{Text: 9}, ioc.Text, "password", true)
}
