package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// placesIn returns what the sweep notes of a text.
func placesIn(t testing.TB, s *Set, text string) []int {
	t.Helper()
	c := new(scanner)
	c.set, c.gates, c.kernel = s, s.gates, bestKernel
	c.whole([]byte(text), 0)
	c.sweep([]byte(text))
	return c.places
}

// Many names under one parent must not have every other name under it judged.
func TestGateParents(t *testing.T) {
	var listed []ioc.Observable
	for _, parent := range []string{"github.io", "co.uk", "amazonaws.com", "s3.eu-west-1.amazonaws.com"} {
		for i := range 2000 {
			listed = append(listed, ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("evil%d.%s", i, parent)})
		}
	}
	var text strings.Builder
	names := 0
	for i := range 20_000 {
		fmt.Fprintf(&text, "user%d.github.io shop%d.co.uk www.shop%d.co.uk b%d.s3.amazonaws.com ", i, i, i, i)
		names += 4
	}
	s := compiled(t, listed...)
	if n := len(placesIn(t, s, text.String())); n > names/50 {
		t.Errorf("%d of %d names are judged, of which none is listed", n, names)
	}
	open := compiled(t, append(listed, ioc.Observable{Type: ioc.Domain, Value: "co.uk"})...)
	if n := len(placesIn(t, open, text.String())); n < names/2 {
		t.Errorf("co.uk is listed: %d of %d names are judged", n, names)
	}
}

func compiled(t testing.TB, list ...ioc.Observable) *Set {
	t.Helper()
	s, err := Compile(slices.Values(list))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEnds holds the arithmetic of findEnds to what it stands for, read off the text
// byte by byte.
func TestEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, alphabet := range []string{"a.1 ", "1. ", "a-._ 1", "ab.:1 \n"} {
		for range 300 {
			text := make([]byte, spanSize-1)
			for i := range text {
				text[i] = alphabet[r.IntN(len(alphabet))]
			}
			var names, numbers []uint16
			for i := 0; i < len(text); i++ {
				from := i
				for i < len(text) && class[text[i]]&run != 0 {
					i++
				}
				switch dots := strings.Count(string(text[from:i]), "."); {
				case dots > 0 && class[text[i-1]]&digit == 0:
					names = append(names, uint16(i))
				case dots >= 3:
					numbers = append(numbers, uint16(i))
				}
			}
			c := new(scanner)
			c.kernel, c.hexSeeds, c.lane16, c.colonsLeast = portable, 0x0001000100010001, true, 6
			n := c.front(append(text, "\n\n"...), spanBlocks)
			if got := c.names[:n.names]; !slices.Equal(got, names) {
				t.Fatalf("names end at %v, want %v, in %q", got, names, text)
			}
			if got := c.numbers[:n.numbers]; !slices.Equal(got, numbers) {
				t.Fatalf("numbers end at %v, want %v, in %q", got, numbers, text)
			}
		}
	}
}

// BenchmarkStages runs the stages of a search one by one, over the same text.
func BenchmarkStages(b *testing.B) {
	s := compiled(b, generated(100_000)...)
	text := logText(1 << 20)
	c := new(scanner)
	c.set, c.gates, c.kernel = s, s.gates, bestKernel
	src, blocks := text[:spanSize+blockSize], spanBlocks
	spans := func(stage func()) func(b *testing.B) {
		return func(b *testing.B) {
			b.SetBytes(spanSize)
			for b.Loop() {
				stage()
			}
		}
	}
	c.prepare()
	b.Run("classify", spans(func() { c.classify(c.maps[1:blocks+1], src) }))
	b.Run("ends", spans(func() { c.findEnds(blocks) }))
	b.Run("front", spans(func() { c.front(src, blocks) }))
	n := c.front(src, blocks)
	c.in, c.buf, c.off = src, slices.Concat(make([]byte, lead), src), lead
	b.Run("hash", spans(func() { c.hashNames(n.names, c.hashNumbers(n.numbers, c.hashDigests(n.hexes))) }))
	all := c.hashNames(n.names, c.hashNumbers(n.numbers, c.hashDigests(n.hexes)))
	b.Run("probe", spans(func() {
		c.places = c.places[:0]
		c.probe(0, all, all)
	}))
	whole := func(name string, do func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
	whole("sweep", func() { c.sweep(text) })
	whole("judge", func() { c.whole(text, 0); c.out = c.out[:0]; c.judge(text) })
	whole("undo", func() { c.whole(text, 0); c.undo(text) })
	var ms []Match
	whole("append", func() { ms = s.Append(ms[:0], text) })
}

// What neverASCII says, asked of every letter.
func TestNeverASCII(t *testing.T) {
	for r := rune(0x80); r < 0xd800; r++ {
		if !neverASCII(r) || !unicode.IsLetter(r) {
			continue
		}
		if name, err := canon.Domain("a" + string(r) + ".example"); err == nil && !strings.HasPrefix(name, "xn--") {
			t.Errorf("%q makes %s", r, name)
		}
	}
}
