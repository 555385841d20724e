package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// checkGrammar compares search and oracle over a text made of seed: a short one
// and one with rows between its parts.
func checkGrammar(t *testing.T, c *choices, seed []byte, mask uint64) {
	t.Helper()
	k := c.get(t, mask)
	values := plainValues(c.all)
	short := (&maker{seed: seed}).part(values, 160)
	if got, want, _ := compared(k.set, k.os, short); !slices.Equal(got, want) {
		t.Errorf("mask %#x %q:\n got\n%swant\n%s", mask, short, explain(k.os, got, short), explain(k.os, want, short))
		return
	}
	data, parts := (&maker{seed: seed}).long(values)
	got, _ := engine(k.set, nil, data)
	if want := expected(k.os, data, parts); !slices.Equal(got, want) {
		t.Errorf("mask %#x, %d bytes, parts %v, in %q:\n got\n%swant\n%s", mask, len(data), parts, around(data, parts, got, want), explain(k.os, got, data), explain(k.os, want, data))
	}
}

// TestGrammar compares search and oracle over texts of pieces that mean something.
func TestGrammar(t *testing.T) {
	rounds := 700
	if testing.Short() || race {
		rounds = 100
	}
	r := rand.New(rand.NewPCG(7, 8))
	c := newChoices(t)
	for range rounds {
		checkGrammar(t, c, randomSeed(r, 60), masks(r))
		if t.Failed() {
			return
		}
	}
}

// TestGrammarBroad compares them for lists that hold a top-level domain and whole
// address spaces too, over short texts: the rows of long ones may hold addresses.
func TestGrammarBroad(t *testing.T) {
	rounds := 1000
	if testing.Short() || race {
		rounds = 100
	}
	r := rand.New(rand.NewPCG(11, 12))
	c := newChoices(t, grammarBroad...)
	values := plainValues(c.all)
	for range rounds {
		k, seed := c.get(t, masks(r)), randomSeed(r, 60)
		text := (&maker{seed: seed}).part(values, 160)
		if got, want, _ := compared(k.set, k.os, text); !slices.Equal(got, want) {
			t.Fatalf("%q:\n got\n%swant\n%s", text, explain(k.os, got, text), explain(k.os, want, text))
		}
	}
}

// randomSeed returns up to most random bytes.
func randomSeed(r *rand.Rand, most int) []byte {
	b := make([]byte, 1+r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// masks returns all of a list, one of it, or some.
func masks(r *rand.Rand) uint64 {
	switch r.IntN(4) {
	case 0:
		return 1 << r.IntN(len(grammarValues))
	case 1:
		some := r.Uint64()
		return some & r.Uint64()
	}
	return 0
}

// FuzzOracle compares search and oracle over texts made by the grammar.
func FuzzOracle(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		f.Add(randomSeed(r, 40), masks(r))
	}
	c := newChoices(f)
	f.Fuzz(func(t *testing.T, seed []byte, mask uint64) {
		if len(seed) < 200 {
			checkGrammar(t, c, seed, mask)
		}
	})
}
