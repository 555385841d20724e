package match

// The kernel turns 64 bytes of text into eight words of 64 bits, one bit a byte.
// What the sweep asks of a text (where does a token end, how long is it, does it
// hold a dot) it then asks of 64 bytes at once.

// bitmap is what the kernel says of 64 bytes: bit i of a word is byte i.
type bitmap [8]uint64

// The words of a bitmap.
const (
	bitRun   = iota // letters, digits, '-', '_', '.'
	bitDot          // '.'
	bitHex          // hex digits
	bitColon        // ':'
	bitDigit        // decimal digits
	bitDash         // '-'
	bitPair         // the byte and the next one may begin a disguise or a CVE id; see pairs
	bitOdd          // zero, or beyond ASCII
)

// blockSize is what one bitmap is of.
const blockSize = 64

// kernel fills dst with the bitmaps of src[:64*len(dst)], after which src must have
// one byte more. There are several; all give the same.
type kernel struct {
	name     string
	classify func(dst []bitmap, src []byte)
	both     func(c *scanner, src []byte, blocks int) counts // classify and findEnds in one; may be nil
}

// bestKernel is chosen once, at start.
var bestKernel = kernels()[0]

// Bits of nibbles: a byte is of a class if the bit is set for its high and its
// low nibble. The AVX2 kernel looks both up with one instruction each.
const (
	nibDashDot = 1 << iota
	nibDigit
	nibAtoO
	nibPtoZ
	nibUnder
	nibHexLetter
	nibColon
	nibDot
	nibRun = nibDashDot | nibDigit | nibAtoO | nibPtoZ | nibUnder
	nibHex = nibDigit | nibHexLetter
)

// nibbles is one table of classes: by low nibble, then by high nibble.
type nibbles [32]byte

// add puts the bytes of all combinations of high and low nibbles in class bit.
func (t *nibbles) add(bit byte, high string, low string) {
	for i := range len(high) {
		t[16+unhex(high[i])] |= bit
	}
	for i := range len(low) {
		t[unhex(low[i])] |= bit
	}
}

func (t *nibbles) of(b byte) byte {
	if b >= 0x80 {
		return 0
	}
	return t[b&15] & t[16+b>>4]
}

// tables are what both kernels work from: the classes of a byte, and the first
// and second bytes of pairs.
var tables = makeTables()

type kernelTables struct{ class, first, second nibbles }

func makeTables() *kernelTables {
	t := new(kernelTables)
	t.class.add(nibDashDot, "2", "de")
	t.class.add(nibDigit, "3", "0123456789")
	t.class.add(nibAtoO, "46", "123456789abcdef")
	t.class.add(nibPtoZ, "57", "0123456789a")
	t.class.add(nibUnder, "5", "f")
	t.class.add(nibHexLetter, "46", "123456")
	t.class.add(nibColon, "3", "a")
	t.class.add(nibDot, "2", "e")
	t.addPairs()
	return t
}

// addPairs fills the tables of pairs. Each family is a rectangle of nibbles, so a
// few pairs more than meant get through; what follows a pair is looked at anyway.
// Two that fit into no rectangle are compared for: see isPair.
func (t *kernelTables) addPairs() {
	for i, f := range [8]struct{ firstHigh, firstLow, secondHigh, secondLow string }{
		{"35", "c", "234567", "0123456789abcdef"}, // '\' and '<' with anything
		{"1257", "8b", "46", "014"},               // [ ( { with @ a d
		{"1257", "8b", "235", "abef"},             // with . : /, and the escape of colours with [
		{"2", "36", "234567", "0137c"},            // & with a q l g #, #0 of rsyslog
		{"2", "5", "346", "0123456789"},           // % with a hex digit
		{"46", "8", "257", "38af"},                // h with x * _ #
		{"4567", "34", "57", "68"},                // htxp by its "tx", CVE by its "cv"
		{"46", "5", "46", "f"},                    // meow by its "eo"
	} {
		t.first.add(1<<i, f.firstHigh, f.firstLow)
		t.second.add(1<<i, f.secondHigh, f.secondLow)
	}
}

// isPair reports whether bitPair is set for a byte a with b behind it. "(0" is how
// a name of counted labels ends.
func (t *kernelTables) isPair(a, b byte) bool {
	return t.first.of(a)&t.second.of(b) != 0 || a == '.' && b == ']' || a == '(' && b == '0'
}
