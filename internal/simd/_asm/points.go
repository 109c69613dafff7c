package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A pointLoss is a pointwise loss. It becomes two kernels: one that sums the loss and
// scales the derivatives, and one that writes every loss and its derivatives.
type pointLoss struct {
	name, doc string
	args      int    // 2 or 3
	outs      string // of "abc": the derivatives that the summing kernel writes
	all       string // … and those that the other one writes
	unroll    int
	// body is called before the loop, to set up constants, and returns what emits one vector's code.
	body func(f *pointFrame) func(a, b, c vec) pointTerms
}

// pointTerms are the loss and those derivatives that are asked for.
type pointTerms struct{ l, da, db, dc vec }

// A pointFrame is what a body may use besides its isa.
type pointFrame struct {
	*isa
	k     Register
	want  string // the derivatives to compute; others may be nil
	alarm vec    // lanes that were outside the domain; nil until the first use
	tail  *tail  // of the vector being emitted
	// again loads argument 0, 1 or 2 once more, so that it need not be kept in a register
	// in between.
	again func(arg int) vec
}

// wants reports whether the derivative by argument a, b or c is asked for.
func (f *pointFrame) wants(arg byte) bool {
	for i := range f.want {
		if f.want[i] == arg {
			return true
		}
	}
	return false
}

// factor returns the loss's own factor i in every lane. It emits a load: call it before
// the loop to keep the factor in a register, or in the loop where registers are short.
func (f *pointFrame) factor(i int) vec { return f.broadcast(i + 1) }

func (f *pointFrame) broadcast(i int) vec {
	r := f.reg()
	VBROADCASTSS(Mem{Base: f.k, Disp: 4 * i}, r)
	return r
}

// domain must be called before the loop by a body that calls refuse.
func (f *pointFrame) domain() {
	if f.wide {
		k := K()
		KXORW(k, k, k)
		f.alarm = k
		return
	}
	f.alarm = f.zero()
}

// refuse marks the lanes where a cmp b as outside the domain, or as beyond what the kernel
// can do: the caller has the formula look at them.
func (f *pointFrame) refuse(a vec, cmp uint8, b vec) {
	if f.wide {
		k := K()
		VCMPPS(U8(cmp), b, a, k)
		if f.tail != nil {
			KANDW(f.tail.mask, k, k)
		}
		KORW(k, f.alarm, f.alarm)
		return
	}
	m := f.reg()
	VCMPPS(U8(cmp), b, a, m)
	if f.tail != nil {
		VANDPS(f.tail.mask, m, m)
	}
	VORPS(m, f.alarm, f.alarm)
}

// raised stores whether a lane was refused.
func (f *pointFrame) raised(result int) {
	r := GP32()
	switch {
	case f.alarm == nil:
		XORL(r, r)
	case f.wide:
		KMOVW(f.alarm, r)
	default:
		VMOVMSKPS(f.alarm, r)
	}
	Store(r, ReturnIndex(result))
}

// only returns x with the lanes beyond the tail set to 0.
func (t *tail) only(x vec) vec {
	r := t.g.reg()
	if t.g.wide {
		VMOVAPS_Z(x, t.mask, r)
	} else {
		VANDPS(t.mask, x, r)
	}
	return r
}

func points(losses []pointLoss) {
	for _, p := range losses {
		for _, g := range isas() {
			p.emitSum(g)
		}
		for _, g := range isas() {
			p.emitEach(g)
		}
	}
}

// operands loads the pointers that are used.
func (p pointLoss) operands(g *isa, want string) (f *pointFrame, in, out [3]Register, n Register) {
	f = &pointFrame{isa: g, want: want}
	for i, name := range []string{"a", "b", "c"}[:p.args] {
		in[i] = Load(Param(name).Base(), GP64())
	}
	for i, name := range []string{"a", "b", "c"} {
		if f.wants(name[0]) {
			out[i] = Load(Param("d"+name).Base(), GP64())
		}
	}
	n = Load(Param("a").Len(), GP64())
	f.k = Load(Param("k"), GP64())
	return f, in, out, n
}

// step emits one vector: its loads, the body, and the stores of the derivatives.
func (f *pointFrame) step(body func(a, b, c vec) pointTerms, in, out [3]Register, i Register, disp int, t *tail, scale func() vec) vec {
	f.tail = t
	at := func(p Register) Mem { return Mem{Base: p, Index: i, Scale: 4, Disp: disp} }
	f.again = func(arg int) vec { return f.loadPart(at(in[arg]), t) }
	var x [3]vec
	for j, p := range in {
		if p != nil {
			x[j] = f.again(j)
		}
	}
	terms := body(x[0], x[1], x[2])
	for j, d := range []vec{terms.da, terms.db, terms.dc} {
		if out[j] == nil {
			continue
		}
		if scale != nil {
			d = f.mul(d, scale())
		}
		f.storePart(d, at(out[j]), t)
	}
	return terms.l
}

func (p pointLoss) emitSum(g *isa) {
	TEXT(p.name+"Sum"+g.suffix, NOSPLIT, "func(da, db, dc, a, b, c []float32, k *float32) (sum float64, bad uint32)")
	Doc(p.name + "Sum" + g.suffix + " returns Σ " + p.doc + " and writes its derivatives times k[0].")
	f, in, out, n := p.operands(g, p.outs)
	scale := func() vec { return f.broadcast(0) }
	if g.wide { // registers enough to keep it
		kept := f.broadcast(0)
		scale = func() vec { return kept }
	}
	body := p.body(f)
	acc := make([]vec, 2*min(p.unroll, 2))
	for i := range acc {
		acc[i] = g.zero()
	}
	turn := 0
	g.loop(n, p.unroll, func(i Register, disp int, t *tail) {
		l := f.step(body, in, out, i, disp, t, scale)
		if t != nil {
			l = t.only(l)
		}
		for _, half := range g.halves(l) {
			VADDPD(half, acc[turn%len(acc)], acc[turn%len(acc)])
			turn++
		}
	})
	for len(acc) > 1 {
		last := len(acc) - 1
		VADDPD(acc[last], acc[last-1], acc[last-1])
		acc = acc[:last]
	}
	total := g.across(func(a, b vec) vec { return g.op3(VADDPD, a, b) }, acc[0], true)
	Store(g.low(total).(Register), ReturnIndex(0))
	f.raised(1)
	VZEROUPPER()
	RET()
}

func (p pointLoss) emitEach(g *isa) {
	TEXT(p.name+"Each"+g.suffix, NOSPLIT, "func(l, da, db, dc, a, b, c []float32, k *float32) (bad uint32)")
	Doc(p.name + "Each" + g.suffix + " computes l = " + p.doc + " and its derivatives.")
	f, in, out, n := p.operands(g, p.all)
	loss := Load(Param("l").Base(), GP64())
	body := p.body(f)
	g.loop(n, 1, func(i Register, disp int, t *tail) {
		l := f.step(body, in, out, i, disp, t, nil)
		g.storePart(l, Mem{Base: loss, Index: i, Scale: 4, Disp: disp}, t)
	})
	f.raised(0)
	VZEROUPPER()
	RET()
}

// halves returns the float32 of x as two vectors of float64.
func (g *isa) halves(x vec) []vec {
	lo, hi := g.doubles(x)
	return []vec{lo, hi}
}
