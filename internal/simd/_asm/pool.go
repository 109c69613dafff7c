package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func pools() {
	for _, emit := range []func(*isa){maxPool2, maxPool2Grad, avgPool2, avgPool2Grad} {
		for _, g := range isas() {
			emit(g)
		}
	}
}

// A halving walks an image plane of 2×2 windows: outH rows of outW windows.
type halving struct {
	g             *isa
	plane         Register // the image
	y, argmax     Register
	w, outH, outW Register
	offsets       [4]vec // of a window's elements from its first one, as argmax counts
	evens         vec    // 0, 2, 4, …: a window's first column
	turn          vec    // 2·lanes, the columns of a vector of windows
}

// newHalving loads the parameters, the image's under the given names.
func newHalving(g *isa, image, y string) *halving {
	h := &halving{
		g: g, plane: Load(Param(image), GP64()), y: Load(Param(y), GP64()), argmax: Load(Param("argmax"), GP64()),
		w: Load(Param("w"), GP64()), outH: Load(Param("outH"), GP64()), outW: Load(Param("outW"), GP64()),
	}
	zero, one := g.inReg(0), g.inReg(1)
	w := g.broadcast(h.w)
	h.offsets = [4]vec{zero, one, w, g.op3(VPADDD, w, one)}
	h.evens = g.load(table("evens", func(i int) uint32 { return uint32(2 * i) }))
	h.turn = g.inReg(uint32(2 * g.lanes))
	return h
}

func (g *isa) broadcast(r Register) vec {
	x, v := XMM(), g.reg()
	VMOVD(r.(GPVirtual).As32(), x)
	VPBROADCASTD(x, v)
	return v
}

var tables = map[string]Mem{}

// table is 16 words in memory.
func table(name string, word func(i int) uint32) Mem {
	m, ok := tables[name]
	if !ok {
		m = GLOBL(name, 8|16)
		for i := range 16 {
			DATA(4*i, U32(word(i)))
		}
		tables[name] = m
	}
	return m
}

// each emits step for each vector of windows, h.y and h.argmax pointing to theirs: m0 and
// m1 address their two rows of the image, and first holds the index of each window's first
// element. t0 and t1, if not nil, are the tails of the two vectors of a row of the image,
// and t of the windows.
func (h *halving) each(step func(m0, m1 Mem, first vec, t0, t1, t *tail)) {
	g := h.g
	x0, x1, base, left := GP64(), GP64(), GP64(), GP64()
	XORQ(base, base)
	row, rowEnd := label("row"), label("rows")
	TESTQ(h.outH, h.outH)
	JE(LabelRef(rowEnd))
	Label(row)
	LEAQ(Mem{Base: h.plane, Index: base, Scale: 4}, x0)
	LEAQ(Mem{Base: x0, Index: h.w, Scale: 4}, x1)
	MOVQ(h.outW, left)
	first := g.op3(VPADDD, g.broadcast(base), h.evens)
	windows := label("windows")
	rest, end := label("rest"), label("end")
	CMPQ(left, Imm(uint64(g.lanes)))
	JL(LabelRef(rest))
	Label(windows)
	step(Mem{Base: x0}, Mem{Base: x1}, first, nil, nil, nil)
	ADDQ(U32(uint32(8*g.lanes)), x0)
	ADDQ(U32(uint32(8*g.lanes)), x1)
	VPADDD(h.turn, first, first)
	h.advance(Imm(uint64(4 * g.lanes)))
	SUBQ(Imm(uint64(g.lanes)), left)
	CMPQ(left, Imm(uint64(g.lanes)))
	JGE(LabelRef(windows))
	Label(rest)
	TESTQ(left, left)
	JE(LabelRef(end))
	t0, t1, t := h.tails(left)
	step(Mem{Base: x0}, Mem{Base: x1}, first, t0, t1, t)
	SHLQ(U8(2), left)
	h.advance(left)
	Label(end)
	LEAQ(Mem{Base: base, Index: h.w, Scale: 2}, base)
	DECQ(h.outH)
	JNE(LabelRef(row))
	Label(rowEnd)
}

// advance moves y and argmax (unless nil) on.
func (h *halving) advance(bytes Op) {
	ADDQ(bytes, h.y)
	skip := label("skip")
	TESTQ(h.argmax, h.argmax)
	JE(LabelRef(skip))
	ADDQ(bytes, h.argmax)
	Label(skip)
}

// tails returns the masks of n < lanes windows, and of their 2n elements in a row.
func (h *halving) tails(n Register) (t0, t1, t *tail) {
	all, over, first, zero := GP64(), GP64(), GP64(), GP64()
	LEAQ(Mem{Base: n, Index: n, Scale: 1}, all)
	XORQ(zero, zero)
	MOVQ(all, over)
	SUBQ(Imm(uint64(h.g.lanes)), over)
	CMOVQLT(zero, over)
	MOVQ(all, first)
	SUBQ(over, first)
	a, b, c := h.g.tailMask(first), h.g.tailMask(over), h.g.tailMask(n)
	return &a, &b, &c
}

// pairs returns a factory that reorders the pairs of lanes: for AVX-512 by the order
// given, for AVX2 by 0, 2, 1, 3, which is either order there.
func (g *isa) pairs(name string, order [8]uint32) func(x vec) vec {
	if !g.wide {
		return func(x vec) vec {
			r := g.reg()
			VPERMQ(U8(0xd8), x, r)
			return r
		}
	}
	index := g.load(table(name, func(i int) uint32 { return order[i/2] * uint32(1-i%2) }))
	return func(x vec) vec {
		r := g.reg()
		VPERMQ(x, index, r)
		return r
	}
}

// greater returns a mask of where v > m or v is NaN.
func (g *isa) greater(v, m vec) Op {
	if g.wide {
		a, b := K(), K()
		VCMPPS(U8(gt), m, v, a)
		VCMPPS(U8(unord), v, v, b)
		KORW(a, b, a)
		return a
	}
	a, b := YMM(), YMM()
	VCMPPS(U8(gt), m, v, a)
	VCMPPS(U8(unord), v, v, b)
	VORPS(a, b, a)
	return a
}

// pick returns yes where mask is set, else no.
func (g *isa) pick(mask Op, yes, no vec) vec {
	r := g.reg()
	if g.wide {
		VBLENDMPS(yes, no, mask, r)
	} else {
		VBLENDVPS(mask, yes, no, r)
	}
	return r
}

// split loads two vectors of a row of the image, even and odd columns apart. That leaves
// pairs of windows out of order; what unshuffle returns puts them right.
func (g *isa) split(m Mem, t0, t1 *tail) (even, odd vec) {
	a, b := g.loadPart(m, t0), g.loadPart(m.Offset(4*g.lanes), t1)
	even, odd = g.reg(), g.reg()
	VSHUFPS(U8(0x88), b, a, even)
	VSHUFPS(U8(0xdd), b, a, odd)
	return even, odd
}

func (g *isa) unshuffle() func(x vec) vec {
	return g.pairs("unshuffle", [8]uint32{0, 2, 4, 6, 1, 3, 5, 7})
}

// join stores two vectors of a row of the image from its even and odd columns, whose
// pairs must have been through what preunpack returns.
func (g *isa) join(even, odd vec, m Mem, t0, t1 *tail) {
	lo, hi := g.reg(), g.reg()
	VUNPCKLPS(odd, even, lo)
	VUNPCKHPS(odd, even, hi)
	g.storePart(lo, m, t0)
	g.storePart(hi, m.Offset(4*g.lanes), t1)
}

func (g *isa) preunpack() func(x vec) vec {
	return g.pairs("preunpack", [8]uint32{0, 4, 1, 5, 2, 6, 3, 7})
}

func maxPool2(g *isa) {
	TEXT("maxPool2"+g.suffix, NOSPLIT, "func(y, x *float32, argmax *int32, w, outH, outW int)")
	Doc("maxPool2"+g.suffix+" takes the greatest element of each 2×2 window of one image plane of w columns, and its",
		"index unless argmax is nil.")
	h := newHalving(g, "x", "y")
	natural := g.unshuffle()
	h.each(func(m0, m1 Mem, first vec, t0, t1, t *tail) {
		top, second := g.split(m0, t0, t1)
		third, fourth := g.split(m1, t0, t1)
		at := h.offsets[0]
		for i, v := range []vec{second, third, fourth} {
			mask := g.greater(v, top)
			top, at = g.pick(mask, v, top), g.pick(mask, h.offsets[i+1], at)
		}
		g.storePart(natural(top), Mem{Base: h.y}, t)
		skip := label("skip")
		TESTQ(h.argmax, h.argmax)
		JE(LabelRef(skip))
		g.storePart(g.op3(VPADDD, first, natural(at)), Mem{Base: h.argmax}, t)
		Label(skip)
	})
	VZEROUPPER()
	RET()
}

func maxPool2Grad(g *isa) {
	TEXT("maxPool2Grad"+g.suffix, NOSPLIT, "func(dx, dy *float32, argmax *int32, w, outH, outW int)")
	Doc("maxPool2Grad"+g.suffix+" writes to each 2×2 window of one image plane of w columns dy at argmax, and 0",
		"elsewhere.")
	h := newHalving(g, "dx", "dy")
	spread := g.preunpack()
	h.each(func(m0, m1 Mem, first vec, t0, t1, t *tail) {
		dy := spread(g.loadPart(Mem{Base: h.y}, t))
		at := spread(g.op3(VPSUBD, g.loadPart(Mem{Base: h.argmax}, t), first))
		for i, m := range []Mem{m0, m1} {
			even, odd := g.where(at, h.offsets[2*i], dy), g.where(at, h.offsets[2*i+1], dy)
			g.join(even, odd, m, t0, t1)
		}
	})
	VZEROUPPER()
	RET()
}

// where returns x where the integers a and b are equal, else 0.
func (g *isa) where(a, b, x vec) vec {
	r := g.reg()
	if g.wide {
		k := K()
		VPCMPEQD(b, a, k)
		VMOVUPS_Z(x, k, r)
		return r
	}
	VPCMPEQD(b, a, r)
	return g.and(r, x)
}

func avgPool2(g *isa) {
	TEXT("avgPool2"+g.suffix, NOSPLIT, "func(y, x *float32, argmax *int32, w, outH, outW int)")
	Doc("avgPool2" + g.suffix + " takes the mean of each 2×2 window of one image plane of w columns; argmax is nil.")
	h := newHalving(g, "x", "y")
	natural, quarter := g.unshuffle(), g.c(0.25)
	h.each(func(m0, m1 Mem, _ vec, t0, t1, t *tail) {
		a, b := g.split(m0, t0, t1)
		c, d := g.split(m1, t0, t1)
		sum := g.add(g.add(g.add(a, b), c), d)
		g.storePart(g.mul(natural(sum), quarter), Mem{Base: h.y}, t)
	})
	VZEROUPPER()
	RET()
}

func avgPool2Grad(g *isa) {
	TEXT("avgPool2Grad"+g.suffix, NOSPLIT, "func(dx, dy *float32, argmax *int32, w, outH, outW int)")
	Doc("avgPool2Grad" + g.suffix + " writes dy/4 to each 2×2 window of one image plane of w columns; argmax is nil.")
	h := newHalving(g, "dx", "dy")
	spread, quarter := g.preunpack(), g.c(0.25)
	h.each(func(m0, m1 Mem, _ vec, t0, t1, t *tail) {
		share := g.mul(spread(g.loadPart(Mem{Base: h.y}, t)), quarter)
		g.join(share, share, m0, t0, t1)
		g.join(share, share, m1, t0, t1)
	})
	VZEROUPPER()
	RET()
}
