package xmltok

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestContentAndSkip(t *testing.T) {
	x := NewReader(strings.NewReader("<r><a> \u00a0x<b>y</b> <![CDATA[<z>]]>\n</a><c><d/>text</c><e/></r>"), Limits{})
	next := func(kind Kind, local string, depth int) {
		t.Helper()
		got, err := x.Next()
		if err != nil || got != kind || x.Name().Local != local || x.Depth() != depth {
			t.Fatalf("%v %s at %d, %v; want %v %s at %d", got, x.Name().Local, x.Depth(), err, kind, local, depth)
		}
	}
	content := func(want string) {
		t.Helper()
		if got, err := x.Content(); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	next(Start, "r", 1)
	next(Start, "a", 2)
	content("xy <z>")
	if err := x.Skip(); err != errNotStart {
		t.Error("Skip at an End:", err)
	}
	if _, err := x.Content(); err != errNotStart {
		t.Error("Content at an End:", err)
	}
	if x.Name().Local != "a" || x.Depth() != 2 {
		t.Error("not at the end of a:", x.Name(), x.Depth())
	}
	next(Start, "c", 2)
	if err := x.Skip(); err != nil {
		t.Error(err)
	}
	next(Start, "e", 2)
	content("")
	next(End, "r", 1)
	if _, err := x.Next(); err != io.EOF {
		t.Error(err)
	}
	if _, err := x.Next(); err != io.EOF {
		t.Error("the end comes again:", err)
	}
}

func TestContentAndSkipPassErrorsOn(t *testing.T) {
	f := func(in string, want string) {
		t.Helper()
		x := NewReader(strings.NewReader(in), Limits{})
		if _, err := x.Next(); err != nil {
			t.Fatal(err)
		}
		if err := x.Skip(); errKind(err) != want {
			t.Errorf("Skip in %q: %v", in, err)
		}
		x = NewReader(strings.NewReader(in), Limits{})
		_, _ = x.Next()
		if _, err := x.Content(); errKind(err) != want {
			t.Errorf("Content in %q: %v", in, err)
		}
	}
	f(`<a>x`, "eof")
	f(`<a>x</b>`, "syntax")
}

// TestPlaces holds offsets, lines and token starts against the input.
func TestPlaces(t *testing.T) {
	in := "<?xml version='1.0'?>\n<a\n b='1'>t\nu<b/>\n<![CDATA[x\n]]></a>\n"
	type place struct {
		token string
		line  int64
	}
	want := []place{
		{"<a\n b='1'>", 3}, {"t\nu", 4}, {"<b/>", 4}, {"<b/>", 4}, {"\n", 5}, {"<![CDATA[x\n]]>", 6}, {"</a>", 6},
	}
	for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
		x := NewReader(r, Limits{})
		for i, w := range want {
			if _, err := x.Next(); err != nil {
				t.Fatal(err)
			}
			if got := in[x.TokenStart():x.Offset()]; got != w.token || x.Line() != w.line {
				t.Errorf("token %d: %q in line %d, want %q in %d", i, got, x.Line(), w.token, w.line)
			}
		}
	}
}

func TestErrorSaysWhere(t *testing.T) {
	f := func(in string, line, offset int64, msg string) {
		t.Helper()
		x := NewReader(strings.NewReader(in), Limits{})
		dump(x)
		var s *SyntaxError
		if !errors.As(x.err, &s) {
			t.Fatalf("%q: %v", in, x.err)
		}
		if s.Line != line || s.Offset != offset || !strings.Contains(s.Error(), msg) {
			t.Errorf("%q: %+v, want line %d, offset %d, %q", in, s, line, offset, msg)
		}
	}
	f("<a>\n\n x &foo; </a>", 3, 8, `"foo" is not predefined`)
	f("<a>\n</b>", 2, 4, `"a"`)
	f("<a>\n<b\nc='<'/></a>", 3, 10, "&lt;")
	pad := strings.Repeat("line\n", 100_000)
	f("<a>"+pad+"&x;</a>", 100_001, int64(3+len(pad)), `"x"`)
}

// TestLineAfterError: what was counted to say where the error is does not count twice.
func TestLineAfterError(t *testing.T) {
	x := NewReader(strings.NewReader("<a>\n\n x &foo; </a>"), Limits{})
	dump(x)
	if x.Line() != 1 || x.Offset() != 3 {
		t.Errorf("line %d, offset %d; the last token ended in line 1 at 3", x.Line(), x.Offset())
	}
}

// failing is an error that == cannot compare.
type failing []string

func (f failing) Error() string { return "broken" }

func TestReaderErrorsArePassedOn(t *testing.T) {
	broken := failing{"x"}
	f := func(in string) {
		t.Helper()
		x := NewReader(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), Limits{})
		dump(x)
		var got failing
		if !errors.As(x.err, &got) || errors.As(x.err, new(*SyntaxError)) {
			t.Errorf("%q: %v", in, x.err)
		}
	}
	for _, in := range []string{"", "<", "<a", "<a b='", "<a>", "<a>x", "<a>x]", "<a>x\r", "<a>\xc3", "<a><![CDATA[", "<a><![CDATA[]]",
		"<a><!", "<a><!--", "<a></", "<a></a", "<a></a>", "<?xml ", "<?p", "<a>&", "\xef\xbb", "\xff\xfe<\x00"} {
		f(in)
	}
	x := NewReader(iotest.ErrReader(io.ErrNoProgress), Limits{})
	if _, err := x.Next(); err != io.ErrNoProgress {
		t.Error(err)
	}
}

// idle returns nothing for ever.
type idle struct{ r io.Reader }

func (i idle) Read(p []byte) (int, error) {
	if n, err := i.r.Read(p); err != io.EOF {
		return n, err
	}
	return 0, nil
}

func TestReaderThatReturnsNothing(t *testing.T) {
	for _, in := range []string{"", "<a>", "<abcde>", "<?xml version='1.0' encoding='ISO-8859-1'?><a>"} {
		x := NewReader(idle{strings.NewReader(in)}, Limits{})
		if dump(x); !errors.Is(x.err, io.ErrNoProgress) {
			t.Errorf("%q: %v", in, x.err)
		}
	}
}

func TestScrubbed(t *testing.T) {
	f := func(in, want string, n int) {
		t.Helper()
		if got := tokens(t, in, Limits{}); got != want {
			t.Errorf("%q\n got  %s\n want %s", in, got, want)
		}
		x := NewReader(strings.NewReader(in), Limits{})
		if dump(x); x.Scrubbed() != n {
			t.Errorf("%q: %d scrubbed, want %d", in, x.Scrubbed(), n)
		}
	}
	f("<a>x\x00y\x1b</a>", `<a>"x�y�"</a>`, 2)
	f("<a>&#x1;&#0;&#xFFFE;&#xD83D;&#xDE00;</a>", `<a>"�����"</a>`, 5)
	f("<a>\xff\xc3\x28 \xe2\x82</a>", `<a>"��( ��"</a>`, 4)
	f("<a>\xed\xa0\x80</a>", `<a>"���"</a>`, 3)
	f("<a>\uffff\ufffe</a>", `<a>"��"</a>`, 2)
	f("<a>\ufffd\u0085\x7f</a>", `<a>"�\u0085\x7f"</a>`, 0)
	f("<a><![CDATA[\x02\xff&#1;]]></a>", `<a>"��&#1;"</a>`, 2)
	f("<a b='\x03\xff&#2;\ufffe'/>", `<a b="����"></a>`, 4)
	f("<a>\xc3", `<a>"�"!eof`, 1)
	f("<a><!-- \x01\xff --><?p \x01\xff?></a>", `<a></a>`, 0)
	f("\x01<a/>", `!syntax`, 0)
}
