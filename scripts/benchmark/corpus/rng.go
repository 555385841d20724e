package corpus

import "math"

// rng is splitmix64. Its sequence depends on the seed and on the name of the
// stream alone.
type rng struct{ s uint64 }

func newRNG(seed uint64, stream string) *rng {
	return &rng{s: seed*0x9E3779B97F4A7C15 ^ fnv(stream)}
}

func (r *rng) u64() uint64 {
	r.s += 0x9E3779B97F4A7C15
	z := r.s
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *rng) n(n int) int            { return int((r.u64() >> 33) % uint64(n)) }
func (r *rng) pct(p int) bool         { return r.n(100) < p }
func (r *rng) pick(s []string) string { return s[r.n(len(s))] }

// text returns n bytes drawn from set.
func (r *rng) text(set string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.n(len(set))]
	}
	return string(b)
}

// fnv is FNV-1a of 64 bits.
func fnv(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// zipf draws ranks, the low ones often: P(rank) ~ 1/(rank+q)^s, from a table of
// 65,536 quantiles.
type zipf struct{ tab []int32 }

func newZipf(n int, s, q float64) *zipf {
	cum := make([]float64, n)
	total := 0.0
	for i := range cum {
		total += math.Pow(float64(i)+q, -s)
		cum[i] = total
	}
	z := &zipf{tab: make([]int32, 1<<16)}
	rank := 0
	for i := range z.tab {
		x := (float64(i) + 0.5) / float64(len(z.tab)) * total
		for cum[rank] < x {
			rank++
		}
		z.tab[i] = int32(rank)
	}
	return z
}

// draw returns a rank below n. The table alone would never return most of the
// tail, so one draw in eight is spread over all ranks.
func (z *zipf) draw(r *rng, n int) int {
	x := r.u64()
	if x>>61 == 0 {
		return int((x & (1<<61 - 1)) % uint64(n))
	}
	return int(z.tab[x&0xffff])
}
