package xmltok

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReset: wherever the first document was left, nothing of it is left in the
// second.
func TestReset(t *testing.T) {
	const next = `<a x:y="1" xmlns:x="u">t<b/></a>`
	f := func(first string, tokens int, next, want string) {
		t.Helper()
		x := NewReader(strings.NewReader(first), Limits{Token: 100 << 10})
		for range tokens {
			if _, err := x.Next(); err != nil {
				break
			}
		}
		x.Reset(strings.NewReader(next))
		if got := dump(x); got != want || x.Scrubbed() != 0 {
			t.Errorf("%.60q, %d tokens: %s, want %s", first, tokens, got, want)
		}
		if x.err == io.EOF && (x.Offset() != int64(len(next)) || x.Line() != 1 || len(x.names.decls) != 0 || x.names.declsLen != 0) {
			t.Errorf("%.60q: offset %d, line %d, %d declarations", first, x.Offset(), x.Line(), len(x.names.decls))
		}
	}
	want := dump(NewReader(strings.NewReader(next), Limits{}))
	if !strings.HasPrefix(want, "<a") || !strings.HasSuffix(want, "</a>") {
		t.Fatal(want)
	}
	f("", 0, next, want)
	f("<a/>", 0, next, want)
	f("<a/>", 1, next, want) // its End was to come
	f("<a/>", 9, next, want)
	f("\n<a>\n\n\x01", 9, next, want)
	f(`<p:a xmlns:p="1"><p:b xmlns:p="2" xmlns="3" q:c=""/>`, 9, next, want) // declared by the tag that fails
	f("<a>&x;", 9, next, want)
	f("<a><![CDATA["+strings.Repeat("y", 70<<10), 2, next, want)
	f(`<a b="`+strings.Repeat("y", 90<<10)+`"/>`, 9, next, want)
	f(`<a b="`+strings.Repeat("y", 110<<10)+`"/>`, 9, next, want)
	f("<!DOCTYPE a>", 9, next, want)
	f(`<a xmlns:p="1">`, 1, "<p:a/>", "!syntax") // not declared any more
	f("<a>"+strings.Repeat("y", 90<<10), 9, "<a>"+strings.Repeat("y", 20<<10)+"</a>", dump(NewReader(strings.NewReader("<a>"+strings.Repeat("y", 20<<10)+"</a>"), Limits{})))
}

// TestResetDecodes: each document has a charset of its own.
func TestResetDecodes(t *testing.T) {
	x := NewReader(strings.NewReader("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>"), Limits{})
	for range 2 {
		if got := dump(x); got != `<a>"é"</a>` {
			t.Error(got)
		}
		x.Reset(strings.NewReader("<a>é</a>"))
	}
}

// TestTextUnbounded: a run of text may be longer than a tag and costs nothing;
// what is gathered is bounded all the same.
func TestTextUnbounded(t *testing.T) {
	run := strings.Repeat("0123456789", 50<<10)
	f := func(l Limits, want string) {
		t.Helper()
		x := NewReader(strings.NewReader("<a>"+run+"</a>"), l)
		var text bytes.Buffer
		kind, err := x.Next()
		for ; err == nil; kind, err = x.Next() {
			if kind == Text {
				text.Write(x.Text())
			}
		}
		if errKind(err) != want || want == "EOF" && !cmp.Equal(text.String(), run) || cap(x.buf) > 2*bufSize {
			t.Errorf("%+v: %v, %d bytes, a buffer of %d", l, err, text.Len(), cap(x.buf))
		}
	}
	f(Limits{Token: 100}, "limit")
	f(Limits{Token: 100, Text: -1}, "EOF")
	f(Limits{Token: 100, Text: len(run)}, "EOF")
	f(Limits{Token: 100, Text: len(run) - 1}, "limit")
	f(Limits{Text: 100}, "limit")
	f(Limits{}, "EOF")
	x := NewReader(strings.NewReader("<a>"+run+"</a>"), Limits{Token: 100, Text: -1})
	if _, err := x.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Content(); errKind(err) != "limit" {
		t.Error(err)
	}
}
