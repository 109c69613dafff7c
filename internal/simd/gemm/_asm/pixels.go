package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pixels writes the routine that computes channels of pixels, two vectors of them a pixel, from the planes of an image, step bytes apart.
//
//	for p := range n { y[p] = min(max(bias + Σ_s w[s]·x[s·step/4+p], low), high) }
//
// with bounds low and high; y, w and bias are of two vectors, x of numbers. n is at least the rows of a tile. NaN stays.
func (s *isa) pixels() {
	y, x, w, bias, bounds, steps, step, n := reg.RDI, reg.RSI, reg.RDX, reg.RCX, reg.R8, reg.R9, reg.R10, reg.R11
	from, weights, left, back := reg.RAX, reg.RBX, reg.R12, reg.R13
	s.function("pixels", "func(y, x, w, bias, bounds *byte, steps, step, n int)")
	s.params("y", y, "x", x, "w", w, "bias", bias, "bounds", bounds, "steps", steps, "step", step, "n", n)
	size := len(s.vecs)
	b, a := s.vecs[size-4:size-2], s.vecs[size-2:]
	s.Label("tile")
	for v := range 2 {
		s.VMOVUPS(mem(bias, v*s.bytes()), s.vecs[v])
		for r := 1; r < s.mr; r++ {
			s.VMOVAPS(s.vecs[v], s.vecs[2*r+v])
		}
	}
	s.MOVQ(x, from)
	s.MOVQ(w, weights)
	s.MOVQ(steps, left)
	s.Label("step")
	for v := range 2 {
		s.VMOVUPS(mem(weights, v*s.bytes()), b[v])
	}
	for r := range s.mr {
		s.VBROADCASTSS(mem(from, 4*r), a[r%2])
		for v := range 2 {
			s.VFMADD231PS(b[v], a[r%2], s.vecs[2*r+v])
		}
	}
	s.ADDQ(step, from)
	s.ADDQ(operand.U32(uint32(2*s.bytes())), weights)
	s.DECQ(left)
	s.JNE(operand.LabelRef("step"))
	s.VBROADCASTSS(mem(bounds, 0), b[0])
	s.VBROADCASTSS(mem(bounds, 4), b[1])
	for i := range 2 * s.mr { // either instruction gives its last source where one is NaN
		s.VMAXPS(s.vecs[i], b[0], s.vecs[i])
		s.VMINPS(s.vecs[i], b[1], s.vecs[i])
		s.VMOVUPS(s.vecs[i], mem(y, i*s.bytes()))
	}
	s.SUBQ(operand.U8(s.mr), n)
	s.JEQ(operand.LabelRef("end"))
	s.ADDQ(operand.U32(uint32(2*s.mr*s.bytes())), y)
	s.ADDQ(operand.U8(4*s.mr), x)
	s.CMPQ(n, operand.U8(s.mr))
	s.JGE(operand.LabelRef("tile"))
	s.SUBQ(operand.U8(s.mr), n) // a last tile of what partly was before
	s.LEAQ(operand.Mem{Base: x, Index: n, Scale: 4}, x)
	s.IMUL3Q(operand.U32(uint32(2*s.bytes())), n, back)
	s.ADDQ(back, y)
	s.MOVQ(operand.U32(uint32(s.mr)), n)
	s.JMP(operand.LabelRef("tile"))
	s.Label("end")
	s.VZEROUPPER()
	s.RET()
}
