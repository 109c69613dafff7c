package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is an instruction set's vectors, and the context that routines are written to.
type isa struct {
	*build.Context
	name    string
	suffix  string                  // of the routines' names
	lanes   int                     // float32 values in a vector
	mr      int                     // rows of the register tile
	vecs    []reg.VecPhysical       // all vector registers
	masks   [2]reg.Register         // which lanes of a tile's two column vectors are there
	rowsIn  reg.Register            // which lanes hold a row, once a tile is transposed
	prefix  operand.Mem             // AVX2: -1 for each lane, then 0 for each
	halves  operand.Mem             // AVX-512: the even pairs of lanes, then the odd ones
	byRows  bool                    // the tile that is being written reads rows of A that lie apart
	pairs   bool                    // the tile that is being written multiplies pairs of int16
	numbers map[float32]operand.Mem // vectors of one number
}

func avx512() *isa {
	s := &isa{
		Context: build.NewContext(), name: "avx512", suffix: "AVX512", lanes: 16, mr: 14,
		masks: [2]reg.Register{reg.K1, reg.K2}, rowsIn: reg.K3,
	}
	for i := range 32 {
		s.vecs = append(s.vecs, zmm[i])
	}
	s.halves = s.StaticGlobal("halves")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, pair := range []uint64{0, 2, 4, 6, 1, 3, 5, 7} {
		s.AddDatum(8*i, operand.U64(pair))
	}
	return s
}

func avx2() *isa {
	s := &isa{
		Context: build.NewContext(), name: "avx2", suffix: "AVX2", lanes: 8, mr: 6,
		masks: [2]reg.Register{reg.Y14, reg.Y15}, rowsIn: reg.Y15,
	}
	for i := range 16 {
		s.vecs = append(s.vecs, ymm[i])
	}
	s.prefix = s.StaticGlobal("prefix")
	s.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		v := uint32(0)
		if i < 8 {
			v = 1<<32 - 1
		}
		s.AddDatum(4*i, operand.U32(v))
	}
	return s
}

var zmm = [32]reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

var ymm = [16]reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

func (s *isa) wide() bool { return s.lanes == 16 }

// bytes is the size of a vector.
func (s *isa) bytes() int { return 4 * s.lanes }

func (s *isa) function(name, signature string) {
	s.Function(name + s.suffix)
	s.Attributes(attr.NOSPLIT)
	s.SignatureExpr(signature)
}

func mem(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func (s *isa) zero(v operand.Op) { s.VXORPS(v, v, v) }

// mask sets m to the first n lanes, n in a register that may be out of [0, lanes]; it spoils n and tmp.
func (s *isa) mask(n, tmp reg.GPPhysical, m reg.Register) {
	s.XORL(tmp.As32(), tmp.As32())
	s.TESTQ(n, n)
	s.CMOVQLT(tmp, n)
	s.MOVQ(operand.U32(s.lanes), tmp)
	s.CMPQ(n, tmp)
	s.CMOVQGT(tmp, n)
	if s.wide() {
		s.MOVL(operand.U32(1<<16-1), tmp.As32())
		s.BZHIL(n.As32(), tmp.As32(), tmp.As32())
		s.KMOVW(tmp.As32(), m)
		return
	}
	s.SUBQ(n, tmp)
	s.LEAQ(s.prefix, n)
	s.VMOVUPS(operand.Mem{Base: n, Index: tmp, Scale: 4}, m)
}

// load fills v with the lanes of m from src, and zeros.
func (s *isa) load(src operand.Mem, m, v reg.Register) {
	if s.wide() {
		s.VMOVUPS_Z(src, m, v)
	} else {
		s.VMASKMOVPS(src, m, v)
	}
}

func (s *isa) store(v, m reg.Register, dst operand.Mem) {
	if s.wide() {
		s.VMOVUPS(v, m, dst)
	} else {
		s.VMASKMOVPS(v, m, dst)
	}
}

// storeSome stores all lanes, or those of m. AVX2's masked stores are slow on some processors, so that they are for what is not whole.
func (s *isa) storeSome(v, m reg.Register, dst operand.Mem, whole bool) {
	if whole {
		s.VMOVUPS(v, dst)
	} else {
		s.store(v, m, dst)
	}
}

// storeFirst stores the first n lanes of an AVX2 register, which it spoils.
func (s *isa) storeFirst(v reg.VecPhysical, n int, dst operand.Mem) {
	half := v.AsX()
	if n >= 4 {
		s.VMOVUPS(half, dst)
		dst.Disp += 16
		if n -= 4; n > 0 {
			s.VEXTRACTF128(operand.U8(1), v, half)
		}
	}
	if n >= 2 {
		s.VMOVLPS(half, dst)
		dst.Disp += 8
		if n -= 2; n > 0 {
			s.VEXTRACTPS(operand.U8(2), half, dst)
			n = 0
		}
	}
	if n > 0 {
		s.VMOVSS(half, dst)
	}
}

// An allocator hands out vector registers by hand, since a tile uses them all.
type allocator struct{ free []reg.VecPhysical }

func (a *allocator) take() reg.VecPhysical {
	if len(a.free) == 0 {
		panic("no vector register is free")
	}
	v := a.free[0]
	a.free = a.free[1:]
	return v
}

func (a *allocator) give(vs ...reg.VecPhysical) { a.free = append(a.free, vs...) }

// pair replaces registers x and y by f(x, y) and g(x, y). Either may be nil: what
// came from it would not be looked at.
func (s *isa) pair(a *allocator, x, y reg.VecPhysical, f, g func(y, x, dst operand.Op)) (reg.VecPhysical, reg.VecPhysical) {
	if x == nil && y == nil {
		return nil, nil
	}
	from, with := x, y
	if x == nil {
		from = y
	}
	if y == nil {
		with = x
	}
	low := a.take()
	f(with, from, low)
	var high reg.VecPhysical
	if y != nil {
		high = y
	} else {
		high = a.take()
	}
	g(with, from, high)
	if x != nil {
		a.give(x)
	}
	return low, high
}

func (s *isa) unpack(y, x, d operand.Op)      { s.VUNPCKLPS(y, x, d) }
func (s *isa) unpackHigh(y, x, d operand.Op)  { s.VUNPCKHPS(y, x, d) }
func (s *isa) unpack2(y, x, d operand.Op)     { s.VUNPCKLPD(y, x, d) }
func (s *isa) unpack2High(y, x, d operand.Op) { s.VUNPCKHPD(y, x, d) }

// quarters picks 128-bit quarters: two of x, then two of y.
func (s *isa) quarters(which uint64) func(y, x, d operand.Op) {
	if s.wide() {
		return func(y, x, d operand.Op) { s.VSHUFF32X4(operand.U8(which), y, x, d) }
	}
	return func(y, x, d operand.Op) { s.VPERM2F128(operand.U8(which), y, x, d) }
}

// transposed turns square rows of registers into columns; nil stands for a row that does not matter.
func (s *isa) transposed(a *allocator, rows []reg.VecPhysical) []reg.VecPhysical {
	t := append([]reg.VecPhysical(nil), rows...)
	for i := 0; i < s.lanes; i += 2 {
		t[i], t[i+1] = s.pair(a, t[i], t[i+1], s.unpack, s.unpackHigh)
	}
	for i := 0; i < s.lanes; i += 4 {
		t[i], t[i+1], t[i+2], t[i+3] = s.quad(a, t[i], t[i+1], t[i+2], t[i+3])
	}
	// Now t[4q+c] holds, in quarter L, rows 4q to 4q+3 of column 4L+c.
	out := make([]reg.VecPhysical, s.lanes)
	for c := range 4 {
		if !s.wide() {
			out[c], out[4+c] = s.pair(a, t[c], t[4+c], s.quarters(0x20), s.quarters(0x31))
			continue
		}
		even, odd := s.quarters(0x88), s.quarters(0xdd)
		u0, u1 := s.pair(a, t[c], t[4+c], even, odd)
		u2, u3 := s.pair(a, t[8+c], t[12+c], even, odd)
		out[c], out[8+c] = s.pair(a, u0, u2, even, odd)
		out[4+c], out[12+c] = s.pair(a, u1, u3, even, odd)
	}
	return out
}

func (s *isa) quad(a *allocator, lo01, hi01, lo23, hi23 reg.VecPhysical) (c0, c1, c2, c3 reg.VecPhysical) {
	c0, c1 = s.pair(a, lo01, lo23, s.unpack2, s.unpack2High)
	c2, c3 = s.pair(a, hi01, hi23, s.unpack2, s.unpack2High)
	return c0, c1, c2, c3
}

func label(format string, args ...any) string { return fmt.Sprintf(format, args...) }
