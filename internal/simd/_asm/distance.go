package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func distances() {
	for _, g := range isas() {
		distanceTile(g)
	}
	for _, g := range isas() {
		distanceRow(g)
	}
}

// distanceTile holds a tile of points × (2 vectors of centres) in registers. Every
// coordinate costs one broadcast a point and, a vector, a subtraction and an FMA.
func distanceTile(g *isa) {
	points := 5
	if g.wide {
		points = 8
	}
	TEXT("distanceTile"+g.suffix, NOSPLIT, "func(dst, x, packed *float32, rows, n, d, stride int)")
	Doc("distanceTile"+g.suffix+" computes dst[i·stride + j] = Σ (x[i·d + t] − packed[t·width + j])² for i < rows, j < n,",
		"n at most the width: two vectors.")
	dst, x, packed := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("packed"), GP64())
	rows, d, stride := Load(Param("rows"), GP64()), Load(Param("d"), GP64()), Load(Param("stride"), GP64())
	SHLQ(U8(2), stride) // in bytes, as xRow
	xRow := GP64()
	MOVQ(d, xRow)
	SHLQ(U8(2), xRow)
	n := Load(Param("n"), GP64())
	narrow, done := label("narrow"), label("done")
	CMPQ(n, Imm(uint64(g.lanes)))
	JLE(LabelRef(narrow))
	for _, vectors := range []int{2, 1} {
		for _, m := range []int{points, 1} {
			top, end := label("rows"), label("rowsEnd")
			Label(top)
			CMPQ(rows, Imm(uint64(m)))
			JL(LabelRef(end))
			acc := g.distances(m, vectors, x, xRow, packed, d)
			g.storeTile(acc, dst, stride)
			for range m {
				ADDQ(xRow, x)
				ADDQ(stride, dst)
			}
			SUBQ(Imm(uint64(m)), rows)
			JMP(LabelRef(top))
			Label(end)
		}
		if vectors == 2 {
			JMP(LabelRef(done))
			Label(narrow)
		}
	}
	Label(done)
	VZEROUPPER()
	RET()
}

// distances emits the sums for m points against the first vectors of one packed tile.
func (g *isa) distances(m, vectors int, x, xRow, packed, d Register) [][]vec {
	acc := make([][]vec, m)
	for i := range acc {
		for range vectors {
			acc[i] = append(acc[i], g.zero())
		}
	}
	p, c, t, xRow3 := GP64(), GP64(), GP64(), GP64()
	MOVQ(x, p)
	MOVQ(packed, c)
	MOVQ(d, t)
	LEAQ(Mem{Base: xRow, Index: xRow, Scale: 2}, xRow3)
	p4 := GP64()
	LEAQ(Mem{Base: x, Index: xRow, Scale: 4}, p4)
	top, end := label("coord"), label("coords")
	TESTQ(t, t)
	JE(LabelRef(end))
	Label(top)
	var centres []vec
	for j := range vectors {
		centres = append(centres, g.load(Mem{Base: c, Disp: 4 * g.lanes * j}))
	}
	for i := range acc {
		v := g.reg()
		VBROADCASTSS(pointRow(i, p, p4, xRow, xRow3), v)
		for j, centre := range centres {
			r := g.sub(v, centre)
			VFMADD231PS(r, r, acc[i][j])
		}
	}
	ADDQ(Imm(4), p)
	ADDQ(Imm(4), p4)
	ADDQ(U32(uint32(8*g.lanes)), c)
	DECQ(t)
	JNE(LabelRef(top))
	Label(end)
	return acc
}

// pointRow addresses row i < 8 from p = row 0 and p4 = row 4.
func pointRow(i int, p, p4, row, row3 Register) Mem {
	if i >= 4 {
		p, i = p4, i-4
	}
	switch i {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: row3, Scale: 1}
	}
	return Mem{Base: p, Index: row, Scale: uint8(i)}
}

// storeTile stores the first n columns of the tile; only the last vector may be a part.
func (g *isa) storeTile(acc [][]vec, dst, stride Register) {
	last := len(acc[0]) - 1
	left, p := Load(Param("n"), GP64()), GP64()
	MOVQ(dst, p)
	each := func(store func(i int)) {
		for i := range acc {
			for j := range last {
				VMOVUPS(acc[i][j], Mem{Base: p, Disp: 4 * g.lanes * j})
			}
			store(i)
			if i < len(acc)-1 {
				ADDQ(stride, p)
			}
		}
	}
	m := Mem{Base: p, Disp: 4 * g.lanes * last}
	part, done := label("part"), label("stored")
	SUBQ(Imm(uint64(g.lanes*last)), left)
	CMPQ(left, Imm(uint64(g.lanes)))
	JNE(LabelRef(part))
	each(func(i int) { VMOVUPS(acc[i][last], m) })
	JMP(LabelRef(done))
	Label(part)
	t := g.tailMask(left)
	each(func(i int) { t.store(acc[i][last], m) })
	Label(done)
}

// distanceRow goes along the coordinates, for calls with too few points to be worth
// rearranging the centres.
func distanceRow(g *isa) {
	TEXT("distanceRow"+g.suffix, NOSPLIT, "func(dst, x, c *float32, n, d int)")
	Doc("distanceRow" + g.suffix + " computes dst[j] = Σ (x[t] − c[j·d + t])² for j < n.")
	dst, x, c := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("c"), GP64())
	n, d := Load(Param("n"), GP64()), Load(Param("d"), GP64())
	top, end := label("centre"), label("centres")
	TESTQ(n, n)
	JE(LabelRef(end))
	Label(top)
	acc := [4]vec{g.zero(), g.zero(), g.zero(), g.zero()}
	turn := 0
	g.loop(d, 4, func(i Register, disp int, t *tail) {
		m := func(p Register) Mem { return Mem{Base: p, Index: i, Scale: 4, Disp: disp} }
		r := g.sub(g.loadPart(m(x), t), g.loadPart(m(c), t))
		VFMADD231PS(r, r, acc[turn%4])
		turn++
	})
	total := g.across(g.add, g.add(g.add(acc[0], acc[1]), g.add(acc[2], acc[3])), false)
	VMOVSS(g.low(total), Mem{Base: dst})
	ADDQ(Imm(4), dst)
	LEAQ(at(c, d), c)
	DECQ(n)
	JNE(LabelRef(top))
	Label(end)
	VZEROUPPER()
	RET()
}
