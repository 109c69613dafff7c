package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// taps writes the routine that filters a stretch.
//
//	for i := range n { y[i] = bias + Σ_t w[t]·x[at[t]+i] }
//
// with at in bytes.
func (s *isa) taps() {
	s.function("taps", "func(y, x, at, w *byte, taps, n int, bias float32)")
	y, x, at, w, taps, n := reg.RDI, reg.RSI, reg.RDX, reg.R8, reg.R9, reg.R10
	t, from, tmp := reg.RCX, reg.RAX, reg.RBX
	bias, weight, old := s.vecs[8], s.vecs[9], s.vecs[10]
	s.params("y", y, "x", x, "at", at, "w", w, "taps", taps, "n", n)
	s.broadcastParam("bias", bias)
	for _, vectors := range []int{8, 2, 1} {
		size := s.lanes * vectors
		next := label("after%d", vectors)
		s.Label(label("by%d", vectors))
		s.CMPQ(n, operand.U32(uint32(size)))
		s.JLT(operand.LabelRef(next))
		for v := range vectors {
			s.VMOVAPS(bias, s.vecs[v])
		}
		s.XORQ(t, t)
		s.Label(label("tap%d", vectors))
		s.MOVQ(operand.Mem{Base: at, Index: t, Scale: 8}, from)
		s.ADDQ(x, from)
		s.VBROADCASTSS(operand.Mem{Base: w, Index: t, Scale: 4}, weight)
		for v := range vectors {
			s.VFMADD231PS(mem(from, v*s.bytes()), weight, s.vecs[v])
		}
		s.INCQ(t)
		s.CMPQ(t, taps)
		s.JLT(operand.LabelRef(label("tap%d", vectors)))
		for v := range vectors {
			s.VMOVUPS(s.vecs[v], mem(y, v*s.bytes()))
		}
		s.ADDQ(operand.U32(uint32(4*size)), x)
		s.ADDQ(operand.U32(uint32(4*size)), y)
		s.SUBQ(operand.U32(uint32(size)), n)
		s.JMP(operand.LabelRef(label("by%d", vectors)))
		s.Label(next)
	}
	s.TESTQ(n, n)
	s.JEQ(operand.LabelRef("end"))
	there := s.masks[0]
	s.mask(n, tmp, there)
	s.VMOVAPS(bias, s.vecs[0])
	s.XORQ(t, t)
	s.Label("tail")
	s.MOVQ(operand.Mem{Base: at, Index: t, Scale: 8}, from)
	s.ADDQ(x, from)
	s.load(mem(from, 0), there, old)
	s.VBROADCASTSS(operand.Mem{Base: w, Index: t, Scale: 4}, weight)
	s.VFMADD231PS(old, weight, s.vecs[0])
	s.INCQ(t)
	s.CMPQ(t, taps)
	s.JLT(operand.LabelRef("tail"))
	s.store(s.vecs[0], there, mem(y, 0))
	s.Label("end")
	s.VZEROUPPER()
	s.RET()
}
