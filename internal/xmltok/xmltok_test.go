package xmltok

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// dump reads all tokens and writes them down: elements as {space}local with
// their attributes, text in quotes with its pieces joined, an error's kind at the end.
func dump(x *Reader) string {
	return dumpWith(x, func(value string) string { return value })
}

// dumpWith is dump with the values of attributes as see shows them.
func dumpWith(x *Reader, see func(string) string) string {
	var b strings.Builder
	text := ""
	flush := func() {
		if text != "" {
			fmt.Fprintf(&b, "%q", text)
		}
		text = ""
	}
	for {
		kind, err := x.Next()
		if kind != Text {
			flush()
		}
		switch {
		case err == io.EOF:
			return b.String()
		case err != nil:
			return b.String() + "!" + errKind(err)
		case kind == Start:
			fmt.Fprintf(&b, "<%s", show(x.Name()))
			for _, a := range x.attrs {
				v, _ := x.Attr(a.name.Space, a.name.Local)
				fmt.Fprintf(&b, " %s=%q", show(a.name), see(v))
			}
			b.WriteString(">")
		case kind == End:
			fmt.Fprintf(&b, "</%s>", x.Name().Local)
		default:
			text += string(x.Text())
		}
	}
}

func show(n Name) string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// errKind names what a caller can tell an error by.
func errKind(err error) string {
	var s *SyntaxError
	switch {
	case errors.As(err, &s):
		return "syntax"
	case errors.Is(err, ErrLimit):
		return "limit"
	case errors.Is(err, ErrDoctype):
		return "doctype"
	case errors.Is(err, ErrCharset):
		return "charset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "eof"
	}
	return err.Error()
}

// tokens reads in, whole and byte by byte, and holds the two to be the same.
func tokens(t *testing.T, in string, l Limits) string {
	t.Helper()
	whole := NewReader(strings.NewReader(in), l)
	a := dump(whole)
	slow := NewReader(iotest.OneByteReader(strings.NewReader(in)), l)
	if b := dump(slow); a != b || whole.Scrubbed() != slow.Scrubbed() || whole.err.Error() != slow.err.Error() {
		t.Errorf("%.200q\n whole        %.300s (%v)\n byte by byte %.300s (%v)", in, a, whole.err, b, slow.err)
	}
	return a
}

func TestTokens(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := tokens(t, in, Limits{}); got != want {
			t.Errorf("%q\n got  %s\n want %s", in, got, want)
		}
	}
	f(`<a/>`, `<a></a>`)
	f(`<a></a>`, `<a></a>`)
	f("<?xml version='1.0'?>\n<!-- c -->\n<a b = \"c\" d='e\"f' >x</a ><?pi x?>\n<!---->\n", `<a b="c" d="e\"f">"x"</a>`)
	f(`<a>1<b>2</b>3<c/>4</a>`, `<a>"1"<b>"2"</b>"3"<c></c>"4"</a>`)
	f(`<a>x<!-- y -->z<?p q?>w</a>`, `<a>"xzw"</a>`)

	// Text.
	f("<a>1\r\n2\r3\n</a>", `<a>"1\n2\n3\n"</a>`)
	f(`<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;&#13;</a>`, `<a>"<>&\"'AB😀\r"</a>`)
	f(`<a>]] ]> ]</a>`, `<a>"]] ]> ]"</a>`)
	f(`<a>]]></a>`, `<a>!syntax`)
	f(`<a>]]]></a>`, `<a>!syntax`)
	f(`<a>]]&gt;</a>`, `<a>"]]>"</a>`)
	f("<a><![CDATA[<x>&amp;]]]]><![CDATA[>\r\n]]></a>", `<a>"<x>&amp;]]>\n"</a>`)
	f(`<a><![CDATA[]]></a>`, `<a></a>`)
	f(`<a><![CDATA[]]]></a>`, `<a>"]"</a>`)
	f(`<a>ü€😀</a>`, `<a>"ü€😀"</a>`)
	f(`<a>&</a>`, `<a>!syntax`)
	f(`<a>& b</a>`, `<a>!syntax`)
	f(`<a>&foo;</a>`, `<a>!syntax`)
	f(`<a>&;</a>`, `<a>!syntax`)
	f(`<a>&#;</a>`, `<a>!syntax`)
	f(`<a>&#x;</a>`, `<a>!syntax`)
	f(`<a>&#X41;</a>`, `<a>!syntax`)
	f(`<a>&#x110000;</a>`, `<a>!syntax`)
	f(`<a>&#99999999999999999999;</a>`, `<a>!syntax`)
	f(`<a>&`+strings.Repeat("a", 100)+`;</a>`, `<a>!syntax`)

	// Attributes.
	f("<a b=' \t\r\n\r\n1&#10;&#9;'/>", `<a b="    1\n\t"></a>`)
	f(`<a b="&lt;&#x3c;>"/>`, `<a b="<<>"></a>`)
	f(`<a b="ü&amp;😀"/>`, `<a b="ü&😀"></a>`)
	f(`<a b="<"/>`, `!syntax`)
	f(`<a b="&x;"/>`, `!syntax`)
	f(`<a b/>`, `!syntax`)
	f(`<a b=c/>`, `!syntax`)
	f(`<a b="1"c="2"/>`, `!syntax`)
	f(`<a b="1" b="2"/>`, `!syntax`)
	f(`<a / >`, `!syntax`)
	f(`<a =""/>`, `!syntax`)

	// Structure.
	f(``, `!eof`)
	f("  \n", `!eof`)
	f(`<a>`, `<a>!eof`)
	f(`<a`, `!eof`)
	f(`<a b="`, `!eof`)
	f(`<a b`, `!eof`)
	f(`<a b `, `!eof`)
	f(`<a b=`, `!eof`)
	f(`<`, `!eof`)
	f(`<?`, `!eof`)
	f(`<a>x`, `<a>"x"!eof`)
	f(`<a>&am`, `<a>!eof`)
	f(`<a>x</`, `<a>"x"!eof`)
	f(`<a></a`, `<a>!eof`)
	f(`<a><!-- `, `<a>!eof`)
	f(`<a><!-`, `<a>!eof`)
	f(`<a><![CDATA[x]]`, `<a>!eof`)
	f(`<a><?x `, `<a>!eof`)
	f(`<a></b>`, `<a>!syntax`)
	f(`<a></ab>`, `<a>!syntax`)
	f(`<ab></a>`, `<ab>!syntax`)
	f(`<a></a b>`, `<a>!syntax`)
	f(`<a></ a>`, `<a>!syntax`)
	f(`</a>`, `!syntax`)
	f(`<a/></a>`, `<a></a>!syntax`)
	f(`<a/><b/>`, `<a></a>!syntax`)
	f(`<a/>x`, `<a></a>!syntax`)
	f(`x<a/>`, `!syntax`)
	f(`&lt;<a/>`, `!syntax`)
	f(`<![CDATA[x]]><a/>`, `!syntax`)
	f(`{"objects":[]}`, `!syntax`)
	f(`< a/>`, `!syntax`)
	f(`<1/>`, `!syntax`)
	f("<a\x01/>", `!syntax`)
	f("<a\xff/>", `!syntax`)
	f("<a\u0085/>", `!syntax`)
	f(`<ü ö="1"/>`, `<ü ö="1"></ü>`)
	f(`<a><!-- -- --></a>`, `<a>!syntax`)
	f(`<a><!x></a>`, `<a>!syntax`)

	// The XML declaration.
	f("\n <?xml version=\"1.1\" standalone=\"no\"?><a/>", `<a></a>`)
	f(`<?xml version="2.0"?><a/>`, `!syntax`)
	f(`<!-- x --><?xml version="1.0"?><a/>`, `!syntax`)
	f(`<a><?xml version="1.0"?></a>`, `<a>!syntax`)
	f(`<?xml-stylesheet href="x"?><a/>`, `<a></a>`)
	f(`<?xml version="1.0"`, `!eof`)
	f(`<?a?><a/>`, `<a></a>`)
	f(`<?a+?><a/>`, `!syntax`)
	f("\ufeff<?xml version='1.0'?><a/>", `<a></a>`)
}

// TestPieces puts everything that needs a look behind it, or is cut in no
// place, around the end of a piece of text.
func TestPieces(t *testing.T) {
	f := func(special, want, end string) {
		t.Helper()
		for k := -2; k <= 14; k++ {
			pad := strings.Repeat("x", chunkSize-k)
			open, shut := "<a>", "</a>"
			if end == "]]>" {
				open, shut = "<a><![CDATA[", "]]></a>"
			}
			got := tokens(t, open+pad+special+"yz"+shut, Limits{})
			if want := fmt.Sprintf("<a>%q</a>", pad+want+"yz"); got != want {
				t.Errorf("%q, %d bytes before the end of a piece: …%s", special, k, got[max(0, len(got)-60):])
			}
		}
	}
	for _, end := range []string{"<", "]]>"} {
		f("\r\n", "\n", end)
		f("\r\r", "\n\n", end)
		f("]]", "]]", end)
		f("😀é", "😀é", end)
		f("\xf0\x9f\x98", "���", end)
		f("\x01", "�", end)
	}
	f("&#x1F600;", "😀", "<")
	f("&amp;", "&", "<")
	f("]]&gt;", "]]>", "<")
	f("&gt;", "&gt;", "]]>")
	f("]]]]><![CDATA[>", "]]>", "]]>")
	for k := -2; k <= 5; k++ {
		if got := tokens(t, "<a>"+strings.Repeat("x", chunkSize-k)+"]]></a>", Limits{}); !strings.HasSuffix(got, "!syntax") {
			t.Errorf("\"]]>\" %d bytes before the end of a piece is not found", k)
		}
	}
}

// TestPiecesAreFew holds that short text is one token wherever the buffer ends.
func TestPiecesAreFew(t *testing.T) {
	const text = "0123456789abcdef\n"
	in := "<r>" + strings.Repeat("<a>"+text+"</a>", 20_000) + "</r>"
	x := NewReader(strings.NewReader(in), Limits{})
	n := 0
	for {
		kind, err := x.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == Text {
			if n++; string(x.Text()) != text {
				t.Fatalf("a piece %q", x.Text())
			}
		}
	}
	if n != 20_000 {
		t.Errorf("%d pieces", n)
	}
}
