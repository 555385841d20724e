package match

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// The gate is the first thing that a token of the text is held against: a filter
// so small that it stays in the processor's cache, asked with one hash of at most
// 16 bytes at the end of the token, whatever its length. Of a name these are its
// last two labels, of an address in dotted decimal all of it, of a digest the last
// 16 digits. Letters are folded by setting one bit, which costs nothing and lets
// through a few signs that are no letters.
//
// Many names share their last two labels (co.uk, github.io). So behind the gate
// there is a second one for names, asked for the last three labels; and for the
// last two alone only where the two are listed themselves.
//
// The section gate is, in words of 64 bits: the number of words of the first
// filter, that of the second, marks (a last label ends in a digit, one is in
// punycode), a table of 4096 bits for the last labels of names, then the two
// filters.
const (
	gateHead  = 3 + tldWords
	tldWords  = 64
	gateBits  = 16 // for each hash; about one token in 200 that is not listed passes
	tailSize  = 16 // bytes of a token that the first filter looks at
	deepSize  = 32 // and the second
	minGateIP = len("1.1.1.1")
	maxGateIP = len("111.111.111.111")
)

// Marks of the gate.
const (
	gateDigit = 1 << iota
	gateIDN
)

// gates is the section gate, opened.
type gates struct {
	tlds        []byte
	digitNames  bool // a name ends in a digit
	unicodeTLDs bool // the last label of a name is in punycode
	first       []byte
	second      []byte
	firstShift  uint
	secondShift uint
}

// openGate takes the section apart. ok is false if it does not hold what it must.
func openGate(section []byte) (g gates, ok bool) {
	if len(section) < 8*gateHead {
		return g, false
	}
	first, second := u64(section, 0), u64(section, 1)
	words := uint64(len(section))/8 - gateHead
	if bits.OnesCount64(first) != 1 || bits.OnesCount64(second) != 1 || first < 2 || second < 2 || first > words || second != words-first {
		return g, false
	}
	g.digitNames, g.unicodeTLDs = u64(section, 2)&gateDigit != 0, u64(section, 2)&gateIDN != 0
	g.tlds = section[24 : 8*gateHead]
	rest := section[8*gateHead:]
	g.first, g.second = rest[:8*first], rest[8*first:8*words]
	g.firstShift, g.secondShift = shiftOf(int(first)), shiftOf(int(second))
	return g, true
}

// lowMask and highMask leave of sixteen bytes, read as two little-endian words,
// the last n: lowMask of the word behind, highMask of the one before it. For more
// than sixteen they leave all.
var lowMask, highMask = func() (low, high [128]uint64) {
	for n := range low {
		low[n] = ^uint64(0) << (64 - 8*min(n, 8))
		high[n] = ^uint64(0) << (64 - 8*min(max(n-8, 0), 8))
	}
	return low, high
}()

const (
	foldBits = 0x2020202020202020
	mix1     = 0x9E3779B97F4A7C15
	mix2     = 0xD6E8FEB86659FD93
)

// tailHash hashes the last n bytes of t, at most tailSize, folded. There must be as many
// before the end of t.
func tailHash(t []byte, n int) uint64 {
	t = t[len(t)-tailSize:]
	lo := (binary.LittleEndian.Uint64(t[8:]) | foldBits) & lowMask[n&127]
	hi := (binary.LittleEndian.Uint64(t) | foldBits) & highMask[n&127]
	h, l := bits.Mul64(lo^mix1, hi^mix2)
	return h ^ l
}

// deepHash hashes the last n bytes of t, at most deepSize, folded, for a question
// of its own. There must be deepSize bytes before the end of t.
func deepHash(t []byte, n int, question uint64) uint64 {
	t = t[len(t)-deepSize:]
	before := max(n-tailSize, 0)
	a := (binary.LittleEndian.Uint64(t[24:]) | foldBits) & lowMask[n&127]
	b := (binary.LittleEndian.Uint64(t[16:]) | foldBits) & highMask[n&127]
	c := (binary.LittleEndian.Uint64(t[8:]) | foldBits) & lowMask[before&127]
	d := (binary.LittleEndian.Uint64(t) | foldBits) & highMask[before&127]
	h, l := bits.Mul64(a^mix1, b^mix2^question)
	i, m := bits.Mul64(c^mix2, d^mix1^question)
	return h ^ l ^ bits.RotateLeft64(i^m, 32)
}

// Questions to the second filter.
const (
	askThree uint64 = iota + 1 // three labels that something listed ends with
	askTwo                     // two labels that are a listed name, or the host of a URL
	askMail                    // two labels that are the host of a listed mailbox
)

// tldBit returns the place in the table of a last label of n bytes that ends t.
func tldBit(t []byte, n int) uint {
	w := (binary.LittleEndian.Uint64(t[len(t)-8:]) | foldBits) & lowMask[n&127]
	return uint(w * mix1 >> 52)
}

// passes reports whether a hash may be in a filter.
func passes(filter []byte, shift uint, h uint64) bool {
	m := filterMask(h)
	return binary.LittleEndian.Uint64(filter[8*(h>>(shift&63)):])&m == m
}

// openGates fills s.gate from the entries of the table.
func (b *builder) openGates(s *Set) {
	s.gate = makeGate(s)
	s.gates, _ = openGate(s.gate)
}

// gateKeys gathers the hashes that a set lets through.
type gateKeys struct {
	tlds   [8 * tldWords]byte
	marks  byte
	first  []uint64
	second []uint64
	buf    []byte
}

// makeGate makes the section for the entries of s.
func makeGate(s *Set) []byte {
	n := len(s.entries) / entrySize
	k := &gateKeys{first: make([]uint64, 0, n), second: make([]uint64, 0, n/2)}
	for i := range n {
		e := s.entry(i)
		k.add(e.kind, s.arena[e.off:e.off+e.length])
	}
	return k.section()
}

func (k *gateKeys) section() []byte {
	first, second := gateWords(len(k.first)), gateWords(len(k.second))
	s := make([]byte, 8*(gateHead+first+second))
	binary.LittleEndian.PutUint64(s, uint64(first))
	binary.LittleEndian.PutUint64(s[8:], uint64(second))
	s[16] = k.marks
	copy(s[24:], k.tlds[:])
	fill(s[8*gateHead:8*(gateHead+first)], k.first)
	fill(s[8*(gateHead+first):], k.second)
	return s
}

func gateWords(hashes int) int { return pow2(hashes*gateBits/64 + 2) }

func fill(filter []byte, hashes []uint64) {
	shift := shiftOf(len(filter) / 8)
	for _, h := range hashes {
		w := filter[8*(h>>shift):]
		binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)|filterMask(h))
	}
}

// add lets the texts through in which a key can stand.
func (k *gateKeys) add(kind kind, key []byte) {
	switch kind {
	case keyName:
		k.name(key, askTwo)
	case keyMail:
		k.name(key[bytes.LastIndexByte(key, '@')+1:], askMail)
	case keyAddr:
		k.addr(key)
	case keyPort:
		k.addr(key[:max(len(key)-2, 0)])
	case keyURL, keyBare:
		k.host(key)
	case keyDigest:
		k.put(key, len(key))
	}
}

// put adds the last n bytes of text to the first filter.
func (k *gateKeys) put(text []byte, n int) {
	k.buf = append(append(k.buf[:0], make([]byte, tailSize)...), text...)
	k.first = append(k.first, tailHash(k.buf, min(n, tailSize)))
}

func (k *gateKeys) name(name []byte, two uint64) {
	last := bytes.LastIndexByte(name, '.') + 1
	k.buf = append(append(k.buf[:0], make([]byte, 8)...), name...)
	bit := tldBit(k.buf, len(name)-last)
	k.tlds[bit/8] |= 1 << (bit % 8)
	if len(name) > 0 && class[name[len(name)-1]]&digit != 0 {
		k.marks |= gateDigit
	}
	if bytes.HasPrefix(name[last:], []byte("xn--")) {
		k.marks |= gateIDN
	}
	pair := lastTwo(name)
	k.put(pair, len(pair))
	three := name
	if len(pair) < len(name) {
		three = name[bytes.LastIndexByte(name[:len(name)-len(pair)-1], '.')+1:]
		two = askThree
	}
	k.buf = append(append(k.buf[:0], make([]byte, deepSize)...), three...)
	k.second = append(k.second, deepHash(k.buf, min(len(three), deepSize), two))
}

// addr adds an IPv4 address as it is written.
func (k *gateKeys) addr(key []byte) {
	if len(key) == 4 {
		var buf [maxGateIP]byte
		text := netip.AddrFrom4([4]byte(key)).AppendTo(buf[:0])
		k.put(text, len(text))
	}
}

// host adds the host of a URL in canonical form.
func (k *gateKeys) host(url []byte) {
	if i := bytes.Index(url, []byte("://")); i >= 0 {
		url = url[i+3:]
	}
	if i := bytes.IndexByte(url, '/'); i >= 0 {
		url = url[:i]
	}
	if i := bytes.LastIndexByte(url, ':'); i >= 0 && !bytes.HasSuffix(url, []byte("]")) {
		url = url[:i]
	}
	if a, err := netip.ParseAddr(string(bytes.Trim(url, "[]"))); err == nil {
		v := addrOf(a)
		k.addr(v.bytes())
	} else if bytes.IndexByte(url, '.') >= 0 {
		k.name(url, askTwo)
	}
}
