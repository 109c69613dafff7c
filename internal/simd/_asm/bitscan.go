package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes: of a block's codes for eight coordinates, of the two tables for them, and of a column of numbers.
const (
	bitCodes  = 32
	bitTables = 32
	bitColumn = 128
)

// bitScan goes over blocks of 32 rows. A byte of a row's codes has two halves, each the number of an entry in a table: a shuffle
// looks up 32 of them. Byte 2i of a block's 32 is of row i, byte 2i+1 of row 16+i, so that sums of words are of rows in order.
func bitScan() {
	TEXT("bitScanAVX2", NOSPLIT, "func(masks *uint32, codes *byte, rows *float32, tables *byte, limit *float32, blocks, bytes int)")
	Doc("bitScanAVX2 marks rows of blocks: see BitScan.")
	masks, codes, rows := Load(Param("masks"), GP64()), Load(Param("codes"), GP64()), Load(Param("rows"), GP64())
	tables, limit := Load(Param("tables"), GP64()), Load(Param("limit"), GP64())
	blocks, bytes := Load(Param("blocks"), GP64()), Load(Param("bytes"), GP64())
	low := YMM()
	bits := GP32()
	MOVL(U32(0x0f0f0f0f), bits)
	VMOVD(bits, low.AsX())
	VPBROADCASTD(low.AsX(), low)
	number := func(i int) VecVirtual {
		r := YMM()
		VBROADCASTSS(Mem{Base: limit, Disp: 4 * i}, r)
		return r
	}
	scale, offset, norm, most, slope := number(0), number(1), number(2), number(3), number(4)
	top, end := label("blocks"), label("blocksEnd")
	Label(top)
	TESTQ(blocks, blocks)
	JE(LabelRef(end))

	both, odd, table, left := YMM(), YMM(), GP64(), GP64()
	VPXOR(both, both, both)
	VPXOR(odd, odd, odd)
	MOVQ(tables, table)
	MOVQ(bytes, left)
	next := label("byte")
	Label(next)
	code, upper := YMM(), YMM()
	VMOVDQU(Mem{Base: codes}, code)
	VPSRLW(U8(4), code, upper)
	VPAND(low, code, code)
	VPAND(low, upper, upper)
	a, b := YMM(), YMM()
	VBROADCASTI128(Mem{Base: table}, a)
	VBROADCASTI128(Mem{Base: table, Disp: 16}, b)
	VPSHUFB(code, a, a)
	VPSHUFB(upper, b, b)
	VPADDB(b, a, a)
	VPADDW(a, both, both)
	VPSRLW(U8(8), a, a)
	VPADDW(a, odd, odd)
	ADDQ(Imm(bitCodes), codes)
	ADDQ(Imm(bitTables), table)
	DECQ(left)
	JNE(LabelRef(next))

	// both has the even bytes' sums and 256 times the odd ones', modulo 2¹⁶.
	even := YMM()
	VPSLLW(U8(8), odd, even)
	VPSUBW(even, both, even)
	for i, sum := range []VecVirtual{even, odd} {
		for half := range 2 {
			part, v, bound := XMM(), YMM(), YMM()
			VEXTRACTI128(U8(half), sum, part)
			VPMOVZXWD(part, v)
			VCVTDQ2PS(v, v)
			VFMADD213PS(offset, scale, v)
			at := 32 * (2*i + half)
			VMULPS(Mem{Base: rows, Disp: at}, v, v)
			VFMADD231PS(Mem{Base: rows, Disp: bitColumn + at}, norm, v)
			VMOVUPS(Mem{Base: rows, Disp: 2*bitColumn + at}, bound)
			VFMADD213PS(most, slope, bound)
			VCMPPS(U8(le), bound, v, v)
			mask := GP32()
			VMOVMSKPS(v, mask)
			MOVB(mask.As8(), Mem{Base: masks, Disp: 2*i + half})
		}
	}
	ADDQ(U32(3*bitColumn), rows)
	ADDQ(Imm(4), masks)
	DECQ(blocks)
	JMP(LabelRef(top))
	Label(end)
	VZEROUPPER()
	RET()
}
