package xmltok

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamespaces(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := tokens(t, in, Limits{}); got != want {
			t.Errorf("%q\n got  %s\n want %s", in, got, want)
		}
	}
	f(`<a xmlns="u"/>`, `<{u}a></a>`)
	f(`<p:a xmlns:p="u" p:b="1" b="2"/>`, `<{u}a {u}b="1" b="2"></a>`)
	f(`<p:a p:b="1" xmlns:p="u"/>`, `<{u}a {u}b="1"></a>`) // declared behind its use in the same tag
	f(`<a xmlns="u"><b xmlns="v"><c/></b><b/></a>`, `<{u}a><{v}b><{v}c></c></b><{u}b></b></a>`)
	f(`<a xmlns="u"><b xmlns=""><c/></b><b/></a>`, `<{u}a><b><c></c></b><{u}b></b></a>`)
	f(`<p:a xmlns:p="u"><p:a xmlns:p="v"/><p:a/></p:a>`, `<{u}a><{v}a></a><{u}a></a></a>`)
	f(`<a xmlns="u" b="1"/>`, `<{u}a b="1"></a>`) // the default namespace is not for attributes
	f(`<a xml:lang="en"/>`, `<a {http://www.w3.org/XML/1998/namespace}lang="en"></a>`)
	f(`<a xmlns:p="u&amp;v"><p:b/></a>`, `<a><{u&v}b></b></a>`)
	f(`<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:b="1"/>`, `<a {http://www.w3.org/XML/1998/namespace}b="1"></a>`)

	f(`<p:a/>`, `!syntax`)
	f(`<a p:b="1"/>`, `!syntax`)
	f(`<a><p:b xmlns:p="u"/><p:b/></a>`, `<a><{u}b></b>!syntax`) // out of scope
	f(`<a><p:b xmlns:p="u"></p:b><c p:d="1"/></a>`, `<a><{u}b></b>!syntax`)
	f(`<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, `!syntax`)
	f(`<a xmlns:p="u" xmlns:q="v" p:b="1" q:b="2"/>`, `<a {u}b="1" {v}b="2"></a>`)
	f(`<a xmlns:p="u" xmlns:p="v"/>`, `!syntax`)
	f(`<a xmlns="u" xmlns="v"/>`, `!syntax`)
	f(`<a xmlns:p=""/>`, `!syntax`)
	f(`<a xmlns:xml="u"/>`, `!syntax`)
	f(`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, `!syntax`)
	f(`<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, `!syntax`)
	f(`<a xmlns:xmlns="u"/>`, `!syntax`)
	f(`<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, `!syntax`)
	f(`<xmlns:a/>`, `!syntax`)
	f(`<:a/>`, `!syntax`)
	f(`<a:/>`, `!syntax`)
	f(`<p:b:c xmlns:p="u"/>`, `!syntax`)
	f(`<p:1 xmlns:p="u"/>`, `!syntax`)
	f(`<p:a xmlns:p="u" xmlns:q="u"></q:a>`, `<{u}a>!syntax`) // tags pair as they are written

	// The same rule where the attributes are many.
	many := func(last string) string {
		var b strings.Builder
		b.WriteString(`<a xmlns:p="u" xmlns:q="u"`)
		for i := range 20 {
			fmt.Fprintf(&b, ` p:b%d=""`, i)
		}
		return b.String() + last + "/>"
	}
	f(many(` q:b7=""`), `!syntax`)
	if got := tokens(t, many(` q:b20=""`), Limits{}); strings.HasSuffix(got, "!syntax") {
		t.Error(got)
	}
}

// TestManyNames goes past the size at which the tables are begun anew, and
// holds that prefixes in scope and open elements outlive that.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<p:root xmlns:p="u" xmlns="d">`)
	for i := range 3 * maxNames {
		fmt.Fprintf(&b, `<p:e%d a%d="" q%d:a="" xmlns:q%d="v"/>`, i, i, i, i)
	}
	b.WriteString(`<p:last p:x="1"/><last/></p:root>`)
	x := NewReader(strings.NewReader(b.String()), Limits{})
	var got []Name
	for {
		kind, err := x.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == Start && (x.Name().Local == "last" || x.Name().Local == "root") {
			got = append(got, x.Name())
		}
		if n := len(x.names.all); n > maxNames+256 {
			t.Fatalf("%d names are kept", n)
		}
	}
	if diff := cmp.Diff([]Name{{"u", "root"}, {"u", "last"}, {"d", "last"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolve(t *testing.T) {
	x := NewReader(strings.NewReader(`<a xmlns="d" xmlns:p="u"><b xmlns:p="v" xmlns:q="w"/><c xmlns=""/></a>`), Limits{})
	f := func(s, want string) {
		t.Helper()
		got := "none"
		if n, ok := x.Resolve(s); ok {
			got = show(n)
		}
		if got != want {
			t.Errorf("Resolve(%q) at %s: %s, want %s", s, x.Name().Local, got, want)
		}
	}
	scope := func(want ...Prefix) {
		t.Helper()
		if diff := cmp.Diff(want, x.Scope()); diff != "" {
			t.Error(diff)
		}
	}
	next := func() {
		t.Helper()
		if _, err := x.Next(); err != nil {
			t.Fatal(err)
		}
	}
	next() // a
	f("p:T", "{u}T")
	f(" p:T\n", "{u}T")
	f("T", "{d}T")
	f("xml:T", "{"+xmlSpace+"}T")
	f("q:T", "none")
	f("p:", "none")
	f(":T", "none")
	f("p:T:U", "none")
	f("", "none")
	scope(Prefix{"", "d"}, Prefix{"p", "u"})
	next() // b
	f("p:T", "{v}T")
	f("q:T", "{w}T")
	scope(Prefix{"", "d"}, Prefix{"p", "v"}, Prefix{"q", "w"})
	next() // its end: still in scope
	f("q:T", "{w}T")
	next() // c
	f("q:T", "none")
	f("p:T", "{u}T")
	f("T", "T")
	scope(Prefix{"p", "u"})
}

// TestNamesAreShared holds that a name that comes again is no new string.
func TestNamesAreShared(t *testing.T) {
	doc := []byte(`<a xmlns="u">` + strings.Repeat(`<bcd efg="hij" klm='x'/>`, 1000) + `</a>`)
	allocs := func(n int) float64 {
		in := doc[:13+n*24]
		return testing.AllocsPerRun(10, func() {
			x := NewReader(strings.NewReader(string(in)), Limits{})
			for {
				if _, err := x.Next(); err != nil {
					return
				}
			}
		})
	}
	if few, many := allocs(10), allocs(1000); many > few+2 {
		t.Errorf("10 elements: %v allocations, 1000: %v", few, many)
	}
}
