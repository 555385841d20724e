#include "textflag.h"

// func markFast(marks, t *byte, groups int, p *gramPass)
//
// For each group of 32 bytes of t one byte of marks: a bit for each of the eight
// grams that begin in it, if the filter has both its bits. It reads 4 bytes
// more than the groups have.
//
//	Y15 ' '   Y14 '\t'   Y13 '\r'   Y12 Y11 masks   Y10 Y9 Y8 multipliers   X7 shift
TEXT ·markFast(SB), NOSPLIT, $0-32
	MOVQ marks+0(FP), DX
	MOVQ t+8(FP), SI
	MOVQ groups+16(FP), CX
	MOVQ p+24(FP), AX
	TESTQ CX, CX
	JLE  done
	MOVQ 0(AX), DI          // filter
	VMOVD 8(AX), X7         // shift
	VPBROADCASTD 12(AX), Y12
	VPBROADCASTD 16(AX), Y11
	VPBROADCASTD 20(AX), Y10
	VPBROADCASTD 24(AX), Y9
	VPBROADCASTD 28(AX), Y8
	MOVL $0x20202020, BX
	VMOVD BX, X15
	VPBROADCASTD X15, Y15
	MOVL $0x09090909, BX
	VMOVD BX, X14
	VPBROADCASTD X14, Y14
	MOVL $0x0d0d0d0d, BX
	VMOVD BX, X13
	VPBROADCASTD X13, Y13

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 4(SI), Y1

	// Letters small; '\t' | ' ' and '\r' | ' ' without the bits of '\r' are ' '.
	VPCMPEQB Y14, Y0, Y2
	VPCMPEQB Y13, Y0, Y3
	VPCMPEQB Y14, Y1, Y4
	VPCMPEQB Y13, Y1, Y5
	VPOR  Y2, Y3, Y2
	VPOR  Y4, Y5, Y4
	VPAND Y13, Y2, Y2
	VPAND Y13, Y4, Y4
	VPOR  Y15, Y0, Y0
	VPOR  Y15, Y1, Y1
	VPANDN Y0, Y2, Y0
	VPANDN Y1, Y4, Y1

	// h = low * gramLow + high * gramHigh; b = h * gramBits
	VPAND Y12, Y0, Y0
	VPAND Y11, Y1, Y1
	VPMULLD Y10, Y0, Y0
	VPMULLD Y9, Y1, Y1
	VPADDD Y1, Y0, Y0
	VPMULLD Y8, Y0, Y1

	// The words, and of each the two bits.
	VPSRLD X7, Y0, Y2
	VPCMPEQD Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPGATHERDD Y3, (DI)(Y2*4), Y4
	VPSRLD $27, Y1, Y5
	VPSLLD $5, Y1, Y6
	VPSRLD $27, Y6, Y6
	VPSRLVD Y5, Y4, Y5
	VPSRLVD Y6, Y4, Y6
	VPAND Y5, Y6, Y5
	VPSLLD $31, Y5, Y5
	VMOVMSKPS Y5, BX
	MOVB BX, (DX)

	ADDQ $32, SI
	INCQ DX
	DECQ CX
	JNZ  loop
	VZEROUPPER

done:
	RET
