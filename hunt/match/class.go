package match

// Classes of bytes. A byte of 0x80 and above belongs to none but high: text in
// Korean or Chinese is written against a name without a space, so such a byte
// ends a token as a space does. Names in Unicode are looked for apart.
const (
	label uint8 = 1 << iota // [A-Za-z0-9_-], what a label of a name is made of
	dot
	alnum
	hexa
	digit
	dash
	mark // ':' and high bytes: the places where tokens are looked for that are not runs
	high
	run = label | dot // the bytes of a run, the unit in which text is cut
)

var class = makeClasses()

func makeClasses() (c [256]uint8) {
	for b := range 256 {
		switch {
		case b >= '0' && b <= '9':
			c[b] = label | alnum | hexa | digit
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			c[b] = label | alnum | hexa
		case b|0x20 >= 'a' && b|0x20 <= 'z':
			c[b] = label | alnum
		case b >= 0x80:
			c[b] = mark | high
		}
	}
	c['_'], c['-'], c['.'], c[':'] = label, label|dash, dot, mark
	return c
}

// fold is how text is compared: letters small, and the blanks inside a line
// alike, because "\t" of a JSON string and a blank are both read as a blank.
var fold = makeFold()

func makeFold() (f [256]byte) {
	for b := range f {
		f[b] = byte(b)
		if b >= 'A' && b <= 'Z' {
			f[b] = byte(b) | 0x20
		}
	}
	f['\t'], f['\r'] = ' ', ' '
	return f
}

// at returns t[i], or 0 where there is no such byte. No token holds a zero.
func at(t []byte, i int) byte {
	if uint(i) < uint(len(t)) {
		return t[i]
	}
	return 0
}

// is reports whether t[i] is of a class; what lies outside t is of none.
func is(t []byte, i int, k uint8) bool { return uint(i) < uint(len(t)) && class[t[i]]&k != 0 }

// inWord reports whether t[i] is a letter, a digit or '_'.
func inWord(t []byte, i int) bool { return is(t, i, alnum) || at(t, i) == '_' }

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

// portNumber reads the port at t[i:], which may have leading zeros.
func portNumber(t []byte, i int) (n, end int, ok bool) {
	first := i
	for at(t, i) == '0' && is(t, i+1, digit) && i-first < 4 {
		i++
	}
	n, end, ok = number(t, i, 5-(i-first))
	return n, end, ok && n > 0 && n <= 0xffff && !inWord(t, end)
}

// number reads the decimal number without leading zeros at t[i:], of at most
// maxDigits digits, and returns what follows it. ok is false where there is none.
func number(t []byte, i, maxDigits int) (n, end int, ok bool) {
	for end = i; is(t, end, digit) && end-i < maxDigits; end++ {
		n = n*10 + int(t[end]-'0')
	}
	return n, end, end > i && (t[i] != '0' || end == i+1)
}
