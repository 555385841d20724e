package match

import "math/bits"

// The sweep goes over a text once and notes the places that are worth a judge's
// time: tokens that pass the gate, and what it cannot tell for itself. It never
// passes over what is listed; that it stops a little too often costs time alone.
//
// It works on spans of 4 KiB, so that what it notes of one stays in the nearest
// cache, and in stages, each a plain loop over all of the span:
//
//	classify    64 bytes to 8 words of bits (kernel.go)
//	ends        where tokens with a dot end, runs of hex digits, colons; all by arithmetic on words
//	hashes      of each token, by what it ends in: a digest, a number, a letter
//	probe       the gate, for all hashes one after the other, so that the waits for memory overlap
//	oddities    what may begin a disguise, bytes beyond ASCII, colons
const (
	spanBlocks = 64
	spanSize   = spanBlocks * blockSize
	maxEnds    = (spanBlocks + 2) * blockSize
)

// sweeper is what the sweep notes of a span, and of a text.
type sweeper struct {
	gates
	kernel
	maps [spanBlocks + 2]bitmap // of a span, behind that of the block before it
	edge [lead + spanSize + 4*blockSize]byte

	// Places in the span, by stage.
	names    [maxEnds]uint16 // ends of tokens that hold a dot and end in no digit
	numbers  [maxEnds]uint16 // that hold three and end in a digit
	hexes    [maxEnds]uint16
	starts   [maxEnds]uint16        // bits of bitPair
	colonsIn [spanBlocks + 2]uint16 // blocks with many colons, or two beside each other
	odds     [maxEnds]uint16        // tokens that a loop leaves to its slower twin
	hashes   [maxEnds]uint64
	passed   [maxEnds]uint16 // hashes that the gate lets through
	ends     [maxEnds]end    // of the token of a hash

	// The span that is swept: in[pos:], which lies at buf[off:].
	in       []byte
	pos, off int
	buf      []byte

	// Places in the text.
	places []int // for the judge
	hidden []hiddenLine
	parted []int // what is to undo where tokens are parted anyway; see parts
	pairTo int   // a disguise goes on to there
	zeros  bool  // there is a zero byte
	inSide bool  // the text has been undone
	oddTo  int   // bytes beyond ASCII before it have been dealt with
	runsTo int   // colons before it have been dealt with

	carry       carries
	allAside    bool   // whatever is to undo has to be, before the sweep
	allNumbers  uint64 // all ones: numbers with fewer dots than three count too
	hexSeeds    uint64 // where a run of hex digits is taken notice of
	lane16      bool   // runs are told by 16 digits, not by 8
	colonsLeast int    // as many colons in two blocks are looked at
}

// end is where a token ends, in a span, and its length. The place may be before the
// span, as what is cut off the end of a token may reach back that far.
type end uint32

func endAt(place, length int) end { return end(place+lead) | end(length)<<16 }
func (e end) place() int          { return int(e&0xffff) - lead }
func (e end) length() int         { return int(e >> 16) }

// carries go from one block to the next: of the three additions of dots, and of that
// of hex digits.
type carries struct {
	dots [3]uint64
	hex  uint64
}

// hiddenLine is a line that has to be undone before the sweep can tell anything of
// it.
type hiddenLine struct{ from, to int }

// sweep fills c.places and c.hidden from t.
func (c *scanner) sweep(t []byte) {
	c.places, c.hidden, c.parted, c.zeros = c.places[:0], c.hidden[:0], c.parted[:0], false
	c.maps[0], c.carry = bitmap{}, carries{}
	c.oddTo, c.runsTo, c.pairTo = 0, 0, 0
	c.prepare()
	c.in = t
	for pos := 0; pos < len(t); pos += spanSize {
		c.buf, c.off = c.padded(t, pos)
		c.pos = pos
		blocks := spanBlocks
		if len(t)-pos <= spanSize {
			blocks = (len(t)-pos)/blockSize + 1
		}
		c.notice(c.front(c.buf[c.off:], blocks))
		c.maps[0] = c.maps[blocks]
	}
	c.in, c.buf = nil, nil
}

// prepare takes from the set what the loops need at hand.
func (c *scanner) prepare() {
	c.hexSeeds, c.lane16 = 0x0001000100010001, true // 31 digits hold 16 that begin at a multiple of 16
	if c.set.shortDigests() {
		c.hexSeeds, c.lane16 = 0x0101010101010101, false
	}
	c.allNumbers = 0
	if c.digitNames {
		c.allNumbers = ^c.allNumbers
	}
	c.allAside = c.set.has(hasPaths|hasBareHost) || c.set.hasTexts()
	c.colonsLeast = 6
	if c.set.has(hasMACs | hasCerts) {
		c.colonsLeast = 5
	}
}

// shortDigests reports whether a digest of fewer than 31 digits is listed.
func (s *Set) shortDigests() bool { return s.digests[0]&(1<<31-1) != 0 }

// lead is what must lie before a span: a token is seen up to a block back, and
// hashed from there.
const lead = 2 * blockSize

// padded returns a buffer in which t[pos:] lies at off, has lead bytes before it,
// and behind the span as much as the kernel and the last token need. Inside of t
// that is t itself.
func (c *scanner) padded(t []byte, pos int) (buf []byte, off int) {
	if pos >= lead && len(t)-pos >= spanSize+2*blockSize {
		return t, pos
	}
	before := t[max(pos-lead, 0):pos]
	pad(c.edge[:lead-len(before)])
	copy(c.edge[lead-len(before):], before)
	behind := c.edge[lead:]
	n := copy(behind, t[pos:min(len(t), pos+spanSize+blockSize)])
	pad(behind[n:min(len(behind), n+3*blockSize)])
	return c.edge[:], lead
}

func pad(b []byte) {
	for i := range b {
		b[i] = '\n'
	}
}

// front does the first two stages, one after the other or, where the kernel can, as one.
func (c *scanner) front(src []byte, blocks int) counts {
	if c.both != nil {
		return c.both(c, src, blocks)
	}
	c.classify(c.maps[1:blocks+1], src)
	return c.findEnds(blocks)
}

// notice notes the places of a span.
func (c *scanner) notice(n counts) {
	s, t, pos, blocks := c.set, c.in, c.pos, n.blocks
	digests := 0
	if s.has(hasDigests) {
		digests = c.hashDigests(n.hexes)
	}
	numbers := digests
	if s.has(hasAddrs) {
		numbers = c.hashNumbers(n.numbers, numbers)
	}
	if c.digitNames {
		c.namesInNumbers(n.numbers)
	}
	all := numbers
	if s.has(hasNames | hasMail) {
		all = c.hashNames(n.names, all)
		if s.has(hasTops) {
			c.allNames(n.names)
		}
	} else if s.has(hasAddrs) {
		c.addressesInNames(n.names)
	}
	c.probe(digests, numbers, all)
	for _, p := range c.starts[:n.pairs] {
		c.pair(t, pos+int(p))
	}
	if n.odd {
		c.oddities(t, pos, blocks)
	}
	if s.has(hasAddrs | hasMACs | hasCerts) {
		c.colonRuns(t, pos, n.colons)
	}
	if n.doubles && s.has(hasAddrs|hasNames|hasMail) {
		c.doubleDots(t, pos, blocks)
	}
	if s.has(hasMACs) {
		c.macs(t, pos, blocks)
	}
}

// counts says how much findEnds has found, and whether there is work for the
// rarer stages.
type counts struct {
	blocks                               int
	names, numbers, hexes, pairs, colons int
	odd, doubles                         bool
}

// findEnds goes over the bitmaps of a span.
//
// A token with a dot ends where the carry of an addition comes out: adding the
// dots to the bits of the token carries from the first dot to the end, and the
// carry falls on the byte behind. Tokens without a dot are never met. What the sum
// leaves of the dots are those that are not the first of their token, so that the
// third such addition meets tokens with three dots alone: no other number is an
// address. In the same way runs of hex digits end where the carry of an addition
// comes out that is fed with their whole lanes of 8 or 16 digits.
func (c *scanner) findEnds(blocks int) (n counts) {
	n.blocks = blocks
	carry := c.carry
	var odd, doubles uint64
	maps := c.maps[:blocks+1]
	for i := 1; i < len(maps); i++ {
		q, p := &maps[i], &maps[i-1]
		base := uint16((i - 1) * blockSize)
		run, dot, hex := q[bitRun], q[bitDot], q[bitHex]

		var sum uint64
		sum, carry.dots[0] = bits.Add64(run, dot, carry.dots[0])
		ends, more := sum&^run, sum&dot // more: dots that are not the first of their token
		sum, carry.dots[1] = bits.Add64(run, more, carry.dots[1])
		more &= sum
		sum, carry.dots[2] = bits.Add64(run, more, carry.dots[2])
		afterDigit := q[bitDigit]<<1 | p[bitDigit]>>63
		n.names = flatten(&c.names, n.names, ends&^afterDigit, base)
		n.numbers = flatten(&c.numbers, n.numbers, (sum&^run|ends&c.allNumbers)&afterDigit, base)

		if y := lanes(hex, c.lane16) & c.hexSeeds; y|carry.hex != 0 {
			sum, carry.hex = bits.Add64(hex, y, carry.hex)
			n.hexes = flatten(&c.hexes, n.hexes, sum&^hex, base)
		}
		if x := q[bitPair]; x != 0 {
			n.pairs = flatten(&c.starts, n.pairs, x, base)
		}
		odd |= q[bitOdd]
		doubles |= dot & (dot<<1 | p[bitDot]>>63)
		if c.manyColons(q, p) {
			c.colonsIn[n.colons] = uint16(i)
			n.colons++
		}
	}
	c.carry = carry
	n.odd, n.doubles = odd != 0, doubles != 0
	return n
}

// manyColons reports whether a block has two colons beside each other, or with the
// one before as many as are looked at that stand behind a hex digit.
func (c *scanner) manyColons(q, p *bitmap) bool {
	colon, before := q[bitColon], p[bitColon]
	behind := colon & (q[bitHex]<<1 | p[bitHex]>>63)
	return colon&(colon<<1|before>>63) != 0 || ones(behind, before&(p[bitHex]<<1|1)) >= c.colonsLeast
}

// lanes returns ones where a run of 16 hex digits begins, or of 8.
func lanes(hex uint64, of16 bool) uint64 {
	hex &= hex >> 1
	hex &= hex >> 2
	hex &= hex >> 4
	if of16 {
		hex &= hex >> 8
	}
	return hex
}

// flatten appends the places of the ones of x. Up to three are written whether
// there are that many or not, which spares a branch that cannot be foretold.
func flatten(to *[maxEnds]uint16, n int, x uint64, base uint16) int {
	k := bits.OnesCount64(x)
	w := to[n : n+4 : n+4]
	w[0] = base + uint16(bits.TrailingZeros64(x))
	x &= x - 1
	w[1] = base + uint16(bits.TrailingZeros64(x))
	x &= x - 1
	w[2] = base + uint16(bits.TrailingZeros64(x))
	for x &= x - 1; x != 0; x &= x - 1 {
		to[n+3] = base + uint16(bits.TrailingZeros64(x))
		n++
		k--
	}
	return n + k
}
