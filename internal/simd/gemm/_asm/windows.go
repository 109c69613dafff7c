package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// windows writes the routines that filter pixels of a vector of channels each, step bytes apart, and that take the greatest element of each window.
//
//	for i := range n { y[i] = min(max(bias + Σ_t w[t]·x[at[t]+i·step], low), high) }
//	for i := range n { y[i] = max(least, x[at[0]+i·step], x[at[1]+i·step], …) }
//
// with at in bytes; y, x, w and bias are vectors. The first one keeps NaN, the second one knows none.
func (s *isa) windows() {
	s.windowsBy("windows", true)
	s.windowsBy("maxWindows", false)
}

func (s *isa) windowsBy(name string, weighted bool) {
	y, x, at, w, taps, n, step := reg.RDI, reg.RSI, reg.RDX, reg.R8, reg.R9, reg.R10, reg.R11
	step3, step5, step7 := reg.R12, reg.R13, reg.R15
	t, from, back, weights := reg.RCX, reg.RAX, reg.RBX, reg.R14
	initial, weight, low, high := s.vecs[8], s.vecs[9], s.vecs[10], s.vecs[11]
	if weighted {
		s.function(name, "func(y, x, at, w, bias *byte, taps, n, step int, low, high float32)")
		s.params("w", w, "bias", from)
		s.VMOVUPS(mem(from, 0), initial)
		s.broadcastParam("low", low)
		s.broadcastParam("high", high)
	} else {
		s.function(name, "func(y, x, at *byte, taps, n, step int, least float32)")
		s.broadcastParam("least", initial)
	}
	s.params("y", y, "x", x, "at", at, "taps", taps, "n", n, "step", step)
	s.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, step3)
	s.LEAQ(operand.Mem{Base: step, Index: step, Scale: 4}, step5)
	s.LEAQ(operand.Mem{Base: step3, Index: step, Scale: 4}, step7)
	pixel := func(i int) operand.Mem {
		m := operand.Mem{Base: from}
		switch i {
		case 1, 2, 4:
			m.Index, m.Scale = step, uint8(i)
		case 3, 6:
			m.Index, m.Scale = step3, uint8(i/3)
		case 5:
			m.Index, m.Scale = step5, 1
		case 7:
			m.Index, m.Scale = step7, 1
		}
		return m
	}
	for _, pixels := range []int{8, 4, 1} {
		next, top := label("after%d", pixels), label("by%d", pixels)
		if pixels > 1 {
			s.CMPQ(n, operand.U8(pixels))
			s.JLT(operand.LabelRef(next))
		}
		s.Label(top)
		for i := range pixels {
			s.VMOVAPS(initial, s.vecs[i])
		}
		s.XORQ(t, t)
		if weighted {
			s.MOVQ(w, weights)
		}
		s.Label(label("tap%d", pixels))
		s.MOVQ(operand.Mem{Base: at, Index: t, Scale: 8}, from)
		s.ADDQ(x, from)
		if weighted {
			s.VMOVUPS(mem(weights, 0), weight)
			s.ADDQ(operand.U8(s.bytes()), weights)
		}
		for i := range pixels {
			if weighted {
				s.VFMADD231PS(pixel(i), weight, s.vecs[i])
			} else {
				s.VMAXPS(pixel(i), s.vecs[i], s.vecs[i])
			}
		}
		s.INCQ(t)
		s.CMPQ(t, taps)
		s.JLT(operand.LabelRef(label("tap%d", pixels)))
		for i := range pixels {
			if weighted { // either instruction gives its last source where one is NaN
				s.VMAXPS(s.vecs[i], low, s.vecs[i])
				s.VMINPS(s.vecs[i], high, s.vecs[i])
			}
			s.VMOVUPS(s.vecs[i], mem(y, i*s.bytes()))
		}
		s.SUBQ(operand.U8(pixels), n)
		s.JEQ(operand.LabelRef("end"))
		s.ADDQ(operand.U32(uint32(pixels*s.bytes())), y)
		s.LEAQ(operand.Mem{Base: x, Index: step, Scale: uint8(pixels)}, x)
		if pixels > 1 { // a last block of what partly was before
			s.CMPQ(n, operand.U8(pixels))
			s.JGE(operand.LabelRef(top))
			s.SUBQ(operand.U8(pixels), n)
			s.MOVQ(n, back)
			s.IMULQ(step, back)
			s.ADDQ(back, x)
			s.IMUL3Q(operand.U8(s.bytes()), n, back)
			s.ADDQ(back, y)
			s.MOVQ(operand.U32(uint32(pixels)), n)
		}
		s.JMP(operand.LabelRef(top))
		s.Label(next)
	}
	s.Label("end")
	s.VZEROUPPER()
	s.RET()
}

// broadcastParam fills v with a parameter.
func (s *isa) broadcastParam(name string, v reg.Register) {
	address, err := s.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	s.VBROADCASTSS(address.Addr, v)
}
