package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

type vecRegister interface {
	AsX() Register
	AsY() Register
}

// A sumKernel adds up a function of a and b in float64.
type sumKernel struct {
	name, doc string
	two       bool // reads b
	// accumulate adds to acc the terms of a and b, already in float64.
	accumulate func(g *isa, acc, a, b vec)
}

var sums = []sumKernel{
	{"sum", "Σ a", false, func(_ *isa, acc, a, _ vec) { VADDPD(a, acc, acc) }},
	{"dot", "Σ a·b", true, func(_ *isa, acc, a, b vec) { VFMADD231PD(b, a, acc) }},
	{"sumSquares", "Σ a²", false, func(_ *isa, acc, a, _ vec) { VFMADD231PD(a, a, acc) }},
	{"sumAbs", "Σ |a|", false, func(g *isa, acc, a, _ vec) {
		minus := g.zero()
		VSUBPD(a, minus, minus)
		VMAXPD(a, minus, minus)
		VADDPD(minus, acc, acc)
	}},
}

func reductions() {
	for _, k := range sums {
		for _, g := range isas() {
			k.emit(g)
		}
	}
	for _, k := range extremes {
		for _, g := range isas() {
			k.emit(g)
		}
	}
	for _, g := range isas() {
		nonFinite(g)
	}
	for _, g := range isas() {
		index(g)
	}
}

func (k sumKernel) emit(g *isa) {
	TEXT(k.name+g.suffix, NOSPLIT, "func(a, b []float32) float64")
	Doc(k.name + g.suffix + " returns " + k.doc + ".")
	a, n := Load(Param("a").Base(), GP64()), Load(Param("a").Len(), GP64())
	var b Register
	if k.two {
		b = Load(Param("b").Base(), GP64())
	}
	acc := [4]vec{g.zero(), g.zero(), g.zero(), g.zero()}
	turn := 0
	g.loop(n, 2, func(i Register, disp int, t *tail) {
		at := func(p Register, half int) Mem {
			return Mem{Base: p, Index: i, Scale: 4, Disp: disp + half*2*g.lanes}
		}
		var x, y [2]vec
		if t != nil {
			x[0], x[1] = g.doubles(t.load(at(a, 0)))
			if k.two {
				y[0], y[1] = g.doubles(t.load(at(b, 0)))
			}
		}
		for half := range 2 {
			if t == nil {
				x[half] = g.widen(at(a, half))
				if k.two {
					y[half] = g.widen(at(b, half))
				}
			}
			k.accumulate(g, acc[turn%4], x[half], y[half])
			turn++
		}
	})
	for i := range 2 {
		VADDPD(acc[i+2], acc[i], acc[i])
	}
	VADDPD(acc[1], acc[0], acc[0])
	total := g.across(func(a, b vec) vec { return g.op3(VADDPD, a, b) }, acc[0], true)
	Store(g.low(total).(Register), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// widen loads half a vector of float32 as a vector of float64.
func (g *isa) widen(m Mem) vec {
	r := g.reg()
	VCVTPS2PD(m, r)
	return r
}

// An extremeKernel folds by max or min; a NaN, once met, stays.
type extremeKernel struct {
	name, doc string
	start     float64
	fold      func(g *isa, a, b vec) vec
}

var extremes = []extremeKernel{
	{"max", "the greatest element", math.Inf(-1), (*isa).max},
	{"min", "the least element", math.Inf(1), (*isa).min},
}

func (k extremeKernel) emit(g *isa) {
	TEXT(k.name+g.suffix, NOSPLIT, "func(a, b []float32) float64")
	Doc(k.name + g.suffix + " returns " + k.doc + " of a, NaN if there is one.")
	a, n := Load(Param("a").Base(), GP64()), Load(Param("a").Len(), GP64())
	start := g.cr(k.start)
	fold := func(acc, x vec) vec { return g.choose(x, unord, x, x, k.fold(g, x, acc)) }
	acc := [4]vec{g.mov(start), g.mov(start), g.mov(start), g.mov(start)}
	turn := 0
	g.loop(n, 4, func(i Register, disp int, t *tail) {
		m := Mem{Base: a, Index: i, Scale: 4, Disp: disp}
		var x vec
		if t != nil {
			x = t.loadOr(m, start)
		} else {
			x = g.load(m)
		}
		VMOVAPS(fold(acc[turn%4], x), acc[turn%4])
		turn++
	})
	all := fold(fold(acc[0], acc[1]), fold(acc[2], acc[3]))
	all = g.across(fold, all, false)
	r := XMM()
	VCVTSS2SD(g.low(all), g.low(all), r)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// nonFinite finds the greatest exponent field: it is all ones only for ±Inf and NaN.
func nonFinite(g *isa) {
	TEXT("nonFinite"+g.suffix, NOSPLIT, "func(a, b []float32) float64")
	Doc("nonFinite" + g.suffix + " returns 1 if an element of a is ±Inf or NaN, else 0.")
	a, n := Load(Param("a").Base(), GP64()), Load(Param("a").Len(), GP64())
	field := g.bits(0x7f800000)
	acc := [2]vec{g.zero(), g.zero()}
	turn := 0
	g.loop(n, 4, func(i Register, disp int, t *tail) {
		x := g.and(g.loadPart(Mem{Base: a, Index: i, Scale: 4, Disp: disp}, t), field)
		VPMAXUD(x, acc[turn%2], acc[turn%2])
		turn++
	})
	all := g.across(func(a, b vec) vec { return g.op3(VPMAXUD, a, b) }, g.op3(VPMAXUD, acc[0], acc[1]), false)
	top, one := GP32(), GP32()
	VMOVD(g.low(all), top)
	XORL(one, one)
	CMPL(top, U32(0x7f800000))
	SETEQ(one.As8())
	r := XMM()
	VXORPS(r, r, r)
	VCVTSI2SDL(one, r, r)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func index(g *isa) {
	TEXT("index"+g.suffix, NOSPLIT, "func(x []float32, v float32) int")
	Doc("index" + g.suffix + " returns the first i with x[i] = v, or −1.")
	x, n := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	s, v := Load(Param("v"), XMM()), g.reg()
	VBROADCASTSS(s, v)
	at := GP64()
	MOVQ(U64(math.MaxUint64), at)
	hit, out := label("found"), label("out")
	where, bits := GP64(), GP32()
	g.loop(n, 1, func(i Register, disp int, t *tail) {
		u := g.loadPart(Mem{Base: x, Index: i, Scale: 4, Disp: disp}, t)
		MOVQ(i, where)
		if g.wide {
			k := K()
			VCMPPS(U8(eq), v, u, k)
			KMOVW(k, bits)
		} else {
			m := YMM()
			VCMPPS(U8(eq), v, u, m)
			VMOVMSKPS(m, bits)
		}
		TESTL(bits, bits)
		JNE(LabelRef(hit))
	})
	JMP(LabelRef(out))
	Label(hit)
	TZCNTL(bits, bits)
	ADDQ(bits.As64(), where)
	CMPQ(where, n) // a zero beyond the end may equal v
	CMOVQLT(where, at)
	Label(out)
	Store(at, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
