package xmltok

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// in16 writes s in UTF-16; bytes of s that are no UTF-8 become lone surrogates.
func in16(s string, big bool) string {
	var b strings.Builder
	put := func(u uint16) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	for i, c := range s {
		if c == 0xfffd && s[i] != 0xef {
			put(0xd800)
			continue
		}
		for _, u := range utf16.AppendRune(nil, c) {
			put(u)
		}
	}
	return b.String()
}

func TestCharset(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := tokens(t, in, Limits{}); got != want {
			t.Errorf("%q\n got  %s\n want %s", in, got, want)
		}
	}
	const want = `<a b="ü">"é€😀"</a>`
	decl := func(cs string) string { return `<?xml version="1.0" encoding="` + cs + `"?>` }
	body := `<a b="ü">é€😀</a>`

	f(body, want)
	f(decl("UTF-8")+body, want)
	f(decl("utf8")+body, want)
	f(decl("US-ASCII")+body, want) // a subset, and who sends more means UTF-8
	f("\ufeff"+decl("UTF-8")+body, want)
	for _, big := range []bool{false, true} {
		f(in16(decl("UTF-16")+body, big), want)
		f(in16("\ufeff"+decl("UTF-16")+body, big), want)
		f(in16("\ufeff"+body, big), want)
		f(in16(body, big), want)
		f(in16("\n"+body, big), want)
		f(in16("<a>\xff</a>", big), `<a>"�"</a>`)
		f(in16("<a>\xff😀\xff\xff</a>", big), `<a>"�😀��"</a>`)
		f(in16("<a>x", big)+"\x00", `<a>"x�"!eof`)
		f(in16("<a>x\xff", big), `<a>"x�"!eof`)
		f(in16("<a>\x00</a>", big), `<a>"�"</a>`)
	}
	f(decl("ISO-8859-1")+"<a b='\xfc'>\xe9\x93</a>", `<a b="ü">"é\u0093"</a>`)
	f(decl("Latin1")+"<a b='\xfc'>\xe9</a>", `<a b="ü">"é"</a>`)
	f(decl("windows-1252")+"<a b='\xfc'>\xe9\x80\x93</a>", `<a b="ü">"é€“"</a>`)
	f("\n<?xml version='1.0' encoding = 'cp1252' standalone='yes' ?><a>\x80</a>", `<a>"€"</a>`)

	// The byte order mark and what the bytes are win over the declaration.
	f("\ufeff"+decl("ISO-8859-1")+body, want)
	f("\ufeff"+decl("KOI8-R")+body, want)
	f(in16("\ufeff"+decl("UTF-8")+body, false), want)
	f(in16(decl("UTF-8")+body, true), want)
	f(decl("UTF-16")+body, want)

	f(decl("KOI8-R")+"<a/>", "!charset")
	f(decl("utf-7")+"<a/>", "!charset")
	f("\xff\xfe\x00\x00<\x00\x00\x00", "!charset")
	f("\x00\x00\x00<\x00\x00\x00a", "!charset")
	f(`<?xml version="1.0" xencoding="KOI8-R"?><a/>`, "<a></a>")
	f(`<?xml version="1.0" encoding="KOI8-R`, "!charset")
	f(`<?xml version="1.0" encoding?><a/>`, "<a></a>")
	f(`<?xmlx encoding="KOI8-R"?><a/>`, "<a></a>")
	f("<a encoding=\"KOI8-R\"/>", `<a encoding="KOI8-R"></a>`)
}

func TestCharsetErrorNamesIt(t *testing.T) {
	x := NewReader(strings.NewReader(`<?xml version="1.0" encoding="KOI8-R"?><a/>`), Limits{})
	_, err := x.Next()
	if !errors.Is(err, ErrCharset) || !strings.Contains(err.Error(), `"KOI8-R"`) || !strings.Contains(err.Error(), "windows-1252") {
		t.Error(err)
	}
}

// TestDecode holds that a spool of what Decode gives is read as the original is,
// with the same offsets, though its declaration is wrong by then.
func TestDecode(t *testing.T) {
	doc := "<?xml version='1.0' encoding='UTF-16'?>\n<a>é\xff<b c='😀'/></a>"
	latin := "<?xml version='1.0' encoding='ISO-8859-1'?>\n<a>\xe9 x<b c='\xff'/></a>"
	for _, in := range []string{in16("\ufeff"+doc, true), in16(doc, false), doc, "\ufeff" + doc, latin} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			utf8, err := Decode(r)
			if err != nil {
				t.Fatal(err)
			}
			spool, err := io.ReadAll(utf8)
			if err != nil {
				t.Fatal(err)
			}
			x, y := NewReader(strings.NewReader(in), Limits{}), NewReaderUTF8(strings.NewReader(string(spool)), Limits{})
			for {
				k1, err1 := x.Next()
				k2, err2 := y.Next()
				if k1 != k2 || err1 != err2 || x.Offset() != y.Offset() || x.Scrubbed() != y.Scrubbed() || x.Name() != y.Name() {
					t.Fatalf("%q: %v %v at %d, %v %v at %d", in, k1, err1, x.Offset(), k2, err2, y.Offset())
				}
				if err1 != nil {
					break
				}
				if k1 == Start && spool[x.TokenStart()] != '<' {
					t.Errorf("%q: no tag at %d", in, x.TokenStart())
				}
			}
		}
	}
}

// TestNewReaderUTF8 keeps the place of a byte order mark in its offsets.
func TestNewReaderUTF8(t *testing.T) {
	x := NewReaderUTF8(strings.NewReader("\ufeff<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>"), Limits{})
	if got := dump(x); got != `<a>"é"</a>` {
		t.Error(got)
	}
	x = NewReaderUTF8(strings.NewReader("\ufeff<a/>"), Limits{})
	if _, err := x.Next(); err != nil || x.TokenStart() != 3 || x.Offset() != 7 {
		t.Error(err, x.TokenStart(), x.Offset())
	}
}

// TestCharsetStreams holds that the charset is told without reading on.
func TestCharsetStreams(t *testing.T) {
	for _, in := range []string{"<abc", "\ufeff<a", "\xff\xfe<\x00", "<?xml version='1.0'?>"} {
		src := &endless{head: in, tail: " "}
		if _, err := Decode(iotest.OneByteReader(src)); err != nil || src.n > int64(max(4, len(in))) {
			t.Errorf("%q: %d bytes were read, %v", in, src.n, err)
		}
	}
}

// TestDecodeAs: a byte order mark, then the charset that came with the document,
// then the one that it declares.
func TestDecodeAs(t *testing.T) {
	f := func(charset, in, want string) {
		t.Helper()
		r, err := DecodeAs(strings.NewReader(in), charset)
		if err != nil {
			if !errors.Is(err, ErrCharset) || want != "!" {
				t.Errorf("%s, %q: %v", charset, in, err)
			}
			return
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("%s, %q: %q, %v, want %q", charset, in, got, err, want)
		}
	}
	const latin, utf8, odd = `<?xml version="1.0" encoding="ISO-8859-1"?>`, `<?xml version="1.0" encoding="UTF-8"?>`, `<?xml version="1.0" encoding="x-odd"?>`
	f("", "<a>\xe9", "<a>\xe9")
	f("ISO-8859-1", "<a>\xe9", "<a>é")
	f(" latin1 ", utf8+"<a>\xe9", utf8+"<a>é")
	f("windows-1252", latin+"\x80", latin+"€")
	f("iso-8859-1", odd+"\xe9", odd+"é")
	f("iso-8859-1", "\xef\xbb\xbf<a>é", "<a>é")
	f("iso-8859-1", "\xff\xfe<\x00a\x00", "<a")
	f("iso-8859-1", "\x00<\x00a", "<a")
	f("utf-8", "<a>é", "<a>é")
	f("utf-8", latin+"\xe9", latin+"é")
	f("us-ascii", latin+"\xe9", latin+"é")
	f("utf-16", "<\x00a\x00", "<a")
	f("utf-16", "<a>é", "<a>é")
	f("x-mine", latin+"\xe9", latin+"é")
	f("x-mine", utf8+"é", utf8+"é")
	f("x-mine", "<a>é", "!")
	f("utf-8", odd+"é", "!")
	f("utf-32", "<\x00\x00\x00", "!")
}
