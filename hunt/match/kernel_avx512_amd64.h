// What the two kernels for AVX-512 share: it makes the bitmap of 64 bytes.

// CLASS512 looks the bytes of src up in the nibbles low and high.
#define CLASS512(src, low, high, dst) \
	VPSRLW  $4, src, dst       \
	VPANDQ  Z2, dst, dst       \
	VPSHUFB dst, high, dst     \
	VPSHUFB src, low, Z31      \
	VPANDQ  Z31, dst, dst

// ALL fills the vector z with eight bytes.
#define ALL(bytes, z) \
	MOVQ         bytes, AX \
	VPBROADCASTQ AX, z

// CONSTANTS loads what BITMAP needs, from the tables at t: the nibbles of classes (Z0,
// Z1), of first (Z10, Z11) and second bytes of pairs (Z12, Z13), the bits of run, hex,
// colon, digit and dash-or-dot (Z16 to Z20), and the signs ']', '(' and '0' (Z21 to Z23).
#define CONSTANTS(t) \
	VBROADCASTI32X4 (t), Z0       \
	VBROADCASTI32X4 16(t), Z1     \
	VBROADCASTI32X4 32(t), Z10    \
	VBROADCASTI32X4 48(t), Z11    \
	VBROADCASTI32X4 64(t), Z12    \
	VBROADCASTI32X4 80(t), Z13    \
	ALL($0x0f0f0f0f0f0f0f0f, Z2)  \
	ALL($0x1f1f1f1f1f1f1f1f, Z16) \
	ALL($0x2222222222222222, Z17) \
	ALL($0x4040404040404040, Z18) \
	ALL($0x0202020202020202, Z19) \
	ALL($0x0101010101010101, Z20) \
	ALL($0x5d5d5d5d5d5d5d5d, Z21) \
	ALL($0x2828282828282828, Z22) \
	ALL($0x3030303030303030, Z23)

// BITMAP writes the bitmap of 64 bytes at SI to DI. It leaves run, dot, hex, colon,
// digit, pair and odd in R8, R9, R10, R11, R12, R13 and R15.
#define BITMAP \
	VMOVDQU64 (SI), Z3       \
	VMOVDQU64 1(SI), Z4      \
	VPMOVB2M  Z3, K1         \
	VPTESTNMB Z3, Z3, K2     \
	KORQ      K1, K2, K1     \
	KMOVQ     K1, R15        \
	MOVQ      R15, 56(DI)    \
	CLASS512(Z3, Z0, Z1, Z5) \
	VPTESTMB  Z16, Z5, K1    \
	KMOVQ     K1, R8         \
	MOVQ      R8, (DI)       \
	VPMOVB2M  Z5, K2         \
	KMOVQ     K2, R9         \
	MOVQ      R9, 8(DI)      \
	VPTESTMB  Z17, Z5, K1    \
	KMOVQ     K1, R10        \
	MOVQ      R10, 16(DI)    \
	VPTESTMB  Z18, Z5, K1    \
	KMOVQ     K1, R11        \
	MOVQ      R11, 24(DI)    \
	VPTESTMB  Z19, Z5, K1    \
	KMOVQ     K1, R12        \
	MOVQ      R12, 32(DI)    \
	VPTESTMB  Z20, Z5, K1    \
	KANDNQ    K1, K2, K1     \
	KMOVQ     K1, 40(DI)     \
	CLASS512(Z3, Z10, Z11, Z6) \
	CLASS512(Z4, Z12, Z13, Z7) \
	VPTESTMB  Z6, Z7, K3     \
	VPCMPEQB  Z21, Z4, K2, K4 \
	KORQ      K4, K3, K3     \
	VPCMPEQB  Z22, Z3, K5    \
	VPCMPEQB  Z23, Z4, K5, K5 \
	KORQ      K5, K3, K3     \
	KMOVQ     K3, R13        \
	MOVQ      R13, 48(DI)
