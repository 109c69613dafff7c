package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes: of a pair of coordinates of a block of 16 rows, of one of a block's three
// columns of numbers, and of a query's limit.
const (
	scanPair   = 32
	scanColumn = 64
	scanLimit  = 32
)

func scans() {
	for _, width := range []int{1, 2, 4, 8} {
		for _, g := range isas() {
			scan(g, width, false)
		}
	}
	for _, width := range []int{1, 2, 4, 8} {
		scan(isas()[1], width, true)
	}
}

// A scanFrame is where a kernel is, and its registers. A vector has one row's number a lane, a
// whole block of them or, in AVX2, half of it.
type scanFrame struct {
	*isa
	width                  int  // queries
	vnni                   bool // multiply and add in one instruction
	masks, codes, rows     Register
	queries, limits, pairs Register
	codesBlock, masksBlock Register // what a block and the next are apart, in bytes
}

// scan goes over blocks, two at a time where there are registers for that. Each pair of
// coordinates of a block is widened to words once, and multiplied by every query's.
func scan(g *isa, width int, vnni bool) {
	name := fmt.Sprintf("scan%d%s", width, g.suffix)
	if vnni {
		name = fmt.Sprintf("scan%dVNNI", width)
	}
	TEXT(name, NOSPLIT, "func(masks *uint16, codes *int8, rows *float32, queries *int32, limits *float32, blocks, pairs, stride int)")
	Doc(fmt.Sprintf("%s marks rows of blocks for %d queries: see Scan. stride is what masks of a block and of the next are apart.", name, width))
	f := &scanFrame{
		isa: g, width: width, vnni: vnni,
		masks: Load(Param("masks"), GP64()), codes: Load(Param("codes"), GP64()), rows: Load(Param("rows"), GP64()),
		queries: Load(Param("queries"), GP64()), limits: Load(Param("limits"), GP64()), pairs: Load(Param("pairs"), GP64()),
		masksBlock: Load(Param("stride"), GP64()), codesBlock: GP64(),
	}
	blocks := Load(Param("blocks"), GP64())
	SHLQ(U8(1), f.masksBlock)
	MOVQ(f.pairs, f.codesBlock)
	SHLQ(U8(5), f.codesBlock)
	together := []int{1}
	if g.wide {
		together = []int{2, 1}
	}
	for _, m := range together {
		top, end := label("blocks"), label("blocksEnd")
		Label(top)
		CMPQ(blocks, Imm(uint64(m)))
		JL(LabelRef(end))
		f.blocks(m)
		SUBQ(Imm(uint64(m)), blocks)
		JMP(LabelRef(top))
		Label(end)
	}
	VZEROUPPER()
	RET()
}

// blocks marks m blocks and steps to the next.
func (f *scanFrame) blocks(m int) {
	parts := 1
	if !f.wide {
		parts = 2
	}
	for part := range parts {
		for i, products := range f.products(m, part) {
			next := GP64()
			MOVQ(f.masks, next)
			if i == 1 {
				ADDQ(f.masksBlock, next)
			}
			for j, p := range products {
				f.mark(p, Mem{Base: next, Disp: 2*j + part}, 3*scanColumn*i+32*part, scanLimit*j)
			}
		}
	}
	for range m {
		ADDQ(f.codesBlock, f.codes)
		ADDQ(f.masksBlock, f.masks)
	}
	ADDQ(U32(uint32(3*scanColumn*m)), f.rows)
}

// products returns the sums of m blocks for each query; part is the half of a block.
func (f *scanFrame) products(m, part int) [][]vec {
	code, other, query, left := GP64(), GP64(), GP64(), GP64()
	MOVQ(f.codes, code)
	LEAQ(Mem{Base: f.codes, Index: f.codesBlock, Scale: 1}, other)
	MOVQ(f.queries, query)
	MOVQ(f.pairs, left)
	zero := f.reg()
	if f.wide {
		VPXORD(zero, zero, zero)
	} else {
		VPXOR(zero, zero, zero)
	}
	sums := make([][]vec, m)
	for i := range sums {
		for range f.width {
			sums[i] = append(sums[i], f.mov(zero))
		}
	}
	top := label("pair")
	Label(top)
	words := make([]vec, m)
	for i := range words {
		words[i] = f.reg()
		VPMOVSXBW(Mem{Base: []Register{code, other}[i], Disp: 16 * part}, words[i])
	}
	for j := range f.width {
		f.multiply(sums, words, j, Mem{Base: query, Disp: 4 * j})
	}
	ADDQ(Imm(scanPair), code)
	ADDQ(Imm(scanPair), other)
	ADDQ(Imm(uint64(4*f.width)), query)
	DECQ(left)
	JNE(LabelRef(top))
	return sums
}

// multiply adds a pair's products with query j to each block's sums.
func (f *scanFrame) multiply(sums [][]vec, words []vec, j int, query Mem) {
	pair := f.reg()
	VPBROADCASTD(query, pair)
	for i, w := range words {
		if f.vnni {
			VPDPWSSD(w, pair, sums[i][j])
			continue
		}
		p := f.reg()
		VPMADDWD(w, pair, p)
		VPADDD(p, sums[i][j], sums[i][j])
	}
}

// mark compares the rows with their bounds and stores a bit each. row and limit are where the
// block's columns and the query's limit begin.
func (f *scanFrame) mark(sum vec, mask Mem, row, limit int) {
	column := func(i int) Mem { return Mem{Base: f.rows, Disp: row + scanColumn*i} }
	number := func(i int) vec {
		r := f.reg()
		VBROADCASTSS(Mem{Base: f.limits, Disp: limit + 4*i}, r)
		return r
	}
	v := f.reg()
	VCVTDQ2PS(sum, v)
	VMULPS(column(0), v, v)
	VMULPS(number(0), v, v)
	VFMADD231PS(column(1), number(1), v)
	err, bound := f.load(column(2)), number(4)
	VFMADD213PS(number(3), err, bound)
	VFMADD213PS(number(2), err, bound)
	bits := GP32()
	if f.wide {
		k := K()
		VCMPPS(U8(le), bound, v, k)
		KMOVW(k, bits)
		MOVW(bits.As16(), mask)
		return
	}
	VCMPPS(U8(le), bound, v, v)
	VMOVMSKPS(v, bits)
	MOVB(bits.As8(), mask)
}
