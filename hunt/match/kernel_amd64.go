package match

import "golang.org/x/sys/cpu"

// classifyAVX2 is the kernel for processors with AVX2. It reads
// src[:64*blocks+1] and writes eight words a block to dst.
//
//go:noescape
func classifyAVX2(dst *bitmap, src *byte, blocks int, t *kernelTables)

func classifyFast(dst []bitmap, src []byte) {
	if len(dst) > 0 {
		_ = src[blockSize*len(dst)]
		classifyAVX2(&dst[0], &src[0], len(dst), tables)
	}
}

func bestKernel() (kernel func([]bitmap, []byte), name string) {
	if cpu.X86.HasAVX2 {
		return classifyFast, "avx2"
	}
	return classifyPortable, "portable"
}
