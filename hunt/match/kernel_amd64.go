package match

import "golang.org/x/sys/cpu"

// classifyAVX2 is the kernel for processors with AVX2. It reads
// src[:64*blocks+1] and writes eight words a block to dst.
//
//go:noescape
func classifyAVX2(dst *bitmap, src *byte, blocks int, t *kernelTables)

// classifyAVX512 is the same for processors with AVX-512 (F and BW).
//
//go:noescape
func classifyAVX512(dst *bitmap, src *byte, blocks int, t *kernelTables)

func classify256(dst []bitmap, src []byte) {
	if len(dst) > 0 {
		_ = src[blockSize*len(dst)]
		classifyAVX2(&dst[0], &src[0], len(dst), tables)
	}
}

func classify512(dst []bitmap, src []byte) {
	if len(dst) > 0 {
		_ = src[blockSize*len(dst)]
		classifyAVX512(&dst[0], &src[0], len(dst), tables)
	}
}

// kernels returns what this processor can run, the best first.
func kernels() (ks []kernel) {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW {
		ks = append(ks, avx512())
	}
	if cpu.X86.HasAVX2 {
		ks = append(ks, kernel{name: "avx2", classify: classify256})
	}
	return append(ks, portable)
}

// avx512 is the kernel for AVX-512, with what the processor has of it.
func avx512() kernel {
	k := kernel{name: "avx512", classify: classify512}
	if cpu.X86.HasAVX512VBMI2 && cpu.X86.HasPOPCNT {
		k.both = frontOf
	}
	return k
}

// front is what the kernel needs that does the work of findEnds as well. The
// assembly knows the places of the fields.
type front struct {
	maps        *bitmap // of the first block; the one before lies before it
	src         *byte
	blocks      int
	tables      *kernelTables
	carry       carries
	hexSeeds    uint64
	allNumbers  uint64
	colonsLeast int
	lane16      uint64
	odd         uint64
	doubles     uint64
	lists       [5]frontList // names, numbers, hexes, starts, colonsIn
}

// frontList is a list of places, and how many it has.
type frontList struct {
	to *uint16
	n  int
}

//go:noescape
func frontVBMI2(f *front)

// frontOf runs frontVBMI2 for a scanner.
func frontOf(c *scanner, src []byte, blocks int) counts {
	_ = src[blockSize*blocks]
	_ = c.maps[blocks]
	f := front{
		maps: &c.maps[1], src: &src[0], blocks: blocks, tables: tables, carry: c.carry,
		hexSeeds: c.hexSeeds, allNumbers: c.allNumbers, colonsLeast: c.colonsLeast,
		lists: [5]frontList{{to: &c.names[0]}, {to: &c.numbers[0]}, {to: &c.hexes[0]}, {to: &c.starts[0]}, {to: &c.colonsIn[0]}},
	}
	if c.lane16 {
		f.lane16 = 1
	}
	frontVBMI2(&f)
	c.carry = f.carry
	l := &f.lists
	return counts{blocks, l[0].n, l[1].n, l[2].n, l[3].n, l[4].n, f.odd != 0, f.doubles != 0}
}
