#include "textflag.h"

// Bits of a class, as in kernel.go.
#define RUN  0x1f1f1f1f1f1f1f1f
#define HEX  0x2222222222222222
#define DOT  0x8080808080808080
#define END  0x5d5d5d5d5d5d5d5d // ']'
#define OPEN 0x2828282828282828 // '('
#define NULL 0x3030303030303030 // '0'
#define LOW4 0x0f0f0f0f0f0f0f0f

// WORD stores one bit of each byte of the vectors a and b, the top one, at off.
#define WORD(a, b, off) \
	VPMOVMSKB a, AX     \
	VPMOVMSKB b, BX     \
	SHLQ      $32, BX   \
	ORQ       BX, AX    \
	MOVQ      AX, off(DI)

// NOTZERO stores for each byte of a and b whether it is not zero.
#define NOTZERO(a, b, off)  \
	VPCMPEQB  Y15, a, a     \
	VPCMPEQB  Y15, b, b     \
	VPMOVMSKB a, AX         \
	VPMOVMSKB b, BX         \
	SHLQ      $32, BX       \
	ORQ       BX, AX        \
	NOTQ      AX            \
	MOVQ      AX, off(DI)

// CLASS looks the bytes of src up in the nibbles low and high.
#define CLASS(src, low, high, dst) \
	VPSRLW  $4, src, dst     \
	VPAND   Y2, dst, dst     \
	VPSHUFB dst, high, dst   \
	VPSHUFB src, low, Y14    \
	VPAND   Y14, dst, dst

// SPREAD fills the vector y, whose lower half is x, with eight bytes.
#define SPREAD(bytes, x, y) \
	MOVQ         bytes, AX  \
	VMOVQ        AX, x      \
	VPBROADCASTQ x, y

// PAIRS adds to found the pairs whose second bytes lie at off: brackets and dots
// say where the first is '(' or '.', found where it is of a family.
#define PAIRS(off, brackets, dots, found) \
	VMOVDQU  off(SI), Y14             \
	SPREAD($NULL, X9, Y9)             \
	VPCMPEQB Y9, Y14, Y9              \
	VPAND    Y9, brackets, brackets   \
	SPREAD($END, X9, Y9)              \
	VPCMPEQB Y9, Y14, Y9              \
	VPAND    Y9, dots, dots           \
	VPOR     brackets, dots, dots     \
	VMOVDQA  Y14, brackets            \
	CLASS(brackets, Y12, Y13, Y9)     \
	VPAND    Y9, found, found         \
	VPOR     dots, found, found

// func classifyAVX2(dst *bitmap, src *byte, blocks int, t *kernelTables)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ t+24(FP), DX
	VBROADCASTI128 (DX), Y0      // classes
	VBROADCASTI128 16(DX), Y1
	VBROADCASTI128 32(DX), Y10   // first bytes of pairs
	VBROADCASTI128 48(DX), Y11
	VBROADCASTI128 64(DX), Y12   // second bytes
	VBROADCASTI128 80(DX), Y13
	SPREAD($LOW4, X2, Y2)
	VPXOR Y15, Y15, Y15
	TESTQ CX, CX
	JZ done

loop:
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4

	// zero or beyond ASCII
	VPCMPEQB Y15, Y3, Y5
	VPCMPEQB Y15, Y4, Y6
	VPOR Y3, Y5, Y5
	VPOR Y4, Y6, Y6
	WORD(Y5, Y6, 56)

	// the classes of single bytes: Y7, Y8
	CLASS(Y3, Y0, Y1, Y7)
	CLASS(Y4, Y0, Y1, Y8)
	WORD(Y7, Y8, 8)              // dot
	VPADDB Y7, Y7, Y5
	VPADDB Y8, Y8, Y6
	WORD(Y5, Y6, 24)             // colon
	VPSLLW $6, Y7, Y5
	VPSLLW $6, Y8, Y6
	WORD(Y5, Y6, 32)             // digit
	VPSLLW $7, Y7, Y5            // dash or dot
	VPSLLW $7, Y8, Y6
	VPANDN Y5, Y7, Y5            // and not dot
	VPANDN Y6, Y8, Y6
	WORD(Y5, Y6, 40)             // dash
	SPREAD($RUN, X9, Y9)
	VPAND Y9, Y7, Y5
	VPAND Y9, Y8, Y6
	NOTZERO(Y5, Y6, 0)
	SPREAD($HEX, X9, Y9)
	VPAND Y9, Y7, Y5
	VPAND Y9, Y8, Y6
	NOTZERO(Y5, Y6, 16)

	// pairs: the first bytes to Y3, Y4, found to Y5, Y6
	SPREAD($DOT, X9, Y9)
	VPAND Y9, Y7, Y7
	VPAND Y9, Y8, Y8
	CLASS(Y3, Y10, Y11, Y5)
	CLASS(Y4, Y10, Y11, Y6)
	SPREAD($OPEN, X9, Y9)
	VPCMPEQB Y9, Y3, Y3
	VPCMPEQB Y9, Y4, Y4
	PAIRS(1, Y3, Y7, Y5)
	PAIRS(33, Y4, Y8, Y6)
	NOTZERO(Y5, Y6, 48)

	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop

done:
	VZEROUPPER
	RET
