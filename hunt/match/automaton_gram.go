package match

import "encoding/binary"

// A text of eleven bytes or more holds, wherever it begins, eight whole bytes whose
// place is a multiple of four. So only every fourth place of a log has to be
// looked at, if for each of the four ways in which a text can lie one such piece
// of it, a gram, is known. Of those that come into question the rarest is
// taken (automaton_rare.go). Shorter texts have shorter grams, or such as lie at
// any even or any place at all.
//
// A place costs two or three multiplications and a look at one word of a filter.
// What passes is looked up in a bucket, whose entries say which text it is a part
// of, and where in it.

// gramKind is a way to cut texts into grams. The width tells grams of different
// kinds apart, for no byte of a gram is zero.
type gramKind struct {
	width, stride int
	min           uint32 // length of the texts; the next kind has the longer eachByte
}

// gramKinds are ordered by length. The last is left out while there are few texts
// that long, for each kind is one more pass over the text.
var gramKinds = [...]gramKind{{1, 1, 1}, {2, 1, 2}, {3, 1, 3}, {3, 2, 4}, {4, 4, 7}, {8, 4, 11}}

const fewLong = 500

// kindOf returns the kind of a text's grams among the first n.
func kindOf(length uint32, n int) int {
	k := n - 1
	for gramKinds[k].min > length {
		k--
	}
	return k
}

// mask covers the bytes of a gram.
func (k gramKind) mask() uint64 { return 1<<(8*k.width-1)<<1 - 1 }

// grams finds the places where a text may stand.
type grams struct {
	kinds   []byte // a bit for each of gramKinds that is there
	filter  []byte // uint32 words: two bits of one for each gram that is listed
	heads   []byte // uint32 by bucket, and one more: where its entries begin
	entries []byte // uint64 by bucket: see gramEntry
}

// gramEntry is the gram of a text at off: 32 bits the number of the text, 8 off,
// 24 of the gram's hash.
type gramEntry uint64

func (e gramEntry) text() uint32  { return uint32(e) }
func (e gramEntry) off() int      { return int(e >> 32 & 255) }
func (e gramEntry) check() uint64 { return uint64(e >> 40) }

// maxGramOff is the last place of a text at which a gram of it may begin.
const maxGramOff = 255

// fits checks the sizes of the sections against each other.
func (g *grams) fits() bool {
	words, buckets := len(g.filter)/4, len(g.heads)/4-1
	return len(g.kinds) == 1 && len(g.filter) == 4*words && words >= 2 && isPow2(words) && words <= 1<<31 &&
		len(g.heads) == 4*(buckets+1) && buckets >= 2 && isPow2(buckets) && len(g.entries)&7 == 0
}

func isPow2(n int) bool { return n > 0 && n&(n-1) == 0 }

// The numbers that grams are multiplied by.
const (
	gramLow  = 0x9E3779B1 // the first four bytes
	gramHigh = 0x85EBCA77 // the others
	gramBits = 0xC2B2AE3D // their sum, for the bits in a word
)

// gramHash returns the word of the filter that a gram has, before it is shifted,
// and the two bits that it has there.
func gramHash(g uint64) (word, bits uint32) {
	h := uint32(g)*gramLow + uint32(g>>32)*gramHigh
	b := h * gramBits
	return h, 1<<(b>>27) | 1<<(b>>22&31)
}

// wordShift returns the shift that makes the number of a word of what gramHash returns.
func (g *grams) wordShift() uint32 { return uint32(shiftFor(len(g.filter)/4)) - 32 }

// bucketOf returns the bucket of a gram and the bits that its entries are
// told by in it.
func bucketOf(g uint64, shift uint) (bucket int, check uint64) {
	h := g * seed
	h ^= h >> 32
	h *= prime
	return int(h >> shift), h & (1<<24 - 1)
}

const (
	eachByte = 0x0101010101010101
	eachHigh = 0x80 * eachByte
)

// foldGram makes of eight bytes of a log what a gram has of them: letters small,
// and the blanks inside a line alike. What else it changes costs at most a closer
// look.
func foldGram(x uint64) uint64 {
	if (x-0x10*eachByte)&^x&eachHigh != 0 { // a control character
		blank := equalBytes(x, '\t') | equalBytes(x, '\r')
		return (x | ' '*eachByte) &^ (blank >> 7 * '\r')
	}
	return x | ' '*eachByte
}

// equalBytes sets the highest bit of each byte of x that is b.
func equalBytes(x uint64, b byte) uint64 {
	x ^= uint64(b) * eachByte
	return ^((x&^eachHigh + ^uint64(eachHigh)) | x) & eachHigh
}

// gramAt returns the gram of a kind at t[i:], which is that long.
func (k gramKind) gramAt(t []byte, i int) uint64 {
	if i+8 <= len(t) {
		return foldGram(binary.LittleEndian.Uint64(t[i:])) & k.mask()
	}
	var b [8]byte
	copy(b[:], t[i:])
	return foldGram(binary.LittleEndian.Uint64(b[:])) & k.mask()
}

// buildGrams chooses the grams of texts.
func buildGrams(arena []byte, texts []span) grams {
	c := chooser{arena: arena, n: len(gramKinds)}
	long := 0
	for _, s := range texts {
		if s.length >= gramKinds[len(gramKinds)-1].min {
			long++
		}
	}
	if long <= fewLong {
		c.n--
	}
	c.count(texts)
	c.picked = make([]pick, 0, 4*len(texts))
	for k, s := range texts {
		c.choose(uint32(k), s)
	}
	return c.layOut()
}

// gramFilterBits is the size of the filter a gram: about one place in 100 passes
// that has no gram.
const gramFilterBits = 16

// layOut makes filter and buckets of what was picked.
func (c *chooser) layOut() (g grams) {
	n := len(c.picked)
	g.kinds = []byte{c.kinds}
	g.filter = make([]byte, 4*max(512, pow2(n*gramFilterBits/32)))
	buckets := pow2(max(2, n))
	g.heads, g.entries = make([]byte, 4*(buckets+1)), make([]byte, 8*n)
	words, shift := g.wordShift(), shiftFor(buckets)
	counts := make([]uint32, buckets+1)
	for _, p := range c.picked {
		h, bits := gramHash(p.gram)
		w := g.filter[4*int(h>>words):]
		binary.LittleEndian.PutUint32(w, binary.LittleEndian.Uint32(w)|bits)
		b, _ := bucketOf(p.gram, shift)
		counts[b+1]++
	}
	for b := range buckets {
		counts[b+1] += counts[b]
		binary.LittleEndian.PutUint32(g.heads[4*b+4:], counts[b+1])
	}
	for _, p := range c.picked {
		b, check := bucketOf(p.gram, shift)
		binary.LittleEndian.PutUint64(g.entries[8*int(counts[b]):], uint64(p.entry)|check<<40)
		counts[b]++
	}
	return g
}
