package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes the routine that turns a strip of rows into columns.
//
//	for j := range cols { for i := range width { dst[j·dstStep+i] = src[i·srcStep+j], or 0 from rows on } }
//
// with width at most the vector's lanes and the steps in bytes.
func (s *isa) transpose() {
	s.function("transpose", "func(dst, src *byte, dstStep, srcStep, rows, width, cols int)")
	var (
		dst, src         = reg.RDI, reg.RSI
		dstStep, srcStep = reg.R8, reg.R9
		rows, cols       = reg.R10, reg.R11
		width            = reg.RBX
		n, tmp, from     = reg.RCX, reg.RAX, reg.RDX
		here, there      = s.masks[0], s.rowsIn
	)
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"dst", dst}, {"src", src}, {"dstStep", dstStep}, {"srcStep", srcStep}, {"rows", rows}, {"cols", cols}, {"width", width}} {
		s.Load(s.Param(p.name), p.to)
	}
	s.MOVQ(width, n)
	s.mask(n, tmp, there)
	a := &allocator{}
	var in []reg.VecPhysical
	for _, v := range s.vecs {
		switch {
		case v == here || v == there:
		case len(in) < s.lanes:
			in = append(in, v)
		default:
			a.give(v)
		}
	}
	s.Label("block")
	s.MOVQ(cols, n)
	s.mask(n, tmp, here)
	s.MOVQ(src, from)
	for i, v := range in {
		s.CMPQ(rows, operand.U8(i))
		s.JLE(operand.LabelRef(label("missing%d", i)))
		s.load(mem(from, 0), here, v)
		s.ADDQ(srcStep, from)
	}
	s.JMP(operand.LabelRef("loaded"))
	for i, v := range in {
		s.Label(label("missing%d", i))
		s.zero(v)
	}
	s.Label("loaded")
	out := s.transposed(a, in)
	s.MOVQ(cols, n)
	s.CMPQ(width, operand.U8(s.lanes))
	s.JNE(operand.LabelRef("part"))
	for _, whole := range []bool{true, false} {
		if !whole {
			s.Label("part")
		}
		for i, v := range out {
			s.storeSome(v, there, mem(dst, 0), whole)
			s.ADDQ(dstStep, dst)
			if i < len(out)-1 {
				s.DECQ(n)
				s.JEQ(operand.LabelRef("done"))
			}
		}
		if whole {
			s.JMP(operand.LabelRef("next"))
		}
	}
	s.Label("next")
	s.ADDQ(operand.U8(s.bytes()), src)
	s.SUBQ(operand.U8(s.lanes), cols)
	s.JGT(operand.LabelRef("block"))
	s.Label("done")
	s.VZEROUPPER()
	s.RET()
}

// copyRows writes the routine that copies short rows and fills them up with zeros.
//
//	for i := range rows { for j := range width { dst[i·dstStep+j] = src[i·srcStep+j], or 0 from cols on } }
//
// with width at most twice the vector's lanes and the steps in bytes.
func (s *isa) copyRows() {
	s.function("copyRows", "func(dst, src *byte, dstStep, srcStep, rows, width, cols int)")
	var (
		dst, src         = reg.RDI, reg.RSI
		dstStep, srcStep = reg.R8, reg.R9
		rows, n, tmp     = reg.R10, reg.RCX, reg.RAX
		from, to         [2]reg.Register
	)
	if s.wide() {
		from, to = [2]reg.Register{reg.K1, reg.K2}, [2]reg.Register{reg.K3, reg.K4}
	} else {
		from, to = [2]reg.Register{reg.Y4, reg.Y5}, [2]reg.Register{reg.Y6, reg.Y7}
	}
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"dst", dst}, {"src", src}, {"dstStep", dstStep}, {"srcStep", srcStep}, {"rows", rows}} {
		s.Load(s.Param(p.name), p.to)
	}
	for v := range 2 {
		for _, m := range []struct {
			name string
			mask reg.Register
		}{{"cols", from[v]}, {"width", to[v]}} {
			s.Load(s.Param(m.name), n)
			s.SUBQ(operand.U8(v*s.lanes), n)
			s.mask(n, tmp, m.mask)
		}
	}
	s.Load(s.Param("width"), n)
	for _, form := range []struct {
		label   string
		vectors int
	}{{"two", 2}, {"one", 1}} {
		next := "after" + form.label
		if form.vectors == 2 {
			s.CMPQ(n, operand.U8(s.lanes))
			s.JLE(operand.LabelRef(next))
		}
		masked := "part" + form.label
		s.CMPQ(n, operand.U8(form.vectors*s.lanes))
		s.JL(operand.LabelRef(masked))
		for _, whole := range []bool{true, false} {
			top := form.label
			if !whole {
				top = masked
			}
			s.Label(top)
			for v := range form.vectors {
				s.load(mem(src, v*s.bytes()), from[v], s.vecs[v])
			}
			for v := range form.vectors {
				s.storeSome(s.vecs[v], to[v], mem(dst, v*s.bytes()), whole)
			}
			s.ADDQ(srcStep, src)
			s.ADDQ(dstStep, dst)
			s.DECQ(rows)
			s.JNE(operand.LabelRef(top))
			s.VZEROUPPER()
			s.RET()
		}
		s.Label(next)
	}
	s.RET() // not reached: a width of one vector or less took the last form
}

// sumRows writes the routine that adds short rows to others.
//
//	for i := range rows { for j := range cols { dst[i·dstStep+j] += src[i·srcStep+j] } }
//
// with cols at most twice the vector's lanes and the steps in bytes.
func (s *isa) sumRows() {
	s.function("sumRows", "func(dst, src *byte, dstStep, srcStep, rows, cols int)")
	var (
		dst, src         = reg.RDI, reg.RSI
		dstStep, srcStep = reg.R8, reg.R9
		rows, n, tmp     = reg.R10, reg.RCX, reg.RAX
		there            [2]reg.Register
	)
	if s.wide() {
		there = [2]reg.Register{reg.K1, reg.K2}
	} else {
		there = [2]reg.Register{reg.Y4, reg.Y5}
	}
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"dst", dst}, {"src", src}, {"dstStep", dstStep}, {"srcStep", srcStep}, {"rows", rows}} {
		s.Load(s.Param(p.name), p.to)
	}
	for v := range 2 {
		s.Load(s.Param("cols"), n)
		s.SUBQ(operand.U8(v*s.lanes), n)
		s.mask(n, tmp, there[v])
	}
	s.Load(s.Param("cols"), n)
	s.CMPQ(n, operand.U8(s.lanes))
	s.JLE(operand.LabelRef("narrow"))
	for _, form := range []struct {
		label   string
		vectors int
	}{{"wide", 2}, {"narrow", 1}} {
		s.Label(form.label)
		for v := range form.vectors {
			s.load(mem(src, v*s.bytes()), there[v], s.vecs[v])
			s.load(mem(dst, v*s.bytes()), there[v], s.vecs[2+v])
			s.VADDPS(s.vecs[v], s.vecs[2+v], s.vecs[v])
			s.store(s.vecs[v], there[v], mem(dst, v*s.bytes()))
		}
		s.ADDQ(srcStep, src)
		s.ADDQ(dstStep, dst)
		s.DECQ(rows)
		s.JNE(operand.LabelRef(form.label))
		s.VZEROUPPER()
		s.RET()
	}
}

// splitRows writes the routine that parts short rows into what stands at even and at odd
// places.
//
//	for i := range rows { for j := range cols {
//		if j is even { even[i·dstStep+j/2] = src[i·srcStep+j] } else { odd[i·dstStep+j/2] = … }
//	} }
//
// with cols at most twice the vector's lanes and the steps in bytes.
func (s *isa) splitRows() {
	s.function("splitRows", "func(even, odd, src *byte, dstStep, srcStep, rows, cols int)")
	var (
		to               = [2]reg.Register{reg.RDI, reg.RDX}
		src              = reg.RSI
		dstStep, srcStep = reg.R8, reg.R9
		rows, n, tmp     = reg.R10, reg.RCX, reg.RAX
		in, out          [2]reg.Register
		order            reg.Register
	)
	if s.wide() {
		in, out, order = [2]reg.Register{reg.K1, reg.K2}, [2]reg.Register{reg.K3, reg.K4}, reg.Z31
	} else {
		in, out = [2]reg.Register{reg.Y8, reg.Y9}, [2]reg.Register{reg.Y10, reg.Y11}
	}
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"even", to[0]}, {"odd", to[1]}, {"src", src}, {"dstStep", dstStep}, {"srcStep", srcStep}, {"rows", rows}} {
		s.Load(s.Param(p.name), p.to)
	}
	for v := range 2 {
		s.Load(s.Param("cols"), n)
		s.SUBQ(operand.U8(v*s.lanes), n)
		s.mask(n, tmp, in[v])
		s.Load(s.Param("cols"), n)
		s.ADDQ(operand.U8(1-v), n) // ⌈cols/2⌉ stand at even places, ⌊cols/2⌋ at odd ones
		s.SHRQ(operand.U8(1), n)
		s.mask(n, tmp, out[v])
	}
	if s.wide() {
		s.VMOVUPS(s.halves, order)
	}
	s.Load(s.Param("cols"), n)
	s.CMPQ(n, operand.U8(2*s.lanes))
	s.JL(operand.LabelRef("part"))
	for _, whole := range []bool{true, false} {
		top := "row"
		if !whole {
			top = "part"
		}
		s.Label(top)
		for v := range 2 {
			s.load(mem(src, v*s.bytes()), in[v], s.vecs[v])
		}
		for v, pick := range []uint8{0x88, 0xdd} {
			got := s.vecs[2+v]
			s.VSHUFPS(operand.U8(pick), s.vecs[1], s.vecs[0], got) // in pairs, one vector's and the other's in turn
			if s.wide() {
				s.VPERMPD(got, order, got)
			} else {
				s.VPERMPD(operand.U8(0xd8), got, got)
			}
			s.storeSome(got, out[v], mem(to[v], 0), whole)
			s.ADDQ(dstStep, to[v])
		}
		s.ADDQ(srcStep, src)
		s.DECQ(rows)
		s.JNE(operand.LabelRef(top))
		s.VZEROUPPER()
		s.RET()
	}
}
