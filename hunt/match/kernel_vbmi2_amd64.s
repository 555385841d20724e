#include "textflag.h"
#include "kernel_avx512_amd64.h"

// The kernel for AVX-512 with VBMI2: it makes the bitmaps and, while they are in
// registers, the places that findEnds makes of them. The bits of a word become
// places with one instruction that packs the numbers of the bits that are set.

DATA numbers<>+0(SB)/8, $0x0706050403020100
DATA numbers<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA numbers<>+16(SB)/8, $0x1716151413121110
DATA numbers<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA numbers<>+32(SB)/8, $0x2726252423222120
DATA numbers<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA numbers<>+48(SB)/8, $0x3736353433323130
DATA numbers<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL numbers<>(SB), RODATA|NOPTR, $64

// Offsets in a front; see kernel_amd64.go.
#define CARRY0  32
#define CARRY1  40
#define CARRY2  48
#define CARRYH  56
#define SEEDS   64
#define NUMBERS 72
#define LEAST   80
#define LANE16  88
#define ODD     96
#define DOUBLES 104
#define LISTS   112 // names, numbers, hexes, starts, colons: where, how many

// ADD adds x and y and the carry kept at off, to x.
#define ADD(y, x, off) \
	MOVQ off(DX), BX \
	ADDQ $-1, BX     \
	ADCQ y, x        \
	SBBQ BX, BX      \
	NEGQ BX          \
	MOVQ BX, off(DX)

// LIST appends the places of the ones of x, of which there are at most 32, to list n.
// It leaves their number in x.
#define LIST(x, n) \
	KMOVQ       x, K6                  \
	VPCOMPRESSB Z24, K6, Z25           \
	MOVQ        (LISTS+16*n)(DX), BX   \
	MOVQ        (LISTS+8+16*n)(DX), AX \
	VPMOVZXBW   Y25, Z26               \
	VPADDW      Z27, Z26, Z26          \
	VMOVDQU64   Z26, (BX)(AX*2)        \
	POPCNTQ     x, x                   \
	ADDQ        x, AX                  \
	MOVQ        AX, (LISTS+8+16*n)(DX)

// func frontVBMI2(f *front)
TEXT ·frontVBMI2(SB), NOSPLIT, $0-8
	MOVQ f+0(FP), DX
	MOVQ 0(DX), DI
	MOVQ 8(DX), SI
	MOVQ 16(DX), CX
	MOVQ 24(DX), AX
	CONSTANTS(AX)
	VMOVDQU64 numbers<>(SB), Z24
	ALL($0x0040004000400040, Z28) // what the place of a block grows by
	VPXORQ Z27, Z27, Z27          // place of the block
	TESTQ CX, CX
	JZ done

loop:
	BITMAP
	ORQ R15, ODD(DX)

	// two dots beside each other
	MOVQ  -56(DI), AX
	MOVQ  R9, R15
	SHLQ  $1, AX, R15
	ANDQ  R9, R15
	ORQ   R15, DOUBLES(DX)

	// ends of tokens with a dot, of those with three
	MOVQ  -32(DI), AX
	SHLQ  $1, AX, R12             // after a digit
	MOVQ  R8, R14
	ADD(R9, R14, CARRY0)
	MOVQ  R9, R15                 // dots that are not the first
	ANDQ  R14, R15
	NOTQ  R8
	ANDQ  R8, R14                 // ends
	NOTQ  R8
	MOVQ  R8, R9
	ADD(R15, R9, CARRY1)
	ANDQ  R9, R15
	MOVQ  R8, R9
	ADD(R15, R9, CARRY2)
	NOTQ  R8
	ANDQ  R8, R9                  // ends of tokens with three
	MOVQ  R14, AX
	ANDQ  NUMBERS(DX), AX
	ORQ   AX, R9
	ANDQ  R12, R9
	NOTQ  R12
	ANDQ  R12, R14
	LIST(R14, 0)
	LIST(R9, 1)

	// whole lanes of hex digits
	MOVQ  R10, R14
	SHRQ  $1, R14
	ANDQ  R10, R14
	MOVQ  R14, AX
	SHRQ  $2, AX
	ANDQ  AX, R14
	MOVQ  R14, AX
	SHRQ  $4, AX
	ANDQ  AX, R14
	CMPQ  LANE16(DX), $0
	JEQ   seeds
	MOVQ  R14, AX
	SHRQ  $8, AX
	ANDQ  AX, R14

seeds:
	ANDQ  SEEDS(DX), R14
	MOVQ  R14, AX
	ORQ   CARRYH(DX), AX
	JZ    pairs
	MOVQ  R10, R9
	ADD(R14, R9, CARRYH)
	NOTQ  R10
	ANDQ  R10, R9
	JZ    pairs
	LIST(R9, 2)

pairs:
	LIST(R13, 3)
	CMPQ  R13, $32
	JGT   manyPairs

colons:
	MOVQ  -40(DI), AX             // colons before
	MOVQ  R11, R14
	SHLQ  $1, AX, R14
	ANDQ  R11, R14
	JNZ   many
	MOVQ  -48(DI), BX             // hex digits before
	MOVQ  16(DI), R14
	SHLQ  $1, BX, R14
	ANDQ  R11, R14                // colons behind a hex digit
	POPCNTQ R14, R14
	LEAQ  1(BX)(BX*1), BX         // and before
	ANDQ  BX, AX
	POPCNTQ AX, AX
	ADDQ  AX, R14
	CMPQ  R14, LEAST(DX)
	JGE   many

next:
	VPADDW Z28, Z27, Z27
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

manyPairs:                            // the others of them, behind those listed
	VEXTRACTI64X4 $1, Z25, Y25
	VPMOVZXBW Y25, Z26
	VPADDW    Z27, Z26, Z26
	SUBQ      R13, AX
	VMOVDQU64 Z26, 64(BX)(AX*2)
	JMP       colons

many:
	MOVQ  (LISTS+64)(DX), BX
	MOVQ  (LISTS+72)(DX), AX
	MOVQ  16(DX), R14
	SUBQ  CX, R14
	INCQ  R14                     // number of the block, from 1
	MOVW  R14, (BX)(AX*2)
	INCQ  (LISTS+72)(DX)
	JMP   next

done:
	VZEROUPPER
	RET
