package match

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
)

// TestPageEdges puts texts against the last byte of a page, and against the
// first, with nothing that may be read beyond: a search that looks past its text
// dies here.
func TestPageEdges(t *testing.T) {
	const pages = 16
	size := syscall.Getpagesize()
	room, err := syscall.Mmap(-1, 0, (pages+2)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(room)
	for _, page := range [][]byte{room[:size], room[(pages+1)*size:]} {
		if err := syscall.Mprotect(page, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	room = room[size : (pages+1)*size : (pages+1)*size]
	c := newChoices(t)
	cs := contenders(t, c.get(t, 0).set)
	values := plainValues(c.all)
	r := rand.New(rand.NewPCG(15, 16))
	for range 300 {
		m := &maker{seed: randomSeed(r, 60)}
		text := m.part(values, 300)
		if r.IntN(3) == 0 {
			text, _ = m.long(values)
		}
		text = text[:min(len(text), len(room))]
		want := agree(t, cs, text)
		for _, c := range cs {
			for _, at := range []int{0, len(room) - len(text)} {
				copy(room[at:], text)
				if got := c.Append(nil, room[at:at+len(text):at+len(text)]); !slices.Equal(got, want) {
					t.Errorf("%s: %q at %d: %s", c.name, text[:min(len(text), 300)], at, difference(c, got, want, text))
				}
			}
		}
	}
}
