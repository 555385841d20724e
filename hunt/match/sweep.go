package match

import (
	"encoding/binary"
	"math/bits"
)

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
	hashes   [maxEnds]uint64
	ends     [maxEnds]end // of the token of a hash

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
	for pos := 0; pos < len(t); pos += spanSize {
		buf, off := c.padded(t, pos)
		blocks := spanBlocks
		if len(t)-pos <= spanSize {
			blocks = (len(t)-pos)/blockSize + 1
		}
		c.notice(t, pos, buf, off, c.front(buf[off:], blocks))
		c.maps[0] = c.maps[blocks]
	}
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

// notice notes the places of one span: t[pos:], which lies at buf[off:].
func (c *scanner) notice(t []byte, pos int, buf []byte, off int, counts counts) {
	s, blocks := c.set, counts.blocks
	n := 0
	if s.has(hasDigests) {
		n = c.hashDigests(buf, off, counts.hexes, n)
	}
	digests := n
	if s.has(hasAddrs) {
		n = c.hashNumbers(t, pos, buf, off, counts.numbers, n)
	}
	if c.digitNames {
		c.namesInNumbers(pos, counts.numbers)
	}
	numbers := n
	if s.has(hasNames | hasMail) {
		n = c.hashNames(t, pos, buf, off, counts.names, n)
	} else if s.has(hasAddrs) {
		c.addressesInNames(t, pos, counts.names)
	}
	c.probe(t, pos, digests, numbers, n)
	for _, p := range c.starts[:counts.pairs] {
		c.pair(t, pos+int(p))
	}
	if counts.odd {
		c.oddities(t, pos, blocks)
	}
	if s.has(hasAddrs | hasMACs | hasCerts) {
		c.colonRuns(t, pos, counts.colons)
	}
	if counts.doubles && s.has(hasAddrs|hasNames|hasMail) {
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

// hashDigests hashes the runs of hex digits that have the length of a listed
// digest and are no part of a word.
func (c *scanner) hashDigests(buf []byte, off, count, n int) int {
	for _, e := range c.hexes[:count] {
		end := off + int(e)
		length := c.hexLength(buf, off, int(e))
		if !hasLength(&c.set.digests, length) || class[buf[end]]&alnum != 0 ||
			end-length > 0 && length < blockSize && class[buf[end-length-1]]&alnum != 0 {
			continue
		}
		c.hashes[n] = tailHash(buf[:end], tailSize)
		c.ends[n] = endAt(int(e), 0)
		n++
	}
	return n
}

// hexLength returns how many hex digits end at e of the span.
func (c *scanner) hexLength(buf []byte, off, e int) int {
	n := 0
	for i, s := e/blockSize+1, uint(e%blockSize); i > 0; i-- {
		k := bits.LeadingZeros64(^joined(c.maps[i][bitHex], c.maps[i-1][bitHex], s))
		if n += k; k < 64 {
			return n
		}
	}
	return n
}

// joined returns the 64 bits that end before bit s of q, p being the word before q.
func joined(q, p uint64, s uint) uint64 { return q<<1<<((63-s)&63) | p>>(s&63) }

// token is what the bitmaps say of the bytes before a place, the last in the top bit.
type token struct{ run, dot, digit, dash uint64 }

func (c *scanner) tokenAt(e int) (w token, length int) {
	i, s := e/blockSize, uint(e%blockSize)
	q, p := &c.maps[i+1], &c.maps[i]
	w = token{
		joined(q[bitRun], p[bitRun], s), joined(q[bitDot], p[bitDot], s),
		joined(q[bitDigit], p[bitDigit], s), joined(q[bitDash], p[bitDash], s),
	}
	return w, bits.LeadingZeros64(^w.run)
}

// top returns the mask of the n upper bits.
func top(n int) uint64 { return ^(^uint64(0) >> (uint(n) & 127)) }

// hashNumbers hashes the tokens that end in a digit and may be an address.
func (c *scanner) hashNumbers(t []byte, pos int, buf []byte, off, count, n int) int {
	for _, e := range c.numbers[:count] {
		i, s := int(e)/blockSize, uint(e)%blockSize
		q, p := &c.maps[i+1], &c.maps[i]
		run := joined(q[bitRun], p[bitRun], s)
		length := bits.LeadingZeros64(^run)
		dot := joined(q[bitDot], p[bitDot], s) & top(length)
		number := joined(q[bitDigit], p[bitDigit], s) | dot
		if bits.LeadingZeros64(^number) < length || length > maxGateIP {
			n = c.oddNumber(t, pos, buf, off, int(e), n)
			continue
		}
		if bits.OnesCount64(dot) == 4 {
			n = c.numberWithPort(buf, off, int(e), length, dot, n)
		}
		c.hashes[n] = tailHash(buf[:off+int(e)], length&15)
		c.ends[n] = endAt(int(e), length)
		if length >= minGateIP && bits.OnesCount64(dot) == 3 {
			n++
		}
	}
	return n
}

// namesInNumbers leaves tokens that end in a digit to the judge. It is needed
// where a listed name ends so, which no name in the public DNS does.
func (c *scanner) namesInNumbers(pos, count int) {
	for _, e := range c.numbers[:count] {
		c.place(pos + int(e) - 1)
	}
}

// numberWithPort hashes the address of which tcpdump writes the port behind a dot.
func (c *scanner) numberWithPort(buf []byte, off, e, length int, dot uint64, n int) int {
	port := bits.LeadingZeros64(dot) + 1
	if length-port < minGateIP || length-port > maxGateIP {
		return n
	}
	c.hashes[n] = tailHash(buf[:off+e-port], length-port)
	c.ends[n] = endAt(e-port, length-port)
	return n + 1
}

// oddNumber deals with tokens that end in a digit but are not just a number of
// an address' length.
func (c *scanner) oddNumber(t []byte, pos int, buf []byte, off, e, n int) int {
	w, length := c.tokenAt(e)
	if c.dashedAddress(t, pos, e, w, length) {
		return n
	}
	number := min(bits.LeadingZeros64(^(w.digit | w.dot)), length)
	dots := bits.OnesCount64(w.dot & top(number))
	if number < length && w.dash>>(63-uint(number))&1 == 0 {
		return n // a word goes before it
	}
	if dots == 4 {
		return c.numberWithPort(buf, off, e, number, w.dot&top(number), n)
	}
	if dots == 3 && number >= minGateIP && number <= maxGateIP {
		c.hashes[n] = tailHash(buf[:off+e], number)
		c.ends[n] = endAt(e, number)
		n++
	}
	return n
}

// dashedAddress leaves a token to the judge that may hold an address before a
// hyphen: three dots, and a digit or the last dot just before it. A token too long
// to be seen whole is looked at byte by byte.
func (c *scanner) dashedAddress(t []byte, pos, e int, w token, length int) bool {
	if length < blockSize {
		dash := w.dash & ((w.digit | w.dot) << 1) & top(length)
		if dash == 0 || bits.OnesCount64(w.dot&top(length)&^top(bits.LeadingZeros64(dash))) < 3 {
			return false
		}
	} else if !longDashed(t[:min(pos+e, len(t))]) {
		return false
	}
	c.place(pos + e - 1)
	return true
}

// longDashed reports whether the token that ends t may hold an address before a
// hyphen.
func longDashed(t []byte) bool {
	i := len(t) - 1
	for i >= 0 && class[t[i]]&run != 0 && t[i] != '-' {
		i--
	}
	dots := 0
	for ; i >= 0 && class[t[i]]&run != 0; i-- {
		if t[i] == '.' {
			if dots++; dots == 3 {
				return true
			}
		}
	}
	return false
}

// addressesInNames looks for addresses in tokens that end in no digit, where no
// names are listed.
func (c *scanner) addressesInNames(t []byte, pos, count int) {
	for _, e := range c.names[:count] {
		w, length := c.tokenAt(int(e))
		if w.dot>>63 != 0 && mayHoldAddress(w.dot&top(length), length) {
			c.place(pos + int(e) - 1)
			continue
		}
		c.dashedAddress(t, pos, int(e), w, length)
	}
}

// mayHoldAddress reports whether a token has as many dots as an address must.
func mayHoldAddress(dot uint64, length int) bool {
	return bits.OnesCount64(dot) >= 3 || length == blockSize
}

// hashNames hashes the last two labels of the tokens that end in no digit, where
// the last one is that of something listed.
func (c *scanner) hashNames(t []byte, pos int, buf []byte, off, count, n int) int {
	addrs := c.set.has(hasAddrs)
	tlds := c.tlds
	for _, e := range c.names[:count] {
		i, s := int(e)/blockSize, uint(e)%blockSize
		q, p := &c.maps[i+1], &c.maps[i]
		length := bits.LeadingZeros64(^joined(q[bitRun], p[bitRun], s))
		dot := joined(q[bitDot], p[bitDot], s) & top(length)
		end := off + int(e)
		if addrs && mayHoldAddress(dot, length) && (length == blockSize || joined(q[bitDash], p[bitDash], s)&top(length) != 0) {
			if w, _ := c.tokenAt(int(e)); c.dashedAddress(t, pos, int(e), w, length) {
				continue
			}
		}
		if dot>>63 != 0 {
			k := bits.LeadingZeros64(^dot) // the dots that end a sentence
			before := dot
			dot, length, end = dot<<uint(k), length-k, end-k
			if class[buf[end-1]]&digit != 0 && (c.digitNames || addrs && mayHoldAddress(before, length+k)) || length+k == blockSize && length < deepSize {
				c.place(pos + int(e) - 1) // its labels are out of sight
			}
			if dot == 0 {
				continue
			}
		}
		last := bits.LeadingZeros64(dot)
		bit := (binary.LittleEndian.Uint64(buf[end-8:]) | foldBits) & lowMask[min(last, 8)] * mix1 >> 52
		dot &^= 1 << (63 - uint(last))
		dot |= 1 << (63 - uint(length))
		c.hashes[n] = tailHash(buf[:end], min(bits.LeadingZeros64(dot), tailSize))
		c.ends[n] = endAt(end-off, length)
		n += int(tlds[bit/8] >> (bit % 8) & 1)
	}
	return n
}

// probe holds all hashes against the gate.
func (c *scanner) probe(t []byte, pos, digests, numbers, n int) {
	first, shift := c.first, c.firstShift&63
	for j, h := range c.hashes[:n] {
		m := filterMask(h)
		if binary.LittleEndian.Uint64(first[8*(h>>shift):])&m != m {
			continue
		}
		end := pos + c.ends[j].place()
		if j < numbers || c.mayBeName(t, end) {
			c.place(end - 1)
		}
	}
	if c.set.has(hasNets) {
		for _, e := range c.ends[digests:numbers] {
			end := pos + e.place()
			if a, _, ok := quad(t, end-e.length()); ok && c.set.touched(&a) {
				c.place(end - 1)
			}
		}
	}
}
