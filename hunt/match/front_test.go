package match

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noticed is what the first stages note of a span.
type noticed struct {
	Counts                                  counts
	Maps                                    []bitmap
	Carry                                   carries
	Names, Numbers, Hexes, Starts, ColonsIn []uint16
}

func noticedBy(k kernel, src []byte, blocks int, begin carries, before bitmap, lane16 bool) noticed {
	c := new(scanner)
	c.kernel, c.carry, c.maps[0] = k, begin, before
	c.hexSeeds, c.lane16, c.colonsLeast = 0x0001000100010001, true, 6
	if !lane16 {
		c.hexSeeds, c.lane16, c.colonsLeast, c.allNumbers = 0x0101010101010101, false, 5, ^uint64(0)
	}
	n := c.front(src, blocks)
	return noticed{n, c.maps[:blocks+1], c.carry, c.names[:n.names], c.numbers[:n.numbers], c.hexes[:n.hexes], c.starts[:n.pairs], c.colonsIn[:n.colons]}
}

// sameFronts holds the kernels that do two stages in one to those that do one
// after the other.
func sameFronts(t *testing.T, src []byte, begin carries, before bitmap) {
	t.Helper()
	blocks := min((len(src)-1)/blockSize, spanBlocks+1)
	for _, lane16 := range []bool{true, false} {
		want := noticedBy(portable, src, blocks, begin, before, lane16)
		for _, k := range kernels() {
			if diff := cmp.Diff(want, noticedBy(k, src, blocks, begin, before, lane16), cmp.AllowUnexported(noticed{}, counts{}, carries{})); diff != "" {
				t.Fatalf("kernel %s at %q (-portable +it):\n%s", k.name, src, diff)
			}
		}
	}
}

func TestFronts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, alphabet := range []string{"a.", "a.1-:", "0123456789abcdef ", "fe80::1 .", "hx[.]\\\"% a.1", "\x00\xffa.:f", "abcdefghijklmnopqrstuvwxyz0123456789._-:/ \n"} {
		for n := range 200 {
			src := make([]byte, (1+n%(spanBlocks+1))*blockSize+1)
			for i := range src {
				src[i] = alphabet[r.IntN(len(alphabet))]
			}
			var before bitmap
			for i := range before {
				before[i] = r.Uint64()
			}
			sameFronts(t, src, carries{[3]uint64{r.Uint64() & 1, r.Uint64() & 1, r.Uint64() & 1}, r.Uint64() & 1}, before)
		}
	}
}

func FuzzFronts(f *testing.F) {
	f.Add([]byte("hxxp://a[.]example/ 192.0.2.1 2001:db8::1 d41d8cd98f00b204e9800998ecf8427e"), uint8(5))
	f.Fuzz(func(t *testing.T, b []byte, begin uint8) {
		src := bytes.Repeat([]byte{'\n'}, (len(b)/blockSize+1)*blockSize+1)
		copy(src, b)
		bit := func(i int) uint64 { return uint64(begin >> i & 1) }
		sameFronts(t, src, carries{[3]uint64{bit(0), bit(1), bit(2)}, bit(3)}, bitmap{})
	})
}
