package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A mapKernel is one elementwise kernel; reads names the operands that it loads.
type mapKernel struct {
	name   string
	doc    string
	reads  string // of "dabs": old dst, a, b, the scalar s
	unroll int
	body   func(g *isa) body
}

var heavy = []mapKernel{
	{"exp", "dst = eᵃ", "a", 1, expBody},
	{"log", "dst = ln a", "a", 1, logBody},
	{"tanh", "dst = tanh a", "a", 1, tanhBody},
	{"sigmoid", "dst = 1/(1 + e⁻ᵃ)", "a", 1, sigmoidBody},
	{"softplus", "dst = ln(1 + eᵃ)", "a", 1, softplusBody},
	{"silu", "dst = a/(1 + e⁻ᵃ)", "a", 1, siluBody},
	{"gelu", "dst = a·Φ(a)", "a", 1, geluBody},
	{"geluTanh", "dst = a·(1 + tanh(√(2/π)·(a + 0.044715·a³)))/2", "a", 1, geluTanhBody},
	{"erf", "dst = erf a", "a", 1, erfBody},
	{"elu", "dst = a where a > 0, else s(eᵃ − 1)", "as", 1, eluBody},
	{"softplusGrad", "dst = a·σ(b)", "ab", 1, softplusGradBody},
	{"siluGrad", "dst = a·σ(b)(1 + b(1 − σ(b)))", "ab", 1, siluGradBody},
	{"geluGrad", "dst = a·(Φ(b) + b·φ(b))", "ab", 1, geluGradBody},
}

var light = []mapKernel{
	{"relu", "dst = max(a, 0)", "a", 4, func(g *isa) body {
		zero := g.cr(0)
		return func(_, a, _, _ vec) vec { return g.max(zero, a) }
	}},
	{"leakyReLU", "dst = a where a > 0, else s·a", "as", 4, func(g *isa) body {
		zero := g.c(0)
		return func(_, a, _, s vec) vec { return g.choose(a, gt, zero, a, g.mul(a, s)) }
	}},
	{"hardSwish", "dst = a·max(0, min(1, a/6 + ½))", "a", 4, func(g *isa) body {
		zero, one, half, sixth := g.cr(0), g.cr(1), g.cr(0.5), g.c(1.0/6)
		return func(_, a, _, _ vec) vec { return g.mul(a, g.max(zero, g.min(one, g.fma(a, sixth, half)))) }
	}},
	{"tanhGrad", "dst = a(1 − b²)", "ab", 4, func(g *isa) body {
		one := g.c(1)
		return func(_, a, b, _ vec) vec { return g.mul(a, g.fnma(b, b, one)) }
	}},
	{"sigmoidGrad", "dst = a·b(1 − b)", "ab", 4, func(g *isa) body {
		one := g.cr(1)
		return func(_, a, b, _ vec) vec { return g.mul(a, g.mul(b, g.sub(one, b))) }
	}},
	{"reluGrad", "dst = 0 where b ≤ 0, else a", "ab", 4, func(g *isa) body {
		zero := g.c(0)
		return func(_, a, b, _ vec) vec { return g.choose(b, notLE, zero, a, g.zero()) }
	}},
	{"leakyReLUGrad", "dst = a where b > 0, else s·a", "abs", 4, func(g *isa) body {
		zero := g.c(0)
		return func(_, a, b, s vec) vec { return g.choose(b, gt, zero, a, g.mul(a, s)) }
	}},
	{"sqrt", "dst = √a", "a", 2, func(g *isa) body {
		return func(_, a, _, _ vec) vec { return g.sqrt(a) }
	}},
	{"abs", "dst = |a|", "a", 4, func(g *isa) body {
		mask := g.bits(signBit - 1)
		return func(_, a, _, _ vec) vec { return g.and(a, mask) }
	}},
	{"square", "dst = a²", "a", 4, func(g *isa) body {
		return func(_, a, _, _ vec) vec { return g.mul(a, a) }
	}},
	{"neg", "dst = −a", "a", 4, func(g *isa) body {
		sign := g.bits(signBit)
		return func(_, a, _, _ vec) vec { return g.xor(a, sign) }
	}},
	{"floor", "dst = ⌊a⌋", "a", 4, func(g *isa) body {
		return func(_, a, _, _ vec) vec { return g.roundBy(9, a) }
	}},
	{"ceil", "dst = ⌈a⌉", "a", 4, func(g *isa) body {
		return func(_, a, _, _ vec) vec { return g.roundBy(10, a) }
	}},
	{"round", "dst = a to the nearest whole number, of two the even one", "a", 4, func(g *isa) body {
		return func(_, a, _, _ vec) vec { return g.round(a) }
	}},
	{"add", "dst = a + b", "ab", 4, two((*isa).add)},
	{"sub", "dst = a − b", "ab", 4, two((*isa).sub)},
	{"mul", "dst = a·b", "ab", 4, two((*isa).mul)},
	{"div", "dst = a/b", "ab", 2, two((*isa).div)},
	{"greater", "dst = max(a, b), NaN where one is", "ab", 4, func(g *isa) body {
		return func(_, a, b, _ vec) vec { return g.choose(a, unord, a, a, g.max(a, b)) }
	}},
	{"lesser", "dst = min(a, b), NaN where one is", "ab", 4, func(g *isa) body {
		return func(_, a, b, _ vec) vec { return g.choose(a, unord, a, a, g.min(a, b)) }
	}},
	{"atLeast", "dst = max(a, s); NaN stays NaN", "as", 4, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.max(s, a) }
	}},
	{"atMost", "dst = min(a, s); NaN stays NaN", "as", 4, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.min(s, a) }
	}},
	{"subFrom", "dst = s − a", "as", 4, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.sub(s, a) }
	}},
	{"divScalar", "dst = a/s", "as", 2, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.div(a, s) }
	}},
	{"divInto", "dst = s/a", "as", 2, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.div(s, a) }
	}},
	{"scale", "dst = s·a", "as", 4, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.mul(a, s) }
	}},
	{"addScalar", "dst = a + s", "as", 4, func(g *isa) body {
		return func(_, a, _, s vec) vec { return g.add(a, s) }
	}},
	{"axpy", "dst += s·a", "das", 4, func(g *isa) body {
		return func(d, a, _, s vec) vec { return g.fma(a, s, d) }
	}},
	{"mulAdd", "dst += a·b", "dab", 4, func(g *isa) body {
		return func(d, a, b, _ vec) vec { return g.fma(a, b, d) }
	}},
	{"fill", "dst = s", "s", 4, func(*isa) body {
		return func(_, _, _, s vec) vec { return s }
	}},
	{"weigh", "dst = a·b, where b = 0 and a is infinite: 0", "ab", 4, func(g *isa) body {
		zero, inf, abs := g.cr(0), g.cr(math.Inf(1)), g.bits(signBit-1)
		return func(_, a, b, _ vec) vec {
			finite := g.choose(g.and(a, abs), eq, inf, g.zero(), a)
			return g.mul(g.choose(b, eq, zero, finite, a), b)
		}
	}},
	{"ema", "dst += s(a − dst)", "das", 4, func(g *isa) body {
		return func(d, a, _, s vec) vec { return g.fma(g.sub(a, d), s, d) }
	}},
}

func two(f func(g *isa, a, b vec) vec) func(g *isa) body {
	return func(g *isa) body {
		return func(_, a, b, _ vec) vec { return f(g, a, b) }
	}
}

func maps(kernels []mapKernel) {
	for _, k := range kernels {
		for _, g := range isas() {
			k.emit(g)
		}
	}
}

func (k mapKernel) emit(g *isa) {
	TEXT(k.name+g.suffix, NOSPLIT, "func(dst, a, b []float32, s float32)")
	Doc(k.name + g.suffix + " computes " + k.doc + ".")
	var ptr [3]Register
	for i, name := range []string{"dst", "a", "b"} {
		if i == 0 || k.has(name[0]) {
			ptr[i] = Load(Param(name).Base(), GP64())
		}
	}
	n := Load(Param("dst").Len(), GP64())
	var s vec
	if k.has('s') {
		x, r := Load(Param("s"), XMM()), g.reg()
		VBROADCASTSS(x, r)
		s = r
	}
	body := k.body(g)
	g.loop(n, k.unroll, func(i Register, disp int, t *tail) {
		at := func(p Register) Mem { return Mem{Base: p, Index: i, Scale: 4, Disp: disp} }
		var in [3]vec
		for j, name := range []byte("dab") {
			if k.has(name) {
				in[j] = g.loadPart(at(ptr[j]), t)
			}
		}
		g.storePart(body(in[0], in[1], in[2], s), at(ptr[0]), t)
	})
	VZEROUPPER()
	RET()
}

func (k mapKernel) has(operand byte) bool {
	for i := range k.reads {
		if k.reads[i] == operand {
			return true
		}
	}
	return false
}

// loadPart loads a whole vector, or a tail's part if t is not nil; storePart stores so.
func (g *isa) loadPart(m Mem, t *tail) vec {
	if t != nil {
		return t.load(m)
	}
	return g.load(m)
}

func (g *isa) storePart(x vec, m Mem, t *tail) {
	if t != nil {
		t.store(x, m)
	} else {
		VMOVUPS(x, m)
	}
}
