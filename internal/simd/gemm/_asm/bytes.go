package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bytes8 writes the routines that bring sums, or numbers, to 8 bits:
//
//	for i := range n { dst[i] = byte(round(max(low, min(high, v)))+zero) }
//
// for v = src[i]·factor of int32, src[i]/factor of float32, and n a multiple of the lanes. NaN becomes low.
func (s *isa) bytes8() {
	s.toBytes("sumsToBytes", true)
	s.toBytes("numbersToBytes", false)
}

func (s *isa) toBytes(routine string, sums bool) {
	s.function(routine, "func(dst, src *byte, n int, factor, low, high float32, zero int32)")
	dst, src, n := reg.RDI, reg.RSI, reg.RCX
	v, factor, low, high, zero, byteOf := s.vecs[0], s.vecs[1], s.vecs[2], s.vecs[3], s.vecs[4], s.vecs[5]
	s.params("dst", dst, "src", src, "n", n)
	s.broadcastParam("factor", factor)
	s.broadcastParam("low", low)
	s.broadcastParam("high", high)
	s.broadcastParam("zero", zero)
	if !s.wide() {
		s.VPCMPEQD(byteOf, byteOf, byteOf)
		s.VPSRLD(operand.U8(24), byteOf, byteOf)
	}
	s.Label("next")
	if sums {
		s.VCVTDQ2PS(mem(src, 0), v)
		s.VMULPS(factor, v, v)
	} else {
		s.VMOVUPS(mem(src, 0), v)
		s.VDIVPS(factor, v, v)
	}
	s.VMAXPS(low, v, v)
	s.VMINPS(high, v, v)
	s.VCVTPS2DQ(v, v)
	s.VPADDD(zero, v, v)
	if s.wide() {
		s.VPMOVDB(v, mem(dst, 0))
	} else {
		low, high := v.AsX(), s.vecs[6].AsX()
		s.VPAND(byteOf, v, v)
		s.VEXTRACTI128(operand.U8(1), v, high)
		s.VPACKUSDW(high, low, low)
		s.VPACKUSWB(low, low, low)
		s.VMOVQ(low, mem(dst, 0))
	}
	s.ADDQ(operand.U32(uint32(s.bytes())), src)
	s.ADDQ(operand.U32(uint32(s.lanes)), dst)
	s.SUBQ(operand.U32(uint32(s.lanes)), n)
	s.JGT(operand.LabelRef("next"))
	s.VZEROUPPER()
	s.RET()
}
