package match

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// classifySlow is what a kernel computes, read off the definitions.
func classifySlow(src []byte) (m bitmap) {
	for i := range blockSize {
		b, next := src[i], src[i+1]
		k := class[b]
		for w, yes := range [...]bool{
			bitRun: k&run != 0, bitDot: b == '.', bitHex: k&hexa != 0, bitColon: b == ':', bitDigit: k&digit != 0,
			bitDash: b == '-', bitPair: tables.isPair(b, next), bitOdd: b == 0 || b >= 0x80,
		} {
			if yes {
				m[w] |= 1 << i
			}
		}
	}
	return m
}

func sameKernels(t *testing.T, src []byte) {
	t.Helper()
	n := (len(src) - 1) / blockSize
	got := make([]bitmap, n)
	for _, k := range kernels() {
		k.classify(got, src)
		for i := range n {
			if want := classifySlow(src[blockSize*i:]); got[i] != want {
				t.Fatalf("kernel %s at %q:\n%x\nwant\n%x", k.name, src[blockSize*i:blockSize*i+blockSize+1], got[i], want)
			}
		}
	}
}

// Every pair of bytes at every place of a block, the last one included.
func TestKernelPairs(t *testing.T) {
	src := make([]byte, 2*blockSize+1)
	for i := range 1 << 16 {
		for k := range src {
			src[k] = byte(i >> (8 * (k & 1)))
		}
		sameKernels(t, src)
	}
	for place := range blockSize {
		for i := range 1 << 16 {
			if i>>8 < 0x80 && i&0xff < 0x80 && !tables.isPair(byte(i>>8), byte(i)) && place%16 != 0 {
				continue
			}
			src := bytes.Repeat([]byte{'z'}, blockSize+1)
			src[place], src[place+1] = byte(i>>8), byte(i)
			sameKernels(t, src)
		}
		if testing.Short() {
			break
		}
	}
}

// No disguise begins but at a pair, or behind one.
func TestPairsBeginDisguises(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte(`\/"'nrt.xuUeE0[]()<>{}#&;:@%25adADotmMwWhHpPsS*_ql-c` + "\x1b\x00\xc3")
	var out [4]byte
	for range 2_000_000 {
		var text [14]byte
		for i := range text {
			text[i] = alphabet[r.IntN(len(alphabet))]
		}
		t0 := text[:]
		for i := range t0 {
			_, w, _ := undoAt(&out, t0, i, at(t0, i-1))
			if w == 0 {
				if _, w = escapeAt(t0, i); w == 0 {
					continue
				}
			}
			told := false
			for k := max(i-1, 0); k <= i+1; k++ {
				told = told || tables.isPair(at(t0, k), at(t0, k+1)) && disguised(t0, k) == i
			}
			if !told {
				t.Fatalf("a disguise at %d of %q that no pair tells", i, t0)
			}
		}
	}
}

func FuzzKernels(f *testing.F) {
	f.Add([]byte("hxxp://a[.]example/ 192.0.2.1 CVE-2026-0001"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := bytes.Repeat([]byte{'\n'}, (len(b)/blockSize+1)*blockSize+1)
		copy(src, b)
		sameKernels(t, src)
	})
}

func BenchmarkKernel(b *testing.B) {
	src := bytes.Repeat([]byte("192.0.2.1 - - [21/Nov/2026:02:03:04 +0000] \"GET /index.html HTTP/1.1\" 200\n"), 256)
	dst := make([]bitmap, 256)
	for _, k := range kernels() {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(int64(blockSize * len(dst)))
			for b.Loop() {
				k.classify(dst, src)
			}
		})
	}
}
