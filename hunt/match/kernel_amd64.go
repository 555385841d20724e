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
		ks = append(ks, kernel{"avx512", classify512})
	}
	if cpu.X86.HasAVX2 {
		ks = append(ks, kernel{"avx2", classify256})
	}
	return append(ks, portable)
}
