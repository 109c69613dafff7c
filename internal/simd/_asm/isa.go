package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// vec is a vector register, or a vector-sized constant in memory where an
// instruction's last-but-destination operand allows one.
type vec = Op

// An isa emits float32 code for one vector width, so that a kernel written once comes
// out as AVX2 and as AVX-512. Operands are in the order of the formula (sub(a, b) is
// a − b); methods return a new register unless their name ends in To.
type isa struct {
	suffix string
	lanes  int
	wide   bool // AVX-512
	hoist  int  // constants that may still be kept in registers
	consts map[uint32]vec
}

// isas returns the targets, fresh for each kernel, since constants are per function.
func isas() []*isa {
	return []*isa{
		{suffix: "AVX2", lanes: 8, consts: map[uint32]vec{}},
		{suffix: "AVX512", lanes: 16, wide: true, hoist: 15, consts: map[uint32]vec{}},
	}
}

// again returns the target of g, fresh for another kernel.
func (g *isa) again() *isa {
	for _, fresh := range isas() {
		if fresh.suffix == g.suffix {
			return fresh
		}
	}
	return nil
}

func (g *isa) reg() VecVirtual {
	if g.wide {
		return ZMM()
	}
	return YMM()
}

var rows = map[uint32]Mem{} // constants of this file: 64 bytes each

// bits returns a constant with the given bits in every lane. It must be called before
// the loop that uses it: it may emit the load that keeps it in a register.
func (g *isa) bits(b uint32) vec {
	if v, ok := g.consts[b]; ok {
		return v
	}
	m, ok := rows[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("c%08x", b), 8|16) // RODATA|NOPTR
		for i := range 16 {
			DATA(4*i, U32(b))
		}
		rows[b] = m
	}
	var v vec = m
	if g.hoist > 0 {
		g.hoist--
		v = g.load(m)
	}
	g.consts[b] = v
	return v
}

func (g *isa) c(x float64) vec { return g.bits(math.Float32bits(float32(x))) }

// inReg is bits, but always in a register.
func (g *isa) inReg(b uint32) vec {
	v := g.bits(b)
	if m, ok := v.(Mem); ok {
		v = g.load(m)
		g.consts[b] = v
	}
	return v
}

func (g *isa) cr(x float64) vec { return g.inReg(math.Float32bits(float32(x))) }

func (g *isa) cs(xs ...float64) []vec {
	out := make([]vec, len(xs))
	for i, x := range xs {
		out[i] = g.c(x)
	}
	return out
}

func (g *isa) load(m Op) vec {
	r := g.reg()
	VMOVUPS(m, r)
	return r
}

// zero is for before a loop: to the register allocator, a zeroed ZMM register was in use
// since the kernel's start.
func (g *isa) zero() vec {
	r := g.reg()
	VXORPS(r, r, r)
	return r
}

// op3 emits f(b, a, dst), the assembler's order. Only b may be in memory.
func (g *isa) op3(f func(...Op), a, b vec) vec {
	r := g.reg()
	f(b, a, r)
	return r
}

func (g *isa) add(a, b vec) vec { return g.op3(VADDPS, a, b) }
func (g *isa) sub(a, b vec) vec { return g.op3(VSUBPS, a, b) }
func (g *isa) mul(a, b vec) vec { return g.op3(VMULPS, a, b) }
func (g *isa) div(a, b vec) vec { return g.op3(VDIVPS, a, b) }
func (g *isa) and(a, b vec) vec { return g.op3(VANDPS, a, b) }
func (g *isa) or(a, b vec) vec  { return g.op3(VORPS, a, b) }
func (g *isa) xor(a, b vec) vec { return g.op3(VXORPS, a, b) }

// min and max return b where a or b is NaN.
func (g *isa) min(a, b vec) vec { return g.op3(VMINPS, a, b) }
func (g *isa) max(a, b vec) vec { return g.op3(VMAXPS, a, b) }

func (g *isa) sqrt(a vec) vec {
	r := g.reg()
	VSQRTPS(a, r)
	return r
}

func (g *isa) mov(a vec) vec {
	r := g.reg()
	VMOVUPS(a, r)
	return r
}

// fma returns a·b + c, fnma c − a·b; b and c may be in memory, but not both.
func (g *isa) fma(a, b, c vec) vec {
	if _, ok := c.(Mem); ok {
		r := g.mov(a)
		VFMADD213PS(c, b, r)
		return r
	}
	r := g.mov(c)
	VFMADD231PS(b, a, r)
	return r
}

func (g *isa) fnma(a, b, c vec) vec {
	r := g.mov(c)
	VFNMADD231PS(b, a, r)
	return r
}

// poly returns Σ c[i]·xⁱ by Horner's rule. A coefficient in memory is broadcast from its
// first word where that can be done on the way: 64 bytes may straddle two cache lines.
func (g *isa) poly(x vec, c []vec) vec {
	p := g.reg()
	if m, ok := c[len(c)-1].(Mem); ok {
		VBROADCASTSS(m, p)
	} else {
		VMOVUPS(c[len(c)-1], p)
	}
	for i := len(c) - 2; i >= 0; i-- {
		if m, ok := c[i].(Mem); ok && g.wide {
			VFMADD213PS_BCST(m, x, p)
		} else {
			VFMADD213PS(c[i], x, p)
		}
	}
	return p
}

func (g *isa) round(x vec) vec { return g.roundBy(8, x) }

// roundBy rounds to a whole number: 8 to the nearest, of two to the even one; 9 down, 10 up.
func (g *isa) roundBy(mode uint8, x vec) vec {
	r := g.reg()
	if g.wide {
		VRNDSCALEPS(U8(mode), x, r)
	} else {
		VROUNDPS(U8(mode), x, r)
	}
	return r
}

// Predicates of VCMPPS. All but notLE and notGE are false for NaN.
const (
	eq    = 0
	lt    = 0x11
	le    = 0x12
	unord = 3
	notLE = 0x16 // a > b, or NaN
	notGE = 0x19 // a < b, or NaN
	ge    = 0x1d
	gt    = 0x1e
)

// choose returns yes where a cmp b, else no; yes may be in memory.
func (g *isa) choose(a vec, cmp uint8, b, yes, no vec) vec {
	r := g.reg()
	if g.wide {
		// Not VBLENDMPS, which the register allocator takes to read r.
		k := K()
		VCMPPS(U8(cmp), b, a, k)
		VMOVUPS(no, r)
		VMOVUPS(yes, k, r)
	} else {
		m := YMM()
		VCMPPS(U8(cmp), b, a, m)
		VBLENDVPS(m, yes, no, r)
	}
	return r
}

// pow2 is a factory of v·2ⁿ for a vector of whole n in [−250, 250], with the result
// rounded once, to a denormal number if need be.
func (g *isa) pow2() func(v, n vec) vec {
	if g.wide {
		return func(v, n vec) vec { return g.op3(VSCALEFPS, v, n) }
	}
	bias := g.bits(127)
	return func(v, n vec) vec {
		i, h := YMM(), YMM()
		VCVTPS2DQ(n, i)
		VPSRAD(U8(1), i, h)
		VPSUBD(h, i, i)
		VPADDD(bias, h, h)
		VPADDD(bias, i, i)
		VPSLLD(U8(23), h, h)
		VPSLLD(U8(23), i, i)
		return g.mul(g.mul(v, h), i)
	}
}

// A tail loads and stores the last few elements of a run.
type tail struct {
	g    *isa
	mask Op
}

// tailMask returns the masked moves for n elements, 0 ≤ n ≤ lanes.
func (g *isa) tailMask(n Register) tail {
	if g.wide {
		ones, k := GP32(), K()
		MOVL(U32(0xffffffff), ones)
		BZHIL(n.(GPVirtual).As32(), ones, ones)
		KMOVW(ones, k)
		return tail{g, k}
	}
	base, m := GP64(), YMM()
	LEAQ(tailTable(), base)
	neg := GP64()
	MOVQ(n, neg)
	NEGQ(neg)
	VMOVDQU(Mem{Base: base, Index: neg, Scale: 4, Disp: 32}, m)
	return tail{g, m}
}

var tails *Mem

// tailTable is 8 set words and 8 clear ones.
func tailTable() Mem {
	if tails == nil {
		m := GLOBL("tails", 8|16)
		for i := range 16 {
			DATA(4*i, U32(uint32(int32(i-8)>>31)))
		}
		tails = &m
	}
	return *tails
}

// load reads the elements; the other lanes are 0.
func (t tail) load(m Mem) vec {
	r := t.g.reg()
	if t.g.wide {
		VMOVUPS_Z(m, t.mask, r)
	} else {
		VMASKMOVPS(m, t.mask, r)
	}
	return r
}

// loadOr reads the elements; the other lanes are those of other.
func (t tail) loadOr(m Mem, other vec) vec {
	if t.g.wide {
		r := t.g.mov(other)
		VMOVUPS(m, t.mask, r)
		return r
	}
	r := t.g.reg()
	VBLENDVPS(t.mask, t.load(m), other, r)
	return r
}

func (t tail) store(x vec, m Mem) {
	if t.g.wide {
		VMOVUPS(x, t.mask, m)
	} else {
		VMASKMOVPS(x, t.mask, m)
	}
}
