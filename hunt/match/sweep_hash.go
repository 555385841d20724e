package match

import (
	"encoding/binary"
	"math/bits"
)

// The loops of the sweep that hash tokens and hold the hashes against the gate.
// They run over all tokens of a span without a call and almost without a branch;
// what does not fit is put on a list, and a slower twin goes over that.

// hashDigests hashes the runs of hex digits that have the length of a listed
// digest and are no part of a word. It returns how many.
func (c *scanner) hashDigests(count int) (n int) {
	buf := c.buf
	for _, e := range c.hexes[:count] {
		end := c.off + int(e)
		length := c.hexLength(int(e))
		if !hasLength(&c.set.digests, length) || class[buf[end]]&alnum != 0 ||
			length < blockSize && class[buf[end-length-1]]&alnum != 0 {
			continue
		}
		c.hashes[n] = tailHash(buf[:end], tailSize)
		c.ends[n] = endAt(int(e), 0)
		n++
	}
	return n
}

// hexLength returns how many hex digits end at e of the span, as far as the span
// and the block before it show.
func (c *scanner) hexLength(e int) (n int) {
	for i, s := e/blockSize+1, uint(e%blockSize); i > 0; i-- {
		k := bits.LeadingZeros64(^joined(c.maps[i][bitHex], c.maps[i-1][bitHex], s))
		if n += k; k < blockSize {
			return n
		}
	}
	return n
}

// joined returns the 64 bits that end before bit s of q, p being the word before q:
// the byte before is the top bit.
func joined(q, p uint64, s uint) uint64 { return q<<1<<((63-s)&63) | p>>(s&63) }

// upper holds the masks of the n upper bits.
var upper = func() (m [128]uint64) {
	for n := range m {
		m[n] = ^(^uint64(0) >> min(n, 64))
	}
	return m
}()

// token is what the bitmaps say of the bytes before a place, the last in the top bit.
type token struct{ run, dot, digit, dash uint64 }

func (c *scanner) tokenAt(e int) (w token, length int) {
	q, p, s := &c.maps[e/blockSize+1], &c.maps[e/blockSize], uint(e%blockSize)
	w = token{
		joined(q[bitRun], p[bitRun], s), joined(q[bitDot], p[bitDot], s),
		joined(q[bitDigit], p[bitDigit], s), joined(q[bitDash], p[bitDash], s),
	}
	length = bits.LeadingZeros64(^w.run)
	w.dot &= upper[length]
	return w, length
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hashNumbers hashes the tokens with three dots or more that end in a digit, where
// they have the shape of an address.
func (c *scanner) hashNumbers(count, n int) int {
	maps, buf, off, odd := &c.maps, c.buf, c.off, 0
	for _, e := range c.numbers[:count] {
		q, p, s := &maps[e/blockSize+1], &maps[e/blockSize], uint(e%blockSize)
		length := bits.LeadingZeros64(^joined(q[bitRun], p[bitRun], s))
		dot := joined(q[bitDot], p[bitDot], s) & upper[length&127]
		number := bits.LeadingZeros64(^(joined(q[bitDigit], p[bitDigit], s) | dot))
		c.hashes[n] = tailHash(buf[:off+int(e)], length)
		c.ends[n] = endAt(int(e), length)
		c.odds[odd] = e
		fits := one(number >= length) & one(bits.OnesCount64(dot) == 3) & one(uint(length-minGateIP) <= uint(maxGateIP-minGateIP))
		n += fits
		odd += 1 - fits
	}
	return c.hashOddNumbers(odd, n)
}

// hashOddNumbers deals with numbers that have a port behind a dot, as tcpdump
// writes it, or stand behind a hyphen.
func (c *scanner) hashOddNumbers(count, n int) int {
	for _, e := range c.odds[:count] {
		w, length := c.tokenAt(int(e))
		if c.dashedAddress(int(e), w, length) {
			continue
		}
		number := min(bits.LeadingZeros64(^(w.digit | w.dot)), length)
		if number < length && w.dash>>(63-uint(number))&1 == 0 {
			continue // a word goes before it
		}
		dot, behind := w.dot&upper[number], 0
		if bits.OnesCount64(dot) == 4 {
			behind = bits.LeadingZeros64(dot) + 1
			dot <<= uint(behind)
		}
		if number -= behind; bits.OnesCount64(dot) == 3 && number >= minGateIP && number <= maxGateIP {
			c.hashes[n] = tailHash(c.buf[:c.off+int(e)-behind], number)
			c.ends[n] = endAt(int(e)-behind, number)
			n++
		}
	}
	return n
}

// namesInNumbers leaves tokens that end in a digit to the judge. It is needed
// where a listed name ends so, which no name in the public DNS does.
func (c *scanner) namesInNumbers(count int) {
	for _, e := range c.numbers[:count] {
		c.place(c.pos + int(e) - 1)
	}
}

// allNames leaves tokens that end in no digit to the judge. It is needed where a
// top-level domain is listed, as the gate is asked for two labels.
func (c *scanner) allNames(count int) {
	for _, e := range c.names[:count] {
		c.place(c.pos + int(e) - 1)
	}
}

// dashedAddress leaves a token to the judge that may hold an address before a
// hyphen: three dots, and a digit or the last dot just before it. A token too long
// to be seen whole is looked at byte by byte.
func (c *scanner) dashedAddress(e int, w token, length int) bool {
	if length < blockSize {
		dash := w.dash & ((w.digit | w.dot) << 1) & upper[length]
		if dash == 0 || bits.OnesCount64(w.dot&^upper[bits.LeadingZeros64(dash)]) < 3 {
			return false
		}
	} else if !longDashed(c.in[:min(c.pos+e, len(c.in))]) {
		return false
	}
	c.place(c.pos + e - 1)
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
func (c *scanner) addressesInNames(count int) {
	for _, e := range c.names[:count] {
		w, length := c.tokenAt(int(e))
		if w.dot>>63 != 0 && mayHoldAddress(w.dot, length) {
			c.place(c.pos + int(e) - 1)
			continue
		}
		c.dashedAddress(int(e), w, length)
	}
}

// mayHoldAddress reports whether a token has as many dots as an address must.
func mayHoldAddress(dot uint64, length int) bool {
	return bits.OnesCount64(dot) >= 3 || length == blockSize
}

// hashNames hashes the last two labels of the tokens that end in no digit, where
// the last one is that of something listed.
func (c *scanner) hashNames(count, n int) int {
	maps, tlds, buf, off, odd := &c.maps, (*[8 * tldWords]byte)(c.tlds), c.buf, c.off, 0
	manyDots := blockSize
	if c.set.has(hasAddrs) {
		manyDots = 3
	}
	for _, e := range c.names[:count] {
		q, p, s := &maps[e/blockSize+1], &maps[e/blockSize], uint(e%blockSize)
		length := bits.LeadingZeros64(^joined(q[bitRun], p[bitRun], s))
		dot := joined(q[bitDot], p[bitDot], s) & upper[length&127]
		t := buf[off+int(e)-tailSize:][:tailSize:tailSize]
		lo, hi := binary.LittleEndian.Uint64(t[8:])|foldBits, binary.LittleEndian.Uint64(t)|foldBits
		last := bits.LeadingZeros64(dot)
		bit := lo & lowMask[last&127] * mix1 >> 52
		two := bits.LeadingZeros64(dot&^(1<<(63-last&63)) | 1<<(63-length&63)) // or where the token begins
		h, l := bits.Mul64(lo&lowMask[two&127]^mix1, hi&highMask[two&127]^mix2)
		c.hashes[n] = h ^ l
		c.ends[n] = endAt(int(e), 0)
		n += int(tlds[bit/8&511] >> (bit & 7) & 1)
		c.odds[odd] = e
		odd += int(dot>>63)&one(dot<<(bits.LeadingZeros64(^dot)&63) != 0) | one(length == blockSize) | one(bits.OnesCount64(dot) >= manyDots)
	}
	return c.hashOddNames(odd, n)
}

// hashOddNames deals with names that have dots at their end, with those that are
// too long to be seen whole, and with what may hold an address.
func (c *scanner) hashOddNames(count, n int) int {
	addrs := c.set.has(hasAddrs)
	for _, e := range c.odds[:count] {
		w, length := c.tokenAt(int(e))
		if addrs && c.dashedAddress(int(e), w, length) || w.dot>>63 == 0 && length < blockSize {
			continue
		}
		n = c.hashOddName(int(e), w.dot, length, n)
	}
	return n
}

func (c *scanner) hashOddName(e int, dot uint64, length, n int) int {
	dots := bits.LeadingZeros64(^dot) // that end a sentence
	before := mayHoldAddress(dot, length)
	whole := length < blockSize
	dot, length = dot<<uint(dots), length-dots
	end := c.off + e - dots
	if dots > 0 && (class[c.buf[end-1]]&digit != 0 && (c.digitNames || c.set.has(hasAddrs) && before) || !whole && length < deepSize) {
		c.place(c.pos + e - 1) // its labels may be out of sight
	}
	if dot == 0 && whole {
		return n
	}
	last := bits.LeadingZeros64(dot)
	if bit := tldBit(c.buf[:end], last); c.tlds[bit/8]>>(bit%8)&1 == 0 {
		return n
	}
	two := min(bits.LeadingZeros64(dot&^(1<<(63-uint(last)))), length)
	c.hashes[n] = tailHash(c.buf[:end], two)
	c.ends[n] = endAt(e-dots, 0)
	return n + 1
}

// probe holds all hashes against the gate, and notes the places of those that pass.
func (c *scanner) probe(digests, numbers, n int) {
	first, shift, passed := c.first, c.firstShift&63, 0
	for j, h := range c.hashes[:n] {
		m, i := filterMask(h), 8*(h>>shift)
		c.passed[passed] = uint16(j)
		passed += one(binary.LittleEndian.Uint64(first[i:i+8])&m == m)
	}
	for _, j := range c.passed[:passed] {
		if e := c.ends[j].place(); int(j) < numbers || c.mayBeName(e) {
			c.place(c.pos + e - 1)
		}
	}
	if c.set.has(hasNets) {
		c.probeNets(c.ends[digests:numbers])
	}
}

// probeNets notes the addresses of which a network is listed that begins alike.
func (c *scanner) probeNets(ends []end) {
	nets := c.set.nets[lensSize:family]
	for _, e := range ends {
		end := c.off + e.place()
		if i := firstTwo(c.buf[end-e.length() : end]); nets[i/8]>>(i%8)&1 != 0 {
			c.place(c.pos + e.place() - 1)
		}
	}
}

// firstTwo reads the first two numbers of an address in dotted decimal, modulo 256.
func firstTwo(t []byte) (n uint16) {
	i := 0
	for range 2 {
		v := byte(0)
		for ; t[i] != '.'; i++ {
			v = v*10 + t[i] - '0'
		}
		n = n<<8 | uint16(v)
		i++
	}
	return n
}
