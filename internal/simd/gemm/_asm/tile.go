package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm.tile, and its flags.
const (
	fieldA = 8 * iota
	fieldB
	fieldC
	fieldBias
	fieldRuns
	fieldRunCount
	fieldSteps
	fieldAStep
	fieldBStep
	fieldCStep
	fieldRows
	fieldCols
	fieldFlags
	fieldARow
	fieldBounds
)

const (
	flagAdd = 1 << iota
	flagReLU
	flagTranspose
	flagRowBias
)

// The registers of a tile's routine.
var (
	rTile  = reg.RAX
	rA     = reg.RBX
	rB     = reg.RDX
	rNextA = reg.RSI
	rNextB = reg.RDI
	rC     = reg.R8
	rRuns  = reg.R9
	rLeft  = reg.R10
	rCStep = reg.R11
	rAStep = reg.R12
	rBStep = reg.R13
	rCount = reg.RCX

	// Of a tile whose A is a matrix: the distance of its rows, three and five times. With the scales of addresses they reach seven rows.
	rARow, rARow3, rARow5 = reg.R12, reg.R14, reg.R15
)

// tile writes the routine that multiplies one tile. Its accumulators are vecs[width·r + v].
func (s *isa) tile() {
	s.tileOf("tile", s.mr)
}

// tileRows writes the same for an A whose rows lie apart: a step is one value on, and C is not transposed.
func (s *isa) tileRows() {
	s.byRows = true
	s.tileOf("tileRows", min(s.mr, 7))
	s.byRows = false
}

// tilePairs writes tile for pairs of int16 instead of numbers: a product of pairs is the sum of two products, as int32, and so are bias and C. There are no bounds.
func (s *isa) tilePairs() {
	s.pairs = true
	s.tileOf("tilePairs", s.mr)
	s.pairs = false
}

// add adds what tiles sum: numbers, or integers.
func (s *isa) add(a, b, dst operand.Op) {
	if s.pairs {
		s.VPADDD(a, b, dst)
	} else {
		s.VADDPS(a, b, dst)
	}
}

func (s *isa) tileOf(routine string, mr int) {
	s.function(routine, "func(t *byte)")
	s.Load(s.Param("t"), rTile)
	for _, f := range []struct {
		field int
		to    reg.Register
	}{
		{fieldA, rA},
		{fieldB, rB},
		{fieldC, rC},
		{fieldRuns, rRuns},
		{fieldRunCount, rLeft},
		{fieldCStep, rCStep},
		{fieldAStep, rAStep},
		{fieldBStep, rBStep},
	} {
		s.MOVQ(mem(rTile, f.field), f.to)
	}
	if s.byRows {
		s.MOVQ(mem(rTile, fieldARow), rARow)
		s.LEAQ(operand.Mem{Base: rARow, Index: rARow, Scale: 2}, rARow3)
		s.LEAQ(operand.Mem{Base: rARow, Index: rARow, Scale: 4}, rARow5)
	}
	s.MOVQ(mem(rTile, fieldRows), rCount)
	s.CMPQ(mem(rTile, fieldCols), operand.U8(s.lanes))
	s.JLE(operand.LabelRef("narrow"))
	for r := mr; r > 1; r-- {
		s.CMPQ(rCount, operand.U8(r))
		s.JEQ(operand.LabelRef(label("rows%dx2", r)))
	}
	s.JMP(operand.LabelRef("rows1x2"))
	s.Label("narrow")
	for r := mr; r > 1; r-- {
		s.CMPQ(rCount, operand.U8(r))
		s.JEQ(operand.LabelRef(label("rows%dx1", r)))
	}
	s.JMP(operand.LabelRef("rows1x1"))
	for _, width := range []int{2, 1} {
		for r := mr; r > 0; r-- {
			s.product(r, width)
		}
		s.finish(width, mr)
	}
}

// product writes the loops for a tile of the given rows and vectors.
func (s *isa) product(rows, width int) {
	name := func(part string) string { return label("%s%dx%d", part, rows, width) }
	sets := s.sets(rows * width)
	s.Label(name("rows"))
	for i := range rows * width * sets {
		s.zero(s.vecs[i])
	}
	s.prefetch(name, rows, width)
	s.Label(name("run"))
	s.MOVQ(mem(rRuns, 0), rNextA)
	s.MOVQ(mem(rRuns, 8), rNextB)
	s.ADDQ(rA, rNextA)
	s.ADDQ(rB, rNextB)
	s.ADDQ(operand.U8(16), rRuns)
	s.MOVQ(mem(rTile, fieldSteps), rCount)
	s.SUBQ(operand.U8(4), rCount)
	s.JLT(operand.LabelRef(name("rest")))
	s.Label(name("four"))
	for i := range 4 {
		s.step(rows, width, i%sets, i)
	}
	s.advance(4)
	s.SUBQ(operand.U8(4), rCount)
	s.JGE(operand.LabelRef(name("four")))
	s.Label(name("rest"))
	s.ADDQ(operand.U8(4), rCount)
	s.JEQ(operand.LabelRef(name("end")))
	s.Label(name("one"))
	s.step(rows, width, 0, 0)
	s.advance(1)
	s.DECQ(rCount)
	s.JNE(operand.LabelRef(name("one")))
	s.Label(name("end"))
	s.DECQ(rLeft)
	s.JNE(operand.LabelRef(name("run")))
	for i := rows * width * sets; i > rows*width; i-- {
		s.add(s.vecs[i-1], s.vecs[i-1-rows*width], s.vecs[i-1-rows*width])
	}
	s.JMP(operand.LabelRef(label("finish%d", width)))
}

// prefetch asks for the rows of C that the tile will be written to.
func (s *isa) prefetch(name func(string) string, rows, width int) {
	if !s.byRows {
		s.TESTQ(operand.U32(flagTranspose), mem(rTile, fieldFlags))
		s.JNE(operand.LabelRef(name("run")))
	}
	s.MOVQ(rC, rNextA)
	for r := range rows {
		for v := 0; v < width*s.bytes(); v += 64 {
			s.PREFETCHT0(mem(rNextA, v))
		}
		if r < rows-1 {
			s.ADDQ(rCStep, rNextA)
		}
	}
}

// sets returns how many sets of accumulators a small tile takes turns with, so that a
// sum does not wait for the one before it: two additions a cycle, each of four cycles.
func (s *isa) sets(accumulators int) int {
	sets := 1
	for sets < 4 && sets*accumulators < 8 && 2*sets*accumulators <= len(s.vecs)-4 {
		sets *= 2
	}
	return sets
}

// step adds the outer product of one row of A's panel and one of B's to a set of accumulators. at is the number of steps since A's address moved.
func (s *isa) step(rows, width, set, at int) {
	n := len(s.vecs)
	b := s.vecs[n-width:]
	for v := range width {
		s.VMOVUPS(mem(rNextB, v*s.bytes()), b[v])
	}
	for r := range rows {
		if s.pairs {
			s.stepOfPairs(s.elementOfA(r, at), b, s.vecs[(set*rows+r)*width:])
			continue
		}
		a := s.vecs[n-4+r%2]
		s.VBROADCASTSS(s.elementOfA(r, at), a)
		for v := range width {
			s.VFMADD231PS(b[v], a, s.vecs[(set*rows+r)*width+v])
		}
	}
	if !s.byRows {
		s.ADDQ(rAStep, rNextA)
	}
	s.ADDQ(rBStep, rNextB)
}

// stepOfPairs adds to the sums of a row the products of A's pair with those of b. The last product takes the place of A's pair.
func (s *isa) stepOfPairs(of operand.Mem, b, sums []reg.VecPhysical) {
	a, product := s.vecs[len(s.vecs)-4], s.vecs[len(s.vecs)-3]
	s.VPBROADCASTD(of, a)
	for v := range b {
		if v == len(b)-1 {
			product = a
		}
		s.VPMADDWD(b[v], a, product)
		s.VPADDD(product, sums[v], sums[v])
	}
}

// elementOfA is where the value of row r is.
func (s *isa) elementOfA(r, at int) operand.Mem {
	if !s.byRows {
		return mem(rNextA, 4*r)
	}
	m := mem(rNextA, 4*at)
	switch r {
	case 1, 2, 4:
		m.Index, m.Scale = rARow, uint8(r)
	case 3, 6:
		m.Index, m.Scale = rARow3, uint8(r/3)
	case 5:
		m.Index, m.Scale = rARow5, 1
	}
	return m
}

// advance moves A's address by steps, where each has not.
func (s *isa) advance(steps int) {
	if s.byRows {
		s.ADDQ(operand.U8(4*steps), rNextA)
	}
}

// finish writes what follows the products of the given width: the epilogue and the stores.
func (s *isa) finish(width, mr int) {
	name := func(part string) string { return label("%s%d", part, width) }
	s.Label(name("finish"))
	for v := range width {
		s.MOVQ(mem(rTile, fieldCols), rCount)
		s.SUBQ(operand.U8(v*s.lanes), rCount)
		s.mask(rCount, rNextA, s.masks[v])
	}
	s.MOVQ(mem(rTile, fieldFlags), rNextB)
	s.MOVQ(rNextB, rCount)
	s.ANDQ(operand.U8(flagAdd|flagTranspose), rCount)
	s.CMPQ(rCount, operand.U8(flagAdd))
	s.JNE(operand.LabelRef(name("fresh")))
	s.addRows(name, width, mr)
	s.Label(name("fresh"))
	s.addBias(name, width, mr)
	if !s.pairs {
		s.relu(name, width, mr)
	}
	s.MOVQ(mem(rTile, fieldRows), rCount)
	if s.byRows {
		s.storeRows(name, width, mr)
		return
	}
	s.TESTQ(operand.U32(flagTranspose), rNextB)
	s.JNE(operand.LabelRef(name("columns")))
	s.storeRows(name, width, mr)
	s.Label(name("columns"))
	s.storeColumns(name, width)
}

// addRows adds what C holds to the tile.
func (s *isa) addRows(name func(string) string, width, mr int) {
	old := s.vecs[len(s.vecs)-4]
	s.MOVQ(mem(rTile, fieldRows), rCount)
	s.MOVQ(rC, rNextA)
	for r := range mr {
		for v := range width {
			s.load(mem(rNextA, v*s.bytes()), s.masks[v], old)
			s.add(old, s.vecs[width*r+v], s.vecs[width*r+v])
		}
		if r < mr-1 {
			s.DECQ(rCount)
			s.JEQ(operand.LabelRef(name("fresh")))
			s.ADDQ(rCStep, rNextA)
		}
	}
}

func (s *isa) addBias(name func(string) string, width, mr int) {
	bias := s.vecs[len(s.vecs)-4]
	s.MOVQ(mem(rTile, fieldBias), rNextA)
	s.TESTQ(rNextA, rNextA)
	s.JEQ(operand.LabelRef(name("unbiased")))
	s.TESTQ(operand.U32(flagRowBias), rNextB)
	s.JEQ(operand.LabelRef(name("columnBias")))
	s.MOVQ(mem(rTile, fieldRows), rCount)
	for r := range mr {
		s.VBROADCASTSS(mem(rNextA, 4*r), bias)
		for v := range width {
			s.add(bias, s.vecs[width*r+v], s.vecs[width*r+v])
		}
		if r < mr-1 {
			s.DECQ(rCount)
			s.JEQ(operand.LabelRef(name("unbiased")))
		}
	}
	s.JMP(operand.LabelRef(name("unbiased")))
	s.Label(name("columnBias"))
	for v := range width {
		s.load(mem(rNextA, v*s.bytes()), s.masks[v], bias)
		for r := range mr {
			s.add(bias, s.vecs[width*r+v], s.vecs[width*r+v])
		}
	}
	s.Label(name("unbiased"))
}

// relu cuts off below 0, and within bounds where there are some. It keeps NaN: VMAXPS and VMINPS return their last source then.
func (s *isa) relu(name func(string) string, width, mr int) {
	zero := s.vecs[len(s.vecs)-4]
	s.TESTQ(operand.U32(flagReLU), rNextB)
	s.JEQ(operand.LabelRef(name("linear")))
	s.zero(zero)
	for i := range mr * width {
		s.VMAXPS(s.vecs[i], zero, s.vecs[i])
	}
	s.Label(name("linear"))
	s.MOVQ(mem(rTile, fieldBounds), rNextA)
	s.TESTQ(rNextA, rNextA)
	s.JEQ(operand.LabelRef(name("unbounded")))
	low, high := s.vecs[len(s.vecs)-4], s.vecs[len(s.vecs)-3]
	s.VBROADCASTSS(mem(rNextA, 0), low)
	s.VBROADCASTSS(mem(rNextA, 4), high)
	for i := range mr * width {
		s.VMAXPS(s.vecs[i], low, s.vecs[i])
		s.VMINPS(s.vecs[i], high, s.vecs[i])
	}
	s.Label(name("unbounded"))
}

func (s *isa) storeRows(name func(string) string, width, mr int) {
	s.MOVQ(mem(rTile, fieldCols), rNextA)
	s.CMPQ(rNextA, operand.U8(width*s.lanes))
	s.JL(operand.LabelRef(name("part")))
	for _, whole := range []bool{true, false} {
		done := name("done")
		if !whole {
			done = name("partDone")
			s.Label(name("part"))
		}
		for r := range mr {
			for v := range width {
				s.storeSome(s.vecs[width*r+v], s.masks[v], mem(rC, v*s.bytes()), whole)
			}
			if r < mr-1 {
				s.DECQ(rCount)
				s.JEQ(operand.LabelRef(done))
				s.ADDQ(rCStep, rC)
			}
		}
		s.Label(done)
		s.VZEROUPPER()
		s.RET()
	}
}

// storeColumns writes the tile's columns as rows of C.
func (s *isa) storeColumns(name func(string) string, width int) {
	s.mask(rCount, rNextA, s.rowsIn)
	s.MOVQ(mem(rTile, fieldCols), rCount)
	a := &allocator{}
	for _, v := range s.vecs[s.mr*width : len(s.vecs)] {
		if v != s.rowsIn {
			a.give(v)
		}
	}
	for v := range width {
		rows := make([]reg.VecPhysical, s.lanes)
		for r := range min(s.mr, s.lanes) {
			rows[r] = s.vecs[width*r+v]
		}
		cols := s.transposed(a, rows)
		part := func(p string) string { return label("%s%d_%d", p, width, v) }
		s.TESTQ(operand.U32(flagAdd), mem(rTile, fieldFlags))
		s.JEQ(operand.LabelRef(part("fresh")))
		s.sumColumns(a, cols, part)
		s.Label(part("fresh"))
		if s.wide() {
			s.eachColumn(name, cols, v == width-1, func(c reg.VecPhysical) { s.store(c, s.rowsIn, mem(rC, 0)) })
		} else {
			s.MOVQ(mem(rTile, fieldRows), rNextA)
			for n := s.mr; n > 0; n-- {
				next := part(label("rows%d_", n))
				s.CMPQ(rNextA, operand.U8(n))
				s.JNE(operand.LabelRef(next))
				s.eachColumn(name, cols, v == width-1, func(c reg.VecPhysical) { s.storeFirst(c, n, mem(rC, 0)) })
				s.JMP(operand.LabelRef(part("stored")))
				s.Label(next)
			}
			s.Label(part("stored"))
		}
		a.give(cols...)
	}
	s.Label(name("end"))
	s.VZEROUPPER()
	s.RET()
}

// eachColumn stores one column after the other until the last one that is there; last tells that no vector of them follows.
func (s *isa) eachColumn(name func(string) string, cols []reg.VecPhysical, last bool, store func(c reg.VecPhysical)) {
	for i, c := range cols {
		store(c)
		if last && i == len(cols)-1 {
			s.JMP(operand.LabelRef(name("end")))
			break
		}
		s.DECQ(rCount)
		s.JEQ(operand.LabelRef(name("end")))
		s.ADDQ(rCStep, rC)
	}
}

// sumColumns adds what C holds to the columns about to be stored.
func (s *isa) sumColumns(a *allocator, cols []reg.VecPhysical, part func(string) string) {
	old := a.take()
	s.MOVQ(rC, rNextA)
	s.MOVQ(rCount, rNextB)
	for _, c := range cols {
		s.load(mem(rNextA, 0), s.rowsIn, old)
		s.add(old, c, c)
		s.DECQ(rNextB)
		s.JEQ(operand.LabelRef(part("fresh")))
		s.ADDQ(rCStep, rNextA)
	}
	a.give(old)
}
