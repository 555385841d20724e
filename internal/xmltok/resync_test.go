package xmltok

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readBlocks reads an envelope of blocks as a client does: each block whole or,
// with a "!", broken and passed over.
func readBlocks(x *Reader) (got []string, err error) {
	for {
		kind, err := x.Next()
		if err != nil {
			return got, err
		}
		if kind != Start || x.Name().Local != "Block" {
			continue
		}
		depth := x.Depth()
		text, err := x.Content()
		var broken *SyntaxError
		if errors.As(err, &broken) {
			if err := x.Resync("Block"); err != nil {
				return append(got, "!"), err
			}
			text = "!"
			if kind, err := x.Next(); kind != End || err != nil {
				return got, errors.New("no End")
			}
		} else if err != nil {
			return got, err
		}
		if x.Name() != (Name{"u", "Block"}) || x.Depth() != depth {
			return got, errors.New("not at the block's end")
		}
		got = append(got, text)
	}
}

func TestResync(t *testing.T) {
	f := func(block, want string) {
		t.Helper()
		in := `<r xmlns:p="u" xmlns="d"><p:Block>1</p:Block><p:Block><x>` + block + `</x></p:Block> <p:Block>3</p:Block><y/></r>`
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			x := NewReader(r, Limits{})
			got, err := readBlocks(x)
			if err != io.EOF || strings.Join(got, ",") != want {
				t.Errorf("%.80q: %q, %v; want %s", block, got, err, want)
			}
			if len(x.names.decls) != 0 || len(x.stack) != 0 {
				t.Errorf("%q: %d declarations, %d elements are open at the end", block, len(x.names.decls), len(x.stack))
			}
		}
	}
	f("2", "1,2,3")
	f("&nbsp;", "1,!,3")
	f("a < b", "1,!,3")
	f("a ]]> b", "1,!,3")
	f("<b></c>", "1,!,3")
	f("<b>", "1,!,3")
	f("</x></p:Other>", "1,!,3")
	f(`<b c="<"/>`, "1,!,3")
	f(`<q:b xmlns:q="v" c:d=""/>`, "1,!,3") // declared by the tag that fails
	f(`<b xmlns="v"><b xmlns:p="w"><p:c>&x;`, "1,!,3")
	f("<![CDATA[rule x { ]]> } ]]>", "1,!,3")
	f("<!-- -- -->", "1,!,3")
	f("&x;</p:BlockX></q:Block></Block>", "1,!,3") // none of these is its end tag
	f("&x;</p:Block <y></p:Block/>", "1,!,3")
	f("&x;"+strings.Repeat("</p:Block <", 30_000), "1,!,3")
	f("&x;"+strings.Repeat("y", 300_000), "1,!,3")
}

func TestResyncRefuses(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		x := NewReader(strings.NewReader(in), Limits{Depth: 3})
		dump(x)
		before := x.err
		if err := x.Resync("Block"); errKind(err) != want {
			t.Errorf("%q: %v, want %s (it was %v)", in, err, want, before)
		}
		if _, err := x.Next(); errKind(err) != want {
			t.Errorf("%q: afterwards %v, want %s", in, err, want)
		}
	}
	f(`<Block>&x; no end`, "eof")
	f(`<Block>&x;</Block`, "eof")
	f(`<Block>&x;</Bloc`, "eof")
	f(`<Block>&x;</Block <c></Block/>`, "eof") // these are none
	f(`<r><Block/>&x;</r>`, "syntax")          // not inside one
	f(`<Block><a><b><c></Block>`, "limit")
	f(`<Block><!DOCTYPE x></Block>`, "doctype")
	f(`<Block>`, "eof")
	f(`<Block/>`, "EOF")
}

// TestResyncTwice breaks again behind the first break, in an outer and an inner block.
func TestResyncTwice(t *testing.T) {
	x := NewReader(strings.NewReader(`<Block><Block>&x;</Block>1&y;</Block>`), Limits{})
	if got := dump(x); got != "<Block><Block>!syntax" {
		t.Fatal(got)
	}
	if err := x.Resync("Block"); err != nil {
		t.Fatal(err)
	}
	if got := dump(x); got != `</Block>!syntax` {
		t.Fatal(got)
	}
	if err := x.Resync("Block"); err != nil {
		t.Fatal(err)
	}
	if got := dump(x); got != `</Block>` {
		t.Fatal(got)
	}
}

func TestResyncEndTagWithSpace(t *testing.T) {
	x := NewReader(strings.NewReader("<r><Block>&x;</Block\n >y</r>"), Limits{})
	dump(x)
	if err := x.Resync("Block"); err != nil {
		t.Fatal(err)
	}
	if got := dump(x); got != `</Block>"y"</r>` {
		t.Error(got)
	}
}

// TestResyncScope: at the End, what the broken part declared is out of scope.
func TestResyncScope(t *testing.T) {
	x := NewReader(strings.NewReader(`<r xmlns:p="u"><Block xmlns:q="v"><a xmlns:p="w"><b xmlns:s="x" c:d=""/></Block></r>`), Limits{})
	dump(x)
	if err := x.Resync("Block"); err != nil {
		t.Fatal(err)
	}
	if kind, err := x.Next(); kind != End || err != nil {
		t.Fatal(kind, err)
	}
	if diff := cmp.Diff([]Prefix{{"p", "u"}, {"q", "v"}}, x.Scope()); diff != "" {
		t.Error(diff)
	}
}

// TestResyncEarly shows the limit that the documentation names: an end tag in a
// comment of the broken part ends it.
func TestResyncEarly(t *testing.T) {
	x := NewReader(strings.NewReader(`<r><Block>&x;<!-- </Block> --></Block></r>`), Limits{})
	dump(x)
	if err := x.Resync("Block"); err != nil {
		t.Fatal(err)
	}
	if got := dump(x); got != `</Block>" -->"!syntax` {
		t.Error(got)
	}
}
