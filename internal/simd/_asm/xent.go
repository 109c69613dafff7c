package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func xentKernels() {
	for _, g := range isas() {
		expRows(g, "expRows", "top = max x, dst = exp(x − top) and sum = Σ dst", false)
		expRows(g.again(), "softRows", "top = max x, sum = Σ exp(x − top) and dst = factor·exp(x − top)/sum", true)
	}
}

// expRows adds up a row's sum in two float64 accumulators.
func expRows(g *isa, name, what string, scaled bool) {
	signature := "func(dst, top []float32, sum []float64, x []float32, rows, cols int)"
	if scaled {
		signature = "func(dst, top []float32, sum []float64, factor, x []float32, rows, cols int)"
	}
	TEXT(name+g.suffix, NOSPLIT, signature)
	Doc(name+g.suffix+" computes by rows", what+".")
	l := g.newRowLoop()
	dst, x := l.pointers()
	var factor Register
	if scaled {
		factor = Load(Param("factor").Base(), GP64())
	}
	top, sum := Load(Param("top").Base(), GP64()), Load(Param("sum").Base(), GP64())
	minusInf := g.cr(math.Inf(-1))
	low, one := g.cr(-104), g.c(1)
	parts, pow2 := g.expParts(), g.pow2()
	acc := [2]vec{g.reg(), g.reg()}
	none := g.zero()
	l.each(func() {
		peak := l.top(x, minusInf)
		VMOVSS(g.low(peak), Mem{Base: top})
		ADDQ(Imm(4), top)
		VMOVAPS(none, acc[0])
		VMOVAPS(none, acc[1])
		l.along(func(i Register, t *tail) {
			p, n := parts(g.max(low, g.sub(l.load(x, i, t, minusInf), peak)), nil)
			e := pow2(g.add(p, one), n)
			g.storePart(e, at(dst, i), t)
			if t != nil {
				e = t.only(e)
			}
			for h, half := range g.halves(e) {
				VADDPD(half, acc[h], acc[h])
			}
		})
		total := g.across(func(a, b vec) vec { return g.op3(VADDPD, a, b) }, g.op3(VADDPD, acc[0], acc[1]), true)
		VMOVSD(g.low(total), Mem{Base: sum})
		ADDQ(Imm(8), sum)
		if scaled {
			f, share := XMM(), g.reg()
			VCVTSD2SS(g.low(total), g.low(total), f)
			ratio := XMM()
			VMOVSS(Mem{Base: factor}, ratio)
			ADDQ(Imm(4), factor)
			VDIVSS(f, ratio, ratio)
			VBROADCASTSS(ratio, share)
			l.along(func(i Register, t *tail) {
				g.storePart(g.mul(g.loadPart(at(dst, i), t), share), at(dst, i), t)
			})
		}
		l.next(dst)
		l.next(x)
	})
	VZEROUPPER()
	RET()
}
