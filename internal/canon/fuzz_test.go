package canon

import (
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// seeds are values on the edges of several types at once.
var seeds = []string{
	"", " ", "example.com", "EXAMPLE.com.", "*.example.com", "bücher.example", "xn--bcher-kva.example", "a..b", "-a.b_c.d", "1.2.3.4", "01.2.3.4",
	"[::ffff:1.2.3.4]:80", "fe80::1%eth0", "2001:DB8:0:0:0:0:0:1", "1.2.3.4/24", "1.2.3.4/255.255.255.0", "::ffff:1.2.3.4/120", "1.2.3.4|80",
	"http://User:pw@Example.com:80/%7ea%2fb%zz%%34%31?q=\\/#f", "hxxps[:]//a[.]b(dot)c\\d\\/e", "http:\\/\\/a.b\\/c", "http://[::1]:80/", "http://[fe80::1%25eth0]/",
	"example.com:443/x", "example.com:8080", "//example.com/x", "/a b/../c?d", "\\\\host\\share", "C:\\\\Windows\\\\x.exe", "HKLM\\Software\\x",
	"Bob <bob[at]example(.)com>", "mailto:a@b.example?subject=x", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "CVE\u20132024\u20131234", "aa-bb-cc-dd-ee-ff", "aabb.ccdd.eeff",
	"D41D8CD98F00B204E9800998ECF8427E", "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD", "a.b/http://c.d:/", "So伎.S[", "访.com.例", "meow://a.b", "com", "*.co.uk", "рф", "0.0.0.0/0", "::/0", "co[.]uk", "[[.]]", "a [dot] b [at] c", "\"'<x.y>'\"",
	"http://\u3002.com/", "ﬃ.com", "http://a\u200bb.com/\u00e9 \x00\xff", "İ@İ.com", "bitcoin:1BoatSLRHtKNngkdXEobR76b53LETtpyT?x", "h**p://a[.b.]c\\.d", "a.b/http://c.d:/", "So伎.S[", "访.com.例", "meow:/\\a.b", "http://a.b/x[%2E]y[d%6Ft]z\\[%2e]/", "/a%5b[%2E]%5D", "a{d%6ft}b.example/x",
}

// Whatever is accepted is its own canonical form.
func FuzzObservable(f *testing.F) {
	for i, s := range seeds {
		f.Add(uint8(i), s)
		f.Add(uint8(5), s)
		f.Add(uint8(6), s)
	}
	f.Fuzz(func(t *testing.T, code uint8, value string) {
		declared, _ := ioc.FromCode(code % 40)
		o, err := Observable(declared, value)
		if err != nil {
			if r, ok := err.(*Refused); !ok || r.Reason == "" {
				t.Fatalf("an error without a reason: %#v", err)
			}
			return
		}
		if again, err := Observable(o.Type, o.Value); err != nil || again != o {
			t.Fatalf("Observable(%s, %q) = %q, and that as %s: %q, %v", declared, value, o.Value, o.Type, again, err)
		}
	})
}

// So it is for each type by itself.
func FuzzSingle(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, fn := range []func(string) (string, error){URL, URLPath, Domain, Email, CVE, MAC, FilePath} {
			v, err := fn(s)
			if err != nil {
				continue
			}
			if again, err := fn(v); err != nil || again != v {
				t.Fatalf("%q gives %q, and that %q, %v", s, v, again, err)
			}
		}
		if u, err := URL(s); err == nil {
			schemelessFits(t, u)
		}
	})
}

// schemelessFits holds that what a URL is without its scheme is a URL again.
func schemelessFits(t *testing.T, u string) {
	t.Helper()
	plain, withPort := Schemeless(u)
	for _, v := range []string{plain, withPort} {
		if v == "" {
			continue
		}
		if again, err := URL(v); err == nil && again != v {
			t.Fatalf("Schemeless(%q) gives %q, whose canonical form is %q", u, v, again)
		}
	}
}

func FuzzRefang(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Refang(s)
		if twice := Refang(once); twice != once {
			t.Fatalf("%q gives %q, and that %q", s, once, twice)
		}
		g := refang(s)
		last := 0
		for i := range g.out {
			start, end := g.span(i)
			if start < last || start >= end || end > len(s) {
				t.Fatalf("%q: byte %d of %q stands for [%d:%d]", s, i, g.out, start, end)
			}
			last = start
		}
	})
}

func FuzzExtract(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
		f.Add("see " + s + ", then (" + s + ").")
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, x := range Extract(s) {
			if x.Start < last || x.End > len(s) || x.Start >= x.End || s[x.Start:x.End] != x.Original {
				t.Fatalf("%q: %+v after %d", s, x, last)
			}
			last = x.End
			if again, err := Observable(x.Type, x.Value); err != nil || again != x.Observable {
				t.Fatalf("%q: %+v is not canonical: %v, %v", s, x, again, err)
			}
		}
	})
}
