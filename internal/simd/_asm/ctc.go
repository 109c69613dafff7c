package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Numbers m·2ᵉ of the CTC recursions; see ctc.go of package simd.
const (
	ctcNone = -1e30
	ctcFar  = 1e12
)

func ctcKernels() {
	for _, g := range isas() {
		ctcEmit(g)
		ctcForward(g.again())
		ctcBackward(g.again())
	}
}

// A pair is m·2ᵉ.
type pair struct{ m, e vec }

// bytes is the size of a vector.
func (g *isa) bytes() int { return 4 * g.lanes }

func (g *isa) loadPair(p Register, disp int) pair {
	return pair{g.load(Mem{Base: p, Disp: disp}), g.load(Mem{Base: p, Disp: disp + g.bytes()})}
}

func (g *isa) storePair(x pair, p Register, disp int) {
	VMOVUPS(x.m, Mem{Base: p, Disp: disp})
	VMOVUPS(x.e, Mem{Base: p, Disp: disp + g.bytes()})
}

// spread returns a number of memory in every lane.
func (g *isa) spread(m Mem) vec {
	r := g.reg()
	VBROADCASTSS(m, r)
	return r
}

// shrink is a factory of v·2ᵈ for whole d up to 100; below −126 AVX2's is 0.
func (g *isa) shrink() func(v, d vec) vec {
	if g.wide {
		return func(v, d vec) vec { return g.op3(VSCALEFPS, v, d) }
	}
	bias, least := g.bits(127), g.c(-127)
	return func(v, d vec) vec {
		i := YMM()
		VCVTPS2DQ(g.max(d, least), i)
		VPADDD(bias, i, i)
		VPSLLD(U8(23), i, i)
		return g.mul(v, i)
	}
}

// normalised is a factory that brings the mantissa of a positive normal number into [1, 2).
func (g *isa) normalised() func(x pair) pair {
	if g.wide {
		return func(x pair) pair {
			m, k := g.reg(), g.reg()
			VGETEXPPS(x.m, k)
			VGETMANTPS(U8(0), x.m, m)
			return pair{m, g.add(k, x.e)}
		}
	}
	bias, digits, one := g.bits(127), g.bits(1<<23-1), g.c(1)
	return func(x pair) pair {
		k := YMM()
		VPSRLD(U8(23), x.m, k)
		VPSUBD(bias, k, k)
		VCVTDQ2PS(k, k)
		return pair{g.or(g.and(x.m, digits), one), g.add(k, x.e)}
	}
}

// up returns before's last lane and then x's but the last; before may be in memory with AVX2.
func (g *isa) up(before, x vec) vec {
	r := g.reg()
	if g.wide {
		VALIGND(U8(15), before, x, r)
		return r
	}
	VPERM2F128(U8(3), before, x, r) // before's upper half, x's lower half
	VPALIGNR(U8(12), r, x, r)
	return r
}

// down returns x's lanes but the first, and then after's first; after may be in memory with AVX2.
func (g *isa) down(x, after vec) vec {
	r := g.reg()
	if g.wide {
		VALIGND(U8(1), x, after, r)
		return r
	}
	VPERM2F128(U8(0x21), after, x, r) // x's upper half, after's lower half
	VPALIGNR(U8(4), x, r, r)
	return r
}

// A cell keeps a vector through a loop: in a register, or on the stack where there are few.
type cell struct {
	g  *isa
	at vec
}

func (g *isa) cells(n int) []cell {
	out := make([]cell, n)
	var stack Mem
	if !g.wide {
		stack = AllocLocal(n * g.bytes())
	}
	for i := range out {
		out[i] = cell{g, stack.Offset(i * g.bytes())}
		if g.wide {
			out[i].at = g.reg()
		}
	}
	return out
}

func (c cell) set(x vec) {
	if _, ok := x.(Mem); ok {
		x = c.g.load(x)
	}
	VMOVUPS(x, c.at)
}

func ctcEmit(g *isa) {
	TEXT("ctcEmit"+g.suffix, NOSPLIT, "func(m, e, x []float32) float32")
	Doc("ctcEmit"+g.suffix+" computes m·2ᵉ = exp(x), whole vectors of x, and the greatest |e| of those that are not 0:",
		"+Inf where an x is NaN or above 1e12; below −1e12 it is 0.")
	m, e := Load(Param("m").Base(), GP64()), Load(Param("e").Base(), GP64())
	x, n := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	none, half, far, inf := g.cr(ctcNone), g.cr(ctcNone/2), g.c(ctcFar), g.c(math.Inf(1))
	low, high, lowest := g.cr(-0.35), g.cr(0.35), g.cr(-ctcFar)
	log2e, hi, lo, coef := g.c(math.Log2E), g.c(ln2Hi), g.c(ln2Lo), g.cs(expCoef...)
	one, abs, zero := g.c(1), g.bits(signBit-1), g.c(0)
	most := g.zero()
	i := GP64()
	XORQ(i, i)
	top, end := label("loop"), label("end")
	CMPQ(i, n)
	JGE(LabelRef(end))
	Label(top)
	v := g.load(at(x, i))
	k := g.round(g.mul(g.max(v, lowest), log2e))
	r := g.fnma(k, hi, v)
	VFNMADD231PS(lo, k, r)
	r = g.max(g.min(r, high), low)
	VMOVUPS(g.add(g.fma(g.mul(r, r), g.poly(r, coef), r), one), at(m, i))
	k = g.choose(v, lt, lowest, none, k)
	VMOVUPS(k, at(e, i))
	size := g.choose(k, lt, half, zero, g.and(k, abs))
	VMAXPS(most, g.choose(v, notLE, far, inf, size), most)
	ADDQ(Imm(uint64(g.lanes)), i)
	CMPQ(i, n)
	JL(LabelRef(top))
	Label(end)
	Store(g.low(g.across(g.max, most, false)).(Register), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// sum is a factory of the sum of pairs, at least one of them at the exponent top.
func (g *isa) sum() func(top vec, of ...pair) vec {
	shrink := g.shrink()
	return func(top vec, of ...pair) vec {
		var total vec
		for _, x := range of {
			v := shrink(x.m, g.sub(x.e, top))
			if total == nil {
				total = v
			} else {
				total = g.add(total, v)
			}
		}
		return total
	}
}

// flushed makes results below 2^−126 zeros until the function that it returns is called: states and shares
// of negligible probability would each cost a hundred cycles.
func flushed() (restore func()) {
	const flushToZero, denormalsAreZero = 1 << 15, 1 << 6
	control, r := AllocLocal(8), GP32()
	STMXCSR(control)
	MOVL(control, r)
	ORL(U32(flushToZero|denormalsAreZero), r)
	MOVL(r, control.Offset(4))
	LDMXCSR(control.Offset(4))
	return func() { LDMXCSR(control) }
}

// frameLoop emits frame for each frame, counting down.
func frameLoop(frames Register, frame func()) {
	top, end := label("frame"), label("frames")
	TESTQ(frames, frames)
	JE(LabelRef(end))
	Label(top)
	frame()
	DECQ(frames)
	JNE(LabelRef(top))
	Label(end)
}

func ctcForward(g *isa) {
	TEXT("ctcForward"+g.suffix, NOSPLIT, "func(alpha, m, e, skip []float32, frames, width, labels int)")
	Doc("ctcForward" + g.suffix + " computes rows 1 to frames of alpha from row 0.")
	restore := flushed()
	from, to := Load(Param("alpha").Base(), GP64()), GP64()
	m, e := Load(Param("m").Base(), GP64()), Load(Param("e").Base(), GP64())
	skip, frames := Load(Param("skip").Base(), GP64()), Load(Param("frames"), GP64())
	width, labels := Load(Param("width"), GP64()), Load(Param("labels"), GP64())
	v := g.bytes()
	LEAQ(Mem{Base: from, Index: width, Scale: 8}, to)
	LEAQ(Mem{Base: to, Index: width, Scale: 8}, to)
	zero := pair{g.cr(1), g.cr(ctcNone)}
	sum, normalised := g.sum(), g.normalised()
	cells := g.cells(4)
	blankM, blankE, beforeM, beforeE := cells[0], cells[1], cells[2], cells[3]
	i := GP64()
	frameLoop(frames, func() {
		blankM.set(g.spread(at(m, labels)))
		blankE.set(g.spread(at(e, labels)))
		beforeM.set(zero.m)
		beforeE.set(zero.e)
		XORQ(i, i)
		top := label("block")
		Label(top)
		b, l := g.loadPair(from, 0), g.loadPair(from, 2*v)
		s := pair{g.up(beforeM.at, l.m), g.up(beforeE.at, l.e)}
		beforeM.set(l.m)
		beforeE.set(l.e)
		peak := g.max(b.e, s.e)
		g.storePair(normalised(pair{g.mul(sum(peak, b, s), blankM.at), g.add(peak, blankE.at)}), to, 0)
		s.e = g.add(s.e, at(skip, i))
		peak = g.max(g.max(b.e, l.e), s.e)
		g.storePair(normalised(pair{g.mul(sum(peak, b, l, s), at(m, i)), g.add(peak, at(e, i))}), to, 2*v)
		ADDQ(U32(uint32(4*v)), from)
		ADDQ(U32(uint32(4*v)), to)
		ADDQ(Imm(uint64(g.lanes)), i)
		CMPQ(i, width)
		JL(LabelRef(top))
		LEAQ(at(m, width), m)
		LEAQ(at(e, width), e)
	})
	restore()
	VZEROUPPER()
	RET()
}

func ctcBackward(g *isa) {
	TEXT("ctcBackward"+g.suffix, NOSPLIT, "func(share, sums, beta, alpha, m, e, skip []float32, frames, width, labels int, shift float32)")
	Doc("ctcBackward"+g.suffix+" takes beta from the frame after the last to the first, and computes", "the shares of all frames.")
	restore := flushed()
	frames, width := Load(Param("frames"), GP64()), Load(Param("width"), GP64())
	labels := Load(Param("labels"), GP64())
	v := g.bytes()
	// Everything is walked from its end, rows' blocks too. all is the size of the emissions.
	all, four := GP64(), GP64()
	MOVQ(frames, all)
	IMULQ(width, all)
	LEAQ(Mem{Base: all, Index: width, Scale: 1}, four) // a row more of alpha
	SHLQ(Imm(4), four)
	end := func(name string, by Register, scale uint8) Register {
		p := Load(Param(name).Base(), GP64())
		LEAQ(Mem{Base: p, Index: by, Scale: scale}, p)
		return p
	}
	alpha, m, e, share := end("alpha", four, 1), end("m", all, 4), end("e", all, 4), end("share", all, 4)
	sums := end("sums", frames, 8)
	beta, skip := Load(Param("beta").Base(), GP64()), Load(Param("skip").Base(), GP64())
	SHLQ(Imm(4), width) // in bytes of a row of beta
	ADDQ(width, beta)
	zero := pair{g.cr(1), g.cr(ctcNone)}
	sum, normalised, shrink := g.sum(), g.normalised(), g.shrink()
	cells := g.cells(7)
	blankM, blankE, shift := cells[0], cells[1], cells[2]
	after := cells[3:]
	s, _ := Param("shift").Resolve()
	shift.set(g.spread(s.Addr))
	blanks, parts := g.reg(), g.reg()
	none := g.bits(0)
	i := GP64()
	MOVQ(width, i)
	SHRQ(Imm(4), i)
	SUBQ(i, labels) // the blank's emission from the end of a row
	frameLoop(frames, func() {
		blankM.set(g.spread(at(m, labels)))
		blankE.set(g.spread(at(e, labels)))
		for k, c := range after {
			c.set([]vec{zero.m, zero.e}[k%2])
		}
		VMOVUPS(none, blanks)
		VMOVUPS(none, parts)
		MOVQ(width, i)
		SHRQ(Imm(4), i)
		top := label("block")
		Label(top)
		SUBQ(U32(uint32(4*v)), alpha)
		SUBQ(U32(uint32(4*v)), beta)
		SUBQ(Imm(uint64(v)), m)
		SUBQ(Imm(uint64(v)), e)
		SUBQ(Imm(uint64(v)), share)
		SUBQ(Imm(uint64(g.lanes)), i)
		b, l := g.loadPair(beta, 0), g.loadPair(beta, 2*v)
		nb := pair{g.down(b.m, after[0].at), g.down(b.e, after[1].at)}
		nl := pair{g.down(l.m, after[2].at), g.down(l.e, after[3].at)}
		for k, x := range []vec{b.m, b.e, l.m, l.e} {
			after[k].set(x)
		}
		peak := g.max(b.e, l.e)
		x := sum(peak, b, l)
		shifted := g.add(g.add(peak, shift.at), Mem{Base: alpha, Disp: v})
		VADDPS(shrink(g.mul(x, Mem{Base: alpha}), shifted), blanks, blanks)
		g.storePair(normalised(pair{g.mul(x, blankM.at), g.add(peak, blankE.at)}), beta, 0)

		nl.e = g.add(nl.e, Mem{Base: skip, Index: i, Scale: 4, Disp: 4})
		peak = g.max(g.max(l.e, nb.e), nl.e)
		x = sum(peak, l, nb, nl)
		shifted = g.add(g.add(peak, shift.at), Mem{Base: alpha, Disp: 3 * v})
		part := shrink(g.mul(x, Mem{Base: alpha, Disp: 2 * v}), shifted)
		VMOVUPS(part, Mem{Base: share})
		VADDPS(part, parts, parts)
		g.storePair(normalised(pair{g.mul(x, Mem{Base: m}), g.add(peak, Mem{Base: e})}), beta, 2*v)
		TESTQ(i, i)
		JNE(LabelRef(top))
		ADDQ(width, beta)
		SUBQ(Imm(8), sums)
		VMOVSS(g.low(g.across(g.add, blanks, false)), Mem{Base: sums})
		VMOVSS(g.low(g.across(g.add, parts, false)), Mem{Base: sums, Disp: 4})
	})
	restore()
	VZEROUPPER()
	RET()
}
