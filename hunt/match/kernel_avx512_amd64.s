#include "textflag.h"
#include "kernel_avx512_amd64.h"

// func classifyAVX512(dst *bitmap, src *byte, blocks int, t *kernelTables)
TEXT ·classifyAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ t+24(FP), DX
	CONSTANTS(DX)
	TESTQ CX, CX
	JZ done

loop:
	BITMAP
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop

done:
	VZEROUPPER
	RET
