package xmltok

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	f := func(in string, l Limits, want string) {
		t.Helper()
		got := tokens(t, in, l)
		if i := strings.LastIndex(got, "!"); want != "" && (i < 0 || got[i+1:] != want) || want == "" && i >= 0 {
			t.Errorf("%.100q: %.300s, want %q", in, got, want)
		}
	}
	rep := strings.Repeat
	f(rep("<a>", 64)+rep("</a>", 64), Limits{}, "")
	f(rep("<a>", 65)+rep("</a>", 65), Limits{}, "limit")
	f("<a><b/></a>", Limits{Depth: 1}, "limit")
	f("<a>"+rep("<b/>", 1000)+"</a>", Limits{Depth: 2}, "")

	attrs := func(n int) string {
		var b strings.Builder
		b.WriteString(`<a xmlns:p="u"`)
		for i := range n - 1 {
			fmt.Fprintf(&b, ` b%d=""`, i)
		}
		return b.String() + "/>"
	}
	f(attrs(256), Limits{}, "")
	f(attrs(257), Limits{}, "limit")
	f(attrs(4), Limits{Attrs: 3}, "limit")

	// A start tag: <a b="…"/> is 9 bytes longer than its value.
	tag := func(n int) string { return `<a b="` + rep("x", n-9) + `"/>` }
	f(tag(100), Limits{Token: 100}, "")
	f(tag(101), Limits{Token: 100}, "limit")
	f(tag(300_000), Limits{Token: 300_000}, "")
	f(tag(300_001), Limits{Token: 300_000}, "limit")
	f("<a"+rep(" ", 200)+"/>", Limits{Token: 100}, "limit")
	f("<a></a"+rep(" ", 200)+">", Limits{Token: 100}, "limit")
	f(`<a b="`+rep("x", 200)+`<"/>`, Limits{Token: 100}, "limit") // whatever is wrong behind the limit

	// A run of text, over its pieces, CDATA and comments; a tag ends it.
	f("<a>"+rep("x", 100)+"</a>", Limits{Token: 100}, "")
	f("<a>"+rep("x", 101)+"</a>", Limits{Token: 100}, "limit")
	f("<a>"+rep("x", 60)+"<!-- y -->"+rep("x", 60)+"</a>", Limits{Token: 100}, "limit")
	f("<a>"+rep("x", 60)+"<![CDATA["+rep("x", 60)+"]]></a>", Limits{Token: 100}, "limit")
	f("<a>"+rep(rep("x", 60)+"<b/>", 10)+"</a>", Limits{Token: 100}, "")
	f("<a>"+rep("x", 200_000)+"</a>", Limits{Token: 200_000}, "")
	f("<a>"+rep("x", 200_001)+"</a>", Limits{Token: 200_000}, "limit")
	f("<a><![CDATA["+rep("x", 200_001)+"]]></a>", Limits{Token: 200_000}, "limit")
	f("<a><!--"+rep("x", 200_001)+"--><?p "+rep("x", 200_001)+"?></a>", Limits{Token: 100}, "") // skipped, not held

	f("<"+rep("x", maxName)+"/>", Limits{}, "")
	f("<"+rep("x", maxName+1)+"/>", Limits{}, "limit")
	f("<a "+rep("x", maxName+1)+"=''/>", Limits{}, "limit")
	f("<?xml "+rep(" ", maxDecl)+"?><a/>", Limits{}, "limit")
	f(rep(" ", 2*bufSize)+"<a/>"+rep(" ", 2*bufSize), Limits{}, "")
}

func TestScopeIsBounded(t *testing.T) {
	f := func(perElement int, uri string, depth int, want string) {
		t.Helper()
		var b strings.Builder
		for i := range depth {
			b.WriteString("<a")
			for k := range perElement {
				fmt.Fprintf(&b, ` xmlns:p%d="%s%d"`, k, uri, i)
			}
			b.WriteString(">")
		}
		b.WriteString(strings.Repeat("</a>", depth))
		x := NewReader(strings.NewReader(b.String()), Limits{})
		dump(x)
		if errKind(x.err) != want {
			t.Errorf("%d times %d declarations: %v, want %s", depth, perElement, x.err, want)
		}
		if want == "EOF" && (x.names.declsLen != 0 || len(x.names.decls) != 0) {
			t.Errorf("%d bytes of %d declarations are still in scope at the end", x.names.declsLen, len(x.names.decls))
		}
	}
	f(200, "u", 5, "EOF")
	f(200, "u", 6, "limit")
	f(1, strings.Repeat("u", 100_000), 10, "EOF")
	f(1, strings.Repeat("u", 100_000), 11, "limit")
}

func TestContentIsBounded(t *testing.T) {
	in := "<a>" + strings.Repeat("<b>"+strings.Repeat("x", 60)+"</b>", 10) + "</a>"
	x := NewReader(strings.NewReader(in), Limits{Token: 100})
	_, _ = x.Next()
	if _, err := x.Content(); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if _, err := x.Next(); !errors.Is(err, ErrLimit) {
		t.Error("the error comes again:", err)
	}
}

// endless gives head and then tail again and again, and counts what is taken.
type endless struct {
	head, tail string
	n          int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head == "" {
		e.head = e.tail
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	e.n += int64(n)
	return n, nil
}

// TestStopsEarly feeds inputs without end. What is asked of each is that reading
// stops soon, and that it was never kept whole.
func TestStopsEarly(t *testing.T) {
	f := func(head, tail string, most int64, want error) {
		t.Helper()
		src := &endless{head: head, tail: tail}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		x := NewReader(src, Limits{})
		var err error
		for err == nil {
			_, err = x.Next()
		}
		runtime.ReadMemStats(&after)
		if !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", head, err, want)
		}
		if src.n > most {
			t.Errorf("%.40q: %d bytes were read, want %d at most", head, src.n, most)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4*uint64(most)+1<<20 {
			t.Errorf("%.40q: %d bytes were allocated to read %d", head, grown, src.n)
		}
	}
	long := strings.Repeat("x", 1<<16)
	f("<!DOCTYPE a [", "<!ENTITY x 'y'>", bufSize, ErrDoctype)
	f("<?xml version='1.0'?>\n<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'>", " ", bufSize, ErrDoctype)
	f("<a><!DOCTYPE ", long, 2*bufSize, ErrDoctype)
	f("", "<a>", bufSize, ErrLimit)
	f("", "<a b='c'>", bufSize, ErrLimit)
	f("<", long, 2*bufSize, ErrLimit)
	f("<a b='", long, 10<<20, ErrLimit)
	f("<a b='", "&#10;", 10<<20, ErrLimit)
	f("<a bc='", strings.Repeat("é", 1<<15), 10<<20, ErrLimit)
	f("<a ", strings.Repeat(" ", 1<<16), 10<<20, ErrLimit)
	f("<a></a", strings.Repeat(" ", 1<<16), 10<<20, ErrLimit)
	f("<a>", long, 10<<20, ErrLimit)
	f("<a>", "\x01&lt;]\r\xff", 10<<20, ErrLimit)
	f("<a><![CDATA[", long, 10<<20, ErrLimit)
	f("<a><![CDATA[", "]]", 10<<20, ErrLimit)
	f("<?xml version='1.0' ", long, 2*bufSize, ErrLimit)
	f("<?xml version='1.0' encoding='EBCDIC-CP-US'?>", long, bufSize, ErrCharset)
}

// TestDeep has a million elements in each other: cheap to send, and dear to
// whoever keeps a frame for each.
func TestDeep(t *testing.T) {
	const n = 1_000_000
	x := NewReader(io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("<a>"), n)), bytes.NewReader(bytes.Repeat([]byte("</a>"), n))), Limits{Depth: n})
	deepest := 0
	for {
		if _, err := x.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		deepest = max(deepest, x.Depth())
	}
	if deepest != n {
		t.Errorf("%d deep, want %d", deepest, n)
	}
	x = NewReader(strings.NewReader(strings.Repeat("<a>", n)), Limits{})
	dump(x)
	if !errors.Is(x.err, ErrLimit) || !strings.Contains(x.err.Error(), "64 deep") || !strings.Contains(x.err.Error(), "offset 192") {
		t.Error(x.err)
	}
}

// TestBigToken reads a text of 64 MiB in pieces that cost no memory, and a start
// tag of 64 MiB when that is allowed.
func TestBigToken(t *testing.T) {
	const n = 64 << 20
	text := func(open, end string) (pieces, bytesRead int) {
		x := NewReader(io.MultiReader(strings.NewReader(open), io.LimitReader(&endless{tail: strings.Repeat("x", 1<<16)}, n), strings.NewReader(end)), Limits{Token: n + 100})
		for {
			kind, err := x.Next()
			if err == io.EOF {
				most := bufSize
				if open != "<a>" {
					most += x.lim.Token
				}
				if cap(x.buf) > most {
					t.Errorf("%s: a buffer of %d bytes, want %d at most", open, cap(x.buf), most)
				}
				return pieces, bytesRead
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind == Text {
				pieces++
				bytesRead += len(x.Text())
			}
			if v, ok := x.Attr("", "b"); ok {
				bytesRead += len(v)
			}
		}
	}
	if pieces, got := text("<a>", "</a>"); pieces != n/chunkSize || got != n {
		t.Errorf("%d bytes in %d pieces", got, pieces)
	}
	if _, got := text(`<a b="`, `"/>`); got != n {
		t.Errorf("a value of %d bytes", got)
	}
}
