package taxii1

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/iochunt/iochunt/collect/taxii"
)

// TestRescue: behind a block that takes what follows it for a part of itself,
// every block comes, once, however far the reader had gone.
func TestRescue(t *testing.T) {
	f := func(bad, later string) {
		t.Helper()
		for _, size := range []int{0, 1 << 10, 63 << 10, 64 << 10, 200 << 10} {
			fill := strings.Repeat("y", size)
			texts := []string{"<first/>", bad + fill, "<a>" + fill + "</a>", "<b/>", later, "<c>" + fill + "</c>", bad, "<last/>"}
			blocks, res, err := polled(t, connect(t, feed(texts...), "1.1", taxii.Login{}), Query{})
			if err != nil || len(blocks) != len(texts) || res.Bad != 2 {
				t.Errorf("%q, %q with %d: %d blocks, %d bad, %v", bad, later, size, len(blocks), res.Bad, err)
				continue
			}
			for i, b := range blocks {
				if isBad := i == 1 || i == 6; b.Content != texts[i] && !isBad || (b.Bad != "") != isBad || !strings.HasPrefix(strings.TrimSpace(b.Content), texts[i]) || !b.Label.Equal(day(i+1)) && !isBad {
					t.Errorf("%q, %q with %d: block %d is %.80q, %s", bad, later, size, i, b.Content, b.Bad)
				}
			}
		}
	}
	f("<!-- never closed ", "<d/>")
	f("<!-- never closed ", "<d><!-- c --></d>") // its end is found here, and is none
	f("<!-- never closed ", "<d> --&gt; --></d>")
	f("<?never closed ", "<d/>")
	f("<?never closed ", "<d><?i j?></d>")
	f("<![CDATA[ never closed ", "<d/>")
	f("<![CDATA[ never closed ", "<d><![CDATA[e]]></d>")
	f("<x a='", "<d/>")
	f("<x a='", "<d e='f'/>")
	f("<x>&y;", "<d/>")
	f("<Content_Block><x>", "<d><Content_Block/></d>")
	f("<Content_Block><!-- ", "<d><Content_Block> <!-- --> </Content_Block></d>")
	f(strings.Repeat("<a>", 70), "<d/>")
}

// TestRescueEndsEarly is the limit that rescue names: the answer is refused, and
// nothing of it is lost unsaid.
func TestRescueEndsEarly(t *testing.T) {
	for _, text := range []string{"<x>&y;<!-- </taxii_11:Content_Block> --></x>", "<!-- </taxii_11:Content_Block> --><x>"} {
		blocks, _, err := polled(t, connect(t, feed("<a/>", text, "<b/>"), "1.1", taxii.Login{}), Query{})
		wantErr(t, err, nil, "XML, line")
		if len(blocks) != 0 {
			t.Errorf("%q: %d blocks of an answer that cannot be read", text, len(blocks))
		}
	}
}

// TestTail: reading a little at first gives the same bytes.
func TestTail(t *testing.T) {
	for _, size := range []int{inMemory / 2, inMemory + 1} {
		text := strings.Repeat("0123456789", size)[:size]
		sp, err := newSpool(strings.NewReader(text), t.TempDir(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, 1, firstRead, sp.size / 2, sp.size - 1, sp.size} {
			if err := iotest.TestReader(sp.tail(at), []byte(text[at:])); err != nil {
				t.Errorf("from %d: %v", at, err)
			}
		}
		first := make([]byte, size)
		if n, err := sp.tail(5).Read(first); n != firstRead || err != nil {
			t.Errorf("the first read took %d bytes, %v", n, err)
		}
		sp.close()
	}
}

// TestBigText: a package that is written as a text may be as big as an answer,
// and what bounds a text in a package bounds it there, too.
func TestBigText(t *testing.T) {
	var pkg strings.Builder
	pkg.WriteString("<p>")
	for i := 0; pkg.Len() < 20<<20; i++ {
		fmt.Fprintf(&pkg, "<i n='%d'>a &amp; b</i>\n", i)
	}
	pkg.WriteString("</p>")
	f := func(form, text, bad string) {
		t.Helper()
		s := feed("<a/>", text, "<b/>")
		s.Collections[0].Blocks[1].Form = form
		peak := watchHeap(t)
		c := dial(t, s, "1.1", taxii.Login{}) // the server's copies are counted, too
		var got []int64
		_, err := c.Poll(t.Context(), c.at(t, "/taxii/poll"), Query{Collection: "c", SpoolDir: t.TempDir()}, func(b *Block) error {
			n, err := io.Copy(io.Discard, b.Content())
			if got = append(got, n); bad != "" && b.Bad != nil && len(got) == 2 {
				if !strings.Contains(b.Bad.Error(), bad) {
					t.Errorf("%s: %v", form, b.Bad)
				}
				return nil
			}
			if b.Bad != nil || len(got) == 2 && bad != "" {
				t.Errorf("%s: block %d: %v, want %q", form, len(got), b.Bad, bad)
			}
			return err
		})
		if err != nil || len(got) != 3 || bad == "" && got[1] != int64(len(text)) {
			t.Errorf("%s: contents of %v bytes, %v", form, got, err)
		}
		if grown := peak(); grown > 400<<20 {
			t.Errorf("%s: the heap grew by %d MiB", form, grown>>20)
		}
	}
	f("escaped", pkg.String(), "")
	f("cdata", pkg.String(), "")
	f("base64", pkg.String(), "")
	f("escaped", "<p>"+strings.Repeat("x", 9<<20)+"</p>", "a run of text is over")
	f("", "<p>"+strings.Repeat("x", 9<<20)+"</p>", "a run of text is over")
	f("", "<p>"+strings.Repeat("x", 5<<20)+"<!-- -->"+strings.Repeat("x", 5<<20)+"</p>", "a run of text is over")
	f("", "<p>"+strings.Repeat("x", 5<<20)+"<q/>"+strings.Repeat("x", 5<<20)+"</p>", "")
	f("cdata", "["+strings.Repeat("1,", 5<<20)+"1]", "")
}
