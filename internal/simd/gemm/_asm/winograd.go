package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The points of the transforms of four results beside 0 and ∞: ±p and ±q.
const (
	pointP = 0.75
	pointQ = 1.5
)

// winograd writes the transforms of convolutions by kernels of 3×3, for tiles of two and of four results a side: winograd.go of package gemm has the formulas. A vector
// holds channels.
func (s *isa) winograd() {
	for _, m := range []int{2, 4} {
		s.winogradIn(m)
		s.winogradOut(m)
	}
}

// number is a vector with v in all lanes, in memory.
func (s *isa) number(v float32) operand.Mem {
	if s.numbers == nil {
		s.numbers = map[float32]operand.Mem{}
	}
	if m, ok := s.numbers[v]; ok {
		return m
	}
	m := s.StaticGlobal(fmt.Sprintf("number%d", len(s.numbers)))
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range s.lanes {
		s.AddDatum(4*i, operand.U32(math.Float32bits(v)))
	}
	s.numbers[v] = m
	return m
}

// winogradIn writes
//
//	func(dst, src, spare *byte, tiles, srcRow, srcTile, dstTile, dstPart int)
//
// which takes tiles of (m+2)×(m+2) vectors, rows srcRow apart, to their (m+2)² parts, dstPart apart.
func (s *isa) winogradIn(m int) {
	n := m + 2
	s.function(fmt.Sprintf("winogradIn%d", m), "func(dst, src, spare *byte, tiles, srcRow, srcTile, dstTile, dstPart int)")
	dst, src, spare, tiles := reg.RDI, reg.RSI, reg.RDX, reg.RCX
	srcRow, srcTile, dstTile, dstPart := reg.R8, reg.R9, reg.R10, reg.R11
	to, third := reg.RAX, reg.RBX
	s.params("dst", dst, "src", src, "spare", spare, "tiles", tiles, "srcRow", srcRow, "srcTile", srcTile, "dstTile", dstTile, "dstPart", dstPart)
	s.LEAQ(operand.Mem{Base: srcRow, Index: srcRow, Scale: 2}, third)
	s.ADDQ(src, third)
	s.Label("tile")
	for col := range n {
		s.transformIn(m, func(row int) operand.Mem {
			at := operand.Mem{Base: src, Disp: col * s.bytes()}
			if row >= 3 {
				at.Base, row = third, row-3
			}
			if row > 0 {
				at.Index, at.Scale = srcRow, uint8(row)
			}
			return at
		}, func(row int, v reg.Register) { s.VMOVUPS(v, mem(spare, (row*n+col)*s.bytes())) })
	}
	s.MOVQ(dst, to)
	for row := range n {
		s.transformIn(m, func(col int) operand.Mem { return mem(spare, (row*n+col)*s.bytes()) }, func(col int, v reg.Register) {
			s.VMOVUPS(v, mem(to, 0))
			s.ADDQ(dstPart, to)
		})
	}
	s.ADDQ(srcTile, src)
	s.ADDQ(srcTile, third)
	s.ADDQ(dstTile, dst)
	s.DECQ(tiles)
	s.JNE(operand.LabelRef("tile"))
	s.VZEROUPPER()
	s.RET()
}

// transformIn takes a column or a row of a tile to its parts, which it gives to put in order.
func (s *isa) transformIn(m int, from func(i int) operand.Mem, put func(i int, v reg.Register)) {
	d := make([]reg.VecPhysical, m+2)
	for i := range d {
		d[i] = s.vecs[i]
		s.VMOVUPS(from(i), d[i])
	}
	t := s.vecs[len(d):]
	if m == 2 {
		s.VSUBPS(d[2], d[0], t[0])
		s.VADDPS(d[2], d[1], t[1])
		s.VSUBPS(d[1], d[2], t[2])
		s.VSUBPS(d[3], d[1], t[3])
		for i := range 4 {
			put(i, t[i])
		}
		return
	}
	const p2, q2 = pointP * pointP, pointQ * pointQ
	s.VMOVAPS(d[4], t[0])
	s.VFNMADD231PS(s.number(p2+q2), d[2], t[0])
	s.VFMADD231PS(s.number(p2*q2), d[0], t[0])
	put(0, t[0])
	for k, point := range []struct{ at, other float32 }{{pointP, q2}, {pointQ, p2}} {
		even, odd, sum := t[0], t[1], t[2]
		s.VMOVAPS(d[4], even)
		s.VFNMADD231PS(s.number(point.other), d[2], even)
		s.VMOVAPS(d[3], odd)
		s.VFNMADD231PS(s.number(point.other), d[1], odd)
		s.VMOVAPS(even, sum)
		s.VFMADD231PS(s.number(point.at), odd, sum)
		put(2*k+1, sum)
		s.VFNMADD231PS(s.number(point.at), odd, even)
		put(2*k+2, even)
	}
	s.VFNMADD231PS(s.number(p2+q2), d[3], d[5])
	s.VFMADD231PS(s.number(p2*q2), d[1], d[5])
	put(5, d[5])
}

// winogradOut writes
//
//	func(dst, src, bias, spare *byte, tiles, srcTile, srcPart, dstTile, dstRow int)
//
// which takes the (m+2)² parts of tiles, srcPart apart, to m×m vectors, rows dstRow apart, and adds the vector bias.
func (s *isa) winogradOut(m int) {
	n := m + 2
	s.function(fmt.Sprintf("winogradOut%d", m), "func(dst, src, bias, spare *byte, tiles, srcTile, srcPart, dstTile, dstRow int)")
	dst, src, bias, spare, tiles := reg.RDI, reg.RSI, reg.RBX, reg.RDX, reg.RCX
	srcTile, srcPart, dstTile, dstRow := reg.R8, reg.R9, reg.R10, reg.R11
	from, to, rowOfParts := reg.RAX, reg.R12, reg.R13
	s.params("dst", dst, "src", src, "bias", bias, "spare", spare, "tiles", tiles, "srcTile", srcTile, "srcPart", srcPart, "dstTile", dstTile, "dstRow", dstRow)
	shift := s.vecs[len(s.vecs)-1]
	s.VMOVUPS(mem(bias, 0), shift)
	s.IMUL3Q(operand.U8(n), srcPart, rowOfParts)
	s.Label("tile")
	s.MOVQ(src, to)
	for col := range n {
		s.MOVQ(to, from)
		for row := range n {
			s.VMOVUPS(mem(from, 0), s.vecs[row])
			if row < n-1 {
				s.ADDQ(rowOfParts, from)
			}
		}
		s.transformOut(m, nil, func(row int, v reg.Register) { s.VMOVUPS(v, mem(spare, (row*n+col)*s.bytes())) })
		if col < n-1 {
			s.ADDQ(srcPart, to)
		}
	}
	s.MOVQ(dst, to)
	for row := range m {
		for col := range n {
			s.VMOVUPS(mem(spare, (row*n+col)*s.bytes()), s.vecs[col])
		}
		s.transformOut(m, shift, func(col int, v reg.Register) { s.VMOVUPS(v, mem(to, col*s.bytes())) })
		if row < m-1 {
			s.ADDQ(dstRow, to)
		}
	}
	s.ADDQ(srcTile, src)
	s.ADDQ(dstTile, dst)
	s.DECQ(tiles)
	s.JNE(operand.LabelRef("tile"))
	s.VZEROUPPER()
	s.RET()
}

// transformOut takes the parts of a column or a row, in the first registers, to m results, adds shift to them if there is one, and gives them to put.
func (s *isa) transformOut(m int, shift reg.Register, put func(i int, v reg.Register)) {
	d, t := s.vecs[:m+2], s.vecs[m+2:]
	out := func(i int, v reg.Register) {
		if shift != nil {
			s.VADDPS(shift, v, v)
		}
		put(i, v)
	}
	if m == 2 {
		s.VADDPS(d[2], d[1], t[0])
		s.VSUBPS(d[2], d[1], t[1])
		s.VADDPS(t[0], d[0], t[0])
		s.VSUBPS(d[3], t[1], t[1])
		out(0, t[0])
		out(1, t[1])
		return
	}
	const p, q = pointP, pointQ
	sum, difference := [2]reg.VecPhysical{t[0], t[1]}, [2]reg.VecPhysical{t[2], t[3]}
	for k := range 2 {
		s.VADDPS(d[2*k+2], d[2*k+1], sum[k])
		s.VSUBPS(d[2*k+2], d[2*k+1], difference[k])
	}
	s.VADDPS(sum[0], d[0], d[0])
	s.VADDPS(sum[1], d[0], d[0])
	out(0, d[0])
	s.VMULPS(s.number(p), difference[0], d[1])
	s.VFMADD231PS(s.number(q), difference[1], d[1])
	out(1, d[1])
	s.VMULPS(s.number(p*p), sum[0], d[2])
	s.VFMADD231PS(s.number(q*q), sum[1], d[2])
	out(2, d[2])
	s.VFMADD231PS(s.number(p*p*p), difference[0], d[5])
	s.VFMADD231PS(s.number(q*q*q), difference[1], d[5])
	out(3, d[5])
}

// params loads parameters into registers, names and registers in turn.
func (s *isa) params(list ...any) {
	for i := 0; i < len(list); i += 2 {
		s.Load(s.Param(list[i].(string)), list[i+1].(reg.Register))
	}
}
