package stix

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestXMLIndex holds it to a map, while it grows, with keys that are alike.
func TestXMLIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x xIndex
	want := map[uint64]int32{}
	key := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return 1 + r.Uint64N(300) // all in one table, at its beginning
		case 1:
			return ^uint64(0) - r.Uint64N(300) // at the end of the last one
		}
		return r.Uint64N(1<<20)<<44 | 1
	}
	for n := range 200_000 {
		k := key()
		got, ok := x.get(k)
		if w, there := want[k]; ok != there || got != w {
			t.Fatalf("%x: %d %v, want %d %v", k, got, ok, w, there)
		}
		if r.IntN(2) == 0 {
			x.set(k, int32(n))
			want[k] = int32(n)
		}
	}
	for k, w := range want {
		if got, ok := x.get(k); !ok || got != w {
			t.Errorf("%x: %d %v, want %d", k, got, ok, w)
		}
	}
}

// TestXMLHold gets back what was put, records that are greater than a chunk too.
func TestXMLHold(t *testing.T) {
	var h xHold
	r := rand.New(rand.NewPCG(3, 4))
	var places []uint32
	var records [][]byte
	for n := range 3000 {
		size := r.IntN(2000)
		if n%500 == 7 {
			size = xChunk + r.IntN(xChunk)
		}
		record := bytes.Repeat([]byte{byte(n)}, size)
		at, ok := h.put(uint32(n), uint32(n*7), record)
		if !ok || at>>30 > 0 {
			t.Fatal(n, at, ok)
		}
		if back, ok := xPlace(xPlaced(at)); !ok || back != at {
			t.Fatalf("%x became %x", at, back)
		}
		places, records = append(places, at), append(records, record)
		if n%3 == 0 {
			h.revived(at, int32(n))
		}
	}
	for n, at := range places {
		got := h.get(at)
		thing := uint32(0)
		if n%3 == 0 {
			thing = uint32(n) + 1
		}
		if got.print != uint32(n) || got.until != uint32(n*7) || got.thing != thing || !bytes.HasPrefix(got.record, records[n]) {
			t.Errorf("%d: %d %d %d", n, got.print, got.until, got.thing)
		}
	}
	if _, ok := xPlace(xLeft(^uint32(0))); ok {
		t.Error("a print is taken for a place")
	}
	h.chunks = append(h.chunks, make([][]byte, xHoldMost-len(h.chunks))...)
	if _, ok := h.put(0, 0, []byte("a")); ok {
		t.Error("a place beyond the last one")
	}
}
