package xmltok

import (
	"strings"
	"testing"
)

// TestAttrAt holds that the attributes are those that Attr finds, by the same
// names and with the same values, and that there are none but at a Start.
func TestAttrAt(t *testing.T) {
	x := NewReader(strings.NewReader(`<a xmlns:p="urn:p" b=" 1&amp;2 " p:c='x
y' xmlns="urn:d" d=""/>`), Limits{})
	if n := x.Attrs(); n != 0 {
		t.Errorf("%d attributes before the start", n)
	}
	if _, err := x.Next(); err != nil {
		t.Fatal(err)
	}
	want := []struct{ space, local, value string }{{"", "b", " 1&2 "}, {"urn:p", "c", "x y"}, {"", "d", ""}}
	if x.Attrs() != len(want) {
		t.Fatalf("%d attributes", x.Attrs())
	}
	for i, w := range want {
		name, value := x.AttrAt(i)
		if name != (Name{w.space, w.local}) || string(value) != w.value {
			t.Errorf("%d: %v=%q", i, name, value)
		}
		if v, ok := x.Attr(w.space, w.local); !ok || v != w.value {
			t.Errorf("%d: Attr says %q, %v", i, v, ok)
		}
	}
	if _, err := x.Next(); err != nil || x.Attrs() != 0 {
		t.Errorf("%v: %d attributes at the end tag", err, x.Attrs())
	}
}

// TestResolveBytes holds it to Resolve.
func TestResolveBytes(t *testing.T) {
	for _, scope := range []string{``, ` xmlns="urn:d"`, ` xmlns:p="urn:p"`, ` xmlns:p="urn:p" xmlns="urn:d"`} {
		x := NewReader(strings.NewReader("<a"+scope+"/>"), Limits{})
		if _, err := x.Next(); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"", "a", " a\t", "p:a", "\np:a ", "q:a", ":a", "p:", "p:a:b", ":", "::", "xml:a", "xmlns:a", "p: a"} {
			want, ok1 := x.Resolve(s)
			space, local, ok2 := x.ResolveBytes([]byte(s))
			if ok1 != ok2 || space != want.Space || string(local) != want.Local {
				t.Errorf("%s: %q: %q %q %v, Resolve says %v %v", scope, s, space, local, ok2, want, ok1)
			}
		}
	}
}
