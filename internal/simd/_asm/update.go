package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func updates() {
	for _, g := range isas() {
		sgd(g, "sgdPlain", false, false, "w −= k.step·d, d = grad + k.decay·w")
	}
	for _, g := range isas() {
		sgd(g, "sgdMomentum", true, false, "m = k.momentum·m + k.fresh·d, w −= k.step·m, d = grad + k.decay·w")
	}
	for _, g := range isas() {
		sgd(g, "sgdNesterov", true, true, "m = k.momentum·m + k.fresh·d, w −= k.step(d + k.ahead·m), d = grad + k.decay·w")
	}
	for _, g := range isas() {
		adam(g)
	}
}

// factor returns a broadcast of field i of the factors that k points to. It is loaded
// at each use: that is a cheap load, and AVX2 has too few registers to keep nine.
func (g *isa) factor(k Register, i int) vec {
	r := g.reg()
	VBROADCASTSS(Mem{Base: k, Disp: 4 * i}, r)
	return r
}

func sgd(g *isa, name string, momentum, nesterov bool, doc string) {
	TEXT(name+g.suffix, NOSPLIT, "func(w, grad, m []float32, k *float32)")
	Pragma("noescape")
	Doc(name + g.suffix + " computes " + doc + ".")
	w, grad := Load(Param("w").Base(), GP64()), Load(Param("grad").Base(), GP64())
	var m Register
	if momentum {
		m = Load(Param("m").Base(), GP64())
	}
	n, k := Load(Param("w").Len(), GP64()), Load(Param("k"), GP64())
	g.loop(n, 1, func(i Register, _ int, t *tail) {
		at := func(p Register) Mem { return Mem{Base: p, Index: i, Scale: 4} }
		old := g.loadPart(at(w), t)
		d := g.fma(old, g.factor(k, 0), g.loadPart(at(grad), t))
		if momentum {
			v := g.mul(g.loadPart(at(m), t), g.factor(k, 1))
			v = g.fma(d, g.factor(k, 2), v)
			g.storePart(v, at(m), t)
			if nesterov {
				d = g.fma(v, g.factor(k, 4), d)
			} else {
				d = v
			}
		}
		g.storePart(g.fnma(d, g.factor(k, 3), old), at(w), t)
	})
	VZEROUPPER()
	RET()
}

// greatestRoot is the greatest number whose square is finite.
const greatestRoot = 0x1.fffffep63

func adam(g *isa) {
	TEXT("adam"+g.suffix, NOSPLIT, "func(w, grad, m, v []float32, k *float32)")
	Pragma("noescape")
	Doc("adam"+g.suffix+" computes m = k.beta1·m + k.fresh1·d, v = k.beta2·v + k.fresh2·d²,",
		"w = k.keep·w − k.step·m/(k.root·√v + k.eps), d = grad + k.decay·w, held so that d² is finite.")
	var ptr [4]Register
	for i, name := range []string{"w", "grad", "m", "v"} {
		ptr[i] = Load(Param(name).Base(), GP64())
	}
	n, k := Load(Param("w").Len(), GP64()), Load(Param("k"), GP64())
	low, high := g.cr(-greatestRoot), g.cr(greatestRoot)
	g.loop(n, 1, func(i Register, _ int, t *tail) {
		at := func(p Register) Mem { return Mem{Base: p, Index: i, Scale: 4} }
		w := g.loadPart(at(ptr[0]), t)
		d := g.fma(w, g.factor(k, 0), g.loadPart(at(ptr[1]), t))
		d = g.add(g.min(high, g.max(low, d)), g.sub(d, d)) // NaN where d is not finite
		m := g.fma(d, g.factor(k, 3), g.mul(g.loadPart(at(ptr[2]), t), g.factor(k, 2)))
		v := g.fma(g.mul(d, d), g.factor(k, 5), g.mul(g.loadPart(at(ptr[3]), t), g.factor(k, 4)))
		g.storePart(m, at(ptr[2]), t)
		g.storePart(v, at(ptr[3]), t)
		den := g.fma(g.sqrt(v), g.factor(k, 6), g.factor(k, 7))
		w = g.fnma(g.div(m, den), g.factor(k, 8), g.mul(w, g.factor(k, 1)))
		g.storePart(w, at(ptr[0]), t)
	})
	VZEROUPPER()
	RET()
}
