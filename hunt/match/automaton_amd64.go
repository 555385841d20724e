package match

import "golang.org/x/sys/cpu"

// gramsFast says that the processor has what markFast needs.
var gramsFast = cpu.X86.HasAVX2

// markFast is markPortable with AVX2.
//
//go:noescape
func markFast(marks, t *byte, groups int, p *gramPass)
