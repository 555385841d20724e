package match

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// spot is a place where a text stands.
type spot struct{ start, end, text int }

func bySpot(a, b spot) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.text, b.text))
}

func foldText(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = fold[c]
	}
	return string(b)
}

// textSet makes a set that has no more than an automaton. The texts are folded,
// and those that are empty left out.
func textSet(texts []string) *Set {
	s := &Set{}
	var spans []span
	for _, x := range texts {
		if x == "" {
			continue
		}
		spans = append(spans, span{uint32(len(s.arena)), uint32(len(x))})
		s.arena = append(s.arena, foldText(strings.ReplaceAll(x, "\n", " "))...)
	}
	s.ac = buildAutomaton(s.arena, spans)
	return s
}

// spots returns what search yields, in order and once each.
func (s *Set) spots(search func(yield func(uint32, int, int))) (found []spot) {
	search(func(k uint32, start, end int) { found = append(found, spot{start, end, int(k)}) })
	slices.SortFunc(found, bySpot)
	return slices.Compact(found)
}

// everySpot compares the texts with every place. A text's number is its place in
// their order.
func everySpot(texts []string, t []byte) (found []spot) {
	folded := foldText(string(t))
	var list []string
	for _, x := range texts {
		if x != "" {
			list = append(list, foldText(strings.ReplaceAll(x, "\n", " ")))
		}
	}
	slices.Sort(list)
	for k, x := range slices.Compact(list) {
		for i := 0; ; i++ {
			n := strings.Index(folded[i:], x)
			if n < 0 {
				break
			}
			i += n
			found = append(found, spot{i, i + len(x), k})
		}
	}
	slices.SortFunc(found, bySpot)
	return found
}

// sameSpots compares all the ways to search t.
func sameSpots(t *testing.T, s *Set, texts []string, data []byte) {
	t.Helper()
	want := everySpot(texts, data)
	check := func(name string, got []spot) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %d of %d places in %.200q for %.200q: %.300v, want %.300v", name, len(got), len(want), data, texts, got, want)
		}
	}
	find := func(yield func(uint32, int, int)) { s.eachText(data, yield) }
	check("find", s.spots(find))
	fast := gramsFast
	gramsOff(func() { check("portable", s.spots(find)) }, fast)
	check("blocks", s.spots(func(yield func(uint32, int, int)) { portableBlocks(s, data, yield) }))
	check("walk", s.spots(func(yield func(uint32, int, int)) {
		if len(s.ac.labels) > 0 {
			f := finder{automaton: &s.ac, set: s, t: data, yield: yield}
			f.walk(0, len(data))
		}
	}))
}

// portableBlocks searches with markPortable, however dear that is.
func portableBlocks(s *Set, data []byte, yield func(uint32, int, int)) {
	if len(s.ac.labels) == 0 {
		return
	}
	f := finder{automaton: &s.ac, set: s, t: data, yield: yield}
	gramsOff(func() {
		for from := 0; from < len(data); from += findBlock {
			f.left = 1 << 40
			f.block(from, min(from+findBlock, len(data)))
		}
	}, gramsFast)
}

// gramsOff runs f without markFast.
func gramsOff(f func(), fast bool) {
	gramsFast = false
	defer func() { gramsFast = fast }()
	f()
}

func TestEachText(t *testing.T) {
	f := func(data string, texts ...string) {
		t.Helper()
		sameSpots(t, textSet(texts), texts, []byte(data))
	}
	f("")
	f("abc")
	f("", "a")
	f("a", "a")
	f("ab", "b")
	f("xab", "ab")
	f("xabc", "abc")
	f("ushers", "he", "she", "his", "hers")
	f("aaaaaaaa", "a", "aa", "aaa", "aaaa", "aaaaa", "aaaaaa", "aaaaaaa", "aaaaaaaa", "aaaaaaaaa")
	f("C:\\Windows\tTemp C:\\WINDOWS\rTEMP", `c:\windows temp`)
	f("a\tb\rc d)e-f", "a b", "b c", "c d", "a b c d", "a b c d)e-f", "d)e-f")
	f("a\nb a b", "a\nb")
	f("\x00\xff\x00é\x80", "\x00", "\xff\x00", "é")
	f(strings.Repeat("x", 300)+"tail", strings.Repeat("x", 300)+"tail", strings.Repeat("x", 290)+"y", "tail")
}

// manyTexts makes texts out of a few bytes.
func manyTexts(r *rand.Rand, alphabet string, n, longest int) (texts []string) {
	for range n {
		b := make([]byte, 1+r.IntN(longest))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		texts = append(texts, string(b))
	}
	return texts
}

// textAround makes size bytes in which texts, the beginnings of texts, and
// repetitions stand.
func textAround(r *rand.Rand, alphabet string, texts []string, size int) []byte {
	var b []byte
	for len(b) < size {
		x := texts[r.IntN(len(texts))]
		switch r.IntN(6) {
		case 0:
			b = append(b, x...)
		case 1:
			b = append(b, strings.ToUpper(x)...)
		case 2:
			b = append(b, x[:r.IntN(len(x)+1)]...)
		case 3:
			b = append(b, strings.Repeat(x[:1+r.IntN(min(len(x), 4))], r.IntN(20))...)
		case 4:
			b = append(b, strings.Repeat(" .", r.IntN(30))...)
		default:
			b = append(b, manyTexts(r, alphabet, 1, 12)[0]...)
		}
	}
	return b
}

func TestEachTextRandom(t *testing.T) {
	rounds := 300
	if testing.Short() || race {
		rounds = 40
	}
	r := rand.New(rand.NewPCG(21, 22))
	for n := range rounds {
		alphabet := [...]string{"ab", "ab. \t", "abcdefghijklmnopqrstuvwxyz0123456789./\\ ", "aAbB\x00\xff\r-)"}[n%4]
		count := [...]int{1, 3, 30, 300}[r.IntN(4)]
		texts := manyTexts(r, alphabet, count, 1+r.IntN(30))
		s := textSet(texts)
		for range 8 {
			sameSpots(t, s, texts, textAround(r, alphabet, texts, 1+r.IntN(200)))
		}
		sameSpots(t, s, texts, textAround(r, alphabet, texts, findBlock+r.IntN(findBlock)))
	}
}

// TestEachTextLong is for the grams that there are only where many texts are long.
func TestEachTextLong(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789./\\ "
	texts := manyTexts(r, alphabet, 3*fewLong, 40)
	s := textSet(texts)
	if s.ac.kinds[0]>>(len(gramKinds)-1)&1 == 0 {
		t.Fatal("no long grams")
	}
	for range 20 {
		sameSpots(t, s, texts, textAround(r, alphabet, texts, 2000))
	}
}

// TestEachTextEverywhere puts a text of each length at every place.
func TestEachTextEverywhere(t *testing.T) {
	var texts []string
	for n := 1; n < 90; n++ {
		texts = append(texts, "zyxwvutsrqponmlkjihgfedcba0987654321zyxwvutsrqponmlkjihgfedcba0987654321ZYXWVUTSRQPONMLKJIHG"[:n])
	}
	for n, x := range texts {
		s := textSet(texts[n : n+1])
		for at := range 80 {
			for _, behind := range []int{0, 1, 3, 4, 31, 40} {
				sameSpots(t, s, texts[n:n+1], []byte(strings.Repeat(".", at)+x+strings.Repeat(".", behind)))
			}
		}
	}
}

// TestMark compares the two kernels over all pairs of bytes, and by chance.
func TestMark(t *testing.T) {
	if !gramsFast {
		t.Skip("this processor has the portable kernel alone")
	}
	r := rand.New(rand.NewPCG(25, 26))
	filter := make([]byte, 1<<10)
	for i := range filter {
		filter[i] = byte(r.Uint32())
	}
	g := grams{filter: filter}
	text := make([]byte, findBlock+gramSlack)
	both := func(kind gramKind) {
		p := gramPass{&filter[0], g.wordShift(), uint32(kind.mask()), uint32(kind.mask() >> 32), gramLow, gramHigh, gramBits}
		var x, y [marksSize]byte
		markFast(&x[0], &text[0], marksSize, &p)
		markPortable(y[:], text, filter, &p)
		if x != y {
			t.Fatalf("kernels differ for %+v", kind)
		}
	}
	for _, kind := range gramKinds {
		for from := 0; from < 1<<16; from += findBlock / 4 {
			for i := range findBlock / 4 {
				binary.LittleEndian.PutUint32(text[4*i:], uint32(from+i)<<(r.IntN(3)*8)|r.Uint32()&0x2020)
			}
			both(kind)
		}
		for range 100 {
			for i := range text {
				text[i] = byte(r.Uint32())
			}
			both(kind)
		}
	}
}

func TestFoldGram(t *testing.T) {
	for b := range 256 {
		for at := range 8 {
			x := binary.LittleEndian.Uint64([]byte("a\tB\r /-)"))
			x = x&^(255<<(8*at)) | uint64(b)<<(8*at)
			var want [8]byte
			binary.LittleEndian.PutUint64(want[:], x)
			for i, c := range want {
				want[i] = fold[c] | 0x20
			}
			if got := foldGram(x); got != binary.LittleEndian.Uint64(want[:]) {
				t.Fatalf("%016x: %016x, want %x", x, got, want)
			}
		}
	}
}

func TestSortSpans(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	for _, alphabet := range []string{"a", "ab", "abcdefghijklmnop\x00\xff"} {
		for n := range 200 {
			texts := manyTexts(r, alphabet, 1+n*n/20, 1+r.IntN(30))
			var arena []byte
			var spans []span
			var ids []uint32
			for i, x := range texts {
				spans, ids = append(spans, span{uint32(len(arena)), uint32(len(x))}), append(ids, uint32(i))
				arena = append(arena, x...)
			}
			sortSpans(arena, spans, ids)
			order := slices.Clone(ids)
			slices.Sort(order)
			slices.SortStableFunc(order, func(a, b uint32) int { return strings.Compare(texts[a], texts[b]) })
			if !slices.Equal(ids, order) {
				t.Fatalf("%q: %v, want %v", texts, ids, order)
			}
			for i, s := range spans {
				if string(arena[s.off:s.off+s.length]) != texts[ids[i]] {
					t.Fatal("spans and ids part")
				}
			}
		}
	}
}

// FuzzEachText compares the ways to search with one another.
func FuzzEachText(f *testing.F) {
	f.Add("he\nshe\nhis\nhers", []byte("ushers"))
	f.Add("a b\nc:\\windows\\temp\\x.exe\naaaaaaaaaaaaaaaab", []byte("C:\\Windows\\Temp\\X.exe aaaaaaaaaaaaaaaaaaaaaab a\tb"))
	f.Add("ab", bytes.Repeat([]byte("ab"), findBlock))
	f.Fuzz(func(t *testing.T, list string, data []byte) {
		if len(list) > 300 || len(data) > 2*findBlock {
			return
		}
		texts := strings.Split(list, "\n")
		sameSpots(t, textSet(texts), texts, data)
	})
}

// FuzzAutomatonDamage changes a section: a search ends, and if it does not end
// as one it says that the file is damaged.
func FuzzAutomatonDamage(f *testing.F) {
	texts := append(manyTexts(rand.New(rand.NewPCG(29, 30)), "abc./", 60, 30), "c:\\windows\\temp\\x.exe", "he", "she", "hers")
	whole := textSet(texts)
	f.Add(uint8(0), uint32(4), []byte{255, 255, 255, 255}, []byte("ushers"))
	f.Add(uint8(3), uint32(8), []byte{9}, []byte("abababab"))
	f.Fuzz(func(t *testing.T, section uint8, at uint32, change, data []byte) {
		s := &Set{arena: whole.arena, ac: whole.ac.moved(0, 0)}
		parts := s.ac.sections()
		p := *parts[int(section)%len(parts)]
		copy(p[int(at)%len(p):], change)
		defer func() {
			if r := recover(); r != nil && r != any(astray) {
				panic(r)
			}
		}()
		s.eachText(data, func(uint32, int, int) {})
		w := finder{automaton: &s.ac, set: s, t: data, yield: func(uint32, int, int) {}}
		w.walk(0, len(data))
	})
}
